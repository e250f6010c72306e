"""Readings of a file beside those that are stored already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from bkkenergy.ports.readings import ReadingStore
from bkkenergy.readings import APPLIED_RATIO, FIELDS, FloatArray, ReadingBatch

ROUNDING = 1e-12
"""Figures that were multiplied by one ratio and divided by another differ by so much."""


@dataclass(frozen=True, slots=True)
class ReadingsPreview:
    """What a file of raw readings would do.

    count : readings. meters : with readings in the file. first_us, last_us : of them.
    known : those that are stored just so. differing : those stored with other values.
    between : stored readings that lie among the file's and are not in it.
    """

    count: int = 0
    meters: tuple[str, ...] = ()
    first_us: int = 0
    last_us: int = 0
    known: int = 0
    differing: int = 0
    between: int = 0

    @property
    def overlaps(self) -> bool:
        """Whether the file and the store hold different readings of the same time."""
        return self.differing + self.between > 0

    def plus(self, other: ReadingsPreview) -> ReadingsPreview:
        """Return both together."""
        if not (self.count and other.count):
            return self if self.count else other
        return ReadingsPreview(
            self.count + other.count,
            tuple(dict.fromkeys(self.meters + other.meters)),
            min(self.first_us, other.first_us),
            max(self.last_us, other.last_us),
            self.known + other.known,
            self.differing + other.differing,
            self.between + other.between,
        )


def preview_readings(store: ReadingStore, chunks: Iterable[ReadingBatch]) -> ReadingsPreview:
    """Compare the readings of a file with those that are stored. Nothing is written."""
    preview = ReadingsPreview()
    for chunk in chunks:
        for number in np.unique(chunk.meter).tolist():
            preview = preview.plus(_compare(store, chunk.take(chunk.meter == number), chunk.meter_ids[number]))
    return preview


def _compare(store: ReadingStore, batch: ReadingBatch, meter: str) -> ReadingsPreview:
    """Compare one meter's readings of a file with the stored ones of the same time."""
    first_us, last_us = int(batch.ts_us.min()), int(batch.ts_us.max())
    there = ReadingBatch.empty((meter,))
    if store.count([meter], first_us, last_us + 1, FIELDS):
        there = store.readings([meter], first_us, last_us + 1, FIELDS)
    _, at, stored_at = np.intersect1d(batch.ts_us, there.ts_us, return_indices=True)
    is_same = np.ones(len(at), np.bool_)
    for name in batch.columns:
        new, old = batch.column(name)[at], there.column(name)[stored_at]
        is_same &= np.isnan(new) | np.isclose(new, old, rtol=ROUNDING, atol=0)
    return ReadingsPreview(
        len(batch), (meter,), first_us, last_us, int(is_same.sum()), int((~is_same).sum()), len(there) - len(at)
    )


def without_stored(store: ReadingStore, chunk: ReadingBatch) -> ReadingBatch:
    """Remove the readings whose instant is stored already."""
    is_new = np.ones(len(chunk), np.bool_)
    for number in np.unique(chunk.meter).tolist():
        rows = np.flatnonzero(chunk.meter == number)
        ts_us = chunk.ts_us[rows]
        there = store.readings([chunk.meter_ids[number]], int(ts_us.min()), int(ts_us.max()) + 1, FIELDS)
        is_new[rows] = ~np.isin(ts_us, there.ts_us)
    return chunk.take(is_new)


def stored_ratios(store: ReadingStore, chunk: ReadingBatch) -> FloatArray:
    """Return (n,) the transformer ratio of what is stored at each reading's instant; NaN where nothing is."""
    ratios = np.full(len(chunk), np.nan)
    for number in np.unique(chunk.meter).tolist():
        rows = np.flatnonzero(chunk.meter == number)
        ts_us = chunk.ts_us[rows]
        there = store.readings([chunk.meter_ids[number]], int(ts_us.min()), int(ts_us.max()) + 1, (APPLIED_RATIO,))
        if len(there):
            at = np.minimum(np.searchsorted(there.ts_us, ts_us), len(there) - 1)
            ratios[rows] = np.where(there.ts_us[at] == ts_us, there.column(APPLIED_RATIO)[at], np.nan)
    return ratios
