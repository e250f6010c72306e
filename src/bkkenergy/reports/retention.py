"""Readings past their years, packed to what reports are made from, and then deleted.

In this order: pack, move the cut, delete. A crash anywhere leaves readings that are packed already, which the next run
deletes; it never leaves a day without either. What is packed stays: readings that come for such a day change nothing,
and are counted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK, Period, day_of_us, edges, epoch_us, on_days, timestamp_us
from bkkenergy.metering.frames import meter_energy
from bkkenergy.metering.intervals import IntervalEnergy
from bkkenergy.portfolio import Meter, MeterKind, Portfolio
from bkkenergy.readings import ENERGY_FIELDS, FIELDS, WEATHER_FIELDS, FloatArray, Quality, ReadingBatch
from bkkenergy.reports.energy import factors_of_readings, hours_of_readings, readings_around
from bkkenergy.settings import Settings
from bkkenergy.store import ReadingStore
from bkkenergy.store.kept import QUARTERS_A_DAY, KeptDay, Silence
from bkkenergy.store.rollup import Rollup

METERS_AT_ONCE = 25
LONGEST_SILENCE = dt.timedelta(days=92)
"""Silences that begin in a packed month are followed so far beyond it, to know what flowed in them."""
LEFT_BEFORE_CUT = dt.timedelta(days=7)
"""Readings before the cut that stay, to read registers at its edge."""


@dataclass(frozen=True, slots=True)
class Packed:
    """What a run did: the first day that still has its readings, how many days of meters were packed.

    too_late : meters that sent readings for days packed and deleted before, and how many; those are deleted unused.
    """

    cut: dt.date
    days: int
    too_late: dict[str, int]


def due_cut(settings: Settings, today: dt.date) -> dt.date | None:
    """The first day whose readings are kept: the first of a month, so that work comes once a month; None: all are."""
    years = settings.store.raw_years
    return None if years == 0 else dt.date(today.year - years, today.month, 1)


def pack(
    store: ReadingStore,
    settings: Settings,
    portfolio: Portfolio,
    *,
    today: dt.date,
    told: Callable[[str], object] = lambda _: None,
) -> Packed | None:
    """Pack and delete what is past its years; None where there is nothing to do. told : hears each month's name.

    Meters that the portfolio no longer has keep their readings: nobody could say what they mean.
    Raises StoreAway, and StoreRefused where the server cannot delete (what is packed is used all the same).
    """
    cut, before = due_cut(settings, today), store.kept.cut
    if cut is None:
        return None
    cut = max(cut, before or cut)
    cut_us = timestamp_us(pd.Timestamp(cut, tz=BANGKOK))
    left_us = cut_us - int(LEFT_BEFORE_CUT.total_seconds() * 1e6)
    first_us = store.first_seen_us([meter.id for meter in portfolio.meters])
    old = [meter for meter in portfolio.meters if first_us.get(meter.id, cut_us) < cut_us]
    if before == cut and all(first_us[meter.id] >= left_us for meter in old):
        return None
    kept_days = {meter.id: store.kept.days_of(meter.id) for meter in old}
    count = 0
    for month, some in _months(old, first_us, cut):
        told(f"{month.first_day:%Y-%m}")
        count += _pack_month(store, settings, some, month, kept_days)
    store.kept.set_cut(cut)
    forgotten_us, were_late = store.kept.forgotten
    too_late = _too_late(store, old, first_us, kept_days, forgotten_us)
    store.forget([meter.id for meter in old], 0, left_us)
    store.kept.set_forgotten(left_us, were_late + sum(too_late.values()))
    if before is not None:
        _mark_late(settings, old, first_us, before)
    return Packed(cut, count, too_late)


def _months(meters: Sequence[Meter], first_us: Mapping[str, int], cut: dt.date) -> Iterator[tuple[Period, list[Meter]]]:
    """Every month before the cut with the meters that have readings by then, some at a time."""
    firsts = {meter.id: pd.Timestamp(first_us[meter.id], unit="us", tz="UTC") for meter in meters}
    if not meters:
        return
    start = min(firsts.values()).tz_convert(BANGKOK)
    while start.date() < cut:
        month = Period.month(start.year, start.month)
        there = [meter for meter in meters if firsts[meter.id] < month.end]
        for at in range(0, len(there), METERS_AT_ONCE):
            yield month, there[at : at + METERS_AT_ONCE]
        start = month.end


def _pack_month(
    store: ReadingStore, settings: Settings, meters: list[Meter], month: Period, kept_days: dict[str, set[dt.date]]
) -> int:
    """Pack the days of a month that are not packed yet; how many."""
    counting = tuple(meter for meter in meters if meter.kind is not MeterKind.WEATHER)
    days = [day for meter in meters for day in _other_days(store, meter, month)]
    gaps: list[Silence] = []
    for field, energy in _energies(store, settings, counting, month):
        days += _energy_days(energy, field, month)
        gaps += _silences(energy, field, month)
        if field == "energy_kwh":
            store.keep_hours(_hours(energy, month))
    new = [own for own in days if own.day not in kept_days[own.meter]]
    store.kept.put(new, [gap for gap in gaps if day_of_us(gap[2]) not in kept_days[gap[0]]])
    return len({(own.meter, own.day) for own in new})


def _energies(
    store: ReadingStore, settings: Settings, meters: Sequence[Meter], month: Period
) -> Iterator[tuple[str, IntervalEnergy]]:
    """Quarter-hours of each register from the month's begin until its silences have ended."""
    if not meters:
        return
    wide = Period(month.start, month.end + LONGEST_SILENCE)
    batch, at = readings_around(store, settings, meters, wide), edges(wide, "15min")
    for field in ENERGY_FIELDS:
        yield field, meter_energy(batch, meters, at, max_gap_s=settings.metering.max_estimated_gap_s, field=field)


def _other_days(store: ReadingStore, meter: Meter, month: Period) -> Iterator[KeptDay]:
    """A station's hours, or a meter's power factors."""
    if meter.kind is MeterKind.WEATHER:
        hours = hours_of_readings(store, meter, month)
        for name in WEATHER_FIELDS:
            yield from _days(meter.id, name, month, hours[name].to_numpy(np.float64))
        return
    factor = factors_of_readings(store, meter, month)
    starts = edges(month, "15min")[:-1].tz_convert("UTC")
    yield from _days(meter.id, "power_factor", month, factor.reindex(starts).to_numpy(np.float64))


def _energy_days(energy: IntervalEnergy, field: str, month: Period) -> Iterator[KeptDay]:
    inside = np.asarray(energy.energy_kwh.index < month.end)
    for place, name in enumerate(energy.energy_kwh.columns):
        values = energy.energy_kwh.iloc[inside, place].to_numpy(np.float64).reshape(-1, QUARTERS_A_DAY)
        quality = energy.quality.iloc[inside, place].to_numpy(np.uint8).reshape(-1, QUARTERS_A_DAY)
        for number in np.flatnonzero((quality != Quality.MISSING).any(axis=1)).tolist():
            yield KeptDay(name, field, month.dates[number], values[number], quality[number])


def _hours(energy: IntervalEnergy, month: Period) -> ReadingBatch:
    """The month's hours that are known whole."""
    at = edges(month, "60min")
    hourly_kwh = energy.over(at).T
    meter, hour = np.nonzero(np.isfinite(hourly_kwh))
    names = tuple(energy.energy_kwh.columns)
    return ReadingBatch(names, meter, epoch_us(at[:-1])[hour], {"energy_kwh": hourly_kwh[meter, hour]})


def _silences(energy: IntervalEnergy, field: str, month: Period) -> list[Silence]:
    gaps = energy.gaps[energy.gaps["start"] < month.end]
    starts, ends = epoch_us(pd.DatetimeIndex(gaps["start"])), epoch_us(pd.DatetimeIndex(gaps["end"]))
    return [
        (name, field, start, end, kwh)
        for name, start, end, kwh in zip(
            gaps["meter"], starts.tolist(), ends.tolist(), gaps["energy_kwh"].tolist(), strict=True
        )
    ]


def _days(meter: str, field: str, month: Period, values: FloatArray) -> Iterator[KeptDay]:
    by_day = values.reshape(len(month.dates), -1)
    for number in np.flatnonzero(np.isfinite(by_day).any(axis=1)).tolist():
        yield KeptDay(meter, field, month.dates[number], by_day[number])


def _too_late(
    store: ReadingStore,
    meters: Sequence[Meter],
    first_us: Mapping[str, int],
    kept_days: Mapping[str, set[dt.date]],
    forgotten_us: int,
) -> dict[str, int]:
    """How many readings of each meter came for days that were packed and deleted before they came."""
    found = {}
    for meter in meters:
        if (begin_us := first_us[meter.id]) < forgotten_us:
            at_us = store.readings([meter.id], begin_us, forgotten_us, FIELDS).ts_us
            found[meter.id] = int(on_days(pd.to_datetime(at_us, unit="us", utc=True), kept_days[meter.id]).sum())
    return {name: count for name, count in found.items() if count}


def _mark_late(settings: Settings, meters: Sequence[Meter], first_us: Mapping[str, int], before: dt.date) -> None:
    """Days that came after their time was packed: their hours and days are computed anew."""
    before_us = timestamp_us(pd.Timestamp(before, tz=BANGKOK))
    rollup = Rollup(settings.store.path)
    try:
        for meter in meters:
            own_us = first_us[meter.id]
            if own_us < before_us - int(LEFT_BEFORE_CUT.total_seconds() * 1e6):
                rollup.mark(meter.id, own_us, before_us - 1)
    finally:
        rollup.close()
