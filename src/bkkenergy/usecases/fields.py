"""Which field of the readings each channel of a meter is computed from."""

from __future__ import annotations

from collections.abc import Mapping

from bkkenergy.portfolio import Meter, MeterKind
from bkkenergy.ports.ledger import EXPORT, GHI, IMPORT, POWER_FACTOR, TEMP_AIR


def fields_of(meter: Meter) -> tuple[str, ...]:
    """Return the fields whose neighbouring readings, however far away, a day depends on."""
    return ("power_kw",) if meter.kind is MeterKind.POWER else ("energy_kwh", "export_kwh")


def field_of(meter: Meter, channel: str) -> str:
    """Return the field of readings that a channel of a meter is computed from."""
    if channel == IMPORT.name and meter.kind is MeterKind.POWER:
        return "power_kw"
    return {IMPORT.name: "energy_kwh", EXPORT.name: "export_kwh"}.get(channel, channel)


def counts_by_channel(meter: Meter, counts: Mapping[str, int]) -> dict[str, int]:
    """Return how many values each channel of a meter would be computed from. counts : values of each field."""
    channels = [GHI, TEMP_AIR] if meter.kind is MeterKind.WEATHER else [IMPORT, EXPORT, POWER_FACTOR]
    by_channel = {channel.name: counts.get(field_of(meter, channel.name), 0) for channel in channels}
    return {name: number for name, number in by_channel.items() if number}
