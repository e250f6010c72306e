"""What several years of weather give: whole years, a mean year on real days, and how years differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK
from bkkenergy.readings import FloatArray
from bkkenergy.solar.assumptions import Uncertainty
from bkkenergy.solar.weather import FEBRUARY, LAST_OF_FEBRUARY, Weather, in_typical_months, year_numbers

MIN_YEARS = 10
"""From as many years on their own spread counts. Its standard error is then a quarter of it, of two years nearly all of
it. PVsyst's help asks for 10 to 15 years."""
MONTHS = 12
TRIES = 60
COLUMNS = ("ghi_wm2", "dni_wm2", "dhi_wm2", "temp_air_c", "wind_ms", "rain_mm", "humidity_percent")


@dataclass(frozen=True, slots=True)
class YearSpread:
    """How the energy of years differs.

    names : of the weather's years; energy_kwh : of each. interannual_ratio : relative standard deviation from year to
    year that P90 rests on. is_of_years : it is of these years; else there are too few, and it is the configuration's.
    """

    names: tuple[str, ...]
    energy_kwh: tuple[float, ...]
    interannual_ratio: float
    is_of_years: bool

    @property
    def lowest(self) -> tuple[str, float]:
        """The year with least energy, by name, and its kWh."""
        at = int(np.argmin(self.energy_kwh))
        return self.names[at], self.energy_kwh[at]


def whole_years(weather: Weather) -> Weather:
    """Cut what is beyond whole years off a weather: a summer more would count twice in a mean.

    Parameters
    ----------
    weather : Weather
        Of a year or more; a shorter one is returned as it is.

    Returns
    -------
    Weather
        Of as many whole years as it has.

    Examples
    --------
    >>> from bkkenergy.library.skies import bangkok_year
    >>> from bkkenergy.solar.weatheryears import whole_years
    >>> len(whole_years(bangkok_year()).starts)
    8760
    """
    count = len(year_names(weather))
    if not count:
        return weather
    is_whole = year_numbers(weather.starts) < count
    if is_whole.all():
        return weather
    columns = {name: getattr(weather, name)[is_whole] for name in COLUMNS}
    return replace(weather, starts=weather.starts[is_whole], **columns)


def year_names(weather: Weather) -> tuple[str, ...]:
    """Name the whole years of a weather.

    Parameters
    ----------
    weather : Weather
        By intervals in order.

    Returns
    -------
    tuple of str
        "2019" where a year begins within a day of 1 January, else "2019/20"; empty where there is no whole year.

    Examples
    --------
    >>> from bkkenergy.library.skies import bangkok_year
    >>> from bkkenergy.solar.weatheryears import year_names
    >>> year_names(bangkok_year())
    ('2025',)
    """
    number = year_numbers(weather.starts)
    first, last = (instant.tz_convert(BANGKOK) for instant in (weather.starts[0], weather.starts[-1]))
    end = last + pd.Timedelta(hours=weather.interval_h)
    count = int(number[-1]) + int(end >= first + pd.DateOffset(years=int(number[-1]) + 1))
    is_calendar = first.day_of_year == 1
    years = [first.year + year for year in range(count)]
    return tuple(str(year) if is_calendar else f"{year}/{(year + 1) % 100:02d}" for year in years)


def in_mean_year(kw: FloatArray, weather: Weather, max_kw: float) -> FloatArray:
    """Scale the typical months of a weather so that each has the energy of the mean of all years.

    Load, bills and batteries need real days one after another. Energy is the mean of the years; so these days are
    brought to it, month by month.

    Parameters
    ----------
    kw : (n,) array
        Mean power of each interval of the weather [kW].
    weather : Weather
        Of whole years.
    max_kw : float
        No interval has more, unless it had before [kW].

    Returns
    -------
    (n,) array
        Power [kW]; as it was where there is but one year.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.library.skies import bangkok_year
    >>> from bkkenergy.solar.weatheryears import in_mean_year
    >>> year = bangkok_year()
    >>> bool((in_mean_year(year.ghi_wm2, year, 1e6) == year.ghi_wm2).all())
    True
    """
    if year_numbers(weather.starts)[-1] == 0:
        return kw
    local, month = weather.starts.tz_convert(BANGKOK), weather.months()
    is_leap = (month == FEBRUARY) & (local.day > LAST_OF_FEBRUARY)
    is_chosen = in_typical_months(weather) & ~is_leap
    scaled = kw.copy()
    for number in range(1, MONTHS + 1):
        rows = np.flatnonzero(is_chosen & (month == number))
        scaled[rows] = _brought_to(kw[rows], float(kw[month == number].sum()) / weather.years, max_kw)
    return scaled


def _brought_to(kw: FloatArray, sum_kw: float, max_kw: float) -> FloatArray:
    """Scale what is produced to a sum; what the rating cuts, the other intervals give."""
    used_kw = float(kw[kw < 0].sum())
    target, ceiling = sum_kw - used_kw, np.maximum(kw, max_kw)
    scaled = np.clip(kw, 0, None)
    if target <= 0 or scaled.sum() <= 0:
        return kw
    for _ in range(TRIES):
        scaled = np.minimum(scaled * (target / scaled.sum()), ceiling)
    return np.where(kw < 0, kw, scaled)


def year_spread(kw: FloatArray, weather: Weather, uncertainty: Uncertainty) -> YearSpread:
    """Compute the energy of each year, and how far years differ.

    Parameters
    ----------
    kw : (n,) array
        Mean power of each interval of the weather [kW].
    weather : Weather
        Of whole years.
    uncertainty : Uncertainty
        Whose interannual spread counts where the weather has fewer than ten years.

    Returns
    -------
    YearSpread
        By year [kWh].

    References
    ----------
    .. [1] PVsyst 7, help, "Annual variability": a normal distribution of at least 10 to 15 years.

    Examples
    --------
    >>> from bkkenergy.library.skies import bangkok_year, solar_config
    >>> from bkkenergy.solar.weatheryears import year_spread
    >>> year = bangkok_year()
    >>> spread = year_spread(year.ghi_wm2 / 1000, year, solar_config().uncertainty)
    >>> spread.names, spread.is_of_years, spread.interannual_ratio
    (('2025',), False, 0.035)
    """
    names = year_names(weather)
    sums = np.bincount(year_numbers(weather.starts), weights=kw, minlength=len(names))[: len(names)]
    energy_kwh: FloatArray = np.asarray(sums * weather.interval_h, np.float64)
    if len(names) < MIN_YEARS:
        return YearSpread(names, _plain(energy_kwh), uncertainty.interannual, is_of_years=False)
    spread = float(energy_kwh.std(ddof=1) / energy_kwh.mean())
    return YearSpread(names, _plain(energy_kwh), spread, is_of_years=True)


def _plain(values: FloatArray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def named_years(names: Sequence[str]) -> str:
    """Join names of years that follow one another: the first and the last.

    Parameters
    ----------
    names : sequence of str
        In order.

    Returns
    -------
    str
        "2015-2023", or the only one.

    Examples
    --------
    >>> from bkkenergy.solar.weatheryears import named_years
    >>> named_years(["2015", "2016", "2017"]), named_years(["2025"])
    ('2015–2017', '2025')
    """
    return "–".join(dict.fromkeys((names[0], names[-1]))) if names else ""
