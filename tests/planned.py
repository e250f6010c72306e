"""Projects put into the state as a test wants them, without the powers and the audit of a person who enters them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Engine

from bkkenergy.adapters.state import transaction
from bkkenergy.adapters.state.portfolio import PLAN, lock_revisions, records_at
from bkkenergy.adapters.state.projects import add_plan_revision
from bkkenergy.calendar import BANGKOK
from bkkenergy.plan import PLAN_KINDS, Project, changes_from, first_day, newest


def save_projects(engine: Engine, changed: Sequence[Project], now: dt.datetime) -> None:
    """Insert new projects and replace known ones, all or none, from today or the day they are done on."""
    with transaction(engine) as connection:
        lock_revisions(connection, PLAN)
        records = records_at(connection, PLAN_KINDS, None, PLAN)
        known = {project.id: project for project in newest(records, now.astimezone(BANGKOK).date())}
        today = now.astimezone(BANGKOK).date()
        changes = [
            change
            for project in changed
            for change in changes_from(records, project, first_day(project, known.get(project.id), today))
        ]
        if changes:
            add_plan_revision(connection, changes, actor="", why="", now=now)
