"""Meters that are heard and not in the portfolio: which profile reads them, and what they would be entered as."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

from bkkenergy.adapters.state.quarantine import Quarantined
from bkkenergy.errors import InputError
from bkkenergy.ingest.announced import Announced, announced
from bkkenergy.payloads.decode import FAMILIES, Decoder
from bkkenergy.payloads.decode.sparkplug import NAMESPACE, SparkplugDecoder, place_of
from bkkenergy.payloads.message import DecodeError, Message
from bkkenergy.payloads.profile import Profile
from bkkenergy.payloads.topics import WILDCARD, TopicFilters
from bkkenergy.portfolio import Meter, MeterKind
from bkkenergy.readings import US_PER_S, WEATHER_FIELDS

CANONICAL_PARTS = 5
"""Of a topic bma/agency/building/meter/readings."""
ID_CHARS = 40
SAMPLES_OF_A_TOPIC = 5
NOT_ELECTRIC = frozenset({"water_m3", "gas_m3", "chilled_water_kwh", "room_temp_c", "humidity_ratio"})


class Heard(NamedTuple):
    """A message on a topic. received_us : when, microseconds since the epoch."""

    topic: str
    payload: bytes
    received_us: int


def heard_of(quarantined: Sequence[Quarantined]) -> list[Heard]:
    """Return what waits in quarantine as it was heard, the oldest first. quarantined : the newest first."""
    return [Heard(one.topic, one.payload, round(one.received.timestamp() * US_PER_S)) for one in reversed(quarantined)]


@dataclass(slots=True)
class MeterProposal:
    """A meter as it would be entered.

    topic, key, profile : by which its messages are read; profile is empty where none reads them.
    others : profiles that read it as well, with fewer fields. values : name -> the latest value, in the product's
    units. sample : what was heard. is_unverified : no source of the maker could be read for the profile.
    announced : what the device said of this topic beforehand.
    """

    topic: str
    key: str
    profile: str = ""
    others: tuple[str, ...] = ()
    values: dict[str, float] = field(default_factory=dict)
    sample: bytes = b""
    is_unverified: bool = False
    heard_us: int = 0
    announced: tuple[Announced, ...] = ()

    @property
    def kind(self) -> MeterKind:
        """What it sends: a register, or power alone."""
        if "energy_kwh" in self.values or not self.values:
            return MeterKind.REGISTER
        return MeterKind.POWER if "power_kw" in self.values else _kind_without_energy(self.values.keys())

    @property
    def building(self) -> str:
        """The building that its topic names; empty where it names none."""
        parts = self.topic.split("/")
        is_canonical = len(parts) == CANONICAL_PARTS and parts[0] == "bma"
        return ".".join(parts[1:3]) if is_canonical else ""

    @property
    def local_id(self) -> str:
        """A name for it within its building, made of its key or topic."""
        parts = self.topic.split("/")
        name = self.key or (parts[3] if self.building else next((part for part in reversed(parts) if part), ""))
        return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:ID_CHARS].strip("-") or "main"


def _kind_without_energy(values: AbstractSet[str]) -> MeterKind:
    """Return the kind of what sends neither energy nor power: weather, or a quantity that is no electricity's."""
    if values & set(WEATHER_FIELDS):
        return MeterKind.WEATHER
    return MeterKind.OTHER if values & NOT_ELECTRIC else MeterKind.REGISTER


def proposals(heard: Sequence[Heard], meters: Sequence[Meter], profiles: Mapping[str, Profile]) -> list[MeterProposal]:
    """Return a proposal for each meter that messages name and the portfolio lacks, by topic and key.

    Every profile is tried on a topic that no meter has. On a topic of the portfolio its own profiles are, and find
    the keys that no meter has. What devices announce for Home Assistant is no message of a meter: it says what a
    topic will carry, and lists topics of meters that have not been heard yet.
    """
    announcements, heard = _apart(heard)
    decoders: dict[str, Decoder] = {name: FAMILIES[profile.family](profile) for name, profile in profiles.items()}
    known = {(meter.topic, meter.key) for meter in meters}
    known_filters = TopicFilters({meter.topic for meter in meters if WILDCARD in meter.topic})
    profiles_of: dict[str, set[str]] = {}
    for meter in meters:
        for topic in decoders[meter.payload].topics(meter.topic):
            profiles_of.setdefault(topic, set()).add(meter.payload)
    filters = TopicFilters(topic for topic in profiles_of if WILDCARD in topic)
    read_by: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
    samples: dict[tuple[str, str], Heard] = {}
    for message in _latest_of_each(heard):
        topics = (message.topic, *filters.matching(message.topic))
        readers = {name for topic in topics for name in profiles_of.get(topic, ())}
        addresses = list(_addresses(message, decoders, readers or profiles.keys(), read_by))
        if not addresses and not readers:
            addresses = [(_address(message.topic), "")]
        for address in addresses:
            samples[address] = message
    unknown = sorted(
        (topic, key)
        for topic, key in samples
        if not any((own_topic, key) in known for own_topic in (topic, *known_filters.matching(topic)))
    )
    proposed = [_proposal(address, samples[address], read_by.get(address, {}), profiles) for address in unknown]
    for proposal in proposed:
        proposal.announced = announcements.pop(proposal.topic, ())
    there = {topic for topic, _ in known} | set(profiles_of) | {message.topic for message in heard}
    silent = sorted(
        topic
        for topic, values in announcements.items()
        if any(value.is_metered for value in values) and not ({topic, *known_filters.matching(topic)} & there)
    )
    return proposed + [MeterProposal(topic, "", announced=announcements[topic]) for topic in silent]


def _apart(heard: Sequence[Heard]) -> tuple[dict[str, tuple[Announced, ...]], list[Heard]]:
    """Return what is announced of each topic, and the messages that announce nothing."""
    announcements: dict[str, tuple[Announced, ...]] = {}
    others = []
    for message in heard:
        values = announced(message.topic, message.payload)
        if values is None:
            others.append(message)
        for value in values or ():
            if value not in (present := announcements.get(value.topic, ())):
                announcements[value.topic] = (*present, value)
    return announcements, others


def _latest_of_each(heard: Sequence[Heard]) -> list[Heard]:
    """Return a few messages of each topic, the latest: to read every one would tell no more."""
    by_topic: dict[str, deque[Heard]] = {}
    for message in heard:
        by_topic.setdefault(message.topic, deque(maxlen=SAMPLES_OF_A_TOPIC)).append(message)
    return [message for messages in by_topic.values() for message in messages]


def _addresses(
    message: Heard,
    decoders: Mapping[str, Decoder],
    candidates: Iterable[str],
    read_by: dict[tuple[str, str], dict[str, dict[str, float]]],
) -> Iterable[tuple[str, str]]:
    """Yield the addresses that profiles read out of a message, and note their values."""
    for name in candidates:
        if message.topic.startswith(f"{NAMESPACE}/") != isinstance(decoders[name], SparkplugDecoder):
            continue
        decoded = decoders[name].decode([Message(message.topic, message.payload, received_us=message.received_us)])
        for row in range(len(decoded)):
            address = decoded.addresses[row] if decoded.addresses else (message.topic, "")
            values = {quantity: float(column[row]) for quantity, column in decoded.columns.items()}
            read = {quantity: value for quantity, value in values.items() if value == value}  # noqa: PLR0124 - not NaN
            if read:
                read_by.setdefault(address, {}).setdefault(name, {}).update(read)
                yield address


def _address(topic: str) -> str:
    """Return the topic that the portfolio would know: of Sparkplug without the kind of message."""
    try:
        return place_of(topic).address
    except DecodeError:
        return topic


def _proposal(
    address: tuple[str, str],
    sample: Heard,
    readers: Mapping[str, dict[str, float]],
    profiles: Mapping[str, Profile],
) -> MeterProposal:
    """Return the proposal by the profile that reads the most; of two alike, one with a time, then by name."""

    def rank(name: str) -> tuple[int, bool, bool, str]:
        lacks_time = profiles[name].time is None and profiles[name].family != "canonical"
        return -len(readers[name]), profiles[name].unverified, lacks_time, name

    best, *others = [*sorted(readers, key=rank), ""]
    return MeterProposal(
        *address,
        best,
        tuple(name for name in others if name),
        dict(readers.get(best, {})),
        sample.payload,
        is_unverified=bool(best) and profiles[best].unverified,
        heard_us=sample.received_us,
    )


def adopted(
    proposal: MeterProposal,
    chosen: Mapping[str, str],
    *,
    rated_kw: float,
    names: tuple[str, str],
    rated_m3_per_h: float | None = None,
) -> dict[str, object]:
    """Return a proposal as the record of a meter. chosen : building, profile and id. Raises InputError."""
    for name, remedy in (("building", "--building BUILDING"), ("profile", "--profile PROFILE")):
        if not chosen[name]:
            raise InputError.of("proposal_lacks", topic=proposal.topic, name=name, remedy=remedy)
    body: dict[str, object] = {
        "id": f"{chosen['building']}.{chosen['id']}",
        "building": chosen["building"],
        "topic": proposal.topic,
        "payload": chosen["profile"],
        "kind": str(proposal.kind),
        "rated_kw": rated_kw,
        "name_th": names[0],
        "name_en": names[1],
    }
    if rated_m3_per_h is not None:
        body |= {"rated_m3_per_h": rated_m3_per_h, "kind": "other"}  # no part of the building's electricity
    return body | ({"key": proposal.key} if proposal.key else {})
