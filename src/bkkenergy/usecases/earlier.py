"""Readings further back than neighbours are looked at, on which days depend all the same: the ledger knows where.

A register is held at its highest value until it rises above it. Where it stands still for days, that value was on the
last day that has energy. A second register that fell silent is there still: its energy is not known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from bkkenergy.calendar import day_of_us
from bkkenergy.metering.tracks import resolution_kwh
from bkkenergy.portfolio import Meter, MeterKind
from bkkenergy.ports.ledger import EXPORT, IMPORT, Channel, Having, LedgerDays
from bkkenergy.readings import FIELDS, BoolArray, ReadingBatch
from bkkenergy.site import Site
from bkkenergy.usecases.fields import field_of
from bkkenergy.usecases.runs import DAY, DayRun, midnight_us

ROUNDING = 1.001
"""A fall of the resolution may be a little more, in doubles."""
HAS_SOME: Mapping[Having, Callable[[LedgerDays], BoolArray]] = {
    Having.READINGS: lambda row: row.readings > 0,
    Having.ENERGY: lambda row: np.nansum(row.values, axis=1) > 0,
}


def with_earlier(
    site: Site,
    meters: Sequence[Meter],
    batch: ReadingBatch,
    first: dt.date,
    run: DayRun,
    fresh: Mapping[str, Sequence[LedgerDays]],
    second_registers: Mapping[str, Sequence[Channel]],
) -> ReadingBatch:
    """Add to the readings of meters those further back that their rows depend on.

    first : the first day of which rows are made. fresh : rows of runs before, which are not in the ledger yet.
    second_registers : that each meter has.
    """
    further_back: list[ReadingBatch] = []
    for meter in meters:
        main = (IMPORT,) if meter.kind is MeterKind.REGISTER else ()
        for channel in (*main, *second_registers[meter.id]):
            known = _Known(site, meter, channel, run, fresh.get(meter.id, ()))
            earlier = _earlier(known, batch, first)
            further_back += [] if earlier is None else [earlier]
    if not further_back:
        return batch
    whole = ReadingBatch.concat([*further_back, batch])
    return whole.take(np.argsort(whole.ts_us, kind="stable"))


class _Known:
    """What is known of a channel of a meter before a run."""

    def __init__(self, site: Site, meter: Meter, channel: Channel, run: DayRun, fresh: Sequence[LedgerDays]) -> None:
        self._site, self.meter, self.channel, self._run = site, meter, channel, run
        self._fresh = [row for row in fresh if row.channel == channel.name]
        self.field = field_of(meter, channel.name)

    def day_before(self, day: dt.date, having: Having) -> dt.date | None:
        """Return the last day before one that has readings or energy, as far as readings may be read."""
        days = [
            row.first_day + number * DAY
            for row in self._fresh
            for number in np.flatnonzero(HAS_SOME[having](row)).tolist()
        ]
        in_ledger = self._site.ledger.day_before(self.meter.id, self.channel, day, having)
        before = [known for known in (*days, in_ledger) if known is not None and known < day]
        latest = max(before, default=None)
        return latest if latest is not None and latest >= self._run.among.read_first else None

    def readings(self, day: dt.date) -> ReadingBatch:
        """Read the values of a day, and of the midnight at its end."""
        start_us, end_us = midnight_us(day), midnight_us(day + DAY) + 1
        batch = self._site.readings.readings([self.meter.id], start_us, end_us, FIELDS)
        return batch.take(np.isfinite(batch.column(self.field)))


def _earlier(known: _Known, batch: ReadingBatch, first: dt.date) -> ReadingBatch | None:
    """Return the reading further back that a channel's rows depend on; None without one."""
    is_own = (batch.meter == batch.meter_ids.index(known.meter.id)) & np.isfinite(batch.column(known.field))
    near = batch.take(is_own)
    if len(near) == 0:
        return None if known.channel is IMPORT else _last(known, first)
    is_register = known.meter.kind is MeterKind.REGISTER or known.channel not in {IMPORT, EXPORT}
    return _held(known, near, first) if is_register and near.ts_us[0] < midnight_us(first) else None


def _last(known: _Known, first: dt.date) -> ReadingBatch | None:
    """Return the last reading of a register that is silent."""
    day = known.day_before(first, Having.READINGS)
    of_day = None if day is None else known.readings(day)
    return of_day.take(slice(-1, None)) if of_day else None


def _held(known: _Known, near: ReadingBatch, first: dt.date) -> ReadingBatch | None:
    """Return the reading at which a register was held when those near begin; None where it has risen above any."""
    values_kwh = near.column(known.field)
    start_kwh, finest_kwh = float(values_kwh[0]), resolution_kwh(values_kwh, known.meter)
    if values_kwh[near.ts_us < midnight_us(first)].max() >= start_kwh + finest_kwh:
        return None
    day = known.day_before(day_of_us(int(near.ts_us[0])), Having.ENERGY)
    if day is None:
        return None
    before = known.readings(day)
    before_kwh = before.column(known.field)
    is_higher = (before_kwh > start_kwh) & (before_kwh <= start_kwh + finest_kwh * ROUNDING)
    if not is_higher.any():
        return None
    row = int(np.argmax(np.where(is_higher, before_kwh, -np.inf)))
    return before.take(slice(row, row + 1))
