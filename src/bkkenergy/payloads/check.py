"""Whether meters and payload profiles fit together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bkkenergy.errors import Fault
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
    return faults
