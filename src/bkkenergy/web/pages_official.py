"""What the state asks of a designated building each year: as a page, and as a file to download."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Path, Query
from fastapi.responses import HTMLResponse, Response

from bkkenergy.calendar import FIRST_YEAR_BE
from bkkenergy.reports.annual import AnnualReport, annual_report, month_fields, ordered
from bkkenergy.reports.render.annual import annual_csv, annual_notes, annual_xlsx, shown_value
from bkkenergy.texts import BE_OFFSET_YEARS
from bkkenergy.web.pages_energy import building_of
from bkkenergy.web.render import page
from bkkenergy.web.security import PageVisitor, Visitor

router = APIRouter(default_response_class=HTMLResponse)
Year = Annotated[int, Query(ge=1990, le=2743)]
FILES = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


@router.get("/buildings/{building_id}/annual")
def annual_page(building_id: str, visitor: PageVisitor, year: Year | None = None) -> Response:
    """Show the fields of a building's year, each with its source; of the last whole year where none is named."""
    report, words = _report(visitor, building_id, year), visitor.words
    building = report.building
    return page(
        visitor,
        "annual.html.j2",
        title=words(
            "annual.title",
            building=words.either(th=building.name_th, en=building.name_en),
            year=words.year(report.year),
        ),
        building=building,
        report=report,
        notes=annual_notes(report, words),
        rows=[(field, shown_value(value, words)) for field, value in ordered(report)],
        month_fields=month_fields(report),
        years=[report.year - 1, report.year + 1],
        this_year=visitor.here.today.year,
    )


@router.get("/buildings/{building_id}/annual.{form}")
def annual_file(
    building_id: str, form: Annotated[Literal["csv", "xlsx"], Path()], visitor: PageVisitor, year: Year | None = None
) -> Response:
    """Return the fields of a building's year as a file."""
    report = _report(visitor, building_id, year)
    content = (annual_csv if form == "csv" else annual_xlsx)(report, visitor.lang)
    headers = {"Content-Disposition": f'attachment; filename="annual_{report.building.id}_{report.year}.{form}"'}
    return Response(content, media_type=FILES[form], headers=headers)


def _report(visitor: Visitor, building_id: str, year: int | None) -> AnnualReport:
    """Return the fields of a year, of either era. Raises 404 for a year that has not begun."""
    building, here = building_of(visitor, building_id), visitor.here
    asked = here.today.year - 1 if year is None else year - BE_OFFSET_YEARS if year >= FIRST_YEAR_BE else year
    if not 1990 <= asked <= here.today.year:  # noqa: PLR2004
        raise HTTPException(404, "no such year")
    report: AnnualReport = here.cached(
        ("annual", building.id, asked, here.today), 3600, lambda: annual_report(here.opened, building, asked)
    )
    return report
