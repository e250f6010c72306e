"""Whole calendar months of a period that a person wrote."""

from __future__ import annotations

from bkkenergy.calendar import Period, edges
from bkkenergy.errors import InputError


def whole_months(period: Period) -> list[Period]:
    """Return the months of a period. Raises InputError where it begins or ends within one."""
    try:
        starts = edges(period, "month")[:-1]
    except ValueError:
        raise InputError.of("whole_months", period=period.slug) from None
    return [Period.month(start.year, start.month) for start in starts]
