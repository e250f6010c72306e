"""The JSON API, version 1, of the plan's projects: read, entered, moved, withdrawn, compared, undone.

As for records: writes of one project need its ETag, and a request with an Idempotency-Key is done once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from bkkenergy.errors import ConfigError, NotThere
from bkkenergy.plan import PLAN_KINDS, Project, ProjectState
from bkkenergy.plan.projects import MeasuredWay, ProjectOption
from bkkenergy.portfolio.values import checked_value
from bkkenergy.reports.plan.progress import measured_projects, why_each
from bkkenergy.usecases.plan import enter_projects, move_project, plan_state, undo_plan, withdraw_project
from bkkenergy.usecases.portfolio_view import seen_differences, seen_record, seen_records, seen_revisions
from bkkenergy.web.api_portfolio_rows import (
    AskedFields,
    AskedNote,
    AskedValue,
    ChangeRow,
    Day,
    DoneRow,
    Number,
    RecordPage,
    RecordRow,
    RevisionRow,
    row_of,
)
from bkkenergy.web.api_writer import Answer, AnyWriter, Expected, Writer, done_of, tag_of
from bkkenergy.web.paging import Limit, Offset
from bkkenergy.web.problems import PROBLEMS, WRITE_PROBLEMS
from bkkenergy.web.security import ApiVisitor, Visitor

router = APIRouter(prefix="/api/v1/plan", tags=["plan"], responses=PROBLEMS)
ProjectKey = Annotated[str, Path(min_length=1, max_length=64)]
KIND = "project"


class AskedMove(BaseModel):
    """A move of a project. on : the first day of its new state; by default today. note : needed for a step back."""

    model_config = ConfigDict(extra="forbid")

    state: ProjectState
    on: Day | None = None
    note: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""


# -- reading -----------------------------------------------------------------------------------------------------------


@router.get("/records")
def plan_records(visitor: ApiVisitor, day: dt.date | None = None, limit: Limit = 100, offset: Offset = 0) -> RecordPage:
    """Return the projects that are yours as they are on a day (default: today), with the days on which that holds."""
    records = plan_state(visitor.here.opened.state).records()
    visible = seen_records(records, visitor.actor, PLAN_KINDS, KIND, day or visitor.here.today)
    rows = [RecordRow.model_validate(row, from_attributes=True) for row in visible[offset : offset + limit]]
    return RecordPage(total=len(visible), offset=offset, limit=limit, items=rows)


@router.get("/records/{project_id}")
def plan_record(
    project_id: ProjectKey, visitor: ApiVisitor, response: Response, day: dt.date | None = None
) -> RecordRow:
    """Return one project as it is on a day (default: today), with its ETag."""
    records = plan_state(visitor.here.opened.state).records()
    visible = seen_record(records, visitor.actor, PLAN_KINDS, KIND, project_id, day or visitor.here.today)
    response.headers["ETag"] = tag_of(visible.revision)
    return RecordRow.model_validate(visible, from_attributes=True)


class MeasuredRow(BaseModel):
    """What a project saves in a year, as measured since its day, with half of the 90 % interval.

    way : by the whole building, PV's meter, a reference COP, the cooling before, the system before, stipulated
    efficiencies, or measured power. facts : what it rests on. Everything is null where it is not measured; why : the
    reason, of options A and B.
    """

    project: str
    option: ProjectOption
    way: MeasuredWay | None
    kwh_a_year: float | None
    half_width_kwh: float | None
    days: int | None
    facts: dict[str, float]
    why: str | None


@router.get("/records/{project_id}/measured")
def plan_measured(project_id: ProjectKey, visitor: ApiVisitor) -> MeasuredRow:
    """Return what a project saves, as measured up to yesterday."""
    here, site = visitor.here, visitor.here.site
    project = next((one for one in site.projects if one.id == project_id), None)
    if project is None or not visitor.account.reaches(project.agency):
        raise NotThere
    beside = [
        one for one in site.projects if one.id == project.id or (project.building and one.building == project.building)
    ]
    measured = measured_projects(site, beside, here.today).get(project.id)
    why = None if measured is not None else why_each(site, [project], here.today).get(project.id)
    return MeasuredRow(
        project=project.id,
        option=project.option,
        way=measured and measured.way,
        kwh_a_year=measured and measured.kwh_a_year,
        half_width_kwh=measured and measured.half_width_kwh,
        days=measured and measured.days,
        facts=dict(measured.facts) if measured is not None else {},
        why=why and why.said("en"),
    )


@router.get("/revisions")
def plan_revisions(
    visitor: ApiVisitor,
    key: Annotated[str | None, Query(max_length=64, pattern=r"^[^\x00]*$")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> list[RevisionRow]:
    """Return who changed what of the plan, when and why, the newest first; of one project, where it is named."""
    visible = seen_revisions(plan_state(visitor.here.opened.state), visitor.actor, key=key, limit=limit)
    return [RevisionRow.model_validate(revision, from_attributes=True) for revision in visible]


@router.get("/compare")
def plan_differences(
    visitor: ApiVisitor,
    before: Annotated[int, Query(ge=0, le=2_000_000_000)],
    after: Annotated[int | None, Query(ge=0, le=2_000_000_000)] = None,
) -> list[ChangeRow]:
    """Return what differs between two revisions of the plan, the later one by default the newest."""
    state = plan_state(visitor.here.opened.state)
    return [row_of(change) for change in seen_differences(state, visitor.actor, before, after)]


# -- changing ----------------------------------------------------------------------------------------------------------


@router.put("/records/{project_id}", responses=WRITE_PROBLEMS, response_model=RecordRow)
def put_project(project_id: ProjectKey, asked: AskedValue, who: AnyWriter, seen: Expected) -> Response:
    """Enter a project (If-None-Match: *), or say all that it is from a day on (If-Match: its ETag)."""
    return _entered(who, project_id, lambda _: asked.value, asked, seen)


@router.patch("/records/{project_id}", responses=WRITE_PROBLEMS, response_model=RecordRow)
def amend_project(project_id: ProjectKey, asked: AskedFields, who: AnyWriter, seen: Expected) -> Response:
    """Change some fields of a project from a day on. Its state changes by a move."""
    if moves := {"state", "done_on"} & asked.fields.keys():
        raise HTTPException(422, f"{', '.join(sorted(moves))}: a project's state changes by a move. Post to its /move.")
    return _entered(who, project_id, lambda known: known | asked.fields, asked, seen)


@router.delete("/records/{project_id}", responses=WRITE_PROBLEMS, response_model=DoneRow)
def end_project(
    project_id: ProjectKey,
    who: AnyWriter,
    seen: Expected,
    why: Annotated[str, Query(min_length=3, max_length=500, pattern=r"^[^\x00]*$")],
    from_day: Day | None = None,
) -> Response:
    """Let a project be no more from a day on; without a day take it out altogether, as if it had never been entered."""
    planner = _planner(who)

    def work() -> Answer:
        before = planner.state.records()
        actor, engine = who.visitor.actor, planner.state.engine
        done = withdraw_project(engine, actor, project_id, who.now, why=why, from_day=from_day, expected_revision=seen)
        return Answer(done_of(planner, done, before), revision=done.revision)

    return planner.answer(work)


@router.post("/records/{project_id}/move", responses=WRITE_PROBLEMS, response_model=RecordRow)
def move_record(project_id: ProjectKey, asked: AskedMove, who: AnyWriter) -> Response:
    """Take a project to its next state, or back with a note."""
    planner = _planner(who)

    def work() -> Answer:
        actor, engine, on = who.visitor.actor, planner.state.engine, asked.on or who.visitor.here.today
        move_project(engine, actor, project_id, asked.state, on, asked.note, who.now)
        return _as_it_is(planner, project_id)

    return planner.answer(work)


@router.post("/revisions/{number}/undo", responses=WRITE_PROBLEMS, response_model=DoneRow)
def undo_plan_revision(number: Number, asked: AskedNote, who: AnyWriter) -> Response:
    """Take a revision of the plan back by a new one. 409 where a later one changed the same projects."""
    planner = _planner(who)

    def work() -> Answer:
        before = planner.state.records()
        done = undo_plan(planner.state.engine, who.visitor.actor, number, who.now, why=asked.why)
        return Answer(done_of(planner, done, before), revision=done.revision)

    return planner.answer(work)


def _planner(who: Writer) -> Writer:
    return replace(who, state=plan_state(who.visitor.here.opened.state))


def _entered(
    who: Writer,
    key: str,
    value_of: Callable[[dict[str, Any]], dict[str, Any]],
    asked: AskedValue | AskedFields,
    expected_revision: int,
) -> Response:
    """Enter a project. value_of : what it is, from what it was."""
    planner, here = _planner(who), who.visitor.here

    def work() -> Answer:
        known = {} if isinstance(asked, AskedValue) else _known(planner, who.visitor, key)
        value, faults = checked_value(PLAN_KINDS[KIND], value_of(known), KIND)
        if not isinstance(value, Project):
            raise ConfigError(faults)
        if value.id != key:
            raise HTTPException(422, f"the value is of {value.id!r}, and not of what the address names")
        enter_projects(
            planner.state.engine,
            who.visitor.actor,
            [value],
            who.now,
            why=asked.why,
            from_day=asked.from_day,
            portfolio=here.portfolio,
            expected_revision=expected_revision,
        )
        return _as_it_is(planner, key)

    return planner.answer(work)


def _known(planner: Writer, visitor: Visitor, key: str) -> dict[str, Any]:
    """Return the fields of a project as it was entered last. Raises NotThere where it is none of the visitor's."""
    entries = planner.state.records().of(KIND, key)
    if not entries or not visitor.account.reaches(entries[-1].value.agency):  # type: ignore[attr-defined]
        raise NotThere
    return PLAN_KINDS[KIND].body_of(entries[-1].value)


def _as_it_is(planner: Writer, key: str) -> Answer:
    """Return a project as it was entered last."""
    entry = planner.state.records().of(KIND, key)[-1]
    revision = max(version.revision for version in planner.state.records().of(KIND, key))
    row = RecordRow(
        kind=KIND,
        key=key,
        valid_from=entry.valid_from,
        valid_to=entry.valid_to,
        revision=revision,
        value=PLAN_KINDS[KIND].body_of(entry.value),
    )
    return Answer(row, revision=revision)
