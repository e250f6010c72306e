"""A page for developers: every component that pages use, with the colours and sizes that they are made of."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from bkkenergy.web.assets import tokens
from bkkenergy.web.icons import ICONS
from bkkenergy.web.render import page
from bkkenergy.web.security import PageVisitor

router = APIRouter(default_response_class=HTMLResponse)
SIZES = ("--text-", "--gap-", "--corner-")


@router.get("/components")
def components_page(visitor: PageVisitor) -> Response:
    """Show the components, the icons and the tokens."""
    light = tokens("tokens.css")
    sizes = {name: value for name, value in light.items() if name.startswith(SIZES)}
    colours = {name: value for name, value in light.items() if name not in sizes and name != "--shade"}
    return page(
        visitor,
        "components.html.j2",
        title=visitor.words("web.components"),
        colours=colours,
        dark=tokens("dark.css"),
        sizes=sizes,
        meanings=list(ICONS),
    )
