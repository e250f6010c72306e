"""Reads what an agency's buildings used over the same days a year before."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bkkenergy.calendar import Period
from bkkenergy.portfolio import Building
from bkkenergy.ports.ledger import IMPORT, QUARTERS_PER_DAY, LedgerReader
from bkkenergy.reports.content import YearBefore
from bkkenergy.site import Site


def year_before(site: Site, agency_id: str, period: Period) -> YearBefore | None:
    """Compare the buildings that are known well in both years, per known day, so that a leap day changes nothing.

    None for a day, whose own weeks tell more, and where no building is known in both. Raises StoreUnavailable.
    """
    if period.kind == "day":
        return None
    before, buildings = same_days_before(period), site.portfolio.buildings_of(agency_id)
    now, then = (_known_days(site.energy, buildings, one) for one in (period, before))
    now_kwh, before_kwh, count = 0.0, 0.0, 0
    for building in buildings:
        least = site.portfolio.threshold(
            "min_coverage_ratio", site.settings.report.min_coverage_ratio, agency=agency_id, building=building.id
        )
        pair = [known.mean_day_kwh(building, least) for known in (now, then)]
        if pair[0] is not None and pair[1]:
            now_kwh, before_kwh, count = now_kwh + pair[0], before_kwh + pair[1], count + 1
    if not count:
        return None
    days = len(period.dates)
    return YearBefore(before.first_day, before.last_day, before_kwh * days, now_kwh * days, count, len(buildings))


def same_days_before(period: Period) -> Period:
    """Return the month, the fiscal year, or the days that bear the same dates a year before."""
    first, last = (_a_year_before(day) for day in (period.first_day, period.last_day))
    if period.kind == "month" or _ends_a_month(period.last_day):
        last = last.replace(day=calendar.monthrange(last.year, last.month)[1])
    return Period.days(first, last, kind=period.kind)


@dataclass(frozen=True, slots=True)
class _KnownDays:
    """What is known of meters over a period: energy, kWh, and how many days of it."""

    period_days: int
    energy_kwh: Mapping[str, float]
    days: Mapping[str, float]

    def mean_day_kwh(self, building: Building, least_ratio: float) -> float | None:
        """Return the energy of a known day of a building's main meters; None where one of them is known too little."""
        meters = [meter.id for meter in building.main_meters]
        least_days = max(least_ratio * self.period_days, 1 / QUARTERS_PER_DAY)
        if not meters or any(self.days[meter] < least_days for meter in meters):
            return None
        return sum(self.energy_kwh[meter] / self.days[meter] for meter in meters)


def _known_days(ledger: LedgerReader, buildings: Sequence[Building], period: Period) -> _KnownDays:
    meters = list(dict.fromkeys(meter.id for building in buildings for meter in building.main_meters))
    if not meters:
        return _KnownDays(len(period.dates), {}, {})
    totals = ledger.totals(meters, IMPORT, period.first_day, period.last_day)
    known = (totals.measured + totals.estimated + totals.edited).sum(axis=0) / QUARTERS_PER_DAY
    energy_kwh = np.nansum(totals.total, axis=0).tolist()
    return _KnownDays(
        len(period.dates),
        dict(zip(meters, energy_kwh, strict=True)),
        dict(zip(meters, known.tolist(), strict=True)),
    )


def _a_year_before(day: dt.date) -> dt.date:
    return day.replace(year=day.year - 1, day=min(day.day, calendar.monthrange(day.year - 1, day.month)[1]))


def _ends_a_month(day: dt.date) -> bool:
    return day.day == calendar.monthrange(day.year, day.month)[1]
