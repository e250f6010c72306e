"""The two witnesses of a deletion: what the ledger was computed from, and what the store counts now."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from bkkenergy.portfolio import Meter
from bkkenergy.readings import FIELDS
from bkkenergy.site import Site
from bkkenergy.usecases.fields import counts_by_channel
from bkkenergy.usecases.runs import DAY, midnight_us


def values_stored(site: Site, meters: Sequence[str], first: dt.date, last: dt.date) -> Mapping[str, Mapping[str, int]]:
    """Return how many values of each field the store has of meters over whole days."""
    return site.readings.count(meters, midnight_us(first), midnight_us(last + DAY), FIELDS)


def readings_of(counts: Mapping[str, int]) -> int:
    """Return how many readings have these counts of values: as many as the field that has most."""
    return max(counts.values(), default=0)


class PurgeState(Enum):
    """Open days were never purged. Of unfinished ones some readings may be gone. Of gone ones all are; of those that
    are left none is, but their rows stay as they are.
    """

    OPEN = "open"
    UNFINISHED = "unfinished"
    GONE = "gone"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class DayStretch:
    """Days of a meter within a month that are alike."""

    meter: Meter
    first: dt.date
    last: dt.date
    state: PurgeState


@dataclass(frozen=True, slots=True)
class WitnessComparison:
    """What the two witnesses say of a stretch. readings : in the store."""

    stretch: DayStretch
    readings: int
    agrees: bool


def ask_both(site: Site, stretches: Iterable[DayStretch]) -> Iterator[WitnessComparison]:
    """Ask both witnesses, for all meters with the same days together, in order of the days."""
    by_days: dict[tuple[dt.date, dt.date], list[DayStretch]] = defaultdict(list)
    for stretch in stretches:
        by_days[stretch.first, stretch.last].append(stretch)
    names = sorted({stretch.meter.id for stretches in by_days.values() for stretch in stretches})
    waiting, late = site.ledger.waiting(names), site.ledger.purges.late(names)
    for (first, last), group in sorted(by_days.items(), key=lambda item: item[0]):
        meters = [stretch.meter.id for stretch in group]
        now, said = values_stored(site, meters, first, last), site.ledger.reading_counts(meters, first, last)
        for item in group:
            name = item.meter.id
            waits = any(first <= day <= last for day in waiting.get(name, ()))
            is_late = any(first <= day <= last for day in late.get(name, ()))
            agrees = not waits and _agree(item, now.get(name, {}), said.get(name, {}), is_late=is_late)
            yield WitnessComparison(item, readings_of(now.get(name, {})), agrees)


def _agree(stretch: DayStretch, now: Mapping[str, int], said: Mapping[str, int], *, is_late: bool) -> bool:
    """Check that what the store has is what the ledger's rows were computed from."""
    channels = counts_by_channel(stretch.meter, now)
    match stretch.state:
        case PurgeState.GONE:
            return not now
        case PurgeState.UNFINISHED:  # what a crash has left is not more than what both agreed on
            return not is_late and all(count <= said.get(name, 0) for name, count in channels.items())
        case _:
            return not is_late and channels == said and (not now or bool(said))
