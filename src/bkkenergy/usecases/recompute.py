"""Computes the ledger's stale days again: readings in, validated quarter-hours out.

A day depends on the readings of its meter around it: on the last one before it and the first one after it, however far
away, and on a day more on both sides by which a register's track is judged. A marked day therefore brings with it the
days up to the readings around it. Workers hold a meter each while they compute; any number of them may run.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import structlog

from bkkenergy.calendar import day_of_us
from bkkenergy.metering.gaps import redistribution_kwh
from bkkenergy.metering.tracks import usual_s
from bkkenergy.metering.vee import Validated, typical_profile, validate
from bkkenergy.portfolio import Meter, MeterKind, Portfolio
from bkkenergy.ports.ledger import (
    EXPORT,
    GHI,
    IMPORT,
    POWER_FACTOR,
    QUARTERS_PER_DAY,
    TEMP_AIR,
    Channel,
    Claim,
    EnergyLedger,
    LedgerDays,
    Span,
    SpanReason,
)
from bkkenergy.readings import FIELDS, US_PER_S, BoolArray, FloatArray, IntArray, Quality, ReadingBatch
from bkkenergy.settings import Settings
from bkkenergy.store import ReadingStore
from bkkenergy.usecases.othersources import OtherSources

log = structlog.get_logger(__name__)

DAY = dt.timedelta(days=1)
US_PER_DAY = 86_400 * US_PER_S
BANGKOK_US = 7 * 3600 * US_PER_S
QUARTER_US = 900 * US_PER_S
METERS_AT_ONCE = 50
READINGS_AT_ONCE = 1_000_000
NEAR = 3 * DAY
"""Marked days no further apart than this are computed together."""
CONTEXT_DAYS = 2
"""Days read on both sides of a run: one that is computed again with it, one by which the register's track is judged."""
PROFILE_DAYS = 28
"""The typical profile of a gap comes from the days before it."""
LEASE_S = 300.0
PASS_S = 60.0
LEAST_POWER_FACTOR = 0.01
WEATHER = ((GHI, "ghi_wm2"), (TEMP_AIR, "temp_air_c"))


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What a pass did. waiting : meters that still have marked days."""

    meters: int
    days: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring marked days, both ends included."""

    first: dt.date
    last: dt.date


@dataclass(frozen=True, slots=True)
class Window:
    """What is computed for a run: rows of the days first..last, from intervals of the days wide_first..wide_last."""

    first: dt.date
    last: dt.date
    wide_first: dt.date
    wide_last: dt.date


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


def recompute(
    worker: Worker,
    *,
    meters: Sequence[str] | None = None,
    within_s: float = PASS_S,
    on_progress: Callable[[int, int], object] | None = None,
) -> Recomputed:
    """Compute marked days until none is left, none can be had, or the time is over.

    meters : these alone. on_progress : called with the meters done and those that wait.
    Raises StoreAway; what was claimed is free again then.
    """
    until_s = time.monotonic() + within_s
    known = {meter.id: meter for meter in worker.portfolio.meters}
    done = days = 0
    while claims := worker.ledger.claim(
        worker.name, now_us=worker.now_us(), lease_s=LEASE_S, limit=METERS_AT_ONCE, meters=meters
    ):
        held = list(claims)
        try:
            for group in _alike(claims, known):
                days += _compute(worker, group, known)
                held = [claim for claim in held if claim not in group]
                done += len(group)
        finally:
            for claim in held:
                worker.ledger.release(claim)
        if on_progress is not None:
            on_progress(done, len(worker.ledger.waiting(meters)))
        if time.monotonic() > until_s:
            break
    return Recomputed(done, days, len(worker.ledger.waiting(meters)))


def runs_of(days: Sequence[dt.date]) -> list[Run]:
    """Return neighbouring days as runs, in order."""
    runs: list[Run] = []
    for day in sorted(days):
        if runs and day - runs[-1].last <= NEAR:
            runs[-1] = Run(runs[-1].first, day)
        else:
            runs.append(Run(day, day))
    return runs


def _alike(claims: Sequence[Claim], known: Mapping[str, Meter]) -> Iterator[list[Claim]]:
    """Claims of the same runs of days, as many together as memory bears."""

    def runs_key(claim: Claim) -> tuple[tuple[dt.date, dt.date], ...]:
        return tuple((run.first, run.last) for run in runs_of(list(claim.days)))

    for _, alike in groupby(sorted(claims, key=runs_key), key=runs_key):
        group: list[Claim] = []
        rows = 0.0
        for claim in alike:
            interval_s = known[claim.meter].interval_s if claim.meter in known else 900
            more = (len(claim.days) + 2 * CONTEXT_DAYS) * 86_400 / interval_s
            if group and rows + more > READINGS_AT_ONCE:
                yield group
                group, rows = [], 0.0
            group.append(claim)
            rows += more
        yield group


def _compute(worker: Worker, group: Sequence[Claim], known: Mapping[str, Meter]) -> int:
    """Compute the days of claims that have the same runs, and put them in place; how many days of meters."""
    rows: dict[str, list[LedgerDays]] = {claim.meter: [] for claim in group}
    spans: dict[str, list[Span]] = {claim.meter: [] for claim in group}
    computed: dict[str, set[dt.date]] = {claim.meter: set() for claim in group}
    meters = [known[claim.meter] for claim in group if claim.meter in known]
    for run in runs_of(list(group[0].days)) if meters else []:
        for part in _of_run(worker, meters, run, rows):
            for own in part.rows:
                rows[own.meter] += _without(own, computed[own.meter])
            for span in part.spans:
                if day_of_us(span.start_us) not in computed[span.meter]:
                    spans[span.meter].append(span)
            for meter in part.meters:
                computed[meter] |= set(_dates(part.window.first, part.window.last))
    count = 0
    for claim in group:
        _finish(worker, claim, rows[claim.meter], spans[claim.meter], sorted(computed[claim.meter]))
        count += len(computed[claim.meter])
    return count


def _without(row: LedgerDays, computed: AbstractSet[dt.date]) -> Iterator[LedgerDays]:
    """Cut out the days that a run before has computed: windows may overlap, and give the same there."""
    days = [row.first_day + number * DAY for number in range(len(row.values))]
    for is_new, numbers in groupby(range(len(days)), key=lambda number: days[number] not in computed):
        if is_new:
            block = list(numbers)
            part = slice(block[0], block[-1] + 1)
            yield replace(row, first_day=days[block[0]], values=row.values[part], quality=row.quality[part])


def _finish(
    worker: Worker, claim: Claim, rows: Sequence[LedgerDays], spans: Sequence[Span], computed: Sequence[dt.date]
) -> None:
    later = _gap_days_after(worker, claim.meter, rows, computed)
    if not worker.ledger.finish(claim, rows, spans, computed=computed, now_us=worker.now_us()):
        log.warning("ledger_claim_lost", meter=claim.meter, days=len(computed))
        return
    for day in later:
        worker.ledger.mark([claim.meter], day, day)


def _gap_days_after(
    worker: Worker, meter: str, rows: Sequence[LedgerDays], computed: Sequence[dt.date]
) -> list[dt.date]:
    """Days of gaps that were shaped by measured days which have changed now. To be asked before rows are replaced."""
    found: set[dt.date] = set()
    for channel in (IMPORT, EXPORT):
        own = [row for row in rows if row.channel == channel.name]
        if not own:
            continue
        gaps = worker.ledger.spans([meter], channel, computed[0], computed[-1] + PROFILE_DAYS * DAY)
        days = {day_of_us(gap.start_us) for gap in gaps if gap.reason is SpanReason.GAP} - set(computed)
        if days:
            changed = [day for row in own for day in _changed_days(worker, meter, channel, row)]
            found |= {day for day in days if any(day - PROFILE_DAYS * DAY <= before < day for before in changed)}
    return sorted(found)


def _changed_days(worker: Worker, meter: str, channel: Channel, row: LedgerDays) -> list[dt.date]:
    """Days whose measured quarter-hours are not those that the ledger has."""
    last = row.first_day + (len(row.values) - 1) * DAY
    before = worker.ledger.slots([meter], channel, row.first_day, last)
    was = np.where(before.quality[:, 0] == Quality.MEASURED, before.values[:, 0], np.nan).reshape(row.values.shape)
    now = np.where(row.quality == Quality.MEASURED, row.values, np.nan)
    is_same = ((was == now) | (np.isnan(was) & np.isnan(now))).all(axis=1)
    return [row.first_day + number * DAY for number in np.flatnonzero(~is_same).tolist()]


Rows = Mapping[str, Sequence[LedgerDays]]
"""Rows of each meter."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows and spans of some meters over the days of a window."""

    meters: tuple[str, ...]
    window: Window
    rows: list[LedgerDays]
    spans: list[Span]


def _of_run(worker: Worker, meters: Sequence[Meter], run: Run, fresh: Rows) -> Iterator[_Part]:
    """Compute a run for meters: those whose neighbours are near together, the others one by one.

    fresh : rows of runs before, which are not in the ledger yet.
    """
    stations = [meter for meter in meters if meter.kind is MeterKind.WEATHER]
    counting = [meter for meter in meters if meter.kind is not MeterKind.WEATHER]
    first, last = run.first - CONTEXT_DAYS * DAY, run.last + CONTEXT_DAYS * DAY
    if stations:
        batch = _readings(worker, stations, run.first, run.last)
        yield _weather(stations, batch, Window(run.first, run.last, run.first, run.last))
    if not counting:
        return
    batch = _readings(worker, counting, first, last)
    near = [meter for meter in counting if _is_near(worker, meter, batch, run)]
    if near:
        yield _energy(worker, near, batch, Window(run.first - DAY, run.last + DAY, first, last), fresh)
    for meter in counting:
        if meter not in near:
            window = _window(worker, meter, run)
            wide = _readings(worker, [meter], window.wide_first - DAY, window.wide_last + DAY)
            yield _energy(worker, [meter], wide, window, fresh)


def _readings(worker: Worker, meters: Sequence[Meter], first: dt.date, last: dt.date) -> ReadingBatch:
    return worker.readings.readings(
        [meter.id for meter in meters], _midnight_us(first), _midnight_us(last + DAY), FIELDS
    )


def _fields_of(meter: Meter) -> tuple[str, ...]:
    return ("power_kw",) if meter.kind is MeterKind.POWER else ("energy_kwh", "export_kwh")


def _is_near(worker: Worker, meter: Meter, batch: ReadingBatch, run: Run) -> bool:
    """Whether all that a run depends on is in the batch: a reading on each of the days beside it, or none beyond."""
    seen = worker.ledger.seen([meter.id]).get(meter.id)
    if seen is None:
        return True
    number = batch.meter_ids.index(meter.id)
    is_own = batch.meter == number
    for field in _fields_of(meter):
        ts_us = batch.ts_us[is_own & np.isfinite(batch.column(field))]
        if len(ts_us) == 0 and field == "export_kwh":
            continue
        for offset in range(1, CONTEXT_DAYS + 1):
            before = _midnight_us(run.first - offset * DAY)
            after = _midnight_us(run.last + offset * DAY)
            has_before = ((ts_us >= before) & (ts_us < before + US_PER_DAY)).any()
            has_after = ((ts_us >= after) & (ts_us < after + US_PER_DAY)).any()
            if not has_before and seen.first_us < before + US_PER_DAY:
                return False
            if not has_after and seen.last_us >= after:
                return False
    return True


def _window(worker: Worker, meter: Meter, run: Run) -> Window:
    """The days that a run changes, and those that are needed to compute them."""
    first, last = run.first - DAY, run.last + DAY
    before, after = _around(worker, meter, run.first, run.last)
    first = first if before is None else min(first, before)
    last = last if after is None else max(last, after)
    anchor_before, anchor_after = _around(worker, meter, first, last)
    return Window(
        first,
        last,
        first if anchor_before is None else anchor_before,
        last if anchor_after is None else anchor_after,
    )


def _around(worker: Worker, meter: Meter, first: dt.date, last: dt.date) -> tuple[dt.date | None, dt.date | None]:
    """The days of the last reading before some days, and of the first one after them."""
    before = [worker.readings.last_before_us(meter.id, _midnight_us(first), field) for field in _fields_of(meter)]
    after = [worker.readings.first_from_us(meter.id, _midnight_us(last + DAY), field) for field in _fields_of(meter)]
    earlier = [day_of_us(at) for at in before if at is not None]
    later = [day_of_us(at) for at in after if at is not None]
    return min(earlier, default=None), max(later, default=None)


def _energy(worker: Worker, meters: Sequence[Meter], batch: ReadingBatch, window: Window, fresh: Rows) -> _Part:
    """Quarter-hours of meters over a window, by the channels that they have."""
    edges_us = np.arange(_midnight_us(window.wide_first), _midnight_us(window.wide_last + DAY) + 1, QUARTER_US)
    max_gap_s = worker.settings.metering.max_estimated_gap_s
    others = OtherSources.read(worker.ledger, meters, window.wide_first, window.wide_last)
    rows: list[LedgerDays] = []
    spans: list[Span] = []
    for channel in (IMPORT, EXPORT):
        able = [meter for meter in meters if _has_channel(meter, batch, channel) or others.has(meter, channel)]
        if not able:
            continue
        found = validate(batch, able, edges_us, channel=channel.name, max_gap_s=max_gap_s)
        shaped = _shaped(worker, able, channel, others.flagged(found, able, channel), edges_us, window, fresh)
        whole = others.merged(replace(shaped, quality=found.quality), able, channel)
        own = replace(whole, spans=tuple(span for span in found.spans if _is_inside(span, window)))
        rows += _rows(able, channel.name, batch, own, window, others)
        spans += own.spans
    rows += _power_factors(meters, batch, window)
    return _Part(tuple(meter.id for meter in meters), window, rows, spans)


def _has_channel(meter: Meter, batch: ReadingBatch, channel: Channel) -> bool:
    if channel is IMPORT or meter.kind is MeterKind.NET:
        return True
    is_own = batch.meter == batch.meter_ids.index(meter.id)
    return bool(np.isfinite(batch.column("export_kwh")[is_own]).any())


def _is_inside(span: Span, window: Window) -> bool:
    return _midnight_us(window.first) <= span.start_us < _midnight_us(window.last + DAY)


def _rows(
    meters: Sequence[Meter],
    channel: str,
    batch: ReadingBatch,
    found: Validated,
    window: Window,
    others: OtherSources,
) -> Iterator[LedgerDays]:
    """Rows of the window's days between each meter's first and last reading, and of those that another source has."""
    skip = (window.first - window.wide_first).days
    count = (window.last - window.first).days + 1
    for number, meter in enumerate(meters):
        values = found.energy_kwh[:, number].reshape(-1, QUARTERS_PER_DAY)[skip : skip + count]
        quality = found.quality[:, number].reshape(-1, QUARTERS_PER_DAY)[skip : skip + count]
        is_said = others.is_said(meter, channel)[skip : skip + count]
        numbers = np.flatnonzero(_has_row(meter, batch, window) | is_said)
        for block in np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1) if len(numbers) else []:
            days = slice(int(block[0]), int(block[-1]) + 1)
            first = window.first + int(block[0]) * DAY
            yield LedgerDays(meter.id, channel, first, values[days], quality[days].astype(np.uint8))


def _has_row(meter: Meter, batch: ReadingBatch, window: Window) -> BoolArray:
    """(days,) whether a day lies between the first and the last reading that are known of."""
    count = (window.last - window.first).days + 1
    ts_us = batch.ts_us[batch.meter == batch.meter_ids.index(meter.id)]
    if len(ts_us) == 0:
        return np.zeros(count, np.bool_)
    number = np.arange(count)
    day: IntArray = (ts_us - _midnight_us(window.first)) // US_PER_DAY
    is_between: BoolArray = (number >= day.min()) & (number <= day.max())
    return is_between


def _shaped(
    worker: Worker,
    meters: Sequence[Meter],
    channel: Channel,
    found: Validated,
    edges_us: IntArray,
    window: Window,
    fresh: Rows,
) -> Validated:
    """Deal out the energy of long gaps by what the meter typically takes."""
    energy_kwh = found.energy_kwh.copy()
    by_id = {meter.id: (number, meter) for number, meter in enumerate(meters)}
    for span in found.spans:
        number, meter = by_id[span.meter]
        if span.reason is SpanReason.GAP and _is_long(worker, meter, span):
            profile_kw = _profile_kw(worker, channel, found, number, span, window, fresh[span.meter])
            energy_kwh[:, number] += redistribution_kwh(edges_us, span, profile_kw)
    return replace(found, energy_kwh=energy_kwh)


def _is_long(worker: Worker, meter: Meter, gap: Span) -> bool:
    """Whether a gap is too long for a straight line. A net register has no typical direction."""
    line_s = max(worker.settings.metering.max_estimated_gap_s, usual_s(meter))
    return meter.kind is not MeterKind.NET and gap.end_us - gap.start_us > line_s * US_PER_S


def _profile_kw(
    worker: Worker,
    channel: Channel,
    found: Validated,
    number: int,
    span: Span,
    window: Window,
    fresh: Sequence[LedgerDays],
) -> FloatArray:
    """(7, 96) what the meter took in the four weeks before a gap: by the ledger, and by what was computed just now."""
    end = day_of_us(span.start_us)
    first = end - PROFILE_DAYS * DAY
    before = worker.ledger.slots([span.meter], channel, first, end - DAY)
    values = before.values[:, 0].reshape(-1, QUARTERS_PER_DAY).copy()
    quality = before.quality[:, 0].reshape(-1, QUARTERS_PER_DAY).copy()
    skip, count = (window.first - window.wide_first).days, (window.last - window.first).days + 1
    now = LedgerDays(
        span.meter,
        channel.name,
        window.first,
        found.energy_kwh[:, number].reshape(-1, QUARTERS_PER_DAY)[skip : skip + count],
        found.quality[:, number].reshape(-1, QUARTERS_PER_DAY)[skip : skip + count],
    )
    for row in (*(row for row in fresh if row.channel == channel.name), now):
        own_first, own_end = max(first, row.first_day), min(end, row.first_day + len(row.values) * DAY)
        if own_first < own_end:
            to = slice((own_first - first).days, (own_end - first).days)
            of = slice((own_first - row.first_day).days, (own_end - row.first_day).days)
            values[to], quality[to] = row.values[of], row.quality[of]
    profile_kw: FloatArray = typical_profile(values.reshape(-1, 1), quality.reshape(-1, 1), first)[0]
    return profile_kw


def _power_factors(meters: Sequence[Meter], batch: ReadingBatch, window: Window) -> Iterator[LedgerDays]:
    """Mean power factor of each quarter-hour that has one, sign left out."""
    factor = np.clip(np.abs(batch.column("power_factor")), LEAST_POWER_FACTOR, 1.0)
    for meter in meters:
        yield from _means(meter, POWER_FACTOR, batch, factor, window)


def _weather(stations: Sequence[Meter], batch: ReadingBatch, window: Window) -> _Part:
    """Hourly means of what stations sent."""
    rows: list[LedgerDays] = []
    for station in stations:
        for channel, field in WEATHER:
            rows += _means(station, channel, batch, batch.column(field), window)
    return _Part(tuple(station.id for station in stations), window, rows, [])


def _means(
    meter: Meter, channel: Channel, batch: ReadingBatch, values: FloatArray, window: Window
) -> Iterator[LedgerDays]:
    """Rows of the mean of each slot, for the days that have one."""
    count, slots = (window.last - window.first).days + 1, channel.slots_per_day
    is_own = (batch.meter == batch.meter_ids.index(meter.id)) & np.isfinite(values)
    slot = (batch.ts_us[is_own] - _midnight_us(window.first)) // (US_PER_DAY // slots)
    inside = (slot >= 0) & (slot < count * slots)
    total = np.bincount(slot[inside], values[is_own][inside], minlength=count * slots)
    number = np.bincount(slot[inside], minlength=count * slots)
    mean = np.divide(total, number, out=np.full(count * slots, np.nan), where=number > 0).reshape(count, slots)
    for day in np.flatnonzero(np.isfinite(mean).any(axis=1)).tolist():
        quality = np.where(np.isfinite(mean[day]), Quality.MEASURED, Quality.MISSING).astype(np.uint8)
        yield LedgerDays(meter.id, channel.name, window.first + day * DAY, mean[day : day + 1], quality[np.newaxis])


def _dates(first: dt.date, last: dt.date) -> list[dt.date]:
    return [first + number * DAY for number in range((last - first).days + 1)]


def _midnight_us(day: dt.date) -> int:
    """The instant at which a day of Bangkok begins. Bangkok keeps no summer time."""
    return (day - dt.date(1970, 1, 1)).days * US_PER_DAY - BANGKOK_US


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
    seen = ledger.seen([meter.id for meter in changed])
    for meter in changed:
        days = seen.get(meter.id)
        first = day_of_us(days.first_us) if days else dt.date(1970, 1, 2)
        last = day_of_us(days.last_us) if days else dt.date(1970, 1, 1)
        ledger.set_revision(meter.id, revision_of(meter, settings), first, last)
    log.info("ledger_follows_configuration", meters=len(changed))
    return len(changed)
