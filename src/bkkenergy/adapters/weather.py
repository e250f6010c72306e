"""Weather from files and from services, fetched once and stored on disk.

EPW and TMY3 by pvlib's readers, PVGIS, NASA POWER and CAMS by `pvlib.iotools`. What has been fetched is read from its
cache from then on, so a design can be made again without the internet. What a source has not is NaN here: its codes
for "missing", a column that it lacks, a year without a drop of rain.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import pandas as pd

from bkkenergy.adapters.files import write_whole
from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError, UnavailableError
from bkkenergy.lazy import pvlib
from bkkenergy.readings import FloatArray
from bkkenergy.regularfiles import need_regular
from bkkenergy.solar.weather import Filled, Kind, Provenance, Weather, closing_dni, known_rain, with_components

Service = Literal["pvgis_tmy", "pvgis_hourly", "nasa_power", "cams"]
TIMEOUT_S = 60
SEA_LEVEL_CITY_M = 4.0
"""Of Bangkok, where a service does not say."""
COLUMNS = ("ghi_wm2", "dni_wm2", "dhi_wm2", "temp_air_c", "wind_ms", "rain_mm", "humidity_percent")
CACHED = ("latitude_deg", "longitude_deg", "elevation_m", "interval_h", "sun_at_h")
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
EPW_MISSING = {
    "temp_air": 99.9, "relative_humidity": 999, "ghi": 9999, "dni": 9999, "dhi": 9999, "wind_speed": 999,
    "liquid_precipitation_depth": 999,
}  # fmt: skip
"""From which value on a field says "missing": no hour on earth reaches one. Source: EnergyPlus, Auxiliary Programs,
"EPW CSV Format"."""
TMY3_MISSING = -9900
"""Source: Wilcox and Marion 2008, NREL/TP-581-43156, "Users Manual for TMY3 Data Sets", appendix."""
EPW_LOCATION_FIELDS = 10
EPW_FIRST_DATA_LINE = 8
MAX_ZONE_H = 1.5
"""A zone's clock and its meridian are no further apart in Asia but in China; a header that is further off is broken."""
LEAP_DAYS_HOURS = 8784
MAX_SUN_ERROR_DEG = 0.5
FIRST_SATELLITE_YEAR, LAST_YEAR = 1981, 2100
A_YEAR, A_LEAP_YEAR = 2025, 2024
"""The year that stamps of typical files are set to: their months come from different years."""


class Years(NamedTuple):
    """Whole years, both included."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    @classmethod
    def of(cls, text: str) -> Self:
        """Parse 2019..2023, or one year. Raises ValueError."""
        first, _, last = text.partition("..")
        years = cls(int(first), int(last or first))
        if not FIRST_SATELLITE_YEAR <= years.first <= years.last <= LAST_YEAR:
            raise ValueError(f"years {text!r} are not in order, or not within {FIRST_SATELLITE_YEAR} to {LAST_YEAR}")
        return years


@dataclass(frozen=True, slots=True)
class Urls:
    """Where the services are; another address for a mirror."""

    pvgis: str = "https://re.jrc.ec.europa.eu/api/v5_3/"
    nasa_power: str = "https://power.larc.nasa.gov/api/temporal/hourly/point"


YEARS = Years(2019, 2023)
"""What is fetched unless others are named: the last five that PVGIS 5.3 has."""


def read_weather_file(path: Path, *, encoding: str | None = None) -> Weather:
    """Read weather from an EPW, TMY3 or our own .parquet file, by its name's ending.

    Raises InputError when the file cannot be read, with what is accepted.
    """
    readers: dict[str, Callable[[], Weather]] = {
        ".epw": lambda: _from_epw(path),
        ".csv": lambda: _from_cams(path) if _is_cams(path) else _from_tmy3(path, encoding),
        ".parquet": lambda: read_cached(path),
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"{path}: the ending {path.suffix!r} is not known. Give an .epw, a TMY3 .csv or a .parquet file."
        )
    need_regular(path)
    try:
        return reader()
    except FileNotFoundError:
        raise InputError(f"{path}: the file does not exist.") from None
    except (KeyError, ValueError, IndexError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: no readable {path.suffix} weather file ({error}). Check that it is complete."
        ) from error


def _is_cams(path: Path) -> bool:
    """Tell a file of SoDa, which begins with comments, from TMY3."""
    with path.open("rb") as file:
        return file.read(1) == b"#"


def _from_epw(path: Path) -> Weather:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    hours = len([line for line in lines[EPW_FIRST_DATA_LINE:] if line.strip()])
    _check_epw_header(lines[0] if lines else "")
    frame, meta = pvlib.iotools.read_epw(path, coerce_year=A_LEAP_YEAR if hours == LEAP_DAYS_HOURS else A_YEAR)
    for column, code in EPW_MISSING.items():
        frame[column] = frame[column].where(frame[column] < code)
    source = (
        f"EPW file {path.name}: {meta.get('city', '?')}, {meta.get('data-type', '?')}, WMO {meta.get('WMO_code', '?')}"
    )
    return _weather(frame, meta["latitude"], meta["longitude"], meta["altitude"], "epw", path.stem, source)


def _check_epw_header(line: str) -> None:
    """Refuse a header by which the sun would stand elsewhere: commas within numbers, a zone far from its meridian."""
    fields = line.split(",")
    if fields[0].strip().upper() != "LOCATION" or len(fields) != EPW_LOCATION_FIELDS:
        raise ValueError(
            f"its first line has {len(fields)} fields where LOCATION has {EPW_LOCATION_FIELDS}: are there decimal "
            "commas, or a comma in the name?"
        )
    longitude_deg, zone_h = float(fields[7]), float(fields[8])
    if abs(zone_h - longitude_deg / 15) > MAX_ZONE_H:
        raise ValueError(f"its header says UTC{zone_h:+g} at longitude {longitude_deg:g}: one of the two is wrong")


def _from_tmy3(path: Path, encoding: str | None) -> Weather:
    """Convert TMY3, which labels hours by their end: they are moved to their start."""
    frame, meta = pvlib.iotools.read_tmy3(path, coerce_year=A_YEAR, map_variables=True, encoding=encoding)
    frame.index = frame.index - pd.Timedelta(hours=1)
    frame = frame.sort_index()
    numbers = frame.select_dtypes("number")
    frame[numbers.columns] = numbers.where(numbers > TMY3_MISSING)
    source = f"TMY3 file {path.name}: {meta.get('Name', '?')}, station {meta.get('USAF', '?')}"
    return _weather(frame, meta["latitude"], meta["longitude"], meta["altitude"], "tmy3", path.stem, source)


def _weather(
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
    starts = pd.DatetimeIndex(renamed.index).tz_convert(BANGKOK).as_unit("us")
    interval_h = float(np.median(np.diff(starts.asi8)) / 3.6e9) if len(starts) > 1 else 1.0
    columns: dict[str, FloatArray] = {
        key: np.asarray(renamed[key], np.float64) if key in renamed else np.full(len(renamed), np.nan)
        for key in COLUMNS
    }
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


def fetch_weather(
    service: Service,
    latitude_deg: float,
    longitude_deg: float,
    *,
    years: Years = YEARS,
    email: str | None = None,
    urls: Urls | None = None,
) -> Weather:
    """Fetch weather of a site. email : of an account at SoDa, which CAMS asks for.

    Raises UnavailableError when the service does not answer, InputError when it refuses.
    """
    import requests  # noqa: PLC0415 - only who fetches waits for it

    at = urls or Urls()
    try:
        match service:
            case "pvgis_tmy":
                return _of_pvgis_tmy(latitude_deg, longitude_deg, at)
            case "pvgis_hourly":
                return _of_pvgis_hourly(latitude_deg, longitude_deg, years, at)
            case "nasa_power":
                return _of_nasa_power(latitude_deg, longitude_deg, years, at)
            case "cams":
                return _of_cams(latitude_deg, longitude_deg, years, email)
    except (requests.ConnectionError, requests.Timeout) as error:
        raise UnavailableError(
            f"{service} does not answer ({type(error).__name__}). Without the internet use the typical year "
            "(--weather typical) or a file (--weather FILE.epw)."
        ) from error
    except (requests.RequestException, KeyError, ValueError) as error:
        raise InputError(f"{service} refuses {latitude_deg:.3f}, {longitude_deg:.3f}: {error}.") from error


def _of_pvgis_tmy(latitude_deg: float, longitude_deg: float, at: Urls) -> Weather:
    """Fetch a typical year: each hour's irradiance was seen some minutes after its stamp, which the answer says."""
    frame, meta = pvlib.iotools.get_pvgis_tmy(
        latitude_deg, longitude_deg, url=at.pvgis, timeout=TIMEOUT_S, roll_utc_offset=7, coerce_year=A_YEAR
    )[:2]
    location = meta["inputs"].get("location", {})
    offset_h = location.get("irradiance_time_offset")
    source = "PVGIS typical meteorological year (JRC), " + _pvgis_database(meta)
    return _weather(
        frame, latitude_deg, longitude_deg, _elevation_m(location), "pvgis", "pvgis_tmy", source,
        sun_at_h=0.0 if offset_h is None else float(offset_h),
    )  # fmt: skip


def _of_pvgis_hourly(latitude_deg: float, longitude_deg: float, years: Years, at: Urls) -> Weather:
    """Fetch years by the hour: instants, whose stamps say when in the hour they were seen.

    The beam and the diffuse light that the answer has are used as they are.
    """
    frame, meta = pvlib.iotools.get_pvgis_hourly(
        latitude_deg, longitude_deg, start=years.first, end=years.last, url=at.pvgis, timeout=TIMEOUT_S
    )[:2]
    sun = pvlib.solarposition.get_solarposition(frame.index, latitude_deg, longitude_deg)["elevation"].to_numpy()
    heights = frame["solar_elevation"].to_numpy(np.float64)
    is_day = heights > 0
    if is_day.any() and float(np.abs(heights - sun)[is_day].mean()) > MAX_SUN_ERROR_DEG:
        raise ValueError("its H_sun is not the sun's height at its stamps: nothing says when the values were seen")
    starts = frame.index.floor("h")
    offset_h = float(np.median((frame.index - starts).to_numpy()) / np.timedelta64(1, "h"))
    beam_wm2, dhi_wm2 = frame["poa_direct"].to_numpy(np.float64), frame["poa_sky_diffuse"].to_numpy(np.float64)
    dni_wm2, dhi_wm2 = closing_dni(beam_wm2 + dhi_wm2, dhi_wm2, 90 - sun)
    table = frame.set_axis(starts)[["temp_air", "wind_speed"]].assign(
        ghi_wm2=beam_wm2 + frame["poa_sky_diffuse"].to_numpy(np.float64), dni_wm2=dni_wm2, dhi_wm2=dhi_wm2
    )
    location = meta["inputs"].get("location", {})
    source = f"PVGIS hourly {years} (JRC), " + _pvgis_database(meta)
    name = "pvgis_hourly"
    return _weather(
        table, latitude_deg, longitude_deg, _elevation_m(location), "pvgis", name, source, sun_at_h=offset_h
    )


def _of_nasa_power(latitude_deg: float, longitude_deg: float, years: Years, at: Urls) -> Weather:
    frame, meta = pvlib.iotools.get_nasa_power(
        latitude_deg,
        longitude_deg,
        f"{years.first}-01-01",
        f"{years.last}-12-31",
        parameters=["ghi", "dni", "dhi", "temp_air", "wind_speed", "relative_humidity", "PRECTOTCORR"],
        url=at.nasa_power,
    )[:2]
    source = f"NASA POWER hourly {years} (CERES SYN1deg, MERRA-2)"
    return _weather(frame, latitude_deg, longitude_deg, _elevation_m(meta), "nasa_power", "nasa_power", source)


def _of_cams(latitude_deg: float, longitude_deg: float, years: Years, email: str | None) -> Weather:
    if not email:
        raise ValueError("CAMS wants the e-mail of an account at SoDa (free): give --email")
    frame, meta = pvlib.iotools.get_cams(
        latitude_deg, longitude_deg, pd.Timestamp(years.first, 1, 1), pd.Timestamp(years.last, 12, 31), email,
        identifier="cams_radiation", time_step="1h", timeout=TIMEOUT_S,
    )  # fmt: skip
    return _cams_weather(frame, meta)


def _from_cams(path: Path) -> Weather:
    """Convert a file as the SoDa portal gives it: means, labelled by the start of their interval."""
    return _cams_weather(*pvlib.iotools.read_cams(path))


def _cams_weather(frame: pd.DataFrame, meta: dict[str, Any]) -> Weather:
    source = (
        f"CAMS radiation service (Copernicus, by SoDa), {frame.index[0].year}-{frame.index[-1].year}, irradiance alone"
    )
    columns = frame[["ghi", "dni", "dhi"]]
    return _weather(columns, meta["latitude"], meta["longitude"], _elevation_m(meta), "cams", "cams", source)


def _elevation_m(known: dict[str, Any]) -> float:
    return float(known.get("altitude") or known.get("elevation") or SEA_LEVEL_CITY_M)


def _pvgis_database(meta: Any) -> str:
    given = meta.get("inputs", meta) if isinstance(meta, dict) else {}
    text = given.get("meteo_data", {}).get("radiation_db", "") if isinstance(given, dict) else ""
    return f"radiation database {text or 'not named'}"


def cache_path(folder: Path, service: Service, latitude_deg: float, longitude_deg: float, years: Years) -> Path:
    """Return where fetched weather is stored: by service, place to 0.01 degrees, and years."""
    period = "tmy" if service == "pvgis_tmy" else str(years)
    return folder / f"{service}_{latitude_deg:.2f}_{longitude_deg:.2f}_{period}.parquet"


def write_cached(weather: Weather, path: Path) -> None:
    """Store weather as Parquet, with its provenance inside. The file appears whole or not at all."""
    frame = pd.DataFrame({name: getattr(weather, name) for name in COLUMNS}, index=weather.starts)
    frame.attrs = {
        "bkkenergy": json.dumps(
            {name: getattr(weather, name) for name in CACHED} | {"provenance": asdict(weather.provenance)}
        )
    }
    write_whole(path, frame.to_parquet())


def read_cached(path: Path) -> Weather:
    """Read weather that `write_cached` stored."""
    frame = pd.read_parquet(path)
    meta = json.loads(frame.attrs["bkkenergy"])
    provenance = meta["provenance"]
    provenance["filled"] = tuple(Filled(*each) for each in provenance.get("filled", ()))
    return Weather(
        starts=pd.DatetimeIndex(frame.index).tz_convert(BANGKOK).as_unit("us"),
        **({name: frame[name].to_numpy(np.float64) for name in COLUMNS} | {name: meta[name] for name in CACHED}),
        provenance=Provenance(**provenance),
    )


def fetched_or_cached(
    folder: Path,
    service: Service,
    latitude_deg: float,
    longitude_deg: float,
    *,
    years: Years = YEARS,
    email: str | None = None,
    urls: Urls | None = None,
) -> Weather:
    """Return weather from the cache, else from the service, and store it. Raises UnavailableError, InputError.

    A file of the cache that an older version wrote, without the time at which the sun is taken, is fetched again.
    """
    path = cache_path(folder, service, latitude_deg, longitude_deg, years)
    if path.exists():
        with suppress(KeyError):
            return read_cached(path)
    weather = fetch_weather(service, latitude_deg, longitude_deg, years=years, email=email, urls=urls)
    write_cached(weather, path)
    return weather
