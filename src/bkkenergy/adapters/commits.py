"""Whether all that was committed to an SQLite file is still in it: a number in the file, and a witness beside it.

After a crash SQLite reads its write-ahead log up to the first frame whose sum is wrong, and leaves out all that
follows, without a word. A log that was deleted, or an older copy in the file's place, is not noticed either. Here each
commit counts up the header's application_id in its own transaction, and is then noted beside the file with its time. A
file that has fewer commits than were noted has lost them.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sqlite3
import struct
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import structlog

from bkkenergy.adapters.files import make_file
from bkkenergy.readings import US_PER_S

log = structlog.get_logger(__name__)

ENTRY = struct.Struct("<QQI4x")
"""Of a commit: its number, its instant in us since 1970 UTC, and the sum of both."""
ENTRIES = 1024
"""The last commits, by which it is known since when some are gone. A log has some hundreds before it is folded back."""


@dataclass(frozen=True, slots=True)
class CommitLoss:
    """Commits that a file has lost.

    after_us : when the last was made that is still there; None where that is not known. until_us : and the last that
    is gone.
    """

    count: int
    after_us: int | None
    until_us: int


class CountingConnection(sqlite3.Connection):
    """A connection that counts its commits in the file, and notes them beside it."""

    def __init__(self, database: Any, *given: Any, **options: Any) -> None:
        super().__init__(database, *given, **options)
        self._path = Path(os.fsdecode(database))
        self._changes = 0

    def commit(self) -> None:
        """Commit; where rows were written, count it first and note it afterwards."""
        number = self._counted() if self.in_transaction and self.total_changes != self._changes else None
        super().commit()
        self._changes = self.total_changes
        if number is not None:
            _note(self._path, number, time.time_ns() // 1000)

    def rollback(self) -> None:
        """Undo what was not committed: it counts for nothing."""
        super().rollback()
        self._changes = self.total_changes

    def _counted(self) -> int:
        number = _count_of(self) + 1
        self.execute(f"PRAGMA application_id = {number}")
        return number


def report_losses(connection: sqlite3.Connection, path: Path) -> None:
    """Record commits that a file has lost: logged once, and written down for the doctor."""
    noted = _noted(path)  # first: a commit is in the file before it is noted
    number = _count_of(connection)
    if not noted or (newest := max(noted)) <= number:
        return
    loss = CommitLoss(newest - number, noted.get(number), noted[newest])
    log.error(
        "commits_lost", file=str(path), commits=loss.count, after=_shown(loss.after_us), until=_shown(loss.until_us)
    )
    with suppress(OSError):  # the disk takes nothing: it is noticed again at the next opening
        make_file(losses_file(path))
        with losses_file(path).open("a") as file:
            file.write(json.dumps(asdict(loss)) + "\n")
        forget_commits(path)


def losses_of(path: Path) -> list[CommitLoss]:
    """Return what was recorded of a file, each loss once. Raises OSError, ValueError, TypeError where it is damaged."""
    try:
        lines = losses_file(path).read_text().splitlines()
    except FileNotFoundError:
        return []
    return [CommitLoss(**json.loads(line)) for line in dict.fromkeys(lines)]


def losses_file(path: Path) -> Path:
    """Return where losses of a file are recorded, until a person deletes it."""
    return path.with_name(f"{path.name}-losses")


def witness_file(path: Path) -> Path:
    """Return where commits to a file are noted."""
    return path.with_name(f"{path.name}-witness")


def forget_commits(path: Path) -> None:
    """Forget what was noted of a file, because another takes its place on purpose. Raises OSError."""
    witness_file(path).unlink(missing_ok=True)


def _count_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA application_id").fetchone()[0])


def _note(path: Path, number: int, at_us: int) -> None:
    """Write an entry over the oldest. A disk that does not take it is no fault of the commit, which is there."""
    entry = ENTRY.pack(number, at_us, zlib.crc32(struct.pack("<QQ", number, at_us)))
    with suppress(OSError):
        witness = witness_file(path)
        if not witness.exists():
            make_file(witness)
        descriptor = os.open(witness, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.pwrite(descriptor, entry, number % ENTRIES * ENTRY.size)
        finally:
            os.close(descriptor)


def _noted(path: Path) -> Mapping[int, int]:
    """Return the instants of the commits that were noted, by number; what cannot be read says nothing."""
    try:
        content = witness_file(path).read_bytes()
    except OSError:
        return {}
    whole = content[: len(content) // ENTRY.size * ENTRY.size]
    return {
        number: at_us
        for number, at_us, total in ENTRY.iter_unpack(whole)
        if number and total == zlib.crc32(struct.pack("<QQ", number, at_us))
    }


def _shown(instant_us: int | None) -> str:
    if instant_us is None:
        return "unknown"
    return dt.datetime.fromtimestamp(instant_us / US_PER_S, dt.UTC).isoformat(timespec="seconds")
