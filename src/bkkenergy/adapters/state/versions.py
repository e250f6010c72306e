"""The state's tables by number: which this version needs, and which programs may go on when a newer one was here."""

from __future__ import annotations

import structlog
from sqlalchemy import Column, Connection, Engine, String, Table, delete, insert, inspect, select, text

from bkkenergy.adapters.engines import AdvisoryLock, shown
from bkkenergy.adapters.state.metadata import metadata
from bkkenergy.ports.readings import NewerTables

log = structlog.get_logger(__name__)

MIGRATIONS = "bkkenergy.adapters.state:migrations"
HEAD = "0030"
"""The migration that this version's tables are at; a test holds it to the files."""
OLDEST = "0029"
"""The oldest such number whose programs may go on working on this version's tables: hosts are upgraded one by one.

A migration that adds tables, and columns that may be left out, keeps it. One that takes away what such a program reads
or writes, or gives it another meaning, sets it to HEAD. A test compares the tables of the two.
"""

oldest_program = Table("oldest_program", metadata, Column("head", String(32), primary_key=True))
"""One row: OLDEST of the version that made the tables what they are."""


def hold_version(engine: Engine) -> str | None:
    """Return the number of the state's tables, None where there are none.

    Raises NewerTables where they are a newer version's that this one cannot use, also under a process that is running.
    """
    with engine.connect().execution_options(is_reading=True) as connection:
        return _held(connection)


def is_older(version: str | None) -> bool:
    """Check whether tables of that number are to be brought up."""
    return version is None or version < HEAD


def upgrade(engine: Engine) -> None:
    """Bring the tables up, one process while the others wait. Raises NewerTables where a newer version came first."""
    from alembic import command  # noqa: PLC0415 - wanted once in a version's life
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": AdvisoryLock.STATE_UPGRADE})
        if not is_older(_held(connection)):
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.execute(delete(oldest_program))
        connection.execute(insert(oldest_program).values(head=OLDEST))


def _held(connection: Connection) -> str | None:
    inspector = inspect(connection)
    if not inspector.has_table("alembic_version"):
        return None
    version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if version is None or version <= HEAD:
        return version
    oldest = None
    if inspector.has_table(oldest_program.name):
        oldest = connection.execute(select(oldest_program.c.head)).scalar()
    if oldest is None or oldest > HEAD:
        raise NewerTables.of("newer_tables", where=shown(connection.engine), there=version, here=HEAD)
    return version
