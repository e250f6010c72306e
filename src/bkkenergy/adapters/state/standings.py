"""Addresses that nothing is sent to any more, in the state: those who unsubscribed, and mailboxes that refuse.

A link that ends messages, or shows a picture for a while, is signed by a key of the site that lies here too.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, Engine, delete, insert, select
from sqlalchemy.exc import IntegrityError

from bkkenergy.adapters.state import reading, transaction, us_of
from bkkenergy.adapters.state.outbox import Posted
from bkkenergy.adapters.state.persontables import link_key, recipient_standing
from bkkenergy.adapters.state.tables import outbox

StandingState = Literal["unsubscribed", "refused"]
MAX_REASON = 500
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Standing:
    """Why nothing is sent to an address, and since when."""

    number: int
    channel: str
    address: str
    state: StandingState
    reason: str
    at_us: int


_COLUMNS = tuple(recipient_standing.c[name] for name in ("id", "channel", "address", "state", "reason", "at_us"))


def standings(engine: Engine) -> list[Standing]:
    """Return all addresses that nothing is sent to, the newest first."""
    with reading(engine) as connection:
        query = select(*_COLUMNS).order_by(recipient_standing.c.at_us.desc())
        return [Standing(*row) for row in connection.execute(query)]


def standing_of(engine: Engine, channel: str, address: str) -> Standing | None:
    """Return why nothing is sent to an address; None where it is."""
    columns = recipient_standing.c
    query = select(*_COLUMNS).where(columns.channel == channel, columns.address == address.lower())
    with reading(engine) as connection:
        row = connection.execute(query).first()
        return None if row is None else Standing(*row)


def set_standing(
    connection: Connection, channel: str, address: str, state: StandingState, reason: str, now: dt.datetime
) -> None:
    """Send nothing more to an address. A person's own wish is not replaced by a refusal."""
    columns = recipient_standing.c
    same = (columns.channel == channel, columns.address == address.lower())
    before = connection.execute(select(columns.state).where(*same)).scalar()
    if before == "unsubscribed":
        return
    connection.execute(delete(recipient_standing).where(*same))
    values = {"channel": channel, "address": address.lower(), "state": state, "reason": reason[:MAX_REASON]}
    connection.execute(insert(recipient_standing).values(**values, at_us=us_of(now)))


def drop_standing(connection: Connection, number: int) -> str | None:
    """Send to an address again; return it, or None where there was nothing to end."""
    gone = delete(recipient_standing).where(recipient_standing.c.id == number).returning(recipient_standing.c.address)
    address: str | None = connection.execute(gone).scalar()
    return address


def drop_standing_of(connection: Connection, channel: str, address: str) -> None:
    """Send to an address again, where it is not sent to."""
    columns = recipient_standing.c
    connection.execute(delete(recipient_standing).where(columns.channel == channel, columns.address == address.lower()))


def posted_numbered(engine: Engine, number: int) -> Posted | None:
    """Return a message by its number; None where there is none."""
    with reading(engine) as connection:
        row = connection.execute(select(outbox).where(outbox.c.id == number)).mappings().first()
        return None if row is None else Posted.of(row)


def signature(engine: Engine, purpose: str, what: str) -> str:
    """Sign what a link stands for, by the site's key. Raises StoreUnavailable."""
    return hmac.new(_key(engine), f"{purpose}\n{what}".encode(), hashlib.sha256).hexdigest()[:40]


def is_signed(engine: Engine, purpose: str, what: str, given: str) -> bool:
    """Return whether a link was signed here for this purpose."""
    return hmac.compare_digest(signature(engine, purpose, what).encode(), given.encode())


def _key(engine: Engine) -> bytes:
    query = select(link_key.c.secret)
    with reading(engine) as connection:
        known = connection.execute(query).scalar()
    if known is None:
        with transaction(engine) as connection, suppress(IntegrityError), connection.begin_nested():
            connection.execute(insert(link_key).values(id=1, secret=secrets.token_hex(KEY_BYTES)))
        with reading(engine) as connection:  # another process may have been first
            known = connection.execute(query).scalar_one()
    return bytes.fromhex(known)
