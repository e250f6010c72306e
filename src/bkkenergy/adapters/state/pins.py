"""Which baseline each project was pinned to when it was done, in the state: from then on no refit changes its proof."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, insert, select

from bkkenergy.adapters.bulk import is_among
from bkkenergy.adapters.state import reading, us_of
from bkkenergy.adapters.state.tables import project_baseline as table
from bkkenergy.plan import Project


@dataclass(frozen=True, slots=True)
class BaselinePin:
    """A project's baseline, as it was when it was done in a building on a day."""

    project: str
    building: str
    done_on: dt.date
    fingerprint: str

    def holds_for(self, project: Project) -> bool:
        """Return whether the project is still what was pinned: done in the same building since the same day."""
        return (self.building, self.done_on) == (project.building, project.done_on)


def pins_of(engine: Engine, projects: Sequence[str]) -> Mapping[str, BaselinePin]:
    """Return the pins of some projects. Raises StoreUnavailable."""
    among = is_among(engine.dialect.name == "postgresql", table.c.project, projects)
    with reading(engine) as connection:
        rows = connection.execute(select(table).where(among)).all()
    return {
        row.project: BaselinePin(row.project, row.building, dt.date.fromisoformat(row.done_on), row.fingerprint)
        for row in rows
    }


def enter_pin(connection: Connection, pin: BaselinePin, now: dt.datetime) -> None:
    """Insert a pin; an earlier one of the project is replaced."""
    connection.execute(delete(table).where(table.c.project == pin.project))
    values = {"building": pin.building, "done_on": pin.done_on.isoformat(), "fingerprint": pin.fingerprint}
    connection.execute(insert(table).values(project=pin.project, **values, at_us=us_of(now)))
