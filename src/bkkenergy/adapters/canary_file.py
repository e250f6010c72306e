"""What an ingester knows of its messages to itself, on disk: after a kill the next process goes on from there.

Nothing is synced: a process that dies leaves the system's page cache behind.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog

from bkkenergy.adapters.files import make_file
from bkkenergy.adapters.queue_span import QueueCounts

log = structlog.get_logger(__name__)

_COUNTS = struct.Struct("<8sQQQQ")
_MAGIC = b"canary 1"
_NUMBERS_AT = 64


class SentBefore(NamedTuple):
    """A number that the broker acknowledged. at_s : when it was sent, since 1970. gone : as of `awaited.Sent`."""

    number: int
    at_s: float
    gone: int


class CanaryNotes(NamedTuple):
    """What an earlier process left. latest : the number that it sent last; None where that is not known."""

    counts: QueueCounts
    latest: int | None
    sent: tuple[SentBefore, ...]


NOTHING = CanaryNotes(QueueCounts(), None, ())


class CanaryFile:
    """Keeps the notes. Where the disk refuses, the ingester goes on without, and the log says so."""

    def __init__(self, path: Path, mark: Path | None = None) -> None:
        """Prepare to read and write.

        path : of the file, which is made when absent. mark : a file that each connection touches before it notes
        anything. Where it is newer, a program without notes, an older one say, has had what was awaited.
        """
        self._path, self._mark = path, mark
        self._descriptor: int | None = None
        self._is_closed = False

    def read(self) -> CanaryNotes:
        """Return what is in the file."""
        try:
            return _read(self._path.read_bytes()) if self._is_of_last_connection() else NOTHING
        except (OSError, struct.error, ValueError, msgspec.MsgspecError) as error:
            log.warning("canary_file_unreadable", file=str(self._path), why=str(error))
            return NOTHING

    def _is_of_last_connection(self) -> bool:
        if self._mark is None or not self._mark.exists():
            return self._path.exists()
        return self._path.exists() and self._path.stat().st_mtime_ns >= self._mark.stat().st_mtime_ns

    def note_counts(self, counts: QueueCounts) -> None:
        """Write how far the queue is known."""
        packed = _COUNTS.pack(_MAGIC, counts.gone, counts.base, counts.away, counts.live)
        self._write(packed.ljust(_NUMBERS_AT, b"\0"), 0)

    def note_numbers(self, latest: int, sent: Sequence[SentBefore]) -> None:
        """Write which numbers were sent and have not come back. What a longer list leaves is behind a zero byte."""
        self._write(msgspec.json.encode((latest, sent)) + b"\0", _NUMBERS_AT)

    def close(self) -> None:
        """Write no more."""
        self._is_closed = True
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _write(self, content: bytes, offset: int) -> None:
        if self._is_closed:
            return
        try:
            if self._descriptor is None:
                make_file(self._path)
                self._descriptor = os.open(self._path, os.O_RDWR)
            if os.pwrite(self._descriptor, content, offset) < len(content):
                raise OSError(errno.ENOSPC, "the notes were cut short")  # noqa: TRY301
        except OSError as error:
            log.warning("canary_file_refused", file=str(self._path), why=str(error))
            self._forget()
            self.close()

    def _forget(self) -> None:
        """Leave nothing behind: of what stands there, much will have come by the next start."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.ftruncate(self._descriptor, 0)


def _read(written: bytes) -> CanaryNotes:
    if not written:
        return NOTHING
    magic, *counts = _COUNTS.unpack_from(written)
    if magic != _MAGIC:
        raise ValueError("the file is of another kind")
    latest, sent = msgspec.json.decode(
        written[_NUMBERS_AT:].partition(b"\0")[0], type=tuple[int, tuple[SentBefore, ...]]
    )
    return CanaryNotes(QueueCounts(*counts), latest, sent)
