"""Readings past their years, packed to what reports are made from, and then deleted.

In this order: pack, move the cut, count again, delete. A crash anywhere leaves readings that are packed already, which
the next run deletes; it never leaves a day without either.

A deletion needs two witnesses for a meter and a month: the rows that packing made, with the number of values that they
were made from, and the same number counted by the store itself just before. Where they differ (a read that came short,
readings that came after their day was packed) the readings stay, and the run says so. How old is old follows the newest
readings and today, whichever is earlier: a clock that is ahead deletes nothing. The first deletion of a site waits
until a person has seen what it would delete.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK, Period, day_of_us, edges, epoch_us, timestamp_us
from bkkenergy.errors import BkkEnergyError
from bkkenergy.metering.frames import meter_energy
from bkkenergy.metering.intervals import IntervalEnergy
from bkkenergy.portfolio import Meter, MeterKind, Portfolio
from bkkenergy.readings import ENERGY_FIELDS, WEATHER_FIELDS, FloatArray, Quality, ReadingBatch
from bkkenergy.reports.energy import factors_of, hours_of, readings_around
from bkkenergy.settings import Settings
from bkkenergy.store import ReadingStore
from bkkenergy.store.kept import QUARTERS_A_DAY, DayCount, KeptDay, Silence, Witness
from bkkenergy.store.rollup import Rollup

METERS_AT_ONCE = 25
LONGEST_SILENCE = dt.timedelta(days=92)
"""Silences that begin in a packed month are followed so far beyond it, to know what flowed in them."""
LEFT_BEFORE_CUT = dt.timedelta(days=7)
"""Readings before the cut that stay, to read registers at its edge."""
PACKED_FIELDS = (*ENERGY_FIELDS, "power_kw", "power_factor", *WEATHER_FIELDS)
"""What packing reads. Voltages, currents and frequency go with their readings."""
LONELY_READINGS = 2
"""So few readings of a meter in a month may make nothing that can be kept: a register read once at midnight."""
DAY_US = 86_400_000_000
ONE_IN = 4
"""The newest readings are those that one meter in so many has reached: a device with a wrong clock sets no cut."""


class DeletionWaits(BkkEnergyError):
    """Readings are past their years, and no person has agreed to a deletion here yet."""


@dataclass(frozen=True, slots=True)
class Due:
    """What is past its years: all before `left_us`, of meters with readings before the cut. first_us : of each."""

    cut: dt.date
    left_us: int
    meters: list[Meter]
    first_us: Mapping[str, int]

    @property
    def start_us(self) -> int:
        """The earliest of their readings."""
        return min((self.first_us[meter.id] for meter in self.meters), default=self.left_us)

    @property
    def months(self) -> list[Period]:
        """Every month with such readings, the latest up to the cut."""
        at = pd.Timestamp(self.start_us, unit="us", tz="UTC").tz_convert(BANGKOK)
        found: list[Period] = []
        while at.date() < self.cut:
            found.append(Period.month(at.year, at.month))
            at = found[-1].end
        return found


@dataclass(frozen=True, slots=True)
class Planned:
    """What the first deletion would take: meters with the day of their oldest reading and how many readings."""

    cut: dt.date
    meters: dict[str, tuple[dt.date, int]]

    @property
    def readings(self) -> int:
        """How many in all."""
        return sum(count for _, count in self.meters.values())


@dataclass(frozen=True, slots=True)
class Packed:
    """What a run did: the first day that is read from readings, days of meters packed, readings deleted.

    held : meters whose readings are past their years and were not deleted, since they are not what was packed.
    """

    cut: dt.date
    days: int
    deleted: int
    held: dict[str, int]


def due_cut(settings: Settings, today: dt.date) -> dt.date | None:
    """The first day whose readings are kept: the first of a month, so that work comes once a month; None: all are."""
    years = settings.store.raw_years
    return None if years == 0 else dt.date(today.year - years, today.month, 1)


def planned(store: ReadingStore, settings: Settings, portfolio: Portfolio, *, today: dt.date) -> Planned | None:
    """What a deletion would take now; None where nothing is past its years. Changes nothing."""
    due = _due(store, settings, portfolio, today)
    if due is None:
        return None
    found = store.count([meter.id for meter in due.meters], due.start_us, due.left_us, PACKED_FIELDS)
    meters = {name: (day_of_us(due.first_us[name]), _readings(counts)) for name, counts in found.items()}
    return Planned(due.cut, meters) if meters else None


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
    Raises DeletionWaits, StoreAway, and StoreRefused where the server will not delete (what is packed is used all the
    same).
    """
    due = _due(store, settings, portfolio, today)
    if due is None:
        return None
    before = store.kept.cut
    if before is not None and before > due.cut:  # set by a clock that was ahead, or for fewer years
        store.kept.set_cut(due.cut)
    if due.start_us >= due.left_us:
        return None
    if not store.kept.is_confirmed:
        raise DeletionWaits(
            f"Readings of {len(due.meters)} meters are older than {settings.store.raw_years} years. Before the first "
            "deletion a person has to look at what goes, and agree: bkkenergy retention --confirm."
        )
    new: set[tuple[str, dt.date]] = set()
    for month in due.months:
        told(f"{month.first_day:%Y-%m}")
        for some in _some(due, month):
            new |= _pack_month(store, settings, some, month)
    store.kept.set_cut(due.cut)
    deleted, held = _delete(store, portfolio, due)
    store.kept.set_held(held)
    if before is not None:
        brought = {name for name, _ in new}
        _mark_late(settings, [meter for meter in due.meters if meter.id in brought], due.first_us, before)
    return Packed(due.cut, len(new), deleted, held)


def _due(store: ReadingStore, settings: Settings, portfolio: Portfolio, today: dt.date) -> Due | None:
    """What is past its years by the newest readings and today; None where that is nothing."""
    names = [meter.id for meter in portfolio.meters]
    newest_us = sorted(store.last_seen_us(names).values(), reverse=True)
    if settings.store.raw_years == 0 or not newest_us:
        return None
    cut = due_cut(settings, min(today, day_of_us(newest_us[len(newest_us) // ONE_IN])))
    if cut is None:
        return None
    cut_us = timestamp_us(pd.Timestamp(cut, tz=BANGKOK))
    first_us = store.first_seen_us(names)
    due = Due(
        cut,
        cut_us - int(LEFT_BEFORE_CUT.total_seconds() * 1e6),
        [meter for meter in portfolio.meters if first_us.get(meter.id, cut_us) < cut_us],
        first_us,
    )
    is_ahead = (store.kept.cut or cut) > cut
    return due if due.start_us < due.left_us or is_ahead else None


def _some(due: Due, month: Period) -> Iterator[list[Meter]]:
    """The meters that have readings by a month's end, some at a time."""
    end_us = timestamp_us(month.end)
    there = [meter for meter in due.meters if due.first_us[meter.id] < end_us]
    for at in range(0, len(there), METERS_AT_ONCE):
        yield there[at : at + METERS_AT_ONCE]


def _counted(
    store: ReadingStore, names: Sequence[str], first: dt.date, last: dt.date
) -> Iterator[tuple[str, Mapping[str, int], Witness]]:
    """Each meter's values over whole days, as the store counts them now, and what packing said of them."""
    span = Period.days(first, last)
    now = store.count(names, timestamp_us(span.start), timestamp_us(span.end), PACKED_FIELDS)
    said = store.kept.witnesses(names, first, last)
    for name in names:
        yield name, now.get(name, {}), said.get(name, Witness({}, 0, is_whole=True))


def _readings(counts: Mapping[str, int]) -> int:
    """How many readings have so many values: as many as the field that has most."""
    return max(counts.values(), default=0)


def _pack_month(
    store: ReadingStore, settings: Settings, meters: list[Meter], month: Period
) -> set[tuple[str, dt.date]]:
    """Pack the days of a month that are not packed yet; each meter and day that is new."""
    span = [meter.id for meter in meters], month.first_day, month.last_day
    waiting = {name for name, now, said in _counted(store, *span) if now != said.counts}
    meters = [meter for meter in meters if meter.id in waiting]
    if not meters:
        return set()
    kept_days = {meter.id: store.kept.days_of(meter.id) for meter in meters}
    counting = tuple(meter for meter in meters if meter.kind is not MeterKind.WEATHER)
    days: list[KeptDay] = []
    gaps: list[Silence] = []
    counts: list[DayCount] = []
    for meter in meters:
        batch, fields = _other_readings(store, meter, month)
        days += _other_days(batch, meter, month)
        counts += _day_counts(batch, fields, month)
    for field, energy, batch in _energies(store, settings, counting, month):
        days += _energy_days(energy, field, month)
        gaps += _silences(energy, field, month)
        if field == "energy_kwh":
            store.keep_hours(_hours(energy, month))
            counts += _day_counts(batch, (*ENERGY_FIELDS, "power_kw"), month)
    new = [own for own in days if own.day not in kept_days[own.meter]]
    store.kept.put(
        new,
        [gap for gap in gaps if day_of_us(gap[2]) not in kept_days[gap[0]]],
        [own for own in counts if own.day not in kept_days[own.meter]],
    )
    return {(own.meter, own.day) for own in new}


def _delete(store: ReadingStore, portfolio: Portfolio, due: Due) -> tuple[int, dict[str, int]]:
    """Delete what both witnesses agree on; how many readings, and what each meter keeps for want of it.

    Meters of which all may go are given to the store together, with those that have nothing so old: it can then delete
    them by one request.
    """
    counts: dict[tuple[str, Period], int] = {}
    held: dict[str, int] = {}
    names = [meter.id for meter in portfolio.meters]  # all: readings may have come for any while months were packed
    last_day = day_of_us(due.left_us - 1)
    spans = [Period.days(own.first_day, min(own.last_day, last_day)) for own in due.months if own.first_day <= last_day]
    for span in spans:
        for name, now, said in _counted(store, names, span.first_day, span.last_day):
            if _agree(now, said):
                counts[name, span] = _readings(now)
            else:
                held[name] = held.get(name, 0) + _readings(now)
    if not any(counts.values()):
        return 0, held
    whole = [name for name in names if name not in held]
    store.forget(whole, timestamp_us(spans[0].start), due.left_us)
    for span in spans:
        parts = [name for name in held if counts.get((name, span))]
        store.forget(parts, timestamp_us(span.start), timestamp_us(span.end))
    return sum(counts.values()), held


def _agree(now: Mapping[str, int], said: Witness) -> bool:
    """Whether what the store has is what was packed, and what was packed is there."""
    has_rows = said.rows > 0 or _readings(now) <= LONELY_READINGS
    return not now or (dict(now) == said.counts and said.is_whole and has_rows)


def _day_counts(batch: ReadingBatch, fields: Sequence[str], month: Period) -> Iterator[DayCount]:
    """How many values of each field a batch has on each of the month's days."""
    day = (batch.ts_us - timestamp_us(month.start)) // DAY_US  # Bangkok's days are all of 24 hours
    is_inside = (day >= 0) & (day < len(month.dates))
    for field in fields:
        has = is_inside & np.isfinite(batch.column(field))
        places, numbers = np.unique(batch.meter[has] * len(month.dates) + day[has], return_counts=True)
        for place, count in zip(places.tolist(), numbers.tolist(), strict=True):
            meter, number = divmod(place, len(month.dates))
            yield DayCount(batch.meter_ids[meter], month.dates[number], field, count)


def _energies(
    store: ReadingStore, settings: Settings, meters: Sequence[Meter], month: Period
) -> Iterator[tuple[str, IntervalEnergy, ReadingBatch]]:
    """Quarter-hours of each register from the month's begin until its silences end, and what they are made of."""
    if not meters:
        return
    wide = Period(month.start, month.end + LONGEST_SILENCE)
    batch, at = readings_around(store, settings, meters, wide), edges(wide, "15min")
    for field in ENERGY_FIELDS:
        energy = meter_energy(batch, meters, at, max_gap_s=settings.metering.max_estimated_gap_s, field=field)
        yield field, energy, batch


def _other_readings(store: ReadingStore, meter: Meter, month: Period) -> tuple[ReadingBatch, Sequence[str]]:
    """A station's weather, or a meter's power factors, and the fields that these are."""
    fields = WEATHER_FIELDS if meter.kind is MeterKind.WEATHER else ("power_factor",)
    return store.readings([meter.id], timestamp_us(month.start), timestamp_us(month.end), fields), fields


def _other_days(batch: ReadingBatch, meter: Meter, month: Period) -> Iterator[KeptDay]:
    """A station's hours, or a meter's power factors."""
    if meter.kind is MeterKind.WEATHER:
        hours = hours_of(batch, month)
        for name in WEATHER_FIELDS:
            yield from _days(meter.id, name, month, hours[name].to_numpy(np.float64))
        return
    starts = edges(month, "15min")[:-1].tz_convert("UTC")
    yield from _days(meter.id, "power_factor", month, factors_of(batch).reindex(starts).to_numpy(np.float64))


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
