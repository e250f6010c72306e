"""The energy ledger from one SQLite file to another, where readings move to a new file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from bkkenergy.adapters.ledger.tables import ledger_day, ledger_purge, metadata, sqlite_schema
from bkkenergy.adapters.sqlite_file import Transaction, make_tables, open_database
from bkkenergy.errors import InputError


def copy_ledger(source: Path, target: Path) -> bool:
    """Copy a file's ledger to a file that has none yet, all or nothing; whether there was one to copy.

    Rows of purged days cannot be computed again: without them the readings alone would not be the site.
    Raises InputError where the target has rows of its own and not these, StoreUnavailable.
    """
    if not source.exists():
        return False
    with closing(open_database(target)) as connection:
        make_tables(connection, target, sqlite_schema())
        with closing(open_database(source)) as database:
            make_tables(database, source, sqlite_schema())
        connection.execute("ATTACH DATABASE ? AS source", (str(source),))
        with Transaction(connection, target):
            days, purged = (_counts(connection, table.name) for table in (ledger_day, ledger_purge))
            if days["main"]:
                if purged["source"] > purged["main"]:
                    raise InputError.of("ledger_without_purged", target=target, source=source)
                return False
            for table in metadata.sorted_tables:
                connection.execute(f"DELETE FROM main.{table.name}")  # noqa: S608
                names = ", ".join(column.name for column in table.columns)
                connection.execute(f"INSERT INTO main.{table.name} ({names}) SELECT {names} FROM source.{table.name}")  # noqa: S608
            return bool(days["source"])


def _counts(connection: sqlite3.Connection, table: str) -> dict[str, int]:
    """Count a table's rows in both files."""
    queries = {schema: f"SELECT count(*) FROM {schema}.{table}" for schema in ("source", "main")}  # noqa: S608 - our names
    return {schema: int(connection.execute(query).fetchone()[0]) for schema, query in queries.items()}
