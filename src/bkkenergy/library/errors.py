"""What the library warns of; its errors are those of `bkkenergy.errors`."""

from __future__ import annotations

import difflib
import inspect
import warnings
from collections.abc import Iterable

from bkkenergy.errors import InputError

__all__ = ["EnergyWarning", "unknown_name", "warn"]


class EnergyWarning(UserWarning):
    """A result that is right for what was given, and less than it may look like."""


def warn(text: str) -> None:
    """Warn at the line that called the library, however deep within it this is."""
    frame, level = inspect.currentframe(), 1
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "bkkenergy":
        frame, level = frame.f_back, level + 1
    warnings.warn(text, EnergyWarning, stacklevel=level)


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Return an error for a name that does not exist, with the nearest names that do."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    remedy = f"Did you mean {' or '.join(near)}?" if near else f"Use one of: {', '.join(names)}."
    return InputError(f"{kind} {name!r} is not known. {remedy}")
