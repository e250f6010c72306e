"""Folders outside of a test's own, for what many tests share; gone when the process ends or its session does."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

made: list[Path] = []


def shared_folder(name: str) -> Path:
    """An empty folder that lasts until the end."""
    made.append(Path(tempfile.mkdtemp(prefix=f"bkk-{name}-")))
    return made[-1]


def remove_shared_folders() -> None:
    while made:
        shutil.rmtree(made.pop(), ignore_errors=True)


atexit.register(remove_shared_folders)
