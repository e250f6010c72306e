"""Pages of people: signing in, the visitor's account, users and tokens, the audit log, settings, help."""

from __future__ import annotations

import datetime as dt
import math
from typing import Annotated, Any, cast
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from bkkenergy.access import EVERY_AGENCY, ROLES, TOKEN_SCOPES, Actor, Power, TokenScope, password_fault
from bkkenergy.adapters.state.devices import is_device_of
from bkkenergy.adapters.state.owndelivery import OwnChannel, OwnDelivery
from bkkenergy.adapters.state.users import (
    MustWait,
    PasswordExpired,
    SignedIn,
    is_password_of,
    known_name,
    note,
    sign_in,
    sign_out,
)
from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError
from bkkenergy.i18n import LANGS, Words
from bkkenergy.recipients import ATTACHED_FORMATS, DOCUMENT_KINDS, ENERGY
from bkkenergy.usecases.accountlinks import enter_invited, mail_link, sends_links
from bkkenergy.usecases.auditing import read_audit
from bkkenergy.usecases.owndelivery import choose_own_delivery, want_monthly
from bkkenergy.usecases.people import (
    NewUser,
    alter_user,
    change_own_language,
    change_own_password,
    end_token,
    enter_token,
    enter_user,
    list_tokens,
    list_users,
)
from bkkenergy.web.delays import Delays, Throttle
from bkkenergy.web.letin import device_key, let_in
from bkkenergy.web.pages_signin import account_shown
from bkkenergy.web.pages_work import named
from bkkenergy.web.render import open_page, page
from bkkenergy.web.security import (
    OwnForm,
    PageVisitor,
    ProvenVisitor,
    address_of,
    begin_session,
    cookie_name,
    drop_cookie,
    here_of,
    inside,
    language_of,
    party_of,
    posted_form,
    set_language,
    whole_number,
)

router = APIRouter(default_response_class=HTMLResponse)
TOKEN_DAYS = (30, 90, 365)


@router.get("/login")
def login_page(request: Request, next: str = "/") -> Response:  # noqa: A002 - as the address says it
    """Show the sign-in page."""
    return login_shown(request, inside(next))


def login_shown(request: Request, target: str, fault: str = "", status: int = 200, name: str = "") -> Response:
    """Show the sign-in page, with what was wrong. target : where one goes from there."""
    lang, web = language_of(request, None), here_of(request).settings.web
    return open_page(
        lang,
        "login.html.j2",
        title=Words(lang)("web.sign_in"),
        status=status,
        next=target,
        fault=fault,
        name=name,
        has_oidc=web.oidc is not None,
        has_passwords=web.local_sign_in,
        has_passkeys=party_of(request) is not None,
    )


@router.post("/login")
def login(request: Request, form: Annotated[FormData, Depends(posted_form)]) -> Response:
    """Check name and password, and sign in; after some failures each makes one wait longer."""
    here, address, words = here_of(request), address_of(request), Words(language_of(request, None))
    throttle = cast("Throttle", request.app.state.throttle)
    name, password = str(form.get("name", ""))[:64], str(form.get("password", ""))[:300]
    target = inside(str(form.get("next", "/")))
    if not here.settings.web.local_sign_in:
        return login_shown(request, target, words("web.by_provider_alone"), 403, name)
    delays, state = cast("Delays", request.app.state.delays), here.opened.state
    is_known = is_device_of(state, name, device_key(request), here.clock())
    if throttle.is_full(address) and not is_known:
        return login_shown(request, target, words("web.too_many"), 429, name)
    whence = f"browser {device_key(request)}" if is_known else address
    if wait_s := delays.wait_s(name, whence, is_known=is_known):
        fault = words("web.wait", seconds=words.number(math.ceil(wait_s)))
        return login_shown(request, target, fault, 429, name)
    result = sign_in(
        state, name, password, here.clock(), session_s=here.settings.web.session_h * 3600, address=address,
        agent=request.headers.get("User-Agent", ""), is_known=is_known,
    )  # fmt: skip
    if not isinstance(result, SignedIn):
        throttle.failed(address)
        delays.failed(name, whence)
        note(state, known_name(state, name), "sign_in_failed", "", {}, here.clock(), address=address)
        if isinstance(result, MustWait):
            fault, status = words("web.wait", seconds=words.number(result.seconds)), 429
        elif isinstance(result, PasswordExpired):
            fault, status = words("web.password_expired"), 403
        else:
            fault, status = words("web.wrong"), 401
        return login_shown(request, target, fault, status, name)
    delays.succeeded(name, whence)
    if result.session.needs_code:
        response = RedirectResponse(f"/login/code?next={quote(target)}", 303)
        begin_session(request, response, result.key)
        return response
    return let_in(request, result, target)


@router.post("/logout")
def logout(request: Request, visitor: PageVisitor, _form: OwnForm) -> Response:
    """Close the session."""
    web = visitor.here.settings.web
    sign_out(visitor.here.opened.state, request.cookies[cookie_name(web)])
    visitor.noted("sign_out", "")
    response = RedirectResponse("/login", 303)
    drop_cookie(response, web)
    return response


@router.get("/account")
def account_page(visitor: PageVisitor, fault: str = "") -> Response:
    """Show the visitor's account."""
    known = {"web.too_many", "web.password_short", "web.password_long", "web.password_guessed", "web.password_wrong"}
    text = visitor.words(fault) if fault in known else ""
    return account_shown(visitor, fault=text)


@router.post("/account/messages")
def own_messages(visitor: PageVisitor, form: OwnForm) -> Response:
    """Store where the visitor wants messages, and which; or end them all."""
    here = visitor.here
    channel = str(form.get("channel", ""))
    wish = None
    if channel:
        monthly = [str(agency) for agency in (*form.getlist("monthly"), form.get("more", "")) if agency]
        wish = OwnDelivery(
            channel=cast("OwnChannel", channel),
            address=str(form.get("address", "")).strip(),
            findings="findings" in form,
            monthly=tuple(dict.fromkeys(monthly)),
            documents=tuple(one for one in DOCUMENT_KINDS if one in form.getlist("documents")) or (ENERGY,),
            formats=tuple(one for one in ATTACHED_FORMATS if one in form.getlist("formats")) or ("pdf",),
        )
    try:
        choose_own_delivery(here.opened.state, visitor.actor, here.settings, wish, here.clock())
    except InputError as why:
        return account_shown(visitor, fault=why.said(visitor.lang))
    return RedirectResponse("/account#messages", 303)


@router.post("/account/monthly")
def own_monthly(visitor: PageVisitor, form: OwnForm) -> Response:
    """Let an agency's monthly report be sent to the visitor, or end it; without an address the account asks for it."""
    here, agency = visitor.here, str(form.get("agency", ""))
    is_wanted = str(form.get("wanted", "1")) == "1"
    try:
        want_monthly(here.opened.state, visitor.actor, agency, here.clock(), is_wanted=is_wanted)
    except InputError as why:
        return account_shown(visitor, fault=why.said(visitor.lang))
    return RedirectResponse(inside(str(form.get("back", "/account#messages"))), 303)


@router.post("/account")
def account(request: Request, visitor: PageVisitor, form: OwnForm) -> Response:
    """Update the visitor's password or language."""
    here, user = visitor.here, visitor.account
    language = str(form.get("language", ""))
    if language in LANGS:
        change_own_language(here.opened.state, visitor.actor, language)
    old, new = str(form.get("old", "")), str(form.get("new", ""))
    if not new:
        response = RedirectResponse("/account", 303)
        set_language(response, here.settings.web, language if language in LANGS else visitor.lang)
        return response
    throttle, whose = cast("Throttle", request.app.state.throttle), f"account {user.id}"
    if throttle.is_full(whose):
        return RedirectResponse("/account?fault=web.too_many", 303)
    fault = password_fault(new, user.name)
    if not is_password_of(here.opened.state, user.id, old):
        throttle.failed(whose)
        visitor.noted("password_wrong", user.name)
        fault = "web.password_wrong"
    if fault:
        return RedirectResponse(f"/account?fault={fault}", 303)
    session = request.cookies.get(cookie_name(here.settings.web), "")
    browser = device_key(request)
    change_own_password(here.opened.state, visitor.actor, new, here.clock(), session=session, browser=browser)
    return RedirectResponse("/", 303)


@router.get("/admin")
def admin_page(visitor: ProvenVisitor) -> Response:
    """Show users, tokens, settings and the audit log."""
    return admin_shown(visitor)


def admin_shown(visitor: PageVisitor, **shown: Any) -> Response:
    """Show users, tokens, settings and the audit log, with what came of a form."""
    here, actor = visitor.here, visitor.actor
    state, serves = here.opened.state, actor.may("serve")
    values = {"secret": "", "fault": "", "is_wall": False, "typed": None, "link_sent": ""} | shown
    return page(
        visitor,
        "admin.html.j2",
        title=visitor.words("web.admin"),
        status=422 if values["fault"] else 200,
        users=list_users(state, actor),
        tokens=list_tokens(state, actor),
        audit=read_audit(state, actor, 100) if serves else [],
        roles=ROLES,
        agencies=[here.portfolio.agencies[agency] for agency in actor.reachable(here.portfolio.agencies)],
        agency_name=lambda agency: visitor.words("web.all") if agency == EVERY_AGENCY else named(visitor, agency),
        token_days=TOKEN_DAYS,
        has_links=sends_links(here.settings),
        token_scopes=token_scopes(actor),
        settings=settings_lines(visitor) if serves else [],
        instant=lambda us: dt.datetime.fromtimestamp(us / 1e6, BANGKOK),
        **values,
    )


def token_scopes(actor: Actor) -> list[TokenScope]:
    """Return the scopes that give one's tokens anything beyond the scope before."""
    needed: dict[TokenScope, Power] = {"records": "portfolio", "readings": "send"}
    return [scope for scope in TOKEN_SCOPES if scope not in needed or actor.may(needed[scope])]


def settings_lines(visitor: PageVisitor) -> list[tuple[str, str]]:
    """List the settings in force, secrets as dots."""
    lines = []
    for section, model in visitor.here.settings:
        if hasattr(model, "model_dump"):
            dumped = model.model_dump(mode="json", exclude_none=True)
            lines += [(f"{section}.{key}", str(value)) for key, value in dumped.items()]
    lines += [
        ("recipient", f"{recipient.channel} {recipient.to}")
        for recipient in visitor.here.opened.config.delivery_on(visitor.here.today).recipient
    ]
    return lines


@router.post("/admin/users")
def new_user(visitor: ProvenVisitor, form: OwnForm) -> Response:
    """Add a user, with a password to be changed at the first sign-in, or with a link by mail to set one."""
    visitor.need("administer")
    here, words = visitor.here, visitor.words
    name, password = str(form.get("name", "")).strip(), str(form.get("password", ""))
    mail = str(form.get("mail", "")).strip() if sends_links(here.settings) else ""
    is_invited = bool(mail) and not password
    agencies = [str(agency) for agency in form.getlist("agencies")]
    role = str(form.get("role", "viewer"))
    unknown = set(agencies) - {*here.portfolio.agencies, EVERY_AGENCY}
    typed = {"name": name[:64], "role": role, "agencies": agencies, "mail": mail[:200]}
    if not name or len(name) > 64 or role not in ROLES or not agencies or unknown:  # noqa: PLR2004 - the column's width
        return admin_shown(visitor, fault=words("web.user_incomplete"), typed=typed)
    if not is_invited and (fault := password_fault(password, name)):
        return admin_shown(visitor, fault=words(fault), typed=typed)
    new = NewUser(name=name, password=password, role=role, agencies=tuple(agencies))
    try:
        if is_invited:
            mail_link(here.settings, enter_invited(here.opened.state, visitor.actor, new, mail, here.clock()))
            return admin_shown(visitor, link_sent=mail)
        enter_user(here.opened.state, visitor.actor, new, here.clock())
    except InputError as why:
        return admin_shown(visitor, fault=why.said(visitor.lang), typed=typed)
    return RedirectResponse("/admin", 303)


@router.post("/admin/users/{user_id}")
def edit_user(user_id: int, visitor: ProvenVisitor, form: OwnForm) -> Response:
    """Lock a user out, let one in again, or change the role and the agencies."""
    visitor.need("administer")
    if user_id == visitor.account.id:
        return admin_shown(visitor, fault=visitor.words("web.not_yourself"))
    values = _values_of_user(visitor, form)
    if not values:
        return admin_shown(visitor, fault=visitor.words("web.user_incomplete"))
    try:
        alter_user(visitor.here.opened.state, visitor.actor, user_id, values, visitor.here.clock())
    except InputError as why:
        return admin_shown(visitor, fault=why.said(visitor.lang))
    return RedirectResponse("/admin", 303)


def _values_of_user(visitor: PageVisitor, form: FormData) -> dict[str, Any]:
    """Return what a form sets of a user; nothing where a part of it is not valid."""
    if "disabled" in form:
        return {"disabled": int(form["disabled"] == "1")}
    agencies = [str(agency) for agency in form.getlist("agencies")]
    values = ({"role": form["role"]} if "role" in form else {}) | ({"agencies": agencies} if agencies else {})
    unknown = set(agencies) - {*visitor.here.portfolio.agencies, EVERY_AGENCY}
    return {} if unknown or values.get("role", "viewer") not in ROLES else values


@router.post("/admin/tokens")
def new_token(visitor: ProvenVisitor, form: OwnForm) -> Response:
    """Create a token for the visitor; it is shown this once."""
    visitor.need("administer")
    here = visitor.here
    days, scope = whole_number(form.get("days", "90")), str(form.get("scope", "read"))
    if days is None or days not in TOKEN_DAYS or scope not in TOKEN_SCOPES:
        raise HTTPException(422, "no such scope or time")
    name = str(form.get("name", ""))[:64] or "token"
    whose = visitor.account.id
    secret = enter_token(here.opened.state, visitor.actor, whose, name, scope, here.clock(), days=days)
    return admin_shown(visitor, secret=f"/wall?key={secret}" if scope == "wall" else secret, is_wall=scope == "wall")


@router.post("/admin/tokens/{token_id}/drop")
def drop_token(token_id: int, visitor: ProvenVisitor, _form: OwnForm) -> Response:
    """Remove a token."""
    end_token(visitor.here.opened.state, visitor.actor, token_id, visitor.here.clock())
    return RedirectResponse("/admin", 303)
