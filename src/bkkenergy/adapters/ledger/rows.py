"""Days of a meter as rows of the ledger's tables: slots, totals and hours from the same values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from bkkenergy.adapters.ledger.marks import BANGKOK_OFFSET_US, US_PER_DAY
from bkkenergy.adapters.ledger.packing import packed_quality, packed_values
from bkkenergy.ports.ledger import HOURS_PER_DAY, Channel, LedgerDays, Span
from bkkenergy.readings import BoolArray, FloatArray, IntArray, Quality

EPOCH = dt.date(1970, 1, 1)
BANGKOK_OFFSET_H = 7

Columns = Mapping[str, list[object]]
"""Rows of a table, by column."""


def day_number(day: dt.date) -> int:
    """Count days since 1970-01-01."""
    return (day - EPOCH).days


def date_of(number: int) -> dt.date:
    """Return the date of a count of days since 1970-01-01."""
    return EPOCH + dt.timedelta(days=number)


def start_hour(day: dt.date) -> int:
    """Return the hour, since 1970 UTC, at which a day of Bangkok begins."""
    return day_number(day) * HOURS_PER_DAY - BANGKOK_OFFSET_H


def day_of_hour(hour: int) -> dt.date:
    """Return the day of Bangkok that has an hour since 1970 UTC."""
    return date_of((hour + BANGKOK_OFFSET_H) // HOURS_PER_DAY)


def start_us(day: int) -> int:
    """Return the instant at which a day of Bangkok begins. day : since 1970-01-01."""
    return day * US_PER_DAY - BANGKOK_OFFSET_US


def runs(days: Iterable[dt.date]) -> list[tuple[int, int]]:
    """Join days to runs without a gap: first and last day of each, as numbers."""
    numbers = np.unique(np.fromiter(map(day_number, days), np.int64))
    if len(numbers) == 0:
        return []
    ends = np.flatnonzero(np.diff(numbers) > 1)
    firsts, lasts = numbers[np.append(0, ends + 1)], numbers[np.append(ends, len(numbers) - 1)]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


def check(meter: str, days: Sequence[LedgerDays], spans: Sequence[Span], computed: Sequence[dt.date]) -> None:
    """Raise ValueError where rows or spans are of another meter, or of a day that is not replaced."""
    allowed = set(map(day_number, computed))
    for block in days:
        first = day_number(block.first_day)
        if block.meter != meter or not allowed.issuperset(range(first, first + len(block.values))):
            raise ValueError(f"rows of {block.meter} from {block.first_day} are not among the computed days of {meter}")
    for span in spans:
        if span.meter != meter or (span.start_us + BANGKOK_OFFSET_US) // US_PER_DAY not in allowed:
            raise ValueError(f"{span} does not begin on a computed day of {meter}")


def day_columns(number: int, block: LedgerDays, channel: Channel, computed_us: int) -> Columns:
    """Make rows of `ledger_day`. number : of the meter."""
    values, quality, count = block.values, block.quality, len(block.values)
    first = day_number(block.first_day)
    peak, peak_slot = _peaks(block, channel)
    return {
        "meter": [number] * count,
        "channel": [channel.name] * count,
        "day": list(range(first, first + count)),
        "total": _nullable(_totals(values, channel)),
        "measured": _counted(quality == Quality.MEASURED),
        "estimated": _counted(quality == Quality.ESTIMATED),
        "edited": _counted(quality == Quality.EDITED),
        "incomplete": _counted(quality == Quality.INCOMPLETE),
        "peak": _nullable(peak),
        "peak_slot": peak_slot.tolist(),
        "readings": block.readings.tolist(),
        "computed_us": [computed_us] * count,
        "slots": [*packed_values(values)],
        "quality": [*packed_quality(quality)],
    }


def hour_columns(number: int, block: LedgerDays, channel: Channel) -> Columns:
    """Make rows of `ledger_hour`, of hours of which something is known."""
    slots = block.values.reshape(-1, channel.slots_per_day // HOURS_PER_DAY)
    measured = (block.quality == Quality.MEASURED).reshape(slots.shape).sum(axis=1)
    known = np.flatnonzero(~np.isnan(slots).all(axis=1))
    return {
        "meter": [number] * len(known),
        "hour": (start_hour(block.first_day) + known).tolist(),
        "channel": [channel.name] * len(known),
        "value": np.nansum(slots[known], axis=1).tolist(),
        "measured": measured[known].tolist(),
    }


def span_columns(number: int, spans: Sequence[Span]) -> Columns:
    """Make rows of `ledger_span`."""
    return {
        "meter": [number] * len(spans),
        "channel": [span.channel for span in spans],
        "start_us": [span.start_us for span in spans],
        "end_us": [span.end_us for span in spans],
        "reason": [span.reason.value for span in spans],
        "energy_kwh": [None if np.isnan(span.energy_kwh) else float(span.energy_kwh) for span in spans],
    }


def _totals(values: FloatArray, channel: Channel) -> FloatArray:
    known = (~np.isnan(values)).sum(axis=1)
    total = np.nansum(values, axis=1)
    divisor = np.ones(len(values)) if channel.is_additive else np.maximum(known, 1)
    return np.where(known > 0, total / divisor, np.nan)


def _peaks(block: LedgerDays, channel: Channel) -> tuple[FloatArray, IntArray]:
    """Find the highest measured or edited slot of each day, as mean power for energy, and which it is."""
    counts = ((block.quality == Quality.MEASURED) | (block.quality == Quality.EDITED)) & ~np.isnan(block.values)
    shown = np.where(counts, block.values, -np.inf)
    slot = shown.argmax(axis=1)
    per_hour = channel.slots_per_day / HOURS_PER_DAY if channel.is_additive else 1.0
    has_one = counts.any(axis=1)
    peak = np.where(has_one, shown[np.arange(len(slot)), slot] * per_hour, np.nan)
    return peak, np.where(has_one, slot, -1)


def _nullable(values: FloatArray) -> list[object]:
    return [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 - NaN


def _counted(is_so: BoolArray) -> list[object]:
    return [*is_so.sum(axis=1).tolist()]
