"""Pages on site: checks of a meter, its label, photos, and the record that a technician signs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any, cast

import numpy as np
import segno
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup
from starlette.datastructures import FormData, UploadFile

from bkkenergy.adapters.photos import MAX_FILE_BYTES
from bkkenergy.adapters.state.commissioning import SignedRecord
from bkkenergy.adapters.state.logbook import Logbook
from bkkenergy.adapters.state.photos import StoredPhoto
from bkkenergy.adapters.state.users import is_password_of
from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError, NotThere
from bkkenergy.ingest.status import clock_behind_s
from bkkenergy.portfolio import Building, Meter
from bkkenergy.readings import QUANTITIES
from bkkenergy.reports.render.commissioning import print_commissioning, render_commissioning
from bkkenergy.usecases.commissioning import (
    commissionings_of,
    meter_facts,
    read_commissioning,
    sign_commissioning,
)
from bkkenergy.usecases.meterchecks import MeterFacts, Verdict, check_meter
from bkkenergy.usecases.meterchecktexts import check_text
from bkkenergy.usecases.photos import photos_seen, read_stored_photo, remove_photo, store_photo
from bkkenergy.web.api_portfolio_rows import Number
from bkkenergy.web.budgets import HEAVY_PAGE
from bkkenergy.web.delays import Throttle
from bkkenergy.web.pages_energy import building_of
from bkkenergy.web.pages_work import named
from bkkenergy.web.render import page
from bkkenergy.web.security import REPORT_POLICY, OwnForm, PageVisitor, Visitor
from bkkenergy.web.uploads import own_upload

router = APIRouter(default_response_class=HTMLResponse)


@dataclass(frozen=True, slots=True)
class SeenMeter:
    """A meter that a visitor may see, with its building."""

    building: Building
    meter: Meter


def meter_of(visitor: Visitor, meter_id: str) -> SeenMeter:
    """Return a meter that the visitor may see; any other is not found."""
    building = building_of(visitor, meter_id.rpartition(".")[0])
    meter = next((one for one in building.meters if one.id == meter_id), None)
    if meter is None:
        raise NotThere
    return SeenMeter(building, meter)


def facts_of(visitor: Visitor, seen: SeenMeter) -> MeterFacts:
    """Return what is known of a meter now."""
    site = visitor.here.opened
    behind_s = clock_behind_s(Logbook(site.state).gateways().values(), site.clock())
    return meter_facts(site, seen.building, seen.meter, behind_s=behind_s)


@router.get("/meters/{meter_id}/check")
def check_page(meter_id: str, visitor: PageVisitor) -> Response:
    """Show a technician whether a meter does what it should."""
    return _check_page(visitor, meter_of(visitor, meter_id))


def _check_page(visitor: Visitor, seen: SeenMeter, fault: str = "", **sent: str) -> Response:
    here, words = visitor.here, visitor.words
    facts = facts_of(visitor, seen)
    checks = check_meter(facts)
    counts = Counter(check.verdict for check in checks)
    return page(
        visitor,
        "meter_check.html.j2",
        title=words("meter_check.title"),
        status=422 if fault else 200,
        meter=seen.meter,
        building=seen.building,
        checks=[check_text(words, one.name, one.verdict, one.reason, one.values) for one in checks],
        counts={verdict.value: counts[verdict] for verdict in Verdict},
        now=facts.now.astimezone(BANGKOK),
        latest=latest_values(facts),
        photos=photos_seen(here.opened.state, seen.building.id, seen.meter.id),
        records=commissionings_of(here.opened.state, seen.meter.id),
        may_edit=visitor.actor.may("edit", seen.building.agency),
        fault=fault,
        sent={"name": "", "note": ""} | sent,
    )


def latest_values(facts: MeterFacts) -> list[tuple[str, float]]:
    """Return the latest value of each quantity that came, in the order of the fields."""
    values = [(name, facts.latest(name)) for name in QUANTITIES if name in facts.readings.columns]
    return [(name, value) for name, value in values if value is not None and np.isfinite(value)]


@router.get("/meters/{meter_id}/label")
def label_page(meter_id: str, request: Request, visitor: PageVisitor) -> Response:
    """Show a label with a QR code that leads to the meter's checks, to be printed on A6."""
    seen = meter_of(visitor, meter_id)
    address = f"{request.url.scheme}://{request.url.netloc}/meters/{seen.meter.id}/check"
    return page(
        visitor,
        "meter_label.html.j2",
        title=visitor.words("meter_check.label"),
        meter=seen.meter,
        building=seen.building,
        agency=named(visitor, seen.building.agency),
        address=address,
        code=qr_code(address),
    )


def qr_code(text: str) -> Markup:
    """Return a text as a QR code that is still read when a quarter of it is dirty."""
    drawn = segno.make(text, error="q", micro=False)
    return Markup(drawn.svg_inline(border=2, omitsize=True, svgclass="qr", lineclass="qr-line"))  # noqa: S704


# -- photos --------------------------------------------------------------------------------------------------------


async def sent_photo(form: Annotated[FormData, Depends(own_upload)]) -> bytes:
    """Return the picture that a form of ours sends; nothing where it sends none."""
    upload = form.get("file")
    return await upload.read(MAX_FILE_BYTES + 1) if isinstance(upload, UploadFile) else b""


SentPhoto = Annotated[bytes, Depends(sent_photo)]
Rule = Annotated[str, Query(max_length=64)]


@router.post("/meters/{meter_id}/photos")
def new_photo_of_meter(meter_id: str, visitor: PageVisitor, content: SentPhoto) -> Response:
    """Store a photo of a meter."""
    seen = meter_of(visitor, meter_id)
    visitor.need("edit", seen.building.agency)
    try:
        store_photo(visitor.here.opened.state, visitor.actor, seen.building, seen.meter, content, visitor.here.clock())
    except InputError as error:
        return _check_page(visitor, seen, error.said(visitor.lang))
    return RedirectResponse(f"/meters/{meter_id}/check#photos", 303)


@router.post("/buildings/{building_id}/photos")
def new_photo_of_building(building_id: str, visitor: PageVisitor, content: SentPhoto, rule: Rule = "") -> Response:
    """Store a photo of a building, or of one of its findings."""
    building = building_of(visitor, building_id)
    visitor.need("edit", building.agency)
    store_photo(visitor.here.opened.state, visitor.actor, building, None, content, visitor.here.clock(), rule)
    if rule:
        return RedirectResponse(f"/buildings/{building_id}#findings", 303)
    return RedirectResponse(f"/records/one/building/{building_id}#photos", 303)


@router.post("/equipment/{equipment_id}/photos")
def new_photo_of_equipment(equipment_id: str, visitor: PageVisitor, content: SentPhoto) -> Response:
    """Store a photo of equipment: of its nameplate."""
    visitor.need("edit")
    equipment = visitor.here.portfolio.equipment.get(equipment_id)
    if equipment is None:
        raise NotThere
    building = building_of(visitor, equipment.building)
    visitor.need("edit", building.agency)
    store_photo(visitor.here.opened.state, visitor.actor, building, equipment, content, visitor.here.clock())
    return RedirectResponse(f"/records/one/equipment/{equipment_id}#photos", 303)


@router.get("/photos/{number}")
def photo(number: Number, visitor: PageVisitor) -> Response:
    """Return a photo to who may see its building."""
    content = read_stored_photo(visitor.here.opened.state, visitor.actor, number)
    return Response(content, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"})


@router.post("/photos/{number}/remove")
def photo_removed(number: Number, visitor: PageVisitor, _form: OwnForm) -> Response:
    """Remove a photo."""
    visitor.need("edit")
    removed = remove_photo(visitor.here.opened.state, visitor.actor, number, visitor.here.clock())
    if removed.rule:
        return RedirectResponse(f"/buildings/{removed.building}#findings", 303)
    return RedirectResponse(f"{_page_with(removed)}#photos", 303)


def _page_with(photo: StoredPhoto) -> str:
    """Return the page that shows a photo. Only ids of meters have dots."""
    if "." in photo.of:
        return f"/meters/{photo.of}/check"
    return f"/records/one/equipment/{photo.of}" if photo.of else f"/records/one/building/{photo.building}"


# -- records -------------------------------------------------------------------------------------------------------


@router.post("/meters/{meter_id}/sign")
def sign(meter_id: str, request: Request, visitor: PageVisitor, form: OwnForm) -> Response:
    """Sign a record of what the checks find now."""
    seen = meter_of(visitor, meter_id)
    visitor.need("edit", seen.building.agency)
    here, throttle = visitor.here, cast("Throttle", request.app.state.throttle)
    given = {name: str(form.get(name, "")) for name in ("name", "note")}
    if throttle.is_full(visitor.address):
        return _check_page(visitor, seen, visitor.words("error.signature_wait"), **given)
    if not is_password_of(here.opened.state, visitor.account.id, str(form.get("password", ""))[:300]):
        throttle.failed(visitor.address)
        return _check_page(visitor, seen, visitor.words("error.signature_password"), **given)
    checks = check_meter(facts_of(visitor, seen))
    try:
        number = sign_commissioning(
            here.opened.state,
            visitor.actor,
            seen.building,
            seen.meter,
            checks,
            name=given["name"],
            note=given["note"],
            now=here.clock(),
        )
    except InputError as error:
        return _check_page(visitor, seen, error.said(visitor.lang), **given)
    return RedirectResponse(f"/commissionings/{number}", 303)


def _shown(visitor: Visitor, number: int) -> tuple[SignedRecord, dict[str, Any]]:
    """Return a record, and what it is rendered with."""
    state = visitor.here.opened.state
    record = read_commissioning(state, visitor.actor, number)
    photos = [read_stored_photo(state, visitor.actor, one["number"]) for one in record.body["photos"]]
    agency = visitor.here.portfolio.agencies.get(record.agency)
    shown = {"photos": photos, "agency_name": named(visitor, record.agency), "words": visitor.words}
    return record, shown | {"is_simulated": agency is not None and agency.demonstration}


@router.get("/commissionings/{number}")
def record_page(number: Number, visitor: PageVisitor) -> Response:
    """Show a signed record."""
    record, shown = _shown(visitor, number)
    return Response(
        render_commissioning(record, **shown),
        media_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": REPORT_POLICY},
    )


@router.get("/commissionings/{number}/pdf", dependencies=HEAVY_PAGE)
def record_pdf(number: Number, visitor: PageVisitor) -> Response:
    """Return a signed record as PDF."""
    record, shown = _shown(visitor, number)
    name = f"commissioning-{record.meter}-{record.number}.pdf"
    return Response(
        print_commissioning(record, **shown),
        media_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{name}"'},
    )
