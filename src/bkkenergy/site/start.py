"""What each process does with the store before it begins: write a value, read it back, and warn of what expires."""

from __future__ import annotations

import socket

import structlog

from bkkenergy.adapters.state import StateStore
from bkkenergy.adapters.state.identity import identity_of
from bkkenergy.ports.readings import NotedState, ReadingStore, StoreRefused, StoreUnavailable
from bkkenergy.texts import Phrase

log = structlog.get_logger(__name__)

DAY_S = 86_400
NO_EXPIRY = (
    "Let the server keep data for ever (2.x: influx bucket update --retention 0; 1.x: ALTER RETENTION POLICY ... "
    "DURATION INF): old readings are purged by bkkenergy itself (store.raw_years)."
)


def try_out(store: ReadingStore) -> None:
    """Check that what is written can be read. Raises StoreUnfit with the remedy, StoreUnavailable."""
    store.probe()
    if (expiry := expiry_of(store)) is not None:
        log.warning("store_expires", found=str(expiry), remedy=NO_EXPIRY)


def prepare_and_try(store: ReadingStore, state: StateStore) -> None:
    """Make the tables, see that what is written can be read, and note our state.

    Raises StoreUnavailable, StoreUnfit.
    """
    store.prepare()
    try_out(store)
    note_state(store, state)


def expiry_of(store: ReadingStore) -> Phrase | None:
    """Return what the server deletes by itself, in words; None where nothing. Raises StoreUnavailable."""
    after_s = store.expires_after_s()
    if after_s is None:
        return None
    return Phrase("doctor.expiry", {"days": f"{after_s / DAY_S:,.1f}"})


def note_state(store: ReadingStore, state: StateStore) -> None:
    """Record beside the readings which state this host uses. A failure is logged: it is no reading."""
    try:
        store.note_state(identity_of(state), socket.gethostname())
    except (StoreUnavailable, StoreRefused) as error:
        log.warning("state_not_noted", why=str(error))


def other_states(store: ReadingStore, state: StateStore) -> list[NotedState]:
    """Find states that hosts use beside this one: noted since this one was first. Raises StoreUnavailable."""
    identity, noted = identity_of(state), store.noted_states()
    first_us = min((one.first_us for one in noted if one.state == identity), default=0)
    return [one for one in noted if one.state != identity and one.last_us > first_us]


def try_out_or_warn(store: ReadingStore) -> None:
    """Check the same at the start of a service. An unreachable store is logged: it may return. Raises StoreUnfit."""
    try:
        try_out(store)
    except StoreUnavailable as error:
        log.warning("store_unavailable", why=str(error))
