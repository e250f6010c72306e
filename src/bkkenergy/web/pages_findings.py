"""Findings as work: the forms on a building's page, and the list of an agency."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bkkenergy.adapters.state.findingwork import WORK_STATES, WorkEntry
from bkkenergy.errors import InputError, NotThere
from bkkenergy.savings.faultgroups import cost_once
from bkkenergy.usecases.findingmessages import ENDED
from bkkenergy.usecases.findingwork import AskedWork, WorkItem, enter_work, list_work, take_back
from bkkenergy.web.building import findings_of
from bkkenergy.web.pages_energy import building_of
from bkkenergy.web.render import page
from bkkenergy.web.security import OwnForm, PageVisitor
from bkkenergy.web.work import owners_here, work_line

router = APIRouter(default_response_class=HTMLResponse)
Short = Annotated[str, Query(max_length=120)]


@router.get("/agencies/{agency}/findings")
def work_page(agency: str, visitor: PageVisitor, owner: Short = "", state: Short = "") -> Response:
    """List what is worked on in an agency: of an owner, in a state, or whatever has not ended."""
    here, words = visitor.here, visitor.words
    known = here.portfolio.agencies.get(agency)
    if known is None:
        raise NotThere
    every = list_work(here.opened.state, visitor.actor, agency)
    owners = sorted({item.now.owner for item in every if item.now.owner})
    shown = [item for item in every if _fits(item.now, owner, state)]
    lines = [work_line(item, visitor) for item in shown]
    lines.sort(key=lambda line: not line.is_late)
    return page(
        visitor,
        "findings.html.j2",
        title=words("work.title"),
        agency=known,
        lines=lines,
        owners=owners,
        names=owners_here(here, agency),
        owner=owner,
        state=state,
        states=WORK_STATES,
        total_thb=_once(shown),
        count=len(every),
        is_demo=known.demonstration,
    )


def _once(items: Sequence[WorkItem]) -> float:
    """Add what findings cost a month, each fault of a building once."""
    by_building: dict[str, list[tuple[str, float]]] = {}
    for item in items:
        rule = item.now.rule.partition("@")[0]
        by_building.setdefault(item.now.building, []).append((rule, item.now.cost_thb_a_month))
    return sum(cost_once(costs_thb) for costs_thb in by_building.values())


def _fits(entry: WorkEntry, owner: str, state: str) -> bool:
    if owner and entry.owner != owner:
        return False
    if state == "all":
        return True
    return entry.state == state if state else entry.state not in ENDED


@router.post("/buildings/{building_id}/findings")
def enter(building_id: str, visitor: PageVisitor, form: OwnForm) -> Response:
    """Enter how a finding stands."""
    building, here = building_of(visitor, building_id), visitor.here
    state, owner, due, comment, rule = (
        str(form.get(name, "")).strip() for name in ("state", "owner", "due", "comment", "rule")
    )
    visitor.need("dismiss", building.agency)
    if state not in WORK_STATES:
        raise InputError.of("work_state", given=state, known=", ".join(WORK_STATES))
    asked = AskedWork(state, owner, _day(due), comment)
    enter_work(
        here.opened.state, visitor.actor, here.portfolio, building.id, rule, asked, findings_of(here, building),
        here.clock(),
    )  # fmt: skip
    return _back(form, building.id, building.agency)


@router.post("/buildings/{building_id}/findings/undo")
def undo(building_id: str, visitor: PageVisitor, form: OwnForm) -> Response:
    """Take the last change of a finding back."""
    building, here = building_of(visitor, building_id), visitor.here
    take_back(here.opened.state, visitor.actor, here.portfolio, building.id, str(form.get("rule", "")), here.clock())
    return _back(form, building.id, building.agency)


def _back(form: OwnForm, building: str, agency: str) -> Response:
    is_list = str(form.get("back", "")) == "list"
    return RedirectResponse(f"/agencies/{agency}/findings" if is_list else f"/buildings/{building}#findings", 303)


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        raise InputError.of("explore_day", given=text) from None
