"""Links by mail: asked for by who forgot a password, opened without signing in, and sent by administrators."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Annotated, Any, cast

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from bkkenergy.access import password_fault
from bkkenergy.adapters.state.accountlinks import AccountLink, link_of
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.usecases.accountlinks import (
    begin_own_mail,
    confirm_mail_by_link,
    end_own_mail,
    invite_user,
    mail_link,
    send_resets,
    sends_links,
    set_password_by_link,
)
from bkkenergy.web.context import AppContext
from bkkenergy.web.delays import Throttle
from bkkenergy.web.pages_account import admin_shown
from bkkenergy.web.pages_shared import UNSEEN
from bkkenergy.web.pages_signin import account_shown
from bkkenergy.web.render import open_page
from bkkenergy.web.security import (
    OwnForm,
    PageVisitor,
    ProvenVisitor,
    address_of,
    here_of,
    language_of,
    posted_form,
    signed_of,
)

router = APIRouter(default_response_class=HTMLResponse)
log = structlog.get_logger(__name__)
ASKED_AN_ADDRESS, WINDOW_S, MAX_WAITING = 10, 3600.0, 100


@dataclass
class Resets:
    """Links that were asked for and are being sent, by a thread apart: answers take as long for every name."""

    asked: Throttle = field(default_factory=lambda: Throttle(ASKED_AN_ADDRESS, WINDOW_S))
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "resets"))
    _waiting: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(MAX_WAITING))

    def send(self, here: AppContext, who: str, address: str) -> None:
        """Send a person links soon; where very many wait, this one is given up, and logged."""
        if not self._waiting.acquire(blocking=False):
            log.warning("resets_given_up", waiting=MAX_WAITING)
            return
        self._thread.submit(self._sent, here, who, address)

    def close(self) -> None:
        """Begin none that still waits: a mail server that hangs would hold up the end of the service for hours."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _sent(self, here: AppContext, who: str, address: str) -> None:
        try:
            send_resets(here.opened.state, here.settings, who, here.clock(), address=address)
        except Exception:
            log.exception("resets_failed")
        finally:
            self._waiting.release()


@router.get("/forgot")
def forgot_page(request: Request) -> Response:
    """Ask who forgot a password; where no mail can be sent, say who can help instead."""
    return _forgot_page(request)


def _forgot_page(request: Request, status: int = 200, **shown: Any) -> Response:
    lang, here = language_of(request, None), here_of(request)
    values = {"fault": "", "is_asked": False} | shown
    return open_page(
        lang,
        "forgot.html.j2",
        title=Words(lang)("account_link.forgot"),
        status=status,
        has_links=sends_links(here.settings),
        has_passwords=here.settings.web.local_sign_in,
        **values,
    )


@router.post("/forgot")
def forgot(request: Request, form: Annotated[FormData, Depends(posted_form)]) -> Response:
    """Send a link, where the account has an address. The answer is the same for every name."""
    here, address = here_of(request), address_of(request)
    who, resets = str(form.get("who", "")).strip()[:200], cast("Resets", request.app.state.resets)
    if not (sends_links(here.settings) and here.settings.web.local_sign_in and who):
        return _forgot_page(request, 422)
    if resets.asked.is_full(address):
        return _forgot_page(request, 429, fault=Words(language_of(request, None))("account_link.asked_often"))
    resets.asked.failed(address)
    resets.send(here, who, address)
    return _forgot_page(request, is_asked=True)


def _good_link(request: Request, secret: str) -> AccountLink | None:
    """Return a link that may be used. An address that tries many that are none learns of none."""
    here, throttle, address = here_of(request), cast("Throttle", request.app.state.throttle), address_of(request)
    link = None if throttle.is_full(address) else link_of(here.opened.state, secret[:200], here.clock())
    if link is None:
        throttle.failed(address)
    if link is not None and link.purpose != "mail" and not here.settings.web.local_sign_in:
        return None
    return link


def _link_page(request: Request, link: AccountLink | None, secret: str, **shown: Any) -> Response:
    """Show what a link is for; the same page for one that was used, one that is over, and one that never was."""
    lang = language_of(request, None)
    words, values = Words(lang), {"fault": "", "done": ""} | shown
    is_none = link is None and not values["done"]
    answer = open_page(
        lang,
        "link.html.j2",
        title=words("account_link.none" if is_none else f"account_link.{values['done'] or link.purpose}_title"),  # type: ignore[union-attr]
        status=404 if is_none else 422 if values["fault"] else 200,
        link=link,
        is_theirs=link is not None and _user_of(request) == link.user_id,
        secret=secret,
        **values,
    )
    answer.headers.update(UNSEEN)
    return answer


def _user_of(request: Request) -> int | None:
    """Return who is signed in in this browser, past the second step; None where no one is."""
    signed = signed_of(request)
    return None if signed is None or signed.needs_code else signed.account.id


@router.get("/link/{secret}")
def link_page(secret: str, request: Request) -> Response:
    """Show a link's form. To look uses nothing up: programs open links of mails too."""
    return _link_page(request, _good_link(request, secret), secret)


@router.post("/link/{secret}")
def use_link(secret: str, request: Request, form: Annotated[FormData, Depends(posted_form)]) -> Response:
    """Set a password, or confirm one's own address. No one is signed in by it: a second step is still asked for."""
    link, here, address = _good_link(request, secret), here_of(request), address_of(request)
    words, state = Words(language_of(request, None)), here.opened.state
    if link is None:
        return _link_page(request, None, secret)
    if link.purpose == "mail":
        if _user_of(request) != link.user_id:
            return _link_page(request, link, secret, fault=words("account_link.mail_sign_in", name=link.name))
        is_done = confirm_mail_by_link(state, secret, here.clock(), address=address, user_id=link.user_id)
        return _link_page(request, None, secret, done="mail_done" if is_done else "")
    password, again = (str(form.get(part, ""))[:300] for part in ("password", "again"))
    fault = words("setup.differ") if password != again else ""
    if weak := password_fault(password, link.name):
        fault = words(weak)
    if fault:
        return _link_page(request, link, secret, fault=fault)
    is_done = set_password_by_link(state, secret, password, here.clock(), address=address)
    return _link_page(request, None, secret, done="password_done" if is_done else "")


@router.post("/account/mail")
def own_mail(request: Request, visitor: PageVisitor, form: OwnForm) -> Response:
    """Send a link to an address that the visitor wants for the account, or take the address out."""
    here, whose = visitor.here, f"account {visitor.account.id}"
    throttle, mail = cast("Throttle", request.app.state.throttle), str(form.get("mail", "")).strip()
    password = str(form.get("password", ""))[:300]
    if throttle.is_full(whose):
        return account_shown(visitor, fault=visitor.words("web.too_many"))
    throttle.failed(whose)  # each one may send a mail to a stranger
    try:
        if not mail:
            end_own_mail(here.opened.state, visitor.actor, password, here.clock())
            return RedirectResponse("/account#mail", 303)
        mail_link(here.settings, begin_own_mail(here.opened.state, visitor.actor, password, mail, here.clock()))
    except InputError as why:
        return account_shown(visitor, fault=why.said(visitor.lang))
    return account_shown(visitor, link_sent=mail)


@router.post("/admin/users/{user_id}/invite")
def invite(user_id: int, visitor: ProvenVisitor, form: OwnForm) -> Response:
    """Send a user a link to set a password."""
    here, mail = visitor.here, str(form.get("mail", "")).strip()
    try:
        mail_link(here.settings, invite_user(here.opened.state, visitor.actor, user_id, mail, here.clock()))
    except InputError as why:
        return admin_shown(visitor, fault=why.said(visitor.lang))
    return admin_shown(visitor, link_sent=mail)
