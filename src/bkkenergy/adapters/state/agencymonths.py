"""What agencies report of themselves each month, in the state's database: one row an agency, month and name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import Connection, Engine, delete, insert, select

from bkkenergy.adapters.state import reading, us_of
from bkkenergy.adapters.state.persontables import agency_month


def month_amounts(engine: Engine, agency: str, first: dt.date, last: dt.date) -> dict[str, dict[str, float]]:
    """Return what an agency entered, by month (2026-10) and name. Raises StoreUnavailable."""
    columns = agency_month.c
    query = (
        select(columns.month, columns.name, columns.amount)
        .where(columns.agency == agency, columns.month.between(f"{first:%Y-%m}", f"{last:%Y-%m}"))
        .order_by(columns.month, columns.name)
    )
    amounts: dict[str, dict[str, float]] = {}
    with reading(engine) as connection:
        for row in connection.execute(query):
            amounts.setdefault(row.month, {})[row.name] = row.amount
    return amounts


def enter_month_amounts(
    connection: Connection, agency: str, month: str, amounts: Mapping[str, float], by: str, now: dt.datetime
) -> dict[str, float]:
    """Enter amounts of a month in place of earlier ones of the same names; return those that were there before."""
    columns = agency_month.c
    same = (columns.agency == agency, columns.month == month, columns.name.in_(list(amounts)))
    before = {row.name: row.amount for row in connection.execute(select(columns.name, columns.amount).where(*same))}
    connection.execute(delete(agency_month).where(*same))
    at_us = us_of(now)
    connection.execute(
        insert(agency_month),
        [
            {"agency": agency, "month": month, "name": name, "amount": amount, "by": by, "at_us": at_us}
            for name, amount in amounts.items()
        ],
    )
    return before
