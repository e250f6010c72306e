"""A reader of the ledger over another one: what a view does not change comes through as it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bkkenergy.ports.ledger import Channel, DayTotals, LedgerReader, MeterSeen, Slots, Span


@dataclass(frozen=True, slots=True)
class Through:
    """A reader of the ledger that answers as the one below it. A view is made of it by what it answers otherwise."""

    ledger: LedgerReader

    def slots(self, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> Slots:
        """Return slots of meters over whole days, both ends included."""
        return self.ledger.slots(meters, channel, first, last)

    def totals(self, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> DayTotals:
        """Return days of meters, both ends included."""
        return self.ledger.totals(meters, channel, first, last)

    def spans(self, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> list[Span]:
        """Return spans of meters that begin on these days."""
        return self.ledger.spans(meters, channel, first, last)

    def seen(self, meters: Sequence[str]) -> Mapping[str, MeterSeen]:
        """Return the earliest and latest reading of each meter that has one."""
        return self.ledger.seen(meters)

    def waiting(
        self, meters: Sequence[str] | None = None, *, marked_before_us: int | None = None
    ) -> Mapping[str, Sequence[dt.date]]:
        """Return marked days of each meter that has some."""
        return self.ledger.waiting(meters, marked_before_us=marked_before_us)
