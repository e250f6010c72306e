"""Passkeys (WebAuthn level 3): entered and ended by their user, and sign-in by one, with no password or after it.

A challenge is signed here and says when it was made and what for, so that nothing is stored for strangers; each passkey
answers only challenges newer than the last one that it answered. A passkey always checks its user, by a PIN, a finger
or a face: alone it is two factors.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import secrets
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal
from urllib.parse import urlsplit

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateStore, reading, transaction, us_of
from bkkenergy.adapters.state.passkeys import (
    credentials_of,
    drop_passkey,
    enter_passkey,
    note_use,
    passkey_user,
)
from bkkenergy.adapters.state.sessions import new_spare_codes, pass_step, spare_codes_left, store_spare_codes
from bkkenergy.adapters.state.standings import signature
from bkkenergy.adapters.state.users import SignedIn, enter_audit, new_session
from bkkenergy.errors import InputError, NotThere
from bkkenergy.lazy import Lazy
from bkkenergy.readings import US_PER_S
from bkkenergy.usecases.accountnotices import notify_of_change
from bkkenergy.usecases.ownaccount import with_password
from bkkenergy.usecases.people import own_id
from bkkenergy.usecases.powers import use_case
from bkkenergy.websettings import WebSettings

fido2_server: Any = Lazy("fido2.server")
fido2_webauthn: Any = Lazy("fido2.webauthn")
CHALLENGE_S, NONCE_BYTES, MAX_ID_BYTES = 300, 16, 1023
NAME, LOCAL, MAX_NAME = "bkkenergy", "localhost", 64
Purpose = Literal["register", "sign-in"]
WRONG = (ValueError, LookupError, TypeError, AttributeError, AssertionError, RuntimeError, struct.error)
"""What bytes that are no answer of a passkey raise in the library; what is nested too deep is a RuntimeError."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The service that passkeys are made for: a name of a host, and the one origin whose pages may ask."""

    id: str
    origin: str


def relying_party(web: WebSettings, host: str) -> RelyingParty | None:
    """Return what passkeys are made for: the public address, or this machine itself; None where neither is asked.

    host : what the request calls this server, with its port. Browsers ask for passkeys over TLS or on localhost alone.
    """
    if find_spec("fido2") is None or not web.local_sign_in:
        return None
    if web.public_address:
        origin = web.public_address.lower().removesuffix(":443")  # as browsers write it
        return RelyingParty(urlsplit(origin).hostname or "", origin)
    return RelyingParty(LOCAL, f"http://{host}") if host.partition(":")[0] == LOCAL else None


@use_case("account.begin_passkey", None, "own")
def begin_passkey(
    engine: StateStore, actor: Actor, password: str, party: RelyingParty, session: str, now: dt.datetime
) -> dict[str, Any]:
    """Return what a browser makes a passkey by. session : its key. Raises InputError for a wrong password."""
    user_id = with_password(engine, actor, password)
    with reading(engine) as connection:
        keys = credentials_of(connection, user_id)
    there = [fido2_webauthn.AttestedCredentialData(key) for key in keys]
    options, _ = _server(party).register_begin(
        {"id": _handle(engine, user_id), "name": actor.name, "displayName": actor.name},
        there,
        resident_key_requirement="required",
        user_verification="required",
        challenge=_challenge(engine, "register", session, now),
    )
    return _as_json(options)


@use_case("account.add_passkey", None, "own")
def add_passkey(
    engine: StateStore,
    actor: Actor,
    party: RelyingParty,
    session: str,
    answer: Mapping[str, Any],
    name: str,
    now: dt.datetime,
) -> Sequence[str]:
    """Enter a passkey that answered `begin_passkey` of the same session. Return spare codes where there were none.

    Raises InputError for an answer that does not hold.
    """
    with _faults_of_answers():
        registration = fido2_webauthn.RegistrationResponse.from_dict(answer)
        challenge = registration.response.client_data.challenge
    _need_challenge(engine, challenge, "register", session, now)
    with _faults_of_answers():
        data = _server(party).register_complete(_state(challenge), registration)
        credential = fido2_webauthn.websafe_encode(data.credential_data.credential_id)
        can_verify = data.credential_data.public_key.ALGORITHM is not None
    if not can_verify or len(data.credential_data.credential_id) > MAX_ID_BYTES:
        raise InputError.of("passkey_wrong")
    user_id = own_id(actor)
    name = " ".join(name.split())[:MAX_NAME] or NAME
    spare = {} if spare_codes_left(engine, user_id) else new_spare_codes(user_id)
    with transaction(engine) as connection:
        enter_passkey(connection, user_id, credential, bytes(data.credential_data), name, data.counter, now)
        enter_audit(connection, actor, "add_passkey", actor.name, {"name": name}, now)
        notify_of_change(connection, user_id, "passkey_added", now, by=actor.name, address=actor.address)
        if not spare or spare_codes_left(engine, user_id):
            return ()
        store_spare_codes(connection, user_id, spare)
    return list(spare)


@use_case("account.end_passkey", None, "own")
def end_passkey(engine: StateStore, actor: Actor, number: int, password: str, now: dt.datetime) -> None:
    """Take a passkey of one's own out. Raises InputError for a wrong password, NotThere."""
    user_id = with_password(engine, actor, password)
    with transaction(engine) as connection:
        name = drop_passkey(connection, user_id, number)
        if name is None:
            raise NotThere
        enter_audit(connection, actor, "end_passkey", actor.name, {"name": name}, now)
        notify_of_change(connection, user_id, "passkey_ended", now, by=actor.name, address=actor.address)


def begin_sign_in(engine: StateStore, party: RelyingParty, half: str, now: dt.datetime) -> dict[str, Any]:
    """Return what a browser asks a passkey by. half : the key of a session whose second step is due; else empty."""
    challenge = _challenge(engine, "sign-in", half, now)
    options, _ = _server(party).authenticate_begin(user_verification="required", challenge=challenge)
    return _as_json(options)


def sign_in_by_passkey(
    engine: StateStore,
    party: RelyingParty,
    half: str,
    answer: Mapping[str, Any],
    now: dt.datetime,
    *,
    session_s: float,
    address: str,
    agent: str,
) -> SignedIn | None:
    """Start a session by a passkey, or do the second step of one; None where the answer does not hold."""
    try:
        with _faults_of_answers():
            given = fido2_webauthn.AuthenticationResponse.from_dict(answer)
            credential = fido2_webauthn.websafe_encode(given.raw_id)
            challenge = given.response.client_data.challenge
        challenge_us = _need_challenge(engine, challenge, "sign-in", half, now)
        with transaction(engine) as connection:
            row = passkey_user(connection, credential)
            if row is None or (given.response.user_handle or b"") not in {b"", _handle(engine, row.id)}:
                return None
            key = fido2_webauthn.AttestedCredentialData(row.public_key)
            with _faults_of_answers():
                _server(party).authenticate_complete(_state(challenge), [key], given)
            if not note_use(connection, credential, challenge_us, given.response.authenticator_data.counter):
                return None
            if not half:
                return new_session(connection, row, us_of(now), session_s, (address, agent), by="passkey")
    except InputError:
        return None
    return pass_step(engine, half, row.id, now, session_s=session_s)


@contextmanager
def _faults_of_answers() -> Iterator[None]:
    """Raise InputError for what the library says of bytes that are no answer of a passkey, or one that is wrong."""
    try:
        yield
    except WRONG as error:
        raise InputError.of("passkey_wrong") from error


def _server(party: RelyingParty) -> Any:
    """Return the library's server: it takes answers of the one origin alone, and no word of who made the passkey."""
    entity = {"id": party.id, "name": NAME}
    return fido2_server.Fido2Server(entity, verify_origin=lambda origin: origin.lower() == party.origin)


def _state(challenge: bytes) -> dict[str, Any]:
    return {"challenge": fido2_webauthn.websafe_encode(challenge), "user_verification": "required"}


def _as_json(options: Any) -> dict[str, Any]:
    as_sent: dict[str, Any] = json.loads(json.dumps(dict(options), default=dict))
    return as_sent


def _handle(engine: StateStore, user_id: int) -> bytes:
    """Return by what a passkey knows a user: it says nothing of the person."""
    return bytes.fromhex(signature(engine, "passkey user", str(user_id)))


def _challenge(engine: StateStore, purpose: Purpose, whose: str, now: dt.datetime) -> bytes:
    """Return a challenge for one purpose of one session, or of none."""
    head = struct.pack(">Q", us_of(now)) + secrets.token_bytes(NONCE_BYTES)
    return head + _mark(engine, purpose, whose, head)


def _need_challenge(engine: StateStore, challenge: bytes, purpose: Purpose, whose: str, now: dt.datetime) -> int:
    """Return when a challenge was made, us since 1970 UTC. Raises InputError for one that is not ours, or not new."""
    head = challenge[: 8 + NONCE_BYTES]
    if len(head) < 8 + NONCE_BYTES or not hmac.compare_digest(challenge, head + _mark(engine, purpose, whose, head)):
        raise InputError.of("passkey_wrong")
    (made_us,) = struct.unpack(">Q", head[:8])
    if not 0 <= us_of(now) - made_us <= CHALLENGE_S * US_PER_S:
        raise InputError.of("passkey_wrong")
    return int(made_us)


def _mark(engine: StateStore, purpose: Purpose, whose: str, head: bytes) -> bytes:
    bound = hashlib.sha256(whose.encode()).hexdigest()
    return bytes.fromhex(signature(engine, f"passkey {purpose}", f"{bound} {head.hex()}"))
