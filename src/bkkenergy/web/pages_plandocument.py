"""Pages of the action plan as a document: its versions, a new draft, the approval, and each version to read."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError, NotThere
from bkkenergy.recipients import CITY
from bkkenergy.reports.programme.document import approval_text, document_paper, draft_plan
from bkkenergy.usecases.plandocuments import approve_document, seen_document, seen_documents
from bkkenergy.web.api_portfolio_rows import Number
from bkkenergy.web.budgets import HEAVY_PAGE
from bkkenergy.web.pages_programme import AgencyName
from bkkenergy.web.pages_work import named
from bkkenergy.web.papers import paper_response
from bkkenergy.web.records.filled import day_of
from bkkenergy.web.render import page
from bkkenergy.web.security import OwnForm, PageVisitor, Visitor

router = APIRouter(prefix="/programme/plan", default_response_class=HTMLResponse)
DocumentForm = Literal["html", "docx", "xlsx", "json"]


@router.get("")
def documents_page(visitor: PageVisitor, agency: AgencyName = "") -> Response:
    """Show the versions of the plan of an agency, or of the city."""
    return _page(visitor, agency or _first(visitor))


def _first(visitor: Visitor) -> str:
    """Return the city for those who see it, else the visitor's first agency."""
    reachable = visitor.account.reachable([CITY, *visitor.here.portfolio.agencies])
    return reachable[0] if reachable else CITY


def _page(visitor: Visitor, agency: str, fault: str = "") -> Response:
    here, words = visitor.here, visitor.words
    known = seen_documents(here.opened.state, visitor.actor, [agency])
    if not known and agency != CITY and agency not in here.portfolio.agencies:
        raise NotThere
    newest_approved = max((one.version for one in known if one.state == "approved"), default=0)
    return page(
        visitor,
        "plan_document.html.j2",
        title=words("plan_document.page"),
        status=422 if fault else 200,
        fault=fault,
        agency=agency,
        agencies=[(one, named(visitor, one)) for one in visitor.account.reachable([CITY, *here.portfolio.agencies])],
        documents=[(one, approval_text(one, words), one.drafted_at.astimezone(BANGKOK).date()) for one in known],
        before={one.id: older.plan_revision for one, older in pairwise(known)},
        may_draft=visitor.account.may("plan", agency),
        may_approve=visitor.account.may("administer", agency),
        newest_approved=newest_approved,
        today=here.today.isoformat(),
    )


@router.post("/draft")
def draft(visitor: PageVisitor, form: OwnForm) -> Response:
    """Draft the next version from the records as they are."""
    here, agency = visitor.here, str(form.get("agency", ""))
    visitor.need("plan")
    visitor.need("plan", agency)
    try:
        draft_plan(here.site, visitor.actor, agency, here.clock(), why=str(form.get("why", ""))[:500])
    except InputError as why:
        return _page(visitor, agency, why.said(visitor.lang))
    return RedirectResponse(f"/programme/plan?agency={agency}", 303)


@router.post("/{number}/approve")
def approve(number: Number, visitor: PageVisitor, form: OwnForm) -> Response:
    """Enter that a draft was approved: by which officer, on which day, by which letter."""
    here = visitor.here
    visitor.need("administer")
    document = seen_document(here.opened.state, visitor.actor, number)
    try:
        on = day_of(str(form.get("on", "")))
        if on is None:
            raise InputError.of("plan_day")
        approver, letter = (str(form.get(name, ""))[:200] for name in ("approver", "letter"))
        approve_document(here.opened.state, visitor.actor, number, approver, on, here.clock(), letter=letter)
    except InputError as why:
        return _page(visitor, document.agency, why.said(visitor.lang))
    return RedirectResponse(f"/programme/plan?agency={document.agency}", 303)


@router.get("/{number}.{form}")
def document_file(number: Number, form: DocumentForm, visitor: PageVisitor) -> Response:
    """Show a version (HTML), or return it as a file."""
    return document_response(visitor, number, form)


@router.get("/{number}/pdf", dependencies=HEAVY_PAGE)
def document_printed(number: Number, visitor: PageVisitor) -> Response:
    """Return a version as PDF."""
    return document_response(visitor, number, "pdf")


def document_response(visitor: Visitor, number: int, form: DocumentForm | Literal["pdf"]) -> Response:
    """Return a version of the plan in a format, in the visitor's language."""
    state = visitor.here.opened.state
    document = seen_document(state, visitor.actor, number)
    paper = document_paper(document, visitor.lang, seen_documents(state, visitor.actor, [document.agency]))
    return paper_response(paper, form)
