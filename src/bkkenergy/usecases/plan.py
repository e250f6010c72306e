"""Projects of the action plan: entered, replaced, and moved from state to state."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateStore, StateTransaction, transaction
from bkkenergy.adapters.state.projects import enter_step, locked_project, projects_of, save_projects
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.errors import InputError, NotThere
from bkkenergy.plan import Project, ProjectState, StatusChange, moved
from bkkenergy.usecases.powers import use_case


@use_case("plan.move", "plan", "agency")
def move_project(
    engine: StateStore,
    actor: Actor,
    project_id: str,
    to: ProjectState,
    on: dt.date,
    note: str,
    now: dt.datetime,
    *,
    by: str = "",
) -> Project:
    """Take a project to another state, with the step and its line in the audit log: all or nothing.

    by : who says so, where that is not the actor. Of two moves at the same time the second starts from where the first
    led. Raises InputError where there is no such project or the way does not lead there, NotThere where the
    project is another agency's, NotAllowed and StoreUnavailable.
    """
    who = by or actor.name
    with transaction(engine) as connection:
        before = _locked(connection, actor, project_id)
        actor.need("plan", before.agency)
        project = moved(before, to, on, note=note)
        enter_step(connection, project, StatusChange(project_id, to, on, who, note), now)
        detail = {"before": before.state, "state": to, "on": on.isoformat(), "by": who, "note": note}
        enter_audit(connection, actor, "plan_move", project_id, detail, now)
    return project


@use_case("plan.enter", "plan", "agency")
def enter_projects(engine: StateStore, actor: Actor, entered: Sequence[Project], now: dt.datetime) -> list[str]:
    """Insert new projects and replace known ones, all or none. Return the ids that were known.

    A project that goes from one agency to another needs the power over both.
    """
    with transaction(engine) as connection:
        before = projects_of(connection, [project.id for project in entered])
        actor.need("plan", *{project.agency for project in (*entered, *before.values())})
        save_projects(engine, entered, now)
        for project in entered:
            known = before.get(project.id)
            detail = {
                "before": known and known.model_dump(mode="json"),
                "after": project.model_dump(mode="json"),
            }
            if known != project:
                enter_audit(connection, actor, "plan_enter", project.id, detail, now)
    return [project.id for project in entered if project.id in before]


def _locked(connection: StateTransaction, actor: Actor, project_id: str) -> Project:
    """Return a project. Who does not see all projects is not shown which others there are. Raises as `move_project`."""
    try:
        return locked_project(connection, project_id)
    except InputError:
        if actor.sees_all:
            raise
        raise NotThere from None
