"""How messages become batches, until they pause or a batch is full; and batches that are not safe yet."""

from __future__ import annotations

import concurrent.futures
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from bkkenergy.adapters.mqtt import Subscriber
from bkkenergy.ingest.inhand import InHand
from bkkenergy.ingest.pipeline import Pipeline
from bkkenergy.ingest.sort import Sorted
from bkkenergy.metering.events import Event
from bkkenergy.payloads.message import Message
from bkkenergy.readings import ReadingBatch
from bkkenergy.settings import Settings

TICK_S = 0.5
SLOW_S = 0.1
"""Where a store has not answered within so long, more batches are sent meanwhile. One that is busy gets no more."""
READY_BATCHES = 1
"""Batches decoded and waiting for the committing thread, beside the one that it holds."""
LOOK_S = 0.001
QUIET_S = 0.005
"""A pause this long among messages ends a batch: on 3.1.1 the broker sends no more until it hears."""
WIDE_RECEIVE_MAXIMUM = 40_000
"""Where nothing is set, and the store lets many commits wait: what is unacknowledged bounds what it takes a second."""
MEAN_READING_BYTES = 90
"""What a reading takes in a payload, about: it turns the size of a batch into bytes."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A batch that is not safe yet.

    since_s : when its messages began to wait; None for one without any. is_begun : whether the store has it already.
    """

    secured: Future[bool]
    since_s: float | None
    batch: ReadingBatch
    is_begun: bool

    @property
    def is_done(self) -> bool:
        """Whether it is safe, or given up because the service stops."""
        return self.secured.done()

    def is_late(self) -> bool:
        """Wait until it is safe, at most until SLOW_S after it began to wait. Return True where it is not safe then."""
        left_s = 0.0 if self.since_s is None else self.since_s + SLOW_S - time.monotonic()
        return not concurrent.futures.wait([self.secured], max(0.0, left_s)).done


class Unfinished:
    """Batches that are not safe yet, in their order. The decoding thread alone adds and takes away."""

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()

    def add(self, waiting: Waiting) -> None:
        """Add the newest."""
        self._waiting.append(waiting)

    @property
    def since_s(self) -> float | None:
        """When the messages of the oldest began to wait; None where none wait."""
        return next((batch.since_s for batch in list(self._waiting) if not batch.is_done and batch.since_s), None)

    def may_begin(self, batch: ReadingBatch) -> bool:
        """Return whether a batch may be stored before these: all are begun, and share no instant with it."""
        unsafe = [other for other in self._waiting if not other.is_done]
        return all(other.is_begun and not batch.has_instant_of(other.batch) for other in unsafe)

    def settle(self, most: int) -> bool:
        """Wait until at most `most` are left. False when one was given up: the service stops."""
        waiting = self._waiting
        while len(waiting) > most or (waiting and waiting[0].is_done):
            if not waiting[0].secured.result():
                return False
            waiting.popleft()
        return True

    def until_none_in(self, in_hand: InHand) -> bool:
        """Wait until none could take the process down: each is sent, or waits for a store. As `settle`."""
        while not in_hand.is_empty:
            if not self.settle(len(self._waiting)):
                return False
            time.sleep(LOOK_S)
        return True

    def make_room(self, at_once: int) -> bool:
        """Wait until few are left; where the store is slow to answer, as many as it takes at once. As `settle`."""
        waiting = self._waiting
        while READY_BATCHES < len(waiting) < at_once and not waiting[0].is_late():
            if not self.settle(len(waiting) - 1):
                return False
        return self.settle(max(READY_BATCHES, at_once - 1))


@dataclass(slots=True)
class BatchContext:
    """What a batch goes through: noted, decoded, made safe in a thread of its own.

    is_given_up : whether one was given up, since the service stops. It is sent again, and would be stored over what
    came after it: so nothing after it is stored either.
    """

    pipeline: Pipeline
    in_hand: InHand
    committer: ThreadPoolExecutor
    is_given_up: bool = False

    def begin(self, number: int, messages: Sequence[Message], outcome: Sorted, events: Sequence[Event]) -> bool:
        """Let the store begin with a batch, of this number in hand. Return False where it has to wait for its turn."""
        if self.pipeline.commits_at_once == 1:
            return False
        self.sync_receipts(messages, outcome)
        return self.pipeline.begin(outcome.batch, events, partial(self.in_hand.done, number))

    def sync_receipts(self, messages: Sequence[Message], outcome: Sorted) -> None:
        """Make when messages came outlast a power cut, where readings rest on it."""
        if rests_on_receipt(outcome, messages):
            self.in_hand.sync()


def with_receive_maximum(settings: Settings) -> Settings:
    """Return settings with `mqtt.receive_maximum` as set, or as wide as the store can use."""
    if settings.store.kind != "influx" or "receive_maximum" in settings.mqtt.model_fields_set:
        return settings
    mqtt = settings.mqtt.model_copy(update={"receive_maximum": WIDE_RECEIVE_MAXIMUM})
    return settings.model_copy(update={"mqtt": mqtt})


def next_batch(subscriber: Subscriber, settings: Settings) -> list[Message]:
    """Collect messages until none comes for a while, the batch is full, or the first has waited long enough."""
    window = min(settings.mqtt.receive_maximum // 2, settings.ingest.batch_readings)
    max_bytes = settings.ingest.batch_readings * MEAN_READING_BYTES
    messages = subscriber.take(window, max_bytes, timeout_s=TICK_S)
    size_bytes = sum(len(message.payload) for message in messages)
    until_s = time.monotonic() + settings.ingest.linger_s
    while messages and len(messages) < window and size_bytes < max_bytes and time.monotonic() < until_s:
        time.sleep(QUIET_S)  # asleep, not waiting: to be woken by each message would cost more than the message
        more = subscriber.take(window - len(messages), max_bytes - size_bytes)
        if not more:
            break
        messages += more
        size_bytes += sum(len(message.payload) for message in more)
    return messages


def rests_on_receipt(outcome: Sorted, messages: Sequence[Message]) -> bool:
    """Return whether a reading has the time at which its message came, since it says none itself."""
    received_us = np.array([message.received_us for message in messages], np.int64)
    return bool((outcome.batch.ts_us == received_us[outcome.source]).any())
