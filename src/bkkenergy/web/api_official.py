"""The JSON API, version 1, of what agencies report: emissions by month, and the state's index with what it needs."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from bkkenergy.calendar import Period
from bkkenergy.carbon import GridFactor
from bkkenergy.errors import NotThere
from bkkenergy.site.index_config import load_index
from bkkenergy.usecases.emissions import emission_months
from bkkenergy.usecases.ereport import EReportMonth, enter_month, ereport_months
from bkkenergy.web.api_rows import Row
from bkkenergy.web.api_writer import Answer, AnyWriter
from bkkenergy.web.problems import PROBLEMS, WRITE_PROBLEMS
from bkkenergy.web.security import ApiVisitor, Visitor

router = APIRouter(prefix="/api/v1/agencies/{agency}", tags=["official"], responses=PROBLEMS)
AgencyId = Annotated[str, Path(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
MonthName = Annotated[str, Path(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]
MAX_MONTHS = 120


class EmissionMonthRow(Row):
    """Emissions of a month, kgCO2e: by the factor of each day, all by the newest factor, and scope 3 category 3."""

    month: dt.date
    energy_kwh: float | None
    known_ratio: float
    co2e_kg: float | None
    same_co2e_kg: float | None
    upstream_co2e_kg: float | None


class EmissionsRow(Row):
    """Emissions of an agency by month. has_change : whether the factor changes within them."""

    agency: str
    months: list[EmissionMonthRow]
    factors: list[GridFactor]
    upstream_factors: list[GridFactor]
    has_change: bool


class IndexMonthRow(Row):
    """A month of the state's index. drivers : of the standard use; entered : those that a person entered.

    why : what is missing.
    """

    month: dt.date
    group: str
    electricity_kwh: float | None
    coverage_ratio: float
    meters_kwh: dict[str, float]
    fuel_litres: float | None
    drivers: dict[str, float]
    entered: list[str]
    standard_kwh: float | None
    index_ratio: float | None
    standard_fuel_litres: float | None
    fuel_index_ratio: float | None
    why: list[str]


class IndexRow(Row):
    """The state's index of an agency by month; target_ratio is what the state asks for."""

    agency: str
    target_ratio: float
    months: list[IndexMonthRow]


Amount = Annotated[float, Field(ge=0, allow_inf_nan=False, le=1e12)]


class AskedMonth(BaseModel):
    """What an agency reports of a month, by name."""

    model_config = ConfigDict(extra="forbid")

    amounts: Annotated[dict[str, Amount], Field(min_length=1, max_length=20)]


class EnteredMonthRow(Row):
    """What was entered."""

    agency: str
    month: dt.date
    amounts: dict[str, float]


@router.get("/emissions")
def emissions(agency: AgencyId, visitor: ApiVisitor, first: dt.date, last: dt.date) -> EmissionsRow:
    """Return the emissions of an agency's electricity by month: scope 2, and scope 3 category 3."""
    _need_agency(visitor, agency)
    emitted = emission_months(visitor.here.opened, agency, _months(first, last))
    return EmissionsRow(
        agency=agency,
        months=[EmissionMonthRow.model_validate(month, from_attributes=True) for month in emitted.months],
        factors=list(emitted.factors),
        upstream_factors=list(emitted.upstream_factors),
        has_change=emitted.has_change,
    )


@router.get("/ereport")
def ereport(agency: AgencyId, visitor: ApiVisitor, first: dt.date, last: dt.date) -> IndexRow:
    """Return the state's index of an agency by month, with its drivers and what is missing."""
    _need_agency(visitor, agency)
    opened = visitor.here.opened
    config = load_index(opened.config.folder)
    months = ereport_months(opened, config.standard_use, agency, _months(first, last))
    return IndexRow(
        agency=agency,
        target_ratio=config.state_target.below_standard_ratio,
        months=[_row(month, visitor) for month in months],
    )


@router.put("/ereport/{month}", responses=WRITE_PROBLEMS | {200: {"model": EnteredMonthRow}})
def enter(agency: AgencyId, month: MonthName, asked: AskedMonth, who: AnyWriter) -> Response:
    """Enter what an agency reports of a month; a later amount replaces an earlier one, and the audit log has both."""
    _need_agency(who.visitor, agency)
    day = dt.date.fromisoformat(f"{month}-01")

    def work() -> Answer:
        portfolio = who.visitor.here.portfolio
        enter_month(who.state.engine, who.visitor.actor, portfolio, agency, day, asked.amounts, who.now)
        return Answer(EnteredMonthRow(agency=agency, month=day, amounts=asked.amounts))

    return who.answer(work)


def _need_agency(visitor: Visitor, agency: str) -> None:
    if agency not in visitor.here.portfolio.agencies:
        raise NotThere.of("agency_not_there", agency=repr(agency))
    visitor.need("see", agency)


def _months(first: dt.date, last: dt.date) -> Period:
    """Return the whole months from that of one day to that of another. Raises 422 where they are none to show."""
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    if not 1 <= count <= MAX_MONTHS or not 1990 <= first.year <= last.year <= 2200:  # noqa: PLR2004
        raise HTTPException(422, f"last must be on or after first, within {MAX_MONTHS} months")
    return Period.days(first.replace(day=1), Period.month(last.year, last.month).last_day)


def _row(month: EReportMonth, visitor: Visitor) -> IndexMonthRow:
    return IndexMonthRow(
        month=month.month,
        group=month.group,
        electricity_kwh=month.electricity_kwh,
        coverage_ratio=month.coverage_ratio,
        meters_kwh=dict(month.meters_kwh),
        fuel_litres=month.fuel_litres,
        drivers=dict(month.drivers),
        entered=sorted(month.entered),
        standard_kwh=month.standard_kwh,
        index_ratio=month.index_ratio,
        standard_fuel_litres=month.standard_fuel_litres,
        fuel_index_ratio=month.fuel_index_ratio,
        why=[error.said(visitor.lang) for error in month.why],
    )
