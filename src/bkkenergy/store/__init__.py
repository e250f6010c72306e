"""Where readings live: one protocol, an embedded file or an InfluxDB server behind it."""

from __future__ import annotations

from bkkenergy.settings import Settings, StoreSettings
from bkkenergy.store.base import ReadingStore, StoreAway, StoreDenied, StoreRefused, StoreUnfit, UnmarkedCommit
from bkkenergy.store.ledger import is_in_readings_file, open_ledger
from bkkenergy.store.ledger.beside import MarksBeside

__all__ = [
    "ReadingStore",
    "StoreAway",
    "StoreDenied",
    "StoreRefused",
    "StoreUnfit",
    "UnmarkedCommit",
    "open_store",
    "open_writable",
]


def open_writable(settings: Settings, *, prepare: bool = True) -> ReadingStore:
    """Open the store that the settings name, so that commits mark days in the energy ledger, wherever it lives.

    prepare : as for `open_store`. Raises ConfigError, StoreAway.
    """
    if is_in_readings_file(settings):
        return open_store(settings.store, prepare=prepare)
    marks = MarksBeside(open_ledger(settings, prepare=prepare))
    try:
        return open_store(settings.store, prepare=prepare, marks=marks)
    except BaseException:
        marks.close()
        raise


def open_store(settings: StoreSettings, *, prepare: bool = True, marks: MarksBeside | None = None) -> ReadingStore:
    """The store that the settings name, ready to be read and written. Raises StoreAway, StoreUnfit.

    prepare : whether to reach it at once; otherwise call `prepare` before the first commit.
    marks : of an energy ledger in another database. Without them an SQLite file marks its own ledger, and a store on a
    server is for reading: it refuses to commit.
    """
    store: ReadingStore
    if settings.kind == "influx":
        from bkkenergy.store.influx import InfluxStore  # noqa: PLC0415 - its client is slow to import

        store = InfluxStore(settings.influx, marks)
    else:
        from bkkenergy.store.sqlite import SqliteStore  # noqa: PLC0415 - one of two

        store = SqliteStore(settings.path, marks)
    if prepare:
        store.prepare()
    return store
