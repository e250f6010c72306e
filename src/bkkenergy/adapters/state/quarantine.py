"""Refused payloads that wait for a person, and what has been counted since the service began, in the state."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import structlog
from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, delete, func, select

from bkkenergy.adapters.bulk import insert_columns, is_among
from bkkenergy.adapters.engines import shown
from bkkenergy.adapters.state import faults_of_data_apart, reading, transaction
from bkkenergy.adapters.state.tables import counter, quarantine
from bkkenergy.payloads.message import Reason, Refused, described
from bkkenergy.ports.readings import StoreUnavailable
from bkkenergy.readings import US_PER_S
from bkkenergy.settings import IngestSettings

log = structlog.get_logger(__name__)

MAX_STORED_BYTES = 1_048_576
"""Of one payload. A longer one is stored cut, and cannot be replayed."""
MIN_STORED_BYTES = 1000
"""Of a payload that cannot be stored otherwise."""
ROW_BYTES = 300
"""What a row takes beside its texts and payload, about, with its entries in the indices."""
SLACK = 100
"""A full quarantine is emptied by one part in a hundred beyond its bound, so that it is not searched each time."""
MESSAGES, BYTES = "quarantine.kept", "quarantine.kept_bytes"
"""Counters of what waits. The row of the first is locked by each change of the quarantine."""
_AGAIN = (
    "(digest) DO UPDATE SET times = quarantine.times + excluded.times, reason = excluded.reason, "
    "detail = excluded.detail, readings = excluded.readings, origin = excluded.origin"
)
_SHOWN = (
    quarantine.c.id,
    quarantine.c.topic,
    quarantine.c.payload,
    quarantine.c.size_bytes,
    quarantine.c.reason,
    quarantine.c.detail,
    quarantine.c.received_us,
    quarantine.c.times,
    quarantine.c.readings,
)


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One refused payload.

    times : how often the very same came in. readings : how many of its readings were refused.
    """

    id: int
    topic: str
    payload: bytes
    size_bytes: int
    reason: Reason
    detail: str
    received: dt.datetime
    times: int
    readings: int

    @property
    def is_whole(self) -> bool:
        """Whether all of the payload was stored, so that it can be replayed."""
        return len(self.payload) == self.size_bytes


class Quarantine:
    """Refused payloads in a table of bounded size, beside the counters of the ingesters. Hosts share both."""

    def __init__(self, engine: Engine, *, max_messages: int, max_bytes: int) -> None:
        self._engine, self._max_messages, self._max_bytes = engine, max_messages, max_bytes

    @classmethod
    def of(cls, engine: Engine, limits: IngestSettings) -> Self:
        """Return the quarantine of a state, with the limits that the settings name."""
        return cls(engine, max_messages=limits.quarantine_max_messages, max_bytes=limits.quarantine_max_bytes)

    def keep(
        self,
        refused: Sequence[Refused],
        counted: Mapping[str, int],
        *,
        now_us: int,
        max_stored_bytes: int = MAX_STORED_BYTES,
    ) -> None:
        """Store what was refused and add to the counters. Raises StoreUnavailable, and nothing else.

        The same payload on the same topic is one row, so a message that is delivered again changes nothing but
        `times`. Beyond the bounds the oldest go of the topics and reasons that hold the most, and are counted. What
        cannot be written for another reason than the database's is found by halves, and stored cut short.
        """
        try:
            self._write(refused, counted, now_us, max_stored_bytes)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - no message may stop the service
            failed = described(error)
        else:
            return
        log.error("quarantine_failed", why=failed, messages=len(refused))
        middle = len(refused) // 2
        if middle:
            self.keep(refused[:middle], counted, now_us=now_us)
            self.keep(refused[middle:], {}, now_us=now_us)
        elif max_stored_bytes > MIN_STORED_BYTES and refused:
            self.keep(refused, counted, now_us=now_us, max_stored_bytes=MIN_STORED_BYTES)
        else:
            raise StoreUnavailable.of("quarantine_unwritten", where=shown(self._engine), failed=failed)

    def listed(self, *, reason: Reason | None = None, topic: str | None = None, limit: int = 50) -> list[Quarantined]:
        """Return what is quarantined, the newest first; `topic` may hold * for any text. Raises StoreUnavailable."""
        query = select(*_SHOWN).order_by(quarantine.c.id.desc()).limit(limit)
        if reason is not None:
            query = query.where(quarantine.c.reason == reason)
        if topic is not None:
            query = query.where(_matches(self._engine.dialect.name, topic))
        return self._read(query)

    def get(self, number: int) -> Quarantined | None:
        """Return one refused payload by its number. Raises StoreUnavailable."""
        messages = self._read(select(*_SHOWN).where(quarantine.c.id == number)) if abs(number) < 1 << 63 else []
        return messages[0] if messages else None

    def remove(self, numbers: Sequence[int]) -> None:
        """Delete payloads that have gone into the store after all, and count them. Raises StoreUnavailable."""
        with transaction(self._engine) as connection:
            _counts_locked(connection)
            chosen = is_among(connection.dialect.name == "postgresql", quarantine.c.id, list(numbers))
            gone = _delete(connection, chosen)
            _add(connection, {"quarantine.replayed": len(gone), MESSAGES: -len(gone), BYTES: -sum(gone)})

    def counts(self) -> Counter[str]:
        """Return every counter by name; 0 for one that never counted. Raises StoreUnavailable."""
        with reading(self._engine) as connection:
            return _counts(connection)

    def _read(self, query: Select[Any]) -> list[Quarantined]:
        with reading(self._engine) as connection:
            return [_quarantined(row) for row in connection.execute(query)]

    def _write(
        self, refused: Sequence[Refused], counted: Mapping[str, int], now_us: int, max_stored_bytes: int
    ) -> None:
        """Store and count in one transaction."""
        counts = Counter(counted) + _by_reason(refused)
        rows = _rows(refused, now_us, max_stored_bytes)
        with transaction(self._engine) as connection, faults_of_data_apart():
            if rows:
                counts.update(self._put(connection, rows))
            _add(connection, counts)

    def _put(self, connection: Connection, rows: Mapping[str, dict[str, Any]]) -> Counter[str]:
        """Write rows by digest and drop the oldest; return what that adds to the counters."""
        before = _counts_locked(connection)
        among = is_among(connection.dialect.name == "postgresql", quarantine.c.digest, list(rows))
        known = set(connection.execute(select(quarantine.c.digest).where(among)).scalars())
        new_bytes = [row["stored_bytes"] for digest, row in rows.items() if digest not in known]
        changes = Counter({MESSAGES: len(new_bytes), BYTES: sum(new_bytes)})
        columns = {name: [row[name] for row in rows.values()] for name in next(iter(rows.values()))}
        insert_columns(connection, quarantine, columns, _AGAIN)
        counts = before + changes
        if counts[MESSAGES] > self._max_messages or counts[BYTES] > self._max_bytes:
            dropped = self._drop_outgrown(connection)
            changes.subtract({MESSAGES: len(dropped), BYTES: sum(dropped)})
            changes["quarantine.dropped"] = len(dropped)
        return changes

    def _drop_outgrown(self, connection: Connection) -> list[int]:
        """Delete the oldest rows of the origins that hold the most; return the bytes that each had stored."""
        origin, stored_bytes = quarantine.c.origin, quarantine.c.stored_bytes
        query = select(origin, func.count(), func.sum(stored_bytes)).group_by(origin)
        sizes = [(name, int(count), int(size)) for name, count, size in connection.execute(query)]
        goal_rows = self._max_messages - self._max_messages // SLACK
        goal_bytes = self._max_bytes - self._max_bytes // SLACK
        max_rows = max(1, share([count for _, count, _ in sizes], goal_rows))
        max_bytes = share([size for *_, size in sizes], goal_bytes)
        dropped = [
            row
            for name, count, size in sizes
            if count > 1 and (count > max_rows or size > max_bytes)
            for row in _oldest(connection, count - max_rows, size - max_bytes, origin == name, limit=count - 1)
        ]
        over_rows = sum(count for _, count, _ in sizes) - len(dropped) - goal_rows
        over_bytes = sum(size for *_, size in sizes) - sum(row.stored_bytes for row in dropped) - goal_bytes
        is_postgresql = connection.dialect.name == "postgresql"
        gone = _delete(connection, is_among(is_postgresql, quarantine.c.id, [row.id for row in dropped]))
        if over_rows > 0 or over_bytes > 0:  # more origins than rows fit: the oldest of all
            rows = _oldest(connection, over_rows, over_bytes)
            gone += _delete(connection, quarantine.c.id <= rows[-1].id)
        return gone


def share(sizes: Sequence[int], bound: int) -> int:
    """Return the most that each may hold so that all hold `bound` together: the small ones keep what they have.

    >>> share([1, 2, 90, 90], 100)
    48
    >>> share([1, 2], 100)
    100
    """
    left = bound
    for position, size in enumerate(sorted(sizes)):
        fair = left // (len(sizes) - position)
        if size > fair:
            return fair
        left -= size
    return bound


def _oldest(
    connection: Connection, over_rows: int, over_bytes: int, *where: ColumnElement[bool], limit: int | None = None
) -> list[Row[int, int]]:
    """Return the oldest rows that have to go until neither rows nor bytes are too many."""
    columns = quarantine.c.id, quarantine.c.stored_bytes
    outgrown = []
    with connection.execute(select(*columns).where(*where).order_by(quarantine.c.id).limit(limit)) as rows:
        for row in rows:
            if over_rows <= 0 and over_bytes <= 0:
                break
            outgrown.append(row)
            over_rows, over_bytes = over_rows - 1, over_bytes - row.stored_bytes
    return outgrown


def _by_reason(refused: Sequence[Refused]) -> Counter[str]:
    """Count the readings refused for each reason; a message without any counts as one."""
    counts = Counter(f"refused.{item.reason}" for item in refused if not item.counts)
    for item in refused:
        for reason, count in item.counts:
            counts[f"refused.{reason}"] += count
    return counts


def _rows(refused: Sequence[Refused], now_us: int, max_stored_bytes: int) -> dict[str, dict[str, Any]]:
    """Return the rows of refused messages by digest; the same message twice is one row with both times."""
    rows: dict[str, dict[str, Any]] = {}
    for item in refused:
        digest, payload = _digest(item), item.payload[:max_stored_bytes]
        topic, detail = _writable(item.topic), _writable(item.detail)
        rows[digest] = {
            "topic": topic,
            "digest": digest,
            "size_bytes": len(item.payload),
            "stored_bytes": len(payload) + len(topic.encode()) + len(detail.encode()) + ROW_BYTES,
            "reason": str(item.reason),
            "detail": detail,
            "received_us": now_us,
            "times": rows[digest]["times"] + 1 if digest in rows else 1,
            "readings": sum(count for _, count in item.counts) or 1,
            "payload": payload,
            "origin": _origin(topic, item.reason),
        }
    return rows


def _origin(topic: str, reason: Reason) -> str:
    """Return by what shares are counted: a topic may carry chatter, and a fault for another reason."""
    return hashlib.blake2b(f"{reason} {topic}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _digest(item: Refused) -> str:
    """Return by what the same payload on the same topic is known again. A topic may be too long for an index."""
    topic = item.topic.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(b"%d %b%b" % (len(topic), topic, item.payload), digest_size=16).hexdigest()


def _delete(connection: Connection, which: ColumnElement[bool]) -> list[int]:
    """Delete rows; return the bytes that each had stored."""
    return list(connection.execute(delete(quarantine).where(which).returning(quarantine.c.stored_bytes)).scalars())


def _counts(connection: Connection) -> Counter[str]:
    return Counter({row.name: row.value for row in connection.execute(select(counter))})


def _counts_locked(connection: Connection) -> Counter[str]:
    """Return how much waits, and let no other host change it before this transaction ends."""
    query = select(counter).where(counter.c.name.in_((MESSAGES, BYTES))).order_by(counter.c.name).with_for_update()
    return Counter({row.name: row.value for row in connection.execute(query)})


def _add(connection: Connection, counts: Mapping[str, int]) -> None:
    """Add to counters, in the order of their names: two hosts never wait for each other."""
    names = sorted(counts)
    if names:
        columns: dict[str, list[Any]] = {"name": names, "value": [counts[name] for name in names]}
        insert_columns(connection, counter, columns, "(name) DO UPDATE SET value = counter.value + excluded.value")


def _matches(dialect: str, pattern: str) -> ColumnElement[bool]:
    """Return whether the topic is like a pattern in which * is any text."""
    if dialect == "postgresql":
        plain = pattern.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        return quarantine.c.topic.like(plain.replace("*", "%"), escape="\\")
    plain = pattern.replace("[", "[[]").replace("?", "[?]")
    return quarantine.c.topic.op("GLOB", is_comparison=True)(plain)


def _writable(text: str) -> str:
    """Return text that databases take: UTF-8 has no form for half of a surrogate pair, PostgreSQL none for NUL."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _quarantined(row: Row[Any]) -> Quarantined:
    received = dt.datetime.fromtimestamp(row.received_us / US_PER_S, dt.UTC)
    return Quarantined(
        row.id,
        row.topic,
        bytes(row.payload),
        row.size_bytes,
        Reason(row.reason),
        row.detail,
        received,
        row.times,
        row.readings,
    )
