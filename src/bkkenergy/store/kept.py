"""Quarter-hours of days whose readings are no longer kept: what every report is made from, in a sixth of the room.

Energies are packed as they were computed, bit for bit, so a report of an old period says what it said before. Energy
of silences too long to be spread, hourly weather and quarter-hourly power factors are kept beside them.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK, Period, edges, timestamp_us
from bkkenergy.metering.intervals import IntervalEnergy
from bkkenergy.readings import FIELDS, FloatArray, Quality, QualityArray
from bkkenergy.store.rollup import EPOCH, day_number
from bkkenergy.store.sqlite_file import METER_TABLE, Transaction, make_tables, open_database

QUARTERS_A_DAY = 96
METERS_A_QUERY = 500
SCHEMA = f"""
{METER_TABLE}
CREATE TABLE IF NOT EXISTS kept_day (
    meter INTEGER NOT NULL, field TEXT NOT NULL, day INTEGER NOT NULL, value BLOB NOT NULL, quality BLOB,
    PRIMARY KEY (meter, field, day)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept_gap (
    meter INTEGER NOT NULL, field TEXT NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL, energy_kwh REAL,
    PRIMARY KEY (meter, field, start_us)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept_count (
    meter INTEGER NOT NULL, day INTEGER NOT NULL, field TEXT NOT NULL, readings INTEGER NOT NULL, made INTEGER NOT NULL,
    PRIMARY KEY (meter, day, field)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept_until (one INTEGER PRIMARY KEY CHECK (one = 1), day INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS kept_ahead (one INTEGER PRIMARY KEY CHECK (one = 1), day INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS kept_confirmed (one INTEGER PRIMARY KEY CHECK (one = 1), who TEXT, at_us INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS kept_held (meter INTEGER PRIMARY KEY, readings INTEGER NOT NULL);
"""

Silence = tuple[str, str, int, int, float]
"""Meter, field, first and last instant (us since 1970 UTC), and the kWh that flowed in between."""


@dataclass(frozen=True, slots=True)
class KeptDay:
    """One quantity of one meter on one day: (96,) or (24,) values, NaN where not known; quality of energies alone."""

    meter: str
    field: str
    day: dt.date
    values: FloatArray
    quality: QualityArray | None = None


@dataclass(frozen=True, slots=True, order=True)
class DayCount:
    """How many values of a field a meter had on a day when the day was packed: what a deletion must find again."""

    meter: str
    day: dt.date
    field: str
    readings: int


@dataclass(frozen=True, slots=True)
class Witness:
    """What packing said of a meter's days: values by field, rows that were made of them, and whether all are there."""

    counts: dict[str, int]
    rows: int
    is_whole: bool


class Kept:
    """What is kept of old days, in the store's file (or beside it, where readings live on a server)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = open_database(path)
        make_tables(self._connection, path, SCHEMA)

    @property
    def cut(self) -> dt.date | None:
        """The first day that is still read from readings; None where all are."""
        return self._day("kept_until")

    @property
    def ahead(self) -> dt.date | None:
        """The day before which something may be packed although the cut lies before it; None where nothing is."""
        return self._day("kept_ahead")

    def set_cut(self, day: dt.date) -> None:
        """From now on, days before this one are read from what is kept.

        A cut that was set by a wrong clock goes back. What was packed by it stays, and is used where days have it.
        """
        ahead = max(filter(None, (self.cut, self.ahead)), default=day)
        with Transaction(self._connection, self.path) as connection:
            for table, own in (("kept_until", day), ("kept_ahead", ahead)):
                connection.execute(f"INSERT OR REPLACE INTO {table} VALUES (1, ?)", (day_number(own),))  # noqa: S608
            connection.execute("DELETE FROM kept_ahead WHERE day <= ?", (day_number(day),))

    @property
    def is_confirmed(self) -> bool:
        """Whether a person has seen what is deleted here, and agreed."""
        return self._connection.execute("SELECT 1 FROM kept_confirmed").fetchone() is not None

    def confirm(self, who: str, at_us: int) -> None:
        """Note that a person has agreed that readings are deleted."""
        with Transaction(self._connection, self.path) as connection:
            connection.execute("INSERT OR IGNORE INTO kept_confirmed VALUES (1, ?, ?)", (who, at_us))

    @property
    def held(self) -> dict[str, int]:
        """Meters with readings that are past their years, are not what was packed, and so were not deleted."""
        query = "SELECT name, readings FROM kept_held JOIN meter ON meter.id = kept_held.meter ORDER BY name"
        return dict(self._connection.execute(query).fetchall())

    def set_held(self, readings: Mapping[str, int]) -> None:
        """Put what the latest run left in the place of what the one before left."""
        with Transaction(self._connection, self.path) as connection:
            connection.execute("DELETE FROM kept_held")
            numbers = self._new_numbers(connection, readings)
            rows = [(numbers[name], count) for name, count in readings.items()]
            connection.executemany("INSERT INTO kept_held VALUES (?, ?)", rows)

    def put(self, days: Sequence[KeptDay], gaps: Sequence[Silence], counts: Sequence[DayCount]) -> None:
        """Keep days and silences with the count of what they were made from, all or nothing. What is kept stays."""
        made = Counter((own.meter, own.day) for own in days)
        with Transaction(self._connection, self.path) as connection:
            names = {own.meter for own in days} | {gap[0] for gap in gaps} | {own.meter for own in counts}
            numbers = self._new_numbers(connection, names)
            rows = [
                (numbers[own.meter], own.field, day_number(own.day), _packed(own.values), _quality_packed(own.quality))
                for own in days
            ]
            connection.executemany("INSERT OR IGNORE INTO kept_day VALUES (?, ?, ?, ?, ?)", rows)
            silences = [(numbers[meter], *rest) for meter, *rest in gaps]
            connection.executemany("INSERT OR IGNORE INTO kept_gap VALUES (?, ?, ?, ?, ?)", silences)
            counted = [
                (numbers[own.meter], day_number(own.day), own.field, own.readings, made[own.meter, own.day])
                for own in counts
            ]
            connection.executemany("INSERT OR REPLACE INTO kept_count VALUES (?, ?, ?, ?, ?)", counted)

    def witnesses(self, meters: Sequence[str], first: dt.date, last: dt.date) -> dict[str, Witness]:
        """What packing said of the days of meters, both days included, held against the rows that are there now."""
        span = (day_number(first), day_number(last))
        fields = ", ".join(f"'{name}'" for name in FIELDS)  # named, so that the key serves
        there = (
            f"SELECT day, count(*) FROM kept_day WHERE meter = ? AND field IN ({fields}) "  # noqa: S608
            "AND day BETWEEN ? AND ? GROUP BY day"
        )
        said = "SELECT day, field, readings, made FROM kept_count WHERE meter = ? AND day BETWEEN ? AND ?"
        found = {}
        for name, number in self._numbers(meters).items():
            rows = dict(self._connection.execute(there, (number, *span)).fetchall())
            counts: Counter[str] = Counter()
            is_whole = True
            for day, field, readings, made in self._connection.execute(said, (number, *span)):
                counts[field] += readings
                is_whole = is_whole and rows.get(day, 0) >= made
            found[name] = Witness(dict(counts), sum(rows.values()), is_whole)
        return found

    def days_of(self, meter: str) -> set[dt.date]:
        """The days of which something is kept of a meter."""
        query = "SELECT DISTINCT day FROM kept_day WHERE meter = (SELECT id FROM meter WHERE name = ?)"
        return {EPOCH + dt.timedelta(days=day) for (day,) in self._connection.execute(query, (meter,))}

    def count(self) -> tuple[int, int]:
        """How many days of meters are kept, and their bytes."""
        days, size = self._connection.execute(
            "SELECT count(*), coalesce(sum(length(value) + coalesce(length(quality), 0)), 0) FROM kept_day"
        ).fetchone()
        return int(days), int(size)

    def energy(self, meters: Sequence[str], field: str, period: Period) -> IntervalEnergy:
        """Quarter-hours of meters over a period, as they were computed from readings once."""
        days = Period.days(period.first_day, period.last_day)
        index = edges(days, "15min")[:-1].tz_convert(BANGKOK).rename("start")
        energy_kwh = np.full((len(meters), len(index)), np.nan)
        quality = np.full((len(meters), len(index)), Quality.MISSING, np.uint8)
        place = {name: number for number, name in enumerate(meters)}
        for name, day, value, how in self._rows(meters, field, days):
            start = (day - day_number(days.first_day)) * QUARTERS_A_DAY
            energy_kwh[place[name], start : start + QUARTERS_A_DAY] = _unpacked(value)
            quality[place[name], start : start + QUARTERS_A_DAY] = np.frombuffer(zlib.decompress(how), np.uint8)
        inside = (index >= period.start) & (index < period.end)
        columns = list(meters)
        return IntervalEnergy(
            pd.DataFrame(energy_kwh.T[inside], index=index[inside], columns=columns),
            pd.DataFrame(quality.T[inside], index=index[inside], columns=columns),
            self._gaps(meters, field, period),
        )

    def values(self, meter: str, field: str, first: dt.date, last: dt.date, *, a_day: int) -> FloatArray:
        """(days * a_day,) a quantity of a meter over whole days; NaN where nothing is kept."""
        period = Period.days(first, last)
        found = np.full((len(period.dates), a_day), np.nan)
        for _, day, value, _ in self._rows([meter], field, period):
            found[day - day_number(first)] = _unpacked(value)
        return found.ravel()

    def copy_to(self, other: Kept) -> None:
        """Have another file keep the same; what it keeps already stays."""
        self._connection.execute("ATTACH DATABASE ? AS other", (str(other.path),))
        try:
            with Transaction(self._connection, self.path) as connection:
                connection.execute("INSERT OR IGNORE INTO other.meter (name) SELECT name FROM main.meter")
                for table, columns in (
                    ("kept_day", "field, day, value, quality"),
                    ("kept_gap", "field, start_us, end_us, energy_kwh"),
                    ("kept_count", "day, field, readings, made"),
                ):
                    connection.execute(
                        f"INSERT OR IGNORE INTO other.{table} SELECT theirs.id, {columns} FROM main.{table} AS own "  # noqa: S608
                        "JOIN main.meter AS ours ON ours.id = own.meter JOIN other.meter AS theirs USING (name)"
                    )
                connection.execute("INSERT OR IGNORE INTO other.kept_confirmed SELECT * FROM main.kept_confirmed")
        finally:
            self._connection.execute("DETACH DATABASE other")
        for day in (self.ahead, self.cut):
            if day is not None:
                other.set_cut(day)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _rows(self, meters: Sequence[str], field: str, period: Period) -> Iterable[tuple[str, int, bytes, bytes]]:
        span = (day_number(period.first_day), day_number(period.last_day))
        for name, number in self._numbers(meters).items():
            query = "SELECT ?, day, value, quality FROM kept_day WHERE meter = ? AND field = ? AND day BETWEEN ? AND ?"
            yield from self._connection.execute(query, (name, number, field, *span))

    def _gaps(self, meters: Sequence[str], field: str, period: Period) -> pd.DataFrame:
        query = (
            "SELECT start_us, end_us, energy_kwh FROM kept_gap WHERE meter = ? AND field = ? "
            "AND start_us >= ? AND start_us < ?"
        )
        span = (timestamp_us(period.start), timestamp_us(period.end))
        rows = [
            (name, *row)
            for name, number in self._numbers(meters).items()
            for row in self._connection.execute(query, (number, field, *span))
        ]
        frame = pd.DataFrame(rows, columns=["meter", "start", "end", "energy_kwh"])
        for name in ("start", "end"):
            frame[name] = pd.to_datetime(frame[name].astype("int64"), unit="us", utc=True).dt.tz_convert(BANGKOK)
        return frame.astype({"meter": "str", "energy_kwh": float})

    def _day(self, table: str) -> dt.date | None:
        row = self._connection.execute(f"SELECT day FROM {table}").fetchone()  # noqa: S608 - one of ours
        return None if row is None else EPOCH + dt.timedelta(days=row[0])

    def _new_numbers(self, connection: sqlite3.Connection, names: Iterable[str]) -> dict[str, int]:
        """The file's own number of each meter, given where there is none yet, in the transaction at hand."""
        known = sorted(names)
        connection.executemany("INSERT OR IGNORE INTO meter (name) VALUES (?)", [(name,) for name in known])
        return self._numbers(known)

    def _numbers(self, names: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for at in range(0, len(names), METERS_A_QUERY):
            some = names[at : at + METERS_A_QUERY]
            marks = ", ".join("?" * len(some))
            rows = self._connection.execute(f"SELECT name, id FROM meter WHERE name IN ({marks})", tuple(some))  # noqa: S608
            found |= dict(rows.fetchall())
        return found


def _packed(values: FloatArray) -> bytes:
    """Doubles with their like bytes side by side, which compress where the values are alike."""
    return zlib.compress(np.ascontiguousarray(values, "<f8").view(np.uint8).reshape(-1, 8).T.tobytes())


def _unpacked(content: bytes) -> FloatArray:
    planes = np.frombuffer(zlib.decompress(content), np.uint8).reshape(8, -1)
    found: FloatArray = np.ascontiguousarray(planes.T).view("<f8").ravel()
    return found


def _quality_packed(quality: QualityArray | None) -> bytes | None:
    return None if quality is None else zlib.compress(np.ascontiguousarray(quality, np.uint8).tobytes())
