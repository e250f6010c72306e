"""Projects of the action plan in the state's database, as records with revisions, and every step that they took."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Connection, Engine, select

from bkkenergy.adapters.state import reading
from bkkenergy.adapters.state.portfolio import PLAN, add_revision, records_at
from bkkenergy.adapters.state.tables import plan_entry, plan_revision
from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError
from bkkenergy.plan import PLAN_KINDS, Project, StatusChange, newest, projects_on
from bkkenergy.portfolio.records import Change, Records


def plan_records(engine: Engine, revision: int | None = None) -> Records:
    """Return the projects with all their versions, as known at a revision, by default the newest."""
    with reading(engine) as connection:
        return records_at(connection, PLAN_KINDS, revision, PLAN)


def projects(engine: Engine, *, agency: str | None = None, day: dt.date | None = None) -> list[Project]:
    """Return every project, or an agency's, by id, as it is on a day; by default as it was entered last."""
    records = plan_records(engine)
    listed = projects_on(records, day) if day is not None else newest(records, _today())
    return [project for project in listed if agency is None or project.agency == agency]


def _today() -> dt.date:
    return dt.datetime.now(BANGKOK).date()


def project_of(engine: Engine, project_id: str) -> Project:
    """Return one project as it was entered last. Raises InputError with those that are like it."""
    return one_project(plan_records(engine), project_id)


def one_project(records: Records, project_id: str) -> Project:
    """Return one project as it was entered last. Raises InputError with those that are like it."""
    known = {project.id: project for project in newest(records, _today())}
    if project_id not in known:
        near = [name for name in known if project_id in name] or list(known)
        raise InputError.of("no_project_of", project=project_id, known=near[:8] or "–")
    return known[project_id]


def add_plan_revision(
    connection: Connection,
    changes: Sequence[Change],
    *,
    actor: str,
    why: str,
    now: dt.datetime,
    said_by: str = "",
    undoes: int | None = None,
) -> int:
    """Add a revision of the plan, and return its number. The caller holds its lock."""
    return add_revision(
        connection, changes, PLAN_KINDS, actor=actor, why=why, now=now, undoes=undoes, said_by=said_by, book=PLAN
    )


def steps_of(engine: Engine, project_id: str) -> list[StatusChange]:
    """Return how a project came to where it is, oldest first: each revision that left it in another state."""
    query = (
        select(plan_entry.c.revision, plan_entry.c.valid_from, plan_entry.c.body)
        .add_columns(plan_revision.c.actor, plan_revision.c.said_by, plan_revision.c.why)
        .join(plan_revision, plan_revision.c.number == plan_entry.c.revision)
        .where(plan_entry.c.key == project_id)
        .order_by(plan_entry.c.revision, plan_entry.c.id)
    )
    with reading(engine) as connection:
        rows = list(connection.execute(query))
    steps: list[StatusChange] = []
    bodies: dict[str, dict[str, str]] = {}
    for number, row in enumerate(rows):
        bodies[row.valid_from] = row.body
        if number + 1 < len(rows) and rows[number + 1].revision == row.revision:
            continue
        day = max((day for day, body in bodies.items() if body is not None), default=None)
        if day is not None and (not steps or steps[-1].state != bodies[day]["state"]):
            state = Project.model_validate(bodies[day]).state
            steps.append(StatusChange(project_id, state, dt.date.fromisoformat(day), row.said_by or row.actor, row.why))
    return steps
