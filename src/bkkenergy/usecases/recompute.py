"""Computes the ledger's stale days again: readings in, validated quarter-hours out.

A day depends on the readings of its meter around it: on the last one before it and the first one after it, however far
away, and on a day more on both sides by which a register's track is judged. A marked day therefore brings with it the
days up to the readings around it. Workers hold a meter each while they compute; any number of them may run.

Where readings were purged, rows stay as they are. Days beside them are computed from the readings that are left, never
from beyond. Readings that come late for purged days stay in the store, are noted, and change no row.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import structlog

from bkkenergy.calendar import day_of_us
from bkkenergy.portfolio import Meter
from bkkenergy.ports.channels import REGISTERS
from bkkenergy.ports.ledger import (
    Channel,
    Claim,
    Having,
    LedgerDays,
    Purged,
    Span,
    SpanReason,
)
from bkkenergy.ports.readings import StoreUnavailable
from bkkenergy.readings import FIELDS, Quality
from bkkenergy.site import Site
from bkkenergy.usecases.fields import counts_by_channel
from bkkenergy.usecases.ledgerdays import CONTEXT_DAYS, PROFILE_DAYS, computed_run
from bkkenergy.usecases.runs import DAY, Runs, dates_between, midnight_us, open_days, runs_of

log = structlog.get_logger(__name__)

METERS_AT_ONCE = 50
READINGS_AT_ONCE = 1_000_000
LEASE_S = 300.0
PASS_S = 60.0


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What a pass did. waiting : meters that still have marked days."""

    meters: int
    days: int
    waiting: int


def recompute(
    site: Site,
    *,
    meters: Sequence[str] | None = None,
    within_s: float = PASS_S,
    is_over: Callable[[], bool] = lambda: False,
) -> Recomputed:
    """Compute marked days until none is left, none can be had, or the time is over.

    meters : these alone; those that the portfolio does not have are left to a worker whose portfolio has them.
    is_over : asked between two claims; what is claimed is finished.
    Raises StoreUnavailable; what was claimed is free again then.
    """
    until_s = time.monotonic() + within_s
    known = site.portfolio.meters_ever
    names = None if meters is None else [name for name in meters if name in known]
    strange = {name for name in site.ledger.waiting() if name not in known} if names is None else set()
    done = days = 0
    while claims := site.ledger.claim(
        site.name,
        now_us=site.now_us(),
        lease_s=LEASE_S,
        limit=METERS_AT_ONCE,
        meters=names,
        without=sorted(strange),  # all but a few: to name those that are known would cost each claim all of them
    ):
        remaining = list(claims)
        strange |= {claim.meter for claim in claims if claim.meter not in known}
        try:
            for runs, group in _alike(_with_runs(site, [one for one in claims if one.meter in known]), known):
                for part in _computable(site, runs, group, known):
                    days += part
                    done += 1
                remaining = [claim for claim in remaining if claim not in group]
        finally:
            for claim in remaining:
                site.ledger.release(claim)
        if is_over() or time.monotonic() > until_s:
            break
    return Recomputed(done, days, sum(name in known for name in site.ledger.waiting(names)))


def _computable(site: Site, runs: Runs, group: Sequence[Claim], known: Mapping[str, Meter]) -> Iterator[int]:
    """Compute claims together, or, where that fails, each alone; days of each that could be computed.

    One meter whose rows or readings cannot be read holds no other up. It stays claimed until the lease is over: so
    long no worker tries again, and its days wait, for everybody to see.
    """
    try:
        yield from _compute(site, runs, group, known)
    except StoreUnavailable:
        raise
    except Exception as error:  # whatever one meter's data may raise
        if len(group) > 1:
            for claim in group:
                yield from _computable(site, runs, [claim], known)
        else:
            log.exception("ledger_meter_not_computed", meter=group[0].meter, why=str(error))


def _with_runs(site: Site, claims: Sequence[Claim]) -> list[tuple[Runs, Claim]]:
    """Find what is to be computed for each claim, and note late readings of purged days."""
    spans = site.ledger.purges.spans([claim.meter for claim in claims])
    pairs = []
    for claim in claims:
        purged = spans.get(claim.meter, ())
        _note_late(site, claim, purged)
        pairs.append((tuple(runs_of(list(claim.days), open_days(purged))), claim))
    return pairs


def _note_late(site: Site, claim: Claim, purged: Sequence[Purged]) -> None:
    """Record marked days that are purged and have other readings than their row was computed from."""
    noted = site.ledger.purges.late([claim.meter]).get(claim.meter, ()) if purged else ()
    late = [
        day
        for day in claim.days
        for span in purged
        if span.first <= day <= span.last and (day in noted or _has_others(site, claim.meter, day, span))
    ]
    if late:
        site.ledger.purges.add_late(claim.meter, late)
        log.warning("readings_came_for_purged_days", meter=claim.meter, first=str(min(late)), days=len(late))


def _has_others(site: Site, meter: str, day: dt.date, span: Purged) -> bool:
    if day < span.deleted_before and not span.is_done:
        return False  # a count says nothing while readings are being deleted; the commit of a late one has noted it
    now = site.readings.count([meter], midnight_us(day), midnight_us(day + DAY), FIELDS).get(meter, {})
    if day < span.deleted_before:
        return bool(now)
    known = site.portfolio.meters_ever.get(meter)
    said = site.ledger.reading_counts([meter], day, day).get(meter, {})
    return known is not None and bool(now) and counts_by_channel(known, now) != said


def _alike(claims: Sequence[tuple[Runs, Claim]], known: Mapping[str, Meter]) -> Iterator[tuple[Runs, list[Claim]]]:
    """Yield claims of the same runs of days, as many together as memory bears."""
    by_runs = sorted(claims, key=lambda entry: entry[0])
    for runs, alike in groupby(by_runs, key=lambda entry: entry[0]):
        group: list[Claim] = []
        rows = 0.0
        for _, claim in alike:
            more = (len(claim.days) + 2 * CONTEXT_DAYS) * 86_400 / known[claim.meter].interval_s
            if group and rows + more > READINGS_AT_ONCE:
                yield runs, group
                group, rows = [], 0.0
            group.append(claim)
            rows += more
        yield runs, group


def _compute(site: Site, runs: Runs, group: Sequence[Claim], known: Mapping[str, Meter]) -> list[int]:
    """Compute the days of claims that have the same runs, and put them in place; how many days of each."""
    rows: dict[str, list[LedgerDays]] = {claim.meter: [] for claim in group}
    spans: dict[str, list[Span]] = {claim.meter: [] for claim in group}
    computed: dict[str, set[dt.date]] = {claim.meter: set() for claim in group}
    meters = [known[claim.meter] for claim in group]
    for run in runs:
        for part in computed_run(site, meters, run, rows):
            for row in part.rows:
                rows[row.meter] += _without(row, computed[row.meter])
            for span in part.spans:
                if day_of_us(span.start_us) not in computed[span.meter]:
                    spans[span.meter].append(span)
            for meter in part.meters:
                computed[meter] |= set(dates_between(part.window.first, part.window.last))
    for claim in group:
        _finish(site, claim, rows[claim.meter], spans[claim.meter], sorted(computed[claim.meter]))
    return [len(computed[claim.meter]) for claim in group]


def _without(row: LedgerDays, computed: AbstractSet[dt.date]) -> Iterator[LedgerDays]:
    """Remove the days that a run before has computed: windows may overlap, and give the same there."""
    days = [row.first_day + number * DAY for number in range(len(row.values))]
    for is_new, numbers in groupby(range(len(days)), key=lambda number: days[number] not in computed):
        if is_new:
            block = list(numbers)
            part = slice(block[0], block[-1] + 1)
            yield replace(
                row,
                first_day=days[block[0]],
                values=row.values[part],
                quality=row.quality[part],
                readings=row.readings[part],
            )


def _finish(
    site: Site, claim: Claim, rows: Sequence[LedgerDays], spans: Sequence[Span], computed: Sequence[dt.date]
) -> None:
    after = {*_gap_days_after(site, claim.meter, rows, computed), *_rises_after(site, claim.meter, rows, computed)}
    for day in sorted(after):  # before: a crash in between forgets none
        site.ledger.mark([claim.meter], day, day)
    if not site.ledger.finish(claim, rows, spans, computed=computed, now_us=site.now_us()):
        log.warning("ledger_claim_lost", meter=claim.meter, days=len(computed))


def _gap_days_after(site: Site, meter: str, rows: Sequence[LedgerDays], computed: Sequence[dt.date]) -> list[dt.date]:
    """List days of gaps shaped by measured days that have changed now. To be asked before rows are replaced."""
    gap_days: set[dt.date] = set()
    for channel in REGISTERS:
        of_channel = [row for row in rows if row.channel == channel.name]
        if not of_channel:
            continue
        gaps = site.ledger.spans([meter], channel, computed[0], computed[-1] + PROFILE_DAYS * DAY)
        days = {day_of_us(gap.start_us) for gap in gaps if gap.reason is SpanReason.GAP} - set(computed)
        if days:
            changed = [day for row in of_channel for day in changed_days(site, meter, channel, row)]
            gap_days |= {day for day in days if any(day - PROFILE_DAYS * DAY <= before < day for before in changed)}
    return sorted(gap_days)


def _rises_after(site: Site, meter: str, rows: Sequence[LedgerDays], computed: Sequence[dt.date]) -> list[dt.date]:
    """List the days on which registers rise again that stood still, where what they are held at may have changed."""
    rises = []
    for channel in REGISTERS:
        of_channel = [row for row in rows if row.channel == channel.name]
        if not any(changed_days(site, meter, channel, row) for row in of_channel):
            continue
        latest = max(of_channel, key=lambda row: row.first_day)
        last = latest.first_day + (len(latest.values) - 1) * DAY
        rise = site.ledger.day_after(meter, channel, last, Having.ENERGY)
        is_next = rise == last + DAY and np.nansum(latest.values[-1]) > 0
        if rise is not None and rise not in computed and not is_next:
            rises.append(rise)
    return rises


def changed_days(site: Site, meter: str, channel: Channel, row: LedgerDays) -> list[dt.date]:
    """List the days whose measured quarter-hours are not those that the ledger has."""
    last = row.first_day + (len(row.values) - 1) * DAY
    before = site.ledger.slots([meter], channel, row.first_day, last)
    was = np.where(before.quality[:, 0] == Quality.MEASURED, before.values[:, 0], np.nan).reshape(row.values.shape)
    now = np.where(row.quality == Quality.MEASURED, row.values, np.nan)
    is_same = ((was == now) | (np.isnan(was) & np.isnan(now))).all(axis=1)
    return [row.first_day + number * DAY for number in np.flatnonzero(~is_same).tolist()]
