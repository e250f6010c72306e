"""Outages that the doctor plays, as the ingester has to know them: what the broker drops of these is not lost."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bkkenergy.adapters.files import write_whole


@dataclass(slots=True)
class PlayedOutages:
    """All outages so far.

    dropped : how many messages of these the broker acknowledged and did not deliver. until_s : by when one that is
    played now is over, seconds since 1970; 0 where none is.
    """

    dropped: int = 0
    until_s: float = 0.0

    @property
    def is_playing(self) -> bool:
        """Whether one is played now."""
        return time.time() < self.until_s


def played_outages(file: Path) -> PlayedOutages:
    """Return what is noted. A file that cannot be read says nothing: then the broker's drops are said, as they are."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        noted = json.loads(file.read_text("utf-8"))
        return PlayedOutages(int(noted["dropped"]), float(noted["until_s"]))
    return PlayedOutages()


@contextmanager
def playing(file: Path, within_s: float) -> Iterator[PlayedOutages]:
    """Note that an outage is played, for so long at most; afterwards, what it cost by then."""
    outages = played_outages(file)
    _note(file, replace(outages, until_s=time.time() + within_s))
    outages.until_s = 0.0
    try:
        yield outages
    finally:
        _note(file, outages)


def _note(file: Path, outages: PlayedOutages) -> None:
    with suppress(OSError):
        write_whole(file, json.dumps(asdict(outages)).encode())
