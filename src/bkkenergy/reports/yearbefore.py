"""Reads what an agency's buildings used over the same days a year before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bkkenergy.calendar import Period, same_days_before
from bkkenergy.carbon import GridFactor, daily_factors, emitted_kg, in_order
from bkkenergy.portfolio import Building
from bkkenergy.ports.ledger import IMPORT, QUARTERS_PER_DAY
from bkkenergy.readings import FloatArray
from bkkenergy.reports.content import YearBefore
from bkkenergy.site import Site
from bkkenergy.usecases.over import all_over


def year_before(site: Site, agency_id: str, period: Period, factors: Sequence[GridFactor]) -> YearBefore | None:
    """Compare the buildings that are known well in both years, per known day, so that a leap day changes nothing.

    None for a day, whose own weeks tell more, and where no building is known in both. factors : by which what both emit
    is computed. Raises StoreUnavailable.
    """
    if period.kind == "day":
        return None
    before, buildings = same_days_before(period), site.portfolio.buildings_of(agency_id)
    now, then = (_known_days(site, buildings, one, factors) for one in (period, before))
    days = len(period.dates)
    known: list[tuple[_BuildingYear, _BuildingYear]] = []
    for building in buildings:
        least = site.portfolio.threshold(
            "min_coverage_ratio", site.settings.report.min_coverage_ratio, agency=agency_id, building=building.id
        )
        this, last = now.of(building, least, days), then.of(building, least, days)
        if this is not None and last is not None and last.energy_kwh:
            known.append(_over_known(this, last))
    if not known:
        return None
    return YearBefore(
        before.first_day,
        before.last_day,
        sum(last.energy_kwh for _, last in known),
        sum(this.energy_kwh for this, _ in known),
        len(known),
        len(buildings),
        co2e_kg=_whole([last.co2e_kg for _, last in known]),
        actual_co2e_kg=_whole([this.co2e_kg for this, _ in known]),
        factors=in_order([*then.factors, *now.factors]),
        compared_kwh=sum(this.known_kwh for this, _ in known),
        known_days=min(this.days for this, _ in known),
        known_days_before=min(last.days for _, last in known),
    )


def _over_known(this: _BuildingYear, last: _BuildingYear) -> tuple[_BuildingYear, _BuildingYear]:
    """Return both years over the days that are known of this one, whose energy is then the one that a report states."""
    scale = this.known_kwh / this.energy_kwh if this.energy_kwh else 1.0
    return this.scaled(scale), last.scaled(scale)


def _whole(amounts: Sequence[float | None]) -> float | None:
    """Sum amounts; None where one of them is not known."""
    return None if None in amounts else sum(amount for amount in amounts if amount is not None)


@dataclass(frozen=True, slots=True)
class _BuildingYear:
    """What a building used and emitted in as many days as the period has; known_kwh : in the days that are known."""

    energy_kwh: float
    co2e_kg: float | None
    known_kwh: float
    days: int

    def scaled(self, ratio: float) -> _BuildingYear:
        """Return it for that share of the days."""
        co2e_kg = None if self.co2e_kg is None else self.co2e_kg * ratio
        return replace(self, energy_kwh=self.energy_kwh * ratio, co2e_kg=co2e_kg)


@dataclass(frozen=True, slots=True)
class _KnownDays:
    """What is known of meters over a period: energy of each day, kWh, and how many days are known.

    factors : of each day. mains : the main meters of each building in that period.
    """

    period_days: int
    mains: Mapping[str, Sequence[str]]
    daily_kwh: Mapping[str, FloatArray]
    days: Mapping[str, float]
    factors: Sequence[GridFactor | None]

    def of(self, building: Building, least_ratio: float, days: int) -> _BuildingYear | None:
        """Return a building at the mean of its known days; None where one of its main meters is known too little."""
        meters = self.mains.get(building.id, ())
        least_days = max(least_ratio * self.period_days, 1 / QUARTERS_PER_DAY)
        if not meters or any(self.days[meter] < least_days for meter in meters):
            return None
        energy_kwh = sum(float(np.nansum(self.daily_kwh[meter])) / self.days[meter] for meter in meters) * days
        daily_kwh = np.sum([np.nan_to_num(self.daily_kwh[meter]) for meter in meters], axis=0)
        emitted, known_kwh = emitted_kg(daily_kwh, self.factors), float(daily_kwh.sum())
        scale = energy_kwh / known_kwh if known_kwh else 0.0
        co2e_kg = None if emitted is None else emitted * scale
        least = min(self.days[meter] for meter in meters)
        return _BuildingYear(energy_kwh, co2e_kg, known_kwh, round(least))


def _known_days(site: Site, buildings: Sequence[Building], period: Period, factors: Sequence[GridFactor]) -> _KnownDays:
    daily = daily_factors(factors, period.first_day, period.last_day, "footprint")
    reader, over_days = all_over(site.energy, site.portfolio, buildings, period)
    mains = {building.id: [meter.id for meter in building.main_meters] for building in over_days}
    meters = list(dict.fromkeys(meter for names in mains.values() for meter in names))
    if not meters:
        return _KnownDays(len(period.dates), mains, {}, {}, daily)
    totals = reader.totals(meters, IMPORT, period.first_day, period.last_day)
    known = (totals.measured + totals.estimated + totals.edited).sum(axis=0) / QUARTERS_PER_DAY
    return _KnownDays(
        len(period.dates),
        mains,
        dict(zip(meters, totals.total.T, strict=True)),
        dict(zip(meters, known.tolist(), strict=True)),
        daily,
    )
