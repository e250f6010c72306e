"""Stretches of a meter's record that a reader must know about, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SpanReason(StrEnum):
    """Why energy between two instants is not what the register's own readings say."""

    GAP = "gap"
    """Nothing arrived for longer than usual; the registers around it give the energy, which was distributed."""
    UNKNOWN = "unknown"
    """Nothing gives the energy, or not all of it: no reading arrived, or the register may have wrapped once more."""
    RESET = "reset"
    """The register fell, and this is no wrap."""
    OVER_RATING = "over_rating"
    """The register rose by more than the meter's rating allows."""
    OFF_TRACK = "off_track"
    """Readings left the register's track and came back, or no meter can show them; they were set aside."""
    ROLLOVER = "rollover"
    """The register wrapped where it is declared to; the energy was counted."""
    RESTART = "restart"
    """The register began again from zero, as declared; the energy since then was counted."""
    EXCHANGE = "exchange"
    """A declared exchange of the meter."""


@dataclass(frozen=True, slots=True)
class Span:
    """Something to know about a stretch of a channel. energy_kwh : counted there, or refused; NaN where not known."""

    meter: str
    channel: str
    start_us: int
    end_us: int
    reason: SpanReason
    energy_kwh: float
