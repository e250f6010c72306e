"""What an agency's memoranda are made with, in the state: each part with its history."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select

from bkkenergy.adapters.state import us_of
from bkkenergy.adapters.state.persontables import stationery


@dataclass(frozen=True, slots=True)
class StationeryPart:
    """A version of a part. size_bytes : 0 where the part was taken back to the standard one."""

    number: int
    part: str
    name: str
    by: str
    at_us: int
    size_bytes: int


def add_stationery(
    connection: Connection, agency: str, part: str, name: str, content: bytes, by: str, now: dt.datetime
) -> None:
    """Store a new version of a part; empty content takes it back to the standard one."""
    values = {"agency": agency, "part": part, "name": name, "content": content, "by": by, "at_us": us_of(now)}
    connection.execute(insert(stationery).values(values))


def stationery_history(connection: Connection, agency: str) -> list[StationeryPart]:
    """Return all versions of an agency's parts, the newest first."""
    size = func.length(stationery.c.content)
    columns: tuple[Any, ...] = tuple(stationery.c[name] for name in ("id", "part", "name", "by", "at_us"))
    query = select(*columns, size).where(stationery.c.agency == agency).order_by(stationery.c.id.desc())
    names = StationeryPart.__dataclass_fields__
    return [StationeryPart(**dict(zip(names, row, strict=True))) for row in connection.execute(query)]


def newest_stationery(connection: Connection, agency: str) -> dict[str, tuple[str, bytes]]:
    """Return name and content of each part that counts; without those that were taken back."""
    newest = select(func.max(stationery.c.id)).where(stationery.c.agency == agency).group_by(stationery.c.part)
    query = select(stationery.c.part, stationery.c.name, stationery.c.content).where(stationery.c.id.in_(newest))
    return {part: (name, bytes(content)) for part, name, content in connection.execute(query) if content}
