"""Tables of the energy ledger, the same on SQLite and PostgreSQL. Instants are us since 1970 UTC.

There are no foreign keys: rows of a meter are only ever written under a lock of its row in `ledger_meter`.
On PostgreSQL days and hours are partitioned by month (`partitions`); a change of a table is a step in `schema`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, LargeBinary, MetaData, SmallInteger, String, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable, DDLElement

metadata = MetaData()

Number = BigInteger().with_variant(Integer, "sqlite")
"""A meter's number. PostgreSQL takes a new one from its sequence for each upsert, also where the meter is known:
32 bits would last for days."""

ledger_meter = Table(
    "ledger_meter",
    metadata,
    Column("id", Number, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("first_us", BigInteger),
    Column("last_us", BigInteger),
    Column("mark", BigInteger, nullable=False),
    Column("waiting_since_us", BigInteger),
    Column("revision", String, nullable=False, server_default=""),
    Column("owner", String, nullable=False, server_default=""),
    Column("claim_until_us", BigInteger, nullable=False, server_default="0"),
    postgresql_with={"fillfactor": 50},  # rows change with each batch: room for the new version beside the old
)
"""first_us, last_us : of the readings. mark : how often the meter was marked; it never falls, so a mark is never
mistaken for an older one. waiting_since_us : of its oldest mark, NULL without one."""

ledger_day = Table(
    "ledger_day",
    metadata,
    Column("meter", Number, primary_key=True, autoincrement=False),
    Column("channel", String, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("total", Double),
    Column("measured", SmallInteger, nullable=False),
    Column("estimated", SmallInteger, nullable=False),
    Column("edited", SmallInteger, nullable=False),
    Column("incomplete", SmallInteger, nullable=False),
    Column("peak", Double),
    Column("peak_slot", SmallInteger, nullable=False),
    Column("readings", Integer, nullable=False),
    Column("computed_us", BigInteger, nullable=False),
    Column("slots", LargeBinary, nullable=False),
    Column("quality", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
    postgresql_partition_by="RANGE (day)",
)
"""day : days since 1970-01-01 in Bangkok. readings : values that the day was computed from.
slots, quality : packed, see `packing`."""

ledger_hour = Table(
    "ledger_hour",
    metadata,
    Column("meter", Number, primary_key=True, autoincrement=False),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("channel", String, primary_key=True),
    Column("value", Double, nullable=False),
    Column("measured", SmallInteger, nullable=False),
    sqlite_with_rowid=False,
    postgresql_partition_by="RANGE (hour)",
)
"""Sums of the slots of additive channels, for dashboards. hour : hours since 1970 UTC. measured : slots, of those that
the hour has. An hour of which nothing is known has no row."""

ledger_span = Table(
    "ledger_span",
    metadata,
    Column("id", Number, primary_key=True),
    Column("meter", Number, nullable=False),
    Column("channel", String, nullable=False),
    Column("start_us", BigInteger, nullable=False),
    Column("end_us", BigInteger, nullable=False),
    Column("reason", String, nullable=False),
    Column("energy_kwh", Double),
    Index("ledger_span_meter", "meter", "start_us"),
)

ledger_stale = Table(
    "ledger_stale",
    metadata,
    Column("meter", Number, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("mark", BigInteger, nullable=False),
    Column("since_us", BigInteger, nullable=False),
    sqlite_with_rowid=False,
    postgresql_with={"fillfactor": 50},
)
"""mark : of the meter, when the day was last marked."""

ledger_batch = Table(
    "ledger_batch",
    metadata,
    Column("id", Number, primary_key=True),
    Column("kind", String, nullable=False),
    Column("name", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("who", String, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("meters", String, nullable=False),
    Column("first_us", BigInteger, nullable=False),
    Column("end_us", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("energy_kwh", Double),
    Column("precedence", String, nullable=False),
    Column("undone_us", BigInteger),
    Column("undone_by", String, nullable=False, server_default=""),
)
"""meters : their names, as a JSON list. A batch is never deleted: undone_us says that it counts no more."""

ledger_source_day = Table(
    "ledger_source_day",
    metadata,
    Column("meter", Number, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("channel", String, primary_key=True),
    Column("batch", Number, primary_key=True, autoincrement=False),
    Column("slots", LargeBinary, nullable=False),
    Column("quality", LargeBinary, nullable=False),
    Index("ledger_source_day_batch", "batch"),
    sqlite_with_rowid=False,
)
"""What a batch says of a day, beside the readings. Nothing can compute these rows again: back them up."""

ledger_reading_change = Table(
    "ledger_reading_change",
    metadata,
    Column("id", Number, primary_key=True),
    Column("batch", Number, nullable=False),
    Column("meter", String, nullable=False),
    Column("packed", LargeBinary, nullable=False),
    Index("ledger_reading_change_batch", "batch"),
)
"""What a batch of readings changed in their store: see `ports.readingchanges`. Its undo needs these rows."""

ledger_purge = Table(
    "ledger_purge",
    metadata,
    Column("meter", Number, primary_key=True, autoincrement=False),
    Column("first_day", Integer, primary_key=True, autoincrement=False),
    Column("last_day", Integer, nullable=False),
    Column("deleted_before", Integer, nullable=False),
    Column("is_done", SmallInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Days whose rows stay as they are, since readings were deleted: see `ports.ledger.Purged`."""

ledger_late = Table(
    "ledger_late",
    metadata,
    Column("meter", Number, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""Purged days for which readings came later."""

ledger_held = Table(
    "ledger_held",
    metadata,
    Column("meter", Number, primary_key=True, autoincrement=False),
    Column("readings", BigInteger, nullable=False),
)
"""Readings past their years that the latest purge did not delete."""

ledger_agreed = Table(
    "ledger_agreed",
    metadata,
    Column("one", SmallInteger, primary_key=True, autoincrement=False),
    Column("who", String, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)
"""Who agreed that readings are purged here, and when: one row at most."""


def sqlite_schema() -> str:
    """Return the statements that make the tables which an SQLite file lacks."""
    dialect = sqlite.dialect()
    tables = metadata.sorted_tables
    statements: list[DDLElement] = [CreateTable(table, if_not_exists=True) for table in tables]
    statements += [CreateIndex(index, if_not_exists=True) for table in tables for index in table.indexes]
    return "".join(f"{statement.compile(dialect=dialect)};\n" for statement in statements)
