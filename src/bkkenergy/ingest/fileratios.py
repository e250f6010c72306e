"""Transformer ratios of readings that a file brings: which was applied, which will be, and what is asked for.

A register of a file is what the meter shows (secondary) or what flowed (primary). Where the meter has a ratio, the file
does not say which, and the two differ by hundreds: a person says it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

import numpy as np
import numpy.typing as npt

from bkkenergy.calendar import day_of_us
from bkkenergy.errors import InputError
from bkkenergy.ingest.validate import REASONS, Limits, reject_codes
from bkkenergy.metering.ratios import EVER_US
from bkkenergy.payloads.message import Reason
from bkkenergy.portfolio import Meter, Portfolio
from bkkenergy.readings import APPLIED_RATIO, RATED_FIELDS, WHAT_FLOWED, BoolArray, FloatArray, IntArray, ReadingBatch
from bkkenergy.usecases.meterversions import RatioStretch, stretches_of

LARGEST_RATIO = 1e7
"""No transformers have more: 5 A of 5 kA, and 100 V of 500 kV, are 5 million."""


TRANSFORMED = ("voltage", "current")
"""Begins of the fields that one of the two ratios multiplies."""


class Side(StrEnum):
    """On which side of a meter's transformers the figures of a file are."""

    PRIMARY = "primary"
    """What flowed: the ratio is in the figures already."""
    SECONDARY = "secondary"
    """What the meter shows: the ratio of each reading's day multiplies it."""


@dataclass(frozen=True, slots=True)
class FileMeters:
    """Meters of a file, each with the ratios that it had, and when.

    names : the meters. parts : every stretch of every meter. firsts : (m,) index in `parts` of each meter's first one.
    starts_us : of each part.
    """

    names: tuple[str, ...]
    parts: tuple[Meter, ...]
    firsts: IntArray
    starts_us: IntArray

    @classmethod
    def of(cls, portfolio: Portfolio, names: Sequence[str]) -> Self:
        """Return meters of a portfolio, those that are no more among them."""
        chains = [stretches_of(portfolio, name) for name in names]
        flat: list[RatioStretch] = [stretch for chain in chains for stretch in chain]
        return cls(
            tuple(names),
            tuple(stretch.meter for stretch in flat),
            np.cumsum([0, *(len(chain) for chain in chains)], dtype=np.int64),
            np.array([stretch.from_us for stretch in flat], np.int64),
        )

    def part_of(self, batch: ReadingBatch) -> IntArray:
        """Return (n,) the part of each reading; batch : of `names`."""
        part = self.firsts[:-1][batch.meter] if len(batch) else np.empty(0, np.int64)
        for number in np.flatnonzero(np.diff(self.firsts) > 1).tolist():
            rows = np.flatnonzero(batch.meter == number)
            chain = self.starts_us[self.firsts[number] : self.firsts[number + 1]]
            part[rows] = self.firsts[number] + np.searchsorted(chain, batch.ts_us[rows], side="right") - 1
        return part


@dataclass(frozen=True, slots=True)
class SidedReadings:
    """Readings of a file as they are stored, and why each is refused: (n,) index into REASONS, 0 = accepted."""

    batch: ReadingBatch
    codes: npt.NDArray[np.int8]


def sided(batch: ReadingBatch, meters: FileMeters, side: Side | None, *, latest_us: int) -> SidedReadings:
    """Multiply what a file says by the ratio of each reading's day, where it is not in it, and judge each reading.

    A reading that says which ratio was applied is as an export wrote it. Where the ratio is 1, the figures
    are taken as the meter's own: another ratio that is entered later multiplies them too, unless they are primary.
    Raises InputError where a ratio is not 1 and `side` is not given.
    """
    part = meters.part_of(batch)
    limits = Limits.of(meters.parts)
    of_parts = replace(batch, meter_ids=tuple(meter.id for meter in meters.parts), meter=part)
    if APPLIED_RATIO in batch.columns:
        batch = _completed(batch, meters, part, limits, side)
        of_parts = replace(of_parts, columns=batch.columns)
        codes = reject_codes(_in_ratio(of_parts, limits), limits, latest_us=latest_us)
        applied_ratio = batch.columns[APPLIED_RATIO]
        is_off = (codes == 0) & ~np.isnan(applied_ratio) & ~((applied_ratio >= 0) & (applied_ratio < LARGEST_RATIO))
        codes[is_off] = REASONS.index(Reason.GAUGE_OUT_OF_RANGE)
        return SidedReadings(batch, codes)
    is_rated = _is_rated(batch)
    is_transformed = is_rated | _has_any(batch, [name for name in batch.columns if name.startswith(TRANSFORMED)])
    if side is None and is_transformed.any():
        _refuse_open(meters, batch, part[is_transformed])
    if side is Side.PRIMARY:
        applied_ratio = np.where(is_rated, WHAT_FLOWED, np.nan)
        columns = {**batch.columns, APPLIED_RATIO: applied_ratio} if is_rated.any() else dict(batch.columns)
    else:
        columns = limits.scaled(part, dict(batch.columns))
    return SidedReadings(
        replace(batch, columns=columns), reject_codes(replace(of_parts, columns=columns), limits, latest_us=latest_us)
    )


def _completed(
    batch: ReadingBatch, meters: FileMeters, part: IntArray, limits: Limits, side: Side | None
) -> ReadingBatch:
    """Apply the ratio of its day to each reading of an export that says none, where there is one, as `side` says.

    Raises InputError where that is not given.
    """
    applied_ratio = batch.columns[APPLIED_RATIO]
    is_open = _is_rated(batch) & np.isnan(applied_ratio) & (limits.energy_scale[part] != 1)
    if not is_open.any():
        return batch
    if side is None:
        _refuse_open(meters, batch, part[is_open])
    if side is Side.PRIMARY:
        columns = {**batch.columns, APPLIED_RATIO: np.where(is_open, WHAT_FLOWED, applied_ratio)}
        return replace(batch, columns=columns)
    figures = {name: values for name, values in batch.columns.items() if name != APPLIED_RATIO}
    scaled = limits.scaled(part, figures)
    columns = {name: np.where(is_open, scaled[name], values) for name, values in batch.columns.items()}
    return replace(batch, columns=columns)


def _is_rated(batch: ReadingBatch) -> BoolArray:
    """Return (n,) whether a reading has anything that the ratio of energy multiplies."""
    return _has_any(batch, [name for name in RATED_FIELDS if name in batch.columns])


def _has_any(batch: ReadingBatch, names: Sequence[str]) -> BoolArray:
    has_any = np.zeros(len(batch), np.bool_)
    for name in names:
        has_any |= np.isfinite(batch.columns[name])
    return has_any


def _in_ratio(batch: ReadingBatch, limits: Limits) -> ReadingBatch:
    """Return readings in the ratio of their part, by which they are judged."""
    return _rescaled(batch, limits.energy_scale[batch.meter])


def _rescaled(batch: ReadingBatch, wanted_ratio: FloatArray) -> ReadingBatch:
    """Return readings in other ratios, where theirs are known. wanted_ratio : (n,), NaN where it stays."""
    applied_ratio = batch.column(APPLIED_RATIO)
    differs = (applied_ratio > 0) & (wanted_ratio > 0) & (applied_ratio != wanted_ratio)
    if not differs.any():
        return batch
    factor = np.where(differs, wanted_ratio / np.where(differs, applied_ratio, 1.0), 1.0)
    columns = {name: values * factor if name in RATED_FIELDS else values for name, values in batch.columns.items()}
    return replace(batch, columns=columns | {APPLIED_RATIO: np.where(differs, wanted_ratio, applied_ratio)})


def as_stored(batch: ReadingBatch, stored_ratio: FloatArray) -> ReadingBatch:
    """Return a file's readings in the ratios of what is stored at their instants; NaN where nothing is.

    Other quantities that are stored at the instant have that ratio, and go on having it.
    """
    return _rescaled(batch, stored_ratio)


def _refuse_open(meters: FileMeters, batch: ReadingBatch, parts: IntArray) -> None:
    """Raise InputError where it is not known on which side of a meter's transformers figures are."""
    seen = set(np.unique(parts).tolist())
    if any(meters.parts[number].multiplier != 1 for number in seen):
        raise InputError.of("import_side", ratios="; ".join(_ratios(meters, batch)))


def ratio_lines(meters: FileMeters, batch: ReadingBatch) -> list[str]:
    """Return the ratios of each meter on the days of a file, where any is not 1."""
    return list(_ratios(meters, batch))


def _ratios(meters: FileMeters, batch: ReadingBatch) -> Iterator[str]:
    part = meters.part_of(batch)
    for number, name in enumerate(meters.names):
        first, end = int(meters.firsts[number]), int(meters.firsts[number + 1])
        seen = [one for one in np.unique(part[batch.meter == number]).tolist() if first <= one < end]
        steps: list[str] = []
        ratio = 0.0
        for one in seen:
            meter = meters.parts[one]
            if meter.multiplier != ratio:
                ratio = meter.multiplier
                steps.append(f"{ratio:g}{_since(int(meters.starts_us[one]), bool(steps))}")
        if any(meters.parts[one].multiplier != 1 for one in seen):
            yield f"{name}: {', '.join(steps)}"


def _since(start_us: int, is_later: bool) -> str:
    return f" from {day_of_us(start_us)}" if is_later and start_us != EVER_US else ""
