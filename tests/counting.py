"""A ledger that counts what is read of it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from bkkenergy.ports.ledger import Channel, Slots
from bkkenergy.usecases.through import Through


@dataclass(frozen=True)
class CountingLedger(Through):
    """rows : how often the row of a meter, channel and day was read."""

    rows: Counter[tuple[str, str, dt.date]] = field(default_factory=Counter)

    @property
    def read(self) -> int:
        return sum(self.rows.values())

    @property
    def distinct(self) -> int:
        return len(self.rows)

    def slots(self, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> Slots:
        found = self.ledger.slots(meters, channel, first, last)
        for number, meter in enumerate(meters):
            for day in range((last - first).days + 1):
                if found.is_computed[day, number]:
                    self.rows[meter, channel.name, first + dt.timedelta(days=day)] += 1
        return found
