"""The ingester: subscriber, sorter, pipeline and store joined until it is stopped."""

from __future__ import annotations

import datetime as dt
import gc
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from typing import TypeVar

import structlog

from bkkenergy.adapters.broker_troubles import Trouble
from bkkenergy.adapters.canary import canary_of
from bkkenergy.adapters.mqtt import Subscriber
from bkkenergy.adapters.state import StateStore, open_state
from bkkenergy.adapters.state.logbook import Logbook
from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.adapters.work import REGISTRY
from bkkenergy.ingest.backlog import Backlog, late_events
from bkkenergy.ingest.batching import BatchContext, Unfinished, Waiting, next_batch, with_receive_maximum
from bkkenergy.ingest.births import StoredBirths
from bkkenergy.ingest.gaps import Gaps
from bkkenergy.ingest.holes import Holes, pv_of
from bkkenergy.ingest.inhand import SET_ASIDE, InHand
from bkkenergy.ingest.metrics import Metrics
from bkkenergy.ingest.observe import Endpoint, IngesterState, notify_systemd
from bkkenergy.ingest.ownclock import SET_CLOCK, OwnClock, is_of_a_set_clock
from bkkenergy.ingest.pipeline import Clock, Pipeline
from bkkenergy.ingest.queuewatch import QueueWatch
from bkkenergy.ingest.sort import Sorted, Sorter
from bkkenergy.ingest.spool import Spool
from bkkenergy.ingest.topics import topics_for
from bkkenergy.ingest.watch import Watch
from bkkenergy.metering.events import Event
from bkkenergy.payloads.decode.births import Births
from bkkenergy.payloads.message import Message, Reason, Refused, described
from bkkenergy.payloads.profile import Profile
from bkkenergy.portfolio import Portfolio
from bkkenergy.ports.readings import StoreUnavailable
from bkkenergy.readings import US_PER_S
from bkkenergy.settings import Settings
from bkkenergy.site.databases import lost_commits
from bkkenergy.site.folder import canary_file, in_hand_file, session_mark
from bkkenergy.site.open import open_ledger, open_writable
from bkkenergy.site.start import prepare_and_try

log = structlog.get_logger(__name__)

OpenedT = TypeVar("OpenedT")

STATUS_EVERY_S = 60.0
SWITCH_INTERVAL_S = 0.0002
"""SQLite's thread asks for Python's lock after each statement: its usual 5 ms are long, and 1 ms took 3 % more time."""
COLLECT_AFTER = 100_000
"""Objects that are made before the collector of cycles looks at the youngest."""
CLOCK_LOOK_S = 1.0
MAX_FINISHED_BYTES = 2_000_000
"""Of what waits when the service stops, dealt with together."""


def _make_room_for_a_flood(stack: ExitStack) -> None:
    """Set how often threads and the collector of cycles interrupt each other; undone with the stack.

    A batch is thousands of tuples, and no cycle: to look through them again and again took a third of the time.
    """
    stack.callback(sys.setswitchinterval, sys.getswitchinterval())
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    stack.callback(gc.set_threshold, *gc.get_threshold())
    gc.set_threshold(COLLECT_AFTER)


class Ingester:
    """Everything between the broker and the store: MQTT in its thread, decoding in the caller's, commits in a third."""

    def __init__(
        self,
        settings: Settings,
        portfolio: Portfolio,
        profiles: Mapping[str, Profile],
        portfolio_now: Callable[[], Portfolio] | None = None,
        *,
        wall_clock: Clock = time.time,
        opened_state: Callable[[], StateStore] | None = None,
    ) -> None:
        """Prepare to ingest.

        portfolio_now : asked between batches for the portfolio as it is now; must not wait.
        wall_clock : seconds since 1970. opened_state : opens the state, where that asks for more than settings.
        """
        settings = with_receive_maximum(settings)
        self._settings, self._profiles, self._portfolio = settings, profiles, portfolio
        self._portfolio_now, self._wall_clock = portfolio_now or (lambda: portfolio), wall_clock
        self._open_state = opened_state or partial(open_state, settings.state)
        self._own_clock = OwnClock()
        self._backlog, self._late_topics = Backlog(), set[str]()
        self._gaps = Gaps(settings.mqtt.client_id)
        self._births = StoredBirths(Births(is_shared=bool(settings.mqtt.share)))
        self._sorter = Sorter(
            portfolio.meters,
            profiles,
            max_ahead_s=settings.ingest.max_ahead_s,
            max_payload_bytes=settings.ingest.max_payload_bytes,
            own_clock=self._own_clock,
            births=self._births.births,
        )
        self._watch = Watch(portfolio.meters, stuck_after_s=settings.ingest.stuck_after_s)
        self._holes = Holes(self._sorter.meter_ids, pv_of(portfolio.meters))
        self._stop = threading.Event()
        self._ticked_s = time.monotonic()
        self._unfinished = Unfinished()
        self.metrics = Metrics(lambda: lost_commits(settings))
        canary = canary_of(settings.mqtt, canary_file(settings), session_mark(settings))
        self.subscriber = Subscriber(
            settings.mqtt,
            topics_for(settings, self._sorter.topics),
            exact_topics=self._sorter.topics,
            session_mark=session_mark(settings),
            on_trouble=self._on_trouble,
            canary=canary,
            host_id=settings.mqtt.sparkplug_host_id if self._sorter.has_sparkplug else "",
        )
        self._queue_watch = QueueWatch(settings, self.subscriber, canary)
        self.pipeline: Pipeline | None = None
        self.endpoint = Endpoint(settings.observe, settings.observe.port, [self.metrics.registry, REGISTRY], self.state)

    def _on_trouble(self, trouble: Trouble) -> None:
        self.metrics.troubles.labels(kind=trouble.kind).inc()
        self._gaps.note(trouble)

    def stop(self) -> None:
        """Stop `run` after the batch at hand; safe from a signal handler or another thread."""
        self._stop.set()

    def state(self) -> IngesterState:
        """Return how it is doing now."""
        now_s, pipeline = time.monotonic(), self.pipeline
        return IngesterState(
            connected=self.subscriber.is_connected,
            subscribed=self.subscriber.is_subscribed,
            store_is_unavailable=pipeline is None or pipeline.store_is_unavailable,
            state_is_unavailable=pipeline is None or pipeline.state_is_unavailable,
            spool_is_full=pipeline is not None and pipeline.spool_is_full,
            spool_batches=pipeline.spooled_batches if pipeline else 0,
            oldest_s=round(now_s - (self._unfinished.since_s or now_s), 3),
            tick_age_s=round(now_s - self._ticked_s, 3),
            clock_behind_s=self._own_clock.behind_us / US_PER_S,
            troubles=tuple(sorted(self.subscriber.troubles)),
        )

    def run(self) -> None:
        """Run until stopped. Waits for a store that is unreachable; raises StoreUnfit, and what is beyond repair."""
        self.endpoint.start()
        with ExitStack() as stack:
            stack.callback(self.endpoint.stop)
            _make_room_for_a_flood(stack)
            pipeline = self._opened(stack) if self._clock_is_right() else None
            if pipeline is None:
                return
            self.pipeline = pipeline
            stack.callback(self._flush, pipeline)
            stack.enter_context(self._queue_watch)
            self.subscriber.start()
            stack.callback(self.subscriber.stop)
            in_hand = InHand(in_hand_file(self._settings))
            stack.callback(in_hand.close)
            self._work(pipeline, in_hand)
            in_hand.clear()

    def _clock_is_right(self) -> bool:
        """Wait while this machine's clock cannot be right. False when the service stops meanwhile.

        By a clock that was never set every good reading is in the future and is refused, and what comes without a
        time is stamped by it.
        """
        is_reported = False
        while not is_of_a_set_clock(self._wall_clock()):
            if not is_reported:
                now = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=self._wall_clock())
                log.error("own_clock_not_set", now=now.isoformat(timespec="seconds"), remedy=SET_CLOCK)
            is_reported = True
            if self._wait(CLOCK_LOOK_S):
                return False
        return True

    def _opened(self, stack: ExitStack) -> Pipeline | None:
        """Open state, files and store, waited for while they are unreachable; None when stopped meanwhile.

        With a spool the store may be unavailable at the start: what comes is spooled. The state may not: nothing could
        be quarantined.
        """
        limits = self._settings.ingest
        state = self._waited_for(self._open_state, "state_unavailable")
        if state is None:
            return None
        stack.callback(state.dispose)
        self._births.open(state)
        spool, folder = None, limits.spool
        if folder is not None:
            spool = self._waited_for(lambda: Spool(folder, max_bytes=limits.spool_max_bytes), "spool_unavailable")
            if spool is None:
                return None
            stack.callback(spool.close)
        store = self._waited_for(
            lambda: open_writable(self._settings, prepare=limits.spool is None), "store_unavailable"
        )
        if store is None:
            return None
        stack.callback(store.close)
        try_first = None
        try:
            prepare_and_try(store, state)
            with closing(open_ledger(self._settings)) as ledger:
                seen = ledger.seen(self._sorter.meter_ids)
            self._watch.recall(self._sorter.meter_ids, store, seen)
            self._holes.recall(seen)
        except StoreUnavailable as error:
            log.warning("store_unavailable", why=str(error))
            try_first = partial(prepare_and_try, store, state)
        return Pipeline(
            store,
            Quarantine.of(state, limits),
            Logbook(state),
            self.metrics,
            spool=spool,
            try_first=try_first,
            retry_max_s=limits.store_retry_max_s,
        )

    def _waited_for(self, opened: Callable[[], OpenedT], event: str) -> OpenedT | None:
        """Open something, again and again while it is unavailable; None when stopped meanwhile."""
        delay_s = 0.5
        while True:
            try:
                return opened()
            except StoreUnavailable as error:
                log.warning(event, why=str(error), retry_s=delay_s)
            if self._wait(delay_s):
                return None
            delay_s = min(delay_s * 2, self._settings.ingest.store_retry_max_s)

    def _work(self, pipeline: Pipeline, in_hand: InHand) -> None:
        """Decode one batch while another is made safe and a third is ready for it: no more are in memory.

        Without the third the committing thread would stand idle while this one wakes.
        """
        status_at_s = time.monotonic()
        with ThreadPoolExecutor(1, "committer") as committer:
            desk = BatchContext(pipeline, in_hand, committer)
            while not self._stop.is_set():
                self._tick()
                self._follow()
                if not self._clock_is_right():
                    return
                messages = in_hand.as_first_received(
                    self._bridged(self._stamped(next_batch(self.subscriber, self._settings)))
                )
                if not self._deal_with(messages, desk):
                    return
                if time.monotonic() - status_at_s > STATUS_EVERY_S:
                    status_at_s = time.monotonic()
                    log.info("ingest_status", connected=self.subscriber.is_connected, **pipeline.totals)
            self._finish(desk)

    def _finish(self, desk: BatchContext) -> None:
        """Acknowledge what is safe, end the session, and store what came with QoS 0: no broker sends that again."""
        if not self._unfinished.settle(0):
            return
        self.subscriber.stop()
        window = self._settings.mqtt.receive_maximum
        while messages := self.subscriber.take(window, MAX_FINISHED_BYTES):
            unsafe = [message for message in messages if message.qos == 0]
            if not (self._deal_with(self._bridged(self._stamped(unsafe)), desk) and self._unfinished.settle(0)):
                return

    def _follow(self) -> None:
        """Take a newer portfolio, between two batches: the session and all that waits stay as they are."""
        portfolio = self._portfolio_now()
        if portfolio is self._portfolio:
            return
        limits = self._settings.ingest
        before, watch_before = self._sorter, self._watch
        self._sorter = Sorter(
            portfolio.meters,
            self._profiles,
            max_ahead_s=limits.max_ahead_s,
            max_payload_bytes=limits.max_payload_bytes,
            own_clock=self._own_clock,
            decoders=before.decoders,
            births=self._births.births,
        )
        self._watch = Watch(portfolio.meters, stuck_after_s=limits.stuck_after_s)
        self._watch.take_over(self._sorter.meter_ids, watch_before, before.meter_ids)
        self._holes = self._holes.of_meters(self._sorter.meter_ids, pv_of(portfolio.meters))
        self.subscriber.want(topics_for(self._settings, self._sorter.topics), self._sorter.topics)
        self._portfolio = portfolio
        log.info("ingest_follows_portfolio", revision=portfolio.revision, meters=len(self._sorter.meter_ids))

    def _stamped(self, messages: list[Message]) -> list[Message]:
        """Stamp what came while the clock was not set as if it came now."""
        # The subscriber's stamps never fall: between a good first and a good last there is no other.
        if all(is_of_a_set_clock(message.received_us / US_PER_S) for message in (*messages[:1], *messages[-1:])):
            return messages
        now_us = int(self._wall_clock() * US_PER_S)
        return [
            one if is_of_a_set_clock(one.received_us / US_PER_S) else one._replace(received_us=now_us)
            for one in messages
        ]

    def _bridged(self, messages: list[Message]) -> list[Message]:
        """Stamp a backlog of messages without a time as of the resumed session's begin."""
        topics = self._sorter.timeless_topics(messages)
        stamped, moved_count, begun = self._backlog.as_of_begin(messages, self.subscriber.resumed_epoch, topics)
        self.metrics.bridged.inc(moved_count)
        if begun:
            log.warning("backlog_without_time", topics=len(begun), first=begun[0])
        self._late_topics.update(begun)
        return stamped

    def _deal_with(self, messages: list[Message], desk: BatchContext) -> bool:
        """Start with a batch. A message that was in hand at a crash is so alone now. Return False when stopped."""
        in_hand, unfinished = desk.in_hand, self._unfinished
        if not (in_hand.suspects and messages):
            return self._begin(messages, desk)
        return all(
            unfinished.until_none_in(in_hand) and self._begin(run, desk) and unfinished.until_none_in(in_hand)
            if in_hand.is_suspect(run[0])
            else self._begin(run, desk)
            for run in in_hand.runs(messages)
        )

    def _begin(self, messages: list[Message], desk: BatchContext) -> bool:
        """Decode a batch and hand it to the committing thread. False when the service stops."""
        number = desk.in_hand.take(messages) if messages else 0
        outcome = self._sorted(messages, desk.in_hand)
        self._look_for_holes(outcome, messages)
        events = [*self._events(outcome), *outcome.events, *late_events(outcome, messages, self._late_topics)]
        self._late_topics.clear()
        events += self._gaps.taken() if messages else []
        self._report(outcome, events)
        if not self._unfinished.make_room(desk.pipeline.commits_at_once):
            return False
        is_begun = self._unfinished.may_begin(outcome.batch) and desk.begin(number, messages, outcome, events)
        secured = desk.committer.submit(self._secure, desk, number, messages, outcome, events, is_begun)
        self._unfinished.add(Waiting(secured, time.monotonic() if messages else None, outcome.batch, is_begun))
        return True

    def _sorted(self, messages: list[Message], in_hand: InHand) -> Sorted:
        if len(messages) == 1 and in_hand.is_culprit(messages[0]):
            log.error("message_set_aside", topic=messages[0].topic, bytes=len(messages[0].payload))
            aside = Refused(messages[0].topic, messages[0].payload, Reason.STOPPED_THE_SERVICE, SET_ASIDE)
            return Sorted.without_readings(self._sorter.meter_ids, [aside])
        self._births.before_batch()
        outcome = self._sorter.sort(messages, now_us=int(self._wall_clock() * US_PER_S))
        self._births.after_batch()
        return outcome

    def _look_for_holes(self, outcome: Sorted, messages: Sequence[Message]) -> None:
        """Note what came of a time away, and report what lacks of it."""
        now_us = int(self._wall_clock() * US_PER_S)
        self._holes.hear(outcome, messages, self.subscriber.resumed_epoch, now_us)
        if hole := self._holes.trouble(now_us):
            self.subscriber.report(hole)

    def _events(self, outcome: Sorted) -> list[Event]:
        """Return what registers do. Events that cannot be found are no reason to lose the readings."""
        try:
            return self._watch.events(outcome)
        except Exception as error:  # noqa: BLE001 - no event may hold readings back
            log.error("events_failed", why=described(error), readings=len(outcome.batch))  # noqa: TRY400
            return []

    def _secure(
        self,
        desk: BatchContext,
        number: int,
        messages: Sequence[Message],
        outcome: Sorted,
        events: Sequence[Event],
        is_begun: bool,
    ) -> bool:
        """Run one turn of the committing thread: the batch, then what waits in the spool."""

        def wait(seconds: float) -> bool:
            desk.in_hand.done(number)  # it waits for a store, and takes nothing down
            return self._wait(seconds)

        if messages and not desk.is_given_up:
            if not is_begun:
                desk.sync_receipts(messages, outcome)
            safe = partial(desk.pipeline.commit_then_ack, messages, outcome, events, self.subscriber.acknowledge)
            desk.is_given_up = not safe(wait=wait, is_begun=is_begun)
        if desk.is_given_up:
            return False
        desk.in_hand.done(number)
        desk.pipeline.drain()
        return True

    def _wait(self, seconds: float) -> bool:
        """Wait, and show that the loop still turns. Return True when it is to stop."""
        self._tick_watchdog()
        return self._stop.wait(seconds)

    def _tick(self) -> None:
        self._tick_watchdog()
        self.subscriber.tend()
        self._queue_watch.look()
        self.metrics.connected.set(self.subscriber.is_connected)
        self.metrics.clock_behind.set(self._own_clock.behind_us / US_PER_S)
        self.metrics.show_troubles(self.subscriber.troubles.keys())

    def _tick_watchdog(self) -> None:
        self._ticked_s = time.monotonic()
        notify_systemd("READY=1\nWATCHDOG=1")

    def _report(self, outcome: Sorted, events: Sequence[Event]) -> None:
        """Write events into the log, one line a meter and kind, and publish what decoders ask for."""
        times = Counter((event.meter_id, event.kind) for event in events)
        for event in {(event.meter_id, event.kind): event for event in reversed(events)}.values():
            fields = {"before_kwh": event.before_kwh, "after_kwh": event.after_kwh}
            count = times[event.meter_id, event.kind]
            log.warning("meter_event", meter=event.meter_id, kind=event.kind, times=count, **fields)
        for outgoing in outcome.outgoing:
            log.info("answered", topic=outgoing.topic)  # a Sparkplug node without births, or a device that asks
            self.subscriber.publish(outgoing.topic, outgoing.payload)

    def _flush(self, pipeline: Pipeline) -> None:
        try:
            pipeline.flush()
        except StoreUnavailable as error:
            log.warning("counters_not_written", why=str(error))
