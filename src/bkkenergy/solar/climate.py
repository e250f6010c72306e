"""The offline default: a typical year made from monthly climatology, the same every time.

Days follow an autoregressive series whose values are spread as Hollands and Huget's distribution of
the clearness index (Graham, Hollands and Brunger 1988, Solar Energy 40, 83; Hollands and Huget 1983,
Solar Energy 30, 195). Hours within a day follow the TAG model (Aguiar and Collares-Pereira 1992, Solar
Energy 49, 167). No hour exceeds the clear sky of Ineichen's model with pvlib's Linke turbidity. At last
every month is scaled to the figures of config/solar/climate.toml. Temperature follows Erbs, Klein and
Beckman 1983 (ASHRAE Journal, June, 60).
"""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import fields
from functools import lru_cache
from typing import Annotated, Self

import numpy as np
import pandas as pd
import scipy
from pydantic import Field, model_validator

from bkkenergy.calendar import BANGKOK
from bkkenergy.dated import Cited
from bkkenergy.errors import WrongValue
from bkkenergy.lazy import pvlib
from bkkenergy.readings import FloatArray, IntArray
from bkkenergy.solar.weather import Provenance, Weather, closing_dni, diffuse_wm2
from bkkenergy.tomlfiles import Frozen

YEAR = 2025
SEED = 13_7563
HOURS_PER_DAY = 24
MONTHS = 12
DARKEST_HOUR = 0.03
"""Clearness of an hour under the darkest cloud. No hour of daylight is without light."""
GENERATORS = "Graham et al. 1988, TAG 1992, Ineichen clear sky"


class Monthly(Cited):
    """Twelve figures with their source."""

    months: Annotated[tuple[float, ...], Field(min_length=MONTHS, max_length=MONTHS)]
    entered: dt.date


class Clearness(Cited):
    """How days differ, and hours within a day.

    least, most, day_spread : bounds and standard deviation of the clearness index of a month's days.
    day_to_day : its correlation with the day before. hour_spread, hour_memory : a factor of the TAG model's spread, and
    what is added to its correlation. clear_margin : the brightest hour over Ineichen's clear sky.
    """

    least: Annotated[float, Field(ge=0, lt=0.4)]
    most: Annotated[float, Field(gt=0.5, lt=1)]
    day_spread: Annotated[float, Field(gt=0, lt=0.25)]
    day_to_day: Annotated[float, Field(ge=0, lt=1)]
    hour_spread: Annotated[float, Field(gt=0, lt=5)]
    hour_memory: Annotated[float, Field(ge=0, lt=0.5)]
    clear_margin: Annotated[float, Field(ge=1, lt=1.3)]
    entered: dt.date


class SkyLevel(Cited):
    """A part of the place that gets more or less light than the whole. ghi_ratio : over the place's months."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    name_th: str
    name_en: str
    ghi_ratio: Annotated[float, Field(gt=0.7, lt=1.3)]
    entered: dt.date


class Climate(Frozen):
    """A place's climate by month: config/solar/climate.toml. levels : of its parts."""

    name_th: str
    name_en: str
    latitude_deg: float
    longitude_deg: float
    elevation_m: float
    ghi_kwh_m2_day: Monthly
    diffuse_ratio: Monthly
    clearness: Clearness
    temp_mean_c: Monthly
    temp_max_c: Monthly
    temp_min_c: Monthly
    wind_ms: Monthly
    humidity_percent: Monthly
    rain_mm: Monthly
    rain_days: Monthly
    levels: tuple[SkyLevel, ...] = ()

    def at_level(self, level: SkyLevel) -> Climate:
        """Return the climate of a part of the place, with its source."""
        ghi = self.ghi_kwh_m2_day
        months = tuple(month * level.ghi_ratio for month in ghi.months)
        sources = {
            "source": f"{ghi.source}; x {level.ghi_ratio:g}: {level.source}",
            "source_th": f"{ghi.citation.said('th')} คูณ {level.ghi_ratio:g}: {level.citation.said('th')}",
        }
        names = {"name_th": level.name_th, "name_en": level.name_en}
        return self.model_copy(update=names | {"ghi_kwh_m2_day": ghi.model_copy(update=sources | {"months": months})})

    @property
    def year_kwh_m2(self) -> float:
        """Global horizontal irradiation of a year, kWh/m2."""
        days = pd.date_range(f"{YEAR}-01-01", periods=MONTHS, freq="MS").days_in_month.to_numpy()
        return float(np.array(self.ghi_kwh_m2_day.months) @ days)

    @property
    def year_rain_mm(self) -> float:
        """Rain of a year, mm."""
        return sum(self.rain_mm.months)

    @model_validator(mode="after")
    def _temperatures_are_in_order(self) -> Self:
        rows = zip(self.temp_min_c.months, self.temp_mean_c.months, self.temp_max_c.months, strict=True)
        if any(not low < mean < high for low, mean, high in rows):
            raise WrongValue("temperatures_grow")
        if len({level.id for level in self.levels}) < len(self.levels):
            raise ValueError("two levels have the same id")
        return self


def typical_year(climate: Climate, *, year: int = YEAR, seed: int = SEED) -> Weather:
    """Generate a typical year of 8,760 hours from monthly figures of a climate.

    Monthly sums of GHI and the diffuse share match the climate's figures. Days are drawn from a beta distribution with
    the climate's spread, as an autoregressive series by Graham's method, hours by TAG's, under Ineichen's clear sky.

    Parameters
    ----------
    climate : Climate
        Monthly figures, each with its source.
    year : int
        Year of the time stamps.
    seed : int
        Of the random draws: the same climate, year and seed give the same weather.

    Returns
    -------
    Weather
        Irradiance [W/m2], temperature [degC], wind [m/s], rain [mm] and humidity [%] of each hour. Made once in a
        process; all who ask share its arrays, which cannot be written into.

    References
    ----------
    .. [1] Graham, Hollands and Huget 1988, "A time series model for Kt with application to global synthetic weather
       generation", Solar Energy 40, 83.
    .. [2] Aguiar and Collares-Pereira 1992, "TAG: a time-dependent, autoregressive, Gaussian model for generating
       synthetic hourly radiation", Solar Energy 49, 167.
    .. [3] Ineichen and Perez 2002, "A new airmass independent formulation for the Linke turbidity coefficient",
       Solar Energy 73, 151.

    Examples
    --------
    >>> from bkkenergy.solar.climate import typical_year
    >>> from bkkenergy.library.skies import solar_config
    >>> year = typical_year(solar_config().climate)
    >>> len(year.starts), round(year.ghi_kwh_m2 / 365, 1)
    (8760, 5.0)
    """
    return _generated(climate, year, seed)


@lru_cache(maxsize=4)
def _generated(climate: Climate, year: int, seed: int) -> Weather:
    """Generate the hours: a tenth of a second, for each report of a month."""
    starts = pd.date_range(f"{year}-01-01", periods=365 * HOURS_PER_DAY, freq="h", tz=BANGKOK)
    middles = starts + pd.Timedelta(minutes=30)
    location = pvlib.location.Location(climate.latitude_deg, climate.longitude_deg, "Asia/Bangkok", climate.elevation_m)
    sun = location.get_solarposition(middles)
    sky = location.get_clearsky(middles, model="ineichen", solar_position=sun)
    clear_wm2 = sky["ghi"].to_numpy() * climate.clearness.clear_margin
    cos_zenith = np.clip(np.cos(np.radians(sun["zenith"].to_numpy())), 0, None)
    extra_wm2 = pvlib.irradiance.get_extra_radiation(middles).to_numpy() * cos_zenith
    month = starts.month.to_numpy() - 1
    rng = np.random.default_rng(seed)
    daily_kt = _daily_clearness(climate, extra_wm2, month, rng)
    ghi_wm2 = _hours(climate.clearness, daily_kt, extra_wm2, clear_wm2, cos_zenith, rng)
    ghi_wm2 = _scaled_months(ghi_wm2, clear_wm2, month, np.array(climate.ghi_kwh_m2_day.months))
    dhi_wm2 = _diffuse(ghi_wm2, sun["zenith"].to_numpy(), middles, month, np.array(climate.diffuse_ratio.months))
    dni_wm2, dhi_wm2 = closing_dni(ghi_wm2, dhi_wm2, sun["zenith"].to_numpy())
    temp_c = _temperature(climate, starts, daily_kt, rng)
    ghi = climate.ghi_kwh_m2_day.citation
    generated = Weather(
        starts=starts,
        ghi_wm2=ghi_wm2,
        dni_wm2=dni_wm2,
        dhi_wm2=dhi_wm2,
        temp_air_c=temp_c,
        wind_ms=_wind(climate, starts),
        rain_mm=_rain(climate, starts, daily_kt, rng),
        humidity_percent=_humidity(climate, month, temp_c),
        latitude_deg=climate.latitude_deg,
        longitude_deg=climate.longitude_deg,
        elevation_m=climate.elevation_m,
        provenance=Provenance(
            "typical_year",
            climate.name_th,
            climate.name_en,
            f"{ghi.en}. Hours generated: {GENERATORS}. {climate.clearness.citation.en}",
            "Boland et al. 2008, scaled to the climate's diffuse share",
            f"{ghi.said('th')} ค่ารายชั่วโมงสร้างด้วย {GENERATORS} {climate.clearness.citation.said('th')}",
        ),
    )
    for field in fields(generated):
        if isinstance(values := getattr(generated, field.name), np.ndarray):
            values.flags.writeable = False
    return generated


def _daily_clearness(climate: Climate, extra_wm2: FloatArray, month: IntArray, rng: np.random.Generator) -> FloatArray:
    """Draw (365,) clearness index of each day."""
    days = len(extra_wm2) // HOURS_PER_DAY
    extra_kwh = extra_wm2.reshape(days, HOURS_PER_DAY).sum(axis=1) / 1000
    month_of_day = month[::HOURS_PER_DAY]
    memory = climate.clearness.day_to_day
    noise = rng.standard_normal(days) * np.sqrt(1 - memory**2)
    chi = np.empty(days)
    chi[0] = rng.standard_normal()
    for day in range(1, days):
        chi[day] = memory * chi[day - 1] + noise[day]
    rank = scipy.special.ndtr(chi)
    kt = np.empty(days)
    for number, ghi_kwh in enumerate(climate.ghi_kwh_m2_day.months):
        in_month = month_of_day == number
        kt[in_month] = clearness_quantile(
            rank[in_month], ghi_kwh / float(extra_kwh[in_month].mean()), climate.clearness
        )
    return kt


def clearness_quantile(rank: FloatArray, mean_kt: float, clearness: Clearness) -> FloatArray:
    """Return the clearness index of a month's days by their rank, from a beta distribution between two bounds.

    Parameters
    ----------
    rank : (n,) array
        Rank of each day among the month's days, 0 to 1.
    mean_kt : float
        Mean clearness index of the month.
    clearness : Clearness
        Bounds and spread of days.

    Returns
    -------
    (n,) array
        Clearness index of each day.

    Raises
    ------
    ValueError
        If no days between the bounds have this mean and spread.

    References
    ----------
    .. [1] Hollands and Huget 1983, "A probability density function for the clearness index, with applications",
       Solar Energy 30, 195. Its spread, of mid-latitude stations, is half as much again as Bangkok's.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.library.skies import solar_config
    >>> from bkkenergy.solar.climate import clearness_quantile
    >>> kt = clearness_quantile(np.array([0.1, 0.5, 0.9]), 0.5, solar_config().climate.clearness)
    >>> bool((np.diff(kt) > 0).all())
    True
    """
    width = clearness.most - clearness.least
    mean, variance = (mean_kt - clearness.least) / width, (clearness.day_spread / width) ** 2
    if not 0 < mean < 1 or variance >= mean * (1 - mean):
        raise ValueError(f"a month's mean clearness of {mean_kt:.2f} is not of this world. Check ghi_kwh_m2_day.")
    size = mean * (1 - mean) / variance - 1
    kt: FloatArray = clearness.least + width * scipy.special.betaincinv(mean * size, (1 - mean) * size, rank)
    return kt


def _hours(
    clearness: Clearness,
    daily_kt: FloatArray,
    extra_wm2: FloatArray,
    clear_wm2: FloatArray,
    cos_zenith: FloatArray,
    rng: np.random.Generator,
) -> FloatArray:
    """Draw (n,) GHI by the TAG model, each day brought to its own sum."""
    days = len(daily_kt)
    kt = np.repeat(daily_kt, HOURS_PER_DAY)
    sin_height = np.clip(cos_zenith, 0.02, None)
    mean = (-0.19 + 1.12 * kt + 0.24 * np.exp(-8 * kt)) + (0.32 - 1.6 * (kt - 0.5) ** 2) * np.exp(
        -(0.19 + 2.27 * kt**2 - 2.51 * kt**3) / sin_height
    )
    spread = (
        clearness.hour_spread
        * 0.14
        * np.exp(-20 * (kt - 0.35) ** 2)
        * np.exp((3 * (kt - 0.45) ** 2 + 16 * kt**5) * (1 - sin_height))
    )
    memory = 0.38 + 0.06 * np.cos(7.4 * daily_kt - 2.5) + clearness.hour_memory
    steps = rng.standard_normal((HOURS_PER_DAY, days))
    walk = np.empty((HOURS_PER_DAY, days))
    walk[0] = steps[0]
    for hour in range(1, HOURS_PER_DAY):
        walk[hour] = memory * walk[hour - 1] + np.sqrt(1 - memory**2) * steps[hour]
    hourly_kt = np.clip(mean + spread * walk.T.ravel(), DARKEST_HOUR, None)
    ghi = np.minimum(hourly_kt * extra_wm2, clear_wm2).reshape(days, HOURS_PER_DAY)
    target_whm2 = daily_kt * extra_wm2.reshape(days, HOURS_PER_DAY).sum(axis=1)
    for _ in range(6):  # clipping at the clear sky takes from a day what the other hours give back
        ghi = np.minimum(ghi * (target_whm2 / ghi.sum(axis=1))[:, None], clear_wm2.reshape(days, HOURS_PER_DAY))
    return ghi.ravel()


def _scaled_months(ghi_wm2: FloatArray, clear_wm2: FloatArray, month: IntArray, kwh_m2_day: FloatArray) -> FloatArray:
    """Return GHI with each month's sum as the climate has it, still under the clear sky."""
    scaled = ghi_wm2.copy()
    for number in range(MONTHS):
        in_month = month == number
        wanted_wh = kwh_m2_day[number] * 1000 * in_month.sum() / HOURS_PER_DAY
        max_wh = float(clear_wm2[in_month].sum())
        if wanted_wh > 0.97 * max_wh:
            raise ValueError(
                f"ghi_kwh_m2_day of {calendar.month_name[number + 1]} is {kwh_m2_day[number]:g}, where a cloudless "
                f"month has {max_wh * HOURS_PER_DAY / in_month.sum() / 1000:.2f}. Check the figure."
            )
        lack = lambda factor, rows=in_month, sum_wh=wanted_wh: float(  # noqa: E731
            np.minimum(ghi_wm2[rows] * factor, clear_wm2[rows]).sum() - sum_wh
        )
        factor = scipy.optimize.brentq(lack, 0.1, 20)
        scaled[in_month] = np.minimum(ghi_wm2[in_month] * factor, clear_wm2[in_month])
    return scaled


def _diffuse(
    ghi_wm2: FloatArray, zenith_deg: FloatArray, middles: pd.DatetimeIndex, month: IntArray, ratio: FloatArray
) -> FloatArray:
    """Compute diffuse irradiance by Boland's model, each month brought to its share."""
    dhi_wm2 = diffuse_wm2(ghi_wm2, zenith_deg, middles)
    for number in range(MONTHS):
        in_month = month == number
        target_whm2 = ratio[number] * ghi_wm2[in_month].sum()
        lack = lambda power, rows=in_month, sum_w=target_whm2: float(  # noqa: E731
            (ghi_wm2[rows] * _fraction(dhi_wm2[rows], ghi_wm2[rows]) ** power).sum() - sum_w
        )
        power = scipy.optimize.brentq(lack, 0.05, 20)
        dhi_wm2[in_month] = ghi_wm2[in_month] * _fraction(dhi_wm2[in_month], ghi_wm2[in_month]) ** power
    return dhi_wm2


def _fraction(part: FloatArray, whole: FloatArray) -> FloatArray:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), 0.0)


def _temperature(
    climate: Climate, starts: pd.DatetimeIndex, daily_kt: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Draw (n,) air temperature: Erbs' mean day between the month's figures, warmer and wider on clear days."""
    month = starts.month.to_numpy() - 1
    low, mean, high = (
        np.array(figures.months)[month] for figures in (climate.temp_min_c, climate.temp_mean_c, climate.temp_max_c)
    )
    t = 2 * np.pi * ((starts.hour.to_numpy() + 0.5) - 1) / HOURS_PER_DAY
    shape = (
        0.4632 * np.cos(t - 3.805)
        + 0.0984 * np.cos(2 * t - 0.360)
        + 0.0168 * np.cos(3 * t - 0.822)
        + 0.0138 * np.cos(4 * t - 3.513)
    )
    brightness = np.repeat(daily_kt, HOURS_PER_DAY)
    of_month = pd.Series(brightness).groupby(month).transform("mean").to_numpy()
    drift = np.empty(len(daily_kt))
    drift[0] = 0.0
    noise = rng.standard_normal(len(daily_kt)) * 0.5
    for day in range(1, len(daily_kt)):
        drift[day] = 0.7 * drift[day - 1] + noise[day]
    wander = np.repeat(drift, HOURS_PER_DAY) + 2.5 * (brightness - of_month)
    wander -= pd.Series(wander).groupby(month).transform("mean").to_numpy()
    widening = np.clip(1 + 0.8 * (brightness - of_month), 0.6, 1.4)
    value: FloatArray = mean + (high - low) * widening * shape + wander
    return value


def _wind(climate: Climate, starts: pd.DatetimeIndex) -> FloatArray:
    """Compute (n,) wind: highest in the afternoon, lowest before dawn; the month's mean is preserved."""
    mean = np.array(climate.wind_ms.months)[starts.month.to_numpy() - 1]
    wave: FloatArray = 1 + 0.4 * np.cos(2 * np.pi * (starts.hour.to_numpy() - 15) / HOURS_PER_DAY)
    wind: FloatArray = mean * wave
    return wind


def _rain(climate: Climate, starts: pd.DatetimeIndex, daily_kt: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Draw (n,) rain: the month's days and sum, on its darkest days, in the afternoon and evening."""
    rain = np.zeros(len(starts))
    month_of_day = starts.month.to_numpy()[::HOURS_PER_DAY] - 1
    for number in range(MONTHS):
        days = np.flatnonzero(month_of_day == number)
        wet = days[np.argsort(daily_kt[days] + rng.normal(0, 0.05, len(days)))][: int(climate.rain_days.months[number])]
        if len(wet):
            depth = rng.exponential(1.0, len(wet)) + 0.1
            depth *= climate.rain_mm.months[number] / depth.sum()
            rain[wet * HOURS_PER_DAY + rng.integers(14, 21, len(wet))] = depth
    return rain


def _humidity(climate: Climate, month: IntArray, temp_c: FloatArray) -> FloatArray:
    """Compute (n,) relative humidity of a month's constant vapour pressure, Magnus' formula (WMO No. 8)."""
    saturated = 6.112 * np.exp(17.62 * temp_c / (243.12 + temp_c))
    mean_c = np.array(climate.temp_mean_c.months)[month]
    vapour = np.array(climate.humidity_percent.months)[month] * 6.112 * np.exp(17.62 * mean_c / (243.12 + mean_c))
    return np.clip(vapour / saturated, 20, 100)
