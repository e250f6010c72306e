"""How the meters are doing, and which topics no meter of the portfolio listens to."""

from __future__ import annotations

import datetime as dt
import json
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from bkkenergy.adapters.identities import INGESTER_RIGHTS, RIGHTS, user_of
from bkkenergy.adapters.state.logbook import GatewayState, Logbook, NotedEvent
from bkkenergy.calendar import BANGKOK
from bkkenergy.i18n import Words
from bkkenergy.ingest.discover import MeterProposal
from bkkenergy.ingest.ownclock import HEARD_WITHIN_S, behind_us
from bkkenergy.metering.quarters import FIRM
from bkkenergy.portfolio import Meter, MeterKind
from bkkenergy.ports.ledger import IMPORT, QUARTERS_PER_DAY, LedgerReader
from bkkenergy.readings import US_PER_S

ENGLISH = Words("en")
STATUS_DAYS = 7
MIN_COVERAGE_RATIO = 0.9
SETTLED = dt.timedelta(minutes=30)
"""An hour counts once it ended this long ago: by then its last readings have come and are computed."""


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
    is_waiting: bool = False

    @property
    def is_down(self) -> bool:
        """Whether a person should look at it: it never reported, or less was measured than reports want."""
        return self.last_seen is None or self.is_poor

    @property
    def is_poor(self) -> bool:
        """Whether less was measured than reports want."""
        return self.coverage_ratio is not None and self.coverage_ratio < MIN_COVERAGE_RATIO


def meter_status(
    ledger: LedgerReader, logbook: Logbook, meters: Sequence[Meter], *, now: dt.datetime
) -> list[MeterStatus]:
    """Return the status of every meter, in the order given. Raises StoreUnavailable.

    Coverage is that of the ledger; is_waiting where days of it are still to be computed.
    """
    end = pd.Timestamp(now - SETTLED).floor("h")
    start = end - pd.Timedelta(days=STATUS_DAYS)
    names = [meter.id for meter in meters]
    counting = [meter.id for meter in meters if meter.is_electric]
    coverage_ratio, waiting = _coverage(ledger, counting, start, end)
    seen, gateways = ledger.seen(names), logbook.gateways()
    events: dict[str, list[NotedEvent]] = {}
    for event in logbook.events(names, start.to_pydatetime()):
        events.setdefault(event.meter_id, []).append(event)
    return [
        MeterStatus(
            meter.id,
            dt.datetime.fromtimestamp(seen[meter.id].last_us / US_PER_S, BANGKOK) if meter.id in seen else None,
            coverage_ratio.get(meter.id),
            gateways[meter.gateway_id].skew_s if meter.gateway_id in gateways else None,
            tuple(events.get(meter.id, ())),
            is_waiting=meter.id in waiting,
        )
        for meter in meters
    ]


def clock_behind_s(gateways: Iterable[GatewayState], now: dt.datetime) -> float:
    """Return how far this host's clock is behind that of most gateways heard lately; 0 where they do not agree."""
    heard = [gateway for gateway in gateways if (now - gateway.last_received).total_seconds() < HEARD_WITHIN_S]
    return behind_us([round(gateway.skew_s * US_PER_S) for gateway in heard]) / US_PER_S


def _coverage(
    ledger: LedgerReader, meters: Sequence[str], start: pd.Timestamp, end: pd.Timestamp
) -> tuple[dict[str, float], set[str]]:
    """Compute each meter's share of measured quarter-hours between full hours, and list meters that wait."""
    first = start.tz_convert(BANGKOK).date()
    slots = ledger.slots(meters, IMPORT, first, end.tz_convert(BANGKOK).date())
    midnight = pd.Timestamp(first, tz=BANGKOK)
    inside = slice(*(int((at - midnight) / pd.Timedelta(days=1) * QUARTERS_PER_DAY) for at in (start, end)))
    share = np.isin(slots.quality[inside], FIRM).mean(axis=0)
    waiting = {name for name, column in zip(meters, slots.is_waiting.T, strict=True) if column.any()}
    return dict(zip(meters, share.tolist(), strict=True)), waiting


def toml_block(proposal: MeterProposal, buildings: Collection[str], words: Words = ENGLISH) -> str:
    """Return a meter for the portfolio that would listen to this topic, to be pasted and completed.

    buildings : ids of those in the portfolio, to say where the block goes.
    """
    building = proposal.building
    where = "files"
    if building not in buildings:
        where = "no_building" if building else "its_file"
    shown = proposal.sample[:100].decode(errors="replace").replace("\n", " ").replace("\r", " ")
    heard = dt.datetime.fromtimestamp(proposal.heard_us / US_PER_S, BANGKOK)
    values = {"at": words.stamp(heard), "payload": _in_comment(shown)}
    last = words("unknown_meter.heard", **values) if proposal.heard_us else words("unknown_meter.announced")
    paste = {"building": f" {building}" if building else "", "where": words(f"unknown_meter.{where}")}
    lines = [
        f"# {_in_comment(proposal.topic)}, {last}",
        *(f"# {words('unknown_meter.announces', value=_in_comment(str(one)))}" for one in proposal.announced),
        f"# {words('unknown_meter.paste', **paste)}",
        f"# {_adopt_command(proposal)}",
        "[[building.meters]]",
        f'id = "{proposal.local_id}"',
        f"rated_kw = 100  # {words('unknown_meter.rated')}",
    ]
    if proposal.profile != "canonical" or not building:
        none = f'payload = "..."  # {words("unknown_meter.no_profile")}'
        payload = f'payload = "{proposal.profile}"' if proposal.profile else none
        notes = [words("unknown_meter.others", names=", ".join(proposal.others))] if proposal.others else []
        notes += [words("unknown_meter.unverified")] if proposal.is_unverified else []
        others = f"  # {'; '.join(notes)}" if notes else ""
        lines += [f"topic = {json.dumps(proposal.topic)}", payload + others]
    lines += [f"key = {json.dumps(proposal.key)}"] if proposal.key else []
    lines += [f'kind = "{proposal.kind}"'] if proposal.kind is not MeterKind.REGISTER else []
    return "\n".join(lines) + "\n"


def _adopt_command(proposal: MeterProposal) -> str:
    key = f" --key {shlex.quote(_in_comment(proposal.key))}" if proposal.key else ""
    where = f"--building {proposal.building or 'BUILDING'} --rated-kw KW"
    return f"bkkenergy meters adopt {shlex.quote(_in_comment(proposal.topic))}{key} {where}"


def _in_comment(text: str) -> str:
    """Return text that stays on a comment's line."""
    return "".join(char if char.isprintable() else "?" for char in text)


def acl(
    meters: Sequence[Meter],
    topics_of: Mapping[str, Sequence[str]],
    *,
    ingesters: Sequence[str],
    answers_of: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> str:
    """Return Mosquitto's access rules: a user a gateway, who writes its own meters' topics and nothing else.

    Each ingester is a user, and each of its helpers.

    topics_of : meter id -> the topics on which it comes. answers_of : and those on which its device is answered.
    """
    answers = list(dict.fromkeys(topic for topics in answers_of.values() for topic in topics))
    lines = ["# Made by `bkkenergy meters acl`. A user a gateway; passwords: `bkkenergy meters passwords`.", ""]
    for ingester in ingesters:
        rights = {
            ingester: (*INGESTER_RIGHTS, *(f"write {topic}" for topic in answers)),
            **{user_of(ingester, role): role_rights for role, role_rights in RIGHTS.items()},
        }
        for user, topics in rights.items():
            lines += [f"user {user}", *(f"topic {topic}" for topic in topics), ""]
    by_gateway: dict[str, list[str]] = {}
    read_by: dict[str, list[str]] = {}
    for meter in meters:
        by_gateway.setdefault(meter.gateway_id, []).extend(topics_of[meter.id])
        read_by.setdefault(meter.gateway_id, []).extend(f"topic read {one}" for one in answers_of.get(meter.id, ()))
    for gateway, meter_topics in by_gateway.items():
        writes = [f"topic write {topic}" for topic in meter_topics]
        rules = [*writes, *_read_by_nodes(meter_topics), *read_by[gateway]]
        lines += [f"user {gateway}", *dict.fromkeys(rules), ""]
    return "\n".join(lines)


def _read_by_nodes(topics: Sequence[str]) -> list[str]:
    """Return what a Sparkplug node has to read: commands to it, and whether its host is online."""
    births = [topic.split("/") for topic in topics if topic.startswith("spBv1.0/") and "/NBIRTH/" in topic]
    commands = [f"topic read spBv1.0/{group}/NCMD/{node}" for _, group, _, node, *_ in births]
    return [*commands, "topic read spBv1.0/STATE/+"] if commands else []
