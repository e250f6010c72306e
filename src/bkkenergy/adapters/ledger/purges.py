"""What the energy ledger knows of raw readings that were deleted, in SQLite or PostgreSQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, update

from bkkenergy.adapters.bulk import is_among
from bkkenergy.adapters.ledger.columns import numbers_of
from bkkenergy.adapters.ledger.marks import DaysToMark
from bkkenergy.adapters.ledger.rows import date_of, day_number
from bkkenergy.adapters.ledger.tables import (
    ledger_agreed,
    ledger_held,
    ledger_late,
    ledger_meter,
    ledger_purge,
    ledger_stale,
)
from bkkenergy.adapters.partitions import Opener
from bkkenergy.ports.ledger import DaysPurged, PurgeAgreed, Purged


class SqlPurgeRecords:
    """The PurgeRecords of an SQL database."""

    def __init__(self, reading: Opener, writing: Opener, clock: Callable[[], int]) -> None:
        """Store how to open transactions. reading, writing : the ledger's. clock : us since 1970 UTC, for leases."""
        self._reading, self._writing, self._clock = reading, writing, clock

    def agree(self, who: str, at_us: int) -> None:
        """Record that a person agrees that readings are purged here. The first one stays."""
        with self._writing() as connection:
            if connection.execute(select(ledger_agreed)).first() is None:
                connection.execute(insert(ledger_agreed).values(one=1, who=who, at_us=at_us))

    def agreed(self) -> PurgeAgreed | None:
        """Return who agreed, or None where no person did."""
        with self._reading() as connection:
            row = connection.execute(select(ledger_agreed)).first()
        return None if row is None else PurgeAgreed(row.who, row.at_us)

    def spans(self, meters: Sequence[str] | None = None) -> Mapping[str, Sequence[Purged]]:
        """Return the purged days of each meter that has some, in order."""
        rows = self._by_meter(ledger_purge, meters, "first_day", "last_day", "deleted_before", "is_done")
        return {
            name: [
                Purged(date_of(first), date_of(last), date_of(before), bool(done)) for first, last, before, done in days
            ]
            for name, days in rows.items()
        }

    def begin(self, spans: Mapping[str, Sequence[Purged]]) -> frozenset[str]:
        """Replace the spans of meters, before their readings are deleted; return the meters for which it was done."""
        begun = set()
        with self._writing() as connection:
            for row in self._locked(connection, spans):
                if row.claim_until_us > self._clock() and row.owner:
                    continue
                purged, mark = spans[row.name], ledger_stale.c
                marks = select(mark.day).where(mark.meter == row.id)
                if any(_holds(purged, date_of(stale.day)) for stale in connection.execute(marks)):
                    continue
                free = update(ledger_meter).where(ledger_meter.c.id == row.id).values(owner="", claim_until_us=0)
                connection.execute(free)
                connection.execute(delete(ledger_purge).where(ledger_purge.c.meter == row.id))
                if purged:
                    connection.execute(insert(ledger_purge), [_row(row.id, span) for span in purged])
                begun.add(row.name)
        return frozenset(begun)

    def finish(self, meters: Sequence[str]) -> None:
        """Record that the deletion of these meters' readings came to its end."""
        with self._writing() as connection:
            numbers = list(numbers_of(connection, meters).values())
            among = is_among(_is_postgresql(connection), ledger_purge.c.meter, numbers)
            connection.execute(update(ledger_purge).where(among).values(is_done=1))

    def add_late(self, meter: str, days: Sequence[dt.date]) -> None:
        """Record purged days for which readings came later. They stay in the store, and no row changes."""
        with self._writing() as connection:
            for row in self._locked(connection, [meter]):
                query = select(ledger_late.c.day).where(ledger_late.c.meter == row.id)
                known = {date_of(late.day) for late in connection.execute(query)}
                new = [{"meter": row.id, "day": day_number(day)} for day in sorted(set(days) - known)]
                if new:
                    connection.execute(insert(ledger_late), new)

    def late(self, meters: Sequence[str] | None = None) -> Mapping[str, Sequence[dt.date]]:
        """Return such days of each meter that has some, in order."""
        rows = self._by_meter(ledger_late, meters, "day")
        return {name: [date_of(day) for (day,) in days] for name, days in rows.items()}

    def undeleted(self) -> Mapping[str, int]:
        """Count the readings past their years that the latest purge did not delete, for each meter with some."""
        return {name: counts[0][0] for name, counts in self._by_meter(ledger_held, None, "readings").items()}

    def set_undeleted(self, readings: Mapping[str, int]) -> None:
        """Replace what the purge before held back."""
        with self._writing() as connection:
            connection.execute(delete(ledger_held))
            numbers = numbers_of(connection, list(readings))
            rows = [{"meter": numbers[name], "readings": count} for name, count in readings.items() if name in numbers]
            if rows:
                connection.execute(insert(ledger_held), rows)

    def _by_meter(self, table: Table, meters: Sequence[str] | None, *columns: str) -> dict[str, list[tuple[Any, ...]]]:
        """Return the rows of a table by the name of their meter, in order of the first column."""
        with self._reading() as connection:
            query = (
                select(ledger_meter.c.name, *(table.c[name] for name in columns))
                .join(ledger_meter, ledger_meter.c.id == table.c.meter)
                .order_by(ledger_meter.c.name, table.c[columns[0]])
            )
            if meters is not None:
                query = query.where(is_among(_is_postgresql(connection), ledger_meter.c.name, meters))
            rows = connection.execute(query).all()
        return {name: [tuple(row[1:]) for row in group] for name, group in groupby(rows, lambda row: str(row.name))}

    def _locked(self, connection: Connection, meters: Iterable[str]) -> Sequence[Any]:
        """Return rows of meters, locked in the order of their names like those of every commit."""
        among = is_among(_is_postgresql(connection), ledger_meter.c.name, list(meters))
        query = select(ledger_meter).where(among).order_by(ledger_meter.c.name).with_for_update()
        return connection.execute(query).all()


def refuse_purged(connection: Connection, touched: DaysToMark) -> None:
    """Raise DaysPurged where one of the days is. Their meters' rows are locked."""
    names = {number: name for name, number in numbers_of(connection, touched.names).items()}
    among = is_among(_is_postgresql(connection), ledger_purge.c.meter, list(names))
    for row in connection.execute(select(ledger_purge).where(among)).all():
        index = touched.names.index(names[row.meter])
        for meter, day in zip(touched.meter, touched.day, strict=True):
            if meter == index and row.first_day <= day <= row.last_day:
                raise DaysPurged(names[row.meter], date_of(day))


def _holds(spans: Sequence[Purged], day: dt.date) -> bool:
    return any(span.first <= day <= span.last for span in spans)


def _row(number: int, span: Purged) -> dict[str, int]:
    return {
        "meter": number,
        "first_day": day_number(span.first),
        "last_day": day_number(span.last),
        "deleted_before": day_number(span.deleted_before),
        "is_done": int(span.is_done),
    }


def _is_postgresql(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"
