"""Readings in PostgreSQL, partitioned by month: one engine for all that a city stores."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine, event, func, select, text
from sqlalchemy.exc import ProgrammingError

from bkkenergy.adapters.engines import AdvisoryLock, hold_session, shown, translate_db_errors
from bkkenergy.adapters.ledger.beside import MarksBeside
from bkkenergy.adapters.ledger.marks import CALENDAR_US, US_PER_DAY, now_us, put_postgresql, touched_by
from bkkenergy.adapters.ledger.rows import date_of, day_number, start_us
from bkkenergy.adapters.partitions import Months, Partitioned, make_edges, refusing
from bkkenergy.adapters.pgarrays import float8s, int8s, take_arrays, unpacked_float8s, unpacked_int8s
from bkkenergy.ports.readings import (
    DEFAULT_FIELDS,
    NotedState,
    StoreDenied,
    StoreUnfit,
    UnmarkedCommit,
)
from bkkenergy.readings import FIELDS, MORE_FIELDS, FloatArray, ReadingBatch
from bkkenergy.texts import Term

WHAT = Term("readings in", "server_of.readings")
MAIN_TABLE, MORE_TABLE = "reading", "reading_more"
FIELDS_OF = {MAIN_TABLE: tuple(name for name in FIELDS if name not in MORE_FIELDS), MORE_TABLE: MORE_FIELDS}
"""Each reading has a row of the main table, and one of the other where it has something for it."""
RIGHTS_LACK = "42501"
MONTH_US = 31 * US_PER_DAY

PARTS = tuple(
    Partitioned(table, "ts_us", lambda day: start_us(day_number(day)), lambda ts_us: date_of(ts_us // US_PER_DAY))
    for table in FIELDS_OF
)
_TABLES = (
    *(
        f"CREATE TABLE IF NOT EXISTS {table} (meter bigint NOT NULL, ts_us bigint NOT NULL, "
        f"{', '.join(f'{name} double precision' for name in fields)}, PRIMARY KEY (meter, ts_us)) "
        "PARTITION BY RANGE (ts_us)"
        for table, fields in FIELDS_OF.items()
    ),
    """CREATE TABLE IF NOT EXISTS reading_meter (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE)""",
    "CREATE TABLE IF NOT EXISTS reading_probe (value text PRIMARY KEY)",
    """CREATE TABLE IF NOT EXISTS reading_state (
        state text PRIMARY KEY, host text NOT NULL, first_us bigint NOT NULL, last_us bigint NOT NULL)""",
)
_COLUMNS = text(
    "SELECT column_name FROM information_schema.columns "
    "WHERE table_name = :name AND table_schema = ANY (current_schemas(false))"
)


class PostgresStore:
    """The ReadingStore on a PostgreSQL server. Threads and processes may share it."""

    def __init__(
        self,
        engine: Engine,
        marks: MarksBeside | None = None,
        *,
        has_ledger: bool = False,
        is_for_reading: bool = False,
    ) -> None:
        """Open no connection yet.

        marks : where the energy ledger is in another database.
        has_ledger : it is in this one, so that a batch and its marks are one transaction.
        is_for_reading : it refuses to commit, since its opener does not know where the ledger is.
        """
        self._engine, self._marks = engine, marks
        self._has_ledger, self._is_for_reading = has_ledger, is_for_reading
        self._months = Months(PARTS, self._transaction)
        event.listen(engine, "connect", _set_up)

    def prepare(self) -> None:
        """Make the tables, and the columns that those of a version before lack."""
        with self._transaction() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(AdvisoryLock.READING_TABLES)))
            for statement in _TABLES:
                connection.execute(text(statement))
            for table, fields in FIELDS_OF.items():
                known = set(connection.execute(_COLUMNS, {"name": table}).scalars())
                for name in fields:
                    if name not in known:
                        connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {name} double precision"))
            make_edges(connection, PARTS)

    commits_at_once = 1

    def begin(self, batch: ReadingBatch, on_sent: Callable[[], None] | None = None) -> None:
        """Do nothing: rows go to the database within a transaction, one after the other."""

    def abandon(self) -> None:
        """Do nothing: nothing is begun."""

    def commit(self, batch: ReadingBatch) -> None:
        """Store the batch, and mark its days in the same transaction where the ledger is in this database."""
        if self._is_for_reading:
            raise UnmarkedCommit("This store was opened to be read: no energy ledger would notice what is committed.")
        if len(batch) == 0:
            return
        self._make_months(batch)
        with nullcontext() if self._marks is None else self._marks.around(batch), self._transaction() as connection:
            rows = _by_number(connection, batch)
            for table in FIELDS_OF:
                _upsert(connection, table, rows)
            if self._has_ledger:
                put_postgresql(
                    connection.exec_driver_sql, touched_by(batch.meter_ids, batch.meter, batch.ts_us), now_us()
                )

    def readings(
        self, meter_ids: Sequence[str], start_us: int, end_us: int, fields: Sequence[str] = DEFAULT_FIELDS
    ) -> ReadingBatch:
        """Return readings of the meters with start <= instant < end, sorted by meter and instant."""
        main, more = ([name for name in fields if name in FIELDS_OF[table]] for table in FIELDS_OF)
        parts = [ReadingBatch.empty(meter_ids)]
        with self._transaction() as connection:
            number_of = _numbers(connection, meter_ids)
            of_main = _columns(connection, MAIN_TABLE, number_of.values(), (start_us, end_us), main)
            of_more = _columns(connection, MORE_TABLE, number_of.values(), (start_us, end_us), more) if more else {}
        for position, name in enumerate(meter_ids):
            columns = of_main.get(number_of.get(name, 0))
            if columns is None:
                continue
            ts_us = columns.pop("ts_us").astype(np.int64)
            if (beside := of_more.get(number_of[name])) is not None:
                at = np.searchsorted(ts_us, beside.pop("ts_us").astype(np.int64))
                for field, values in beside.items():
                    columns[field] = np.full(len(ts_us), np.nan)
                    columns[field][at] = values
            parts.append(ReadingBatch(tuple(meter_ids), np.full(len(ts_us), position, np.int64), ts_us, columns))
        return ReadingBatch.concat(parts)

    def last_seen_us(self, meter_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the instant of the latest reading of each meter that has one."""
        return dict(self._of_each(meter_ids, "ts_us", "true ORDER BY ts_us DESC"))

    def first_seen_us(self, meter_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the instant of the earliest reading of each meter that has one."""
        return dict(self._of_each(meter_ids, "ts_us", "true ORDER BY ts_us"))

    def last_before_us(self, meter_id: str, before_us: int, field: str) -> int | None:
        """Return the instant of a meter's last reading of a field before an instant; None without one."""
        return self._nearest_us(meter_id, before_us, field, "ts_us < :ts_us", "DESC")

    def first_from_us(self, meter_id: str, from_us: int, field: str) -> int | None:
        """Return the instant of a meter's first reading of a field from an instant on; None without one."""
        return self._nearest_us(meter_id, from_us, field, "ts_us >= :ts_us", "ASC")

    def _nearest_us(self, meter_id: str, ts_us: int, field: str, side: str, order: str) -> int | None:
        table = MORE_TABLE if field in MORE_FIELDS else MAIN_TABLE
        where = f"{side} AND {field} IS NOT NULL ORDER BY ts_us {order}"
        rows = self._of_each([meter_id], "ts_us", where, table, ts_us=ts_us)
        return int(rows[0][1]) if rows else None

    def latest_registers(self, meter_ids: Sequence[str], start_us: int, end_us: int) -> Mapping[str, tuple[int, float]]:
        """Return instant and value of each meter's latest import register with start <= instant < end."""
        where = "ts_us >= :start AND ts_us < :end AND energy_kwh IS NOT NULL ORDER BY ts_us DESC"
        rows = self._of_each(meter_ids, "ts_us, energy_kwh", where, start=start_us, end=end_us)
        return {name: (int(ts_us), float(kwh)) for name, ts_us, kwh in rows}

    def _of_each(
        self, meter_ids: Sequence[str], columns: str, where: str, table: str = MAIN_TABLE, **values: int
    ) -> list[tuple[Any, ...]]:
        """Return one row of each meter: its name, and columns of the first row in an order. The index finds it."""
        query = text(
            f"SELECT name, {columns} FROM reading_meter CROSS JOIN LATERAL (SELECT {columns} FROM {table} "  # noqa: S608
            f"WHERE meter = reading_meter.id AND {where} LIMIT 1) AS one WHERE name = ANY (:names)"
        )
        with self._transaction() as connection:
            return [tuple(row) for row in connection.execute(query, {"names": list(meter_ids), **values})]

    def count(
        self, meter_ids: Sequence[str], start_us: int, end_us: int, fields: Sequence[str] = DEFAULT_FIELDS
    ) -> Mapping[str, Mapping[str, int]]:
        """Count the values of each field that the meters have with start <= instant < end. The server counts."""
        counts: dict[str, dict[str, int]] = {}
        for table, in_table in FIELDS_OF.items():
            counted = [name for name in fields if name in in_table]
            if not counted:
                continue
            query = text(
                f"SELECT name, {', '.join(f'count({name})' for name in counted)} FROM {table} "  # noqa: S608
                "JOIN reading_meter ON reading_meter.id = meter "
                "WHERE name = ANY (:names) AND ts_us >= :start AND ts_us < :end GROUP BY name"
            )
            with self._transaction() as connection:
                for name, *numbers in connection.execute(
                    query, {"names": list(meter_ids), "start": start_us, "end": end_us}
                ):
                    of_meter = {field: number for field, number in zip(counted, numbers, strict=True) if number}
                    counts[name] = counts.get(name, {}) | of_meter
        return {name: of_meter for name, of_meter in counts.items() if of_meter}

    def forget(self, meter_ids: Sequence[str], start_us: int, before_us: int) -> None:
        """Delete readings, a month at a time, so that no transaction is long."""
        first_us, last_us = self.first_seen_us(meter_ids).values(), self.last_seen_us(meter_ids).values()
        at_us = max(start_us, min(first_us, default=before_us))
        end_us = min(before_us, max(last_us, default=at_us) + 1)
        while at_us < end_us:
            upto_us = min(at_us + MONTH_US, end_us)
            with self._transaction() as connection:
                for table in FIELDS_OF:
                    query = text(
                        f"DELETE FROM {table} USING reading_meter WHERE reading_meter.id = meter "  # noqa: S608
                        "AND name = ANY (:names) AND ts_us >= :start AND ts_us < :end"
                    )
                    connection.execute(query, {"names": list(meter_ids), "start": at_us, "end": upto_us})
            at_us = upto_us

    def probe(self) -> None:
        """Write a value that no page shows, and read it back in another transaction."""
        with translate_db_errors(self._engine, WHAT):
            hold_session(self._engine)  # `synchronous_commit` is set for a session
        value = {"value": secrets.token_hex(16)}
        with self._transaction() as connection:
            connection.execute(text("INSERT INTO reading_probe VALUES (:value)"), value)
        with self._transaction() as connection:
            count = connection.execute(text("DELETE FROM reading_probe WHERE value = :value"), value).rowcount
        if count != 1:
            raise StoreUnfit.of("postgresql_not_read_back", where=shown(self._engine))

    def note_state(self, state: str, host: str) -> None:
        """Record which state a host uses: hosts that share readings should share it."""
        query = text(
            "INSERT INTO reading_state VALUES (:state, :host, :at_us, :at_us) "
            "ON CONFLICT (state) DO UPDATE SET host = excluded.host, last_us = excluded.last_us"
        )
        with self._transaction() as connection:
            connection.execute(query, {"state": state, "host": host, "at_us": time.time_ns() // 1000})

    def noted_states(self) -> Sequence[NotedState]:
        """Return the states that were noted, each with the host that did so last."""
        query = text("SELECT state, host, first_us, last_us FROM reading_state ORDER BY first_us")
        with self._transaction() as connection:
            return [NotedState(*row) for row in connection.execute(query)]

    def expires_after_s(self) -> float | None:
        """Return None: nothing but `forget` deletes from these tables."""
        return None

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()
        if self._marks is not None:
            self._marks.close()

    def _make_months(self, batch: ReadingBatch) -> None:
        """Make the partitions of a batch's instants."""
        days = np.unique(np.clip(batch.ts_us, *CALENDAR_US) // US_PER_DAY).tolist()
        # One day more: Bangkok's month begins before that of UTC ends.
        self._months.make((date_of(day), date_of(day + 1)) for day in days)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """Open a transaction. Raises StoreUnavailable, StoreDenied, StoreRefused for what is never taken."""
        with translate_db_errors(self._engine, WHAT):
            try:
                with refusing(self._engine, WHAT, self._months), self._engine.begin() as connection:
                    yield connection
            except ProgrammingError as error:
                if getattr(error.orig, "sqlstate", None) == RIGHTS_LACK:
                    raise StoreDenied.of("postgresql_denied", where=shown(self._engine), error=error.orig) from error
                raise


def _set_up(connection: Any, _record: object) -> None:
    """Let a connection take arrays, and confirm nothing that a loss of power could take back."""
    take_arrays(connection)
    connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
    connection.commit()


def _numbers(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    """Return the number of each meter that has one. They are asked for each time: a restore may bring others."""
    query = text("SELECT name, id FROM reading_meter WHERE name = ANY (:names)")
    return {row.name: row.id for row in connection.execute(query, {"names": list(names)})}


def _by_number(connection: Connection, batch: ReadingBatch) -> ReadingBatch:
    """Sort a batch by the numbers of its meters in the database, each instant once. `meter` has the numbers.

    Two that write the same readings then wait for each other in one order.
    """
    used = [batch.meter_ids[index] for index in np.flatnonzero(np.bincount(batch.meter)).tolist()]
    number_of = _numbers(connection, used)
    if new := sorted(set(used) - number_of.keys()):
        query = text("INSERT INTO reading_meter (name) SELECT unnest(CAST(:names AS text[])) ON CONFLICT DO NOTHING")
        connection.execute(query, {"names": new})
        number_of = _numbers(connection, used)
    numbers = np.array([number_of.get(name, -1) for name in batch.meter_ids], np.int64)
    rows = ReadingBatch((), numbers[batch.meter], batch.ts_us, batch.columns).in_order()
    is_double = (np.diff(rows.meter) == 0) & (np.diff(rows.ts_us) == 0)
    return _joined(rows) if is_double.any() else rows


def _joined(rows: ReadingBatch) -> ReadingBatch:
    """Join rows of one instant: of each field the last value that any of them has."""
    frame = pd.DataFrame({"meter": rows.meter, "ts_us": rows.ts_us, **rows.columns})
    joined = frame.groupby(["meter", "ts_us"], as_index=False).last()
    columns = {name: joined[name].to_numpy(np.float64) for name in rows.columns}
    return ReadingBatch((), joined["meter"].to_numpy(np.int64), joined["ts_us"].to_numpy(np.int64), columns)


def _upsert(connection: Connection, table: str, rows: ReadingBatch) -> None:
    """Upsert rows into one table. What is there and stays as it is is not written again."""
    names = [name for name in FIELDS_OF[table] if name in rows.columns]
    if table == MORE_TABLE:
        if not names:
            return
        rows = rows.take(np.flatnonzero(np.isfinite([rows.columns[name] for name in names]).any(axis=0)))
    if len(rows) == 0:
        return
    merged = {name: f"coalesce(excluded.{name}, {table}.{name})" for name in names}
    sets = ", ".join(f"{name} = {value}" for name, value in merged.items())
    differ = " OR ".join(f"{table}.{name} IS DISTINCT FROM {value}" for name, value in merged.items())
    head = ", ".join(("meter", "ts_us", *names))
    known = ", ".join(("meter", "ts_us", *(f"nullif({name}, 'NaN')" for name in names)))
    query = (
        f"INSERT INTO {table} ({head}) SELECT {known} "  # noqa: S608 - our own names
        f"FROM unnest({', '.join(['%s'] * (len(names) + 2))}) AS given ({head}) "
        f"ON CONFLICT (meter, ts_us) DO {f'UPDATE SET {sets} WHERE {differ}' if names else 'NOTHING'}"
    )
    columns = [float8s(rows.columns[name]) for name in names]
    connection.exec_driver_sql(query, (int8s(rows.meter), int8s(rows.ts_us), *columns))


def _columns(
    connection: Connection, table: str, numbers: Iterable[int], span_us: tuple[int, int], fields: Sequence[str]
) -> dict[int, dict[str, FloatArray]]:
    """Return columns of meters in a table, in order of instants. The server joins each column to one array."""
    arrays = ", ".join(f"array_agg(coalesce({name}, 'NaN'))" for name in fields)
    query = (
        f"SELECT meter, array_agg(ts_us){', ' if arrays else ''}{arrays} FROM "  # noqa: S608 - our own names
        f"(SELECT * FROM {table} WHERE meter = ANY (%s) AND ts_us >= %s AND ts_us < %s ORDER BY meter, ts_us) AS rows "
        "GROUP BY meter"
    )
    cursor = connection.connection.cursor(binary=True)
    cursor.execute(query, (list(numbers), *span_us))
    answer = cursor.pgresult
    columns: dict[int, dict[str, FloatArray]] = {}
    for row in range(answer.ntuples):
        values = [answer.get_value(row, column) for column in range(1, answer.nfields)]
        ts_us = unpacked_int8s(values[0])
        order = np.argsort(ts_us, kind="stable")  # the server sorts, and promises it for no aggregate
        of_fields = {name: unpacked_float8s(data)[order] for name, data in zip(fields, values[1:], strict=True)}
        columns[int.from_bytes(answer.get_value(row, 0))] = {"ts_us": ts_us[order].astype(np.float64), **of_fields}
    cursor.close()
    return columns
