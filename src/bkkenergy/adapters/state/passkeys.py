"""Passkeys of users in the state's database: public keys, and which challenge each answered last."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from bkkenergy.adapters.state import us_of
from bkkenergy.adapters.state.accountlinks import has_provider
from bkkenergy.adapters.state.persontables import passkey
from bkkenergy.adapters.state.tables import recovery_code, second_factor, user
from bkkenergy.adapters.state.users import is_confirmed
from bkkenergy.errors import InputError

MAX_PASSKEYS = 20
"""Of a user."""


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey as its user sees it. used_us : when it last signed in; 0 before the first time."""

    number: int
    name: str
    at_us: int
    used_us: int


def passkeys_of(connection: Connection, user_id: int) -> list[Passkey]:
    """Return a user's passkeys, the oldest first."""
    columns = passkey.c.id, passkey.c.name, passkey.c.at_us, passkey.c.used_us
    query = select(*columns).where(passkey.c.user_id == user_id).order_by(passkey.c.id)
    return [Passkey(*row) for row in connection.execute(query)]


def credentials_of(connection: Connection, user_id: int) -> list[bytes]:
    """Return the public keys of a user's passkeys, with what identifies them."""
    query = select(passkey.c.public_key).where(passkey.c.user_id == user_id)
    return list(connection.execute(query).scalars())


def enter_passkey(
    connection: Connection, user_id: int, credential: str, public_key: bytes, name: str, count: int, now: dt.datetime
) -> None:
    """Insert a passkey. Raises InputError for one that is entered already, and where there are too many."""
    if connection.execute(select(passkey.c.id).where(passkey.c.credential == credential)).first() is not None:
        raise InputError.of("passkey_is_there")
    mine = select(func.count()).select_from(passkey).where(passkey.c.user_id == user_id)
    if connection.execute(mine).scalar_one() >= MAX_PASSKEYS:
        raise InputError.of("passkeys_many", max=MAX_PASSKEYS)
    values = {"credential": credential, "public_key": public_key, "name": name, "sign_count": count}
    connection.execute(insert(passkey).values(**values, user_id=user_id, at_us=us_of(now), used_us=0))


def drop_passkey(connection: Connection, user_id: int, number: int) -> str | None:
    """Delete a user's passkey, and the spare codes with the last factor. Return its name; None where there is none."""
    mine = passkey.c.id == number, passkey.c.user_id == user_id
    name = connection.execute(select(passkey.c.name).where(*mine)).scalar()
    if name is None:
        return None
    connection.execute(delete(passkey).where(*mine))
    has_codes = select(second_factor.c.user_id).where(second_factor.c.user_id == user_id, is_confirmed())
    if not passkeys_of(connection, user_id) and connection.execute(has_codes).first() is None:
        connection.execute(delete(recovery_code).where(recovery_code.c.user_id == user_id))
    return str(name)


def drop_passkeys(connection: Connection, user_id: int) -> int:
    """Delete all passkeys of a user. Return how many."""
    return connection.execute(delete(passkey).where(passkey.c.user_id == user_id)).rowcount


def passkey_user(connection: Connection, credential: str) -> Row[Any] | None:
    """Return the user of a passkey who may come in, with its `public_key`; none of a provider's, nor one locked out."""
    query = select(user, passkey.c.public_key).join(passkey, passkey.c.user_id == user.c.id)
    return connection.execute(
        query.where(passkey.c.credential == credential, user.c.disabled == 0, ~has_provider())
    ).first()


def note_use(connection: Connection, credential: str, challenge_us: int, count: int) -> bool:
    """Note that a passkey answered a challenge; return whether that is its first answer, and no copy's.

    A passkey that counts its answers counts on: one that counts back was copied. Most count nothing, and say 0.
    """
    counts_on = passkey.c.sign_count < count if count else passkey.c.sign_count == 0
    is_new = passkey.c.credential == credential, passkey.c.used_us < challenge_us, counts_on
    used = connection.execute(update(passkey).where(*is_new).values(used_us=challenge_us, sign_count=count))
    return used.rowcount == 1
