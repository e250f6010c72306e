"""Quarter-hours of days whose readings are no longer kept: what every report is made from, in a sixth of the room.

Energies are packed as they were computed, bit for bit, so a report of an old period says what it said before. Energy
of silences too long to be spread, hourly weather and quarter-hourly power factors are kept beside them.
"""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK, Period, edges, timestamp_us
from bkkenergy.metering.intervals import IntervalEnergy
from bkkenergy.readings import FloatArray, Quality, QualityArray
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
CREATE TABLE IF NOT EXISTS kept_until (one INTEGER PRIMARY KEY CHECK (one = 1), day INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS kept_forgotten (
    one INTEGER PRIMARY KEY CHECK (one = 1), before_us INTEGER NOT NULL, too_late INTEGER NOT NULL
);
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


class Kept:
    """What is kept of old days, in the store's file (or beside it, where readings live on a server)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = open_database(path)
        make_tables(self._connection, path, SCHEMA)

    @property
    def cut(self) -> dt.date | None:
        """The first day that is still read from readings; None where all are."""
        row = self._connection.execute("SELECT day FROM kept_until").fetchone()
        return None if row is None else EPOCH + dt.timedelta(days=row[0])

    def set_cut(self, day: dt.date) -> None:
        """From now on, days before this one are read from what is kept. The cut never goes back."""
        with Transaction(self._connection, self.path) as connection:
            connection.execute(
                "INSERT INTO kept_until VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET day = max(day, excluded.day)",
                (day_number(day),),
            )

    @property
    def forgotten(self) -> tuple[int, int]:
        """The instant (us since 1970 UTC) before which readings were deleted; how many came too late for their day."""
        row = self._connection.execute("SELECT before_us, too_late FROM kept_forgotten").fetchone()
        return (0, 0) if row is None else (int(row[0]), int(row[1]))

    def set_forgotten(self, before_us: int, too_late: int) -> None:
        """Readings before an instant are deleted, and so many in all came too late. Neither ever goes back."""
        with Transaction(self._connection, self.path) as connection:
            connection.execute(
                "INSERT INTO kept_forgotten VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET "
                "before_us = max(before_us, excluded.before_us), too_late = max(too_late, excluded.too_late)",
                (before_us, too_late),
            )

    def put(self, days: Sequence[KeptDay], gaps: Sequence[Silence]) -> None:
        """Keep days and silences, all or nothing. What is kept already stays."""
        with Transaction(self._connection, self.path) as connection:
            names = {own.meter for own in days} | {gap[0] for gap in gaps}
            connection.executemany("INSERT OR IGNORE INTO meter (name) VALUES (?)", [(name,) for name in sorted(names)])
            numbers = self._numbers(sorted(names))
            rows = [
                (numbers[own.meter], own.field, day_number(own.day), _packed(own.values), _quality_packed(own.quality))
                for own in days
            ]
            connection.executemany("INSERT OR IGNORE INTO kept_day VALUES (?, ?, ?, ?, ?)", rows)
            silences = [(numbers[meter], *rest) for meter, *rest in gaps]
            connection.executemany("INSERT OR IGNORE INTO kept_gap VALUES (?, ?, ?, ?, ?)", silences)

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
                ):
                    connection.execute(
                        f"INSERT OR IGNORE INTO other.{table} SELECT theirs.id, {columns} FROM main.{table} AS own "  # noqa: S608
                        "JOIN main.meter AS ours ON ours.id = own.meter JOIN other.meter AS theirs USING (name)"
                    )
        finally:
            self._connection.execute("DETACH DATABASE other")
        if (cut := self.cut) is not None:
            other.set_cut(cut)
            other.set_forgotten(*self.forgotten)

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
