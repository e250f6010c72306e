"""How the meters are doing, and which topics nobody of the portfolio listens to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from bkkenergy.calendar import BANGKOK, timestamp_us
from bkkenergy.ingest.logbook import Logbook, NotedEvent
from bkkenergy.ingest.quarantine import Kept
from bkkenergy.portfolio import Meter, MeterKind
from bkkenergy.readings import US_PER_S
from bkkenergy.store import ReadingStore
from bkkenergy.store.rollup import Rollup

STATUS_DAYS = 7
LEAST_COVERAGE_RATIO = 0.9
SETTLED = dt.timedelta(minutes=30)
"""An hour counts once it ended so long ago: by then its last readings have come, and its figures are kept."""


@dataclass(frozen=True, slots=True)
class MeterStatus:
    """One meter of the last seven days.

    last_seen : its latest reading; None when it never reported. coverage_ratio : share of 15-minute
        intervals measured, 0..1; None for a weather station. events : what its register did, the newest
        first. skew_s : the least delay from stamp to receipt of its gateway; negative where its clock is
        ahead of ours.
    """

    meter_id: str
    last_seen: dt.datetime | None
    coverage_ratio: float | None
    skew_s: float | None
    events: tuple[NotedEvent, ...]

    @property
    def is_poor(self) -> bool:
        """Whether less was measured than reports want."""
        return self.coverage_ratio is not None and self.coverage_ratio < LEAST_COVERAGE_RATIO


def meter_status(
    store: ReadingStore, rollup: Rollup, logbook: Logbook, meters: Sequence[Meter], *, now: dt.datetime
) -> list[MeterStatus]:
    """Status of every meter, in the order given. Raises StoreAway.

    Coverage is that of the hours that are kept, not of readings: a week of an agency is 400,000 of them.
    """
    end = pd.Timestamp(now - SETTLED).floor("h")
    start = end - pd.Timedelta(days=STATUS_DAYS)
    names = [meter.id for meter in meters]
    counting = [meter.id for meter in meters if meter.kind is not MeterKind.WEATHER]
    coverage_ratio = rollup.coverage_ratios(counting, timestamp_us(start), timestamp_us(end))
    seen, gateways = store.last_seen_us(names), logbook.gateways()
    events: dict[str, list[NotedEvent]] = {}
    for event in logbook.events(names, start.to_pydatetime()):
        events.setdefault(event.meter_id, []).append(event)
    return [
        MeterStatus(
            meter.id,
            dt.datetime.fromtimestamp(seen[meter.id] / US_PER_S, BANGKOK) if meter.id in seen else None,
            coverage_ratio.get(meter.id),
            gateways[meter.gateway_id].skew_s if meter.gateway_id in gateways else None,
            tuple(events.get(meter.id, ())),
        )
        for meter in meters
    ]


def unknown_topics(kept: Sequence[Kept]) -> dict[str, Kept]:
    """The newest payload of each topic that no meter listens to."""
    newest: dict[str, Kept] = {}
    for item in kept:
        newest.setdefault(item.topic, item)
    return dict(sorted(newest.items()))


def toml_block(topic: str, sample: Kept, buildings: Mapping[str, str]) -> str:
    """A meter for the portfolio that would listen to this topic, to be pasted and completed.

    buildings : building id -> file that holds it, to say where the block goes.
    """
    parts = topic.split("/")
    own = len(parts) == 5 and parts[0] == "bma"  # noqa: PLR2004 - bma/agency/building/meter/readings
    building = ".".join(parts[1:3]) if own else ""
    where = buildings.get(building, "a building that the portfolio does not have yet" if own else "its building's file")
    shown = sample.payload[:100].decode(errors="replace").replace("\n", " ")
    lines = [
        f"# {topic}, last heard {sample.received.astimezone(BANGKOK):%Y-%m-%d %H:%M}: {shown}",
        f"# Paste under the [[building]]{f' {building}' if building else ''} ({where}).",
        "[[building.meters]]",
        f'id = "{parts[3] if own else "main"}"',
        "rated_kw = 100  # the most that can flow: transformer or main breaker",
    ]
    if not own:
        lines += [f'topic = "{topic}"', 'payload = "..."  # a profile of config/payloads; see `bkkenergy decode`']
    return "\n".join(lines) + "\n"


def acl(meters: Sequence[Meter], topics_of: Mapping[str, Sequence[str]], *, ingester: str) -> str:
    """Mosquitto's access rules: a user a gateway, who writes its own meters' topics and nothing else.

    topics_of : meter id -> the exact topics on which it comes.
    """
    lines = ["# Made by `bkkenergy meters acl`. A user a gateway; passwords: `bkkenergy meters passwords`.", ""]
    lines += [f"user {ingester}", "topic read #", "topic write spBv1.0/+/NCMD/+", ""]
    by_gateway: dict[str, list[str]] = {}
    for meter in meters:
        by_gateway.setdefault(meter.gateway_id, []).extend(topics_of[meter.id])
    for gateway, topics in by_gateway.items():
        lines += [f"user {gateway}", *(f"topic write {topic}" for topic in dict.fromkeys(topics)), ""]
    return "\n".join(lines)
