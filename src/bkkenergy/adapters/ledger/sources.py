"""Batches and their days in SQL: what files and persons say beside the readings. In the transaction at hand."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy import Connection, insert, select, update

from bkkenergy.adapters.bulk import insert_columns, is_among
from bkkenergy.adapters.ledger.marks import DaysToMark
from bkkenergy.adapters.ledger.packing import packed_quality, packed_values, unpacked_quality, unpacked_values
from bkkenergy.adapters.ledger.rows import date_of, day_number
from bkkenergy.adapters.ledger.tables import ledger_batch, ledger_meter, ledger_source_day
from bkkenergy.ports.ledger import CHANNELS, Batch, BatchKind, Channel, LedgerDays, NewBatch, Precedence, SourceDays
from bkkenergy.ports.readings import StoreRefused
from bkkenergy.readings import BoolArray, Quality


def touched_days(days: Sequence[LedgerDays]) -> DaysToMark:
    """Return the days of which blocks say something."""
    names = sorted({block.meter for block in days})
    index_of = {name: number for number, name in enumerate(names)}
    pairs = sorted({
        (index_of[block.meter], day_number(block.first_day) + number)
        for block in days
        for number in np.flatnonzero(_is_said(block)).tolist()
    })  # fmt: skip
    unknown = [None] * len(names)
    return DaysToMark(names, unknown, unknown, [meter for meter, _ in pairs], [day for _, day in pairs])


def _is_said(block: LedgerDays) -> BoolArray:
    """Return (days,) whether a block says anything of a day."""
    is_said: BoolArray = (block.quality != Quality.MISSING).any(axis=1)
    return is_said


def insert_batch(connection: Connection, new: NewBatch, days: Sequence[LedgerDays]) -> int:
    """Insert a batch and its days, of meters that have a row already. Return its number."""
    values = {
        "kind": new.kind.value,
        "name": new.name,
        "sha256": new.sha256,
        "who": new.who,
        "at_us": new.at_us,
        "meters": json.dumps(new.meters),
        "first_us": new.first_us,
        "end_us": new.end_us,
        "count": new.count,
        "energy_kwh": None if np.isnan(new.energy_kwh) else new.energy_kwh,
        "precedence": new.precedence.value,
    }
    batch = int(connection.execute(insert(ledger_batch).values(values).returning(ledger_batch.c.id)).scalar_one())
    numbers = _numbers(connection, [block.meter for block in days])
    for block in days:
        said = np.flatnonzero(_is_said(block))
        first, count = day_number(block.first_day), len(said)
        columns: Mapping[str, list[object]] = {
            "meter": [numbers[block.meter]] * count,
            "day": [*(first + said).tolist()],
            "channel": [block.channel] * count,
            "batch": [batch] * count,
            "slots": [*packed_values(block.values[said])],
            "quality": [*packed_quality(block.quality[said])],
        }
        insert_columns(connection, ledger_source_day, columns)
    return batch


def _numbers(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    columns = ledger_meter.c
    among = is_among(connection.dialect.name == "postgresql", columns.name, sorted(set(names)))
    return {row.name: row.id for row in connection.execute(select(columns.name, columns.id).where(among))}


def set_undone(connection: Connection, number: int, who: str, at_us: int) -> bool:
    """Record that a batch counts no more. Return False where it did not count, or is not there."""
    columns = ledger_batch.c
    done = connection.execute(
        update(ledger_batch)
        .where(columns.id == number, columns.undone_us.is_(None))
        .values(undone_us=at_us, undone_by=who)
    )
    return done.rowcount == 1


def days_of_batch(connection: Connection, number: int) -> DaysToMark:
    """Return the days of which a batch says something."""
    columns = ledger_source_day.c
    query = (
        select(ledger_meter.c.name, columns.day)
        .join(ledger_meter, ledger_meter.c.id == columns.meter)
        .where(columns.batch == number)
        .distinct()
        .order_by(ledger_meter.c.name, columns.day)
    )
    rows = connection.execute(query).all()
    names = sorted({row.name for row in rows})
    index_of = {name: at for at, name in enumerate(names)}
    unknown = [None] * len(names)
    return DaysToMark(names, unknown, unknown, [index_of[row.name] for row in rows], [row.day for row in rows])


def read_batches(connection: Connection) -> list[Batch]:
    """Read all batches, in the order in which they came."""
    nan = float("nan")
    return [
        Batch(
            row.id,
            NewBatch(
                BatchKind(row.kind),
                row.name,
                row.sha256,
                row.who,
                row.at_us,
                tuple(json.loads(row.meters)),
                row.first_us,
                row.end_us,
                row._mapping[ledger_batch.c.count],  # noqa: SLF001 - a row has a method of this name
                nan if row.energy_kwh is None else row.energy_kwh,
                Precedence(row.precedence),
            ),
            row.undone_us,
            row.undone_by,
        )
        for row in connection.execute(select(ledger_batch).order_by(ledger_batch.c.id))
    ]


def read_sources(
    connection: Connection,
    meters: Sequence[str],
    first: dt.date,
    last: dt.date,
    channels: Mapping[str, Channel] = CHANNELS,
) -> list[SourceDays]:
    """Read the days of batches that count. Raises StoreRefused where a row is damaged."""
    source, batch = ledger_source_day.c, ledger_batch.c
    query = (
        select(
            source.batch,
            batch.precedence,
            ledger_meter.c.name,
            source.channel,
            source.day,
            source.slots,
            source.quality,
        )
        .join(ledger_meter, ledger_meter.c.id == source.meter)
        .join(ledger_batch, batch.id == source.batch)
        .where(is_among(connection.dialect.name == "postgresql", ledger_meter.c.name, list(meters)))
        .where(source.day.between(day_number(first), day_number(last)), batch.undone_us.is_(None))
        .order_by(source.batch, ledger_meter.c.name, source.channel, source.day)
    )
    blocks = []
    for number, precedence, meter, channel, day, slots, quality in connection.execute(query):
        size = channels[channel].slots_per_day
        try:
            values, flags = unpacked_values([slots], size), unpacked_quality([quality], size)
        except ValueError as error:
            raise StoreRefused.of("batch_day", number=number, meter=meter, day=date_of(day), error=error) from error
        blocks.append(SourceDays(number, Precedence(precedence), meter, channel, date_of(day), values, flags))
    return blocks
