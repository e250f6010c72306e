"""What lets a phone install the app, and show its last figures where the server cannot be reached."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, Response

from bkkenergy.i18n import LANGS, Words
from bkkenergy.web.assets import STATIC, static_mark, tokens
from bkkenergy.web.render import open_page
from bkkenergy.web.security import language_of

router = APIRouter()


@router.get("/manifest.webmanifest")
def manifest(request: Request) -> Response:
    """Return the app's name, colours and icon as phones install them."""
    light = tokens("tokens.css")
    icon = {"src": f"/static/icon.svg?{static_mark()}", "sizes": "any", "type": "image/svg+xml"}
    shown = {
        "name": "bkkenergy",
        "short_name": "bkkenergy",
        "lang": language_of(request, None),
        "id": "/",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "theme_color": light["--top"],
        "background_color": light["--wash"],
        "icons": [{**icon, "purpose": "any"}, {**icon, "purpose": "maskable"}],
    }
    return JSONResponse(shown, media_type="application/manifest+json")


@router.get("/sw.js")
def service_worker() -> Response:
    """Return the script that answers where the server cannot be reached; at the root, so that it serves every page."""
    return FileResponse(STATIC / "sw.js", media_type="text/javascript", headers={"Cache-Control": "no-cache"})


@router.get("/offline")
def offline() -> Response:
    """Return the page that a device stores for what it cannot show; it speaks both languages."""
    return open_page("th", "offline.html.j2", title="bkkenergy", both=[Words(lang) for lang in LANGS])
