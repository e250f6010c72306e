"""Numbered messages to ourselves that are on their way: those that later ones have passed were dropped.

A broker delivers the messages of one client on one topic in their order (MQTT 5, section 4.6). So one that stays away
while later ones come back was dropped by the broker, which had acknowledged it: its queue for us was full, or it lost
what it had to store. It dropped then what meters sent, too.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

DROPPED_AFTER_S = 3.0
"""A broker of those tried sorts a backlog by whole seconds: what was passed may still come."""
MAX_AWAITED = 1_000


class Publication(Protocol):
    """What paho knows of a message that it sends."""

    def is_published(self) -> bool:
        """Return whether the broker has acknowledged it. Raises RuntimeError, ValueError where it was not sent."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A number that is awaited.

    at_s : when it was sent. since_s : when the broker could first deliver it on this connection. gone : messages of
    others that had left the broker's queue then. is_acknowledged : whether the broker is known to have it. is_earlier :
    whether it was sent on an earlier connection, on which no later one came.
    """

    at_s: float
    since_s: float
    gone: int
    is_acknowledged: bool = False
    is_earlier: bool = False


class Dropped(NamedTuple):
    """Messages that never came, though later ones did.

    number : how many. of_number : how many were sent from the first to the last of them. first_s, last_s : when these
    were sent. is_earlier : whether that was on an earlier connection.
    """

    number: int
    of_number: int
    first_s: float
    last_s: float
    is_earlier: bool


class Came(NamedTuple):
    """One that came back. gone : as of `Sent`. is_of_connection : whether it was sent on this connection."""

    gone: int
    is_of_connection: bool


class Awaited:
    """Numbers that are sent and have not come back."""

    def __init__(self, latest: int | None = None) -> None:
        """Begin. latest : the last number of an earlier process; at random where that is not known."""
        self.latest = secrets.randbits(40) if latest is None else latest
        """The number that was sent last."""
        self._first_of_connection = self.latest + 1
        self._sent: dict[int, Sent] = {}
        self._publications: dict[int, Publication] = {}
        self._passed_s: dict[int, float] = {}
        """When a later number came back."""

    @property
    def has_room(self) -> bool:
        """Whether there are few enough."""
        return len(self._sent) < MAX_AWAITED

    @property
    def oldest_s(self) -> float | None:
        """Since when the oldest is awaited that no later one has passed; None where none is awaited."""
        return min((sent.since_s for number, sent in self._sent.items() if number not in self._passed_s), default=None)

    @property
    def acknowledged(self) -> Iterator[tuple[int, Sent]]:
        """Those that the broker is known to have had, by number: it had those before one that came back, too."""
        passed = self._passed_s
        return ((number, sent) for number, sent in self._sent.items() if sent.is_acknowledged or number in passed)

    def recall(self, sent: Iterable[tuple[int, Sent]]) -> None:
        """Await what an earlier process sent."""
        self._sent.update(sent)

    def of_next_connection(self, now_s: float, *, is_resumed: bool) -> Awaited:
        """Return those that the broker has for the next connection, as if it had taken them just now.

        What it has not acknowledged may never have reached it. A new session has none.
        """
        self.look_at_answers()
        awaited = Awaited(self.latest)
        if is_resumed:
            for number, sent in self.acknowledged:
                is_earlier = number not in self._passed_s
                awaited._sent[number] = replace(sent, since_s=now_s, is_earlier=is_earlier)
            awaited._passed_s = {number: now_s for number in self._passed_s if number in awaited._sent}
        return awaited

    def sent(self, now_s: float, gone: int) -> int:
        """Return the next number, which is sent now."""
        self.latest += 1
        self._sent[self.latest] = Sent(now_s, now_s, gone)
        return self.latest

    def follow(self, number: int, publication: Publication) -> None:
        """Note what paho knows of a number that is sent."""
        if number in self._sent:
            self._publications[number] = publication

    def look_at_answers(self) -> bool:
        """Note what the broker has acknowledged since; return whether it is any."""
        answered = [number for number, publication in self._publications.items() if is_published(publication)]
        for number in answered:
            del self._publications[number]
            self._sent[number] = replace(self._sent[number], is_acknowledged=True)
        return bool(answered)

    def came(self, number: int, now_s: float) -> Came | None:
        """Note a number that came back. Return None where it was not awaited."""
        sent = self._sent.pop(number, None)
        if sent is None:
            return None
        self._publications.pop(number, None)
        self._passed_s.pop(number, None)
        for earlier in self._sent:
            if earlier < number:
                self._passed_s.setdefault(earlier, now_s)
        return Came(sent.gone, number >= self._first_of_connection)

    def dropped(self, now_s: float) -> Dropped | None:
        """Return those that were passed long enough ago, once: first those of earlier connections."""
        gone = sorted(number for number, at_s in self._passed_s.items() if now_s - at_s >= DROPPED_AFTER_S)
        earlier = [number for number in gone if self._sent[number].is_earlier]
        gone = earlier or gone
        if not gone:
            return None
        sent_s = [self._sent.pop(number).at_s for number in gone]
        for number in gone:
            del self._passed_s[number]
            self._publications.pop(number, None)
        return Dropped(len(gone), gone[-1] - gone[0] + 1, sent_s[0], sent_s[-1], bool(earlier))


def is_published(publication: Publication) -> bool:
    """Return whether the broker has acknowledged a publication."""
    with suppress(RuntimeError, ValueError):
        return publication.is_published()
    return False
