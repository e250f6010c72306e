"""Columns of the ledger in and out of SQL: many rows in one statement, and arrays instead of rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, bindparam, exists, select, text, update

from bkkenergy.adapters.bulk import as_given, is_among, is_among_given
from bkkenergy.adapters.ledger.packing import unpacked_quality, unpacked_values
from bkkenergy.adapters.ledger.rows import date_of, day_number
from bkkenergy.adapters.ledger.tables import ledger_day, ledger_meter, ledger_stale
from bkkenergy.ports.ledger import Channel, DayTotals, Having, Slots
from bkkenergy.ports.readings import StoreRefused
from bkkenergy.readings import BoolArray, FloatArray, IntArray, Quality

ROWS_AT_ONCE = 20_000
"""About how many rows are in memory while arrays are filled."""
COUNTS = ("measured", "estimated", "edited", "incomplete")

CHANNELS_OF_METER = text("""
WITH RECURSIVE own (channel) AS (
    SELECT min(channel) FROM ledger_day WHERE meter = :meter
    UNION ALL
    SELECT (SELECT min(channel) FROM ledger_day WHERE meter = :meter AND channel > own.channel)
    FROM own WHERE own.channel IS NOT NULL
) SELECT channel FROM own WHERE channel IS NOT NULL
""")
"""Channels of a meter, by a look at the index for each instead of a walk over all days."""


def numbers_of(connection: Connection, meters: Sequence[str]) -> dict[str, int]:
    """Return the ledger's number of each meter that it knows."""
    is_postgresql = connection.dialect.name == "postgresql"
    rows = connection.execute(_numbers_query(is_postgresql), {"given": as_given(is_postgresql, meters)})
    return {row.name: row.id for row in rows}


def channels_of(connection: Connection, meters: Sequence[str]) -> dict[str, list[str]]:
    """Return the names of the channels that each meter has rows of."""
    return {
        name: [row.channel for row in connection.execute(CHANNELS_OF_METER, {"meter": number})]
        for name, number in numbers_of(connection, meters).items()
    }


def marks_of(connection: Connection, numbers: Sequence[int]) -> dict[int, dict[dt.date, int]]:
    """Return the marked days of meters by their numbers, in order, and how often each was marked."""
    stale, is_postgresql = ledger_stale.c, connection.dialect.name == "postgresql"
    query = (
        select(stale.meter, stale.day, stale.mark)
        .where(is_among(is_postgresql, stale.meter, numbers))
        .order_by(stale.meter, stale.day)
    )
    by_number = groupby(connection.execute(query).all(), lambda row: row.meter)
    return {int(number): {date_of(row.day): row.mark for row in group} for number, group in by_number}


def end_waits(connection: Connection, meters: Sequence[str]) -> None:
    """Note that meters without a marked day wait for nothing: a worker would claim each of a new city in turn."""
    is_marked = exists().where(ledger_stale.c.meter == ledger_meter.c.id)
    is_given = is_among(connection.dialect.name == "postgresql", ledger_meter.c.name, meters)
    connection.execute(update(ledger_meter).where(is_given, ~is_marked).values(waiting_since_us=None))


# Statements are made once: making them takes longer than a small page's rows.
@cache
def _numbers_query(is_postgresql: bool) -> Select[Any]:
    columns = ledger_meter.c
    return select(columns.name, columns.id).where(is_among_given(is_postgresql, columns.name, "given"))


@cache
def _days_query(is_postgresql: bool, names: tuple[str, ...]) -> Select[Any]:
    columns = ledger_day.c
    return select(columns.meter, columns.day, *(columns[name] for name in names)).where(
        is_among_given(is_postgresql, columns.meter, "given"),
        columns.channel == bindparam("channel"),
        columns.day.between(bindparam("first"), bindparam("last")),
    )


@cache
def _waiting_query(is_postgresql: bool) -> Select[Any]:
    columns = ledger_stale.c
    return select(columns.meter, columns.day).where(
        is_among_given(is_postgresql, columns.meter, "given"),
        columns.day.between(bindparam("first"), bindparam("last")),
    )


def nearest_day(
    connection: Connection, meter: str, channel: Channel, day: dt.date, having: Having, *, is_before: bool
) -> dt.date | None:
    """Return the day before or after one whose row has readings, or energy; None without one."""
    columns = ledger_day.c
    number = numbers_of(connection, [meter]).get(meter)
    is_row = (columns.meter == number, columns.channel == channel.name, columns[having.value] > 0)
    side = columns.day < day_number(day) if is_before else columns.day > day_number(day)
    order = columns.day.desc() if is_before else columns.day.asc()
    nearest = connection.execute(select(columns.day).where(*is_row, side).order_by(order).limit(1)).scalar()
    return None if nearest is None else date_of(nearest)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is read: meters in the order in which they were asked for, those that the ledger knows, and days."""

    connection: Connection
    meters: tuple[str, ...]
    channel: Channel
    first: int
    last: int
    numbers: IntArray
    positions: IntArray
    """numbers : of known meters, rising; place : of each in `meters`."""

    @property
    def days(self) -> int:
        return self.last - self.first + 1

    def rows(self, *columns: str) -> Iterator[list[tuple[Any, ...]]]:
        """Read rows of `ledger_day` of some meters at a time: meter, day and the columns."""
        query = _days_query(self._is_postgresql, columns)
        step = max(1, ROWS_AT_ONCE // self.days)
        for start in range(0, len(self.numbers), step):
            yield self._fetched(query, self.numbers[start : start + step], channel=self.channel.name)

    def waiting(self) -> BoolArray:
        """Find the days that are marked: (days, m)."""
        is_waiting = np.zeros((len(self.meters), self.days), np.bool_)
        rows = self._fetched(_waiting_query(self._is_postgresql), self.numbers)
        if rows:
            is_waiting[self.at(rows)] = True
        return is_waiting.T

    def at(self, rows: Sequence[tuple[Any, ...]]) -> tuple[IntArray, IntArray]:
        """Find where rows stand: place of their meter and of their day."""
        numbers = np.fromiter((row[0] for row in rows), np.int64, len(rows))
        days = np.fromiter((row[1] for row in rows), np.int64, len(rows))
        return self.positions[np.searchsorted(self.numbers, numbers)], days - self.first

    @property
    def _is_postgresql(self) -> bool:
        return self.connection.dialect.name == "postgresql"

    def _fetched(self, query: Select[Any], numbers: IntArray, **given: object) -> list[tuple[Any, ...]]:
        given |= {"given": as_given(self._is_postgresql, numbers.tolist()), "first": self.first, "last": self.last}
        result = self.connection.execute(query, given)
        rows: list[tuple[Any, ...]] = list(result.cursor.fetchall())  # plain tuples of the driver
        result.close()
        return rows


def _asked(connection: Connection, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> _Asked:
    if last < first or len(set(meters)) < len(meters):
        raise ValueError(f"days from {first} to {last} of {len(meters)} meters: days run forward, meters occur once")
    numbers = numbers_of(connection, meters)
    known = sorted((numbers[name], position) for position, name in enumerate(meters) if name in numbers)
    table = np.array(known, np.int64).reshape(-1, 2)
    return _Asked(
        connection, tuple(meters), channel, day_number(first), day_number(last), table[:, 0].copy(), table[:, 1].copy()
    )


def read_slots(connection: Connection, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> Slots:
    """Read slots in the transaction at hand. Raises StoreRefused where a row is damaged."""
    asked = _asked(connection, meters, channel, first, last)
    size = channel.slots_per_day
    shape = (len(meters), asked.days)
    values = np.full((*shape, size), np.nan)
    quality = np.full((*shape, size), Quality.MISSING, np.uint8)
    is_computed = np.zeros(shape, np.bool_)
    for rows in asked.rows("slots", "quality"):
        where = asked.at(rows)
        is_computed[where] = True
        try:
            values[where] = unpacked_values([row[2] for row in rows], size)
            quality[where] = unpacked_quality([row[3] for row in rows], size)
        except ValueError as error:
            raise StoreRefused.of("ledger_channel", name=channel.name, error=error) from error
    return Slots(
        tuple(meters),
        channel,
        first,
        values.reshape(len(meters), asked.days * size).T,
        quality.reshape(len(meters), asked.days * size).T,
        asked.waiting(),
        is_computed.T,
    )


def read_totals(
    connection: Connection, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date
) -> DayTotals:
    """Read days in the transaction at hand; the slots are not looked at."""
    asked = _asked(connection, meters, channel, first, last)
    shape = (len(meters), asked.days)
    total, peak = np.full(shape, np.nan), np.full(shape, np.nan)
    counts: dict[str, IntArray] = {name: np.zeros(shape, np.int64) for name in COUNTS}
    peak_slot = np.full(shape, -1, np.int64)
    is_computed = np.zeros(shape, np.bool_)
    for rows in asked.rows("total", "peak", *COUNTS, "peak_slot"):
        if rows:
            where = asked.at(rows)
            table: FloatArray = np.array(rows, np.float64)
            is_computed[where] = True
            total[where], peak[where] = table[:, 2], table[:, 3]
            for position, name in enumerate(COUNTS):
                counts[name][where] = table[:, 4 + position]
            peak_slot[where] = table[:, -1]
    return DayTotals(
        tuple(meters),
        channel,
        first,
        total.T,
        **{name: matrix.T for name, matrix in counts.items()},
        peak=peak.T,
        peak_slot=peak_slot.T,
        is_waiting=asked.waiting(),
        is_computed=is_computed.T,
    )
