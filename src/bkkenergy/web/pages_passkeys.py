"""Passkeys: signing in by one, with no password or as the second step, and the user's list of them."""

from __future__ import annotations

import json
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from bkkenergy.adapters.state.users import Signed, note
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.usecases.passkeys import (
    RelyingParty,
    add_passkey,
    begin_passkey,
    begin_sign_in,
    end_passkey,
    sign_in_by_passkey,
)
from bkkenergy.web.delays import Throttle
from bkkenergy.web.letin import let_in
from bkkenergy.web.pages_account import login_shown
from bkkenergy.web.pages_signin import account_shown, code_shown
from bkkenergy.web.security import (
    OwnForm,
    PageVisitor,
    address_of,
    cookie_name,
    here_of,
    inside,
    language_of,
    party_of,
    posted_form,
    signed_of,
)

router = APIRouter(default_response_class=HTMLResponse)


def _party(request: Request) -> RelyingParty:
    party = party_of(request)
    if party is None:
        raise HTTPException(404, "not found")
    return party


def _key(request: Request) -> str:
    return request.cookies.get(cookie_name(here_of(request).settings.web), "")


def _half(request: Request, signed: Signed | None) -> str:
    """Return the key of a session whose second step is due; empty where a passkey is to sign in alone."""
    return _key(request) if signed is not None and signed.needs_code else ""


def _answer_in(form: FormData) -> dict[str, Any]:
    """Return what a passkey answered; nothing where the form has no such thing."""
    try:
        answer = json.loads(str(form.get("credential", ""))[:20_000])
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


@router.post("/passkey/begin")
def begin(request: Request) -> Response:
    """Return what the browser asks a passkey by."""
    here, half = here_of(request), _half(request, signed_of(request))
    return JSONResponse(begin_sign_in(here.opened.state, _party(request), half, here.clock()))


@router.post("/passkey")
def sign_in(request: Request, form: Annotated[FormData, Depends(posted_form)]) -> Response:
    """Sign in by what a passkey answered, or do the second step by it."""
    here, address, party = here_of(request), address_of(request), _party(request)
    words, throttle = Words(language_of(request, None)), cast("Throttle", request.app.state.throttle)
    target, signed, web = inside(str(form.get("next", "/"))), signed_of(request), here.settings.web
    refused = login_shown if not (half := _half(request, signed)) else code_shown
    if throttle.is_full(address):
        return refused(request, target, words("web.too_many"), 429)
    result = sign_in_by_passkey(
        here.opened.state, party, half, _answer_in(form), here.clock(),
        session_s=web.session_h * 3600, address=address, agent=request.headers.get("User-Agent", ""),
    )  # fmt: skip
    if result is None:
        throttle.failed(address)
        whose = signed.account.name if signed is not None else ""
        note(here.opened.state, whose, "passkey_wrong", "", {}, here.clock(), address=address)
        return refused(request, target, words("error.passkey_wrong"), 401)
    return let_in(request, result, target, passkey=True)


@router.post("/account/passkeys/begin")
def begin_own(request: Request, visitor: PageVisitor, form: OwnForm) -> Response:
    """Return what the browser makes a passkey by, to one who gives the password."""
    here, whose = visitor.here, f"account {visitor.account.id}"
    throttle, party = cast("Throttle", request.app.state.throttle), _party(request)
    if throttle.is_full(whose):
        return JSONResponse({"fault": visitor.words("web.too_many")}, 429)
    try:
        password = str(form.get("password", ""))[:300]
        options = begin_passkey(here.opened.state, visitor.actor, password, party, _key(request), here.clock())
    except InputError as why:
        throttle.failed(whose)
        return JSONResponse({"fault": why.said(visitor.lang)}, 422)
    return JSONResponse(options)


@router.post("/account/passkeys")
def add_own(request: Request, visitor: PageVisitor, form: OwnForm) -> Response:
    """Enter a passkey of the visitor's."""
    here, name, answer = visitor.here, str(form.get("name", "")), _answer_in(form)
    try:
        spare = add_passkey(
            here.opened.state, visitor.actor, _party(request), _key(request), answer, name, here.clock()
        )
    except InputError as why:
        return account_shown(visitor, fault=why.said(visitor.lang))
    return account_shown(visitor, spare=spare, is_added=True)


@router.post("/account/passkeys/{number}/end")
def end_own(number: int, request: Request, visitor: PageVisitor, form: OwnForm) -> Response:
    """Take a passkey of the visitor's out."""
    here, whose = visitor.here, f"account {visitor.account.id}"
    throttle, password = cast("Throttle", request.app.state.throttle), str(form.get("password", ""))[:300]
    try:
        if throttle.is_full(whose):
            return account_shown(visitor, fault=visitor.words("web.too_many"))
        end_passkey(here.opened.state, visitor.actor, number, password, here.clock())
    except InputError as why:
        throttle.failed(whose)
        return account_shown(visitor, fault=why.said(visitor.lang))
    return RedirectResponse("/account#passkeys", 303)
