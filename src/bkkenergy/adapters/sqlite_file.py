"""SQLite files of the service: opened durably, changed all or nothing."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from bkkenergy.adapters.commits import CountingConnection, report_losses
from bkkenergy.adapters.files import make_file
from bkkenergy.errors import BkkEnergyError
from bkkenergy.ports.readings import StoreRefused, StoreUnavailable

BUSY_TIMEOUT_S = 5.0
LOOK_EACH = 100_000
"""Steps of SQLite's machine between two looks at the clock: some milliseconds."""
OF_THE_DATA = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError, sqlite3.InterfaceError)
"""What SQLite raises because of what it is given. All else is of the file, the disk, or another process."""
METER_TABLE = "CREATE TABLE IF NOT EXISTS meter (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"


class Database(CountingConnection):
    """A connection that knows its file again, and may be referred to weakly: it closes when its thread has ended.

    SQLite goes on writing into a file that was moved away or deleted, and says nothing: where the path leads elsewhere,
    no reader finds what was committed.
    """

    path: Path
    identity: tuple[int, int]

    def __del__(self) -> None:
        """Close it with its thread, without the warning of Python 3.13."""
        self.close()

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return every row of an answer. Raises StoreUnavailable."""
        try:
            return self.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise _store_error(self.path, error) from error

    def hold_in_place(self) -> None:
        """Raise StoreUnavailable where the path no longer leads to the file that was opened."""
        hold_in_place(self.path, self.identity)


def hold_in_place(path: Path, identity: tuple[int, int]) -> None:
    """Raise StoreUnavailable where a path no longer leads to the file that it led to."""
    try:
        is_in_place = identity_of(path) == identity
    except OSError:
        is_in_place = False
    if not is_in_place:
        raise StoreUnavailable.of("sqlite_replaced", path=path)


def identity_of(path: Path) -> tuple[int, int]:
    """Return by what a file is known again, under whatever name."""
    status = path.stat()
    return status.st_dev, status.st_ino


def open_database(path: Path) -> Database:
    """Open a durable connection to one of the service's own files, made when absent. Raises StoreUnavailable."""
    try:
        make_file(path)
        # One thread at a time uses a connection: the ingester's worker, or a command.
        connection = sqlite3.connect(
            path,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=32,
            factory=Database,
        )
        use_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.path, connection.identity = path, identity_of(path)
        report_losses(connection, path)
    except (OSError, sqlite3.Error) as error:
        raise StoreUnavailable.of("sqlite_unopened", path=path, error=error) from error
    return connection


class NotCopied(BkkEnergyError):
    """A database cannot be read whole, or there is no room for its copy."""


def copy_database(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment, whatever is written meanwhile. Raises NotCopied."""
    try:
        with closing(sqlite3.connect(source)) as original, closing(sqlite3.connect(target)) as copy:
            original.backup(copy)  # in one step: in several, each commit of a writer would make it begin again
    except sqlite3.Error as error:
        raise NotCopied(str(error)) from error


def use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Set a new file to WAL. Two openers at once may meet here, and SQLite's own time-out does not cover it."""
    until_s = time.monotonic() + BUSY_TIMEOUT_S
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until_s:
                raise
            time.sleep(0.02)


def make_tables(connection: sqlite3.Connection, path: Path, schema: str) -> None:
    """Run the statements that make tables which are not there yet. Raises StoreUnavailable."""
    try:
        connection.executescript(schema)
    except sqlite3.Error as error:
        raise StoreUnavailable.of("sqlite_no_tables", path=path, error=error) from error


class Transaction:
    """All or nothing on one connection; errors leave as StoreUnavailable or StoreRefused."""

    def __init__(self, connection: Database, where: Path) -> None:
        self._connection, self._where = connection, where

    def __enter__(self) -> sqlite3.Connection:
        self._connection.hold_in_place()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise _store_error(self._where, error) from error
        return self._connection

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        try:
            if error is None:
                self._connection.commit()
        except sqlite3.Error as failed:
            error = failed
        if error is not None:
            with suppress(sqlite3.Error):
                self._connection.rollback()
        if isinstance(error, sqlite3.Error):
            with suppress(sqlite3.Error):  # a log that found no room to grow is folded back: the next try may fit
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            raise _store_error(self._where, error) from error


def _store_error(where: Path, error: sqlite3.Error) -> StoreUnavailable | StoreRefused:
    """Convert what SQLite says to the store's absence or its refusal."""
    if isinstance(error, OF_THE_DATA):
        return StoreRefused.of("sqlite_refuses", where=where, error=error)
    if isinstance(error, sqlite3.OperationalError):
        return StoreUnavailable.of("sqlite_unusable", where=where, error=error)
    return StoreUnavailable.of("sqlite_damaged", where=where, damage=error)


def fault_in(path: Path, *, within_s: float = math.inf) -> str | None:
    """Read every page of a database. Return what is wrong, None where nothing was found in the time.

    Raises StoreUnavailable where it cannot be opened.
    """
    until_s = time.monotonic() + within_s
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.set_progress_handler(lambda: time.monotonic() > until_s, LOOK_EACH)
            verdict = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError as error:
        if str(error) == "interrupted":
            return None
        raise _store_error(path, error) from error
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if verdict == "ok" else " ".join(verdict.split())
