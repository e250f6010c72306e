"""The audit log: looked through, written to a file for other systems, and compared with its seals."""

from __future__ import annotations

import datetime as dt
from typing import Any

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateStore, transaction
from bkkenergy.adapters.state.auditlog import LinesAsked, SealCheck, audit_lines, check_seals
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.usecases.powers import use_case

MAX_EXPORTED = 1_000_000


@use_case("audit.read", "serve", "server")
def read_audit(engine: StateStore, actor: Actor, limit: int, asked: LinesAsked | None = None) -> list[dict[str, Any]]:
    """Return lines of the audit log, the latest first."""
    actor.need("serve")
    return audit_lines(engine, limit, asked)


@use_case("audit.export", "serve", "server")
def export_audit(engine: StateStore, actor: Actor, asked: LinesAsked, now: dt.datetime) -> list[dict[str, Any]]:
    """Return lines of the audit log in the order in which they came, and note who took them."""
    actor.need("serve")
    lines = audit_lines(engine, MAX_EXPORTED, asked)[::-1]
    with transaction(engine) as connection:
        enter_audit(connection, actor, "export_audit", "", {"lines": len(lines)}, now)
    return lines


@use_case("audit.check", "serve", "server")
def check_audit(engine: StateStore, actor: Actor, noted: str) -> SealCheck:
    """Compare the audit log with its seals, and with the newest one as it is noted outside the state."""
    actor.need("serve")
    return check_seals(engine, noted)
