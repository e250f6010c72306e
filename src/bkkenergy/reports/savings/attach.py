"""Adds to a report of a month or longer what was saved, and what to act on."""

from __future__ import annotations

from dataclasses import replace

from bkkenergy.calendar import Period
from bkkenergy.reports.content import AgencyReport, BuildingSaving
from bkkenergy.reports.savings.gather import Judged, SavingsSite, facts_of, judge, judged_total
from bkkenergy.savings.insights import Silence, find, visible

MOST_FINDINGS = 12


def with_judgements(
    report: AgencyReport, site: SavingsSite, period: Period, *, silenced: tuple[Silence, ...] = ()
) -> AgencyReport:
    """The report with its buildings' savings under their baselines, the total first, and its findings.

    A report of one day stays as it is: a day proves nothing. Raises StoreAway.
    """
    if period.kind == "day":
        return report
    buildings = [own for own in site.portfolio.buildings_of(report.agency_id) if own.main_meters]
    judged = [judge(site, own, period) for own in buildings]
    total = judged_total(site, judged)
    told = [
        one for own in buildings for one in find(facts_of(site, own, last_day=period.last_day), site.config.insights)
    ]
    return replace(
        report,
        savings=tuple(_row(own) for own in judged),
        total_saving=None
        if total is None
        else _total(judged, total.saving_ratio, total.half_width_ratio, total.verdict),
        findings=tuple(visible(told, silenced, site.config.insights, today=period.last_day)[:MOST_FINDINGS]),
        placebo_source=site.config.placebo.source,
    )


def _row(own: Judged) -> BuildingSaving:
    if own.saving is None or own.band is None or own.baseline is None:
        return BuildingSaving(own.building.id, None, None, None, None, None, is_provisional=False)
    whole_kwh = own.saving.baseline_kwh + own.saving.adjustment_kwh
    return BuildingSaving(
        own.building.id,
        whole_kwh,
        own.saving.actual_kwh,
        own.band.saving_ratio,
        own.band.half_width_ratio,
        own.band.verdict,
        is_provisional=own.baseline.is_provisional,
    )


def _total(judged: list[Judged], saving_ratio: float, half_width_ratio: float, verdict: str) -> BuildingSaving:
    known = [own.saving for own in judged if own.saving is not None]
    return BuildingSaving(
        "",
        sum(own.baseline_kwh + own.adjustment_kwh for own in known),
        sum(own.actual_kwh for own in known),
        saving_ratio,
        half_width_ratio,
        verdict,
        is_provisional=any(own.baseline is not None and own.baseline.is_provisional for own in judged),
    )
