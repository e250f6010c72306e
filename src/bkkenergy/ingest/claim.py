"""What one ingester alone may use, held by a lock that ends with the process, however it ends."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

import structlog

from bkkenergy.adapters.files import make_file
from bkkenergy.errors import BkkEnergyError
from bkkenergy.texts import Phrase

log = structlog.get_logger(__name__)


class Taken(BkkEnergyError):
    """Another process on this machine uses what only one may use."""


class FileLock:
    """A lock on a file of its own. Where the file system knows no locks it is none, aloud."""

    def __init__(self, path: Path, remedy: Phrase) -> None:
        """Take the lock, or raise Taken with the holder's process id and the remedy."""
        self._file: int | None = None
        try:
            make_file(path)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.release()
            raise Taken.of("in_use", path=path, holder=_holder(path), remedy=remedy) from error
        except OSError as error:
            log.warning("not_claimed", file=str(path), why=str(error))
            return
        with suppress(OSError):  # a full disk: the lock holds all the same
            os.ftruncate(self._file, 0)
            os.write(self._file, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Close the claim; the file stays."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _holder(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip() or "?"
    except (OSError, UnicodeDecodeError):
        return "?"
