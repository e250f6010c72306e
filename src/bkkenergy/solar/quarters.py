"""PV by quarter-hours from hourly weather: the sun's course within the hour, and clouds that come and go."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK
from bkkenergy.lazy import pvlib
from bkkenergy.readings import FloatArray, IntArray
from bkkenergy.solar.assumptions import QuarterSpread
from bkkenergy.solar.weather import Weather

SEED = 15
"""The clouds of a year are the same for each roof and each run."""


def on_load_grid(
    kw: FloatArray,
    weather: Weather,
    rows: IntArray,
    starts: pd.DatetimeIndex,
    *,
    interval_h: float,
    max_kw: float,
    quarter_hours: QuarterSpread,
) -> FloatArray:
    """Put PV power on the grid of a load, whose intervals may be shorter than the weather's.

    Hourly means repeated four times would lower the demand of a building by more than PV does. So each hour's energy is
    spread over its parts by the height of the sun, and varied by clouds: most where the sky is half clear, not at all
    where it is clear or covered. The energy of each hour stays as it is.

    Parameters
    ----------
    kw : (w,) array
        Mean power of each interval of the weather [kW].
    weather : Weather
        Irradiance [W/m2] of w intervals.
    rows : (n,) array
        The weather's interval of each interval of the load.
    starts : DatetimeIndex
        Starts of the load's n intervals, with a time zone.
    interval_h : float
        Length of the load's intervals [h].
    max_kw : float
        The inverters' rating: no part of an hour has more [kW].
    quarter_hours : QuarterSpread
        How far parts of an hour spread.

    Returns
    -------
    (n,) array
        Power [kW].

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from bkkenergy.library.skies import bangkok_year, solar_config
    >>> from bkkenergy.solar.quarters import on_load_grid
    >>> from bkkenergy.solar.weather import rows_at
    >>> weather = bangkok_year()
    >>> starts = pd.date_range("2025-04-01", "2025-04-02", freq="15min", tz="Asia/Bangkok", inclusive="left")
    >>> rows = rows_at(weather, starts)
    >>> hourly_kw = weather.ghi_wm2 / 1000
    >>> found = on_load_grid(
    ...     hourly_kw, weather, rows, starts, interval_h=0.25, max_kw=1.1, quarter_hours=solar_config().quarter_hours
    ... )
    >>> bool(np.allclose(found.reshape(-1, 4).mean(axis=1), hourly_kw[rows][::4])), bool(found.max() <= 1.1)
    (True, True)
    """
    repeated: FloatArray = kw[rows]
    parts = round(weather.interval_h / interval_h)
    if parts <= 1 or len(rows) % parts or (rows.reshape(-1, parts) != rows[::parts, None]).any():
        return repeated
    clear_wm2 = _clear_wm2(weather, starts, interval_h).reshape(-1, parts)
    of_hour_wm2 = clear_wm2.mean(axis=1, keepdims=True)
    course = np.where(of_hour_wm2 > 0, clear_wm2 / np.where(of_hour_wm2 > 0, of_hour_wm2, 1.0), 1.0)
    clearness = np.clip(weather.ghi_wm2[rows[::parts], None] / np.where(of_hour_wm2 > 0, of_hour_wm2, np.inf), 0.0, 1.0)
    noise = np.random.default_rng(SEED).standard_normal(course.shape)
    noise = (noise - noise.mean(axis=1, keepdims=True)) * np.sqrt(parts / (parts - 1))
    clouds = np.maximum(1 + quarter_hours.spread_ratio * 4 * clearness * (1 - clearness) * noise, 0.0)
    spread = course * clouds
    mean = spread.mean(axis=1, keepdims=True)
    hours_kw = repeated.reshape(-1, parts)
    varied = hours_kw * np.where(mean > 0, spread / np.where(mean > 0, mean, 1.0), 1.0)
    return _capped(np.where(hours_kw > 0, varied, hours_kw), hours_kw, max_kw).reshape(-1)


def _clear_wm2(weather: Weather, starts: pd.DatetimeIndex, interval_h: float) -> FloatArray:
    """Return (n,) light of a clear sky at the middles of intervals; the same for every roof and size of a design."""
    starts_us = starts.as_unit("us").asi8
    return _clear_at(starts_us.tobytes(), weather.latitude_deg, weather.longitude_deg, interval_h)


@lru_cache(maxsize=8)
def _clear_at(starts_us: bytes, latitude_deg: float, longitude_deg: float, interval_h: float) -> FloatArray:
    """Compute (n,) light of a clear sky by Haurwitz' model and Spencer's sun. starts_us : (n,) int64, as bytes."""
    starts = pd.DatetimeIndex(np.frombuffer(starts_us, np.int64).view("M8[us]")).tz_localize("UTC")
    middles = (starts + pd.Timedelta(hours=interval_h / 2)).tz_convert(BANGKOK)
    day = middles.day_of_year.to_numpy()
    angle_deg = pvlib.solarposition.hour_angle(
        middles, longitude_deg, pvlib.solarposition.equation_of_time_spencer71(day)
    )
    zenith = pvlib.solarposition.solar_zenith_analytical(
        np.radians(latitude_deg), np.radians(angle_deg), pvlib.solarposition.declination_spencer71(day)
    )
    clear: FloatArray = pvlib.clearsky.haurwitz(pd.Series(np.degrees(zenith)))["ghi"].to_numpy(copy=True)
    clear.flags.writeable = False
    return clear


def _capped(varied: FloatArray, hours_kw: FloatArray, max_kw: float) -> FloatArray:
    """Draw an hour's parts together where one is above the rating: its energy stays, and none is above."""
    above = varied.max(axis=1, keepdims=True) - hours_kw
    room = np.maximum(max_kw - hours_kw, 0.0)
    scale = np.where(above > room, room / np.where(above > 0, above, 1.0), 1.0)
    capped: FloatArray = hours_kw + (varied - hours_kw) * scale
    return capped
