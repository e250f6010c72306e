"""Work on findings in the state's database: entries are added, never changed; the last one is how a finding stands."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from sqlalchemy import Connection, Row, func, insert, select

from bkkenergy.adapters.state import us_of
from bkkenergy.adapters.state.persontables import finding_entry
from bkkenergy.calendar import BANGKOK
from bkkenergy.readings import US_PER_S

WorkState = Literal["open", "seen", "assigned", "repairing", "resolved", "dismissed"]
WORK_STATES: tuple[WorkState, ...] = get_args(WorkState)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkEntry:
    """What a person said of a finding at a time.

    rule : the finding's rule, of an event with its day. owner : who cares for it. due : until when.
    cost_thb_a_month : what was at stake then. undoes : the number of the entry that this one takes back.
    """

    number: int
    agency: str
    building: str
    rule: str
    state: WorkState
    owner: str
    due: dt.date | None
    comment: str
    cost_thb_a_month: float
    by: str
    at: dt.datetime
    undoes: int | None = None

    def is_late(self, today: dt.date) -> bool:
        """Whether it should have been done before a day, and is not."""
        return self.due is not None and self.due < today and self.state not in {"resolved", "dismissed"}


def work_entries(
    connection: Connection, agencies: Sequence[str], building: str | None = None, rule: str | None = None
) -> list[WorkEntry]:
    """Return the entries of agencies (of one building, of one rule), in the order in which they were made."""
    columns = finding_entry.c
    query = select(finding_entry).where(columns.agency.in_(list(agencies)))
    if building is not None:
        query = query.where(columns.building == building)
    if rule is not None:
        query = query.where(columns.rule == rule)
    return [_entry(row) for row in connection.execute(query.order_by(columns.id))]


def due_entries(connection: Connection, first: dt.date, last: dt.date) -> list[WorkEntry]:
    """Return how findings stand that are due on some days, both included, and have not ended."""
    columns = finding_entry.c
    newest = select(func.max(columns.id)).group_by(columns.agency, columns.building, columns.rule)
    query = select(finding_entry).where(
        columns.id.in_(newest),
        columns.due_day.between(first.isoformat(), last.isoformat()),
        columns.state.not_in(["resolved", "dismissed"]),
    )
    return [_entry(row) for row in connection.execute(query.order_by(columns.id))]


def add_work_entry(
    connection: Connection,
    agency: str,
    building: str,
    rule: str,
    *,
    state: WorkState,
    owner: str,
    due: dt.date | None,
    comment: str,
    cost_thb_a_month: float,
    by: str,
    now: dt.datetime,
    undoes: int | None = None,
) -> int:
    """Add an entry, and return its number."""
    values = {
        "agency": agency,
        "building": building,
        "rule": rule,
        "state": state,
        "owner": owner,
        "due_day": None if due is None else due.isoformat(),
        "comment": comment,
        "cost_thb_a_month": cost_thb_a_month,
        "by": by,
        "at_us": us_of(now),
        "undoes": undoes,
    }
    added = insert(finding_entry).values(values).returning(finding_entry.c.id)
    number: int = connection.execute(added).scalar_one()
    return number


def _entry(row: Row[tuple[object, ...]]) -> WorkEntry:
    return WorkEntry(
        number=row.id,
        agency=row.agency,
        building=row.building,
        rule=row.rule,
        state=row.state,
        owner=row.owner,
        due=None if row.due_day is None else dt.date.fromisoformat(row.due_day),
        comment=row.comment,
        cost_thb_a_month=row.cost_thb_a_month,
        by=row.by,
        at=dt.datetime.fromtimestamp(row.at_us / US_PER_S, dt.UTC).astimezone(BANGKOK),
        undoes=row.undoes,
    )
