"""What we publish ourselves, where a broker ends the connection of who may not publish: given up, not fought for."""

from __future__ import annotations

from typing import Protocol

MAX_CUTS_UNHEARD = 2
"""Connections that end before what we publish was ever heard: some brokers end them for what they forbid."""


class Publication(Protocol):
    """What paho knows of a message that it sends."""

    def is_published(self) -> bool:
        """Return whether the broker has acknowledged it. Raises RuntimeError, ValueError where it was not sent."""


class CutGuard:
    """Counts connections that ended before a publication of ours came back for the first time."""

    def __init__(self) -> None:
        self.was_heard = False
        """Whether one has come back since the start."""
        self.is_off = False
        """Whether it is given up: the session goes on without."""
        self._cuts_unheard = 0
        self._sent: Publication | None = None

    @property
    def is_suspect(self) -> bool:
        """Whether the broker may have ended the connection for it: not for what it has acknowledged."""
        return not self.was_heard and not self.is_off and not self._is_taken()

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

    def _is_taken(self) -> bool:
        try:
            return self._sent is not None and self._sent.is_published()
        except (RuntimeError, ValueError):
            return False
