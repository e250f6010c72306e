"""Proposals: a person asks for a change of records that others have the power over, and these accept or refuse it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateTransaction, reading, transaction
from bkkenergy.adapters.state.proposals import (
    Proposal,
    ProposalState,
    add_proposal,
    decide_proposal,
    locked_proposal,
    proposals,
)
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.errors import InputError, NotAllowed, NotThere
from bkkenergy.portfolio.edits import Amend, Edit, End, Put, Withdraw, changes_of, key_of
from bkkenergy.portfolio.reach import touched
from bkkenergy.portfolio.records import EVER, differences
from bkkenergy.texts import Phrase, Term
from bkkenergy.usecases.portfolio import Changed, PortfolioState, change, dry_run, need_unchanged, needs_reason
from bkkenergy.usecases.portfolio_powers import faults_in_reach, need_own_names, need_sight
from bkkenergy.usecases.portfolio_view import SeenChange, seen_changes
from bkkenergy.usecases.powers import use_case

KIND_OF_EDIT: Mapping[str, type[Edit]] = {"put": Put, "amend": Amend, "end": End, "withdraw": Withdraw}
DAYS = frozenset({"until", "since"})
"""What of an edit is a day."""


def record_of_edit(edit: Edit) -> dict[str, Any]:
    """Return an edit as a plain record."""
    name = next(name for name, kind in KIND_OF_EDIT.items() if isinstance(edit, kind))
    given = asdict(edit)
    for name_of_day in DAYS & given.keys():
        day = given.pop(name_of_day)
        given |= {name_of_day: day.isoformat()} if day else {}
    return {"do": name, **given}


def edit_of_record(record: Mapping[str, Any]) -> Edit:
    """Return the edit of a plain record."""
    given = {name: value for name, value in record.items() if name != "do"}
    given |= {name: dt.date.fromisoformat(given[name]) for name in DAYS & given.keys()}
    return KIND_OF_EDIT[record["do"]](**given)


@use_case("proposals.make", "propose", "agency")
def propose(
    state: PortfolioState,
    actor: Actor,
    edits: Sequence[Edit],
    *,
    why: str,
    from_day: dt.date | None,
    expected_revision: int | None = None,
    now: dt.datetime,
) -> Proposal:
    """Propose a change, and return it. Raises ConfigError where it could not be made, NotThere, NotAllowed.

    Raises Conflict where it was changed since the revision that the person looked at, where one is said.
    """
    actor.need("propose")
    needs_reason(why)
    with transaction(state.engine) as connection:
        before = state.read(connection)
        need_sight(actor, edits, before, state.kinds)
        with faults_in_reach(actor, before, edits):
            changes = changes_of(before, edits, from_day or EVER, state.kinds)
            need_own_names(actor, changes, before)
            meant = {(edit.kind, key_of(edit, state.kinds)) for edit in edits}
            need_unchanged(connection, state, meant, expected_revision, before.revision)
            dry_run(state, before, changes)
        if not changes:
            raise InputError.of("changes_nothing")
        scope = touched(changes, before, before.with_changes(changes))
        number = add_proposal(
            connection,
            by=actor.name,
            why=why.strip(),
            edits=[record_of_edit(edit) for edit in edits],
            from_day=from_day,
            seen_revision=before.revision,
            agencies=sorted(scope.agencies),
            is_shared=scope.is_shared,
            now=now,
        )
        proposal = _found(connection, number)
        enter_audit(connection, actor, "propose", f"proposal {number}", _audited(proposal), now)
    return proposal


@use_case("proposals.list", "see", "agency")
def list_proposals(state: PortfolioState, actor: Actor, stage: ProposalState | None = None) -> list[Proposal]:
    """Return the proposals that the actor made, or could decide, the newest first."""
    actor.need("see")
    with reading(state.engine) as connection:
        return [proposal for proposal in proposals(connection, stage) if _is_seen(actor, proposal)]


@use_case("proposals.read", "see", "agency")
def read_proposal(state: PortfolioState, actor: Actor, number: int) -> Proposal:
    """Return one proposal. Raises NotThere where there is none that the actor is shown."""
    actor.need("see")
    with reading(state.engine) as connection:
        shown = next((proposal for proposal in proposals(connection, None) if proposal.number == number), None)
    if shown is None or not _is_seen(actor, shown):
        raise NotThere
    return shown


@use_case("proposals.preview", "see", "agency")
def proposed_changes(state: PortfolioState, actor: Actor, number: int) -> list[SeenChange]:
    """Return what a proposal changed, or would change now, before and after, as far as it is in the actor's reach.

    Raises ConfigError where it can be made no more, NotThere where there is none that the actor is shown.
    """
    asked = read_proposal(state, actor, number)
    with reading(state.engine) as connection:
        if asked.revision is not None:
            before, after = (state.read(connection, one) for one in (asked.revision - 1, asked.revision))
            return seen_changes(differences(before, after), before, after, state.kinds, actor, is_against=True)
        before = state.read(connection, None if asked.state == "open" else asked.seen_revision)
    edits = [edit_of_record(record) for record in asked.edits]
    with faults_in_reach(actor, before, edits):
        changes = changes_of(before, edits, asked.from_day or EVER, state.kinds)
    return seen_changes(changes, before, before.with_changes(changes), state.kinds, actor, is_against=True)


def may_decide(who: Actor, asked: Proposal) -> bool:
    """Whether one can accept or refuse a proposal that waits."""
    return asked.state == "open" and _may_decide(who, asked)


@use_case("proposals.accept", "edit", "agency")
def accept(
    state: PortfolioState, actor: Actor, number: int, *, note: str, now: dt.datetime
) -> tuple[Proposal, Changed]:
    """Make a proposed change, as one revision by who accepts it.

    Raises NotAllowed where it touches more than the actor may change, Conflict where it was changed meanwhile.
    """
    with transaction(state.engine) as connection:
        asked = _open(connection, actor, number)
        done = change(
            state,
            actor,
            [edit_of_record(record) for record in asked.edits],
            why=str(Phrase("stored.proposal", {"why": asked.why, "number": number, "who": asked.by})),
            from_day=asked.from_day,
            expected_revision=asked.seen_revision,
            now=now,
        )
        decide_proposal(
            connection, number, "accepted", by=actor.name, note=note.strip(), now=now, revision=done.revision
        )
        detail = _audited(asked) | {"note": note.strip(), "accepted_by": actor.name, "revision": done.revision}
        enter_audit(connection, actor, "proposal_accept", f"proposal {number}", detail, now)
        return _found(connection, number), done


@use_case("proposals.refuse", "edit", "agency")
def refuse(state: PortfolioState, actor: Actor, number: int, *, note: str, now: dt.datetime) -> Proposal:
    """Refuse a proposal, with a note that says why."""
    needs_reason(note)
    with transaction(state.engine) as connection:
        asked = _open(connection, actor, number)
        if not _may_decide(actor, asked):
            raise NotAllowed
        decide_proposal(connection, number, "refused", by=actor.name, note=note.strip(), now=now)
        enter_audit(connection, actor, "proposal_refuse", f"proposal {number}", _audited(asked) | {"note": note}, now)
        return _found(connection, number)


@use_case("proposals.withdraw", "propose", "agency")
def withdraw(state: PortfolioState, actor: Actor, number: int, *, now: dt.datetime) -> Proposal:
    """Withdraw one's own proposal."""
    with transaction(state.engine) as connection:
        asked = _open(connection, actor, number)
        actor.need("propose")
        if asked.by != actor.name:
            raise NotAllowed
        decide_proposal(connection, number, "withdrawn", by=actor.name, note="", now=now)
        enter_audit(connection, actor, "proposal_withdraw", f"proposal {number}", _audited(asked), now)
        return _found(connection, number)


def _found(connection: StateTransaction, number: int) -> Proposal:
    proposal = locked_proposal(connection, number)
    if proposal is None:
        raise NotThere
    return proposal


def _open(connection: StateTransaction, actor: Actor, number: int) -> Proposal:
    """Return a proposal that waits. Raises NotThere where the actor is not shown it."""
    proposal = _found(connection, number)
    if not _is_seen(actor, proposal):
        raise NotThere
    if proposal.state != "open":
        state = Term(proposal.state, f"proposal_state.{proposal.state}")
        raise InputError.of("proposal_is_already", number=number, state=state)
    return proposal


def _reaches_all(actor: Actor, asked: Proposal) -> bool:
    return all(actor.reaches(agency) for agency in asked.agencies) and (actor.sees_all or not asked.is_shared)


def _is_seen(actor: Actor, asked: Proposal) -> bool:
    return asked.by == actor.name or _reaches_all(actor, asked)


def _may_decide(actor: Actor, asked: Proposal) -> bool:
    return _reaches_all(actor, asked) and actor.may("portfolio" if asked.is_shared else "edit")


def _audited(asked: Proposal) -> dict[str, Any]:
    from_day = asked.from_day and asked.from_day.isoformat()
    return {"why": asked.why, "from": from_day, "edits": [dict(edit) for edit in asked.edits], "by": asked.by}
