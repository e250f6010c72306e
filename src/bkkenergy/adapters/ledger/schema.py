"""Steps by which the ledger's tables on PostgreSQL come to what this version wants, each with a number.

A step takes the tables as the one before left them, and never looks at `tables`, which goes on changing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

from sqlalchemy import Connection, inspect, text

from bkkenergy.adapters.engines import shown
from bkkenergy.adapters.ledger.rows import date_of, day_number, day_of_hour, start_hour
from bkkenergy.adapters.ledger.tables import ledger_day, ledger_hour, metadata
from bkkenergy.adapters.partitions import Partitioned, make_edges, make_month, months_between
from bkkenergy.ports.readings import NewerTables

BY_MONTH = (
    Partitioned(ledger_day.name, "day", day_number, date_of),
    Partitioned(ledger_hour.name, "hour", start_hour, day_of_hour),
)
"""The tables of the ledger that are large."""

TABLE = "ledger_schema"
FIRST = 1
"""The tables of 0.1.0, which had no number."""


def bring_up(connection: Connection) -> None:
    """Make the tables that are missing, and take those of a version before up to this one's.

    In the transaction at hand, which other processes wait for: all or nothing. Raises NewerTables.
    """
    is_new = not inspect(connection).has_table(BY_MONTH[0].table)
    connection.execute(text(f"CREATE TABLE IF NOT EXISTS {TABLE} (number integer NOT NULL, oldest integer)"))
    number = connection.execute(text(f"SELECT max(number) FROM {TABLE}")).scalar()  # noqa: S608 - our own name
    if number is not None and number > HEAD:
        _hold_usable(connection, number)
        return
    for step, make in STEPS.items():
        if not is_new and step > (number or FIRST):
            make(connection)
    metadata.create_all(connection)
    make_edges(connection, BY_MONTH)
    if number != HEAD:
        row = {"head": HEAD, "oldest": OLDEST}
        connection.execute(text(f"INSERT INTO {TABLE} (number, oldest) VALUES (:head, :oldest)"), row)  # noqa: S608


def _hold_usable(connection: Connection, number: int) -> None:
    """Raise NewerTables where the newer version that made these tables says nothing of programs as old as this one."""
    query = text(f"SELECT oldest FROM {TABLE} WHERE number = :number")  # noqa: S608 - our own name
    oldest = connection.execute(query, {"number": number}).scalar()
    if oldest is None or oldest > HEAD:
        raise NewerTables.of("newer_tables", where=shown(connection.engine), there=number, here=HEAD)


def _partition_by_month(connection: Connection) -> None:
    """Move the rows of the tables that are large into partitions by month."""
    for part in BY_MONTH:
        old = f"{part.table}_whole"
        for statement in (
            f"ALTER TABLE {part.table} RENAME TO {old}",
            f"ALTER TABLE {old} RENAME CONSTRAINT {part.table}_pkey TO {old}_pkey",
            f"CREATE TABLE {part.table} (LIKE {old} INCLUDING ALL) PARTITION BY RANGE ({part.key})",
        ):
            connection.execute(text(statement))
        _grant_alike(connection, old, part.table)
    make_edges(connection, BY_MONTH)
    for month in sorted({month for part in BY_MONTH for month in _months(connection, part)}):
        make_month(connection, BY_MONTH, month)
    for part in BY_MONTH:
        connection.execute(text(f"INSERT INTO {part.table} SELECT * FROM {part.table}_whole"))  # noqa: S608 - our names
        connection.execute(text(f"DROP TABLE {part.table}_whole"))


def _months(connection: Connection, part: Partitioned) -> set[dt.date]:
    """Return the first days of the months of the rows that a table had."""
    keys = connection.execute(text(f"SELECT DISTINCT {part.key} FROM {part.table}_whole")).scalars()  # noqa: S608
    days = {part.day(key) for key in keys}
    return {month for day in days for month in months_between(day, day)}


def _grant_alike(connection: Connection, old: str, new: str) -> None:
    """Grant on a table what others were granted on the one that it replaces: dashboards go on reading."""
    query = text(
        "SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS grantee, "
        "privilege_type, is_grantable FROM pg_class, aclexplode(relacl) "
        "WHERE pg_class.oid = CAST(:old AS regclass) AND grantee <> relowner"
    )
    for row in connection.execute(query, {"old": old}).all():
        option = " WITH GRANT OPTION" if row.is_grantable else ""
        connection.execute(text(f"GRANT {row.privilege_type} ON {new} TO {row.grantee}{option}"))


def _say_who_may_go_on(connection: Connection) -> None:
    """Make room for which programs may go on when a newer version has made a step."""
    connection.execute(text(f"ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS oldest integer"))


STEPS: Mapping[int, Callable[[Connection], None]] = {2: _partition_by_month, 3: _say_who_may_go_on}
HEAD = max(STEPS)
OLDEST = 3
"""The oldest number whose programs may go on working on these tables.

A program that runs looks at the state's number alone: a step that it cannot live with comes with a migration of the
state that says the same (`state.versions.OLDEST`).
"""
