"""When to connect again to the same session: what a broker does not send on this connection it may send on the next.

Nothing is lost by it: the session stays, and what was not acknowledged is sent again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from operator import attrgetter

from bkkenergy.payloads.message import Message

PAUSE_S, PAUSE_AT_MOST_S = 60.0, 3600.0
"""From one new connection to the next while the canary stays away."""


class Renewal:
    """Decides whether the connection is to be made again, and why.

    mosquitto with `queue_qos0_messages` and without `upgrade_outgoing_qos` leaves messages behind: of a backlog larger
    than the window, as many of QoS 1 as there are of QoS 0 after them, until the client connects again (2.0.11, as
    tried). So after a backlog of both kinds there is one more connection.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._is_watched = self._was_for_mixture = self._was_mixed = False
        self._has_acknowledged: set[bool] = set()
        self._pause_s, self._next_at_s = PAUSE_S, 0.0

    def connected(self, *, is_resumed: bool) -> None:
        """Begin to look at what comes of the backlog; not of the one that a renewal was made for."""
        self._is_watched = is_resumed and not self._was_for_mixture
        self._was_for_mixture = self._was_mixed = False
        self._has_acknowledged.clear()

    def heard(self, messages: Iterable[Message]) -> None:
        """Note the messages of others. What comes before the canary may be of the backlog."""
        if self._is_watched:
            self._has_acknowledged.update(qos > 0 for qos in set(map(attrgetter("qos"), messages)))

    def canary_came(self) -> None:
        """Note that the backlog is over: the canary waits behind it."""
        self._was_mixed |= self._is_watched and len(self._has_acknowledged) > 1
        self._is_watched = False

    def reason(self, *, canary_is_missed: bool) -> str:
        """Return why to connect again now; "" where there is no reason."""
        if self._was_mixed:
            self._was_mixed, self._was_for_mixture = False, True
            return "the backlog had messages with and without acknowledgement"
        now_s = self._monotonic()
        if not canary_is_missed:
            self._pause_s, self._next_at_s = PAUSE_S, 0.0
            return ""
        if now_s < self._next_at_s:
            return ""
        self._next_at_s, self._pause_s = now_s + self._pause_s, min(2 * self._pause_s, PAUSE_AT_MOST_S)
        return "the canary is missed"
