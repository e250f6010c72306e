"""The JSON API, version 1, of the year: beside the year before, and towards its target."""

from __future__ import annotations

import datetime as dt
from math import isfinite
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query

from bkkenergy.adapters.state.baselines import versions_of
from bkkenergy.calendar import Period, past_year
from bkkenergy.errors import InputError
from bkkenergy.reports.budget import budget_data
from bkkenergy.reports.savings.comparing import beside_year
from bkkenergy.reports.savings.power import showable
from bkkenergy.reports.savings.yearly import compared_year
from bkkenergy.reports.savingwords import cusum_data, showable_data
from bkkenergy.reports.yearwords import path_data
from bkkenergy.savings.power import POWER
from bkkenergy.web.api_rows import Row
from bkkenergy.web.building import building_parts, building_view, pool_of, waiting_of, whole_month_before
from bkkenergy.web.pages_energy import building_of
from bkkenergy.web.pages_year import agency_year
from bkkenergy.web.problems import PROBLEMS
from bkkenergy.web.security import ApiVisitor

router = APIRouter(prefix="/api/v1", tags=["v1"], responses=PROBLEMS)


class YearChangeRow(Row):
    """A building beside the same days a year before. Everything is null where it cannot be said, and why says so.

    unadjusted_kwh : the year before, for as many days; adjusted_kwh : with this year's weather and holidays.
    common_ratio : what beside_count buildings like it without a project changed together; beside_ratio : the change
    without that.
    """

    building: str
    first: dt.date
    last: dt.date
    actual_kwh: float | None
    unadjusted_kwh: float | None
    adjusted_kwh: float | None
    change_ratio: float | None
    half_width_ratio: float | None
    significant_ratio: float | None
    verdict: Literal["less", "more", "unclear", "short", "part"] | None
    days: int | None
    before_days: int | None
    why: str | None
    common_ratio: float | None
    common_half_ratio: float | None
    beside_ratio: float | None
    beside_half_ratio: float | None
    beside_verdict: Literal["less", "more", "unclear", "short", "part"] | None
    beside_count: int | None


class PathMonthRow(Row):
    """One month of a year."""

    first_day: dt.date
    measured_kwh: float
    forecast_kwh: float
    baseline_kwh: float
    target_kwh: float
    measured_days: int
    days: int


class YearPathRow(Row):
    """An agency's fiscal year towards its target.

    measured_kwh is of measured_days, forecast_kwh of the others; half_width_kwh : half of the 90 % interval of their
    sum. target_ratio : what this year has to save. building_count of all_count have a baseline.
    """

    first_day: dt.date
    last_day: dt.date
    until: dt.date
    months: list[PathMonthRow]
    half_width_kwh: float
    target_ratio: float
    building_count: int
    all_count: int
    known_ratio: float
    measured_kwh: float
    forecast_kwh: float
    energy_kwh: float
    baseline_kwh: float
    target_kwh: float
    measured_days: int
    verdict: Literal["reached", "missed", "open"]


@router.get("/buildings/{building_id}/year-on-year")
def year_on_year(
    building_id: str,
    visitor: ApiVisitor,
    month: Annotated[str | None, Query(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")] = None,
) -> YearChangeRow:
    """Compare a month (the last whole one, unless it is named) with the same one of the year before."""
    building, site = building_of(visitor, building_id), visitor.here.site
    period = whole_month_before(visitor.here.today) if month is None else Period.of(month)
    versions = versions_of(site.state, [building.id]).get(building.id, ())
    one = compared_year(site, building, period, versions)
    row = beside_year(one.row(), pool_of(visitor.here).compared_change(one, period))
    return YearChangeRow(
        building=building.id,
        first=period.first_day,
        last=period.last_day,
        actual_kwh=row.actual_kwh,
        unadjusted_kwh=row.unadjusted_kwh,
        adjusted_kwh=row.adjusted_kwh,
        change_ratio=row.change_ratio,
        half_width_ratio=row.half_width_ratio,
        significant_ratio=row.significant_ratio,
        verdict=row.verdict,
        days=row.days,
        before_days=row.before_days,
        why=None if row.why is None else row.why["en"],
        common_ratio=row.common_ratio,
        common_half_ratio=row.common_half_ratio,
        beside_ratio=row.beside_ratio,
        beside_half_ratio=row.beside_half_ratio,
        beside_verdict=row.beside_verdict,
        beside_count=row.beside_count,
    )


class DetectableRow(Row):
    """The least saving that is shown with a power of 80 % after some months, a share of the baseline."""

    months: int
    saving_ratio: float


class ShowableRow(Row):
    """What saving could be shown on a building; rows are empty where that cannot be said, and why says so.

    months : after which saving_ratio could be shown, null where three years are not enough.
    """

    building: str
    rows: list[DetectableRow]
    baseline_last: dt.date | None
    year_kwh: float | None
    saving_ratio: float | None
    months: int | None
    power_ratio: float
    why: str | None


@router.get("/buildings/{building_id}/detectable")
def detectable(
    building_id: str,
    visitor: ApiVisitor,
    saving_ratio: Annotated[float | None, Query(gt=0, lt=1)] = None,
    start: dt.date | None = None,
) -> ShowableRow:
    """Return what saving could be shown with a power of 80 % on a building, by months, before a project begins."""
    building, site = building_of(visitor, building_id), visitor.here.site
    versions = versions_of(site.state, [building.id]).get(building.id, ())
    try:
        known = showable(site, building, start or visitor.here.today, versions, saving_ratio=saving_ratio)
    except InputError as why:
        nothing: dict[str, Any] = {
            "rows": [],
            "baseline_last": None,
            "year_kwh": None,
            "saving_ratio": saving_ratio,
            "months": None,
        }
        return ShowableRow(building=building.id, power_ratio=POWER, why=why.said("en"), **nothing)
    return ShowableRow(building=building.id, why=None, **showable_data(known))


class EndUseRow(Row):
    """One part of a building's use: base load, what follows the weather, or what follows the hours of work.

    half_width_ratio : half of its 90 % interval, a share of the whole; null where a few months are known.
    """

    part: Literal["base", "weather", "occupied"]
    energy_kwh: float
    ratio: float
    half_width_ratio: float | None


class EndUsesRow(Row):
    """The parts of a building's use over the last twelve whole months; empty where too little is known, and why."""

    building: str
    first: dt.date
    last: dt.date
    parts: list[EndUseRow]
    why: str | None


@router.get("/buildings/{building_id}/parts")
def parts(building_id: str, visitor: ApiVisitor) -> EndUsesRow:
    """Estimate the parts of a building's use over the last twelve whole months, from its main meters alone."""
    building, here = building_of(visitor, building_id), visitor.here
    span = past_year(here.today)
    split = building_parts(here, building, waiting_of(here, building))
    rows = []
    if not isinstance(split, InputError):
        rows = [
            EndUseRow(
                part=one.part,
                energy_kwh=one.energy_kwh,
                ratio=one.ratio,
                half_width_ratio=one.half_width_ratio if isfinite(one.half_width_ratio) else None,
            )
            for one in split
        ]
    why = split.said("en") if isinstance(split, InputError) else None
    return EndUsesRow(building=building.id, first=span.first_day, last=span.last_day, parts=rows, why=why)


class CusumRow(Row):
    """What was saved in a month, and up to its end. judged_days of days are known."""

    first_day: dt.date
    saved_kwh: float
    sum_kwh: float
    judged_days: int
    days: int


class CusumPage(Row):
    """A building's saving since the fiscal year's start, by month; empty where it cannot be said, and why says so."""

    building: str
    months: list[CusumRow]
    why: str | None


@router.get("/buildings/{building_id}/cusum")
def cusum(building_id: str, visitor: ApiVisitor) -> CusumPage:
    """Sum what a building saved since the fiscal year's start, by month (CUSUM)."""
    building = building_of(visitor, building_id)
    view = building_view(visitor.here, building)
    months = [] if view.cusum is None else [CusumRow(**month) for month in cusum_data(view.cusum)]
    return CusumPage(building=building.id, months=months, why=view.judged.why_in("en") or None)


@router.get("/agencies/{agency}/path")
def path(agency: str, visitor: ApiVisitor) -> YearPathRow | None:
    """Return an agency's fiscal year towards its target; null where too few buildings have a baseline."""
    if agency not in visitor.here.portfolio.agencies:
        raise HTTPException(404, "not found")
    visitor.need("see", agency)
    known = agency_year(visitor.here, agency).path
    return None if known is None else YearPathRow(**path_data(known))


class BudgetMonthRow(Row):
    """One month in baht: its measured days, and the others as they are forecast."""

    first_day: dt.date
    measured_thb: float
    forecast_thb: float


class BudgetYearRow(Row):
    """An agency's fiscal year in baht, with Ft and VAT.

    own_half_thb, common_half_thb : of the interval, what buildings err each by itself, and together.

    half_width_thb : half of the 90 % interval of the year, null where too much has no baseline. budget_thb : null where
    none is entered for this year. ft_until : the last day whose Ft is known, where the year goes on after it.
    """

    first_day: dt.date
    last_day: dt.date
    until: dt.date
    months: list[BudgetMonthRow]
    half_width_thb: float | None
    modelled_ratio: float
    budget_thb: float | None
    forecast_kwh: float
    building_count: int
    all_count: int
    ft_until: dt.date | None
    is_provisional: bool
    own_half_thb: float | None
    common_half_thb: float | None
    measured_thb: float
    forecast_thb: float
    total_thb: float
    verdict: Literal["within", "over", "open", "no_interval", "no_budget"]


@router.get("/agencies/{agency}/budget")
def budget(agency: str, visitor: ApiVisitor) -> BudgetYearRow | None:
    """Return an agency's fiscal year in baht beside its budget; null where no building has a price."""
    if agency not in visitor.here.portfolio.agencies:
        raise HTTPException(404, "not found")
    visitor.need("see", agency)
    known = agency_year(visitor.here, agency).budget
    return (
        None
        if known is None
        else BudgetYearRow(**{name: value for name, value in budget_data(known).items() if name != "city"})
    )
