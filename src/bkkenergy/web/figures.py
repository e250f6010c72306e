"""The city's figures as pages show them: each building's day, month and fiscal year, from days that are kept.

Computed at most once in `web.refresh_s`, by whichever request comes first; the others are served the figures before.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK, Period, edges, fiscal_year_of
from bkkenergy.portfolio import Building
from bkkenergy.reports.energy import air_temperature_c
from bkkenergy.savings.baseline import Baseline, expected_days, series_of
from bkkenergy.store.baselines import latest_baseline
from bkkenergy.store.state.alerts import open_alerts
from bkkenergy.web.here import Here

COVERAGE_DAYS = 7
HOURS_A_DAY = 24


@dataclass(frozen=True, slots=True)
class Span:
    """Use over some days. expected_kwh : by the baseline, over the days that are known; None without one."""

    energy_kwh: float | None
    expected_kwh: float | None
    compared_kwh: float | None

    @property
    def change_ratio(self) -> float | None:
        """Use against the baseline, over the days that both know."""
        if not self.expected_kwh or self.compared_kwh is None:
            return None
        return self.compared_kwh / self.expected_kwh - 1


@dataclass(frozen=True, slots=True)
class BuildingFigures:
    """One building now. coverage_ratio : of the last seven whole days; seen_us : its latest reading."""

    building: Building
    today_kwh: float | None
    month: Span
    year: Span
    month_peak_kw: float | None
    coverage_ratio: float
    alerts: int


@dataclass(frozen=True, slots=True)
class Figures:
    """All buildings, as of an instant; stale : meters whose days wait to be brought up."""

    at: dt.datetime
    buildings: dict[str, BuildingFigures]
    stale: int

    def of(self, agencies: Iterable[str]) -> list[BuildingFigures]:
        """The buildings of some agencies."""
        wanted = set(agencies)
        return [own for own in self.buildings.values() if own.building.agency in wanted]


class CityFigures:
    """Figures that are computed once for many requests."""

    def __init__(self, here: Here) -> None:
        self._here, self._lock = here, threading.Lock()
        self._figures: Figures | None = None
        self._until_s = 0.0
        self._expected: dict[str, tuple[str, dt.date, pd.Series]] = {}

    def now(self) -> Figures:
        """The figures; those of before while another request computes them anew."""
        if self._figures is not None and time.monotonic() < self._until_s:
            return self._figures
        if not self._lock.acquire(blocking=self._figures is None):
            assert self._figures is not None  # noqa: S101 - asked above
            return self._figures
        try:
            if self._figures is None or time.monotonic() >= self._until_s:
                self._figures = self._computed()
                self._until_s = time.monotonic() + self._here.settings.web.refresh_s
            return self._figures
        finally:
            self._lock.release()

    def _computed(self) -> Figures:
        here, today = self._here, self._here.today
        year, month = fiscal_year_of(today).first_day, today.replace(day=1)
        week = today - dt.timedelta(days=COVERAGE_DAYS)
        mains = {meter.id: own.id for own in here.portfolio.buildings.values() for meter in own.main_meters}
        frame = here.rollup().days(list(mains), min(year, month, week), today)
        days = frame.assign(building=frame["meter"].map(mains))
        energy = days.pivot_table(index="day", columns="building", values="energy_kwh", aggfunc="sum")
        peak_kw = days[days["day"] >= pd.Timestamp(month)].groupby("building")["peak_kw"].max()
        recent = days[(days["day"] >= pd.Timestamp(week)) & (days["day"] < pd.Timestamp(today))]
        coverage = recent.groupby("building")["coverage"].sum() / COVERAGE_DAYS
        alerts = pd.Series([own.building for own in open_alerts(here.engine)], dtype=object).value_counts()
        found = {}
        for building in here.portfolio.buildings.values():
            own = energy[building.id] if building.id in energy else pd.Series(dtype=float, index=energy.index)
            expected = self._expected_of(building, year, today)
            found[building.id] = BuildingFigures(
                building,
                _of(own, pd.Timestamp(today)),
                _span(own, expected, month, today),
                _span(own, expected, year, today),
                _of(peak_kw, building.id),
                float(coverage.get(building.id, 0.0)) / max(len(building.main_meters), 1),
                int(alerts.get(building.id, 0)),
            )
        return Figures(here.clock().astimezone(BANGKOK), found, here.rollup().stale_count())

    def _expected_of(self, building: Building, first: dt.date, today: dt.date) -> pd.Series | None:
        """What the baseline expects of each whole day so far; computed once a day and baseline."""
        baseline = latest_baseline(self._here.site.baselines, building.id)
        if baseline is None or today <= first:
            return None
        known = self._expected.get(building.id)
        if known is not None and known[:2] == (baseline.fingerprint, today):
            return known[2]
        series = expected_series(self._here, building, baseline, first, today - dt.timedelta(days=1))
        self._expected[building.id] = (baseline.fingerprint, today, series)
        return series


def expected_series(here: Here, building: Building, baseline: Baseline, first: dt.date, last: dt.date) -> pd.Series:
    """KWh that the baseline expects of each day, by date."""
    period = Period.days(first, last)
    starts = edges(period, "60min")[:-1]
    site = here.report_site()
    needs_air = "calendar" not in baseline.form
    temp_c = air_temperature_c(site.store, site.portfolio, building, period) if needs_air else None
    calendar = site.portfolio.calendars[building.calendar]
    series = series_of(starts, np.zeros(len(starts)), temp_c, calendar)
    index = pd.DatetimeIndex(series.day_index).tz_localize(None)
    return pd.Series(expected_days(baseline.model, series), index=index)


def _span(own: pd.Series, expected: pd.Series | None, first: dt.date, today: dt.date) -> Span:
    """From a day on: use up to now, and use against the baseline over the whole days that both know."""
    since = own[own.index >= pd.Timestamp(first)]
    energy = float(since.sum()) if since.notna().any() else None
    if expected is None or energy is None:
        return Span(energy, None, None)
    both = pd.DataFrame({"used": since, "expected": expected}).loc[pd.Timestamp(first) : pd.Timestamp(today)].dropna()
    both = both[both.index < pd.Timestamp(today)]
    if both.empty:
        return Span(energy, None, None)
    return Span(energy, float(both["expected"].sum()), float(both["used"].sum()))


def _of(series: pd.Series, key: object) -> float | None:
    value = series.get(key)
    return None if value is None or np.isnan(value) else float(value)


def summed(spans: Iterable[Span]) -> Span:
    """Spans of several buildings as one; those without a baseline count in the use alone."""
    every = list(spans)
    known = [own.energy_kwh for own in every if own.energy_kwh is not None]
    judged = [own for own in every if own.expected_kwh is not None and own.compared_kwh is not None]
    return Span(
        sum(known) if known else None,
        sum(own.expected_kwh or 0.0 for own in judged) if judged else None,
        sum(own.compared_kwh or 0.0 for own in judged) if judged else None,
    )
