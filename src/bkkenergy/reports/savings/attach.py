"""Adds to a report of a month or longer its bills, what was saved, and what to act on."""

from __future__ import annotations

from dataclasses import replace

from bkkenergy.calendar import Period
from bkkenergy.reports.content import AgencyReport, BillItem, BuildingSaving
from bkkenergy.reports.savings.gather import Judged, SavingsSite, facts_of, judge, judged_total, month_bills
from bkkenergy.savings.baseline import Saving
from bkkenergy.savings.insights import find, visible
from bkkenergy.savings.rules_supply import meter_fault
from bkkenergy.savings.uncertainty import Band

MOST_FINDINGS = 12
WHOLE_MONTHS = frozenset({"month", "fiscal_year"})


def with_judgements(report: AgencyReport, site: SavingsSite, period: Period) -> AgencyReport:
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
        total_saving=None if total is None else _total(judged, total),
        findings=tuple(visible(told, (), site.config.insights, today=period.last_day)[:MOST_FINDINGS]),
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
    return _told(own.building.id, [own.saving], own.band, is_provisional=own.baseline.is_provisional)


def _total(judged: list[Judged], band: Band) -> BuildingSaving:
    savings = [own.saving for own in judged if own.saving is not None]
    is_provisional = any(own.baseline is not None and own.baseline.is_provisional for own in judged)
    return _told("", savings, band, is_provisional=is_provisional)


def _told(name: str, savings: list[Saving], band: Band, *, is_provisional: bool) -> BuildingSaving:
    return BuildingSaving(
        name,
        sum(own.adjusted_kwh for own in savings),
        sum(own.actual_kwh for own in savings),
        band.saving_ratio,
        band.half_width_ratio,
        band.verdict,
        is_provisional=is_provisional,
    )
