"""The service's own memory: runs, deliveries, alerts and the plan, in SQLite or PostgreSQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from bkkenergy.errors import ConfigError, Fault
from bkkenergy.readings import US_PER_S
from bkkenergy.settings import STATE_URL_VARIABLE, StateSettings
from bkkenergy.store.base import StoreAway

BUSY_TIMEOUT_S = 30.0
HEAD = "0003"
"""The migration that this version's tables are at; a test holds it to the files."""
UPGRADE_LOCK = 7_061_972
"""PostgreSQL's advisory lock under which one replica migrates while the others wait."""


def open_state(settings: StateSettings) -> Engine:
    """The state's database with its tables as this version wants them. Raises ConfigError, StoreAway."""
    try:
        engine = _engine(settings)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        remedy = "Write sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME, and install bkkenergy[postgres]."
        raise ConfigError([Fault(f"${STATE_URL_VARIABLE}", f"cannot be used ({error})", remedy)]) from None
    try:
        if _version(engine) != HEAD:
            _upgrade(engine)
    except (SQLAlchemyError, OSError) as error:
        raise StoreAway(f"state database {_shown(engine)}: {error}. Check the server, the path and rights.") from error
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """All or nothing. Raises StoreAway when the database does not answer."""
    with told(engine), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A view of one moment, which keeps nobody from writing. Raises StoreAway when the database does not answer."""
    with told(engine), engine.connect().execution_options(is_reading=True) as connection, connection.begin():
        yield connection


def us_of(instant: dt.datetime) -> int:
    """Microseconds since 1970 UTC of an instant with zone, as the state keeps it."""
    if instant.tzinfo is None:
        raise ValueError(f"instant {instant} has no time zone")
    return int(instant.timestamp() * US_PER_S)


@contextmanager
def told(engine: Engine) -> Iterator[None]:
    """What the driver says, as a store that is away."""
    try:
        yield
    except DBAPIError as error:
        raise StoreAway(f"state database {_shown(engine)}: {error.orig}. It is tried again.") from error


def _shown(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)


def _engine(settings: StateSettings) -> Engine:
    if settings.url is not None and not settings.url.get_secret_value().startswith("sqlite"):
        return create_engine(settings.url.get_secret_value(), pool_pre_ping=True)
    if settings.url is None:
        settings.path.parent.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{settings.path}" if settings.url is None else settings.url.get_secret_value()
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_at_once)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_at_once(connection: Connection) -> None:
    """Take the write lock first: a transaction that reads and then writes must not find the world changed."""
    is_reading = connection.get_execution_options().get("is_reading", False)
    connection.exec_driver_sql("BEGIN" if is_reading else "BEGIN IMMEDIATE")


def _version(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(engine: Engine) -> None:
    from alembic import command  # noqa: PLC0415 - wanted once in a version's life
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "bkkenergy.store.state:migrations")
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": UPGRADE_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
