"""Days, hours and months as the explorer writes them under its picture and in its tables."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from bkkenergy.calendar import Period, edges
from bkkenergy.i18n import Words
from bkkenergy.readings import FloatArray
from bkkenergy.usecases.explore import STEP_HOURS, SeenStep
from bkkenergy.web.explorechart import TimeTick

HOURS_UP_TO_DAYS, WEEKDAYS_UP_TO_DAYS, DAYS_UP_TO_DAYS = 2, 9, 70
MAX_TICKS, MAX_ON_A_PHONE = 12, 5
MONTHS_UP_TO_DAYS = 1200


def shares(period: Period, step: SeenStep) -> FloatArray:
    """Return (n+1,) where a period's steps begin and end, 0..1."""
    at = edges(period, step).asi8
    return np.asarray((at - at[0]) / (at[-1] - at[0]), np.float64)


def share_of(period: Period, instant: pd.Timestamp) -> float:
    """Return where in a period an instant is, 0..1."""
    return float((instant - period.start) / (period.end - period.start))


def ticks(period: Period, words: Words) -> list[TimeTick]:
    """Return the texts under a picture of a period."""
    days = len(period.dates)
    if days <= HOURS_UP_TO_DAYS:
        texts = _hours(period, 3 if days == 1 else 6, words)
    elif days <= DAYS_UP_TO_DAYS:
        texts = [(pd.Timestamp(day, tz=period.start.tz), _day(day, days, words)) for day in period.dates]
    elif days <= MONTHS_UP_TO_DAYS:
        texts = [(at, _month(at, words)) for at in _firsts(period, "MS")]
    else:
        texts = [(at, words.year(at.year)) for at in _firsts(period, "YS")]
    every = max(1, -(-len(texts) // MAX_TICKS))
    chosen = texts[::every]
    major = max(1, -(-len(chosen) // MAX_ON_A_PHONE))
    return [TimeTick(share_of(period, at), text, bool(number % major)) for number, (at, text) in enumerate(chosen)]


def _hours(period: Period, every_h: int, words: Words) -> list[tuple[pd.Timestamp, str]]:
    hours = pd.date_range(period.start, period.end, freq=f"{every_h}h", inclusive="left")
    return [(at, f"{at:%H:%M}" if at.hour else _day(at.date(), WEEKDAYS_UP_TO_DAYS, words)) for at in hours]


def _day(day: dt.date, days: int, words: Words) -> str:
    return f"{words.weekday_short(day)} {words.day_short(day)}" if days <= WEEKDAYS_UP_TO_DAYS else words.day_short(day)


def _month(at: pd.Timestamp, words: Words) -> str:
    """Return a month's short name; January with its year."""
    return f"{words.month_short(at)} {words.year(at.year)}" if at.month == 1 else words.month_short(at)


def _firsts(period: Period, rule: str) -> list[pd.Timestamp]:
    return list(pd.date_range(period.start, period.end, freq=rule, inclusive="left"))


def step_text(start: pd.Timestamp, step: SeenStep, words: Words) -> str:
    """Return when a step is, in full."""
    if step == "month":
        return words.month(start)
    if step == "day":
        return f"{words.weekday_short(start)} {words.day_year(start)}"
    end = start + pd.Timedelta(hours=STEP_HOURS[step])
    until = "24:00" if (end.hour, end.minute) == (0, 0) else f"{end:%H:%M}"
    return f"{words.weekday_short(start)} {words.day_year(start)} {start:%H:%M}–{until}"


def period_text(period: Period, words: Words) -> str:
    """Return a period as a heading: a day with its weekday, a month, a year, or two days."""
    first, last = period.first_day, period.last_day
    if first == last:
        return f"{words.weekday(first)} {words.date(first)}"
    if first.day == 1 and (last + dt.timedelta(days=1)).day == 1:
        if (first.year, first.month) == (last.year, last.month):
            return words.month(first)
        if (first.month, last.month) == (1, 12) and first.year == last.year:
            return words.year(first.year)
    return f"{words.day_year(first)} – {words.day_year(last)}"
