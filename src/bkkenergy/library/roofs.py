"""Rooftop PV: the energy of a roof, a design with load, bill and money, and many roofs ranked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import ValidationError

from bkkenergy.calendar import BANGKOK
from bkkenergy.carbon import factor_on
from bkkenergy.errors import InputError
from bkkenergy.library.arguments import checked, day_named, refused
from bkkenergy.library.calendars import government, named
from bkkenergy.library.charts import Picture, bars, lines
from bkkenergy.library.errors import unknown_name
from bkkenergy.library.indices import portfolio_of
from bkkenergy.library.loads import year_load_of
from bkkenergy.library.packaged import figures, schedule_named
from bkkenergy.library.skies import Sky, checked_weather, solar_config, warn_of_weather, weather_of
from bkkenergy.portfolio import Building, BuildingType, OpeningCalendar, Portfolio
from bkkenergy.portfolio import Roof as PortfolioRoof
from bkkenergy.solar.cleaning import cleaning_table
from bkkenergy.solar.design import DesignInputs, DesignRequest, SolarDesign
from bkkenergy.solar.design import design as design_of
from bkkenergy.solar.irradiance import sky_of
from bkkenergy.solar.layout import Layout
from bkkenergy.solar.load import YearLoad
from bkkenergy.solar.outcome import LossLine, loss_lines
from bkkenergy.solar.production import Models, Mounting, Production
from bkkenergy.solar.production import simulate as produce
from bkkenergy.solar.roofs import KW_PER_KWP, as_plane, laid
from bkkenergy.solar.screening import screen as screening_of
from bkkenergy.solar.tender import string_rows, tender_of
from bkkenergy.solar.terms import NUMBERS

__all__ = ["Design", "Roof", "Yield", "design", "screen", "simulate"]

BANGKOK_DEG = (13.7563, 100.5018)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Roof(PortfolioRoof):
    """A plane of a roof that could carry modules.

    Attributes
    ----------
    area_m2 : float
        Its area [m2], of which `usable_ratio` can be covered; or give `outline_m`.
    outline_m : tuple of (east, north)
        Corners [m], from any point of the building.
    tilt_deg, azimuth_deg : float
        Tilt from horizontal, and azimuth clockwise from north [degrees]; 180 faces south.
    usable_ratio : float
        Share of the area that can be covered, 0.7 by default.
    obstacles, horizon
        What throws shade: upright boxes in the outline's metres, and (azimuth, elevation) of what stands far off.
    support : {"roof", "canopy", "floating"}
        What carries the modules: the roof, a canopy over a car park, or floats on a pond.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=180).area_m2
    500.0
    """

    id: str = "roof"

    def __init__(self, **fields: Any) -> None:
        """Make a roof. Raises InputError for a field that is not known, or that no roof has."""
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise refused(error) from None


@dataclass(frozen=True, repr=False)
class Yield:
    """What modules on a roof would make in a year.

    Attributes
    ----------
    hourly_kw : Series
        Mean AC power of each hour [kW].
    capacity_kwp : float
        Module power at standard test conditions [kWp].
    losses : DataFrame
        Energy left after each step [kWh], and its change as a share.
    source : str
        Where the weather comes from.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> bk.simulate(bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=180))
    Yield(66.5 kWp: 92,496 kWh a year, 1,390 kWh/kWp; Bangkok typical year)
    """

    hourly_kw: pd.Series
    capacity_kwp: float
    losses: pd.DataFrame
    years: float
    weather: str
    source: str

    @property
    def energy_kwh(self) -> float:
        """Return the AC energy of a year [kWh]."""
        return float(self.losses["energy_kwh"].iloc[-1])

    @property
    def specific_yield_kwh_per_kwp(self) -> float:
        """Return the energy of a year for each kWp [kWh/kWp]."""
        return self.energy_kwh / self.capacity_kwp

    @property
    def performance_ratio(self) -> float:
        """Return the AC energy over what a lossless module would make of the light on the plane."""
        return self.energy_kwh / float(self.losses["energy_kwh"]["plane"])

    @property
    def monthly_kwh(self) -> pd.Series:
        """Return the AC energy of each month, 1 to 12 [kWh]."""
        month = pd.DatetimeIndex(self.hourly_kw.index).month
        return (self.hourly_kw.groupby(month).sum() / self.years).rename("energy_kwh").rename_axis("month")

    def summary(self) -> pd.Series:
        """Return the figures.

        Returns
        -------
        Series
            Capacity [kWp], energy of a year [kWh], specific yield [kWh/kWp], performance ratio, and the weather.

        Examples
        --------
        >>> import bkkenergy as bk
        >>> found = bk.simulate(bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=180)).summary()
        >>> 0.75 < found["performance_ratio"] < 0.85
        True
        """
        return pd.Series(
            {
                "capacity_kwp": self.capacity_kwp,
                "energy_kwh": self.energy_kwh,
                "specific_yield_kwh_per_kwp": self.specific_yield_kwh_per_kwp,
                "performance_ratio": self.performance_ratio,
                "weather": self.weather,
                "source": self.source,
            },
            name="yield",
            dtype=object,
        )

    def plot(self) -> Picture:
        """Draw the energy of each month.

        Returns
        -------
        Picture
            SVG, which a notebook shows; `save` writes it.

        Examples
        --------
        >>> import bkkenergy as bk
        >>> bk.simulate(bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=180)).plot()
        <Picture: PV energy of each month>
        """
        return bars(list(MONTHS), {"energy": self.monthly_kwh.tolist()}, title="PV energy of each month", unit="kWh")

    def __repr__(self) -> str:
        energy = f"{self.energy_kwh:,.0f} kWh a year, {self.specific_yield_kwh_per_kwp:,.0f} kWh/kWp"
        return f"Yield({self.capacity_kwp:,.1f} kWp: {energy}; {self.weather})"


@dataclass(frozen=True, repr=False)
class Design:
    """A system on roofs, with the building's load, its bill, money and carbon.

    Attributes
    ----------
    record : bkkenergy.solar.design.SolarDesign
        Everything that the design says.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> roof = bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=180)
    >>> bk.design(roof, bk.examples.office()["2025"], schedule="mea-3-2-lv")
    Design(mono-550, 66.0 kWp: 91,951 kWh a year, 74 % used; saves 326,347 THB a year, NPV 2,696,291 THB,
    payback 6.2 years; 2 warnings)
    """

    record: SolarDesign

    @property
    def sizes(self) -> pd.DataFrame:
        """Return sizes up to what the roofs carry, by ``capacity_kwp``: energy [kWh], shares, money [THB], payback."""
        rows = []
        for option in self.record.sweep.options:
            row = {name: value for name, value in asdict(option).items() if name != "money"}
            rows.append(row | {"npv_thb": option.money.npv_thb, "payback_years": option.money.payback_years})
        return pd.DataFrame(rows).set_index("capacity_kwp")

    @property
    def losses(self) -> pd.DataFrame:
        """Return the energy left after each step [kWh], and its change as a share."""
        return _loss_table(self.record.losses)

    @property
    def money(self) -> pd.DataFrame:
        """Return own purchase, power purchase and shared savings: NPV [THB], IRR, paybacks, LCOE [THB/kWh]."""
        rows = {way: asdict(result) for way, result in self.record.ways.items()}
        return pd.DataFrame.from_dict(rows, orient="index").drop(columns=["way", "cash_thb", "rates_of_return"])

    @property
    def prices(self) -> pd.DataFrame:
        """Return own purchase at the low, the central and the high of today's prices: cost, NPV [THB], payback."""
        return pd.DataFrame([asdict(case) for case in self.record.prices]).set_index("name")

    @property
    def string_plan(self) -> pd.DataFrame:
        """Return the strings of each inverter and tracker, by roof."""
        rows = [asdict(row) | {"modules": row.module_count} for row in string_rows(self.record)]
        return pd.DataFrame(rows).set_index(["inverter_number", "tracker_number"])

    @property
    def materials(self) -> pd.DataFrame:
        """Return the bill of materials; what rests on assumed lengths is marked."""
        return pd.DataFrame([asdict(line) for line in tender_of(self.record).materials]).set_index("name")

    @property
    def battery(self) -> pd.Series:
        """Return what the battery does in a year [kWh, THB]; empty without one."""
        use = self.record.battery
        return pd.Series({} if use is None else asdict(use), name="battery", dtype=object)

    @property
    def cleaning(self) -> pd.DataFrame:
        """Return what cleanings bring, by ``count_per_year``: days, energy [kWh], gain and cost [THB]."""
        return cleaning_table(self.record.cleaning)

    @property
    def monthly_kwh(self) -> pd.Series:
        """Return the AC energy of each month, 1 to 12 [kWh]."""
        return pd.Series(self.record.month_kwh, range(1, 13), name="energy_kwh").rename_axis("month")

    @property
    def terms(self) -> pd.Series:
        """Return under what surplus is sold, and the carbon factor, on the design's day."""
        solar_design, money = self.record, self.record.config.finance
        return pd.Series(
            {
                "day": solar_design.day,
                "export_scheme": money.export_scheme,
                "export_on_peak_thb_per_kwh": money.export.on_peak_thb_per_kwh,
                "export_off_peak_thb_per_kwh": money.export.off_peak_thb_per_kwh,
                "is_export_netted": money.is_export_netted,
                "export_years": money.export_years,
                "kg_co2e_per_kwh": solar_design.factor.kg_co2e_per_kwh,
                "factor_valid_from": solar_design.factor.valid_from,
            },
            name="terms",
            dtype=object,
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what to know before it is built, by key: ``outline_is_assumed``, ``load_is_typical`` and others."""
        return self.record.warnings

    def summary(self) -> pd.Series:
        """Return the figures.

        Returns
        -------
        Series
            Size, devices, energy with what is exceeded in 75 and 90 years of a hundred [kWh], use, money [THB], carbon.

        Examples
        --------
        >>> import bkkenergy as bk
        >>> roof = bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=180)
        >>> made = bk.design(roof, bk.examples.office()["2025"], schedule="mea-3-2-lv", capacity_kwp=22)
        >>> made.summary()["capacity_kwp"]
        22.0
        """
        solar_design, purchase = self.record, self.record.ways["own"]
        return pd.Series(
            {
                "capacity_kwp": solar_design.capacity_kwp,
                "module": solar_design.module.id,
                "inverter": " + ".join(
                    f"{plan.inverter_count} x {plan.inverter.id}" for plan in solar_design.strings.plans
                ),
                "energy_kwh": solar_design.energy_kwh,
                "p75_kwh": solar_design.p75_kwh,
                "p90_kwh": solar_design.p90_kwh,
                "self_consumption_ratio": solar_design.self_consumption_ratio,
                "load_share_ratio": solar_design.load_share_ratio,
                "capex_thb": solar_design.capex_thb,
                "saving_thb": solar_design.bills.saving_thb,
                "npv_thb": purchase.npv_thb,
                "irr": purchase.irr,
                "payback_years": purchase.payback_years,
                "lcoe_thb_per_kwh": purchase.lcoe_thb_per_kwh,
                "avoided_kg": solar_design.avoided_kg,
                "weather": solar_design.weather.name_en,
                "warnings": ", ".join(solar_design.warnings),
            },
            name="design",
            dtype=object,
        )

    def plot(self) -> Picture:
        """Draw load and PV in a week of April, when the sun stands highest.

        Returns
        -------
        Picture
            SVG, which a notebook shows; `save` writes it.

        Examples
        --------
        >>> import bkkenergy as bk
        >>> roof = bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=180)
        >>> bk.design(roof, bk.examples.office()["2025"], schedule="mea-3-2-lv").plot()
        <Picture: Load and PV in a week of April>
        """
        week = self.record.week
        starts = week.starts.tz_convert(BANGKOK)
        series = {"load": pd.Series(week.load_kw, starts), "PV": pd.Series(week.pv_kw, starts)}
        return lines(series, title="Load and PV in a week of April", unit="kW")

    def __repr__(self) -> str:
        solar_design, purchase = self.record, self.record.ways["own"]
        energy = f"{solar_design.energy_kwh:,.0f} kWh a year, {100 * solar_design.self_consumption_ratio:.0f} % used"
        back = "none" if purchase.payback_years is None else f"{purchase.payback_years:.1f} years"
        money = (
            f"saves {solar_design.bills.saving_thb:,.0f} THB a year, NPV {purchase.npv_thb:,.0f} THB, payback {back}"
        )
        warned = f"; {len(self.warnings)} warnings" if self.warnings else ""
        return f"Design({solar_design.module.id}, {solar_design.capacity_kwp:,.1f} kWp: {energy}; {money}{warned})"


@checked
def simulate(
    roof: PortfolioRoof,
    weather: Sky = "bangkok-typical",
    *,
    module: str = "mono-550",
    mounting: Mounting = "flush",
    rack_tilt_deg: float = 10.0,
    latitude_deg: float = BANGKOK_DEG[0],
    longitude_deg: float = BANGKOK_DEG[1],
) -> Yield:
    """Simulate a year of the modules that fit on a roof, hour by hour.

    Light is transposed by Perez' model; glass, dust, heat, wiring and a PVWatts inverter take their shares.

    Parameters
    ----------
    roof : Roof
        The plane of the roof.
    weather : str, Path or DataFrame
        "bangkok-typical", an EPW, TMY3 or Parquet file, or a table of a year of hours: ``ghi_wm2`` [W/m2], and where
        known ``dni_wm2``, ``dhi_wm2``, ``temp_air_c`` [degC], ``wind_ms`` [m/s], ``rain_mm`` [mm].
    module : str
        A module of the configuration, or "cec:NAME" of the California Energy Commission's table.
    mounting : {"flush", "racked"}
        On the roof's plane, or on racks where the roof is flat.
    rack_tilt_deg : float
        Tilt of the racks [degrees].
    latitude_deg, longitude_deg : float
        Of the building [degrees].

    Returns
    -------
    Yield
        Power of each hour, energy of months and the year, and each loss.

    Raises
    ------
    InputError
        If no module fits, a name is not known, or the weather has faults; the text lists them.

    Warns
    -----
    EnergyWarning
        If a table of weather lacks columns that are taken from the typical year.

    References
    ----------
    .. [1] Perez et al. 1990, "Modeling daylight availability and irradiance components from direct and global
       irradiance", Solar Energy 44, 271.
    .. [2] Dobos 2014, "PVWatts version 5 manual", NREL/TP-6A20-62641.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> south = bk.simulate(bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=180))
    >>> north = bk.simulate(bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=0))
    >>> north.energy_kwh < south.energy_kwh
    True
    """
    config = solar_config()
    given = weather_of(weather, latitude_deg=latitude_deg, longitude_deg=longitude_deg)
    sky_weather = checked_weather(given, latitude_deg=latitude_deg, longitude_deg=longitude_deg)
    chosen = config.equipment.module(module)
    building = _building([roof], latitude_deg=latitude_deg, longitude_deg=longitude_deg)
    layout: Layout = laid(roof, chosen, building, config.layout, mounting=mounting, rack_tilt_deg=rack_tilt_deg)
    sky = sky_of(sky_weather)
    plane = as_plane(layout, sky, KW_PER_KWP, roof.horizon)
    spread_ratio = config.quarter_hours.spread_ratio
    models = Models(gamma_pmp_per_c=chosen.gamma_pmp_per_c, spread_ratio=spread_ratio)
    production: Production = produce(sky_weather, [plane], config.losses, models, sky=sky)
    return Yield(
        pd.Series(production.ac_kw[0], sky_weather.starts.tz_convert(BANGKOK), name="ac_kw"),
        layout.capacity_kwp,
        _loss_table(loss_lines(production, layout.capacity_kwp)),
        production.years,
        sky_weather.provenance.name_en,
        sky_weather.provenance.source,
    )


@checked
def design(
    roofs: PortfolioRoof | Sequence[PortfolioRoof],
    load: pd.Series | pd.DataFrame | None = None,
    *,
    schedule: str,
    capacity_kwp: float | Literal["max"] | None = None,
    weather: Sky = "bangkok-typical",
    calendar: OpeningCalendar | str | None = None,
    floor_m2: float | None = None,
    building_type: str = "office",
    module: str = "mono-550",
    inverter: str | None = None,
    mounting: Mounting = "flush",
    rack_tilt_deg: float = 10.0,
    battery_kwh: float | None = None,
    export: str | None = None,
    cleanings: int | None = None,
    day: str | dt.date | None = None,
    latitude_deg: float = BANGKOK_DEG[0],
    longitude_deg: float = BANGKOK_DEG[1],
    **assumptions: Any,
) -> Design:
    """Design a PV system for a building: modules, strings, yield, load, bill, money and carbon.

    Parameters
    ----------
    roofs : Roof or sequence of Roof
        Planes that may carry modules, each with an `id` of its own.
    load : Series or DataFrame, optional
        Energy that the building uses in a year [kWh], by hours or quarter-hours. By default a typical load of
        `floor_m2`.
    schedule : str
        The tariff schedule; `schedules` lists them.
    capacity_kwp : float or "max", optional
        The size [kWp], or all that fits. By default the one with the highest net present value.
    weather : str, Path or DataFrame
        As for `simulate`.
    calendar : OpeningCalendar or str, optional
        When the building is open; gaps of the load are filled by days of the same kind. Government offices by default.
    floor_m2 : float, optional
        Gross floor area [m2], where there is no load.
    building_type : str
        The kind of building, for its typical load.
    module, inverter : str, optional
        Devices of the configuration, or "cec:NAME". Without an inverter the one that fits best.
    mounting : {"flush", "racked"}
        On the roof's plane, or on racks where the roof is flat.
    rack_tilt_deg : float
        Tilt of the racks [degrees].
    battery_kwh : float, optional
        A battery [kWh]; by default that of the configuration, which is none. It lowers energy and demand charges.
    export : str, optional
        The scheme of the configuration under which surplus is sold, such as "school-hospital"; "none" is zero export.
        By default the site's own price holds, which is none. Prices by the tariff's windows and netting by the month
        are assumptions: ``export_on_peak_thb_per_kwh``, ``export_off_peak_thb_per_kwh``, ``is_export_netted``.
    cleanings : int, optional
        Cleanings a year, 0 to 12, on the days that help most; by default those of the configuration.
    day : str or date, optional
        On which it is made, as 2026-06-01; today by default. The terms of a scheme, and the grid's carbon factor, are
        those of that day; `Design.terms` says which. A typical load is billed by the twelve whole months before it.
    latitude_deg, longitude_deg : float
        Of the building [degrees].
    **assumptions
        Fields of `bkkenergy.solar.assumptions.FinanceAssumptions` to change, such as ``loan_share=0.7``.

    Returns
    -------
    Design
        Its `summary`, `sizes`, `losses`, `money` and `plot`.

    Raises
    ------
    InputError
        If there is neither load nor floor area, the load is no year, nothing fits, a name is not known, or a scheme
        has not begun or has ended on the day.

    References
    ----------
    .. [1] Short, Packey and Holt 1995, NREL/TP-462-5173, for the money; `simulate` for the yield.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> roof = bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=180)
    >>> found = bk.design(roof, schedule="mea-3-2-lv", floor_m2=3000)
    >>> found.warnings
    ('load_is_typical', 'outline_is_assumed', 'spread_is_provisional')

    A school that sells its surplus, buys with a loan, and asks for a battery:

    >>> school = bk.design(
    ...     roof, schedule="mea-3-2-lv", floor_m2=3000, building_type="school", capacity_kwp=44, battery_kwh=20,
    ...     export="school-hospital", loan_share=0.7, loan_rate=0.04,
    ... )
    >>> list(school.money.index), list(school.prices.index), school.battery["dispatch"]
    (['own', 'loan', 'ppa', 'esco'], ['low', 'central', 'high'], 'bill')
    >>> int(school.string_plan["modules"].sum()) == school.record.strings.module_count
    True
    >>> school.terms[["export_scheme", "export_on_peak_thb_per_kwh", "export_years"]].to_list()
    ['school-hospital', 1.0, 10]
    """
    planes = [roofs] if isinstance(roofs, PortfolioRoof) else list(roofs)
    if len({roof.id for roof in planes}) < len(planes):
        raise InputError("two roofs have the same id. Name each: Roof(id='east', ...).")
    if building_type not in list(BuildingType):
        raise unknown_name("building_type", building_type, list(BuildingType))
    if battery_kwh is not None and not battery_kwh >= 0:
        raise InputError(f"battery_kwh is {battery_kwh}. Give 0 or more.")
    chosen_schedule, tariffs, config = schedule_named(schedule), figures().tariffs, solar_config()
    opening = government() if calendar is None else named(calendar) if isinstance(calendar, str) else calendar
    building = _building(
        planes, latitude_deg=latitude_deg, longitude_deg=longitude_deg, floor_m2=floor_m2 or 1.0, kind=building_type,
        schedule=schedule,
    )  # fmt: skip
    on_day = day_named(day)
    year_load = year_load_of(load, floor_m2, building, opening, day=on_day)
    wish = DesignRequest(
        capacity_kwp, module, inverter, mounting, rack_tilt_deg, battery_kwh=battery_kwh, export=export,
        assume=tuple(_known_assumptions(assumptions).items()), cleanings=cleanings,
    )  # fmt: skip
    inputs = DesignInputs(
        building=building,
        weather=weather_of(weather, latitude_deg=latitude_deg, longitude_deg=longitude_deg),
        load=year_load,
        schedule=chosen_schedule,
        tariffs=tariffs,
        factor=factor_on(figures().grid_factors, on_day, "footprint"),
        config=config,
        wish=wish,
        day=on_day,
    )
    record = design_of(inputs)
    warn_of_weather(record.weather_findings)
    return Design(record)


@checked
def screen(
    portfolio: Portfolio | Path | str | None = None,
    *,
    loads: Mapping[str, pd.Series | pd.DataFrame] | None = None,
    agency: str | None = None,
    weather: Sky = "bangkok-typical",
    module: str = "mono-550",
    day: str | dt.date | None = None,
) -> pd.DataFrame:
    """Rank the roofs of a portfolio by net present value, each building at its best size.

    Parameters
    ----------
    portfolio : Portfolio, Path or str, optional
        A portfolio, or the folder of a site's configuration. By default the made-up portfolio of the demonstration.
    loads : mapping of str to Series or DataFrame, optional
        A year of energy [kWh] by building, as for `design`. A building without one gets the typical load of its kind.
    agency : str, optional
        Only this agency's buildings.
    weather : str, Path or DataFrame
        As for `simulate`.
    module : str
        A module of the configuration, or "cec:NAME".
    day : str or date, optional
        On which they are ranked; today by default. Typical loads are billed by the twelve whole months before it.

    Returns
    -------
    DataFrame
        By building, the best first: ``capacity_kwp`` [kWp], ``energy_kwh``, ``used_kwh`` [kWh], shares, ``capex_thb``,
        ``saving_thb``, ``npv_thb`` [THB], ``payback_years``, ``avoided_kg`` [kgCO2e], ``is_provisional``
        where the price rests on a figure without a source. ``attrs["refused"]`` lists
        buildings that have no roof, and why.

    Raises
    ------
    InputError
        If a building or an agency is not known.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> ranked = bk.screen(agency="health")
    >>> bool(ranked["npv_thb"].is_monotonic_decreasing), float(ranked["load_measured_ratio"].max())
    (True, 0.0)
    """
    site, measured, on_day = portfolio_of(portfolio), loads or {}, day_named(day)
    for name in measured:
        if name not in site.buildings:
            raise unknown_name("building", name, site.buildings)
    if agency is not None and agency not in site.agencies:
        raise unknown_name("agency", agency, site.agencies)
    chosen = [one for one in site.buildings.values() if agency in (None, one.agency)]

    def read_load(building: Building) -> YearLoad:
        calendar = site.calendars[building.calendar]
        given = measured.get(building.id)
        return year_load_of(given, building.gross_floor_area_m2, building, calendar, day=on_day)

    tariffs = figures().tariffs
    factor = factor_on(figures().grid_factors, on_day, "footprint")
    sky = weather_of(weather, latitude_deg=BANGKOK_DEG[0], longitude_deg=BANGKOK_DEG[1])
    screening = screening_of(
        chosen, sky, solar_config(), tariffs, factor, read_load, schedule_of=site.schedule_of, module_id=module
    )
    warn_of_weather(screening.weather_findings)
    table = pd.DataFrame([asdict(row) for row in screening.rows])
    table = table.drop(columns="name_th").rename(columns={"name_en": "name"}).set_index("building")
    table.attrs["refused"] = [[building, str(why)] for building, why in screening.refused]
    return table


def _building(
    roofs: Sequence[PortfolioRoof],
    *,
    latitude_deg: float,
    longitude_deg: float,
    floor_m2: float = 1.0,
    kind: str = "office",
    schedule: str = "none",
) -> Building:
    try:
        return Building(
            id="library.building", agency="library", name_th="อาคาร", name_en="Building", type=BuildingType(kind),
            gross_floor_area_m2=floor_m2, latitude_deg=latitude_deg, longitude_deg=longitude_deg, tariff=schedule,
            calendar="office", roofs=tuple(roofs),
        )  # fmt: skip
    except ValueError as error:
        raise InputError(f"this building cannot be used: {error}") from None


def _known_assumptions(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return assumptions. Raises InputError for one that is not known."""
    known = [name for name in NUMBERS if name != "export_scheme"]
    for name in given:
        if name not in known:
            raise unknown_name("assumption", name, known)
    return given


def _loss_table(rows: Sequence[LossLine]) -> pd.DataFrame:
    columns: dict[str, Any] = {
        "energy_kwh": [row.energy_kwh for row in rows],
        "change_ratio": [row.change_ratio for row in rows],
    }
    return pd.DataFrame(columns, index=pd.Index([row.step for row in rows], name="step"))
