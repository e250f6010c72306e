"""A message to ourselves through the ingester's own session: a connection that answers pings may deliver nothing.

Two brokers of those tried hold a session that is connected and dead, after a crash or a backlog larger than the window.
Neither says so. A canary that does not come back is the only sign.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable

from bkkenergy.adapters.awaited import Awaited, BacklogCount
from bkkenergy.adapters.broker_troubles import Trouble, canary_missed, queue_full
from bkkenergy.adapters.cut_guard import CutGuard, Publication
from bkkenergy.adapters.identities import OWN_TOPICS
from bkkenergy.adapters.renewal import Renewal
from bkkenergy.calendar import BANGKOK
from bkkenergy.payloads.message import Message
from bkkenergy.settings import MqttSettings

MISSED_AFTER_S = 30.0
"""A canary that is this late while nothing else comes either is missed."""
MISSED_AT_LAST_S = 600.0
"""A backlog is before it in the queue; but none takes so long for a message."""
AGAIN_AFTER_S = 5.0
"""Where nothing has come for so long, another is sent: if it comes alone, the one before was dropped."""
BUSY_MESSAGES, BUSY_S = 200, 0.5
"""After this number of messages of others another is sent, and not sooner than this after the last."""
DROPS_SAID_EVERY_S = 60.0
"""A queue that stays full is an event a minute, not one a second: each is a line of the log and a row of the state."""
MAX_DIGITS = 20


def canary_topic(client_id: str) -> str:
    """Return the topic of an ingester's canary.

    >>> canary_topic("a/b+")
    'bkkenergy/canary/a-b-'
    """
    return f"{OWN_TOPICS}/canary/{client_id.translate(str.maketrans('/+#', '---'))}"


def canary_of(settings: MqttSettings) -> Canary | None:
    """Return an ingester's canary; None where the settings want none."""
    return Canary(settings.client_id, settings.canary_s, share=settings.share) if settings.canary_s else None


class Canary:
    """Sends itself numbered messages now and then, and misses them."""

    def __init__(
        self, client_id: str, every_s: float, monotonic: Callable[[], float] = time.monotonic, *, share: str = ""
    ) -> None:
        """Prepare one.

        share : of the ingester. Its canary comes through a shared group of its own, since a broker may take such a
        subscription and deliver nothing to it.
        """
        self.topic = canary_topic(client_id)
        self.filter = self.topic
        self._shared_filter = f"$share/{share}-{self.topic.rpartition('/')[2]}/{self.topic}" if share else ""
        self.is_missed = False
        self.guard, self.renewal = CutGuard(), Renewal(monotonic)
        self._every_s, self._monotonic = every_s, monotonic
        self._awaited, self._backlog = Awaited(), BacklogCount()
        self._next_at_s = self._traffic_at_s = self._sent_at_s = 0.0
        self._acknowledged_at_s = self._held_up_until_s = self._say_drops_at_s = 0.0
        self._lock = threading.Lock()
        self._since_sent = 0
        """Messages of others since the last canary was sent."""

    def connected(self, *, has_share: bool = True, is_resumed: bool = False) -> None:
        """Begin again: what was sent on an earlier connection may be lost with it.

        What the broker was known to have dropped is said all the same, where the session is resumed.
        """
        self.filter = self._shared_filter if self._shared_filter and has_share else self.topic
        with self._lock:
            self._next_at_s, self._since_sent = self._monotonic(), 0
            self._awaited = self._awaited.only_passed(self._next_at_s) if is_resumed else Awaited()
            self._backlog = BacklogCount(is_over=not is_resumed)
        self.renewal.connected(is_resumed=is_resumed)

    def waiting_backlog(self) -> int | None:
        """Return how many messages waited in a resumed session, once, soon after the canary behind them came."""
        return self._backlog.taken(self._monotonic())

    def disconnected(self, on_trouble: Callable[[Trouble], None]) -> None:
        """Give it up where connections end before one was ever heard: the ingester goes on without."""
        if self.guard.cut():
            on_trouble(canary_missed(self.topic, was_heard=False, is_shared=self.filter != self.topic))

    def tend(self, publish: Callable[[str, bytes], Publication], on_trouble: Callable[[Trouble], None]) -> None:
        """Send one when it is time, and report those that are missed or were dropped."""
        now_s = self._monotonic()
        with self._lock:
            is_due, is_missed = self._is_due(), self._is_newly_missed()
            dropped = self._awaited.dropped(now_s) if now_s >= self._say_drops_at_s else None
        if is_due:
            self.send(publish)
        if is_missed:
            on_trouble(canary_missed(self.topic, was_heard=self.guard.was_heard, is_shared=self.filter != self.topic))
        if dropped:
            self._say_drops_at_s = now_s + DROPS_SAID_EVERY_S
            times = map(self._clock_time, (dropped.first_s, dropped.last_s))
            on_trouble(queue_full(dropped.number, dropped.of_number, *times))

    def before_acknowledging(self, publish: Callable[[str, bytes], Publication]) -> None:
        """Send one where many messages come: the queue is full for moments only, and fullest before it hears of us.

        After an acknowledgement there is room for a moment, in which a canary would always be taken.
        """
        now_s = self._monotonic()
        with self._lock:
            if now_s - self._acknowledged_at_s >= MISSED_AFTER_S:
                self._held_up_until_s = now_s  # by a store that was away: what is awaited could not come
            self._acknowledged_at_s = now_s
            pause_s = now_s - self._sent_at_s
            is_due = self._since_sent >= BUSY_MESSAGES and pause_s >= BUSY_S and self._awaited.has_room
        if is_due:
            self.send(publish)

    def send(self, publish: Callable[[str, bytes], Publication]) -> None:
        """Send one now: on a connection before any of its backlog is acknowledged, as a full queue is full still."""
        with self._lock:
            self._sent_at_s, self._since_sent = self._monotonic(), 0
            self._next_at_s = self._sent_at_s + self._every_s
            number = self._awaited.sent(self._sent_at_s)
        self.guard.sent(publish(self.topic, b"%d" % number))

    def sifted(self, messages: list[Message]) -> tuple[list[Message], list[Message]]:
        """Note canaries that came back; return the messages of others, and our own."""
        ours = [message for message in messages if message.topic == self.topic]
        others = [message for message in messages if message.topic != self.topic] if ours else messages
        self.renewal.heard(others)
        now_s = self._monotonic()
        with self._lock:
            if others:
                self._traffic_at_s = now_s  # the canary waits behind other messages
                self._since_sent += len(others)
                self._backlog.add(others)
            is_heard = [self._awaited.came(_number(message.payload), now_s) for message in ours]
        if any(is_heard):
            self.is_missed, self.guard.was_heard = False, True
            self.renewal.canary_came()
            self._backlog.end(now_s)
        return others, ours

    def _is_due(self) -> bool:
        """Return whether to publish one now: at its time, and again where nothing comes, not even the one before."""
        now_s = self._monotonic()
        if self._awaited.oldest_s is not None and not self.is_missed:
            return min(now_s - self._sent_at_s, now_s - self._traffic_at_s) >= AGAIN_AFTER_S
        return now_s >= self._next_at_s

    def _is_newly_missed(self) -> bool:
        """Return whether the oldest that is awaited is late, once until one is heard again."""
        oldest_s = self._awaited.oldest_s
        if oldest_s is None or self.is_missed:
            return False
        now_s = self._monotonic()
        late_s, idle_s = now_s - max(oldest_s, self._held_up_until_s), now_s - self._traffic_at_s
        self.is_missed = (late_s >= MISSED_AFTER_S and idle_s >= MISSED_AFTER_S) or late_s >= MISSED_AT_LAST_S
        return self.is_missed

    def _clock_time(self, at_s: float) -> dt.datetime:
        """Return the time in Bangkok of an instant of the monotonic clock."""
        ago = dt.timedelta(seconds=self._monotonic() - at_s)
        return dt.datetime.now(BANGKOK) - ago


def _number(payload: bytes) -> int:
    """Return the number that a canary bears; -1 where it is none of ours."""
    return int(payload) if payload.isdigit() and len(payload) <= MAX_DIGITS else -1
