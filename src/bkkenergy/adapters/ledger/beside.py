"""Marks in a ledger that lives in another database than the readings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from bkkenergy.ports.ledger import EnergyLedger
from bkkenergy.readings import ReadingBatch


def no_other() -> None:
    """Return that no other batch waits."""


class MarksBeside:
    """Marks before a batch is written, and again after it.

    Before: a crash after the write loses nothing. After: a worker that computed between mark and write took the first
    mark away without seeing the readings. Where the next batch waits already, the mark after the one is also that
    before the other: each mark waits for the disk.
    """

    def __init__(self, ledger: EnergyLedger) -> None:
        self._ledger = ledger
        self._is_prepared = False
        self._marked: ReadingBatch | None = None
        """The batch that has its mark before it is written."""

    @contextmanager
    def around(self, batch: ReadingBatch, following: Callable[[], ReadingBatch | None] = no_other) -> Iterator[None]:
        """Mark the days of a batch before and after what is done inside.

        following : asked after it for the batch that is next, if that waits already. Raises StoreUnavailable.
        """
        if not self._is_prepared:
            self._ledger.prepare()
            self._is_prepared = True
        is_marked, self._marked = self._marked is batch, None  # a second attempt, perhaps much later, marks again
        if not is_marked:
            self._mark(batch)
        yield
        other = following()
        if other is None or other.meter_ids is not batch.meter_ids:
            self._mark(batch)
        else:
            self._mark(batch, other)
            self._marked = other

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def _mark(self, *batches: ReadingBatch) -> None:
        """Mark the days of batches of the same meters."""
        meter = np.concatenate([batch.meter for batch in batches])
        ts_us = np.concatenate([batch.ts_us for batch in batches])
        self._ledger.mark_readings(batches[0].meter_ids, meter, ts_us)
