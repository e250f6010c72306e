"""Marks of meters' days, by raw SQL: they stand in the hot path, in the transaction of the readings themselves."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bkkenergy.readings import US_PER_S, IntArray

US_PER_DAY = 86_400 * US_PER_S
CALENDAR_US = (
    (dt.date.min - dt.date(1970, 1, 1)).days * US_PER_DAY,
    (dt.date.max - dt.date(1970, 1, 1)).days * US_PER_DAY,
)
"""Instants of days that have a date."""
BANGKOK_OFFSET_US = 7 * 3600 * US_PER_S
"""Bangkok's clocks are seven hours ahead of UTC, all year."""

_METERS = """
INSERT INTO ledger_meter (name, first_us, last_us, mark, waiting_since_us) {rows}
ON CONFLICT (name) DO UPDATE SET
    first_us = {least}(coalesce(ledger_meter.first_us, excluded.first_us), coalesce(excluded.first_us, ledger_meter.first_us)),
    last_us = {most}(coalesce(ledger_meter.last_us, excluded.last_us), coalesce(excluded.last_us, ledger_meter.last_us)),
    mark = ledger_meter.mark + 1,
    waiting_since_us = coalesce(ledger_meter.waiting_since_us, excluded.waiting_since_us)
RETURNING name, id, mark
"""  # noqa: E501 - lines of SQL
_DAYS = """
INSERT INTO ledger_stale (meter, day, mark, since_us) {rows}
ON CONFLICT (meter, day) DO UPDATE SET mark = excluded.mark
"""
_SQLITE_METERS = _METERS.format(
    rows="SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), 1, ? "
    "FROM json_each(?) WHERE true",
    least="min",
    most="max",
)
_SQLITE_DAYS = _DAYS.format(
    rows="SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), ? "
    "FROM json_each(?) WHERE true"
)
# Rows are locked in the order of their names, so that two ingesters never wait for each other.
_POSTGRESQL_METERS = _METERS.format(
    rows="SELECT name, first_us, last_us, 1, %(now_us)s FROM unnest(CAST(%(name)s AS text[]), "
    "CAST(%(first_us)s AS bigint[]), CAST(%(last_us)s AS bigint[])) AS given (name, first_us, last_us) ORDER BY name",
    least="least",
    most="greatest",
)
_POSTGRESQL_DAYS = _DAYS.format(
    rows="SELECT meter, day, mark, %(now_us)s FROM unnest(CAST(%(meter)s AS bigint[]), CAST(%(day)s AS integer[]), "
    "CAST(%(mark)s AS bigint[])) AS given (meter, day, mark)"
)

_LATE = """
INSERT INTO ledger_late (meter, day)
SELECT given.meter, given.day FROM ({rows}) AS given
JOIN ledger_purge ON ledger_purge.meter = given.meter AND given.day >= ledger_purge.first_day
    AND given.day <= ledger_purge.last_day AND given.day < ledger_purge.deleted_before
WHERE true
ON CONFLICT (meter, day) DO NOTHING
"""
_SQLITE_LATE = _LATE.format(
    rows="SELECT json_extract(value, '$[0]') AS meter, json_extract(value, '$[1]') AS day FROM json_each(?)"
)
_POSTGRESQL_LATE = _LATE.format(
    rows="SELECT meter, day FROM unnest(CAST(%(meter)s AS bigint[]), CAST(%(day)s AS integer[])) AS pairs (meter, day)"
)

Execute = Callable[[str, Any], Any]


@dataclass(frozen=True, slots=True)
class DaysToMark:
    """Meters and their days to mark.

    first_us, last_us : of the readings of each meter, None without one.
    meter, day : pairs; index into `names` and days since 1970-01-01 in Bangkok.
    """

    names: Sequence[str]
    first_us: Sequence[int | None]
    last_us: Sequence[int | None]
    meter: Sequence[int]
    day: Sequence[int]

    @property
    def are_readings(self) -> bool:
        """Whether readings came, whose purged days are noted as late. A person or a new configuration brings none."""
        return any(first_us is not None for first_us in self.first_us)


def now_us() -> int:
    """Return the wall clock."""
    return time.time_ns() // 1000


def touched_by(meter_ids: Sequence[str], meter: IntArray, ts_us: IntArray) -> DaysToMark:
    """Find the days of Bangkok that readings touch; beyond the calendar, its first or last.

    meter : (n,) index into `meter_ids`. ts_us : (n,).
    """
    if len(set(meter_ids)) < len(meter_ids):
        number_of = {name: number for number, name in enumerate(meter_ids)}
        meter = np.array([number_of[name] for name in meter_ids], np.int64)[meter]
    used = np.flatnonzero(np.bincount(meter, minlength=len(meter_ids)))
    first_us = np.full(len(meter_ids), np.iinfo(np.int64).max)
    last_us = np.full(len(meter_ids), np.iinfo(np.int64).min)
    np.minimum.at(first_us, meter, ts_us)
    np.maximum.at(last_us, meter, ts_us)
    day = (np.clip(ts_us, *CALENDAR_US) + BANGKOK_OFFSET_US) // US_PER_DAY
    from_day = int(day.min(initial=0))
    span_days = int(day.max(initial=0)) - from_day + 1
    pairs = np.unique(np.searchsorted(used, meter) * span_days + (day - from_day))
    names = [meter_ids[number] for number in used.tolist()]
    days = pairs % span_days + from_day
    return DaysToMark(
        names, first_us[used].tolist(), last_us[used].tolist(), (pairs // span_days).tolist(), days.tolist()
    )


def all_days(days_of: Mapping[str, Sequence[int]]) -> DaysToMark:
    """Return the days of each meter."""
    pairs = [(number, day) for number, days in enumerate(days_of.values()) for day in days]
    unknown = [None] * len(days_of)
    return DaysToMark(list(days_of), unknown, unknown, [meter for meter, _ in pairs], [day for _, day in pairs])


def mark_readings_sql(
    connection: sqlite3.Connection, meter_ids: Sequence[str], meter: IntArray, ts_us: IntArray, at_us: int | None = None
) -> None:
    """Mark the days that readings touch, in the transaction at hand of an SQLite file that holds both."""
    if len(ts_us):
        put_sqlite(connection.execute, touched_by(meter_ids, meter, ts_us), now_us() if at_us is None else at_us)


def put_sqlite(execute: Execute, touched: DaysToMark, at_us: int) -> None:
    """Write marks to SQLite, in the transaction at hand. execute : of the driver, or SQLAlchemy's `exec_driver_sql`."""
    meters = json.dumps(list(zip(touched.names, touched.first_us, touched.last_us, strict=True)))
    known = {name: (number, mark) for name, number, mark in execute(_SQLITE_METERS, (at_us, meters))}
    meter_numbers = [known[name] for name in touched.names]
    days = [(*meter_numbers[meter], day) for meter, day in zip(touched.meter, touched.day, strict=True)]
    pairs = json.dumps([(meter, day, mark) for meter, mark, day in days])
    execute(_SQLITE_DAYS, (at_us, pairs))
    if touched.are_readings:
        execute(_SQLITE_LATE, (pairs,))


def put_postgresql(execute: Execute, touched: DaysToMark, at_us: int) -> None:
    """Write marks to PostgreSQL, in the transaction at hand. execute : SQLAlchemy's `exec_driver_sql`."""
    meters = {"name": touched.names, "first_us": touched.first_us, "last_us": touched.last_us, "now_us": at_us}
    known = {row[0]: (row[1], row[2]) for row in execute(_POSTGRESQL_METERS, meters)}
    meter_numbers = [known[name] for name in touched.names]
    days = {
        "meter": [meter_numbers[meter][0] for meter in touched.meter],
        "mark": [meter_numbers[meter][1] for meter in touched.meter],
        "day": touched.day,
        "now_us": at_us,
    }
    execute(_POSTGRESQL_DAYS, days)
    if touched.are_readings:
        execute(_POSTGRESQL_LATE, {"meter": days["meter"], "day": days["day"]})
