"""How messages become batches, until they pause or a batch is full; and batches that are not safe yet."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from bkkenergy.adapters.mqtt import Subscriber
from bkkenergy.ingest.inhand import InHand
from bkkenergy.ingest.pipeline import Pipeline
from bkkenergy.ingest.sort import Sorted
from bkkenergy.payloads.message import Message
from bkkenergy.settings import Settings

TICK_S = 0.5
QUIET_S = 0.005
"""A pause this long among messages ends a batch: on 3.1.1 the broker sends no more until it hears."""
MEAN_READING_BYTES = 90
"""What a reading takes in a payload, about: it turns the size of a batch into bytes."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A batch that is not safe yet, and since when its messages wait; None for one without any."""

    secured: Future[bool]
    since_s: float | None

    @property
    def is_done(self) -> bool:
        """Whether it is safe, or given up because the service stops."""
        return self.secured.done()


@dataclass(frozen=True, slots=True)
class BatchContext:
    """What a batch goes through: noted, decoded, made safe in a thread of its own."""

    pipeline: Pipeline
    in_hand: InHand
    committer: ThreadPoolExecutor


def next_batch(subscriber: Subscriber, settings: Settings) -> list[Message]:
    """Collect messages until none comes for a while, the batch is full, or the first has waited long enough."""
    window = settings.mqtt.receive_maximum // 2
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
