"""What happened to a register, or to its device's clock, as its readings came."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class EventKind(StrEnum):
    """What happened to a register, or to the clock that stamps it."""

    ROLLOVER = "rollover"
    EXCHANGE = "exchange"
    FELL = "register_fell"
    JUMPED = "register_jumped"
    STUCK = "register_stuck"
    MOVES_AGAIN = "register_moves_again"
    CLOCK_UNSET = "clock_unset"
    CLOCK_STUCK = "clock_stuck"
    BACKLOG = "backlog_without_time"
    SESSION_LOST = "session_lost"
    QOS_0 = "qos_0"
    CANARY_MISSED = "canary_missed"
    MESSAGES_DROPPED = "messages_dropped"
    BACKLOG_HOLE = "backlog_hole"
    MESSAGES_LOST = "messages_lost"
    QUEUE_FULL = "queue_full"
    QUEUE_UNPROVEN = "queue_unproven"


class Event(NamedTuple):
    """One happening at one meter. `before_kwh`, `after_kwh`: the register around it."""

    meter_id: str
    ts_us: int
    kind: EventKind
    before_kwh: float
    after_kwh: float
