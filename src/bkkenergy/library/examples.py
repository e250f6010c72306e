"""Data to try the library on: made up from a seed, the same every time. No measurement of a real building."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError
from bkkenergy.library.arguments import checked
from bkkenergy.library.calendars import government
from bkkenergy.readings import FloatArray

__all__ = ["office", "office_quarters", "register", "temperature"]

SEED = 2569
MEAN_C, SEASON_C, DAY_C = 28.7, 1.6, 4.0
OPENS_H, CLOSES_H = 8, 17


@checked
def temperature(first: str = "2024-01-01", last: str = "2025-12-31") -> pd.Series:
    """Make outdoor air temperature like Bangkok's, hour by hour.

    Parameters
    ----------
    first, last : str
        The first and the last day.

    Returns
    -------
    Series
        ``temp_air_c`` [degC] by the start of each hour.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> bool(27 < bk.examples.temperature().mean() < 30)
    True
    """
    end = _day(last, "last") + pd.Timedelta(days=1)
    starts = pd.date_range(_day(first, "first"), end, freq="h", tz=BANGKOK, inclusive="left")
    rng = np.random.default_rng(SEED)
    slow = pd.Series(rng.standard_normal(len(starts) // 24)).ewm(alpha=0.3, adjust=False).mean().to_numpy().repeat(24)
    season = SEASON_C * np.sin((starts.day_of_year.to_numpy() - 30) / 365 * 2 * np.pi)
    day = DAY_C * np.sin((starts.hour.to_numpy() - 9) / 24 * 2 * np.pi)
    return pd.Series(MEAN_C + season + day + 1.5 * slow, starts, name="temp_air_c")


@checked
def office(*, saving_ratio: float = 0.0, saving_from: str = "2025-01-01") -> pd.Series:
    """Make the energy of a small government office, hour by hour, over 2024 and 2025.

    Parameters
    ----------
    saving_ratio : float
        The share that a project saves from `saving_from` on; 0 for none.
    saving_from : str
        The day on which the project is done.

    Returns
    -------
    Series
        ``energy_kwh`` [kWh] by the start of each hour.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> use = bk.examples.office()
    >>> len(use), str(use.index.tz)
    (17544, 'Asia/Bangkok')
    """
    air_c = temperature()
    starts = pd.DatetimeIndex(air_c.index)
    calendar = government()
    is_open = np.array([calendar.is_open(day.date()) for day in starts[::24]]).repeat(24)
    hour = starts.hour.to_numpy()
    works = is_open & (hour >= OPENS_H) & (hour < CLOSES_H)
    cooling = 1 + 0.04 * np.clip(air_c.to_numpy(np.float64) - 24, 0, None)
    noise = 1 + 0.05 * np.random.default_rng(SEED + 1).standard_normal(len(starts))
    energy_kwh = (7.5 + works * 22.0 * cooling) * noise
    later = starts >= _day(saving_from, "saving_from").tz_localize(BANGKOK)
    return pd.Series(energy_kwh * np.where(later, 1 - saving_ratio, 1.0), starts, name="energy_kwh")


@checked
def office_quarters(month: str = "2025-11") -> pd.Series:
    """Make the energy of the same office in the quarter-hours of a month.

    Parameters
    ----------
    month : str
        A month of 2024 or 2025, or a year.

    Returns
    -------
    Series
        ``energy_kwh`` [kWh] by the start of each quarter-hour.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> len(bk.examples.office_quarters("2025-11"))
    2880
    """
    if not re.fullmatch(r"202[45](-(0[1-9]|1[0-2]))?", month):
        raise InputError(f"month is {month!r}. Give a month of 2024 or 2025, as 2025-11, or one of these years.")
    hours = office().loc[month]
    rng = np.random.default_rng(SEED + 2)
    shares: FloatArray = rng.uniform(0.9, 1.1, (len(hours), 4))
    shares /= shares.sum(axis=1, keepdims=True)
    starts = pd.date_range(hours.index[0], periods=len(hours) * 4, freq="15min")
    return pd.Series((hours.to_numpy(np.float64)[:, None] * shares).ravel(), starts, name="energy_kwh")


def register() -> pd.Series:
    """Make a week of a meter's register with what happens to registers.

    It is read every quarter-hour and wraps at 100,000 kWh on the second day. Six hours of readings are lost on the
    third day. One reading of the fifth day is no value of this meter.

    Returns
    -------
    Series
        ``energy_kwh`` [kWh] as the meter shows it, by instants.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> readings = bk.examples.register()
    >>> table = bk.intervals(readings, rated_kw=80, register_digits=5)
    >>> bk.spans(table)["reason"].tolist()
    ['rollover', 'gap', 'off_track']
    """
    week = office_quarters("2025-11").iloc[: 7 * 96]
    shown = np.round((99_700.0 + np.concatenate([[0.0], np.cumsum(week.to_numpy())])) % 100_000.0, 2)
    times = pd.DatetimeIndex(week.index).append(pd.DatetimeIndex([week.index[-1] + pd.Timedelta(minutes=15)]))
    series = pd.Series(shown, times, name="energy_kwh")
    series.iloc[4 * 96 + 40] = 3_000.0
    lost = (times >= times[2 * 96 + 12]) & (times < times[2 * 96 + 36])
    return series[~lost]


def _day(text: str, what: str) -> pd.Timestamp:
    try:
        return pd.Timestamp(dt.date.fromisoformat(text))
    except ValueError:
        raise InputError(f"{what} is {text!r}. Give a day, as 2025-01-31.") from None
