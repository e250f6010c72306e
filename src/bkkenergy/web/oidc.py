"""Sign-in by the organisation's accounts: OpenID Connect's code flow with PKCE.

The provider says who a person is, by a number that it gives to no one else. What that person may see and do is entered
here, or follows from groups of the provider. (OpenID Connect Core 1.0, section 3.1; RFC 7636; RFC 9700.)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote, quote_plus, urlencode

import structlog
import urllib3
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from bkkenergy.adapters.answers import NoAnswer, ask
from bkkenergy.adapters.state.identities import ProviderPerson, end_provider_sessions, sign_in_person
from bkkenergy.adapters.state.users import note
from bkkenergy.errors import UnavailableError
from bkkenergy.i18n import Words
from bkkenergy.tomlfiles import read_secret
from bkkenergy.usecases.people import granted, is_name
from bkkenergy.web.context import AppContext
from bkkenergy.web.letin import let_in
from bkkenergy.web.render import onward_page, open_page
from bkkenergy.web.security import (
    address_of,
    cookie_name,
    drop_cookie,
    here_of,
    inside,
    language_of,
    posted_form,
    store_cookie,
)
from bkkenergy.websettings import OidcSettings

router = APIRouter(default_response_class=HTMLResponse)
log = structlog.get_logger(__name__)
TIMEOUT_S = 10.0
TRIP_COOKIE, TRIP_S = "oidc", 600
"""What remembers the way to the provider and back, and how long it may take."""
ALGORITHMS = ["RS256", "ES256", "PS256"]
DISCOVERY_KEPT_S = 3600.0
NEW_KEYS_S = 60.0
"""Keys are asked for again at most so often, whatever a token names: an attacker would make us ask the provider."""
LEEWAY_S = 60
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
MAX_TOKEN_CHARS, MAX_LOGOUT_S, REFUSED_EVERY_S = 16_384, 86_400.0, 60.0
MAX_SUBJECT = 255
"""Of OpenID Connect Core 1.0, section 2."""


class ProviderUnavailable(UnavailableError):
    """The provider does not answer, or not as one should."""

    key = "error.provider_unreachable"


def oidc_of(request: Request) -> tuple[AppContext, OidcSettings]:
    """Return the settings, where sign-in by the provider is set up."""
    here = here_of(request)
    if here.settings.web.oidc is None:
        raise HTTPException(404, "not found")
    return here, here.settings.web.oidc


@router.get("/oidc/login")
def lead_to_sign_in(request: Request, next: str = "/") -> Response:  # noqa: A002 - as the address says it
    """Lead to the sign-in page, where a person says that a session is to begin: no link of another site begins one."""
    oidc_of(request)
    return RedirectResponse(f"/login?next={quote(inside(next))}", 303)


@router.post("/oidc/login")
def leave(request: Request, form: Annotated[FormData, Depends(posted_form)]) -> Response:
    """Send the browser to the provider, remembering what it must bring back.

    By a page, not by a redirect: browsers follow none from a form of ours to another site.
    """
    here, oidc = oidc_of(request)
    provider = _discovered(here, oidc)
    trip = {
        "state": secrets.token_urlsafe(24),
        "nonce": secrets.token_urlsafe(24),
        "next": inside(str(form.get("next", "/"))),
    }
    trip["verifier"] = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(trip["verifier"].encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": oidc.client_id,
        "redirect_uri": oidc.redirect_url,
        "scope": "openid profile",
        "state": trip["state"],
        "nonce": trip["nonce"],
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    if oidc.acr_values:
        query["acr_values"] = " ".join(oidc.acr_values)
    target, lang = f"{provider['authorization_endpoint']}?{urlencode(query)}", language_of(request, None)
    response = onward_page(lang, target, Words(lang)("web.sign_in_oidc"), at_once=True)
    packed = base64.urlsafe_b64encode(json.dumps(trip).encode()).decode()
    store_cookie(response, here.settings.web, TRIP_COOKIE, packed, TRIP_S)
    return response


@router.get("/oidc/callback")
def come_back(request: Request, code: str = "", state: str = "") -> Response:
    """Check the code that the browser came back with: exchange it, and compare its token with all that was sent
    along.
    """
    here, oidc = oidc_of(request)
    lang = language_of(request, None)
    try:
        trip = json.loads(
            base64.urlsafe_b64decode(request.cookies.get(cookie_name(here.settings.web, TRIP_COOKIE), ""))
        )
        is_ours = hmac.compare_digest(state, trip["state"])
    except (ValueError, KeyError, TypeError):
        is_ours, trip = False, {}
    if not code or not is_ours:
        raise HTTPException(403, "this sign-in was not begun here, or too long ago. Try again.")
    claims = _claims(here, oidc, code, trip)
    person, address = person_of(claims, oidc), address_of(request)
    name, session = person.name if person else "", None
    if person is not None:
        session = sign_in_person(
            here.opened.state,
            person,
            here.clock(),
            session_s=here.settings.web.session_h * 3600,
            address=address,
            agent=request.headers.get("User-Agent", ""),
        )
    if session is None:
        note(here.opened.state, name, "sign_in_failed", oidc.issuer, {}, here.clock(), address=address)
        text = Words(lang)("web.oidc_unknown")
        return open_page(lang, "error.html.j2", title=text, status=403, text=text, detail="")
    response = let_in(request, session, inside(trip.get("next", "/")), by=oidc.issuer)
    drop_cookie(response, here.settings.web, TRIP_COOKIE)
    return response


@router.post("/oidc/logout")
def signed_out_there(request: Request, form: Annotated[FormData, Depends(posted_form)]) -> Response:
    """End the sessions of a person who signed out at the provider, which says so itself (Back-Channel Logout 1.0).

    It comes from the provider's server, with no session of ours: the token alone shows that it may. A token that comes
    again does nothing more.
    """
    from joserfc.errors import JoseError  # noqa: PLC0415 - the extra bkkenergy[oidc]

    here, oidc = oidc_of(request)
    address, now = address_of(request), here.clock()
    try:
        claims = _of_logout(here, oidc, str(form.get("logout_token", "")))
    except (JoseError, KeyError, ValueError, TypeError) as error:
        why = type(error).__name__
        here.cached(("logout refused", address), REFUSED_EVERY_S, lambda: _refused(address, why))
        raise HTTPException(400, f"the logout token does not hold ({why})") from None

    def end() -> int:
        before_s = claims["iat"] + LEEWAY_S
        return end_provider_sessions(
            here.opened.state, oidc.issuer, claims["sub"], now, begun_before_s=before_s, address=address
        )

    lasts_s = min(claims["exp"] - time.time() + LEEWAY_S, MAX_LOGOUT_S)
    here.cached(("logout", oidc.issuer, claims["jti"]), lasts_s, end)
    return Response(status_code=200)


def _of_logout(here: AppContext, oidc: OidcSettings, text: str) -> dict[str, Any]:
    """Return the claims of a logout token (2.4 and 2.6 there). Raises JoseError, KeyError, ValueError, TypeError."""
    if len(text) > MAX_TOKEN_CHARS:
        raise ValueError("too long")
    claims = _verified(here, oidc, text, **{name: {"essential": True} for name in ("sub", "iat", "jti", "events")})
    if "nonce" in claims or not isinstance(claims["events"][LOGOUT_EVENT], dict):
        raise ValueError("a token of another kind")
    return claims


def _refused(address: str, why: str) -> None:
    """Log a logout token that does not hold, once a minute of an address: the provider may be set up wrongly."""
    log.warning("logout_token_refused", address=address, why=why)


def person_of(claims: Mapping[str, Any], oidc: OidcSettings) -> ProviderPerson | None:
    """Return the person of the provider's claims; None without a number or a name, or where no group gives a role.

    A number that is longer than the standard allows is none: cut off, it would be that of another person as well.
    """
    subject, name = str(claims.get("sub") or ""), str(claims.get(oidc.claim) or "")[:64]
    grant = granted(claims.get(oidc.groups_claim), oidc.groups)
    if not 0 < len(subject) <= MAX_SUBJECT or not is_name(name) or (oidc.groups and grant is None):
        return None
    return ProviderPerson(oidc.issuer, subject, name, str(claims.get("name") or "")[:128], grant)


def _claims(here: AppContext, oidc: OidcSettings, code: str, trip: dict[str, str]) -> dict[str, Any]:
    """Return what the provider says of the person who came back. Raises HTTPException, ProviderUnavailable."""
    from joserfc.errors import JoseError  # noqa: PLC0415 - the extra bkkenergy[oidc]

    provider = _discovered(here, oidc)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": oidc.redirect_url,
        "code_verifier": trip["verifier"],
    }
    shown, headers = _shown_to(provider, oidc)
    answer = _json("POST", provider["token_endpoint"], fields=form | shown, headers=headers)
    try:
        claims = _verified(here, oidc, answer["id_token"], nonce={"essential": True, "value": trip["nonce"]})
        _check_asked_by_us(claims, oidc)
    except (JoseError, KeyError, ValueError) as error:
        raise HTTPException(403, f"the provider's token does not hold ({type(error).__name__}). Try again.") from None
    if not is_strong(claims, oidc):
        raise HTTPException(403, "the provider let this person in by less than is asked for here (acr, amr).")
    return _completed(provider, answer.get("access_token"), claims, oidc)


def _verified(here: AppContext, oidc: OidcSettings, text: str, **asked: Any) -> dict[str, Any]:
    """Return the claims of a token that the provider signed for us. Raises JoseError, KeyError, ValueError.

    asked : claims beyond issuer, audience and end that it must have.
    """
    from joserfc.jwk import KeySet  # noqa: PLC0415 - the extra bkkenergy[oidc]
    from joserfc.jwt import JWTClaimsRegistry, decode  # noqa: PLC0415

    keys = KeySet.import_key_set(_keys_for(here, _discovered(here, oidc), text))
    token = decode(text, keys, algorithms=ALGORITHMS)
    registry = JWTClaimsRegistry(
        now=int(time.time()),
        leeway=LEEWAY_S,
        iss={"essential": True, "value": oidc.issuer},
        aud={"essential": True, "value": oidc.client_id},
        exp={"essential": True},
        **asked,
    )
    registry.validate(token.claims)
    return token.claims


def _shown_to(provider: Mapping[str, Any], oidc: OidcSettings) -> tuple[dict[str, str], dict[str, str]]:
    """Return the fields and headers by which the provider knows us: in the form where it says that it takes that.

    One that does not say how takes a header (OpenID Connect Discovery 1.0, 3).
    """
    secret = read_secret(oidc.client_secret_file) if oidc.client_secret_file else ""
    methods = provider.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    if secret and "client_secret_post" not in methods and "client_secret_basic" in methods:
        pair = f"{quote_plus(oidc.client_id)}:{quote_plus(secret)}"  # RFC 6749, 2.3.1
        return {}, urllib3.make_headers(basic_auth=pair)
    return {"client_id": oidc.client_id} | ({"client_secret": secret} if secret else {}), {}


def _completed(
    provider: Mapping[str, Any], access_token: object, claims: Mapping[str, Any], oidc: OidcSettings
) -> dict[str, Any]:
    """Return the claims of a token, with those that the provider gives to who asks (OpenID Connect Core 1.0, 5.3).

    It is asked where the token lacks a claim that we need, and must speak of the token's own person. What is signed
    counts first. Raises HTTPException, ProviderUnavailable.
    """
    needed = {oidc.claim} | ({oidc.groups_claim} if oidc.groups else set())
    url = provider.get("userinfo_endpoint")
    if needed <= claims.keys() or not url or not isinstance(access_token, str):
        return dict(claims)
    answered = _json("GET", url, headers={"Authorization": f"Bearer {access_token}"})
    if not claims.get("sub") or answered.get("sub") != claims["sub"]:
        raise HTTPException(403, "the provider spoke of another person than its token. Try again.")
    return {**answered, **claims}


def _check_asked_by_us(claims: Mapping[str, Any], oidc: OidcSettings) -> None:
    """Raise ValueError for a token that another client asked for, of which we are one more reader (Core, 3.1.3.7)."""
    audience = claims["aud"]
    is_of_several = isinstance(audience, list) and len(audience) > 1
    asked_by = claims.get("azp", None if is_of_several else oidc.client_id)
    if asked_by != oidc.client_id:
        raise ValueError


def is_strong(claims: Mapping[str, Any], oidc: OidcSettings) -> bool:
    """Return whether a person signed in at the provider as strongly as the settings ask (`acr` and `amr`, Core, 2)."""
    methods = claims.get("amr")
    used = set(methods) if isinstance(methods, list) and all(isinstance(one, str) for one in methods) else set()
    has_level = not oidc.acr_values or claims.get("acr") in oidc.acr_values
    return has_level and set(oidc.amr_values) <= used


def _keys_for(here: AppContext, provider: Mapping[str, Any], token: str) -> Any:
    """Return the provider's keys; asked for again where the token names one that is not known, once a minute."""
    from joserfc.jws import extract_compact  # noqa: PLC0415 - the extra bkkenergy[oidc]

    def read() -> dict[str, Any]:
        return _json("GET", provider["jwks_uri"])

    keys: dict[str, Any] = here.cached(("jwks", provider["issuer"]), DISCOVERY_KEPT_S, read)
    kid = extract_compact(token.encode()).headers().get("kid")
    if kid in {key.get("kid") for key in keys.get("keys", ())}:
        return keys
    newer: dict[str, Any] = here.cached(("newer jwks", provider["issuer"]), NEW_KEYS_S, read)
    return newer


def _discovered(here: AppContext, oidc: OidcSettings) -> dict[str, Any]:
    """Return the provider's endpoints. Raises ProviderUnavailable."""
    url = oidc.issuer.rstrip("/") + "/.well-known/openid-configuration"
    document: dict[str, Any] = here.cached(("oidc", oidc.issuer), DISCOVERY_KEPT_S, lambda: _json("GET", url))
    if document.get("issuer") != oidc.issuer:
        raise ProviderUnavailable.of(
            "oidc_issuer", url=url, given=repr(document.get("issuer")), issuer=repr(oidc.issuer)
        )
    return document


def _json(
    method: str, url: str, *, fields: dict[str, str] | None = None, headers: Mapping[str, str] = {}
) -> dict[str, Any]:
    body = urlencode(fields) if fields else None
    headers = {**headers, **({"Content-Type": "application/x-www-form-urlencoded"} if fields else {})}
    try:
        answer = ask(method, url, body=body, headers=headers, timeout_s=TIMEOUT_S)
        if answer.status != 200:  # noqa: PLR2004 - HTTP's "OK"
            raise ProviderUnavailable.of("oidc_status", url=url, status=answer.status)
        document = json.loads(answer.data)
        if not isinstance(document, dict):
            raise ValueError("no object of JSON")  # noqa: TRY004, TRY301 - as JSON that cannot be read
    except (NoAnswer, ValueError) as error:
        raise ProviderUnavailable.of("oidc_silent", url=url, error=error) from error
    return document
