"""A view of the ledger for one piece of work, such as a report: each row is read once, whatever asks for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bkkenergy.ports.ledger import Channel, Slots
from bkkenergy.readings import BoolArray, FloatArray, QualityArray
from bkkenergy.usecases.through import Through

DAY = dt.timedelta(days=1)


@dataclass(slots=True)
class _Column:
    """Whole days of one meter and channel: values and quality (days, slots); is_waiting, is_computed (days,)."""

    first: dt.date
    values: FloatArray
    quality: QualityArray
    is_waiting: BoolArray
    is_computed: BoolArray

    @property
    def last(self) -> dt.date:
        return self.first + (len(self.values) - 1) * DAY

    def then(self, later: _Column) -> _Column:
        """Join these days and the ones that follow them."""
        return _Column(
            self.first,
            np.concatenate((self.values, later.values)),
            np.concatenate((self.quality, later.quality)),
            np.concatenate((self.is_waiting, later.is_waiting)),
            np.concatenate((self.is_computed, later.is_computed)),
        )


@dataclass(frozen=True, slots=True)
class ReadOnce(Through):
    """A reader of the ledger that remembers what it read. It belongs to one piece of work: it never reads news."""

    _columns: dict[tuple[str, str], _Column] = field(default_factory=dict)

    def slots(self, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> Slots:
        """Return slots of meters over whole days, both ends included."""
        missing: dict[tuple[dt.date, dt.date], list[str]] = {}
        for meter in meters:
            for span in self._missing(meter, channel, first, last):
                missing.setdefault(span, []).append(meter)
        for (start, end), names in missing.items():
            self._read(names, channel, start, end)
        return self._joined(meters, channel, first, last)

    def _missing(self, meter: str, channel: Channel, first: dt.date, last: dt.date) -> list[tuple[dt.date, dt.date]]:
        """Return the days to read, so that what is remembered stays without a hole."""
        known = self._columns.get((meter, channel.name))
        if known is None:
            return [(first, last)]
        before = [(first, known.first - DAY)] if first < known.first else []
        after = [(known.last + DAY, last)] if last > known.last else []
        return before + after

    def _read(self, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> None:
        slots = self.ledger.slots(meters, channel, first, last)
        for number, meter in enumerate(slots.meters):
            new = _Column(
                first,
                slots.values[:, number].reshape(-1, channel.slots_per_day),
                slots.quality[:, number].reshape(-1, channel.slots_per_day),
                slots.is_waiting[:, number],
                slots.is_computed[:, number],
            )
            known = self._columns.get((meter, channel.name))
            if known is not None:
                new = new.then(known) if first < known.first else known.then(new)
            self._columns[meter, channel.name] = new

    def _joined(self, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> Slots:
        days = (last - first).days + 1
        shape = (days * channel.slots_per_day, len(meters))
        values, quality = np.empty(shape), np.empty(shape, np.uint8)
        is_waiting, is_computed = np.empty((days, len(meters)), np.bool_), np.empty((days, len(meters)), np.bool_)
        for number, meter in enumerate(meters):
            known = self._columns[meter, channel.name]
            part = slice((first - known.first).days, (first - known.first).days + days)
            values[:, number], quality[:, number] = known.values[part].ravel(), known.quality[part].ravel()
            is_waiting[:, number], is_computed[:, number] = known.is_waiting[part], known.is_computed[part]
        return Slots(tuple(meters), channel, first, values, quality, is_waiting, is_computed)
