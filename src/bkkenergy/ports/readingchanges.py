"""What an import changes among the readings, noted so that it can be taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from bkkenergy.readings import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from bkkenergy.ports.ledger import MeterSeen


@dataclass(frozen=True, slots=True)
class ReadingChanges:
    """Readings of a meter that an import brings or changes.

    ts_us : (n,) rising instants. new : field -> (n,) values that it brings, NaN where it brings none.
    before : field -> (n,) what was stored, for the fields of `new`; NaN where nothing was.
    """

    meter: str
    ts_us: IntArray
    new: Mapping[str, FloatArray]
    before: Mapping[str, FloatArray]

    def take(self, rows: BoolArray) -> ReadingChanges:
        """Return some of the changes."""
        new, before = ({name: values[rows] for name, values in side.items()} for side in (self.new, self.before))
        return ReadingChanges(self.meter, self.ts_us[rows], new, before)

    def stands_in(self, stored: Mapping[str, FloatArray]) -> BoolArray:
        """Return (n,) whether stored values are still those that the import brought."""
        is_so = np.ones(len(self.ts_us), np.bool_)
        for name, values in self.new.items():
            is_so &= np.isnan(values) | (values == stored[name])
        return is_so


class ReadingChangeRecords(Protocol):
    """What imports changed among the readings."""

    def add(self, batch: int, changes: ReadingChanges) -> None:
        """Record what a batch is about to change, before it does."""

    def of(self, batch: int) -> Iterator[ReadingChanges]:
        """Yield what a batch changed, the latest first."""

    def set_seen(self, meter: str, seen: MeterSeen | None) -> None:
        """Set the earliest and latest reading that a meter has now, after some were deleted."""
