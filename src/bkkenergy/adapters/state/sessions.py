"""Sessions as their users see them, and the second factor of signing in: a code of an app, or a spare code."""

from __future__ import annotations

import datetime as dt
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyotp
from sqlalchemy import ColumnElement, Connection, Engine, delete, insert, select, update

from bkkenergy.adapters.state import reading, transaction, us_of
from bkkenergy.adapters.state.persontables import passkey
from bkkenergy.adapters.state.tables import recovery_code, second_factor, session
from bkkenergy.adapters.state.users import (
    ID_LENGTH,
    MAX_SESSIONS,
    SignedIn,
    end_oldest,
    hashed,
    is_confirmed,
    session_of,
    slow_hash,
)
from bkkenergy.readings import US_PER_S

STEP_S, STEPS_EARLIER, STEPS_LATER = 30, 1, 1
"""RFC 6238's interval, and how far a phone's clock may be off."""
SPARE_CODES, SPARE_LENGTH, SALT_BYTES = 10, 10, 16


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session of a user. id : by which it is ended. agent : what the browser calls itself."""

    id: str
    created_us: int
    seen_us: int
    until_us: int
    address: str
    agent: str


def open_sessions(engine: Engine, user_id: int, now: dt.datetime) -> list[OpenSession]:
    """Return a user's sessions, the one that was used last first."""
    columns = session.c
    query = (
        select(columns.key_hash, columns.created_us, columns.seen_us, columns.until_us, columns.address, columns.agent)
        .where(columns.user_id == user_id, columns.until_us > us_of(now), columns.needs_code == 0)
        .order_by(columns.seen_us.desc())
    )
    with reading(engine) as connection:
        rows = connection.execute(query).all()
    return [OpenSession(row.key_hash[:ID_LENGTH], *row[1:]) for row in rows]


def end_sessions(engine: Engine, user_id: int, *, only: str | None = None, but: str = "") -> int:
    """End a user's sessions; one of them by its id, or all but one. Return how many."""
    chosen = [session.c.user_id == user_id]
    if only is not None:
        chosen.append(session.c.key_hash.startswith(only, autoescape=True) if only else session.c.key_hash == "")
    if but:
        chosen.append(session.c.key_hash.not_like(f"{but}%"))
    with transaction(engine) as connection:
        return connection.execute(delete(session).where(*chosen)).rowcount


def set_proven(engine: Engine, key: str, now: dt.datetime) -> str:
    """Note that the user of a session gave the password again. Return the key that it has from now on."""
    new_key = secrets.token_urlsafe(32)
    values = {"proven_us": us_of(now), "key_hash": hashed(new_key)}
    with transaction(engine) as connection:
        connection.execute(update(session).where(session.c.key_hash == hashed(key)).values(**values))
    return new_key


def new_secret(engine: Engine, user_id: int) -> str:
    """Make the secret of a second factor that is still to be confirmed, in the place of one that was not."""
    secret = pyotp.random_base32()
    with transaction(engine) as connection:
        connection.execute(
            delete(second_factor).where(second_factor.c.user_id == user_id, second_factor.c.confirmed_us.is_(None))
        )
        connection.execute(insert(second_factor).values(user_id=user_id, secret=secret, confirmed_us=None, last_step=0))
    return secret


def is_first_code(engine: Engine, user_id: int, code: str, now: dt.datetime) -> bool:
    """Return whether a code confirms a second factor that is still to be confirmed."""
    with reading(engine) as connection:
        return _first_step(connection, user_id, code, now) is not None


def confirm_secret(engine: Engine, user_id: int, code: str, now: dt.datetime, spare: Mapping[str, str]) -> bool:
    """Confirm a second factor by its first code, and store spare codes. False for a wrong code."""
    with transaction(engine) as connection:
        step = _first_step(connection, user_id, code, now)
        if step is None:
            return False
        values = {"confirmed_us": us_of(now), "last_step": step}
        connection.execute(update(second_factor).where(second_factor.c.user_id == user_id).values(**values))
        store_spare_codes(connection, user_id, spare)
        return True


def _first_step(connection: Connection, user_id: int, code: str, now: dt.datetime) -> int | None:
    row = connection.execute(select(second_factor).where(second_factor.c.user_id == user_id)).first()
    return None if row is None or row.confirmed_us is not None else _step_of(row.secret, code, now)


def new_spare_codes(user_id: int) -> Mapping[str, str]:
    """Make spare codes of a user, each with how it is stored. Slow, so not within a transaction."""
    salt = secrets.token_bytes(SALT_BYTES)
    spare = [f"{secrets.token_hex(2)}-{secrets.token_hex(3)}" for _ in range(SPARE_CODES)]
    return {each: spare_hash(user_id, each, salt=salt) for each in spare}


def store_spare_codes(connection: Connection, user_id: int, spare: Mapping[str, str]) -> None:
    """Store spare codes of a user in the place of those that there were."""
    connection.execute(delete(recovery_code).where(recovery_code.c.user_id == user_id))
    rows = [{"code_hash": stored, "user_id": user_id} for stored in spare.values()]
    connection.execute(insert(recovery_code), rows)


def end_factor(engine: Engine, user_id: int) -> bool:
    """Delete a user's code of an app; its spare codes too, unless a passkey is left. Return whether there was one."""
    with transaction(engine) as connection:
        if connection.execute(select(passkey.c.id).where(passkey.c.user_id == user_id)).first() is None:
            connection.execute(delete(recovery_code).where(recovery_code.c.user_id == user_id))
        return connection.execute(delete(second_factor).where(second_factor.c.user_id == user_id)).rowcount > 0


def factor_since(engine: Engine, user_id: int) -> int | None:
    """Return since when a user has a second factor, us since 1970 UTC; None without one."""
    with reading(engine) as connection:
        query = select(second_factor.c.confirmed_us).where(second_factor.c.user_id == user_id)
        return connection.execute(query).scalar()


def spare_codes_left(engine: Engine, user_id: int) -> int:
    """Return how many spare codes a user has left."""
    with reading(engine) as connection:
        codes = connection.execute(select(recovery_code.c.code_hash).where(recovery_code.c.user_id == user_id)).all()
    return len(codes)


def pass_code(engine: Engine, key: str, code: str, now: dt.datetime, *, session_s: float) -> SignedIn | None:
    """Do the second step of a session: return it under a new key; None for a code that is wrong, or was used."""
    spare_hashes = _spare_hashes(engine, key, code, now)
    with transaction(engine) as connection:
        row = connection.execute(
            select(session, second_factor.c.secret)
            .outerjoin(second_factor, (second_factor.c.user_id == session.c.user_id) & is_confirmed())
            .where(*_is_half(key, now))
            .with_for_update(of=session)
        ).first()
        if row is None:
            return None
        step = None if row.secret is None else _step_of(row.secret, code, now)
        if step is not None:
            taken = update(second_factor).where(
                second_factor.c.user_id == row.user_id, second_factor.c.last_step < step
            )
            is_right = connection.execute(taken.values(last_step=step)).rowcount == 1
        else:
            is_mine = recovery_code.c.user_id == row.user_id
            spare = delete(recovery_code).where(is_mine, recovery_code.c.code_hash.in_(spare_hashes))
            is_right = connection.execute(spare).rowcount == 1
        if not is_right:
            return None
        new_key = _made_whole(connection, key, row.user_id, now, session_s)
    signed = session_of(engine, new_key, now)
    return None if signed is None else SignedIn(new_key, signed)


def pass_step(engine: Engine, key: str, user_id: int, now: dt.datetime, *, session_s: float) -> SignedIn | None:
    """Do the second step of a session whose user showed another factor; None where it is not that user's."""
    with transaction(engine) as connection:
        query = select(session.c.user_id).where(*_is_half(key, now), session.c.user_id == user_id)
        if connection.execute(query.with_for_update()).first() is None:
            return None
        new_key = _made_whole(connection, key, user_id, now, session_s)
    signed = session_of(engine, new_key, now)
    return None if signed is None else SignedIn(new_key, signed)


def _is_half(key: str, now: dt.datetime) -> tuple[ColumnElement[bool], ...]:
    """Return what holds of a session whose second step is still to be done."""
    return session.c.key_hash == hashed(key), session.c.needs_code == 1, session.c.until_us > us_of(now)


def _made_whole(connection: Connection, key: str, user_id: int, now: dt.datetime, session_s: float) -> str:
    """Let a session be good for all, under a new key, which is returned; the oldest ends where there are too many."""
    end_oldest(connection, user_id, MAX_SESSIONS - 1)
    new_key, now_us = secrets.token_urlsafe(32), us_of(now)
    values = {"key_hash": hashed(new_key), "needs_code": 0, "seen_us": now_us}
    values["until_us"] = now_us + int(session_s * US_PER_S)
    connection.execute(update(session).where(session.c.key_hash == hashed(key)).values(**values))
    return new_key


def _step_of(secret: str, code: str, now: dt.datetime) -> int | None:
    """Return the interval whose code was given, of those near now; None where none is."""
    digits, app = "".join(code.split()), pyotp.TOTP(secret, interval=STEP_S)
    present = int(now.timestamp()) // STEP_S
    for step in range(present - STEPS_EARLIER, present + STEPS_LATER + 1):
        if hmac.compare_digest(app.generate_otp(step).encode(), digits.encode()):
            return step
    return None


def _spare_hashes(engine: Engine, key: str, code: str, now: dt.datetime) -> Sequence[str]:
    """Compute how a code would be stored as a spare code of a session's user. Slow, so not within a transaction."""
    if len(_plain(code)) != SPARE_LENGTH:
        return ()
    mine = select(recovery_code.c.code_hash, session.c.user_id).join(
        session, session.c.user_id == recovery_code.c.user_id
    )
    with reading(engine) as connection:
        rows = connection.execute(mine.where(*_is_half(key, now))).all()
    by_salt = {row.code_hash.rpartition("$")[0]: row for row in rows}
    return [spare_hash(row.user_id, code, like=row.code_hash) for row in by_salt.values()]


def spare_hash(user_id: int, code: str, *, salt: bytes = b"", like: str = "") -> str:
    """Compute the hash of a spare code: as typed, in any case and with or without its dash.

    A code has 40 bits, so its hash is slow as a password's is. salt : of all codes of a user, so that a try costs one
    hash. like : a hash whose salt and cost are taken.
    """
    return slow_hash(hashed(f"{user_id}:{_plain(code)}"), salt=salt, like=like)


def _plain(code: str) -> str:
    return "".join(sign for sign in code.lower() if sign.isalnum())
