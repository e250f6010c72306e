"""A period beside the year before, and the year towards its target, as reports and pages show them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bkkenergy.texts import Lang

ChangeVerdict = Literal["less", "more", "unclear", "short", "part"]
PathVerdict = Literal["reached", "missed", "open"]


@dataclass(frozen=True, slots=True)
class YearChange:
    """Use of a period beside the same days a year before; the total has no building. None where it cannot be said.

    actual_kwh : over the days that are known. unadjusted_kwh : what the year before was, for as many days; adjusted_kwh
    : the same with this year's weather, holidays and lengths of months. change_ratio, half_width_ratio : beside the
    adjusted year, with half of the 90 % interval of what buildings change by themselves. verdict : "less" or "more"
    beyond significant_ratio, "unclear", or why there is none. why : the reason, by language.

    common_ratio, common_half_ratio : what beside_count buildings like it without a project changed together, with half
    of its interval; beside_ratio, beside_half_ratio, beside_verdict : the change without that. None where fewer than
    six are like it.
    """

    building_id: str
    actual_kwh: float | None = None
    unadjusted_kwh: float | None = None
    adjusted_kwh: float | None = None
    change_ratio: float | None = None
    half_width_ratio: float | None = None
    significant_ratio: float | None = None
    verdict: ChangeVerdict | None = None
    days: int | None = None
    before_days: int | None = None
    why: Mapping[Lang, str] | None = None
    common_ratio: float | None = None
    common_half_ratio: float | None = None
    beside_ratio: float | None = None
    beside_half_ratio: float | None = None
    beside_verdict: ChangeVerdict | None = None
    beside_count: int | None = None

    @property
    def is_sure(self) -> bool:
        """Whether a change is more than chance, and more than what happened to everyone where that is known."""
        return self.verdict in {"less", "more"} and self.beside_verdict in {None, self.verdict}

    @property
    def is_shared(self) -> bool:
        """Whether buildings like it changed together by more than chance, or the verdict rests on that."""
        if self.common_ratio is None or self.common_half_ratio is None:
            return False
        return abs(self.common_ratio) > self.common_half_ratio or self.beside_verdict != self.verdict


@dataclass(frozen=True, slots=True)
class PathMonth:
    """One month of a year. measured_kwh, forecast_kwh : of its measured_days, and of its other days."""

    first_day: dt.date
    measured_kwh: float
    forecast_kwh: float
    baseline_kwh: float
    target_kwh: float
    measured_days: int
    days: int


@dataclass(frozen=True, slots=True)
class YearPath:
    """A year towards its target: what is measured, what is forecast, and what the target leaves.

    until : the last day that is known. half_width_kwh : half of the 90 % interval of the year's end. target_ratio :
    what this year has to save, on a straight line from the base year to the plan's target. building_count of all_count
    have a baseline; known_ratio : their share of what all of them took from the grid in the last weeks.
    """

    first_day: dt.date
    last_day: dt.date
    until: dt.date
    months: tuple[PathMonth, ...]
    half_width_kwh: float
    target_ratio: float
    building_count: int
    all_count: int
    known_ratio: float

    @property
    def measured_kwh(self) -> float:
        """What is measured."""
        return sum(month.measured_kwh for month in self.months)

    @property
    def forecast_kwh(self) -> float:
        """What is expected of the days that are not measured."""
        return sum(month.forecast_kwh for month in self.months)

    @property
    def energy_kwh(self) -> float:
        """The whole year."""
        return self.measured_kwh + self.forecast_kwh

    @property
    def baseline_kwh(self) -> float:
        """What the baselines expect of the whole year."""
        return sum(month.baseline_kwh for month in self.months)

    @property
    def target_kwh(self) -> float:
        """What the target leaves."""
        return sum(month.target_kwh for month in self.months)

    @property
    def measured_days(self) -> int:
        """Days that are known of at least one building."""
        return sum(month.measured_days for month in self.months)

    @property
    def days(self) -> int:
        """Days of the year."""
        return (self.last_day - self.first_day).days + 1

    @property
    def verdict(self) -> PathVerdict:
        """Whether the whole interval lies at or below the target, or above it; else it is open."""
        if self.energy_kwh + self.half_width_kwh <= self.target_kwh:
            return "reached"
        return "missed" if self.energy_kwh - self.half_width_kwh > self.target_kwh else "open"
