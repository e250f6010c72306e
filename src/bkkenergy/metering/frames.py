"""From the readings of configured meters to interval energy: which of the three ways each meter goes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bkkenergy.calendar import timestamp_us
from bkkenergy.metering.intervals import IntervalEnergy, interval_energy
from bkkenergy.metering.registers import (
    Growing,
    MeterLimits,
    growing_intervals,
    growing_register,
    integrated_power,
)
from bkkenergy.portfolio import Meter, MeterKind
from bkkenergy.readings import IntArray, ReadingBatch


def limits_of(meters: Sequence[Meter]) -> MeterLimits:
    """What the metering needs of the configuration, as columns in the order of `meters`."""
    return MeterLimits(
        rated_kw=np.array([meter.rated_kw for meter in meters]),
        rollover_kwh=np.array([np.nan if meter.wraps_at_kwh is None else meter.wraps_at_kwh for meter in meters]),
        interval_s=np.array([float(meter.interval_s) for meter in meters]),
    )


def meter_energy(
    batch: ReadingBatch,
    meters: Sequence[Meter],
    edges: pd.DatetimeIndex,
    *,
    max_gap_s: float,
    field: str = "energy_kwh",
) -> IntervalEnergy:
    """Interval energy of `meters` from their readings, each by its kind.

    batch : readings of at least these meters, a little beyond the edges on both sides.
    field : "energy_kwh" or "export_kwh".
    """
    limits = limits_of(meters)
    numbered = renumbered(batch, [meter.id for meter in meters])
    kind = np.array([list(MeterKind).index(meter.kind) for meter in meters], dtype=np.int64)
    parts = [
        growing_register(
            _of_kind(numbered, kind, MeterKind.REGISTER), limits, field=field, exchanges=exchanges_of(meters)
        ),
        growing_intervals(_of_kind(numbered, kind, MeterKind.INTERVAL), limits, field=field, max_gap_s=max_gap_s),
    ]
    if field == "energy_kwh":
        parts.append(integrated_power(_of_kind(numbered, kind, MeterKind.POWER), max_gap_s=max_gap_s))
    return interval_energy(_merged(parts), edges, numbered.meter_ids, interval_s=limits.interval_s, max_gap_s=max_gap_s)


def renumbered(batch: ReadingBatch, meter_ids: Sequence[str]) -> ReadingBatch:
    """The readings of `meter_ids` alone, numbered in that order."""
    place = {meter_id: number for number, meter_id in enumerate(meter_ids)}
    number_of = np.array([place.get(meter_id, -1) for meter_id in batch.meter_ids], dtype=np.int64)
    number: IntArray = number_of[batch.meter] if len(batch) else np.empty(0, np.int64)
    wanted = ReadingBatch(tuple(meter_ids), number, batch.ts_us, batch.columns)
    return wanted.take(number >= 0)


def _of_kind(batch: ReadingBatch, kind: IntArray, wanted: MeterKind) -> ReadingBatch:
    return batch.take(kind[batch.meter] == list(MeterKind).index(wanted))


def exchanges_of(meters: Sequence[Meter]) -> list[tuple[int, int, float, float]]:
    """(meter number, ts_us, final_kwh, initial_kwh) of each declared change of meter."""
    return [
        (number, timestamp_us(pd.Timestamp(exchange.at)), exchange.final_kwh, exchange.initial_kwh)
        for number, meter in enumerate(meters)
        for exchange in meter.exchanges
    ]


def _merged(parts: Sequence[Growing]) -> Growing:
    """Growing energy of different meters as one, by meter and instant."""
    meter = np.concatenate([part.meter for part in parts])
    order = np.argsort(meter, kind="stable")
    return Growing(
        meter[order],
        np.concatenate([part.ts_us for part in parts])[order],
        np.concatenate([part.energy_kwh for part in parts])[order],
        np.concatenate([part.quality for part in parts])[order],
    )
