"""Photos of buildings, meters, equipment and findings in the state's database. A removed one stays for records."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, Row, func, insert, select, update

from bkkenergy.adapters.photos import Photo
from bkkenergy.adapters.state import us_of
from bkkenergy.adapters.state.persontables import photo as photo_table
from bkkenergy.calendar import BANGKOK
from bkkenergy.readings import US_PER_S

_LISTED = tuple(column for column in photo_table.c if column.name != "content")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPhoto:
    """A photo without its content.

    of : id of a meter or of equipment; "" where it is of the building. rule : of the finding that it shows.
    """

    number: int
    agency: str
    building: str
    of: str
    rule: str
    sha256: str
    width: int
    height: int
    by: str
    at: dt.datetime
    is_removed: bool


def photos_of(connection: Connection, building: str, of: str, rule: str | None = "") -> list[StoredPhoto]:
    """Return the photos of a building (of ""), of a meter or equipment of it, or of a finding, the oldest first.

    rule : of the finding; None for every photo of the building itself, those of findings too.
    """
    columns = photo_table.c
    query = select(*_LISTED).where(columns.building == building, columns.meter == of, columns.removed_us.is_(None))
    query = query if rule is None else query.where(columns.rule == rule)
    return [_stored(row) for row in connection.execute(query.order_by(columns.id))]


def photo_numbered(connection: Connection, number: int, *, lock: bool = False) -> StoredPhoto | None:
    """Return a photo by its number; None where there is none. lock : no other transaction changes it meanwhile."""
    query = select(*_LISTED).where(photo_table.c.id == number)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return None if row is None else _stored(row)


def content_of(connection: Connection, number: int) -> bytes:
    """Return the JPEG of a photo that is there."""
    content: bytes = connection.execute(select(photo_table.c.content).where(photo_table.c.id == number)).scalar_one()
    return content


def count_of_photos(connection: Connection, building: str) -> int:
    """Count the photos that were ever stored of a building and its meters."""
    query = select(func.count()).select_from(photo_table).where(photo_table.c.building == building)
    return connection.execute(query).scalar_one()


def counts_of_photos(connection: Connection, building: str) -> dict[str, int]:
    """Count the photos that are shown of a building (""), and of each meter and equipment of it."""
    columns = photo_table.c
    query = select(columns.meter, func.count()).where(columns.building == building, columns.removed_us.is_(None))
    return {row[0]: row[1] for row in connection.execute(query.group_by(columns.meter))}


def add_photo(
    connection: Connection,
    photo: Photo,
    *,
    agency: str,
    building: str,
    of: str,
    by: str,
    now: dt.datetime,
    rule: str = "",
) -> int:
    """Store a photo, and return its number."""
    values = {
        "agency": agency,
        "building": building,
        "meter": of,
        "rule": rule,
        "content": photo.content,
        "sha256": photo.sha256,
        "width": photo.width,
        "height": photo.height,
        "by": by,
        "at_us": us_of(now),
        "removed_by": "",
    }
    number: int = connection.execute(insert(photo_table).values(values).returning(photo_table.c.id)).scalar_one()
    return number


def mark_photo_removed(connection: Connection, number: int, by: str, now: dt.datetime) -> None:
    """Note who removed a photo."""
    values = {"removed_by": by, "removed_us": us_of(now)}
    connection.execute(update(photo_table).where(photo_table.c.id == number).values(values))


def _stored(row: Row[tuple[object, ...]]) -> StoredPhoto:
    return StoredPhoto(
        number=row.id,
        agency=row.agency,
        building=row.building,
        of=row.meter,
        rule=row.rule,
        sha256=row.sha256,
        width=row.width,
        height=row.height,
        by=row.by,
        at=dt.datetime.fromtimestamp(row.at_us / US_PER_S, dt.UTC).astimezone(BANGKOK),
        is_removed=row.removed_us is not None,
    )
