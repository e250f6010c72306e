"""The city's figures as pages show them: each building's day, month and fiscal year, from the energy ledger.

Computed at most once in `web.refresh_s`, by whichever request comes first; the others get the figures before.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import structlog

from bkkenergy.adapters.state.alerts import open_alerts
from bkkenergy.adapters.state.baselines import versions_of
from bkkenergy.calendar import BANGKOK, Period, edges, fiscal_year_of
from bkkenergy.errors import BkkEnergyError
from bkkenergy.portfolio import Building, Portfolio
from bkkenergy.ports.ledger import IMPORT, QUARTERS_PER_DAY, LedgerReader
from bkkenergy.savings.adjust import adjustment_days
from bkkenergy.savings.baseline import Baseline, expected_of, series_of
from bkkenergy.savings.versions import BaselineVersion, judging
from bkkenergy.usecases.energy import air_temperature_c, building_quarters
from bkkenergy.usecases.gross import own_supply_days
from bkkenergy.usecases.over import all_over, changes, over
from bkkenergy.web.context import AppContext

log = structlog.get_logger(__name__)

COVERAGE_DAYS = 7


@dataclass(frozen=True, slots=True)
class PeriodUse:
    """Use over some days. expected_kwh : by the baseline, over the days that are known; None without one."""

    energy_kwh: float | None
    expected_kwh: float | None
    compared_kwh: float | None

    @property
    def change_ratio(self) -> float | None:
        """Return use against the baseline, over the days that both know."""
        if not self.expected_kwh or self.compared_kwh is None:
            return None
        return self.compared_kwh / self.expected_kwh - 1


NOTHING = PeriodUse(None, None, None)


@dataclass(frozen=True, slots=True)
class BuildingFigures:
    """One building now. coverage_ratio : of the last seven whole days."""

    building: Building
    today_kwh: float | None
    month: PeriodUse
    year: PeriodUse
    month_peak_kw: float | None
    coverage_ratio: float
    alerts: int


@dataclass(frozen=True, slots=True)
class Figures:
    """All buildings, as of an instant; stale : meters with days that wait to be computed."""

    at: dt.datetime
    buildings: dict[str, BuildingFigures]
    stale: int

    def of(self, agencies: Iterable[str]) -> list[BuildingFigures]:
        """Return the buildings of these agencies."""
        agency_ids = set(agencies)
        return [building for building in self.buildings.values() if building.building.agency in agency_ids]


class CityFigures:
    """Figures that are computed once for many requests."""

    def __init__(self, here: AppContext) -> None:
        self._here, self._lock = here, threading.Lock()
        self._figures: Figures | None = None
        self._portfolio = here.portfolio
        self._until_s = 0.0
        self._expected: dict[str, tuple[str, dt.date, pd.Series]] = {}

    def now(self) -> Figures:
        """Return the figures; when they are old, those of before, while a thread computes new ones.

        After a change of the portfolio they are computed first: those of before lack what is new.
        """
        if self._figures is None or self._portfolio is not self._here.portfolio:
            with self._lock:
                if self._figures is None or self._portfolio is not self._here.portfolio:
                    self._compute()
        elif time.monotonic() >= self._until_s and self._lock.acquire(blocking=False):
            threading.Thread(target=self._compute_and_let_go, name="city-figures", daemon=True).start()
        assert self._figures is not None  # noqa: S101 - computed above
        return self._figures

    def _compute(self) -> None:
        self._figures = self._computed()
        self._until_s = time.monotonic() + self._here.settings.web.refresh_s

    def _compute_and_let_go(self) -> None:
        try:
            self._compute()
        except BkkEnergyError as error:  # a store that is unreachable: the figures before stay, and it is tried again
            log.warning("city_figures_failed", why=str(error))
        finally:
            self._lock.release()

    def _computed(self) -> Figures:
        here, today, portfolio = self._here, self._here.today, self._here.portfolio
        year, month = fiscal_year_of(today).first_day, today.replace(day=1)
        week = today - dt.timedelta(days=COVERAGE_DAYS)
        mains = [meter.id for building in portfolio.buildings.values() for meter in building.main_meters]
        days = MainDays.read(here.opened.energy, portfolio, min(year, month, week), today)
        energy = days.energy_kwh
        versions = versions_of(here.opened.state, list(portfolio.buildings))
        expected = pd.DataFrame(
            {
                building.id: series
                for building in portfolio.buildings.values()
                if (series := self._expected_of(building, versions.get(building.id, ()), year, today)) is not None
            }
        )
        months, years = _spans(days, expected, month, today), _spans(days, expected, year, today)
        now = energy.iloc[-1]
        peak_kw = month_peaks(here.opened.energy, portfolio, days, month, today)
        recent = days.coverage_ratio
        coverage = recent[(recent.index >= pd.Timestamp(week)) & (recent.index < pd.Timestamp(today))].mean()
        alerts = pd.Series([alarm.building for alarm in open_alerts(here.opened.state)], dtype=object).value_counts()
        figures = {
            building.id: BuildingFigures(
                building,
                _of(now, building.id),
                months.get(building.id, NOTHING),
                years.get(building.id, NOTHING),
                _of(peak_kw, building.id),
                float(coverage.get(building.id, 0.0)),
                int(alerts.get(building.id, 0)),
            )
            for building in portfolio.buildings.values()
        }
        self._portfolio = portfolio
        return Figures(here.clock().astimezone(BANGKOK), figures, len(here.waiting(mains)))

    def _expected_of(
        self, building: Building, versions: Sequence[BaselineVersion], first: dt.date, today: dt.date
    ) -> pd.Series | None:
        """Compute what a usable baseline expects of each whole day so far; once a day and baseline."""
        version = judging(versions, first)
        baseline = version.baseline if version is not None else None
        if not isinstance(baseline, Baseline) or today <= first:
            return None
        known = self._expected.get(building.id)
        if known is not None and known[:2] == (baseline.fingerprint, today):
            return known[2]
        series = expected_series(self._here, building, baseline, first, today - dt.timedelta(days=1))
        self._expected[building.id] = (baseline.fingerprint, today, series)
        return series


def expected_series(
    here: AppContext, building: Building, baseline: Baseline, first: dt.date, last: dt.date
) -> pd.Series:
    """Compute what the baseline expects the grid to give on each day, kWh by date: gross use less own supply."""
    period = Period.days(first, last)
    starts = edges(period, "60min")[:-1]
    site = here.site
    needs_air = "calendar" not in baseline.form
    temp_c = air_temperature_c(site.energy, site.portfolio, building, period) if needs_air else None
    calendar = site.portfolio.days_open(building)
    series = series_of(starts, np.zeros(len(starts)), temp_c, calendar)
    index = pd.DatetimeIndex(series.day_index).tz_localize(None)
    own_kwh = own_supply_days(site.energy, site.portfolio, site.projects, building, period)
    expected_kwh = expected_of(baseline, series).energy_kwh
    added = adjustment_days(series.day_index, site.savings.adjustments_of(building.id), expected_kwh)
    return pd.Series(expected_kwh + added.kwh - own_kwh, index=index)


@dataclass(frozen=True, slots=True)
class MainDays:
    """Days of every building's main meters together: (days, buildings), by day and building id.

    energy_kwh : accepted energy. is_whole : whether every quarter-hour of every main meter is known. coverage_ratio :
    share of them that was measured. meter_peak_kw : highest quarter-hour of any one main meter.
    """

    energy_kwh: pd.DataFrame
    is_whole: pd.DataFrame
    coverage_ratio: pd.DataFrame
    meter_peak_kw: pd.DataFrame

    @classmethod
    def read(cls, ledger: LedgerReader, portfolio: Portfolio, first: dt.date, last: dt.date) -> MainDays:
        """Read the days from the first to the last."""
        buildings = list(portfolio.buildings.values())
        reader, over_days = all_over(ledger, portfolio, buildings, Period.days(first, last))
        mains = {
            meter.id: building.id
            for building, then in zip(buildings, over_days, strict=True)
            for meter in then.main_meters
        }
        totals = reader.totals(list(mains), IMPORT, first, last)
        index = pd.date_range(first, last, name="day")
        columns = pd.Index([mains[name] for name in totals.meters], name="building")

        def grouped(values: np.ndarray, how: str, **options: int) -> pd.DataFrame:
            by_meter = pd.DataFrame(values.T, index=columns, columns=index)
            table: pd.DataFrame = getattr(by_meter.groupby(level=0), how)(**options).T
            return table

        measured = totals.measured + totals.edited
        return cls(
            grouped(totals.total, "sum", min_count=1),
            grouped(measured + totals.estimated == QUARTERS_PER_DAY, "all"),
            grouped(measured / QUARTERS_PER_DAY, "mean"),
            grouped(totals.peak, "max"),
        )


def month_peaks(ledger: LedgerReader, portfolio: Portfolio, days: MainDays, first: dt.date, last: dt.date) -> pd.Series:
    """Return the highest measured quarter-hour of each building since a day, kW: of its main meters at one time."""
    peaks = days.meter_peak_kw[days.meter_peak_kw.index >= pd.Timestamp(first)].max()
    for building in portfolio.buildings.values():
        if len(building.main_meters) > 1 or changes(portfolio, building):
            period = Period.days(first, last)
            firm_kwh = building_quarters(*over(ledger, portfolio, building, period), period).firm_kwh
            peaks[building.id] = np.nanmax(firm_kwh) * 4 if np.isfinite(firm_kwh).any() else np.nan
    return peaks


def _spans(days: MainDays, expected: pd.DataFrame, first: dt.date, today: dt.date) -> dict[str, PeriodUse]:
    """Sum each building's use from a day up to now, and its use against the baseline over whole days that both know."""
    used = days.energy_kwh[days.energy_kwh.index >= pd.Timestamp(first)]
    total = used.sum(min_count=1)
    whole = used[used.index < pd.Timestamp(today)].where(days.is_whole)
    predicted = expected.reindex(index=whole.index, columns=whole.columns)
    both = whole.notna() & predicted.notna()
    compared, judged = whole.where(both).sum(min_count=1), predicted.where(both).sum(min_count=1)
    columns = zip(total.index, total.tolist(), judged.tolist(), compared.tolist(), strict=True)
    return {
        str(name): PeriodUse(*(None if np.isnan(value) else value for value in values)) for name, *values in columns
    }


def _of(series: pd.Series, key: object) -> float | None:
    value = series.get(key)
    return None if value is None or np.isnan(value) else float(value)


def summed(spans: Iterable[PeriodUse]) -> PeriodUse:
    """Sum spans of several buildings; those without a baseline count in the use alone."""
    every = list(spans)
    known = [span.energy_kwh for span in every if span.energy_kwh is not None]
    judged = [span for span in every if span.expected_kwh is not None and span.compared_kwh is not None]
    return PeriodUse(
        sum(known) if known else None,
        sum(span.expected_kwh or 0.0 for span in judged) if judged else None,
        sum(span.compared_kwh or 0.0 for span in judged) if judged else None,
    )
