"""Open what the settings name: the only place that chooses where readings, the energy ledger and the state live."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from bkkenergy.adapters.archive import FolderArchive
from bkkenergy.adapters.ledger.beside import MarksBeside
from bkkenergy.adapters.state import StateStore, open_state
from bkkenergy.errors import ConfigError, Fault
from bkkenergy.ports.readings import ReadingStore
from bkkenergy.settings import (
    ARCHIVE_KEY_VARIABLE,
    LEDGER_URL_VARIABLE,
    READINGS_URL_VARIABLE,
    ArchiveSettings,
    Settings,
    StoreSettings,
    is_postgresql,
)
from bkkenergy.site.folder import archive_of

if TYPE_CHECKING:
    from bkkenergy.ports.archive import ReportArchive
    from bkkenergy.ports.ledger import EnergyLedger


@contextmanager
def opened_state(settings: Settings) -> Iterator[StateStore]:
    """Open the state that the settings name, and close it afterwards. Raises ConfigError, StoreUnavailable."""
    state = open_state(settings.state)
    try:
        yield state
    finally:
        state.dispose()


def open_archive(settings: Settings) -> ReportArchive:
    """Open the archive of reports that the settings name. Raises ConfigError without its key or library."""
    if settings.archive.kind == "folder":
        return FolderArchive(archive_of(settings))
    if not (settings.archive.access_key_id and settings.archive.secret_key):
        raise ConfigError([Fault.of("archive_no_key", "bkkenergy.toml: archive.kind", variable=ARCHIVE_KEY_VARIABLE)])
    return _bucket(settings.archive)


@lru_cache(maxsize=4)
def _bucket(settings: ArchiveSettings) -> ReportArchive:
    """Return a bucket, opened once in a process: it holds connections."""
    try:
        from bkkenergy.adapters.objectarchive import ObjectArchive  # noqa: PLC0415 - the extra bkkenergy[archive]
    except ImportError:
        raise ConfigError([Fault.of("archive_no_library", "bkkenergy.toml: archive.kind")]) from None
    return ObjectArchive(settings)


def open_writable(settings: Settings, *, prepare: bool = True) -> ReadingStore:
    """Open the store that the settings name, so that commits mark days in the energy ledger, wherever it lives.

    prepare : as for `open_store`. Raises ConfigError, StoreUnavailable.
    """
    if is_in_readings_file(settings):
        return _opened(settings.store, prepare=prepare, marks=None, is_for_reading=False)
    if has_readings_and_ledger(settings):
        open_ledger(settings, prepare=prepare).close()
        return _opened(settings.store, prepare=prepare, marks=None, is_for_reading=False, has_ledger=True)
    marks = MarksBeside(open_ledger(settings, prepare=prepare))
    try:
        return _opened(settings.store, prepare=prepare, marks=marks, is_for_reading=False)
    except BaseException:
        marks.close()
        raise


def open_store(settings: StoreSettings, *, prepare: bool = True) -> ReadingStore:
    """Open the store that the settings name, to be read. Raises StoreUnavailable, StoreUnfit.

    It refuses to commit: other settings say where the energy ledger is. See `open_writable`.
    prepare : whether to reach it at once; otherwise call `prepare` before anything else.
    """
    return _opened(settings, prepare=prepare, marks=None, is_for_reading=True)


def _opened(
    settings: StoreSettings, *, prepare: bool, marks: MarksBeside | None, is_for_reading: bool, has_ledger: bool = False
) -> ReadingStore:
    store: ReadingStore
    if settings.kind == "influx":
        from bkkenergy.adapters.influx import InfluxStore  # noqa: PLC0415 - its client is slow to import

        store = InfluxStore(settings.influx, marks)
    elif settings.kind == "postgresql":
        from bkkenergy.adapters.engines import engine_of  # noqa: PLC0415 - one of three
        from bkkenergy.adapters.postgresql import PostgresStore  # noqa: PLC0415

        engine = engine_of(readings_url(settings), settings.path, READINGS_URL_VARIABLE)
        store = PostgresStore(engine, marks, has_ledger=has_ledger, is_for_reading=is_for_reading)
    else:
        from bkkenergy.adapters.sqlite import SqliteStore  # noqa: PLC0415 - one of three

        store = SqliteStore(settings.path, marks, is_for_reading=is_for_reading)
    if prepare:
        store.prepare()
    return store


def ledger_url(settings: Settings) -> str | None:
    """Return the URL of the ledger's database; None where it lives in the file of `store.path`."""
    if settings.ledger.url is not None:
        return settings.ledger.url.get_secret_value()
    state = settings.state.url.get_secret_value() if settings.state.url is not None else ""
    return state if state.startswith("postgresql") else None


def readings_url(settings: StoreSettings) -> str | None:
    """Return the URL of the PostgreSQL where readings live; None without one."""
    return None if settings.postgresql.url is None else settings.postgresql.url.get_secret_value()


def has_readings_and_ledger(settings: Settings) -> bool:
    """Return whether one PostgreSQL has readings and ledger, so that a commit marks in its own transaction."""
    return settings.store.kind == "postgresql" and ledger_url(settings) == readings_url(settings.store)


def is_on_servers(settings: Settings) -> bool:
    """Return whether state, ledger and readings are in databases that other hosts reach as well."""
    state = settings.state.url
    is_shared = state is not None and is_postgresql(state) and (ledger_url(settings) or "").startswith("postgresql")
    return is_shared and settings.store.kind != "sqlite"


def is_in_readings_file(settings: Settings) -> bool:
    """Return whether readings and ledger share one SQLite file, so that a commit marks in its own transaction."""
    return settings.store.kind == "sqlite" and ledger_url(settings) is None


def open_ledger(settings: Settings, *, prepare: bool = True) -> EnergyLedger:
    """Open the ledger that the settings name. Raises ConfigError, StoreUnavailable.

    prepare : whether to reach it at once and make its tables; otherwise call `prepare` before anything else.
    """
    from bkkenergy.adapters.engines import engine_of  # noqa: PLC0415 - who only reads readings does without
    from bkkenergy.adapters.ledger.sql import SqlLedger  # noqa: PLC0415

    engine = engine_of(ledger_url(settings), settings.store.path, LEDGER_URL_VARIABLE)
    ledger = SqlLedger(engine)
    if prepare:
        ledger.prepare()
    return ledger
