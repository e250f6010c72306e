"""Paper bills in the state's database. None is changed or deleted: a correction removes one and enters another."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, insert, select, text, update

from bkkenergy.adapters.state import us_of
from bkkenergy.adapters.state.tables import paper_bill
from bkkenergy.readings import US_PER_S
from bkkenergy.tariff.paper import PaperBill


@dataclass(frozen=True, slots=True, kw_only=True)
class EnteredBill:
    """A paper bill with who entered it, when and from which file, and who removed it, where it is removed."""

    number: int
    account: str
    bill: PaperBill
    source: str
    by: str
    at: dt.datetime
    removed_by: str
    removed_at: dt.datetime | None
    removed_why: str


def lock_account(connection: Connection, account: str) -> None:
    """Let no other transaction enter bills of an account until this one ends. SQLite has one writer at a time."""
    if connection.dialect.name == "postgresql":
        query = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
        connection.execute(query, {"name": f"bills of {account}"})


def entered_bills(connection: Connection, accounts: Sequence[str], *, with_removed: bool = False) -> list[EnteredBill]:
    """Return the bills of accounts in order of their days, those of one time in the order in which they came."""
    columns = paper_bill.c
    query = select(paper_bill).where(columns.account.in_(list(accounts)))
    if not with_removed:
        query = query.where(columns.removed_us.is_(None))
    rows = connection.execute(query.order_by(columns.account, columns.first_day, columns.id))
    return [_entered(row) for row in rows]


def locked_bill(connection: Connection, number: int) -> EnteredBill | None:
    """Return a bill, which no other transaction changes until this one ends; None where there is none."""
    row = connection.execute(select(paper_bill).where(paper_bill.c.id == number).with_for_update()).first()
    return None if row is None else _entered(row)


def add_bill(connection: Connection, account: str, bill: PaperBill, *, source: str, by: str, now: dt.datetime) -> int:
    """Enter a bill, and return its number."""
    values = {
        "account": account,
        "first_day": bill.first.isoformat(),
        "last_day": bill.last.isoformat(),
        "body": bill.model_dump(mode="json", exclude_defaults=True),
        "source": source,
        "by": by,
        "at_us": us_of(now),
        "removed_by": "",
        "removed_why": "",
    }
    number: int = connection.execute(insert(paper_bill).values(values).returning(paper_bill.c.id)).scalar_one()
    return number


def mark_removed(connection: Connection, number: int, *, by: str, why: str, now: dt.datetime) -> None:
    """Note who removed a bill, and why."""
    values = {"removed_by": by, "removed_us": us_of(now), "removed_why": why}
    connection.execute(update(paper_bill).where(paper_bill.c.id == number).values(values))


def _entered(row: Row[tuple[object, ...]]) -> EnteredBill:
    return EnteredBill(
        number=row.id,
        account=row.account,
        bill=PaperBill.model_validate(row.body),
        source=row.source,
        by=row.by,
        at=dt.datetime.fromtimestamp(row.at_us / US_PER_S, dt.UTC),
        removed_by=row.removed_by,
        removed_at=None if row.removed_us is None else dt.datetime.fromtimestamp(row.removed_us / US_PER_S, dt.UTC),
        removed_why=row.removed_why,
    )
