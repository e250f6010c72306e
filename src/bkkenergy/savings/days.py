"""What kind of day each day is: the regressor that explains most of a Bangkok building's use."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from enum import IntEnum

import numpy as np

from bkkenergy.calendar import thai_holidays
from bkkenergy.portfolio import DaysOpen, OpeningCalendar
from bkkenergy.readings import IntArray

SUBSTITUTION_MARK = "(in lieu)"


class DayKind(IntEnum):
    """Why a day is unlike its weekday."""

    USUAL = 0
    HOLIDAY = 1
    SUBSTITUTION = 2
    """Off in lieu of a holiday on a weekend; MEA's TOU counts it as a working day."""
    CLOSURE = 3
    """The agency's own: school holidays, days that it declares."""


def day_kinds(days: Sequence[dt.date], calendar: DaysOpen) -> IntArray:
    """Find the kind of each day for a building.

    Parameters
    ----------
    days : sequence of date
        Days.
    calendar : OpeningCalendar, or what says one of each day
        When the building is open.

    Returns
    -------
    (n,) array
        `DayKind` of each: usual, holiday, substitution or closure.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.savings.days import day_kinds
    >>> import bkkenergy as bk
    >>> day_kinds([dt.date(2025, 4, 14), dt.date(2025, 4, 18)], bk.calendars.government()).tolist()
    [1, 0]
    """
    return kinds_by_calendars(days, [calendar.on(day) for day in days])


def kinds_by_calendars(days: Sequence[dt.date], calendars: Sequence[OpeningCalendar]) -> IntArray:
    """Find the kind of each day by the calendar that a building has on it.

    Parameters
    ----------
    days : sequence of date
        Days.
    calendars : sequence of OpeningCalendar
        One for each day.

    Returns
    -------
    (n,) array
        `DayKind` of each: usual, holiday, substitution or closure.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.savings.days import kinds_by_calendars
    >>> import bkkenergy as bk
    >>> kinds_by_calendars([dt.date(2025, 4, 14)], [bk.calendars.government()]).tolist()
    [1]
    """
    return np.array([_kind(day, calendar) for day, calendar in zip(days, calendars, strict=True)], np.int64)


def _kind(day: dt.date, calendar: OpeningCalendar) -> DayKind:
    if day in calendar.open_dates:
        return DayKind.USUAL
    name = thai_holidays(day.year, "en").get(day) if calendar.closed_on_holidays else None
    if name is not None:
        return DayKind.SUBSTITUTION if SUBSTITUTION_MARK in name else DayKind.HOLIDAY
    if not calendar.is_open(day) and calendar.is_workday(day):
        return DayKind.CLOSURE
    return DayKind.USUAL
