"""Reminders of what agencies owe the state: figures of a month for the e-report, reports of designated buildings."""

from __future__ import annotations

import datetime as dt

from bkkenergy.adapters.state.agencymonths import month_amounts
from bkkenergy.adapters.state.alerts import Alarm
from bkkenergy.calendar import BANGKOK
from bkkenergy.reports.savings.standings import designation
from bkkenergy.site import Site

REMINDED_FROM_DAY = 3
"""Of the month after: until then a manager may still be about to enter it."""
DUE_WITHIN = dt.timedelta(days=60)
KINDS = frozenset({"ereport_missing", "duty_due"})


def reminders(site: Site, now: dt.datetime) -> list[Alarm]:
    """List what is owed on a day. Raises StoreUnavailable."""
    today = now.astimezone(BANGKOK).date()
    return [*_months_without_figures(site, today), *_reports_due(site, today)]


def _months_without_figures(site: Site, today: dt.date) -> list[Alarm]:
    """List agencies with a group of the e-report that have entered nothing of the last month."""
    if today.day < REMINDED_FROM_DAY:
        return []
    last = today.replace(day=1) - dt.timedelta(days=1)
    month = f"{last:%Y-%m}"
    return [
        Alarm(
            key=f"ereport_missing/{agency.id}/{month}",
            kind="ereport_missing",
            agency=agency.id,
            building="",
            figures={"month": month},
        )
        for agency in site.portfolio.agencies.values()
        if agency.ereport_group and not month_amounts(site.state, agency.id, last, last)
    ]


def _reports_due(site: Site, today: dt.date) -> list[Alarm]:
    """List buildings that are designated by their size, some weeks before their yearly report is due.

    What only a year's energy designates is in the reports of months: it is not looked for here.
    """
    due = site.savings.designated.next_report(today)
    if due - today > DUE_WITHIN:
        return []
    return [
        Alarm(
            key=f"duty_due/{building.id}/{due.year}",
            kind="duty_due",
            agency=building.agency,
            building=building.id,
            figures={"due": due.isoformat()},
        )
        for building in site.portfolio.buildings.values()
        if designation(site, building, today, 0.0, is_known=False)["standing"] == "reached"
    ]
