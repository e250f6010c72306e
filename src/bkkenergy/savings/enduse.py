"""What a building's use is made of: base load, what follows the weather, and what follows the hours of work. Pure.

A meter of a whole building cannot see air-conditioning; it sees what rises with the air's temperature. The base load is
what runs at night. How far each share is sure is how much it differs between blocks of months that are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bkkenergy.errors import InputError
from bkkenergy.readings import BoolArray, FloatArray
from bkkenergy.savings.baseline import HOURS_PER_DAY, MIN_DAYS, Series, expected_days, fit_form, folds_of
from bkkenergy.savings.uncertainty import NORMAL_90

NIGHT = slice(0, 4)
"""Hours in which few buildings work."""
COOL_C = 24.0
"""Below this mean temperature of a day nothing is taken to follow the weather (base of the daily model)."""
PARTS = ("base", "weather", "occupied")


@dataclass(frozen=True, slots=True)
class EndUse:
    """One part of a building's use. half_width_ratio : half of its 90 % interval, a share of the whole."""

    part: str
    energy_kwh: float
    ratio: float
    half_width_ratio: float


def end_uses(series: Series) -> tuple[EndUse, ...]:
    """Split a building's use into base load, what follows the weather, and the rest, which follows the hours of work.

    Parameters
    ----------
    series : Series
        A building's hours; a year is best.

    Returns
    -------
    tuple of EndUse
        Base, weather and occupied: they add up to the energy of the known days. Without weather the second is left
        out, and its energy is in the third.

    Raises
    ------
    InputError
        If fewer than 60 days are valid.

    References
    ----------
    .. [1] ASHRAE Guideline 14-2014, annex D: change-point models, whose slope is what follows the weather.
    .. [2] Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 11: the jackknife, here over blocks of
       months.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> from bkkenergy.savings.enduse import end_uses
    >>> series = facts_of(bk.examples.office()["2024"], schedule="mea-3-2-lv").series
    >>> [part.part for part in end_uses(series)]
    ['base', 'occupied']
    """
    known = series.day_known
    if known.sum() < MIN_DAYS:
        raise InputError.of("too_few_for_parts", days=int(known.sum()), needed=MIN_DAYS)
    whole_kwh = float(series.day_energy_kwh[known].sum())
    shares = _shares(series, known)
    fold = folds_of(series)
    left_out = [known & (fold != number) for number in np.unique(fold)]
    blocks = np.array([_shares(series, rows) for rows in left_out if MIN_DAYS / 2 <= rows.sum() < known.sum()])
    halves = NORMAL_90 * _jackknife(blocks) if len(blocks) > 1 else np.full(len(PARTS), np.nan)
    rows = zip(PARTS, shares.tolist(), halves.tolist(), strict=True)
    return tuple(
        EndUse(part, share * whole_kwh, share, half)
        for part, share, half in rows
        if part != "weather" or series.temp_c is not None
    )


def _jackknife(blocks: FloatArray) -> FloatArray:
    """Return the standard error of each share from what it is without each block."""
    count = len(blocks)
    spread: FloatArray = np.sqrt((count - 1) / count * ((blocks - blocks.mean(axis=0)) ** 2).sum(axis=0))
    return spread


def _shares(series: Series, rows: BoolArray) -> FloatArray:
    """Return the share of base load, of what follows the weather, and of the rest, over some days."""
    energy_kwh = series.day_energy_kwh[rows]
    grid = np.where(series.known, series.energy_kwh, np.nan).reshape(-1, HOURS_PER_DAY)[rows]
    with np.errstate(invalid="ignore"):
        night_kw = np.nanmean(grid[:, NIGHT], axis=1)
    base = np.minimum(np.where(np.isfinite(night_kw), night_kw * HOURS_PER_DAY, energy_kwh), energy_kwh)
    weather = np.minimum(_weather_kwh(series, rows), energy_kwh - base)
    whole = float(energy_kwh.sum())
    parts = np.array([base.sum(), weather.sum(), (energy_kwh - base - weather).sum()])
    return parts / whole if whole > 0 else np.array([0.0, 0.0, 1.0])


def _weather_kwh(series: Series, rows: BoolArray) -> FloatArray:
    """Return what of each day's use follows the air's temperature above its base, by a model fitted on these days."""
    temp_c = series.day_temp_c
    if temp_c is None or (np.isfinite(temp_c) & rows).sum() < MIN_DAYS / 2:
        return np.zeros(int(rows.sum()))
    model = fit_form("daily", series, rows)
    cool = np.full(len(series.starts), COOL_C)
    as_cool = Series(series.starts, series.energy_kwh, cool, series.kind, series.max_kwh)
    weather = expected_days(model, series) - expected_days(model, as_cool)
    return np.clip(np.nan_to_num(weather[rows]), 0.0, None)
