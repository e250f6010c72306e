"""Texts by key, and numbers and dates as readers of Thai and of English write them."""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from babel import Locale
from babel.dates import format_datetime, get_day_names, get_month_names

from bkkenergy.calendar import buddhist_year
from bkkenergy.texts import BE_OFFSET_YEARS, LANGS, Lang, catalogue, filled, said_again

__all__ = ["DATE_FORMAT", "LANGS", "MONTH_FORMAT", "NO_VALUE", "Lang", "Words", "catalogue"]
NO_VALUE = "–"
DATE_FORMAT: dict[Lang, str] = {"th": "[$-107041E]d mmm yyyy", "en": "d mmm yyyy"}
"""How a workbook shows its dates. The Thai one is of the Buddhist era, in Arabic digits; the cell is a date as any."""
MONTH_FORMAT: dict[Lang, str] = {"th": "[$-107041E]mmm yyyy", "en": "mmm yyyy"}
PERIODS = re.compile(
    r"\bFY25\d\d(?:Q[1-4])?\b|\b20\d\d-W\d\d\b"
    r"|\b20\d\d-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?(?![\d-])"
)
QUARTER_SLUG, WEEK_SLUG = re.compile(r"FY25\d\dQ[1-4]"), re.compile(r"20\d\d-W\d\d")


@lru_cache
def _months(width: Literal["wide", "abbreviated"], lang: Lang) -> dict[int, str]:
    """Return the names of months from 1 on. A page has hundreds; to ask Babel for each took a fifth of it."""
    return {number: str(name) for number, name in get_month_names(width, locale=Locale(lang)).items()}


@lru_cache
def _weekdays(width: Literal["wide", "abbreviated"], lang: Lang) -> dict[int, str]:
    """Return the names of weekdays, Monday 0."""
    return {number: str(name) for number, name in get_day_names(width, locale=Locale(lang)).items()}


@dataclass(frozen=True, slots=True)
class Words:
    """One language's way of saying things. A key that it lacks is a KeyError, found by the tests."""

    lang: Lang

    def __call__(self, key: str, **values: object) -> str:
        """Return the text of a key, its {places} filled."""
        return filled(self.lang, key, values)

    def either(self, *, th: str, en: str) -> str:
        """Return whichever of a pair of names belongs to this language."""
        return th if self.lang == "th" else en

    def number(self, value: float | None, digits: int = 0) -> str:
        """Format as 1,234.5; a dash where the value is unknown."""
        if value is None or math.isnan(value):
            return NO_VALUE
        if math.isinf(value):
            return "-∞" if value < 0 else "∞"
        exact = Decimal(repr(round(float(value), 9) + 0.0))  # no half tipped by what arithmetic lost
        text = f"{exact:,.{digits}f}"  # both languages write 1,234.5; halves go to the even digit
        return text if text.strip("-0.") else text.lstrip("-")

    def percent(self, ratio: float | None, digits: int = 0, *, signed: bool = False) -> str:
        """Format a ratio (0..1) as per cent."""
        if ratio is None or math.isnan(ratio):
            return NO_VALUE
        percent = round(ratio * 100, digits) + 0.0  # never "-0"
        sign = "+" if signed and percent > 0 else ""
        return f"{sign}{self.number(percent, digits)}%".replace("-", "−")

    def date(self, day: dt.date) -> str:
        """Format as 23 พฤศจิกายน 2569, or 23 November 2026."""
        return f"{day.day} {self.month(day)}"

    def month(self, day: dt.date) -> str:
        """Format as พฤศจิกายน 2569, or November 2026."""
        return f"{_months('wide', self.lang)[day.month]} {self.year(day.year)}"

    def month_short(self, day: dt.date) -> str:
        """Format as พ.ย., or Nov."""
        return _months("abbreviated", self.lang)[day.month]

    def day_short(self, day: dt.date) -> str:
        """Format as 23 พ.ย., or 23 Nov."""
        return f"{day.day} {self.month_short(day)}"

    def day_year(self, day: dt.date) -> str:
        """Format as 23 พ.ย. 2569, or 23 Nov 2026."""
        return f"{self.day_short(day)} {self.year(day.year)}"

    def year(self, year: int) -> str:
        """Format as 2569, or 2026."""
        return str(buddhist_year(year) if self.lang == "th" else year)

    def period(self, slug: str) -> str:
        """Write a period, given as its files are named: a day, a month, a fiscal year, or two days."""
        if QUARTER_SLUG.fullmatch(slug):
            return self("report.quarter", quarter=slug[-1], year=self.year(int(slug[2:6]) - BE_OFFSET_YEARS))
        if WEEK_SLUG.fullmatch(slug):
            monday = dt.date.fromisocalendar(int(slug[:4]), int(slug[6:]), 1)
            return self("report.period_week", first=self.date(monday), last=self.date(monday + dt.timedelta(days=6)))
        if slug.startswith("FY"):
            return self("report.period_fiscal_year", year=self.year(int(slug[2:]) - BE_OFFSET_YEARS))
        first, _, last = slug.partition("..")
        if last:
            return self("report.period_range", first=self.period(first), last=self.period(last))
        if len(first) == len("2026-11"):
            return self.month(dt.date.fromisoformat(f"{first}-01"))
        return self.date(dt.date.fromisoformat(first))

    def dated(self, text: str) -> str:
        """Write the periods within a text as `period` does."""
        return PERIODS.sub(lambda match: self.period(match[0]), text)

    def stored(self, text: str, *sections: str) -> str:
        """Return a text that is stored in English in this language; a person's own words as they are.

        sections : of the catalogues, of which the text was made. Without any it is one of a history.
        """
        return said_again(text, self.lang, *(sections or ("stored.",)))

    def name(self, group: str, slug: str) -> str:
        """Return what a slug is called in a group of the catalogue; the slug where an older version wrote another."""
        return catalogue(self.lang).get(f"{group}.{slug}", slug)

    def weekday(self, day: dt.date) -> str:
        """Format as จันทร์, or Monday."""
        return _weekdays("wide", self.lang)[day.weekday()].removeprefix("วัน")

    def weekday_short(self, day: dt.date) -> str:
        """Format as จ., or Mon."""
        return _weekdays("abbreviated", self.lang)[day.weekday()]

    def time(self, instant: dt.datetime) -> str:
        """Format as 14:30 น., or 14:30."""
        clock = format_datetime(instant, "HH:mm", locale=Locale(self.lang))
        return f"{clock} น." if self.lang == "th" else clock

    def moment(self, instant: dt.datetime) -> str:
        """Format date and time of one instant, which must already be in Bangkok's time."""
        return f"{self.date(instant.date())} {self.time(instant)}"

    def stamp_day(self, day: dt.date) -> str:
        """Format a day of a list as 23 พ.ย. 2569, or 2026-11-23."""
        return self.day_year(day) if self.lang == "th" else day.isoformat()

    def stamp(self, instant: dt.datetime) -> str:
        """Format an instant of a list, in Bangkok's time, as 23 พ.ย. 2569 14:30 น., or 2026-11-23 14:30."""
        return f"{self.stamp_day(instant.date())} {self.time(instant)}"
