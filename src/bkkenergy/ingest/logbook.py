"""What the ingester notes beside the readings: events of meters, and how each gateway is doing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bkkenergy.adapters.sqlite_file import Transaction, make_tables, open_database
from bkkenergy.ingest.sanity import Event
from bkkenergy.readings import US_PER_S

SKEW_WINDOW_US = 3600 * US_PER_S

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meter_event (
    meter TEXT NOT NULL,
    ts_us INTEGER NOT NULL,
    kind TEXT NOT NULL,
    before_kwh REAL,
    after_kwh REAL,
    PRIMARY KEY (meter, ts_us, kind)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gateway (
    id TEXT PRIMARY KEY,
    last_us INTEGER NOT NULL,
    lag_us INTEGER NOT NULL,
    window_us INTEGER NOT NULL,
    skew_us INTEGER
);
"""


@dataclass(frozen=True, slots=True)
class GatewayState:
    """How a gateway is doing.

    last_received : when it was last heard. skew_s : the least delay from stamp to receipt over the
        last one to two hours. Negative: its clock is ahead of ours. More than its reporting interval:
        its clock is behind, or it has only sent a backlog.
    """

    id: str
    last_received: dt.datetime
    skew_s: float | None


@dataclass(frozen=True, slots=True)
class NotedEvent:
    """An event of a meter, as kept."""

    meter_id: str
    at: dt.datetime
    kind: str
    before_kwh: float
    after_kwh: float


class Logbook:
    """Two tables beside the quarantine."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = open_database(path)
        make_tables(self._connection, path, _SCHEMA)

    def note(self, events: Sequence[Event], lags_us: dict[str, int], *, now_us: int) -> None:
        """Keep events once each, and each gateway's least delay between stamp and receipt.

        The least delay of an hour is the clock's skew, near enough: a message takes little time, while
        a backlog arrives late but never early.
        """
        with Transaction(self._connection, self._path) as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO meter_event VALUES (?, ?, ?, ?, ?)", [tuple(event) for event in events]
            )
            connection.executemany(
                "INSERT INTO gateway VALUES (:id, :now, :lag, :now, :lag) ON CONFLICT (id) DO UPDATE SET "
                "last_us = :now, "
                "skew_us = CASE WHEN :now - window_us > :hour THEN min(lag_us, :lag) ELSE min(skew_us, :lag) END, "
                "lag_us = CASE WHEN :now - window_us > :hour THEN :lag ELSE min(lag_us, :lag) END, "
                "window_us = CASE WHEN :now - window_us > :hour THEN :now ELSE window_us END",
                [
                    {"id": name, "now": now_us, "lag": lag_us, "hour": SKEW_WINDOW_US}
                    for name, lag_us in lags_us.items()
                ],
            )

    def events(self, meter_ids: Sequence[str], since: dt.datetime) -> list[NotedEvent]:
        """Events of meters since an instant, the newest first."""
        since_us = int(since.timestamp() * US_PER_S)
        rows = self._connection.execute(
            "SELECT meter, ts_us, kind, before_kwh, after_kwh FROM meter_event WHERE ts_us >= ? ORDER BY ts_us DESC",
            (since_us,),
        )
        wanted = set(meter_ids)
        return [NotedEvent(row[0], _instant(row[1]), *row[2:]) for row in rows if row[0] in wanted]

    def gateways(self) -> dict[str, GatewayState]:
        """Every gateway that was ever heard, by id."""
        rows = self._connection.execute("SELECT id, last_us, skew_us FROM gateway")
        return {
            name: GatewayState(name, _instant(last_us), None if skew_us is None else skew_us / US_PER_S)
            for name, last_us, skew_us in rows
        }

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _instant(ts_us: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(ts_us / US_PER_S, dt.UTC)
