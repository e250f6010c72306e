"""Projects of the action plan in the state's database, and every step that they took."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Connection, Engine, insert, select, update

from bkkenergy.adapters.state import reading, transaction, us_of
from bkkenergy.adapters.state.tables import project, project_step
from bkkenergy.errors import InputError
from bkkenergy.plan import Project, StatusChange


def projects(engine: Engine, *, agency: str | None = None) -> list[Project]:
    """Return every project, or an agency's, by id."""
    with reading(engine) as connection:
        rows = connection.execute(select(project.c.entry).order_by(project.c.id)).scalars()
        all_projects = [Project.model_validate(entry) for entry in rows]
    return [project for project in all_projects if agency is None or project.agency == agency]


def project_of(engine: Engine, project_id: str) -> Project:
    """Return one project. Raises InputError with those that are like it."""
    with reading(engine) as connection:
        return _found(connection, project_id)


def locked_project(connection: Connection, project_id: str) -> Project:
    """Return one project, which no other transaction changes until this one ends. Raises InputError as `project_of`."""
    return _found(connection, project_id, is_locked=True)


def _found(connection: Connection, project_id: str, *, is_locked: bool = False) -> Project:
    query = select(project.c.entry).where(project.c.id == project_id)
    entry = connection.execute(query.with_for_update() if is_locked else query).scalar()
    if entry is None:
        known = list(connection.execute(select(project.c.id).order_by(project.c.id)).scalars())
        near = [name for name in known if project_id in name] or known
        raise InputError(f"project {project_id!r} is not in the plan. Use one of: {', '.join(near[:8]) or '(none)'}.")
    return Project.model_validate(entry)


def projects_of(connection: Connection, ids: Sequence[str]) -> dict[str, Project]:
    """Return those projects of some ids that there are, locked until the transaction ends."""
    query = select(project.c.entry).where(project.c.id.in_(ids)).order_by(project.c.id).with_for_update()
    all_projects = [Project.model_validate(entry) for entry in connection.execute(query).scalars()]
    return {project.id: project for project in all_projects}


def save_projects(engine: Engine, changed: Sequence[Project], now: dt.datetime) -> None:
    """Insert new projects and replace known ones, all or none. A new one's first step is the state it comes in."""
    with transaction(engine) as connection:
        before = {row.id: row.state for row in connection.execute(select(project.c.id, project.c.state))}
        for new in changed:
            values = _values(new, now)
            if new.id in before:
                connection.execute(update(project).where(project.c.id == new.id).values(values))
            else:
                connection.execute(insert(project).values(id=new.id, **values))
            if before.get(new.id) != new.state:
                step = StatusChange(new.id, new.state, new.done_on or now.date(), "", "")
                connection.execute(insert(project_step).values(_row(step, now)))


def enter_step(connection: Connection, changed: Project, step: StatusChange, now: dt.datetime) -> None:
    """Record a project's new state, and the step that led there."""
    connection.execute(update(project).where(project.c.id == changed.id).values(_values(changed, now)))
    connection.execute(insert(project_step).values(_row(step, now)))


def steps_of(engine: Engine, project_id: str) -> list[StatusChange]:
    """Return how a project came to where it is, oldest first."""
    query = select(project_step).where(project_step.c.project_id == project_id).order_by(project_step.c.id)
    with reading(engine) as connection:
        return [
            StatusChange(row.project_id, row.state, dt.date.fromisoformat(row.day), row.by, row.note)
            for row in connection.execute(query)
        ]


def _values(project: Project, now: dt.datetime) -> dict[str, object]:
    return {"entry": project.model_dump(mode="json"), "state": project.state, "changed_us": us_of(now)}


def _row(step: StatusChange, now: dt.datetime) -> dict[str, object]:
    return {
        "project_id": step.project_id,
        "state": step.state,
        "day": step.day.isoformat(),
        "by": step.by,
        "note": step.note,
        "at_us": us_of(now),
    }
