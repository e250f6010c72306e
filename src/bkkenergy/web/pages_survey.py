"""A survey of a building's equipment on a phone: its page works without a network, and sends later what was entered."""

from __future__ import annotations

from typing import Any, get_args

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from bkkenergy.i18n import Words
from bkkenergy.portfolio import Building
from bkkenergy.portfolio.more import EquipmentKind
from bkkenergy.reports.retrofit.screen import equipment_by_building
from bkkenergy.site.record_kinds import SITE_KINDS
from bkkenergy.usecases.photos import photo_counts
from bkkenergy.usecases.portfolio_view import seen_record
from bkkenergy.web.pages_energy import building_of
from bkkenergy.web.render import page
from bkkenergy.web.security import PageVisitor, Visitor

router = APIRouter(default_response_class=HTMLResponse)
KINDS = tuple(kind for kind in get_args(EquipmentKind) if kind != "transformer")
FIRST = ("split_air_conditioner", "lighting", "fan", "pump", "chiller", "computer_room", "kitchen", "lift")
"""What most rooms have, before the rest."""


@router.get("/buildings/{building_id}/survey")
def survey_page(building_id: str, visitor: PageVisitor) -> Response:
    """Show the equipment of a building room by room, to be surveyed on a phone."""
    building = building_of(visitor, building_id)
    visitor.need("edit", building.agency)
    return page(
        visitor,
        "survey.html.j2",
        title=visitor.words("survey.title"),
        building=building,
        survey=survey_data(visitor, building),
        kinds=[(kind, visitor.words.name("record_choice.equipment_kind", kind)) for kind in _ordered()],
    )


def survey_data(visitor: Visitor, building: Building) -> dict[str, Any]:
    """Return what the page's script needs: who asks, the equipment that is known, and the kinds in both languages."""
    here = visitor.here
    photos = photo_counts(here.opened.state, building.id)
    records, actor, day = here.portfolio.records, visitor.actor, here.today
    entries = [
        seen_record(records, actor, SITE_KINDS, "equipment", one.id, day)
        for one in equipment_by_building(here.portfolio).get(building.id, [])
    ]
    return {
        "building": building.id,
        "user": visitor.account.name,
        "csrf": visitor.csrf,
        "year": here.today.year,
        "kinds": {
            kind: [Words(lang).name("record_choice.equipment_kind", kind) for lang in ("th", "en")] for kind in KINDS
        },
        "equipment": [
            {"id": one.key, "revision": one.revision, "value": one.value, "photos": photos.get(one.key, 0)}
            for one in entries
        ],
    }


def _ordered() -> list[str]:
    return [*FIRST, *(kind for kind in KINDS if kind not in FIRST)]
