"""How a change of configuration reaches the energy ledger."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import structlog

from bkkenergy.calendar import day_of_us
from bkkenergy.portfolio import Portfolio
from bkkenergy.ports.ledger import MeterSeen, Purged
from bkkenergy.ports.readings import StoreUnavailable
from bkkenergy.settings import Settings
from bkkenergy.site import Site
from bkkenergy.usecases.meterversions import changed_days, revision_text, versions_of
from bkkenergy.usecases.runs import dates_between, open_days

log = structlog.get_logger(__name__)

METERS_AT_ONCE = 200
"""In one transaction: a new ledger beside years of readings marks all their days."""


def follow_configuration(site: Site) -> int:
    """Mark the days of meters on which their settings have changed, and all days of meters that are new; how many.

    A ledger that was lost, or that is new beside old readings, is filled again so. Raises StoreUnavailable.
    """
    readings, ledger, settings = site.readings, site.ledger, site.settings
    known = ledger.revisions()
    configured = _wanted(site.portfolio, settings)
    changed = [name for name, text in configured.items() if known.get(name) != text]
    if not changed:
        return 0
    new = [name for name in changed if name not in known]
    of_ledger = ledger.seen(new)
    unseen = [name for name in new if name not in of_ledger]
    first_us, last_us = readings.first_seen_us(unseen), readings.last_seen_us(unseen)
    names = list(first_us)
    both_us = np.array([(first_us[name], last_us[name]) for name in names], np.int64).reshape(-1)
    ledger.mark_readings(names, np.repeat(np.arange(len(names)), 2), both_us)
    seen, purged = ledger.seen(changed), ledger.purges.spans(changed)
    for at in range(0, len(changed), METERS_AT_ONCE):
        group = changed[at : at + METERS_AT_ONCE]
        days = {
            name: _to_compute(changed_days(known.get(name, ""), configured[name]), seen.get(name), purged.get(name, ()))
            for name in group
        }
        ledger.set_revisions({name: configured[name] for name in group}, days)
    log.info("ledger_follows_configuration", meters=len(changed))
    return len(changed)


def follow_or_warn(site: Site) -> None:
    """Run the same at the start of a service. A store that is unreachable is logged: the scheduler does it later."""
    try:
        follow_configuration(site)
    except StoreUnavailable as error:
        log.warning("configuration_not_followed", why=str(error))


def _wanted(portfolio: Portfolio, settings: Settings) -> dict[str, str]:
    """Return the text of every meter's settings; made once, since a worker asks every few seconds."""
    key = f"revision texts {settings.metering.max_estimated_gap_s}"
    known: dict[str, str] | None = portfolio.derived.get(key)
    if known is None:
        known = {name: revision_text(versions_of(portfolio, name), settings) for name in portfolio.meters_ever}
        portfolio.derived[key] = known
    return known


def _to_compute(
    days: Sequence[tuple[dt.date, dt.date]], seen: MeterSeen | None, purged: Sequence[Purged]
) -> list[dt.date]:
    """List the days of stretches that have readings; days that are purged keep their rows."""
    if seen is None:
        return []
    first_seen, last_seen = day_of_us(seen.first_us), day_of_us(seen.last_us)
    cut = [
        (max(first, among.first, first_seen), min(last, among.last, last_seen))
        for first, last in days
        for among in open_days(purged)
    ]
    return sorted({day for first, last in cut for day in dates_between(first, last)})
