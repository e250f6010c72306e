"""The page of a saving in baht, and under typical weather."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from bkkenergy.errors import InputError
from bkkenergy.reports.savings.phrasing import verdict_text
from bkkenergy.reports.savings.worthwords import normal_text, worth_method, worth_sentences
from bkkenergy.savings.normal import NormalSaving
from bkkenergy.savings.worth import Worth
from bkkenergy.web.api_worth import saving_in_baht
from bkkenergy.web.pages_energy import building_of
from bkkenergy.web.render import page
from bkkenergy.web.security import PageVisitor

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/buildings/{building_id}/worth")
def worth_page(building_id: str, visitor: PageVisitor) -> Response:
    """Show what a building's saving is worth in baht, by on-peak and off-peak hours and demand."""
    words = visitor.words
    building = building_of(visitor, building_id)
    known = saving_in_baht(visitor.here, building)
    worth, normal = known.worth, known.normal
    return page(
        visitor,
        "worth.html.j2",
        title=words("worth.page"),
        building=building,
        building_name=words.either(th=building.name_th, en=building.name_en),
        verdict=verdict_text(known.band, words) if known.band is not None else "",
        is_sure=known.band is not None and known.band.verdict in {"proven", "increase"},
        worth=worth if isinstance(worth, Worth) else None,
        why=worth.said(visitor.lang) if isinstance(worth, InputError) else "",
        sentences=worth_sentences(worth, words) if isinstance(worth, Worth) else [],
        method=worth_method(worth, words) if isinstance(worth, Worth) else "",
        normal=normal.said(visitor.lang) if isinstance(normal, InputError) else normal_text(normal, words),
        has_normal=isinstance(normal, NormalSaving),
    )
