"""Temporary folders that no killed process leaves behind for good: the next one that makes such a folder removes it.

Each is locked by its process for as long as that lives, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

MAKING_S = 60.0
"""A folder that is younger may be one that a process has made and not locked yet."""


class HeldFolder:
    """An empty folder below the system's temporary one, with a name that begins with `prefix`."""

    def __init__(self, prefix: str) -> None:
        """Make it, and remove those of the same prefix whose processes have ended."""
        _remove_abandoned(prefix)
        self._folder = tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
        self.path = Path(self._folder.name)
        self._lock = _opened(self.path)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Remove it with all that is in it. What another process writes into it just now goes with the next one."""
        self._folder.cleanup()
        os.close(self._lock)


def _remove_abandoned(prefix: str) -> None:
    newest_s = time.time() - MAKING_S
    for path in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with suppress(OSError):  # another's, gone meanwhile, or locked: its process is alive
            if path.lstat().st_mtime > newest_s:
                continue
            lock = _opened(path)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
