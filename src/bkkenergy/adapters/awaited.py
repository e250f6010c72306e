"""Numbered messages to ourselves that are on their way: those that later ones have passed were dropped.

A broker delivers the messages of one client on one topic in their order (MQTT 5, section 4.6). So one that stays away
while later ones come back was dropped by the broker, which had acknowledged it: its queue for us was full. It dropped
then what meters sent, too.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import NamedTuple

from bkkenergy.payloads.message import Message

DROPPED_AFTER_S = 3.0
"""A broker of those tried sorts a backlog by whole seconds: what was passed may still come."""
MAX_AWAITED = 1_000
COUNT_WITHIN_S = 5.0


class Dropped(NamedTuple):
    """Messages that never came, though later ones did.

    number : how many. of_number : how many were sent from the first to the last of them. first_s, last_s : when these
    were sent.
    """

    number: int
    of_number: int
    first_s: float
    last_s: float


class BacklogCount:
    """How many messages waited in a resumed session: those that came before the first canary, which is behind them."""

    def __init__(self, *, is_over: bool = True) -> None:
        self._is_over, self._count = is_over, 0
        self._ended_at_s: float | None = None

    def add(self, messages: Sequence[Message]) -> None:
        """Count messages of others. Retained ones did not wait: MQTT 3.1.1 sends them at each subscription."""
        if not self._is_over:
            self._count += sum(not message.retained for message in messages)

    def end(self, now_s: float) -> None:
        """Note that a canary has come."""
        if not self._is_over:
            self._is_over, self._ended_at_s = True, now_s

    def taken(self, now_s: float) -> int | None:
        """Return the count, once, when a broker that counts what it drops has had the time to say so."""
        if self._ended_at_s is None or now_s - self._ended_at_s < COUNT_WITHIN_S:
            return None
        self._ended_at_s = None
        return self._count


class Awaited:
    """Numbers that are sent and have not come back. They begin at random: an earlier process may have sent some."""

    def __init__(self) -> None:
        self.latest = secrets.randbits(40)
        """The number that was sent last."""
        self._sent_s: dict[int, float] = {}
        self._passed_s: dict[int, float] = {}
        """When a later number came back."""

    @property
    def has_room(self) -> bool:
        """Whether there are few enough."""
        return len(self._sent_s) < MAX_AWAITED

    @property
    def oldest_s(self) -> float | None:
        """When the oldest was sent that no later one has passed; None where none is awaited."""
        return min((at_s for number, at_s in self._sent_s.items() if number not in self._passed_s), default=None)

    def only_passed(self, now_s: float) -> Awaited:
        """Return those that later ones have passed, as if just now: the connection on which all were sent has ended."""
        awaited = Awaited()
        awaited.latest = self.latest
        awaited._sent_s = {number: self._sent_s[number] for number in self._passed_s}
        awaited._passed_s = dict.fromkeys(self._passed_s, now_s)
        return awaited

    def sent(self, now_s: float) -> int:
        """Return the next number, which is sent now."""
        self.latest += 1
        self._sent_s[self.latest] = now_s
        return self.latest

    def came(self, number: int, now_s: float) -> bool:
        """Note a number that came back. Return False where it was not awaited."""
        if self._sent_s.pop(number, None) is None:
            return False
        self._passed_s.pop(number, None)
        for earlier in self._sent_s:
            if earlier < number:
                self._passed_s.setdefault(earlier, now_s)
        return True

    def dropped(self, now_s: float) -> Dropped | None:
        """Return those that were passed long enough ago, once."""
        gone = sorted(number for number, at_s in self._passed_s.items() if now_s - at_s >= DROPPED_AFTER_S)
        if not gone:
            return None
        sent_s = [self._sent_s.pop(number) for number in gone]
        for number in gone:
            del self._passed_s[number]
        return Dropped(len(gone), gone[-1] - gone[0] + 1, sent_s[0], sent_s[-1])
