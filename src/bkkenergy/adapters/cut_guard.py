"""What we publish ourselves, where a broker ends the connection of who may not publish: given up, not fought for.

A broker that died twice looks the same as one that forbids. So what was given up is tried again, ever less often.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from bkkenergy.adapters.awaited import Publication, is_published

MAX_CUTS_UNHEARD = 2
"""Connections that end before what we publish was ever heard: some brokers end them for what they forbid."""
AGAIN_AFTER_S, AGAIN_AT_LAST_S = 600.0, 86_400.0
"""How long a connection has to stand before what was given up is tried again, at first and at most."""


class CutGuard:
    """Counts connections that ended before a publication of ours came back for the first time."""

    def __init__(self) -> None:
        self.was_heard = False
        """Whether one has come back since the start."""
        self.is_off = False
        """Whether it is given up: the session goes on without."""
        self._cuts_unheard = 0
        self._sent: Publication | None = None
        self._again_after_s = AGAIN_AFTER_S

    @property
    def is_suspect(self) -> bool:
        """Whether the broker may have ended the connection for it: not for what it has acknowledged."""
        return not self.was_heard and not self.is_off and not self.is_taken(self._sent)

    def sent(self, publication: Publication) -> None:
        """Note what was published last."""
        self._sent = publication

    def cut(self) -> bool:
        """Note that a connection ended. Return whether this gives the publication up."""
        if not self.is_suspect:
            return False
        self._cuts_unheard += 1
        self.is_off = self._cuts_unheard >= MAX_CUTS_UNHEARD
        return self.is_off

    def is_due(self, connected_s: float) -> bool:
        """Return whether to try again what is given up, on a connection that has stood for so long without it."""
        return self.is_off and connected_s >= self._again_after_s

    def try_again(self) -> None:
        """Publish again: the next connection that ends before it is heard gives it up for twice as long."""
        self.is_off, self._cuts_unheard, self._sent = False, MAX_CUTS_UNHEARD - 1, None
        self._again_after_s = min(2 * self._again_after_s, AGAIN_AT_LAST_S)

    @staticmethod
    def is_taken(publication: Publication | None) -> bool:
        """Return whether the broker has acknowledged a publication."""
        return publication is not None and is_published(publication)


class Guarded(Protocol):
    """Something that we publish, with its guard."""

    guard: CutGuard


GuardedT = TypeVar("GuardedT", bound=Guarded)


def unless_off(publication: GuardedT | None) -> GuardedT | None:
    """Return what is published, None where it is given up."""
    return None if publication is None or publication.guard.is_off else publication


def let_try_again(publications: Iterable[Guarded | None], connected_s: float) -> bool:
    """Let what was given up be tried again, where a connection has stood for long enough; return whether any is."""
    due = [one.guard for one in publications if one is not None and one.guard.is_due(connected_s)]
    for guard in due:
        guard.try_again()
    return bool(due)
