"""A site's weather on a time grid, with where it comes from; and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
import pvlib

from bkkenergy.calendar import BANGKOK
from bkkenergy.dated import Citation
from bkkenergy.errors import Fault
from bkkenergy.readings import FloatArray, IntArray

MAX_GHI_WM2 = 1500.0
NIGHT_WM2 = 5.0
DAY_ELEVATION_DEG = 5.0
HOURS_PER_YEAR = 8760
FEBRUARY, LAST_OF_FEBRUARY = 2, 28
MIN_SYMMETRY_SHIFT_MIN = 10.0

Kind = Literal["typical_year", "epw", "tmy3", "pvgis", "nasa_power", "measured"]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where weather comes from, as every result repeats it.

    source, source_th : who made it, which period, which model; decomposition : how missing DNI and DHI were made.
    """

    kind: Kind
    name_th: str
    name_en: str
    source: str
    decomposition: str = ""
    source_th: str = ""

    @property
    def citation(self) -> Citation:
        """The source in both languages."""
        return Citation(self.source, self.source_th)


@dataclass(frozen=True, slots=True)
class Weather:
    """Weather of one place: (n,) each, by intervals that are labelled by their start.

    ghi_wm2, dni_wm2, dhi_wm2 : mean irradiance of the interval, W/m2.
    temp_air_c : degC; wind_ms : at 10 m, m/s; rain_mm : in the interval, mm; humidity_percent : 0..100.
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

    @property
    def middles(self) -> pd.DatetimeIndex:
        """(n,) middles of the intervals: where the sun is taken."""
        return self.starts + pd.Timedelta(hours=self.interval_h / 2)

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
    starts: pd.DatetimeIndex,
    ghi_wm2: FloatArray,
    *,
    latitude_deg: float,
    longitude_deg: float,
    interval_h: float = 1.0,
) -> tuple[FloatArray, FloatArray]:
    """Split horizontal irradiance into beam and diffuse, by Boland's model.

    Parameters
    ----------
    starts : DatetimeIndex
        Starts of n intervals, with a time zone.
    ghi_wm2 : (n,) array
        Global horizontal irradiance [W/m2].
    latitude_deg, longitude_deg : float
        Of the place [degrees].
    interval_h : float
        Length of an interval [h].

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
    >>> starts = pd.date_range("2025-03-21 12:00", periods=1, freq="h", tz="Asia/Bangkok")
    >>> dni_wm2, dhi_wm2 = with_components(starts, np.array([900.0]), latitude_deg=13.75, longitude_deg=100.5)
    >>> dni_wm2.round().tolist(), dhi_wm2.round().tolist()
    ([578.0], [337.0])
    """
    middles = starts + pd.Timedelta(hours=interval_h / 2)
    zenith = pvlib.solarposition.get_solarposition(middles, latitude_deg, longitude_deg)["zenith"].to_numpy()
    return closing_dni(ghi_wm2, diffuse_wm2(ghi_wm2, zenith, middles), zenith)


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
    """Find the interval of a typical year for other dates: same month, day and hour of Bangkok.

    29 February takes the 28th.

    Parameters
    ----------
    weather : Weather
        A typical year.
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
    typical = weather.starts.tz_convert(BANGKOK)
    key_of = typical.month * 10_000 + typical.day * 100 + typical.hour
    row_of = pd.Series(np.arange(len(key_of)), index=key_of)
    row = row_of[~row_of.index.duplicated()].reindex(local.month * 10_000 + day * 100 + local.hour).to_numpy()
    if np.isnan(row).any():
        missing = starts[int(np.argmax(np.isnan(row)))]
        raise ValueError(f"{weather.provenance.name_en} has no hour for {missing}. Give weather of a whole year.")
    rows: IntArray = row.astype(np.int64)
    return rows


def weather_faults(weather: Weather, *, where: str = "weather") -> list[Fault]:
    """List what an engineer should know before a weather is used: gaps, impossible values, shifted stamps.

    Parameters
    ----------
    weather : Weather
        The weather.
    where : str
        How faults name it.

    Returns
    -------
    list of Fault
        Where, what is wrong, and the remedy; empty where all is well.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from bkkenergy.solar.weather import weather_faults
    >>> from bkkenergy.library.skies import bangkok_year
    >>> year = bangkok_year()
    >>> weather_faults(year), weather_faults(replace(year, temp_air_c=year.temp_air_c + 273.15))[0].remedy
    ([], 'Check the unit and the sensor.')
    """
    faults = [*_grid_faults(weather, where), *_value_faults(weather, where)]
    return faults or _sun_faults(weather, where)


def _grid_faults(weather: Weather, where: str) -> list[Fault]:
    step = pd.Timedelta(hours=weather.interval_h)
    jumps = np.flatnonzero((weather.starts[1:] - weather.starts[:-1]) != step)
    faults = []
    if len(jumps):
        at = weather.starts[int(jumps[0])]
        faults.append(
            Fault(f"{where}: {at}", f"{len(jumps)} gaps or jumps in time", "Fill the gaps, or take another file.")
        )
    if weather.years < 1 - 1e-3:
        days = len(weather.starts) * weather.interval_h / 24
        faults.append(Fault(where, f"only {days:.0f} days", "A yield estimate needs a whole year."))
    return faults


def _value_faults(weather: Weather, where: str) -> list[Fault]:
    bounds = {
        "ghi_wm2": (-1.0, MAX_GHI_WM2),
        "dhi_wm2": (-1.0, MAX_GHI_WM2),
        "dni_wm2": (-1.0, MAX_GHI_WM2),
        "temp_air_c": (0.0, 50.0),
        "wind_ms": (0.0, 60.0),
    }
    faults = []
    for name, (least, most) in bounds.items():
        values = getattr(weather, name)
        missing = int(np.isnan(values).sum())
        if missing:
            faults.append(
                Fault(f"{where}: {name}", f"{missing} values are missing", "Fill them, or take another file.")
            )
        outside = np.flatnonzero((values < least) | (values > most))
        if len(outside):
            first = int(outside[0])
            seen = f"the first {values[first]:g} at {weather.starts[first]}"
            what = f"{len(outside)} values outside {least:g} to {most:g}, {seen}"
            faults.append(Fault(f"{where}: {name}", what, "Check the unit and the sensor."))
    return faults


def _sun_faults(weather: Weather, where: str) -> list[Fault]:
    """Find sun at night, and stamps that are not the start of their interval."""
    position = pvlib.solarposition.get_solarposition(weather.middles, weather.latitude_deg, weather.longitude_deg)
    elevation = position["elevation"].to_numpy()
    faults = []
    lit = (elevation < -DAY_ELEVATION_DEG) & (weather.ghi_wm2 > NIGHT_WM2)
    if lit.any():
        what = f"sun in {int(lit.sum())} intervals of the night, the first {weather.starts[int(np.argmax(lit))]}"
        faults.append(Fault(f"{where}: ghi_wm2", what, "Check the time zone: Bangkok is UTC+7 all year."))
    shift_min = stamp_shift_min(weather)
    if abs(shift_min) > MIN_SYMMETRY_SHIFT_MIN:
        what = f"the day's irradiance lies {shift_min:+.0f} minutes off the sun's noon"
        remedy = "Stamps should be interval starts: move them if the file labels the middle or the end."
        faults.append(Fault(f"{where}: time", what, remedy))
    return faults


def stamp_shift_min(weather: Weather) -> float:
    """Compute how far the middle of the days' irradiance is after true solar noon, over the clearest days.

    It is about zero where stamps are interval starts, and about half an interval where they are middles.

    Parameters
    ----------
    weather : Weather
        The weather.

    Returns
    -------
    float
        The shift [min].

    Examples
    --------
    >>> from bkkenergy.solar.weather import stamp_shift_min
    >>> from bkkenergy.library.skies import bangkok_year
    >>> abs(stamp_shift_min(bangkok_year())) < 10.0
    True
    """
    clear = pvlib.location.Location(weather.latitude_deg, weather.longitude_deg, altitude=weather.elevation_m)
    expected = clear.get_clearsky(weather.middles, model="ineichen")["ghi"].to_numpy()
    day = weather.starts.tz_convert(BANGKOK).normalize()
    hour = (weather.starts - day) / pd.Timedelta(hours=1)
    frame = pd.DataFrame({"got": weather.ghi_wm2, "sky": expected, "hour": np.asarray(hour)})
    sums = frame.assign(got_h=frame.got * frame.hour, sky_h=frame.sky * frame.hour).groupby(np.asarray(day)).sum()
    sums = sums[sums.got > 0]
    clearest = sums[(sums.got / sums.sky) >= (sums.got / sums.sky).quantile(0.9)]
    shift_h = (clearest.got_h / clearest.got - clearest.sky_h / clearest.sky).median()
    return float(shift_h * 60) if len(clearest) else 0.0
