"""Pages of proposals: what people ask to be changed, before and after, and what was decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bkkenergy.adapters.state.proposals import ProposalState
from bkkenergy.errors import ConfigError, InputError, NotAllowed, NotThere
from bkkenergy.usecases.portfolio import Conflict
from bkkenergy.usecases.proposals import (
    accept,
    list_proposals,
    may_decide,
    proposed_changes,
    read_proposal,
    refuse,
    withdraw,
)
from bkkenergy.web.records.view import OpenRecords, RecordWords, book_of
from bkkenergy.web.render import page
from bkkenergy.web.security import OwnForm, PageVisitor, Visitor

router = APIRouter(prefix="/records/proposals", default_response_class=HTMLResponse)
MAX_LISTED = 200


@router.get("")
def proposals_page(visitor: PageVisitor, state: Annotated[ProposalState | None, Query()] = None) -> Response:
    """List the proposals that the visitor made, or can decide, the newest first."""
    book = book_of(visitor, "building")
    listed = list_proposals(book.state, visitor.actor, state)[:MAX_LISTED]
    return page(
        visitor,
        "proposals.html.j2",
        title=visitor.words("record.proposals"),
        proposals=[(one, may_decide(visitor.actor, one)) for one in listed],
        state=state,
        read=RecordWords.of(visitor),
    )


@router.get("/{number}")
def proposal_page(number: int, visitor: PageVisitor) -> Response:
    """Show a proposal with what it would change."""
    return _proposal(visitor, book_of(visitor, "building"), number)


def _proposal(visitor: Visitor, book: OpenRecords, number: int, fault: str = "") -> Response:
    asked = read_proposal(book.state, visitor.actor, number)
    read = RecordWords.of(visitor)
    try:
        changes = read.changes(proposed_changes(book.state, visitor.actor, number))
        impossible = []
    except ConfigError as error:
        changes, impossible = [], [one.said(visitor.lang) for one in error.faults]
    return page(
        visitor,
        "proposal.html.j2",
        title=visitor.words("record.proposal", number=number),
        status=422 if fault else 200,
        asked=asked,
        changes=changes,
        impossible=impossible,
        may_decide=may_decide(visitor.actor, asked),
        may_withdraw=asked.state == "open" and asked.by == visitor.actor.name,
        fault=fault,
        read=read,
    )


@router.post("/{number}/decide")
def decide(number: int, visitor: PageVisitor, form: OwnForm) -> Response:
    """Accept, refuse or withdraw a proposal."""
    book, now, note = book_of(visitor, "building"), visitor.here.clock(), str(form.get("note", ""))[:500]
    actor = visitor.actor
    decisions: Mapping[str, Callable[[], object]] = {
        "accept": lambda: accept(book.state, actor, number, note=note, now=now),
        "refuse": lambda: refuse(book.state, actor, number, note=note, now=now),
        "withdraw": lambda: withdraw(book.state, actor, number, now=now),
    }
    decision = decisions.get(str(form.get("do", "")))
    if decision is None:
        raise NotThere
    try:
        decision()
    except (NotThere, NotAllowed):
        raise
    except Conflict:
        return _proposal(visitor, book, number, visitor.words("record.proposal_conflict"))
    except (ConfigError, InputError) as error:
        return _proposal(visitor, book, number, error.said(visitor.lang))
    finally:
        visitor.here.look_now()
    return RedirectResponse(f"/records/proposals/{number}", 303)
