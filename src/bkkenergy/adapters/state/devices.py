"""Browsers from which a user has signed in: known again by a key that each keeps, of which the state has the hash."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from bkkenergy.adapters.state import reading, us_of
from bkkenergy.adapters.state.persontables import known_device
from bkkenergy.adapters.state.tables import user
from bkkenergy.adapters.state.users import ID_LENGTH, hashed
from bkkenergy.readings import US_PER_S

KNOWN_S = 365 * 86_400
"""A browser that has not signed in for so long is not known any more."""
MAX_DEVICES = 20
"""Of a user: the one that was used longest ago is forgotten."""


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A browser of a user. id : by which it is forgotten. agent : what it calls itself. address : where it was last."""

    id: str
    agent: str
    address: str
    since_us: int
    seen_us: int


def greet_device(connection: Connection, user_id: int, key: str, where: tuple[str, str], now: dt.datetime) -> str:
    """Note by which browser a user signed in. Return the key that it has from now on: another one where it is new.

    A stranger may have put a key into a browser that is new to the user: it is changed for all users of that browser.
    where : its address and own name.
    """
    now_us, is_this = us_of(now), (known_device.c.user_id == user_id, known_device.c.key_hash == hashed(key))
    too_old = known_device.c.seen_us < now_us - KNOWN_S * US_PER_S
    connection.execute(delete(known_device).where(too_old))
    values = {"address": where[0], "agent": where[1][:128], "seen_us": now_us}
    if connection.execute(update(known_device).where(*is_this).values(**values)).rowcount:
        return key
    theirs = select(known_device.c.key_hash).where(known_device.c.user_id == user_id)
    oldest = connection.execute(theirs.order_by(known_device.c.seen_us.desc()).offset(MAX_DEVICES - 1)).scalars().all()
    connection.execute(
        delete(known_device).where(known_device.c.user_id == user_id, known_device.c.key_hash.in_(oldest))
    )
    new_key = secrets.token_urlsafe(32)
    others = update(known_device).where(known_device.c.key_hash == hashed(key))
    connection.execute(others.values(key_hash=hashed(new_key)))
    row = values | {"key_hash": hashed(new_key), "user_id": user_id, "since_us": now_us}
    connection.execute(insert(known_device).values(**row))
    return new_key


def is_device_of(engine: Engine, name: str, key: str, now: dt.datetime) -> bool:
    """Return whether a browser shows that the user of a name has signed in by it before."""
    if not key:
        return False
    is_this = (user.c.name == name, known_device.c.key_hash == hashed(key))
    is_new_enough = known_device.c.seen_us >= us_of(now) - KNOWN_S * US_PER_S
    query = select(known_device.c.user_id).join(user, user.c.id == known_device.c.user_id)
    with reading(engine) as connection:
        return connection.execute(query.where(*is_this, is_new_enough)).first() is not None


def devices_of(connection: Connection, user_id: int) -> Sequence[KnownDevice]:
    """Return a user's browsers, the one that was used last first."""
    query = select(known_device).where(known_device.c.user_id == user_id).order_by(known_device.c.seen_us.desc())
    return [
        KnownDevice(row.key_hash[:ID_LENGTH], row.agent, row.address, row.since_us, row.seen_us)
        for row in connection.execute(query)
    ]


def forget_device(connection: Connection, user_id: int, device: str) -> bool:
    """Forget a user's browser by its id. Return whether there was one."""
    is_this = (known_device.c.user_id == user_id, func.substr(known_device.c.key_hash, 1, ID_LENGTH) == device)
    return connection.execute(delete(known_device).where(*is_this)).rowcount > 0
