"""Projects of the action plan: entered, replaced, moved from state to state, withdrawn, and taken back.

Each is one revision of the plan: who, when, why, and from which day. Nothing that was known is lost.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateStore, StateTransaction, transaction
from bkkenergy.adapters.state.portfolio import PLAN
from bkkenergy.adapters.state.projects import add_plan_revision, one_project
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import ConfigError, Fault, InputError, NotThere
from bkkenergy.plan import (
    PLAN_KINDS,
    Project,
    ProjectState,
    agencies_of_versions,
    changes_from,
    first_day,
    moved,
    newest,
    project_faults,
)
from bkkenergy.portfolio import Portfolio, Records
from bkkenergy.portfolio.edits import End, Withdraw, changes_of
from bkkenergy.portfolio.records import EVER
from bkkenergy.portfolio.values import MAX_TEXT, text_faults
from bkkenergy.usecases.baselines import pin_done
from bkkenergy.usecases.portfolio import Changed, PortfolioState, locked, need_unchanged, needs_reason, taken_back
from bkkenergy.usecases.powers import use_case


def plan_state(engine: StateStore) -> PortfolioState:
    """Return the plan's records: they are in the state wherever the portfolio comes from."""
    return PortfolioState(engine, "state", kinds=PLAN_KINDS, book=PLAN)


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
    """Take a project to another state from a day on, with its line in the audit log: all or nothing.

    by : who says so, where that is not the actor. Of two moves at the same time the second starts from where the first
    led. What was entered for later days is overtaken. Raises InputError where there is no such project or the way does
    not lead there, NotThere where the project is another agency's, NotAllowed and StoreUnavailable.
    """
    who = by or actor.name
    _need_text(note, by)
    with transaction(engine) as connection:
        records = locked(connection, plan_state(engine))
        before = _project(records, actor, project_id)
        actor.need("plan", before.agency)
        project = moved(before, to, on, note=note)
        changes = changes_from(records, project, on)
        add_plan_revision(connection, changes, actor=actor.name, said_by=by, why=note, now=now)
        pin_done(engine, [project], now)
        detail = {"before": before.state, "state": to, "on": on.isoformat(), "by": who, "note": note}
        enter_audit(connection, actor, "plan_move", project_id, detail, now)
    return project


@use_case("plan.enter", "plan", "agency")
def enter_projects(
    engine: StateStore,
    actor: Actor,
    entered: Sequence[Project],
    now: dt.datetime,
    *,
    why: str = "",
    from_day: dt.date | None = None,
    portfolio: Portfolio | None = None,
    expected_revision: int | None = None,
) -> list[str]:
    """Insert new projects and replace known ones as one revision, all or none. Return the ids that were known.

    from_day : by default today, or the day that one was done on. portfolio : what the projects have to fit to; without
    it the caller has looked. expected_revision : what the person looked at. What a proposal promised stays. A project
    that goes from one agency to another needs the power over both. Raises ConfigError, Conflict, NotThere, NotAllowed.
    """
    _need_text(why)
    _need_fit(entered, portfolio)
    state, today = plan_state(engine), now.astimezone(BANGKOK).date()
    with transaction(engine) as connection:
        records = locked(connection, state)
        before = {project.id: project for project in newest(records, today)}
        entered = [_with_promise(project, before.get(project.id)) for project in entered]
        known = [before[project.id] for project in entered if project.id in before]
        since = {project.id: from_day or first_day(project, before.get(project.id), today) for project in entered}
        replaced = {name for key, day in since.items() for name in agencies_of_versions(records, key, day)}
        actor.need("plan", *{project.agency for project in entered}, *replaced)
        meant = {("project", project.id) for project in entered}
        need_unchanged(connection, state, meant, expected_revision, records.revision)
        changes = [(project, changes_from(records, project, since[project.id])) for project in entered]
        whole = [change for _, parts in changes for change in parts]
        if whole:
            add_plan_revision(connection, whole, actor=actor.name, why=why.strip(), now=now)
            pin_done(engine, entered, now)
        for project, parts in changes:
            if parts:
                _audit_entered(connection, actor, before.get(project.id), project, why, now)
    return [project.id for project in known]


@use_case("plan.withdraw", "plan", "agency")
def withdraw_project(
    engine: StateStore,
    actor: Actor,
    project_id: str,
    now: dt.datetime,
    *,
    why: str,
    from_day: dt.date | None = None,
    expected_revision: int | None = None,
) -> Changed:
    """Let a project be no more from a day on; without a day take it out altogether, as if it were never entered.

    Raises InputError, ConfigError, Conflict, NotThere, NotAllowed.
    """
    needs_reason(why)
    state = plan_state(engine)
    with transaction(engine) as connection:
        records = locked(connection, state)
        before = _project(records, actor, project_id)
        actor.need("plan", before.agency)
        need_unchanged(connection, state, {("project", project_id)}, expected_revision, records.revision)
        edit = Withdraw("project", project_id) if from_day is None else End("project", project_id)
        changes = changes_of(records, [edit], from_day or EVER, PLAN_KINDS)
        number = add_plan_revision(connection, changes, actor=actor.name, why=why.strip(), now=now)
        until = from_day and from_day.isoformat()
        detail = {"before": before.model_dump(mode="json"), "after": None, "from": until, "why": why.strip()}
        enter_audit(connection, actor, "plan_withdraw", project_id, detail, now)
    return Changed(number, changes)


@use_case("plan.undo", "plan", "agency")
def undo_plan(engine: StateStore, actor: Actor, number: int, now: dt.datetime, *, why: str) -> Changed:
    """Take a revision of the plan back by a new one. Raises Conflict where a later one changed the same projects.

    Raises InputError where there is no such revision, NotThere, NotAllowed, StoreUnavailable.
    """
    actor.need("plan")
    needs_reason(why)
    state = plan_state(engine)
    with transaction(engine) as connection:
        before = locked(connection, state)
        if not 1 <= number <= before.revision:
            raise InputError.of("no_revision", revision=number)
        changes = taken_back(connection, state, actor, number, before)
        revision = add_plan_revision(connection, changes, actor=actor.name, why=why.strip(), now=now, undoes=number)
        detail = {"undoes": number, "why": why.strip(), "projects": sorted({change.entry.key for change in changes})}
        enter_audit(connection, actor, "plan_undo", f"revision {revision}", detail, now)
    return Changed(revision, tuple(changes))


def _with_promise(project: Project, before: Project | None) -> Project:
    """Return a project with the promise that it had, where it comes without one: a list or a form has none."""
    if project.promise is not None or before is None or before.promise is None:
        return project
    return project.model_copy(update={"promise": before.promise})


def _project(records: Records, actor: Actor, project_id: str) -> Project:
    """Return a project. Who does not see all projects is not shown which others there are. Raises as `move_project`."""
    try:
        return one_project(records, project_id)
    except InputError:
        if actor.sees_all:
            raise
        raise NotThere from None


def _need_fit(entered: Iterable[Project], portfolio: Portfolio | None) -> None:
    """Raise ConfigError where projects do not fit the portfolio, or have a text that cannot be stored."""
    faults: list[Fault] = []
    for project in entered:
        where = f"project {project.id}"
        faults += text_faults(project.model_dump(mode="json"), where)
        faults += [] if portfolio is None else project_faults(project, portfolio, where)
    if faults:
        raise ConfigError(faults)


def _need_text(*texts: str) -> None:
    if any(fault for text in texts for fault in text_faults(text, "note")):
        raise InputError.of("portfolio_reason_text", count=f"{MAX_TEXT:,}")


def _audit_entered(
    connection: StateTransaction, actor: Actor, before: Project | None, after: Project, why: str, now: dt.datetime
) -> None:
    detail: dict[str, Any] = {
        "before": before and before.model_dump(mode="json"),
        "after": after.model_dump(mode="json"),
    }
    if why.strip():
        detail |= {"why": why.strip()}
    enter_audit(connection, actor, "plan_enter", after.id, detail, now)
