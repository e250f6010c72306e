"""Other sources than a meter's own readings: a file's intervals as quarter-hours, and which source each takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from bkkenergy.readings import US_PER_S, BoolArray, FloatArray, IntArray, Quality, QualityArray

QUARTER_US = 900 * US_PER_S
QUARTERS_PER_DAY = 96
BANGKOK_US = 7 * 3600 * US_PER_S
"""Bangkok is seven hours ahead of UTC, without summer time."""
OWN_READINGS = 0
"""Number of the source that is the meter's own readings; batches count from 1."""


class Precedence(StrEnum):
    """Where a source stands beside the meter's own readings, the strongest first."""

    EDIT = "edit"
    """A person's figure: before everything."""
    FILE = "file"
    """Before what the meter measured."""
    REGISTER = "register"
    """After what the meter measured; before what was estimated, is incomplete or is missing."""


@dataclass(frozen=True, slots=True)
class IntervalSeries:
    """Energies of equal intervals of one meter and channel.

    start_us : (n,) rising starts, us since 1970 UTC; no two intervals overlap. energy_kwh : (n,) NaN where not known.
    is_estimated : (n,) whether the source calls its own value an estimate; None where it never does.
    """

    start_us: IntArray
    interval_s: float
    energy_kwh: FloatArray
    is_estimated: BoolArray | None = None

    @property
    def length_us(self) -> int:
        """The length of an interval."""
        return round(self.interval_s * US_PER_S)


@dataclass(frozen=True, slots=True)
class SourceSlots:
    """Quarter-hours by one batch. energy_kwh, quality : (k,), NaN and MISSING where the batch says nothing."""

    batch: int
    precedence: Precedence
    energy_kwh: FloatArray
    quality: QualityArray


@dataclass(frozen=True, slots=True)
class Merged:
    """Quarter-hours after the merge, all (k,). batch : the source of each; OWN_READINGS for the meter's own."""

    energy_kwh: FloatArray
    quality: QualityArray
    batch: IntArray


def quarters_of(series: IntervalSeries, usual_interval_s: float) -> tuple[int, FloatArray, QualityArray]:
    """Map intervals of any length onto quarter-hours of whole days of Bangkok.

    Finer intervals are summed. Coarser ones are divided evenly and flagged ESTIMATED, unless the meter's own
    interval is as long. A quarter-hour that the intervals cover only in part is not covered.

    Parameters
    ----------
    series : IntervalSeries
        Energies of equal intervals [kWh].
    usual_interval_s : float
        The meter's own interval [s].

    Returns
    -------
    int
        The first day [days since 1970-01-01].
    (days, 96) array
        Energy of each quarter-hour [kWh]; NaN where nothing is said.
    (days, 96) array
        `Quality` of each; MISSING where nothing is said.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.sources import quarters_of
    >>> from bkkenergy.metering.sources import IntervalSeries
    >>> midnight_us = -7 * 3_600_000_000
    >>> hour = IntervalSeries(np.array([midnight_us]), 3600.0, np.array([8.0]))
    >>> first_day, energy_kwh, quality = quarters_of(hour, 900.0)
    >>> first_day, energy_kwh[0, :5].tolist(), quality[0, :5].tolist()
    (0, [2.0, 2.0, 2.0, 2.0, nan], [1, 1, 1, 1, 2])
    """
    is_known = np.isfinite(series.energy_kwh)
    start_us, energy_kwh = series.start_us[is_known] + BANGKOK_US, series.energy_kwh[is_known]
    end_us = start_us + series.length_us
    first_day = int(start_us[0] // (QUARTERS_PER_DAY * QUARTER_US)) if len(start_us) else 0
    days = int((end_us[-1] - 1) // (QUARTERS_PER_DAY * QUARTER_US)) - first_day + 1 if len(start_us) else 0
    first, last = start_us // QUARTER_US, (end_us - 1) // QUARTER_US
    count = last - first + 1
    interval = np.repeat(np.arange(len(count)), count)
    quarter = np.arange(len(interval)) - np.repeat(np.cumsum(count) - count, count) + first[interval]
    begin_us = np.maximum(start_us[interval], quarter * QUARTER_US)
    covered_us = np.minimum(end_us[interval], (quarter + 1) * QUARTER_US) - begin_us
    slot, slots = quarter - first_day * QUARTERS_PER_DAY, days * QUARTERS_PER_DAY
    part_kwh = energy_kwh[interval] * (covered_us / series.length_us)
    values = np.bincount(slot, part_kwh, minlength=slots)
    is_whole = np.bincount(slot, covered_us, minlength=slots) == QUARTER_US
    is_cut = covered_us < series.length_us
    if usual_interval_s >= series.interval_s:
        is_cut &= covered_us < QUARTER_US
    if series.is_estimated is not None:
        is_cut |= series.is_estimated[is_known][interval]
    is_divided = np.bincount(slot, is_cut, minlength=slots) > 0
    quality = np.where(is_whole, np.where(is_divided, Quality.ESTIMATED, Quality.EDITED), Quality.MISSING)
    shape = (days, QUARTERS_PER_DAY)
    return first_day, np.where(is_whole, values, np.nan).reshape(shape), quality.astype(np.uint8).reshape(shape)


def strongest_first(sources: Sequence[SourceSlots]) -> list[SourceSlots]:
    """Sort sources by precedence. Of two that fill, the earlier goes first; of two others, the later.

    Parameters
    ----------
    sources : sequence of SourceSlots
        Batches for the same quarter-hours.

    Returns
    -------
    list of SourceSlots
        The strongest first: edits, files, then what fills.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.sources import strongest_first
    >>> from bkkenergy.metering.sources import Precedence, SourceSlots
    >>> nothing = (np.empty(0), np.empty(0, np.uint8))
    >>> sources = [SourceSlots(1, Precedence.FILE, *nothing), SourceSlots(2, Precedence.EDIT, *nothing)]
    >>> [source.batch for source in strongest_first(sources)]
    [2, 1]
    """

    def rank(source: SourceSlots) -> tuple[int, int]:
        index = list(Precedence).index(source.precedence)
        return index, source.batch if source.precedence is Precedence.REGISTER else -source.batch

    return sorted(sources, key=rank)


def merged(energy_kwh: FloatArray, quality: QualityArray, sources: Sequence[SourceSlots]) -> Merged:
    """Merge sources into quarter-hours that a meter's own readings gave: each interval wholly from one source.

    Parameters
    ----------
    energy_kwh : (k,) array
        Energy by the meter's readings [kWh]; NaN where not known.
    quality : (k,) array
        `Quality` of each.
    sources : sequence of SourceSlots
        Batches for the same quarter-hours.

    Returns
    -------
    Merged
        Energy [kWh], quality and the source of each quarter-hour.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.sources import Precedence, SourceSlots, merged
    >>> from bkkenergy.readings import Quality
    >>> said = np.array([Quality.MISSING, Quality.EDITED], np.uint8)
    >>> file = SourceSlots(7, Precedence.FILE, np.array([np.nan, 3.0]), said)
    >>> found = merged(np.array([1.0, 2.0]), np.array([Quality.MEASURED] * 2, np.uint8), [file])
    >>> found.energy_kwh.tolist(), found.batch.tolist()
    ([1.0, 3.0], [0, 7])
    """
    values, flags, batch = energy_kwh.copy(), quality.copy(), np.full(len(energy_kwh), OWN_READINGS)
    is_free = np.ones(len(values), np.bool_)
    for source in strongest_first(sources):
        takes: BoolArray = is_free & (source.quality != Quality.MISSING)
        if source.precedence is Precedence.REGISTER:
            takes &= quality != Quality.MEASURED
        values[takes], flags[takes], batch[takes] = source.energy_kwh[takes], source.quality[takes], source.batch
        is_free &= ~takes
    return Merged(values, flags, batch)
