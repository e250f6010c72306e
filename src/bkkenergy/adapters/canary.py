"""A message to ourselves through the ingester's own session: a connection that answers pings may deliver nothing.

Two brokers of those tried hold a session that is connected and dead, after a crash or a backlog larger than the window.
Neither says so. A canary that does not come back is the only sign.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from bkkenergy.adapters.broker_troubles import Trouble, canary_missed
from bkkenergy.adapters.cut_guard import CutGuard, Publication
from bkkenergy.adapters.identities import OWN_TOPICS
from bkkenergy.adapters.renewal import Renewal
from bkkenergy.payloads.message import Message
from bkkenergy.settings import MqttSettings

MISSED_AFTER_S = 30.0
"""A canary that is this late while nothing else comes either is missed."""
MISSED_AT_LAST_S = 600.0
"""A backlog is before it in the queue; but none takes so long for a message."""


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
    """Sends itself a message now and then, and misses it."""

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
        self._sent_count = 0
        self._sent_at_s: float | None = None
        self._next_at_s = 0.0
        self._traffic_at_s = 0.0

    def connected(self, *, has_share: bool = True, is_resumed: bool = False) -> None:
        """Begin again: what was sent on an earlier connection may be lost with it."""
        self.filter = self._shared_filter if self._shared_filter and has_share else self.topic
        self._sent_at_s, self._next_at_s = None, self._monotonic()
        self.renewal.connected(is_resumed=is_resumed)

    def disconnected(self, on_trouble: Callable[[Trouble], None]) -> None:
        """Give it up where connections end before one was ever heard: the ingester goes on without."""
        if self.guard.cut():
            on_trouble(canary_missed(self.topic, was_heard=False, is_shared=self.filter != self.topic))

    def tend(self, publish: Callable[[str, bytes], Publication], on_trouble: Callable[[Trouble], None]) -> None:
        """Send one when it is time, and report one that is missed."""
        if payload := self._due():
            self.guard.sent(publish(self.topic, payload))
        if self._is_newly_missed():
            on_trouble(canary_missed(self.topic, was_heard=self.guard.was_heard, is_shared=self.filter != self.topic))

    def sifted(self, messages: list[Message]) -> tuple[list[Message], list[Message]]:
        """Note canaries that came back; return the messages of others, and our own."""
        ours = [message for message in messages if message.topic == self.topic]
        others = [message for message in messages if message.topic != self.topic] if ours else messages
        self.renewal.heard(others)
        if not ours:
            self._traffic_at_s = self._monotonic()  # the canary waits behind other messages
            return messages, ours
        if any(message.payload == b"%d" % self._sent_count for message in ours):
            self._sent_at_s, self.is_missed, self.guard.was_heard = None, False, True
            self.renewal.canary_came()
        return others, ours

    def _due(self) -> bytes | None:
        """Return what to publish now, if anything."""
        now_s = self._monotonic()
        is_awaited = self._sent_at_s is not None and not self.is_missed
        if is_awaited or now_s < self._next_at_s:
            return None
        self._sent_count, self._sent_at_s, self._next_at_s = self._sent_count + 1, now_s, now_s + self._every_s
        self._traffic_at_s = now_s
        return b"%d" % self._sent_count

    def _is_newly_missed(self) -> bool:
        """Return whether the one that was sent is late, once until one is heard again."""
        if self._sent_at_s is None or self.is_missed:
            return False
        now_s = self._monotonic()
        late_s, idle_s = now_s - self._sent_at_s, now_s - self._traffic_at_s
        self.is_missed = (late_s >= MISSED_AFTER_S and idle_s >= MISSED_AFTER_S) or late_s >= MISSED_AT_LAST_S
        return self.is_missed
