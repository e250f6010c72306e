"""An agency's electricity budget of a fiscal year: what was spent, what is forecast, and whether it is enough."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any, Literal

from bkkenergy.i18n import Words

BudgetVerdict = Literal["within", "over", "open", "no_interval", "no_budget"]
FT_STEP_THB = 0.1


@dataclass(frozen=True, slots=True)
class BudgetMonth:
    """One month: baht of its measured days, and of its other days as they are forecast."""

    first_day: dt.date
    measured_thb: float
    forecast_thb: float


@dataclass(frozen=True, slots=True)
class BudgetYear:
    """A fiscal year in baht, with Ft and VAT.

    until : the last day that is known. half_width_thb : half of the 90 % interval of the year, None where too much of
    the forecast has no baseline. budget_thb : None where none is entered for this year. forecast_kwh : of what is to
    come. building_count of all_count are in it. ft_until : the last day whose Ft is known, where the year goes on.
    is_provisional : a rate, Ft or VAT of a measured month may not hold.
    """

    first_day: dt.date
    last_day: dt.date
    until: dt.date
    months: tuple[BudgetMonth, ...]
    half_width_thb: float | None
    modelled_ratio: float
    budget_thb: float | None
    forecast_kwh: float
    building_count: int
    all_count: int
    ft_until: dt.date | None
    is_provisional: bool

    @property
    def measured_thb(self) -> float:
        """What the measured days cost."""
        return sum(month.measured_thb for month in self.months)

    @property
    def forecast_thb(self) -> float:
        """What the other days are expected to cost."""
        return sum(month.forecast_thb for month in self.months)

    @property
    def total_thb(self) -> float:
        """The whole year."""
        return self.measured_thb + self.forecast_thb

    @property
    def verdict(self) -> BudgetVerdict:
        """Whether the whole interval is within the budget or above it; else it is open, or cannot be said."""
        if self.budget_thb is None:
            return "no_budget"
        if self.half_width_thb is None:
            return "no_interval"
        if self.total_thb + self.half_width_thb <= self.budget_thb:
            return "within"
        return "over" if self.total_thb - self.half_width_thb > self.budget_thb else "open"


def budget_data(year: BudgetYear) -> dict[str, Any]:
    """Return a year's budget as data, with its sums."""
    sums = ("measured_thb", "forecast_thb", "total_thb", "verdict")
    return asdict(year) | {name: getattr(year, name) for name in sums}


def budget_title(year: BudgetYear, words: Words) -> str:
    """Return the heading: the fiscal year."""
    return words("budget.title", year=words.year(year.last_day.year))


def budget_sentences(year: BudgetYear, words: Words) -> list[str]:
    """Say what was spent, what is forecast, whether the budget is enough, and what is not known."""
    left_thb = None if year.budget_thb is None else year.budget_thb - year.total_thb
    values = {
        "year": words.year(year.last_day.year),
        "until": words.date(year.until),
        "measured": words.number(year.measured_thb),
        "forecast": words.number(year.forecast_thb),
        "total": words.number(year.total_thb),
        "half": words.number(year.half_width_thb),
        "budget": words.number(year.budget_thb),
        "left": words.number(None if left_thb is None else abs(left_thb)),
        "share": words.percent(year.modelled_ratio),
    }
    lines = [words("budget.so_far" if year.half_width_thb is not None else "budget.so_far_no_interval", **values)]
    verdict: str = year.verdict
    if verdict in {"open", "no_interval"} and left_thb is not None:
        verdict += "_left" if left_thb >= 0 else "_lacking"
    lines.append(words(f"budget.{verdict}", **values))
    if year.building_count < year.all_count:
        lines.append(words("budget.part", count=year.building_count, all=year.all_count))
    if year.ft_until is not None:
        step = words.number(year.forecast_kwh * FT_STEP_THB)
        lines.append(words("budget.ft", day=words.date(year.ft_until), step=words.number(FT_STEP_THB, 2), thb=step))
    if year.is_provisional:
        lines.append(words("bill.provisional_rate"))
    return lines


def budget_shown(year: BudgetYear, words: Words) -> dict[str, Any]:
    """Return what a report shows of a year's budget."""
    return {"title": budget_title(year, words), "sentences": budget_sentences(year, words)}
