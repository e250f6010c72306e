"""Links of mails by which a person sets a password or confirms an address: good once, for a while, stored as hashes."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, exists, func, insert, or_, select, update

from bkkenergy.adapters.state import reading, us_of
from bkkenergy.adapters.state.persontables import account_link
from bkkenergy.adapters.state.tables import provider_identity, user
from bkkenergy.adapters.state.users import hashed
from bkkenergy.readings import US_PER_S

LinkPurpose = Literal["invite", "reset", "mail"]
LINK_S: dict[LinkPurpose, float] = {"invite": 7 * 86_400.0, "reset": 1800.0, "mail": 86_400.0}
"""How long a link may wait for its use."""
RESETS_AN_HOUR, HOUR_S = 3, 3600
"""Of one account: no stranger fills a person's mailbox."""
MAX_OF_AN_ADDRESS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLink:
    """A link that may still be used. mail : where it was sent. secret : only where it was made just now."""

    user_id: int
    name: str
    language: str
    purpose: LinkPurpose
    mail: str
    secret: str = field(default="", repr=False)

    @classmethod
    def of(cls, row: Row[Any], secret: str = "") -> AccountLink:
        """Convert a row of a link with its user's name and language."""
        return cls(
            user_id=row.user_id, name=row.name, language=row.language, purpose=row.purpose, mail=row.mail,
            secret=secret,
        )  # fmt: skip


def new_link(connection: Connection, user_id: int, purpose: LinkPurpose, mail: str, now: dt.datetime) -> AccountLink:
    """Insert a link of a user. Earlier invitations, and earlier addresses to be confirmed, end by it."""
    secret, now_us = secrets.token_urlsafe(32), us_of(now)
    connection.execute(delete(account_link).where(account_link.c.until_us < now_us - HOUR_S * US_PER_S))
    if purpose != "reset":
        end_links(connection, user_id, purpose)
    values = {"user_id": user_id, "purpose": purpose, "mail": mail, "asked_us": now_us}
    until_us = now_us + int(LINK_S[purpose] * US_PER_S)
    connection.execute(insert(account_link).values(**values, key_hash=hashed(secret), until_us=until_us))
    row = connection.execute(_links().where(account_link.c.key_hash == hashed(secret))).one()
    return AccountLink.of(row, secret)


def end_links(connection: Connection, user_id: int, *purposes: LinkPurpose) -> None:
    """Delete a user's links of some purposes."""
    mine = account_link.c.user_id == user_id, account_link.c.purpose.in_(purposes)
    connection.execute(delete(account_link).where(*mine))


def resets_due(connection: Connection, who: str, now: dt.datetime) -> list[Row[Any]]:
    """Return users (id, name, mail) of a name or an address who may be sent a link to set their password.

    Not those without an address, those locked out, those of a provider, and those who were sent some within the hour.
    """
    since_us = us_of(now) - HOUR_S * US_PER_S
    of_user = account_link.c.user_id == user.c.id, account_link.c.purpose == "reset", account_link.c.asked_us > since_us
    count = select(func.count()).select_from(account_link).where(*of_user).scalar_subquery()
    is_asked_for = or_(user.c.name == who, func.lower(user.c.mail) == who.lower())
    query = select(user.c.id, user.c.name, user.c.mail).where(
        is_asked_for, user.c.mail != "", *_comes_by_password(), count < RESETS_AN_HOUR
    )
    return list(connection.execute(query.order_by(user.c.id).limit(MAX_OF_AN_ADDRESS).with_for_update(of=user)))


def may_have_link(connection: Connection, user_id: int) -> bool:
    """Return whether a link to set a password is of use to a user."""
    return connection.execute(select(user.c.id).where(user.c.id == user_id, *_comes_by_password())).first() is not None


def link_of(engine: Engine, secret: str, now: dt.datetime) -> AccountLink | None:
    """Return the link of a secret, where it may still be used."""
    with reading(engine) as connection:
        row = connection.execute(_links().where(*_is_good(secret, now))).first()
    return None if row is None else AccountLink.of(row)


def take_link(
    connection: Connection, secret: str, now: dt.datetime, *purposes: LinkPurpose, user_id: int | None = None
) -> AccountLink | None:
    """Use a link of some purposes up: return it, to one of those who ask at once; None where it may not be used.

    user_id : whose it has to be; None for anybody's.
    The user is locked first, as by all else that changes an account: none of them waits for another in a circle.
    """
    query = _links().where(*_is_good(secret, now), account_link.c.purpose.in_(purposes))
    if user_id is not None:
        query = query.where(account_link.c.user_id == user_id)
    row = connection.execute(query.with_for_update(of=user)).first()
    if row is None:
        return None
    used = connection.execute(delete(account_link).where(account_link.c.key_hash == hashed(secret)))
    return AccountLink.of(row) if used.rowcount == 1 else None


def mail_of(connection: Connection, user_id: int) -> tuple[str, str]:
    """Return a user's address, empty without one, and language."""
    row = connection.execute(select(user.c.mail, user.c.language).where(user.c.id == user_id)).one()
    return row.mail, row.language


def set_mail(connection: Connection, user_id: int, mail: str) -> None:
    """Set a user's address. Links that were sent to another one end."""
    connection.execute(update(user).where(user.c.id == user_id).values(mail=mail))
    others = account_link.c.user_id == user_id, account_link.c.mail != mail
    connection.execute(delete(account_link).where(*others))


def _links() -> Any:
    columns = (account_link.c.user_id, account_link.c.purpose, account_link.c.mail, user.c.name, user.c.language)
    return select(*columns).join(user, user.c.id == account_link.c.user_id)


def _is_good(secret: str, now: dt.datetime) -> tuple[ColumnElement[bool], ...]:
    """Return what holds of a link that may be used: not before it was made either, where the clock went back."""
    now_us = us_of(now)
    is_open = or_(account_link.c.purpose == "mail", ~has_provider())
    in_time = account_link.c.asked_us <= now_us, account_link.c.until_us > now_us
    return account_link.c.key_hash == hashed(secret), *in_time, user.c.disabled == 0, is_open


def _comes_by_password() -> tuple[ColumnElement[bool], ...]:
    """Return what holds of a user who may set a password: one who is not locked out, and of no provider."""
    return user.c.disabled == 0, ~has_provider()


def has_provider() -> Any:
    """Return whether a user comes from a provider of sign-in: no password of ours may pass its second factor by."""
    return exists().where(provider_identity.c.user_id == user.c.id)
