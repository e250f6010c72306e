"""How much a broker stores for a client that is away, as the doctor measured it, and what a backlog says beside it.

A queue that was full comes as a backlog of as many messages as it has room for. Some brokers drop the newest, some the
oldest, and none says so.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from bkkenergy.adapters.broker_troubles import (
    Trouble,
    backlog_of_full_queue,
    group_queue_unproven,
    queue_short,
    queue_unproven,
)
from bkkenergy.adapters.files import write_whole
from bkkenergy.adapters.queue_span import QueuedAtOnce
from bkkenergy.settings import MqttSettings

ALWAYS_STORED = 100
"""No broker that is known stores fewer for a client, by its own settings."""
FULL_RATIO = 0.95
"""A backlog of so much of what the queue holds may have been one of a full queue."""
MOST_MEMBERS = 4
"""Ingesters that share, at most: each knows only what it took itself of the queue of all."""


class QueueDepth(NamedTuple):
    """An outage that was played: how many messages a broker acknowledged, and how many of these it delivered."""

    broker: str
    acknowledged: int
    delivered: int

    @property
    def is_short(self) -> bool:
        """Whether it dropped some."""
        return self.delivered < self.acknowledged


def broker_of(settings: MqttSettings) -> str:
    """Return what a broker is known by."""
    return f"{settings.host}:{settings.port}"


def remember(file: Path, depth: QueueDepth) -> None:
    """Write down what was measured. Where that cannot be, a long backlog is said to be unproven."""
    with suppress(OSError):
        write_whole(file, json.dumps(depth._asdict()).encode())


def recalled(file: Path, broker: str) -> QueueDepth | None:
    """Return what was measured of this broker; None where nothing was."""
    try:
        written = json.loads(file.read_text("utf-8"))
        depth = QueueDepth(str(written["broker"]), int(written["acknowledged"]), int(written["delivered"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return depth if depth.broker == broker else None


def trouble_of_queue(depth: QueueDepth | None) -> Trouble | None:
    """Return that a broker's queue is known to be too short."""
    return queue_short(depth.delivered, depth.acknowledged) if depth is not None and depth.is_short else None


def trouble_of_span(depth: QueueDepth | None, span: QueuedAtOnce, *, is_counted: bool) -> Trouble | None:
    """Return what messages that may have been in the queue at once leave in doubt.

    A broker that delivered none forgets sessions: nothing is known of its queue for one that is there.

    is_counted : whether the broker itself counts what it drops, and we hear that.
    """
    if depth is not None and depth.is_short and (depth.delivered or span.was_away):
        full = max(1, FULL_RATIO * depth.delivered)
        if span.messages >= full and span.was_away:
            return backlog_of_full_queue(span.messages, depth.delivered)
    else:
        full = ALWAYS_STORED if depth is None else max(ALWAYS_STORED, depth.delivered)
    members = MOST_MEMBERS if span.is_of_group else 1
    if members * span.messages < full or is_counted:
        return None
    if span.is_of_group:
        return group_queue_unproven(span.messages, members, int(full))
    return queue_unproven(span.messages, int(full))
