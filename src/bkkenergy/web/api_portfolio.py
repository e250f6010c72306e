"""The JSON API, version 1, of records: read, changed, withdrawn, compared, undone, proposed.

Writes of one thing need its ETag, so that two persons at one thing see each other's change. A request with an
Idempotency-Key is done once, however often it comes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response

from bkkenergy.adapters.state.proposals import ProposalState
from bkkenergy.errors import NotThere
from bkkenergy.portfolio.edits import Amend, Edit, End, Put, Withdraw
from bkkenergy.portfolio.records import Records
from bkkenergy.site.record_kinds import SITE_KINDS
from bkkenergy.tomlfiles import validated
from bkkenergy.usecases.portfolio import (
    PortfolioState,
    change,
    portfolio_state,
    undo,
)
from bkkenergy.usecases.portfolio_view import (
    seen_differences,
    seen_of_building,
    seen_record,
    seen_records,
    seen_revisions,
)
from bkkenergy.usecases.proposals import accept, list_proposals, propose, refuse, withdraw
from bkkenergy.web.api_portfolio_rows import (
    KIND,
    Asked,
    AskedChanges,
    AskedFields,
    AskedNote,
    AskedProposal,
    AskedRevision,
    AskedValue,
    ChangeRow,
    Day,
    DoneRow,
    KindName,
    Number,
    ProposalRow,
    RecordKey,
    RecordPage,
    RecordRow,
    RevisionRow,
    row_of,
)
from bkkenergy.web.api_writer import Answer, AnyWriter, Expected, Writer, done_of, tag_of
from bkkenergy.web.paging import Limit, Offset
from bkkenergy.web.problems import PROBLEMS, WRITE_PROBLEMS
from bkkenergy.web.security import ApiVisitor, Visitor

router = APIRouter(prefix="/api/v1/portfolio", tags=["portfolio"], responses=PROBLEMS)

# -- reading -----------------------------------------------------------------------------------------------------------


def _records(visitor: Visitor) -> Records:
    return visitor.here.portfolio.records


@router.get("/records/{kind}")
def records(
    kind: KindName, visitor: ApiVisitor, day: dt.date | None = None, limit: Limit = 100, offset: Offset = 0
) -> RecordPage:
    """Return the things of a kind that are yours, as they are on a day (default: today)."""
    visible = seen_records(_records(visitor), visitor.actor, SITE_KINDS, kind, day or visitor.here.today)
    rows = [RecordRow(**asdict(row)) for row in visible[offset : offset + limit]]
    return RecordPage(total=len(visible), offset=offset, limit=limit, items=rows)


@router.get("/records/{kind}/{key:path}")
def record(
    kind: KindName, key: RecordKey, visitor: ApiVisitor, response: Response, day: dt.date | None = None
) -> RecordRow:
    """Return one thing as it is on a day (default: today), with its ETag."""
    visible = seen_record(_records(visitor), visitor.actor, SITE_KINDS, kind, key, day or visitor.here.today)
    response.headers["ETag"] = tag_of(visible.revision)
    return RecordRow(**asdict(visible))


@router.get("/buildings/{building_id}")
def belongings(building_id: RecordKey, visitor: ApiVisitor, day: dt.date | None = None) -> list[RecordRow]:
    """Return a building with all that belongs to it on a day (default: today).

    Meters and their channels, roofs, accounts, PV plants, equipment, contacts, thresholds and adjustments.
    """
    visible = seen_of_building(_records(visitor), visitor.actor, SITE_KINDS, building_id, day or visitor.here.today)
    return [RecordRow(**asdict(row)) for row in visible]


@router.get("/revisions")
def all_revisions(
    visitor: ApiVisitor,
    kind: Annotated[str | None, Query(pattern=KIND)] = None,
    key: Annotated[str | None, Query(max_length=255, pattern=r"^[^\x00]*$")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> list[RevisionRow]:
    """Return who changed what, when and why, the newest first; of a kind or of one thing, where it is named."""
    visible = seen_revisions(_state(visitor), visitor.actor, kind=kind, key=key, limit=limit)
    return [RevisionRow(**asdict(revision)) for revision in visible]


@router.get("/revisions/{number}")
def one_revision(number: Number, visitor: ApiVisitor) -> RevisionRow:
    """Return one revision, with what it changed."""
    visible = seen_revisions(_state(visitor), visitor.actor, number=number)
    if not visible:
        raise NotThere
    return RevisionRow(**asdict(visible[0]))


@router.get("/compare")
def compared(
    visitor: ApiVisitor,
    before: Annotated[int, Query(ge=0, le=2_000_000_000)],
    after: Annotated[int | None, Query(ge=0, le=2_000_000_000)] = None,
) -> list[ChangeRow]:
    """Return what differs between two revisions, the later one by default the newest."""
    return [row_of(change) for change in seen_differences(_state(visitor), visitor.actor, before, after)]


def _state(visitor: Visitor) -> PortfolioState:
    return portfolio_state(visitor.here.opened.config, visitor.here.opened.state)


# -- changing ----------------------------------------------------------------------------------------------------------


def _changed(who: Writer, edits: Sequence[Edit], asked: Asked, expected_revision: int) -> Response:
    def work() -> Answer:
        before = who.state.records()
        done = change(
            who.state,
            who.visitor.actor,
            edits,
            why=asked.why,
            from_day=asked.from_day,
            expected_revision=expected_revision,
            now=who.now,
        )
        return Answer(done_of(who, done, before), revision=done.revision)

    return who.answer(work)


@router.put("/records/{kind}/{key:path}", responses=WRITE_PROBLEMS, response_model=DoneRow)
def put_record(kind: KindName, key: RecordKey, asked: AskedValue, who: AnyWriter, seen: Expected) -> Response:
    """Enter a thing (If-None-Match: *), or say all that it is from a day on (If-Match: its ETag).

    Where a version that was entered for a later day says otherwise, name its day as `until`.
    """
    known = SITE_KINDS.get(kind)
    if known is None:
        raise NotThere
    thing, _ = validated(known.model, asked.value, kind)
    if thing is not None and known.key_of(thing) != key:
        raise HTTPException(422, f"the value is of {known.key_of(thing)!r}, and not of what the address names")
    return _changed(who, [Put(kind, asked.value, asked.until)], asked, seen)


@router.patch("/records/{kind}/{key:path}", responses=WRITE_PROBLEMS, response_model=DoneRow)
def amend_record(kind: KindName, key: RecordKey, asked: AskedFields, who: AnyWriter, seen: Expected) -> Response:
    """Change some fields of a thing from a day on. A later change of the same field stays."""
    return _changed(who, [Amend(kind, key, asked.fields)], asked, seen)


@router.delete("/records/{kind}/{key:path}", responses=WRITE_PROBLEMS, response_model=DoneRow)
def end_record(
    kind: KindName,
    key: RecordKey,
    who: AnyWriter,
    seen: Expected,
    why: Annotated[str, Query(min_length=3, max_length=500, pattern=r"^[^\x00]*$")],
    from_day: Day | None = None,
) -> Response:
    """Let a thing be no more from a day on; without a day take it out altogether, as if it had never been entered."""
    edit = Withdraw(kind, key) if from_day is None else End(kind, key)
    return _changed(who, [edit], Asked(from_day=from_day, why=why), seen)


@router.post("/revisions", responses=WRITE_PROBLEMS, response_model=DoneRow)
def change_records(asked: AskedRevision, who: AnyWriter) -> Response:
    """Make several changes as one revision: all of them, or none."""
    return _changed(who, _edits(asked), asked, asked.expected_revision)


@router.post("/revisions/{number}/undo", responses=WRITE_PROBLEMS, response_model=DoneRow)
def undo_revision(number: Number, asked: AskedNote, who: AnyWriter) -> Response:
    """Take a revision back by a new one. 409 where a later one changed the same."""

    def work() -> Answer:
        before = who.state.records()
        done = undo(who.state, who.visitor.actor, number, why=asked.why, now=who.now)
        return Answer(done_of(who, done, before), revision=done.revision)

    return who.answer(work)


def _edits(asked: AskedChanges) -> list[Edit]:
    return [asked_edit.edit for asked_edit in asked.edits]


# -- proposing ---------------------------------------------------------------------------------------------------------


@router.get("/proposals")
def proposals(visitor: ApiVisitor, state: ProposalState | None = None) -> list[ProposalRow]:
    """Return the proposals that you made, or could decide, the newest first."""
    return [ProposalRow.of(proposal) for proposal in list_proposals(_state(visitor), visitor.actor, state)]


@router.post("/proposals", responses=WRITE_PROBLEMS, response_model=ProposalRow, status_code=201)
def make_proposal(asked: AskedProposal, who: AnyWriter) -> Response:
    """Propose changes that you may not make yourself: of what agencies share, or between agencies.

    409 where a thing was changed since the revision that you looked at, where you name one.
    """
    edits = _edits(asked)

    def work() -> Answer:
        proposal = propose(
            who.state,
            who.visitor.actor,
            edits,
            why=asked.why,
            from_day=asked.from_day,
            expected_revision=asked.expected_revision,
            now=who.now,
        )
        return Answer(ProposalRow.of(proposal), 201)

    return who.answer(work)


@router.post("/proposals/{number}/accept", responses=WRITE_PROBLEMS, response_model=ProposalRow)
def accept_proposal(number: Number, asked: AskedNote, who: AnyWriter) -> Response:
    """Make what is proposed. 409 where it was changed since it was proposed."""
    return who.answer(
        lambda: Answer(ProposalRow.of(accept(who.state, who.visitor.actor, number, note=asked.why, now=who.now)[0]))
    )


@router.post("/proposals/{number}/refuse", responses=WRITE_PROBLEMS, response_model=ProposalRow)
def refuse_proposal(number: Number, asked: AskedNote, who: AnyWriter) -> Response:
    """Refuse what is proposed, and say why."""
    return who.answer(
        lambda: Answer(ProposalRow.of(refuse(who.state, who.visitor.actor, number, note=asked.why, now=who.now)))
    )


@router.post("/proposals/{number}/withdraw", responses=WRITE_PROBLEMS, response_model=ProposalRow)
def withdraw_proposal(number: Number, who: AnyWriter) -> Response:
    """Withdraw your own proposal."""
    return who.answer(lambda: Answer(ProposalRow.of(withdraw(who.state, who.visitor.actor, number, now=who.now))))
