"""Adds to a report of a month or longer its bills, what was saved, and what to act on."""

from __future__ import annotations

from dataclasses import replace

from bkkenergy.calendar import Period
from bkkenergy.reports.content import AgencyReport, BillItem, BuildingSaving
from bkkenergy.reports.savings.gather import Judged, SavingsSite, facts_of, judge, judged_total, month_bills
from bkkenergy.savings.insights import Silence, find, visible
from bkkenergy.savings.rules_supply import meter_fault

MOST_FINDINGS = 12
WHOLE_MONTHS = frozenset({"month", "fiscal_year"})


def with_judgements(
    report: AgencyReport, site: SavingsSite, period: Period, *, silenced: tuple[Silence, ...] = ()
) -> AgencyReport:
    """The report with its bills, its buildings' savings under their baselines, the total first, and its findings.

    A report of one day stays as it is: a day proves nothing. Meters at fault stand in its attention already.
    Raises StoreAway.
    """
    if period.kind == "day":
        return report
    buildings = [own for own in site.portfolio.buildings_of(report.agency_id) if own.main_meters]
    judged = [judge(site, own, period) for own in buildings]
    total = judged_total(site, judged)
    facts = [facts_of(site, own, last_day=period.last_day) for own in buildings]
    told = [one for own in facts for one in find(own, site.config.insights) if one.rule != meter_fault.__name__]
    return replace(
        _billed(report, site, period) if period.kind in WHOLE_MONTHS else report,
        savings=tuple(_row(own) for own in judged),
        total_saving=None
        if total is None
        else _total(judged, total.saving_ratio, total.half_width_ratio, total.verdict),
        findings=tuple(visible(told, silenced, site.config.insights, today=period.last_day)[:MOST_FINDINGS]),
        placebo_source=site.config.placebo.source,
    )


def _billed(report: AgencyReport, site: SavingsSite, period: Period) -> AgencyReport:
    """The report with each building's cost from the bills of its own schedule, where it has energy to bill."""
    bills = {
        own.id: month_bills(site, site.portfolio.buildings[own.id], period)
        for own in report.buildings
        if own.use.energy_kwh is not None
    }
    every = [bill for own in bills.values() for bill in own]
    if not every:
        return report
    cost_thb = {name: sum(bill.total_thb for bill in own) for name, own in bills.items()}
    items = list(dict.fromkeys(line.item for bill in every for line in bill.lines))
    return replace(
        report,
        total=replace(report.total, cost_thb=sum(cost_thb.values())),
        buildings=tuple(
            replace(own, use=replace(own.use, cost_thb=cost_thb[own.id])) if own.id in cost_thb else own
            for own in report.buildings
        ),
        bill=tuple(BillItem(item, sum(bill.amount_thb(item) for bill in every)) for item in items),
        bill_source="; ".join(dict.fromkeys(bill.source for bill in every)),
        ft_is_entered=all(bill.ft_is_entered for bill in every),
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
