"""Marks in a ledger that lives in another database than the readings."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from bkkenergy.ports.ledger import EnergyLedger
from bkkenergy.readings import ReadingBatch


@dataclass(slots=True)
class _ToMark:
    """A batch whose days are to be marked."""

    batch: ReadingBatch
    is_done: bool = False


class MarksBeside:
    """Marks before a batch is written, and again after it. Threads may write several batches at once.

    Before: a crash after the write loses nothing. After: a worker that computed between mark and write took the first
    mark away without seeing the readings. Each mark waits for the disk, so what threads ask for meanwhile is marked
    together, in the next transaction.
    """

    def __init__(self, ledger: EnergyLedger) -> None:
        self._ledger = ledger
        self._is_prepared = False
        self._turn, self._lock = threading.Lock(), threading.Lock()
        self._asked: list[_ToMark] = []

    @contextmanager
    def around(self, batch: ReadingBatch) -> Iterator[None]:
        """Mark the days of a batch before and after what is done inside. Raises StoreUnavailable."""
        self._mark(batch)
        yield
        self._mark(batch)

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def _mark(self, batch: ReadingBatch) -> None:
        """Return once a transaction that began after this call has marked the batch."""
        asked = _ToMark(batch)
        with self._lock:
            self._asked.append(asked)
        with self._turn:
            if asked.is_done:
                return
            with self._lock:
                others, self._asked = [one for one in self._asked if one is not asked], []
            self._mark_together([asked, *others])

    def _mark_together(self, asked: list[_ToMark]) -> None:
        """Mark batches in one transaction. Where it fails, each thread tries by itself."""
        if not self._is_prepared:
            self._ledger.prepare()
            self._is_prepared = True
        names: list[str] = []
        start_of: dict[int, int] = {}
        for one in asked:
            if id(one.batch.meter_ids) not in start_of:
                start_of[id(one.batch.meter_ids)] = len(names)
                names += one.batch.meter_ids
        meter = np.concatenate([one.batch.meter + start_of[id(one.batch.meter_ids)] for one in asked])
        ts_us = np.concatenate([one.batch.ts_us for one in asked])
        self._ledger.mark_readings(names, meter, ts_us)
        for one in asked:
            one.is_done = True
