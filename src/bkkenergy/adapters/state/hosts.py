"""Hosts that share the state, and the settings that they have in common; in PostgreSQL, where there can be several."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    String,
    Table,
    delete,
    event,
    func,
    insert,
    select,
    text,
)

from bkkenergy.adapters.engines import AdvisoryLock
from bkkenergy.adapters.state import StateStore, us_of
from bkkenergy.adapters.state.metadata import metadata

MAX_HOSTS = 50
"""Of those that came and went, as containers do, the newest are remembered."""
MAX_NAME = 128

host = Table(
    "host",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(MAX_NAME), nullable=False),
    Column("started_us", BigInteger, nullable=False),
)
"""Hosts that started a process on this state, by the id in their data folder."""

common_setting = Table(
    "common_setting",
    metadata,
    Column("part", String(128), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("host", String(MAX_NAME), nullable=False),
)
"""What each part of the settings is on every host. number : `state.settings_number` of the file that said so."""


@dataclass(frozen=True, slots=True)
class CommonSettings:
    """What hosts have in common: a digest of each part, the number of that file, and the host that came with it."""

    digests: Mapping[str, str]
    number: int
    host: str


def lock_hosts(connection: Connection) -> None:
    """Let one process join at a time."""
    connection.execute(select(func.pg_advisory_xact_lock(AdvisoryLock.HOSTS)))


def host_names(connection: Connection) -> dict[str, str]:
    """Return the name of each known host by its id, the newest first."""
    query = select(host.c.id, host.c.name).order_by(host.c.started_us.desc())
    return {row.id: row.name for row in connection.execute(query)}


def note_host(connection: Connection, identity: str, name: str, now: dt.datetime) -> None:
    """Enter that a host started a process now."""
    known = list(host_names(connection))
    connection.execute(delete(host).where(host.c.id.in_([identity, *known[MAX_HOSTS:]])))
    connection.execute(insert(host).values(id=identity, name=name[:MAX_NAME], started_us=us_of(now)))


def addresses_elsewhere(state: StateStore, connection: Connection, identity: str, boot: str) -> list[str]:
    """Return from where processes of this host work that were started under another boot of a machine: a copy of it.

    Each says who it is by its connections' name, from now on; the server knows which of them are open.
    """
    name = f"bkkenergy {identity} "
    named = {"name": name + boot}
    query = text(
        "SELECT DISTINCT coalesce(host(client_addr), 'local') FROM pg_stat_activity "
        "WHERE datname = current_database() AND starts_with(application_name, :host) AND application_name <> :name"
    )
    elsewhere = list(connection.execute(query, named | {"host": name}).scalars())
    if not elsewhere:
        connection.execute(text("SELECT set_config('application_name', :name, false)"), named)
        event.listen(state, "connect", lambda raw, _record: _say(raw, name + boot))
    return elsewhere


def _say(raw: Any, name: str) -> None:
    with raw.cursor() as cursor:
        cursor.execute("SELECT set_config('application_name', %s, false)", [name])
    raw.commit()


def forget_hosts(connection: Connection) -> None:
    """Remove every host: they are gone for good."""
    connection.execute(delete(host))


def common_settings(connection: Connection) -> CommonSettings | None:
    """Return what hosts have in common; None where none has started yet."""
    rows = connection.execute(select(common_setting)).all()
    if not rows:
        return None
    return CommonSettings({row.part: row.digest for row in rows}, rows[0].number, rows[0].host)


def enter_common_settings(connection: Connection, given: CommonSettings) -> None:
    """Replace what hosts have in common."""
    connection.execute(delete(common_setting))
    rows = [
        {"part": part, "digest": digest, "number": given.number, "host": given.host[:MAX_NAME]}
        for part, digest in given.digests.items()
    ]
    connection.execute(insert(common_setting), rows)
