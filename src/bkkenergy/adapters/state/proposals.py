"""Proposals of changes of the portfolio in the state's database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, insert, select, update

from bkkenergy.adapters.state import us_of
from bkkenergy.adapters.state.tables import proposal
from bkkenergy.readings import US_PER_S

ProposalState = Literal["open", "accepted", "refused", "withdrawn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What one person asks others to change.

    edits : as plain records. seen_revision : that the proposer looked at. agencies : that it touches; is_shared :
    whether it also touches what is of no single agency. revision : that it became.
    """

    number: int
    at: dt.datetime
    by: str
    why: str
    edits: tuple[Mapping[str, Any], ...]
    from_day: dt.date | None
    seen_revision: int
    agencies: tuple[str, ...]
    is_shared: bool
    state: ProposalState
    decided_at: dt.datetime | None
    decided_by: str
    note: str
    revision: int | None


def add_proposal(
    connection: Connection,
    *,
    by: str,
    why: str,
    edits: Sequence[Mapping[str, Any]],
    from_day: dt.date | None,
    seen_revision: int,
    agencies: Sequence[str],
    is_shared: bool,
    now: dt.datetime,
) -> int:
    """Enter a proposal, and return its number."""
    values = {
        "at_us": us_of(now),
        "by": by,
        "why": why,
        "edits": [dict(edit) for edit in edits],
        "from_day": from_day and from_day.isoformat(),
        "seen_revision": seen_revision,
        "agencies": sorted(agencies),
        "is_shared": int(is_shared),
        "state": "open",
    }
    number: int = connection.execute(insert(proposal).values(values).returning(proposal.c.id)).scalar_one()
    return number


def proposals(connection: Connection, state: ProposalState | None = None) -> list[Proposal]:
    """Return proposals, the newest first."""
    query = select(proposal).order_by(proposal.c.id.desc())
    return [
        _proposal(row) for row in connection.execute(query if state is None else query.where(proposal.c.state == state))
    ]


def locked_proposal(connection: Connection, number: int) -> Proposal | None:
    """Return a proposal, which no other transaction changes until this one ends; None where there is none."""
    row = connection.execute(select(proposal).where(proposal.c.id == number).with_for_update()).first()
    return None if row is None else _proposal(row)


def decide_proposal(
    connection: Connection,
    number: int,
    state: ProposalState,
    *,
    by: str,
    note: str,
    now: dt.datetime,
    revision: int | None = None,
) -> None:
    """Enter what came of a proposal."""
    values = {"state": state, "decided_us": us_of(now), "decided_by": by, "note": note, "revision": revision}
    connection.execute(update(proposal).where(proposal.c.id == number).values(values))


def _proposal(row: Row[tuple[object, ...]]) -> Proposal:
    return Proposal(
        number=row.id,
        at=_instant(row.at_us),
        by=row.by,
        why=row.why,
        edits=tuple(row.edits),
        from_day=row.from_day and dt.date.fromisoformat(row.from_day),
        seen_revision=row.seen_revision,
        agencies=tuple(row.agencies),
        is_shared=bool(row.is_shared),
        state=row.state,
        decided_at=None if row.decided_us is None else _instant(row.decided_us),
        decided_by=row.decided_by,
        note=row.note,
        revision=row.revision,
    )


def _instant(us: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(us / US_PER_S, dt.UTC)
