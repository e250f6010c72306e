"""What anybody may read without signing in: figures of buildings that their agencies agreed to publish."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from bkkenergy.i18n import Words
from bkkenergy.reports.programme.opendata import OpenBuilding, licences_of, open_buildings, open_csv, open_json
from bkkenergy.web.context import AppContext
from bkkenergy.web.papers import MEDIA
from bkkenergy.web.render import open_page
from bkkenergy.web.security import here_of, language_of

router = APIRouter(prefix="/open-data", default_response_class=HTMLResponse)
KEPT_S = 600.0
OpenForm = Literal["csv", "json"]


def what_is_open(here: AppContext) -> Sequence[OpenBuilding]:
    """Return what may be published now, computed once a while for all readers."""
    key = ("open data", here.today, here.portfolio.revision)
    known: Sequence[OpenBuilding] = here.cached(key, KEPT_S, lambda: open_buildings(here.opened))
    return known


@router.get("")
def open_data_page(request: Request) -> Response:
    """Show which buildings are published, what of them, and under which licence."""
    here = here_of(request)
    lang = language_of(request, None)
    buildings = what_is_open(here)
    return open_page(
        lang,
        "open_data.html.j2",
        title=Words(lang)("open_data.title"),
        buildings=buildings,
        agencies={one.id: one for one in here.portfolio.agencies.values()},
        licences=licences_of(buildings),
        is_demo=any(here.portfolio.agencies[one.agency].demonstration for one in buildings),
    )


@router.get("/buildings.{form}")
def open_data_file(form: OpenForm, request: Request) -> Response:
    """Return what is published as CSV or JSON, with its licence."""
    here = here_of(request)
    buildings = what_is_open(here)
    content = open_json(buildings, here.today) if form == "json" else open_csv(buildings, here.today)
    headers = {"Content-Disposition": f'attachment; filename="buildings.{form}"'}
    return Response(content, media_type=MEDIA[form], headers=headers)
