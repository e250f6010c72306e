"""Fields of a designated building's yearly report (DEDE), filled from the ledger, the portfolio and the schedule."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bkkenergy.calendar import Period, buddhist_year, edges
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Building
from bkkenergy.portfolio.spans import mean_floor_m2
from bkkenergy.readings import FloatArray
from bkkenergy.reports.savings.standings import MIN_KNOWN_RATIO, designation
from bkkenergy.savings.designated import MJ_PER_KWH
from bkkenergy.site import Site
from bkkenergy.site.dede_config import AnnualField, FieldKey, load_annual_fields
from bkkenergy.usecases.bills import month_bills
from bkkenergy.usecases.energy import building_quarters
from bkkenergy.usecases.over import over
from bkkenergy.usecases.plants import plant_yields

QUARTERS_AN_HOUR = 4
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class AnnualMonth:
    """A month of the year; None where nothing is known, or where what is known is too little for a peak or a cost."""

    month: dt.date
    energy_kwh: float | None
    known_ratio: float
    peak_kw: float | None
    load_factor_ratio: float | None
    cost_thb: float | None
    is_provisional: bool


@dataclass(frozen=True, slots=True)
class AnnualReport:
    """A building's year. values : by field, None where it is not known. fields : what each is called, and its source.

    standing : whether the building is designated. known_ratio : of the year's quarter-hours. Energy of a year that is
    known in part is that part.
    """

    building: Building
    year: int
    standing: str
    known_ratio: float
    values: Mapping[FieldKey, str | float | dt.date | None]
    months: tuple[AnnualMonth, ...]
    fields: Mapping[FieldKey, AnnualField]


def annual_report(site: Site, building: Building, year: int) -> AnnualReport:
    """Fill the fields of a building's year, January to December. Raises InputError, StoreUnavailable."""
    first, last = dt.date(year, 1, 1), dt.date(year, 12, 31)
    if site.clock().date() < first:
        raise InputError.of("ereport_future", month=f"{first:%Y-%m}")
    then = site.on(min(last, site.clock().date()))
    building = then.portfolio.buildings.get(building.id, building)
    period = Period.days(first, last)
    quarters = building_quarters(*over(then.energy, then.portfolio, building, period), period)
    known = np.isfinite(quarters.known_kwh)
    energy_kwh = float(np.nansum(quarters.accepted_kwh)) if np.isfinite(quarters.accepted_kwh).any() else None
    known_ratio = float(known.mean())
    size = designation(then, building, last, energy_kwh or 0.0, is_known=known_ratio >= MIN_KNOWN_RATIO)
    floor_m2 = mean_floor_m2(then.portfolio, building, first, last)
    pv_kwh = [plant.energy_kwh for plant in plant_yields(then.energy, then.portfolio, building, period)]
    is_whole = energy_kwh is not None and known_ratio >= MIN_KNOWN_RATIO
    values: dict[FieldKey, str | float | dt.date | None] = {
        "legal_entity": then.portfolio.agencies[building.agency].name_th,
        "designated_name": building.name_th,
        "tsic_id": None,
        "year": f"{buddhist_year(year)} ({year})",
        "approved_kw": size["approved_kw"],
        "installed_kva": size["installed_kva"],
        "energy_kwh": energy_kwh,
        "energy_mj": None if energy_kwh is None else energy_kwh * MJ_PER_KWH,
        "persons": size["persons"],
        "report_due": then.savings.designated.next_report(last + DAY) if size["standing"] == "reached" else None,
        "open_hours": _open_hours(then, building, period),
        "air_conditioned_m2": None,
        "floor_area_m2": floor_m2,
        "specific_mj_m2": energy_kwh * MJ_PER_KWH / floor_m2 if energy_kwh is not None and is_whole else None,
        "pv_kwh": sum(kwh for kwh in pv_kwh if kwh is not None) if any(kwh is not None for kwh in pv_kwh) else None,
    }
    months = tuple(_months(then, building, period, quarters.accepted_kwh, quarters.firm_kwh, known))
    fields = load_annual_fields(site.config.folder)
    return AnnualReport(building, year, size["standing"], known_ratio, values, months, fields)


def _open_hours(site: Site, building: Building, period: Period) -> float:
    """Sum the hours of a year on which the building is open, by the calendar of each day."""
    calendar = site.portfolio.days_open(building)
    spans = [calendar.on(day).open_hours(day) for day in period.dates]
    return sum(span[1] - span[0] for span in spans if span is not None)


def _months(
    site: Site,
    building: Building,
    period: Period,
    accepted_kwh: FloatArray,
    firm_kwh: FloatArray,
    known: FloatArray,
) -> Iterator[AnnualMonth]:
    """Yield each month: its energy, its measured peak, and its cost by the schedule where nine tenths are known."""
    starts = edges(period, "15min")
    bounds = starts.get_indexer(edges(period, "month")).tolist()
    costs = _costs(site, building, period)
    for month, begin, end in zip(edges(period, "month")[:-1], bounds, bounds[1:], strict=False):
        part = slice(begin, end)
        ratio = float(known[part].mean())
        energy_kwh = float(np.nansum(accepted_kwh[part])) if np.isfinite(accepted_kwh[part]).any() else None
        is_known = energy_kwh is not None and ratio >= MIN_KNOWN_RATIO and bool(np.isfinite(firm_kwh[part]).any())
        peak_kw = float(np.nanmax(firm_kwh[part])) * QUARTERS_AN_HOUR if is_known else None
        mean_kw = float(np.nanmean(firm_kwh[part])) * QUARTERS_AN_HOUR if is_known else 0.0
        cost = costs.get(month.date()) if is_known else None
        yield AnnualMonth(
            month.date(),
            energy_kwh,
            ratio,
            peak_kw,
            mean_kw / peak_kw if peak_kw else None,
            None if cost is None else cost[0],
            is_provisional=cost is not None and cost[1],
        )


def _costs(site: Site, building: Building, period: Period) -> dict[dt.date, tuple[float, bool]]:
    """Map months to what their bills cost, and whether that is provisional; none where no rates or Ft are known."""
    try:
        bills = month_bills(site, building, period)
    except InputError:
        return {}
    return {bill.month: (bill.total_thb, bool(bill.provisional)) for bill in bills}


def ordered(report: AnnualReport) -> Sequence[tuple[AnnualField, str | float | dt.date | None]]:
    """List the fields of the year with their values, in the order of the file."""
    return [(field, report.values[key]) for key, field in report.fields.items() if key in report.values]


def month_fields(report: AnnualReport) -> list[AnnualField]:
    """List the fields of months."""
    return [field for key, field in report.fields.items() if key not in report.values]
