"""Readings of an import: what they change is noted before they are committed, and can be taken back.

What another writer has changed since stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bkkenergy.calendar import day_of_us
from bkkenergy.ports.ledger import DaysPurged, EnergyLedger, MeterSeen
from bkkenergy.ports.readingchanges import ReadingChanges
from bkkenergy.ports.readings import ReadingStore
from bkkenergy.readings import FIELDS, FloatArray, IntArray, ReadingBatch


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What an undo did. deleted : readings that were not there before. restored : those that were, with other values.
    left : readings that are not what the import brought, since something else changed or deleted them.
    """

    deleted: int = 0
    restored: int = 0
    left: int = 0

    def plus(self, other: TakenBack) -> TakenBack:
        """Return both together."""
        return TakenBack(self.deleted + other.deleted, self.restored + other.restored, self.left + other.left)


def changes_of(store: ReadingStore, chunk: ReadingBatch) -> Iterator[ReadingChanges]:
    """Find what a commit of readings would change, meter by meter."""
    for number in np.unique(chunk.meter).tolist():
        part = chunk.take(chunk.meter == number).in_order()
        is_last = np.append(np.diff(part.ts_us) > 0, True)  # of doubles, the last counts
        part = part.take(is_last)
        new = {name: part.column(name) for name in part.columns}
        changes = ReadingChanges(
            chunk.meter_ids[number], part.ts_us, new, _stored(store, chunk.meter_ids[number], part.ts_us, tuple(new))
        )
        yield changes.take(~changes.stands_in(changes.before))


def take_back(store: ReadingStore, ledger: EnergyLedger, batch: int) -> TakenBack:
    """Delete and restore what a batch brought, as far as it still stands so. May be called again after a crash.

    Raises DaysPurged where readings of a day have been purged since: nothing is changed then.
    """
    done = TakenBack()
    for changes in ledger.changes.of(batch):
        _refuse_purged(ledger, changes)
    for changes in ledger.changes.of(batch):
        done = done.plus(_take_back(store, ledger, changes))
        first, last = store.first_seen_us([changes.meter]), store.last_seen_us([changes.meter])
        seen = MeterSeen(first[changes.meter], last[changes.meter]) if first and last else None
        ledger.changes.set_seen(changes.meter, seen)
    return done


def _refuse_purged(ledger: EnergyLedger, changes: ReadingChanges) -> None:
    days = {day_of_us(at) for at in changes.ts_us.tolist()}
    for span in ledger.purges.spans([changes.meter]).get(changes.meter, ()):
        for day in sorted(days):
            if span.first <= day <= span.last:
                raise DaysPurged(changes.meter, day)


def _take_back(store: ReadingStore, ledger: EnergyLedger, changes: ReadingChanges) -> TakenBack:
    """Take one meter's changes back. Its days are marked before and after, as a commit does."""
    ours = changes.take(changes.stands_in(_stored(store, changes.meter, changes.ts_us, tuple(changes.new))))
    left = len(changes.ts_us) - len(ours.ts_us)
    if len(ours.ts_us) == 0:
        return TakenBack(left=left)
    stored = _stored(store, changes.meter, ours.ts_us, FIELDS)
    then = stored | {
        name: np.where(np.isnan(values), stored[name], ours.before[name]) for name, values in ours.new.items()
    }
    has_some = np.logical_or.reduce([np.isfinite(values) for values in then.values()])
    meter = np.zeros(len(ours.ts_us), np.int64)
    ledger.mark_readings([changes.meter], meter, ours.ts_us)
    for start_us, end_us in _runs(store, changes.meter, ours.ts_us):
        store.forget([changes.meter], start_us, end_us)
    restored = ReadingBatch((changes.meter,), meter, ours.ts_us, then).take(has_some)
    store.commit(_without_empty(restored))
    ledger.mark_readings([changes.meter], meter, ours.ts_us)
    return TakenBack(int((~has_some).sum()), int(has_some.sum()), left)


def _without_empty(batch: ReadingBatch) -> ReadingBatch:
    columns = {name: values for name, values in batch.columns.items() if np.isfinite(values).any()}
    return ReadingBatch(batch.meter_ids, batch.meter, batch.ts_us, columns)


def _runs(store: ReadingStore, meter: str, ts_us: IntArray) -> list[tuple[int, int]]:
    """Return stretches of time that hold these readings and no others."""
    there = store.readings([meter], int(ts_us[0]), int(ts_us[-1]) + 1, FIELDS).ts_us
    is_ours = np.isin(there, ts_us)
    edges = np.flatnonzero(np.diff(is_ours.astype(np.int8), prepend=0, append=0))
    return [(int(there[a]), int(there[b - 1]) + 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _stored(store: ReadingStore, meter: str, ts_us: IntArray, fields: tuple[str, ...]) -> dict[str, FloatArray]:
    """Return values that the store has at instants; NaN where it has none."""
    values = {name: np.full(len(ts_us), np.nan) for name in fields}
    if len(ts_us):
        there = store.readings([meter], int(ts_us.min()), int(ts_us.max()) + 1, fields)
        _, at, stored_at = np.intersect1d(ts_us, there.ts_us, return_indices=True)
        for name in fields:
            values[name][at] = there.column(name)[stored_at]
    return values
