"""A reader of the ledger in which each meter of a building counts on the days of the part that it plays there.

A main meter may be replaced, become a sub-meter of a new one, or turn into a tenant's. A meter that plays several parts
within a period is there once for each: the last one under its own name, those before with the day on which they ended.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bkkenergy.portfolio import Building, Meter, VirtualMeter
from bkkenergy.portfolio.models import Purpose
from bkkenergy.portfolio.records import Dated
from bkkenergy.ports.ledger import Channel, DayTotals, MeterSeen, Slots
from bkkenergy.readings import BoolArray, IntArray, Quality
from bkkenergy.usecases.through import Through

DAY = dt.timedelta(days=1)
UNTIL, IN = "@", "/"
"""What stands between a meter's name and the last day of a part that it played, and of which virtual meter."""
AS_IT_IS, NOTHING, NOT_THERE = 0, 1, 2
"""What a day of a meter counts: what it measured; zero, since another has its place; or nothing is known."""


def real_name(meter_id: str) -> str:
    """Return the name of a meter in the records, also for a part that it played before."""
    return meter_id.partition(UNTIL)[0]


@dataclass(frozen=True, slots=True)
class Days:
    """The days of a period. first : the first of them. count : how many."""

    first: dt.date
    count: int

    def of(self, versions: Sequence[Dated[Any]]) -> BoolArray:
        """Return (days,) whether one of some versions holds."""
        days = np.zeros(self.count, np.bool_)
        for version in versions:
            end = self.count if version.end is None else (version.end - self.first).days
            days[max(0, (version.first - self.first).days) : max(0, end)] = True
        return days

    def last(self, days: BoolArray) -> dt.date:
        """Return the last of some days."""
        return self.first + int(np.flatnonzero(days)[-1]) * DAY


@dataclass(frozen=True, slots=True)
class Part:
    """What a meter is to its building on some days (days,)."""

    meter: Meter
    days: BoolArray

    @property
    def role(self) -> tuple[Any, ...]:
        """What of a meter says how its energy counts."""
        return role_of(self.meter)


def role_of(meter: Meter) -> tuple[Any, ...]:
    """Return what of a meter says how its energy counts."""
    return (meter.kind, meter.parent, meter.pv, meter.tenant)


def parts_of(versions: Sequence[Dated[Meter]], days: Days) -> list[Part]:
    """Return the parts that a meter plays on days, in the order in which they end."""
    by_role: dict[tuple[Any, ...], list[Dated[Meter]]] = {}
    for version in versions:
        by_role.setdefault(role_of(version.value), []).append(version)
    parts = [Part(of_role[-1].value, days.of(of_role)) for of_role in by_role.values()]
    return sorted((part for part in parts if part.days.any()), key=lambda part: days.last(part.days))


def in_parts(
    whole: Building, there: BoolArray, parts: Mapping[str, Sequence[Part]], days: Days
) -> tuple[Building, Mapping[str, IntArray]]:
    """Return a building with each part of its meters, and what their days count, by name.

    there : (days,) whether the building is there. parts : those of each meter, by its name in the records.
    """
    named: dict[str, Part] = {}
    meters = {meter.id: meter for meter in whole.meters}
    for name, played in parts.items():
        for number, part in enumerate(played):
            is_last = number == len(played) - 1
            label = name if is_last else f"{name}{UNTIL}{days.last(part.days)}"
            meters.setdefault(label, part.meter.model_copy(update={"id": label}))
            named[label] = part
    has_main, has_pv = np.zeros(days.count, np.bool_), np.zeros(days.count, np.bool_)
    for part in named.values():
        has_main |= part.days & part.meter.is_main
        has_pv |= part.days & part.meter.pv
    counted = {
        label: _counted(part, there, has_pv if part.meter.pv else has_main, parts[real_name(label)])
        for label, part in named.items()
    }
    return whole.model_copy(update={"meters": tuple(meters.values())}), counted


def virtual_in_parts(
    versions: Sequence[Dated[VirtualMeter]], there: BoolArray, days: Days
) -> tuple[VirtualMeter, Mapping[str, IntArray]] | None:
    """Return a virtual meter whose sums are those of each day's version, and what the days of its meters count.

    versions : in the order of their days. there : (days,) whether the building is there. None where it is on no day.
    The meters of each version have names of their own, so that each counts on the days of its version alone.
    """
    by_version = [(version.value, days.of([version])) for version in versions]
    sums = [(virtual, on_days) for virtual, on_days in by_version if on_days.any()]
    if not sums:
        return None
    last = sums[-1][0]
    is_any = np.logical_or.reduce([on_days for _, on_days in sums])
    counted: dict[str, IntArray] = {}
    sides: dict[str, list[str]] = {"plus": [], "minus": []}
    for virtual, on_days in sums:
        counts = np.where(on_days, AS_IT_IS, NOTHING)
        if last.purpose is not Purpose.TENANT:
            counts[~is_any] = NOT_THERE
        counts[~there] = NOT_THERE
        for side, labels in sides.items():
            for name in getattr(virtual, side):
                label = f"{name}{UNTIL}{days.last(on_days)}{IN}{virtual.id}"
                labels.append(label)
                counted[label] = counts
    return last.model_copy(update={side: tuple(labels) for side, labels in sides.items()}), counted


def is_all_of_it(played: Sequence[Part]) -> bool:
    """Return whether a meter plays one part on every day, or none at all."""
    return not played or (len(played) == 1 and bool(played[0].days.all()))


def _counted(part: Part, there: BoolArray, has_one: BoolArray, played: Sequence[Part]) -> IntArray:
    """Return (days,) what a part's days count. has_one : where the building has one that plays the same part."""
    elsewhere = np.logical_or.reduce([other.days for other in played]) & ~part.days
    counts = np.full(len(there), AS_IT_IS)
    counts[elsewhere] = NOTHING
    if part.meter.is_main or part.meter.pv:
        counts[~part.days & has_one] = NOTHING
    if part.meter.is_main:
        counts[~part.days & ~has_one] = NOT_THERE
    counts[~there] = NOT_THERE
    return counts


@dataclass(frozen=True, slots=True)
class InTurn(Through):
    """A reader of the ledger in which meters count on the days of their part. counted : (days,) by name."""

    counted: Mapping[str, IntArray]
    days: Days

    def slots(self, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> Slots:
        """Return slots of meters over whole days, both ends included."""
        names, at = _asked(meters)
        slots = self.ledger.slots(names, channel, first, last)
        values, quality = slots.values[:, at].copy(), slots.quality[:, at].copy()
        is_waiting, is_computed = slots.is_waiting[:, at].copy(), slots.is_computed[:, at].copy()
        for number, counts in self._counts(meters, channel, first, is_computed):
            fills = np.repeat(counts, channel.slots_per_day)
            values[fills == NOTHING, number], quality[fills == NOTHING, number] = 0.0, Quality.MEASURED
            values[fills == NOT_THERE, number], quality[fills == NOT_THERE, number] = np.nan, Quality.MISSING
            is_computed[:, number] = np.where(counts == AS_IT_IS, is_computed[:, number], counts == NOTHING)
            is_waiting[counts != AS_IT_IS, number] = False
        return replace(
            slots, meters=tuple(meters), values=values, quality=quality, is_waiting=is_waiting, is_computed=is_computed
        )

    def totals(self, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> DayTotals:
        """Return days of meters, both ends included."""
        names, at = _asked(meters)
        totals = self.ledger.totals(names, channel, first, last)
        fields = {name: getattr(totals, name)[:, at].copy() for name in _BY_METER}
        for number, counts in self._counts(meters, channel, first, fields["is_computed"]):
            changed = counts != AS_IT_IS
            for name, without in _BY_METER.items():
                fields[name][changed, number] = without
            nothing = counts == NOTHING
            fields["total"][nothing, number], fields["measured"][nothing, number] = 0.0, channel.slots_per_day
            fields["is_computed"][nothing, number] = True
        return replace(totals, meters=tuple(meters), **fields)

    def seen(self, meters: Sequence[str]) -> Mapping[str, MeterSeen]:
        """Return the earliest and latest reading of each meter that has one."""
        seen = self.ledger.seen(_asked(meters)[0])
        return {name: seen[real_name(name)] for name in meters if real_name(name) in seen}

    def _counts(
        self, meters: Sequence[str], channel: Channel, first: dt.date, is_computed: BoolArray
    ) -> list[tuple[int, IntArray]]:
        """Return what days count of each column that counts otherwise on some; not of a register that has no row."""
        rows = len(is_computed)
        begin = (first - self.days.first).days
        inside = np.clip(np.arange(begin, begin + rows), 0, self.days.count - 1)
        counted = []
        for number, name in enumerate(meters):
            if name in self.counted and channel.is_additive:
                counts = self.counted[name][inside]
                is_empty = channel.name != "import" and not is_computed[counts == AS_IT_IS, number].any()
                if not is_empty:
                    counted.append((number, counts))
        return counted


_BY_METER: Mapping[str, Any] = {
    "total": np.nan, "measured": 0, "estimated": 0, "edited": 0, "incomplete": 0, "peak": np.nan, "peak_slot": -1,
    "is_waiting": False, "is_computed": False,
}  # fmt: skip
"""Fields of DayTotals by meter, and what a day without a row has."""


def _asked(meters: Sequence[str]) -> tuple[list[str], list[int]]:
    """Return the names to read, each once, and the column of each that is asked for."""
    names = list(dict.fromkeys(real_name(name) for name in meters))
    number_of = {name: number for number, name in enumerate(names)}
    return names, [number_of[real_name(name)] for name in meters]
