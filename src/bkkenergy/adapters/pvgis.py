"""Weather of PVGIS: its service, and the files that people download from its page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from bkkenergy.adapters.weatherframes import A_YEAR, TIMEOUT_S, elevation_m, weather_of_frame
from bkkenergy.lazy import pvlib
from bkkenergy.solar.weather import Weather, closing_dni

PVGIS_HEAD = b"Latitude (decimal degrees)"
"""With which its CSV files begin."""
LONGEST_HEAD = 8
MAX_SUN_ERROR_DEG = 0.5
HOURS = 8760
BANGKOK_H = 7


@dataclass(frozen=True, slots=True)
class PvgisSite:
    """What an answer says of its place. irradiance_offset_h : how long after its stamp light was seen; None unsaid."""

    latitude_deg: float
    longitude_deg: float
    elevation_m: float
    database: str
    irradiance_offset_h: float | None

    @classmethod
    def of(cls, inputs: Mapping[str, Any]) -> Self:
        """Read it out of the inputs of a JSON answer, or of the head of a CSV file. Raises KeyError, ValueError."""
        location = inputs.get("location", inputs)
        offset_h = location.get("irradiance_time_offset", location.get("irradiance time offset"))
        database = inputs.get("meteo_data", {}).get("radiation_db") or inputs.get("radiation_database")
        return cls(
            float(location["latitude"]),
            float(location["longitude"]),
            elevation_m(location),
            f"radiation database {database or 'not named'}",
            None if offset_h is None else float(offset_h),
        )


def of_pvgis_tmy(latitude_deg: float, longitude_deg: float, url: str) -> Weather:
    """Fetch a typical year. Raises what `requests` raises, KeyError, ValueError."""
    frame, meta = pvlib.iotools.get_pvgis_tmy(latitude_deg, longitude_deg, url=url, timeout=TIMEOUT_S)[:2]
    return tmy_weather(frame, PvgisSite.of(_asked(meta["inputs"], latitude_deg, longitude_deg)))


def of_pvgis_hourly(latitude_deg: float, longitude_deg: float, years: tuple[int, int], url: str) -> Weather:
    """Fetch years by the hour. Raises what `requests` raises, KeyError, ValueError."""
    frame, meta = pvlib.iotools.get_pvgis_hourly(
        latitude_deg, longitude_deg, start=years[0], end=years[1], url=url, timeout=TIMEOUT_S
    )[:2]
    return hourly_weather(frame, PvgisSite.of(_asked(meta["inputs"], latitude_deg, longitude_deg)))


def _asked(inputs: Mapping[str, Any], latitude_deg: float, longitude_deg: float) -> dict[str, Any]:
    """Return an answer's inputs with the place that was asked for."""
    location = dict(inputs.get("location", {})) | {"latitude": latitude_deg, "longitude": longitude_deg}
    return dict(inputs) | {"location": location}


def read_pvgis(path: Path) -> Weather:
    """Read a downloaded file: hours of years or a typical year, as CSV or JSON. Raises KeyError, ValueError."""
    if path.suffix.lower() == ".json":
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        inputs, outputs = document["inputs"], document["outputs"]
        _need_horizontal(str(_slope(inputs)))
        if "tmy_hourly" in outputs:
            return tmy_weather(*_with_site(pvlib.iotools.read_pvgis_tmy(path)))
        return hourly_weather(*_with_site(pvlib.iotools.read_pvgis_hourly(path)))
    head = path.read_bytes()[:2000].decode("utf-8", "replace").splitlines()[:LONGEST_HEAD]
    if not any(line.startswith("Radiation database") for line in head):
        return tmy_weather(*_with_site(pvlib.iotools.read_pvgis_tmy(path)))
    frame, meta = pvlib.iotools.read_pvgis_hourly(path)
    _need_horizontal(str(meta["inputs"].get("Slope", "0")))
    return hourly_weather(*_with_site((frame, meta)))


def _with_site(read: tuple[pd.DataFrame, Any]) -> tuple[pd.DataFrame, PvgisSite]:
    frame, meta = read
    return frame, PvgisSite.of(meta.get("inputs", meta))


def _slope(inputs: Mapping[str, Any]) -> Any:
    """Return the slope that an answer in JSON names; 0 where it names none."""
    systems = inputs.get("mounting_system", {}).values()
    return next((one["slope"]["value"] for one in systems if "slope" in one), 0)


def _need_horizontal(slope: str) -> None:
    """Raise ValueError for light on a tilted plane: a design tilts it again."""
    if float(slope.split(maxsplit=1)[0].removesuffix("°")) != 0:
        raise ValueError(f"its light is that of a plane of slope {slope}. Download it with slope 0")


def tmy_weather(frame: pd.DataFrame, site: PvgisSite) -> Weather:
    """Convert a typical year: each hour's irradiance was seen some minutes after its stamp, which the answer says."""
    if len(frame) != HOURS:
        raise ValueError(f"it has {len(frame)} hours where a typical year has {HOURS}")
    starts = pd.date_range(f"{A_YEAR}-01-01", periods=HOURS, freq="h", tz=f"Etc/GMT-{BANGKOK_H}")
    rolled = pd.DataFrame({name: np.roll(frame[name], BANGKOK_H) for name in frame.columns}, index=starts)
    source = f"PVGIS typical meteorological year (JRC), {site.database}"
    return weather_of_frame(
        rolled, site.latitude_deg, site.longitude_deg, site.elevation_m, "pvgis", "pvgis_tmy", source,
        sun_at_h=site.irradiance_offset_h or 0.0,
    )  # fmt: skip


def hourly_weather(frame: pd.DataFrame, site: PvgisSite) -> Weather:
    """Convert years by the hour: instants, whose stamps say when in the hour they were seen.

    The beam and the diffuse light that the answer has are used as they are.
    """
    sun = pvlib.solarposition.get_solarposition(frame.index, site.latitude_deg, site.longitude_deg)
    elevation_deg = sun["elevation"].to_numpy()
    heights = frame["solar_elevation"].to_numpy(np.float64)
    is_day = heights > 0
    if is_day.any() and float(np.abs(heights - elevation_deg)[is_day].mean()) > MAX_SUN_ERROR_DEG:
        raise ValueError("its H_sun is not the sun's height at its stamps: nothing says when the values were seen")
    at = pd.DatetimeIndex(frame.index)
    starts = at.floor("h")
    offset_h = float(np.median((at - starts).to_numpy()) / np.timedelta64(1, "h"))
    table = frame.set_axis(starts)[["temp_air", "wind_speed"]]
    if "poa_direct" in frame:
        beam_wm2, dhi_wm2 = (frame[name].to_numpy(np.float64) for name in ("poa_direct", "poa_sky_diffuse"))
        dni_wm2, closing_wm2 = closing_dni(beam_wm2 + dhi_wm2, dhi_wm2, 90 - elevation_deg)
        table = table.assign(ghi_wm2=beam_wm2 + dhi_wm2, dni_wm2=dni_wm2, dhi_wm2=closing_wm2)
    else:
        table = table.assign(ghi_wm2=frame["poa_global"].to_numpy(np.float64))
    source = f"PVGIS hourly {starts[0].year}-{starts[-1].year} (JRC), {site.database}"
    return weather_of_frame(
        table, site.latitude_deg, site.longitude_deg, site.elevation_m, "pvgis", "pvgis_hourly", source,
        sun_at_h=offset_h,
    )  # fmt: skip
