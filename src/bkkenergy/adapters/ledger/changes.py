"""What imports changed among the readings, in SQLite or PostgreSQL: enough to take an import back."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator

import numpy as np
from sqlalchemy import insert, select, update

from bkkenergy.adapters.ledger.columns import numbers_of
from bkkenergy.adapters.ledger.tables import ledger_meter, ledger_reading_change
from bkkenergy.adapters.partitions import Opener
from bkkenergy.ports.ledger import MeterSeen
from bkkenergy.ports.readingchanges import ReadingChanges
from bkkenergy.ports.readings import StoreRefused

NEW, BEFORE = "new.", "before."
"""Names of packed columns begin with one of these."""


class SqlReadingChangeRecords:
    """The ReadingChangeRecords of an SQL database."""

    def __init__(self, reading: Opener, writing: Opener) -> None:
        """Store how to open transactions. reading, writing : those of the ledger."""
        self._reading, self._writing = reading, writing

    def add(self, batch: int, changes: ReadingChanges) -> None:
        """Record what a batch is about to change, before it does."""
        if len(changes.ts_us):
            row = {"batch": batch, "meter": changes.meter, "packed": _packed(changes)}
            with self._writing() as connection:
                connection.execute(insert(ledger_reading_change).values(row))

    def of(self, batch: int) -> Iterator[ReadingChanges]:
        """Yield the changes that a batch made, the latest first. Raises StoreRefused where a row is damaged."""
        columns = ledger_reading_change.c
        with self._reading() as connection:
            numbers = [row.id for row in connection.execute(select(columns.id).where(columns.batch == batch))]
        for number in sorted(numbers, reverse=True):
            with self._reading() as connection:
                row = connection.execute(select(columns.meter, columns.packed).where(columns.id == number)).one()
            try:
                yield _unpacked(row.meter, row.packed)
            except (ValueError, KeyError, zlib.error, OSError) as error:
                raise StoreRefused.of("batch_change_damaged", batch=batch, meter=row.meter, error=error) from error

    def set_seen(self, meter: str, seen: MeterSeen | None) -> None:
        """Set the earliest and latest reading that a meter has now, after some were deleted."""
        with self._writing() as connection:
            number = numbers_of(connection, [meter]).get(meter)
            values = {"first_us": seen.first_us if seen else None, "last_us": seen.last_us if seen else None}
            connection.execute(update(ledger_meter).where(ledger_meter.c.id == number).values(values))


def _packed(changes: ReadingChanges) -> bytes:
    file = io.BytesIO()
    columns = {NEW + name: values for name, values in changes.new.items()}
    columns |= {BEFORE + name: values for name, values in changes.before.items()}
    np.savez_compressed(file, ts_us=changes.ts_us, **columns)  # type: ignore[arg-type]
    return file.getvalue()


def _unpacked(meter: str, packed: bytes) -> ReadingChanges:
    with np.load(io.BytesIO(packed), allow_pickle=False) as file:
        columns = {name: file[name] for name in file.files}
    sides = [
        {name[len(side) :]: values for name, values in columns.items() if name.startswith(side)}
        for side in (NEW, BEFORE)
    ]
    return ReadingChanges(meter, columns["ts_us"], *sides)
