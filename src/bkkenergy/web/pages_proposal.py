"""Proposals: a finding made into one, one as a document, an agency's package, and promises beside measurements."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bkkenergy.errors import NotThere
from bkkenergy.reports.plan.promises import PromiseBeside, promises_beside, together, together_text, verdict_text
from bkkenergy.reports.retrofit.package import package_paper
from bkkenergy.reports.retrofit.proposal import proposal_paper
from bkkenergy.reports.retrofit.propose import propose_finding
from bkkenergy.savings.insights import dismissed_as
from bkkenergy.site.retrofit_config import load_retrofit
from bkkenergy.web.budgets import HEAVY_PAGE
from bkkenergy.web.building import findings_of
from bkkenergy.web.context import AppContext
from bkkenergy.web.pages_energy import building_of
from bkkenergy.web.pages_work import seen_project
from bkkenergy.web.papers import paper_response
from bkkenergy.web.render import page
from bkkenergy.web.security import OwnForm, PageVisitor, Visitor

router = APIRouter(default_response_class=HTMLResponse)
ProposalForm = Literal["html", "docx", "xlsx", "csv", "json"]
"""A PDF has an address of its own, since requests for it take turns (`budgets`)."""
AskedForm = Annotated[ProposalForm, Query()]
PROMISES_S = 600.0


@router.post("/buildings/{building_id}/findings/propose")
def propose_from_finding(building_id: str, visitor: PageVisitor, form: OwnForm) -> Response:
    """Make a finding a proposed project of the plan, and show its proposal."""
    building, here = building_of(visitor, building_id), visitor.here
    visitor.need("plan", building.agency)
    rule = str(form.get("rule", ""))
    finding = next((one for one in findings_of(here, building) if dismissed_as(one) == rule), None)
    if finding is None:
        raise NotThere
    catalogue = load_retrofit(here.site.config.folder)
    project = propose_finding(here.opened, visitor.actor, building, finding, catalogue, here.clock())
    return RedirectResponse(f"/plan/{project.id}/proposal", 303)


@router.get("/plan/promises")
def promises_page(visitor: PageVisitor) -> Response:
    """Show what done projects promised beside what is measured of them."""
    rows = promises_seen(visitor)
    return page(
        visitor,
        "promises.html.j2",
        title=visitor.words("promise.title"),
        rows=[(row, verdict_text(row, visitor.words)) for row in rows],
        summary=together_text(together(rows), visitor.words) if rows else "",
    )


@router.get("/plan/{project_id}/proposal")
def proposal_page(project_id: str, visitor: PageVisitor, form: AskedForm = "html") -> Response:
    """Show a project's proposal, or give it as a file."""
    project = seen_project(visitor, project_id)
    return paper_response(proposal_paper(visitor.here.opened, project, visitor.lang, now=visitor.here.clock()), form)


@router.get("/plan/{project_id}/proposal/pdf", dependencies=HEAVY_PAGE)
def proposal_pdf(project_id: str, visitor: PageVisitor) -> Response:
    """Print a project's proposal."""
    project = seen_project(visitor, project_id)
    return paper_response(proposal_paper(visitor.here.opened, project, visitor.lang, now=visitor.here.clock()), "pdf")


@router.get("/agencies/{agency}/package/pdf", dependencies=HEAVY_PAGE)
def package_pdf(agency: str, visitor: PageVisitor) -> Response:
    """Print an agency's proposals as one package."""
    visitor.need("see", agency)
    return paper_response(package_paper(visitor.here.opened, agency, visitor.lang, now=visitor.here.clock()), "pdf")


@router.get("/agencies/{agency}/package")
def package_page(agency: str, visitor: PageVisitor, form: AskedForm = "html") -> Response:
    """Show an agency's proposals as one package, or give it as a file."""
    visitor.need("see", agency)
    return paper_response(package_paper(visitor.here.opened, agency, visitor.lang, now=visitor.here.clock()), form)


def promises_seen(visitor: Visitor) -> list[PromiseBeside]:
    """Return the promises of the projects that a visitor may see, measured once a while for all."""
    here: AppContext = visitor.here
    site = here.site
    rows: list[PromiseBeside] = here.cached(
        ("promises", here.today, hash(site.projects)),
        PROMISES_S,
        lambda: promises_beside(site, site.projects, here.today),
    )
    return [row for row in rows if visitor.account.reaches(row.project.agency)]
