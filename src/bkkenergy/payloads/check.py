"""Whether meters and payload profiles fit together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bkkenergy.errors import Fault
from bkkenergy.payloads.decode import FAMILIES
from bkkenergy.payloads.profile import Profile
from bkkenergy.portfolio import Meter


def payload_faults(meters: Sequence[Meter], profiles: Mapping[str, Profile]) -> list[Fault]:
    """Return faults of meters whose payload profile does not exist, or does not fit how they are addressed."""
    known = ", ".join(sorted(profiles))
    faults = []
    for meter in meters:
        where = f"meter {meter.id}"
        if meter.payload not in profiles:
            what = f"there is no payload profile {meter.payload!r}"
            faults.append(Fault(f"{where}: payload", what, f"Use one of: {known}."))
        elif meter.key and profiles[meter.payload].family != "sparkplug" and not profiles[meter.payload].key:
            what = f"profile {meter.payload!r} finds no keys in its payloads"
            faults.append(Fault(f"{where}: key", what, "Remove the key, or give the profile its `key`."))
    return faults or shared_topic_faults(meters, profiles)


def shared_topic_faults(meters: Sequence[Meter], profiles: Mapping[str, Profile]) -> list[Fault]:
    """Return faults of topics that several profiles read, though nothing says which message is of which.

    One meter may come several times, with what it was on other days: its profiles follow one another.
    """
    readers: dict[str, dict[str, str]] = {}
    profiles_of: dict[str, dict[str, set[str]]] = {}
    decoders = {
        name: FAMILIES[profile.family](profile) for name, profile in profiles.items() if profile.family in FAMILIES
    }
    for meter in meters:
        decoder = decoders.get(meter.payload)
        if decoder is not None and profiles[meter.payload].family != "sparkplug":
            for topic in decoder.topics(meter.topic):
                readers.setdefault(topic, {}).setdefault(meter.payload, meter.id)
                profiles_of.setdefault(topic, {}).setdefault(meter.id, set()).add(meter.payload)
    faults = []
    for topic, meter_of in readers.items():
        without = [name for name in meter_of if profiles[name].when is None]
        if not set.intersection(*profiles_of[topic].values()) and without:
            what = (
                f"topic {topic!r} is read by profiles {', '.join(sorted(meter_of))}, and {without[0]!r} has no `when`"
            )
            remedy = "Give each of them a `when` that says which messages are its own, or use one profile."
            faults.append(Fault(f"meter {meter_of[without[0]]}: payload", what, remedy))
    return faults
