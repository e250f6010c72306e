"""The outbox: messages written in the transaction that made them due, and sent afterwards, at least once.

At least once and not at most once: a report that never comes is worse than one that comes twice, and a mail that is
sent again after a crash between the server's "250" and our commit carries the same Message-ID, by which mailboxes
tell it is the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from sqlalchemy import Connection, Engine, RowMapping, and_, insert, select, update

from bkkenergy.adapters.state import reading, transaction, us_of
from bkkenergy.adapters.state.tables import outbox
from bkkenergy.readings import US_PER_S

MAX_ERROR = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMessage:
    """What a message says, whatever its channel.

    html : a body with styles in place. attachments : paths of files in the archive. data : for machines.
    """

    subject: str
    text: str
    html: str = ""
    attachments: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """Convert what the table holds; parts that are empty may be absent, as earlier versions left them out."""
        return cls(**{**stored, "attachments": tuple(stored.get("attachments", ()))})


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A message and how far it has come."""

    id: int
    key: str
    channel: str
    recipient: str
    message: OutboxMessage
    state: str
    tries: int
    created_us: int
    next_try_us: int
    sent_us: int | None
    error: str

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """Convert a row of the table."""
        values = {name: row[name] for name in cls.__dataclass_fields__}
        return cls(**{**values, "message": OutboxMessage.of(row["message"])})


def post(
    connection: Connection, *, key: str, channel: str, recipient: str, message: OutboxMessage, now: dt.datetime
) -> None:
    """Put a message into the outbox, once by its key."""
    if connection.execute(select(outbox.c.id).where(outbox.c.key == key)).first():
        return
    connection.execute(
        insert(outbox).values(
            key=key,
            channel=channel,
            recipient=recipient,
            message=asdict(message),
            state="waiting",
            created_us=us_of(now),
            next_try_us=us_of(now),
        )
    )


def claim(engine: Engine, now: dt.datetime, lease_s: float) -> Posted | None:
    """Take the oldest message whose time has come, for this process alone while the lease lasts; None without one.

    A message whose process dies while it sends comes again when the lease is over.
    """
    is_due = and_(outbox.c.state == "waiting", outbox.c.next_try_us <= us_of(now))
    oldest = select(outbox).where(is_due).order_by(outbox.c.id).limit(1).with_for_update(skip_locked=True)
    if not has_due(engine, now):
        return None
    with transaction(engine) as connection:
        row = connection.execute(oldest).mappings().first()
        if row is None:
            return None
        until_us = us_of(now) + int(lease_s * US_PER_S)
        connection.execute(update(outbox).where(outbox.c.id == row["id"]).values(next_try_us=until_us))
        return Posted.of(row)


def has_due(engine: Engine, now: dt.datetime) -> bool:
    """Return whether the time of any message has come; blocks no writer."""
    due = select(outbox.c.id).where(outbox.c.state == "waiting", outbox.c.next_try_us <= us_of(now)).limit(1)
    with reading(engine) as connection:
        return connection.execute(due).first() is not None


def sent(engine: Engine, posted: Posted, now: dt.datetime) -> None:
    """Mark a message as sent: the other side has it."""
    values = {"state": "sent", "sent_us": us_of(now), "tries": posted.tries + 1, "error": ""}
    with transaction(engine) as connection:
        connection.execute(update(outbox).where(outbox.c.id == posted.id).values(values))


def not_sent(engine: Engine, posted: Posted, error: str, *, retry_at: dt.datetime | None) -> None:
    """Record that the other side has not taken it. Tried again at `retry_at`, or given up."""
    values: dict[str, Any] = {"tries": posted.tries + 1, "error": error[:MAX_ERROR]}
    values |= {"next_try_us": us_of(retry_at)} if retry_at else {"state": "failed"}
    with transaction(engine) as connection:
        connection.execute(update(outbox).where(outbox.c.id == posted.id).values(values))


def messages(engine: Engine, *, state: str | None = None, limit: int = 50) -> list[Posted]:
    """Return the latest messages."""
    query = select(outbox).order_by(outbox.c.id.desc()).limit(limit)
    query = query if state is None else query.where(outbox.c.state == state)
    with reading(engine) as connection:
        return [Posted.of(row) for row in connection.execute(query).mappings()]
