"""Notes on days and hours in the state's database. None is changed: a correction removes one and writes another."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, insert, select, update

from bkkenergy.adapters.state import us_of
from bkkenergy.adapters.state.persontables import day_note
from bkkenergy.calendar import BANGKOK
from bkkenergy.readings import US_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class DayNote:
    """What a person says of a time. building : "" where it is of the whole agency. first, end : from and until when,
    in Bangkok's time. adjustment : the id of the non-routine adjustment that was entered from it, else "".
    """

    number: int
    agency: str
    building: str
    first: dt.datetime
    end: dt.datetime
    text: str
    by: str
    at: dt.datetime
    removed_by: str = ""
    removed_at: dt.datetime | None = None
    adjustment: str = ""

    @property
    def is_of_days(self) -> bool:
        """Whether it is of whole days."""
        return all((instant.hour, instant.minute) == (0, 0) for instant in (self.first, self.end))

    @property
    def last_day(self) -> dt.date:
        """The last day that it touches."""
        return (self.end - dt.timedelta(microseconds=1)).date()


def notes_between(
    connection: Connection,
    agencies: Sequence[str],
    buildings: Sequence[str] | None,
    first: dt.datetime,
    end: dt.datetime,
    *,
    with_removed: bool = False,
) -> list[DayNote]:
    """Return the notes that touch a time, in its order: those of whole agencies, and of buildings (None: of all)."""
    columns = day_note.c
    query = select(day_note).where(
        columns.agency.in_(list(agencies)), columns.first_us < us_of(end), columns.end_us > us_of(first)
    )
    if buildings is not None:
        query = query.where(columns.building.in_(["", *buildings]))
    if not with_removed:
        query = query.where(columns.removed_us.is_(None))
    return [_note(row) for row in connection.execute(query.order_by(columns.first_us, columns.id))]


def locked_note(connection: Connection, number: int) -> DayNote | None:
    """Return a note, which no other transaction changes until this one ends; None where there is none."""
    row = connection.execute(select(day_note).where(day_note.c.id == number).with_for_update()).first()
    return None if row is None else _note(row)


def add_note(
    connection: Connection,
    agency: str,
    building: str,
    first: dt.datetime,
    end: dt.datetime,
    text: str,
    by: str,
    now: dt.datetime,
) -> int:
    """Enter a note, and return its number."""
    values = {
        "agency": agency,
        "building": building,
        "first_us": us_of(first),
        "end_us": us_of(end),
        "text": text,
        "by": by,
        "at_us": us_of(now),
        "removed_by": "",
        "adjustment": "",
    }
    number: int = connection.execute(insert(day_note).values(values).returning(day_note.c.id)).scalar_one()
    return number


def mark_note_removed(connection: Connection, number: int, by: str, now: dt.datetime) -> None:
    """Note who removed a note."""
    values = {"removed_by": by, "removed_us": us_of(now)}
    connection.execute(update(day_note).where(day_note.c.id == number).values(values))


def mark_note_adjusted(connection: Connection, number: int, adjustment: str) -> None:
    """Note which adjustment was entered from a note."""
    connection.execute(update(day_note).where(day_note.c.id == number).values(adjustment=adjustment))


def _note(row: Row[tuple[object, ...]]) -> DayNote:
    def instant(us: int) -> dt.datetime:
        return dt.datetime.fromtimestamp(us / US_PER_S, dt.UTC).astimezone(BANGKOK)

    return DayNote(
        number=row.id,
        agency=row.agency,
        building=row.building,
        first=instant(row.first_us),
        end=instant(row.end_us),
        text=row.text,
        by=row.by,
        at=instant(row.at_us),
        removed_by=row.removed_by,
        removed_at=None if row.removed_us is None else instant(row.removed_us),
        adjustment=row.adjustment,
    )
