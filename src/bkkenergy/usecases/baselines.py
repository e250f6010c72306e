"""Baselines as persons decide on them: fitted, accepted, declined; and pinned by the projects that they judge."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateStore, StateTransaction, transaction
from bkkenergy.adapters.state.baselines import Fitted, decide, locked_version, save_baseline, versions_of
from bkkenergy.adapters.state.pins import BaselinePin, enter_pin, pins_of
from bkkenergy.adapters.state.projects import projects as plan_projects
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.errors import InputError
from bkkenergy.plan import Project
from bkkenergy.portfolio import Portfolio
from bkkenergy.savings.versions import BaselineVersion, VersionState, judging
from bkkenergy.texts import Term
from bkkenergy.usecases.powers import use_case


@use_case("baselines.store", "plan", "agency")
def store_baseline(engine: StateStore, actor: Actor, portfolio: Portfolio, fitted: Fitted, now: dt.datetime) -> None:
    """Store a version of a building's baseline, proposed or accepted, with its line in the audit log.

    An accepted one is pinned by the projects that were done after it and have none. Raises NotThere, NotAllowed and
    StoreUnavailable.
    """
    actor.need("plan", portfolio.buildings[fitted.building].agency)
    fitted = replace(fitted, by=fitted.by or actor.name)
    if fitted.state == "accepted":
        fitted = replace(fitted, decided_by=fitted.decided_by or actor.name)
    with transaction(engine) as connection:
        save_baseline(engine, fitted, now)
        action = "baseline_fit" if fitted.state == "accepted" else "baseline_propose"
        detail = {
            "first": fitted.baseline.first.isoformat(),
            "last": fitted.baseline.last.isoformat(),
            "fingerprint": fitted.baseline.fingerprint,
            "reason": fitted.reason,
        }
        enter_audit(connection, actor, action, fitted.building, detail, now)
        _pin_of_building(engine, fitted.building, now)


@use_case("baselines.decide", "plan", "agency")
def decide_on_baseline(
    engine: StateStore, actor: Actor, portfolio: Portfolio, number: int, state: VersionState, now: dt.datetime
) -> BaselineVersion:
    """Accept a version of a baseline, or decline it, with a line in the audit log.

    Raises InputError where there is no such version or that is its state already, NotThere where it is of another
    agency, NotAllowed and StoreUnavailable.
    """
    with transaction(engine) as connection:
        version = _reached(connection, actor, portfolio, number)
        if version.state == state:
            shown = Term(state, f"saving.version_{state}")
            raise InputError.of("baseline_is_already", number=number, building=version.building, state=shown)
        if state == "accepted" and isinstance(version.baseline, InputError):
            raise version.baseline
        decide(connection, number, state, actor.name, now)
        action = "baseline_accept" if state == "accepted" else "baseline_decline"
        detail = {"number": number, "before": version.state, "fingerprint": version.fingerprint}
        enter_audit(connection, actor, action, version.building, detail, now)
        _pin_of_building(engine, version.building, now)
    return replace(version, state=state, decided_by=actor.name, decided_at=now)


def _reached(connection: StateTransaction, actor: Actor, portfolio: Portfolio, number: int) -> BaselineVersion:
    """Return a version of a building that the actor may decide on; of others not even whether there is one."""
    try:
        version = locked_version(connection, number)
    except InputError:
        actor.need("plan", *(() if actor.sees_all else (NO_AGENCY,)))
        raise
    building = portfolio.buildings.get(version.building)
    actor.need("plan", building.agency if building is not None else NO_AGENCY)
    return version


NO_AGENCY = ""
"""Of what belongs to none: only who reaches all may ask."""


def pin_done(engine: StateStore, projects: Sequence[Project], now: dt.datetime) -> None:
    """Pin the baseline by which each project that is done is judged: from then on no refit changes what it proved.

    One that is pinned, or has a PV meter, stays as it is, and so does one whose building has no baseline before it.
    """
    done = [project for project in projects if project.state == "done" and project.done_on and not project.pv_meter]
    pins = pins_of(engine, [project.id for project in done])
    unpinned = [project for project in done if not (project.id in pins and pins[project.id].holds_for(project))]
    if not unpinned:
        return
    versions = versions_of(engine, [project.building for project in unpinned])
    with transaction(engine) as connection:
        for project in unpinned:
            day = project.done_on or dt.date.min
            version = judging(versions.get(project.building, ()), day)
            if version is not None and version.last < day:
                enter_pin(connection, BaselinePin(project.id, project.building, day, version.fingerprint), now)


def _pin_of_building(engine: StateStore, building: str, now: dt.datetime) -> None:
    pin_done(engine, [project for project in plan_projects(engine) if project.building == building], now)
