"""What we publish ourselves, where a broker ends the connection of who may not publish: given up, not fought for."""

from __future__ import annotations

MAX_CUTS_UNHEARD = 2
"""Connections that end before what we publish was ever heard: some brokers end them for what they forbid."""


class CutGuard:
    """Counts connections that ended before a publication of ours came back for the first time."""

    def __init__(self) -> None:
        self.was_heard = False
        """Whether one has come back since the start."""
        self.is_off = False
        """Whether it is given up: the session goes on without."""
        self._cuts_unheard = 0

    @property
    def is_suspect(self) -> bool:
        """Whether the broker may have ended the connection for it."""
        return not self.was_heard and not self.is_off

    def cut(self) -> bool:
        """Note that a connection ended. Return whether this gives the publication up."""
        if not self.is_suspect:
            return False
        self._cuts_unheard += 1
        self.is_off = self._cuts_unheard >= MAX_CUTS_UNHEARD
        return self.is_off
