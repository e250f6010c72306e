"""Readings from one store to another, a meter and a quarter of a year at a time, and compared afterwards.

What was copied is noted beside the store; a migration that was cut off goes on from there. Copying a stretch again
changes nothing, since (meter, instant) is the key.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bkkenergy.adapters.files import write_whole
from bkkenergy.ports.readings import ReadingStore
from bkkenergy.readings import FIELDS, US_PER_S

WINDOW_US = 92 * 86_400 * US_PER_S
SINCE_US = 1_420_070_400 * US_PER_S
"""2015-01-01 UTC: no meter of ours is older."""


@dataclass(frozen=True, slots=True)
class StoreComparison:
    """A meter's readings in both stores: how many, and whether every value is the same."""

    meter: str
    source: int
    target: int
    is_equal: bool


def windows(last_us: int, *, since_us: int = SINCE_US) -> Iterator[tuple[int, int]]:
    """Yield stretches from `since_us` up to and with an instant."""
    start = since_us
    while start <= last_us:
        yield start, min(start + WINDOW_US, last_us + 1)
        start += WINDOW_US


def copy_readings(
    source: ReadingStore,
    target: ReadingStore,
    meters: Sequence[str],
    noted: Path,
    *,
    on_progress: Callable[[str, int], object],
) -> int:
    """Copy the meters' readings; return how many. on_progress : called with each meter and its count."""
    through: dict[str, int] = json.loads(noted.read_text(encoding="utf-8")) if noted.exists() else {}
    total = 0
    for meter, last_us in source.last_seen_us(meters).items():
        copied = 0
        for start, end in windows(last_us, since_us=max(SINCE_US, through.get(meter, SINCE_US))):
            batch = source.readings([meter], start, end, FIELDS)
            if len(batch):
                target.commit(batch)
                copied += len(batch)
            through[meter] = end
        write_whole(noted, json.dumps(through).encode())
        total += copied
        on_progress(meter, copied)
    return total


def compare(
    source: ReadingStore, target: ReadingStore, meters: Sequence[str], *, on_progress: Callable[[str], object]
) -> list[StoreComparison]:
    """Compare every meter's readings in both stores, value by value."""
    comparisons = []
    for meter, last_us in source.last_seen_us(meters).items():
        counts, is_equal = [0, 0], True
        for start, end in windows(last_us):
            one, other = (store.readings([meter], start, end, FIELDS) for store in (source, target))
            counts[0] += len(one)
            counts[1] += len(other)
            is_equal = is_equal and np.array_equal(one.ts_us, other.ts_us)
            is_equal = is_equal and all(
                np.array_equal(one.column(name), other.column(name), equal_nan=True) for name in FIELDS
            )
        comparisons.append(StoreComparison(meter, counts[0], counts[1], is_equal))
        on_progress(meter)
    return comparisons
