"""Births of Sparkplug nodes in the state: after a restart, and on another host, data by alias still have names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, select

from bkkenergy.adapters.bulk import insert_columns
from bkkenergy.adapters.state import faults_of_data_apart, reading, transaction
from bkkenergy.adapters.state.tables import counter, sparkplug_birth

REVISION = "sparkplug.births"
"""The counter that numbers changes. Its row is locked by each, so that numbers follow in the order of commits."""
_CHANGED = "(id) DO UPDATE SET revision = excluded.revision, body = excluded.body"


class BirthStore:
    """A table of the state. Hosts share it."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._seen = engine, 0

    def news(self) -> dict[str, bytes]:
        """Return births that were stored since this was last asked; all at first. Raises StoreUnavailable."""
        columns = sparkplug_birth.c
        query = select(columns.id, columns.revision, columns.body).where(columns.revision > self._seen)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        self._seen = max([self._seen, *(row.revision for row in rows)])
        return {row.id: bytes(row.body) for row in rows}

    def save(self, births: Mapping[str, bytes]) -> None:
        """Store births by id, in one transaction. Raises StoreUnavailable."""
        if not births:
            return
        numbers = sorted(births)
        with transaction(self._engine) as connection, faults_of_data_apart():
            one: dict[str, list[Any]] = {"name": [REVISION], "value": [1]}
            insert_columns(connection, counter, one, "(name) DO UPDATE SET value = counter.value + excluded.value")
            revision = connection.execute(select(counter.c.value).where(counter.c.name == REVISION)).scalar_one()
            rows: dict[str, list[Any]] = {
                "id": numbers,
                "revision": [revision] * len(numbers),
                "body": [births[number] for number in numbers],
            }
            insert_columns(connection, sparkplug_birth, rows, _CHANGED)
