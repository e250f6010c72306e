"""A display for a lobby's wall: large figures of some agencies that change by themselves, by a link of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from bkkenergy.adapters.state.tokens import is_token_valid, token_account
from bkkenergy.i18n import Words
from bkkenergy.web.assets import static_mark
from bkkenergy.web.cityyear import year_so_far
from bkkenergy.web.delays import Throttle
from bkkenergy.web.figures import CityFigures, summed
from bkkenergy.web.live import live_figures, looks, opened
from bkkenergy.web.livefigures import LiveBuilding, said, totals
from bkkenergy.web.render import environment, open_page
from bkkenergy.web.security import (
    NotSignedIn,
    Visitor,
    address_of,
    cookie_name,
    drop_cookie,
    here_of,
    is_signed_in,
    language_of,
    set_language,
    store_cookie,
    visitor_of,
)
from bkkenergy.web.yesterday import yesterday

router = APIRouter()
WALL_COOKIE = "bkkenergy-wall"
COOKIE_S = 400 * 86_400
"""As long as browsers store a cookie; the token itself may end earlier, and can be ended at any time."""
MOST_SHOWN = 6


@dataclass(frozen=True, slots=True)
class WallVisitor:
    """Who looks at a wall. may_listen : whether that still holds."""

    visitor: Visitor
    may_listen: Callable[[], bool]


def wall_visitor(request: Request) -> WallVisitor:
    """Return whose figures a wall shows: by its link, or of a user who is signed in. Raises NotSignedIn."""
    here, secret = here_of(request), _stored(request)
    if secret:
        account = token_account(here.opened.state, secret, here.clock())
        if account is not None and account.scope == "wall":
            shown = Visitor(account, "", language_of(request, account), here, address_of(request))
            return WallVisitor(shown, lambda: is_token_valid(here.opened.state, secret, here.clock()))
    person = visitor_of(request)
    if person is None:
        raise NotSignedIn
    person.need("see")
    return WallVisitor(person, lambda: is_signed_in(request))


OnWall = Annotated[WallVisitor, Depends(wall_visitor)]


@router.get("/wall", response_class=HTMLResponse)
def wall(request: Request, key: str = "") -> Response:
    """Show the wall display. key : of its link; it is stored in the browser and leaves the address."""
    if key:
        return _with_key(request, key)
    if _stored(request) and visitor_of(request) is None and not _is_open(request):
        return _ended(request)
    visitor = wall_visitor(request).visitor
    text = environment.get_template("wall.html.j2").render(
        t=visitor.words, lang=visitor.lang, mark=static_mark(), **_figures(request, visitor)
    )
    return HTMLResponse(text)


@router.get("/live/wall")
async def live_wall(request: Request, on_wall: OnWall) -> StreamingResponse:
    """Send the power of all buildings of the wall, as `/live/power` does."""
    visitor = on_wall.visitor
    agencies = tuple(visitor.account.reachable(visitor.here.portfolio.agencies))
    lines = looks(live_figures(request), lambda view, is_whole: view.event(agencies, visitor.lang, is_whole=is_whole))
    return opened(request, f"wall of {visitor.account.name}", lines, on_wall.may_listen)


def _is_open(request: Request) -> bool:
    here = here_of(request)
    return is_token_valid(here.opened.state, _stored(request), here.clock())


def _stored(request: Request) -> str:
    """Return the key of the link that this browser has; empty for none."""
    return request.cookies.get(cookie_name(here_of(request).settings.web, WALL_COOKIE), "")


def _with_key(request: Request, key: str) -> Response:
    """Store a link's key in the browser, and go on to the address without it."""
    here, throttle, address = here_of(request), cast("Throttle", request.app.state.throttle), address_of(request)
    account = None if throttle.is_full(address) else token_account(here.opened.state, key, here.clock())
    if account is None or account.scope != "wall":
        throttle.failed(address)
        return _ended(request)
    response = RedirectResponse("/wall", 303)
    web = here.settings.web
    store_cookie(response, web, WALL_COOKIE, key, COOKIE_S)
    lang = request.query_params.get("lang")
    if lang in {"th", "en"}:
        set_language(response, web, lang)
    return response


def _ended(request: Request) -> Response:
    """Say that a link has ended; what the browser stored of it goes."""
    lang = language_of(request, None)
    text = Words(lang)("wall.ended")
    response = open_page(lang, "error.html.j2", title=text, status=403, text=text, detail="")
    drop_cookie(response, here_of(request).settings.web, WALL_COOKIE)
    return response


def _power_kw(one: LiveBuilding) -> float:
    return one.power.power_kw or 0.0


def _figures(request: Request, visitor: Visitor) -> dict[str, Any]:
    """Return what the wall shows: from the functions that the overview and the live page use."""
    here, words = visitor.here, visitor.words
    agencies = visitor.account.reachable(here.portfolio.agencies)
    figures = cast("CityFigures", here.city).now()
    rows = figures.of(agencies)
    view = live_figures(request).now()
    live = view.of(agencies)
    known = sorted((one for one in live if one.power.power_kw is not None), key=_power_kw, reverse=True)
    today = [row.today_kwh for row in rows if row.today_kwh is not None]
    of = here.portfolio.agencies[agencies[0]] if len(agencies) == 1 else None
    return {
        "name": words.either(th=of.name_th, en=of.name_en) if of else words("by_scope.total_city"),
        "total": totals(live, words),
        "at": view.at,
        "figures": figures,
        "today_kwh": sum(today) if today else None,
        "month": summed(row.month for row in rows),
        "year": summed(row.year for row in rows),
        "so_far": year_so_far(here, agencies, rows),
        "best": yesterday(here, agencies),
        "most": [(one.building, said(one, words)) for one in known[:MOST_SHOWN]],
        "is_demo": any(here.portfolio.agencies[agency].demonstration for agency in agencies),
    }
