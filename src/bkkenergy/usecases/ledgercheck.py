"""Compares the ledger with its readings: a value that changed in a file is seen by no check of the file.

A day follows from its readings. Computing it again is therefore a checksum of both, which need not be stored. Where
readings were purged, a row is held to itself: its sum, peak and counts are those of its quarter-hours.
"""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np

from bkkenergy.adapters.ledger.rows import day_columns
from bkkenergy.calendar import day_of_us
from bkkenergy.portfolio import Meter
from bkkenergy.ports.channels import CHANNELS
from bkkenergy.ports.ledger import LedgerDays
from bkkenergy.ports.readings import StoreRefused
from bkkenergy.readings import FIELDS
from bkkenergy.site import Site
from bkkenergy.usecases.fields import counts_by_channel
from bkkenergy.usecases.ledgerdays import computed_run
from bkkenergy.usecases.recompute import changed_days
from bkkenergy.usecases.runs import DAY, dates_between, midnight_us, open_days, runs_of
from bkkenergy.usecases.witnesses import values_stored

SETTLED = 4 * DAY
"""Days that are nearer to today, or to a day that waits, may still change by what comes."""
RELATIVE_FAULT, LEAST_FAULT = 1e-9, 1e-6
"""What sums of the same values in another order may differ by."""
OF_SLOTS = ("total", "measured", "estimated", "edited", "incomplete", "peak", "peak_slot")
"""What a row says that follows from its quarter-hours."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, order=True)
class MeterMonth:
    """Days of a meter within a month, both ends included."""

    meter: str
    first: dt.date
    last: dt.date

    def may_change(self, waiting: Mapping[str, Collection[dt.date]]) -> bool:
        """Check whether a day that waits to be computed is near. waiting : days by meter."""
        return any(self.first - SETTLED <= day <= self.last + SETTLED for day in waiting.get(self.meter, ()))


@dataclass(frozen=True, slots=True, order=True)
class DifferingDay:
    """A day whose row does not follow from the readings, or not from itself."""

    meter: str
    day: dt.date


@dataclass(frozen=True, slots=True)
class LedgerComparison:
    """What was compared. months : of a meter each, that could be; compared : of them, within the time."""

    compared: int
    months: int
    differing: tuple[DifferingDay, ...]


def compare_ledger(
    site: Site, *, within_s: float, on_progress: Callable[[int, int], object] = lambda _compared, _months: None
) -> LedgerComparison:
    """Compare months of meters with their readings, in another order each day, until the time is over.

    Parameters
    ----------
    within_s : float
        Seconds after which no other month is begun; `math.inf` compares all. One month is always compared.
    on_progress : callable
        Called after each month with the number of months compared, and of all.

    Raises
    ------
    StoreUnavailable, StoreRefused
        If readings or ledger cannot be read.
    """
    until_s, months = time.monotonic() + within_s, in_order_of(site.today, _months(site))
    differing: set[DifferingDay] = set()
    compared = 0
    for month in months:
        differing |= _differing(site, month)
        compared += 1
        on_progress(compared, len(months))
        if time.monotonic() > until_s:
            break
    return LedgerComparison(compared, len(months), tuple(sorted(differing)))


def in_order_of(day: dt.date, each: Iterable[T]) -> list[T]:
    """Return things in another order each day, so that a look of some seconds comes to all of them."""
    ordered = list(each)
    random.Random(day.toordinal()).shuffle(ordered)  # noqa: S311 - an order, no secret
    return ordered


def _months(site: Site) -> Iterator[MeterMonth]:
    """Yield the months of each meter's rows, without days that may still change."""
    names = sorted(site.portfolio.meters_ever)
    waiting = site.ledger.waiting(names)
    for name, seen in sorted(site.ledger.seen(names).items()):
        first, end = day_of_us(seen.first_us), min(day_of_us(seen.last_us), site.today - SETTLED)
        while first <= end:
            last = min(end, (first.replace(day=1) + 31 * DAY).replace(day=1) - DAY)
            month = MeterMonth(name, first, last)
            if not month.may_change(waiting):
                yield month
            first = last + DAY


def _differing(site: Site, month: MeterMonth) -> set[DifferingDay]:
    """Return the days of a month that differ; none of a month for which readings came meanwhile."""
    meter = site.portfolio.meters_ever[month.meter]
    days = set(_by_halves(month, partial(_days_beside_themselves, site)))
    try:
        days |= set(_days_beside_readings(site, meter, month))
    except StoreRefused:  # rows, which are named already, or readings of these days or of days beside them
        around = replace(month, first=month.first - SETTLED, last=month.last + SETTLED)
        days |= set(_by_halves(around, partial(_read, site)))
        if not days:
            raise
    if days and month.may_change(site.ledger.waiting([month.meter])):
        return set()
    return {DifferingDay(month.meter, day) for day in days}


def _by_halves(month: MeterMonth, look: Callable[[MeterMonth], Iterable[dt.date]]) -> list[dt.date]:
    """List days that a look yields, and those at which nothing can be looked at, found by halves."""
    try:
        return [*look(month)]
    except StoreRefused:
        if month.first == month.last:
            return [month.first]
        middle = month.first + (month.last - month.first) // 2
        halves = replace(month, last=middle), replace(month, first=middle + DAY)
        return [day for half in halves for day in _by_halves(half, look)]


def _read(site: Site, month: MeterMonth) -> tuple[dt.date, ...]:
    """Read the readings of days; return no day. Raises StoreRefused where one cannot be read."""
    site.readings.readings([month.meter], midnight_us(month.first), midnight_us(month.last + DAY), FIELDS)
    return ()


def _days_beside_themselves(site: Site, month: MeterMonth) -> Iterator[dt.date]:
    """Yield days whose sum, peak or counts are not those of their slots."""
    for name in site.ledger.channels([month.meter]).get(month.meter, ()):
        if name not in CHANNELS:
            continue  # of another version; what it took the place of is missing beside the readings
        asked = ([month.meter], CHANNELS[name], month.first, month.last)
        stored, slots = site.ledger.totals(*asked), site.ledger.slots(*asked)
        is_there = slots.is_computed[:, 0]
        shape = (len(is_there), -1)
        values, quality = slots.values[:, 0].reshape(shape), slots.quality[:, 0].reshape(shape)
        block = LedgerDays(month.meter, name, month.first, values, quality, np.zeros(len(is_there), np.int64))
        columns = day_columns(0, block, CHANNELS[name], 0)
        is_same = np.ones(len(is_there), np.bool_)
        for column in OF_SLOTS:
            derived = np.array(columns[column], np.float64)
            is_same &= np.isclose(
                getattr(stored, column)[:, 0], derived, rtol=RELATIVE_FAULT, atol=LEAST_FAULT, equal_nan=True
            )
        yield from (month.first + number * DAY for number in np.flatnonzero(is_there & ~is_same).tolist())


def _days_beside_readings(site: Site, meter: Meter, month: MeterMonth) -> Iterator[dt.date]:
    """Yield days, of those whose readings are stored, whose rows do not follow from them."""
    for run in runs_of(
        dates_between(month.first, month.last), open_days(site.ledger.purges.spans([meter.id]).get(meter.id, ()))
    ):
        asked = set(dates_between(run.first, run.last))
        for part in computed_run(site, [meter], run, {meter.id: ()}):
            for row in part.rows:
                yield from asked.intersection(changed_days(site, meter.id, CHANNELS[row.channel], row))
        if not _has_counts(site, meter, run.first, run.last):
            yield from (day for day in sorted(asked) if not _has_counts(site, meter, day, day))


def _has_counts(site: Site, meter: Meter, first: dt.date, last: dt.date) -> bool:
    """Check whether days have as many readings as their rows were computed from."""
    now = values_stored(site, [meter.id], first, last).get(meter.id, {})
    return counts_by_channel(meter, now) == dict(site.ledger.reading_counts([meter.id], first, last).get(meter.id, {}))
