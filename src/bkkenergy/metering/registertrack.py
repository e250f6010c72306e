"""A cumulative register made into a track: its readings checked, followed, and held to the meter's rating."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bkkenergy.metering.excursions import Break, Followed, RegisterRules, follow
from bkkenergy.metering.rating import FINEST_KWH, Rating
from bkkenergy.metering.registers import S_PER_H
from bkkenergy.metering.spans import SpanReason
from bkkenergy.metering.tracks import (
    MAX_REGISTER_KWH,
    Grade,
    Track,
    TrackStretch,
    is_last_of_instant,
    resolution_kwh,
    runs,
    set_aside,
    usual_s,
)
from bkkenergy.portfolio import Meter, MeterKind
from bkkenergy.readings import US_PER_S, BoolArray, FloatArray, IntArray

QUARTER_S = 900.0
BURST_RATIO = 0.5
"""Readings closer together than this share of the meter's interval, after a silence, may be a backlog."""
COUNTED = {
    Break.ROLLOVER: SpanReason.ROLLOVER,
    Break.RESTART: SpanReason.RESTART,
}
Exchanges = Sequence[tuple[int, float | None]]
"""(instant, old register's last value less the new one's first); None where that is not known."""


def register_track(ts_us: IntArray, register_kwh: FloatArray, meter: Meter, exchanges: Exchanges = ()) -> Track:
    """Follow the cumulative register of a meter, one that runs both ways included.

    Values that no meter of its kind can show are set aside, exchanges are taken out, backlogs are recognised, and
    the steps are held to the rating over any window.

    Parameters
    ----------
    ts_us : (n,) array
        Instants in order [us since 1970 UTC]; of doubles, the last counts.
    register_kwh : (n,) array
        What the register showed, in energy that flows [kWh].
    meter : Meter
        The meter as configured.
    exchanges : sequence of (int, float or None)
        Instant of each exchange [us], and the old register's last value less the new one's first [kWh]; None where
        that is not known.

    Returns
    -------
    Track
        Accepted energy of each step [kWh], how it is known, and stretches to know about.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.registertrack import register_track
    >>> from bkkenergy.portfolio import Meter
    >>> meter = Meter(id="a.b.c", building="a.b", topic="t", rated_kw=60, register_digits=5)
    >>> track = register_track(np.arange(3) * 900_000_000, np.array([99_995.0, 99_999.0, 3.0]), meter)
    >>> track.energy_kwh.tolist(), [str(stretch.reason) for stretch in track.stretches]
    ([0.0, 4.0, 4.0], ['rollover'])
    """
    is_valid = _can_be_shown(register_kwh, meter)
    rows = np.flatnonzero(is_valid)
    rows = rows[is_last_of_instant(ts_us[rows])]
    at_us, shifted_kwh = ts_us[rows], register_kwh[rows]
    for exchange_us, offset_kwh in exchanges:
        shifted_kwh[at_us >= exchange_us] += offset_kwh or 0.0
    counts = without_backlogs(at_us, shifted_kwh, meter)
    if not counts.all():
        rows, at_us, shifted_kwh = rows[counts], at_us[counts], shifted_kwh[counts]
    if len(rows) == 0:
        return Track.nothing(set_aside(ts_us, ~is_valid, rows, np.empty(0)))
    rules = rules_of(meter, at_us, shifted_kwh, register_kwh[rows])
    broken_us = [exchange_us for exchange_us, offset_kwh in exchanges if offset_kwh is None]
    followed = _follow_parts(at_us, shifted_kwh, register_kwh[rows], rules, broken_us)
    is_aside = ~is_valid
    is_aside[rows] = True
    is_aside[rows[followed.rows]] = False
    return _graded(ts_us, rows[followed.rows], followed, is_aside, rules, meter, exchanges)


def _can_be_shown(register_kwh: FloatArray, meter: Meter) -> BoolArray:
    lower_kwh = -MAX_REGISTER_KWH if meter.kind is MeterKind.NET else 0.0
    return (register_kwh >= lower_kwh) & (register_kwh < MAX_REGISTER_KWH)


def without_backlogs(ts_us: IntArray, register_kwh: FloatArray, meter: Meter) -> BoolArray:
    """Mark the readings that count where a backlog was stamped at its arrival.

    After a silence, readings that follow each other faster than the meter reports, and rise by more than the rating
    allows, were made in the silence. The last of them counts: its step is the energy since the silence began.

    Parameters
    ----------
    ts_us : (n,) array
        Instants in order [us since 1970 UTC].
    register_kwh : (n,) array
        Values across exchanges [kWh].
    meter : Meter
        The meter as configured.

    Returns
    -------
    (n,) bool array
        Whether each reading counts.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.registertrack import without_backlogs
    >>> from bkkenergy.portfolio import Meter
    >>> meter = Meter(id="a.b.c", building="a.b", topic="t", rated_kw=60)
    >>> times_s = np.array([0, 900, 7200, 7201, 7202])
    >>> without_backlogs(times_s * 1_000_000, np.array([0.0, 10.0, 20.0, 30.0, 40.0]), meter).tolist()
    [True, True, False, False, True]
    """
    counts = np.ones(len(ts_us), np.bool_)
    step_s = np.diff(ts_us) / US_PER_S
    is_near = step_s < BURST_RATIO * meter.interval_s
    starts = np.flatnonzero((step_s[:-1] > usual_s(meter)) & is_near[1:]) + 1
    if len(starts) == 0:
        return counts
    rating, ends = Rating.of(meter), np.append(np.flatnonzero(~is_near), len(step_s))
    for start in starts.tolist():
        latest_us = ts_us[start] + (ts_us[start] - ts_us[start - 1])
        end = min(int(ends[np.searchsorted(ends, start)]), int(np.searchsorted(ts_us, latest_us, side="right")) - 1)
        burst = slice(start, end + 1)
        since_s = (ts_us[burst] - ts_us[start]) / US_PER_S
        grown_kwh = register_kwh[burst] - register_kwh[start]
        beyond_kwh = (
            np.abs(grown_kwh) if meter.kind is MeterKind.NET else grown_kwh
        ) - rating.max_kw / S_PER_H * since_s
        last = int(np.argmax(beyond_kwh))
        rise_kwh = abs(register_kwh[start + last] - register_kwh[start - 1])
        whole_s = np.asarray((ts_us[start + last] - ts_us[start - 1]) / US_PER_S)
        if beyond_kwh[last] > FINEST_KWH and rise_kwh <= rating.allowed_kwh(whole_s):
            counts[start : start + last] = False
    return counts


def rules_of(meter: Meter, ts_us: IntArray, register_kwh: FloatArray, shown_kwh: FloatArray) -> RegisterRules:
    """Return how a register behaves; its resolution is learned only where a step needs it.

    Parameters
    ----------
    meter : Meter
        The meter as configured.
    ts_us : (n,) array
        Instants in order [us since 1970 UTC].
    register_kwh : (n,) array
        Values across exchanges [kWh].
    shown_kwh : (n,) array
        Values as they were sent [kWh].

    Returns
    -------
    RegisterRules
        Rating, rollover, resolution, and which way it runs.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.registertrack import rules_of
    >>> from bkkenergy.portfolio import Meter
    >>> meter = Meter(id="a.b.c", building="a.b", topic="t", rated_kw=60, register_digits=5)
    >>> values_kwh = np.array([1.0, 2.0])
    >>> rules_of(meter, np.array([0, 900_000_000]), values_kwh, values_kwh).rollover_kwh
    100000.0
    """
    rating, is_net = Rating.of(meter), meter.kind is MeterKind.NET
    step_kwh, step_s = np.diff(register_kwh), np.diff(ts_us) / US_PER_S
    lowest_kwh = -rating.allowed_kwh(step_s) if is_net else 0.0
    is_plain = (step_kwh >= lowest_kwh) & (step_kwh <= rating.allowed_kwh(step_s))
    finest_kwh = FINEST_KWH
    if not is_plain.all() or rating.refused_kwh(np.abs(step_kwh), step_s).any():
        finest_kwh = resolution_kwh(shown_kwh, meter)
    return RegisterRules(
        rating.with_resolution(finest_kwh),
        meter.wraps_at_kwh or np.nan,
        finest_kwh,
        is_net=is_net,
        restarts_at_zero=meter.restarts_at_zero,
    )


def _follow_parts(
    ts_us: IntArray, register_kwh: FloatArray, shown_kwh: FloatArray, rules: RegisterRules, broken_us: list[int]
) -> Followed:
    """Follow a register on each side of the instants at which its values do not go on."""
    if not broken_us:
        return follow(ts_us, register_kwh, rules, shown_kwh)
    starts = np.unique(np.concatenate(([0], np.searchsorted(ts_us, broken_us))))
    starts = starts[starts < len(ts_us)]
    ends = np.append(starts[1:], len(ts_us))
    parts = [follow(ts_us[a:b], register_kwh[a:b], rules, shown_kwh[a:b]) for a, b in zip(starts, ends, strict=True)]
    for part in parts[1:]:
        part.kind[0] = Break.EXCHANGE
    return Followed(
        np.concatenate([part.rows + start for part, start in zip(parts, starts, strict=True)]),
        np.concatenate([part.energy_kwh for part in parts]),
        np.concatenate([part.step_kwh for part in parts]),
        np.concatenate([part.kind for part in parts]),
    )


def _graded(
    ts_us: IntArray,
    rows: IntArray,
    followed: Followed,
    is_aside: BoolArray,
    rules: RegisterRules,
    meter: Meter,
    exchanges: Exchanges,
) -> Track:
    """Hold the steps to the rating over any window, and say how each is known.

    ts_us, is_aside : (n,) all readings. rows : (k,) those that count.
    """
    at_us, step_kwh = ts_us[rows], followed.energy_kwh
    step_s = np.diff(at_us, prepend=at_us[0]) / US_PER_S
    refused_kwh = rules.rating.refused_kwh(np.maximum(step_kwh, 0.0), step_s)
    if rules.is_net:
        refused_kwh = refused_kwh - rules.rating.refused_kwh(np.maximum(-step_kwh, 0.0), step_s)
    accepted_kwh = step_kwh - refused_kwh
    kind, is_long = followed.kind, step_s > usual_s(meter)
    may_turn = rules.rating.allowed_kwh(step_s) >= np.abs(accepted_kwh) + rules.rollover_kwh
    is_unknown = np.isin(kind, [Break.RESET, Break.OVER_RATING, Break.EXCHANGE])
    is_unknown |= (refused_kwh != 0) & (accepted_kwh == 0)
    is_partial = (refused_kwh != 0) | (kind == Break.RESTART) | may_turn
    grade = np.select(
        [is_unknown, is_partial, is_long], [Grade.UNKNOWN, Grade.PARTIAL, Grade.ESTIMATED], Grade.MEASURED
    )
    before_us = np.concatenate((at_us[:1], at_us))[:-1]
    stretches = [
        *_counted(at_us, kind, accepted_kwh),
        *runs(before_us, at_us, np.where(kind == Break.RESET, np.nan, 0.0), SpanReason.RESET),
        *runs(
            before_us,
            at_us,
            np.where(kind == Break.OVER_RATING, followed.step_kwh, refused_kwh),
            SpanReason.OVER_RATING,
        ),
        *set_aside(ts_us, is_aside, rows, np.where(is_unknown, np.nan, accepted_kwh)),
        *_exchanged(at_us, accepted_kwh, exchanges),
        *_silent(at_us, accepted_kwh, may_turn & ~is_unknown, SpanReason.UNKNOWN),
    ]
    noted_us = np.array([stretch.end_us for stretch in stretches], np.int64)
    is_gap = (grade == Grade.ESTIMATED) & (step_s > QUARTER_S) & ~np.isin(at_us, noted_us)
    stretches += _silent(at_us, accepted_kwh, is_gap, SpanReason.GAP)
    return Track(at_us, accepted_kwh, grade, tuple(stretches))


def _counted(at_us: IntArray, kind: IntArray, accepted_kwh: FloatArray) -> list[TrackStretch]:
    """List breaks whose energy was counted, one by one."""
    return [
        TrackStretch(int(at_us[row - 1]), int(at_us[row]), reason, float(accepted_kwh[row]))
        for counted, reason in COUNTED.items()
        for row in np.flatnonzero(kind == counted).tolist()
    ]


def _exchanged(at_us: IntArray, accepted_kwh: FloatArray, exchanges: Exchanges) -> list[TrackStretch]:
    stretches = []
    for exchange_us, offset_kwh in exchanges:
        row = int(np.searchsorted(at_us, exchange_us))
        if 0 < row < len(at_us):
            known_kwh = np.nan if offset_kwh is None else float(accepted_kwh[row])
            stretches.append(TrackStretch(int(at_us[row - 1]), int(at_us[row]), SpanReason.EXCHANGE, known_kwh))
    return stretches


def _silent(at_us: IntArray, accepted_kwh: FloatArray, where: BoolArray, reason: SpanReason) -> list[TrackStretch]:
    is_counted = reason is SpanReason.GAP
    return [
        TrackStretch(int(at_us[row - 1]), int(at_us[row]), reason, float(accepted_kwh[row]) if is_counted else np.nan)
        for row in np.flatnonzero(where).tolist()
    ]
