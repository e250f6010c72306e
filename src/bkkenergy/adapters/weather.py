"""Weather from files and from services, fetched once and kept on disk.

EPW and TMY3 by pvlib's readers, PVGIS and NASA POWER by `pvlib.iotools`. What has been fetched is read
from its cache from then on, so a design can be made again without the internet.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pvlib
import requests

from bkkenergy.adapters.files import write_whole
from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError, UnavailableError
from bkkenergy.readings import FloatArray
from bkkenergy.solar.weather import Kind, Provenance, Weather, with_components

Service = Literal["pvgis_tmy", "pvgis_hourly", "nasa_power"]
TIMEOUT_S = 60
SEA_LEVEL_CITY_M = 4.0
"""Of Bangkok, where a service does not say."""
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
DEFAULTS = {"temp_air_c": 28.5, "wind_ms": 1.8, "rain_mm": 0.0, "humidity_percent": 73.0}
"""For columns that a source does not have; the provenance says which."""


@dataclass(frozen=True, slots=True)
class Urls:
    """Where the services are; another address for a mirror."""

    pvgis: str = "https://re.jrc.ec.europa.eu/api/v5_3/"
    nasa_power: str = "https://power.larc.nasa.gov/api/temporal/hourly/point"


def read_weather_file(path: Path, *, encoding: str | None = None) -> Weather:
    """Read weather from an EPW, TMY3 or our own .parquet file, by its name's ending.

    Raises InputError when the file cannot be read, with what is accepted.
    """
    readers: dict[str, Callable[[], Weather]] = {
        ".epw": lambda: _from_epw(path),
        ".csv": lambda: _from_tmy3(path, encoding),
        ".parquet": lambda: read_cached(path),
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"{path}: the ending {path.suffix!r} is not known. Give an .epw, a TMY3 .csv or a .parquet file."
        )
    try:
        return reader()
    except FileNotFoundError:
        raise InputError(f"{path}: the file does not exist.") from None
    except (KeyError, ValueError, IndexError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: no readable {path.suffix} weather file ({error}). Check that it is complete."
        ) from error


def _from_epw(path: Path) -> Weather:
    frame, meta = pvlib.iotools.read_epw(path, coerce_year=2025)
    source = (
        f"EPW file {path.name}: {meta.get('city', '?')}, {meta.get('data-type', '?')}, WMO {meta.get('WMO_code', '?')}"
    )
    return _weather(frame, meta["latitude"], meta["longitude"], meta["altitude"], "epw", path.stem, source)


def _from_tmy3(path: Path, encoding: str | None) -> Weather:
    """Convert TMY3, which labels hours by their end: they are moved to their start."""
    frame, meta = pvlib.iotools.read_tmy3(path, coerce_year=2025, map_variables=True, encoding=encoding)
    frame.index = frame.index - pd.Timedelta(hours=1)
    frame = frame.sort_index()
    source = f"TMY3 file {path.name}: {meta.get('Name', '?')}, station {meta.get('USAF', '?')}"
    return _weather(frame, meta["latitude"], meta["longitude"], meta["altitude"], "tmy3", path.stem, source)


def _weather(
    frame: pd.DataFrame, latitude: float, longitude: float, altitude: float, kind: Kind, name: str, source: str
) -> Weather:
    """Convert a frame of pvlib's names to weather. What is missing is filled or decomposed, and said."""
    renamed = frame.rename(columns=RENAMED)
    starts = pd.DatetimeIndex(renamed.index).tz_convert(BANGKOK).as_unit("us")
    interval_h = float(np.median(np.diff(starts.asi8)) / 3.6e9) if len(starts) > 1 else 1.0
    columns: dict[str, FloatArray] = {}
    absent = [key for key in DEFAULTS if key not in renamed]
    for key in COLUMNS:
        given = renamed[key] if key in renamed else pd.Series(DEFAULTS.get(key, np.nan), index=renamed.index)
        columns[key] = np.asarray(given, np.float64)
    if "ghi_wm2" not in renamed:
        raise ValueError("it has no horizontal irradiance (ghi)")
    decomposition = ""
    if "dni_wm2" not in renamed or "dhi_wm2" not in renamed:
        ghi = columns["ghi_wm2"]
        components = with_components(starts, ghi, latitude_deg=latitude, longitude_deg=longitude, interval_h=interval_h)
        columns["dni_wm2"], columns["dhi_wm2"] = components
        decomposition = "Boland et al. 2008"
    filled = f". Not in the source, taken as constant: {', '.join(absent)}" if absent else ""
    provenance = Provenance(kind, name, name, source + filled, decomposition)
    return Weather(
        starts=starts,
        latitude_deg=float(latitude),
        longitude_deg=float(longitude),
        elevation_m=float(altitude),
        provenance=provenance,
        interval_h=interval_h,
        **columns,
    )


def fetch_weather(
    service: Service,
    latitude_deg: float,
    longitude_deg: float,
    *,
    first_year: int = 2020,
    last_year: int = 2020,
    urls: Urls | None = None,
) -> Weather:
    """Fetch weather of a site. Raises UnavailableError when the service does not answer, InputError when it refuses."""
    at = urls or Urls()
    try:
        match service:
            case "pvgis_tmy":
                frame, meta = pvlib.iotools.get_pvgis_tmy(
                    latitude_deg, longitude_deg, url=at.pvgis, timeout=TIMEOUT_S, roll_utc_offset=7, coerce_year=2025
                )[:2]
                source = "PVGIS typical meteorological year (JRC), " + _pvgis_database(meta)
                kind: Kind = "pvgis"
            case "pvgis_hourly":
                frame, meta = pvlib.iotools.get_pvgis_hourly(
                    latitude_deg, longitude_deg, start=first_year, end=last_year, url=at.pvgis, timeout=TIMEOUT_S
                )[:2]
                frame = _horizontal(frame)
                source = f"PVGIS hourly {first_year}-{last_year} (JRC), " + _pvgis_database(meta)
                kind = "pvgis"
            case "nasa_power":
                frame, meta = pvlib.iotools.get_nasa_power(
                    latitude_deg,
                    longitude_deg,
                    f"{first_year}-01-01",
                    f"{last_year}-12-31",
                    parameters=["ghi", "dni", "dhi", "temp_air", "wind_speed", "relative_humidity", "PRECTOTCORR"],
                    url=at.nasa_power,
                )[:2]
                source = f"NASA POWER hourly {first_year}-{last_year} (CERES SYN1deg, MERRA-2)"
                kind = "nasa_power"
    except (requests.ConnectionError, requests.Timeout) as error:
        raise UnavailableError(
            f"{service} does not answer ({type(error).__name__}). Without the internet use the typical year "
            "(--weather typical) or a file (--weather FILE.epw)."
        ) from error
    except (requests.RequestException, KeyError, ValueError) as error:
        raise InputError(f"{service} refuses {latitude_deg:.3f}, {longitude_deg:.3f}: {error}.") from error
    known: dict[str, Any] = meta if isinstance(meta, dict) else {}
    altitude = float(known.get("altitude") or known.get("elevation") or SEA_LEVEL_CITY_M)
    return _weather(frame, latitude_deg, longitude_deg, altitude, kind, service, source)


def _pvgis_database(meta: Any) -> str:
    given = meta.get("inputs", meta) if isinstance(meta, dict) else {}
    text = given.get("meteo_data", {}).get("radiation_db", "") if isinstance(given, dict) else ""
    return f"radiation database {text or 'not named'}"


def _horizontal(frame: pd.DataFrame) -> pd.DataFrame:
    """Return PVGIS' horizontal plane as GHI and DHI; DNI is left to decomposition's closure."""
    table = frame.copy()
    diffuse = table["poa_sky_diffuse"]
    table["ghi"] = table["poa_direct"] + diffuse + table.get("poa_ground_diffuse", 0.0)
    return table.drop(columns=["dni", "dhi"], errors="ignore")


def cache_path(folder: Path, service: Service, latitude_deg: float, longitude_deg: float, years: str) -> Path:
    """Return where fetched weather is stored: by service, place to 0.01 degrees, and years."""
    return folder / f"{service}_{latitude_deg:.2f}_{longitude_deg:.2f}_{years}.parquet"


def write_cached(weather: Weather, path: Path) -> None:
    """Keep weather as Parquet, with its provenance inside. The file appears whole or not at all."""
    frame = pd.DataFrame({name: getattr(weather, name) for name in COLUMNS}, index=weather.starts)
    frame.attrs = {
        "bkkenergy": json.dumps(
            {
                "latitude_deg": weather.latitude_deg,
                "longitude_deg": weather.longitude_deg,
                "elevation_m": weather.elevation_m,
                "interval_h": weather.interval_h,
                "provenance": asdict(weather.provenance),
            }
        )
    }
    write_whole(path, frame.to_parquet())


def read_cached(path: Path) -> Weather:
    """Read weather that `write_cached` stored."""
    frame = pd.read_parquet(path)
    meta = json.loads(frame.attrs["bkkenergy"])
    return Weather(
        starts=pd.DatetimeIndex(frame.index).tz_convert(BANGKOK).as_unit("us"),
        **{name: frame[name].to_numpy(np.float64) for name in COLUMNS},
        latitude_deg=meta["latitude_deg"],
        longitude_deg=meta["longitude_deg"],
        elevation_m=meta["elevation_m"],
        interval_h=meta["interval_h"],
        provenance=Provenance(**meta["provenance"]),
    )


def fetched_or_cached(
    folder: Path,
    service: Service,
    latitude_deg: float,
    longitude_deg: float,
    *,
    first_year: int = 2020,
    last_year: int = 2020,
    urls: Urls | None = None,
) -> Weather:
    """Return weather from the cache, else from the service, and store it. Raises UnavailableError, InputError."""
    years = "tmy" if service == "pvgis_tmy" else f"{first_year}-{last_year}"
    path = cache_path(folder, service, latitude_deg, longitude_deg, years)
    if path.exists():
        return read_cached(path)
    weather = fetch_weather(service, latitude_deg, longitude_deg, first_year=first_year, last_year=last_year, urls=urls)
    write_cached(weather, path)
    return weather
