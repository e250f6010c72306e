"""The service's own memory: runs, deliveries, alerts, the plan, what ingesters refuse; in SQLite or PostgreSQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from bkkenergy.adapters.engines import AdvisoryLock, engine_of, shown, translate_db_errors
from bkkenergy.errors import BkkEnergyError
from bkkenergy.ports.readings import NewerTables, StoreUnavailable
from bkkenergy.readings import US_PER_S
from bkkenergy.settings import STATE_URL_VARIABLE, StateSettings

__all__ = [
    "HEAD",
    "StateStore",
    "StateTransaction",
    "Unwritable",
    "faults_of_data_apart",
    "hold_version",
    "open_state",
    "reading",
    "transaction",
    "us_of",
]

StateStore = Engine
"""The state as use cases and faces hold it. Threads share it; `dispose` closes it."""
StateTransaction = Connection
"""A transaction of the state at hand, handed to what writes in it."""

HEAD = "0027"
"""The migration that this version's tables are at; a test holds it to the files."""


def open_state(settings: StateSettings) -> Engine:
    """Open the state's database with its tables as this version wants them.

    Raises ConfigError, StoreUnavailable, and NewerTables where a newer version was here.
    """
    url = settings.url.get_secret_value() if settings.url is not None else None
    engine = engine_of(url, settings.path, STATE_URL_VARIABLE)
    try:
        if hold_version(engine) != HEAD:
            _upgrade(engine)
    except NewerTables:
        engine.dispose()
        raise
    except (SQLAlchemyError, OSError) as error:
        engine.dispose()
        raise StoreUnavailable(
            f"state database {shown(engine)}: {error}. Check the server, the path and rights."
        ) from error
    return engine


def hold_version(engine: Engine) -> str | None:
    """Return the number of the state's tables, None where there are none.

    Raises NewerTables where they are a newer version's, also under a process that is running.
    """
    version = _version(engine)
    if version is not None and version > HEAD:
        raise NewerTables.of("newer_tables", where=shown(engine), there=version, here=HEAD)
    return version


_present: ContextVar[Connection | None] = ContextVar("present transaction", default=None)
"""The transaction that this thread has open, which what it calls joins."""


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Open a transaction: all or nothing. Raises StoreUnavailable when the database does not answer.

    Inside another transaction it is a part of that one: what fails is undone, and the whole ends with the outer one.
    """
    outer = _present.get()
    if outer is not None and outer.engine is engine:
        with translate_db_errors(engine), outer.begin_nested():
            yield outer
        return
    with translate_db_errors(engine), engine.begin() as connection:
        token = _present.set(connection)
        try:
            yield connection
        finally:
            _present.reset(token)


class Unwritable(BkkEnergyError):
    """The database says no to what was given, not to being written: the same can never go in."""


@contextmanager
def faults_of_data_apart() -> Iterator[None]:
    """Raise Unwritable for what the database will never take, inside a transaction: it would pass as unreachable."""
    try:
        yield
    except (DataError, IntegrityError) as error:
        raise Unwritable(f"the state database refuses it ({error.orig}).") from error


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a view of one moment, which blocks no writer. Raises StoreUnavailable when the database does not answer.

    Inside a transaction it sees what that one has written.
    """
    outer = _present.get()
    if outer is not None and outer.engine is engine:
        yield outer
        return
    with (
        translate_db_errors(engine),
        engine.connect().execution_options(is_reading=True) as connection,
        connection.begin(),
    ):
        yield connection


def us_of(instant: dt.datetime) -> int:
    """Return an instant with zone as the state stores it: microseconds since 1970 UTC."""
    if instant.tzinfo is None:
        raise ValueError(f"instant {instant} has no time zone")
    return int(instant.timestamp() * US_PER_S)


def _version(engine: Engine) -> str | None:
    with engine.connect().execution_options(is_reading=True) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(engine: Engine) -> None:
    from alembic import command  # noqa: PLC0415 - wanted once in a version's life
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "bkkenergy.adapters.state:migrations")
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": AdvisoryLock.STATE_UPGRADE})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
