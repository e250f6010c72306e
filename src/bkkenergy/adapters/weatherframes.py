"""Frames of pvlib's readers as weather."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK
from bkkenergy.readings import FloatArray
from bkkenergy.solar.weather import Kind, Provenance, Weather, known_rain, with_components

TIMEOUT_S = 60
SEA_LEVEL_CITY_M = 4.0
"""Of Bangkok, where a service does not say."""
A_YEAR = 2025
"""The year that stamps of typical files are set to: their months come from different years."""
MISSING_BELOW = -90.0
"""No hour on earth reaches it in any column: -99, -999 (NASA POWER) and -9999 are codes for missing."""
COLUMNS = ("ghi_wm2", "dni_wm2", "dhi_wm2", "temp_air_c", "wind_ms", "rain_mm", "humidity_percent")
RENAMED = {
    "ghi": "ghi_wm2",
    "dni": "dni_wm2",
    "dhi": "dhi_wm2",
    "temp_air": "temp_air_c",
    "wind_speed": "wind_ms",
    "relative_humidity": "humidity_percent",
    "liquid_precipitation_depth": "rain_mm",
    "PRECTOTCORR": "rain_mm",
}


def weather_of_frame(
    frame: pd.DataFrame,
    latitude: float,
    longitude: float,
    altitude: float,
    kind: Kind,
    name: str,
    source: str,
    *,
    sun_at_h: float | None = None,
) -> Weather:
    """Convert a frame of pvlib's names to weather. DNI and DHI are decomposed where they are missing, and it is said.

    sun_at_h : how long after its stamp an instant was seen, where values are instants.
    """
    renamed = frame.rename(columns=RENAMED)
    if "ghi_wm2" not in renamed:
        raise ValueError("it has no horizontal irradiance (ghi)")
    if len(renamed) < 2:  # noqa: PLR2004 - one hour has no length
        raise ValueError(f"it has {len(renamed)} hours")
    starts = pd.DatetimeIndex(renamed.index).tz_convert(BANGKOK).as_unit("us")
    interval_h = float(np.median(np.diff(starts.asi8)) / 3.6e9)
    columns: dict[str, FloatArray] = {
        key: np.asarray(renamed[key], np.float64) if key in renamed else np.full(len(renamed), np.nan)
        for key in COLUMNS
    }
    columns = {key: np.where(values <= MISSING_BELOW, np.nan, values) for key, values in columns.items()}
    columns["rain_mm"] = known_rain(columns["rain_mm"], days=len(starts) * interval_h / 24)
    decomposition = ""
    if "dni_wm2" not in renamed or "dhi_wm2" not in renamed:
        sun_times = starts + pd.Timedelta(hours=interval_h / 2 if sun_at_h is None else sun_at_h)
        ghi = columns["ghi_wm2"]
        components = with_components(sun_times, ghi, latitude_deg=latitude, longitude_deg=longitude)
        columns["dni_wm2"], columns["dhi_wm2"] = components
        decomposition = "Boland et al. 2008"
    return Weather(
        starts=starts,
        latitude_deg=float(latitude),
        longitude_deg=float(longitude),
        elevation_m=float(altitude),
        provenance=Provenance(kind, name, name, source, decomposition),
        interval_h=interval_h,
        sun_at_h=sun_at_h,
        **columns,
    )


def elevation_m(known: dict[str, Any]) -> float:
    """Return the height above the sea that a source says; else the city's."""
    return float(known.get("altitude") or known.get("elevation") or SEA_LEVEL_CITY_M)
