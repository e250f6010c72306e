"""A page for developers: every component that pages use, with the colours and sizes that they are made of."""

from __future__ import annotations

import re
from functools import lru_cache

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from bkkenergy.web.assets import STATIC
from bkkenergy.web.icons import ICONS
from bkkenergy.web.render import page
from bkkenergy.web.security import PageVisitor

router = APIRouter(default_response_class=HTMLResponse)
TOKEN = re.compile(r"(--[a-z0-9-]+):\s*([^;]+);")
SIZES = ("--text-", "--gap-", "--corner-")


@lru_cache
def tokens(sheet: str) -> dict[str, str]:
    """Return the names and values that a style sheet of tokens gives."""
    return dict(TOKEN.findall((STATIC / sheet).read_text(encoding="utf-8")))


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
