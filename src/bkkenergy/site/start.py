"""What each process does with the store before it begins: write a value, read it back, and warn of what expires."""

from __future__ import annotations

import structlog

from bkkenergy.ports.readings import ReadingStore, StoreAway

log = structlog.get_logger(__name__)

DAY_S = 86_400
NO_EXPIRY = (
    "Let the server keep data for ever (2.x: influx bucket update --retention 0; 1.x: ALTER RETENTION POLICY ... "
    "DURATION INF): old readings are purged by bkkenergy itself (store.raw_years)."
)


def try_out(store: ReadingStore) -> None:
    """See that what is written can be read. Raises StoreUnfit with the remedy, StoreAway."""
    store.probe()
    if (expiry := expiry_of(store)) is not None:
        log.warning("store_expires", found=expiry, remedy=NO_EXPIRY)


def expiry_of(store: ReadingStore) -> str | None:
    """What the server deletes by itself, in words; None where nothing. Raises StoreAway."""
    after_s = store.expires_after_s()
    if after_s is None:
        return None
    return (
        f"the server deletes readings after {after_s / DAY_S:,.1f} days, whether they are in the energy ledger or not"
    )


def try_out_or_warn(store: ReadingStore) -> None:
    """Do the same at the start of a service. A store that is away is logged: it may come. Raises StoreUnfit."""
    try:
        try_out(store)
    except StoreAway as away:
        log.warning("store_away", why=str(away))
