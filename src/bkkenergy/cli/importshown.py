"""What the commands of imports show alike."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from bkkenergy.calendar import BANGKOK
from bkkenergy.i18n import Words
from bkkenergy.readings import US_PER_S


def shown_at(instant_us: int, words: Words) -> str:
    """Return an instant as a person reads it, in Bangkok's time; in English as a computer writes it."""
    at = in_bangkok(instant_us)
    return f"{at:%Y-%m-%d %H:%M}" if words.lang == "en" else words.stamp(at)


def in_bangkok(instant_us: int) -> dt.datetime:
    """Return an instant in Bangkok's time."""
    return dt.datetime.fromtimestamp(instant_us / US_PER_S, BANGKOK)


def refused_path(file: Path) -> Path:
    """Return the file beside a file, in which its refused rows are written."""
    return file.with_name(f"{file.name}.refused.csv")
