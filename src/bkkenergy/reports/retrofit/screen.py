"""The use case: what measures would bring in each building, from its inventory and what its meters show."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bkkenergy.errors import InputError
from bkkenergy.portfolio import Building, Portfolio
from bkkenergy.portfolio.more import Equipment
from bkkenergy.reports.retrofit.supply import bank_options
from bkkenergy.reports.savings.gather import facts_of_all
from bkkenergy.retrofits import (
    Calibrated,
    Catalogue,
    EndUses,
    LifeWorth,
    Option,
    Purchase,
    appliance_of,
    best_within,
    calibrated,
    doubled,
    options_of,
    worth_of,
)
from bkkenergy.retrofits.money import day_price
from bkkenergy.savings.baseline import HOURS_PER_DAY
from bkkenergy.savings.enduse import end_uses
from bkkenergy.savings.facts import Facts
from bkkenergy.savings.power import months_to_show
from bkkenergy.site import Site
from bkkenergy.texts import Named

DAYS_PER_YEAR = 365
By = Literal["tco2e", "npv"]


@dataclass(frozen=True, slots=True)
class Proof:
    """How a saving can be shown: by the building's meter after some months, a system's meter, a parameter, or bills."""

    option: Literal["whole", "system", "parameter", "bill"]
    months: int | None = None


@dataclass(frozen=True, slots=True)
class Opportunity:
    """A measure in a building, with what it is worth and how it can be shown.

    ratio : of the building's use of a year, year_kwh. discount_ratio, kgco2e_per_kwh : by which its worth was computed.
    """

    building: Building
    option: Option
    worth: LifeWorth
    proof: Proof
    ratio: float
    discount_ratio: float = 0.0
    kgco2e_per_kwh: float | None = None
    year_kwh: float | None = None

    @property
    def id(self) -> str:
        """Building, equipment and measure."""
        return f"{self.building.id}:{self.option.id}"


@dataclass(frozen=True, slots=True)
class Survey:
    """A building's equipment held to its meters, and its candidates; why there are none, where it cannot be judged.

    doubled : equipment that says the same as another, perhaps entered twice.
    """

    building: Building
    uses: EndUses | None
    calibration: Calibrated | None
    candidates: tuple[Opportunity, ...]
    known_days: int = 0
    has_weather: bool = True
    doubled: tuple[tuple[str, str], ...] = ()
    why: InputError | None = None


def equipment_by_building(portfolio: Portfolio) -> dict[str, list[Equipment]]:
    """Return the equipment that uses energy of each building that has some, by id."""
    by_building: dict[str, list[Equipment]] = {}
    for one in sorted(portfolio.equipment.values(), key=lambda one: one.id):
        if one.kind != "transformer":
            by_building.setdefault(one.building, []).append(one)
    return by_building


def surveyed(
    site: Site,
    buildings: Sequence[Building],
    catalogue: Catalogue,
    *,
    last_day: dt.date,
    on_building: Callable[[], object] = lambda: None,
) -> Iterator[Survey]:
    """Yield each building's survey, in their order. on_building : called after each. Raises StoreUnavailable."""
    banks = bank_opportunities(site, buildings, catalogue, last_day=last_day)
    by_building = equipment_by_building(site.portfolio)
    with_equipment = [one for one in buildings if one.id in by_building and one.main_meters]
    facts = facts_of_all(site, with_equipment, last_day=last_day)
    for building in buildings:
        equipment = by_building.get(building.id)
        if equipment is None:
            survey = _not_judged(building, InputError.of("no_equipment", building=Named(building.id, building.name_th)))
        elif not building.main_meters:
            survey = _not_judged(
                building, InputError.of("no_main_meter", building=Named(building.id, building.name_th))
            )
        else:
            survey = _survey(site, building, equipment, next(facts), catalogue, last_day)
        if building.id in banks:
            survey = replace(survey, candidates=(*survey.candidates, banks[building.id]))
        yield survey
        on_building()


def _not_judged(building: Building, why: InputError) -> Survey:
    return Survey(building, None, None, (), why=why)


def bank_opportunities(
    site: Site, buildings: Sequence[Building], catalogue: Catalogue, *, last_day: dt.date
) -> dict[str, Opportunity]:
    """Return capacitors as candidates, by building, where reactive power is charged for. Raises StoreUnavailable."""
    options = bank_options(site, buildings, catalogue, last_day=last_day)
    return {
        building.id: _of_supply(building, options[building.id], catalogue)
        for building in buildings
        if building.id in options
    }


def _of_supply(building: Building, option: Option, catalogue: Catalogue) -> Opportunity:
    """Return capacitors as a candidate: they save a charge, and neither energy nor emissions."""
    worth = worth_of(
        (0.0, 0.0, 0.0),
        (option.cost_low_thb, option.cost_high_thb),
        thb_per_kwh=0.0,
        kgco2e_per_kwh=None,
        life_years=option.measure.life.years,
        discount_ratio=catalogue.economics.discount_ratio,
        bill_thb=option.bill_thb,
    )
    return Opportunity(building, option, worth, Proof("bill", 1), 0.0, catalogue.economics.discount_ratio)


def _survey(
    site: Site,
    building: Building,
    equipment: Sequence[Equipment],
    facts: Facts,
    catalogue: Catalogue,
    last_day: dt.date,
) -> Survey:
    if facts.why is not None:
        return _not_judged(building, facts.why)
    series = facts.series.between(last_day - dt.timedelta(days=DAYS_PER_YEAR - 1), last_day)
    try:
        parts = end_uses(series)
    except InputError as why:
        return _not_judged(building, why)
    known_days = int(series.day_known.sum())
    open_days = round(float(facts.is_open[-len(series.kind) :].mean()) * DAYS_PER_YEAR)
    kwh = {part.part: part.energy_kwh for part in parts}
    uses = EndUses.of_days(kwh, {part.part: part.half_width_ratio for part in parts}, known_days, open_days)
    calibration = calibrated([appliance_of(one) for one in equipment], uses, catalogue)
    counted = {one.id for one in equipment if one.meter is not None}
    candidates = [
        _candidate(site, building, option, facts, uses, catalogue, last_day, counted)
        for option in options_of(calibration, catalogue)
    ]
    has_weather = series.temp_c is not None
    return Survey(building, uses, calibration, tuple(candidates), known_days, has_weather, doubled(equipment))


def _candidate(
    site: Site,
    building: Building,
    option: Option,
    facts: Facts,
    uses: EndUses,
    catalogue: Catalogue,
    last_day: dt.date,
    counted: set[str],
) -> Opportunity:
    factor = site.figures.prices(last_day, last_day)[-1].factor
    worth = worth_of(
        (option.low_kwh, option.saved_kwh, option.high_kwh),
        (option.cost_low_thb, option.cost_high_thb),
        thb_per_kwh=day_price(facts.thb_per_kwh[-DAYS_PER_YEAR * HOURS_PER_DAY :], facts.is_open[-DAYS_PER_YEAR:]),
        kgco2e_per_kwh=None if factor is None else factor.kg_co2e_per_kwh,
        life_years=option.measure.life.years,
        discount_ratio=catalogue.economics.discount_ratio,
    )
    ratio = option.saved_kwh / uses.whole_kwh if uses.whole_kwh > 0 else 0.0
    return Opportunity(
        building,
        option,
        worth,
        _proof(site, option, facts, ratio, last_day, counted),
        ratio,
        catalogue.economics.discount_ratio,
        None if factor is None else factor.kg_co2e_per_kwh,
        uses.whole_kwh,
    )


def _proof(site: Site, option: Option, facts: Facts, ratio: float, last_day: dt.date, counted: set[str]) -> Proof:
    """Return the cheapest way to show a saving: the building's own meter where it is large enough there."""
    if facts.baseline is not None:
        start = last_day + dt.timedelta(days=1)
        months = months_to_show(facts.baseline, site.savings.placebo, ratio, start)
        if months is not None:
            return Proof("whole", months)
    if option.appliance.id in counted:
        return Proof("system")
    return Proof("parameter" if option.measure.kind == "led" else "system")


def chosen(candidates: Sequence[Opportunity], budget_thb: float, by: By) -> list[Opportunity]:
    """Choose what brings most tonnes or money within a budget; of each equipment one measure. Raises InputError.

    A cost is the high end of its range: what is chosen can be paid.
    """
    choices = [
        Purchase(
            one.option.cost_high_thb,
            one.worth.tco2e * one.option.measure.life.years if by == "tco2e" else one.worth.npv_thb,
            f"{one.building.id}:{one.option.appliance.id}",
        )
        for one in candidates
    ]
    return ranked([candidates[at] for at in best_within(choices, budget_thb)])


def ranked(candidates: Sequence[Opportunity]) -> list[Opportunity]:
    """Sort by what a tonne costs, the cheapest first, as an abatement curve has them; without tonnes last."""
    return sorted(
        candidates,
        key=lambda one: (
            one.worth.abatement_thb_per_t is None,
            one.worth.abatement_thb_per_t or 0.0,
            one.id,
        ),
    )
