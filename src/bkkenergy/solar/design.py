"""A building's solar design: roofs, modules, strings, yield, load, bill, money and carbon in one plain record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bkkenergy.carbon import GridFactor, emissions_kg
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Building
from bkkenergy.readings import FloatArray, IntArray
from bkkenergy.solar.assumptions import Losses, SolarConfig
from bkkenergy.solar.chosen import WiringNote, chosen_layouts
from bkkenergy.solar.cleaning import CleaningOption, cleaned_otherwise, cleaning_options, visit_thb
from bkkenergy.solar.designwarnings import design_warnings
from bkkenergy.solar.dispatch import BillChange, DispatchBalance, Storage, balance, bill_changes
from bkkenergy.solar.finance import (
    Investment,
    PriceCase,
    Result,
    Way,
    capex_thb,
    counted_kwh,
    evaluate,
    price_range,
    tornado,
)
from bkkenergy.solar.irradiance import Sky, sky_of
from bkkenergy.solar.layout import Layout
from bkkenergy.solar.load import YearLoad
from bkkenergy.solar.module import Module
from bkkenergy.solar.operation import BatteryUse, Operation, operated
from bkkenergy.solar.outcome import LossLine, Week, exceeded_ratio, loss_lines, sigma_ratio, week_of
from bkkenergy.solar.production import Models, Mounting, Plane, Production, Rear, simulate
from bkkenergy.solar.quarters import on_load_grid
from bkkenergy.solar.roofs import KW_PER_KWP, as_plane, check_apart, laid
from bkkenergy.solar.sizing import Sweep, sizes_up_to, storage_money, storage_of, sweep
from bkkenergy.solar.strings import StringPlans
from bkkenergy.solar.supports import support_notes, support_of, with_structures
from bkkenergy.solar.terms import ExportOffer, offers, with_terms
from bkkenergy.solar.weather import Provenance, Weather, rows_at
from bkkenergy.solar.weathercheck import Coordinates, WeatherFinding, usable, weather_findings, years_findings
from bkkenergy.solar.weatheryears import YearSpread, in_mean_year, whole_years, year_spread
from bkkenergy.tariff.schedule import Schedule, Tariffs
from bkkenergy.tariff.windows import window_masks
from bkkenergy.texts import Named

MONTHS = 12
MAX_QUIET_SHADE_RATIO = 0.01


@dataclass(frozen=True, slots=True)
class DesignRequest:
    """What the engineer asks for; the defaults are the size with the highest net present value.

    capacity_kwp : a size; "max" for the whole roof; None for the best.
    inverter : an id, or None for the one of the site's own that fits best. export : the id of a scheme under which
    surplus is sold; None is the site's own price, "none" is zero export. assume : fields of `FinanceAssumptions` with
    other values. cleanings : a year, on the days that help most; None is what the site assumes.
    """

    capacity_kwp: float | str | None = None
    module: str = "mono-550"
    inverter: str | None = None
    mounting: Mounting = "flush"
    rack_tilt_deg: float = 10.0
    albedo: float = 0.2
    battery_kwh: float | None = None
    export: str | None = None
    assume: tuple[tuple[str, float], ...] = ()
    cleanings: int | None = None


@dataclass(frozen=True, slots=True)
class DesignInputs:
    """Everything that a design is made from.

    day : on which it is made: the terms of export are that day's. extra_cleanings : a year, over what upkeep has.
    """

    building: Building
    weather: Weather
    load: YearLoad
    schedule: Schedule
    tariffs: Tariffs
    factor: GridFactor
    config: SolarConfig
    wish: DesignRequest = field(default_factory=DesignRequest)
    day: dt.date = field(kw_only=True)
    extra_cleanings: int = 0


@dataclass(frozen=True, slots=True)
class RoofDesign:
    """One roof of the design."""

    id: str
    layout: Layout
    sky_seen_ratio: float
    specific_yield_kwh_per_kwp: float


@dataclass(frozen=True, slots=True)
class SolarDesign:
    """The design as data; renderers show it and compute nothing.

    month_kwh : (12,) AC energy January to December; p75_kwh, p90_kwh : exceeded in 75 and 90 years of a hundred.
    day : whose terms of export and carbon factor hold. sweep : sizes up to the roof's. prices : own purchase at the
    low, the central and the high of today's prices. offers : under which surplus could be sold. years : energy of each
    year of the weather. year, ac_kw : weather and output of each of its intervals.
    """

    building: Building
    weather: Provenance
    ghi_kwh_m2: float
    roofs: tuple[RoofDesign, ...]
    module: Module
    strings: StringPlans
    capacity_kwp: float
    energy_kwh: float
    month_kwh: tuple[float, ...]
    losses: tuple[LossLine, ...]
    performance_ratio: float
    sigma_ratio: float
    years: YearSpread
    p75_kwh: float
    p90_kwh: float
    lifetime_kwh: tuple[float, ...]
    load_kwh: float
    load_measured_ratio: float
    used_kwh: float
    surplus_kwh: float
    self_consumption_ratio: float
    load_share_ratio: float
    week: Week
    schedule: Schedule
    bills: BillChange
    capex_thb: float
    ways: Mapping[str, Result]
    tornado: tuple[tuple[str, float, float], ...]
    sweep: Sweep
    factor: GridFactor
    avoided_kg: float
    config: SolarConfig
    wish: DesignRequest
    day: dt.date
    warnings: tuple[str, ...] = ()
    weather_findings: tuple[WeatherFinding, ...] = ()
    prices: tuple[PriceCase, ...] = ()
    battery: BatteryUse | None = None
    offers: tuple[ExportOffer, ...] = ()
    year: Weather | None = None
    ac_kw: FloatArray = field(default_factory=lambda: np.empty(0), repr=False)
    cleaning: tuple[CleaningOption, ...] = ()
    wiring: tuple[WiringNote, ...] = ()

    @property
    def specific_yield_kwh_per_kwp(self) -> float:
        """Energy of the first year for each kWp."""
        return self.energy_kwh / self.capacity_kwp


def design(inputs: DesignInputs) -> SolarDesign:
    """Design a PV system for one building.

    Parameters
    ----------
    inputs : DesignInputs
        The building, weather, load, tariff and assumptions, and what the engineer asks for.

    Returns
    -------
    SolarDesign
        Roofs, strings, yield, load, bill, money and carbon.

    Raises
    ------
    InputError
        If no roof carries a module, nothing fits it, or the weather cannot be right.

    See Also
    --------
    bkkenergy.design : The same with pandas.

    References
    ----------
    .. [1] Short, Packey and Holt 1995, "A manual for the economic evaluation of energy efficiency and renewable
       energy technologies", NREL/TP-462-5173.

    Examples
    --------
    >>> from bkkenergy.solar.design import design
    >>> import bkkenergy as bk
    >>> roof = bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=180)
    >>> made = bk.design(roof, schedule="mea-3-2-lv", floor_m2=3000, capacity_kwp=22).record
    >>> made.capacity_kwp, made.strings.modules_in_string * made.strings.string_count
    (22.0, 40)
    """
    wish, building, weather = inputs.wish, inputs.building, whole_years(inputs.weather)
    config = with_terms(inputs.config, str(building.type), export=wish.export, values=dict(wish.assume), day=inputs.day)
    extra = 0
    if wish.cleanings is not None:
        extra = wish.cleanings - len(config.losses.soiling_cleaned_on)
        config = config.model_copy(update={"losses": cleaned_otherwise(weather, config.losses, wish.cleanings)})
    said = years_findings(inputs.weather)
    inputs = replace(inputs, config=config, weather=weather, extra_cleanings=extra)
    if not building.roofs:
        raise InputError.of("no_roofs", building=Named(building.id, building.name_th))
    module = config.equipment.module(wish.module)
    check_apart(building)
    racks: Any = {"mounting": wish.mounting, "rack_tilt_deg": wish.rack_tilt_deg}
    layouts = {
        roof.id: laid(roof, module, building, config.layout, **racks, support=support_of(roof, config.supports))
        for roof in building.roofs
    }
    coordinates = Coordinates(building.latitude_deg, building.longitude_deg)
    findings = (*usable(weather_findings(weather, [coordinates], config.climate)), *said)
    sky = sky_of(weather)
    horizons = {roof.id: roof.horizon for roof in building.roofs}
    planes = {name: as_plane(layout, sky, KW_PER_KWP, horizons[name]) for name, layout in layouts.items()}
    whole = _produced(inputs, planes, layouts, sky, module, None)
    per_kwp = whole.energy_kwh / np.array([layout.capacity_kwp for layout in layouts.values()])
    rows = rows_at(weather, inputs.load.starts)
    storage = storage_of(config.battery, config.finance, wish.battery_kwh)
    sized = sweep(
        inputs.load,
        _per_kwp(inputs, whole, layouts, rows),
        sizes_up_to(sum(layout.capacity_kwp for layout in layouts.values())),
        inputs.schedule,
        inputs.tariffs,
        with_structures(config.finance, layouts.values()),
        degradation_per_year=config.losses.degradation_per_year,
        storage=storage,
        battery=config.battery,
    )
    chosen, strings, wiring = chosen_layouts(
        building, config, layouts, dict(zip(layouts, per_kwp, strict=True)), module,
        capacity_kwp=wish.capacity_kwp or sized.best_by_npv.capacity_kwp, inverter=wish.inverter,
    )  # fmt: skip
    money = with_structures(config.finance, chosen.values())
    inputs = replace(inputs, config=config.model_copy(update={"finance": money}))
    kw_per_kwp = strings.inverter_kw / sum(layout.capacity_kwp for layout in chosen.values())
    planes = {name: as_plane(layout, sky, kw_per_kwp, horizons[name]) for name, layout in chosen.items()}
    final = _produced(inputs, planes, chosen, sky, module, strings)
    record = _record(inputs, _roofs(chosen, planes, final), strings, final, sized, module, rows, storage)
    cleaning = _cleanings(inputs, planes, chosen, sky, strings, rows, storage)
    shade = _shade_by_strings(inputs, chosen, sky, strings, record)
    notes = (*wiring, *support_notes(chosen), *shade)
    return replace(record, weather_findings=findings, cleaning=cleaning, wiring=notes)


def _models(inputs: DesignInputs, module: Module, strings: StringPlans | None, layout: Layout) -> Models:
    """Return the physics of the chosen devices: the CEC and Sandia models where their parameters are known."""
    slant_m = module.length_m if layout.standing == "portrait" else module.width_m
    is_bifacial = module.bifaciality > 0 and layout.mounting == "racked" and layout.support is None
    return Models(
        dc="cec" if module.cec else "pvwatts",
        gamma_pmp_per_c=module.gamma_pmp_per_c,
        module=module if module.cec else None,
        inverter=strings.inverter if strings else None,
        modules_in_series=strings.modules_in_string if strings else 1,
        albedo=inputs.wish.albedo,
        rear=Rear(module.bifaciality, layout.row_pitch_m, slant_m) if is_bifacial else None,
        spread_ratio=inputs.config.quarter_hours.spread_ratio,
    )


def _produced(
    inputs: DesignInputs,
    planes: Mapping[str, Plane],
    layouts: Mapping[str, Layout],
    sky: Sky,
    module: Module,
    strings: StringPlans | None,
) -> Production:
    """Compute hourly energy of the layouts' planes; before strings are planned by PVWatts' inverter."""
    least = next((layout for layout in layouts.values() if layout.support), next(iter(layouts.values())))
    models = _models(inputs, module, strings, least)
    return simulate(inputs.weather, list(planes.values()), inputs.config.losses, models, sky=sky)


def _cleanings(
    inputs: DesignInputs,
    planes: Mapping[str, Plane],
    layouts: Mapping[str, Layout],
    sky: Sky,
    strings: StringPlans,
    rows: IntArray,
    storage: Storage | None,
) -> tuple[CleaningOption, ...]:
    """Simulate and bill other numbers of cleanings a year."""
    first, load, export = next(iter(layouts.values())), inputs.load, inputs.config.finance.export
    models = _models(inputs, first.module, strings, first)

    def simulated(losses: Losses) -> Production:
        return simulate(inputs.weather, list(planes.values()), losses, models, sky=sky)

    def saved_thb(productions: Sequence[Production]) -> list[float]:
        each_kw = [production.ac_kw.sum(axis=0) for production in productions]
        pv_kwh = np.stack([_on_load(inputs, kw, rows, strings.inverter_kw) for kw in each_kw])
        flows = balance(load.energy_kwh, pv_kwh, interval_h=load.interval_h, storage=storage)
        bills = bill_changes(
            flows, load.starts, inputs.schedule, inputs.tariffs, interval_h=load.interval_h, export=export
        )
        return [bill.saving_thb for bill in bills]

    module_m2 = sum(layout.module_count * layout.module.area_m2 for layout in layouts.values())
    return cleaning_options(
        inputs.weather, inputs.config.losses, inputs.config.cleaning,
        module_m2=module_m2, simulated=simulated, saved_thb=saved_thb,
    )  # fmt: skip


def _per_kwp(inputs: DesignInputs, production: Production, layouts: Mapping[str, Layout], rows: IntArray) -> FloatArray:
    """Return (n,) kWh of one kWp on the load's grid."""
    total_kwp = sum(layout.capacity_kwp for layout in layouts.values())
    return _on_load(inputs, production.ac_kw.sum(axis=0) / total_kwp, rows, KW_PER_KWP)


def _on_load(inputs: DesignInputs, kw: FloatArray, rows: IntArray, max_kw: float) -> FloatArray:
    """Return (n,) kWh of PV on the load's grid."""
    load = inputs.load
    power_kw = on_load_grid(
        in_mean_year(kw, inputs.weather, max_kw), inputs.weather, rows,
        load.starts, interval_h=load.interval_h, max_kw=max_kw,
        quarter_hours=inputs.config.quarter_hours,
    )  # fmt: skip
    energy_kwh: FloatArray = power_kw * load.interval_h
    return energy_kwh


def _record(
    inputs: DesignInputs,
    roofs: tuple[RoofDesign, ...],
    strings: StringPlans,
    production: Production,
    sized: Sweep,
    module: Module,
    rows: IntArray,
    storage: Storage | None,
) -> SolarDesign:
    config, load, layouts = inputs.config, inputs.load, [roof.layout for roof in roofs]
    capacity, ac_kw = sum(roof.layout.capacity_kwp for roof in roofs), production.ac_kw.sum(axis=0)
    module_m2 = sum(roof.layout.module_count * module.area_m2 for roof in roofs)
    energy = float(production.energy_kwh.sum())
    pv_kwh = _on_load(inputs, ac_kw, rows, strings.inverter_kw)
    work = operated(
        load, pv_kwh, inputs.schedule, inputs.tariffs, storage, dispatch=config.battery.dispatch,
        export=config.finance.export,
    )  # fmt: skip
    flows, bills, used = work.flows, work.bills, float(work.flows.used_kwh[0])
    counted = counted_kwh(energy, used, config.finance)
    project = _project(inputs, work, storage, (capacity, counted, module_m2))
    ways: tuple[Way, ...] = ("own", "loan", "ppa", "esco") if config.finance.loan_share > 0 else ("own", "ppa", "esco")
    spread = year_spread(ac_kw, inputs.weather, config.uncertainty)
    sigma = sigma_ratio(config.uncertainty, spread.interannual_ratio)
    return SolarDesign(
        building=inputs.building,
        weather=inputs.weather.provenance,
        ghi_kwh_m2=inputs.weather.ghi_kwh_m2,
        roofs=roofs,
        module=module,
        strings=strings,
        capacity_kwp=capacity,
        energy_kwh=energy,
        month_kwh=_months(production, inputs.weather),
        losses=loss_lines(production, capacity),
        performance_ratio=energy / float(production.step_kwh["plane"].sum() / production.years),
        sigma_ratio=sigma,
        years=spread,
        p75_kwh=energy * exceeded_ratio(sigma, 0.75),
        p90_kwh=energy * exceeded_ratio(sigma, 0.90),
        lifetime_kwh=_lifetime_kwh(energy, config),
        load_kwh=load.total_kwh,
        load_measured_ratio=load.measured_ratio,
        used_kwh=used,
        surplus_kwh=float(flows.surplus_kwh.sum()),
        self_consumption_ratio=float(flows.self_consumption_ratio[0]),
        load_share_ratio=float(flows.load_share_ratio[0]),
        week=week_of(load, pv_kwh),
        schedule=inputs.schedule,
        bills=bills,
        capex_thb=project.capex_thb,
        ways={way: evaluate(project, way) for way in ways},
        tornado=tuple(tornado(project)),
        sweep=sized,
        factor=inputs.factor,
        avoided_kg=emissions_kg(counted, inputs.factor),
        config=config,
        wish=inputs.wish,
        day=inputs.day,
        warnings=design_warnings(
            load, layouts, bills, config, is_of_years=spread.is_of_years, has_battery=work.battery is not None
        ),
        prices=price_range(project),
        battery=work.battery,
        offers=_offers(inputs, flows),
        year=inputs.weather,
        ac_kw=ac_kw,
    )


def _project(
    inputs: DesignInputs, work: Operation, storage: Storage | None, size: tuple[float, float, float]
) -> Investment:
    """Return what a design costs and brings in its first year. size : kWp, kWh a year that count, m2 of modules."""
    (capacity_kwp, energy_kwh, module_m2), config, bills = size, inputs.config, work.bills
    stored = storage_money(storage, config.battery, work.battery.bill_saving_thb if work.battery else 0.0)
    return Investment(
        capacity_kwp, capex_thb(capacity_kwp, config.finance.paid_capex) + stored.capex_thb, bills.bill_saving_thb,
        energy_kwh, config.losses.degradation_per_year, config.finance, bills.export_thb, stored, bills.netted_thb,
        inputs.extra_cleanings * visit_thb(config.cleaning, module_m2),
    )  # fmt: skip


def _offers(inputs: DesignInputs, flows: DispatchBalance) -> tuple[ExportOffer, ...]:
    """List the schemes under which surplus could be sold."""
    surplus_kwh = flows.surplus_kwh[0]
    is_on_peak = window_masks(inputs.load.starts, inputs.tariffs)["on_peak"]
    return offers(
        inputs.config, str(inputs.building.type), float(surplus_kwh.sum()),
        on_peak_kwh=float(surplus_kwh[is_on_peak].sum()), day=inputs.day,
    )  # fmt: skip


def _lifetime_kwh(energy_kwh: float, config: SolarConfig) -> tuple[float, ...]:
    return tuple(
        energy_kwh * (1 - config.losses.degradation_per_year) ** n for n in range(config.finance.analysis_years)
    )


def _roofs(chosen: Mapping[str, Layout], planes: Mapping[str, Plane], production: Production) -> tuple[RoofDesign, ...]:
    return tuple(
        RoofDesign(name, layout, planes[name].sky_seen, float(energy_kwh) / layout.capacity_kwp)
        for (name, layout), energy_kwh in zip(chosen.items(), production.energy_kwh, strict=True)
    )


def _months(production: Production, weather: Weather) -> tuple[float, ...]:
    month, each_kwh = weather.months(), production.ac_kw.sum(axis=0) * (weather.interval_h / production.years)
    return tuple(float(each_kwh[month == number].sum()) for number in range(1, MONTHS + 1))


def _shade_by_strings(
    inputs: DesignInputs, layouts: Mapping[str, Layout], sky: Sky, strings: StringPlans, record: SolarDesign
) -> Iterator[WiringNote]:
    """Say what shade costs by its area, and the most that it can cost by what it does to strings."""
    by_area = next(line.change_ratio for line in record.losses if line.step == "shading")
    if by_area > -MAX_QUIET_SHADE_RATIO:
        return
    horizons = {roof.id: roof.horizon for roof in inputs.building.roofs}
    kw_per_kwp = strings.inverter_kw / record.capacity_kwp
    worst = {
        name: as_plane(layout, sky, kw_per_kwp, horizons[name], strings.modules_in_string)
        for name, layout in layouts.items()
    }
    least_kwh = float(_produced(inputs, worst, layouts, sky, record.module, strings).energy_kwh.sum())
    more = max(0.0, 1 - least_kwh / record.energy_kwh)
    yield WiringNote("shade", {"by_area": f"{-by_area:.1%}", "more": f"{more:.1%}"})
