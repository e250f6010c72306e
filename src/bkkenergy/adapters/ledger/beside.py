"""Marks in a ledger that lives in another database than the readings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bkkenergy.ports.ledger import EnergyLedger
from bkkenergy.readings import ReadingBatch


class MarksBeside:
    """Marks before a batch is written, and again after it.

    Before: a crash after the write loses nothing. After: a worker that computed between mark and write took the first
    mark away without seeing the readings.
    """

    def __init__(self, ledger: EnergyLedger) -> None:
        self._ledger = ledger
        self._is_prepared = False

    @contextmanager
    def around(self, batch: ReadingBatch) -> Iterator[None]:
        """Mark the days of a batch before and after what is done inside. Raises StoreUnavailable."""
        if not self._is_prepared:
            self._ledger.prepare()
            self._is_prepared = True
        self._ledger.mark_readings(batch.meter_ids, batch.meter, batch.ts_us)
        yield
        self._ledger.mark_readings(batch.meter_ids, batch.meter, batch.ts_us)

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()
