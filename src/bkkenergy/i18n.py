"""Texts by key, and numbers and dates as readers of Thai and of English write them."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

from babel import Locale
from babel.dates import format_datetime, get_day_names, get_month_names
from babel.numbers import format_decimal

from bkkenergy.calendar import buddhist_year
from bkkenergy.texts import LANGS, Lang, catalogue, filled

__all__ = ["LANGS", "NO_VALUE", "Lang", "Words", "catalogue"]
NO_VALUE = "–"


@dataclass(frozen=True, slots=True)
class Words:
    """One language's way of saying things. A key that it lacks is a KeyError, found by the tests."""

    lang: Lang

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, its {places} filled."""
        return filled(self.lang, key, values)

    def either(self, *, th: str, en: str) -> str:
        """Return whichever of a pair of names belongs to this language."""
        return th if self.lang == "th" else en

    def number(self, value: float | None, digits: int = 0) -> str:
        """Format as 1,234.5; a dash where the value is unknown."""
        if value is None or math.isnan(value):
            return NO_VALUE
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        value = round(value, 9) + 0.0  # never "-0", and no half tipped by what arithmetic lost
        return str(format_decimal(value, format=pattern, locale=Locale(self.lang)))

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
        name = str(get_month_names("wide", locale=Locale(self.lang))[day.month])
        return f"{name} {self.year(day.year)}"

    def month_short(self, day: dt.date) -> str:
        """Format as พ.ย., or Nov."""
        return str(get_month_names("abbreviated", locale=Locale(self.lang))[day.month])

    def day_short(self, day: dt.date) -> str:
        """Format as 23 พ.ย., or 23 Nov."""
        return f"{day.day} {self.month_short(day)}"

    def year(self, year: int) -> str:
        """Format as 2569, or 2026."""
        return str(buddhist_year(year) if self.lang == "th" else year)

    def weekday(self, day: dt.date) -> str:
        """Format as จันทร์, or Monday."""
        return str(get_day_names("wide", locale=Locale(self.lang))[day.weekday()]).removeprefix("วัน")

    def time(self, instant: dt.datetime) -> str:
        """Format as 14:30 น., or 14:30."""
        clock = format_datetime(instant, "HH:mm", locale=Locale(self.lang))
        return f"{clock} น." if self.lang == "th" else clock

    def moment(self, instant: dt.datetime) -> str:
        """Format date and time of one instant, which must already be in Bangkok's time."""
        return f"{self.date(instant.date())} {self.time(instant)}"
