"""The solar configuration, and the weather that a simulation is given: by name, as a file, or as a table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from bkkenergy.adapters.weather import read_weather_file
from bkkenergy.errors import InputError
from bkkenergy.library.errors import unknown_name, warn
from bkkenergy.library.series import instants_of
from bkkenergy.readings import FloatArray
from bkkenergy.site.packaged import packaged_config_dir
from bkkenergy.site.solar_config import load_solar
from bkkenergy.solar.assumptions import SolarConfig
from bkkenergy.solar.climate import typical_year
from bkkenergy.solar.weather import FILLABLE, Provenance, Weather, completed, known_rain, with_components
from bkkenergy.solar.weathercheck import Coordinates, WeatherFinding, usable, weather_findings

__all__ = ["Sky", "bangkok_year", "checked_weather", "solar_config", "warn_of_weather", "weather_of"]

Sky = str | Path | pd.DataFrame | Weather
NAMES = ("bangkok-typical",)
HOUR = pd.Timedelta(hours=1)


@cache
def solar_config() -> SolarConfig:
    """Return climate, equipment and assumptions of solar designs."""
    return load_solar(packaged_config_dir())


@cache
def bangkok_year() -> Weather:
    """Return Bangkok's typical year."""
    return typical_year(solar_config().climate)


def weather_of(given: Sky, *, latitude_deg: float, longitude_deg: float) -> Weather:
    """Return weather by its name, from a file, or from a table. Raise InputError with every fault of a table."""
    if isinstance(given, Weather):
        return given
    if isinstance(given, pd.DataFrame):
        return _of_table(given, latitude_deg, longitude_deg)
    if isinstance(given, Path) or Path(given).suffix.lower() in {".epw", ".csv", ".parquet"}:
        return completed(read_weather_file(Path(given)), bangkok_year())
    if given not in NAMES:
        raise unknown_name("weather", given, NAMES)
    return bangkok_year()


def warn_of_weather(findings: Sequence[WeatherFinding]) -> None:
    """Warn of each finding about a weather."""
    for finding in findings:
        warn(finding.said("en"))


def checked_weather(weather: Weather, *, latitude_deg: float, longitude_deg: float) -> Weather:
    """Return weather that a simulation at a place can rest on, with a warning for what is odd. Raises InputError."""
    coordinates = Coordinates(latitude_deg, longitude_deg)
    warn_of_weather(usable(weather_findings(weather, [coordinates], solar_config().climate)))
    return weather


def _of_table(table: pd.DataFrame, latitude_deg: float, longitude_deg: float) -> Weather:
    if "ghi_wm2" not in table:
        raise InputError(
            f"weather has the columns {', '.join(map(str, table.columns))}. Name the horizontal irradiance "
            "ghi_wm2 [W/m2]."
        )
    starts = instants_of(table.index, what="weather")
    if len(starts) < 2 or starts[1] - starts[0] != HOUR:  # noqa: PLR2004 - one instant has no length
        raise InputError("weather needs one row for each hour, labelled by its start. Resample it first.")
    columns = {
        name: table[name].to_numpy(np.float64) if name in table else np.full(len(table), np.nan) for name in FILLABLE
    }
    ghi_wm2 = table["ghi_wm2"].to_numpy(np.float64)
    dni_wm2, dhi_wm2 = _components(table, starts, ghi_wm2, latitude_deg, longitude_deg)
    weather = Weather(
        starts=starts,
        ghi_wm2=ghi_wm2,
        dni_wm2=dni_wm2,
        dhi_wm2=dhi_wm2,
        temp_air_c=columns["temp_air_c"],
        wind_ms=columns["wind_ms"],
        rain_mm=known_rain(columns["rain_mm"], days=len(starts) / 24),
        humidity_percent=columns["humidity_percent"],
        latitude_deg=latitude_deg,
        longitude_deg=longitude_deg,
        elevation_m=bangkok_year().elevation_m,
        provenance=Provenance(
            "measured", "ตารางที่ให้มา", "Given table", "a table given in a program", "Boland et al. 2008"
        ),
    )
    return completed(weather, bangkok_year())


def _components(
    table: pd.DataFrame, starts: pd.DatetimeIndex, ghi_wm2: FloatArray, latitude_deg: float, longitude_deg: float
) -> tuple[FloatArray, FloatArray]:
    """Return the DNI and DHI as given together, or by Boland's model."""
    if {"dni_wm2", "dhi_wm2"} <= set(table.columns):
        return table["dni_wm2"].to_numpy(np.float64), table["dhi_wm2"].to_numpy(np.float64)
    return with_components(starts + HOUR / 2, ghi_wm2, latitude_deg=latitude_deg, longitude_deg=longitude_deg)
