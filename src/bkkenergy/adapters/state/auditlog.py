"""The audit log: read by who, what and when, and sealed, so that a line that is changed or taken out is seen.

A seal is a digest of the lines since the seal before, and of that seal. Lines are sealed a while after they were
written: no transaction can still be about to add one before them. A line that is ahead by more than that was written
while the clock was wrong, and holds up no other. The newest seal is noted outside the state too, since lines and seals
that are cut off together at the end leave a log that fits.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, insert, select

from bkkenergy.adapters.bulk import insert_columns
from bkkenergy.adapters.state import reading, transaction, us_of
from bkkenergy.adapters.state.tables import audit, audit_seal, counter
from bkkenergy.readings import US_PER_S

SEALED_AFTER_S = 300
AT_ONCE = 5_000
SENT = "audit.sent"
"""The counter of the last line that a log server was sent."""


@dataclass(frozen=True, slots=True)
class LinesAsked:
    """Which lines are asked for: half-open in time, us since 1970 UTC; empty texts ask for all."""

    since_us: int = 0
    until_us: int = 2**62
    actor: str = ""
    action: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Seal:
    """What is sealed. last_line : the number of the last line. lines : how many there were since the seal before."""

    number: int
    last_line: int
    lines: int
    digest: str
    at_us: int

    @property
    def noted(self) -> str:
        """The seal as it is noted outside the state."""
        return f"{self.number} {self.digest}"


@dataclass(frozen=True, slots=True)
class SealCheck:
    """Whether the log is as it was sealed. broken : the seals that do not fit the lines any more.

    sealed, unsealed : how many lines. newest : the last seal, by which a copy elsewhere is compared. is_cut : whether
    the seal that is noted outside the state is gone.
    """

    sealed: int
    unsealed: int
    broken: tuple[Seal, ...]
    newest: Seal | None
    is_cut: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether nothing was changed, added or taken out."""
        return not self.broken and not self.is_cut


def audit_lines(engine: Engine, limit: int = 200, asked: LinesAsked | None = None) -> list[dict[str, Any]]:
    """Return lines of the audit log, the latest first."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if asked is not None:
        query = query.where(audit.c.at_us >= asked.since_us, audit.c.at_us < asked.until_us)
        for column, text in ((audit.c.actor, asked.actor), (audit.c.action, asked.action)):
            query = query.where(column == text) if text else query
        query = query.where(audit.c.target.contains(asked.target, autoescape=True)) if asked.target else query
    with reading(engine) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def dated_line(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line as other systems read one: its instant in ISO 8601, in UTC."""
    at = dt.datetime.fromtimestamp(line["at_us"] / US_PER_S, dt.UTC).isoformat()
    return {"at": at} | {name: line[name] for name in ("id", "actor", "action", "target", "detail", "address")}


def seal_lines(engine: Engine, now: dt.datetime) -> Sequence[Seal]:
    """Seal the lines that are old enough, some thousand at a time. Return the new seals."""
    seals = list[Seal]()
    with transaction(engine) as connection:
        last = connection.execute(
            select(audit_seal).order_by(audit_seal.c.id.desc()).limit(1).with_for_update()
        ).first()
        digest, after = ("", 0) if last is None else (last.digest, last.last_line)
        while True:
            lines = _old_lines(connection, after, now)
            if not lines:
                return seals
            digest, after = _digest(digest, lines), lines[-1].id
            values = {"last_line": after, "lines": len(lines), "digest": digest, "at_us": us_of(now)}
            number = connection.execute(insert(audit_seal).values(values)).inserted_primary_key
            seals.append(Seal(int(number[0]) if number else 0, after, len(lines), digest, us_of(now)))


def _old_lines(connection: Connection, after: int, now: dt.datetime) -> Sequence[Row[Any]]:
    """Return some thousand lines that come after one, up to the first that was written in the last minutes.

    A transaction may still be about to add one before that. A line of a clock that was ahead holds up no other.
    """
    around = us_of(now) - SEALED_AFTER_S * US_PER_S, us_of(now) + SEALED_AFTER_S * US_PER_S
    young = select(func.min(audit.c.id)).where(audit.c.at_us > around[0], audit.c.at_us <= around[1])
    first_young = connection.execute(young).scalar()
    chosen = select(audit).where(audit.c.id > after).order_by(audit.c.id).limit(AT_ONCE)
    chosen = chosen if first_young is None else chosen.where(audit.c.id < first_young)
    return connection.execute(chosen).all()


def lines_to_send(engine: Engine, now: dt.datetime) -> list[dict[str, Any]]:
    """Return lines that no log server was sent yet, the oldest first, once they are old enough to be sealed."""
    with reading(engine) as connection:
        sent = connection.execute(select(counter.c.value).where(counter.c.name == SENT)).scalar() or 0
        return [row._asdict() for row in _old_lines(connection, sent, now)]


def note_sent(engine: Engine, last_line: int) -> None:
    """Note up to which line a log server was sent all."""
    with transaction(engine) as connection:
        values: dict[str, list[Any]] = {"name": [SENT], "value": [last_line]}
        insert_columns(connection, counter, values, "(name) DO UPDATE SET value = excluded.value")


def has_seal(engine: Engine, noted: str) -> bool:
    """Return whether a seal that was noted outside the state is there; so is one that was not noted yet."""
    number, _, digest = noted.partition(" ")
    if not noted:
        return True
    if re.fullmatch(r"[0-9]{1,9}", number) is None:
        return False
    with reading(engine) as connection:
        is_it = audit_seal.c.id == int(number), audit_seal.c.digest == digest
        return connection.execute(select(audit_seal.c.id).where(*is_it)).first() is not None


def check_seals(engine: Engine, noted: str = "") -> SealCheck:
    """Compute every seal again. A seal that does not fit says that lines up to it were changed, added or taken out.

    noted : the newest seal as it is noted outside the state.
    """
    broken, digest, after, sealed = list[Seal](), "", 0, 0
    newest = None
    with reading(engine) as connection:
        for row in connection.execute(select(audit_seal).order_by(audit_seal.c.id)).all():
            newest = Seal(row.id, row.last_line, row.lines, row.digest, row.at_us)
            chosen = select(audit).where(audit.c.id > after, audit.c.id <= row.last_line).order_by(audit.c.id)
            lines = connection.execute(chosen).all()
            if len(lines) != row.lines or _digest(digest, lines) != row.digest:
                broken.append(newest)
            digest, after, sealed = row.digest, row.last_line, sealed + row.lines
        unsealed = connection.execute(select(func.count()).select_from(audit).where(audit.c.id > after)).scalar()
    return SealCheck(sealed, int(unsealed or 0), tuple(broken), newest, is_cut=not has_seal(engine, noted))


def _digest(before: str, lines: Sequence[Row[Any]]) -> str:
    whole = hashlib.sha256(before.encode())
    for text in _texts(lines):
        whole.update(text.encode())
    return whole.hexdigest()


def _texts(lines: Sequence[Row[Any]]) -> Iterator[str]:
    """Yield each line as one text, the same on every database."""
    for line in lines:
        values = [line.id, line.at_us, line.actor, line.action, line.target, line.detail, line.address]
        yield json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"
