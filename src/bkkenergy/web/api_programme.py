"""The JSON API, version 1, of the programme: its tables in a fiscal year, and the plan as a document."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from bkkenergy.adapters.state.plandocuments import DocumentState, PlanDocument
from bkkenergy.recipients import CITY
from bkkenergy.reports.programme.document import draft_plan
from bkkenergy.usecases.plandocuments import approve_document, seen_documents
from bkkenergy.web.api_portfolio_rows import Day, Number
from bkkenergy.web.api_rows import Row
from bkkenergy.web.api_writer import Answer, AnyWriter
from bkkenergy.web.pages_plandocument import DocumentForm, document_response
from bkkenergy.web.pages_programme import AgencyName, TablesForm, YearBe, asked_paper
from bkkenergy.web.papers import MEDIA, paper_response
from bkkenergy.web.problems import PROBLEMS, WRITE_PROBLEMS
from bkkenergy.web.security import ApiVisitor

router = APIRouter(prefix="/api/v1/programme", tags=["plan"], responses=PROBLEMS)
FORMS = ("json", "csv", "xlsx", "docx")


@router.get("", response_class=Response, responses={200: {"content": {MEDIA[form]: {} for form in FORMS}}})
def programme_tables(
    visitor: ApiVisitor, agency: AgencyName = "", year: YearBe = None, form: TablesForm = "json"
) -> Response:
    """Return the programme of your agencies, or of one, in a fiscal year (B.E.; default: the running one).

    Targets with what is reached, projects by year, sector and agency, electricity and fuel beside the base year,
    emissions, participation, JCM, needs, workshops and what followed; partners where you see all agencies.
    """
    return paper_response(asked_paper(visitor, agency, year), form)


# -- the plan as a document ----------------------------------------------------------------------------------------


class PlanDocumentRow(Row):
    """A version of the action plan. agency : or "city". digest : SHA-256 of what it says.

    plan_revision : of the plan's records, that it was made from. approver : name and office of who signed.
    """

    id: int
    agency: str
    version: int
    state: DocumentState
    drafted_by: str
    drafted_at: dt.datetime
    why: str
    plan_revision: int
    digest: str
    approver: str
    approved_on: dt.date | None
    letter: str
    entered_by: str


class AskedDraft(BaseModel):
    """A new version. agency : an agency, or "city". why : what is new in it."""

    model_config = ConfigDict(extra="forbid")

    agency: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
    why: Annotated[str, Field(min_length=3, max_length=500)]


class AskedApproval(BaseModel):
    """An approval. approver : name and office of who signed. on : when. letter : number of the letter."""

    model_config = ConfigDict(extra="forbid")

    approver: Annotated[str, Field(min_length=3, max_length=200)]
    on: Day
    letter: Annotated[str, Field(max_length=200)] = ""


@router.get("/plans")
def plan_documents(visitor: ApiVisitor, agency: AgencyName = "") -> list[PlanDocumentRow]:
    """Return the versions of the action plans that are yours, the newest first."""
    state = visitor.here.opened.state
    agencies = [agency] if agency else visitor.account.reachable([CITY, *visitor.here.portfolio.agencies])
    return [_row(document) for document in seen_documents(state, visitor.actor, agencies)]


@router.get(
    "/plans/{number}", response_class=Response, responses={200: {"content": {MEDIA[form]: {} for form in FORMS}}}
)
def plan_document(number: Number, visitor: ApiVisitor, form: DocumentForm = "json") -> Response:
    """Return what a version says, with its approval."""
    return document_response(visitor, number, form)


@router.post("/plans", status_code=201, responses=WRITE_PROBLEMS | {201: {"model": PlanDocumentRow}})
def draft(asked: AskedDraft, who: AnyWriter) -> Response:
    """Draft the next version of a plan from the records as they are."""

    def work() -> Answer:
        site = who.visitor.here.site
        return Answer(_row(draft_plan(site, who.visitor.actor, asked.agency, who.now, why=asked.why)), 201)

    return who.answer(work)


@router.post("/plans/{number}/approval", responses=WRITE_PROBLEMS | {200: {"model": PlanDocumentRow}})
def approve(number: Number, asked: AskedApproval, who: AnyWriter) -> Response:
    """Enter that a draft was approved."""

    def work() -> Answer:
        state, actor = who.visitor.here.opened.state, who.visitor.actor
        approved = approve_document(state, actor, number, asked.approver, asked.on, who.now, letter=asked.letter)
        return Answer(_row(approved))

    return who.answer(work)


def _row(document: PlanDocument) -> PlanDocumentRow:
    return PlanDocumentRow(**{name: getattr(document, name) for name in PlanDocumentRow.model_fields})
