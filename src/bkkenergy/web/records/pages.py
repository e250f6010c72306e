"""Pages of records: browsed, read with all versions, their history, comparisons and undo."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bkkenergy.access import Actor
from bkkenergy.errors import BkkEnergyError, NotAllowed, NotThere
from bkkenergy.ingest.lists.headings import LIST_KINDS
from bkkenergy.portfolio.reach import SHARED_KINDS, is_visible
from bkkenergy.portfolio.records import Dated, Records
from bkkenergy.usecases.beginrecords import begin_records
from bkkenergy.usecases.plan import undo_plan
from bkkenergy.usecases.portfolio import Conflict, undo
from bkkenergy.usecases.portfolio_view import (
    SeenRecord,
    SeenRevision,
    seen_differences,
    seen_of_building,
    seen_record,
    seen_records,
    seen_revisions,
)
from bkkenergy.usecases.recordforms.fields import ALL_KINDS, fields_of
from bkkenergy.web.records.preview import photos_shown, waiting_of
from bkkenergy.web.records.view import PLAN_KIND, ChangeShown, FieldLine, OpenRecords, RecordWords, book_of, href_of
from bkkenergy.web.render import page
from bkkenergy.web.security import OwnForm, PageVisitor, Visitor

router = APIRouter(prefix="/records", default_response_class=HTMLResponse)
ROWS_PER_PAGE = 100
LISTED_S = 60.0
MAX_REVISIONS, MAX_CHANGES_SHOWN = 20, 12
MAX_PAGE = 10_000
BUILDING_S = ("meter", "virtual_meter", "channel", "account", "roof", "pv_plant", "equipment", "contact", "threshold",
              "adjustment")  # fmt: skip
"""What a building's page lists, in this order."""

Filter = Annotated[str, Query(max_length=100)]
Key = Annotated[str, Query(max_length=255, pattern=r"^[^\x00]*$")]


@dataclass(frozen=True, slots=True)
class ListedRecord:
    """A record in a list."""

    key: str
    title: str
    href: str
    of: str
    since: str


# -- lists ---------------------------------------------------------------------------------------------------------


@router.get("")
def records_page(visitor: PageVisitor) -> Response:
    """Show agencies with their buildings, and the kinds of record that there are."""
    visitor.need("see")
    portfolio = visitor.here.portfolio
    agencies = [portfolio.agencies[agency] for agency in visitor.account.reachable(portfolio.agencies)]
    book = book_of(visitor, "building")
    return page(
        visitor,
        "records.html.j2",
        title=visitor.words("record.title"),
        agencies=[(agency, len(portfolio.buildings_of(agency.id))) for agency in agencies],
        kinds=[kind for kind in ALL_KINDS if kind != "agency"],
        book=book,
        may_begin=_may_begin(visitor, book),
        read=RecordWords.of(visitor),
    )


def _may_begin(visitor: Visitor, book: OpenRecords) -> bool:
    """Whether the visitor can take the files' records into the state, so that they are changed here."""
    return not book.is_open and book.state.source == "auto" and visitor.actor.may("portfolio")


@router.post("/begin")
def begin(visitor: PageVisitor, _form: OwnForm) -> Response:
    """Take the records of the files into the state: from then on they are changed here."""
    here = visitor.here
    begin_records(here.opened, visitor.actor, why=visitor.words("record.begin_why"), now=here.clock())
    here.look_now()
    return RedirectResponse("/records", 303)


@router.get("/list/{kind}")
def list_page(
    kind: str,
    visitor: PageVisitor,
    agency: Filter = "",
    q: Filter = "",
    page_number: Annotated[int, Query(alias="page", ge=1, le=MAX_PAGE)] = 1,
) -> Response:
    """List the records of a kind, those of one agency or those that a text is in."""
    if kind not in ALL_KINDS:
        raise NotThere
    visitor.need("see", *([agency] if agency else []))
    here, read, book = visitor.here, RecordWords.of(visitor), book_of(visitor, kind)
    rows = _rows(visitor, kind, book, read)
    words = q.casefold().split()
    rows = [row for row in rows if agency in ("", _agency_of(row)) and _has(row, words)]
    shown = rows[(page_number - 1) * ROWS_PER_PAGE : page_number * ROWS_PER_PAGE]
    known = here.portfolio.agencies
    return page(
        visitor,
        "record_list.html.j2",
        title=read.kind(kind),
        kind=kind,
        rows=shown,
        count=len(rows),
        page_number=page_number,
        pages=-(-len(rows) // ROWS_PER_PAGE),
        agencies=[(one, read.name_of("agency", one)) for one in visitor.account.reachable(known)],
        agency=agency,
        q=q,
        book=book,
        list_kinds=LIST_KINDS,
        may_enter=book.is_open and may_enter(visitor.actor, kind),
        read=read,
    )


def _rows(visitor: Visitor, kind: str, book: OpenRecords, read: RecordWords) -> list[ListedRecord]:
    """Return all rows of a kind that are the visitor's, in the order in which they were entered."""
    here, actor = visitor.here, visitor.actor

    def compute() -> list[ListedRecord]:
        things = seen_records(book.records, actor, book.state.kinds, kind, here.today)
        return [_row(thing, read) for thing in things]

    key = ("records", kind, book.records.revision, here.today, visitor.lang, actor.agencies, actor.sees_all)
    rows: list[ListedRecord] = here.cached(key, LISTED_S, compute)
    return rows


def _row(thing: SeenRecord, read: RecordWords) -> ListedRecord:
    value = thing.value
    building = value.get("building") or next(iter(value.get("buildings") or ()), "")
    agency = value.get("agency") or next(iter(value.get("agencies") or ()), "")
    of = read.name_of("building", building) if building else read.name_of("agency", agency) if agency else ""
    return ListedRecord(
        thing.key,
        read.title(thing.kind, thing.key, value),
        href_of(thing.kind, thing.key),
        of,
        read.since(thing.valid_from),
    )


def _agency_of(row: ListedRecord) -> str:
    return row.key.partition(".")[0]


def _has(row: ListedRecord, words: Sequence[str]) -> bool:
    text = f"{row.title} {row.key} {row.of}".casefold()
    return all(word in text for word in words)


def may_enter(actor: Actor, kind: str) -> bool:
    """Whether an actor can enter or propose records of a kind."""
    if kind == PLAN_KIND:
        return actor.may("plan")
    return actor.may("portfolio") or actor.may("propose") or (kind not in SHARED_KINDS and actor.may("edit"))


# -- one record ----------------------------------------------------------------------------------------------------


@router.get("/one/{kind}/{key:path}")
def record_page(
    kind: str,
    key: str,
    visitor: PageVisitor,
    day: dt.date | None = None,
    done: Annotated[int | None, Query(ge=0, le=2_000_000_000)] = None,
) -> Response:
    """Show one record as it is on a day, with its versions, its history and what belongs to it."""
    return shown_record(visitor, kind, key, day, done=done)


def shown_record(
    visitor: Visitor, kind: str, key: str, day: dt.date | None, *, done: int | None = None, fault: str = ""
) -> Response:
    """Return the page of a record. day : today, or the last day on which it is there, where none is named."""
    if kind not in ALL_KINDS:
        raise NotThere
    read, book = RecordWords.of(visitor), book_of(visitor, kind)
    actor = visitor.actor
    versions = visible_versions(book.records, actor, kind, key)
    on = day or _day_of(versions, visitor.here.today)
    record = seen_record(book.records, actor, book.state.kinds, kind, key, on)
    history = (
        seen_revisions(book.state, actor, kind=kind, key=key, limit=MAX_REVISIONS, is_against=True)
        if book.is_open
        else []
    )
    title = read.title(kind, key, record.value)
    return page(
        visitor,
        "record.html.j2",
        title=f"{read.kind(kind)}: {title}",
        status=422 if fault else 200,
        kind=kind,
        key=key,
        name=title,
        record=record,
        lines=read.lines(kind, record.value),
        versions=[_version(one, on, read) for one in versions],
        day=on,
        history=[(revision, read.changes(revision.changes)) for revision in history],
        groups=_belongings(visitor, book, record, on) if kind == "building" else [],
        buildings=_buildings_of(visitor, key, read) if kind == "agency" else [],
        book=book,
        may_change=book.is_open and may_enter(actor, kind),
        done=done,
        fault=fault,
        photos=photos_shown(visitor, kind, key),
        waiting=waiting_of(visitor, str(record.value["topic"])) if kind == "meter" else 0,
        read=read,
    )


def visible_versions(records: Records, actor: Actor, kind: str, key: str) -> list[Dated[Any]]:
    """Return the versions of a thing that are in the actor's reach. Raises NotThere where there is none."""
    every = records.history(kind, key)
    versions = [one for one in every if actor.sees_all or is_visible(one, kind, key, records, actor.reaches)]
    if not versions:
        raise NotThere
    return versions


def _day_of(versions: Sequence[Dated[Any]], today: dt.date) -> dt.date:
    """Return today where a thing is there today, else the day of its last version before it, or of its first."""
    if any(one.first <= today and (one.end is None or today < one.end) for one in versions):
        return today
    past = [one for one in versions if one.first <= today]
    if past:
        end = past[-1].end
        return past[-1].first if end is None else max(past[-1].first, end - dt.timedelta(days=1))
    return versions[0].first


def _version(version: Dated[Any], day: dt.date, read: RecordWords) -> dict[str, Any]:
    """Return a version as a page lists it: since when, until when, and a day on which it is shown."""
    has_first = version.first != dt.date.min
    return {
        "since": read.since(version.first if has_first else None),
        "end": version.end,
        "day": version.first if has_first else day if version.end is None else version.end - dt.timedelta(days=1),
        "is_shown": version.first <= day and (version.end is None or day < version.end),
    }


def _belongings(
    visitor: Visitor, book: OpenRecords, record: SeenRecord, day: dt.date
) -> list[tuple[str, list[tuple[ListedRecord, list[FieldLine]]], str]]:
    """Return what belongs to a building, kind by kind, each with its lines, and where a new one is entered."""
    read = RecordWords.of(visitor)
    things = seen_of_building(book.records, visitor.actor, book.state.kinds, record.key, day)
    agency = record.value["agency"]
    groups = []
    for kind in BUILDING_S:
        members = [thing for thing in things if thing.kind == kind and thing.key != record.key]
        filled_in = {field.name for field in fields_of(kind)}
        named = [("building", record.key), ("buildings", record.key), ("agency", agency if kind == "contact" else "")]
        query = "&".join(f"{name}={text}" for name, text in named if name in filled_in and text)
        groups.append((kind, [(_row(thing, read), read.lines(kind, thing.value)) for thing in members], query))
    return groups


def _buildings_of(visitor: Visitor, agency: str, read: RecordWords) -> list[tuple[str, str]]:
    if not visitor.account.reaches(agency):
        return []
    buildings = visitor.here.portfolio.buildings_of(agency)
    return [(href_of("building", one.id), read.words.either(th=one.name_th, en=one.name_en)) for one in buildings]


# -- history -------------------------------------------------------------------------------------------------------


@router.get("/history")
def history_page(visitor: PageVisitor, kind: Filter = "", key: Key = "", of: Filter = "") -> Response:
    """Show who changed what, when and why, the newest first. of : "plan" for the plan's projects."""
    return _history(visitor, kind, key, of)


def _history(visitor: Visitor, kind: str, key: str, of: str, *, fault: str = "", number: int | None = None) -> Response:
    is_plan = of == "plan" or kind == PLAN_KIND
    book = book_of(visitor, PLAN_KIND if is_plan else "building")
    read = RecordWords.of(visitor)
    visitor.need("see")
    revisions = seen_revisions(
        book.state,
        visitor.actor,
        kind=kind or None,
        key=key or None,
        number=number,
        limit=MAX_REVISIONS,
        is_against=True,
    )
    if number is not None and not revisions:
        raise NotThere
    limit = None if number is not None else MAX_CHANGES_SHOWN
    return page(
        visitor,
        "record_history.html.j2",
        title=visitor.words("record.history"),
        status=422 if fault else 200,
        history=[(one, *_some_changes(one, read, limit)) for one in revisions],
        newest=book.state.newest(),
        is_plan=is_plan,
        kind=kind,
        key=key,
        number=number,
        may_undo=visitor.actor.may("plan" if is_plan else "edit"),
        fault=fault,
        read=read,
    )


def _some_changes(revision: SeenRevision, read: RecordWords, limit: int | None) -> tuple[list[ChangeShown], int]:
    """Return the first changes of a revision as they are shown, and how many more there are."""
    shown = revision.changes[:limit]
    return read.changes(shown), len(revision.changes) - len(shown)


@router.get("/history/{number}")
def revision_page(number: int, visitor: PageVisitor, of: Filter = "") -> Response:
    """Show one revision with all that it changed."""
    return _history(visitor, "", "", of, number=number)


@router.post("/undo/{number}")
def undo_revision(number: int, visitor: PageVisitor, form: OwnForm) -> Response:
    """Take a revision back by a new one; where a later one changed the same, say which."""
    here, of, why = visitor.here, str(form.get("of", "")), str(form.get("why", ""))
    book = book_of(visitor, PLAN_KIND if of == "plan" else "building")
    try:
        if of == "plan":
            done = undo_plan(here.opened.state, visitor.actor, number, here.clock(), why=why)
        else:
            done = undo(book.state, visitor.actor, number, why=why, now=here.clock())
    except (NotThere, NotAllowed):
        raise
    except Conflict as conflict:
        numbers = sorted({change.after.revision for change in conflict.changes if change.after is not None})
        fault = visitor.words("record.undo_conflict", numbers=", ".join(map(str, numbers)) or "–")
        return _history(visitor, "", "", of, fault=fault)
    except BkkEnergyError as error:
        return _history(visitor, "", "", of, fault=error.said(visitor.lang))
    here.look_now()
    target = f"/records/history/{done.revision}" if done.revision else "/records/history"
    return RedirectResponse(f"{target}?of={of}" if of == "plan" else target, 303)


@router.get("/compare")
def compare_page(
    visitor: PageVisitor,
    before: Annotated[int | None, Query(ge=0, le=2_000_000_000)] = None,
    after: Annotated[int | None, Query(ge=0, le=2_000_000_000)] = None,
    of: Filter = "",
) -> Response:
    """Show what differs between two revisions, by default the two newest."""
    visitor.need("see")
    book = book_of(visitor, PLAN_KIND if of == "plan" else "building")
    newest = book.state.newest()
    later = newest if after is None else after
    earlier = max(later - 1, 0) if before is None else before
    read = RecordWords.of(visitor)
    changes = seen_differences(book.state, visitor.actor, earlier, later, is_against=True)
    return page(
        visitor,
        "record_compare.html.j2",
        title=visitor.words("record.compare"),
        before=earlier,
        after=later,
        newest=newest,
        is_plan=of == "plan",
        changes=read.changes(changes[:ROWS_PER_PAGE]),
        more=max(len(changes) - ROWS_PER_PAGE, 0),
        read=read,
    )
