"""What the state holds of one person, from every table that names persons, and what goes with the person's account."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Connection, LargeBinary, Table, delete, or_, select, update

from bkkenergy.adapters.state.metadata import metadata
from bkkenergy.adapters.state.persontables import account_link, known_device, own_delivery, passkey
from bkkenergy.adapters.state.tables import (
    provider_identity,
    recovery_code,
    second_factor,
    session,
    token,
    user,
)
from bkkenergy.adapters.state.users import PasswordHash

NAMES = frozenset(
    ("by", "actor", "owner", "who", "decided_by", "drafted_by", "entered_by", "fitted_by", "removed_by", "said_by",
     "undone_by")
)  # fmt: skip
"""Columns that hold who did something, by the user's name."""
NO_PERSONS = frozenset({("run", "owner"), ("session", "by")})
"""Columns of such names that hold a process, or a way of signing in."""
SECRETS = frozenset({"password_hash", "key_hash", "csrf", "secret", "code_hash"})
"""Columns that are shown to no one."""
OF_THE_ACCOUNT = (
    account_link, known_device, passkey, provider_identity, recovery_code, second_factor, own_delivery, token, session,
)  # fmt: skip


def rows_of_person(connection: Connection, user_id: int, name: str) -> dict[str, list[dict[str, Any]]]:
    """Return every row that is a user's, or says what the user did, by table; without secrets and pictures."""
    rows = {}
    for table in metadata.sorted_tables:
        is_theirs = [*_is_named(table, name), *_is_owned(table, user_id)]
        if is_theirs:
            query = select(*_shown(table)).where(or_(*is_theirs))
            rows[table.name] = [dict(row) for row in connection.execute(query).mappings()]
    return {table: each for table, each in rows.items() if each}


def _is_named(table: Table, name: str) -> Iterator[Any]:
    for column in table.columns:
        if column.name in NAMES and (table.name, column.name) not in NO_PERSONS:
            yield column == name


def _is_owned(table: Table, user_id: int) -> Iterator[Any]:
    if table is user:
        yield table.c.id == user_id
    elif "user_id" in table.columns:
        yield table.c.user_id == user_id


def _shown(table: Table) -> list[Column[Any]]:
    return [one for one in table.columns if one.name not in SECRETS and not isinstance(one.type, LargeBinary)]


@functools.cache
def hash_of_no_password() -> PasswordHash:
    """Make a hash that no password has. Slow, once in a process."""
    return PasswordHash.of(secrets.token_urlsafe(32))


def erase_account(connection: Connection, user_id: int) -> None:
    """Delete all of an account but its name, which records of what was done refer to. It is locked for ever."""
    for table in OF_THE_ACCOUNT:
        connection.execute(delete(table).where(table.c.user_id == user_id))
    values = {"display": "", "mail": "", "disabled": 1, "password_hash": hash_of_no_password()}
    connection.execute(update(user).where(user.c.id == user_id).values(**values, must_change=1))
