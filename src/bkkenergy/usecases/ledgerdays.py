"""Computes the rows of neighbouring days from readings: which readings, and what the ledger holds of them.

A day depends on the readings of its meter around it: on the last one before it and the first one after it, however far
away, and on a day more on both sides by which a register's track is judged.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bkkenergy.calendar import day_of_us
from bkkenergy.metering.frames import renumbered
from bkkenergy.metering.gaps import redistribution_kwh
from bkkenergy.metering.tracks import usual_s
from bkkenergy.metering.vee import Validated, typical_profile, validate
from bkkenergy.portfolio import Meter, MeterKind
from bkkenergy.ports.channels import EXPORT, IMPORT, QUARTERS_PER_DAY, REGISTERS, SECOND_REGISTERS, Channel
from bkkenergy.ports.ledger import Having, LedgerDays, Span, SpanReason
from bkkenergy.readings import FIELDS, US_PER_S, BoolArray, FloatArray, IntArray, ReadingBatch
from bkkenergy.site import Site
from bkkenergy.usecases.earlier import with_earlier
from bkkenergy.usecases.fields import field_of, fields_of, has_register, second_registers
from bkkenergy.usecases.means import counted_by_day, gauge_rows, power_factor_rows, station_rows
from bkkenergy.usecases.meterversions import Version, in_ratio_of, rounds_of
from bkkenergy.usecases.othersources import OtherSources
from bkkenergy.usecases.runs import DAY, US_PER_DAY, DayRun, midnight_us

QUARTER_US = 900 * US_PER_S
CONTEXT_DAYS = 2
"""Days read on both sides of a run: one that is computed again with it, one by which the register's track is judged."""
PROFILE_DAYS = 28
"""The typical profile of a gap comes from the days before it."""


@dataclass(frozen=True, slots=True)
class Window:
    """What is computed for a run: rows of the days first..last, from intervals of the days wide_first..wide_last."""

    first: dt.date
    last: dt.date
    wide_first: dt.date
    wide_last: dt.date


Rows = Mapping[str, Sequence[LedgerDays]]
"""Rows of each meter."""


@dataclass(frozen=True, slots=True)
class WindowPart:
    """Rows and spans of some meters over the days of a window."""

    meters: tuple[str, ...]
    window: Window
    rows: list[LedgerDays]
    spans: list[Span]


def computed_run(site: Site, meters: Sequence[Meter], run: DayRun, fresh: Rows) -> Iterator[WindowPart]:
    """Compute a run for meters: those whose neighbours are near together, the others one by one.

    fresh : rows of runs before, which are not in the ledger yet.
    """
    stations = [meter for meter in meters if meter.kind is MeterKind.WEATHER]
    counting = [meter for meter in meters if meter.kind is not MeterKind.WEATHER]
    if stations:
        batch = _readings(site, stations, run.first, run.last)
        window = Window(run.first, run.last, run.first, run.last)
        rows = list(station_rows(stations, batch, run.first, run.last))
        yield WindowPart(tuple(station.id for station in stations), window, rows, [])
    if not counting:
        return
    first, last = _days_around(run, run.first, run.last, CONTEXT_DAYS)
    batch = _readings(site, counting, first, last)
    registers = second_registers(site.ledger, counting, batch, fresh)
    near = [meter for meter in counting if _is_near(site, meter, batch, run, registers[meter.id])]
    if near:
        window = Window(*_rows_around(run), first, last)
        whole = with_earlier(site, near, batch, window.first, run, fresh, registers)
        yield _energy(site, near, whole, window, fresh)
    for meter in counting:
        if meter not in near:
            window = _window(site, meter, batch, run, registers[meter.id])
            wide = _readings(site, [meter], *_days_around(run, window.wide_first, window.wide_last, 1))
            whole = with_earlier(site, [meter], wide, window.first, run, fresh, registers)
            yield _energy(site, [meter], whole, window, fresh)


def _days_around(run: DayRun, first: dt.date, last: dt.date, days: int) -> tuple[dt.date, dt.date]:
    """Return some days and a few more on both sides, as far as readings may be read."""
    return max(first - days * DAY, run.among.read_first), min(last + days * DAY, run.among.last)


def _rows_around(run: DayRun) -> tuple[dt.date, dt.date]:
    """Return the days of a run and one more on both sides, as far as they may be computed."""
    return max(run.first - DAY, run.among.first), min(run.last + DAY, run.among.last)


def _readings(site: Site, meters: Sequence[Meter], first: dt.date, last: dt.date) -> ReadingBatch:
    return site.readings.readings([meter.id for meter in meters], midnight_us(first), midnight_us(last + DAY), FIELDS)


def _is_near(site: Site, meter: Meter, batch: ReadingBatch, run: DayRun, seconds: Sequence[Channel]) -> bool:
    """Return whether a batch has all that a run depends on: a reading on each day beside it, or none beyond."""
    seen = site.ledger.seen([meter.id]).get(meter.id)
    if seen is None:
        return True
    for field in fields_of(meter, seconds):
        ts_us = _instants(meter, batch, field)
        if not _matters(site, meter, field, ts_us, run):
            continue
        for offset in range(1, CONTEXT_DAYS + 1):
            before = midnight_us(run.first - offset * DAY)
            after = midnight_us(run.last + offset * DAY)
            has_before = ((ts_us >= before) & (ts_us < before + US_PER_DAY)).any()
            has_after = ((ts_us >= after) & (ts_us < after + US_PER_DAY)).any()
            if not has_before and seen.first_us < before + US_PER_DAY:
                return False
            if not has_after and seen.last_us >= after:
                return False
    return True


def _instants(meter: Meter, batch: ReadingBatch, field: str) -> IntArray:
    """Return (n,) when a meter has a value of a field."""
    is_own = (batch.meter == batch.meter_ids.index(meter.id)) & np.isfinite(batch.column(field))
    ts_us: IntArray = batch.ts_us[is_own]
    return ts_us


def _matters(site: Site, meter: Meter, field: str, ts_us: IntArray, run: DayRun) -> bool:
    """Return whether a step of a second register reaches into a run. ts_us : (n,) its readings near the run.

    One that was silent before, or is from then on, has no step there, however far away its nearest reading is. Rows
    count as well: what they say of readings that were taken back is to be computed again.
    """
    second = next((channel for channel in SECOND_REGISTERS if channel.field == field), None)
    if second is None:
        return True
    start_us, end_us = midnight_us(run.first), midnight_us(run.last + DAY)
    if ((ts_us >= start_us) & (ts_us < end_us)).any():
        return True
    return (bool((ts_us < start_us).any()) or _has_second(site, meter, second, run, is_before=True)) and (
        bool((ts_us >= end_us).any()) or _has_second(site, meter, second, run, is_before=False)
    )


def _has_second(site: Site, meter: Meter, second: Channel, run: DayRun, *, is_before: bool) -> bool:
    """Return whether the ledger knows of readings of a second register up to a run, or from it on."""
    look, day = (site.ledger.day_before, run.last + DAY) if is_before else (site.ledger.day_after, run.first - DAY)
    return look(meter.id, second, day, Having.READINGS) is not None


def _window(site: Site, meter: Meter, batch: ReadingBatch, run: DayRun, seconds: Sequence[Channel]) -> Window:
    """Return the days that a run changes, and those that are needed to compute them.

    A register that left its track for a night, and then was silent, is judged by what it shows after the silence. So
    a run changes a day more before the silence that ends in it, and reaches over the silence after the next reading.
    """
    fields = [
        field
        for field in fields_of(meter, seconds)
        if _matters(site, meter, field, _instants(meter, batch, field), run)
    ]
    first, last = _rows_around(run)
    before, after = _around(site, meter, run, first, last, fields)
    first = first if before is None else max(min(first, before - DAY), run.among.first)
    last = last if after is None else max(last, after)
    anchor_before, anchor_after = _around(site, meter, run, first, last, fields)
    return Window(
        first,
        last,
        first if anchor_before is None else anchor_before,
        last if anchor_after is None else anchor_after,
    )


def _around(
    site: Site, meter: Meter, run: DayRun, first: dt.date, last: dt.date, fields: Sequence[str]
) -> tuple[dt.date | None, dt.date | None]:
    """Return the days of the last reading before some days and of the first after them, as far as may be read."""
    before = [site.readings.last_before_us(meter.id, midnight_us(first), field) for field in fields]
    after = [site.readings.first_from_us(meter.id, midnight_us(last + DAY), field) for field in fields]
    read_from_us, read_until_us = midnight_us(run.among.read_first), midnight_us(run.among.last + DAY)
    earlier = [day_of_us(at) for at in before if at is not None and at >= read_from_us]
    later = [day_of_us(at) for at in after if at is not None and at < read_until_us]
    return min(earlier, default=None), max(later, default=None)


def _energy(site: Site, meters: Sequence[Meter], batch: ReadingBatch, window: Window, fresh: Rows) -> WindowPart:
    """Compute quarter-hours over a window, each day by the settings that its meter has on that day.

    A version is computed over the whole window, as if it had always held, and its own days are taken. So a change from
    a day on alters nothing before that day.
    """
    rows: list[LedgerDays] = []
    spans: list[Span] = []
    for versions in rounds_of(site.portfolio, meters, window.first, window.last):
        current = [version.meter for version in versions]
        in_ratio = in_ratio_of(renumbered(batch, [meter.id for meter in current]), current)
        part = _energy_of(site, current, in_ratio, window, fresh)
        days = {version.meter.id: version for version in versions}
        rows += [cut for row in part.rows if (cut := _cut(row, days[row.meter])) is not None]
        spans += [
            span for span in part.spans
            if days[span.meter].first <= day_of_us(span.start_us) <= days[span.meter].last
        ]  # fmt: skip
    return WindowPart(tuple(meter.id for meter in meters), window, rows, spans)


def _cut(row: LedgerDays, version: Version) -> LedgerDays | None:
    """Return the days of a row on which a version holds; None without any."""
    count = len(row.values)
    start = max((version.first - row.first_day).days, 0)
    end = min((version.last - row.first_day).days + 1, count)
    if (start, end) == (0, count):
        return row
    if start >= end:
        return None
    part = slice(start, end)
    first = row.first_day + start * DAY
    return replace(
        row, first_day=first, values=row.values[part], quality=row.quality[part], readings=row.readings[part]
    )


def _energy_of(site: Site, meters: Sequence[Meter], batch: ReadingBatch, window: Window, fresh: Rows) -> WindowPart:
    """Compute quarter-hours over a window by one version of each meter, by the channels that they have."""
    edges_us = np.arange(midnight_us(window.wide_first), midnight_us(window.wide_last + DAY) + 1, QUARTER_US)
    max_gap_s = site.settings.metering.max_estimated_gap_s
    others = OtherSources.read(site.ledger, meters, window.wide_first, window.wide_last)
    rows: list[LedgerDays] = []
    spans: list[Span] = []
    for channel in REGISTERS:
        able = [meter for meter in meters if _has_channel(meter, batch, channel) or others.has(meter, channel)]
        if not able:
            continue
        validated = validate(batch, able, edges_us, channel=channel.name, max_gap_s=max_gap_s)
        shaped = _shaped(site, able, channel, others.flagged(validated, able, channel), edges_us, window, fresh)
        whole = others.merged(replace(shaped, quality=validated.quality), able, channel)
        inside = replace(whole, spans=tuple(span for span in validated.spans if _is_inside(span, window)))
        rows += _rows(able, channel.name, batch, inside, window, others)
        spans += inside.spans
    rows += power_factor_rows([meter for meter in meters if meter.is_electric], batch, window.first, window.last)
    rows += gauge_rows(meters, batch, window.first, window.last)
    return WindowPart(tuple(meter.id for meter in meters), window, rows, spans)


def _has_channel(meter: Meter, batch: ReadingBatch, channel: Channel) -> bool:
    if not has_register(meter, channel):
        return False
    is_always = channel is IMPORT or (channel is EXPORT and meter.kind is MeterKind.NET)
    return is_always or (channel.field in batch.columns and len(_instants(meter, batch, channel.field)) > 0)


def _is_inside(span: Span, window: Window) -> bool:
    return midnight_us(window.first) <= span.start_us < midnight_us(window.last + DAY)


def _rows(
    meters: Sequence[Meter],
    channel: str,
    batch: ReadingBatch,
    validated: Validated,
    window: Window,
    others: OtherSources,
) -> Iterator[LedgerDays]:
    """Yield rows of days between each meter's first and last reading, and of those that another source has."""
    skip = (window.first - window.wide_first).days
    count = (window.last - window.first).days + 1
    for number, meter in enumerate(meters):
        values = validated.energy_kwh[:, number].reshape(-1, QUARTERS_PER_DAY)[skip : skip + count]
        quality = validated.quality[:, number].reshape(-1, QUARTERS_PER_DAY)[skip : skip + count]
        is_said = others.is_said(meter, channel)[skip : skip + count]
        readings = counted_by_day(meter, batch, batch.column(field_of(meter, channel)), window.first, window.last)
        numbers = np.flatnonzero(_has_row(meter, batch, window) | is_said)
        for block in np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1) if len(numbers) else []:
            days = slice(int(block[0]), int(block[-1]) + 1)
            first = window.first + int(block[0]) * DAY
            columns = values[days], quality[days].astype(np.uint8), readings[days]
            yield LedgerDays(meter.id, channel, first, *columns)


def _has_row(meter: Meter, batch: ReadingBatch, window: Window) -> BoolArray:
    """Return (days,) whether a day is between the first and the last reading that are known of."""
    count = (window.last - window.first).days + 1
    ts_us = batch.ts_us[batch.meter == batch.meter_ids.index(meter.id)]
    if len(ts_us) == 0:
        return np.zeros(count, np.bool_)
    number = np.arange(count)
    day: IntArray = (ts_us - midnight_us(window.first)) // US_PER_DAY
    is_between: BoolArray = (number >= day.min()) & (number <= day.max())
    return is_between


def _shaped(
    site: Site,
    meters: Sequence[Meter],
    channel: Channel,
    validated: Validated,
    edges_us: IntArray,
    window: Window,
    fresh: Rows,
) -> Validated:
    """Split the energy of long gaps by what the meter typically takes."""
    energy_kwh = validated.energy_kwh.copy()
    by_id = {meter.id: (number, meter) for number, meter in enumerate(meters)}
    for span in validated.spans:
        number, meter = by_id[span.meter]
        if span.reason is SpanReason.GAP and _is_long(site, meter, span):
            profile_kw = _profile_kw(site, channel, validated, number, span, window, fresh[span.meter])
            energy_kwh[:, number] += redistribution_kwh(edges_us, span, profile_kw)
    return replace(validated, energy_kwh=energy_kwh)


def _is_long(site: Site, meter: Meter, gap: Span) -> bool:
    """Return whether a gap is too long for a straight line. A net register has no typical direction."""
    line_s = max(site.settings.metering.max_estimated_gap_s, usual_s(meter))
    return meter.kind is not MeterKind.NET and gap.end_us - gap.start_us > line_s * US_PER_S


def _profile_kw(
    site: Site,
    channel: Channel,
    validated: Validated,
    number: int,
    span: Span,
    window: Window,
    fresh: Sequence[LedgerDays],
) -> FloatArray:
    """Return (7, 96) what the meter took in the four weeks before a gap, by the ledger and what was just computed."""
    end = day_of_us(span.start_us)
    first = end - PROFILE_DAYS * DAY
    before = site.ledger.slots([span.meter], channel, first, end - DAY)
    values = before.values[:, 0].reshape(-1, QUARTERS_PER_DAY).copy()
    quality = before.quality[:, 0].reshape(-1, QUARTERS_PER_DAY).copy()
    skip, count = (window.first - window.wide_first).days, (window.last - window.first).days + 1
    now = LedgerDays(
        span.meter,
        channel.name,
        window.first,
        validated.energy_kwh[:, number].reshape(-1, QUARTERS_PER_DAY)[skip : skip + count],
        validated.quality[:, number].reshape(-1, QUARTERS_PER_DAY)[skip : skip + count],
        np.zeros(count, np.int64),
    )
    for row in (*(row for row in fresh if row.channel == channel.name), now):
        own_first, own_end = max(first, row.first_day), min(end, row.first_day + len(row.values) * DAY)
        if own_first < own_end:
            to = slice((own_first - first).days, (own_end - first).days)
            of = slice((own_first - row.first_day).days, (own_end - row.first_day).days)
            values[to], quality[to] = row.values[of], row.quality[of]
    profile_kw: FloatArray = typical_profile(values.reshape(-1, 1), quality.reshape(-1, 1), first)[0]
    return profile_kw
