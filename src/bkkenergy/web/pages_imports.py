"""Pages of imports: a utility's file looked at, taken in as one batch, and taken back; all imports listed."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
import tempfile
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData, UploadFile

from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import BkkEnergyError, ConfigError, InputError
from bkkenergy.i18n import Words
from bkkenergy.ingest.ask import store_mapping
from bkkenergy.ingest.brought import BroughtIntervals, BroughtReadings, brought_by, check_columns
from bkkenergy.ingest.fileratios import Side, as_stored
from bkkenergy.ingest.sheets import FILE_UNITS, FileMapping, FileTable, load_mapping, owners_of, read_sheet
from bkkenergy.ingest.sheets.columns import FileColumn, columns_in
from bkkenergy.readings import US_PER_S, ReadingBatch
from bkkenergy.site import Site
from bkkenergy.site.folder import mappings_folder
from bkkenergy.tomlfiles import validated
from bkkenergy.usecases import imports
from bkkenergy.usecases.imports import Overlap
from bkkenergy.usecases.server import ImportFile, import_intervals, import_readings, latest_us, undo_import
from bkkenergy.usecases.storedreadings import ReadingsPreview, preview_readings, stored_ratios
from bkkenergy.usecases.uptodate import up_to_date
from bkkenergy.web.bodies import MAX_IMPORT_BYTES
from bkkenergy.web.budgets import HEAVY_PAGE
from bkkenergy.web.render import page
from bkkenergy.web.security import MAX_FORM_FIELDS, OwnForm, PageVisitor, Visitor, own_form
from bkkenergy.web.uploads import decoded, scanned

router = APIRouter(prefix="/imports", default_response_class=HTMLResponse)
SUFFIXES = frozenset({".xlsx", ".csv", ".txt", ".tsv", ".xml"})
MAX_FILE_BYTES = 9_000_000
"""In base64 it is within what a request may have. The command takes larger ones."""
MAX_COLUMNS = 200
ASKS_WHOSE = frozenset({"error.file_columns_unsaid", "error.file_series_unsaid"})
SHOWN_REFUSALS = 50
CHOICES: Mapping[str, tuple[str, ...]] = {
    "values": ("energy", "mean-power", "register"),
    "unit": FILE_UNITS,
    "side": tuple(Side),
    "stamps": ("start", "end"),
    "dates": ("dmy", "mdy"),
    "decimal": ("point", "comma"),
}
GIVEN = (*CHOICES, "sheet", "pulse_kwh", "row_column", "row_text", "as", "save", "overlap", "skips")


async def posted_file(request: Request) -> AsyncIterator[FormData]:
    """Read a form with a file, or with what a file had."""
    async with request.form(max_files=1, max_fields=MAX_FORM_FIELDS, max_part_size=MAX_IMPORT_BYTES) as form:
        yield form


async def own_file(request: Request, visitor: PageVisitor, form: Annotated[FormData, Depends(posted_file)]) -> FormData:
    """Check that this user's page sent the form, and no other page, and that no virus is known in its file."""
    return await scanned(request, visitor, own_form(visitor, form), _unpacked)


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file as it came, and what the person said of it. columns : column -> meter, or meter:channel."""

    name: str = ""
    content: bytes = b""
    columns: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)

    @property
    def packed(self) -> str:
        """What is in the file, as a form carries it to the next look."""
        return base64.b64encode(zlib.compress(self.content)).decode()

    @property
    def overlap(self) -> Overlap | None:
        """What to do where the file meets what is known."""
        asked = self.given.get("overlap", "")
        return Overlap(asked) if asked in set(Overlap) else None

    @property
    def source(self) -> ImportFile:
        """The file as the list of imports names it."""
        return ImportFile(self.name, hashlib.sha256(self.content).hexdigest())

    def mapping(self) -> FileMapping:
        """Return what was said of the file. Raises ConfigError."""
        said: dict[str, Any] = {name: text for name in (*CHOICES, "sheet", "pulse_kwh") if (text := self.given[name])}
        if column := self.given["row_column"]:
            said["rows"] = {column: self.given["row_text"]}
        columns = {column: meter for column, meter in self.columns.items() if meter}
        mapping, faults = validated(FileMapping, {"columns": columns, **said}, "file")
        if mapping is None:
            raise ConfigError(faults)
        return mapping


NO_FILE = SentFile(given=dict.fromkeys(GIVEN, ""))


async def sent_file(form: Annotated[FormData, Depends(own_file)]) -> SentFile:
    """Return the file that a form of ours sends, or what it sent before."""
    upload = form.get("file")
    if isinstance(upload, UploadFile) and upload.filename:
        name, content = upload.filename, await upload.read()
    else:
        name, content = _text(form, "name"), _unpacked(str(form.get("content", "")))
    names = [key.removesuffix(".name") for key in form if re.fullmatch(r"c\d+\.name", key)]
    columns = {str(form[f"{number}.name"]): _text(form, f"{number}.meter") for number in names}
    given = {one: _text(form, one) for one in GIVEN}
    return SentFile(plain_name(name), content[: MAX_FILE_BYTES + 1], columns, given)


def plain_name(name: str) -> str:
    """Return what a file is called, without its folders and what cannot be printed."""
    plain = "".join(one for one in name.replace("\\", "/").rpartition("/")[2] if one.isprintable())
    return plain[-120:] or "file"


def _text(form: FormData, name: str) -> str:
    return str(form.get(name, "")).strip()[:200]


def _unpacked(text: str) -> bytes:
    try:
        return zlib.decompressobj().decompress(decoded(text), MAX_FILE_BYTES + 1)
    except zlib.error:
        return b""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a file says, and what it would do. refused : rows and why, the first of them."""

    sheet: FileTable
    brought: BroughtIntervals | BroughtReadings
    preview: imports.Preview | None
    readings: ReadingsPreview | None
    refused: list[tuple[str, str, str]]
    refused_count: int

    @property
    def overlaps(self) -> bool:
        """Whether the file meets what is known, so that a person says what counts."""
        if self.preview is not None:
            return any(meter.overlaps for meter in self.preview.meters)
        return self.readings is not None and self.readings.overlaps


@router.get("")
def imports_page(visitor: PageVisitor) -> Response:
    """List all imports, and offer the form for a file."""
    visitor.need("serve")
    return _page(visitor, NO_FILE)


def _page(visitor: Visitor, sent: SentFile, fault: str = "", detail: str = "", **shown: Any) -> Response:
    here = visitor.here
    portfolio = here.portfolio
    values: dict[str, Any] = {"looked": None, "columns": []} | shown
    return page(
        visitor,
        "imports.html.j2",
        title=visitor.words("file_import.title"),
        status=422 if fault else 200,
        batches=here.opened.ledger.batches()[::-1],
        sent=sent,
        fault=fault,
        detail=detail,
        choices=CHOICES,
        stamp_of=lambda at_us: visitor.words.stamp(dt.datetime.fromtimestamp(at_us / US_PER_S, BANGKOK)),
        saved=sorted(file.stem for file in mappings_folder(here.settings).glob("*.toml")),
        meters=[(one.id, portfolio.buildings[one.building]) for one in portfolio.meters] if values["columns"] else [],
        **values,
    )


@router.post("/upload", dependencies=HEAVY_PAGE)
def upload(visitor: PageVisitor, sent: Annotated[SentFile, Depends(sent_file)], do: str = "look") -> Response:
    """Look at a file, or take in what it has: all of it or nothing."""
    visitor.need("serve")
    if not sent.content:
        return _page(visitor, sent, visitor.words("record.list_no_file"))
    if len(sent.content) > MAX_FILE_BYTES:
        return _page(visitor, sent, visitor.words("file_import.too_large", megabytes=MAX_FILE_BYTES // 1_000_000))
    site = up_to_date(visitor.here.opened)
    columns: list[FileColumn] = []
    with tempfile.TemporaryDirectory() as folder:
        suffix = Path(sent.name).suffix.lower()
        path = Path(folder) / f"file{suffix if suffix in SUFFIXES else '.csv'}"
        path.write_bytes(sent.content)
        try:
            mapping = sent.mapping()
            if sent.given["as"]:
                mapping = mapping.over(load_mapping(mappings_folder(site.settings), sent.given["as"]))
            columns = columns_in(path, mapping.sheet)[:MAX_COLUMNS]
            looked = _looked(site, path, mapping, sent, visitor.words)
            shown: dict[str, Any] = {"columns": _filled(columns, looked.sheet.meters), "looked": looked}
            if do == "enter":
                return _entered(visitor, site, sent, mapping, looked, shown)
            return _page(visitor, sent, **shown)
        except BkkEnergyError as error:
            said = error.said(visitor.lang).replace(str(path), sent.name)
            detail = (
                "" if error.values is not None or visitor.lang == "en" else str(error).replace(str(path), sent.name)
            )
            said = visitor.words("file_import.whose") if error.key in ASKS_WHOSE else said
            return _page(visitor, sent, said, detail, columns=_filled(columns, sent.columns))


def _filled(columns: list[FileColumn], meters: Mapping[str, str]) -> list[tuple[FileColumn, str]]:
    return [(column, meters.get(column.name, "")) for column in columns]


def _looked(site: Site, path: Path, mapping: FileMapping, sent: SentFile, words: Words) -> Looked:
    """Read a file and compare it with what is known. Raises InputError."""
    check_columns(site.portfolio, mapping)
    sheet = read_sheet(path, mapping, this_year=site.clock().year, owners=owners_of(site.portfolio))
    brought = brought_by(path, sheet, site.portfolio, mapping.side, latest_us=latest_us(site))
    refused = [(str(one.row), one.column, one.why.said(words.lang)) for one in sheet.refused[:SHOWN_REFUSALS]]
    if isinstance(brought, BroughtReadings):
        reasons = Counter(brought.readings.refused["reason"].astype(str))
        refused += [(f"{count:,} x", "", words.name("reason", reason)) for reason, count in reasons.items()]
        seen = preview_readings(site.readings, _stored(site, brought))
        return Looked(sheet, brought, None, seen, refused, len(sheet.refused) + sum(reasons.values()))
    preview = imports.preview(
        site.ledger, site.energy, site.portfolio, brought.series, sent.overlap,
        latest_us=latest_us(site), channel=brought.channel,
    )  # fmt: skip
    return Looked(sheet, brought, preview, None, refused, len(sheet.refused))


def _stored(site: Site, brought: BroughtReadings) -> list[ReadingBatch]:
    """Return readings in the ratio of what is stored at their instants."""
    batch = brought.readings.batch
    return [as_stored(batch, stored_ratios(site.readings, batch))] if len(batch) else []


def _entered(
    visitor: Visitor, site: Site, sent: SentFile, mapping: FileMapping, looked: Looked, shown: dict[str, Any]
) -> Response:
    """Take in a file that was looked at. Raises InputError."""
    if looked.refused_count and sent.given["skips"] != "1":
        return _page(visitor, sent, visitor.words("file_import.refused", count=looked.refused_count), **shown)
    if sent.given["save"]:
        named = mapping.model_copy(update={"columns": dict(looked.sheet.meters)})
        store_mapping(site, visitor.actor, sent.given["save"], named)
    try:
        if isinstance(looked.brought, BroughtIntervals):
            number = import_intervals(
                site, visitor.actor, sent.source, looked.brought.series, sent.overlap, looked.brought.channel
            )
        elif looked.readings is None or not looked.readings.count:
            return _page(visitor, sent, visitor.words("file_import.nothing"), **shown)
        else:
            chunks = _stored(site, looked.brought)
            number = import_readings(site, visitor.actor, sent.source, looked.readings, chunks, sent.overlap)
    except InputError as error:
        return _page(visitor, sent, error.said(visitor.lang), **shown)
    return RedirectResponse(f"/imports#batch-{number}", 303)


@router.post("/{number}/undo")
def undone(number: int, visitor: PageVisitor, _form: OwnForm) -> Response:
    """Take an import back: its days are computed again without it."""
    visitor.need("serve")
    try:
        undo_import(visitor.here.opened, visitor.actor, number)
    except InputError as error:
        return _page(visitor, NO_FILE, error.said(visitor.lang))
    return RedirectResponse(f"/imports#batch-{number}", 303)
