"""The service's own memory: runs, deliveries, alerts, the plan, what ingesters refuse; in SQLite or PostgreSQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from bkkenergy.adapters.engines import engine_of, hold_session, shown, translate_db_errors
from bkkenergy.adapters.state.versions import HEAD, hold_version, is_older, upgrade
from bkkenergy.errors import BkkEnergyError
from bkkenergy.ports.readings import StoreUnavailable, StoreUnfit
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


def open_state(settings: StateSettings) -> Engine:
    """Open the state's database with the tables that this version needs.

    Raises ConfigError, StoreUnavailable, NewerTables where a newer version was here whose tables it cannot use, and
    StoreUnfit where a pool would give its sessions away.
    """
    url = settings.url.get_secret_value() if settings.url is not None else None
    engine = engine_of(url, settings.path, STATE_URL_VARIABLE)
    try:
        hold_session(engine)
        if is_older(hold_version(engine)):
            upgrade(engine)
    except StoreUnfit:
        engine.dispose()
        raise
    except (SQLAlchemyError, OSError) as error:
        engine.dispose()
        raise StoreUnavailable.of("state_unavailable", where=shown(engine), error=error) from error
    return engine


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
        raise Unwritable.of("state_refuses", error=error.orig) from error


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
