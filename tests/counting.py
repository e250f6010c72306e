"""A ledger that counts what is read of it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bkkenergy.ports.ledger import Channel, DayTotals, LedgerReader, MeterSeen, Slots, Span


@dataclass
class CountingLedger:
    """rows : how often the row of a meter, channel and day was read."""

    ledger: LedgerReader
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

    def totals(self, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> DayTotals:
        return self.ledger.totals(meters, channel, first, last)

    def spans(self, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> list[Span]:
        return self.ledger.spans(meters, channel, first, last)

    def seen(self, meters: Sequence[str]) -> Mapping[str, MeterSeen]:
        return self.ledger.seen(meters)

    def waiting(
        self, meters: Sequence[str] | None = None, *, marked_before_us: int | None = None
    ) -> Mapping[str, Sequence[dt.date]]:
        return self.ledger.waiting(meters, marked_before_us=marked_before_us)
