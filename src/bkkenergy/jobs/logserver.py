"""Lines of the audit log for a log server: each at least once, in order, a few minutes after it was written."""

from __future__ import annotations

import datetime as dt

import structlog

from bkkenergy.adapters.logserver import send_lines, shortened
from bkkenergy.adapters.state import StateStore
from bkkenergy.adapters.state.auditlog import dated_line, lines_to_send, note_sent
from bkkenergy.errors import BkkEnergyError
from bkkenergy.settings import LogServerSettings

log = structlog.get_logger(__name__)


def send_audit_lines(engine: StateStore, server: LogServerSettings, now: dt.datetime) -> int:
    """Send what waits; return how many lines. One that cannot be reached is logged, and its lines wait."""
    sent = 0
    try:
        while server.host and (lines := lines_to_send(engine, now)):
            send_lines(server, [shortened(dated_line(line)) for line in lines])
            note_sent(engine, lines[-1]["id"])
            sent += len(lines)
    except BkkEnergyError as error:
        log.error("audit_not_sent", why=str(error))  # noqa: TRY400
    return sent
