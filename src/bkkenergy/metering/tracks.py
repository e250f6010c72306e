"""Readings of one meter made into a track: the accepted energy of each step between them, and how it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from bkkenergy.metering.rating import Rating, learned_resolution_kwh
from bkkenergy.metering.registers import S_PER_H
from bkkenergy.metering.spans import SpanReason
from bkkenergy.portfolio import Meter
from bkkenergy.readings import US_PER_S, BoolArray, FloatArray, IntArray

MAX_REGISTER_KWH = 1e12
"""No meter shows a petawatt-hour."""
DAY_US = 86_400 * US_PER_S
BANGKOK_US = 7 * 3600 * US_PER_S
"""Bangkok is seven hours ahead of UTC, without summer time."""
JITTER_RATIO = 1.5
"""Readings up to this many intervals apart count as consecutive."""
MIN_REPEATS = 2
"""A distance between readings that occurs less often says nothing about their interval."""
PACE_READINGS = 6
"""This many readings at an even pace may be of longer intervals than those around them."""
EVEN_RATIO = 0.1
"""Distances between readings that differ by less than this share are the same."""


class Grade(IntEnum):
    """How the energy of a step is known."""

    MEASURED = 0
    ESTIMATED = 1
    """All of it is known; when it flowed within the step is not."""
    PARTIAL = 2
    """The energy is a part of what flowed."""
    UNKNOWN = 3
    """Nothing of it is known."""


class TrackStretch(NamedTuple):
    """Something to know about a stretch of a track, as in Span."""

    start_us: int
    end_us: int
    reason: SpanReason
    energy_kwh: float


@dataclass(frozen=True, slots=True)
class Track:
    """Accepted energy of one meter, step by step.

    ts_us : (n,) rising instants. energy_kwh, grade : (n,) energy of the step that leads here, and its Grade; first 0.
    stretches : what is to be known.
    """

    ts_us: IntArray
    energy_kwh: FloatArray
    grade: IntArray
    stretches: tuple[TrackStretch, ...] = ()

    @classmethod
    def nothing(cls, stretches: Sequence[TrackStretch] = ()) -> Track:
        """Return the track of a meter of which no reading counts."""
        return cls(np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64), tuple(stretches))


def usual_s(meter: Meter) -> float:
    """Return the longest time between readings that count as consecutive.

    Parameters
    ----------
    meter : Meter
        The meter as configured.

    Returns
    -------
    float
        The time [s]: one and a half of its interval.

    Examples
    --------
    >>> from bkkenergy.metering.tracks import usual_s
    >>> from bkkenergy.portfolio import Meter
    >>> usual_s(Meter(id="a.b.c", building="a.b", topic="t", rated_kw=60, interval_s=900))
    1350.0
    """
    return JITTER_RATIO * meter.interval_s


def interval_track(ts_us: IntArray, energy_kwh: FloatArray, meter: Meter) -> Track:
    """Place the energies of single intervals, each ending at its reading.

    An interval reaches back to the reading before if that is about its length away, and never beyond it: of an
    interval that overlaps the one before, the part that is new counts. Between intervals nothing is known.

    Parameters
    ----------
    ts_us : (n,) array
        Ends of the intervals, in order [us since 1970 UTC].
    energy_kwh : (n,) array
        Energy of each [kWh].
    meter : Meter
        The meter as configured.

    Returns
    -------
    Track
        Accepted energy of each step [kWh], how it is known, and stretches to know about.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.tracks import interval_track
    >>> from bkkenergy.portfolio import Meter
    >>> meter = Meter(id="a.b.c", building="a.b", topic="t", kind="interval", rated_kw=60, interval_s=900)
    >>> float(interval_track(np.array([900, 1800]) * 1_000_000, np.array([2.0, 3.0]), meter).energy_kwh.sum())
    5.0
    """
    is_valid = (energy_kwh >= 0) & (energy_kwh < MAX_REGISTER_KWH)
    rows = np.flatnonzero(is_valid)
    rows = rows[is_last_of_instant(ts_us[rows])]
    if len(rows) == 0:
        return Track.nothing(set_aside(ts_us, ~is_valid, rows, np.empty(0)))
    end_us, own_kwh = ts_us[rows], energy_kwh[rows]
    since_s = np.diff(end_us, prepend=end_us[0]) / US_PER_S
    since_s[0] = np.inf
    own_s = interval_lengths_s(end_us, own_kwh, since_s, float(meter.interval_s))
    length_s = np.where(since_s <= JITTER_RATIO * own_s, since_s, own_s)
    new_kwh = own_kwh * np.where(since_s * JITTER_RATIO < own_s, since_s / own_s, 1.0)
    accepted_kwh, refused_kwh = _within_rating(new_kwh, length_s, meter)
    grade = np.where(length_s > usual_s(meter), Grade.ESTIMATED, Grade.MEASURED)
    grade = np.where(new_kwh < own_kwh, Grade.PARTIAL, grade)
    grade = _refused_grade(grade, accepted_kwh, refused_kwh)

    begin_us = end_us - np.round(length_s * US_PER_S).astype(np.int64)
    is_apart = np.concatenate(([True], begin_us[1:] > end_us[:-1]))
    spans = [
        *runs(begin_us, end_us, refused_kwh, SpanReason.OVER_RATING),
        *runs(begin_us, end_us, own_kwh - new_kwh, SpanReason.UNKNOWN),
        *set_aside(ts_us, ~is_valid, rows, accepted_kwh),
        *(
            TrackStretch(int(end_us[row - 1]), int(begin_us[row]), SpanReason.UNKNOWN, np.nan)
            for row in np.flatnonzero(is_apart)[1:]
        ),
    ]
    knot = np.repeat(np.arange(len(rows)), np.where(is_apart, 2, 1))
    is_begin = np.concatenate((np.diff(knot) == 0, [False]))
    return Track(
        np.where(is_begin, begin_us[knot], end_us[knot]),
        np.where(is_begin, 0.0, accepted_kwh[knot]),
        np.where(is_begin, Grade.UNKNOWN, grade[knot]),
        tuple(spans),
    )


def interval_lengths_s(end_us: IntArray, energy_kwh: FloatArray, since_s: FloatArray, declared_s: float) -> FloatArray:
    """Find the length of each reading's interval from how far apart the readings are.

    The commonest distance within a day before and after is the interval, whatever was declared. Many readings may
    be lost, so that a multiple of the declared interval is commoner than itself. Where readings follow each other
    faster, at an even pace, the interval there is their distance. So it is where they follow each other slower, at
    an even pace for a while, with as much more energy.

    Parameters
    ----------
    end_us : (n,) array
        Instants of the readings [us since 1970 UTC].
    energy_kwh : (n,) array
        Their energy [kWh].
    since_s : (n,) array
        Time since the reading before [s]; inf where there is none.
    declared_s : float
        The interval as configured [s].

    Returns
    -------
    (n,) array
        Length of each interval [s].

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.tracks import interval_lengths_s
    >>> end_us = np.array([900, 1800, 2700, 4500]) * 1_000_000
    >>> interval_lengths_s(end_us, np.full(4, 2.0), np.array([np.inf, 900.0, 900.0, 1800.0]), 900.0).tolist()
    [900.0, 900.0, 900.0, 900.0]
    """
    length_s = np.empty(len(since_s))
    day = (end_us + BANGKOK_US) // DAY_US
    for one_day in np.unique(day):
        around = slice(*np.searchsorted(day, (one_day - 1, one_day + 2)).tolist())
        length_s[day == one_day] = _usual_length_s(since_s[around], declared_s)
    apart_s = np.abs(np.diff(np.where(np.isfinite(since_s), since_s, -np.inf), prepend=0.0, append=0.0))
    is_even = np.minimum(apart_s[:-1], apart_s[1:]) <= EVEN_RATIO * since_s
    is_faster = is_even & (since_s * JITTER_RATIO < length_s)
    is_slower = _is_slower(end_us, energy_kwh, since_s, length_s)
    return np.where(is_faster | is_slower, since_s, length_s)


def _usual_length_s(since_s: FloatArray, declared_s: float) -> float:
    """Find the commonest distance between some readings, as the interval of a meter that may lose many."""
    whole_s, count = np.unique(np.round(since_s[np.isfinite(since_s)]), return_counts=True)
    if len(count) == 0 or count.max() < MIN_REPEATS:
        return declared_s
    usual_step_s = float(whole_s[len(count) - 1 - np.argmax(count[::-1])])
    if is_near(whole_s, declared_s).any() and is_near(round(usual_step_s / declared_s) * declared_s, usual_step_s):
        usual_step_s = declared_s
    return float(np.median(since_s[is_near(since_s, usual_step_s)]))


def _is_slower(end_us: IntArray, energy_kwh: FloatArray, since_s: FloatArray, length_s: FloatArray) -> BoolArray:
    """Find (n,) readings of longer intervals than usual: many at an even pace, each with more energy.

    Where readings are lost at an even pace, those that arrive have no more energy than others.
    """
    is_longer = np.isfinite(since_s) & (since_s > JITTER_RATIO * length_s)
    is_slower = np.zeros(len(since_s), np.bool_)
    day = (end_us + BANGKOK_US) // DAY_US
    if is_longer.sum() < PACE_READINGS:
        return is_slower
    finite_s = np.where(np.isfinite(since_s), since_s, 0.0)
    is_next = is_longer & (np.abs(np.diff(finite_s, prepend=0.0)) <= EVEN_RATIO * finite_s)
    for run in np.split(np.arange(len(since_s)), np.flatnonzero(~is_next)[1:]):
        if len(run) < PACE_READINGS or not is_longer[run[0]]:
            continue
        around = slice(*np.searchsorted(day, (day[run[0]] - 1, day[run[-1]] + 2)).tolist())
        is_usual = is_near(finite_s[around], float(length_s[run[0]]))
        usual_kwh = float(energy_kwh[around][is_usual].mean()) if is_usual.any() else 0.0
        times = float(np.median(finite_s[run])) / float(length_s[run[0]])
        is_slower[run] = float(energy_kwh[run].mean()) > usual_kwh * np.sqrt(times)
    return is_slower


def is_near(times_s: FloatArray | float, other_s: float) -> BoolArray:
    """Mark the times that are about as long as another.

    Parameters
    ----------
    times_s : (n,) array or float
        Times [s].
    other_s : float
        The time that they are compared with [s].

    Returns
    -------
    (n,) bool array
        Whether each differs by at most a tenth.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.tracks import is_near
    >>> is_near(np.array([850.0, 900.0, 1200.0]), 900.0).tolist()
    [True, True, False]
    """
    return np.abs(np.asarray(times_s) - other_s) <= EVEN_RATIO * other_s


def power_track(ts_us: IntArray, power_kw: FloatArray, meter: Meter, *, max_gap_s: float) -> Track:
    """Integrate power along straight lines between readings (trapezoidal rule).

    Power fed back counts as none drawn. Power beyond the rating is set aside.

    Parameters
    ----------
    ts_us : (n,) array
        Instants in order [us since 1970 UTC].
    power_kw : (n,) array
        Power [kW], import positive.
    meter : Meter
        The meter as configured.
    max_gap_s : float
        Nothing is known of what flowed in a silence longer than this [s].

    Returns
    -------
    Track
        Energy of each step [kWh], how it is known, and stretches to know about.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.tracks import power_track
    >>> from bkkenergy.portfolio import Meter
    >>> meter = Meter(id="a.b.c", building="a.b", topic="t", kind="power", rated_kw=60, interval_s=900)
    >>> power_track(np.array([0, 900]) * 1_000_000, np.array([10.0, 30.0]), meter, max_gap_s=7200.0).energy_kwh.tolist()
    [0.0, 5.0]
    """
    is_valid = np.abs(power_kw) <= Rating.of(meter).max_kw
    rows = np.flatnonzero(is_valid)
    rows = rows[is_last_of_instant(ts_us[rows])]
    if len(rows) == 0:
        return Track.nothing(set_aside(ts_us, ~is_valid, rows, np.empty(0)))
    at_us, drawn_kw = ts_us[rows], np.clip(power_kw[rows], 0.0, None)
    step_s = np.diff(at_us, prepend=at_us[0]) / US_PER_S
    mean_kw = (drawn_kw + np.concatenate((drawn_kw[:1], drawn_kw))[:-1]) / 2
    is_unknown = step_s > max(max_gap_s, usual_s(meter))
    energy_kwh = np.where(is_unknown, 0.0, mean_kw * step_s / S_PER_H)
    grade = np.select([is_unknown, step_s > usual_s(meter)], [Grade.UNKNOWN, Grade.ESTIMATED], Grade.MEASURED)
    spans = [
        *set_aside(ts_us, ~is_valid, rows, np.where(is_unknown, np.nan, energy_kwh)),
        *(
            TrackStretch(int(at_us[row - 1]), int(at_us[row]), SpanReason.UNKNOWN, np.nan)
            for row in np.flatnonzero(is_unknown)
        ),
    ]
    return Track(at_us, energy_kwh, grade, tuple(spans))


def is_last_of_instant(ts_us: IntArray) -> BoolArray:
    """Mark the readings that are the last of their instant.

    Parameters
    ----------
    ts_us : (n,) array
        Instants in order [us since 1970 UTC].

    Returns
    -------
    (n,) bool array
        Whether no later reading has the same instant.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.tracks import is_last_of_instant
    >>> is_last_of_instant(np.array([1, 1, 2])).tolist()
    [False, True, True]
    """
    return np.append(np.diff(ts_us) != 0, [True])[: len(ts_us)]


def set_aside(ts_us: IntArray, is_aside: BoolArray, rows: IntArray, energy_kwh: FloatArray) -> list[TrackStretch]:
    """List the stretches in which readings were set aside, from the reading before to the reading after.

    Parameters
    ----------
    ts_us, is_aside : (n,) array
        Instants of all readings [us since 1970 UTC], and whether each was set aside.
    rows : (k,) array
        The readings that count.
    energy_kwh : (k,) array
        Energy of the steps that lead to them [kWh].

    Returns
    -------
    list of Stretch
        The stretches, in order.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.tracks import set_aside
    >>> aside = np.array([False, True, False])
    >>> (found,) = set_aside(np.array([0, 900, 1800]), aside, np.array([0, 2]), np.array([0.0, 5.0]))
    >>> found.start_us, found.end_us, found.energy_kwh
    (0, 1800, 5.0)
    """
    aside = np.flatnonzero(is_aside)
    if len(aside) == 0:
        return []
    after = np.unique(np.searchsorted(rows, aside))
    if len(rows) == 0:
        return [TrackStretch(int(ts_us[aside[0]]), int(ts_us[aside[-1]]), SpanReason.OFF_TRACK, np.nan)]
    stretches = []
    for index in after.tolist():
        start = rows[index - 1] if index else aside[0]
        end = rows[index] if index < len(rows) else aside[-1]
        between_kwh = float(energy_kwh[index]) if 0 < index < len(rows) else np.nan
        stretches.append(TrackStretch(int(ts_us[start]), int(ts_us[end]), SpanReason.OFF_TRACK, between_kwh))
    return stretches


def _within_rating(step_kwh: FloatArray, step_s: FloatArray, meter: Meter) -> tuple[FloatArray, FloatArray]:
    """Return (n,) kWh of each step that the rating allows, and what is beyond it.

    A step that is beyond it alone is refused as a whole.
    """
    rating = Rating.of(meter)
    if (step_kwh > rating.allowed_kwh(step_s)).any() or rating.refused_kwh(step_kwh, step_s).any():
        rating = rating.with_resolution(resolution_kwh(step_kwh, meter))
    is_jump = step_kwh > rating.allowed_kwh(step_s)
    plausible_kwh = np.where(is_jump, 0.0, step_kwh)
    refused_kwh = rating.refused_kwh(plausible_kwh, step_s)
    return plausible_kwh - refused_kwh, np.where(is_jump, step_kwh, refused_kwh)


def resolution_kwh(register_kwh: FloatArray, meter: Meter) -> float:
    """Return the least that a meter shows: as declared, or learned from its values.

    Parameters
    ----------
    register_kwh : (n,) array
        Values, in energy that flows [kWh].
    meter : Meter
        The meter as configured.

    Returns
    -------
    float
        The resolution, in energy that flows [kWh].

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.tracks import resolution_kwh
    >>> from bkkenergy.portfolio import Meter
    >>> meter = Meter(id="a.b.c", building="a.b", topic="t", rated_kw=60, resolution_kwh=0.1, ct_ratio=40)
    >>> resolution_kwh(np.array([4.0, 8.0]), meter)
    4.0
    """
    if meter.resolution_kwh is not None:
        return meter.resolution_kwh * meter.multiplier
    return learned_resolution_kwh(register_kwh, meter.multiplier)


def _refused_grade(grade: IntArray, accepted_kwh: FloatArray, refused_kwh: FloatArray) -> IntArray:
    is_refused = refused_kwh != 0
    return np.select([is_refused & (accepted_kwh == 0), is_refused], [Grade.UNKNOWN, Grade.PARTIAL], grade)


def runs(start_us: IntArray, end_us: IntArray, energy_kwh: FloatArray, reason: SpanReason) -> list[TrackStretch]:
    """List steps whose energy is not zero.

    Neighbours that begin on one day of Bangkok's calendar are one stretch.

    Parameters
    ----------
    start_us, end_us : (n,) array
        Begin and end of each step [us since 1970 UTC].
    energy_kwh : (n,) array
        Energy of each [kWh].
    reason : SpanReason
        Why they are listed.

    Returns
    -------
    list of Stretch
        The stretches with their energy [kWh].

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.tracks import runs
    >>> from bkkenergy.metering.spans import SpanReason
    >>> (found,) = runs(np.array([0, 1, 2]), np.array([1, 2, 3]), np.array([0.0, 2.0, 3.0]), SpanReason.OVER_RATING)
    >>> found.start_us, found.energy_kwh
    (1, 5.0)
    """
    rows = np.flatnonzero(energy_kwh)
    if len(rows) == 0:
        return []
    day = (start_us[rows] + BANGKOK_US) // DAY_US
    first = np.flatnonzero((np.diff(rows, prepend=rows[0] - 2) > 1) | (np.diff(day, prepend=day[0]) > 0))
    total_kwh = np.add.reduceat(energy_kwh[rows], first)
    last = np.append(first[1:], len(rows)) - 1
    return [
        TrackStretch(int(start_us[rows[begin]]), int(end_us[rows[end]]), reason, float(kwh))
        for begin, end, kwh in zip(first, last, total_kwh, strict=True)
    ]
