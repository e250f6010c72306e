"""Alerts: opened once by their key, closed when their matter is over, and sent once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update

from bkkenergy.adapters.state import reading, transaction, us_of
from bkkenergy.adapters.state.tables import alert


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something to be sent at once. key : the same as long as it is the same matter."""

    key: str
    kind: str
    agency: str
    building: str
    meter: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)


def reconcile(
    engine: Engine, alarms: Sequence[Alarm], now: dt.datetime, *, kinds: Collection[str], agency: str | None = None
) -> int:
    """Open what is new, close what is over among the kinds (of an agency) that were looked at. Count those opened.

    A key that was closed is not opened again: a matter that comes and goes is sent once.
    """
    looked_at = [alert.c.kind.in_(kinds)] + ([alert.c.agency == agency] if agency else [])
    with transaction(engine) as connection:
        known = {row.key: row.closed_us for row in connection.execute(select(alert).where(*looked_at))}
        new = {alarm.key: alarm for alarm in alarms if alarm.key not in known}
        for alarm in new.values():
            values = {name: getattr(alarm, name) for name in Alarm.__dataclass_fields__}
            connection.execute(insert(alert).values(**values | {"figures": dict(alarm.figures)}, opened_us=us_of(now)))
        still = {alarm.key for alarm in alarms}
        over = [key for key, closed_us in known.items() if closed_us is None and key not in still]
        if over:
            connection.execute(update(alert).where(alert.c.key.in_(over)).values(closed_us=us_of(now)))
    return len(new)


def unsent_alerts(engine: Engine) -> list[Alarm]:
    """Return open alerts that were not sent yet, the oldest first."""
    return _alarms(engine, alert.c.told_us.is_(None), alert.c.closed_us.is_(None))


def open_alerts(engine: Engine) -> list[Alarm]:
    """Return all that is open."""
    return _alarms(engine, alert.c.closed_us.is_(None))


def _alarms(engine: Engine, *where: Any) -> list[Alarm]:
    with reading(engine) as connection:
        rows = connection.execute(select(alert).where(*where).order_by(alert.c.id)).mappings()
        return [Alarm(**{name: row[name] for name in Alarm.__dataclass_fields__}) for row in rows]


def mark_sent(connection: Connection, alarms: Sequence[Alarm], now: dt.datetime) -> None:
    """Mark alerts as sent: they are in the outbox."""
    sent = update(alert).where(alert.c.key.in_([alarm.key for alarm in alarms]))
    connection.execute(sent.values(told_us=us_of(now)))


def last_sent_us(engine: Engine) -> int | None:
    """Return when alerts were sent last, µs."""
    newest = select(alert.c.told_us).where(alert.c.told_us.is_not(None)).order_by(alert.c.told_us.desc()).limit(1)
    with reading(engine) as connection:
        sent_us: int | None = connection.execute(newest).scalar()
        return sent_us
