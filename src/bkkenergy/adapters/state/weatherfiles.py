"""Weather files of an agency's designs, as they were given, in the state: every host sees them, backups have them."""

from __future__ import annotations

import datetime as dt
import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, func, insert, select

from bkkenergy.adapters.state import reading, us_of
from bkkenergy.adapters.state.persontables import weather_file

DIGEST_SIGNS = 12


@dataclass(frozen=True, slots=True)
class StoredWeather:
    """A file without its content. name : as the person's computer calls it."""

    number: int
    agency: str
    name: str
    by: str
    sha256: str

    @property
    def digest(self) -> str:
        """By which designs name it: numbers come again where the newest file was deleted, contents do not."""
        return self.sha256[:DIGEST_SIGNS]


_LISTED = tuple(weather_file.c[name] for name in ("id", "agency", "name", "by", "sha256"))


def weather_files(engine: Engine, agencies: Sequence[str]) -> list[StoredWeather]:
    """Return those of some agencies, the newest first."""
    query = select(*_LISTED).where(weather_file.c.agency.in_(agencies)).order_by(weather_file.c.id.desc())
    with reading(engine) as connection:
        return [StoredWeather(*row) for row in connection.execute(query)]


def weather_numbered(connection: Connection, number: int) -> StoredWeather | None:
    """Return one by its number; None where there is none."""
    row = connection.execute(select(*_LISTED).where(weather_file.c.id == number)).first()
    return None if row is None else StoredWeather(*row)


def weather_of_digest(engine: Engine, agency: str, digest: str) -> StoredWeather | None:
    """Return an agency's file by the beginning of its hash; None where there is none."""
    return next((one for one in weather_files(engine, [agency]) if one.digest == digest), None)


def content_of_weather(engine: Engine, number: int) -> bytes:
    """Return what is in a file that is there."""
    query = select(weather_file.c.packed).where(weather_file.c.id == number)
    with reading(engine) as connection:
        return zlib.decompress(connection.execute(query).scalar_one())


def same_weather(connection: Connection, agency: str, content: bytes) -> StoredWeather | None:
    """Return an agency's file with the same content; None where there is none."""
    sha256 = hashlib.sha256(content).hexdigest()
    query = select(*_LISTED).where(weather_file.c.agency == agency, weather_file.c.sha256 == sha256)
    row = connection.execute(query).first()
    return None if row is None else StoredWeather(*row)


def count_of_weather(connection: Connection, agency: str) -> int:
    """Count the files of an agency."""
    query = select(func.count()).select_from(weather_file).where(weather_file.c.agency == agency)
    return connection.execute(query).scalar_one()


def add_weather(
    connection: Connection, agency: str, name: str, content: bytes, by: str, now: dt.datetime
) -> StoredWeather:
    """Store a file."""
    values = {
        "agency": agency, "name": name, "packed": zlib.compress(content), "by": by, "at_us": us_of(now),
        "sha256": hashlib.sha256(content).hexdigest(),
    }  # fmt: skip
    return StoredWeather(*connection.execute(insert(weather_file).values(values).returning(*_LISTED)).one())


def drop_weather(connection: Connection, number: int) -> None:
    """Delete a file."""
    connection.execute(delete(weather_file).where(weather_file.c.id == number))
