"""Weather files that engineers of an agency give their designs: checked before they are stored, kept with designs."""

from __future__ import annotations

import datetime as dt

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateStore, transaction
from bkkenergy.adapters.state.scenarios import scenarios_in
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.adapters.state.weatherfiles import (
    StoredWeather,
    add_weather,
    content_of_weather,
    count_of_weather,
    drop_weather,
    same_weather,
    weather_numbered,
    weather_of_digest,
)
from bkkenergy.adapters.weather import read_weather_content
from bkkenergy.errors import InputError, NotThere
from bkkenergy.portfolio import Building
from bkkenergy.solar.climate import Climate, typical_year
from bkkenergy.solar.weather import Weather, completed
from bkkenergy.solar.weathercheck import Coordinates, usable, weather_findings
from bkkenergy.usecases.powers import use_case

FILE = "file:"
"""With which a design names a stored file, before the beginning of its hash."""
ENDINGS = (".epw", ".csv", ".json")
MAX_FILES = 50
"""Of an agency: some 20 MB."""
MAX_BYTES = 9_000_000
"""Ten years of hours are 15 times less; minutes are no weather of a design."""


@use_case("weather.store", "design", "agency")
def store_weather(
    engine: StateStore,
    actor: Actor,
    building: Building,
    climate: Climate,
    name: str,
    content: bytes,
    now: dt.datetime,
) -> str:
    """Store a weather file for designs of a building's agency, and return how they name it.

    What is sent twice is stored once. Raises NotAllowed, and InputError for what is no weather, what no design of the
    building can rest on, and where there are too many.
    """
    actor.need("design", building.agency)
    if not name.lower().endswith(ENDINGS):
        raise InputError.of("weather_ending", name=name, known=", ".join(ENDINGS))
    if len(content) > MAX_BYTES:
        raise InputError.of("weather_large", max=MAX_BYTES // 1_000_000)
    weather = completed(read_weather_content(name, content), typical_year(climate))
    usable(weather_findings(weather, [Coordinates(building.latitude_deg, building.longitude_deg)], climate))
    with transaction(engine) as connection:
        known = same_weather(connection, building.agency, content)
        if known is not None:
            return f"{FILE}{known.digest}"
        if count_of_weather(connection, building.agency) >= MAX_FILES:
            raise InputError.of("weather_many", max=MAX_FILES)
        stored = add_weather(connection, building.agency, name, content, actor.name, now)
        detail = {"name": name, "sha256": stored.sha256}
        enter_audit(connection, actor, "add_weather", building.id, detail, now)
    return f"{FILE}{stored.digest}"


@use_case("weather.delete", "design", "agency")
def delete_weather(engine: StateStore, actor: Actor, number: int, now: dt.datetime) -> None:
    """Delete a weather file. Raises NotThere, NotAllowed, and InputError while a stored scenario rests on it."""
    with transaction(engine) as connection:
        stored = weather_numbered(connection, number)
        if stored is None:
            raise NotThere
        actor.need("design", stored.agency)
        given = f"{FILE}{stored.digest}"
        resting = [one.name for one in scenarios_in(connection, [stored.agency]) if one.wish.get("weather") == given]
        if resting:
            raise InputError.of("weather_in_use", scenario=resting[0])
        drop_weather(connection, number)
        enter_audit(connection, actor, "drop_weather", stored.name, {"sha256": stored.sha256}, now)


def weather_file_of(engine: StateStore, text: str, agency: str) -> StoredWeather:
    """Return the stored file that a design of an agency names, such as file:0d5b1c7aa2e4. Raises InputError."""
    stored = weather_of_digest(engine, agency, text.removeprefix(FILE))
    if stored is None:
        raise InputError.of("no_weather_file", given=text)
    return stored


def stored_weather(engine: StateStore, climate: Climate, stored: StoredWeather) -> Weather:
    """Return the weather of a stored file, complete. Raises InputError."""
    weather = read_weather_content(stored.name, content_of_weather(engine, stored.number))
    return completed(weather, typical_year(climate))
