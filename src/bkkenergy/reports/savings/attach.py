"""Adds to a report its bills, what was saved, what to act on, its solar, and how far the plan has come."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bkkenergy.calendar import Period
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Building
from bkkenergy.portfolio.belongings import contacts_of
from bkkenergy.readings import FloatArray
from bkkenergy.reports.budget import BudgetYear
from bkkenergy.reports.content import (
    AgencyReport,
    BesideGroup,
    BuildingSaving,
    FindingOwner,
    Ranked,
    SavingTarget,
    UseBar,
)
from bkkenergy.reports.notes import report_notes
from bkkenergy.reports.reasons import why_texts
from bkkenergy.reports.savings.billed import with_bills
from bkkenergy.reports.savings.budget import budget_bills, budget_year, building_money
from bkkenergy.reports.savings.comparing import ComparisonPool, compared_total, total_beside_year, year_rows
from bkkenergy.reports.savings.gather import SavingsAssessment, facts_of_all, fiscal_year_so_far, judge, judged_total
from bkkenergy.reports.savings.official import with_official
from bkkenergy.reports.savings.plan import plan_progress
from bkkenergy.reports.savings.solar import solar_use
from bkkenergy.reports.savings.worth import saving_worth, with_normal_years
from bkkenergy.reports.savings.yearly import (
    BuildingYear,
    ComparedYear,
    building_year,
    compared_year,
    total_change,
    year_path,
)
from bkkenergy.savings.baseline import HOURS_PER_DAY
from bkkenergy.savings.facts import Facts, Finding
from bkkenergy.savings.faultgroups import fault_groups, of_first_faults
from bkkenergy.savings.insights import dismissed_as, find
from bkkenergy.savings.rules_supply import meter_fault
from bkkenergy.savings.uncertainty import Band, lag_of
from bkkenergy.site import Site
from bkkenergy.usecases.findingwork import WorkItem, to_act_on, work_on

MAX_FAULTS = 12
WHOLE_MONTHS = frozenset({"month", "quarter", "fiscal_year"})


@dataclass(frozen=True, slots=True)
class BuildingAssessment:
    """A building with what is known of it up to the period's last day, and what it saved."""

    building: Building
    facts: Facts
    judged: SavingsAssessment


def add_savings_and_findings(report: AgencyReport, site: Site, period: Period, pool: ComparisonPool) -> AgencyReport:
    """Return the report with its bills, its buildings' savings under their baselines, findings, solar and plan.

    A day proves nothing: a day's report shows the saving of the fiscal year so far. Meters at fault are in its
    attention already. Raises StoreUnavailable.
    """
    buildings = [building for building in site.portfolio.buildings_of(report.agency_id) if building.main_meters]
    facts = facts_of_all(site, buildings, last_day=period.last_day)
    seen = [_seen(site, building, known, period) for building, known in zip(buildings, facts, strict=True)]
    judged = [assessed.judged for assessed in seen]
    total = judged_total(site, judged)
    rows = _compared_rows(pool, judged, buildings)
    rows = tuple(_with_worth(site, row, assessed) for row, assessed in zip(rows, seen, strict=True))
    if period.kind != "day":
        rows = with_normal_years(site, rows, [assessed.facts for assessed in seen], period.last_day)
    findings = [
        finding
        for assessed in seen
        for finding in find(assessed.facts, site.savings.insights)
        if finding.rule != meter_fault.__name__
    ]
    work = work_on(site.state, report.agency_id)
    shown = of_first_faults(
        to_act_on(findings, work, site.dismissals, site.savings.insights, period.last_day), MAX_FAULTS
    )
    grid_kwh = [(one.building, one.facts.grid_kwh) for one in seen if one.facts.grid_kwh is not None]
    compared = [] if period.kind == "day" else [_beside_year(site, one, period) for one in seen]
    changes = year_rows(pool, compared, period)
    is_of_months = period.kind in WHOLE_MONTHS
    years = [building_year(site, one.building, one.facts) for one in seen]
    return replace(
        with_official(with_bills(report, site, period), site, period, grid_kwh) if is_of_months else report,
        savings=rows,
        savings_first_day=_first_day(judged),
        total_saving=None if total is None else replace(_total(judged, total), compared=compared_total(rows)),
        findings=shown,
        owners=tuple(_owners(site, shown, work)),
        placebo_source=site.savings.placebo.source,
        placebo_source_th=site.savings.placebo.source_th,
        pictures=replace(report.pictures, bars=_expected_bars(report, seen)),
        ranking=report.ranking if period.kind == "day" else _ranking(report, judged),
        solar=solar_use(site, report.agency_id, period),
        target=_target(site),
        notes=report_notes(site, report.agency_id, period),
        year_changes=changes,
        total_year_change=total_beside_year(total_change(site, compared), compared, changes),
        path=year_path(site, years),
        budget=_budget(site, report.agency_id, period, seen, years) if is_of_months else None,
        plan=plan_progress(site, report.agency_id, [(assessed.building, assessed.facts) for assessed in seen]),
    )


def _owners(site: Site, findings: Sequence[Finding], work: Sequence[WorkItem]) -> Iterator[FindingOwner]:
    """Say who cares for each finding: who it, or another of the same fault, is assigned to, else the first contact of
    its building.
    """
    assigned = {(item.now.building, item.now.rule): item.now for item in work if item.now.owner}
    for fault in fault_groups(findings):
        keys = [(finding.building, dismissed_as(finding)) for finding in fault.findings]
        of_fault = next((assigned[key] for key in keys if key in assigned), None)
        contacts = contacts_of(site.portfolio, site.portfolio.buildings[fault.chief.building])
        contact = next((f"{one.name} ({one.role})" if one.role else one.name for one in contacts), "")
        for key in keys:
            entry = assigned.get(key, of_fault)
            if owner := contact if entry is None else entry.owner:
                yield FindingOwner(*key, owner, None if entry is None else entry.due)


def _beside_year(site: Site, one: BuildingAssessment, period: Period) -> ComparedYear:
    facts = one.facts
    return compared_year(site, one.building, period, facts.versions, facts.why or facts.series)


def _target(site: Site) -> SavingTarget | None:
    if site.plan is None:
        return None
    target = site.plan.agency_target
    return SavingTarget(target.saving_ratio, target.year_be, target.citation)


def _seen(site: Site, building: Building, facts: Facts, period: Period) -> BuildingAssessment:
    judged = fiscal_year_so_far(period.last_day, facts.versions) if period.kind == "day" else period
    hours = facts.why or facts.series
    return BuildingAssessment(building, facts, judge(site, building, judged, hours, facts.versions))


def _expected_bars(report: AgencyReport, seen: Sequence[BuildingAssessment]) -> tuple[UseBar, ...]:
    """Return the bars with what the baselines expected; none where a building that has energy has no baseline."""
    judged = [assessed.facts for assessed in seen if assessed.facts.baseline is not None and assessed.facts.why is None]
    if not judged or len(judged) < len(seen):
        return report.pictures.bars
    days: dict[dt.date, float] = {}
    for facts in judged:
        series = facts.series.between(report.pictures.bars[0].first_day, report.last_day)
        expected = (facts.expected_kwh - _own_supply(facts))[-len(series.kind) :]
        for day, kwh in zip(series.day_index, expected.tolist(), strict=True):
            days[day.date()] = days.get(day.date(), 0.0) + kwh
    ends = [bar.first_day for bar in report.pictures.bars[1:]] + [report.last_day + dt.timedelta(days=1)]
    return tuple(
        replace(bar, expected_kwh=_known_sum([days.get(day, np.nan) for day in _dates(bar.first_day, end)]))
        for bar, end in zip(report.pictures.bars, ends, strict=True)
    )


def _own_supply(facts: Facts) -> FloatArray:
    """(m,) gross use of each day that the grid did not give: bars show the grid's energy, baselines gross use."""
    if facts.grid_kwh is None:
        return np.zeros(len(facts.series.kind))
    own_kwh: FloatArray = (facts.series.energy_kwh - facts.grid_kwh).reshape(-1, HOURS_PER_DAY).sum(axis=1)
    return np.where(np.isfinite(own_kwh), own_kwh, np.nan if facts.own_supply else 0.0)


def _dates(first: dt.date, end: dt.date) -> list[dt.date]:
    return [first + dt.timedelta(days=n) for n in range((end - first).days)]


def _known_sum(values: Sequence[float]) -> float | None:
    total = float(np.sum(values))
    return total if np.isfinite(total) else None


def _ranking(report: AgencyReport, judged: Sequence[SavingsAssessment]) -> tuple[Ranked, ...]:
    """Compare buildings with their baselines where they have them, else with their usual."""
    with_baseline = [
        Ranked(assessment.building.id, -assessment.saving.saving_kwh, -assessment.saving.saving_ratio, "baseline")
        for assessment in judged
        if assessment.saving is not None
    ]
    known = {ranked.id for ranked in with_baseline}
    rest = [ranked for ranked in report.ranking if ranked.id not in known]
    return tuple(sorted([*with_baseline, *rest], key=lambda ranked: -ranked.difference_kwh))


def _first_day(judged: Sequence[SavingsAssessment]) -> dt.date | None:
    return min((assessment.saving.first for assessment in judged if assessment.saving is not None), default=None)


def _compared_rows(
    pool: ComparisonPool, judged: Sequence[SavingsAssessment], buildings: Sequence[Building]
) -> tuple[BuildingSaving, ...]:
    """Return each building's saving, and beside it the same without what happened to buildings like it."""
    own_buildings = {building.id for building in buildings}
    rows = []
    for assessment in judged:
        compared = pool.compared(assessment)
        rows.append(saving_row(assessment, None if compared is None else compared.row(own_buildings)))
    return tuple(rows)


def _budget(
    site: Site, agency: str, period: Period, seen: Sequence[BuildingAssessment], years: Sequence[BuildingYear]
) -> BudgetYear | None:
    bills = budget_bills(site, [one.building for one in seen], period.last_day)
    moneys = [
        building_money(site, one.facts, year, priced) for one, year, priced in zip(seen, years, bills, strict=True)
    ]
    return budget_year(site, agency, period.last_day, moneys)


def _with_worth(site: Site, row: BuildingSaving, one: BuildingAssessment) -> BuildingSaving:
    """Add what a significant saving is worth; what cannot be shown has no baht."""
    if row.verdict != "proven" or not row.is_significant:
        return row
    try:
        worth = saving_worth(site, one.judged, one.facts.why or one.facts.series)
    except InputError:  # no rates or Ft of these days
        return row
    return replace(row, worth_thb=worth.total_thb, worth_half_thb=worth.half_thb)


def saving_row(assessment: SavingsAssessment, compared: BesideGroup | None = None) -> BuildingSaving:
    """Return a judged building as reports have it. compared : the same without what happened to everyone."""
    if assessment.saving is None or assessment.band is None or assessment.baseline is None:
        is_new = (
            assessment.baseline is None and assessment.why is not None and assessment.why.key == "error.no_baseline"
        )
        why = None if is_new or assessment.why is None else why_texts(assessment.why)
        return BuildingSaving(assessment.building.id, None, None, None, None, None, is_provisional=False, why=why)
    return replace(_building_saving(assessment.building.id, [assessment], assessment.band), compared=compared)


def _total(judged: Sequence[SavingsAssessment], band: Band) -> BuildingSaving:
    return _building_saving("", [assessment for assessment in judged if assessment.saving is not None], band)


def _building_saving(name: str, judged: Sequence[SavingsAssessment], band: Band) -> BuildingSaving:
    savings = [assessment.saving for assessment in judged if assessment.saving is not None]
    baselines = [assessment.baseline for assessment in judged if assessment.baseline is not None]
    lags = [lag_of(saving, baseline) for saving, baseline in zip(savings, baselines, strict=True)]
    return BuildingSaving(
        name,
        sum(saving.adjusted_kwh for saving in savings),
        sum(saving.actual_kwh for saving in savings),
        band.saving_ratio,
        band.half_width_ratio,
        band.verdict,
        is_provisional=any(baseline.is_provisional for baseline in baselines),
        significant_ratio=band.significant_ratio,
        known_kwh=sum(saving.known_kwh for saving in savings),
        judged_days=max(saving.days for saving in savings),
        period_days=max(saving.period_days for saving in savings),
        calendar_days=max(saving.calendar_days for saving in savings),
        baseline_years=max(lags),
    )
