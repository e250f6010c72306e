"""Emissions of an agency's electricity by month: scope 2 by each day's factor and by one, and scope 3 category 3."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from bkkenergy.calendar import Period
from bkkenergy.carbon import GridFactor, daily_factors, emissions_kg, emitted_kg, in_order
from bkkenergy.errors import InputError
from bkkenergy.ports.ledger import IMPORT, QUARTERS_PER_DAY
from bkkenergy.site import Site
from bkkenergy.usecases.during import site_during
from bkkenergy.usecases.wholemonths import whole_months


@dataclass(frozen=True, slots=True)
class EmissionMonth:
    """What the energy of a month emits.

    energy_kwh : from the grid, that is known; None where nothing is. known_ratio : share of quarter-hours that are
    known. co2e_kg : by the factor of each day. same_co2e_kg : by the newest factor of all months. upstream_co2e_kg :
    scope 3 category 3. Each is None where a day with energy has no factor.
    """

    month: dt.date
    energy_kwh: float | None
    known_ratio: float
    co2e_kg: float | None
    same_co2e_kg: float | None
    upstream_co2e_kg: float | None


@dataclass(frozen=True, slots=True)
class EmissionMonths:
    """Emissions of an agency by month. factors, upstream_factors : by which they are computed, in order."""

    agency: str
    months: tuple[EmissionMonth, ...]
    factors: tuple[GridFactor, ...]
    upstream_factors: tuple[GridFactor, ...]

    @property
    def has_change(self) -> bool:
        """Whether the factor of scope 2 changes within the months."""
        return len({factor.kg_co2e_per_kwh for factor in self.factors}) > 1


def emission_months(site: Site, agency_id: str, period: Period) -> EmissionMonths:
    """Compute the emissions of an agency's months. Raises InputError, StoreUnavailable."""
    if agency_id not in site.portfolio.agencies:
        raise InputError.of("no_agency", agency=agency_id, known=", ".join(sorted(site.portfolio.agencies)))
    spans, first, last = whole_months(period), period.first_day, period.last_day
    then = site_during(site, period)
    buildings = then.portfolio.buildings_of(agency_id)
    meters = list(dict.fromkeys(meter.id for building in buildings for meter in building.main_meters))
    days = len(period.dates)
    daily_kwh, known = np.full(days, np.nan), np.zeros(days)
    if meters:
        totals = then.energy.totals(meters, IMPORT, first, last)
        is_known = np.isfinite(totals.total).any(axis=1)
        daily_kwh = np.where(is_known, np.nansum(totals.total, axis=1), np.nan)
        known = (totals.measured + totals.estimated + totals.edited).sum(axis=1) / (QUARTERS_PER_DAY * len(meters))
    footprint = daily_factors(site.figures.grid_factors, first, last, "footprint")
    upstream = daily_factors(site.figures.grid_factors, first, last, "upstream")
    factors = in_order(footprint)
    months = []
    for month in spans:
        part = slice((month.first_day - first).days, (month.last_day - first).days + 1)
        kwh = None if np.isnan(daily_kwh[part]).all() else float(np.nansum(daily_kwh[part]))
        months.append(
            EmissionMonth(
                month.first_day,
                kwh,
                float(known[part].mean()),
                None if kwh is None else emitted_kg(daily_kwh[part], footprint[part]),
                None if kwh is None or not factors else emissions_kg(kwh, factors[-1]),
                None if kwh is None else emitted_kg(daily_kwh[part], upstream[part]),
            )
        )
    return EmissionMonths(agency_id, tuple(months), factors, in_order(upstream))
