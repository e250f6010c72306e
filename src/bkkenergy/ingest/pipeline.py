"""Commit, then quarantine, then acknowledge: the order that loses nothing."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence

from bkkenergy.ingest.message import Message, Reason, Refused
from bkkenergy.ingest.quarantine import Quarantine
from bkkenergy.ingest.sort import Sorted, Sorter
from bkkenergy.readings import US_PER_S, IntArray, ReadingBatch
from bkkenergy.store import ReadingStore, StoreAway, StoreRefused

log = logging.getLogger(__name__)

COUNTERS_EVERY_S = 5.0

Acknowledge = Callable[[Sequence[Message]], None]
Wait = Callable[[float], bool]
"""Sleeps for so many seconds; True when the service is to stop."""


class Pipeline:
    """Takes messages, and acknowledges each once what it held is safe."""

    def __init__(
        self, sorter: Sorter, store: ReadingStore, quarantine: Quarantine, *, retry_max_s: float = 30.0
    ) -> None:
        self._sorter, self._store, self._quarantine = sorter, store, quarantine
        self._retry_max_s = retry_max_s
        self._uncounted: Counter[str] = Counter()
        self._counted_at_s = time.monotonic()
        self.totals: Counter[str] = Counter()

    def sort(self, messages: Sequence[Message]) -> Sorted:
        """Decode and judge messages; nothing is stored yet."""
        return self._sorter.sort(messages, now_us=int(time.time() * US_PER_S))

    def commit_then_ack(
        self, messages: Sequence[Message], found: Sorted, acknowledge: Acknowledge, *, wait: Wait
    ) -> bool:
        """Store what is good, keep what is refused, and only then tell the broker.

        A crash before the acknowledgement makes the broker send again; both keys, (meter, instant)
        in the store and (topic, payload digest) in quarantine, make that harmless. While the store
        is away nothing is acknowledged. False when told to stop before it came back.
        """
        started_s = time.monotonic()
        delay_s = 0.1
        while True:
            try:
                refused = self._commit(found, messages)
                self._keep(messages, found, refused)
                break
            except StoreAway as away:
                log.warning("store_away", extra={"why": str(away), "retry_s": delay_s, "unacknowledged": len(messages)})
            if wait(delay_s):
                return False
            delay_s = min(delay_s * 2, self._retry_max_s)
        acknowledge(messages)
        log.debug(
            "batch_committed",
            extra={
                "messages": len(messages),
                "readings": len(found.batch),
                "refused": len(refused),
                "seconds": round(time.monotonic() - started_s, 4),
            },
        )
        return True

    def flush(self) -> None:
        """Write down counters that wait. Raises StoreAway."""
        self._quarantine.keep((), self._uncounted, now_us=int(time.time() * US_PER_S))
        self._uncounted.clear()
        self._counted_at_s = time.monotonic()

    def _commit(self, found: Sorted, messages: Sequence[Message]) -> tuple[Refused, ...]:
        return found.refused + tuple(commit_or_split(self._store, found.batch, found.source, messages))

    def _keep(self, messages: Sequence[Message], found: Sorted, refused: Sequence[Refused]) -> None:
        counts = Counter(messages=len(messages), readings=len(found.batch), refused=len(refused))
        is_due = time.monotonic() - self._counted_at_s > COUNTERS_EVERY_S
        if refused or is_due:
            self._quarantine.keep(refused, self._uncounted + counts, now_us=int(time.time() * US_PER_S))
            self._uncounted.clear()
            self._counted_at_s = time.monotonic()
        else:
            self._uncounted.update(counts)
        self.totals.update(counts)


def commit_or_split(
    store: ReadingStore, batch: ReadingBatch, source: IntArray, messages: Sequence[Message]
) -> list[Refused]:
    """Commit a batch; where the store refuses it, find the readings at fault by halving.

    Sending a refused batch again can never help, so the rest goes in and the culprits come back.
    Raises StoreAway.
    """
    try:
        store.commit(batch)
    except StoreRefused as error:
        if len(batch) == 1:
            message = messages[int(source[0])]
            log.warning("reading_refused_by_store", extra={"topic": message.topic, "why": str(error)})
            return [Refused(message.topic, message.payload, Reason.STORE_REFUSED, str(error))]
        middle = len(batch) // 2
        return [
            refused
            for half in (slice(None, middle), slice(middle, None))
            for refused in commit_or_split(store, batch.take(half), source[half], messages)
        ]
    return []
