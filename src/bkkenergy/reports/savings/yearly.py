"""From the store to a period beside the year before, and to the year towards its target."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bkkenergy.calendar import Period, fiscal_year_of, same_days_before
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Building
from bkkenergy.readings import FloatArray
from bkkenergy.reports.reasons import why_texts
from bkkenergy.reports.savings.gather import hours_of
from bkkenergy.reports.yearpath import ChangeVerdict, PathMonth, YearChange, YearPath
from bkkenergy.savings.baseline import Baseline, Series
from bkkenergy.savings.facts import FOUR_WEEKS, Facts
from bkkenergy.savings.uncertainty import NORMAL_90, Band
from bkkenergy.savings.versions import BaselineVersion, judging
from bkkenergy.savings.yearly import (
    YearDays,
    YearOnYear,
    change_band,
    forecast_year,
    target_step,
    total_change_band,
    year_on_year,
)
from bkkenergy.site import Site
from bkkenergy.texts import BE_OFFSET_YEARS, Named

VERDICTS: dict[str, ChangeVerdict] = {"proven": "less", "increase": "more", "short": "short", "part": "part"}
"""A change is a saving in the words of intervals."""
MIN_FORECAST_SHARE = 0.9
"""Of what all buildings take, that a path has to be of."""


@dataclass(frozen=True, slots=True)
class ComparedYear:
    """A building beside its year before, or why that cannot be said."""

    building: Building
    change: YearOnYear | None
    band: Band | None
    why: InputError | None = None

    def row(self) -> YearChange:
        """Return it as reports have it."""
        if self.change is None or self.band is None:
            why = None if self.why is None else why_texts(self.why)
            return YearChange(self.building.id, why=why)
        return _row(self.building.id, [self.change], self.band)


def compared_year(
    site: Site,
    building: Building,
    period: Period,
    versions: Sequence[BaselineVersion],
    known: Series | InputError | None = None,
) -> ComparedYear:
    """Compare a building with the same days a year before. known : its hours, where they are read already.

    Raises StoreUnavailable.
    """
    version = judging(versions, period.first_day)
    if version is None or version.usable is None:
        why = InputError.of("no_baseline", building=Named(building.id, building.name_th))
        if version is not None and isinstance(version.baseline, InputError):
            why = version.baseline
        return ComparedYear(building, None, None, why)
    before = same_days_before(period)
    try:
        now, then = (_hours_within(site, building, one, known) for one in (period, before))
    except InputError as why_none:
        return ComparedYear(building, None, None, why_none)
    adjustments = site.savings.adjustments_of(building.id)
    change = year_on_year(version.usable, now, then, adjustments)
    if change is None:
        return ComparedYear(building, None, None, InputError.of("no_year_before", first=before.first_day))
    band = change_band(change, version.usable, site.savings.year_on_year, site.savings.placebo.typical_fold_ratio)
    return ComparedYear(building, change, band)


def _hours_within(site: Site, building: Building, period: Period, known: Series | InputError | None) -> Series:
    if isinstance(known, InputError):
        raise known
    if known is not None and known.day_index[0].date() <= period.first_day:
        return known.between(period.first_day, period.last_day)
    return hours_of(site, building, period)


def total_change(site: Site, compared: Sequence[ComparedYear]) -> YearChange | None:
    """Return all buildings that could be compared as one; None without any."""
    pairs = [(one.change, one.band) for one in compared if one.change is not None and one.band is not None]
    if not pairs:
        return None
    changes, bands = [change for change, _ in pairs], [band for _, band in pairs]
    total = total_change_band(changes, bands, site.savings.year_on_year)
    return None if total is None else _row("", changes, total)


def _row(name: str, changes: Sequence[YearOnYear], band: Band) -> YearChange:
    return YearChange(
        name,
        sum(change.actual_kwh for change in changes),
        sum(change.unadjusted_kwh for change in changes),
        sum(change.adjusted_kwh for change in changes),
        -band.saving_ratio,
        band.half_width_ratio,
        band.significant_ratio,
        VERDICTS.get(band.verdict, "unclear"),
        max(change.days for change in changes),
        max(change.before_days for change in changes),
    )


@dataclass(frozen=True, slots=True)
class BuildingYear:
    """A building's fiscal year day by day, its baseline, and what it lately took from the grid."""

    building: Building
    year: YearDays | None
    baseline: Baseline | None
    lately_kwh: float
    why: InputError | None = None


def building_year(site: Site, building: Building, facts: Facts) -> BuildingYear:
    """Forecast the end of the fiscal year of a building's last known day."""
    series = facts.series
    until = series.day_index[-1].date()
    lately = facts.grid_kwh if facts.grid_kwh is not None else series.energy_kwh
    lately_kwh = float(np.nansum(lately[-FOUR_WEEKS * 24 :]))
    year = fiscal_year_of(until)
    version = judging(facts.versions, year.first_day)
    baseline = None if version is None else version.usable
    if facts.why is not None or baseline is None:
        return BuildingYear(building, None, None, lately_kwh, facts.why)
    if baseline.last >= year.first_day:  # a year beside itself reaches any target
        why_none = InputError.of("within_baseline", first=baseline.first, last=baseline.last)
        return BuildingYear(building, None, baseline, lately_kwh, why_none)
    try:
        days = forecast_year(
            baseline,
            series,
            site.portfolio.days_open(building),
            (year.first_day, year.last_day),
            site.savings.forecast,
            site.savings.placebo.typical_fold_ratio,
            adjustments=site.savings.adjustments_of(building.id),
        )
    except InputError as why:
        return BuildingYear(building, None, baseline, lately_kwh, why)
    return BuildingYear(building, days, baseline, lately_kwh)


def year_path(site: Site, years: Sequence[BuildingYear]) -> YearPath | None:
    """Return buildings' year towards its target; None without a plan, or where too few can be forecast."""
    known = [(one.year, one.baseline) for one in years if one.year is not None and one.baseline is not None]
    lately_kwh = sum(one.lately_kwh for one in years)
    share = sum(one.lately_kwh for one in years if one.year is not None) / lately_kwh if lately_kwh > 0 else 0.0
    if site.plan is None or not known or share < MIN_FORECAST_SHARE:
        return None
    target, days = site.plan.agency_target, known[0][0].days
    first, last = days[0].date(), days[-1].date()
    target_year = target.year_be - BE_OFFSET_YEARS
    steps = [target_step(target.saving_ratio, baseline.last, target_year, last) for _, baseline in known]
    targets_kwh = sum(year.expected_kwh * (1 - step) for (year, _), step in zip(known, steps, strict=True))
    expected_kwh = sum(year.expected_kwh for year, _ in known)
    return YearPath(
        first_day=first,
        last_day=last,
        until=_until(known),
        months=_months([year for year, _ in known], np.asarray(targets_kwh, np.float64)),
        half_width_kwh=_half_width_kwh(site, [year for year, _ in known]),
        target_ratio=1 - float(np.nansum(targets_kwh) / np.nansum(expected_kwh)),
        building_count=len(known),
        all_count=len(years),
        known_ratio=share,
    )


def _until(known: Sequence[tuple[YearDays, Baseline]]) -> dt.date:
    """Return the last day that is measured of any building; the day before the year where none is."""
    ends = [year.days[year.is_measured][-1].date() for year, _ in known if year.is_measured.any()]
    return max(ends, default=known[0][0].days[0].date() - dt.timedelta(days=1))


def _half_width_kwh(site: Site, years: Sequence[YearDays]) -> float:
    """Join the buildings' intervals: their own errors largely cancel, what they err together does not."""
    halves_kwh = np.array([year.half_width_kwh for year in years])
    cells = site.savings.forecast
    common = [
        cells.at(cells.common_ratio, left) * float(year.forecast_kwh.sum())
        for year in years
        if (left := int((~year.is_measured).sum()))
    ]
    shared = NORMAL_90 * sum(common) if len(years) > 1 else 0.0
    return float(np.hypot(np.sqrt((halves_kwh**2).sum()), shared))


def _months(years: Sequence[YearDays], target_kwh: FloatArray) -> tuple[PathMonth, ...]:
    days = years[0].days
    measured = sum((np.nan_to_num(year.measured_kwh) for year in years), np.zeros(len(days)))
    forecast = sum((np.nan_to_num(year.forecast_kwh) for year in years), np.zeros(len(days)))
    expected = sum((np.nan_to_num(year.expected_kwh) for year in years), np.zeros(len(days)))
    is_known = np.any([year.is_measured for year in years], axis=0)
    month = days.year.to_numpy() * 12 + days.month.to_numpy()
    rows = [month == number for number in np.unique(month)]
    return tuple(
        PathMonth(
            days[row][0].date(),
            float(measured[row].sum()),
            float(forecast[row].sum()),
            float(expected[row].sum()),
            float(np.nan_to_num(target_kwh)[row].sum()),
            int(is_known[row].sum()),
            int(row.sum()),
        )
        for row in rows
    )
