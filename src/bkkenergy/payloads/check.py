"""Whether meters and payload profiles fit together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from bkkenergy.errors import Fault
from bkkenergy.payloads.decode import FAMILIES, Decoder
from bkkenergy.payloads.profile import Profile
from bkkenergy.payloads.profilecheck import lacks
from bkkenergy.payloads.topics import WILDCARD, TopicFilters
from bkkenergy.portfolio import Meter, Portfolio
from bkkenergy.portfolio.records import EVER, Dated, Records


def payload_faults(meters: Sequence[Meter], profiles: Mapping[str, Profile]) -> list[Fault]:
    """Return faults of meters of one day whose payload profile does not exist, or does not fit how they are addressed.

    Parameters
    ----------
    meters : sequence of Meter
        As they are on one day.
    profiles : mapping of str to Profile
        By id.

    Returns
    -------
    list of Fault
        Where, what is wrong, and the remedy.
    """
    return meter_faults(meters, profiles) or shared_topic_faults(meters, profiles)


def payload_faults_ever(portfolio: Portfolio, profiles: Mapping[str, Profile]) -> list[Fault]:
    """Return such faults of a portfolio on every day that its records know.

    Parameters
    ----------
    portfolio : Portfolio
        With its records; without any, its own day alone is judged.
    profiles : mapping of str to Profile
        By id.

    Returns
    -------
    list of Fault
        Where, what is wrong and from which day on, and the remedy.
    """
    if not portfolio.records.entries:
        return payload_faults(portfolio.meters, profiles)
    return payload_faults_of(portfolio.records, profiles)


def payload_faults_of(records: Records, profiles: Mapping[str, Profile]) -> list[Fault]:
    """Return such faults of records on every day: two meters may come to share a topic later.

    Parameters
    ----------
    records : Records
        Every entry with the days on which it holds.
    profiles : mapping of str to Profile
        By id.

    Returns
    -------
    list of Fault
        Where, what is wrong and from which day on, and the remedy.
    """
    versions: list[Dated[Meter]] = [
        version for key in records.by_kind.get("meter", {}) for version in records.history("meter", key)
    ]
    faults = meter_faults([version.value for version in versions], profiles)
    return list(dict.fromkeys(faults or _shared_later(versions, profiles)))


def _shared_later(versions: Sequence[Dated[Meter]], profiles: Mapping[str, Profile]) -> Iterator[Fault]:
    """Find topics that several profiles read from some day on."""
    for group in _by_topic(versions, profiles):
        known: set[tuple[str, str]] = set()
        for day in sorted({version.first for version in group}):
            there = [one.value for one in group if one.first <= day and (one.end is None or day < one.end)]
            for fault in shared_topic_faults(there, profiles):
                if (fault.where, fault.what) not in known:
                    known.add((fault.where, fault.what))
                    yield fault if day == EVER else fault.from_day(day)


def _by_topic(versions: Iterable[Dated[Meter]], profiles: Mapping[str, Profile]) -> Iterator[Sequence[Dated[Meter]]]:
    """Return the versions of each topic that more than one profile reads."""
    decoders = _decoders(profiles)
    of_topic: dict[str, list[Dated[Meter]]] = {}
    for version in versions:
        for topic in _topics(version.value, decoders):
            of_topic.setdefault(topic, []).append(version)
    for topic, wide in _read_widely(of_topic):
        of_topic[topic] = [*of_topic[topic], *of_topic[wide]]
    return (group for group in of_topic.values() if len({version.value.payload for version in group}) > 1)


def kind_faults(meters: Sequence[Meter], profiles: Mapping[str, Profile]) -> list[Fault]:
    """Return faults of meters whose profile never reads what their kind needs; such a meter stays without energy.

    Parameters
    ----------
    meters : sequence of Meter
        As they are on one day.
    profiles : mapping of str to Profile
        By id; every meter's is there.

    Returns
    -------
    list of Fault
        Where, what is wrong, and the remedy.
    """
    return [
        Fault.of("profile_lacks", f"meter {meter.id}: kind", kind=meter.kind, profile=meter.payload, name=name)
        for meter in meters
        if (name := lacks(meter.kind, profiles[meter.payload]))
    ]


def meter_faults(meters: Sequence[Meter], profiles: Mapping[str, Profile]) -> list[Fault]:
    """Return faults of meters whose profile does not exist, or finds no keys."""
    known = ", ".join(sorted(profiles))
    faults = []
    for meter in meters:
        where = f"meter {meter.id}"
        if meter.payload not in profiles:
            faults.append(Fault.of("no_profile", f"{where}: payload", name=meter.payload, known=known))
            continue
        profile = profiles[meter.payload]
        if meter.key and profile.family != "sparkplug" and not profile.has_key:
            faults.append(Fault.of("no_keys", f"{where}: key", name=meter.payload))
        if profile.keys and meter.key not in profile.keys:
            values = {"name": meter.key, "profile": meter.payload, "known": ", ".join(profile.keys)}
            faults.append(Fault.of("other_key", f"{where}: key", **values))
        if "+" in meter.topic and not (meter.key and profile.has_key):
            faults.append(Fault.of("wide_topic", f"{where}: topic"))
    return faults


def shared_topic_faults(meters: Sequence[Meter], profiles: Mapping[str, Profile]) -> list[Fault]:
    """Return faults of topics that several profiles read on one day, though nothing says which message is of which."""
    readers: dict[str, dict[str, str]] = {}
    decoders = _decoders(profiles)
    for meter in meters:
        for topic in _topics(meter, decoders):
            readers.setdefault(topic, {}).setdefault(meter.payload, meter.id)
    for topic, wide in _read_widely(readers):
        readers[topic] = readers[wide] | readers[topic]
    faults = []
    for topic, meter_of in readers.items():
        without = [name for name in meter_of if profiles[name].when is None]
        if len(meter_of) > 1 and without:
            values = {"topic": topic, "names": ", ".join(sorted(meter_of)), "name": without[0]}
            faults.append(Fault.of("shared_topic", f"meter {meter_of[without[0]]}: payload", **values))
    return faults


def _read_widely(topics: Collection[str]) -> list[tuple[str, str]]:
    """Return the topics whose messages are read through another one, too, that leaves a level open."""
    filters = TopicFilters(topic for topic in topics if WILDCARD in topic)
    return [(topic, wide) for topic in topics if WILDCARD not in topic for wide in filters.matching(topic)]


def _decoders(profiles: Mapping[str, Profile]) -> dict[str, Decoder]:
    """Return a decoder of each profile that reads topics of its meters alone."""
    return {
        name: FAMILIES[profile.family](profile)
        for name, profile in profiles.items()
        if profile.family in FAMILIES and profile.family != "sparkplug"
    }


def _topics(meter: Meter, decoders: Mapping[str, Decoder]) -> Sequence[str]:
    decoder = decoders.get(meter.payload)
    return () if decoder is None else decoder.topics(meter.topic)
