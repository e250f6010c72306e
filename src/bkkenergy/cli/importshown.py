"""What the commands of imports show alike."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from bkkenergy.calendar import BANGKOK
from bkkenergy.readings import US_PER_S


def shown_at(instant_us: int) -> str:
    """Return an instant as a person reads it, in Bangkok's time."""
    return f"{in_bangkok(instant_us):%Y-%m-%d %H:%M}"


def in_bangkok(instant_us: int) -> dt.datetime:
    """Return an instant in Bangkok's time."""
    return dt.datetime.fromtimestamp(instant_us / US_PER_S, BANGKOK)


def refused_path(file: Path) -> Path:
    """Return the file beside a file, in which its refused rows are written."""
    return file.with_name(f"{file.name}.refused.csv")
