"""Findings that persons have dismissed, in the state's database: one row a building and rule."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from bkkenergy.adapters.state import reading, us_of
from bkkenergy.adapters.state.persontables import dismissal
from bkkenergy.savings.insights import Dismissal


def dismissals(engine: Engine) -> tuple[Dismissal, ...]:
    """Return every dismissal, by building and rule. Raises StoreUnavailable."""
    query = select(dismissal).order_by(dismissal.c.building, dismissal.c.rule)
    with reading(engine) as connection:
        return tuple(Dismissal(row.building, row.rule, row.cost_thb_a_month) for row in connection.execute(query))


def enter_dismissal(connection: Connection, entered: Dismissal, by: str, now: dt.datetime) -> None:
    """Insert a dismissal. An earlier one of the same building and rule is replaced."""
    same = (dismissal.c.building == entered.building, dismissal.c.rule == entered.rule)
    values = {"cost_thb_a_month": entered.cost_thb_a_month, "by": by, "at_us": us_of(now)}
    if connection.execute(update(dismissal).where(*same).values(values)).rowcount:
        return
    try:
        with connection.begin_nested():
            connection.execute(insert(dismissal).values(building=entered.building, rule=entered.rule, **values))
    except IntegrityError:  # the same one was dismissed since the update looked
        connection.execute(update(dismissal).where(*same).values(values))


def drop_dismissal(connection: Connection, building: str, rule: str) -> None:
    """Delete a dismissal, where there is one: its finding is shown again."""
    connection.execute(delete(dismissal).where(dismissal.c.building == building, dismissal.c.rule == rule))
