"""Many rows in one statement, on SQLite and PostgreSQL alike."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Connection, Table, any_, bindparam, func, literal, select

MAX_SQLITE_VARIABLES = 32_766
"""Of one statement, in every SQLite since 2020."""
ROWS_PER_STATEMENT = 500


def is_among(is_postgresql: bool, column: ColumnElement[Any], values: Sequence[object]) -> ColumnElement[bool]:
    """Return whether a column has one of many values, which travel as one parameter."""
    if is_postgresql:
        return column == any_(literal(list(values), ARRAY(column.type)))
    return column.in_(select(func.json_each(json.dumps(list(values))).table_valued("value").c.value))


def is_among_given(is_postgresql: bool, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Return whether a column has one of the values of a parameter: for a statement that is made once.

    `as_given` makes the parameter's value.
    """
    if is_postgresql:
        return column == any_(bindparam(name, type_=ARRAY(column.type)))
    return column.in_(select(func.json_each(bindparam(name)).table_valued("value").c.value))


def as_given(is_postgresql: bool, values: Sequence[object]) -> list[object] | str:
    """Return values as the parameter of `is_among_given`."""
    return list(values) if is_postgresql else json.dumps(list(values))


def insert_columns(
    connection: Connection, table: Table, columns: Mapping[str, Sequence[Any]], on_conflict: str = ""
) -> None:
    """Insert rows that are given by column. on_conflict : SQL that follows ON CONFLICT; rows then differ in its key."""
    names, values = ", ".join(columns), list(columns.values())
    if not values[0]:
        return
    conflict = f" ON CONFLICT {on_conflict}" if on_conflict else ""
    if connection.dialect.name == "postgresql":
        kinds = [table.c[name].type.compile(connection.dialect) for name in columns]
        arrays = ", ".join(f"CAST(%s AS {kind}[])" for kind in kinds)
        query = f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({arrays}){conflict}"  # noqa: S608 - our own names
        connection.exec_driver_sql(query, tuple(list(column) for column in values))
    else:
        head = f"INSERT INTO {table.name} ({names}) VALUES "  # noqa: S608 - our own names
        _insert_into_sqlite(connection, head, values, conflict)


def _insert_into_sqlite(connection: Connection, head: str, columns: Sequence[Sequence[Any]], conflict: str) -> None:
    """Insert as many rows a statement as SQLite takes: Python hands its lock to other threads at each one."""
    row = f"({', '.join('?' * len(columns))})"
    rows = list(zip(*columns, strict=True))
    step = min(ROWS_PER_STATEMENT, MAX_SQLITE_VARIABLES // len(columns))
    whole = len(rows) // step * step
    for start in range(0, whole, step):
        query = f"{head}{', '.join([row] * step)}{conflict}"
        connection.exec_driver_sql(query, tuple(chain.from_iterable(rows[start : start + step])))
    if whole < len(rows):
        connection.exec_driver_sql(f"{head}{row}{conflict}", rows[whole:])
