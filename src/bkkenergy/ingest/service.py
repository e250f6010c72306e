"""The ingester: subscriber, pipeline and store joined until told to stop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from paho.mqtt.client import topic_matches_sub

from bkkenergy.errors import ConfigError, Fault
from bkkenergy.ingest.decode import FAMILIES
from bkkenergy.ingest.message import Message
from bkkenergy.ingest.mqtt import Subscriber
from bkkenergy.ingest.pipeline import Pipeline
from bkkenergy.ingest.quarantine import Quarantine
from bkkenergy.ingest.sort import Sorter
from bkkenergy.portfolio import Meter, Portfolio
from bkkenergy.settings import Settings
from bkkenergy.store import ReadingStore, StoreAway, open_store

log = logging.getLogger(__name__)

TICK_S = 0.5
QUIET_S = 0.005
"""A pause this long among messages ends a batch: on 3.1.1 the broker sends no more until it hears."""
STATUS_EVERY_S = 60.0
MEAN_READING_BYTES = 90
"""What a reading takes in a payload, about: it turns the size of a batch into bytes."""


def payload_faults(meters: Sequence[Meter]) -> list[Fault]:
    """Meters whose payload family does not exist."""
    known = ", ".join(sorted(FAMILIES))
    return [
        Fault(f"meter {meter.id}: payload", f"there is no payload family {meter.payload!r}", f"Use one of: {known}.")
        for meter in meters
        if meter.payload not in FAMILIES
    ]


def topics_for(settings: Settings, meters: Sequence[Meter]) -> tuple[str, ...]:
    """The configured subscriptions, and the topics of meters that none of them covers."""
    covered = settings.mqtt.topics
    own = [meter.topic for meter in meters if not any(topic_matches_sub(topic, meter.topic) for topic in covered)]
    return (*covered, *own)


class Ingester:
    """Everything between the broker and the store: MQTT in its thread, decoding in the caller's, commits in a third."""

    def __init__(self, settings: Settings, portfolio: Portfolio) -> None:
        if faults := payload_faults(portfolio.meters):
            raise ConfigError(faults)
        self._settings = settings
        self._sorter = Sorter(portfolio.meters, max_ahead_s=settings.ingest.max_ahead_s)
        self._stop = threading.Event()
        self.subscriber = Subscriber(settings.mqtt, topics_for(settings, portfolio.meters))
        self.pipeline: Pipeline | None = None

    def stop(self) -> None:
        """End `run` after the batch at hand; safe from a signal handler or another thread."""
        self._stop.set()

    def run(self) -> None:
        """Ingest until stopped. Waits for a store that is away; raises what is beyond mending."""
        opened = self._opened()
        if opened is None:
            return
        store, quarantine = opened
        self.pipeline = Pipeline(self._sorter, store, quarantine, retry_max_s=self._settings.ingest.store_retry_max_s)
        self.subscriber.start()
        try:
            self._work(self.pipeline)
        finally:
            self.subscriber.stop()
            try:
                self.pipeline.flush()
            except StoreAway as away:
                log.warning("counters_not_written", extra={"why": str(away)})
            store.close()
            quarantine.close()

    def _opened(self) -> tuple[ReadingStore, Quarantine] | None:
        """Store and quarantine, waited for while they are away; None when stopped meanwhile."""
        limits, delay_s = self._settings.ingest, 0.5
        while True:
            try:
                quarantine = Quarantine(
                    self._settings.store.path,
                    max_messages=limits.quarantine_max_messages,
                    max_bytes=limits.quarantine_max_bytes,
                )
                return open_store(self._settings.store), quarantine
            except StoreAway as away:
                log.warning("store_away", extra={"why": str(away), "retry_s": delay_s})
            if self._stop.wait(delay_s):
                return None
            delay_s = min(delay_s * 2, limits.store_retry_max_s)

    def _work(self, pipeline: Pipeline) -> None:
        """Decode one batch while the batch before is committed: never more than two are in memory."""
        told_at_s = time.monotonic()
        committing: Future[bool] | None = None
        with ThreadPoolExecutor(1, "committer") as committer:
            while not self._stop.is_set():
                self.subscriber.tend()
                messages = self._next_batch()
                found = pipeline.sort(messages)
                if committing is not None and not committing.result():
                    return
                committing = None
                if messages:
                    committing = committer.submit(
                        pipeline.commit_then_ack, messages, found, self.subscriber.acknowledge, wait=self._stop.wait
                    )
                if time.monotonic() - told_at_s > STATUS_EVERY_S:
                    told_at_s = time.monotonic()
                    log.info("ingest_status", extra={"connected": self.subscriber.is_connected, **pipeline.totals})
            if committing is not None:
                committing.result()

    def _next_batch(self) -> list[Message]:
        """Messages until they pause, the batch is full, or the first has waited long enough."""
        window = self._settings.mqtt.receive_maximum // 2
        most_bytes = self._settings.ingest.batch_readings * MEAN_READING_BYTES
        messages = self.subscriber.take(window, most_bytes, timeout_s=TICK_S)
        size_bytes = sum(len(message.payload) for message in messages)
        until_s = time.monotonic() + self._settings.ingest.linger_s
        while messages and len(messages) < window and size_bytes < most_bytes and time.monotonic() < until_s:
            more = self.subscriber.take(window - len(messages), most_bytes - size_bytes, timeout_s=QUIET_S)
            if not more:
                break
            messages += more
            size_bytes += sum(len(message.payload) for message in more)
        return messages
