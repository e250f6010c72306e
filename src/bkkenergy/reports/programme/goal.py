"""Electricity and fuel of the city's own operations beside a base year: how far the goal for both is reached."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from bkkenergy.adapters.state.agencymonths import month_amounts
from bkkenergy.calendar import Period
from bkkenergy.portfolio import Building, Meter
from bkkenergy.ports.ledger import IMPORT, QUARTERS_PER_DAY
from bkkenergy.readings import FloatArray
from bkkenergy.site import Site
from bkkenergy.usecases.over import all_over
from bkkenergy.usecases.wholemonths import whole_months

MIN_KNOWN_RATIO, MIN_COMPARED_RATIO = 0.9, 0.8
"""A month of a building counts where this much of it is known; a change is said where it rests on this much."""
SECTOR_OF_TYPE: Mapping[str, str] = MappingProxyType(
    {"street_lighting": "street_lighting", "ev_charging": "ev_charging", "water_treatment": "wastewater"}
)
BUILDINGS, FUEL = "buildings", "fuel"
SECTORS = (BUILDINGS, "wastewater", "street_lighting", "ev_charging")


@dataclass(frozen=True, slots=True)
class GoalLine:
    """A sector's use in months of a year beside the same months of the base year.

    unit : "kwh" or "l". used : all that is known of the year. now, before : of what is known in both years.
    compared_ratio : how much of what was used that is. change_ratio : None where that is too little.
    """

    sector: str
    unit: str
    used: float | None
    now: float
    before: float
    compared_ratio: float

    @property
    def change_ratio(self) -> float | None:
        """The change, as -0.1; None where too little is known in both years."""
        if self.before <= 0 or self.compared_ratio < MIN_COMPARED_RATIO:
            return None
        return self.now / self.before - 1


def years_before(period: Period, years: int) -> Period:
    """Return the same months of an earlier year."""
    first, after = period.first_day, period.last_day + dt.timedelta(days=1)
    last = after.replace(year=after.year - years) - dt.timedelta(days=1)
    return Period.days(first.replace(year=first.year - years), last)


def goal_lines(site: Site, agencies: Sequence[str], months: Period, years: int) -> tuple[GoalLine, ...]:
    """Compute each sector's use in whole months beside those of an earlier year. Raises StoreUnavailable."""
    base = years_before(months, years)
    buildings = [building for agency in agencies for building in site.portfolio.buildings_of(agency)]
    now, before = (building_months(site, buildings, period) for period in (months, base))
    sector_of = [SECTOR_OF_TYPE.get(building.type, BUILDINGS) for building in buildings]
    lines = []
    for sector in SECTORS:
        rows = np.array([of == sector for of in sector_of], dtype=bool)
        if rows.any():
            lines.append(_line(sector, "kwh", now[rows], before[rows]))
    fuel_now, fuel_before = (_fuel(site, agencies, period) for period in (months, base))
    if np.isfinite(fuel_now).any():
        lines.append(_line(FUEL, "l", fuel_now, fuel_before))
    return tuple(lines)


def electricity_of(lines: Sequence[GoalLine]) -> GoalLine | None:
    """Return all sectors of electricity together; None where nothing is known of any."""
    kwh = [line for line in lines if line.unit == "kwh" and line.used]
    if not kwh:
        return None
    used = sum(line.used or 0.0 for line in kwh)
    now, before = sum(line.now for line in kwh), sum(line.before for line in kwh)
    return GoalLine("electricity", "kwh", used, now, before, now / used)


def _line(sector: str, unit: str, now: FloatArray, before: FloatArray) -> GoalLine:
    """Compare (things, months) of two years: what is known in both."""
    both = np.isfinite(now) & np.isfinite(before)
    used = float(np.nansum(now)) if np.isfinite(now).any() else None
    compared = float(now[both].sum())
    return GoalLine(sector, unit, used, compared, float(before[both].sum()), compared / used if used else 0.0)


def main_meters_of(building: Building) -> Sequence[Meter]:
    """Return the meters whose sum the grid gives a building."""
    return building.main_meters


def building_months(
    site: Site,
    buildings: Sequence[Building],
    period: Period,
    meters_of: Callable[[Building], Sequence[Meter]] = main_meters_of,
) -> FloatArray:
    """Read (buildings, months) energy of meters [kWh], by default of what the grid gave; NaN where less than nine
    tenths of it are known.
    """
    months = whole_months(period)
    kwh = np.full((len(buildings), len(months)), np.nan)
    energy, then = all_over(site.energy, site.portfolio, buildings, period)
    mains = list(dict.fromkeys(meter.id for building in then for meter in meters_of(building)))
    if not mains:
        return kwh
    totals = energy.totals(mains, IMPORT, period.first_day, period.last_day)
    known = (totals.measured + totals.estimated + totals.edited) / QUARTERS_PER_DAY
    column = {name: number for number, name in enumerate(mains)}
    for row, building in enumerate(then):
        columns = [column[meter.id] for meter in meters_of(building)]
        for number, month in enumerate(months if columns else ()):
            days = _days_of(month, period)
            if float(known[days][:, columns].mean()) >= MIN_KNOWN_RATIO:
                kwh[row, number] = float(np.nansum(totals.total[days][:, columns]))
    return kwh


def _days_of(month: Period, period: Period) -> slice:
    begin = (month.first_day - period.first_day).days
    return slice(begin, begin + len(month.dates))


def _fuel(site: Site, agencies: Sequence[str], period: Period) -> FloatArray:
    """Read (agencies, months) of fuel that agencies entered [L]; NaN where none was entered."""
    months = [f"{month.first_day:%Y-%m}" for month in whole_months(period)]
    litres = np.full((len(agencies), len(months)), np.nan)
    for row, agency in enumerate(agencies):
        entered = month_amounts(site.state, agency, period.first_day, period.last_day)
        for number, month in enumerate(months):
            litres[row, number] = entered.get(month, {}).get("fuel_litres", np.nan)
    return litres
