"""Makes rows of the ledger from values of instants: the mean of each slot, and how many values there were."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

import numpy as np

from bkkenergy.portfolio import Meter
from bkkenergy.ports.channels import GAUGES, GHI, POWER_FACTOR, TEMP_AIR, Channel
from bkkenergy.ports.ledger import LedgerDays
from bkkenergy.readings import FloatArray, IntArray, Quality, ReadingBatch
from bkkenergy.usecases.runs import DAY, US_PER_DAY, midnight_us

MIN_POWER_FACTOR = 0.01


def power_factor_rows(
    meters: Sequence[Meter], batch: ReadingBatch, first: dt.date, last: dt.date
) -> Iterator[LedgerDays]:
    """Yield the mean power factor of each quarter-hour that has one, sign left out."""
    factor = np.clip(np.abs(batch.column(POWER_FACTOR.field)), MIN_POWER_FACTOR, 1.0)
    for meter in meters:
        yield from _means(meter, POWER_FACTOR, batch, factor, first, last)


def station_rows(stations: Sequence[Meter], batch: ReadingBatch, first: dt.date, last: dt.date) -> Iterator[LedgerDays]:
    """Yield hourly means of what stations sent, and their gauges."""
    for station in stations:
        for channel in (GHI, TEMP_AIR):
            yield from _means(station, channel, batch, batch.column(channel.field), first, last)
    yield from gauge_rows(stations, batch, first, last)


def gauge_rows(meters: Sequence[Meter], batch: ReadingBatch, first: dt.date, last: dt.date) -> Iterator[LedgerDays]:
    """Yield means of the values that few meters send."""
    for channel in GAUGES:
        if channel.field not in batch.columns:
            continue
        values = batch.columns[channel.field]
        senders = {batch.meter_ids[number] for number in np.unique(batch.meter[np.isfinite(values)]).tolist()}
        for meter in meters:
            if meter.id in senders:
                yield from _means(meter, channel, batch, values, first, last)


def counted_by_day(meter: Meter, batch: ReadingBatch, values: FloatArray, first: dt.date, last: dt.date) -> IntArray:
    """Return (days,) how many values a meter has on each of some days, both ends included."""
    count = (last - first).days + 1
    is_own = (batch.meter == batch.meter_ids.index(meter.id)) & np.isfinite(values)
    day = (batch.ts_us[is_own] - midnight_us(first)) // US_PER_DAY
    counts: IntArray = np.bincount(day[(day >= 0) & (day < count)], minlength=count).astype(np.int64)
    return counts


def _means(
    meter: Meter, channel: Channel, batch: ReadingBatch, values: FloatArray, first: dt.date, last: dt.date
) -> Iterator[LedgerDays]:
    """Yield rows of the mean of each slot, for the days that have one."""
    count, slots = (last - first).days + 1, channel.slots_per_day
    is_own = (batch.meter == batch.meter_ids.index(meter.id)) & np.isfinite(values)
    slot = (batch.ts_us[is_own] - midnight_us(first)) // (US_PER_DAY // slots)
    inside = (slot >= 0) & (slot < count * slots)
    total = np.bincount(slot[inside], values[is_own][inside], minlength=count * slots)
    number = np.bincount(slot[inside], minlength=count * slots)
    mean = np.divide(total, number, out=np.full(count * slots, np.nan), where=number > 0).reshape(count, slots)
    readings = counted_by_day(meter, batch, values, first, last)
    for day in np.flatnonzero(np.isfinite(mean).any(axis=1)).tolist():
        quality = np.where(np.isfinite(mean[day]), Quality.MEASURED, Quality.MISSING).astype(np.uint8)
        columns = mean[day : day + 1], quality[np.newaxis], readings[day : day + 1]
        yield LedgerDays(meter.id, channel.name, first + day * DAY, *columns)
