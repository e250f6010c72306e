"""How many messages the broker's queue for us may have had at once, as far as canaries and pauses bound it.

A canary that came back was taken in by a queue that had room. Between one canary and the next the queue may have been
full for a moment. It had at most what came up to the second, less what had left the queue when the first was sent.
Where that is less than the broker is known to store, nothing was dropped.

Ingesters that share may have one queue for all of them, as with HiveMQ, in which no canary waits. Only pauses end a
span there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from bkkenergy.payloads.message import Message

IDLE_S = 1.0
"""So long without a message while none is unacknowledged: a broker that had one would have sent it."""
MOMENT_S = 0.05
"""A pause so short is no proof by itself, but a second of such pauses is, each after fewer messages than the broker has
left unacknowledged at once: where more wait, it sends them."""
LEAST_AT_ONCE = 2
"""Every broker that is known leaves two unacknowledged, by its own settings."""
COUNT_WITHIN_S = 5.0
"""A broker that counts what it drops says so within this."""
_RETAINED, _QOS = attrgetter("retained"), attrgetter("qos")


@dataclass(frozen=True, slots=True)
class QueuedAtOnce:
    """Messages that may have been in the queue at once.

    was_away : all of them, as the ingester came back. is_of_group : those that this ingester took; the queue may have
    been that of all ingesters that share.
    """

    messages: int
    was_away: bool
    is_of_group: bool = False


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """What outlasts the process.

    gone : messages of others that have left the queue, since the session began. base : the same when the queue was last
    known to have room. away : the longest backlog that is not judged yet. live : the longest span, as long as it may
    have been.
    """

    gone: int = 0
    base: int = 0
    away: int = 0
    live: int = 0


class QueueSpan:
    """Counts what comes and what is acknowledged, in the order in which the broker had it."""

    def __init__(self, counts: QueueCounts) -> None:
        """Go on from an earlier process."""
        self.counts = counts
        self._taken, self._epoch, self._is_away, self._gone_before = counts.gone, 0, False, counts.gone
        self._last_at_s = self._moments_s = 0.0
        self._gone_before_moments = counts.base
        self._at_once, self._most_at_once = 0, LEAST_AT_ONCE  # taken and unacknowledged: since none was, and ever
        self._is_of_group = False
        self._ended_at_s: float | None = None

    def connected(self, now_s: float, *, is_resumed: bool, epoch: int, is_of_group: bool = False) -> None:
        """Begin again with what is not acknowledged: the broker sends it once more. A new session has nothing."""
        self._is_of_group, self._last_at_s = is_of_group, now_s
        self._taken, self._epoch, self._is_away, self._gone_before = (
            self.counts.gone,
            epoch,
            is_resumed,
            self.counts.gone,
        )
        if not is_resumed:
            self.counts = replace(self.counts, base=self.counts.gone)
        if self.counts.away or self.counts.live:
            self._ended_at_s = now_s

    def heard(self, messages: Sequence[Message], now_s: float, *, is_canary_awaited: bool) -> None:
        """Count messages of others. Retained ones did not wait: MQTT 3.1.1 sends them at each subscription."""
        waited = self._waited(messages)
        pause_s = 0.0 if is_canary_awaited else self._pause_s(now_s)
        if pause_s >= IDLE_S:
            self._was_empty(self.counts.gone, now_s)
        elif self._is_of_group and pause_s >= MOMENT_S and self._at_once < self._most_at_once:
            self._moments_s += pause_s
            if self._moments_s >= IDLE_S:
                self._was_empty(self._gone_before_moments, now_s)
        before = self._at_once if self._taken > self.counts.gone else 0
        self._taken += len(waited)
        self._at_once = max(before, self._taken - self.counts.gone)
        self._most_at_once = max(self._most_at_once, self._at_once)
        if unanswered := list(map(_QOS, waited)).count(0):
            self.counts = replace(self.counts, gone=self.counts.gone + unanswered)
        self._last_at_s = now_s

    def acknowledged(self, messages: Sequence[Message], now_s: float) -> None:
        """Count messages of others, of QoS 1, that are about to leave the queue."""
        self.counts = replace(self.counts, gone=self.counts.gone + len(self._waited(messages)))
        self._last_at_s = now_s

    def _waited(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Return those of this connection that were in the queue; most often all, and this is asked of each."""
        is_of_one = not messages or messages[0].epoch == messages[-1].epoch == self._epoch  # epochs never fall
        if is_of_one and not any(map(_RETAINED, messages)):
            return messages
        return [message for message in messages if message.epoch == self._epoch and not message.retained]

    def _pause_s(self, now_s: float) -> float:
        """Return how long nothing has come while none was unacknowledged; 0 where the queue need not be empty."""
        return now_s - self._last_at_s if self._taken == self.counts.gone and not self._is_away else 0.0

    def _was_empty(self, gone: int, now_s: float) -> None:
        """End a span after a pause. gone : what had left the queue when it is known to have been empty."""
        counts = self.counts
        span = self._taken - counts.base
        self.counts = replace(counts, base=max(counts.base, gone), live=max(counts.live, span))
        if self.counts.live and self._ended_at_s is None:
            self._ended_at_s = now_s
        self._gone_before_moments, self._moments_s = counts.gone, 0.0

    def canary_came(self, gone: int, now_s: float, *, is_of_connection: bool) -> None:
        """End a span, unless it is a group's. gone : what had left the queue when the canary was sent."""
        if self._is_of_group:
            gone = self.counts.base
            if self._pause_s(now_s) >= IDLE_S:
                self._was_empty(self.counts.gone, now_s)
        counts = self.counts
        backlog = self._taken - self._gone_before if self._is_away and is_of_connection else 0
        self.counts = replace(
            counts,
            base=max(counts.base, gone),
            away=max(counts.away, backlog),
            live=max(counts.live, self._taken - counts.base),
        )
        if backlog or self._ended_at_s is None:
            self._ended_at_s = now_s
        self._is_away &= not is_of_connection

    def ended(self, now_s: float) -> QueuedAtOnce | None:
        """Return the longest span that is not judged, once a broker that counts its drops has had the time to."""
        if self._ended_at_s is None or now_s - self._ended_at_s < COUNT_WITHIN_S:
            return None
        if self.counts.away:
            return QueuedAtOnce(self.counts.away, was_away=True, is_of_group=self._is_of_group)
        if self.counts.live:
            return QueuedAtOnce(self.counts.live, was_away=False, is_of_group=self._is_of_group)
        return None

    def judged(self, span: QueuedAtOnce) -> None:
        """Note that a span was judged. One that has become longer since is another."""
        counts = self.counts
        if span.was_away:
            counts = replace(counts, away=counts.away if counts.away > span.messages else 0)
        else:
            counts = replace(counts, live=counts.live if counts.live > span.messages else 0)
        self.counts = counts
        if not (counts.away or counts.live):
            self._ended_at_s = None
