"""A register followed from reading to reading: held within its resolution, across excursions, wraps and resets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from bkkenergy.metering.rating import Rating
from bkkenergy.readings import US_PER_S, BoolArray, FloatArray, IntArray

EXCURSION_MAX_S = 86_400.0
"""A register that comes back to its track within a day was away on an excursion."""
JUMP_RATIO = 0.5
"""A step that covers this much of the way back is a return. A register that began again grows in smaller steps."""
LIVING_READINGS = 8
"""A register is known by this many readings that grow as a register does."""
NEAR_READINGS = 16
"""This many readings are searched first for a return: most excursions are short."""


class Break(IntEnum):
    """What a step is that no growth within the rating explains."""

    NONE = 0
    RESET = 1
    OVER_RATING = 2
    ROLLOVER = 3
    RESTART = 4
    EXCHANGE = 5
    """A declared exchange, across which the register's values do not go on."""


@dataclass(frozen=True, slots=True)
class RegisterRules:
    """How one register behaves.

    rollover_kwh : where it wraps; NaN where that is not declared. resolution_kwh : the least that it shows.
    is_net : it runs both ways. restarts_at_zero : it loses its value with its supply.
    """

    rating: Rating
    rollover_kwh: float
    resolution_kwh: float
    is_net: bool = False
    restarts_at_zero: bool = False

    def fits(self, step_kwh: FloatArray, step_s: FloatArray) -> BoolArray:
        """Return whether growth within the rating explains steps, each alone; (n,)."""
        allowed_kwh = self.rating.allowed_kwh(step_s)
        fall_kwh = -allowed_kwh if self.is_net else -self.resolution_kwh
        return (step_kwh >= fall_kwh) & (step_kwh <= allowed_kwh)

    def wrapped_kwh(self, step_kwh: float, step_s: float) -> float | None:
        """Return a step's energy if the register wrapped within it; None where that does not explain it."""
        turns_kwh = (self.rollover_kwh, -self.rollover_kwh) if self.is_net else (self.rollover_kwh,)
        energies_kwh = [step_kwh + turn_kwh for turn_kwh in turns_kwh if step_kwh * turn_kwh < 0]
        allowed_kwh = self.rating.max_kw * step_s / 3600.0 + self.rating.grace_kwh
        lowest_kwh = -allowed_kwh if self.is_net else 0.0
        return next((energy for energy in energies_kwh if lowest_kwh <= energy <= allowed_kwh), None)


@dataclass(frozen=True, slots=True)
class Followed:
    """A register's readings that count, and the energy of the steps between them.

    rows : (n,) which of the readings. energy_kwh : (n,) accepted energy of the step that leads here; first 0.
    step_kwh : (n,) what the register moved in that step. kind : (n,) Break of that step.
    """

    rows: IntArray
    energy_kwh: FloatArray
    step_kwh: FloatArray
    kind: IntArray


def follow(
    ts_us: IntArray, register_kwh: FloatArray, rules: RegisterRules, shown_kwh: FloatArray | None = None
) -> Followed:
    """Follow a register: set aside what left its track and came back, and name each break.

    A reading that leaves the track and returns within a day was an excursion: it is set aside and no energy is
    lost. What stays away is a break: a rollover, a restart, a reset, or a rise beyond the rating.

    Parameters
    ----------
    ts_us : (n,) array
        Instants in order, one reading each [us since 1970 UTC], n at least 1.
    register_kwh : (n,) array
        What the register showed [kWh].
    rules : RegisterRules
        Rating, rollover and resolution of the meter.
    shown_kwh : (n,) array, optional
        What the register showed [kWh], where exchanges before have shifted `register_kwh`.

    Returns
    -------
    Followed
        The rows that count, the energy of the step that leads to each [kWh], and its `Break`.

    See Also
    --------
    bkkenergy.metering.registertrack.register_track : Follows a meter's register with its checks.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.excursions import RegisterRules, follow
    >>> from bkkenergy.metering.rating import Rating
    >>> rules = RegisterRules(Rating(max_kw=60.0, grace_kwh=1.0), rollover_kwh=np.nan, resolution_kwh=0.01)
    >>> found = follow(np.arange(4) * 900_000_000, np.array([100.0, 3.0, 110.0, 115.0]), rules)
    >>> found.rows.tolist(), found.energy_kwh.tolist()
    ([0, 2, 3], [0.0, 10.0, 5.0])
    """
    seen_kwh = register_kwh if shown_kwh is None else shown_kwh
    step_s = np.diff(ts_us) / US_PER_S
    step_kwh = np.diff(register_kwh)
    is_odd = ~rules.fits(step_kwh, step_s)
    if not rules.is_net:
        is_odd |= step_kwh < 0
    if not is_odd.any():
        moved_kwh = np.concatenate(([0.0], step_kwh))
        return Followed(np.arange(len(ts_us)), moved_kwh, moved_kwh, np.zeros(len(ts_us), np.int64))
    odd = np.flatnonzero(is_odd) + 1
    is_on_track, kind = _walk(ts_us, register_kwh, seen_kwh, rules, odd)
    start = None if rules.is_net else _living_start(is_on_track, kind, ts_us, register_kwh, rules)
    if start is not None:
        rest = slice(start, None)
        is_on_track[:start] = False
        is_on_track[rest], kind[rest] = _walk(
            ts_us[rest], register_kwh[rest], seen_kwh[rest], rules, odd[odd > start] - start
        )
    if not rules.is_net:
        _resume(is_on_track, kind, ts_us, register_kwh, seen_kwh, rules, odd)
    rows = np.flatnonzero(is_on_track)
    return _energies(rows, ts_us[rows], register_kwh[rows], seen_kwh[rows], kind[rows], rules)


def _living_start(
    is_on_track: BoolArray, kind: IntArray, ts_us: IntArray, register_kwh: FloatArray, rules: RegisterRules
) -> int | None:
    """Find where the register begins if the track that was followed is no register's; None where it is one.

    A gateway that cannot reach its meter may send one value for hours, night after night. Readings that begin in such
    a night begin off the track: what was followed stands still up to its first break, or until it moves after a long
    silence, and what was set aside lives, and goes on where it was left. Another meter's readings, once, do not.
    """
    end = _still_until(0, is_on_track, kind, register_kwh, rules)
    aside = np.flatnonzero(~is_on_track[:end])
    if len(aside) < LIVING_READINGS:
        return None
    first, last = -1, -1
    for part in [*np.split(aside, np.flatnonzero(np.diff(aside) > 1) + 1), np.arange(end, len(kind))]:
        if last >= 0 and len(part):
            step_s = np.array([ts_us[part[0]] - ts_us[last]]) / US_PER_S
            if rules.fits(register_kwh[part[:1]] - register_kwh[last], step_s).all():
                return first
        if _is_living(ts_us[part], register_kwh[part], rules):
            first, last = int(part[0]), int(part[-1])
    return None


def _resume(
    is_on_track: BoolArray,
    kind: IntArray,
    ts_us: IntArray,
    register_kwh: FloatArray,
    shown_kwh: FloatArray,
    rules: RegisterRules,
    odd: IntArray,
) -> None:
    """Set aside, in place, what was followed after a reset that is none: the register before it goes on later.

    Where a day is missing, two nights of a gateway that sends one value are one fall for more than a day. What it fell
    to stands still, and what is then set aside lives, and goes on where the register was before.
    """
    reset = 0
    while len(later := np.flatnonzero(kind[reset + 1 :] == Break.RESET)):
        reset += 1 + int(later[0])
        start = _resumption(reset, is_on_track, kind, ts_us, register_kwh, rules)
        if start is not None:
            is_on_track[reset:start], kind[reset:start] = False, Break.NONE
            rest = slice(start, None)
            is_on_track[rest], kind[rest] = _walk(
                ts_us[rest], register_kwh[rest], shown_kwh[rest], rules, odd[odd > start] - start
            )
            reset = start


def _resumption(
    reset: int, is_on_track: BoolArray, kind: IntArray, ts_us: IntArray, register_kwh: FloatArray, rules: RegisterRules
) -> int | None:
    """Find where the register from before a reset goes on, among what was set aside; None where it does not."""
    end = _still_until(reset, is_on_track, kind, register_kwh, rules)
    aside = reset + np.flatnonzero(~is_on_track[reset:end])
    if len(aside) == 0:
        return None
    before = int(np.flatnonzero(is_on_track[:reset])[-1])
    for part in np.split(aside, np.flatnonzero(np.diff(aside) > 1) + 1):
        step_s = np.array([ts_us[part[0]] - ts_us[before]]) / US_PER_S
        goes_on = rules.fits(register_kwh[part[:1]] - register_kwh[before], step_s).all()
        if goes_on and _is_living(ts_us[part], register_kwh[part], rules):
            return int(part[0])
    return None


def _still_until(
    start: int, is_on_track: BoolArray, kind: IntArray, register_kwh: FloatArray, rules: RegisterRules
) -> int:
    """Find the row up to which what is followed from `start` stands still: its next break, or where it moves."""
    moved_kwh = np.abs(register_kwh[start + 1 :] - register_kwh[start])
    ends = (kind[start + 1 :] != Break.NONE) | (is_on_track[start + 1 :] & (moved_kwh > rules.resolution_kwh))
    return start + 1 + int(np.append(np.flatnonzero(ends), len(ends))[0])


def _is_living(ts_us: IntArray, register_kwh: FloatArray, rules: RegisterRules) -> bool:
    """Check whether readings grow as a register does."""
    if len(ts_us) < LIVING_READINGS or register_kwh[-1] - register_kwh[0] <= rules.resolution_kwh:
        return False
    return bool(rules.fits(np.diff(register_kwh), np.diff(ts_us) / US_PER_S).all())


def _walk(
    ts_us: IntArray, register_kwh: FloatArray, shown_kwh: FloatArray, rules: RegisterRules, rows: IntArray
) -> tuple[BoolArray, IntArray]:
    """Return (n,) whether each reading is on the track; (n,) Break of the step into it. Stops at odd rows alone."""
    is_on_track = np.ones(len(ts_us), np.bool_)
    kind = np.zeros(len(ts_us), np.int64)
    track_kwh, returned = float(register_kwh[0]), 0
    for row in rows.tolist():
        if row <= returned:
            continue
        before_kwh, here_kwh = float(register_kwh[row - 1]), float(register_kwh[row])
        track_kwh = before_kwh if rules.is_net else max(track_kwh, before_kwh)
        if here_kwh < before_kwh and not rules.is_net and track_kwh - here_kwh <= rules.resolution_kwh * 1.001:
            continue
        step_s = int(ts_us[row] - ts_us[row - 1]) / US_PER_S
        kind[row] = _kind(here_kwh - track_kwh, float(shown_kwh[row]), step_s, rules)
        back = _return(ts_us, register_kwh, row, track_kwh, rules, is_explained=kind[row] >= Break.ROLLOVER)
        if back is None:
            track_kwh, returned = here_kwh, row
        else:
            kind[row] = Break.NONE
            is_on_track[row:back] = False
            returned = back
    return is_on_track, kind


def _kind(step_kwh: float, shown_kwh: float, step_s: float, rules: RegisterRules) -> Break:
    if rules.wrapped_kwh(step_kwh, step_s) is not None:
        return Break.ROLLOVER
    if step_kwh >= 0:
        return Break.OVER_RATING
    allowed_kwh = rules.rating.max_kw * step_s / 3600.0 + rules.rating.grace_kwh
    if rules.restarts_at_zero and not rules.is_net and shown_kwh <= allowed_kwh:
        return Break.RESTART
    return Break.RESET


def _return(
    ts_us: IntArray, register_kwh: FloatArray, row: int, track_kwh: float, rules: RegisterRules, *, is_explained: bool
) -> int | None:
    """Find the first row after `row` that is back on the track, within a day of the row before it, or next after that.

    It fits the track, and the way back was a jump: beyond the rating, or most of the way at once. Where a
    wrap or a restart explains the step as well, only a jump beyond the rating is a return. The row next after the day
    may end a silence: the meter that sent another value for a night, and then none, goes on where it was.
    """
    latest_us = int(ts_us[row - 1]) + int(EXCURSION_MAX_S * US_PER_S)
    end = min(int(np.searchsorted(ts_us, latest_us, side="right")) + 1, len(ts_us))
    min_kwh = np.inf if is_explained else JUMP_RATIO * abs(float(register_kwh[row]) - track_kwh)
    near = min(row + 1 + NEAR_READINGS, end)
    for start, stop in ((row + 1, near), (near, end)):
        here_kwh, here_us = register_kwh[start:stop], ts_us[start:stop]
        if not rules.is_net and here_kwh.max(initial=-np.inf) < track_kwh - rules.resolution_kwh:
            continue
        is_back = rules.fits(here_kwh - track_kwh, (here_us - ts_us[row - 1]) / US_PER_S)
        if not is_back.any():
            continue
        step_kwh = here_kwh - register_kwh[start - 1 : stop - 1]
        is_jump = ~rules.fits(step_kwh, (here_us - ts_us[start - 1 : stop - 1]) / US_PER_S)
        hits = np.flatnonzero(is_back & (is_jump | (np.abs(step_kwh) >= min_kwh)))
        if len(hits):
            return start + int(hits[0])
    return None


def _energies(
    rows: IntArray,
    ts_us: IntArray,
    register_kwh: FloatArray,
    shown_kwh: FloatArray,
    kind: IntArray,
    rules: RegisterRules,
) -> Followed:
    """Compute the steps on the track: the register is held at its highest value until it falls for good."""
    held_kwh = register_kwh.copy()
    breaks = np.flatnonzero(kind)
    if not rules.is_net:
        for start, end in zip([0, *breaks.tolist()], [*breaks.tolist(), len(rows)], strict=True):
            held_kwh[start:end] = np.maximum.accumulate(register_kwh[start:end])
    step_kwh = np.diff(held_kwh, prepend=held_kwh[:1])
    energy_kwh = np.where(kind == Break.NONE, step_kwh, 0.0)
    for row in breaks.tolist():
        if kind[row] == Break.RESTART:
            energy_kwh[row] = shown_kwh[row]
        elif kind[row] == Break.ROLLOVER:
            step_s = int(ts_us[row] - ts_us[row - 1]) / US_PER_S
            energy_kwh[row] = rules.wrapped_kwh(float(step_kwh[row]), step_s) or 0.0
    return Followed(rows, energy_kwh, step_kwh, kind)
