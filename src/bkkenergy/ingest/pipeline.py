"""Make safe, then quarantine, then acknowledge: the order that loses nothing."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import structlog

from bkkenergy.adapters.state.logbook import Logbook
from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.adapters.work import Task, doing
from bkkenergy.ingest.metrics import Metrics
from bkkenergy.ingest.singles import as_refused, by_message
from bkkenergy.ingest.sort import Sorted
from bkkenergy.ingest.spool import Spool
from bkkenergy.metering.events import Event
from bkkenergy.payloads.message import Message, Refused, described
from bkkenergy.ports.readings import ReadingStore, StoreRefused, StoreUnavailable, StoreUnfit
from bkkenergy.readings import US_PER_S, ReadingBatch

log = structlog.get_logger(__name__)

COUNTERS_EVERY_S = 5.0
FIRST_RETRY_S = 0.1
DRAIN_FOR_S = 1.0
"""The spool is drained for so long at a time, so that new messages are taken in between."""

Acknowledge = Callable[[Sequence[Message]], None]
Wait = Callable[[float], bool]
"""Sleeps for the seconds given; True when the service is to stop."""
Clock = Callable[[], float]
"""Seconds: of a clock that only measures, or since 1970."""


class StateUnavailable(StoreUnavailable):
    """The state cannot be written: quarantine, events and counters wait."""


class Pipeline:
    """Takes sorted messages, and acknowledges each once what it held is safe: in the store or the spool."""

    def __init__(
        self,
        store: ReadingStore,
        quarantine: Quarantine,
        logbook: Logbook,
        metrics: Metrics,
        *,
        spool: Spool | None = None,
        try_first: Callable[[], None] | None = None,
        retry_max_s: float = 30.0,
        monotonic: Clock = time.monotonic,
        wall_clock: Clock = time.time,
    ) -> None:
        """Create an empty one. try_first : called before the first commit, of a store not tried at the start."""
        self._try_first = try_first
        self._monotonic, self._wall_clock = monotonic, wall_clock
        self._store, self._quarantine, self._logbook, self._metrics = store, quarantine, logbook, metrics
        self._spool, self._retry_max_s = spool, retry_max_s
        self.commits_at_once = store.commits_at_once
        self._begun_of_spool: list[ReadingBatch] = []
        self._beginning, self._noting = threading.Lock(), threading.Lock()
        self._uncounted: Counter[str] = Counter()
        self._counted_at_s = monotonic()
        self._lags_us: dict[str, int] = {}
        self._noted_at_s = 0.0
        self._retry_s = FIRST_RETRY_S
        self._try_store_at_s = 0.0
        self._state_retry_s = FIRST_RETRY_S
        self.totals: Counter[str] = Counter()
        self.store_is_unavailable = False
        self.state_is_unavailable = False
        self.spool_is_full = False

    def _now_us(self) -> int:
        return int(self._wall_clock() * US_PER_S)

    @property
    def spooled_batches(self) -> int:
        """Batches that wait for the store."""
        return self._spool.batches_count if self._spool else 0

    def begin(self, batch: ReadingBatch, events: Sequence[Event], on_sent: Callable[[], None] | None = None) -> bool:
        """Begin to store a batch while those before it are not answered, and note its events. In the decoding thread.

        For a batch that shares no instant of a meter with one that is not safe yet, and while all of these are begun.
        Return False where it has to wait for its turn: store or state are unavailable, or the spool is drained first.
        """
        if not len(batch):
            return not events
        with self._beginning:
            if self.store_is_unavailable or self._try_first is not None or self.spooled_batches:
                return False
            # Events before the readings are stored: a second look at those finds none.
            if events and not self._unless_unavailable(lambda: self._write_logbook(events)):
                return False
            self._store.begin(batch, on_sent)
            return True

    def commit_then_ack(
        self,
        messages: Sequence[Message],
        outcome: Sorted,
        events: Sequence[Event],
        acknowledge: Acknowledge,
        *,
        wait: Wait,
        is_begun: bool = False,
    ) -> bool:
        """Store what is good, quarantine what is refused, and only then acknowledge to the broker.

        A crash before the acknowledgement makes the broker send again; the keys, (meter, instant) in
        the store, (topic, payload digest) in quarantine and (meter, instant, kind) of events, make that
        harmless. While neither store nor spool takes the batch, or the state does not take what is refused,
        nothing is acknowledged. Return False when stopped before that. is_begun : as `begin` has returned.
        """
        started_s = self._monotonic()
        with doing(Task.BATCH, messages=len(messages), readings=len(outcome.batch)) as work:
            refused = self._kept(messages, outcome, events, wait, is_begun=is_begun)
            if refused is None:
                work.fail()
                return False
            acknowledge(messages)
        seconds = self._monotonic() - started_s
        self._metrics.commit.observe(seconds)
        log.debug(
            "batch_committed",
            messages=len(messages),
            readings=len(outcome.batch),
            refused=len(refused),
            seconds=seconds,
        )
        return True

    def _kept(
        self, messages: Sequence[Message], outcome: Sorted, events: Sequence[Event], wait: Wait, *, is_begun: bool
    ) -> Sequence[Refused] | None:
        """Try until all is kept; return what was refused, or None when stopped before."""
        is_noted, refused = False, None
        while True:
            try:
                if not is_noted:  # before the readings are stored: a second look at those finds no event
                    self._note(() if is_begun else events, outcome.lags_us)
                    is_noted = True
                if refused is None:
                    refused = (*outcome.refused, *self._make_safe(outcome, messages))
                self._keep(messages, outcome, refused, events)
            except StateUnavailable as error:
                pause_s = self._on_state_down(error, unacknowledged=len(messages))
            except StoreUnavailable as error:
                self._on_store_down(error, unacknowledged=len(messages))
                pause_s = self._retry_s
            else:
                return refused
            if wait(min(pause_s, self._retry_max_s)):
                return None
            self.drain()

    def drain(self) -> None:
        """Take what waits in the spool into the store, the oldest first, for a while."""
        if self._spool is None or self._spool.is_empty or self._monotonic() < self._try_store_at_s:
            return
        until_s = self._monotonic() + DRAIN_FOR_S
        while self._monotonic() < until_s:
            try:
                batches = self._spool.waiting(self._store.commits_at_once)
                if not batches:
                    break
                self._begin_apart(batches)
                refused = [as_refused(batches[0], row, why) for row, why in self._commit(batches[0])]
                if refused:
                    self._write_quarantine(refused, {})
                self._on_store_up()  # before the spool is seen empty: it is never seen empty with the store unreachable
                self._begun_of_spool = self._begun_of_spool[1:]
                self._spool.remove()
            except StateUnavailable as error:
                self._try_store_at_s = self._monotonic() + self._on_state_down(error)
                break
            except StoreUnavailable as error:
                self._on_store_down(error)
                break
            self._on_spool_drained()
        self._gauge_spool()

    def _begin_apart(self, batches: Sequence[ReadingBatch]) -> None:
        """Begin the first batches of the spool of which no two share an instant of a meter: any may be stored first."""
        begun = self._begun_of_spool
        for batch in batches[len(begun) :]:
            if any(batch.has_instant_of(other) for other in begun):
                break
            self._store.begin(batch)
            begun.append(batch)

    def flush(self) -> None:
        """Write down counters that wait. Raises StateUnavailable."""
        self._write_quarantine((), self._uncounted)
        self._uncounted.clear()
        self._counted_at_s = self._monotonic()
        self._write_logbook(())

    def _note(self, events: Sequence[Event], lags_us: Mapping[str, int]) -> None:
        """Record events at once, gateways' delays every few seconds.

        Raises StateUnavailable where events cannot be noted.
        """
        with self._noting:
            for name, lag_us in lags_us.items():
                self._lags_us[name] = min(lag_us, self._lags_us.get(name, lag_us))
        if events:
            self._write_logbook(events)
        elif self._lags_us and self._monotonic() - self._noted_at_s > COUNTERS_EVERY_S:
            self._noted_at_s = self._monotonic()
            self._unless_unavailable(lambda: self._write_logbook(()))

    def _write_logbook(self, events: Sequence[Event]) -> None:
        """Record events and delays. What cannot be written is logged: it is no reading. Raises StateUnavailable."""
        with self._noting:  # the decoding thread may be there too
            try:
                with self._in_state():
                    self._logbook.note(events, self._lags_us, now_us=self._now_us())
            except StateUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 - no event may hold readings back
                log.error("logbook_failed", why=described(error), events=[tuple(event) for event in events])  # noqa: TRY400
            self._lags_us = {}
            self._noted_at_s = self._monotonic()

    def _write_quarantine(self, refused: Sequence[Refused], counts: Mapping[str, int]) -> None:
        """Insert into quarantine and count. Raises StateUnavailable."""
        with self._in_state():
            self._quarantine.keep(refused, counts, now_us=self._now_us())

    @contextmanager
    def _in_state(self) -> Iterator[None]:
        """Raise that the state is unavailable as such: the store may be well."""
        try:
            yield
        except StoreUnavailable as error:
            raise StateUnavailable(str(error)) from error
        if self.state_is_unavailable:
            log.info("state_back")
        self.state_is_unavailable, self._state_retry_s = False, FIRST_RETRY_S

    def _unless_unavailable(self, write: Callable[[], None]) -> bool:
        """Write what may wait; False where the state is unavailable. Readings are not held up for it."""
        try:
            write()
        except StateUnavailable as error:
            self._on_state_down(error)
            return False
        return True

    def _on_state_down(self, error: StateUnavailable, **fields: object) -> float:
        """Record it once when it begins, and wait longer each time. Return how long."""
        if not self.state_is_unavailable:
            log.warning("state_unavailable", why=str(error), **fields)
        self.state_is_unavailable = True
        pause_s, self._state_retry_s = self._state_retry_s, min(self._state_retry_s * 2, self._retry_max_s)
        return pause_s

    def _make_safe(self, outcome: Sorted, messages: Sequence[Message]) -> list[Refused]:
        """Put readings into the store; into the spool while the store is unreachable, or older batches wait there.

        Raises StoreUnavailable when neither takes it.
        """
        if self._spool is None or (self._spool.is_empty and self._monotonic() >= self._try_store_at_s):
            try:
                culprits = self._commit(outcome.batch)
            except StoreUnavailable as error:
                if self._spool is None:
                    raise
                self._on_store_down(error)
            else:
                self._on_store_up()
                return by_message(culprits, outcome, messages)
        return by_message(do_or_split(self._append, outcome.batch), outcome, messages)

    def _commit(self, batch: ReadingBatch) -> list[tuple[int, str]]:
        """Put a batch into the store, once it is known to give back what it takes. Raises StoreUnavailable."""
        if self._try_first is not None:
            try:
                self._try_first()
            except StoreUnfit as error:  # at the start this ends the service; now what comes is held
                raise StoreUnavailable(str(error)) from error
            self._try_first = None
        return commit_or_split(self._store, batch)

    def _append(self, batch: ReadingBatch) -> None:
        """Put a batch into the spool. Raises StoreUnavailable when it takes no more."""
        if self._spool is None or len(batch) == 0:
            return
        try:
            has_room = self._spool.append(batch)
        except StoreUnavailable:
            self._on_spool_full()
            raise
        self._gauge_spool()
        if not has_room:
            self._on_spool_full()
            raise StoreUnavailable.of("spool_full", folder=self._spool.folder, size_bytes=f"{self._spool.size_bytes:,}")
        self._on_spool_drained()

    def _on_spool_full(self) -> None:
        if not self.spool_is_full:
            log.warning("spool_full", batches=self.spooled_batches)
        self.spool_is_full = True

    def _on_spool_drained(self) -> None:
        if self.spool_is_full:
            log.info("spool_has_room", batches=self.spooled_batches)
        self.spool_is_full = False

    def _gauge_spool(self) -> None:
        if self._spool is not None:
            self._metrics.spool_bytes.set(self._spool.size_bytes)
            self._metrics.spool_batches.set(self._spool.batches_count)

    def _on_store_down(self, error: StoreUnavailable, **fields: object) -> None:
        """Record it once when it begins, and wait longer each time."""
        if not self.store_is_unavailable:
            log.warning("store_unavailable", why=str(error), **fields)
        with self._beginning:
            self.store_is_unavailable = True
        self._store.abandon()  # else what is begun would fail later, one by one
        self._begun_of_spool = []
        self._try_store_at_s = self._monotonic() + self._retry_s
        self._retry_s = min(self._retry_s * 2, self._retry_max_s)

    def _on_store_up(self) -> None:
        if self.store_is_unavailable:
            log.info("store_back", spooled_batches=self.spooled_batches)
        self.store_is_unavailable = False
        self._retry_s, self._try_store_at_s = FIRST_RETRY_S, 0.0

    def _keep(
        self, messages: Sequence[Message], outcome: Sorted, refused: Sequence[Refused], events: Sequence[Event]
    ) -> None:
        """Store refusals at once, mere counts every few seconds. Raises StateUnavailable."""
        refused_count = sum(sum(item.by_reason.values()) for item in refused)
        counts = Counter(
            messages=len(messages),
            readings=len(outcome.batch),
            refused=refused_count,
            stale=outcome.stale_count,
            ignored=outcome.ignored_count,
        )
        if refused:
            self._write_quarantine(refused, self._uncounted + counts)
            self._uncounted.clear()
            self._counted_at_s = self._monotonic()
        else:
            self._uncounted.update(counts)
            self._count_when_due()
        self.totals.update(counts)
        self._measure(messages, outcome, refused, events)

    def _count_when_due(self) -> None:
        """Write counters every few seconds; while the state is unavailable they wait in memory."""
        if self._monotonic() - self._counted_at_s > COUNTERS_EVERY_S:
            self._counted_at_s = self._monotonic()
            if self._unless_unavailable(lambda: self._write_quarantine((), self._uncounted)):
                self._uncounted.clear()

    def _measure(
        self, messages: Sequence[Message], outcome: Sorted, refused: Sequence[Refused], events: Sequence[Event]
    ) -> None:
        metrics = self._metrics
        metrics.messages.inc(len(messages))
        metrics.readings.inc(len(outcome.batch))
        metrics.redelivered.inc(sum(message.duplicate for message in messages))
        metrics.stale.inc(outcome.stale_count)
        metrics.ignored.inc(outcome.ignored_count)
        metrics.batch.observe(len(outcome.batch))
        metrics.hear(dict(outcome.lags_us))
        for item in refused:
            for reason, count in item.by_reason.items():
                metrics.refused.labels(reason=reason).inc(count)
        for event in events:
            metrics.events.labels(kind=event.kind).inc()


def commit_or_split(store: ReadingStore, batch: ReadingBatch) -> list[tuple[int, str]]:
    """Store a batch. Where the store refuses it, find the readings at fault by halving.

    Sending a refused batch again can never help, so the rest goes in, and the rows at fault come back
    with the store's reason. A store that takes nothing refuses every reading, and none is at fault: so it is
    first asked for a value that it must take. Raises StoreUnavailable.
    """
    return do_or_split(store.commit, batch, ask_first=store.probe)


def do_or_split(
    make_safe: Callable[[ReadingBatch], None],
    batch: ReadingBatch,
    *,
    first_row: int = 0,
    ask_first: Callable[[], None] | None = None,
) -> list[tuple[int, str]]:
    """Make a batch safe; where that raises anything but StoreUnavailable, find the readings at fault by halving.

    ask_first : raises where nothing can be made safe now. Asked once, before any reading is held to be at fault.
    """
    try:
        make_safe(batch)
    except StoreUnavailable:
        raise
    except StoreUnfit as error:  # a person has to act; until then what comes is held
        raise StoreUnavailable(str(error)) from error
    except OSError as error:  # the disk's or the network's fault, and no reading's
        raise StoreUnavailable(described(error)) from error
    except Exception as error:  # noqa: BLE001 - no reading may stop the service
        why = str(error) if isinstance(error, StoreRefused) else described(error)
    else:
        return []
    if ask_first is not None:
        _ask(ask_first, why)
    if len(batch) == 0:
        raise StoreUnavailable.of("empty_batch_unsafe", why=why)
    if len(batch) == 1:
        log.warning("reading_refused_by_store", meter=batch.meter_ids[int(batch.meter[0])], why=why)
        return [(first_row, why)]
    middle = len(batch) // 2
    return do_or_split(make_safe, batch.take(slice(None, middle)), first_row=first_row) + do_or_split(
        make_safe, batch.take(slice(middle, None)), first_row=first_row + middle
    )


def _ask(whether_it_takes_anything: Callable[[], None], why: str) -> None:
    """Check that a store which refuses a batch takes anything at all. Raises StoreUnavailable where it does not."""
    try:
        whether_it_takes_anything()
    except StoreUnavailable:
        raise
    except Exception as error:
        raise StoreUnavailable.of("store_takes_nothing", why=why) from error
