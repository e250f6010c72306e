"""What ends every way of signing in: the log, the user's notice of a new browser, the cookies."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from bkkenergy.adapters.state.devices import KNOWN_S
from bkkenergy.adapters.state.users import SignedIn, note
from bkkenergy.usecases.devices import arrive
from bkkenergy.web.security import address_of, begin_session, cookie_name, here_of, store_cookie

DEVICE_COOKIE, MAX_KEY = "bkkenergy-browser", 64
"""By which a browser is known again."""


def device_key(request: Request) -> str:
    """Return what this browser is known by; empty for a new one."""
    key = request.cookies.get(cookie_name(here_of(request).settings.web, DEVICE_COOKIE), "")
    return key if len(key) <= MAX_KEY else ""


def let_in(request: Request, signed: SignedIn, target: str, *, by: str = "", **detail: Any) -> Response:
    """Note a sign-in, mail the user of a new browser, and go on. by : the provider. detail : how, for the log."""
    here, address, account = here_of(request), address_of(request), signed.session.account
    state, now = here.opened.state, here.clock()
    agent = request.headers.get("User-Agent", "")
    arrival = arrive(state, account, device_key(request), now, address=address, agent=agent)
    how = detail if arrival.is_known else detail | {"new_browser": True}
    note(state, account.name, "sign_in", by, how, now, address=address)
    response = RedirectResponse(target, 303)
    begin_session(request, response, signed.key)
    store_cookie(response, here.settings.web, DEVICE_COOKIE, arrival.key, KNOWN_S)
    return response
