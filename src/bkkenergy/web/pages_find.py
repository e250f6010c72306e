"""The search over agencies, buildings and meters, in Thai and English."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from bkkenergy.usecases.find import MAX_HITS, find_by_name
from bkkenergy.web.render import page
from bkkenergy.web.security import PageVisitor

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/find")
def find_page(visitor: PageVisitor, q: Annotated[str, Query(max_length=200)] = "") -> Response:
    """List what has every word that was entered."""
    hits = find_by_name(visitor.here.portfolio, visitor.actor, q)
    return page(
        visitor, "find.html.j2", title=visitor.words("find.title"), text=q, hits=hits, is_cut=len(hits) == MAX_HITS
    )
