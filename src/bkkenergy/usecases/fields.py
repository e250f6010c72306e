"""Which field of the readings each channel of a meter is computed from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bkkenergy.portfolio import Meter, MeterKind
from bkkenergy.ports.channels import (
    CHANNELS,
    EXPORT,
    GAUGES,
    GHI,
    IMPORT,
    POWER_FACTOR,
    REGISTERS,
    SECOND_REGISTERS,
    TEMP_AIR,
    Channel,
)
from bkkenergy.ports.ledger import EnergyLedger, LedgerDays
from bkkenergy.readings import ReadingBatch


def fields_of(meter: Meter, second_registers: Sequence[Channel] = SECOND_REGISTERS) -> tuple[str, ...]:
    """Return the fields whose neighbouring readings, however far away, a day depends on.

    second_registers : those that the meter may have.
    """
    main = (field_of(meter, IMPORT.name),) if meter.is_electric else ()
    return (*main, *(channel.field for channel in second_registers if has_register(meter, channel)))


def has_register(meter: Meter, channel: Channel) -> bool:
    """Return whether a meter of its kind can have a register."""
    if channel is IMPORT:
        return meter.is_electric
    if channel is EXPORT:
        return meter.is_electric and meter.kind is not MeterKind.POWER
    return meter.kind is not MeterKind.WEATHER


def field_of(meter: Meter, channel: str) -> str:
    """Return the field of readings that a channel of a meter is computed from."""
    if channel == IMPORT.name and meter.kind is MeterKind.POWER:
        return "power_kw"
    return CHANNELS[channel].field


def channels_of(meter: Meter) -> tuple[Channel, ...]:
    """Return the channels that a meter of its kind may have."""
    if meter.kind is MeterKind.WEATHER:
        return (GHI, TEMP_AIR, *GAUGES)
    if meter.kind is MeterKind.OTHER:
        return (*(channel for channel in SECOND_REGISTERS if has_register(meter, channel)), *GAUGES)
    return (*(channel for channel in REGISTERS if has_register(meter, channel)), POWER_FACTOR, *GAUGES)


def counts_by_channel(meter: Meter, counts: Mapping[str, int]) -> dict[str, int]:
    """Return how many values each channel of a meter would be computed from. counts : values of each field."""
    by_channel = {channel.name: counts.get(field_of(meter, channel.name), 0) for channel in channels_of(meter)}
    return {name: number for name, number in by_channel.items() if number}


def second_registers(
    ledger: EnergyLedger, meters: Sequence[Meter], batch: ReadingBatch, fresh: Mapping[str, Sequence[LedgerDays]]
) -> dict[str, tuple[Channel, ...]]:
    """Return the second registers of each meter: by readings, by the ledger, and by rows that are not in it yet."""
    names = {name: set(channels) for name, channels in ledger.channels([meter.id for meter in meters]).items()}
    for name, rows in fresh.items():
        names.setdefault(name, set()).update(row.channel for row in rows)
    for channel in SECOND_REGISTERS:
        if channel.field in batch.columns:
            senders = np.unique(batch.meter[np.isfinite(batch.columns[channel.field])])
            for number in senders.tolist():
                names.setdefault(batch.meter_ids[number], set()).add(channel.name)
    return {
        meter.id: tuple(
            channel
            for channel in SECOND_REGISTERS
            if channel.name in names.get(meter.id, ()) and has_register(meter, channel)
        )
        for meter in meters
    }
