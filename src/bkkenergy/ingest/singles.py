"""Readings that the store refused, as quarantine has them: by message, or single where that is gone long since."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
import numpy as np

from bkkenergy.adapters.state.quarantine import Quarantined
from bkkenergy.ingest.sort import Sorted
from bkkenergy.payloads.message import Grounds, Message, Reason, Refused
from bkkenergy.readings import FIELDS, ReadingBatch

OF_METER = "meter "
"""Before a meter's id, where a message has its topic."""
NO_METER = "the portfolio has no such meter. Add it again."


def as_refused(batch: ReadingBatch, row: int, why: str) -> Refused:
    """Convert a reading whose message is long acknowledged to a payload that a person can read."""
    values = {name: float(column[row]) for name, column in batch.columns.items()}
    payload = msgspec.json.encode({"ts": int(batch.ts_us[row]), **{n: v for n, v in values.items() if v == v}})  # noqa: PLR0124
    return Refused(f"{OF_METER}{batch.meter_ids[int(batch.meter[row])]}", payload, Reason.STORE_REFUSED, why)


def is_single(item: Quarantined) -> bool:
    """Return whether it is such a reading, and no message."""
    return item.reason is Reason.STORE_REFUSED and item.topic.startswith(OF_METER)


def readings_of(items: Sequence[Quarantined], meter_ids: tuple[str, ...]) -> tuple[ReadingBatch, list[Refused]]:
    """Make a batch of single readings again, as they were judged and scaled; and list those of no known meter."""
    number_of = {name: number for number, name in enumerate(meter_ids)}
    names = [item.topic.removeprefix(OF_METER) for item in items]
    known = [(number_of[name], item) for name, item in zip(names, items, strict=True) if name in number_of]
    rows: list[dict[str, Any]] = [msgspec.json.decode(item.payload) for _, item in known]
    columns = {
        field: np.array([row.get(field, np.nan) for row in rows], np.float64)
        for field in FIELDS
        if any(field in row for row in rows)
    }
    meter, ts_us = np.array([number for number, _ in known], np.int64), np.array([row["ts"] for row in rows], np.int64)
    unknown = [
        Refused(item.topic, item.payload, Reason.STORE_REFUSED, NO_METER)
        for name, item in zip(names, items, strict=True)
        if name not in number_of
    ]
    return ReadingBatch(meter_ids, meter, ts_us, columns), unknown


def by_message(culprits: Sequence[tuple[int, str]], outcome: Sorted, messages: Sequence[Message]) -> list[Refused]:
    """Group rows that were refused by the message that each came in."""
    grounds: dict[int, Grounds] = {}
    for row, why in culprits:
        number = int(outcome.source[row])
        grounds.setdefault(number, Grounds()).add(Reason.STORE_REFUSED, partial(str, why))
    return [grounds[number].refused(messages[number]) for number in grounds]
