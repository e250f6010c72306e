"""Hours and days of every meter, kept beside the readings: what pages over the whole city are made from.

Readings that are committed mark their meters as stale from the earliest to the latest of them, in the same transaction
(or before it, where readings live on a server); what is stale is computed anew from the readings. Late data are thus
never missed, and a crash at any moment leaves a mark too many, never one too few.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK
from bkkenergy.readings import US_PER_S, FloatArray, ReadingBatch
from bkkenergy.store.sqlite_file import METER_TABLE, Transaction, make_tables, open_database

EPOCH = dt.date(1970, 1, 1)
US_PER_HOUR = 3600 * US_PER_S
FEW_METERS = 100
"""So many are looked up one by one; for more the days are read through."""

SCHEMA = f"""
{METER_TABLE}
CREATE TABLE IF NOT EXISTS stale (
    meter INTEGER PRIMARY KEY, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, mark INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS hour (
    meter INTEGER NOT NULL, hour INTEGER NOT NULL, energy_kwh REAL, coverage REAL, peak_kw REAL,
    PRIMARY KEY (meter, hour)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS day (
    day INTEGER NOT NULL, meter INTEGER NOT NULL, energy_kwh REAL, coverage REAL, peak_kw REAL, peak_us INTEGER,
    PRIMARY KEY (day, meter)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS day_of_meter ON day (meter, day);
"""

_PUT_HOURS = "INSERT OR REPLACE INTO hour VALUES (?, ?, ?, ?, ?)"
_PUT_DAYS = "INSERT OR REPLACE INTO day VALUES (?, ?, ?, ?, ?, ?)"
_MARK = """
INSERT INTO stale (meter, first_us, last_us, mark) VALUES {rows}
ON CONFLICT (meter) DO UPDATE SET
    first_us = min(first_us, excluded.first_us), last_us = max(last_us, excluded.last_us), mark = mark + 1
"""


def mark_stale(connection: sqlite3.Connection, numbers: np.ndarray, batch: ReadingBatch) -> None:
    """Mark the meters of a batch, in the transaction at hand. numbers : (meters,) their numbers in the file."""
    used = np.flatnonzero(np.bincount(batch.meter, minlength=len(numbers)))
    first_us = np.full(len(numbers), np.iinfo(np.int64).max)
    last_us = np.full(len(numbers), np.iinfo(np.int64).min)
    np.minimum.at(first_us, batch.meter, batch.ts_us)
    np.maximum.at(last_us, batch.meter, batch.ts_us)
    rows = np.column_stack([numbers[used], first_us[used], last_us[used], np.ones(len(used), np.int64)])
    connection.execute(_MARK.format(rows=", ".join(["(?, ?, ?, ?)"] * len(used))), rows.ravel().tolist())


@dataclass(frozen=True, slots=True)
class Stale:
    """A meter whose hours and days are not what its readings say, between two instants. `mark`: how often told."""

    meter: str
    first_us: int
    last_us: int
    mark: int


@dataclass(frozen=True, slots=True)
class MeterDays:
    """Hours and days of one meter over whole days of Bangkok, NaN where nothing is known.

    hour_kwh, hour_coverage, hour_peak_kw : (days, 24); the others (days,); day_peak_us : when, -1 where not known.
    """

    meter: str
    first_day: dt.date
    hour_kwh: FloatArray
    hour_coverage: FloatArray
    hour_peak_kw: FloatArray
    day_kwh: FloatArray
    day_coverage: FloatArray
    day_peak_kw: FloatArray
    day_peak_us: np.ndarray


class Rollup:
    """Hours and days by meter, in the store's file (or beside it, where readings live on a server)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = open_database(path)
        make_tables(self._connection, path, SCHEMA)

    def mark(self, meter: str, first_us: int, last_us: int) -> None:
        """Have a meter's hours and days computed anew between two instants."""
        with Transaction(self._connection, self.path) as connection:
            connection.execute("INSERT OR IGNORE INTO meter (name) VALUES (?)", (meter,))
            (number,) = connection.execute("SELECT id FROM meter WHERE name = ?", (meter,)).fetchone()
            connection.execute(_MARK.format(rows="(?, ?, ?, 1)"), (number, first_us, last_us))

    def stale(self) -> list[Stale]:
        """Meters that wait."""
        query = "SELECT meter.name, first_us, last_us, mark FROM stale JOIN meter ON meter.id = stale.meter"
        return [Stale(*row) for row in self._connection.execute(query)]

    def stale_count(self) -> int:
        """How many meters wait."""
        return int(self._connection.execute("SELECT count(*) FROM stale").fetchone()[0])

    def replace(self, computed: Iterable[tuple[Stale, MeterDays | None]]) -> None:
        """Put hours and days in place and take the marks away, unless a meter was marked again meanwhile."""
        with Transaction(self._connection, self.path) as connection:
            for own, days in computed:
                (number,) = connection.execute("SELECT id FROM meter WHERE name = ?", (own.meter,)).fetchone()
                if days is not None:
                    connection.executemany(_PUT_HOURS, _hour_rows(number, days))
                    connection.executemany(_PUT_DAYS, _day_rows(number, days))
                connection.execute("DELETE FROM stale WHERE meter = ? AND mark = ?", (number, own.mark))

    def days(self, meters: Sequence[str], first: dt.date, last: dt.date) -> pd.DataFrame:
        """Days of meters: columns meter, day (date), energy_kwh, coverage, peak_kw, peak_us."""
        numbers = dict(self._connection.execute("SELECT name, id FROM meter").fetchall())
        names = {numbers[name]: name for name in meters if name in numbers}
        query = "SELECT meter, day, energy_kwh, coverage, peak_kw, peak_us FROM day WHERE day BETWEEN ? AND ?"
        if len(names) <= FEW_METERS:
            query += f" AND meter IN ({', '.join(str(number) for number in names)})"
        rows = self._connection.execute(query, (day_number(first), day_number(last))).fetchall()
        frame = pd.DataFrame(rows, columns=["meter", "day", "energy_kwh", "coverage", "peak_kw", "peak_us"])
        frame["meter"] = frame["meter"].map(names)
        frame = frame[frame["meter"].notna()]
        return frame.assign(day=pd.to_datetime(frame["day"], unit="D")).astype({"energy_kwh": float, "peak_kw": float})

    def meter_hours(self, meter: str, first: dt.date, last: dt.date) -> FloatArray:
        """(days, 24, 3) energy kWh, coverage and highest 15-minute kW of a meter's hours; NaN where not known."""
        count = (last - first).days + 1
        found = np.full((count * 24, 3), np.nan)
        start = _hour_number(first)
        query = (
            "SELECT hour, energy_kwh, coverage, peak_kw FROM hour WHERE meter = (SELECT id FROM meter WHERE name = ?) "
            "AND hour >= ? AND hour < ?"
        )
        rows = self._connection.execute(query, (meter, start, start + count * 24)).fetchall()
        if rows:
            table = np.array(rows, np.float64)
            found[table[:, 0].astype(np.int64) - start] = table[:, 1:]
        return found.reshape(count, 24, 3)

    def coverage_ratios(self, meters: Iterable[str], first_us: int, end_us: int) -> dict[str, float]:
        """Share of each meter's quarter-hours measured in the whole hours between two instants, 0..1."""
        first, end = first_us // US_PER_HOUR, end_us // US_PER_HOUR
        query = (
            "SELECT coalesce(sum(coverage), 0) FROM hour WHERE meter = (SELECT id FROM meter WHERE name = ?) "
            "AND hour >= ? AND hour < ?"
        )
        return {
            name: self._connection.execute(query, (name, first, end)).fetchone()[0] / (end - first) for name in meters
        }

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


class StaleMarks:
    """Marks alone, for readings that live on a server: told before they are sent there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = open_database(path)
        make_tables(self._connection, path, SCHEMA)
        self._connection.execute("PRAGMA synchronous = NORMAL")

    def mark(self, batch: ReadingBatch) -> None:
        """Mark the meters of a batch. Raises StoreAway."""
        if len(batch) == 0:
            return
        with Transaction(self._connection, self.path) as connection:
            numbers = []
            for name in batch.meter_ids:
                connection.execute("INSERT OR IGNORE INTO meter (name) VALUES (?)", (name,))
                numbers.append(connection.execute("SELECT id FROM meter WHERE name = ?", (name,)).fetchone()[0])
            mark_stale(connection, np.array(numbers, np.int64), batch)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def day_number(day: dt.date) -> int:
    """Days since 1970-01-01, as the file numbers them."""
    return (day - EPOCH).days


def _hour_number(day: dt.date) -> int:
    """Hours since 1970 UTC at which a day of Bangkok begins."""
    return int(pd.Timestamp(day, tz=BANGKOK).timestamp()) // 3600


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _hour_rows(number: int, days: MeterDays) -> list[tuple[object, ...]]:
    start = _hour_number(days.first_day)
    columns = (days.hour_kwh.ravel(), days.hour_coverage.ravel(), days.hour_peak_kw.ravel())
    return [
        (number, start + place, _known(kwh), coverage, _known(peak_kw))
        for place, (kwh, coverage, peak_kw) in enumerate(zip(*(column.tolist() for column in columns), strict=True))
    ]


def _day_rows(number: int, days: MeterDays) -> list[tuple[object, ...]]:
    start = day_number(days.first_day)
    columns = (days.day_kwh, days.day_coverage, days.day_peak_kw, days.day_peak_us)
    return [
        (start + place, number, _known(kwh), coverage, _known(peak_kw), None if peak_us < 0 else peak_us)
        for place, (kwh, coverage, peak_kw, peak_us) in enumerate(zip(*(col.tolist() for col in columns), strict=True))
    ]
