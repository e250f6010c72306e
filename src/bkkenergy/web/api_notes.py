"""The JSON API, version 1, of notes on days and hours."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from bkkenergy.adapters.state.notes import DayNote
from bkkenergy.usecases.explore import checked_period
from bkkenergy.usecases.notes import adjust_by_note, instant_of, list_notes, remove_note, subject_of_note, write_note
from bkkenergy.web.api_rows import Page, Row
from bkkenergy.web.api_writer import Answer, AnyWriter
from bkkenergy.web.paging import Limit, Offset
from bkkenergy.web.problems import PROBLEMS, WRITE_PROBLEMS
from bkkenergy.web.security import ApiVisitor

router = APIRouter(prefix="/api/v1/notes", tags=["notes"], responses=PROBLEMS)

SubjectId = Annotated[str, Query(alias="of", min_length=1, max_length=128, pattern=r"^[^\x00]*$")]
NoteNumber = Annotated[int, Path(ge=1, le=2_000_000_000)]
Energy = Annotated[float, Field(ge=-1e7, le=1e7, allow_inf_nan=False)]


class DayNoteRow(Row):
    """A note on a time of a building, or of a whole agency (building ""). end : not included."""

    number: int
    agency: str
    building: str
    first: dt.datetime
    end: dt.datetime
    text: str
    by: str
    at: dt.datetime
    removed_by: str
    removed_at: dt.datetime | None
    adjustment: str


class DayNotePage(Page):
    """Notes, in order of time."""

    items: list[DayNoteRow]


class AskedDayNote(BaseModel):
    """A note to be written. of : id of a building or an agency. first, last : days (2026-11-24), or hours
    (2026-11-24T18:00); a last day is included.
    """

    model_config = ConfigDict(extra="forbid")

    of: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00]*$")]
    first: Annotated[str, Field(min_length=1, max_length=40)]
    last: Annotated[str, Field(min_length=1, max_length=40)]
    text: Annotated[str, Field(min_length=1, max_length=2000)]


class WrittenNoteRow(Row):
    """The number of a note that was written."""

    number: int


class RemovedNoteRow(Row):
    """The number of a note that was removed."""

    removed: int


class AskedByNote(BaseModel):
    """What the building used more on each day of the note (less: negative), and half of its 90 % interval, kWh."""

    model_config = ConfigDict(extra="forbid")

    kwh_a_day: Energy
    half_width_kwh_a_day: Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]


class AdjustedRow(Row):
    """The adjustment that was entered, and the revision of the portfolio that has it."""

    adjustment: str
    revision: int | None


@router.get("")
def notes(
    of: SubjectId, first: dt.date, last: dt.date, visitor: ApiVisitor, *, removed: bool = False,
    limit: Limit = 100, offset: Offset = 0,
) -> DayNotePage:  # fmt: skip
    """Return the notes that touch some days: a building's with its agency's, or an agency's with its buildings'.

    removed : those that were removed too.
    """
    here = visitor.here
    visitor.need("see", subject_of_note(here.portfolio, of)[0])
    days = checked_period(first, last)
    every = list_notes(here.opened.state, visitor.actor, here.portfolio, of, days, with_removed=removed)
    rows = [_row(note) for note in every[offset : offset + limit]]
    return DayNotePage(total=len(every), offset=offset, limit=limit, items=rows)


@router.post("", status_code=201, responses=WRITE_PROBLEMS | {201: {"model": WrittenNoteRow}})
def write(asked: AskedDayNote, who: AnyWriter) -> Response:
    """Write a note on a time of a building or an agency."""
    portfolio = who.visitor.here.portfolio
    who.visitor.need("edit", subject_of_note(portfolio, asked.of)[0])

    def work() -> Answer:
        first, end = instant_of(asked.first, is_end=False), instant_of(asked.last, is_end=True)
        number = write_note(who.state.engine, who.visitor.actor, portfolio, asked.of, first, end, asked.text, who.now)
        return Answer(WrittenNoteRow(number=number), 201)

    return who.answer(work)


@router.delete("/{number}", responses=WRITE_PROBLEMS | {200: {"model": RemovedNoteRow}})
def remove(number: NoteNumber, who: AnyWriter) -> Response:
    """Remove a note. The state still has it, with who removed it."""

    def work() -> Answer:
        return Answer(RemovedNoteRow(removed=remove_note(who.state.engine, who.visitor.actor, number, who.now).number))

    return who.answer(work)


@router.post("/{number}/adjustment", status_code=201, responses=WRITE_PROBLEMS | {201: {"model": AdjustedRow}})
def adjust(number: NoteNumber, asked: AskedByNote, who: AnyWriter) -> Response:
    """Enter what a note speaks of as a non-routine adjustment of its building."""

    def work() -> Answer:
        key, done = adjust_by_note(
            who.state, who.visitor.actor, number, asked.kwh_a_day, asked.half_width_kwh_a_day, who.now
        )
        return Answer(AdjustedRow(adjustment=key, revision=done.revision), 201)

    return who.answer(work)


def _row(note: DayNote) -> DayNoteRow:
    return DayNoteRow(**{name: getattr(note, name) for name in DayNoteRow.model_fields})
