"""Pages of solar: the designer with its scenarios, and all roofs ranked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from bkkenergy.adapters.state.scenarios import scenarios
from bkkenergy.adapters.state.weatherfiles import weather_files
from bkkenergy.errors import InputError
from bkkenergy.i18n import LANGS, Lang, Words
from bkkenergy.portfolio.belongings import plants_of
from bkkenergy.reports.solar.html import (
    days_text,
    design_charts,
    export_text,
    headline,
    render_design_html,
    render_design_pdf,
    roof_plans,
    solar_projects,
)
from bkkenergy.reports.solar.tables import design_csv, design_json, design_xlsx
from bkkenergy.reports.solar.tender import tender_archive, transformer_kva
from bkkenergy.solar.assumptions import ZERO_EXPORT, ExportScheme
from bkkenergy.solar.cleaning import COUNTS
from bkkenergy.solar.design import SolarDesign
from bkkenergy.solar.terms import schemes_on
from bkkenergy.usecases.scenarios import delete_scenario, store_scenario
from bkkenergy.usecases.weatherfiles import FILE, delete_weather, store_weather
from bkkenergy.web.api_portfolio_rows import Number
from bkkenergy.web.budgets import HEAVY_PAGE
from bkkenergy.web.context import AppContext
from bkkenergy.web.fluid import fluid
from bkkenergy.web.pages_energy import building_of
from bkkenergy.web.pages_imports import own_file, plain_name
from bkkenergy.web.pages_work import named
from bkkenergy.web.papers import MEDIA
from bkkenergy.web.render import page
from bkkenergy.web.security import REPORT_POLICY, OwnForm, PageVisitor, Visitor
from bkkenergy.web.solar import FIELDS, Sketch, designed, ranked_roofs

router = APIRouter(default_response_class=HTMLResponse)
MAX_TEXT = 20
SHOWN_CHARTS = ("months", "week", "cash")


def sketch_of(
    building: str = "",
    kwp: str = "",
    mounting: str = "flush",
    area_m2: str = "",
    tilt_deg: str = "10",
    azimuth_deg: str = "180",
    battery_kwh: str = "",
    export: str = "",
    on_peak_thb: str = "",
    off_peak_thb: str = "",
    netting: str = "",
    cleanings: str = "",
    weather: str = "",
) -> Sketch:
    """Parse a sketch from an address. Raises HTTPException where a field is too long to be meant."""
    terms = (battery_kwh, export, on_peak_thb, off_peak_thb, netting, cleanings, weather)
    fields = (kwp, mounting, area_m2, tilt_deg, azimuth_deg, *terms)
    if any(len(text) > MAX_TEXT for text in fields):
        raise HTTPException(422, "a field is too long")
    return Sketch(building, *fields)


AskedSketch = Annotated[Sketch, Depends(sketch_of)]


@router.get("/solar", dependencies=HEAVY_PAGE)
def solar_page(visitor: PageVisitor, sketch: AskedSketch, against: str = "") -> Response:
    """Show a roof's design; another size beside it; and the saved scenarios."""
    return _solar_page(visitor, sketch, against)


def _solar_page(visitor: Visitor, sketch: Sketch, against: str = "", weather_fault: str = "") -> Response:
    """Show the designer. weather_fault : why a file that was sent is no weather of the design; nothing is designed."""
    here = visitor.here
    agencies = set(visitor.account.reachable(here.portfolio.agencies))
    buildings = [
        building for building in here.portfolio.buildings.values() if building.agency in agencies and building.roofs
    ]
    designs, fault, may_keep, installed = [], "", False, ""
    if sketch.building:
        building = building_of(visitor, sketch.building)
        may_keep = visitor.account.may("design", building.agency)
        installed = ", ".join(
            f"{plant.id} {visitor.words.number(plant.capacity_kwp, 1)} kWp"
            for plant in plants_of(here.portfolio, building.id)
        )
        sizes = dict.fromkeys([sketch.kwp, *([against[:MAX_TEXT]] if against else [])])
        try:
            designs = [_shown(visitor, sketch.but(kwp=size)) for size in sizes if not weather_fault]
        except InputError as why:
            fault = why.said(visitor.lang)
    return page(
        visitor,
        "solar.html.j2",
        title=visitor.words("web.solar"),
        status=422 if weather_fault else 200,
        weather_fault=weather_fault,
        weather_files=_files_of(visitor, sketch.building),
        buildings=buildings,
        sketch=sketch,
        against=against,
        designs=designs,
        drawn=_drawn(designs[0]["design"], visitor.words) if designs else {},
        fault=fault,
        schemes=_schemes(here, sketch.building),
        zero_export=ZERO_EXPORT,
        cleaning_counts=COUNTS,
        levels=here.opened.solar.climate.levels,
        installed=installed,
        may_keep=may_keep,
        scenarios=[
            (scenario, urlencode(dict(scenario.wish))) for scenario in scenarios(here.opened.state, sorted(agencies))
        ],
        building_name=lambda building: _name_of(visitor, building),
        may_drop=lambda agency: visitor.account.may("design", agency),
    )


def _files_of(visitor: Visitor, building: str) -> list[tuple[str, str, int]]:
    """List the weather files of a building's agency: as a design names them, what they are called, their numbers."""
    known_building = visitor.here.portfolio.buildings.get(building)
    if known_building is None:
        return []
    stored = weather_files(visitor.here.opened.state, [known_building.agency])
    return [(f"{FILE}{one.digest}", f"{one.name} ({one.by})", one.number) for one in stored]


def _schemes(here: AppContext, building: str) -> tuple[ExportScheme, ...]:
    """List the schemes of export that a building can join today; every one that is offered before one is chosen."""
    if known_building := here.portfolio.buildings.get(building):
        return schemes_on(here.opened.solar, str(known_building.type), here.today)
    return tuple(scheme for scheme in here.opened.solar.export_schemes if scheme.is_offered)


def _name_of(visitor: Visitor, building: str) -> str:
    """Return what a building is called; its id where the portfolio no longer has it."""
    known_building = visitor.here.portfolio.buildings.get(building)
    return visitor.words.either(th=known_building.name_th, en=known_building.name_en) if known_building else building


def _shown(visitor: Visitor, sketch: Sketch) -> dict[str, Any]:
    """Return a design as the page shows it. Raises InputError."""
    design = designed(visitor.here, sketch)
    words = visitor.words
    return {
        "design": design,
        "headline": headline(design, words),
        "query": urlencode(sketch.query),
        "cleaning": [(option, days_text(option.days, words)) for option in design.cleaning],
        "export": export_text(design, words),
        "with_cleanings": {
            option.count_per_year: urlencode(sketch.but(cleanings=str(option.count_per_year)).query)
            for option in design.cleaning
        },
    }


def _drawn(design: SolarDesign, words: Words) -> dict[str, Any]:
    """Return the pictures of a design, and the plans of its roofs."""
    charts = design_charts(design, words)
    return {name: fluid(charts[name]) for name in SHOWN_CHARTS} | {"plans": roof_plans(design, words)}


@router.get("/solar/report/{building}", dependencies=HEAVY_PAGE)
def solar_report(
    building: str,
    visitor: PageVisitor,
    sketch: AskedSketch,
    format: str = "html",  # noqa: A002 - as the address says it
) -> Response:
    """Render the whole design as its page, on paper, or as a table."""
    is_demo = visitor.here.portfolio.is_simulated(building_of(visitor, building))
    today, planned = visitor.here.today, solar_projects(visitor.here.site.projects, building)
    writers: dict[str, Callable[[SolarDesign, Lang], bytes]] = {
        "html": lambda design, lang: render_design_html(
            design, lang, today=today, planned=planned, is_simulated=is_demo
        ),
        "pdf": lambda design, lang: render_design_pdf(design, lang, today=today, planned=planned, is_simulated=is_demo),
        "xlsx": design_xlsx,
        "csv": design_csv,
        "json": lambda design, _lang: design_json(design),
    }
    if format not in writers:
        raise HTTPException(422, "no such format")
    design = designed(visitor.here, sketch.but(building=building))
    headers = {"Content-Security-Policy": REPORT_POLICY}
    if format not in {"html", "pdf"}:
        headers["Content-Disposition"] = f'attachment; filename="solar_{building}.{format}"'
    return Response(writers[format](design, visitor.lang), media_type=MEDIA[format], headers=headers)


@router.get("/solar/tender/{building}", dependencies=HEAVY_PAGE)
def solar_tender(building: str, visitor: PageVisitor, sketch: AskedSketch) -> Response:
    """Return the tender pack of a design, in both languages, without PDF."""
    here = visitor.here
    is_demo = here.portfolio.is_simulated(building_of(visitor, building))
    design = designed(here, sketch.but(building=building))
    kva = transformer_kva(here.portfolio, building)
    pack = tender_archive(design, LANGS, today=here.today, kva=kva, with_pdf=False, is_simulated=is_demo)
    headers = {"Content-Disposition": f'attachment; filename="tender_{building}.zip"'}
    return Response(pack, media_type="application/zip", headers=headers)


def _sketch_of_form(building: str, form: Mapping[str, object]) -> Sketch:
    """Return the sketch that a form of the page carries in hidden fields."""
    fields = {name: str(form.get(name, ""))[:MAX_TEXT] for name in FIELDS if name != "building"}
    return Sketch(building).but(**{name: value for name, value in fields.items() if value})


@router.post("/solar/scenarios/{building}")
def keep(building: str, visitor: PageVisitor, form: OwnForm) -> Response:
    """Keep a scenario under a name."""
    known_building = building_of(visitor, building)
    sketch = _sketch_of_form(building, form)
    name = str(form.get("name", "")).strip()[:128] or visitor.words("web.solar")
    here = visitor.here
    store_scenario(here.opened.state, visitor.actor, known_building, name, sketch.query, here.clock())
    return RedirectResponse(f"/solar?{urlencode(sketch.query)}", 303)


@router.post("/solar/weather/{building}", dependencies=HEAVY_PAGE)
async def give_weather(building: str, visitor: PageVisitor, form: Annotated[FormData, Depends(own_file)]) -> Response:
    """Take a weather file for designs of a building's agency, and show the design by it."""
    known_building = building_of(visitor, building)
    visitor.need("design", known_building.agency)
    sketch = _sketch_of_form(building, form)
    upload = form.get("file")
    if not isinstance(upload, UploadFile) or not upload.filename:
        return await run_in_threadpool(_solar_page, visitor, sketch, "", visitor.words("record.list_no_file"))
    name, content, here = plain_name(upload.filename), await upload.read(), visitor.here
    try:
        given = await run_in_threadpool(
            store_weather, here.opened.state, visitor.actor, known_building, here.opened.solar.climate, name, content,
            here.clock(),
        )  # fmt: skip
    except InputError as why:
        return await run_in_threadpool(_solar_page, visitor, sketch, "", why.said(visitor.lang))
    return RedirectResponse(f"/solar?{urlencode(sketch.but(weather=given).query)}", 303)


@router.post("/solar/weather/{building}/{number}/drop")
def drop_weather(building: str, number: Number, visitor: PageVisitor, _form: OwnForm) -> Response:
    """Delete a weather file; one that a saved scenario rests on stays."""
    here = visitor.here
    visitor.need("design", building_of(visitor, building).agency)
    try:
        delete_weather(here.opened.state, visitor.actor, number, here.clock())
    except InputError as why:
        return _solar_page(visitor, Sketch(building), weather_fault=why.said(visitor.lang))
    return RedirectResponse(f"/solar?{urlencode({'building': building})}", 303)


@router.post("/solar/scenarios/{scenario_id}/drop")
def drop(scenario_id: Number, visitor: PageVisitor, _form: OwnForm) -> Response:
    """Remove a scenario."""
    here = visitor.here
    delete_scenario(here.opened.state, visitor.actor, scenario_id, here.clock())
    return RedirectResponse("/solar", 303)


@router.get("/solar/screening", dependencies=HEAVY_PAGE)
def screening_page(visitor: PageVisitor, agency: str = "", min_kwp: str = "", pays: str = "") -> Response:
    """Rank every roof of the visitor's agencies, with filters."""
    agencies = visitor.account.reachable(visitor.here.portfolio.agencies)
    if agency:
        visitor.need("see", agency)
    chosen = [agency] if agency else agencies
    least = float(min_kwp) if min_kwp.replace(".", "", 1).isdecimal() else 0.0
    rows = [
        row
        for row in ranked_roofs(visitor.here).rows
        if row.agency in chosen and row.capacity_kwp >= least and (not pays or row.payback_years is not None)
    ]
    return page(
        visitor,
        "screening.html.j2",
        title=visitor.words("solar.screening_title"),
        rows=rows,
        agencies=[(agency, named(visitor, agency)) for agency in agencies],
        agency=agency,
        min_kwp=min_kwp,
        pays=pays,
        capacity_kwp=sum(row.capacity_kwp for row in rows),
        energy_kwh=sum(row.energy_kwh for row in rows),
    )
