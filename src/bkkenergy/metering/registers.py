"""A register that wraps, falls or is exchanged, made into energy that only grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bkkenergy.readings import US_PER_S, BoolArray, FloatArray, IntArray, Quality, QualityArray, ReadingBatch

S_PER_H = 3600.0
RATING_MARGIN_RATIO = 1.1
"""A step may exceed rating x time by this much: clocks of meters and gateways jitter."""
RATING_GRACE_S = 60.0
"""And by this long at full rating, for readings that lie close together."""


@dataclass(frozen=True, slots=True)
class MeterLimits:
    """What the metering needs to know of each meter, as columns.

    rated_kw : (m,) most that can flow, kW.
    rollover_kwh : (m,) where the register wraps, kWh; NaN where that is not declared.
    interval_s : (m,) how often it reports, s.
    """

    rated_kw: FloatArray
    rollover_kwh: FloatArray
    interval_s: FloatArray


@dataclass(frozen=True, slots=True)
class Growing:
    """Energy since an arbitrary zero, one row a reading, sorted by meter and instant.

    meter, ts_us : (n,) meter number; instant, microseconds since the epoch.
    energy_kwh : (n,) never falling within a meter, kWh.
    quality : (n,) Quality of the step that leads here from the meter's reading before: RESET where
        its energy cannot be known (a fall that is no wrap, a jump beyond the rating), MISSING where
        nothing was measured, ESTIMATED where a value was set aside or filled in. Steps that are not
        known count as zero in `energy_kwh`.
    """

    meter: IntArray
    ts_us: IntArray
    energy_kwh: FloatArray
    quality: QualityArray

    def __len__(self) -> int:
        return len(self.ts_us)


def plausible_step(step_kwh: FloatArray, step_s: FloatArray, rated_kw: FloatArray) -> BoolArray:
    """Whether a register may grow by `step_kwh` in `step_s` behind a rating; all (n,)."""
    cap_kwh = rated_kw * (step_s * RATING_MARGIN_RATIO + RATING_GRACE_S) / S_PER_H
    return (step_kwh >= 0) & (step_kwh <= cap_kwh)


def growing_register(
    batch: ReadingBatch,
    limits: MeterLimits,
    *,
    field: str = "energy_kwh",
    exchanges: Sequence[tuple[int, int, float, float]] = (),
) -> Growing:
    """Cumulative registers as energy that only grows.

    A plausible wrap at the declared rollover is counted through. A single reading off the track,
    from which the register comes back, is set aside. Any other fall, and any rise beyond the
    rating, is unknown: never guessed, never counted.

    exchanges : (meter number, ts_us, final_kwh, initial_kwh) of each declared change of meter.
    """
    ordered = _known(batch, field)
    meter, ts_us, register_kwh = ordered.meter, ordered.ts_us, ordered.column(field).copy()
    for number, at_us, final_kwh, initial_kwh in exchanges:
        register_kwh[(meter == number) & (ts_us >= at_us)] += final_kwh - initial_kwh
    off_track = _off_track(meter, ts_us, register_kwh, limits)
    meter, ts_us, register_kwh = meter[~off_track], ts_us[~off_track], register_kwh[~off_track]
    after_off_track = np.concatenate(([False], off_track))[:-1][~off_track]

    continues, step_s = _steps(meter, ts_us)
    step_kwh = np.where(continues, np.diff(register_kwh, prepend=np.nan), 0.0)
    rated_kw, rollover_kwh = limits.rated_kw[meter], limits.rollover_kwh[meter]
    wrapped_kwh = step_kwh + np.where(np.isnan(rollover_kwh), -np.inf, rollover_kwh)
    is_step = plausible_step(step_kwh, step_s, rated_kw)
    is_wrap = ~is_step & (step_kwh < 0) & plausible_step(wrapped_kwh, step_s, rated_kw)
    unknown = continues & ~is_step & ~is_wrap
    correction_kwh = np.zeros(len(meter))
    correction_kwh[is_wrap] = wrapped_kwh[is_wrap] - step_kwh[is_wrap]
    correction_kwh[unknown] = -step_kwh[unknown]
    quality = np.select([unknown, after_off_track & continues], [Quality.RESET, Quality.ESTIMATED], Quality.MEASURED)
    shift_kwh = np.cumsum(correction_kwh)
    shift_kwh -= shift_kwh[np.searchsorted(meter, meter)]  # of each meter alone: another's wrap costs it no digit
    return Growing(meter, ts_us, register_kwh + shift_kwh, quality.astype(np.uint8))


def growing_intervals(
    batch: ReadingBatch, limits: MeterLimits, *, field: str = "energy_kwh", max_gap_s: float
) -> Growing:
    """Energies of single intervals, each ending at its reading, as energy that only grows.

    Each interval has two rows, its begin and its end, unless it begins where the one before ends.
    A hole up to `max_gap_s` is filled at the mean power of the intervals beside it; a longer one is
    missing. An energy beyond the rating is unknown.
    """
    ordered = _known(batch, field)
    meter, end_us, own_kwh = ordered.meter, ordered.ts_us, ordered.column(field)
    continues, step_s = _steps(meter, end_us)
    length_s = np.where(continues, np.minimum(limits.interval_s[meter], step_s), limits.interval_s[meter])
    is_bad = ~plausible_step(own_kwh, limits.interval_s[meter], limits.rated_kw[meter])
    own_kwh = np.where(is_bad, 0.0, own_kwh)

    gap_s = np.where(continues, step_s - length_s, 0.0)
    kw = own_kwh / length_s
    fillable = (gap_s > 0) & (gap_s <= max_gap_s) & ~is_bad & ~np.concatenate(([True], is_bad))[:-1]
    gap_kwh = np.where(fillable, gap_s * (kw + np.concatenate(([0.0], kw))[:-1]) / 2, 0.0)

    rows = np.repeat(np.arange(len(meter)), np.where(continues & (gap_s <= 0), 1, 2))
    is_begin = np.concatenate((np.diff(rows) == 0, [False]))[: len(rows)]
    begin_us = end_us - (length_s * US_PER_S).astype(np.int64)
    grown_kwh = np.cumsum(own_kwh + gap_kwh)[rows] - np.where(is_begin, own_kwh[rows], 0.0)
    begin_quality = np.where(fillable, Quality.ESTIMATED, np.where(continues, Quality.MISSING, Quality.MEASURED))
    quality = np.where(is_begin, begin_quality[rows], np.where(is_bad, Quality.RESET, Quality.MEASURED)[rows])
    return Growing(meter[rows], np.where(is_begin, begin_us[rows], end_us[rows]), grown_kwh, quality.astype(np.uint8))


def integrated_power(batch: ReadingBatch, *, max_gap_s: float) -> Growing:
    """Power readings as energy that only grows: straight lines between them (trapezoidal rule).

    Nothing is known of what flowed in a silence longer than `max_gap_s`. Power fed back counts as
    none drawn.
    """
    ordered = _known(batch, "power_kw")
    meter, ts_us = ordered.meter, ordered.ts_us
    power_kw = np.clip(ordered.column("power_kw"), 0.0, None)
    continues, step_s = _steps(meter, ts_us)
    known = continues & (step_s <= max_gap_s)
    mean_kw = (power_kw + np.concatenate(([0.0], power_kw))[:-1]) / 2
    energy_kwh = np.cumsum(np.where(known, mean_kw * step_s / S_PER_H, 0.0))
    quality = np.where(continues & ~known, Quality.MISSING, Quality.MEASURED)
    return Growing(meter, ts_us, energy_kwh, quality.astype(np.uint8))


def _known(batch: ReadingBatch, field: str) -> ReadingBatch:
    """The readings that have a value of `field`, by meter and instant; of doubled ones, the last."""
    ordered = batch.take(~np.isnan(batch.column(field))).in_order()
    is_last = np.ones(len(ordered), np.bool_)
    is_last[:-1] = (np.diff(ordered.meter) != 0) | (np.diff(ordered.ts_us) != 0)
    return ordered.take(is_last)


def _steps(meter: IntArray, ts_us: IntArray) -> tuple[BoolArray, FloatArray]:
    """(n,) whether a reading has one of its meter before it; (n,) seconds since the row before."""
    return np.diff(meter, prepend=-1) == 0, np.diff(ts_us, prepend=0) / US_PER_S


def _off_track(meter: IntArray, ts_us: IntArray, register_kwh: FloatArray, limits: MeterLimits) -> BoolArray:
    """(n,) readings whose neighbours fit each other but do not fit them."""
    off = np.zeros(len(meter), np.bool_)
    if len(meter) < 3:  # noqa: PLR2004 - a reading with two neighbours
        return off
    rated_kw = limits.rated_kw[meter[1:-1]]
    one_meter = (meter[:-2] == meter[1:-1]) & (meter[2:] == meter[1:-1])
    into = plausible_step(register_kwh[1:-1] - register_kwh[:-2], (ts_us[1:-1] - ts_us[:-2]) / US_PER_S, rated_kw)
    past = plausible_step(register_kwh[2:] - register_kwh[:-2], (ts_us[2:] - ts_us[:-2]) / US_PER_S, rated_kw)
    off[1:-1] = one_meter & ~into & past
    off[1:] &= ~off[:-1]
    return off
