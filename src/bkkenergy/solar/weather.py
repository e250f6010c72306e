"""A site's weather on a time grid, with where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK
from bkkenergy.dated import Citation
from bkkenergy.lazy import pvlib
from bkkenergy.readings import FloatArray, IntArray

HOURS_PER_YEAR = 8760
FEBRUARY, LAST_OF_FEBRUARY = 2, 28
MIN_DAYS_WITHOUT_RAIN = 300
"""As many days without a drop are a column that was not filled, in any place with roofs to clean."""

Kind = Literal["typical_year", "epw", "tmy3", "pvgis", "nasa_power", "cams", "measured"]
FillableColumn = Literal["temp_air_c", "wind_ms", "rain_mm", "humidity_percent"]
FILLABLE: tuple[FillableColumn, ...] = get_args(FillableColumn)
"""What can be taken from another year, where a source has none. Irradiance cannot."""


class Filled(NamedTuple):
    """A column that the source has not, or not wholly. share_ratio : of its intervals, 0..1."""

    column: FillableColumn
    share_ratio: float


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where weather comes from, as every result repeats it.

    source, source_th : who made it, which period, which model; decomposition : how missing DNI and DHI were made.
    filled : columns of which the source has nothing or gaps, and the share that is of another year, 0..1.
    """

    kind: Kind
    name_th: str
    name_en: str
    source: str
    decomposition: str = ""
    source_th: str = ""
    filled: tuple[Filled, ...] = ()

    @property
    def citation(self) -> Citation:
        """The source in both languages."""
        return Citation(self.source, self.source_th)


@dataclass(frozen=True, slots=True, eq=False)
class Weather:
    """Weather of one place: (n,) each, by intervals that are labelled by their start.

    ghi_wm2, dni_wm2, dhi_wm2 : mean irradiance of the interval, W/m2.
    temp_air_c : degC; wind_ms : at 10 m, m/s; rain_mm : in the interval, mm; humidity_percent : 0..100. NaN is what the
    source has not: `completed` takes it from another year, and no design is made before.
    sun_at_h : how long after its start an interval's irradiance was seen, h; None where it is the interval's mean.
    """

    starts: pd.DatetimeIndex
    ghi_wm2: FloatArray
    dni_wm2: FloatArray
    dhi_wm2: FloatArray
    temp_air_c: FloatArray
    wind_ms: FloatArray
    rain_mm: FloatArray
    humidity_percent: FloatArray
    latitude_deg: float
    longitude_deg: float
    elevation_m: float
    provenance: Provenance
    interval_h: float = field(default=1.0)
    sun_at_h: float | None = None

    @property
    def sun_times(self) -> pd.DatetimeIndex:
        """(n,) instants at which the sun is taken: the middles of intervals, or where their values were seen."""
        return self.starts + pd.Timedelta(hours=self.interval_h / 2 if self.sun_at_h is None else self.sun_at_h)

    @property
    def years(self) -> float:
        """How many years it covers."""
        return len(self.starts) * self.interval_h / HOURS_PER_YEAR

    @property
    def ghi_kwh_m2(self) -> float:
        """Horizontal irradiation of a year, kWh/m2."""
        return float(self.ghi_wm2.sum()) * self.interval_h / 1000 / self.years

    def months(self) -> np.ndarray:
        """Return (n,) month of the year of each interval, 1..12, in Bangkok."""
        return self.starts.tz_convert(BANGKOK).month.to_numpy()


def with_components(
    sun_times: pd.DatetimeIndex, ghi_wm2: FloatArray, *, latitude_deg: float, longitude_deg: float
) -> tuple[FloatArray, FloatArray]:
    """Split horizontal irradiance into beam and diffuse, by Boland's model.

    Parameters
    ----------
    sun_times : DatetimeIndex
        When the sun is taken for each of n intervals, with a time zone: their middles.
    ghi_wm2 : (n,) array
        Global horizontal irradiance [W/m2].
    latitude_deg, longitude_deg : float
        Of the place [degrees].

    Returns
    -------
    (n,) array
        Direct normal irradiance [W/m2].
    (n,) array
        Diffuse horizontal irradiance [W/m2].

    References
    ----------
    .. [1] Boland, Ridley and Brown 2008, "Models of diffuse solar radiation", Renewable Energy 33, 575.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from bkkenergy.solar.weather import with_components
    >>> noon = pd.DatetimeIndex(["2025-03-21 12:30"], tz="Asia/Bangkok")
    >>> dni_wm2, dhi_wm2 = with_components(noon, np.array([900.0]), latitude_deg=13.75, longitude_deg=100.5)
    >>> dni_wm2.round().tolist(), dhi_wm2.round().tolist()
    ([578.0], [337.0])
    """
    zenith = pvlib.solarposition.get_solarposition(sun_times, latitude_deg, longitude_deg)["zenith"].to_numpy()
    return closing_dni(ghi_wm2, diffuse_wm2(ghi_wm2, zenith, sun_times), zenith)


def diffuse_wm2(ghi_wm2: FloatArray, zenith_deg: FloatArray, middles: pd.DatetimeIndex) -> FloatArray:
    """Compute the diffuse part of horizontal irradiance, by Boland's logistic model.

    It is smooth in the clearness index, needs neither dew point nor a neighbouring hour, and was fitted to stations
    from Bracknell to Darwin and Macau. Erbs and DISC rest on mid-latitude stations alone.

    Parameters
    ----------
    ghi_wm2 : (n,) array
        Global horizontal irradiance [W/m2].
    zenith_deg : (n,) array
        Zenith of the sun [degrees].
    middles : DatetimeIndex
        Middles of the intervals, with a time zone.

    Returns
    -------
    (n,) array
        Diffuse horizontal irradiance [W/m2].

    References
    ----------
    .. [1] Boland, Scott and Luther 2001, "Modelling the diffuse fraction of global solar radiation on a horizontal
       surface", Environmetrics 12, 103.
    .. [2] Boland, Ridley and Brown 2008, "Models of diffuse solar radiation", Renewable Energy 33, 575; as in
       `pvlib.irradiance.boland`.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from bkkenergy.solar.weather import diffuse_wm2
    >>> noon = pd.DatetimeIndex(["2025-03-21 12:00"], tz="Asia/Bangkok")
    >>> float(diffuse_wm2(np.array([100.0]), np.array([15.0]), noon)[0]) > 90.0
    True
    """
    split = pvlib.irradiance.boland(ghi_wm2, zenith_deg, middles, max_zenith=88)
    dhi: FloatArray = np.clip(np.nan_to_num(np.asarray(split["dhi"])), 0, ghi_wm2)
    return dhi


def closing_dni(ghi_wm2: FloatArray, dhi_wm2: FloatArray, zenith_deg: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Compute beam and diffuse irradiance that close: GHI = DNI cos(zenith) + DHI.

    There is no beam when the sun is near the horizon.

    Parameters
    ----------
    ghi_wm2, dhi_wm2 : (n,) array
        Global and diffuse horizontal irradiance [W/m2].
    zenith_deg : (n,) array
        Zenith of the sun [degrees].

    Returns
    -------
    (n,) array
        Direct normal irradiance [W/m2].
    (n,) array
        Diffuse horizontal irradiance [W/m2].

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.solar.weather import closing_dni
    >>> dni_wm2, dhi_wm2 = closing_dni(np.array([800.0]), np.array([200.0]), np.array([60.0]))
    >>> dni_wm2.round(6).tolist(), dhi_wm2.round(6).tolist()
    ([1200.0], [200.0])
    """
    cos_zenith = np.cos(np.radians(zenith_deg))
    has_beam = cos_zenith > np.sin(np.radians(2.0))
    dni_wm2 = np.where(has_beam, (ghi_wm2 - dhi_wm2) / np.where(has_beam, cos_zenith, 1.0), 0.0)
    return dni_wm2, ghi_wm2 - dni_wm2 * np.where(has_beam, cos_zenith, 0.0)


def rows_at(weather: Weather, starts: pd.DatetimeIndex) -> IntArray:
    """Find the interval of a year of weather for other dates: same month, day and hour of Bangkok.

    29 February takes the 28th. Of several years each month is of the year in which it is most like all of them.

    Parameters
    ----------
    weather : Weather
        A year, or more.
    starts : DatetimeIndex
        Starts of m intervals, with a time zone.

    Returns
    -------
    (m,) array
        Number of the interval of each.

    Raises
    ------
    ValueError
        If the weather has no such hour.

    Examples
    --------
    >>> import pandas as pd
    >>> from bkkenergy.solar.weather import rows_at
    >>> from bkkenergy.library.skies import bangkok_year
    >>> rows_at(bangkok_year(), pd.DatetimeIndex(["2031-01-01 05:15"], tz="Asia/Bangkok")).tolist()
    [5]
    """
    local = starts.tz_convert(BANGKOK)
    day = np.where((local.month == FEBRUARY) & (local.day > LAST_OF_FEBRUARY), LAST_OF_FEBRUARY, local.day)
    ours = weather.starts.tz_convert(BANGKOK)
    key_of = ours.month * 10_000 + ours.day * 100 + ours.hour
    order = np.argsort(~in_typical_months(weather), kind="stable")
    row_of = pd.Series(order, index=key_of[order])
    row = row_of[~row_of.index.duplicated()].reindex(local.month * 10_000 + day * 100 + local.hour).to_numpy()
    if np.isnan(row).any():
        missing = starts[int(np.argmax(np.isnan(row)))]
        raise ValueError(f"{weather.provenance.name_en} has no hour for {missing}. Give weather of a whole year.")
    rows: IntArray = row.astype(np.int64)
    return rows


def year_numbers(starts: pd.DatetimeIndex) -> IntArray:
    """Count the years of a weather, from its first interval on.

    Parameters
    ----------
    starts : DatetimeIndex
        Starts of n intervals in order, with a time zone.

    Returns
    -------
    (n,) array
        0 in the first year.

    Examples
    --------
    >>> import pandas as pd
    >>> from bkkenergy.solar.weather import year_numbers
    >>> days = pd.date_range("2022-07-01", "2024-07-01", freq="D", tz="Asia/Bangkok", inclusive="left")
    >>> year_numbers(days)[[0, 364, 365, 730]].tolist()
    [0, 0, 1, 1]
    """
    if not len(starts) or not starts.is_monotonic_increasing:
        return np.zeros(len(starts), np.int64)
    first, last = (instant.tz_convert(BANGKOK) for instant in (starts[0], starts[-1]))
    later = [first + pd.DateOffset(years=year) for year in range(1, last.year - first.year + 1)]
    numbers: IntArray = np.asarray(pd.DatetimeIndex(later, tz=BANGKOK).searchsorted(starts, side="right"), np.int64)
    return numbers


@lru_cache(maxsize=8)
def in_typical_months(weather: Weather) -> np.ndarray:
    """Mark the intervals of the months that are most like all years: by the sums of their days' light.

    Parameters
    ----------
    weather : Weather
        A year, or more.

    Returns
    -------
    (n,) array
        True in one month of each name. All is True where there is but one whole year.

    References
    ----------
    .. [1] Finkelstein and Schafer 1971, "Improved goodness-of-fit tests", Biometrika 58, 641; as Hall et al. 1978
       choose the months of a typical meteorological year ("Generation of typical meteorological years for 26 SOLMET
       stations", SAND78-1601). Here by global light alone, since a design rests on it.

    Examples
    --------
    >>> from bkkenergy.library.skies import bangkok_year
    >>> from bkkenergy.solar.weather import in_typical_months
    >>> bool(in_typical_months(bangkok_year()).all())
    True
    """
    number = year_numbers(weather.starts)
    local = weather.starts.tz_convert(BANGKOK)
    last = local[0] + pd.DateOffset(years=int(number[-1]) + 1) - pd.Timedelta(hours=weather.interval_h)
    whole = range(int(number[-1]) + (local[-1] >= last))
    marks = np.zeros(len(number), np.bool_)
    if len(whole) < 2:  # noqa: PLR2004 - years to compare
        return ~marks
    days = pd.DataFrame(
        {"month": local.month, "year": number, "day": local.day, "wh_m2": weather.ghi_wm2 * weather.interval_h}
    )
    sums = days[days["year"] < len(whole)].groupby(["month", "year", "day"])["wh_m2"].sum()
    for month, of_month in sums.groupby(level="month"):
        every = np.sort(of_month.to_numpy())
        off = {year: _off(np.sort(of_year.to_numpy()), every) for year, of_year in of_month.groupby(level="year")}
        marks |= (days["month"] == month).to_numpy() & (number == min(off, key=lambda year: (off[year], year)))
    return marks


def _off(of_year: FloatArray, every: FloatArray) -> float:
    """Compute Finkelstein and Schafer's statistic: how far two distributions are apart on the mean."""
    ranks = np.arange(1, len(every) + 1) / len(every)
    return float(np.abs(np.searchsorted(of_year, every, side="right") / len(of_year) - ranks).mean())


def known_rain(rain_mm: FloatArray, *, days: float) -> FloatArray:
    """Return rain, NaN where a year without a drop shows that the source has no rain.

    Zero in each hour of a year is how files say that rain was not entered. Taken for drought, it leaves dust on a roof
    for ever.

    Parameters
    ----------
    rain_mm : (n,) array
        Rain of each interval [mm].
    days : float
        How long it covers [d].

    Returns
    -------
    (n,) array
        Rain [mm], or NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.solar.weather import known_rain
    >>> np.isnan(known_rain(np.zeros(8760), days=365)).all(), np.isnan(known_rain(np.zeros(720), days=30)).any()
    (np.True_, np.False_)
    """
    if days >= MIN_DAYS_WITHOUT_RAIN and not np.nansum(rain_mm) > 0:
        return np.full(len(rain_mm), np.nan)
    return rain_mm


def completed(weather: Weather, typical: Weather) -> Weather:
    """Fill what a weather's source has not of temperature, wind, rain and humidity from a typical year.

    Parameters
    ----------
    weather : Weather
        NaN where its source has nothing.
    typical : Weather
        A whole year of the place.

    Returns
    -------
    Weather
        Without NaN in these columns; its provenance names them.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from bkkenergy.solar.weather import completed
    >>> from bkkenergy.library.skies import bangkok_year
    >>> year = bangkok_year()
    >>> completed(replace(year, rain_mm=year.rain_mm * float("nan")), year).provenance.filled
    (Filled(column='rain_mm', share_ratio=1.0),)
    """
    is_missing = {name: np.isnan(getattr(weather, name)) for name in FILLABLE}
    filled = tuple(Filled(name, float(missing.mean())) for name, missing in is_missing.items() if missing.any())
    if not filled:
        return weather
    row = rows_at(typical, weather.starts)
    columns = {
        column: np.where(is_missing[column], getattr(typical, column)[row], getattr(weather, column))
        for column, _ in filled
    }
    said, usual = weather.provenance, typical.provenance
    source = f"{said.source}. {', '.join(columns)}: {usual.source}"
    source_th = f"{said.source_th or said.source} {', '.join(columns)}: {usual.source_th or usual.source}"
    return replace(weather, provenance=replace(said, source=source, source_th=source_th, filled=filled), **columns)
