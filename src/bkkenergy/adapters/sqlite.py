"""Readings in one SQLite file: nothing to install, and other processes may read while one writes."""

from __future__ import annotations

import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from functools import lru_cache
from itertools import chain
from pathlib import Path

import numpy as np

from bkkenergy.adapters.ledger.beside import MarksBeside
from bkkenergy.adapters.ledger.marks import mark_readings_sql
from bkkenergy.adapters.ledger.tables import sqlite_schema
from bkkenergy.adapters.sqlite_file import (
    METER_TABLE,
    Database,
    Transaction,
    hold_in_place,
    make_tables,
    open_database,
)
from bkkenergy.ports.readings import DEFAULT_FIELDS, NewerTables, NotedState, StoreRefused, StoreUnfit, UnmarkedCommit
from bkkenergy.readings import FIELDS, MORE_FIELDS, FloatArray, IntArray, ReadingBatch
from bkkenergy.texts import Phrase

ROWS_AT_ONCE = (8000, 4000, 2000, 1000, 500, 250, 100, 50, 20, 10, 5, 2, 1)
"""Sizes of INSERT statements: a batch is cut into few of them, so that few texts are ever prepared."""
FILLED_RATIO = 0.75
"""A statement that is filled so far is filled up with its last row: the same row twice is once, and costs less than the
several statements of what is left. After each, this thread asks for Python's lock, and may wait for it."""
DELETED_AT_ONCE = 20_000

MAIN_TABLE, MORE_TABLE = "reading", "reading_more"
FIELDS_OF = {MAIN_TABLE: tuple(name for name in FIELDS if name not in MORE_FIELDS), MORE_TABLE: MORE_FIELDS}
"""Each reading has a row of the main table, and one of the other where it has something for it."""


def _reading_table(name: str) -> str:
    return (
        f"CREATE TABLE IF NOT EXISTS {name} (meter INTEGER NOT NULL REFERENCES meter (id), ts_us INTEGER NOT NULL, "
        f"{', '.join(f'{field} REAL' for field in FIELDS_OF[name])}, PRIMARY KEY (meter, ts_us)) WITHOUT ROWID;"
    )


_SCHEMA = f"""
{METER_TABLE}
{_reading_table(MAIN_TABLE)}
{_reading_table(MORE_TABLE)}
CREATE TABLE IF NOT EXISTS probe (one INTEGER PRIMARY KEY CHECK (one = 1), value INTEGER NOT NULL);
"""


SCHEMA_NUMBER = 1
"""Of readings and ledger in a file. It goes up with a change that would make an older version wrong."""


class SqliteStore:
    """The embedded ReadingStore."""

    def __init__(self, path: Path, marks: MarksBeside | None = None, *, is_for_reading: bool = False) -> None:
        """Open the file when it is first used.

        marks : where the energy ledger is in another database; without, it is in this file.
        is_for_reading : it refuses to commit, since its opener does not know where the ledger is.
        """
        self.path, self._marks, self._is_for_reading = path, marks, is_for_reading
        self._of_thread = threading.local()
        self._opened: weakref.WeakSet[Database] = weakref.WeakSet()
        self._numbers: dict[str, int] = {}
        """The file's own numbers of meters: of another file they would be other meters'."""
        with closing(open_database(path)) as connection:  # what cannot be opened is found at once
            self._identity = connection.identity

    @property
    def _connection(self) -> Database:
        """The thread's own: SQLite's transactions belong to a connection. Raises StoreUnavailable."""
        connection: Database | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            hold_in_place(self.path, self._identity)
            connection = self._of_thread.connection = open_database(self.path)
            self._opened.add(connection)
        return connection

    def prepare(self) -> None:
        """Make the tables, and the columns that an older file lacks. Raises NewerTables."""
        ((number,),) = self._connection.rows("PRAGMA user_version")
        if number > SCHEMA_NUMBER:
            raise NewerTables.of("newer_tables", where=self.path, there=number, here=SCHEMA_NUMBER)
        make_tables(self._connection, self.path, _SCHEMA + sqlite_schema())
        if number < SCHEMA_NUMBER:
            make_tables(self._connection, self.path, f"PRAGMA user_version = {SCHEMA_NUMBER};")
        for table, fields in FIELDS_OF.items():
            known = {row[1] for row in self._connection.rows(f"PRAGMA table_info({table})")}
            added = "".join(f"ALTER TABLE {table} ADD COLUMN {name} REAL;" for name in fields if name not in known)
            make_tables(self._connection, self.path, added)

    commits_at_once = 1

    def begin(self, batch: ReadingBatch, on_sent: Callable[[], None] | None = None) -> None:
        """Do nothing: rows go to the database within a transaction, one after the other."""

    def abandon(self) -> None:
        """Do nothing: nothing is begun."""

    def commit(self, batch: ReadingBatch) -> None:
        """Store the batch and mark its days in one transaction, synced to disk."""
        if self._is_for_reading:
            raise UnmarkedCommit("This store was opened to be read: no energy ledger would notice what is committed.")
        if len(batch) == 0:
            return
        used = {batch.meter_ids[index] for index in np.flatnonzero(np.bincount(batch.meter)).tolist()}
        beside = nullcontext() if self._marks is None else self._marks.around(batch)
        with beside, Transaction(self._connection, self.path) as connection:
            known = self._numbers | self._new_numbers(used - self._numbers.keys())
            numbers = np.array([known.get(name, -1) for name in batch.meter_ids], np.int64)
            for table in FIELDS_OF:
                _insert_into(connection, table, numbers, batch)
            if self._marks is None:
                mark_readings_sql(connection, batch.meter_ids, batch.meter, batch.ts_us)
        self._numbers = known

    def readings(
        self, meter_ids: Sequence[str], start_us: int, end_us: int, fields: Sequence[str] = DEFAULT_FIELDS
    ) -> ReadingBatch:
        """Return readings of the meters with start <= instant < end, sorted by meter and instant."""
        main, more = ([name for name in fields if name in FIELDS_OF[table]] for table in FIELDS_OF)
        parts = []
        for number, meter_id in enumerate(meter_ids):
            ts_us, columns = self._columns(MAIN_TABLE, meter_id, (start_us, end_us), main)
            if len(ts_us) == 0:
                continue
            more_us, more_columns = (
                self._columns(MORE_TABLE, meter_id, (start_us, end_us), more) if more else (ts_us[:0], {})
            )
            if len(more_us):
                rows = np.searchsorted(ts_us, more_us)
                for name, values in more_columns.items():
                    columns[name] = np.full(len(ts_us), np.nan)
                    columns[name][rows] = values
            parts.append(ReadingBatch(tuple(meter_ids), np.full(len(ts_us), number, np.int64), ts_us, columns))
        return ReadingBatch.concat(parts) if parts else ReadingBatch.empty(meter_ids)

    def _columns(
        self, table: str, meter_id: str, span_us: tuple[int, int], fields: Sequence[str]
    ) -> tuple[IntArray, dict[str, FloatArray]]:
        """Return (n,) instants of a meter's rows in a table, in order, and their columns."""
        query = (
            f"SELECT {', '.join(('ts_us', *fields))} FROM {table} JOIN meter ON meter.id = {table}.meter "  # noqa: S608
            "WHERE meter.name = ? AND ts_us >= ? AND ts_us < ? ORDER BY ts_us"
        )
        rows = self._connection.rows(query, (meter_id, *span_us))
        if not rows:
            return np.empty(0, np.int64), {}
        ts_us, *columns = np.ascontiguousarray(self._array(rows, meter_id).T)  # exact to the year 2255
        return ts_us.astype(np.int64), dict(zip(fields, columns, strict=True))

    def _array(self, rows: Sequence[Sequence[float | None]], meter_id: str) -> FloatArray:
        """Return rows as numbers. Raises StoreRefused where one is none: SQLite gives whatever is in the file."""
        try:
            return np.array(rows, np.float64)
        except ValueError as error:
            damage = Phrase("error.reading_no_number", {"meter": meter_id, "error": error})
            raise StoreRefused.of("sqlite_damaged", where=self.path, damage=damage) from error

    def last_seen_us(self, meter_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the instant of the latest reading of each meter that has one."""
        return self._outermost_us("max", meter_ids)

    def first_seen_us(self, meter_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the instant of the earliest reading of each meter that has one."""
        return self._outermost_us("min", meter_ids)

    def _outermost_us(self, which: str, meter_ids: Sequence[str]) -> dict[str, int]:
        query = f"SELECT {which}(ts_us) FROM reading WHERE meter = (SELECT id FROM meter WHERE name = ?)"  # noqa: S608
        times_us = {name: self._connection.rows(query, (name,))[0][0] for name in meter_ids}
        return {name: ts_us for name, ts_us in times_us.items() if ts_us is not None}

    def last_before_us(self, meter_id: str, before_us: int, field: str) -> int | None:
        """Return the instant of a meter's last reading of a field before an instant; None without one."""
        return self._nearest_us(meter_id, before_us, field, "<", "DESC")

    def first_from_us(self, meter_id: str, from_us: int, field: str) -> int | None:
        """Return the instant of a meter's first reading of a field from an instant on; None without one."""
        return self._nearest_us(meter_id, from_us, field, ">=", "ASC")

    def _nearest_us(self, meter_id: str, ts_us: int, field: str, side: str, order: str) -> int | None:
        table = MORE_TABLE if field in MORE_FIELDS else MAIN_TABLE
        query = (
            f"SELECT ts_us FROM {table} WHERE meter = (SELECT id FROM meter WHERE name = ?) "  # noqa: S608
            f"AND ts_us {side} ? AND {field} IS NOT NULL ORDER BY ts_us {order} LIMIT 1"
        )
        rows = self._connection.rows(query, (meter_id, ts_us))
        return int(rows[0][0]) if rows else None

    def probe(self) -> None:
        """Write a value that no page shows, and read it back."""
        value = time.time_ns()
        with Transaction(self._connection, self.path) as connection:
            connection.execute("INSERT OR REPLACE INTO probe VALUES (1, ?)", (value,))
            # Read under the same lock: another process that starts now may write over it.
            (read_back,) = connection.execute("SELECT value FROM probe").fetchone()
        if read_back != value:
            raise StoreUnfit.of("sqlite_not_read_back", path=self.path)

    def note_state(self, state: str, host: str) -> None:
        """Record nothing: the file is this host's, and so is its state."""

    def noted_states(self) -> Sequence[NotedState]:
        """Return nothing: the file is this host's."""
        return ()

    def expires_after_s(self) -> float | None:
        """Return None: nothing but `forget` deletes from this file."""
        return None

    def count(
        self, meter_ids: Sequence[str], start_us: int, end_us: int, fields: Sequence[str] = DEFAULT_FIELDS
    ) -> Mapping[str, Mapping[str, int]]:
        """Count the values of each field that the meters have with start <= instant < end."""
        counts: dict[str, dict[str, int]] = {name: {} for name in meter_ids}
        for table, in_table in FIELDS_OF.items():
            counted = [name for name in fields if name in in_table]
            query = (
                f"SELECT {', '.join(f'count({name})' for name in counted)} FROM {table} "  # noqa: S608
                "WHERE meter = (SELECT id FROM meter WHERE name = ?) AND ts_us >= ? AND ts_us < ?"
            )
            for name in meter_ids if counted else ():
                (row,) = self._connection.rows(query, (name, start_us, end_us))
                counts[name] |= {field: number for field, number in zip(counted, row, strict=True) if number}
        return {name: of_meter for name, of_meter in counts.items() if of_meter}

    def forget(self, meter_ids: Sequence[str], start_us: int, before_us: int) -> None:
        """Delete readings, some at a time, so that the ingester never waits long. The file keeps its size."""
        queries = [
            f"DELETE FROM {table} WHERE meter = (SELECT id FROM meter WHERE name = :name) AND ts_us >= :start "  # noqa: S608
            "AND ts_us < coalesce((SELECT ts_us FROM reading WHERE meter = (SELECT id FROM meter WHERE name = :name) "
            "AND ts_us >= :start ORDER BY ts_us LIMIT 1 OFFSET :count), :before) AND ts_us < :before"
            for table in (MORE_TABLE, MAIN_TABLE)  # the rows of the main one say where a step ends
        ]
        for name in meter_ids:
            deleted = 1
            while deleted:
                with Transaction(self._connection, self.path) as connection:
                    span = {"name": name, "start": start_us, "before": before_us, "count": DELETED_AT_ONCE}
                    _, deleted = [connection.execute(query, span).rowcount for query in queries]

    def latest_registers(self, meter_ids: Sequence[str], start_us: int, end_us: int) -> Mapping[str, tuple[int, float]]:
        """Return instant and value of each meter's latest import register with start <= instant < end."""
        query = (
            "SELECT ts_us, energy_kwh FROM reading WHERE meter = (SELECT id FROM meter WHERE name = ?) "
            "AND ts_us >= ? AND ts_us < ? AND energy_kwh IS NOT NULL ORDER BY ts_us DESC LIMIT 1"
        )
        rows_of = {name: self._connection.rows(query, (name, start_us, end_us)) for name in meter_ids}
        latest = {name: self._array(rows, name)[0] for name, rows in rows_of.items() if rows}
        return {name: (int(ts_us), float(value)) for name, (ts_us, value) in latest.items()}

    def close(self) -> None:
        """Close the file."""
        for connection in list(self._opened):
            connection.close()
        self._of_thread = threading.local()
        if self._marks is not None:
            self._marks.close()

    def _new_numbers(self, names: Iterable[str]) -> dict[str, int]:
        """Return the file's own number of each meter. It is remembered only once the transaction has succeeded."""
        numbers = {}
        for name in names:
            self._connection.execute("INSERT OR IGNORE INTO meter (name) VALUES (?)", (name,))
            row = self._connection.execute("SELECT id FROM meter WHERE name = ?", (name,)).fetchone()
            numbers[name] = int(row[0])
        return numbers


def _insert_into(connection: sqlite3.Connection, table: str, numbers: IntArray, batch: ReadingBatch) -> None:
    """Upsert a batch into one table. numbers : of its meters in the file."""
    names = tuple(name for name in FIELDS_OF[table] if name in batch.columns)
    if table == MORE_TABLE:
        if not names:
            return
        batch = batch.take(np.flatnonzero(np.isfinite([batch.columns[name] for name in names]).any(axis=0)))
    columns = (numbers[batch.meter], batch.ts_us, *(batch.columns[name] for name in names))
    _insert(connection, table, ("meter", "ts_us", *names), [column.tolist() for column in columns])


def _insert(
    connection: sqlite3.Connection, table: str, names: tuple[str, ...], columns: Sequence[Sequence[float]]
) -> None:
    """Upsert rows, as many to a statement as SQLite takes.

    Python releases its lock while SQLite runs a statement: with one row to a statement, the
    ingester's threads spend their time handing the lock to each other.
    """
    values = list(chain.from_iterable(zip(*columns, strict=True)))
    width, at = len(names), 0
    max_rows = connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) // width
    for rows in statements_of(len(columns[0]), max_rows):
        given = values[at : at + rows * width]
        lacking = rows - len(given) // width
        connection.execute(_upsert(table, names, rows), given + given[-width:] * lacking if lacking else given)
        at += rows * width


def statements_of(count: int, max_rows: int) -> Iterator[int]:
    """Yield the rows of each statement by which a batch is written; the last may have more than are left.

    max_rows : of a statement, at most.
    """
    sizes = [rows for rows in ROWS_AT_ONCE if rows <= max_rows]
    while count > 0:
        rows = next(rows for rows, next_size in zip(sizes, [*sizes[1:], 0], strict=True) if next_size < count)
        if count < FILLED_RATIO * rows:
            rows = next(rows for rows in sizes if rows <= count)
        yield rows
        count -= rows


@lru_cache(maxsize=128)
def _upsert(table: str, names: tuple[str, ...], rows: int) -> str:
    updates = ", ".join(f"{name} = coalesce(excluded.{name}, {name})" for name in names[2:])
    marks = ", ".join([f"({', '.join('?' * len(names))})"] * rows)
    return (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES {marks} "  # noqa: S608 - names from FIELDS
        f"ON CONFLICT (meter, ts_us) DO {f'UPDATE SET {updates}' if updates else 'NOTHING'}"
    )
