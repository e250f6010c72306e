"""Users, sessions, tokens and the audit log in the state's database. Secrets are kept as hashes alone."""

from __future__ import annotations

import base64
import datetime as dt
import functools
import hashlib
import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerificationError
from argon2.low_level import hash_secret
from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, exists, func, insert, or_, select, update

from bkkenergy.access import Account, Actor, Role
from bkkenergy.adapters.state import reading, transaction, us_of
from bkkenergy.adapters.state.persontables import account_link, known_device, passkey
from bkkenergy.adapters.state.tables import audit, second_factor, session, token, user
from bkkenergy.errors import InputError
from bkkenergy.readings import US_PER_S

FREE_TRIES = 50
LOCK_FIRST_S, MAX_LOCK_S = 5, 60
"""Of tries from all addresses together: a stranger may slow an account down, and locks no user out."""
MAX_SESSIONS, SEEN_EVERY_S, ID_LENGTH = 10, 60.0, 16
"""Of a user: the oldest ends where there is one more. How often it is noted that a session is used."""
PROVIDER, FIRST_RUN = "provider", "first run"
CODE_S, ONE_TIME_S = 300.0, 7 * 86_400
"""How long the second step may take, and how long a one-time password may wait for its first use."""
hasher = PasswordHasher()


@functools.cache
def unknown_user_hash() -> str:
    """Make what is verified where there is no such user, so that the answer takes as long. Slow, once in a process."""
    return hasher.hash("unknown user")


@dataclass(frozen=True, slots=True)
class Signed:
    """A session: whose it is, and its secret against forged requests.

    id : by which its user ends it. needs_code : whether the second step of signing in is still to be done. has_factor :
    whether the user has one. proven_us : when the user last gave a password, or came from the provider, which is
    the one to ask for a second factor. is_first : the one of the link by which a site gets its first administrator.
    """

    account: Account
    csrf: str
    id: str
    needs_code: bool
    has_factor: bool
    proven_us: int
    is_by_provider: bool = False
    is_first: bool = False


class PasswordHash(str):
    """A password as it is stored. Making one is slow, on purpose: not within a transaction."""

    __slots__ = ()

    @classmethod
    def of(cls, password: str) -> PasswordHash:
        """Return a password's hash; a hash stays what it is."""
        return password if isinstance(password, cls) else cls(hasher.hash(normal(password)))


def normal(password: str) -> str:
    """Return a password in one form: some keyboards send a vowel as one sign, others as two that look alike."""
    return unicodedata.normalize("NFKC", password)


def hashed(secret: str) -> str:
    """Compute the hash of a generated secret, long and random, for storage."""
    return hashlib.sha256(secret.encode()).hexdigest()


def slow_hash(secret: str, *, salt: bytes = b"", like: str = "") -> str:
    """Compute the slow hash of a short secret with a salt, or with salt and cost of another hash."""
    if not like:
        return hasher.hash(secret, salt=salt)
    cost, packed = extract_parameters(like), like.split("$")[4]
    salt = base64.b64decode(packed + "=" * (-len(packed) % 4))
    again = hash_secret(
        secret.encode(), salt, cost.time_cost, cost.memory_cost, cost.parallelism, cost.hash_len, cost.type
    )
    return again.decode()


def add_user(
    engine: Engine,
    name: str,
    password: str,
    role: Role,
    agencies: Sequence[str],
    now: dt.datetime,
    *,
    display: str = "",
    language: str = "th",
    must_change: bool = False,
) -> None:
    """Insert a user. Raises InputError where the name is taken."""
    password_hash = PasswordHash.of(password)
    with transaction(engine) as connection:
        if connection.execute(select(user.c.id).where(func.lower(user.c.name) == name.lower())).first():
            raise InputError.of("user_exists", name=name)
        connection.execute(
            insert(user).values(
                name=name,
                display=display or name,
                password_hash=password_hash,
                role=role,
                agencies=list(agencies),
                language=language,
                must_change=int(must_change),
                created_us=us_of(now),
                password_us=us_of(now),
            )
        )


def users(engine: Engine) -> list[dict[str, Any]]:
    """Return all users, without their secrets."""
    names = ("id", "name", "display", "role", "agencies", "disabled", "created_us", "mail")
    query = select(*(user.c[name] for name in names), has_factor().label("has_factor")).order_by(user.c.name)
    with reading(engine) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def locked_users(connection: Connection) -> dict[int, dict[str, Any]]:
    """Return users by number, locked: no other transaction changes them until this one ends."""
    columns = (user.c.id, user.c.name, user.c.role, user.c.agencies, user.c.disabled)
    rows = connection.execute(select(*columns).order_by(user.c.id).with_for_update()).mappings()
    return {row["id"]: dict(row) for row in rows}


def known_name(engine: Engine, name: str) -> str:
    """Return a name where there is such a user, else nothing: people type passwords into the field of the name."""
    with reading(engine) as connection:
        return name if connection.execute(select(user.c.id).where(user.c.name == name)).first() else ""


def first_admin(engine: Engine, now: dt.datetime) -> str | None:
    """Create the admin where there is no user yet, and return its one-time password; else None."""
    with reading(engine) as connection:
        if connection.execute(select(user.c.id)).first():
            return None
    password = secrets.token_urlsafe(16)
    try:
        add_user(engine, "admin", password, "admin", ["all"], now, display="Administrator", must_change=True)
    except InputError:  # a replica was quicker
        return None
    return password


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session. key : what the browser's cookie holds; only its hash is stored."""

    key: str
    session: Signed


@dataclass(frozen=True, slots=True)
class MustWait:
    """Too many wrong passwords: none is looked at before these seconds are over."""

    seconds: float


@dataclass(frozen=True, slots=True)
class WrongPassword:
    """No such user, one who is locked out, or another password: which of them is not said."""


class PasswordExpired:
    """The one-time password is right, and too old."""


SignInResult = SignedIn | MustWait | WrongPassword | PasswordExpired


def sign_in(
    engine: Engine,
    name: str,
    password: str,
    now: dt.datetime,
    *,
    session_s: float,
    address: str,
    agent: str = "",
    is_known: bool = False,
    by: str = "password",
) -> SignInResult:
    """Start a session by a password. Return it, or seconds to wait after too many tries, or a refusal.

    Of a user with a second factor the session is good for nothing but its code. is_known : whether the browser showed
    that this user has signed in by it: tries of strangers make it wait for nothing. The slow hash is computed while no
    transaction is open: strangers' tries would make every writer wait.
    """
    now_us = us_of(now)
    with reading(engine) as connection:
        seen = connection.execute(select(user).where(user.c.name == name)).first()
    if (wait := _wait_of(seen, now_us, is_known=is_known)) is not None:
        return wait
    is_right = _is_right(seen.password_hash if seen is not None else unknown_user_hash(), password)
    if seen is None or seen.disabled:
        return WrongPassword()
    is_old = is_right and hasher.check_needs_rehash(seen.password_hash)
    renewed = {"password_hash": PasswordHash.of(password)} if is_old else {}
    with transaction(engine) as connection:
        is_as_seen = user.c.id == seen.id, user.c.password_hash == seen.password_hash, user.c.disabled == 0
        row = connection.execute(select(user).where(*is_as_seen).with_for_update()).first()
        if row is not None:
            wait = _wait_of(row, now_us, is_known=is_known)  # locked meanwhile
            if wait is None and not is_right:
                _count_failure(connection, row, now_us)
            if wait is not None or not is_right:
                return wait or WrongPassword()
            values = {"failed": 0, "locked_until_us": 0, **renewed}
            connection.execute(update(user).where(user.c.id == row.id).values(values))
            if row.must_change and 0 < row.password_us < now_us - ONE_TIME_S * US_PER_S:
                return PasswordExpired()
            has_code = select(has_factor()).select_from(user).where(user.c.id == row.id)
            needs_code = bool(connection.execute(has_code).scalar_one())
            return new_session(connection, row, now_us, session_s, (address, agent), by=by, needs_code=needs_code)
    # Its hash is another one meanwhile, by a sign-in or a change beside this one: that one is looked at.
    return sign_in(
        engine, name, password, now, session_s=session_s, address=address, agent=agent, is_known=is_known, by=by
    )


def new_session(
    connection: Connection,
    row: Row[Any],
    now_us: int,
    session_s: float,
    where: tuple[str, str],
    *,
    by: str = "password",
    needs_code: bool = False,
) -> SignedIn:
    """Insert a session, and end the user's oldest one where there are too many. where : address and browser."""
    connection.execute(delete(session).where(session.c.until_us < now_us))
    end_oldest(connection, row.id, MAX_SESSIONS - 1, needs_code=needs_code)
    key, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
    seconds = CODE_S if needs_code else session_s
    connection.execute(
        insert(session).values(
            key_hash=hashed(key),
            user_id=row.id,
            csrf=csrf,
            created_us=now_us,
            until_us=now_us + int(seconds * US_PER_S),
            address=where[0],
            agent=where[1][:128],
            seen_us=now_us,
            proven_us=now_us,
            needs_code=int(needs_code),
            by=by,
        )
    )
    marks = needs_code, needs_code, now_us, by == PROVIDER, by == FIRST_RUN
    return SignedIn(key, Signed(account_of(row), csrf, hashed(key)[:ID_LENGTH], *marks))


def _wait_of(row: Row[Any] | None, now_us: int, *, is_known: bool) -> MustWait | None:
    """Return how long a name waits after wrong tries from anywhere; None where it does not."""
    if row is None or is_known or row.locked_until_us <= now_us:
        return None
    return MustWait(float((row.locked_until_us - now_us) / US_PER_S))


def end_oldest(connection: Connection, user_id: int, left: int, *, needs_code: bool = False) -> None:
    """End a user's oldest sessions but some.

    Those that wait for their code are counted by themselves: who has the password alone ends none that is whole.
    """
    alike = session.c.user_id == user_id, session.c.needs_code == int(needs_code)
    newest = select(session.c.key_hash).where(*alike).order_by(session.c.created_us.desc())
    for oldest in connection.execute(newest.offset(left)).scalars().all():
        connection.execute(delete(session).where(session.c.key_hash == oldest))


def _is_right(password_hash: str, password: str) -> bool:
    try:
        return hasher.verify(password_hash, normal(password))
    except VerificationError:
        return False


def _count_failure(connection: Connection, row: Row[Any], now_us: int) -> None:
    """Count a failed try. Some are free; then each locks the account for twice as long as the one before."""
    failed = row.failed + 1
    lock_s = 0 if failed < FREE_TRIES else min(LOCK_FIRST_S * 2 ** (failed - FREE_TRIES), MAX_LOCK_S)
    values = {"failed": failed, "locked_until_us": now_us + lock_s * US_PER_S if lock_s else 0}
    connection.execute(update(user).where(user.c.id == row.id).values(values))


def session_of(
    engine: Engine, key: str, now: dt.datetime, *, idle_s: float = float("inf"), is_use: bool = True
) -> Signed | None:
    """Return the session of a cookie, where it is still valid, and was used within `idle_s`.

    is_use : whether this is the user's doing, and not a stream that looks whether it may go on.
    """
    key_hash, now_us = hashed(key), us_of(now)
    factor = has_factor().label("has_factor")
    of_session = (session.c.csrf, session.c.seen_us, session.c.proven_us, session.c.needs_code, session.c.by)
    query = select(user, *of_session, factor).join(session, session.c.user_id == user.c.id)
    is_valid = (session.c.key_hash == key_hash, session.c.until_us > now_us, user.c.disabled == 0)
    with reading(engine) as connection:
        row = connection.execute(query.where(*is_valid)).first()
    if row is None or now_us - row.seen_us > idle_s * US_PER_S:
        return None
    if is_use and now_us - row.seen_us > SEEN_EVERY_S * US_PER_S:
        with transaction(engine) as connection:
            connection.execute(update(session).where(session.c.key_hash == key_hash).values(seen_us=now_us))
    marks = bool(row.needs_code), bool(row.has_factor), int(row.proven_us)
    ways = row.by == PROVIDER, row.by == FIRST_RUN
    return Signed(account_of(row), row.csrf, key_hash[:ID_LENGTH], *marks, *ways)


def has_factor() -> ColumnElement[bool]:
    """Return whether a user has a second factor: a code of an app, or a passkey."""
    has_codes = exists().where(second_factor.c.user_id == user.c.id, is_confirmed())
    return or_(has_codes, exists().where(passkey.c.user_id == user.c.id))


def is_confirmed() -> ColumnElement[bool]:
    """Return whether a code of an app was confirmed: until then its secret opens nothing."""
    return second_factor.c.confirmed_us.is_not(None)


def sign_out(engine: Engine, key: str) -> None:
    """Delete a session."""
    with transaction(engine) as connection:
        connection.execute(delete(session).where(session.c.key_hash == hashed(key)))


def change_password(
    engine: Engine, user_id: int, password: str, now: dt.datetime, *, keep: str = "", browser: str = ""
) -> None:
    """Set a password, and end other sessions, known browsers, all tokens and links: who had it may have made one.

    keep, browser : the keys of the session and of the browser that stay.
    """
    password_hash = PasswordHash.of(password)
    with transaction(engine) as connection:
        values = {"password_hash": password_hash, "must_change": 0, "failed": 0, "locked_until_us": 0}
        values |= {"password_us": us_of(now)}
        connection.execute(update(user).where(user.c.id == user_id).values(values))
        connection.execute(
            delete(session).where(session.c.user_id == user_id, session.c.key_hash != (hashed(keep) if keep else ""))
        )
        connection.execute(delete(token).where(token.c.user_id == user_id))
        connection.execute(delete(account_link).where(account_link.c.user_id == user_id))
        connection.execute(
            delete(known_device).where(known_device.c.user_id == user_id, known_device.c.key_hash != hashed(browser))
        )


def is_password_of(engine: Engine, user_id: int, password: str) -> bool:
    """Check whether a password is the user's."""
    with reading(engine) as connection:
        password_hash = connection.execute(select(user.c.password_hash).where(user.c.id == user_id)).scalar()
    return password_hash is not None and _is_right(password_hash, password)


def change_user(engine: Engine, user_id: int, values: Mapping[str, Any]) -> None:
    """Set role, agencies, language or whether a user may come in. One who may not any more is signed out.

    An invitation ends by another role or agencies: who sent it may have had no right to send one to such a user.
    """
    with transaction(engine) as connection:
        connection.execute(update(user).where(user.c.id == user_id).values(**values))
        links = delete(account_link).where(account_link.c.user_id == user_id)
        if values.get("disabled"):
            connection.execute(delete(session).where(session.c.user_id == user_id))
            connection.execute(links)
        elif values.keys() & {"role", "agencies"}:
            connection.execute(links.where(account_link.c.purpose == "invite"))


def account_of(row: Row[Any]) -> Account:
    """Convert a row to a user as the rest of the service sees one."""
    return Account(
        id=row.id,
        name=row.name,
        display=row.display,
        role=cast("Role", row.role),
        agencies=tuple(row.agencies),
        language=row.language,
        must_change=bool(row.must_change),
    )


def note(
    engine: Engine, actor: str, action: str, target: str, detail: Mapping[str, Any], now: dt.datetime, *, address: str
) -> None:
    """Write a line in the audit log, by itself."""
    with transaction(engine) as connection:
        enter_audit(connection, Actor(actor, address), action, target, detail, now)


def enter_audit(
    connection: Connection, actor: Actor, action: str, target: str, detail: Mapping[str, Any], now: dt.datetime
) -> None:
    """Write a line in the audit log, in the transaction of what it is about."""
    connection.execute(
        insert(audit).values(
            at_us=us_of(now),
            actor=actor.name,
            action=action,
            target=target,
            detail=dict(detail),
            address=actor.address,
        )
    )
