"""Partitions by month of tables on PostgreSQL, made when a day of the month is first written.

What reads or replaces days of a month touches that month's rows alone, however many years there are. Days beyond
FIRST_DAY..END_DAY have one partition on each side: a clock that was wrong makes no thousands of them.
There is no default partition. To attach a month beside one, PostgreSQL would lock every reader of it out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import DataError, IntegrityError

from bkkenergy.adapters.engines import AdvisoryLock, shown
from bkkenergy.ports.readings import StoreRefused, StoreUnavailable
from bkkenergy.texts import Term

Opener = Callable[[], AbstractContextManager[Connection]]
FIRST_DAY, END_DAY = dt.date(2015, 1, 1), dt.date(2050, 1, 1)
"""Months from here to there have a partition each: 420 at most. To move an end takes a step in `schema`."""
CHECK_VIOLATION = "23514"


@dataclass(frozen=True, slots=True)
class Partitioned:
    """A table that is partitioned. start : the lowest key of a day. day : of a key."""

    table: str
    key: str
    start: Callable[[dt.date], int]
    day: Callable[[int], dt.date]

    def month(self, first: dt.date) -> str:
        """Return the name of a month's partition."""
        return f"{self.table}_{first:%Y_%m}"


class Months:
    """The months that have partitions, as far as this process knows. Threads may share it."""

    def __init__(self, parts: Sequence[Partitioned], writing: Opener) -> None:
        """Store how to open a transaction: of its own, so that no process waits for another while it holds rows.

        parts : the tables that are partitioned alike.
        """
        self._parts, self._writing = parts, writing
        self._known: set[dt.date] = set()

    def make(self, days: Iterable[tuple[dt.date, dt.date]]) -> None:
        """Make the partitions that spans of days need, both ends included. Raises StoreUnavailable."""
        for month in sorted({month for first, last in days for month in months_between(first, last)} - self._known):
            with self._writing() as connection:
                make_month(connection, self._parts, month)
            self._known.add(month)

    def forget(self) -> None:
        """Look again for each month, where one that was known is gone."""
        self._known.clear()


def months_between(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    """Yield the first day of each month that has a partition and days among these, both ends included."""
    month = max(first, FIRST_DAY).replace(day=1)
    while month <= last and month < END_DAY:
        yield month
        month = month_after(month)


def month_after(month: dt.date) -> dt.date:
    """Return the first day of the month after one. month : its first day."""
    return (month + dt.timedelta(days=31)).replace(day=1)


def make_month(connection: Connection, parts: Sequence[Partitioned], month: dt.date) -> None:
    """Make a month's partitions, unless they are there, in the transaction at hand. Other processes wait for its end.

    Tables are made apart and attached: that locks neither readers nor writers out. A month's table that was detached is
    attached again with its rows.
    """
    if all(part.month(month) in attached(connection, part) for part in parts):
        return
    connection.execute(select(func.pg_advisory_xact_lock(AdvisoryLock.PARTITIONS)))
    for part in parts:
        if part.month(month) not in attached(connection, part):
            attach(connection, part, part.month(month), str(part.start(month)), str(part.start(month_after(month))))


def make_edges(connection: Connection, parts: Sequence[Partitioned]) -> None:
    """Make the partitions of the days before and after all months, unless they are there."""
    for part in parts:
        first, end = str(part.start(FIRST_DAY)), str(part.start(END_DAY))
        for name, lower, upper in (("before", "MINVALUE", first), ("after", end, "MAXVALUE")):
            if f"{part.table}_{name}" not in attached(connection, part):
                attach(connection, part, f"{part.table}_{name}", lower, upper)


def attach(connection: Connection, part: Partitioned, name: str, lower: str, upper: str) -> None:
    """Attach a table, made where there is none, to a partitioned one, for keys from the lower to below the upper."""
    for statement in (
        f"CREATE TABLE IF NOT EXISTS {name} (LIKE {part.table} INCLUDING ALL)",
        f"ALTER TABLE {part.table} ATTACH PARTITION {name} FOR VALUES FROM ({lower}) TO ({upper})",
    ):
        connection.execute(text(statement))


def attached(connection: Connection, part: Partitioned) -> set[str]:
    """Return the names of a table's partitions."""
    query = text(
        "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
        "WHERE inhparent = CAST(:name AS regclass)"
    )
    return {row.relname for row in connection.execute(query, {"name": part.table})}


@contextmanager
def refusing(engine: Engine, what: Term, months: Months) -> Iterator[None]:
    """Raise StoreRefused for data that the database will never take.

    Raises StoreUnavailable where a month's partition was taken away meanwhile: it is made again at the next try.
    """
    try:
        yield
    except (IntegrityError, DataError) as error:
        where = (what, shown(engine))
        if isinstance(error, IntegrityError) and lacks_partition(error):
            months.forget()
            raise StoreUnavailable.of("partition_fails", where=where, error=error.orig) from error
        raise StoreRefused.of("partition_rejects", where=where, error=error.orig) from error


def lacks_partition(error: IntegrityError) -> bool:
    """Return whether rows were refused since their partition is gone. The tables have no other check."""
    return getattr(error.orig, "sqlstate", None) == CHECK_VIOLATION
