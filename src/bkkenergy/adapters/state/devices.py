"""Browsers from which a user has signed in: known again by a key that each keeps, of which the state has the hash."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, insert, select, update

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


def greet_device(connection: Connection, user_id: int, key: str, where: tuple[str, str], now: dt.datetime) -> bool:
    """Note by which browser a user signed in. Return whether it was known. where : its address and own name."""
    now_us, is_this = us_of(now), (known_device.c.user_id == user_id, known_device.c.key_hash == hashed(key))
    too_old = known_device.c.seen_us < now_us - KNOWN_S * US_PER_S
    connection.execute(delete(known_device).where(too_old))
    values = {"address": where[0], "agent": where[1][:128], "seen_us": now_us}
    if connection.execute(update(known_device).where(*is_this).values(**values)).rowcount:
        return True
    theirs = select(known_device.c.key_hash).where(known_device.c.user_id == user_id)
    oldest = connection.execute(theirs.order_by(known_device.c.seen_us.desc()).offset(MAX_DEVICES - 1)).scalars().all()
    connection.execute(
        delete(known_device).where(known_device.c.user_id == user_id, known_device.c.key_hash.in_(oldest))
    )
    connection.execute(insert(known_device).values(**values, key_hash=hashed(key), user_id=user_id, since_us=now_us))
    return False


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


def forget_devices(connection: Connection, user_id: int, *, only: str | None = None, but: str = "") -> int:
    """Forget a user's browsers: one by its id, or all but the one of a key. Return how many."""
    chosen = [known_device.c.user_id == user_id, known_device.c.key_hash != (hashed(but) if but else "")]
    if only is not None:
        ids = select(known_device.c.key_hash).where(known_device.c.user_id == user_id)
        whole = [key_hash for key_hash in connection.execute(ids).scalars() if key_hash[:ID_LENGTH] == only]
        chosen.append(known_device.c.key_hash.in_(whole))
    return connection.execute(delete(known_device).where(*chosen)).rowcount
