"""Non-routine events: a day since when a building uses more or less than its baseline, and by how much.

A step is two levels of weekly residuals that differ by more than they vary, with their autocorrelation. Where a line
fits the weeks as well, it is a drift. A change counts only when it has lasted, and lasts still.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from bkkenergy.readings import FloatArray, IntArray

DAYS_PER_WEEK = 7
MIN_DAYS_OF_WEEK = 4
MIN_WEEKS_BEFORE, MIN_WEEKS_AFTER = 8, 4
WEEKS_OF_NOW = 2
"""The last weeks still have at least half of a change, else it is over; and so do the first ones."""
HALF = 0.5
MAX_AUTOCORRELATION = 0.8
NORMAL_90 = 1.6449

EventKind = Literal["step", "drift"]


@dataclass(frozen=True, slots=True)
class UseEvent:
    """A lasting change of use against the baseline.

    first_day : of a step; of a drift the first day that was looked at. kwh_a_day : how much more than before; of a
    drift now against the beginning. half_width_kwh_a_day : half of its 90 % interval. ratio : share of the baseline.
    sigmas : the change over its standard error. is_share : whether it goes with what each day uses, rather than being
    the same each day.
    """

    kind: EventKind
    first_day: dt.date
    kwh_a_day: float
    half_width_kwh_a_day: float
    ratio: float
    sigmas: float
    is_share: bool = False

    def added_kwh(self, expected_kwh: FloatArray) -> FloatArray:
        """(m,) what it adds to days that the baseline expects to use so much."""
        added: FloatArray = self.ratio * expected_kwh if self.is_share else np.full(len(expected_kwh), self.kwh_a_day)
        return added


@dataclass(frozen=True, slots=True)
class EventRule:
    """What counts as an event: least share of the baseline, and least distance in standard errors."""

    min_ratio: float
    min_sigmas: float


def find_event(
    days: pd.DatetimeIndex, left_kwh: FloatArray, expected_kwh: FloatArray, rule: EventRule
) -> UseEvent | None:
    """Find the lasting change of use among days, if there is one.

    Parameters
    ----------
    days : DatetimeIndex
        Midnights of m days.
    left_kwh : (m,) array
        Use less the baseline of each day [kWh]; NaN where not known.
    expected_kwh : (m,) array
        The baseline of each day [kWh].
    rule : EventRule
        What counts.

    Returns
    -------
    UseEvent or None
        The change with its date and size; None where nothing lasts, or fewer than twelve weeks are known.

    References
    ----------
    .. [1] Efficiency Valuation Organization 2020, "IPMVP application guide on non-routine events and adjustments".

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from bkkenergy.savings.events import EventRule, find_event
    >>> days = pd.date_range("2026-01-05", periods=210, tz="Asia/Bangkok")
    >>> left = np.random.default_rng(0).normal(0, 20, 210) + np.where(np.arange(210) >= 140, 100, 0)
    >>> event = find_event(days, left, np.full(210, 500.0), EventRule(0.1, 6.0))
    >>> event.kind, event.first_day.isoformat(), round(event.kwh_a_day, -1)
    ('step', '2026-05-25', 100.0)
    """
    weeks = _weeks(left_kwh)
    numbers = np.flatnonzero(np.isfinite(weeks))
    level = float(np.nanmean(expected_kwh)) if np.isfinite(expected_kwh).any() else 0.0
    if len(numbers) < MIN_WEEKS_BEFORE + MIN_WEEKS_AFTER or level <= 0:
        return None
    known = weeks[numbers]
    line = _line(numbers, known)
    step = max((_step(known, split) for split in _splits(known)), key=lambda change: abs(change.sigmas))
    change = line if line.sse < step.sse else step
    if abs(change.sigmas) < rule.min_sigmas or abs(change.kwh) < rule.min_ratio * level:
        return None
    half_kwh = NORMAL_90 * abs(change.kwh / change.sigmas)
    skipped = len(left_kwh) % DAYS_PER_WEEK
    if change is line:
        return UseEvent("drift", days[skipped].date(), line.kwh, half_kwh, line.kwh / level, line.sigmas)
    if not _lasts(known, step):
        return None
    before_kwh = float(known[: step.split].mean())
    row = _first_row(left_kwh, skipped + int(numbers[step.split]) * DAYS_PER_WEEK, step.kwh, before_kwh)
    later = left_kwh[row:] - before_kwh, expected_kwh[row:]
    event = UseEvent("step", days[row].date(), step.kwh, half_kwh, step.kwh / float(np.nanmean(later[1])), step.sigmas)
    share = replace(event, is_share=True)
    return min((event, share), key=lambda form: float(np.nansum((later[0] - form.added_kwh(later[1])) ** 2)))


@dataclass(frozen=True, slots=True)
class WeeklyChange:
    """A change that was fitted to weeks. split : the first week after a step; sse : what it leaves, in squares."""

    kwh: float
    sigmas: float
    sse: float
    split: int = 0


def _splits(weeks: FloatArray) -> range:
    return range(MIN_WEEKS_BEFORE, len(weeks) - MIN_WEEKS_AFTER + 1)


def _weeks(left_kwh: FloatArray) -> FloatArray:
    """Return the mean of each week, counted from the last day back; NaN where fewer than four days are known."""
    grid = left_kwh[len(left_kwh) % DAYS_PER_WEEK :].reshape(-1, DAYS_PER_WEEK)
    count = np.isfinite(grid).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count >= MIN_DAYS_OF_WEEK, np.nansum(grid, axis=1) / count, np.nan)


def _step(weeks: FloatArray, split: int) -> WeeklyChange:
    """Fit two levels."""
    before, after = weeks[:split], weeks[split:]
    left = np.concatenate([before - before.mean(), after - after.mean()])
    kwh = float(after.mean() - before.mean())
    error = _deviation(left) * math.sqrt(1 / len(before) + 1 / len(after))
    return WeeklyChange(kwh, kwh / max(error, 1e-9), float(left @ left), split)


def _line(numbers: IntArray, weeks: FloatArray) -> WeeklyChange:
    """Fit a straight line: the change is from the first week to the last."""
    centred = numbers - numbers.mean()
    slope = float(centred @ weeks) / float(centred @ centred)
    left = weeks - weeks.mean() - slope * centred
    span = float(numbers[-1] - numbers[0])
    error = _deviation(left) / math.sqrt(float(centred @ centred)) * span
    return WeeklyChange(slope * span, slope * span / max(error, 1e-9), float(left @ left))


def _deviation(left: FloatArray) -> float:
    """Return the standard deviation of weeks, as wide as their memory of the week before makes means err."""
    squares = float(left @ left)
    rho = float(left[1:] @ left[:-1]) / max(squares, 1e-12)
    rho = min(max(rho, 0.0), MAX_AUTOCORRELATION)
    return math.sqrt(squares / (len(left) - 2) * (1 + rho) / (1 - rho))


def _lasts(weeks: FloatArray, step: WeeklyChange) -> bool:
    """Return whether the first weeks after a step and the last ones all have at least half of it."""
    after = (weeks[step.split :] - weeks[: step.split].mean()) / step.kwh
    return bool(after[:WEEKS_OF_NOW].mean() >= HALF and after[-WEEKS_OF_NOW:].mean() >= HALF)


def _first_row(left_kwh: FloatArray, row: int, change_kwh: float, before_kwh: float) -> int:
    """Return the day on which a step began, within a week of the boundary between its weeks."""
    first, last = max(row - DAYS_PER_WEEK, 0), min(row + DAYS_PER_WEEK, len(left_kwh) - 1)
    near = np.nan_to_num(left_kwh[first : last + 1] - before_kwh, nan=change_kwh / 2)
    costs = [float((near[:at] ** 2).sum() + ((near[at:] - change_kwh) ** 2).sum()) for at in range(len(near))]
    return first + int(np.argmin(costs))
