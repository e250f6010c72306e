"""An agency's electricity budget of a fiscal year: what was spent, what is forecast, and whether it is enough."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from math import hypot
from typing import Any, Literal

from bkkenergy.i18n import Words

BudgetVerdict = Literal["within", "over", "open", "no_interval", "no_budget"]
FT_STEP_THB = 0.1
MIN_MODELLED_RATIO = 0.9
"""Share of the forecast that has baselines, below which it has no interval."""


@dataclass(frozen=True, slots=True)
class BudgetMonth:
    """One month: baht of its measured days, and of its other days as they are forecast."""

    first_day: dt.date
    measured_thb: float
    forecast_thb: float


@dataclass(frozen=True, slots=True)
class CityBudget:
    """What a city's year has beside that of an agency.

    entered_count of agency_count have a budget. independent_half_thb, together_half_thb : half of the interval, were
    agencies to err each by itself, and all together.
    """

    entered_count: int
    agency_count: int
    independent_half_thb: float | None
    together_half_thb: float | None


@dataclass(frozen=True, slots=True)
class BudgetYear:
    """A fiscal year in baht, with Ft and VAT.

    until : the last day that is known. half_width_thb : half of the 90 % interval of the year, None where too much of
    the forecast has no baseline. budget_thb : None where none is entered for this year. forecast_kwh : of what is to
    come. building_count of all_count are in it. ft_until : the last day whose Ft is known, where the year goes on.
    is_provisional : a rate, Ft or VAT of a measured month may not hold.
    own_half_thb, common_half_thb : of the interval, what buildings err each by itself, and together; None in reports of
    before they were entered. city : of the city's year alone.
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
    own_half_thb: float | None = None
    common_half_thb: float | None = None
    city: CityBudget | None = None

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


def city_budget(agencies: Sequence[tuple[BudgetYear | None, int]]) -> BudgetYear | None:
    """Sum agencies' years; None where none has one, or they are of different years. agencies : with their buildings.

    What buildings err each by itself is joined as independent, what they err together adds up. There is a budget where
    every agency has one.
    """
    known = [year for year, _ in agencies if year is not None]
    if not known or len({(year.first_day, year.last_day) for year in known}) > 1:
        return None
    forecast_thb = sum(year.forecast_thb for year in known)
    modelled_thb = sum(year.modelled_ratio * year.forecast_thb for year in known)
    ratio = modelled_thb / forecast_thb if forecast_thb > 0 else 1.0
    budgets = [year.budget_thb for year in known if year.budget_thb is not None]
    city = CityBudget(
        len(budgets), len(agencies), *_outer_halves(known) if ratio >= MIN_MODELLED_RATIO else (None, None)
    )
    return replace(
        known[0],
        until=min(year.until for year in known),
        months=tuple(_month_of(column) for column in zip(*(year.months for year in known), strict=True)),
        half_width_thb=_city_half_thb(known) if ratio >= MIN_MODELLED_RATIO else None,
        modelled_ratio=ratio,
        budget_thb=sum(budgets) if len(budgets) == len(agencies) else None,
        forecast_kwh=sum(year.forecast_kwh for year in known),
        building_count=sum(year.building_count for year in known),
        all_count=sum(count if year is None else year.all_count for year, count in agencies),
        ft_until=min((year.ft_until for year in known if year.ft_until is not None), default=None),
        is_provisional=any(year.is_provisional for year in known),
        own_half_thb=None,
        common_half_thb=None,
        city=city,
    )


def _month_of(months: Sequence[BudgetMonth]) -> BudgetMonth:
    measured_thb = sum(month.measured_thb for month in months)
    return BudgetMonth(months[0].first_day, measured_thb, sum(month.forecast_thb for month in months))


def _outer_halves(years: Sequence[BudgetYear]) -> tuple[float | None, float | None]:
    """Return half of the interval, were agencies to err each by itself, and all together; None where one is unknown."""
    halves = [_whole_half_thb(year) for year in years]
    known = [half for half in halves if half is not None]
    return (hypot(*known), sum(known)) if len(known) == len(halves) else (None, None)


def _whole_half_thb(year: BudgetYear) -> float | None:
    """Return half of an agency's interval; where it is not shown, of the part that has a baseline."""
    if year.own_half_thb is None or year.common_half_thb is None:
        return year.half_width_thb
    return hypot(year.own_half_thb, year.common_half_thb)


def _city_half_thb(years: Sequence[BudgetYear]) -> float | None:
    """Join intervals; of reports that do not have both parts, by their sum, the widest that it can be."""
    alone = [year.own_half_thb for year in years if year.own_half_thb is not None]
    together = [year.common_half_thb for year in years if year.common_half_thb is not None]
    if len(alone) == len(together) == len(years):
        return hypot(*alone, sum(together))
    return _outer_halves(years)[1]


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
    without = "no_interval" if year.modelled_ratio else "no_baseline"
    so_far = "so_far" if year.half_width_thb is not None else f"so_far_{without}"
    lines = [words(f"budget.{so_far}", **values)]
    verdict: str = year.verdict
    if verdict in {"open", "no_interval"} and left_thb is not None:
        verdict += "_left" if left_thb >= 0 else "_lacking"
    lines += (
        [words(f"budget.{verdict}", **values)]
        if year.city is None
        else _of_city(year, year.city, verdict, values, words)
    )
    if year.building_count < year.all_count:
        lines.append(words("budget.part", count=year.building_count, all=year.all_count))
    if year.ft_until is not None:
        step = words.number(year.forecast_kwh * FT_STEP_THB)
        lines.append(words("budget.ft", day=words.date(year.ft_until), step=words.number(FT_STEP_THB, 2), thb=step))
    if year.is_provisional:
        lines.append(words("bill.provisional_rate"))
    return lines


def _of_city(year: BudgetYear, city: CityBudget, verdict: str, values: dict[str, str], words: Words) -> Iterator[str]:
    """Say whether the budgets are enough together, and how much the interval hangs on what agencies err together."""
    if year.budget_thb is not None:
        yield words(f"budget.{verdict}", **values)
    else:
        key = "city_no_budget" if city.entered_count else "city_budget_none"
        yield words(f"budget.{key}", count=city.entered_count, all=city.agency_count, year=values["year"])
    if year.half_width_thb is not None and city.independent_half_thb is not None:
        yield words(
            "budget.city_interval",
            independent=words.number(city.independent_half_thb),
            together=words.number(city.together_half_thb),
        )


def budget_shown(year: BudgetYear, words: Words) -> dict[str, Any]:
    """Return what a report shows of a year's budget."""
    return {"title": budget_title(year, words), "sentences": budget_sentences(year, words)}
