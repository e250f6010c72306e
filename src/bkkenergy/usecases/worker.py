"""What computes the ledger, and how a change of configuration reaches it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import structlog

from bkkenergy.calendar import day_of_us
from bkkenergy.portfolio import Meter, Portfolio
from bkkenergy.ports.ledger import (
    EnergyLedger,
)
from bkkenergy.ports.readings import ReadingStore
from bkkenergy.settings import Settings
from bkkenergy.usecases.runs import open_days

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker works with. name : whose claims are whose. now_us : the clock, us since 1970 UTC."""

    readings: ReadingStore
    ledger: EnergyLedger
    portfolio: Portfolio
    settings: Settings
    name: str
    now_us: Callable[[], int]


def own_name() -> str:
    """Return a name that no other process has, and by which a person finds it."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"


def now_us() -> int:
    """Return the wall clock, us since 1970 UTC."""
    return time.time_ns() // 1000


SETTINGS_OF_ENERGY = (
    "kind",
    "rated_kw",
    "register_digits",
    "rollover_kwh",
    "resolution_kwh",
    "restarts_at_zero",
    "ct_ratio",
    "vt_ratio",
    "interval_s",
    "exchanges",
)
"""What of a meter's configuration its quarter-hours depend on."""


def revision_of(meter: Meter, settings: Settings) -> str:
    """Return a digest of all settings that a meter's quarter-hours depend on."""
    entry = meter.model_dump(mode="json", include=set(SETTINGS_OF_ENERGY))
    entry["max_estimated_gap_s"] = settings.metering.max_estimated_gap_s
    return hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()[:16]


def follow_configuration(readings: ReadingStore, ledger: EnergyLedger, portfolio: Portfolio, settings: Settings) -> int:
    """Mark every day of meters whose settings have changed, and of meters that the ledger does not know; how many.

    A ledger that was lost, or that is new beside old readings, is filled again so. Raises StoreAway.
    """
    known = ledger.revisions()
    changed = [meter for meter in portfolio.meters if known.get(meter.id) != revision_of(meter, settings)]
    if not changed:
        return 0
    new = [meter.id for meter in changed if meter.id not in known]
    first_us, last_us = readings.first_seen_us(new), readings.last_seen_us(new)
    for name in first_us:
        ledger.mark_readings([name], np.zeros(2, np.int64), np.array([first_us[name], last_us[name]], np.int64))
    names = [meter.id for meter in changed]
    seen, purged = ledger.seen(names), ledger.purges.spans(names)
    for meter in changed:
        days = seen.get(meter.id)
        first = day_of_us(days.first_us) if days else dt.date(1970, 1, 2)
        last = day_of_us(days.last_us) if days else dt.date(1970, 1, 1)
        *islands, latest = open_days(purged.get(meter.id, ()))  # days that are purged keep their rows
        for among in islands:
            if max(first, among.first) <= min(last, among.last):
                ledger.mark([meter.id], max(first, among.first), min(last, among.last))
        ledger.set_revision(meter.id, revision_of(meter, settings), max(first, latest.first), last)
    log.info("ledger_follows_configuration", meters=len(changed))
    return len(changed)
