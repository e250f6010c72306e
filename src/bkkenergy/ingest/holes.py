"""A backlog that lacks a time in which the meters must have sent: the broker dropped what it had to store, in silence.

A queue of 1,000 messages that is full drops the newest; a broker that crashes loses what came since it last saved. It
has our session all the same, and says nothing. What is left shows it: readings with a time of their own go on up to
some moment, and begin again with those of now, for all meters alike.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from bkkenergy.adapters.broker_troubles import Trouble, backlog_hole
from bkkenergy.calendar import BANGKOK
from bkkenergy.ingest.sort import Sorted
from bkkenergy.payloads.message import Message
from bkkenergy.portfolio import Meter
from bkkenergy.ports.ledger import MeterSeen
from bkkenergy.readings import US_PER_S, BoolArray, FloatArray, IntArray

LEAST_US = 60 * US_PER_S
"""A shorter time away, or without a reading, is not looked at."""
LOOK_AFTER_US = 30 * US_PER_S
"""The backlog comes first. Then it is looked at again and again, ever less often."""
STEPS = 600
"""The time away is divided into this many; each meter has a mark for each in which a reading is."""
LIVE_US = 600 * US_PER_S
"""After the return as long a time is looked at as before it, and at least this: there a meter's usual pace is seen."""
LEAST_STEPS = 4
"""From reading to reading, to know a meter's pace."""
TIMES_USUAL = 5
"""A pause so much longer than usual is a hole."""
RECENT_US = 3_600 * US_PER_S
"""A meter that was heard so shortly before is expected to have gone on."""

PV_EVENING, PV_MORNING = dt.time(16), dt.time(8)
"""Between these PV may be silent. In Bangkok the sun sets at 17:45 at the earliest and rises at 6:45 at the latest; low
sun is too weak, or behind a building."""


class Hole(NamedTuple):
    """A pause of one meter. start, end : in steps. missing : how many readings it would have had."""

    start: float
    end: float
    missing: float


@dataclass(slots=True)
class Absence:
    """One time away, and what came of it. filled : (m, steps). first : (m,) step of the reading before, NaN without."""

    start_us: int
    end_us: int
    step_us: int
    filled: BoolArray
    first: FloatArray
    rows: IntArray
    look_at_us: int = field(default=0)

    @property
    def is_over_us(self) -> int:
        """When it is looked at no more."""
        return self.start_us + int(self.filled.shape[1]) * self.step_us

    def bangkok(self, step: float) -> dt.datetime:
        """Return the time at which a step begins."""
        return dt.datetime.fromtimestamp((self.start_us + step * self.step_us) / US_PER_S, BANGKOK)


def pv_of(meters: Iterable[Meter]) -> frozenset[str]:
    """Return the ids of meters of PV."""
    return frozenset(meter.id for meter in meters if meter.pv)


class Holes:
    """The latest reading of each meter, and what came of the latest time away."""

    def __init__(self, meter_ids: Sequence[str], pv_meter_ids: Collection[str] = ()) -> None:
        """Begin without knowledge. pv_meter_ids : those of PV, which may be silent at night."""
        self._meter_ids = tuple(meter_ids)
        self._is_pv = np.array([name in pv_meter_ids for name in meter_ids], np.bool_)
        self._last_us = np.zeros(len(meter_ids), np.int64)
        self._epoch = 0
        self._absence: Absence | None = None

    def recall(self, seen: Mapping[str, MeterSeen]) -> None:
        """Start where the store ends."""
        self._last_us = np.array([seen[name].last_us if name in seen else 0 for name in self._meter_ids], np.int64)

    def of_meters(self, meter_ids: Sequence[str], pv_meter_ids: Collection[str] = ()) -> Holes:
        """Return the same of other meters. A time away that is looked at is given up."""
        last_us = dict(zip(self._meter_ids, self._last_us.tolist(), strict=True))
        other = Holes(meter_ids, pv_meter_ids)
        other._last_us = np.array([last_us.get(name, 0) for name in other._meter_ids], np.int64)
        other._epoch = self._epoch
        return other

    def hear(self, outcome: Sorted, messages: Sequence[Message], resumed_epoch: int, now_us: int) -> None:
        """Note readings as they come. resumed_epoch : number of the connection at which the broker had our session."""
        if resumed_epoch != self._epoch:
            self._epoch = resumed_epoch
            # A short break does not end the look at the long one before it.
            self._absence = (self._began(now_us) or self._absence) if resumed_epoch else None
        batch = outcome.batch
        if self._absence is not None and len(batch):
            received_us = np.array([message.received_us for message in messages], np.int64)
            says_time = batch.ts_us != received_us[outcome.source]
            _mark(self._absence, batch.meter[says_time], batch.ts_us[says_time])
        np.maximum.at(self._last_us, batch.meter, batch.ts_us)

    def trouble(self, now_us: int) -> Trouble | None:
        """Return what is missing, once; None while it is not known, or nothing is."""
        absence = self._absence
        if absence is None or now_us < absence.look_at_us:
            return None
        absence.look_at_us = now_us + max(LOOK_AFTER_US, now_us - absence.end_us)
        holes = [_hole_of(absence, meter) for meter in range(len(self._meter_ids))]
        judged = [
            hole
            for hole, is_pv in zip(holes, self._is_pv.tolist(), strict=True)
            if hole is not None and not (is_pv and hole.missing > 0 and _is_of_a_night(absence, hole))
        ]
        lacking = [hole for hole in judged if hole.missing > 0]
        if lacking and 2 * len(lacking) >= len(judged):
            self._absence = None
            return _said(absence, lacking, len(judged))
        if now_us >= absence.is_over_us:
            self._absence = None
        return None

    def _began(self, now_us: int) -> Absence | None:
        """Return a time away that is long enough: from the latest readings until now.

        Of meters that were heard lately the middle counts: one clock that is ahead would hide the begin.
        """
        latest_us = int(self._last_us.max(initial=0))
        lately_us = self._last_us[self._last_us > latest_us - RECENT_US]
        start_us = int(np.median(lately_us)) if latest_us else 0
        away_us = now_us - start_us
        if not start_us or away_us < LEAST_US:
            return None
        step_us = max(US_PER_S, away_us // STEPS)
        steps = -(-(away_us + max(away_us, LIVE_US)) // step_us)
        count = len(self._meter_ids)
        first = np.where(start_us - self._last_us < RECENT_US, (self._last_us - start_us) / step_us, np.nan)
        filled = np.zeros((count, steps), np.bool_)
        return Absence(start_us, now_us, step_us, filled, first, np.zeros(count, np.int64), now_us + LOOK_AFTER_US)


def _mark(absence: Absence, meter: IntArray, ts_us: IntArray) -> None:
    """Mark the steps in which readings are."""
    step = (ts_us - absence.start_us) // absence.step_us
    is_inside = (step >= 0) & (step < absence.filled.shape[1])
    absence.filled[meter[is_inside], step[is_inside]] = True
    np.add.at(absence.rows, meter[is_inside], 1)


def _hole_of(absence: Absence, meter: int) -> Hole | None:
    """Return a meter's longest pause while we were away, with none missing where that is as usual.

    None where too few readings came to know.
    """
    steps = np.flatnonzero(absence.filled[meter]).astype(np.float64)
    away_steps = (absence.end_us - absence.start_us) / absence.step_us
    if len(steps) == 0 or steps[-1] < away_steps - 1:
        return None  # it is not heard since: what it lacks may come yet
    density = absence.rows[meter] / len(steps)
    if not np.isnan(absence.first[meter]):
        steps = np.concatenate(([absence.first[meter]], steps))
    pauses = np.diff(steps)
    if len(pauses) < LEAST_STEPS:
        return None
    usual = float(np.median(pauses))
    longest = int(np.argmax(np.where(steps[:-1] < away_steps, pauses, 0)))
    pause = float(pauses[longest])
    is_hole = pause >= TIMES_USUAL * usual and pause * absence.step_us >= LEAST_US
    missing = (pause / usual - 1) * density if is_hole and steps[longest] < away_steps else 0.0
    return Hole(float(steps[longest]), float(steps[longest + 1]), missing)


def _is_of_a_night(absence: Absence, hole: Hole) -> bool:
    """Return whether a pause lies between an afternoon and the next morning: PV that sleeps says nothing of it."""
    start, end = (absence.bangkok(step) for step in (hole.start, hole.end))
    evening = dt.datetime.combine(start.date(), PV_EVENING, BANGKOK)
    if start.time() < PV_MORNING:
        evening -= dt.timedelta(days=1)
    morning = dt.datetime.combine(evening.date() + dt.timedelta(days=1), PV_MORNING, BANGKOK)
    return evening <= start and end <= morning


def _said(absence: Absence, holes: Sequence[Hole], judged_count: int) -> Trouble:
    """Return what lacks as a trouble: the middle of the meters' holes, since none begins at the same second."""
    start, end = (
        absence.bangkok(float(np.median(steps)))
        for steps in ([hole.start for hole in holes], [hole.end for hole in holes])
    )
    return backlog_hole(len(holes), judged_count, start, end, round(sum(hole.missing for hole in holes)))
