"""The overview's month and fiscal year: emissions, the same weekdays a year before, the plan's step."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bkkenergy.adapters.state.baselines import versions_of
from bkkenergy.calendar import Period, fiscal_year_of
from bkkenergy.carbon import GridFactor, daily_factors, emitted_kg
from bkkenergy.ports.ledger import IMPORT, QUARTERS_PER_DAY, LedgerReader
from bkkenergy.readings import BoolArray, FloatArray
from bkkenergy.savings.versions import judging
from bkkenergy.savings.yearly import target_step
from bkkenergy.site import Site
from bkkenergy.texts import BE_OFFSET_YEARS
from bkkenergy.usecases.over import all_over
from bkkenergy.web.context import AppContext
from bkkenergy.web.figures import BuildingFigures

SO_FAR_S = 600.0
YEAR_BEFORE = dt.timedelta(weeks=52)
"""The same weekdays a year before."""
MIN_COMPARED_RATIO = 0.8
"""No comparison is shown that leaves out more energy than the rest of this."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A period up to yesterday.

    change_ratio : beside the same weekdays a year before, of meters and days that are whole in both years; None where
    those are too little of the energy. co2e_change_ratio : the same of emissions, by the factors of each year.
    """

    co2e_kg: float | None
    change_ratio: float | None
    co2e_change_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class CityYear:
    """Both periods. target_ratio : what the plan wants this year beside the baseline, as -0.05; None without one."""

    month: Beside
    year: Beside
    target_ratio: float | None


def year_so_far(here: AppContext, agencies: Sequence[str], rows: Sequence[BuildingFigures]) -> CityYear:
    """Return the periods of some agencies, computed once a while for all requests. Raises StoreUnavailable."""
    key = ("city year", tuple(agencies), here.today)
    known: CityYear = here.cached(key, SO_FAR_S, lambda: city_year(here.site, rows, here.today))
    return known


def city_year(site: Site, rows: Sequence[BuildingFigures], today: dt.date) -> CityYear:
    """Compute the month and the fiscal year so far of some buildings. Raises StoreUnavailable."""
    first, last = fiscal_year_of(today).first_day, today - dt.timedelta(days=1)
    days_before = first - YEAR_BEFORE, last - YEAR_BEFORE
    buildings = [row.building for row in rows]
    span = Period.days(first - YEAR_BEFORE, max(first, last))
    energy, then = all_over(site.energy, site.portfolio, buildings, span)
    mains = [meter.id for building in then for meter in building.main_meters]
    target_ratio = _target_ratio(site, rows, today)
    if last < first or not mains:
        return CityYear(Beside(None, None), Beside(None, None), target_ratio)
    now_kwh, now_whole = _days(energy, mains, first, last)
    before_kwh, before_whole = _days(energy, mains, *days_before)
    is_both = now_whole & before_whole
    factors = daily_factors(site.figures.grid_factors, first, last, "footprint")
    factors_before = daily_factors(site.figures.grid_factors, *days_before, "footprint")

    def beside(start: dt.date) -> Beside:
        begin = (start - first).days
        daily_kwh = now_kwh[begin:]
        known = np.isfinite(daily_kwh).any(axis=1)
        if not known.any():
            return Beside(None, None)
        sums_kwh = np.where(known, np.nansum(daily_kwh, axis=1), np.nan)
        change = change_beside(daily_kwh, before_kwh[begin:], is_both[begin:])
        now_kg, before_kg = (
            kwh[begin:] * _kg_per_kwh(of_days[begin:])[:, np.newaxis]
            for kwh, of_days in ((now_kwh, factors), (before_kwh, factors_before))
        )
        has_factors = is_both[begin:] & np.isfinite(now_kg) & np.isfinite(before_kg)
        co2e_change = None if change is None else change_beside(now_kg, before_kg, has_factors)
        return Beside(emitted_kg(sums_kwh, factors[begin:]), change, co2e_change)

    return CityYear(beside(max(first, today.replace(day=1))), beside(first), target_ratio)


def _kg_per_kwh(factors: Sequence[GridFactor | None]) -> FloatArray:
    """Return (days,) the factor of each day; NaN where there is none, so that nothing is compared there."""
    return np.array([np.nan if factor is None else factor.kg_co2e_per_kwh for factor in factors], np.float64)


def change_beside(now_kwh: FloatArray, before_kwh: FloatArray, is_both: BoolArray) -> float | None:
    """Return use beside the year before, over what is whole in both; None where that is too little of the energy."""
    all_kwh = float(np.nansum(now_kwh))
    shared_kwh, earlier_kwh = float(now_kwh[is_both].sum()), float(before_kwh[is_both].sum())
    if all_kwh <= 0 or earlier_kwh <= 0 or shared_kwh < MIN_COMPARED_RATIO * all_kwh:
        return None
    return shared_kwh / earlier_kwh - 1


def _days(energy: LedgerReader, mains: Sequence[str], first: dt.date, last: dt.date) -> tuple[FloatArray, BoolArray]:
    """Read (days, meters) energy, and whether each day is known wholly."""
    totals = energy.totals(mains, IMPORT, first, last)
    return totals.total, totals.measured + totals.estimated + totals.edited == QUARTERS_PER_DAY


def _target_ratio(site: Site, rows: Sequence[BuildingFigures], today: dt.date) -> float | None:
    """Return the plan's step of this year, weighed by what each building's baseline expects."""
    expected_kwh: Mapping[str, float] = {
        row.building.id: row.year.expected_kwh for row in rows if row.year.expected_kwh is not None
    }
    if site.plan is None or not expected_kwh:
        return None
    target = site.plan.agency_target
    versions = versions_of(site.state, list(expected_kwh))
    first = fiscal_year_of(today).first_day
    wanted_kwh = 0.0
    for building, kwh in expected_kwh.items():
        version = judging(versions.get(building, ()), first)
        baseline = None if version is None else version.usable
        if baseline is None:
            return None
        wanted_kwh += kwh * target_step(target.saving_ratio, baseline.last, target.year_be - BE_OFFSET_YEARS, today)
    return -wanted_kwh / sum(expected_kwh.values())
