"""Answers to requests that may come twice, under the keys that their senders give them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text

from bkkenergy.adapters.state import us_of
from bkkenergy.adapters.state.tables import request_answer


def answer_of(connection: Connection, actor: str, key: str) -> tuple[str, dict[str, Any]] | None:
    """Return the digest of a request and its answer; None where there was none under this key."""
    mine = (request_answer.c.actor == actor, request_answer.c.key == key)
    row = connection.execute(select(request_answer.c.digest, request_answer.c.answer).where(*mine)).first()
    return None if row is None else (row.digest, dict(row.answer))


def add_answer(
    connection: Connection, actor: str, key: str, digest: str, answer: Mapping[str, Any], now: dt.datetime
) -> None:
    """Store what a request was answered with."""
    values = {"actor": actor, "key": key, "digest": digest, "answer": dict(answer), "at_us": us_of(now)}
    connection.execute(insert(request_answer).values(values))


def drop_answers(connection: Connection, before: dt.datetime) -> None:
    """Delete answers from before an instant."""
    connection.execute(delete(request_answer).where(request_answer.c.at_us < us_of(before)))


def lock_key(connection: Connection, actor: str, key: str) -> None:
    """Let the same request wait until the first one ends. SQLite's transactions wait by themselves."""
    if connection.dialect.name == "postgresql":
        query = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
        connection.execute(query, {"name": f"{actor}\n{key}"})
