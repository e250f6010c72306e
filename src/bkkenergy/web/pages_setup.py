"""The first run in the browser: an administrator by a link that is good once, and the steps that follow."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from bkkenergy.access import password_fault
from bkkenergy.adapters.state.users import FIRST_RUN, SignedIn, sign_in
from bkkenergy.errors import InputError, NotThere
from bkkenergy.i18n import Words
from bkkenergy.ingest.doctor import CheckResult, broker_checks
from bkkenergy.ingest.sort import Sorter
from bkkenergy.ingest.topics import topics_for
from bkkenergy.usecases.firstrun import enter_first_admin, steps_left
from bkkenergy.web.delays import Throttle
from bkkenergy.web.letin import let_in
from bkkenergy.web.render import dead_link, open_page, page
from bkkenergy.web.security import (
    OwnForm,
    PageVisitor,
    Visitor,
    address_of,
    here_of,
    language_of,
    posted_form,
)

router = APIRouter(default_response_class=HTMLResponse)


def _is_key(request: Request, key: str) -> bool:
    """Whether the link is the one that was printed, and was not used yet."""
    printed: str = request.app.state.first_run_key
    throttle, address = cast("Throttle", request.app.state.throttle), address_of(request)
    if printed and not throttle.is_full(address) and hmac.compare_digest(key.encode(), printed.encode()):
        return True
    throttle.failed(address)
    return False


def _no_link(request: Request) -> Response:
    """Say what to do about a link that opens nothing: the same for one that was used and one that never was."""
    return dead_link(language_of(request, None), "setup")


@router.get("/first-run/{key}")
def first_page(key: str, request: Request) -> Response:
    """Show a form for the first administrator."""
    return _first_page(request, key) if _is_key(request, key) else _no_link(request)


def _first_page(request: Request, key: str, fault: str = "", name: str = "") -> Response:
    lang = language_of(request, None)
    return open_page(
        lang,
        "first_run.html.j2",
        title=Words(lang)("setup.title"),
        status=422 if fault else 200,
        key=key,
        fault=fault,
        name=name,
    )


@router.post("/first-run/{key}")
def first_admin(key: str, request: Request, form: Annotated[FormData, Depends(posted_form)]) -> Response:
    """Make the first administrator and sign in; the link is used up."""
    if not _is_key(request, key):
        return _no_link(request)
    here, lang, address = here_of(request), language_of(request, None), address_of(request)
    words = Words(lang)
    name, password, again = (str(form.get(part, ""))[:300] for part in ("name", "password", "again"))
    fault = password_fault(password, name.strip())
    if password != again:
        return _first_page(request, key, words("setup.differ"), name)
    if fault:
        return _first_page(request, key, words(fault), name)
    try:
        enter_first_admin(here.opened, name, password, address, here.clock(), language=lang)
    except NotThere:
        return _no_link(request)
    except InputError as error:
        return _first_page(request, key, error.said(lang), name)
    request.app.state.first_run_key = ""
    here.look_now()
    web = here.settings.web
    session_s, now = web.session_h * 3600, here.clock()
    result = sign_in(here.opened.state, name.strip(), password, now, session_s=session_s, address=address, by=FIRST_RUN)
    return let_in(request, result, "/setup") if isinstance(result, SignedIn) else RedirectResponse("/setup", 303)


@router.get("/setup")
def setup_page(visitor: PageVisitor) -> Response:
    """Show what of the set-up is done, and lead to what is left."""
    visitor.need("portfolio")
    visitor.need("serve")
    return _setup_page(visitor)


def _setup_page(visitor: Visitor, checks: Sequence[CheckResult] = ()) -> Response:
    mqtt = visitor.here.settings.mqtt
    return page(
        visitor,
        "setup.html.j2",
        title=visitor.words("setup.title"),
        steps=steps_left(visitor.here.opened, visitor.here.today),
        checks=checks,
        broker=f"{mqtt.host}:{mqtt.port}",
        settings_file=visitor.here.opened.config.folder / "bkkenergy.toml",
    )


@router.post("/setup/broker")
def broker_tested(visitor: PageVisitor, _form: OwnForm) -> Response:
    """Connect to the broker under a name of its own, and subscribe as the ingester does."""
    visitor.need("portfolio")
    visitor.need("serve")
    here = visitor.here
    sorter = Sorter(here.portfolio.meters, here.profiles, max_ahead_s=here.settings.ingest.max_ahead_s)
    checks = broker_checks(here.settings, topics_for(here.settings, sorter.topics), sorter.topics)
    return _setup_page(visitor, [check.said(visitor.lang) for check in checks])
