"""What the ingesters note beside the readings: events of meters, and how each gateway is doing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select

from bkkenergy.adapters.bulk import insert_columns, is_among
from bkkenergy.adapters.state import faults_of_data_apart, reading, transaction, us_of
from bkkenergy.adapters.state.tables import gateway, meter_event
from bkkenergy.metering.events import Event
from bkkenergy.readings import US_PER_S

SKEW_WINDOW_US = 3600 * US_PER_S
_HEARD_AGAIN = (
    "(id) DO UPDATE SET last_us = excluded.last_us, "
    "skew_us = CASE WHEN {is_over} THEN {lag} ELSE {skew} END, "
    "lag_us = CASE WHEN {is_over} THEN excluded.lag_us ELSE {lag} END, "
    "window_us = CASE WHEN {is_over} THEN excluded.window_us ELSE gateway.window_us END"
).format(
    is_over=f"excluded.last_us - gateway.window_us > {SKEW_WINDOW_US}",
    lag="CASE WHEN excluded.lag_us < gateway.lag_us THEN excluded.lag_us ELSE gateway.lag_us END",
    skew="CASE WHEN excluded.lag_us < gateway.skew_us THEN excluded.lag_us ELSE gateway.skew_us END",
)


@dataclass(frozen=True, slots=True)
class GatewayState:
    """How a gateway is doing.

    last_received : when it was last heard. skew_s : the least delay from stamp to receipt over the
        last one to two hours. Negative: its clock is ahead of ours. More than its reporting interval:
        its clock is behind, or it has only sent a backlog.
    """

    id: str
    last_received: dt.datetime
    skew_s: float


@dataclass(frozen=True, slots=True)
class NotedEvent:
    """An event of a meter, as stored."""

    meter_id: str
    at: dt.datetime
    kind: str
    before_kwh: float
    after_kwh: float


class Logbook:
    """Two tables of the state. Hosts share them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(self, events: Sequence[Event], lags_us: Mapping[str, int], *, now_us: int) -> None:
        """Store events once each, and each gateway's least delay between stamp and receipt.

        Raises StoreUnavailable, and Unwritable where an event has no form in the database.

        The least delay of an hour is the clock's skew, near enough: a message takes little time, while
        a backlog arrives late but never early.
        """
        names = sorted(lags_us)  # in one order, so that two hosts never wait for each other
        lags = [lags_us[name] for name in names]
        now = [now_us] * len(names)
        with transaction(self._engine) as connection, faults_of_data_apart():
            insert_columns(connection, meter_event, _columns(events), "DO NOTHING")
            heard: dict[str, list[Any]] = {
                "id": names,
                "last_us": now,
                "lag_us": lags,
                "window_us": now,
                "skew_us": lags,
            }
            insert_columns(connection, gateway, heard, _HEARD_AGAIN)

    def events(self, meter_ids: Sequence[str], since: dt.datetime) -> list[NotedEvent]:
        """Return events of meters since an instant, the newest first. Raises StoreUnavailable."""
        columns = meter_event.c
        among = is_among(self._engine.dialect.name == "postgresql", columns.meter, list(meter_ids))
        query = select(columns.meter, columns.ts_us, columns.kind, columns.before_kwh, columns.after_kwh)
        query = query.where(among, columns.ts_us >= us_of(since)).order_by(
            columns.ts_us.desc(), columns.meter, columns.kind
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [NotedEvent(row.meter, _instant(row.ts_us), row.kind, row.before_kwh, row.after_kwh) for row in rows]

    def gateways(self) -> dict[str, GatewayState]:
        """Return every gateway that was ever heard, by id. Raises StoreUnavailable."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(gateway.c.id, gateway.c.last_us, gateway.c.skew_us)).all()
        return {row.id: GatewayState(row.id, _instant(row.last_us), row.skew_us / US_PER_S) for row in rows}


def _columns(events: Sequence[Event]) -> dict[str, list[Any]]:
    ordered = sorted({(event.meter_id, event.ts_us, str(event.kind)): event for event in events}.items())
    return {
        "meter": [event.meter_id for _, event in ordered],
        "ts_us": [event.ts_us for _, event in ordered],
        "kind": [str(event.kind) for _, event in ordered],
        "before_kwh": [event.before_kwh for _, event in ordered],
        "after_kwh": [event.after_kwh for _, event in ordered],
    }


def _instant(ts_us: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(ts_us / US_PER_S, dt.UTC)
