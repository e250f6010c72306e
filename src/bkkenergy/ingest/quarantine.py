"""Where refused payloads wait for a person, and what has been counted since the service began."""

from __future__ import annotations

import datetime as dt
import hashlib
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import structlog

from bkkenergy.adapters.sqlite_file import Transaction, make_tables, open_database
from bkkenergy.payloads.message import Reason, Refused, described
from bkkenergy.ports.readings import StoreAway
from bkkenergy.readings import US_PER_S
from bkkenergy.settings import Settings

log = structlog.get_logger(__name__)

MAX_KEPT_BYTES = 1_048_576
"""Of one payload. A longer one is kept cut, and cannot be replayed."""
LEAST_KEPT_BYTES = 1000
"""Of a payload that cannot be kept otherwise."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS quarantine (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    digest BLOB NOT NULL,
    size_bytes INTEGER NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    received_us INTEGER NOT NULL,
    times INTEGER NOT NULL DEFAULT 1,
    readings INTEGER NOT NULL DEFAULT 1,
    UNIQUE (topic, digest)
);
CREATE INDEX IF NOT EXISTS quarantine_reason ON quarantine (reason);
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT OR IGNORE INTO counter VALUES ('quarantine.kept', 0), ('quarantine.kept_bytes', 0);
CREATE TRIGGER IF NOT EXISTS quarantine_grows AFTER INSERT ON quarantine BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'quarantine.kept';
    UPDATE counter SET value = value + length(NEW.payload) WHERE name = 'quarantine.kept_bytes';
END;
CREATE TRIGGER IF NOT EXISTS quarantine_shrinks AFTER DELETE ON quarantine BEGIN
    UPDATE counter SET value = value - 1 WHERE name = 'quarantine.kept';
    UPDATE counter SET value = value - length(OLD.payload) WHERE name = 'quarantine.kept_bytes';
END;
"""


@dataclass(frozen=True, slots=True)
class Kept:
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
        """Whether all of the payload was kept, so that it can be replayed."""
        return len(self.payload) == self.size_bytes


class Quarantine:
    """Refused payloads in a table of bounded size, beside the counters of the ingester."""

    def __init__(self, path: Path, *, max_messages: int, max_bytes: int) -> None:
        self._path, self._max_messages, self._max_bytes = path, max_messages, max_bytes
        self._connection = open_database(path)
        make_tables(self._connection, path, _SCHEMA)
        _add_readings(self._connection, path)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The quarantine that the settings name. Raises StoreAway."""
        limits = settings.ingest
        return cls(
            settings.store.path, max_messages=limits.quarantine_max_messages, max_bytes=limits.quarantine_max_bytes
        )

    def keep(
        self,
        refused: Sequence[Refused],
        counted: Mapping[str, int],
        *,
        now_us: int,
        max_kept_bytes: int = MAX_KEPT_BYTES,
    ) -> None:
        """Keep what was refused and add to the counters. Raises StoreAway, and nothing else.

        The same payload on the same topic is kept once, so a message that is delivered again
        changes nothing but `times`. Beyond the bounds the oldest go, and are counted. What cannot be
        written for another reason than the disk's is found by halves, and kept cut short.
        """
        try:
            self._write(refused, counted, now_us, max_kept_bytes)
        except StoreAway:
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
        elif max_kept_bytes > LEAST_KEPT_BYTES and refused:
            self.keep(refused, counted, now_us=now_us, max_kept_bytes=LEAST_KEPT_BYTES)
        else:
            raise StoreAway(f"{self._path}: the quarantine cannot be written ({failed}).")

    def _write(self, refused: Sequence[Refused], counted: Mapping[str, int], now_us: int, max_kept_bytes: int) -> None:
        """Keep and count in one transaction."""
        counts = Counter(counted)
        for item in refused:
            counts.update({f"refused.{reason}": count for reason, count in item.by_reason.items()})
        with Transaction(self._connection, self._path) as connection:
            connection.executemany(
                "INSERT INTO quarantine (topic, payload, digest, size_bytes, reason, detail, received_us, readings) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (topic, digest) DO UPDATE SET times = times + 1, "
                "reason = excluded.reason, detail = excluded.detail, readings = excluded.readings",
                (
                    (
                        _writable(item.topic),
                        item.payload[:max_kept_bytes],
                        hashlib.blake2b(item.payload, digest_size=16).digest(),
                        len(item.payload),
                        item.reason,
                        _writable(item.detail),
                        now_us,
                        sum(item.by_reason.values()),
                    )
                    for item in refused
                ),
            )
            dropped = self._drop_oldest() if refused else 0
            if dropped:
                counts["quarantine.dropped"] += dropped
            connection.executemany(
                "INSERT INTO counter VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
                list(counts.items()),
            )

    def _drop_oldest(self) -> int:
        """Remove the oldest until the bounds hold; how many went."""
        counts = self.counts()
        over_bytes = counts["quarantine.kept_bytes"] - self._max_bytes
        over_messages = counts["quarantine.kept"] - self._max_messages
        if over_bytes <= 0 and over_messages <= 0:
            return 0
        cursor = self._connection.execute(
            "DELETE FROM quarantine WHERE id IN (SELECT id FROM (SELECT id, "
            "row_number() OVER (ORDER BY id) AS place, "
            "sum(length(payload)) OVER (ORDER BY id) - length(payload) AS bytes_before FROM quarantine) "
            "WHERE place <= ? OR bytes_before < ?)",
            (over_messages, over_bytes),
        )
        return cursor.rowcount

    def listed(self, *, reason: Reason | None = None, topic: str | None = None, limit: int = 50) -> list[Kept]:
        """What is kept, the newest first; `topic` may hold * for any text."""
        rows = self._connection.execute(
            "SELECT id, topic, payload, size_bytes, reason, detail, received_us, times, readings FROM quarantine "
            "WHERE (?1 IS NULL OR reason = ?1) AND (?2 IS NULL OR topic GLOB ?2) ORDER BY id DESC LIMIT ?3",
            (reason, topic, limit),
        )
        return [_kept(row) for row in rows]

    def get(self, number: int) -> Kept | None:
        """One kept payload by its number."""
        row = self._connection.execute(
            "SELECT id, topic, payload, size_bytes, reason, detail, received_us, times, readings FROM quarantine "
            "WHERE id = ?",
            (number,),
        ).fetchone()
        return None if row is None else _kept(row)

    def remove(self, numbers: Sequence[int]) -> None:
        """Forget payloads that have gone into the store after all, and count them."""
        with Transaction(self._connection, self._path) as connection:
            connection.executemany("DELETE FROM quarantine WHERE id = ?", [(number,) for number in numbers])
            connection.execute(
                "INSERT INTO counter VALUES ('quarantine.replayed', ?1) "
                "ON CONFLICT (name) DO UPDATE SET value = value + ?1",
                (len(numbers),),
            )

    def counts(self) -> Counter[str]:
        """Every counter by name; 0 for one that never counted."""
        return Counter(dict(self._connection.execute("SELECT name, value FROM counter").fetchall()))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _add_readings(connection: sqlite3.Connection, path: Path) -> None:
    """Add the column that files of earlier versions lack. Raises StoreAway."""
    if any(row[1] == "readings" for row in connection.execute("PRAGMA table_info(quarantine)")):
        return
    with Transaction(connection, path), suppress(sqlite3.OperationalError):  # another process was first
        connection.execute("ALTER TABLE quarantine ADD COLUMN readings INTEGER NOT NULL DEFAULT 1")


def _writable(text: str) -> str:
    """Text that SQLite takes: UTF-8 has no form for half of a surrogate pair."""
    return text.encode("utf-8", "backslashreplace").decode()


def _kept(row: tuple[int, str, bytes, int, str, str, int, int, int]) -> Kept:
    number, topic, payload, size_bytes, reason, detail, received_us, times, readings = row
    received = dt.datetime.fromtimestamp(received_us / US_PER_S, dt.UTC)
    return Kept(number, topic, payload, size_bytes, Reason(reason), detail, received, times, readings)
