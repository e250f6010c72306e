"""Solar scenarios that engineers keep: what was asked for, under a name, for everybody of the agency."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, insert, select

from bkkenergy.adapters.state import reading, transaction, us_of
from bkkenergy.adapters.state.tables import scenario


@dataclass(frozen=True, slots=True)
class Scenario:
    """What was asked for, as the designer's form sends it."""

    id: int
    agency: str
    name: str
    wish: Mapping[str, str]
    by: str


def scenarios(engine: Engine, agencies: Sequence[str]) -> list[Scenario]:
    """Return those of some agencies, the newest first."""
    with reading(engine) as connection:
        return scenarios_in(connection, agencies)


def scenarios_in(connection: Connection, agencies: Sequence[str]) -> list[Scenario]:
    """Return those of some agencies as a transaction sees them, the newest first."""
    query = select(scenario).where(scenario.c.agency.in_(agencies)).order_by(scenario.c.id.desc())
    return [Scenario(row.id, row.agency, row.name, row.wish, row.by) for row in connection.execute(query)]


def scenario_of(connection: Connection, scenario_id: int) -> Scenario | None:
    """Return one scenario; None where there is none of this number."""
    row = connection.execute(select(scenario).where(scenario.c.id == scenario_id)).first()
    return None if row is None else Scenario(row.id, row.agency, row.name, row.wish, row.by)


def keep_scenario(engine: Engine, agency: str, name: str, wish: Mapping[str, str], by: str, now: dt.datetime) -> None:
    """Keep one."""
    with transaction(engine) as connection:
        connection.execute(insert(scenario).values(agency=agency, name=name, wish=dict(wish), by=by, at_us=us_of(now)))


def drop_scenario(engine: Engine, scenario_id: int) -> None:
    """Delete one."""
    with transaction(engine) as connection:
        connection.execute(delete(scenario).where(scenario.c.id == scenario_id))
