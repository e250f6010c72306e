"""The page of the programme: targets, who takes part, partners and JCM; and its tables as files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import HTMLResponse, Response

from bkkenergy.calendar import fiscal_year_of
from bkkenergy.errors import InputError, NotThere
from bkkenergy.plan import Measured
from bkkenergy.recipients import CITY
from bkkenergy.reports.papers.model import KeyFigures, Paper, shown
from bkkenergy.reports.plan.progress import measured_projects
from bkkenergy.reports.programme.gather import ProgrammeYear, programme_of
from bkkenergy.reports.programme.paper import grids, programme_paper
from bkkenergy.site import Site
from bkkenergy.site.portfolio_files import REGISTER
from bkkenergy.texts import BE_OFFSET_YEARS
from bkkenergy.web.budgets import HEAVY_PAGE
from bkkenergy.web.context import AppContext
from bkkenergy.web.papers import paper_response
from bkkenergy.web.records.pages import may_enter
from bkkenergy.web.records.view import RecordWords
from bkkenergy.web.render import page
from bkkenergy.web.security import PageVisitor, Visitor

router = APIRouter(default_response_class=HTMLResponse)
KEPT_S = 600.0
YEARS_SHOWN = 4
TablesForm = Literal["xlsx", "docx", "csv", "json"]
YearBe = Annotated[int | None, Query(ge=2560, le=2700)]
PrintedYear = Annotated[int, Query(ge=2560, le=2700)]
AgencyName = Annotated[str, Query(max_length=64)]


def measured_now(here: AppContext, site: Site) -> Mapping[str, Measured]:
    """Return what the plan's projects save as measured, computed once a while for all requests."""
    key = ("measured", here.today, hash(site.projects))
    known: Mapping[str, Measured] = here.cached(key, KEPT_S, lambda: measured_projects(site, site.projects, here.today))
    return known


def asked_programme(visitor: Visitor, agency: str, year: int | None) -> ProgrammeYear:
    """Return the programme of an agency, or of all that are the visitor's. Raises 404, 422."""
    here, site = visitor.here, visitor.here.site
    agencies = visitor.account.reachable(here.portfolio.agencies)
    if agency:
        visitor.need("see", agency)
        if agency not in here.portfolio.agencies:
            raise NotThere
        agencies = [agency]
    visitor.need("see")
    running = fiscal_year_of(here.today).last_day.year + BE_OFFSET_YEARS
    asked = None if year == running else year
    measured = measured_now(here, site) if asked is None else None
    has_partners = visitor.account.sees_all
    key = ("programme", tuple(agencies), asked, here.today, here.portfolio.revision, hash(site.projects), has_partners)
    try:
        known: ProgrammeYear = here.cached(
            key,
            KEPT_S,
            lambda: programme_of(
                site, agencies, now=here.clock(), has_partners=has_partners, year_be=asked, measured=measured
            ),
        )
    except InputError as why:
        raise HTTPException(404, why.said(visitor.lang)) from None
    return known


def asked_paper(visitor: Visitor, agency: str, year: int | None) -> Paper:
    """Return the programme's paper in the visitor's language."""
    programme = asked_programme(visitor, agency, year)
    return programme_paper(programme, visitor.words, now=visitor.here.clock(), subject=agency or CITY)


@router.get("/programme")
def programme_page(visitor: PageVisitor, agency: AgencyName = "", year: YearBe = None) -> Response:
    """Show the programme of the visitor's agencies in a fiscal year."""
    here, words = visitor.here, visitor.words
    paper = asked_paper(visitor, agency, year)
    running = fiscal_year_of(here.today).last_day.year + BE_OFFSET_YEARS
    read = RecordWords.of(visitor)
    kinds = [kind for kind in REGISTER if kind != "partner" or visitor.account.sees_all]
    return page(
        visitor,
        "programme.html.j2",
        title=words("programme.title"),
        paper=paper,
        figures=[figure for block in paper.blocks if isinstance(block, KeyFigures) for figure in block.figures],
        grids=grids(paper),
        shown=lambda value, column: shown(value, column, words),
        agency=agency,
        agencies=[(one, read.name_of("agency", one)) for one in visitor.account.reachable(here.portfolio.agencies)],
        year=year or running,
        years=range(running, running - YEARS_SHOWN, -1),
        kinds=[(kind, read.kind(kind), may_enter(visitor.actor, kind)) for kind in kinds],
    )


@router.get("/programme/tables.{form}")
def programme_tables_file(
    form: TablesForm, visitor: PageVisitor, agency: AgencyName = "", year: YearBe = None
) -> Response:
    """Return the tables of the annual climate report as a file."""
    return paper_response(asked_paper(visitor, agency, year), form)


@router.get("/programme/pdf", dependencies=HEAVY_PAGE)
def programme_printed(visitor: PageVisitor, year: PrintedYear, agency: AgencyName = "") -> Response:
    """Return the tables of the annual climate report as PDF."""
    return paper_response(asked_paper(visitor, agency, year), "pdf")
