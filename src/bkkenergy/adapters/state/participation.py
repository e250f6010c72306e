"""Who takes part: how many users of each agency signed in, and how many entries on findings were made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, func, select

from bkkenergy.adapters.state import reading, us_of
from bkkenergy.adapters.state.news import SIGN_IN
from bkkenergy.adapters.state.persontables import finding_entry
from bkkenergy.adapters.state.tables import audit, user


@dataclass(frozen=True, slots=True)
class Readers:
    """Users of an agency: how many there are, and how many of them signed in since a day."""

    users: int
    signed_in: int


def readers_since(state: Engine, since: dt.datetime) -> dict[str, Readers]:
    """Count users by the agency that they are of ("all" for those of every agency). Raises StoreUnavailable."""
    signed = select(audit.c.actor).distinct().where(audit.c.action == SIGN_IN, audit.c.at_us >= us_of(since))
    with reading(state) as connection:
        active = set(connection.scalars(signed))
        rows = list(connection.execute(select(user.c.name, user.c.agencies).where(user.c.disabled == 0)))
    names: dict[str, set[str]] = {}
    for row in rows:
        for agency in row.agencies:
            names.setdefault(agency, set()).add(row.name)
    return {agency: Readers(len(known), len(known & active)) for agency, known in names.items()}


def work_since(state: Engine, since: dt.datetime) -> Mapping[str, int]:
    """Count entries on findings by agency. Raises StoreUnavailable."""
    columns = finding_entry.c
    query = select(columns.agency, func.count().label("entries")).where(columns.at_us >= us_of(since))
    with reading(state) as connection:
        return {row.agency: row.entries for row in connection.execute(query.group_by(columns.agency))}
