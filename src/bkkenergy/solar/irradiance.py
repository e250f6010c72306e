"""From a horizontal sky to the planes of many roofs at once.

Whatever depends on the sky alone is computed once; only what depends on a plane is broadcast over
(planes, hours), for the hours of daylight.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import pandas as pd

from bkkenergy.lazy import pvlib
from bkkenergy.readings import FloatArray, IntArray
from bkkenergy.solar.weather import Weather

TranspositionModel = Literal["perez", "haydavies", "isotropic"]
MIN_COS_ZENITH = {"perez": np.cos(np.radians(85.0)), "haydavies": 0.01745, "isotropic": 1.0}


@dataclass(frozen=True, slots=True)
class Sky:
    """The sky in the d daylight intervals of a weather.

    rows : (d,) numbers of these intervals in the weather.
    east, north, up : (d,) unit vector towards the sun, by its apparent place.
    circumsolar, horizon : (d,) shares of the diffuse light near the sun and at the horizon (Perez' F1, F2).
    min_cos : lower bound of cos(zenith) under the circumsolar share.
    """

    rows: IntArray
    east: FloatArray
    north: FloatArray
    up: FloatArray
    ghi_wm2: FloatArray
    dni_wm2: FloatArray
    dhi_wm2: FloatArray
    temp_air_c: FloatArray
    wind_ms: FloatArray
    circumsolar: FloatArray
    horizon: FloatArray
    min_cos: float

    @property
    def azimuth_deg(self) -> FloatArray:
        """(d,) the sun's azimuth, degrees clockwise from north."""
        azimuth_deg: FloatArray = np.degrees(np.arctan2(self.east, self.north)) % 360
        return azimuth_deg

    @property
    def elevation_deg(self) -> FloatArray:
        """(d,) the sun's apparent height above the horizon, degrees."""
        elevation_deg: FloatArray = np.degrees(np.arcsin(np.clip(self.up, -1, 1)))
        return elevation_deg


@dataclass(frozen=True, slots=True)
class InPlane:
    """Irradiance on p planes in d daylight intervals: (p, d) W/m2 each.

    near_sun_wm2 : diffuse light from about the sun, which falls in as the beam does; sky_wm2 : the rest of the sky's.
    cos_aoi : cosine of the angle of incidence, nothing where the sun stands behind the plane.
    """

    beam_wm2: FloatArray
    near_sun_wm2: FloatArray
    sky_wm2: FloatArray
    ground_wm2: FloatArray
    cos_aoi: FloatArray


def sky_of(weather: Weather, *, model: TranspositionModel = "perez") -> Sky:
    """Compute the sky of a weather: where the sun stands, and how diffuse light is distributed.

    Perez' F1 and F2 do not depend on the plane: they are read off a vertical one.

    Parameters
    ----------
    weather : Weather
        Irradiance of each interval [W/m2].
    model : {"perez", "haydavies", "isotropic"}
        The model of diffuse light.

    Returns
    -------
    Sky
        The daylight intervals.

    References
    ----------
    .. [1] Perez et al. 1990, "Modeling daylight availability and irradiance components from direct and global
       irradiance", Solar Energy 44, 271 (coefficients "allsitescomposite1990").
    .. [2] Hay and Davies 1980, "Calculations of the solar radiation incident on an inclined surface", First
       Canadian Solar Radiation Data Workshop.

    Examples
    --------
    >>> from bkkenergy.solar.irradiance import sky_of
    >>> from bkkenergy.library.skies import bangkok_year
    >>> sky = sky_of(bangkok_year())
    >>> 4_000 < len(sky.rows) < 4_500
    True
    """
    sun_times = weather.sun_times
    times_us = sun_times.as_unit("us").asi8.tobytes()
    apparent_zenith, sun_azimuth = _sun_at(times_us, weather.latitude_deg, weather.longitude_deg, weather.elevation_m)
    rows = np.flatnonzero((apparent_zenith < 90) & (weather.ghi_wm2 > 0))  # noqa: PLR2004 - the horizon
    zenith, azimuth = np.radians(apparent_zenith[rows]), np.radians(sun_azimuth[rows])
    dni, dhi = weather.dni_wm2[rows], weather.dhi_wm2[rows]
    extra = pvlib.irradiance.get_extra_radiation(sun_times).to_numpy()[rows]
    circumsolar, horizon = np.zeros(len(rows)), np.zeros(len(rows))
    if model == "perez":
        airmass = pvlib.atmosphere.get_relative_airmass(apparent_zenith[rows])
        parts = pvlib.irradiance.perez(
            90, 180, dhi, dni, extra, apparent_zenith[rows], np.degrees(azimuth), airmass, return_components=True
        )
        has_light = dhi > 0
        safe = np.where(has_light, dhi, 1.0)
        circumsolar = np.where(has_light, 1 - 2 * np.nan_to_num(parts["poa_isotropic"]) / safe, 0.0)
        horizon = np.where(has_light, np.nan_to_num(parts["poa_horizon"]) / safe, 0.0)
    elif model == "haydavies":
        circumsolar = dni / extra
    return Sky(
        rows=rows,
        east=np.sin(zenith) * np.sin(azimuth),
        north=np.sin(zenith) * np.cos(azimuth),
        up=np.cos(zenith),
        ghi_wm2=weather.ghi_wm2[rows],
        dni_wm2=dni,
        dhi_wm2=dhi,
        temp_air_c=weather.temp_air_c[rows],
        wind_ms=weather.wind_ms[rows],
        circumsolar=circumsolar,
        horizon=horizon,
        min_cos=float(MIN_COS_ZENITH[model]),
    )


@lru_cache(maxsize=4)
def _sun_at(
    times_us: bytes, latitude_deg: float, longitude_deg: float, elevation_m: float
) -> tuple[FloatArray, FloatArray]:
    """Compute (n,) apparent zenith and azimuth [deg]: the same for each design by one weather, a tenth of its time.

    times_us : (n,) int64 since 1970 UTC, as bytes.
    """
    times = pd.DatetimeIndex(np.frombuffer(times_us, np.int64).view("M8[us]")).tz_localize("UTC")
    sun = pvlib.solarposition.get_solarposition(times, latitude_deg, longitude_deg, altitude=elevation_m)
    apparent_zenith, azimuth = (sun[name].to_numpy(copy=True) for name in ("apparent_zenith", "azimuth"))
    apparent_zenith.flags.writeable = azimuth.flags.writeable = False
    return apparent_zenith, azimuth


def in_plane(
    sky: Sky,
    tilt_deg: FloatArray,
    azimuth_deg: FloatArray,
    *,
    albedo: float,
    beam_seen: FloatArray,
    sky_seen: FloatArray,
) -> InPlane:
    """Compute the irradiance on planes.

    Parameters
    ----------
    sky : Sky
        The sky in d daylight intervals.
    tilt_deg, azimuth_deg : (p,) array
        Tilt from horizontal, azimuth clockwise from north [degrees].
    albedo : float
        Share of light that the ground sends back, 0 to 1.
    beam_seen : (p, d) or (1, 1) array
        Share of the plane that sees the sun, 0 to 1.
    sky_seen : (p,) array
        Share of the sky's light that nothing hides, 0 to 1.

    Returns
    -------
    InPlane
        Beam, diffuse and ground-reflected irradiance [W/m2].

    References
    ----------
    .. [1] Perez et al. 1990, Solar Energy 44, 271, as in `pvlib.irradiance.perez`.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.library.skies import bangkok_year
    >>> from bkkenergy.solar.irradiance import in_plane, sky_of
    >>> sky = sky_of(bangkok_year())
    >>> flat = in_plane(
    ...     sky, np.array([0.0]), np.array([180.0]), albedo=0.2, beam_seen=np.ones((1, 1)), sky_seen=np.ones(1)
    ... )
    >>> total_wm2 = flat.beam_wm2 + flat.near_sun_wm2 + flat.sky_wm2 + flat.ground_wm2
    >>> round(float(total_wm2.sum() / sky.ghi_wm2.sum()), 2)
    1.0
    """
    tilt, azimuth = np.radians(tilt_deg)[:, None], np.radians(azimuth_deg)[:, None]
    sin_tilt, cos_tilt = np.sin(tilt), np.cos(tilt)
    cos_aoi = (sin_tilt * np.sin(azimuth)) * sky.east
    cos_aoi += (sin_tilt * np.cos(azimuth)) * sky.north
    cos_aoi += cos_tilt * sky.up
    np.maximum(cos_aoi, 0.0, out=cos_aoi)
    beam = cos_aoi * sky.dni_wm2
    near_sun = cos_aoi * (sky.dhi_wm2 * sky.circumsolar / np.maximum(sky.up, sky.min_cos))
    if beam_seen.size > 1:
        beam *= beam_seen
        near_sun *= beam_seen
    around = (0.5 * (1 + cos_tilt)) * (sky.dhi_wm2 * (1 - sky.circumsolar))
    around += sin_tilt * (sky.dhi_wm2 * sky.horizon)
    around *= sky_seen[:, None]
    np.maximum(around, -near_sun, out=around)
    ground = (0.5 * albedo * (1 - cos_tilt)) * sky.ghi_wm2
    return InPlane(beam, near_sun, around, ground, cos_aoi)
