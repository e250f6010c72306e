"""What a person can look at, in which quantity, over which days, and in which steps."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from bkkenergy.access import Actor
from bkkenergy.calendar import Period, Step
from bkkenergy.errors import InputError, NotThere
from bkkenergy.portfolio import Building, Meter, MeterKind, Portfolio
from bkkenergy.portfolio.more import PvPlant
from bkkenergy.ports.channels import CHANNELS, GHI, IMPORT, QUARTERS_PER_DAY, TEMP_AIR, Channel
from bkkenergy.ports.ledger import EnergyLedger
from bkkenergy.recipients import CITY
from bkkenergy.usecases.powers import use_case
from bkkenergy.usecases.standing import last_day_of

SubjectKind = Literal["building", "meter", "agency", "plant", "city"]
Quantity = Literal[
    "import", "use", "production", "export", "temperature", "irradiance",
    "reactive", "reactive_export", "import_on_peak", "import_off_peak", "import_holiday", "chilled_water", "water",
    "gas", "power_factor", "reactive_power", "voltage_l1", "voltage_l2", "voltage_l3", "current_l1", "current_l2",
    "current_l3", "apparent_power", "demand",
    "current_n", "thd_voltage", "thd_current", "room_temp", "humidity",
]  # fmt: skip
"""What is shown: first of every subject, then by name each further channel that a meter may have."""
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)
CHANNEL_OF: dict[Quantity, Channel] = {
    "use": IMPORT,
    "production": IMPORT,
    "temperature": TEMP_AIR,
    "irradiance": GHI,
    **{name: CHANNELS[name] for name in QUANTITIES if name in CHANNELS},
}
RATE_OF = {"kWh": "kW", "kvarh": "kvar", "m3": "m3/h"}
"""Unit of what adds up -> of how fast it flows."""
VOLTAGES: tuple[Quantity, ...] = ("voltage_l1", "voltage_l2", "voltage_l3")
CURRENTS: tuple[Quantity, ...] = ("current_l1", "current_l2", "current_l3")
PHASES_OF: dict[Quantity, tuple[Quantity, ...]] = {name: phases for phases in (VOLTAGES, CURRENTS) for name in phases}
"""Quantities of a phase, with those of all three."""
FROM_ANYWHERE = frozenset({"temperature", "room_temp", "power_factor", *VOLTAGES})
"""Quantities whose picture does not begin at zero."""
SeenStep = Literal["15min", "60min", "day", "month"]
SEEN_STEPS: tuple[SeenStep, ...] = get_args(SeenStep)

MAX_DAYS = 5000
"""The longest period that is shown."""
MAX_POINTS = 36_000
"""A year of quarter-hours, and some."""
MAX_SLOTS = 3_000_000
"""As many quarter-hours of single meters are added up for one picture; beyond it days are read."""
MAX_METER_DAYS = 1_500_000
QUARTERS_UP_TO_DAYS, HOURS_UP_TO_DAYS, DAYS_UP_TO_DAYS = 8, 45, 1100
"""The longest periods that are shown by quarter-hours, hours and days, unless another step is asked for."""
STEP_HOURS: dict[SeenStep, float] = {"15min": 0.25, "60min": 1.0}
"""Steps that are shown as mean power, and how long they are; the others are shown as energy."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at.

    agency : whose it is; CITY for the whole city. buildings : it sums, or is of. meters : those of a meter or a plant.
    channels : names of those that the ledger has of a meter.
    """

    kind: SubjectKind
    key: str
    agency: str
    name_th: str
    name_en: str
    buildings: tuple[Building, ...]
    meters: tuple[Meter, ...] = ()
    channels: tuple[str, ...] = ()

    @property
    def building(self) -> Building | None:
        """The building that it is, or is of; None where it is of several."""
        return self.buildings[0] if self.kind not in {"agency", "city"} else None

    @property
    def is_weather(self) -> bool:
        """Whether it is a weather station."""
        return bool(self.meters) and self.meters[0].kind is MeterKind.WEATHER

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What can be shown of it, the usual one first."""
        more: tuple[Quantity, ...] = tuple(
            name for name in QUANTITIES if name in {*self.channels} - {"import", "export"}
        )
        if self.is_weather:
            return ("temperature", "irradiance", *more)
        if self.kind == "meter" and self.meters[0].kind is MeterKind.OTHER:
            return more or ("import",)
        if self.kind == "plant" or (self.kind == "meter" and self.meters[0].pv):
            return ("production", *more)
        makes = any(building.pv_meters for building in self.buildings)
        sells = any(building.has_pv for building in self.buildings)
        if self.kind == "meter":
            sells |= self.meters[0].kind is MeterKind.NET or "export" in self.channels
            return ("import", "export", *more) if sells else ("import", *more)
        production: tuple[Quantity, ...] = ("production",) if makes else ()
        export: tuple[Quantity, ...] = ("export",) if sells else ()
        use: tuple[Quantity, ...] = ("use",) if self.kind == "building" else ()
        return ("import", *use, *production, *export)

    @property
    def divisors(self) -> dict[str, float]:
        """What its energy can be divided by: m2 of floor, and what all of its buildings count of what they serve."""
        if self.kind not in {"building", "agency", "city"} or not self.buildings:
            return {}
        floor_m2 = sum(building.gross_floor_area_m2 for building in self.buildings)
        shared = set.intersection(*(set(building.drivers) for building in self.buildings))
        served = {name: sum(building.drivers[name] for building in self.buildings) for name in sorted(shared)}
        return {"m2": floor_m2} | served

    def meters_of(self, quantity: Quantity) -> tuple[Meter, ...]:
        """Return the meters whose sum a quantity is."""
        if self.meters:
            return self.meters
        if quantity == "production":
            return tuple(meter for building in self.buildings for meter in building.pv_meters)
        return tuple(meter for building in self.buildings for meter in building.main_meters)


@use_case("explore.subject", "see", "agency")
def subject_of(portfolio: Portfolio, actor: Actor, kind: str, key: str, day: dt.date) -> Subject:
    """Return what an actor asks to look at. Raises NotThere for what is not there, or not the actor's.

    A building or a meter that is no more is there still, as it was on its last day.
    """
    actor.need("see")
    subject = _subject(portfolio, kind, key, day)
    if subject is None and kind in {"building", "meter"} and (last := last_day_of(portfolio, key)) is not None:
        subject = _subject(portfolio.on(last), kind, key, last)
    if subject is None:
        raise NotThere
    actor.need("see", subject.agency)
    return subject


def _subject(portfolio: Portfolio, kind: str, key: str, day: dt.date) -> Subject | None:
    match kind:
        case "building" if key in portfolio.buildings:
            return building_subject(portfolio.buildings[key])
        case "meter":
            building = portfolio.buildings.get(key.rpartition(".")[0])
            meter = next((meter for meter in building.meters if meter.id == key), None) if building else None
            return None if building is None or meter is None else meter_subject(building, meter)
        case "plant":
            plant = next((plant for plant in plants_on(portfolio, day) if plant.id == key), None)
            return None if plant is None else _plant_subject(portfolio, plant)
        case "agency" if key in portfolio.agencies:
            agency = portfolio.agencies[key]
            buildings = portfolio.buildings_of(key)
            return Subject("agency", key, key, agency.name_th, agency.name_en, buildings)
        case "city" if key == CITY:
            return Subject("city", CITY, CITY, "", "", tuple(portfolio.buildings.values()))
    return None


def as_then(portfolio: Portfolio, subject: Subject, day: dt.date) -> Subject:
    """Return a building or a meter by the portfolio of another time; whose it is stays."""
    then = _subject(portfolio, subject.kind, subject.key, day)
    return subject if then is None else replace(then, agency=subject.agency)


def building_subject(building: Building) -> Subject:
    """Return a building as what is looked at."""
    return Subject("building", building.id, building.agency, building.name_th, building.name_en, (building,))


def meter_subject(building: Building, meter: Meter) -> Subject:
    """Return one of a building's meters as what is looked at."""
    return Subject("meter", meter.id, building.agency, meter.name_th, meter.name_en, (building,), (meter,))


def with_channels(ledger: EnergyLedger, subject: Subject) -> Subject:
    """Return a meter with the names of the channels that the ledger has of it. Raises StoreUnavailable."""
    if subject.kind != "meter":
        return subject
    name = subject.meters[0].id
    return replace(subject, channels=tuple(ledger.channels([name]).get(name, ())))


def _plant_subject(portfolio: Portfolio, plant: PvPlant) -> Subject | None:
    building = portfolio.buildings.get(plant.building)
    if building is None:
        return None
    meters = tuple(meter for meter in building.pv_meters if meter.id in plant.meters)
    return Subject(
        "plant", plant.id, building.agency, f"{plant.id} · {building.name_th}", f"{plant.id} · {building.name_en}",
        (building,), meters,
    )  # fmt: skip


def plants_on(portfolio: Portfolio, day: dt.date) -> Sequence[PvPlant]:
    """Return the PV plants that the portfolio has on a day, which a meter counts."""
    if not portfolio.records.entries:
        return ()
    return [plant for plant in portfolio.records.on("pv_plant", day).values() if plant.meters]


def checked_period(first: dt.date, last: dt.date) -> Period:
    """Return the days from the first to the last. Raises InputError where they cannot be shown."""
    if last < first:
        raise InputError.of("explore_order", first=first, last=last)
    if not 1990 <= first.year <= last.year <= 2200:  # noqa: PLR2004 - as everywhere in the API
        raise InputError.of("explore_years", first=first, last=last)
    if (last - first).days >= MAX_DAYS:
        raise InputError.of("explore_long", days=MAX_DAYS)
    return Period.days(first, last)


def step_for(subject: Subject, period: Period, quantity: Quantity, asked: SeenStep | None = None) -> SeenStep:
    """Return the step to show: the one asked for where that is not too fine, else one that fits the period.

    Raises InputError where a period has too many days of meters to be added up.
    """
    days, meters = len(period.dates), max(len(subject.meters_of(quantity)), 1)
    if days * meters > MAX_METER_DAYS:
        raise InputError.of("explore_long", days=MAX_METER_DAYS // meters)
    usual = _usual_step(days)
    chosen = usual if asked is None else asked
    if CHANNEL_OF[quantity].slots_per_day < QUARTERS_PER_DAY and chosen == "15min":
        chosen = "60min"
    is_fine = chosen in STEP_HOURS
    if is_fine and not is_mean(quantity) and days * meters * QUARTERS_PER_DAY > MAX_SLOTS:
        return "day" if days <= DAYS_UP_TO_DAYS else "month"
    if is_fine and days * 24 / STEP_HOURS[chosen] > MAX_POINTS:
        return usual
    if chosen == "month" and not is_of_whole_months(period):
        return "day"
    return chosen


def _usual_step(days: int) -> SeenStep:
    if days <= QUARTERS_UP_TO_DAYS:
        return "15min"
    return "60min" if days <= HOURS_UP_TO_DAYS else "day" if days <= DAYS_UP_TO_DAYS else "month"


def is_of_whole_months(period: Period) -> bool:
    """Return whether a period begins and ends with a month."""
    return period.first_day.day == 1 and (period.last_day + dt.timedelta(days=1)).day == 1


def is_mean(quantity: Quantity) -> bool:
    """Return whether a quantity is shown as the mean of each step, whatever its length: a temperature, a voltage."""
    return not CHANNEL_OF[quantity].is_additive


def is_rate(step: Step | SeenStep, quantity: Quantity) -> bool:
    """Return whether a quantity that adds up is shown as how fast it flows: energy by the hour, or finer, as power."""
    return step in STEP_HOURS and not is_mean(quantity)


def shown_unit(step: Step | SeenStep, quantity: Quantity) -> str:
    """Return the unit in which a quantity is shown."""
    unit = CHANNEL_OF[quantity].unit
    return RATE_OF[unit] if is_rate(step, quantity) else unit
