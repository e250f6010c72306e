"""The second step of signing in, the password again before what is sensitive, and where a user is signed in."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, cast
from urllib.parse import quote

import pyotp
import segno
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup
from starlette.datastructures import FormData

from bkkenergy.adapters.state import us_of
from bkkenergy.adapters.state.sessions import pass_code, set_proven
from bkkenergy.adapters.state.users import is_password_of, note
from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError
from bkkenergy.i18n import LANGS, Words
from bkkenergy.readings import US_PER_S
from bkkenergy.recipients import ATTACHED_FORMATS, CITY, DOCUMENT_KINDS
from bkkenergy.usecases.accountlinks import sends_links
from bkkenergy.usecases.devices import device_named, forget_own_device, own_devices
from bkkenergy.usecases.ownaccount import (
    begin_factor,
    confirm_factor,
    end_own_factor,
    end_own_sessions,
    end_users_factor,
    end_users_sessions,
    sign_in_state,
)
from bkkenergy.usecases.owndelivery import own_wish
from bkkenergy.usecases.passkeys import relying_party
from bkkenergy.web.delays import Delays, Throttle
from bkkenergy.web.letin import let_in
from bkkenergy.web.pages_work import named
from bkkenergy.web.render import open_page, page
from bkkenergy.web.security import (
    NotSignedIn,
    OwnForm,
    PageVisitor,
    ProvenVisitor,
    address_of,
    cookie_name,
    here_of,
    inside,
    lacks_factor,
    language_of,
    party_of,
    posted_form,
    set_session,
    signed_of,
)

router = APIRouter(default_response_class=HTMLResponse)
ISSUER = "bkkenergy"
A_WEEK_US = 7 * 86_400 * US_PER_S


@router.get("/login/code")
def code_page(request: Request, next: str = "/") -> Response:  # noqa: A002 - as the address says it
    """Ask for the code of the second step."""
    return code_shown(request, inside(next))


def code_shown(request: Request, target: str, fault: str = "", status: int = 200) -> Response:
    """Show the page of the second step, with what was wrong. Raises NotSignedIn where none is due."""
    signed = signed_of(request)
    if signed is None or not signed.needs_code:
        raise NotSignedIn
    lang = language_of(request, signed.account)
    values = {"next": target, "fault": fault, "has_passkeys": party_of(request) is not None}
    return open_page(lang, "code.html.j2", title=Words(lang)("web.second_step"), status=status, **values)


@router.post("/login/code")
def send_code(request: Request, form: Annotated[FormData, Depends(posted_form)]) -> Response:
    """Check the code, and sign in. Wrong codes make one wait as wrong passwords do."""
    here, address, signed = here_of(request), address_of(request), signed_of(request)
    if signed is None or not signed.needs_code:
        raise NotSignedIn
    words, target = Words(language_of(request, signed.account)), inside(str(form.get("next", "/")))
    throttle, delays = cast("Throttle", request.app.state.throttle), cast("Delays", request.app.state.delays)
    name = signed.account.name
    if throttle.is_full(address) or delays.wait_s(_step_of(name), address):
        return code_shown(request, target, words("web.too_many"), 429)
    web, state = here.settings.web, here.opened.state
    key = request.cookies.get(cookie_name(web), "")
    result = pass_code(state, key, str(form.get("code", ""))[:40], here.clock(), session_s=web.session_h * 3600)
    if result is None:
        throttle.failed(address)
        delays.failed(_step_of(name), address)
        note(state, name, "code_wrong", "", {}, here.clock(), address=address)
        return code_shown(request, target, words("error.code_wrong"), 401)
    delays.succeeded(_step_of(name), address)
    return let_in(request, result, target, second_factor=True)


def _step_of(name: str) -> str:
    """Return by what name wrong codes of a user are counted, beside wrong passwords."""
    return f"{name}\n"


@router.get("/again")
def again_page(visitor: PageVisitor, next: str = "/", *, fault: bool = False) -> Response:  # noqa: A002
    """Ask for the password again."""
    words = visitor.words
    text = words("web.password_wrong") if fault else ""
    return page(visitor, "again.html.j2", title=words("web.password_again"), next=inside(next), fault=text)


@router.post("/again")
def again(request: Request, visitor: PageVisitor, form: OwnForm) -> Response:
    """Check the password, and go on to what was asked for."""
    here, whose = visitor.here, f"account {visitor.account.id}"
    target, throttle = inside(str(form.get("next", "/"))), cast("Throttle", request.app.state.throttle)
    password = str(form.get("password", ""))[:300]
    if throttle.is_full(whose) or not is_password_of(here.opened.state, visitor.account.id, password):
        throttle.failed(whose)
        visitor.noted("password_wrong", visitor.account.name)
        return RedirectResponse(f"/again?fault=true&next={quote(target)}", 303)
    web, response = here.settings.web, RedirectResponse(target, 303)
    set_session(response, web, set_proven(here.opened.state, request.cookies.get(cookie_name(web), ""), here.clock()))
    return response


def account_shown(visitor: PageVisitor, **shown: Any) -> Response:
    """Show the visitor's account: language, password, second factor, and where the visitor is signed in."""
    state, now = visitor.here.opened.state, visitor.here.clock()
    known = sign_in_state(state, visitor.actor, now)
    here, actor = visitor.here, visitor.actor
    wish = own_wish(state, actor)
    reached = [*([CITY] if actor.sees_all else []), *actor.reachable(here.portfolio.agencies)]
    values = {"fault": "", "secret": "", "picture": "", "spare": (), "link_sent": "", "is_added": False} | shown
    return page(
        visitor,
        "account.html.j2",
        title=visitor.words("web.account"),
        languages=LANGS,
        wish=wish,
        has_line=here.settings.line.secret_file is not None,
        has_mail=bool(here.settings.mail.host),
        has_links=sends_links(here.settings),
        has_passkeys=relying_party(here.settings.web, visitor.host) is not None,
        documents=DOCUMENT_KINDS,
        formats=ATTACHED_FORMATS,
        monthly=[(agency, named(visitor, agency)) for agency in (wish.monthly if wish else ())],
        reports=[(agency, named(visitor, agency)) for agency in reached],
        sign_in=known,
        factor_wanted=visitor.session is not None and lacks_factor(visitor.here.settings.web, visitor.session),
        this_session="" if visitor.session is None else visitor.session.id,
        devices=own_devices(state, actor),
        new_since_us=us_of(now) - A_WEEK_US,
        device_named=device_named,
        instant=lambda us: dt.datetime.fromtimestamp(us / 1e6, BANGKOK),
        status=422 if values["fault"] else 200,
        **values,
    )


@router.post("/account/sessions/end")
def end_session(visitor: PageVisitor, form: OwnForm) -> Response:
    """End one session of the visitor's, or all but this one."""
    here, one = visitor.here, form.get("session")
    this = "" if visitor.session is None else visitor.session.id
    if one is None:
        end_own_sessions(here.opened.state, visitor.actor, here.clock(), but=this)
    else:
        end_own_sessions(here.opened.state, visitor.actor, here.clock(), only=str(one))
    return RedirectResponse("/account#sessions", 303)


@router.post("/account/browsers/{device}/forget")
def forget_device(device: str, visitor: PageVisitor, _form: OwnForm) -> Response:
    """Forget a browser that the visitor has signed in by."""
    forget_own_device(visitor.here.opened.state, visitor.actor, device, visitor.here.clock())
    return RedirectResponse("/account#browsers", 303)


@router.post("/account/factor")
def new_factor(request: Request, visitor: PageVisitor, form: OwnForm) -> Response:
    """Make a secret for the visitor's phone, and show it as a picture and as text."""
    here, words = visitor.here, visitor.words
    whose, throttle = f"account {visitor.account.id}", cast("Throttle", request.app.state.throttle)
    if throttle.is_full(whose):
        return account_shown(visitor, fault=words("web.too_many"))
    try:
        secret = begin_factor(here.opened.state, visitor.actor, str(form.get("password", ""))[:300], here.clock())
    except InputError as why:
        throttle.failed(whose)
        return account_shown(visitor, fault=why.said(visitor.lang))
    return account_shown(visitor, secret=secret, picture=_picture(visitor, secret))


def _picture(visitor: PageVisitor, secret: str) -> Markup:
    link = pyotp.TOTP(secret).provisioning_uri(name=visitor.account.name, issuer_name=ISSUER)
    drawn = segno.make(link, error="m", micro=False)
    return Markup(drawn.svg_inline(scale=4, border=4, light="#fff"))  # noqa: S704 - drawn here, of no text as text


@router.post("/account/factor/confirm")
def sure_factor(request: Request, visitor: PageVisitor, form: OwnForm) -> Response:
    """Set the second factor by its first code, and show the spare codes once."""
    here, whose = visitor.here, f"account {visitor.account.id}"
    throttle = cast("Throttle", request.app.state.throttle)
    if throttle.is_full(whose):
        return account_shown(visitor, fault=visitor.words("web.too_many"))
    try:
        spare = confirm_factor(here.opened.state, visitor.actor, str(form.get("code", ""))[:40], here.clock())
    except InputError as why:
        throttle.failed(whose)
        secret = str(form.get("secret", ""))[:64]
        is_ours = secret.isalnum() and secret.isascii()
        shown = {"secret": secret, "picture": _picture(visitor, secret)} if is_ours else {}
        return account_shown(visitor, fault=why.said(visitor.lang), **shown)
    return account_shown(visitor, spare=spare)


@router.post("/account/factor/end")
def no_factor(request: Request, visitor: PageVisitor, form: OwnForm) -> Response:
    """End the visitor's second factor."""
    here, whose = visitor.here, f"account {visitor.account.id}"
    throttle = cast("Throttle", request.app.state.throttle)
    try:
        if throttle.is_full(whose):
            return account_shown(visitor, fault=visitor.words("web.too_many"))
        end_own_factor(here.opened.state, visitor.actor, str(form.get("password", ""))[:300], here.clock())
    except InputError as why:
        throttle.failed(whose)
        return account_shown(visitor, fault=why.said(visitor.lang))
    return RedirectResponse("/account#factor", 303)


@router.post("/admin/users/{user_id}/sessions/end")
def end_all_of(user_id: int, visitor: ProvenVisitor, _form: OwnForm) -> Response:
    """Sign a user out everywhere."""
    end_users_sessions(visitor.here.opened.state, visitor.actor, user_id, visitor.here.clock())
    return RedirectResponse("/admin", 303)


@router.post("/admin/users/{user_id}/factor/end")
def end_factor_of(user_id: int, visitor: ProvenVisitor, _form: OwnForm) -> Response:
    """End the second factor of a user who lost the phone."""
    end_users_factor(visitor.here.opened.state, visitor.actor, user_id, visitor.here.clock())
    return RedirectResponse("/admin", 303)
