"""Computes the bills of many buildings at once: each channel is read once, and what is on-peak is found once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bkkenergy.calendar import Period, edges
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Building
from bkkenergy.ports.channels import IMPORT, KVAR, QUARTERS_PER_DAY, REACTIVE, Channel
from bkkenergy.readings import FloatArray
from bkkenergy.site import Site
from bkkenergy.tariff.bill import Bill, bills_by_schedules
from bkkenergy.tariff.quantities import Quantities, quantities_of_many
from bkkenergy.usecases.bills import (
    BilledBuilding,
    charges_kvar,
    first_with_history,
    schedule_changes,
    with_schedules,
)
from bkkenergy.usecases.energy import QUARTERS_PER_HOUR, BuildingQuarters
from bkkenergy.usecases.over import quarters_over

READ_AT_ONCE = 30


@dataclass(frozen=True, slots=True)
class _Split:
    """How a building's days are split into bills: since when, and on which days its schedule changes."""

    begin: dt.date
    cuts: tuple[dt.date, ...]
    has_kvar: bool


def bills_until(
    site: Site, buildings: Sequence[Building], first_month: dt.date, until: dt.date
) -> Iterator[list[Bill] | InputError]:
    """Yield each building's bills of calendar months up to a day, or why one has no price.

    They are those of `month_bills`: of the whole months, and of the days of the one that is not whole, which knows of
    no month before it. Raises StoreUnavailable.
    """
    for at in range(0, len(buildings), READ_AT_ONCE):
        yield from _bills_of_some(site, buildings[at : at + READ_AT_ONCE], first_month, until)


def _bills_of_some(
    site: Site, buildings: Sequence[Building], first_month: dt.date, until: dt.date
) -> Iterator[list[Bill] | InputError]:
    by_split: dict[_Split, list[int]] = {}
    for number, building in enumerate(buildings):
        by_split.setdefault(_split(site, building, first_month, until), []).append(number)
    bills: dict[int, list[Bill] | InputError] = {}
    for split, numbers in by_split.items():
        alike = [buildings[number] for number in numbers]
        rows = _quantities(site, alike, split, until)
        for number, building, row in zip(numbers, alike, rows, strict=True):
            try:
                bills[number] = _priced(site, building, row, first_month, until)
            except InputError as why:  # before the first known rates, Ft or VAT
                bills[number] = why
    return (bills[number] for number in range(len(buildings)))


def _split(site: Site, building: Building, first_month: dt.date, until: dt.date) -> _Split:
    billed = BilledBuilding(site.portfolio, building)
    last_whole = _month_in_hand(until) - dt.timedelta(days=1)
    begin = first_month
    if first_month <= last_whole:
        begin = first_with_history(site, building, Period.days(first_month, last_whole))
    cuts = schedule_changes(site, billed, begin, until + dt.timedelta(days=1))
    return _Split(begin, tuple(cuts), charges_kvar(site, billed, Period.days(begin, until)))


def _month_in_hand(until: dt.date) -> dt.date:
    """Return the first day of the month that is not whole yet on the evening of a day."""
    return (until + dt.timedelta(days=1)).replace(day=1)


def _quantities(site: Site, buildings: Sequence[Building], split: _Split, until: dt.date) -> list[list[Quantities]]:
    period = Period.days(split.begin, until)
    quarters = _read(site, buildings, period, IMPORT)
    return quantities_of_many(
        np.stack([one.accepted_kwh for one in quarters]),
        edges(period, "15min")[:-1],
        site.figures.tariffs,
        demand_kwh=np.stack([one.firm_kwh for one in quarters]),
        reactive_kvar=_kvar(site, buildings, period) if split.has_kvar else None,
        cuts=split.cuts,
    )


def _kvar(site: Site, buildings: Sequence[Building], period: Period) -> FloatArray | None:
    """(k, n) reactive power, of each building from registers, else as measured; None where none has any."""
    sent = _channels(site, buildings)
    if not any(sent):
        return None
    kvar = np.full((len(buildings), len(period.dates) * QUARTERS_PER_DAY), np.nan)
    for channel, factor in ((REACTIVE, QUARTERS_PER_HOUR), (KVAR, 1)):
        is_silent = ~np.isfinite(kvar).any(axis=1)
        asked = [number for number, names in enumerate(sent) if channel.name in names and is_silent[number]]
        of_asked = _read(site, [buildings[number] for number in asked], period, channel)
        for number, quarters in zip(asked, of_asked, strict=True):
            kvar[number] = quarters.firm_kwh * factor
    return kvar if np.isfinite(kvar).any() else None


def _channels(site: Site, buildings: Sequence[Building]) -> list[set[str]]:
    """Return of each building which channels of reactive power its meters ever had."""
    meters = [_ever(site, building) for building in buildings]
    of_meter = site.ledger.channels(list({name for names in meters for name in names}))
    reactive = {REACTIVE.name, KVAR.name}
    return [reactive & {one for name in names for one in of_meter.get(name, ())} for names in meters]


def _ever(site: Site, building: Building) -> set[str]:
    """Return the meters that a building has, and ever had by the records."""
    return {meter.id for meter in building.main_meters} | set(site.portfolio.records.parts_of("meter", building.id))


def _read(site: Site, buildings: Sequence[Building], period: Period, channel: Channel) -> list[BuildingQuarters]:
    return list(quarters_over(site.energy, site.portfolio, buildings, period, channel))


def _priced(
    site: Site, building: Building, quantities: Sequence[Quantities], first_month: dt.date, until: dt.date
) -> list[Bill]:
    tariffs, this = site.figures.tariffs, _month_in_hand(until)
    parts, schedules = with_schedules(site, BilledBuilding(site.portfolio, building), quantities, until)
    whole = sum(part.month < this for part in parts)
    bills = [
        *bills_by_schedules(parts[:whole], schedules[:whole], tariffs),
        *bills_by_schedules(parts[whole:], schedules[whole:], tariffs),
    ]
    return [bill for bill in bills if bill.month >= first_month]
