"""The page of a PV plant that runs."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup

from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.reports.solar.drawing import Line, lines
from bkkenergy.usecases.planttexts import drop_text, plant_notes
from bkkenergy.usecases.plantwork import PlantWork
from bkkenergy.web.api_plants import seen_plant, work_of
from bkkenergy.web.fluid import fluid
from bkkenergy.web.render import page
from bkkenergy.web.security import PageVisitor

router = APIRouter(default_response_class=HTMLResponse)
SHOWN_NAMES = 12


@router.get("/plants/{plant_id}")
def plant_page(plant_id: str, visitor: PageVisitor) -> Response:
    """Show how a plant works, month by month, with its drops."""
    words = visitor.words
    plant = seen_plant(visitor, plant_id)
    building = visitor.here.portfolio.buildings[plant.building]
    work, fault = None, ""
    try:
        work = work_of(visitor, plant)
    except InputError as why:
        fault = why.said(visitor.lang)
    return page(
        visitor,
        "plant.html.j2",
        title=words("plant.title", plant=plant.id),
        plant=plant,
        building=building,
        building_name=words.either(th=building.name_th, en=building.name_en),
        work=work,
        fault=fault,
        chart=None if work is None else _chart(work, words),
        notes=[] if work is None else plant_notes(work, visitor.here.portfolio, words),
        drops=[] if work is None else [drop_text(drop, visitor.here.portfolio, words) for drop in work.drops],
        month_name=words.month,
    )


def _chart(work: PlantWork, words: Words) -> Markup | None:
    """Draw measured and expected energy of the months of which something is known; nothing where none is."""
    months = [month for month in work.months if month.energy_kwh is not None]
    if not months:
        return None
    step = max(1, len(months) // SHOWN_NAMES)
    names = [(float(at), words.month_short(month.month)) for at, month in enumerate(months) if at % step == 0]
    curves = [
        Line([month.expected_kwh or 0.0 for month in months], "usual"),
        Line([month.energy_kwh or 0.0 for month in months], "actual"),
    ]
    return fluid(lines(curves, names, words("plant.chart"), words.number))
