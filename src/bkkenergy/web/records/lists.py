"""Lists of records from XLSX and CSV: looked at with faults by cell, then entered at once or not at all; and out again.

Nothing is stored on the way: the file travels with the form, so that any web process can go on with it.
"""

from __future__ import annotations

import base64
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData, UploadFile

from bkkenergy.errors import ConfigError, InputError, NotAllowed, NotThere
from bkkenergy.ingest.lists.headings import LIST_KINDS, list_fields
from bkkenergy.ingest.lists.importing import (
    AskedList,
    SeenList,
    default_fields,
    enter_list,
    look_at_list,
    path_label,
    write_list,
)
from bkkenergy.ingest.lists.reading import OF_TYPE
from bkkenergy.portfolio.records import Change, Records
from bkkenergy.site.folder import mappings_folder
from bkkenergy.usecases.portfolio import Conflict
from bkkenergy.usecases.portfolio_view import seen_changes
from bkkenergy.usecases.recordforms.fields import FormField, fields_of
from bkkenergy.web.budgets import HEAVY_PAGE
from bkkenergy.web.records.filled import day_of, open_book
from bkkenergy.web.records.options import Options, options_of
from bkkenergy.web.records.view import OpenRecords, RecordWords
from bkkenergy.web.render import page
from bkkenergy.web.security import PageVisitor, Visitor, whole_number
from bkkenergy.web.uploads import decoded, own_upload

router = APIRouter(prefix="/records", default_response_class=HTMLResponse)
MAX_FAULTS_SHOWN, MAX_CELLS_SHOWN, MAX_CHANGES_SHOWN, MAX_EXAMPLE = 60, 5, 15, 60
Number = Annotated[int | None, Query(ge=1, le=2_000_000_000)]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SUFFIXES = frozenset({".xlsx", ".csv", ".txt", ".tsv", ".xls"})


@dataclass(frozen=True, slots=True)
class SentList:
    """A list as it came, with what the person said of it."""

    name: str
    content: bytes
    sheet: str
    said: dict[str, str]
    defaults: dict[str, str]
    why: str
    from_day: str
    revision: int = 0
    """That the list was read beside when it was last looked at."""

    @classmethod
    async def of(cls, form: FormData) -> SentList:
        """Return what a form sends: a file, or what it sent before."""
        upload = form.get("file")
        if isinstance(upload, UploadFile) and upload.filename:
            name, content = upload.filename, await upload.read()
        else:
            name, content = str(form.get("name", "")), decoded(str(form.get("content", "")))
        texts = {key: str(text) for key, text in form.items() if not isinstance(text, UploadFile)}
        headings = {key.split(".")[1]: text for key, text in texts.items() if re.fullmatch(r"m\.\d+\.heading", key)}
        said = {heading: texts.get(f"m.{number}.field", "") for number, heading in headings.items()}
        defaults = {key.removeprefix("d."): text.strip() for key, text in texts.items() if key.startswith("d.")}
        sheet, why, from_day = (texts.get(key, "").strip() for key in ("sheet", "why", "from_day"))
        revision = whole_number(texts.get("revision", "0")) or 0
        return cls(name[:200], content, sheet, said, defaults, why, from_day, revision)

    @contextmanager
    def file(self) -> Iterator[Path]:
        """Write the content to a file for as long as it is read."""
        suffix = Path(self.name).suffix.lower()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"list{suffix if suffix in SUFFIXES else '.csv'}"
            path.write_bytes(self.content)
            yield path


async def sent_list(form: Annotated[FormData, Depends(own_upload)]) -> SentList:
    """Return the list that a form of ours sent."""
    return await SentList.of(form)


# -- out -----------------------------------------------------------------------------------------------------------


@router.get("/sheet/{kind}")
def sheet(kind: str, visitor: PageVisitor, agency: Annotated[str, Query(max_length=100)] = "") -> Response:
    """Return the records of a kind as a workbook that can be edited and imported again."""
    if kind not in LIST_KINDS:
        raise NotThere
    visitor.need("see", *([agency] if agency else []))
    here = visitor.here
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "list.xlsx"
        write_list(path, here.portfolio.records, visitor.actor, kind, here.today, visitor.words, agency=agency)
        content = path.read_bytes()
    name = f"{kind}-{here.today.isoformat()}.xlsx"
    return Response(content, media_type=XLSX, headers={"Content-Disposition": f'attachment; filename="{name}"'})


# -- in ------------------------------------------------------------------------------------------------------------


@router.get("/upload/{kind}")
def upload_page(
    kind: str,
    visitor: PageVisitor,
    agency: Annotated[str, Query(max_length=100)] = "",
    done: Number = None,
    proposal: Number = None,
) -> Response:
    """Show a form for a file. done, proposal : what came of one before: its revision, and what was proposed of it."""
    book = _open(visitor, kind)
    agencies = [] if visitor.account.sees_all else visitor.account.reachable(visitor.here.portfolio.agencies)
    default = agency or (agencies[0] if len(agencies) == 1 else "")
    sent = SentList("", b"", "", {}, {"agency": default} if default else {}, "", "")
    return _upload_page(visitor, book, kind, sent, None, came_of=(done, proposal))


def _open(visitor: Visitor, kind: str) -> OpenRecords:
    if kind not in LIST_KINDS:
        raise NotThere
    if not visitor.actor.may("edit"):
        raise NotAllowed
    return open_book(visitor, kind)


@router.post("/upload/{kind}", dependencies=HEAVY_PAGE)
def upload(
    kind: str, visitor: PageVisitor, sent: Annotated[SentList, Depends(sent_list)], do: str = "look"
) -> Response:
    """Look at a file, or enter what it asks for."""
    book, here = _open(visitor, kind), visitor.here
    from_day = day_of(sent.from_day)
    if not sent.content or (sent.from_day and from_day is None):
        text = visitor.words("record.no_day" if sent.content else "record.list_no_file")
        return _upload_page(visitor, book, kind, sent, None, text)
    folder = mappings_folder(here.settings)
    try:
        with sent.file() as path:
            of_file = AskedList(kind, path, sent.said, sent.defaults, sent.sheet or None)
            tariffs = here.opened.figures.tariffs.schedules
            seen = look_at_list(
                book.state,
                visitor.actor,
                of_file,
                book.records,
                tariffs,
                folder=folder,
                day=here.today,
                from_day=from_day,
            )
    except InputError as error:
        return _upload_page(visitor, book, kind, sent, None, *_said(error, visitor, sent.name))
    if do != "enter" or seen.faults:
        return _upload_page(visitor, book, kind, sent, seen)
    return _entered(visitor, book, kind, sent, seen)


def _entered(visitor: Visitor, book: OpenRecords, kind: str, sent: SentList, seen: SeenList) -> Response:
    """Enter a list, and go to what came of it; the list with what is wrong, or what others changed, where it cannot."""
    here = visitor.here
    try:
        done, asked = enter_list(
            book.state,
            visitor.actor,
            seen,
            kind,
            why=sent.why,
            from_day=day_of(sent.from_day),
            expected_revision=sent.revision,
            folder=mappings_folder(here.settings),
            now=here.clock(),
        )
    except ConfigError as error:
        return _upload_page(visitor, book, kind, sent, seen, error.said(visitor.lang))
    except Conflict as conflict:
        return _upload_page(visitor, book, kind, sent, seen, visitor.words("record.meanwhile"), conflict=conflict)
    except InputError as error:
        return _upload_page(visitor, book, kind, sent, seen, error.said(visitor.lang))
    finally:
        here.look_now()
    if asked is None:
        return RedirectResponse(f"/records/history/{done.revision}", 303)
    entered = f"done={done.revision}&" if done.revision else ""
    return RedirectResponse(f"/records/upload/{kind}?{entered}proposal={asked.number}", 303)


def _said(error: InputError, visitor: Visitor, name: str) -> tuple[str, str]:
    """Return what is wrong with a file in the reader's language, and the English detail where there is no more.

    name : of the file where it came from; where it is stored here is no one's business.
    """
    if error.values is not None:
        return re.sub(r"\S*/list\.\w+", lambda _: name, error.said(visitor.lang)), ""
    detail = re.sub(r"\S*/list\.\w+:?", "", str(error)).strip()
    return visitor.words("record.list_unreadable"), detail


def _upload_page(
    visitor: Visitor,
    book: OpenRecords,
    kind: str,
    sent: SentList,
    seen: SeenList | None,
    fault: str = "",
    detail: str = "",
    *,
    came_of: tuple[int | None, int | None] = (None, None),
    conflict: Conflict | None = None,
) -> Response:
    read = RecordWords.of(visitor)
    parts = [
        (name, read.changes(seen_changes(first, before, after, book.state.kinds, visitor.actor, is_against=True)), more)
        for name, first, more, before, after in _parts(book, seen, conflict)
    ]
    return page(
        visitor,
        "record_upload.html.j2",
        title=visitor.words("record.list_title", kind=read.kind(kind)),
        status=422 if fault or (seen is not None and seen.faults) else 200,
        kind=kind,
        kinds=LIST_KINDS,
        sent=sent,
        content=base64.b64encode(sent.content).decode(),
        seen=seen,
        columns=_columns(seen) if seen else [],
        faults=list(_alike(seen, kind, read))[:MAX_FAULTS_SHOWN] if seen else [],
        parts=parts,
        came_of=came_of,
        paths=[(path, path_label(kind, path, read.words)) for path in list_fields(kind)],
        defaults=[
            (path, path_label(kind, path, read.words), _options(visitor, kind, path, read))
            for path in default_fields(kind)
        ],
        by_type=_defaults_by_type(visitor, seen, read) if kind == "building" and seen else [],
        fault=fault,
        detail=detail,
        read=read,
    )


def _parts(
    book: OpenRecords, seen: SeenList | None, conflict: Conflict | None
) -> Iterator[tuple[str, Sequence[Change], int, Records, Records]]:
    """Yield the first changes of each part, how many more it has, and the records before and after it."""
    sides: list[tuple[str, Sequence[Change], Records, Records]] = []
    if conflict is not None:
        sides.append(("list_theirs", conflict.changes, conflict.seen, conflict.present))
    if seen is not None:
        after = book.records.with_changes([*seen.changes, *seen.asked])
        sides += [("list_changes", seen.changes, book.records, after), ("list_asked", seen.asked, book.records, after)]
    for name, changes, old, new in sides:
        if changes:
            yield name, changes[:MAX_CHANGES_SHOWN], max(len(changes) - MAX_CHANGES_SHOWN, 0), old, new


@dataclass(frozen=True, slots=True)
class AlikeFaults:
    """Faults that say the same of one column. cells : the first of them, with what is in them."""

    heading: str
    what: str
    remedy: str
    cells: tuple[tuple[str, str], ...]
    count: int


def _alike(seen: SeenList, kind: str, read: RecordWords) -> Iterator[AlikeFaults]:
    """Return the faults of a list, those alike together: a column that is empty in 400 rows is one thing to correct."""
    groups: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    paths = set(list_fields(kind))
    for one in seen.faults:
        said = one.fault.said(read.words.lang)
        heading = path_label(kind, one.heading, read.words) if one.heading in paths else one.heading
        cell = f"{one.column}{one.row}" if one.row else ""
        groups.setdefault((heading, said.what, said.remedy), []).append((cell, one.given))
    for (heading, what, remedy), cells in groups.items():
        yield AlikeFaults(heading, what, remedy, tuple(cells[:MAX_CELLS_SHOWN]), len(cells))


def _columns(seen: SeenList) -> list[tuple[str, str | None, str]]:
    """Return each heading, its field, and the first value under it."""
    columns = []
    for column, heading in seen.table.headings:
        cells = (cells[column].strip() for _, cells in seen.table.rows if column < len(cells))
        example = next((cell for cell in cells if cell), "")
        columns.append((heading, seen.mapping[heading], example[:MAX_EXAMPLE]))
    return columns


def _defaults_by_type(
    visitor: Visitor, seen: SeenList, read: RecordWords
) -> list[tuple[str, list[tuple[str, str, Options | None]]]]:
    """Return the fields whose empty cells may mean something else in each building type of a list that has several."""
    choices = {one.name: one.choices for one in fields_of("building")}["type"]
    types = [one for one in choices if one in seen.reading.types]
    return [
        (
            read.choice("building", "type", one),
            [
                (
                    f"{path}{OF_TYPE}{one}",
                    path_label("building", path, read.words),
                    _options(visitor, "building", path, read),
                )
                for path in ("calendar", "tariff")
            ],
        )
        for one in types
        if len(types) > 1
    ]


def _options(visitor: Visitor, kind: str, path: str, read: RecordWords) -> Options | None:
    """Return what a default may be; None where it is any text."""
    part, _, name = path.rpartition(".")
    one: FormField = next(one for one in fields_of(part or kind) if one.name == name)
    if one.widget == "choice":
        return Options(tuple((choice, read.choice(part or kind, name, choice)) for choice in one.choices))
    return options_of(visitor, one, {}, read) if one.target else None
