"""Adds to a report what the state asks of an agency: its energy index by month, and the duties of its buildings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from bkkenergy.calendar import Period
from bkkenergy.portfolio import Building
from bkkenergy.readings import FloatArray
from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.official import Duty, IndexMonth, StateIndex
from bkkenergy.reports.reasons import why_texts
from bkkenergy.reports.savings.standings import MIN_KNOWN_RATIO, designation
from bkkenergy.savings.facts import DAYS_PER_YEAR
from bkkenergy.site import Site
from bkkenergy.site.index_config import load_index
from bkkenergy.texts import LANGS
from bkkenergy.usecases.ereport import EReportMonth, ereport_months

HOURS_A_YEAR = 24 * DAYS_PER_YEAR


def with_official(
    report: AgencyReport, site: Site, period: Period, grid_kwh: Iterable[tuple[Building, FloatArray]]
) -> AgencyReport:
    """Return the report with its state index, where its agency has a group, and with its buildings' duties.

    grid_kwh : each building with the hours that the grid gave it, up to the period's last day.
    """
    duties = tuple(_duties(site, period, grid_kwh))
    if not site.portfolio.agencies[report.agency_id].ereport_group:
        return replace(report, duties=duties)
    return replace(report, state_index=state_index(site, report.agency_id, period), duties=duties)


def state_index(site: Site, agency: str, period: Period) -> StateIndex:
    """Return an agency's index by month, with what is missing for those that have none. Raises StoreUnavailable."""
    config = load_index(site.config.folder)
    target = config.state_target
    months = ereport_months(site, config.standard_use, agency, period)
    return StateIndex(
        months[0].group,
        target.below_standard_ratio,
        target.source,
        target.source_th or target.source,
        tuple(_month(month) for month in months),
    )


def _month(month: EReportMonth) -> IndexMonth:
    whys = [why_texts(error) for error in month.why]
    return IndexMonth(
        month.month,
        month.electricity_kwh,
        month.coverage_ratio,
        month.standard_kwh,
        month.index_ratio,
        month.fuel_litres,
        month.standard_fuel_litres,
        month.fuel_index_ratio,
        {lang: tuple(texts[lang] for texts in whys) for lang in LANGS},
    )


def _duties(site: Site, period: Period, grid_kwh: Iterable[tuple[Building, FloatArray]]) -> Iterator[Duty]:
    for building, hourly_kwh in grid_kwh:
        year_kwh = hourly_kwh[-HOURS_A_YEAR:]
        known = np.isfinite(year_kwh).mean() if len(year_kwh) == HOURS_A_YEAR else 0.0
        size = designation(
            site, building, period.last_day, float(np.nansum(year_kwh)), is_known=bool(known >= MIN_KNOWN_RATIO)
        )
        if size["standing"] == "reached":
            yield Duty(building.id, size["persons"], size["report_due"])
