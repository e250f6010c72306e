"""A site over a period in which buildings end, or one main meter follows another: no energy of it is left out.

The portfolio of the period's last day lacks what ended before it. A building that ended is there with its energy up to
then. Where a main meter was replaced by another record, both count, each on its days.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bkkenergy.calendar import Period
from bkkenergy.portfolio import Building, Meter, Portfolio
from bkkenergy.portfolio.records import Dated, Entry, Records
from bkkenergy.ports.ledger import Channel, DayTotals, Slots
from bkkenergy.readings import BoolArray, Quality
from bkkenergy.site import Site
from bkkenergy.usecases.through import Through

DAY = dt.timedelta(days=1)


def site_during(site: Site, period: Period) -> Site:
    """Return the site with the portfolio of a period's last day, and what ended on its days before."""
    then = site.on(period.last_day)
    records = then.portfolio.records
    buildings = dict(then.portfolio.buildings)
    for key, day in _ended(records, "building", period):
        known = then.portfolio.on(day).buildings.get(key)
        if key not in buildings and known is not None and known.agency in then.portfolio.agencies:
            buildings[key] = known
    replaced: dict[str, list[Meter]] = {}
    for key, day in _ended(records, "meter", period):
        meter = _meter_on(then.portfolio, key, day)
        building = buildings.get(meter.building) if meter is not None else None
        if meter is not None and building is not None and meter.is_main and key not in _names(building):
            replaced.setdefault(building.id, []).append(meter)
    if len(buildings) == len(then.portfolio.buildings) and not replaced:
        return then
    for building_id, meters in replaced.items():
        whole = buildings[building_id]
        buildings[building_id] = whole.model_copy(update={"meters": (*whole.meters, *meters)})
    portfolio = then.portfolio.model_copy(update={"buildings": buildings, "records": records})
    lives = [MainMeters.of(records, buildings[name]) for name in replaced]
    energy = InTurn(then.energy, {meter: one for one in lives for meter in one.days}) if lives else then.energy
    return replace(then.with_config(then.config.with_portfolio(portfolio)), energy=energy)


def _ended(records: Records, kind: str, period: Period) -> Iterator[tuple[str, dt.date]]:
    """Yield the keys of things that ended on days of a period after its first, with the last day of each."""
    for key, entries in records.by_kind.get(kind, {}).items():
        ends = [entry.valid_to for entry in entries if entry.valid_to is not None and _is_end(entry, entries)]
        inside = [end for end in ends if period.first_day < end <= period.last_day]
        if inside:
            yield key, max(inside) - DAY


def _is_end(entry: Entry, entries: Sequence[Entry]) -> bool:
    """Return whether a thing is not there on the day on which an entry ends."""
    return all(other.valid_from != entry.valid_to for other in entries)


def _meter_on(portfolio: Portfolio, key: str, day: dt.date) -> Meter | None:
    versions = portfolio.history(key)
    return next((one.value for one in versions if _covers(one, day)), None)


def _covers(version: Dated[Any], day: dt.date) -> bool:
    return version.first <= day and (version.end is None or day < version.end)


def _names(building: Building) -> set[str]:
    return {meter.id for meter in building.meters}


@dataclass(frozen=True, slots=True)
class MainMeters:
    """The main meters of a building, and when each was there. days : by meter; building : when it was there itself."""

    building: Sequence[Dated[Any]]
    days: Mapping[str, Sequence[Dated[Any]]]

    @classmethod
    def of(cls, records: Records, building: Building) -> MainMeters:
        """Return the main meters of a building, those that were replaced among them."""
        days = {meter.id: records.history("meter", meter.id) for meter in building.main_meters}
        return cls(records.history("building", building.id), days)

    def is_others_turn(self, meter: str, first: dt.date, count: int) -> BoolArray:
        """Return (count,) whether a meter is not there on a day, and another main meter of its building is."""
        turns = np.zeros(count, np.bool_)
        for number in range(count):
            day = first + number * DAY
            there = {name for name, versions in self.days.items() if any(_covers(one, day) for one in versions)}
            turns[number] = bool(there) and meter not in there and any(_covers(one, day) for one in self.building)
        return turns


@dataclass(frozen=True, slots=True)
class InTurn(Through):
    """A reader of the ledger for which a main meter counts nothing on the days of the one in its place."""

    meters: Mapping[str, MainMeters]

    def slots(self, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> Slots:
        """Return slots of meters over whole days, both ends included."""
        slots = self.ledger.slots(meters, channel, first, last)
        count = len(slots.is_waiting)
        turns = self._turns(slots.meters, channel, first, count)
        if not turns:
            return slots
        values, quality, is_computed = slots.values.copy(), slots.quality.copy(), slots.is_computed.copy()
        for number, is_others in turns.items():
            fills = np.repeat(is_others, channel.slots_per_day)
            values[fills, number], quality[fills, number] = 0.0, Quality.MEASURED
            is_computed[is_others, number] = True
        return replace(slots, values=values, quality=quality, is_computed=is_computed)

    def totals(self, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> DayTotals:
        """Return days of meters, both ends included."""
        totals = self.ledger.totals(meters, channel, first, last)
        turns = self._turns(totals.meters, channel, first, len(totals.total))
        if not turns:
            return totals
        total, measured, is_computed = totals.total.copy(), totals.measured.copy(), totals.is_computed.copy()
        estimated, edited, incomplete = totals.estimated.copy(), totals.edited.copy(), totals.incomplete.copy()
        for number, fills in turns.items():
            total[fills, number], measured[fills, number] = 0.0, channel.slots_per_day
            estimated[fills, number] = edited[fills, number] = incomplete[fills, number] = 0
            is_computed[fills, number] = True
        return replace(
            totals, total=total, measured=measured, estimated=estimated, edited=edited, incomplete=incomplete,
            is_computed=is_computed,
        )  # fmt: skip

    def _turns(self, meters: Sequence[str], channel: Channel, first: dt.date, count: int) -> dict[int, BoolArray]:
        if not channel.is_additive:
            return {}
        of = {number: self.meters.get(meter) for number, meter in enumerate(meters)}
        return {
            number: one.is_others_turn(meters[number], first, count) for number, one in of.items() if one is not None
        }
