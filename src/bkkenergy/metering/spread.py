"""A track cut into intervals: the energy of each, and how it is known; and what a meter's typical profile weighs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bkkenergy.metering.rating import FINEST_KWH, Rating
from bkkenergy.metering.registers import S_PER_H
from bkkenergy.metering.tracks import Grade, Track
from bkkenergy.readings import US_PER_S, BoolArray, FloatArray, IntArray, Quality, QualityArray

DAYS_PER_WEEK = 7
QUARTERS_PER_DAY = 96
QUARTER_US = 900 * US_PER_S
WEEK_US = DAYS_PER_WEEK * QUARTERS_PER_DAY * QUARTER_US
MONDAY_US = (4 * 24 - 7) * 3600 * US_PER_S
"""Midnight of a Monday in Bangkok, 5 January 1970: seven hours ahead of UTC, without summer time."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How a meter's energy is usually distributed over the week: (673,) weight before each quarter-hour of it."""

    before: FloatArray

    @classmethod
    def of(cls, profile_kw: FloatArray) -> Weights:
        """Return the weights of a (7, 96) profile by weekday, Monday first; NaN where it is not known.

        An unknown quarter-hour takes the mean of other weekdays, or else the mean of all.
        """
        known = np.isfinite(profile_kw)
        shape_kw = np.where(known, np.clip(profile_kw, 0.0, None), 0.0)
        if not known.all():
            mean_kw = shape_kw.sum() / known.sum() if known.any() else 1.0
            count = known.sum(axis=0)
            by_quarter_kw = np.where(count > 0, shape_kw.sum(axis=0) / np.maximum(count, 1), mean_kw)
            shape_kw = np.where(known, shape_kw, by_quarter_kw)
        return cls(np.concatenate(([0.0], np.cumsum(shape_kw.ravel()))))

    def until(self, ts_us: IntArray) -> FloatArray:
        """Return the weight of all time up to instants, from an arbitrary zero; (n,)."""
        weeks, into_us = np.divmod(ts_us - MONDAY_US, WEEK_US)
        quarter, rest_us = np.divmod(into_us, QUARTER_US)
        inside = (self.before[quarter + 1] - self.before[quarter]) * (rest_us / QUARTER_US)
        until_kw: FloatArray = weeks * self.before[-1] + self.before[quarter] + inside
        return until_kw


def spread(track: Track, edges_us: IntArray, rating: Rating) -> tuple[FloatArray, QualityArray]:
    """Distribute a track over intervals: the energy of each, and how it is known.

    Each step is a straight line.

    Parameters
    ----------
    track : Track
        Accepted energy of the steps between readings.
    edges_us : (k+1,) array
        Edges of the intervals [us since 1970 UTC].
    rating : Rating
        What may flow through the meter; an interval beyond it is estimated.

    Returns
    -------
    (k,) array
        Energy of the intervals [kWh]; NaN where nothing is known.
    (k,) array
        `Quality` of each.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.spread import spread
    >>> from bkkenergy.metering.rating import Rating
    >>> from bkkenergy.metering.tracks import Track
    >>> hour_us = 3_600_000_000
    >>> track = Track(np.array([0, hour_us]), np.array([0.0, 8.0]), np.array([0, 0]))
    >>> edges_us = np.arange(5) * hour_us // 4
    >>> energy_kwh, quality = spread(track, edges_us, Rating(60.0, 1.0))
    >>> energy_kwh.tolist()
    [2.0, 2.0, 2.0, 2.0]
    """
    count = len(edges_us) - 1
    if len(track.ts_us) == 0:
        return np.full(count, np.nan), np.full(count, Quality.MISSING, np.uint8)
    step = np.clip(np.searchsorted(track.ts_us, edges_us, side="left"), 1, max(len(track.ts_us) - 1, 1))
    if len(track.ts_us) == 1:
        track = Track(np.repeat(track.ts_us, 2), np.zeros(2), np.zeros(2, np.int64))
    at_us = np.clip(edges_us, track.ts_us[0], track.ts_us[-1])
    energy_kwh = _energy_between(track, step, at_us)
    length_us, covered_us = np.diff(edges_us), np.diff(at_us)
    known_us = np.diff(_time_until(track, step, at_us, track.grade != Grade.UNKNOWN))
    whole_us = np.diff(_time_until(track, step, at_us, track.grade <= Grade.ESTIMATED))
    is_inside = (at_us > track.ts_us[step - 1]) & (at_us < track.ts_us[step]) & (track.grade[step] == Grade.ESTIMATED)
    max_kwh = rating.max_kw / S_PER_H * length_us / US_PER_S + FINEST_KWH
    quality = np.select(
        [
            (covered_us < length_us) & (edges_us[1:] > track.ts_us[-1]),
            whole_us < length_us,
            is_inside[:-1] | is_inside[1:] | (np.abs(energy_kwh) > max_kwh),
        ],
        [Quality.INCOMPLETE, Quality.MISSING, Quality.ESTIMATED],
        Quality.MEASURED,
    )
    return np.where(known_us > 0, energy_kwh, np.nan), quality.astype(np.uint8)


def _energy_between(track: Track, step: IntArray, at_us: IntArray) -> FloatArray:
    """Return (k,) accepted energy between neighbouring instants that fall in these steps.

    Each is the sum of its own steps alone: what lies before them changes no bit of it, so that a day comes out the
    same whatever else is computed with it.
    """
    start_us, end_us = track.ts_us[step - 1], track.ts_us[step]
    length_us = end_us - start_us
    share = np.divide(at_us - start_us, length_us, out=np.zeros(len(step)), where=length_us > 0)
    first, last = step[:-1], step[1:]
    begin_kwh, end_kwh = track.energy_kwh[first], share[1:] * track.energy_kwh[last]
    between = np.column_stack((first + 1, last)).ravel()
    whole_kwh = np.add.reduceat(np.append(track.energy_kwh, 0.0), between)[::2]
    whole_kwh = np.where(last > first + 1, whole_kwh, 0.0)
    within_kwh = (share[1:] - share[:-1]) * begin_kwh
    energy_kwh: FloatArray = np.where(first == last, within_kwh, (1.0 - share[:-1]) * begin_kwh + whole_kwh + end_kwh)
    return energy_kwh


def _time_until(track: Track, step: IntArray, at_us: IntArray, counts: BoolArray) -> IntArray:
    """Return (k+1,) time before instants that belongs to steps of some kind."""
    length_us = np.diff(track.ts_us, prepend=track.ts_us[:1])
    before_us = np.cumsum(np.where(counts, length_us, 0))
    until_us: IntArray = before_us[step - 1] + np.where(counts[step], at_us - track.ts_us[step - 1], 0)
    return until_us
