"""Dust on modules: how much light it takes day by day, and on which days cleaning helps most."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK
from bkkenergy.readings import BoolArray, FloatArray, IntArray
from bkkenergy.solar.assumptions import Losses
from bkkenergy.solar.weather import Weather

CANDIDATE_EVERY_DAYS = 5


def soiling_ratio(weather: Weather, losses: Losses) -> FloatArray:
    """Compute the share of light that dust lets through: by a table of months, or between rains and cleanings.

    Without a table dust grows by a share a day, as Kimber has it; a cleaning takes all of it, rain all but what it
    leaves. The rain of the year before decides how dirty 1 January is.

    Parameters
    ----------
    weather : Weather
        Rain of n intervals [mm].
    losses : Losses
        How fast dust grows and what cleans it, or a table of months.

    Returns
    -------
    (n,) array
        Share of light, 0 to 1.

    Raises
    ------
    ValueError
        If rain is asked for and not known: dust on a roof that no rain cleans for a year costs 9 %.

    References
    ----------
    .. [1] Kimber et al. 2006, "The effect of soiling on large grid-connected photovoltaic systems in California and
       the southwest region of the United States", IEEE 4th World Conference on Photovoltaic Energy Conversion,
       2391; as in `pvlib.soiling.kimber` where rain leaves nothing.

    Examples
    --------
    >>> from bkkenergy.solar.soiling import soiling_ratio
    >>> from bkkenergy.library.skies import bangkok_year, solar_config
    >>> share = soiling_ratio(bangkok_year(), solar_config().losses)
    >>> 0.9 < float(share.min()) < float(share.max()) <= 1.0
    True
    """
    if losses.soiling_months:
        by_month: FloatArray = 1 - np.array(losses.soiling_months)[weather.months() - 1]
        return by_month
    days = _days(weather)
    (lost,) = _lost(days, _cleaned(days, losses.soiling_cleaned_on)[None, :], losses)
    through: FloatArray = (1 - lost)[days.day_of]
    return through


def best_cleaning_days(weather: Weather, losses: Losses, count: int) -> tuple[str, ...]:
    """Find the days of a year on which cleaning lets most light through, one after the other.

    Each is the best beside those that are chosen already, of every fifth day.

    Parameters
    ----------
    weather : Weather
        Light and rain of a year.
    losses : Losses
        How fast dust grows, and what rain leaves.
    count : int
        How many days.

    Returns
    -------
    tuple of str
        Days as month-day, the one that helps most first.

    Examples
    --------
    >>> from bkkenergy.solar.soiling import best_cleaning_days
    >>> from bkkenergy.library.skies import bangkok_year, solar_config
    >>> (day,) = best_cleaning_days(bangkok_year(), solar_config().losses, 1)
    >>> day[:2] in {"12", "01", "02", "03"}
    True
    """
    days = _days(weather)
    names = [f"{day:%m-%d}" for day in pd.date_range("2025-01-01", "2025-12-31", freq=f"{CANDIDATE_EVERY_DAYS}D")]
    of_name = np.stack([_cleaned(days, [name]) for name in names])
    cleaned = np.zeros(of_name.shape[1], np.bool_)
    chosen: list[str] = []
    for _ in range(min(count, len(names))):
        lost = _lost(days, cleaned | of_name, losses) @ days.light
        lost[[name in chosen for name in names]] = np.inf
        best = int(np.argmin(lost))
        chosen.append(names[best])
        cleaned |= of_name[best]
    return tuple(chosen)


@dataclass(frozen=True, slots=True)
class _Days:
    """Days of a weather, after the same days once more: the year before.

    month_day : (2d,) names; rain_mm : (2d,); light : (d,) GHI; day_of : (n,) number of the day of each interval.
    """

    month_day: tuple[str, ...]
    rain_mm: FloatArray
    light: FloatArray
    day_of: IntArray


def _days(weather: Weather) -> _Days:
    if np.isnan(weather.rain_mm).any():
        raise ValueError("the weather's rain is not known. Complete it: bkkenergy.solar.weather.completed.")
    midnight = weather.starts.tz_convert(BANGKOK).tz_localize(None).normalize()
    day_of, days = pd.factorize(midnight, sort=True)
    rain_mm = np.bincount(day_of, weights=weather.rain_mm, minlength=len(days)).astype(np.float64)
    light = np.bincount(day_of, weights=weather.ghi_wm2, minlength=len(days)).astype(np.float64)
    names = tuple(pd.DatetimeIndex(days).strftime("%m-%d"))
    return _Days(names * 2, np.tile(rain_mm, 2), light, day_of.astype(np.int64))


def _cleaned(days: _Days, names: Collection[str]) -> BoolArray:
    """Return (2d,) whether modules are cleaned on each day."""
    cleaned: BoolArray = np.isin(days.month_day, list(names))
    return cleaned


def _lost(days: _Days, cleaned: BoolArray, losses: Losses) -> FloatArray:
    """Compute (k, d) share of light lost on each day of the year, for (k, 2d) cleanings.

    Rain finds what has gathered since the last cleaning, and leaves no more than its share; from then on dust grows
    again.
    """
    number = np.arange(cleaned.shape[1])
    last_cleaned = np.maximum.accumulate(np.where(cleaned, number, 0), axis=1)
    last_rain = np.maximum.accumulate(np.where(days.rain_mm > losses.soiling_cleaning_rain_mm, number, 0))
    last_rain = np.maximum(last_rain, last_cleaned)
    left = np.minimum((last_rain - last_cleaned) * losses.soiling_per_day, losses.soiling_rain_leaves)
    lost = np.minimum(left + (number - last_rain) * losses.soiling_per_day, losses.soiling_max)
    this_year: FloatArray = lost[:, len(days.light) :]
    return this_year
