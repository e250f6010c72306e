"""Weather from files and from services, fetched once and stored on disk.

EPW and TMY3 by pvlib's readers, PVGIS, NASA POWER and CAMS by `pvlib.iotools`. What has been fetched is read from its
cache from then on, so a design can be made again without the internet. What a source has not is NaN here: its codes
for "missing", a column that it lacks, a year without a drop of rain.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePath
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import pandas as pd

from bkkenergy.adapters.files import write_whole
from bkkenergy.adapters.pvgis import PVGIS_HEAD, of_pvgis_hourly, of_pvgis_tmy, read_pvgis
from bkkenergy.adapters.weatherframes import A_YEAR, COLUMNS, TIMEOUT_S, elevation_m, weather_of_frame
from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError, UnavailableError
from bkkenergy.lazy import pvlib
from bkkenergy.regularfiles import need_regular
from bkkenergy.solar.weather import Filled, Provenance, Weather
from bkkenergy.texts import Phrase

Service = Literal["pvgis_tmy", "pvgis_hourly", "nasa_power", "cams"]
CACHED = ("latitude_deg", "longitude_deg", "elevation_m", "interval_h", "sun_at_h")
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
A_LEAP_YEAR = 2024
BOM = b"\xef\xbb\xbf"
FIRST_SATELLITE_YEAR, LAST_YEAR = 1981, 2100


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
            limits = {"text": repr(text), "first": FIRST_SATELLITE_YEAR, "last": LAST_YEAR}
            raise ValueError(Phrase("error.weather_years_order", limits))
        return years


@dataclass(frozen=True, slots=True)
class Urls:
    """Where the services are; another address for a mirror."""

    pvgis: str = "https://re.jrc.ec.europa.eu/api/v5_3/"
    nasa_power: str = "https://power.larc.nasa.gov/api/temporal/hourly/point"


YEARS = Years(2019, 2023)
"""What is fetched unless others are named: the last five that PVGIS 5.3 has."""


def read_weather_file(path: Path, *, encoding: str | None = None) -> Weather:
    """Read weather from an EPW, TMY3, CAMS, PVGIS or our own .parquet file, by its name's ending.

    Raises InputError when the file cannot be read, with what is accepted.
    """
    readers: dict[str, Callable[[], Weather]] = {
        ".epw": lambda: _from_epw(path),
        ".csv": lambda: _from_csv(path, encoding),
        ".json": lambda: read_pvgis(path),
        ".parquet": lambda: read_cached(path),
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError.of("weather_file_ending", path=path, suffix=repr(path.suffix))
    need_regular(path)
    try:
        return reader()
    except FileNotFoundError:
        raise InputError.of("file_gone", path=path) from None
    except (KeyError, ValueError, IndexError, UnicodeDecodeError) as error:
        raise InputError.of("weather_file_unread", path=path, suffix=path.suffix, error=error) from error


def read_weather_content(name: str, content: bytes) -> Weather:
    """Read weather out of a file's content, by the ending of its name. Raises InputError."""
    own_name = PurePath(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"weather{own_name.suffix.lower()}"
        path.write_bytes(content)
        try:
            weather = read_weather_file(path)
        except InputError as error:
            raise InputError.of("weather_unread", name=name, reason=str(error).removeprefix(f"{path}: ")) from error
    source = weather.provenance.source.replace(path.name, name)
    provenance = replace(weather.provenance, name_th=own_name.stem, name_en=own_name.stem, source=source)
    return replace(weather, provenance=provenance)


def _from_csv(path: Path, encoding: str | None) -> Weather:
    """Read SoDa's file, which begins with comments, PVGIS', which begins with its place, or TMY3."""
    with path.open("rb") as file:
        head = file.readline().removeprefix(BOM)
    if head.startswith(b"#"):
        return _from_cams(path)
    return read_pvgis(path) if head.startswith(PVGIS_HEAD) else _from_tmy3(path, encoding)


def _from_epw(path: Path) -> Weather:
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    hours = len([line for line in lines[EPW_FIRST_DATA_LINE:] if line.strip()])
    _check_epw_header(lines[0] if lines else "")
    frame, meta = pvlib.iotools.read_epw(path, coerce_year=A_LEAP_YEAR if hours == LEAP_DAYS_HOURS else A_YEAR)
    for column, code in EPW_MISSING.items():
        frame[column] = frame[column].where(frame[column] < code)
    source = (
        f"EPW file {path.name}: {meta.get('city', '?')}, {meta.get('data-type', '?')}, WMO {meta.get('WMO_code', '?')}"
    )
    return weather_of_frame(frame, meta["latitude"], meta["longitude"], meta["altitude"], "epw", path.stem, source)


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
    return weather_of_frame(frame, meta["latitude"], meta["longitude"], meta["altitude"], "tmy3", path.stem, source)


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
                return of_pvgis_tmy(latitude_deg, longitude_deg, at.pvgis)
            case "pvgis_hourly":
                return of_pvgis_hourly(latitude_deg, longitude_deg, (years.first, years.last), at.pvgis)
            case "nasa_power":
                return _of_nasa_power(latitude_deg, longitude_deg, years, at)
            case "cams":
                return _of_cams(latitude_deg, longitude_deg, years, email)
    except (requests.ConnectionError, requests.Timeout) as error:
        raise UnavailableError.of("weather_service_silent", service=service, name=type(error).__name__) from error
    except (requests.RequestException, KeyError, ValueError) as error:
        raise InputError.of(
            "weather_service_refuses",
            service=service,
            latitude_deg=f"{latitude_deg:.3f}",
            longitude_deg=f"{longitude_deg:.3f}",
            error=error,
        ) from error


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
    return weather_of_frame(frame, latitude_deg, longitude_deg, elevation_m(meta), "nasa_power", "nasa_power", source)


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
    return weather_of_frame(columns, meta["latitude"], meta["longitude"], elevation_m(meta), "cams", "cams", source)


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
