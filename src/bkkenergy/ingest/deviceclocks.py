"""Devices whose clock was never set, or stands still: their readings are stamped when they come, and it is reported."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Self

import numpy as np

from bkkenergy.metering.events import Event, EventKind
from bkkenergy.payloads.message import Message
from bkkenergy.readings import US_PER_S, BoolArray, FloatArray, IntArray, ReadingBatch

EARLIEST_US = -86_400 * US_PER_S
"""A device that writes local time begins before 1970 by UTC: in Bangkok seven hours."""
UNSET_BEFORE_US = int(dt.datetime(2015, 1, 1, tzinfo=dt.UTC).timestamp()) * US_PER_S
"""A clock that nothing set begins in 1970, 1980, 2000 or 2010, and runs on from there."""
NO_TIME_US = tuple(int(dt.datetime(year, 1, 1, tzinfo=dt.UTC).timestamp()) * US_PER_S for year in (1, 1601, 1900))
"""What programs write for no time: the zeros of Go and .NET, of Windows, and of NTP and spreadsheets."""
NO_TIME_WITHIN_US = 2 * 86_400 * US_PER_S
"""Of such a zero, by the device's own offset; spreadsheets count from a day or two before it."""
NTP_ZERO_US = 2_085_978_496 * US_PER_S
"""2036-02-07: what a device makes of an empty answer of its time server (NTP counts 32 bits of seconds from 1900)."""
YEAR_US = 365 * 86_400 * US_PER_S
STUCK_AFTER_US = 300 * US_PER_S
"""Other values under one stamp for so long are of a clock that stands still, not of a stamp in whole minutes."""
MAX_SPACING_US = 86_400 * US_PER_S


@dataclass(frozen=True, slots=True)
class Restamped:
    """Readings with stamps that can be believed.

    ts_us : (n,) stamps. is_news : (n,) false for retained readings without a time. events : clocks found at fault.
    """

    ts_us: IntArray
    is_news: BoolArray
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Receipts:
    """When each of (n,) messages came, and how.

    retained : stored by the broker from some earlier time. says_time : whether the time of receipt says when it was
        sent; not of what is retained, late or sent again.
    """

    received_us: IntArray
    retained: BoolArray
    says_time: BoolArray

    @classmethod
    def of(cls, messages: Sequence[Message]) -> Self:
        """Return how messages came."""

        def column(name: str, kind: type[np.generic]) -> Any:
            # To transpose the messages by zip costs fifteen times as much as to take a field of each.
            return np.fromiter(map(attrgetter(name), messages), kind, len(messages))

        retained = column("retained", np.bool_)
        says_time = ~(retained | column("duplicate", np.bool_) | column("late", np.bool_))
        return cls(column("received_us", np.int64), retained, says_time)


class DeviceClocks:
    """What was last seen of each meter's stamps; all (m,)."""

    def __init__(self, meters_count: int) -> None:
        self._ts_us = np.full(meters_count, -1, np.int64)
        self._since_us = np.zeros(meters_count, np.int64)
        self._energy_kwh, self._power_kw = np.full(meters_count, np.nan), np.full(meters_count, np.nan)
        self._is_unset, self._is_stuck = np.zeros(meters_count, np.bool_), np.zeros(meters_count, np.bool_)

    def restamp(self, batch: ReadingBatch, message: IntArray, receipts: Receipts) -> Restamped:
        """Stamp readings of clocks at fault by their receipt. message : (n,) in which each reading came."""
        count = len(batch)
        everything = np.ones(count, np.bool_)
        if count == 0:
            return Restamped(batch.ts_us, everything, ())
        received_us = receipts.received_us[message]
        retained = receipts.retained[message]
        is_unset = _is_unset(batch.ts_us, received_us)
        is_stuck = self._stuck(batch, received_us) & ~is_unset & ~retained
        if not is_unset.any() and not is_stuck.any():
            self._is_unset[batch.meter] = False
            return Restamped(batch.ts_us, everything, ())
        ts_us = np.where(is_stuck, received_us, batch.ts_us)
        ts_us = np.where(is_unset, _spaced(batch, message, received_us, is_unset), ts_us)
        events = self._begun(batch, ts_us, is_unset, self._is_unset, EventKind.CLOCK_UNSET)
        events += self._begun(batch, ts_us, is_stuck, self._is_stuck, EventKind.CLOCK_STUCK)
        return Restamped(ts_us, ~(is_unset & retained), tuple(events))

    def _stuck(self, batch: ReadingBatch, received_us: IntArray) -> BoolArray:
        """Return which readings come with other values under a stamp that has not moved for long."""
        order = np.argsort(batch.meter, kind="stable")
        meter, ts_us, heard_us = batch.meter[order], batch.ts_us[order], received_us[order]
        is_first = np.diff(meter, prepend=-1) != 0
        before_us = np.where(is_first, self._ts_us[meter], np.roll(ts_us, 1))
        moves = ts_us != before_us
        begins = np.maximum.accumulate(np.where(moves | is_first, np.arange(len(meter)), 0))
        since_us = np.where(moves[begins], heard_us[begins], self._since_us[meter])
        is_last = np.concatenate((is_first[1:], [True]))
        is_other = {}
        for name, memory in (("energy_kwh", self._energy_kwh), ("power_kw", self._power_kw)):
            values = batch.column(name)[order]
            is_other[name] = _is_other(values, np.where(is_first, memory[meter], np.roll(values, 1)))
            memory[meter[is_last]] = values[is_last]
        # A meter may stamp its power by its register's last full hour: then the register is the same.
        has_no_register = np.isnan(batch.column("energy_kwh")[order])
        differs = ~moves & (is_other["energy_kwh"] | (has_no_register & is_other["power_kw"]))
        self._ts_us[meter[is_last]], self._since_us[meter[is_last]] = ts_us[is_last], since_us[is_last]
        is_stuck = np.empty(len(meter), np.bool_)
        is_stuck[order] = differs & (heard_us - since_us >= STUCK_AFTER_US)
        self._is_stuck[meter[is_last & moves]] = False
        return is_stuck

    def _begun(
        self, batch: ReadingBatch, ts_us: IntArray, is_faulty: BoolArray, was_faulty: BoolArray, kind: EventKind
    ) -> list[Event]:
        """List one event for each clock that was right before."""
        faulty = np.unique(batch.meter[is_faulty])
        begun = set(faulty[~was_faulty[faulty]].tolist())
        was_faulty[faulty] = True
        energy_kwh = np.nan_to_num(batch.column("energy_kwh"))
        rows = {int(batch.meter[row]): row for row in np.flatnonzero(is_faulty).tolist()}
        return [
            Event(batch.meter_ids[meter], int(ts_us[row]), kind, float(energy_kwh[row]), float(energy_kwh[row]))
            for meter, row in rows.items()
            if meter in begun
        ]


def _is_unset(ts_us: IntArray, received_us: IntArray) -> BoolArray:
    """Return which stamps are of a clock that began to run by itself, and not long ago."""
    from_zero = (ts_us >= EARLIEST_US) & (ts_us < UNSET_BEFORE_US)
    for none_us in NO_TIME_US:
        from_zero |= np.abs(ts_us - none_us) <= NO_TIME_WITHIN_US
    since_ntp_us = ts_us - NTP_ZERO_US
    from_ntp_zero = (since_ntp_us >= 0) & (since_ntp_us < YEAR_US) & (received_us < NTP_ZERO_US - YEAR_US)
    unset: BoolArray = (from_zero | from_ntp_zero) & (received_us >= UNSET_BEFORE_US)
    return unset


def _is_other(values: FloatArray, before: FloatArray) -> BoolArray:
    """Return where a value is known, was known, and is another."""
    other: BoolArray = (values != before) & ~np.isnan(values) & ~np.isnan(before)
    return other


def _spaced(batch: ReadingBatch, message: IntArray, received_us: IntArray, is_unset: BoolArray) -> IntArray:
    """Return stamps by which the newest of a meter in a message is of its receipt, and the others as long before.

    A clock that was not set runs all the same: readings of one message have the right distance from each other.
    """
    group = message * len(batch.meter_ids) + batch.meter
    groups, row_of = np.unique(group, return_inverse=True)
    newest_us = np.full(len(groups), EARLIEST_US)
    np.maximum.at(newest_us, row_of[is_unset], batch.ts_us[is_unset])
    back_us = newest_us[row_of] - batch.ts_us
    spaced: IntArray = received_us - np.where(back_us <= MAX_SPACING_US, back_us, 0)
    return spaced
