"""Where readings live: one protocol, an embedded file or an InfluxDB server behind it."""

from __future__ import annotations

from bkkenergy.settings import StoreSettings
from bkkenergy.store.base import ReadingStore, StoreAway, StoreDenied, StoreRefused, StoreUnfit

__all__ = ["ReadingStore", "StoreAway", "StoreDenied", "StoreRefused", "StoreUnfit", "open_store"]


def open_store(settings: StoreSettings, *, prepare: bool = True) -> ReadingStore:
    """The store that the settings name, ready to be read and written. Raises StoreAway, StoreUnfit.

    prepare : whether to reach it at once; otherwise call `prepare` before the first commit.
    """
    store: ReadingStore
    if settings.kind == "influx":
        from bkkenergy.store.influx import InfluxStore  # noqa: PLC0415 - its client is slow to import
        from bkkenergy.store.rollup import StaleMarks  # noqa: PLC0415

        store = InfluxStore(settings.influx, StaleMarks(settings.path))
    else:
        from bkkenergy.store.sqlite import SqliteStore  # noqa: PLC0415 - one of two

        store = SqliteStore(settings.path)
    if prepare:
        store.prepare()
    return store
