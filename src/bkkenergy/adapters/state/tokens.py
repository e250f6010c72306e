"""Tokens, by which programs ask the API. Only their hashes are stored."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import replace
from typing import Any

from sqlalchemy import Engine, delete, insert, select, update

from bkkenergy.access import Account, TokenScope
from bkkenergy.adapters.state import reading, transaction, us_of
from bkkenergy.adapters.state.tables import token, user
from bkkenergy.adapters.state.users import SEEN_EVERY_S, account_of, hashed
from bkkenergy.readings import US_PER_S

TOKEN_MARK = "bkk_"  # noqa: S105 - what our tokens begin with, so that scanners know one


def add_token(engine: Engine, user_id: int, name: str, scope: TokenScope, now: dt.datetime, *, days: int) -> str:
    """Create a token of a user's and return its secret, which is shown this once."""
    secret = TOKEN_MARK + secrets.token_urlsafe(32)
    with transaction(engine) as connection:
        connection.execute(
            insert(token).values(
                name=name,
                key_hash=hashed(secret),
                user_id=user_id,
                scope=scope,
                created_us=us_of(now),
                until_us=us_of(now + dt.timedelta(days=days)),
            )
        )
    return secret


def tokens(engine: Engine) -> list[dict[str, Any]]:
    """Return all tokens with their users, without their secrets."""
    columns = (
        token.c.id,
        token.c.user_id,
        token.c.name,
        token.c.scope,
        token.c.created_us,
        token.c.until_us,
        token.c.used_us,
    )
    query = select(*columns, user.c.name.label("user")).join(user, user.c.id == token.c.user_id).order_by(token.c.id)
    with reading(engine) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def drop_token(engine: Engine, token_id: int) -> None:
    """Delete a token."""
    with transaction(engine) as connection:
        connection.execute(delete(token).where(token.c.id == token_id))


def token_account(engine: Engine, secret: str, now: dt.datetime) -> Account | None:
    """Return the user of a token, where it is still valid, narrowed to its scope. Once a minute its use is noted."""
    query = select(user, token.c.scope, token.c.used_us, token.c.id.label("token_id")).join(
        token, token.c.user_id == user.c.id
    )
    is_valid = (token.c.key_hash == hashed(secret), token.c.until_us > us_of(now), user.c.disabled == 0)
    with reading(engine) as connection:
        row = connection.execute(query.where(*is_valid)).first()
    if row is None:
        return None
    if us_of(now) - (row.used_us or 0) > SEEN_EVERY_S * US_PER_S:
        with transaction(engine) as connection:
            connection.execute(update(token).where(token.c.id == row.token_id).values(used_us=us_of(now)))
    return replace(account_of(row), scope=row.scope)


def is_token_valid(engine: Engine, secret: str, now: dt.datetime) -> bool:
    """Return whether a token is still valid, without a note that it was used."""
    query = select(token.c.id).join(user, token.c.user_id == user.c.id)
    is_valid = (token.c.key_hash == hashed(secret), token.c.until_us > us_of(now), user.c.disabled == 0)
    with reading(engine) as connection:
        return connection.execute(query.where(*is_valid)).first() is not None
