"""Versions of the action plan as a document, in the state's database. What a version says never changes."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, insert, select, update

from bkkenergy.adapters.state import us_of
from bkkenergy.adapters.state.persontables import plan_document
from bkkenergy.readings import US_PER_S

DocumentState = Literal["draft", "approved", "replaced"]
COLUMNS = plan_document.c


@dataclass(frozen=True, slots=True)
class PlanDocument:
    """A version. body : what it says, by language; digest : SHA-256 of that, as it was drafted.

    plan_revision : of the plan's records, that it was made from. approver : name and office of who signed.
    """

    id: int
    agency: str
    version: int
    state: DocumentState
    drafted_by: str
    drafted_at: dt.datetime
    why: str
    plan_revision: int
    body: Mapping[str, Any]
    digest: str
    approver: str
    approved_on: dt.date | None
    letter: str
    entered_by: str

    @property
    def is_whole(self) -> bool:
        """Whether what it says is what was drafted."""
        return digest_of(self.body) == self.digest


def digest_of(body: Mapping[str, Any]) -> str:
    """Compute the digest of what a version says."""
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def add_document(
    connection: Connection,
    agency: str,
    body: Mapping[str, Any],
    plan_revision: int,
    *,
    by: str,
    why: str,
    now: dt.datetime,
) -> PlanDocument:
    """Insert the next version of an agency as a draft."""
    newest = connection.scalar(select(func.max(COLUMNS.version)).where(COLUMNS.agency == agency)) or 0
    values = {
        "agency": agency, "version": newest + 1, "state": "draft", "drafted_by": by, "drafted_us": us_of(now),
        "why": why, "plan_revision": plan_revision, "body": dict(body), "digest": digest_of(body),
    }  # fmt: skip
    key = connection.execute(insert(plan_document).values(values)).inserted_primary_key
    assert key is not None  # noqa: S101 - the table has one
    return one_document(connection, int(key[0]))


def set_approved(
    connection: Connection,
    document: PlanDocument,
    approver: str,
    on: dt.date,
    letter: str,
    *,
    by: str,
    now: dt.datetime,
) -> None:
    """Approve a version; the one that was approved before is replaced by it."""
    of_agency = (COLUMNS.agency == document.agency, COLUMNS.state == "approved")
    connection.execute(update(plan_document).where(*of_agency).values(state="replaced"))
    values = {
        "state": "approved", "approver": approver, "approved_on": on.isoformat(), "letter": letter, "entered_by": by,
        "entered_us": us_of(now),
    }  # fmt: skip
    connection.execute(update(plan_document).where(COLUMNS.id == document.id).values(values))


def one_document(connection: Connection, number: int) -> PlanDocument:
    """Return a version. Raises LookupError where there is none."""
    row = connection.execute(select(plan_document).where(COLUMNS.id == number)).first()
    if row is None:
        raise LookupError(number)
    return _document(row)


def documents(connection: Connection, agencies: Sequence[str]) -> list[PlanDocument]:
    """Return the versions of some agencies, the newest first."""
    query = select(plan_document).where(COLUMNS.agency.in_(agencies))
    return [_document(row) for row in connection.execute(query.order_by(COLUMNS.drafted_us.desc(), COLUMNS.id.desc()))]


def _document(row: Row[Any]) -> PlanDocument:
    return PlanDocument(
        id=row.id,
        agency=row.agency,
        version=row.version,
        state=row.state,
        drafted_by=row.drafted_by,
        drafted_at=dt.datetime.fromtimestamp(row.drafted_us / US_PER_S, dt.UTC),
        why=row.why,
        plan_revision=row.plan_revision,
        body=row.body,
        digest=row.digest,
        approver=row.approver,
        approved_on=row.approved_on and dt.date.fromisoformat(row.approved_on),
        letter=row.letter,
        entered_by=row.entered_by,
    )
