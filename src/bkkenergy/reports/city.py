"""The city's report, made from its agencies' reports. Pure: the same from fresh reports as from archived ones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from bkkenergy.calendar import BANGKOK
from bkkenergy.carbon import in_order
from bkkenergy.dated import Citation, cited
from bkkenergy.recipients import CITY
from bkkenergy.reports.budget import city_budget
from bkkenergy.reports.build import all_of, ranked_by_usual, summed, total_of
from bkkenergy.reports.content import (
    AgencyReport,
    BillItem,
    BuildingSaving,
    BuildingUse,
    Pictures,
    PlanProgress,
    Ranked,
    ReadBills,
    ReportNote,
    SolarUse,
    Upstream,
    Use,
    UseBar,
    YearBefore,
    in_bill_order,
)
from bkkenergy.reports.savings.comparing import compared_total
from bkkenergy.reports.shares import MIN_JUDGED_RATIO
from bkkenergy.reports.yearpath import PathMonth, YearPath
from bkkenergy.savings.faultgroups import of_first_faults
from bkkenergy.savings.uncertainty import Placebo, summed_band

MAX_ATTENTION, MAX_FAULTS = 40, 12
QUARTER = dt.timedelta(minutes=15)
GRAVITY = ("alert", "warning", "notice")


def city_report(
    reports: Sequence[AgencyReport],
    placebo: Placebo,
    *,
    names: tuple[str, str],
    missing: Mapping[str, tuple[str, str]],
    generated_at: dt.datetime,
) -> AgencyReport:
    """Merge all agencies into one report. `missing` : agencies without a report, with their names. At least one is
    needed.
    """
    first = reports[0]
    total = _total_use(reports)
    attention = sorted(
        (item for report in reports for item in report.attention), key=lambda item: GRAVITY.index(item.severity)
    )
    findings = of_first_faults((finding for report in reports for finding in report.findings), MAX_FAULTS)
    sources = tuple(dict.fromkeys(citation for report in reports for citation in _sources(report)))
    rows = tuple(_row(report) for report in reports)
    savings = tuple(
        replace(report.total_saving, building_id=report.agency_id) for report in reports if report.total_saving
    )
    return replace(
        first,
        scope="city",
        agency_id=CITY,
        name_th=names[0],
        name_en=names[1],
        is_simulated=any(report.is_simulated for report in reports),
        generated_at=generated_at,
        total=total,
        buildings=rows,
        attention=tuple(attention[:MAX_ATTENTION]),
        names={name: named for report in reports for name, named in report.names.items()} | dict(missing),
        pictures=_pictures([report.pictures for report in reports]),
        ranking=_ranking(rows, savings),
        bill=_bill(reports),
        bill_source=cited(sources, "en"),
        bill_sources=sources,
        provisional=tuple(dict.fromkeys(one for report in reports for one in report.provisional)),
        is_demand_estimated=any(report.is_demand_estimated for report in reports),
        is_bill_split=any(report.is_bill_split for report in reports),
        raised_ratio=max(report.raised_ratio for report in reports),
        minimum_floor=next((report.minimum_floor for report in reports if report.minimum_floor), None),
        read_bills=tuple(_read_bills(reports)),
        state_index=None,
        duties=tuple(duty for report in reports for duty in report.duties),
        savings=savings,
        total_saving=_total_saving(reports, placebo),
        findings=findings,
        solar=_solar(reports),
        plan=_plan([report.plan for report in reports if report.plan]),
        upstream=_upstream([report.upstream for report in reports if report.upstream]),
        entered_factors=tuple(dict.fromkeys(one for report in reports for one in report.entered_factors)),
        year_changes=(),
        total_year_change=None,
        path=_path(reports),
        budget=city_budget([(report.budget, len(report.buildings)) for report in reports]),
        savings_first_day=min((day for report in reports if (day := report.savings_first_day)), default=None),
        notes=_notes(reports),
        owners=tuple(owner for report in reports for owner in report.owners),
        year_before=_year_before([report.year_before for report in reports if report.year_before], reports),
        revision=1,
        changes=(),
        missing=tuple(missing),
        portfolio_revision=max(report.portfolio_revision for report in reports),
    )


def _notes(reports: Sequence[AgencyReport]) -> tuple[ReportNote, ...]:
    """Return what was noted anywhere, the oldest first, each with its agency where it is of no building."""
    every = (
        replace(note, building_id=note.building_id or report.agency_id) for report in reports for note in report.notes
    )
    return tuple(sorted(every, key=lambda note: (note.first, note.end, note.building_id)))


def _read_bills(reports: Sequence[AgencyReport]) -> Iterator[ReadBills]:
    """Sum the bills that are read in the period, by agency."""
    for report in reports:
        if report.read_bills:
            yield ReadBills(
                report.agency_id,
                min(one.first_day for one in report.read_bills),
                max(one.last_day for one in report.read_bills),
                sum(one.count for one in report.read_bills),
                sum(one.billed_kwh for one in report.read_bills),
                sum(one.total_thb for one in report.read_bills),
            )


def _sources(report: AgencyReport) -> tuple[Citation, ...]:
    """Return the sources of an agency's bills; an older report names them in one text."""
    return report.bill_sources or ((Citation(report.bill_source),) if report.bill_source else ())


def _row(report: AgencyReport) -> BuildingUse:
    """Return an agency as a row of the city's report."""
    floor_m2 = sum(building.gross_floor_area_m2 for building in report.buildings)
    return BuildingUse(
        report.agency_id,
        report.name_th,
        report.name_en,
        "agency",
        floor_m2,
        None,
        report.total,
        report.pictures.heat_kw,
        report.bill,
    )


def _total_use(reports: Sequence[AgencyReport]) -> Use:
    """Sum the agencies; the peak is the city's coincident one, where quarter-hours are known."""
    uses = [report.total for report in reports]
    compared = [use for use in uses if use.change_ratio is not None]
    usual_kwh = total_of(use.usual_kwh for use in compared)
    compared_kwh = sum((use.usual_kwh or 0.0) * (1 + (use.change_ratio or 0.0)) for use in compared)
    quarters = summed([report.pictures.quarter_kw for report in reports])
    known = np.array([np.nan if kw is None else kw for kw in quarters], np.float64)
    peak_kw, peak_at, load_factor = None, None, None
    if np.isfinite(known).any():
        highest = int(np.nanargmax(known))
        start = dt.datetime.combine(reports[0].first_day, dt.time(), BANGKOK)
        peak_kw, peak_at = float(known[highest]), start + highest * QUARTER
        load_factor = float(np.nanmean(known)) / peak_kw if peak_kw > 0 else None
    return Use(
        energy_kwh=total_of(use.energy_kwh for use in uses),
        exported_kwh=total_of(use.exported_kwh for use in uses),
        usual_kwh=usual_kwh,
        change_ratio=compared_kwh / usual_kwh - 1 if usual_kwh else None,
        compared_days=min((use.compared_days for use in compared), default=0),
        peak_kw=peak_kw,
        peak_at=peak_at,
        load_factor_ratio=load_factor,
        coverage_ratio=_mean_coverage(reports),
        cost_thb=all_of(uses, [use.cost_thb for use in uses]),
        co2e_kg=all_of(uses, [use.co2e_kg for use in uses]),
        profile_kw=summed([use.profile_kw for use in uses]),
        usual_profile_kw=summed([use.usual_profile_kw for use in uses])
        if all(use.usual_profile_kw for use in uses if use.energy_kwh is not None)
        else (),
    )


def _mean_coverage(reports: Sequence[AgencyReport]) -> float:
    """Compute the mean coverage of all buildings alike, whichever agency's they are."""
    ratios = [building.use.coverage_ratio for report in reports for building in report.buildings]
    return float(np.mean(ratios)) if ratios else 0.0


def _pictures(agencies_pictures: Sequence[Pictures]) -> Pictures:
    first = agencies_pictures[0]
    bars = [
        UseBar(
            column[0].first_day,
            total_of(bar.energy_kwh for bar in column),
            None if any(bar.expected_kwh is None for bar in column) else total_of(bar.expected_kwh for bar in column),
        )
        for column in zip(*(pictures.bars for pictures in agencies_pictures), strict=True)
    ]
    heat = [summed(rows) for rows in zip(*(pictures.heat_kw for pictures in agencies_pictures), strict=True)]
    return replace(
        first,
        bars=tuple(bars),
        heat_kw=tuple(heat),
        quarter_kw=summed([pictures.quarter_kw for pictures in agencies_pictures]),
    )


def _ranking(rows: Sequence[BuildingUse], savings: Sequence[BuildingSaving]) -> tuple[Ranked, ...]:
    """Compare agencies with their baselines where they have them, else with their usual."""
    judged = {
        saving.building_id: Ranked(
            saving.building_id, saving.actual_kwh - saving.baseline_kwh, -saving.saving_ratio, "baseline"
        )
        for saving in savings
        if saving.actual_kwh is not None and saving.baseline_kwh is not None and saving.saving_ratio is not None
    }
    usual = [ranked for ranked in ranked_by_usual(rows) if ranked.id not in judged]
    return tuple(sorted([*judged.values(), *usual], key=lambda ranked: -ranked.difference_kwh))


def _bill(reports: Sequence[AgencyReport]) -> tuple[BillItem, ...]:
    items = in_bill_order(line.item for report in reports for line in report.bill)
    return tuple(
        BillItem(item, sum(line.amount_thb for report in reports for line in report.bill if line.item == item))
        for item in items
    )


def _total_saving(reports: Sequence[AgencyReport], placebo: Placebo) -> BuildingSaving | None:
    """Sum all buildings' savings with the 90 % interval of the sum: what they drift together does not cancel."""
    rows = [row for report in reports for row in report.savings]
    known = [
        (row, row.baseline_kwh, row.actual_kwh, row.band)
        for row in rows
        if row.baseline_kwh is not None and row.actual_kwh is not None and row.band is not None
    ]
    if not known:
        return None
    baseline, actual = np.array([kwh[1:3] for kwh in known], np.float64).T
    judged = [row for row, *_ in known]
    years = max(row.baseline_years or 0.0 for row in judged)
    band = summed_band(baseline, actual, [band for *_, band in known], years, placebo)
    return BuildingSaving(
        "",
        float(baseline.sum()),
        float(actual.sum()),
        band.saving_ratio,
        band.half_width_ratio,
        band.verdict,
        is_provisional=any(row.is_provisional for row in judged),
        significant_ratio=band.significant_ratio,
        known_kwh=sum(row.known_kwh or 0.0 for row in judged),
        judged_days=max(row.judged_days or 0 for row in judged),
        period_days=max(row.period_days or 0 for row in judged),
        calendar_days=max(row.calendar_days or 0 for row in judged),
        baseline_years=years,
        compared=compared_total(judged),
    )


def _solar(reports: Sequence[AgencyReport]) -> tuple[SolarUse, ...]:
    """Sum installed and possible PV by agency."""
    return tuple(
        SolarUse(
            report.agency_id,
            is_installed=is_installed,
            capacity_kwp=sum(solar.capacity_kwp for solar in kind),
            energy_kwh=total_of(solar.energy_kwh for solar in kind),
        )
        for report in reports
        for is_installed in (True, False)
        if (kind := [solar for solar in report.solar if solar.is_installed is is_installed])
    )


def _year_before(known: Sequence[YearBefore], reports: Sequence[AgencyReport]) -> YearBefore | None:
    """Sum the agencies that have a year before; the buildings of the others are among those that are not compared."""
    if not known:
        return None
    return replace(
        known[0],
        energy_kwh=sum(one.energy_kwh for one in known),
        actual_kwh=sum(one.actual_kwh for one in known),
        building_count=sum(one.building_count for one in known),
        all_count=sum(len(report.buildings) for report in reports),
        co2e_kg=_whole(one.co2e_kg for one in known),
        actual_co2e_kg=_whole(one.actual_co2e_kg for one in known),
        factors=in_order(factor for one in known for factor in one.factors),
        compared_kwh=_whole(one.compared_kwh for one in known),
        known_days=_fewest(one.known_days for one in known),
        known_days_before=_fewest(one.known_days_before for one in known),
    )


def _fewest(days: Iterable[int | None]) -> int | None:
    every = list(days)
    return None if None in every else min(count for count in every if count is not None)


def _path(reports: Sequence[AgencyReport]) -> YearPath | None:
    """Sum the agencies' years towards the target; None where those that have one use too little of the energy.

    The interval of the sum is the sum of the intervals, the widest that it can be.
    """
    known = [(report, report.path) for report in reports if report.path is not None]
    all_kwh = sum(report.total.energy_kwh or 0.0 for report in reports)
    if not known or len({(path.first_day, path.last_day) for _, path in known}) > 1 or not all_kwh:
        return None
    known_ratio = sum((report.total.energy_kwh or 0.0) * path.known_ratio for report, path in known) / all_kwh
    baseline_kwh = sum(path.baseline_kwh for _, path in known)
    if known_ratio < MIN_JUDGED_RATIO or not baseline_kwh:
        return None
    paths = [path for _, path in known]
    return replace(
        paths[0],
        until=min(path.until for path in paths),
        months=tuple(_month_of_paths(column) for column in zip(*(path.months for path in paths), strict=True)),
        half_width_kwh=sum(path.half_width_kwh for path in paths),
        target_ratio=1 - sum(path.target_kwh for path in paths) / baseline_kwh,
        building_count=sum(path.building_count for path in paths),
        all_count=sum(len(report.buildings) for report in reports),
        known_ratio=known_ratio,
    )


def _month_of_paths(months: Sequence[PathMonth]) -> PathMonth:
    return replace(
        months[0],
        measured_kwh=sum(month.measured_kwh for month in months),
        forecast_kwh=sum(month.forecast_kwh for month in months),
        baseline_kwh=sum(month.baseline_kwh for month in months),
        target_kwh=sum(month.target_kwh for month in months),
        measured_days=min(month.measured_days for month in months),
    )


def _whole(amounts: Iterable[float | None]) -> float | None:
    """Sum amounts; None where one of them is not known."""
    every = list(amounts)
    return None if None in every else sum(amount for amount in every if amount is not None)


def _upstream(known: Sequence[Upstream]) -> Upstream | None:
    if not known:
        return None
    return Upstream(
        first_day=min(one.first_day for one in known),
        last_day=max(one.last_day for one in known),
        energy_kwh=sum(one.energy_kwh for one in known),
        co2e_kg=sum(one.co2e_kg for one in known),
        factors=in_order(factor for one in known for factor in one.factors),
    )


def _plan(plans: Sequence[PlanProgress]) -> PlanProgress | None:
    if not plans:
        return None
    lines = [line for plan in plans for line in plan.projects]
    return PlanProgress(
        projects=tuple(sorted(lines, key=lambda line: -line.expected_kwh)),
        expected_kwh=sum(plan.expected_kwh for plan in plans),
        done_kwh=sum(plan.done_kwh for plan in plans),
        measured_kwh=total_of(plan.measured_kwh for plan in plans),
        target_kwh=total_of(plan.target_kwh for plan in plans),
        target_year_be=plans[0].target_year_be,
    )
