"""How a change of configuration reaches the energy ledger."""

from __future__ import annotations

import datetime as dt
import hashlib
import json

import numpy as np
import structlog

from bkkenergy.calendar import day_of_us
from bkkenergy.portfolio import Meter
from bkkenergy.ports.readings import StoreAway
from bkkenergy.settings import Settings
from bkkenergy.site import Site
from bkkenergy.usecases.runs import open_days

log = structlog.get_logger(__name__)


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


def follow_configuration(site: Site) -> int:
    """Mark every day of meters whose settings have changed, and of meters that the ledger does not know; how many.

    A ledger that was lost, or that is new beside old readings, is filled again so. Raises StoreAway.
    """
    readings, ledger, settings = site.readings, site.ledger, site.settings
    known = ledger.revisions()
    changed = [meter for meter in site.portfolio.meters if known.get(meter.id) != revision_of(meter, settings)]
    if not changed:
        return 0
    new = [meter.id for meter in changed if meter.id not in known]
    unseen = [name for name in new if name not in ledger.seen(new)]
    first_us, last_us = readings.first_seen_us(unseen), readings.last_seen_us(unseen)
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


def follow_or_warn(site: Site) -> None:
    """Do the same at the start of a service. A store that is away is logged: the scheduler does it later."""
    try:
        follow_configuration(site)
    except StoreAway as away:
        log.warning("configuration_not_followed", why=str(away))
