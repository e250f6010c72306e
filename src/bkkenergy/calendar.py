"""Time as Bangkok keeps it: periods, interval edges, Buddhist era, fiscal year, public holidays."""

from __future__ import annotations

import datetime as dt
import re
from calendar import monthrange
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Self, get_args
from zoneinfo import ZoneInfo

import holidays
import numpy as np
import pandas as pd

from bkkenergy.texts import BE_OFFSET_YEARS, Phrase

BANGKOK = ZoneInfo("Asia/Bangkok")
FISCAL_YEAR_FIRST_MONTH = 10
QUARTERS_PER_YEAR, WEEKS_PER_YEAR, DAYS_PER_WEEK = 4, 52, 7

Step = Literal["5min", "15min", "30min", "60min", "day", "month"]
STEPS: tuple[Step, ...] = get_args(Step)
_FREQUENCY: dict[Step, str] = {"day": "D", "month": "MS"}

FIRST_YEAR = 1900
"""Years before are no days of a meter: calendars and clocks go wrong in them."""
FIRST_YEAR_BE = 2400
"""Years from here on are of the Buddhist era, and years before of the common era."""

PeriodKind = Literal["day", "week", "month", "quarter", "fiscal_year", "range"]


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` to just before `end`, both with zone; in Bangkok's days unless said otherwise."""

    start: pd.Timestamp
    end: pd.Timestamp
    kind: PeriodKind = "range"

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError(
                f"Period {self.start}..{self.end} has no time zone. Make it with Period.day or Period.parse."
            )
        if self.start >= self.end:
            raise ValueError(Phrase("error.period_turned", {"start": self.start, "end": self.end}))

    @classmethod
    def day(cls, day: dt.date) -> Self:
        """Return one day of Bangkok's calendar."""
        return cls.days(day, day, kind="day")

    @classmethod
    def days(cls, first: dt.date, last: dt.date, *, kind: PeriodKind = "range") -> Self:
        """Make a period from the first to the last day, both included."""
        start = pd.Timestamp(first, tz=BANGKOK)
        return cls(start, pd.Timestamp(last + dt.timedelta(days=1), tz=BANGKOK), kind)

    @classmethod
    def month(cls, year: int, month: int) -> Self:
        """Return one calendar month; `year` in the common era."""
        start = pd.Timestamp(year=year, month=month, day=1, tz=BANGKOK)
        return cls(start, start + pd.DateOffset(months=1), "month")

    @classmethod
    def fiscal_year(cls, year_be: int) -> Self:
        """Return the Thai fiscal year: 1 October to 30 September, named by its ending year (B.E.)."""
        year = year_be - BE_OFFSET_YEARS
        first = FISCAL_YEAR_FIRST_MONTH
        return cls(
            pd.Timestamp(year=year - 1, month=first, day=1, tz=BANGKOK),
            pd.Timestamp(year=year, month=first, day=1, tz=BANGKOK),
            "fiscal_year",
        )

    @classmethod
    def week(cls, day: dt.date) -> Self:
        """Return the week of a day, from Monday to Sunday."""
        monday = day - dt.timedelta(days=day.weekday())
        return cls.days(monday, monday + dt.timedelta(days=DAYS_PER_WEEK - 1), kind="week")

    @classmethod
    def quarter(cls, year_be: int, number: int) -> Self:
        """Return a quarter (1..4) of a Thai fiscal year: the first is October to December."""
        if not 1 <= number <= QUARTERS_PER_YEAR:
            raise ValueError(Phrase("error.period_quarter", {"number": number}))
        first = cls.fiscal_year(year_be).start + pd.DateOffset(months=3 * (number - 1))
        return cls(first, first + pd.DateOffset(months=3), "quarter")

    @classmethod
    def parse(cls, text: str, *, today: dt.date) -> Self:
        """Parse the period that a person wrote: a day, 2026-W48, a month, FY2570Q1, FY2570, two days, or "yesterday".

        Raises ValueError with what is accepted.
        """
        return cls.day(today - dt.timedelta(days=1)) if text == "yesterday" else cls.of(text)

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the period that a `slug` names. Raises ValueError with what is accepted."""
        try:
            _refuse_other_era(text)
            if match := re.fullmatch(r"FY(\d{4})", text, re.IGNORECASE):
                return cls.fiscal_year(int(match[1]))
            if match := re.fullmatch(r"FY(\d{4})Q(\d)", text, re.IGNORECASE):
                return cls.quarter(int(match[1]), int(match[2]))
            if match := re.fullmatch(r"(\d{4})-W(\d{2})", text, re.IGNORECASE):
                return cls.week(dt.date.fromisocalendar(int(match[1]), int(match[2]), 1))
            if match := re.fullmatch(r"(\d{4})-(\d{2})", text):
                return cls.month(int(match[1]), int(match[2]))
            first, _, last = text.partition("..")
            if last:
                return cls.days(dt.date.fromisoformat(first), dt.date.fromisoformat(last))
            return cls.day(dt.date.fromisoformat(first))
        except ValueError as error:
            why = (
                error.args[0] if isinstance(error.args[0], Phrase) else Phrase("error.period_no_day", {"error": error})
            )
            raise ValueError(Phrase("error.period_unknown", {"text": repr(text), "error": why})) from None

    @property
    def first_day(self) -> dt.date:
        """The first day, in Bangkok."""
        return self.start.tz_convert(BANGKOK).date()

    @property
    def last_day(self) -> dt.date:
        """The last day, in Bangkok."""
        return (self.end - pd.Timedelta(1, "us")).tz_convert(BANGKOK).date()

    @property
    def dates(self) -> list[dt.date]:
        """Every day of the period, in order."""
        first = self.first_day
        return [first + dt.timedelta(days=n) for n in range((self.last_day - first).days + 1)]

    @property
    def slug(self) -> str:
        """How files of this period are named: 2026-11-23, 2026-W48, 2026-11, FY2570Q1, FY2570."""
        match self.kind:
            case "day":
                return self.first_day.isoformat()
            case "month":
                return f"{self.first_day:%Y-%m}"
            case "week":
                year, week, _ = self.first_day.isocalendar()
                return f"{year}-W{week:02d}"
            case "quarter":
                return f"{fiscal_year_of(self.first_day).slug}Q{self.quarter_number}"
            case "fiscal_year":
                return f"FY{self.last_day.year + BE_OFFSET_YEARS}"
            case "range":
                return f"{self.first_day}..{self.last_day}"

    @property
    def quarter_number(self) -> int:
        """The quarter (1..4) of the fiscal year in which the period begins."""
        return (self.first_day.month - FISCAL_YEAR_FIRST_MONTH) % 12 // 3 + 1

    def __str__(self) -> str:
        return self.slug

    def with_days_before(self, count: int) -> Period:
        """Return the period, begun `count` days earlier."""
        return Period(self.start - pd.Timedelta(days=count), self.end)


def fiscal_year_of(day: dt.date) -> Period:
    """Return the fiscal year that a day falls in."""
    return Period.fiscal_year(buddhist_year(day.year + (day.month >= FISCAL_YEAR_FIRST_MONTH)))


def past_year(today: dt.date) -> Period:
    """Return the twelve whole months before a day."""
    last = today.replace(day=1)
    first = last.replace(year=last.year - 1)
    return Period.days(first, last - dt.timedelta(days=1))


def same_days_before(period: Period) -> Period:
    """Return the month, quarter, fiscal year or days that bear the same dates a year before; of a week, 52 weeks."""
    if period.kind == "week":
        return Period.week(period.first_day - dt.timedelta(days=WEEKS_PER_YEAR * DAYS_PER_WEEK))
    first, last = (_a_year_before(day) for day in (period.first_day, period.last_day))
    if period.kind == "month" or _ends_a_month(period.last_day):
        last = last.replace(day=monthrange(last.year, last.month)[1])
    return Period.days(first, last, kind=period.kind)


def _a_year_before(day: dt.date) -> dt.date:
    return day.replace(year=day.year - 1, day=min(day.day, monthrange(day.year - 1, day.month)[1]))


def _ends_a_month(day: dt.date) -> bool:
    return day.day == monthrange(day.year, day.month)[1]


@lru_cache(maxsize=256)  # a page asks for the same ones several times; an index never changes
def edges(period: Period, step: Step) -> pd.DatetimeIndex:
    """Return interval edges over a period: (k+1,) instants in Bangkok's time, both ends included."""
    start, end = period.start.tz_convert(BANGKOK), period.end.tz_convert(BANGKOK)
    index = pd.date_range(start, end, freq=_FREQUENCY.get(step, step), unit="us")
    if len(index) == 0 or index[0] != start or index[-1] != end:
        raise ValueError(Phrase("error.period_steps", {"period": period.slug, "step": step}))
    return index


def epoch_us(instants: pd.DatetimeIndex) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Convert instants with zone to (n,) microseconds since 1970-01-01 UTC."""
    if instants.tz is None:
        raise ValueError("instants without time zone cannot be placed. Localise them first.")
    return instants.tz_convert("UTC").as_unit("us").asi8


def timestamp_us(instant: pd.Timestamp) -> int:
    """Convert one instant with zone to microseconds since 1970-01-01 UTC."""
    return int(epoch_us(pd.DatetimeIndex([instant]))[0])


def day_of_us(instant_us: int) -> dt.date:
    """Return the day of Bangkok's calendar on which an instant (microseconds since 1970-01-01 UTC) falls."""
    return pd.Timestamp(instant_us, unit="us", tz="UTC").tz_convert(BANGKOK).date()


def days_of(instants: pd.Index | pd.Series) -> pd.DatetimeIndex:
    """Return the day of Bangkok's calendar that each instant with zone falls on, as a date without zone."""
    return pd.DatetimeIndex(instants).tz_convert(BANGKOK).tz_localize(None).normalize()


def on_days(instants: pd.Index, days: Collection[dt.date]) -> np.ndarray:
    """Return (n,) whether each instant with zone falls on one of the days of Bangkok's calendar."""
    return days_of(instants).isin(pd.DatetimeIndex(list(days)))


def buddhist_year(year: int) -> int:
    """Convert a year of the common era to one of the Buddhist era."""
    return year + BE_OFFSET_YEARS


NO_DAY_OFF = ("National Labor Day", "National Children's Day")
"""Public by name, but government offices work: Labour Day is the employees' of the private sector."""


@lru_cache(maxsize=32)
def thai_holidays(year: int, language: str) -> Mapping[dt.date, str]:
    """Return days off of Thai government offices with their names, substitution days included.

    Source: the `holidays` library's table of cabinet announcements (categories public and
    government), less those on which offices work. Days that an agency adds or keeps open stand in
    its opening calendar.
    """
    named = _announced(year, {"th": "th", "en": "en_US"}[language])
    return {day: name for day, name in named.items() if _is_day_off(_announced(year, "en_US")[day])}


def _is_day_off(names: str) -> bool:
    """Return whether offices close on a day with these names; a substitute closes what its holiday does."""
    return any(name.removesuffix(" (in lieu)") not in NO_DAY_OFF for name in names.split("; "))


@lru_cache(maxsize=64)
def _announced(year: int, locale: str) -> Mapping[dt.date, str]:
    return dict(holidays.country_holidays("TH", years=year, categories=("public", "government"), language=locale))


def in_yearly_spans(day: dt.date, spans: Iterable[tuple[str, str]]) -> bool:
    """Return whether a day falls in one of the yearly spans "MM-DD".."MM-DD", ends included."""
    month_day = f"{day:%m-%d}"
    return any(
        first <= month_day <= last if first <= last else month_day >= first or month_day <= last
        for first, last in spans
    )


def _refuse_other_era(text: str) -> None:
    """Raise ValueError where a year is of the era that its form is not for: it would be a period without any data."""
    for prefix, digits in re.findall(r"(?:^|\.\.)(FY)?(\d{4})", text, re.IGNORECASE):
        year = int(digits)
        if prefix and year < FIRST_YEAR_BE:
            raise ValueError(Phrase("error.period_fiscal_year", {"meant": year + BE_OFFSET_YEARS}))
        if not prefix and year < FIRST_YEAR:
            raise ValueError(Phrase("error.period_too_early", {"year": digits}))
        if not prefix and year >= FIRST_YEAR_BE:
            raise ValueError(Phrase("error.period_buddhist", {"year": year, "meant": year - BE_OFFSET_YEARS}))
