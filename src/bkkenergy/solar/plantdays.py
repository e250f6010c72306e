"""A plant's days: an index that weather hardly moves, its drops, how fast it ages and how fast it soils."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from bkkenergy.readings import FloatArray, IntArray
from bkkenergy.solar.running import PlantHours

MIN_DAY_KWH_PER_KWP = 1.5
"""Darker days, by their light, say little."""
MIN_KNOWN_RATIO = 0.9
RECENT_DAYS, EARLIER_DAYS, GAP_DAYS = 7, 60, 3
MIN_EARLIER_DAYS = 21
MIN_DROP_RATIO = 0.06
SIGMAS = 4.5
DAYS_PER_YEAR = 365
MIN_PAIRS = 60
RESAMPLES, BLOCK_DAYS, SEED = 400, 30, 3
MIN_RUN_DAYS = 14
"""A run between cleanings that is shorter gives no rate of soiling."""
SMOOTH_DAYS = 9
SURE = -1.645
"""Of a standard normal variable: a fall that chance gives in one run of twenty."""

DropKind = Literal["plant", "part"]


@dataclass(frozen=True, slots=True, eq=False)
class PlantDays:
    """Days of a plant, (n,) each, one after another from the first; NaN where a day says nothing.

    index : corrected performance ratio of the day. light_kwh_per_kwp : on its plane.
    """

    first_day: dt.date
    index: FloatArray
    light_kwh_per_kwp: FloatArray

    def day(self, number: int) -> dt.date:
        """Return a day by its number."""
        return self.first_day + dt.timedelta(days=number)


@dataclass(frozen=True, slots=True)
class Drop:
    """The index fell and stayed lower. drop_ratio : by how much. threshold_ratio : the least that is reported.

    meter : whose share fell, where it is a part of the plant.
    """

    kind: DropKind
    day: dt.date
    drop_ratio: float
    threshold_ratio: float
    meter: str | None = None


@dataclass(frozen=True, slots=True)
class YearlyRate:
    """Change of the index a year, as a share, below zero where it ages; low, high : of the 90 % interval."""

    ratio_per_year: float
    low_ratio: float
    high_ratio: float
    pairs: int


@dataclass(frozen=True, slots=True)
class Soiling:
    """Dust between cleanings.

    ratio_per_day : median loss, above zero, of runs by their length. lost_ratio : of the light over the whole time.
    runs : between cleanings, that were long enough; cleanings : by rain or by hand.
    """

    ratio_per_day: float
    lost_ratio: float
    runs: int
    cleanings: int


def plant_days(hours: PlantHours) -> PlantDays:
    """Compute the index of each day: energy over what cells as warm as they were would make of the light.

    Parameters
    ----------
    hours : PlantHours
        Hours of whole days.

    Returns
    -------
    PlantDays
        Days that are dark, or of whose light less than nine tenths are known with their energy, are NaN.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from bkkenergy.solar.plantdays import plant_days
    >>> from bkkenergy.solar.running import PlantHours
    >>> starts = pd.date_range("2026-03-01", periods=48, freq="h", tz="Asia/Bangkok")
    >>> light = np.where((starts.hour >= 8) & (starts.hour < 16), 500.0, 0.0)
    >>> hours = PlantHours(starts, light / 100 * 0.8, light, np.full(48, 25.0), light / 100 * 0.8, 10.0, -0.004)
    >>> plant_days(hours).index.round(6).tolist()
    [0.8, 0.8]
    """
    day = hours.days.astype(np.int64)
    at = day - day[0]
    count = int(at[-1]) + 1
    known = hours.is_known & np.isfinite(hours.cell_c)

    def summed(values: FloatArray) -> FloatArray:
        return np.bincount(at, np.where(known, values, 0.0), minlength=count).astype(np.float64)

    light = np.bincount(at, np.nan_to_num(hours.reference_kwh), minlength=count).astype(np.float64) / hours.capacity_kwp
    of_known = summed(np.nan_to_num(hours.reference_kwh)) / hours.capacity_kwp
    is_lit = np.where(np.isfinite(hours.expected_kwh), hours.expected_kwh > 0, True)
    lit_hours = np.bincount(at, is_lit.astype(np.float64), minlength=count)
    known_share = summed(is_lit.astype(np.float64)) / np.maximum(lit_hours, 1.0)
    warm = summed(np.nan_to_num(hours.warm_reference_kwh))
    says = (of_known >= MIN_DAY_KWH_PER_KWP) & (known_share >= MIN_KNOWN_RATIO) & (warm > 0)
    index = np.where(says, summed(np.nan_to_num(hours.energy_kwh)) / np.where(warm > 0, warm, 1.0), np.nan)
    return PlantDays(dt.date(1970, 1, 1) + dt.timedelta(days=int(day[0])), index, light)


def drops(days: PlantDays) -> tuple[Drop, ...]:
    """Find where the index fell and stayed lower for a week.

    The median of seven days is held to that of the sixty before them. A drop is reported from 6 % on. Where the index
    scatters more it is from 4.5 standard deviations of such a median. `tests/bench/plants.py` measures how often that
    is false, and what it misses.

    Parameters
    ----------
    days : PlantDays
        Days of a plant.

    Returns
    -------
    tuple of Drop
        The first day of each, in order. One that goes on is reported once.

    Examples
    --------
    >>> import datetime as dt
    >>> import numpy as np
    >>> from bkkenergy.solar.plantdays import PlantDays, drops
    >>> index = np.where(np.arange(90) < 70, 0.8, 0.72)
    >>> (drop,) = drops(PlantDays(dt.date(2026, 1, 1), index, np.full(90, 5.0)))
    >>> str(drop.day), round(drop.drop_ratio, 3)
    ('2026-03-12', 0.1)
    """
    return tuple(
        Drop("plant", days.day(at), drop_ratio, threshold_ratio)
        for at, drop_ratio, threshold_ratio in _falls(days.index, MIN_DROP_RATIO)
    )


def part_drops(
    first_day: dt.date, meters: tuple[str, ...], energy_kwh: FloatArray, *, min_drop_ratio: float = 0.04
) -> tuple[Drop, ...]:
    """Find where one meter's share of the plant fell: an inverter, or strings of it. It needs no light.

    Parameters
    ----------
    first_day : date
        Of the days.
    meters : tuple of str
        Meters that count parts of the plant.
    energy_kwh : (n, meters) array
        Energy of each day [kWh]; NaN where not known.
    min_drop_ratio : float
        The least that is reported, as a share.

    Returns
    -------
    tuple of Drop
        Falls of a meter against the median of the others; none with a single meter.

    Examples
    --------
    >>> import datetime as dt
    >>> import numpy as np
    >>> from bkkenergy.solar.plantdays import part_drops
    >>> energy_kwh = np.full((90, 3), 100.0)
    >>> energy_kwh[75:, 1] = 90.0
    >>> [(drop.meter, str(drop.day)) for drop in part_drops(dt.date(2026, 1, 1), ("a", "b", "c"), energy_kwh)]
    [('b', '2026-03-17')]
    """
    falling: list[Drop] = []
    for at, meter in enumerate(meters if len(meters) > 1 else ()):
        others = np.delete(energy_kwh, at, axis=1)
        known = np.isfinite(others).all(axis=1)
        beside = np.where(known, np.median(np.where(np.isfinite(others), others, 0.0), axis=1), np.nan)
        share = np.where(beside > 0, energy_kwh[:, at] / np.where(beside > 0, beside, 1.0), np.nan)
        for number, drop_ratio, threshold_ratio in _falls(share, min_drop_ratio):
            day = first_day + dt.timedelta(days=number)
            falling.append(Drop("part", day, drop_ratio, threshold_ratio, meter))
    return tuple(sorted(falling, key=lambda drop: drop.day))


def _falls(index: FloatArray, min_ratio: float) -> list[tuple[int, float, float]]:
    """Return day number, drop and threshold of each fall; a fall is over when the index is back for a week."""
    known = np.flatnonzero(np.isfinite(index))
    values = index[known]
    falls: list[tuple[int, float, float]] = []
    level, lowest = None, 0.0
    for end in range(MIN_EARLIER_DAYS + GAP_DAYS + RECENT_DAYS, len(values) + 1):
        recent = float(np.median(values[end - RECENT_DAYS : end]))
        if level is not None and recent >= level:
            level = None
        if level is not None and recent > lowest * (1 - min_ratio):
            continue
        before = values[max(0, end - RECENT_DAYS - GAP_DAYS - EARLIER_DAYS) : end - RECENT_DAYS - GAP_DAYS]
        usual = float(np.median(before)) if level is None else lowest
        if usual <= 0:
            continue
        scatter = 1.4826 * float(np.median(np.abs(before - usual))) / usual
        threshold = max(min_ratio, SIGMAS * 1.2533 * scatter / np.sqrt(RECENT_DAYS))
        if (drop := 1 - recent / usual) > threshold:
            falls.append((_first_low(known, values, end, usual * (1 - threshold / 2)), drop, threshold))
            level, lowest = usual * (1 - threshold / 2), recent
    return falls


def _first_low(known: IntArray, values: FloatArray, end: int, level: float) -> int:
    """Return the number of the first day of the recent ones from which the index stays low."""
    first = end - RECENT_DAYS
    low = np.flatnonzero(values[first:end] < level)
    return int(known[first + int(low[0])]) if len(low) else int(known[first])


def yearly_rate(days: PlantDays) -> YearlyRate | None:
    """Compute how fast a plant ages: the median change between days a year apart.

    Parameters
    ----------
    days : PlantDays
        Days of more than a year.

    Returns
    -------
    YearlyRate or None
        Change a year as a share of the first year's median, with a 90 % interval by resampling blocks of a month; None
        with fewer than sixty pairs of days.

    References
    ----------
    .. [1] Jordan, Deline, Kurtz, Kimball and Anderson 2018, "Robust PV degradation methodology and application", IEEE
       Journal of Photovoltaics 8, 525: year on year.

    Examples
    --------
    >>> import datetime as dt
    >>> import numpy as np
    >>> from bkkenergy.solar.plantdays import PlantDays, yearly_rate
    >>> index = 0.8 * (1 - 0.01 * np.arange(1095) / 365)
    >>> round(yearly_rate(PlantDays(dt.date(2023, 1, 1), index, np.full(1095, 5.0))).ratio_per_year, 3)
    -0.01
    """
    if len(days.index) <= DAYS_PER_YEAR:
        return None
    first_year = days.index[:DAYS_PER_YEAR]
    if not np.isfinite(first_year).any():
        return None
    level = float(np.nanmedian(first_year))
    change = (days.index[DAYS_PER_YEAR:] - days.index[:-DAYS_PER_YEAR]) / level
    pairs = int(np.isfinite(change).sum())
    if pairs < MIN_PAIRS:
        return None
    low, high = _interval(change)
    return YearlyRate(float(np.nanmedian(change)), low, high, pairs)


def _interval(change: FloatArray) -> tuple[float, float]:
    """Return the 90 % interval of a median, by resampling blocks: days of a month resemble one another."""
    blocks = max(1, len(change) // BLOCK_DAYS)
    cut = change[: blocks * BLOCK_DAYS].reshape(blocks, -1) if len(change) >= BLOCK_DAYS else change[None, :]
    cut = cut[np.isfinite(cut).any(axis=1)]
    picks = np.random.default_rng(SEED).integers(0, len(cut), (RESAMPLES, len(cut)))
    medians = np.array([np.nanmedian(cut[pick]) for pick in picks])
    low, high = np.quantile(medians, [0.05, 0.95])
    return float(low), float(high)


def soiling(days: PlantDays) -> Soiling | None:
    """Compute how fast dust gathers, from the slopes of the index between cleanings.

    A cleaning is a rise of the smoothed index that is wider than its usual steps; between two of them the slope is the
    median of the slopes of all pairs of days, where it falls for sure. Cleanings lift the index, so what is left is
    soiling and not age. Loss that rain takes away within days is not seen, so the sum is a lower bound.

    Parameters
    ----------
    days : PlantDays
        Days of some months.

    Returns
    -------
    Soiling or None
        Rate and loss; None where no run of two weeks or more falls for sure.

    References
    ----------
    .. [1] Deceglie, Micheli and Muller 2018, "Quantifying soiling loss directly from PV yield", IEEE Journal of
       Photovoltaics 8, 547: stochastic rate and recovery, of which this is the part without sampling.

    Examples
    --------
    >>> import datetime as dt
    >>> import numpy as np
    >>> from bkkenergy.solar.plantdays import PlantDays, soiling
    >>> index = 0.8 * (1 - 0.002 * (np.arange(160) % 40))
    >>> found = soiling(PlantDays(dt.date(2026, 1, 1), index, np.full(160, 5.0)))
    >>> round(found.ratio_per_day, 3), found.cleanings
    (0.002, 3)
    """
    bounds = _cleanings(days.index)
    rates: list[float] = []
    lengths: list[int] = []
    lost, light = 0.0, 0.0
    edges = [0, *bounds, len(days.index)]
    for start, end in pairwise(edges):
        known = np.flatnonzero(np.isfinite(days.index[start:end]))
        light += float(days.light_kwh_per_kwp[start:end].sum())
        if len(known) < MIN_RUN_DAYS:
            continue
        values = days.index[start:end][known]
        slope, is_sure = _slope(known, values)
        if not is_sure:
            continue
        rate = -slope / float(np.quantile(values, 0.9))
        rates.append(rate)
        lengths.append(end - start)
        lost += float((days.light_kwh_per_kwp[start:end] * np.minimum(rate * np.arange(end - start), 1.0)).sum())
    if not rates or light <= 0:
        return None
    return Soiling(_weighted_median(rates, lengths), lost / light, len(rates), len(bounds))


def _weighted_median(values: list[float], weights: list[int]) -> float:
    """Return the median of values that count by their weights: a long run says more of the dust than a short one."""
    order = np.argsort(values)
    sums = np.cumsum(np.array(weights)[order])
    return float(np.array(values)[order][np.searchsorted(sums, sums[-1] / 2)])


def _cleanings(index: FloatArray) -> list[int]:
    """Return the numbers of the days on which the smoothed index rises by more than its usual steps."""
    half = SMOOTH_DAYS // 2
    steps = np.full(len(index), np.nan)
    for at in range(half, len(index) - half):
        before, after = index[at - half : at], index[at : at + half]
        if np.isfinite(before).sum() > 1 and np.isfinite(after).sum() > 1:
            steps[at] = np.nanmedian(after) - np.nanmedian(before)
    if not np.isfinite(steps).any():
        return []
    quarter, three = np.nanquantile(np.abs(steps), [0.25, 0.75])
    limit = max(three + 0.5 * (three - quarter), 0.01 * float(np.nanmedian(index)))
    rises = np.flatnonzero(np.nan_to_num(steps) > limit)
    if len(rises) == 0:
        return []
    groups = np.split(rises, np.flatnonzero(np.diff(rises) > half) + 1)
    return [int(group[int(np.argmax(steps[group]))]) for group in groups]


def _slope(at: IntArray, values: FloatArray) -> tuple[float, bool]:
    """Return the median of the slopes of all pairs (Theil and Sen), and whether they fall for sure (Mann, Kendall)."""
    first, second = np.triu_indices(len(at), 1)
    slopes = (values[second] - values[first]) / (at[second] - at[first])
    count = len(at)
    score = float(np.sign(slopes).sum()) / np.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    return float(np.median(slopes)), score < SURE
