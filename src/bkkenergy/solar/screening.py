"""Every roof of the portfolio at once, ranked: what fits, what it yields, what it is worth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bkkenergy.carbon import GridFactor, emissions_kg
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Building
from bkkenergy.readings import FloatArray, IntArray
from bkkenergy.solar.assumptions import FinanceAssumptions, LayoutRules, SolarConfig, Support
from bkkenergy.solar.finance import counted_kwh
from bkkenergy.solar.irradiance import sky_of
from bkkenergy.solar.layout import Layout
from bkkenergy.solar.load import YearLoad
from bkkenergy.solar.module import Module
from bkkenergy.solar.production import Models, Plane, simulate
from bkkenergy.solar.quarters import on_load_grid
from bkkenergy.solar.roofs import KW_PER_KWP, as_plane, check_apart, laid
from bkkenergy.solar.sizing import sizes_up_to, sweep
from bkkenergy.solar.supports import support_of, with_structures
from bkkenergy.solar.weather import Weather, rows_at
from bkkenergy.solar.weathercheck import Coordinates, WeatherFinding, usable, weather_findings, years_findings
from bkkenergy.solar.weatheryears import in_mean_year, whole_years
from bkkenergy.tariff.schedule import Tariffs
from bkkenergy.texts import Named

SIZES = 8

Mapper = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""`map` itself, or one that spreads the work: same function, same items, same order."""


@dataclass(frozen=True, slots=True)
class ScreenRow:
    """One building at its best size. payback_years is None where the money does not come back.

    is_provisional : its price rests on a figure without a public source, as that of canopies and floats does.
    """

    building: str
    agency: str
    name_th: str
    name_en: str
    type: str
    roof_kwp: float
    capacity_kwp: float
    energy_kwh: float
    used_kwh: float
    load_share_ratio: float
    load_measured_ratio: float
    capex_thb: float
    saving_thb: float
    payback_years: float | None
    npv_thb: float
    avoided_kg: float
    is_provisional: bool = False


@dataclass(frozen=True, slots=True)
class Screening:
    """Rows by net present value, the best first; refused : (building, why) of those that have none."""

    rows: tuple[ScreenRow, ...]
    refused: tuple[tuple[str, InputError], ...]
    analysis_years: int
    weather_findings: tuple[WeatherFinding, ...]

    @property
    def capacity_kwp(self) -> float:
        """All of it."""
        return sum(row.capacity_kwp for row in self.rows)

    @property
    def energy_kwh(self) -> float:
        """A year of all of it."""
        return sum(row.energy_kwh for row in self.rows)

    @property
    def paying_count(self) -> int:
        """How many pay back."""
        return sum(row.payback_years is not None for row in self.rows)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A building with its roofs laid out and one kWp's energy on its load's grid: what money is computed from.

    schedule_id : the tariff schedule that the building is billed by.
    """

    building: Building
    schedule_id: str
    load: YearLoad
    roof_kwp: float
    pv_kwh_per_kwp: FloatArray
    tariffs: Tariffs
    money: FinanceAssumptions
    degradation_per_year: float
    factor: GridFactor


def laid_roofs(
    buildings: Sequence[Building], module: Module, rules: LayoutRules, supports: Sequence[Support] = ()
) -> tuple[dict[str, list[Layout]], list[tuple[str, InputError]]]:
    """Lay modules on the roofs of buildings.

    Parameters
    ----------
    buildings : sequence of Building
        The buildings.
    module : Module
        The module.
    rules : LayoutRules
        Setbacks, gaps, walkways and the load that roofs bear.
    supports : sequence of Support
        Canopies and floats of the configuration.

    Returns
    -------
    dict of str to list of Layout
        Layouts by building.
    list of (str, InputError)
        Buildings that have none, and why.

    Examples
    --------
    >>> from bkkenergy.solar.screening import laid_roofs
    >>> from bkkenergy.library.packaged import demonstration
    >>> from bkkenergy.library.skies import solar_config
    >>> config = solar_config()
    >>> chosen = [one.model_copy(update={"roofs": ()}) for one in list(demonstration().buildings.values())[:1]]
    >>> layouts, refused = laid_roofs(chosen, config.equipment.module("mono-550"), config.layout)
    >>> layouts, "has no roofs" in str(refused[0][1])
    ({}, True)
    """
    layouts: dict[str, list[Layout]] = {}
    refused: list[tuple[str, InputError]] = []
    for building in buildings:
        if not building.roofs:
            refused.append((building.id, InputError.of("no_roofs", building=Named(building.id, building.name_th))))
            continue
        try:
            check_apart(building)
            layouts[building.id] = [
                laid(roof, module, building, rules, support=support_of(roof, supports)) for roof in building.roofs
            ]
        except InputError as why:
            refused.append((building.id, why))
    return layouts, refused


def produced_per_kwp(
    buildings: Sequence[Building],
    layouts: dict[str, list[Layout]],
    weather: Weather,
    config: SolarConfig,
    module: Module,
) -> dict[str, FloatArray]:
    """Simulate the hourly AC power of one kWp of each building, all roofs of all buildings in one pass.

    Parameters
    ----------
    buildings : sequence of Building
        Buildings with layouts.
    layouts : dict of str to list of Layout
        Layouts by building, of `laid_roofs`.
    weather : Weather
        Weather of n intervals.
    config : SolarConfig
        Losses.
    module : Module
        The module.

    Returns
    -------
    dict of str to (n,) array
        Power of one kWp [kW/kWp] by building.

    Examples
    --------
    >>> from bkkenergy.library.packaged import demonstration
    >>> from bkkenergy.library.skies import bangkok_year, solar_config
    >>> from bkkenergy.solar.screening import laid_roofs, produced_per_kwp
    >>> config, chosen = solar_config(), list(demonstration().buildings.values())[:2]
    >>> module = config.equipment.module("mono-550")
    >>> layouts, _ = laid_roofs(chosen, module, config.layout)
    >>> found = produced_per_kwp(chosen, layouts, bangkok_year(), config, module)
    >>> [1_200 < float(power_kw.sum()) < 1_500 for power_kw in found.values()]
    [True, True]
    """
    sky = sky_of(weather)
    planes: list[Plane] = []
    first: dict[str, slice] = {}
    for building in buildings:
        roof_planes = [
            as_plane(layout, sky, KW_PER_KWP, roof.horizon)
            for layout, roof in zip(layouts[building.id], building.roofs, strict=True)
        ]
        first[building.id] = slice(len(planes), len(planes) + len(roof_planes))
        planes += roof_planes
    spread_ratio = config.quarter_hours.spread_ratio
    models = Models(gamma_pmp_per_c=module.gamma_pmp_per_c, spread_ratio=spread_ratio)
    production = simulate(weather, planes, config.losses, models, sky=sky)
    capacity = np.array([plane.capacity_kwp for plane in planes])
    return {name: production.ac_kw[rows].sum(axis=0) / capacity[rows].sum() for name, rows in first.items()}


def assess(candidate: Candidate) -> ScreenRow:
    """Judge one building at the size with the highest net present value.

    It is pure, so that it can run on any machine.

    Parameters
    ----------
    candidate : Candidate
        A building with its load and the energy of one kWp.

    Returns
    -------
    ScreenRow
        Size [kWp], energy [kWh], money [THB] and carbon [kgCO2e].

    See Also
    --------
    screen : Ranks all buildings.

    Examples
    --------
    >>> from bkkenergy.solar.screening import assess
    >>> import bkkenergy as bk
    >>> bk.screen(agency="health").index.name
    'building'
    """
    building, load = candidate.building, candidate.load
    schedule = candidate.tariffs.schedules[candidate.schedule_id]
    best = sweep(
        load,
        candidate.pv_kwh_per_kwp,
        sizes_up_to(candidate.roof_kwp, SIZES),
        schedule,
        candidate.tariffs,
        candidate.money,
        degradation_per_year=candidate.degradation_per_year,
    ).best_by_npv
    counted = counted_kwh(best.energy_kwh, best.used_kwh, candidate.money)
    return ScreenRow(
        building=building.id,
        agency=building.agency,
        name_th=building.name_th,
        name_en=building.name_en,
        type=building.type,
        roof_kwp=candidate.roof_kwp,
        capacity_kwp=best.capacity_kwp,
        energy_kwh=best.energy_kwh,
        used_kwh=best.used_kwh,
        load_share_ratio=best.load_share_ratio,
        load_measured_ratio=load.measured_ratio,
        capex_thb=best.capex_thb,
        saving_thb=best.saving_thb,
        payback_years=best.money.payback_years,
        npv_thb=best.money.npv_thb,
        avoided_kg=emissions_kg(counted, candidate.factor),
    )


def screen(
    buildings: Sequence[Building],
    weather: Weather,
    config: SolarConfig,
    tariffs: Tariffs,
    factor: GridFactor,
    read_load: Callable[[Building], YearLoad],
    *,
    schedule_of: Callable[[Building], str],
    module_id: str = "mono-550",
    spread: Mapper = map,
) -> Screening:
    """Rank the roofs of buildings by what they are worth.

    Parameters
    ----------
    buildings : sequence of Building
        The buildings.
    weather : Weather
        A year of weather.
    config : SolarConfig
        Equipment and assumptions.
    tariffs : Tariffs
        All schedules.
    factor : GridFactor
        Emissions of grid electricity [kgCO2e/kWh].
    read_load : callable
        Returns a building's year of load, called as the work goes on.
    schedule_of : callable
        Returns the id of the schedule that a building is billed by, such as `Portfolio.schedule_of`.
    module_id : str
        A module of the configuration, or "cec:NAME".
    spread : callable
        `map`, or a cluster's.

    Returns
    -------
    Screening
        Rows by net present value, the best first, and buildings without any.

    See Also
    --------
    bkkenergy.screen : The same with pandas.

    Examples
    --------
    >>> from bkkenergy.solar.screening import screen
    >>> import bkkenergy as bk
    >>> bk.screen(agency="health")["npv_thb"].is_monotonic_decreasing
    True
    """
    places = [Coordinates(building.latitude_deg, building.longitude_deg) for building in buildings]
    said, weather = years_findings(weather), whole_years(weather)
    findings = (*usable(weather_findings(weather, places, config.climate)), *said)
    module = config.equipment.module(module_id)
    layouts, refused = laid_roofs(buildings, module, config.layout, config.supports)
    candidates = [building for building in buildings if building.id in layouts]
    per_kwp = produced_per_kwp(candidates, layouts, weather, config, module) if candidates else {}
    rows_of: dict[tuple[int, int], IntArray] = {}

    def candidate(building: Building) -> Candidate:
        load = read_load(building)
        grid = (int(load.starts.asi8[0]), len(load.starts))
        if grid not in rows_of:
            rows_of[grid] = rows_at(weather, load.starts)
        return Candidate(
            building,
            schedule_of(building),
            load,
            sum(layout.capacity_kwp for layout in layouts[building.id]),
            on_load_grid(
                in_mean_year(per_kwp[building.id], weather, KW_PER_KWP),
                weather,
                rows_of[grid],
                load.starts,
                interval_h=load.interval_h,
                max_kw=KW_PER_KWP,
                quarter_hours=config.quarter_hours,
            )
            * load.interval_h,
            tariffs,
            with_structures(config.finance, layouts[building.id]),
            config.losses.degradation_per_year,
            factor,
        )

    assessed = spread(assess, (candidate(building) for building in candidates))
    provisional = {
        name
        for name, of_building in layouts.items()
        if any(layout.support is not None and layout.support.is_provisional for layout in of_building)
    }
    rows = [replace(row, is_provisional=row.building in provisional) for row in assessed]
    ordered = sorted(rows, key=lambda row: (-round(row.npv_thb), row.building))
    return Screening(tuple(ordered), tuple(refused), config.finance.analysis_years, findings)
