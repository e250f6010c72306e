"""SQL databases of the service: SQLite files and PostgreSQL behind one kind of engine and transaction."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum, unique
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from bkkenergy.adapters.commits import CountingConnection, report_losses
from bkkenergy.adapters.files import make_file
from bkkenergy.adapters.sqlite_file import hold_in_place, identity_of, use_write_ahead_log
from bkkenergy.errors import ConfigError, Fault
from bkkenergy.ports.readings import StoreUnavailable, StoreUnfit
from bkkenergy.texts import Term

STATE = Term("state database", "server_of.state")
BUSY_TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 10
SEND_TIMEOUT_MS = 30_000
"""What is sent is acknowledged by the server's kernel within this, or the connection is broken."""
PROBING = {"idle": 10, "interval": 5, "count": 4}
"""A connection on which nothing comes is probed, by both sides: a host that is cut off is given up after 30 s. Without,
a server would keep what that host had locked, the lead too, for the two hours of Linux."""


@unique
class AdvisoryLock(IntEnum):
    """PostgreSQL's advisory locks: all of them, since state and ledger may lie in one database."""

    STATE_UPGRADE = 7_061_972
    """One replica migrates the state's tables while the others wait."""
    LEDGER_TABLES = 7_061_973
    """One process makes the ledger's tables while the others wait."""
    PARTITIONS = 7_061_975
    """One process makes a month of a table while the others wait."""
    PORTFOLIO_REVISIONS = 7_061_976
    """One process adds a revision of the portfolio while others wait."""
    PLAN_REVISIONS = 7_061_977
    """One process adds a revision of the plan while others wait."""
    READING_TABLES = 7_061_978
    """One process makes the tables of readings while the others wait."""
    HOSTS = 7_061_979
    """One process joins those that share the state while others wait."""
    LEAD = 7_061_974
    """Whose session holds it leads, for as long as it lives."""


def make_engine(url: str) -> Engine:
    """Make an engine for a URL, with transactions that begin where we say."""
    if not url.startswith("sqlite"):
        engine = create_engine(url, pool_pre_ping=True, connect_args=_reachable_within(url) | _encrypted_to(url))
        if engine.dialect.name == "postgresql" and "options" not in engine.url.query:
            event.listen(engine, "connect", _set_up_postgresql)
        return engine
    file = make_url(url).database
    if not file or file.startswith((":", "file:")):
        engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})
        event.listen(engine, "connect", _set_up_sqlite)
    else:
        engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S, "factory": CountingConnection})
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "connect", lambda connection, _record: report_losses(connection, Path(file)))
        _stay_with_file(engine, Path(file))
    event.listen(engine, "begin", _begin_at_once)
    return engine


def _stay_with_file(engine: Engine, path: Path) -> None:
    """Let no transaction begin once the path leads to another file than at first: what it wrote would be lost."""
    known: list[tuple[int, int]] = []

    def look(*_given: object) -> None:
        if known:
            hold_in_place(path, known[0])

    def note(*_given: object) -> None:
        known[:] = known or [identity_of(path)]

    event.listen(engine, "do_connect", look)  # before SQLite makes a file, which may take the old one's number
    event.listen(engine, "connect", note)
    event.listen(engine, "begin", look)


def _reachable_within(url: str) -> dict[str, int | str]:
    """Return driver options by which a dead server or client is given up in seconds, where the URL sets none."""
    if not url.startswith("postgresql"):
        return {}
    given = make_url(url).query
    limits: dict[str, int | str] = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "tcp_user_timeout": SEND_TIMEOUT_MS,
        **{f"keepalives_{name}": value for name, value in PROBING.items()},
    }
    return {name: value for name, value in limits.items() if name not in given}


def _encrypted_to(url: str) -> dict[str, str]:
    """Return driver options by which a server beyond this machine is spoken to by TLS alone, where the URL sets none.

    The driver's own choice is TLS where the server has it: who is between the two decides then. With `sslrootcert` the
    server's certificate and name are verified.
    """
    parts = make_url(url)
    if parts.get_backend_name() != "postgresql" or "sslmode" in parts.query or "PGSSLMODE" in os.environ:
        return {}
    given = parts.get_dialect()().create_connect_args(parts)[1]
    named = (given.get(option) or os.environ.get(f"PG{option.upper()}", "") for option in ("host", "hostaddr"))
    if all(_is_here(server) for servers in named for server in str(servers).split(",")):
        return {}
    return {"sslmode": "verify-full" if "sslrootcert" in parts.query else "require"}


def _is_here(server: str) -> bool:
    """Return whether a server is on this machine by its name: a socket, or the loopback."""
    if server in {"", "localhost"} or server.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(server).is_loopback
    except ValueError:
        return False


def file_engine(path: Path) -> Engine:
    """Make an engine for an SQLite file, and its folder."""
    make_file(path)
    return make_engine(f"sqlite:///{path}")


def shown(engine: Engine) -> str:
    """Return the engine's URL without its password."""
    return engine.url.render_as_string(hide_password=True)


def engine_of(url: str | None, path: Path, variable: str) -> Engine:
    """Make an engine for a URL, or for a file where there is none.

    variable : where an operator writes the URL.
    Raises ConfigError, and StoreUnavailable where the folder cannot be made.
    """
    try:
        return file_engine(path) if url is None else make_engine(url)
    except OSError as error:
        raise StoreUnavailable.of("path_rights_disk", path=path, error=error) from error
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise ConfigError([Fault.of("database_url", f"${variable}", reason=error)]) from None


@contextmanager
def translate_db_errors(engine: Engine, what: Term = STATE) -> Iterator[None]:
    """Raise what the driver says as a store that is unreachable."""
    try:
        yield
    except DBAPIError as error:
        raise StoreUnavailable.of("server_fails", what=what, server=shown(engine), error=error.orig) from error
    except PoolTimeoutError as error:
        raise StoreUnavailable.of("server_fails", what=what, server=shown(engine), error=error) from error


def _set_up_postgresql(connection: Any, _record: object) -> None:
    """Let the server probe too. By a statement: PgBouncer refuses a client that asks for it when it connects."""
    limits = {f"tcp_keepalives_{name}": value for name, value in PROBING.items()} | {
        "tcp_user_timeout": SEND_TIMEOUT_MS
    }
    calls = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in limits.items())
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {calls}")
    connection.commit()


def hold_session(engine: Engine) -> None:
    """Check that a connection has a session of the server for itself. Raises StoreUnfit, and what the driver says.

    A pool that gives a session to another client after each transaction lets two processes lead at once: each has the
    lock. What one process sees of it is that two of its connections have the same session, where PgBouncer takes the
    one that was used last, or that a connection has another one each time, where it takes them in turn
    (`server_round_robin`). Four looks in this order show either.
    """
    if engine.dialect.name != "postgresql":
        return
    with engine.connect() as one, engine.connect() as other:
        first, second, second_again, first_again = (_session_of(each) for each in (one, other, other, one))
    if first == second or (first, second) != (first_again, second_again):
        raise StoreUnfit.of("pool_of_transactions", where=shown(engine))


def _session_of(connection: Connection) -> int | None:
    """Return the number of the server's session in which a transaction of a connection runs."""
    number: int | None = connection.execute(text("SELECT pg_backend_pid()")).scalar()
    connection.rollback()
    return number


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
    use_write_ahead_log(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_at_once(connection: Connection) -> None:
    """Take the write lock first: a transaction that reads and then writes must not find the world changed."""
    is_reading = connection.get_execution_options().get("is_reading", False)
    connection.exec_driver_sql("BEGIN" if is_reading else "BEGIN IMMEDIATE")
