"""What a building's page shows, from the ledger and from its latest readings."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bkkenergy.adapters.state.baselines import versions_of
from bkkenergy.adapters.state.dismissals import dismissals
from bkkenergy.calendar import Period, edges, past_year
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Building
from bkkenergy.ports.ledger import QUARTERS_PER_DAY, LedgerReader
from bkkenergy.readings import FloatArray
from bkkenergy.reports.savings.comparing import ComparedSaving, ComparisonPool
from bkkenergy.reports.savings.fitting import BaselineProgress, progress_of
from bkkenergy.reports.savings.gather import (
    SavingsAssessment,
    facts_of,
    fiscal_year_so_far,
    hours_of,
    judge,
    judged_cusum,
)
from bkkenergy.reports.savings.yearly import ComparedYear, compared_year
from bkkenergy.savings.baseline import Series
from bkkenergy.savings.cusum import Cusum
from bkkenergy.savings.days import day_kinds
from bkkenergy.savings.enduse import EndUse, end_uses
from bkkenergy.savings.facts import Finding
from bkkenergy.savings.insights import find
from bkkenergy.savings.versions import BaselineVersion
from bkkenergy.savings.views import LoadViews, load_views
from bkkenergy.tariff.bill import Bill
from bkkenergy.tariff.windows import window_masks
from bkkenergy.usecases.bills import running_bill
from bkkenergy.usecases.energy import QUARTERS_PER_HOUR, building_quarters, main_energy_kwh
from bkkenergy.usecases.findingwork import WorkItem, to_act_on, work_on
from bkkenergy.usecases.over import over
from bkkenergy.usecases.readonce import ReadOnce
from bkkenergy.web.context import AppContext
from bkkenergy.web.expected import baseline_hours_kw

DAYS_SHOWN = 365
HOURS_PER_DAY = 24
SATURDAY = 5
KEPT_S = 600.0
"""How long judgements and bills are kept: they change with the day, and with late data."""


@dataclass(frozen=True, slots=True)
class BuildingView:
    """One building's page.

    today_kw, typical_kw : (24,) mean power of today's hours, and what is expected of them: by the baseline where
    is_by_baseline, else the median of days like today. month_peak_kw : highest 15 minutes
    of this month and of the one before. bill : since the last read, or of this month so far.
    waiting : days that are still to be computed. energy : what was read for the page, for what else it shows.
    """

    building: Building
    views: LoadViews
    today_kw: FloatArray
    typical_kw: FloatArray
    is_by_baseline: bool
    month_peak_kw: float | None
    last_month_peak_kw: float | None
    bill: Bill | None
    judged: SavingsAssessment
    compared: ComparedSaving | None
    judged_from: dt.date
    findings: list[Finding]
    last_month: ComparedYear | None
    cusum: Cusum | None
    waiting: tuple[dt.date, ...]
    versions: Sequence[BaselineVersion]
    progress: BaselineProgress
    energy: LedgerReader


def building_hours(here: AppContext, building: Building, period: Period, ledger: LedgerReader) -> Series:
    """Read a building's hours: main meters summed, NaN where one of them is not known wholly, so also in a running
    hour.
    """
    reader, then = over(ledger, here.portfolio, building, period)
    energy = (
        main_energy_kwh(reader, then, period, "60min")
        if then.main_meters
        else np.full(len(period.dates) * HOURS_PER_DAY, np.nan)
    )
    starts = edges(period, "60min")[:-1]
    kinds = here.cached(
        ("day kinds", building.id, period.first_day, period.last_day),
        KEPT_S,
        lambda: day_kinds(period.dates, here.portfolio.days_open(building)),
    )
    return Series(starts, energy, None, kinds, math.inf)  # the ledger refused what cannot be


def building_view(here: AppContext, building: Building) -> BuildingView:
    """Build everything of a building's page but its power now."""
    today = here.today
    ledger = ReadOnce(here.opened.energy)
    series = building_hours(here, building, Period.days(today - dt.timedelta(days=DAYS_SHOWN - 1), today), ledger)
    tariffs = here.opened.figures.tariffs
    key: tuple[object, ...] = ("on_peak", today, id(tariffs))  # what is stored holds them: no others get their id
    _, on_peak = here.cached(key, KEPT_S, lambda: (tariffs, window_masks(series.starts, tariffs)["on_peak"]))
    views = load_views(series, on_peak)
    peaks = _month_peaks_kw(here, building, ledger)
    waiting = waiting_of(here, building)
    versions = versions_here(here, building)
    lately = judged_lately(here, building, versions, waiting)
    typical = typical_day(series, today, is_open=here.portfolio.is_open(building, today))
    key = ("expected today", building.id, today, waiting, _known_by(versions))
    by_baseline = here.cached(key, KEPT_S, lambda: baseline_hours_kw(here, building, versions, today))
    key = ("progress", building.id, today, waiting, _known_by(versions))
    progress = here.cached(key, KEPT_S, lambda: progress_of(here.site, building, versions))
    return BuildingView(
        building,
        views,
        views.heat_kw[-1],
        typical if by_baseline is None else by_baseline,
        by_baseline is not None,
        peaks[1],
        peaks[0],
        bill_so_far(here, building, waiting),
        lately.saving,
        lately.compared,
        lately.first_day,
        lately.findings,
        lately.last_month,
        lately.cusum,
        waiting,
        versions,
        progress,
        ledger,
    )


def waiting_of(here: AppContext, building: Building) -> tuple[dt.date, ...]:
    """List days of a building's meters that are still to be computed from their readings."""
    waiting = here.waiting([meter.id for meter in building.meters])
    return tuple(sorted({day for days in waiting.values() for day in days}))


def _month_peaks_kw(here: AppContext, building: Building, ledger: LedgerReader) -> tuple[float | None, float | None]:
    """Return the highest 15 minutes of the last month and of this one."""
    this = here.today.replace(day=1)
    last = (this - dt.timedelta(days=1)).replace(day=1)
    period = Period.days(last, here.today)
    reader, then = over(ledger, here.portfolio, building, period)
    firm_kw = building_quarters(reader, then, period).firm_kwh * QUARTERS_PER_HOUR
    ended = (this - last).days * QUARTERS_PER_DAY
    return _highest(firm_kw[:ended]), _highest(firm_kw[ended:])


def bill_so_far(here: AppContext, building: Building, waiting: tuple[dt.date, ...]) -> Bill | None:
    """Compute the bill since the last read, or since the month began; None on its first day, or without a meter.

    waiting : days that are still to be computed, with which the bill is stored for a while.
    """
    if not building.main_meters:
        return None
    bill: Bill | None = here.cached(
        ("bill", building.id, here.today, waiting),
        KEPT_S,
        lambda: running_bill(here.opened, building, here.today),
    )
    return bill


def findings_of(here: AppContext, building: Building) -> list[Finding]:
    """Return what to act on in a building, dismissed findings too."""
    return judged_lately(here, building, versions_here(here, building), waiting_of(here, building)).findings


@dataclass(frozen=True, slots=True)
class JudgedBuilding:
    """A building up to yesterday: since when it is judged, what it saved since then, and what to act on.

    compared : the saving without what happened to everyone. last_month : the last whole month beside the year before.
    cusum : what was saved day by day since the first day.
    """

    first_day: dt.date
    saving: SavingsAssessment
    compared: ComparedSaving | None
    findings: list[Finding]
    last_month: ComparedYear | None = None
    cusum: Cusum | None = None


def versions_here(here: AppContext, building: Building) -> Sequence[BaselineVersion]:
    """Return the building's baselines as they are now, the newest first."""
    return versions_of(here.opened.state, [building.id]).get(building.id, ())


def judged_lately(
    here: AppContext, building: Building, versions: Sequence[BaselineVersion], waiting: tuple[dt.date, ...]
) -> JudgedBuilding:
    """Judge a building, or return what was found a while ago. waiting : days that are still to be computed."""
    key = ("judged", building.id, here.today, waiting, _known_by(versions))
    judged: JudgedBuilding = here.cached(key, KEPT_S, lambda: _judged(here, building))
    return judged


def _known_by(versions: Sequence[BaselineVersion]) -> tuple[tuple[int, str, str], ...]:
    """Return what changes when a person decides on a baseline, or a new one comes."""
    return tuple((version.number, version.state, version.fingerprint) for version in versions)


def pool_of(here: AppContext) -> ComparisonPool:
    """Return the buildings of the day that others are compared with."""
    pool: ComparisonPool = here.cached(("pool", here.today), KEPT_S, lambda: ComparisonPool(here.site))
    return pool


def _judged(here: AppContext, building: Building) -> JudgedBuilding:
    site, yesterday = here.site, here.today - dt.timedelta(days=1)
    if not building.main_meters:
        nothing = SavingsAssessment(building, None, None, None)
        return JudgedBuilding(fiscal_year_so_far(yesterday, ()).first_day, nothing, None, [])
    facts = facts_of(site, building, last_day=yesterday)
    period = fiscal_year_so_far(yesterday, facts.versions)
    saving = judge(site, building, period, facts.why or facts.series, facts.versions)
    pool = pool_of(here)
    known = facts.why or facts.series
    last_month = compared_year(site, building, whole_month_before(here.today), facts.versions, known)
    findings = find(facts, site.savings.insights)
    sums = judged_cusum(site, building, saving, known)
    return JudgedBuilding(period.first_day, saving, pool.compared(saving), findings, last_month, sums)


def building_parts(here: AppContext, building: Building, waiting: tuple[dt.date, ...]) -> Sequence[EndUse] | InputError:
    """Split a building's use of the last twelve whole months, or say why not. Computed once a while.

    waiting : days that are still to be computed.
    """
    key = ("parts", building.id, here.today, waiting)
    split: Sequence[EndUse] | InputError = here.cached(key, KEPT_S, lambda: _parts(here, building))
    return split


def _parts(here: AppContext, building: Building) -> Sequence[EndUse] | InputError:
    try:
        return end_uses(hours_of(here.site, building, past_year(here.today)))
    except InputError as why:
        return why


def whole_month_before(today: dt.date) -> Period:
    """Return the last month that has ended."""
    ended = today.replace(day=1) - dt.timedelta(days=1)
    return Period.month(ended.year, ended.month)


def findings_shown(
    here: AppContext, building: Building, findings: list[Finding], work: Sequence[WorkItem] | None = None
) -> list[Finding]:
    """Return a building's findings to act on as of now. work : what is worked on there, where it is read already."""
    state = here.opened.state
    known = work_on(state, building.agency, building.id) if work is None else work
    return to_act_on(findings, known, dismissals(state), here.opened.savings.insights, here.today)


def typical_day(series: Series, today: dt.date, *, is_open: bool, weeks: int = 4) -> FloatArray:
    """Compute (24,) median of the mean power of each hour over the like days (open or closed) of the weeks before."""
    days = series.day_index.tz_localize(None)
    before = (days < pd.Timestamp(today)) & (days >= pd.Timestamp(today) - pd.Timedelta(weeks=weeks))
    works = (series.kind == 0) & (days.day_of_week.to_numpy() < SATURDAY)
    grid = np.where(series.known, series.energy_kwh, np.nan).reshape(-1, HOURS_PER_DAY)
    return _medians(grid[np.asarray(before) & (works if is_open else ~works)])


def _medians(grid_kw: FloatArray) -> FloatArray:
    """Return the median of each column's known values; NaN without any."""
    return np.array([np.median(known) if len(known := column[np.isfinite(column)]) else np.nan for column in grid_kw.T])


def _highest(power_kw: FloatArray) -> float | None:
    return float(np.nanmax(power_kw)) if np.isfinite(power_kw).any() else None
