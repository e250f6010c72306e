"""What files and persons say of a meter's quarter-hours, beside its readings: read for a window and merged into it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from bkkenergy.metering.sources import SourceSlots, merged
from bkkenergy.metering.vee import Validated
from bkkenergy.portfolio import Meter
from bkkenergy.ports.ledger import Channel, SourceDays, SourceReader
from bkkenergy.readings import BoolArray, Quality


@dataclass(frozen=True, slots=True)
class OtherSources:
    """Sources of meters over some days. count : of days."""

    first: dt.date
    count: int
    rows: Sequence[SourceDays]

    @classmethod
    def read(cls, ledger: SourceReader, meters: Sequence[Meter], first: dt.date, last: dt.date) -> Self:
        """Read the sources of meters over days, both ends included. Raises StoreUnavailable."""
        return cls(first, (last - first).days + 1, ledger.sources([meter.id for meter in meters], first, last))

    def has(self, meter: Meter, channel: Channel) -> bool:
        """Return whether a source says anything of a channel."""
        return any(row.meter == meter.id and row.channel == channel.name for row in self.rows)

    def is_said(self, meter: Meter, channel: str) -> BoolArray:
        """Return (days,) whether a source says anything of a day."""
        is_said = np.zeros(self.count, np.bool_)
        for row in self.rows:
            if row.meter == meter.id and row.channel == channel:
                start = (row.first_day - self.first).days
                is_said[start : start + len(row.quality)] |= (row.quality != Quality.MISSING).any(axis=1)
        return is_said

    def slots(self, meter: str, channel: Channel) -> list[SourceSlots]:
        """Return the slots of all days by each batch that says something of a meter's channel."""
        slots: dict[int, SourceSlots] = {}
        size = channel.slots_per_day
        for row in self.rows:
            if row.meter != meter or row.channel != channel.name:
                continue
            source = slots.setdefault(
                row.batch,
                SourceSlots(
                    row.batch,
                    row.precedence,
                    np.full(self.count * size, np.nan),
                    np.full(self.count * size, Quality.MISSING, np.uint8),
                ),
            )
            start = (row.first_day - self.first).days * size
            source.energy_kwh[start : start + row.values.size] = row.values.ravel()
            source.quality[start : start + row.quality.size] = row.quality.ravel()
        return list(slots.values())

    def merged(self, validated: Validated, meters: Sequence[Meter], channel: Channel) -> Validated:
        """Merge the sources into what readings gave. meters : of the columns."""
        if not self.rows:
            return validated
        energy_kwh, quality = validated.energy_kwh.copy(), validated.quality.copy()
        for number, meter in enumerate(meters):
            sources = self.slots(meter.id, channel)
            if sources:
                whole = merged(energy_kwh[:, number], quality[:, number], sources)
                energy_kwh[:, number], quality[:, number] = whole.energy_kwh, whole.quality
        return replace(validated, energy_kwh=energy_kwh, quality=quality)

    def flagged(self, validated: Validated, meters: Sequence[Meter], channel: Channel) -> Validated:
        """Mark the intervals with the flags that they will have after the merge, and leave their energies.

        A profile is then made of the same intervals, whether they come from this window or from the ledger.
        """
        return replace(validated, quality=self.merged(validated, meters, channel).quality)
