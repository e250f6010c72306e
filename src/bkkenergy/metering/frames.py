"""Columns of what the configuration says of meters, and readings numbered in their order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bkkenergy.calendar import timestamp_us
from bkkenergy.metering.registers import MeterLimits
from bkkenergy.portfolio import Meter
from bkkenergy.readings import IntArray, ReadingBatch


def limits_of(meters: Sequence[Meter]) -> MeterLimits:
    """What the metering needs of the configuration, as columns in the order of `meters`."""
    return MeterLimits(
        rated_kw=np.array([meter.rated_kw for meter in meters]),
        rollover_kwh=np.array([np.nan if meter.wraps_at_kwh is None else meter.wraps_at_kwh for meter in meters]),
        interval_s=np.array([float(meter.interval_s) for meter in meters]),
    )


def renumbered(batch: ReadingBatch, meter_ids: Sequence[str]) -> ReadingBatch:
    """The readings of `meter_ids` alone, numbered in that order."""
    place = {meter_id: number for number, meter_id in enumerate(meter_ids)}
    number_of = np.array([place.get(meter_id, -1) for meter_id in batch.meter_ids], dtype=np.int64)
    number: IntArray = number_of[batch.meter] if len(batch) else np.empty(0, np.int64)
    wanted = ReadingBatch(tuple(meter_ids), number, batch.ts_us, batch.columns)
    return wanted.take(number >= 0)


def exchanges_of(meters: Sequence[Meter]) -> list[tuple[int, int, float, float]]:
    """(meter number, ts_us, final_kwh, initial_kwh) of each declared change of meter."""
    return [
        (number, timestamp_us(pd.Timestamp(exchange.at)), exchange.final_kwh, exchange.initial_kwh)
        for number, meter in enumerate(meters)
        for exchange in meter.exchanges
    ]
