"""Roofs of a building, drawn: out of files, or corner by corner on a plan or a picture; seen before they are entered.

Nothing is stored on the way: the file or the picture travels with the form, so that any web process can go on with it.
Without scripts each click on the drawing is sent; `static/draw.js` collects clicks where there are scripts.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup
from shapely.geometry import Polygon
from starlette.datastructures import FormData, UploadFile

from bkkenergy.adapters.outlines.read import read_outlines
from bkkenergy.errors import ConfigError, InputError, NotAllowed
from bkkenergy.portfolio import Building
from bkkenergy.portfolio.kinds import BuildingRoof
from bkkenergy.reports.solar.roofsplan import grid_sheet, roofs_plan
from bkkenergy.solar.layout import Layout
from bkkenergy.solar.roofs import check_apart
from bkkenergy.texts import Term
from bkkenergy.usecases.portfolio import Conflict, change
from bkkenergy.usecases.proposals import propose
from bkkenergy.usecases.roofdrawing import (
    PNG,
    SPANS_M,
    WIDTH_PX,
    RoofDraft,
    middle_of,
    picture_size,
    points_of,
    points_text,
    roofs_of_draft,
)
from bkkenergy.usecases.roofs import OutlineWish, RoofsOfFile, laid_out, roof_edits, roofs_of_drawing
from bkkenergy.web.budgets import HEAVY_PAGE
from bkkenergy.web.pages_energy import building_of
from bkkenergy.web.records.filled import open_book
from bkkenergy.web.records.view import OpenRecords
from bkkenergy.web.render import page
from bkkenergy.web.security import PageVisitor, Visitor, whole_number
from bkkenergy.web.uploads import decoded, own_upload

router = APIRouter(prefix="/records", default_response_class=HTMLResponse)
UNITS_M = {"": None, "m": 1.0, "cm": 0.01, "mm": 0.001}
FIELDS = ("crs", "unit", "layer", "only", "within_m", "tilt", "azimuth", "north", "length_m", "span_m", "name", "why")
MAX_TEXT = 100
UploadedForm = Annotated[FormData, Depends(own_upload)]


@dataclass(frozen=True, slots=True)
class RoofsForm:
    """What a page of roofs sent. texts : of its fields. content : of the file or the picture, with its name."""

    texts: dict[str, str]
    content: bytes = b""
    file_name: str = ""
    points: str = ""
    at: tuple[float, float] | None = None
    revision: int = 0
    is_from_south: bool = False

    @classmethod
    async def of(cls, form: FormData) -> RoofsForm:
        """Return what a form sends: a file, or what it sent before."""
        upload = form.get("file")
        if isinstance(upload, UploadFile) and upload.filename:
            name, content = upload.filename, await upload.read()
        else:
            name, content = str(form.get("file_name", "")), decoded(str(form.get("content", "")))
        texts = {name: str(form.get(name, "")).strip()[:MAX_TEXT] for name in FIELDS}
        click = [whole_number(form.get(f"at.{axis}", "")) for axis in "xy"]
        at = None if None in click else (float(click[0] or 0), float(click[1] or 0))
        return cls(
            texts, content, name[:200], str(form.get("points", "")), at, whole_number(form.get("revision", "")) or 0,
            form.get("azimuth_from") == "south",
        )  # fmt: skip

    def number(self, name: str, least: float, most: float) -> float | None:
        """Return a field's number; None where it is empty. Raises InputError."""
        text = self.texts[name].replace(",", ".")
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            raise InputError.of("no_number", field=Term(name, f"roofs.{name}"), given=text) from None
        if not least <= value <= most:
            raise InputError.of("roofs_range", field=Term(name, f"roofs.{name}"), least=f"{least:g}", most=f"{most:g}")
        return value


async def sent_roofs(form: UploadedForm) -> RoofsForm:
    """Return what a page of roofs sent."""
    return await RoofsForm.of(form)


SentRoofs = Annotated[RoofsForm, Depends(sent_roofs)]


@router.get("/roofs/{building}")
def roofs_page(building: str, visitor: PageVisitor) -> Response:
    """Show the roofs that there are, a form for a file, and the ways to draw one."""
    chosen, book = _open(visitor, building)
    return _page(visitor, chosen, book, RoofsForm(dict.fromkeys(FIELDS, "")))


def _open(visitor: Visitor, building: str) -> tuple[Building, OpenRecords]:
    return building_of(visitor, building), open_book(visitor, "roof")


@router.post("/roofs/{building}", dependencies=HEAVY_PAGE)
def roofs_of_upload(building: str, visitor: PageVisitor, sent: SentRoofs, do: str = "look") -> Response:
    """Show the outlines of a file as roofs, or enter them."""

    def read(chosen: Building) -> RoofsOfFile:
        if not sent.content:
            raise InputError.of("roofs_no_file")
        layers = frozenset(filter(None, (part.strip() for part in sent.texts["layer"].split(","))))
        drawing = read_outlines(sent.file_name, sent.content, layers=layers)
        return roofs_of_drawing(drawing, chosen, _wish(sent))

    return _looked(visitor, building, sent, read, do=do)


def _wish(sent: RoofsForm) -> OutlineWish:
    """Return what a person says of a file. Raises InputError."""
    azimuth = sent.number("azimuth", -180, 360)
    if azimuth is not None and azimuth < 0 and not sent.is_from_south:
        raise InputError.of("outlines_azimuth_negative", name="?", azimuth=f"{azimuth:g}")
    if azimuth is not None:
        azimuth = (azimuth + (180 if sent.is_from_south else 0)) % 360
    within_m = sent.number("within_m", 0, 2000)
    only = tuple(filter(None, (part.strip() for part in sent.texts["only"].split(","))))
    return OutlineWish(
        sent.texts["crs"], UNITS_M.get(sent.texts["unit"]), only, 100.0 if within_m is None else within_m,
        sent.number("tilt", 0, 90), azimuth, sent.is_from_south, sent.number("north", 0, 360) or 0.0,
    )  # fmt: skip


@router.post("/roofs/{building}/draw")
def draw(building: str, visitor: PageVisitor, sent: SentRoofs, do: str = "") -> Response:
    """Add a corner where the drawing was clicked, take the last one back, show the roof, or enter it."""
    chosen, book = _open(visitor, building)
    try:
        draft = _draft(sent, chosen)
        if do == "undo":
            draft = replace(draft, points=draft.points[:-1])
        elif do == "clear":
            draft = replace(draft, points=())
        elif not do and sent.at is not None:
            draft = draft.with_point(sent.at)
    except InputError as error:
        return _page(visitor, chosen, book, sent, fault=error.said(visitor.lang))
    if do in {"look", "enter"}:
        return _looked(visitor, building, sent, lambda one: roofs_of_draft(draft, one), do=do, draft=draft)
    return _page(visitor, chosen, book, sent, draft=draft)


def _draft(sent: RoofsForm, building: Building) -> RoofDraft:
    """Return the drawing of a form. Raises InputError."""
    if sent.content:
        picture_size(sent.content)
    span_m, azimuth = sent.number("span_m", SPANS_M[0], SPANS_M[-1]), sent.number("azimuth", 0, 360)
    return RoofDraft(
        points_of(sent.points),
        sent.content,
        span_m or 50.0,
        middle_of(building),
        sent.number("length_m", 0.1, 1000),
        sent.texts["name"],
        sent.number("tilt", 0, 90) or 0.0,
        180.0 if azimuth is None else azimuth % 360,
        sent.number("north", 0, 360) or 0.0,
    )


def _looked(
    visitor: Visitor,
    building: str,
    sent: RoofsForm,
    read: Callable[[Building], RoofsOfFile],
    *,
    do: str,
    draft: RoofDraft | None = None,
) -> Response:
    """Show roofs that were read or drawn, with what is wrong, or enter them."""
    chosen, book = _open(visitor, building)
    seen: RoofsOfFile | None = None
    try:
        seen = read(chosen)
        check_apart(_with_roofs(chosen, seen))
        if do == "enter":
            return RedirectResponse(_entered(visitor, book, chosen, sent, seen), 303)
    except Conflict:
        return _page(visitor, chosen, book, sent, seen, draft, visitor.words("record.meanwhile"))
    except ConfigError as error:
        text = "; ".join(f"{one.what} {one.remedy}" for one in (fault.said(visitor.lang) for fault in error.faults))
        return _page(visitor, chosen, book, sent, seen, draft, text)
    except InputError as error:
        return _page(visitor, chosen, book, sent, seen, draft, error.said(visitor.lang))
    finally:
        visitor.here.look_now()
    return _page(visitor, chosen, book, sent, seen, draft)


def _with_roofs(building: Building, seen: RoofsOfFile) -> Building:
    """Return a building with these roofs beside or in place of its own."""
    ids = {roof.id for roof in seen.roofs}
    stay = tuple(roof for roof in building.roofs if roof.id not in ids)
    return building.model_copy(update={"roofs": (*stay, *(roof.as_roof() for roof in seen.roofs))})


def _entered(visitor: Visitor, book: OpenRecords, building: Building, sent: RoofsForm, seen: RoofsOfFile) -> str:
    """Enter roofs, or propose them where the visitor may only propose; return the address of what came of it."""
    edits, why, now = roof_edits(seen.roofs), sent.texts["why"], visitor.here.clock()
    try:
        change(book.state, visitor.actor, edits, why=why, from_day=None, expected_revision=sent.revision, now=now)
    except NotAllowed:
        if not visitor.actor.may("propose"):
            raise
        return f"/records/proposals/{propose(book.state, visitor.actor, edits, why=why, from_day=None, now=now).number}"
    return f"/records/roofs/{building.id}"


@dataclass(frozen=True, slots=True)
class EdgeShown:
    """An edge of a roof. azimuth_deg : in which direction it runs, clockwise from north."""

    length_m: float
    azimuth_deg: float


@dataclass(frozen=True, slots=True)
class RoofShown:
    """A roof in the table. source : its name in the file. replaces : a roof of this id is there already."""

    roof: BuildingRoof
    source: str
    area_m2: float
    capacity_kwp: float
    edges: tuple[EdgeShown, ...]
    replaces: bool


def _shown(seen: RoofsOfFile, building: Building, layouts: dict[str, Layout]) -> list[RoofShown]:
    there = {roof.id for roof in building.roofs}
    return [
        RoofShown(
            roof, source, float(Polygon(roof.outline_m, roof.holes_m).area),
            layouts[roof.id].capacity_kwp if roof.id in layouts else 0.0, tuple(_edges(roof)), roof.id in there,
        )
        for roof, source in zip(seen.roofs, seen.names, strict=True)
    ]  # fmt: skip


def _edges(roof: BuildingRoof) -> list[EdgeShown]:
    corners = np.asarray((*roof.outline_m, roof.outline_m[0]))
    return [
        EdgeShown(float(np.hypot(*(end - start))), float(np.degrees(np.arctan2(*(end - start))) % 360))
        for start, end in pairwise(corners)
    ]


def _page(
    visitor: Visitor,
    building: Building,
    book: OpenRecords,
    sent: RoofsForm,
    seen: RoofsOfFile | None = None,
    draft: RoofDraft | None = None,
    fault: str = "",
) -> Response:
    words = visitor.words
    layouts = laid_out(_with_roofs(building, seen), visitor.here.opened.solar) if seen else {}
    outlined = [roof for roof in building.roofs if roof.outline_m]
    there = [BuildingRoof.model_validate({"building": building.id, **roof.model_dump()}) for roof in outlined]

    def plan(roofs: list[BuildingRoof], laid: dict[str, Layout]) -> Markup | None:
        title = words.either(th=building.name_th, en=building.name_en)
        return roofs_plan(roofs, laid, title, words("unit.m"), words("solar.north")) if roofs else None

    return page(
        visitor,
        "record_roofs.html.j2",
        title=f"{words('roofs.title')}: {words.either(th=building.name_th, en=building.name_en)}",
        status=422 if fault else 200,
        building=building,
        there=there,
        plan_there=plan(there, {}),
        sent=sent,
        content=base64.b64encode(sent.content).decode(),
        seen=seen,
        rows=_shown(seen, building, layouts) if seen else [],
        plan_seen=plan(list(seen.roofs), layouts) if seen else None,
        notes=[note.said(visitor.lang) for note in seen.notes] if seen else [],
        draft=draft,
        sheet=_sheet_source(draft, there, words("unit.m")) if draft else "",
        points=points_text(draft.points) if draft else "",
        drawn=(points_text(draft.ends), points_text(draft.corners)) if draft else ("", ""),
        width_px=WIDTH_PX,
        spans_m=SPANS_M,
        fault=fault,
        revision=book.records.revision,
    )


def _sheet_source(draft: RoofDraft, there: list[BuildingRoof], metres: str) -> str:
    """Return what is drawn on as the address of a picture."""
    if draft.picture:
        kind = "png" if draft.picture.startswith(PNG) else "jpeg"
        return f"data:image/{kind};base64,{base64.b64encode(draft.picture).decode()}"
    scale = draft.span_m / WIDTH_PX
    outlines = [roof.outline_m for roof in there]
    grid = grid_sheet((WIDTH_PX, draft.height_px), scale, outlines, draft.middle_m, metres)
    return f"data:image/svg+xml;base64,{base64.b64encode(grid.encode()).decode()}"
