"""Reads from the store what one report needs: the only step of a report that does."""

from __future__ import annotations

import datetime as dt
import math
from typing import NamedTuple

import pandas as pd

from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Portfolio
from bkkenergy.ports.ledger import EXPORT, IMPORT, LedgerReader, SpanReason
from bkkenergy.reports.build import MAX_COMPARED_DAYS, AgencyInputs
from bkkenergy.settings import Settings
from bkkenergy.site.figures import RatesAndTariffs
from bkkenergy.usecases.balance import sub_meters
from bkkenergy.usecases.energy import quarter_hours

DAYS_PER_WEEK = 7
REFUSED = (SpanReason.RESET, SpanReason.OVER_RATING)


def agency_inputs(
    ledger: LedgerReader,
    portfolio: Portfolio,
    settings: Settings,
    figures: RatesAndTariffs,
    agency_id: str,
    period: Period,
) -> AgencyInputs:
    """Read what the report of one agency over one period is made from. Raises InputError, StoreUnavailable."""
    agency = portfolio.agencies.get(agency_id)
    if agency is None:
        known = ", ".join(sorted(portfolio.agencies))
        raise InputError.of("no_such_agency", name=agency_id, known=known)
    buildings = portfolio.buildings_of(agency_id)
    meters = [meter for building in buildings for meter in building.meters]
    names = [meter.id for meter in meters]
    whole = period
    if len(period.dates) <= MAX_COMPARED_DAYS:
        whole = period.with_days_before(settings.report.compared_weeks * DAYS_PER_WEEK)
    return AgencyInputs(
        agency=agency,
        portfolio=portfolio,
        period=period,
        energy=quarter_hours(ledger, meters, whole),
        exported=quarter_hours(ledger, meters, period, EXPORT),
        sub_meters=tuple(
            split
            for building in buildings
            if any(meter.parent for meter in building.meters)
            for split in sub_meters(ledger, building, period, "15min")
        ),
        refused=tuple(
            span for span in ledger.spans(names, IMPORT, period.first_day, period.last_day) if span.reason in REFUSED
        ),
        last_seen={name: _local(seen.last_us) for name, seen in ledger.seen(names).items()},
        prices=figures.prices(period.first_day, period.last_day),
        thresholds=settings.report,
    )


def _local(ts_us: int) -> dt.datetime:
    return pd.Timestamp(ts_us, unit="us", tz="UTC").tz_convert(BANGKOK).to_pydatetime()


class Coverage(NamedTuple):
    """Energy that a report states, and the share of intervals that were measured; the state stores them as a pair."""

    energy_kwh: float | None
    coverage_ratio: float


def period_figures(ledger: LedgerReader, portfolio: Portfolio, agency_id: str, period: Period) -> dict[str, Coverage]:
    """Compute energy and coverage of each of an agency's buildings over a period, as its report shows them."""
    buildings = portfolio.buildings_of(agency_id)
    meters = [meter for building in buildings for meter in building.main_meters]
    energy = quarter_hours(ledger, meters, period)
    total_kwh, coverage = energy.total_kwh(period.start, period.end), energy.coverage_ratio(period.start, period.end)
    figures: dict[str, Coverage] = {}
    for building in buildings:
        mains = [meter.id for meter in building.main_meters]
        kwh = float(total_kwh[mains].sum(min_count=1))
        ratio = float(coverage[mains].mean()) if mains else 0.0
        figures[building.id] = Coverage(None if math.isnan(kwh) else kwh, ratio)
    return figures
