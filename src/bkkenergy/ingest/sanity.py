"""What a register does that it should not: an event when the readings come. Nothing is repaired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bkkenergy.metering.events import Event, EventKind
from bkkenergy.metering.registers import MeterLimits, plausible_step
from bkkenergy.readings import US_PER_S, BoolArray, FloatArray, IntArray, ReadingBatch

NOISE_KW = 0.05
"""Power below this may leave a register of coarse steps standing."""


@dataclass(slots=True)
class Memory:
    """The last that was seen of each register; all (m,). NaN and 0 where nothing was.

    moved_us : when it last moved. is_stuck : whether an event has said so.
    """

    ts_us: IntArray
    register_kwh: FloatArray
    moved_us: IntArray
    is_stuck: BoolArray

    @classmethod
    def empty(cls, meters: int) -> Memory:
        """Return a memory in which nothing was seen yet."""
        return cls(
            np.zeros(meters, np.int64), np.full(meters, np.nan), np.zeros(meters, np.int64), np.zeros(meters, np.bool_)
        )

    def take_over(self, rows: IntArray, other: Memory, of: IntArray) -> None:
        """Take what another memory has in its rows `of` into these rows."""
        self.ts_us[rows] = other.ts_us[of]
        self.register_kwh[rows] = other.register_kwh[of]
        self.moved_us[rows] = other.moved_us[of]
        self.is_stuck[rows] = other.is_stuck[of]


def register_events(
    batch: ReadingBatch,
    memory: Memory,
    limits: MeterLimits,
    is_register: BoolArray,
    exchanges: Sequence[tuple[int, int, float, float]],
    *,
    stuck_after_s: float,
) -> list[Event]:
    """Find events of a batch's import registers, each compared with the reading before it.

    Readings that are older than what was seen already (a backlog, a redelivery) are passed over: they
    are judged when intervals are made. Another value of the same instant takes the place of the one before.
    `memory` is brought up to date.

    exchanges : (meter number, ts_us, final_kwh, initial_kwh) as declared.
    """
    energy_kwh = batch.column("energy_kwh")
    fresh = ~np.isnan(energy_kwh) & is_register[batch.meter] & (batch.ts_us >= memory.ts_us[batch.meter])
    news = batch.take(fresh).in_order()
    if len(news) == 0:
        return []
    meter, ts_us, after_kwh = news.meter, news.ts_us, news.column("energy_kwh")
    is_first = np.diff(meter, prepend=-1) != 0
    before_kwh = np.where(is_first, memory.register_kwh[meter], np.concatenate(([0.0], after_kwh))[:-1])
    before_us = np.where(is_first, memory.ts_us[meter], np.concatenate(([0], ts_us))[:-1])
    kinds = _judged(meter, before_us, ts_us, before_kwh, after_kwh, limits)
    events = []
    for row in np.flatnonzero(kinds):
        kind = _KINDS[kinds[row] - 1]
        exchange = any(number == meter[row] and before_us[row] < at <= ts_us[row] for number, at, *_ in exchanges)
        kind = EventKind.EXCHANGE if exchange else kind
        name = news.meter_ids[meter[row]]
        events.append(Event(name, int(ts_us[row]), kind, float(before_kwh[row]), float(after_kwh[row])))
    events += _standing_still(news, before_kwh, memory, stuck_after_s)
    is_last = np.concatenate((np.diff(meter) != 0, [True]))
    memory.ts_us[meter[is_last]] = ts_us[is_last]
    memory.register_kwh[meter[is_last]] = after_kwh[is_last]
    return events


_KINDS = (EventKind.ROLLOVER, EventKind.FELL, EventKind.JUMPED)


def _judged(
    meter: IntArray,
    before_us: IntArray,
    ts_us: IntArray,
    before_kwh: FloatArray,
    after_kwh: FloatArray,
    limits: MeterLimits,
) -> IntArray:
    """Return (n,) 1 + index into _KINDS; 0 where all is well or nothing came before."""
    step_kwh, step_s = after_kwh - before_kwh, (ts_us - before_us) / US_PER_S
    rated_kw, rollover_kwh = limits.rated_kw[meter], limits.rollover_kwh[meter]
    wraps = (step_kwh < 0) & plausible_step(step_kwh + np.nan_to_num(rollover_kwh, nan=-np.inf), step_s, rated_kw)
    jumps = (step_kwh > 0) & ~plausible_step(step_kwh, step_s, rated_kw)
    is_replaced = step_s <= 0  # another value of the same instant
    return np.select([np.isnan(step_kwh) | is_replaced, wraps, step_kwh < 0, jumps], [0, 1, 2, 3], 0)


def _standing_still(news: ReadingBatch, before_kwh: FloatArray, memory: Memory, stuck_after_s: float) -> list[Event]:
    """List registers that have stood still for too long though power flows, and those that move again."""
    energy_kwh, power_kw = news.column("energy_kwh"), news.column("power_kw")
    moves = (energy_kwh != before_kwh) | np.isnan(before_kwh)
    # A quiet load moves no register: without a sign of power, standing still is no fault.
    quiet = ~(power_kw > NOISE_KW)
    starts = np.flatnonzero(np.diff(news.meter, prepend=-1) != 0)
    ends = np.concatenate((starts[1:], [len(news)])) - 1
    meter, last_us = news.meter[starts], news.ts_us[ends]
    moved_us = np.maximum.reduceat(np.where(moves | quiet, news.ts_us, 0), starts)
    memory.moved_us[meter] = np.maximum(memory.moved_us[meter], moved_us)
    stands = (last_us - memory.moved_us[meter]) / US_PER_S >= stuck_after_s
    was_stuck = memory.is_stuck[meter]
    moves_again = was_stuck & np.logical_or.reduceat(moves, starts)
    memory.is_stuck[meter] = stands
    return [
        Event(news.meter_ids[meter[row]], int(last_us[row]), kind, *(float(energy_kwh[ends[row]]),) * 2)
        for kind, events in ((EventKind.STUCK, stands & ~was_stuck), (EventKind.MOVES_AGAIN, moves_again))
        for row in np.flatnonzero(events)
    ]
