"""Periods beside a period: the one before and after it, and those that it is compared with."""

from __future__ import annotations

import datetime as dt
from typing import Literal, get_args

from bkkenergy.calendar import Period, fiscal_year_of
from bkkenergy.usecases.explore import is_of_whole_months

Earlier = Literal["before", "week", "weeks4", "month", "weeks52", "year"]
EARLIER: tuple[Earlier, ...] = get_args(Earlier)
Around = Literal["day", "week", "month", "year", "fiscal"]
AROUNDS: tuple[Around, ...] = get_args(Around)
DAYS_PER_WEEK, MONTHS_PER_YEAR = 7, 12
DAYS_OF: dict[Earlier, int] = {"week": 7, "weeks4": 28, "month": 28, "weeks52": 364, "year": 364}
"""How far back each goes, by whole weeks: the same weekdays are under one another."""
MONTHS_OF: dict[Earlier, int] = {"month": 1, "year": MONTHS_PER_YEAR}
"""How far back those go that compare calendar months."""
UP_TO_DAYS: dict[Earlier, int] = {"week": 7, "weeks4": 31, "month": 31, "weeks52": 366, "year": 366}
"""The longest period that each is offered for: a longer one would overlap."""


def around(day: dt.date, what: Around) -> Period:
    """Return the day, week (from Monday), month, year or fiscal year that a day falls in."""
    match what:
        case "day":
            return Period.days(day, day)
        case "week":
            monday = day - dt.timedelta(days=day.weekday())
            return Period.days(monday, monday + dt.timedelta(days=DAYS_PER_WEEK - 1))
        case "month":
            return _months(day.replace(day=1), 1)
        case "year":
            return Period.days(dt.date(day.year, 1, 1), dt.date(day.year, 12, 31))
        case "fiscal":
            fiscal = fiscal_year_of(day)
            return Period.days(fiscal.first_day, fiscal.last_day)


def next_to(period: Period, direction: Literal[-1, 1]) -> Period:
    """Return the period right before or after one: as many months where it is of whole months, else as many days."""
    if is_of_whole_months(period):
        count = _month_count(period)
        return _months(_month_later(period.first_day, direction * count), count)
    days = dt.timedelta(days=len(period.dates)) * direction
    return Period.days(period.first_day + days, period.last_day + days)


def earlier_by(period: Period, earlier: Earlier) -> Period:
    """Return the period that a period is compared with.

    "month" and "year" compare whole months with whole months. The others, and days that are no whole months, are
    compared with the same weekdays some weeks earlier.
    """
    if earlier == "before":
        return next_to(period, -1)
    if earlier in MONTHS_OF and is_of_whole_months(period):
        return _months(_month_later(period.first_day, -MONTHS_OF[earlier]), _month_count(period))
    days = DAYS_OF[earlier]
    shift = dt.timedelta(days=days)
    return Period.days(period.first_day - shift, period.last_day - shift)


def offered(period: Period) -> tuple[Earlier, ...]:
    """Return the comparisons that do not lay a period over itself."""
    days, whole = len(period.dates), is_of_whole_months(period)
    fitting = (earlier for earlier, limit in UP_TO_DAYS.items() if days <= limit)
    return ("before", *(earlier for earlier in fitting if whole or earlier not in MONTHS_OF))


def _month_count(period: Period) -> int:
    first, last = period.first_day, period.last_day
    return (last.year - first.year) * MONTHS_PER_YEAR + last.month - first.month + 1


def _month_later(day: dt.date, months: int) -> dt.date:
    number = day.year * MONTHS_PER_YEAR + day.month - 1 + months
    return dt.date(number // MONTHS_PER_YEAR, number % MONTHS_PER_YEAR + 1, 1)


def _months(first: dt.date, count: int) -> Period:
    return Period.days(first, _month_later(first, count) - dt.timedelta(days=1))
