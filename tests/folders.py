"""Folders outside of a test's own, for what many tests share; gone when the process ends or its session does."""

from __future__ import annotations

import atexit
from pathlib import Path

from bkkenergy.adapters.heldfolder import HeldFolder

made: list[HeldFolder] = []


def shared_folder(name: str) -> Path:
    """An empty folder that lasts until the end; those that a killed process left go."""
    made.append(HeldFolder(f"bkk-{name}-"))
    return made[-1].path


def remove_shared_folders() -> None:
    while made:
        made.pop().remove()


atexit.register(remove_shared_folders)
