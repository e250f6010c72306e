"""Many edits at once by who may make a part of them: that part is made, and the rest is proposed, or nothing is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bkkenergy.access import Actor
from bkkenergy.adapters.state import transaction
from bkkenergy.adapters.state.proposals import Proposal
from bkkenergy.errors import NotAllowed
from bkkenergy.portfolio.edits import Edit, changes_of, key_of
from bkkenergy.portfolio.records import EVER, Change, Records
from bkkenergy.usecases.portfolio import Changed, PortfolioState, change, dry_run, faults_of
from bkkenergy.usecases.portfolio_powers import beyond, faults_in_reach, need_own_names, need_sight
from bkkenergy.usecases.powers import use_case
from bkkenergy.usecases.proposals import propose

Thing = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PartedEdits:
    """Edits that one can make, and those to be proposed, with what each part would change: changes, asked."""

    edits: tuple[Edit, ...]
    proposed: tuple[Edit, ...]
    changes: tuple[Change, ...]
    asked: tuple[Change, ...]


@use_case("portfolio.part", "edit", "agency")
def part(state: PortfolioState, actor: Actor, edits: Sequence[Edit], *, from_day: dt.date | None) -> PartedEdits:
    """Return which edits the actor can make, and which have to be proposed; nothing is entered.

    Where what is the actor's cannot stand without the rest, all of it has to be proposed. Raises ConfigError with every
    fault, NotThere for what is out of the actor's reach, NotAllowed where the actor may not propose what is beyond it.
    """
    actor.need("edit")
    before = state.records()
    need_sight(actor, edits, before, state.kinds)
    with faults_in_reach(actor, before, edits):
        changes = changes_of(before, edits, from_day or EVER, state.kinds)
        things = beyond(actor, changes, before)
        if things and not actor.may("propose"):
            raise NotAllowed
        if things:
            need_own_names(actor, changes, before)
        dry_run(state, before, changes)
    if things and not _stand_alone(state, before, changes, things):
        things = {one.identity[:2] for one in changes}
    is_beyond = [(edit.kind, key_of(edit, state.kinds)) in things for edit in edits]
    return PartedEdits(
        tuple(edit for edit, asked in zip(edits, is_beyond, strict=True) if not asked),
        tuple(edit for edit, asked in zip(edits, is_beyond, strict=True) if asked),
        tuple(one for one in changes if one.identity[:2] not in things),
        tuple(one for one in changes if one.identity[:2] in things),
    )


def _stand_alone(state: PortfolioState, before: Records, changes: Sequence[Change], things: set[Thing]) -> bool:
    """Whether changes are without faults where those of some things are not made."""
    return not faults_of(state, before.with_changes(one for one in changes if one.identity[:2] not in things))


@use_case("portfolio.change_or_propose", "edit", "agency")
def change_or_propose(
    state: PortfolioState,
    actor: Actor,
    edits: Sequence[Edit],
    *,
    why: str,
    from_day: dt.date | None,
    expected_revision: int | None,
    now: dt.datetime,
) -> tuple[Changed, Proposal | None]:
    """Make what the actor can make as one revision, and propose the rest; all of it, or nothing.

    Raises as `part` does, and Conflict where a thing was changed since the revision that the person looked at.
    """
    make = partial(change, state, actor, why=why, from_day=from_day, expected_revision=expected_revision, now=now)
    ask = partial(propose, state, actor, why=why, from_day=from_day, expected_revision=expected_revision, now=now)
    with transaction(state.engine):
        try:
            return make(edits), None
        except NotAllowed:
            parted = part(state, actor, edits, from_day=from_day)
        done = make(parted.edits) if parted.edits else Changed(None, ())
        return done, ask(parted.proposed) if parted.proposed else None
