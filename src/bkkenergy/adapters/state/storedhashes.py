"""What the state stores with its hash: photos, weather files, signed records and versions of the plan."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator
from functools import partial

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import NoResultFound

from bkkenergy.adapters.state import reading
from bkkenergy.adapters.state.commissioning import record_numbered
from bkkenergy.adapters.state.persontables import commissioning, photo, plan_document, weather_file
from bkkenergy.adapters.state.photos import content_of
from bkkenergy.adapters.state.plandocuments import one_document
from bkkenergy.adapters.state.weatherfiles import content_of_weather


def stored_with_hash(engine: Engine) -> Iterator[tuple[str, Callable[[], bool]]]:
    """Yield each by its name, with what reads it and returns whether it still is what its hash says."""
    with reading(engine) as connection:
        photos = connection.execute(select(photo.c.id, photo.c.sha256)).all()
        weather = connection.execute(select(weather_file.c.id, weather_file.c.sha256)).all()
        records = connection.execute(select(commissioning.c.id)).scalars().all()
        plans = connection.execute(select(plan_document.c.id)).scalars().all()
    for number, sha256 in photos:
        yield f"photo {number}", partial(_is_whole, engine, partial(_is_photo, number=number, sha256=sha256))
    for number, sha256 in weather:
        yield f"weather {number}", partial(_is_weather, engine, number, sha256)
    for number in records:
        yield f"commissioning {number}", partial(_is_whole, engine, partial(_is_record, number=number))
    for number in plans:
        yield f"plan {number}", partial(_is_whole, engine, partial(_is_plan, number=number))


def _is_whole(engine: Engine, look: Callable[[Connection], bool]) -> bool:
    with reading(engine) as connection:
        try:
            return look(connection)
        except (json.JSONDecodeError, UnicodeDecodeError):
            return False


def _is_photo(connection: Connection, *, number: int, sha256: str) -> bool:
    return hashlib.sha256(content_of(connection, number)).hexdigest() == sha256


def _is_record(connection: Connection, *, number: int) -> bool:
    record = record_numbered(connection, number)
    return record is None or record.is_whole


def _is_plan(connection: Connection, *, number: int) -> bool:
    return one_document(connection, number).is_whole


def _is_weather(engine: Engine, number: int, sha256: str) -> bool:
    try:
        return hashlib.sha256(content_of_weather(engine, number)).hexdigest() == sha256
    except NoResultFound:  # it was removed meanwhile
        return True
    except zlib.error:
        return False
