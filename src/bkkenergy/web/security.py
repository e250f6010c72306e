"""Who asks, whether the user sent the request on purpose, and what browsers must refuse."""

from __future__ import annotations

import hmac
import math
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, cast
from urllib.parse import SplitResult, urlsplit

import structlog
from fastapi import Depends, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from bkkenergy.access import Account, Actor, Power
from bkkenergy.adapters.state import us_of
from bkkenergy.adapters.state.tokens import token_account
from bkkenergy.adapters.state.users import Signed, note, session_of, sign_out
from bkkenergy.adapters.work import Task, doing
from bkkenergy.errors import BkkEnergyError
from bkkenergy.i18n import LANGS, Lang, Words
from bkkenergy.readings import US_PER_S
from bkkenergy.usecases.passkeys import RelyingParty, relying_party
from bkkenergy.web.context import AppContext
from bkkenergy.web.delays import Rate
from bkkenergy.websettings import WebSettings

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; worker-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; base-uri 'none'; "
    "object-src 'none'; sandbox"
)
"""Of reports: pages that stand alone, with styles of their own and no script, shown by themselves or in our pages."""
REVISION_HEADER = "Portfolio-Revision"
"""Which revision of the portfolio an answer of the API rests on; 0 where it is read from files."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
LANGUAGE_COOKIES, LANGUAGE_S = ("__Host-lang", "lang"), 365 * 86_400
"""With TLS and without."""
LONGEST_HEADER = 500
DENIED_EVERY_S, TAKEN_EVERY_S = 60.0, 3600.0
PROVEN_S = 1800.0
"""How long after the password users and tokens may be changed without giving it again."""
LINKS = ("/first-run/", "/link/", "/shared/", "/unsubscribe/")
"""Paths that go on with what opens them."""
MAX_FORM_FIELDS = 2_000
"""More than the form of a calendar has, or of a meter with all its exchanges."""


log = structlog.get_logger(__name__)


class NotSignedIn(Exception):
    """A page was asked for without a session."""


class MustChangePassword(Exception):
    """A one-time password has to be changed before anything else, or a second factor set."""


class NeedsCode(Exception):
    """The password was right, and the code of the second step is still to come."""


class NeedsClick(Exception):
    """Heavy work was asked for by a page of another site, and not by a person who clicked there."""


class NeedsPassword(Exception):
    """What is asked for needs the password again: it was given too long ago."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A request's user, in a language, with the secret that forms must carry."""

    account: Account
    csrf: str
    lang: Lang
    here: AppContext
    address: str
    session: Signed | None = None
    host: str = ""

    @property
    def words(self) -> Words:
        """Return the texts in the visitor's language."""
        return Words(self.lang)

    def need(self, power: Power, *agencies: str) -> None:
        """Raise NotThere for what is out of the visitor's reach, NotAllowed for what the visitor may not do."""
        self.actor.need(power, *agencies)

    @property
    def actor(self) -> Actor:
        """The visitor as use cases and the audit log know one."""
        return self.account.actor(self.address)

    def noted(self, action: str, target: str, **detail: Any) -> None:
        """Record a change in the audit log."""
        here = self.here
        note(here.opened.state, self.account.name, action, target, detail, here.clock(), address=self.address)


def cookie_name(web: WebSettings, name: str = "bkkenergy") -> str:
    """Return the name of a cookie, the session's by itself; with TLS one that browsers accept from this host alone."""
    return f"__Host-{name}" if web.secure_cookies else name


def store_cookie(response: Response, web: WebSettings, name: str, value: str, max_age_s: float) -> None:
    """Set a cookie of this host, out of scripts' reach."""
    response.set_cookie(
        cookie_name(web, name), value, max_age=int(max_age_s), httponly=True, secure=web.secure_cookies, samesite="lax",
        path="/",
    )  # fmt: skip


def drop_cookie(response: Response, web: WebSettings, name: str = "bkkenergy") -> None:
    """Delete a cookie of this host, the session's by itself."""
    response.delete_cookie(cookie_name(web, name), secure=web.secure_cookies, httponly=True)


def set_session(response: Response, web: WebSettings, key: str) -> None:
    """Set the session cookie."""
    store_cookie(response, web, "bkkenergy", key, web.session_h * 3600)


def begin_session(request: Request, response: Response, key: str) -> None:
    """Let this browser go on with a new session; the one that it had ends."""
    here = here_of(request)
    web = here.settings.web
    if before := request.cookies.get(cookie_name(web)):
        sign_out(here.opened.state, before)
    set_session(response, web, key)


def set_language(response: Response, web: WebSettings, lang: str) -> None:
    """Store in this browser in which language it is answered. Scripts of ours store it too."""
    name, other = LANGUAGE_COOKIES if web.secure_cookies else LANGUAGE_COOKIES[::-1]
    response.delete_cookie(other, secure=other.startswith("__Host-"))
    response.set_cookie(name, lang, max_age=LANGUAGE_S, secure=web.secure_cookies, samesite="lax", path="/")


def here_of(request: Request) -> AppContext:
    """Return the service that a request came to."""
    context: AppContext = request.app.state.here
    return context


def address_of(request: Request) -> str:
    """Return where a request comes from, as the proxy says where there is one."""
    forwarded = ",".join(request.headers.getlist("X-Forwarded-For"))  # some proxies add a line of their own
    if here_of(request).settings.web.behind_proxy and forwarded:
        return forwarded.rpartition(",")[2].strip()[:64]
    return request.client.host if request.client else ""


def party_of(request: Request) -> RelyingParty | None:
    """Return for what passkeys are asked; None where none can be."""
    return relying_party(here_of(request).settings.web, request.headers.get("Host", ""))


def language_of(request: Request, account: Account | None) -> Lang:
    """Return what was asked for last, else the user's own language, else what the browser prefers, else Thai."""
    stored = (request.cookies.get(name) for name in LANGUAGE_COOKIES)
    asked = (request.query_params.get("lang"), *stored, account and account.language)
    preferred = preferred_languages(request.headers.get("Accept-Language", ""))
    return next((lang for lang in (*asked, *preferred) if lang in LANGS), "th")


def asked_language(request: Request) -> Lang:
    """Return the language that a program asks for by `lang` or Accept-Language; English where it asks for none."""
    asked = (request.query_params.get("lang"), *preferred_languages(request.headers.get("Accept-Language", "")))
    return next((lang for lang in asked if lang in LANGS), "en")


def preferred_languages(header: str) -> list[str]:
    """Return the primary languages of an Accept-Language header, the best first; those of weight 0 are left out."""
    weighed = []
    for part in header[:LONGEST_HEADER].split(","):
        tag, _, weight = part.partition(";")
        quality = re.fullmatch(r"q=([01](?:\.[0-9]{0,3})?)", weight.strip()) if weight else None
        weighed.append(
            (float(quality[1]) if quality else 0.0 if weight else 1.0, tag.strip().partition("-")[0].lower())
        )
    return [tag for weight, tag in sorted(weighed, key=lambda pair: -pair[0]) if weight > 0]


def inside(target: str) -> str:
    """Return a path of ours to go on to; anything else becomes the front page."""
    parts = _parts_of(target)
    is_path = parts is not None and not parts.scheme and not parts.netloc
    return target if is_path and target.startswith("/") and not target.startswith(("//", "/\\")) else "/"


def _parts_of(address: str) -> SplitResult | None:
    """Return the parts of what a browser gives as an address; None of what is none."""
    try:
        return urlsplit(address)
    except ValueError:
        return None


def signed_of(request: Request, *, is_use: bool = True) -> Signed | None:
    """Return the session of this browser, if any: also one whose second step is still to be done."""
    here = here_of(request)
    key = request.cookies.get(cookie_name(here.settings.web))
    idle_s = here.settings.web.idle_h * 3600
    return session_of(here.opened.state, key, here.clock(), idle_s=idle_s, is_use=is_use) if key else None


def page_visitor(request: Request) -> Visitor:
    """Return the user of a page. Raises NotSignedIn, MustChangePassword."""
    signed = signed_of(request)
    if signed is None:
        raise NotSignedIn
    if signed.needs_code:
        raise NeedsCode
    _count(request, signed.account)
    own_paths = request.url.path in {"/account", "/logout"} or request.url.path.startswith("/account/")
    if not own_paths and (signed.account.must_change or lacks_factor(here_of(request).settings.web, signed)):
        raise MustChangePassword
    return _visitor(request, signed.account, signed.csrf, signed)


def shown_path(request: Request) -> str:
    """Return a request's path as logs may have it: of a link that opens something by itself, only its kind."""
    path = request.url.path
    return next((f"{start}…" for start in LINKS if path.startswith(start)), path)


def note_denied(request: Request) -> None:
    """Note in the audit log that a user was refused what others may do; the same within a minute is noted once."""
    visitor = asker_of(request)
    if visitor is None:
        return
    what = f"{request.method} {shown_path(request)}"[:255]
    visitor.here.cached(("denied", visitor.account.id, what), DENIED_EVERY_S, lambda: visitor.noted("denied", what))


def note_taken(request: Request) -> None:
    """Note in the audit log that a user took a file, a report or data; the same within an hour is noted once.

    What cannot be noted is in the service's own log: the file has gone out.
    """
    visitor = asker_of(request)
    if visitor is None:
        return
    path, asked = shown_path(request)[:255], request.url.query[:LONGEST_HEADER]
    key = "taken", visitor.account.id, path, asked
    try:
        visitor.here.cached(key, TAKEN_EVERY_S, lambda: visitor.noted("take_file", path, asked=asked))
    except BkkEnergyError as error:
        log.warning("taken_not_noted", path=shown_path(request), error=str(error))


def asker_of(request: Request) -> Visitor | None:
    """Return who was recognised while a request was answered, by session or token, else who is signed in.

    To ask for the token again would count the request once more, and be refused where none is left.
    """
    recognised: Visitor | None = getattr(request.state, "visitor", None)
    return recognised or visitor_of(request)


PageVisitor = Annotated[Visitor, Depends(page_visitor)]


def lacks_factor(web: WebSettings, signed: Signed) -> bool:
    """Return whether the settings want a second factor of a user who has none.

    The provider of others asks itself. Who has just set a site up is asked at the next sign-in.
    """
    is_asked_for = web.second_factor == "everyone" or (web.second_factor == "admins" and signed.account.role == "admin")
    return is_asked_for and not (signed.has_factor or signed.is_by_provider or signed.is_first)


def proven_visitor(visitor: PageVisitor) -> Visitor:
    """Return the user of a page that only one who gave the password lately may use. Raises NeedsPassword."""
    signed = visitor.session
    if signed is None or signed.is_by_provider:
        return visitor
    if us_of(visitor.here.clock()) - signed.proven_us > PROVEN_S * US_PER_S:
        raise NeedsPassword
    return visitor


def api_visitor(request: Request) -> Visitor:
    """Return the user of the API: by a token, or by the session of this browser. One who may see nothing is refused."""
    visitor = api_caller(request)
    visitor.need("see")
    return visitor


def api_sender(request: Request) -> Visitor:
    """Return whose token sends readings. It may be one that sees nothing."""
    visitor = api_caller(request)
    if visitor.csrf:
        raise HTTPException(403, "readings are sent with a token: bkkenergy tokens add NAME --scope readings")
    visitor.need("send")
    return visitor


def api_caller(request: Request) -> Visitor:
    """Return who calls the API, whatever they may. Raises 401."""
    here = here_of(request)
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if secret and scheme.lower() == "bearer":
        account = token_account(here.opened.state, secret.strip(), here.clock())
        if account is not None:
            _count(request, account)
            return _visitor(request, account, "")
    elif (signed := signed_of(request)) is not None and _is_whole(request, signed):
        _count(request, signed.account)
        return _visitor(request, signed.account, signed.csrf, signed)
    raise HTTPException(401, "sign in, or send a token", {"WWW-Authenticate": "Bearer"})


def _count(request: Request, account: Account) -> None:
    """Count a request of a user, by whatever browser or token. Raises 429 where there were too many in a minute."""
    wait_s = cast("Rate", request.app.state.rate).wait_s(account.id)
    if wait_s:
        after = {"Retry-After": str(math.ceil(wait_s))}
        raise HTTPException(429, "too many requests. Ask again after Retry-After seconds.", after)


def is_signed_in(request: Request) -> bool:
    """Return whether a stream's user is still signed in; the look itself is no use of the session."""
    signed = signed_of(request, is_use=False)
    return signed is not None and _is_whole(request, signed)


def _is_whole(request: Request, signed: Signed) -> bool:
    """Return whether a session is good for all that its user may do."""
    return not (signed.needs_code or signed.account.must_change or lacks_factor(here_of(request).settings.web, signed))


def _visitor(request: Request, account: Account, csrf: str, signed: Signed | None = None) -> Visitor:
    host, lang = request.headers.get("Host", ""), language_of(request, account)
    visitor = Visitor(account, csrf, lang, here_of(request), address_of(request), signed, host)
    request.state.visitor = visitor
    return visitor


def visitor_of(request: Request) -> Visitor | None:
    """Return the user of a page for an error page: none where no user is signed in, or the state cannot be asked."""
    try:
        signed = signed_of(request)
    except BkkEnergyError:
        return None
    return _visitor(request, signed.account, signed.csrf, signed) if signed and _is_whole(request, signed) else None


ApiVisitor = Annotated[Visitor, Depends(api_visitor)]
ApiSender = Annotated[Visitor, Depends(api_sender)]
ProvenVisitor = Annotated[Visitor, Depends(proven_visitor)]


async def posted_form(request: Request) -> FormData:
    """Read a form that was sent."""
    return await request.form(max_files=0, max_fields=MAX_FORM_FIELDS)


def own_form(visitor: PageVisitor, form: Annotated[FormData, Depends(posted_form)]) -> FormData:
    """Check that this user's page sent the form, and no other page: it carries the session's secret."""
    if not hmac.compare_digest(str(form.get("csrf", "")).encode(errors="replace"), visitor.csrf.encode()):
        raise HTTPException(403, "this form is too old, or not ours. Load the page again.")
    return form


OwnForm = Annotated[FormData, Depends(own_form)]


def whole_number(text: object) -> int | None:
    """Parse a whole number from a form; None where there is none."""
    match = re.fullmatch(r"[0-9]{1,18}", str(text))
    return None if match is None else int(match[0])


def is_of_another_site(request: Request) -> bool:
    """Return whether a page of another site made a browser send this, other than by a link."""
    if request.method in {"GET", "HEAD", "OPTIONS"} or "Authorization" in request.headers:
        return False
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        return site not in {"same-origin", "none"}
    names = ["Host", "X-Forwarded-Host"] if here_of(request).settings.web.behind_proxy else ["Host"]
    ours = {request.headers.get(name, "").lower() for name in names}
    parts = _parts_of(origin or "")
    return origin is not None and (parts is None or parts.netloc.lower() not in ours - {""})


def is_unasked(request: Request) -> bool:
    """Return whether a page of another site made a browser ask for this, other than by a link that a person clicked.

    Browsers that say nothing of it are older than 2023, and programs.
    """
    site, mode, to = (request.headers.get(f"Sec-Fetch-{name}") for name in ("Site", "Mode", "Dest"))
    if site is None or site in {"same-origin", "none"}:
        return False
    return (mode, to, request.headers.get("Sec-Fetch-User")) != ("navigate", "document", "?1")


async def with_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Count and time a request, and set the headers by which browsers refuse."""
    with doing(Task.PAGE, method=request.method) as work:
        response = await call_next(request)
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            work.fail()
    if response.status_code == HTTPStatus.OK and "Content-Disposition" in response.headers:
        await run_in_threadpool(note_taken, request)
    return hardened(request, response)


def hardened(request: Request, response: Response) -> Response:
    """Return an answer with the headers by which browsers refuse; static files alone are cached."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    if here_of(request).settings.web.secure_cookies:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    if request.url.path.startswith("/api/") and response.status_code != HTTPStatus.UNAUTHORIZED:
        response.headers[REVISION_HEADER] = str(here_of(request).portfolio.revision)
    response.headers.setdefault("Cache-Control", "no-store")
    return response
