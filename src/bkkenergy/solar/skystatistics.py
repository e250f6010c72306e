"""How the days and hours of a year differ: what batteries, demand and bad months rest on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK
from bkkenergy.lazy import pvlib
from bkkenergy.solar.weather import Weather

HOURS_PER_DAY = 24
MIN_ELEVATION_DEG = 10.5
"""Lower suns say more about the horizon and about half-lit hours than about clouds."""


BRIGHT_WM2 = 900.0
STEP_HOURS = (8, 16)
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True)
class SkyStatistics:
    """How the days and hours of a year differ.

    diffuse_ratio : diffuse of global irradiation.
    day_spread_ratio : standard deviation of the days' clearness index about their month's mean.
    day_p01_ratio, day_p99_ratio : clearness of the 1 % darkest and brightest days.
    day_to_day_ratio : correlation of a day's deviation with the next day's.
    hour_to_hour_ratio : correlation of an hour's clear-sky index with the next hour's, the sun above 10.5 degrees.
    brightest_w_per_m2 : the highest hour. bright_hours : above 900 W/m2 in a year. step_w_per_m2 : mean change from an
    hour to the next, from 8 to 16 h. hour_ratios : clearness that 5, 25, 50, 75 and 95 % of hours do not exceed.
    month_kwh_per_m2_day : global irradiation of a day, January to December.
    """

    diffuse_ratio: float
    day_spread_ratio: float
    day_p01_ratio: float
    day_p99_ratio: float
    day_to_day_ratio: float
    hour_to_hour_ratio: float
    brightest_w_per_m2: float
    bright_hours: float
    step_w_per_m2: float
    hour_ratios: tuple[float, ...]
    month_kwh_per_m2_day: tuple[float, ...]


def sky_statistics(weather: Weather) -> SkyStatistics:
    """Compute how the days and hours of a year differ.

    Parameters
    ----------
    weather : Weather
        Whole days by the hour.

    Returns
    -------
    SkyStatistics
        Shares, correlations, and W/m2.

    Raises
    ------
    ValueError
        If the weather is not of whole days by the hour.

    Examples
    --------
    >>> from bkkenergy.library.skies import bangkok_year
    >>> from bkkenergy.solar.skystatistics import sky_statistics
    >>> statistics = sky_statistics(bangkok_year())
    >>> round(statistics.diffuse_ratio, 2), round(statistics.day_spread_ratio, 2)
    (0.55, 0.1)
    """
    if weather.interval_h != 1 or len(weather.starts) % HOURS_PER_DAY:
        raise ValueError("statistics of the sky need whole days by the hour.")
    location = pvlib.location.Location(weather.latitude_deg, weather.longitude_deg, altitude=weather.elevation_m)
    sun = location.get_solarposition(weather.sun_times)
    clear_wm2 = location.get_clearsky(weather.sun_times, model="ineichen", solar_position=sun)["ghi"].to_numpy()
    outside_wm2 = pvlib.irradiance.get_extra_radiation(weather.sun_times).to_numpy()
    outside_wm2 = outside_wm2 * np.clip(np.cos(np.radians(sun["zenith"].to_numpy())), 0, None)
    by_day = (-1, HOURS_PER_DAY)
    kt = weather.ghi_wm2.reshape(by_day).sum(axis=1) / outside_wm2.reshape(by_day).sum(axis=1)
    month = weather.starts.tz_convert(BANGKOK).month.to_numpy()[::HOURS_PER_DAY]
    apart = kt - pd.Series(kt).groupby(month).transform("mean").to_numpy()
    is_high = sun["elevation"].to_numpy() > MIN_ELEVATION_DEG
    of_clear = weather.ghi_wm2 / np.where(is_high, clear_wm2, np.inf)
    both = is_high[:-1] & is_high[1:]
    hours = weather.starts.tz_convert(BANGKOK).hour.to_numpy()
    is_bright = (hours >= STEP_HOURS[0]) & (hours < STEP_HOURS[1])
    is_midday = is_bright[:-1] & is_bright[1:]
    of_outside = weather.ghi_wm2[is_high] / outside_wm2[is_high]
    day_kwh = pd.Series(weather.ghi_wm2.reshape(by_day).sum(axis=1) / 1000).groupby(month).mean()
    return SkyStatistics(
        diffuse_ratio=float(weather.dhi_wm2.sum() / weather.ghi_wm2.sum()),
        day_spread_ratio=float(apart.std(ddof=1)),
        day_p01_ratio=float(np.quantile(kt, 0.01)),
        day_p99_ratio=float(np.quantile(kt, 0.99)),
        day_to_day_ratio=float(np.corrcoef(apart[:-1], apart[1:])[0, 1]),
        hour_to_hour_ratio=float(np.corrcoef(of_clear[:-1][both], of_clear[1:][both])[0, 1]),
        brightest_w_per_m2=float(weather.ghi_wm2.max()),
        bright_hours=float((weather.ghi_wm2 > BRIGHT_WM2).sum() / weather.years),
        step_w_per_m2=float(np.abs(np.diff(weather.ghi_wm2))[is_midday].mean()),
        hour_ratios=tuple(float(ratio) for ratio in np.quantile(of_outside, SHARES)),
        month_kwh_per_m2_day=tuple(float(kwh) for kwh in day_kwh),
    )
