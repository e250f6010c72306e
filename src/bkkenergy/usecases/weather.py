"""The weather that a design rests on: by its name, complete, and where it is from."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from bkkenergy.adapters.weather import YEARS, Service, Years, fetched_or_cached, read_weather_file
from bkkenergy.errors import InputError
from bkkenergy.site import Configuration
from bkkenergy.site.folder import weather_folder
from bkkenergy.solar.climate import Climate, typical_year
from bkkenergy.solar.weather import Weather, completed
from bkkenergy.usecases.energy import building_of

TYPICAL = "typical"
SERVICES: tuple[Service, ...] = get_args(Service)


def named_weather(config: Configuration, name: str, building: str | None, *, email: str | None = None) -> Weather:
    """Load weather by its name: typical, typical:suburb, a file, or a service with its years (nasa_power:2019..2023).

    A service is asked for the building's place, or else for the climate's. What a source has not of temperature, wind,
    rain and humidity is the typical year's, and the weather says so. Raises InputError, UnavailableError.
    """
    typical = typical_year(config.solar.climate)
    if name == TYPICAL:
        return typical
    service, _, years = name.partition(":")
    if service == TYPICAL:
        return typical_year(_at_level(config.solar.climate, years))
    if service in SERVICES:
        site = building_of(config.portfolio, building) if building else config.solar.climate
        try:
            period = Years.of(years) if years else YEARS
        except ValueError as error:
            raise InputError.of("weather_years", name=repr(name), error=error, service=service) from None
        folder = weather_folder(config.settings)
        fetched = fetched_or_cached(folder, service, site.latitude_deg, site.longitude_deg, years=period, email=email)
        return completed(fetched, typical)
    path = Path(name)
    if not path.suffix:
        raise InputError.of("no_weather", name=repr(name), known=", ".join(SERVICES))
    return completed(read_weather_file(path), typical)


def _at_level(climate: Climate, level_id: str) -> Climate:
    """Return the climate of a part of the place. Raises InputError."""
    for level in climate.levels:
        if level.id == level_id:
            return climate.at_level(level)
    known = ", ".join(f"{TYPICAL}:{level.id}" for level in climate.levels) or TYPICAL
    raise InputError.of("no_such_level", level=level_id, known=known)
