"""The JSON API, version 1, of work on findings."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from bkkenergy.adapters.state.findingwork import WorkEntry, WorkState
from bkkenergy.errors import NotThere
from bkkenergy.usecases.findingwork import AskedWork, enter_work, list_work, take_back
from bkkenergy.web.api_rows import Page, Row
from bkkenergy.web.api_writer import Answer, AnyWriter
from bkkenergy.web.building import findings_of
from bkkenergy.web.pages_energy import building_of
from bkkenergy.web.paging import Limit, Offset
from bkkenergy.web.problems import PROBLEMS, WRITE_PROBLEMS
from bkkenergy.web.security import ApiVisitor

router = APIRouter(prefix="/api/v1", tags=["findings"], responses=PROBLEMS)

RuleKey = Annotated[str, Path(pattern=r"^[a-z_]{1,40}(@[0-9]{4}-[0-9]{2}-[0-9]{2})?$")]
PlainText = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]


class WorkRow(Row):
    """How a finding stands. rule : of an event with its day. cost_thb_a_month : what was at stake then."""

    number: int
    agency: str
    building: str
    rule: str
    state: WorkState
    owner: str
    due: dt.date | None
    comment: str
    cost_thb_a_month: float
    by: str
    at: dt.datetime


class WorkItemRow(WorkRow):
    """How a finding stands now, whether it is late, and how it came to that, the oldest first."""

    is_late: bool
    history: list[WorkRow]


class WorkPage(Page):
    """What is worked on, most money first."""

    items: list[WorkItemRow]


class AskedWorkBody(BaseModel):
    """How a finding shall stand. An assigned one needs an owner, a dismissed one a comment."""

    model_config = ConfigDict(extra="forbid")

    state: WorkState
    owner: Annotated[str, Field(max_length=120, pattern=r"^[^\x00]*$")] = ""
    due: dt.date | None = None
    comment: PlainText = ""


@router.get("/agencies/{agency}/findings/work")
def work(agency: str, visitor: ApiVisitor, limit: Limit = 100, offset: Offset = 0) -> WorkPage:
    """List the findings of an agency that are worked on, most money first."""
    if agency not in visitor.here.portfolio.agencies:
        raise NotThere
    every = list_work(visitor.here.opened.state, visitor.actor, agency)
    rows = [
        WorkItemRow(
            **_fields(item.now),
            is_late=item.now.is_late(visitor.here.today),
            history=[_row(entry) for entry in item.entries],
        )
        for item in every[offset : offset + limit]
    ]
    return WorkPage(total=len(every), offset=offset, limit=limit, items=rows)


@router.post(
    "/buildings/{building_id}/findings/{rule}/work",
    status_code=201,
    responses=WRITE_PROBLEMS | {201: {"model": WorkRow}},
)
def enter(building_id: str, rule: RuleKey, asked: AskedWorkBody, who: AnyWriter) -> Response:
    """Enter how a building's finding stands: its state, who cares for it, until when, and a comment."""
    building, here = building_of(who.visitor, building_id), who.visitor.here
    who.visitor.need("dismiss", building.agency)

    def done() -> Answer:
        change = AskedWork(asked.state, asked.owner, asked.due, asked.comment)
        present = findings_of(here, building)
        entry = enter_work(
            who.state.engine, who.visitor.actor, here.portfolio, building.id, rule, change, present, who.now
        )
        return Answer(_row(entry), 201)

    return who.answer(done)


@router.delete("/buildings/{building_id}/findings/{rule}/work", responses=WRITE_PROBLEMS | {200: {"model": WorkRow}})
def undo(building_id: str, rule: RuleKey, who: AnyWriter) -> Response:
    """Take the last change of a finding back: it stands as before."""
    building = building_of(who.visitor, building_id)
    who.visitor.need("dismiss", building.agency)

    def done() -> Answer:
        return Answer(
            _row(take_back(who.state.engine, who.visitor.actor, who.visitor.here.portfolio, building.id, rule, who.now))
        )

    return who.answer(done)


def _row(entry: WorkEntry) -> WorkRow:
    return WorkRow(**_fields(entry))


def _fields(entry: WorkEntry) -> dict[str, object]:
    return {name: getattr(entry, name) for name in WorkRow.model_fields}
