"""When messages may have been lost on their way from the broker: events that stay, where a log line would pass."""

from __future__ import annotations

import time
from collections import deque

from bkkenergy.adapters.broker_troubles import Trouble, TroubleKind
from bkkenergy.metering.events import Event, EventKind
from bkkenergy.readings import US_PER_S

LOSING = {
    TroubleKind.SESSION_LOST: EventKind.SESSION_LOST,
    TroubleKind.QOS_0: EventKind.QOS_0,
    TroubleKind.CANARY_MISSED: EventKind.CANARY_MISSED,
    TroubleKind.MESSAGES_DROPPED: EventKind.MESSAGES_DROPPED,
    TroubleKind.BACKLOG_HOLE: EventKind.BACKLOG_HOLE,
    TroubleKind.MESSAGES_LOST: EventKind.MESSAGES_LOST,
    TroubleKind.QUEUE_FULL: EventKind.QUEUE_FULL,
    TroubleKind.QUEUE_UNPROVEN: EventKind.QUEUE_UNPROVEN,
}
"""Troubles by which messages are lost, and the events that say so."""


def gaps_of(client_id: str) -> str:
    """Return under what name an ingester's gaps are noted, where a meter's events have its id."""
    return f"mqtt {client_id}"


class Gaps:
    """Events of the connection that wait for the next batch. Noted in the network thread, taken in another."""

    def __init__(self, client_id: str) -> None:
        self._name = gaps_of(client_id)
        self._waiting: deque[Event] = deque()

    def note(self, trouble: Trouble) -> None:
        """Note a trouble that loses messages."""
        if trouble.kind in LOSING:
            self._waiting.append(Event(self._name, int(time.time() * US_PER_S), LOSING[trouble.kind], 0.0, 0.0))

    def taken(self) -> list[Event]:
        """Return what was noted since, once."""
        return [self._waiting.popleft() for _ in range(len(self._waiting))]
