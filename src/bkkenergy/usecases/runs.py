"""Which days of a meter are computed together, and which no more, since their readings were purged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bkkenergy.ports.ledger import Purged
from bkkenergy.readings import EARLIEST, LATEST, US_PER_S

DAY = dt.timedelta(days=1)
US_PER_DAY = 86_400 * US_PER_S
BANGKOK_US = 7 * 3600 * US_PER_S
NEAR = 3 * DAY
"""Marked days no further apart than this are computed together."""
FIRST_DAY, LAST_DAY = dt.date(EARLIEST.year, 1, 2), dt.date(LATEST.year - 1, 12, 30)
"""Days that are computed at all. A reading beyond them was stamped by a clock that was wrong: it stays in the store,
and no gap is drawn to it."""


def midnight_us(day: dt.date) -> int:
    """Return the instant at which a day of Bangkok begins. Bangkok keeps no summer time."""
    return (day - dt.date(1970, 1, 1)).days * US_PER_DAY - BANGKOK_US


def dates_between(first: dt.date, last: dt.date) -> list[dt.date]:
    """Return days in order, both ends included."""
    return [first + number * DAY for number in range((last - first).days + 1)]


@dataclass(frozen=True, slots=True, order=True)
class OpenDays:
    """Days of a meter between purged ones, both ends included: rows of first..last may be computed.

    read_first : the first day of which readings may be read. After purged days some are left, to read registers at
    their edge. Before purged days nothing beyond `last` is read: what came next is deleted.
    """

    first: dt.date = FIRST_DAY
    last: dt.date = LAST_DAY
    read_first: dt.date = FIRST_DAY

    def __contains__(self, day: dt.date) -> bool:
        return self.first <= day <= self.last


EVER = OpenDays()


def open_days(purged: Sequence[Purged]) -> list[OpenDays]:
    """Return what lies between a meter's purged days, in order; never empty."""
    stretches, before = [], EVER
    for span in sorted(purged):
        if before.first < span.first:
            stretches.append(replace(before, last=span.first - DAY))
        is_edge = span.deleted_before <= span.last
        before = OpenDays(span.last + DAY, read_first=span.deleted_before if is_edge else span.last + DAY)
    return [*stretches, before]


@dataclass(frozen=True, slots=True, order=True)
class DayRun:
    """Neighbouring marked days, both ends included, and the open days among which they are."""

    first: dt.date
    last: dt.date
    among: OpenDays = EVER


Runs = tuple[DayRun, ...]


def runs_of(days: Sequence[dt.date], opens: Sequence[OpenDays] = (EVER,)) -> list[DayRun]:
    """Return neighbouring days as runs, in order. Days that are not open are left out."""
    runs: list[DayRun] = []
    for day in sorted(days):
        among = next((span for span in opens if day in span), None)
        if among is None:
            continue
        if runs and runs[-1].among == among and day - runs[-1].last <= NEAR:
            runs[-1] = replace(runs[-1], last=day)
        else:
            runs.append(DayRun(day, day, among))
    return runs
