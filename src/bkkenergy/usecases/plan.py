"""Moving a project of the action plan from state to state."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Engine

from bkkenergy.access import Actor
from bkkenergy.adapters.state import transaction
from bkkenergy.adapters.state.projects import enter_step, locked_project
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.plan import Project, ProjectState, Step, moved


def move_project(
    engine: Engine,
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
    led. Raises InputError where there is no such project or the way does not lead there, and StoreAway.
    """
    who = by or actor.name
    with transaction(engine) as connection:
        project = moved(locked_project(connection, project_id), to, on, note=note)
        enter_step(connection, project, Step(project_id, to, on, who, note), now)
        detail = {"state": to, "on": on.isoformat(), "by": who, "note": note}
        enter_audit(connection, actor, "plan_move", project_id, detail, now)
    return project
