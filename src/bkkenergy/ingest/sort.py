"""Messages sorted into readings that are good and things that are refused. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bkkenergy.ingest.decode import FAMILIES
from bkkenergy.ingest.message import Message, Reason, Refused
from bkkenergy.ingest.validate import REASONS, Limits, explain, reject_codes
from bkkenergy.portfolio import Meter
from bkkenergy.readings import US_PER_S, IntArray, ReadingBatch


@dataclass(frozen=True, slots=True)
class Sorted:
    """What a run of messages holds.

    source : (n,) number of the message that each reading of `batch` came in.
    """

    batch: ReadingBatch
    source: IntArray
    refused: tuple[Refused, ...]


class Sorter:
    """Knows the meters by topic, with their limits and payload families."""

    def __init__(self, meters: Sequence[Meter], *, max_ahead_s: int) -> None:
        self.meter_ids = tuple(meter.id for meter in meters)
        self._max_ahead_us = max_ahead_s * US_PER_S
        self._limits = Limits.of(meters)
        self._number_of: Mapping[str, int] = {meter.topic: number for number, meter in enumerate(meters)}
        self._family_of = [meter.payload for meter in meters]

    def sort(self, messages: Sequence[Message], *, now_us: int) -> Sorted:
        """Decode, scale and judge every reading of the messages."""
        numbers = [self._number_of.get(message.topic, -1) for message in messages]
        refused = [
            Refused(message.topic, message.payload, Reason.UNKNOWN_METER, _UNKNOWN)
            for message, number in zip(messages, numbers, strict=True)
            if number < 0
        ]
        parts, sources = [], []
        for family, rows in self._by_family(numbers).items():
            batch, source, unread = self._read(family, [messages[row] for row in rows], numbers, np.array(rows), now_us)
            parts.append(batch)
            sources.append(source)
            refused += unread
        if not parts:
            return Sorted(ReadingBatch.empty(self.meter_ids), np.empty(0, np.int64), tuple(refused))
        return Sorted(ReadingBatch.concat(parts), np.concatenate(sources), tuple(refused))

    def _by_family(self, numbers: Sequence[int]) -> dict[str, list[int]]:
        rows: dict[str, list[int]] = {}
        for row, number in enumerate(numbers):
            if number >= 0:
                rows.setdefault(self._family_of[number], []).append(row)
        return rows

    def _read(
        self, family: str, messages: Sequence[Message], numbers: Sequence[int], rows: IntArray, now_us: int
    ) -> tuple[ReadingBatch, IntArray, list[Refused]]:
        """Readings of messages of one family, the messages they came in, and what was refused."""
        decoded = FAMILIES[family].decode([message.payload for message in messages])
        refused = [
            Refused(messages[bad.message].topic, bad.payload, Reason.NOT_DECODED, bad.detail)
            for bad in decoded.undecoded
        ]
        meter = np.array(numbers, np.int64)[rows][decoded.message]
        columns = self._limits.scaled(meter, dict(decoded.columns))
        batch = ReadingBatch(self.meter_ids, meter, decoded.ts_us, columns)
        codes = reject_codes(batch, self._limits, latest_us=now_us + self._max_ahead_us)
        for row in np.flatnonzero(codes):
            reason = REASONS[codes[row]]
            message = messages[decoded.message[row]]
            raw = FAMILIES[family].element(message.payload, int(decoded.position[row]))
            if reason is not None:
                refused.append(Refused(message.topic, raw, reason, explain(batch, int(row), reason, self._limits)))
        good = codes == 0
        return batch.take(good), rows[decoded.message[good]], refused


_UNKNOWN = "no meter of the portfolio listens to this topic. Add the meter, or mend the gateway's topic."
