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
    """Collect the limits of meters as columns.

    Parameters
    ----------
    meters : sequence of Meter
        Meters as configured.

    Returns
    -------
    MeterLimits
        Rating [kW], rollover [kWh] and interval [s] of each, in the order of `meters`.

    Examples
    --------
    >>> from bkkenergy.metering.frames import limits_of
    >>> from bkkenergy.portfolio import Meter
    >>> meter = Meter(id="a.b.c", building="a.b", topic="t", rated_kw=60, register_digits=5)
    >>> limits_of([meter]).rollover_kwh.tolist()
    [100000.0]
    """
    return MeterLimits(
        rated_kw=np.array([meter.rated_kw for meter in meters]),
        rollover_kwh=np.array([np.nan if meter.wraps_at_kwh is None else meter.wraps_at_kwh for meter in meters]),
        interval_s=np.array([float(meter.interval_s) for meter in meters]),
    )


def renumbered(batch: ReadingBatch, meter_ids: Sequence[str]) -> ReadingBatch:
    """Take the readings of some meters, numbered in their order.

    Parameters
    ----------
    batch : ReadingBatch
        Readings of any meters.
    meter_ids : sequence of str
        The meters that are wanted.

    Returns
    -------
    ReadingBatch
        Their readings alone; `meter` points into `meter_ids`.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.frames import renumbered
    >>> from bkkenergy.readings import ReadingBatch
    >>> batch = ReadingBatch(("a", "b"), np.array([0, 1]), np.array([0, 0]), {"power_kw": np.array([1.0, 2.0])})
    >>> renumbered(batch, ["b"]).columns["power_kw"].tolist()
    [2.0]
    """
    index_of = {meter_id: number for number, meter_id in enumerate(meter_ids)}
    number_of = np.array([index_of.get(meter_id, -1) for meter_id in batch.meter_ids], dtype=np.int64)
    number: IntArray = number_of[batch.meter] if len(batch) else np.empty(0, np.int64)
    renamed = ReadingBatch(tuple(meter_ids), number, batch.ts_us, batch.columns)
    return renamed.take(number >= 0)


def exchanges_of(meters: Sequence[Meter]) -> list[tuple[int, int, float, float]]:
    """List the declared exchanges of meters.

    Parameters
    ----------
    meters : sequence of Meter
        Meters as configured.

    Returns
    -------
    list of (int, int, float, float)
        Number of the meter, instant [us since 1970 UTC], last value of the old and first of the new register [kWh].

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.metering.frames import exchanges_of
    >>> from bkkenergy.portfolio import Exchange, Meter
    >>> exchange = Exchange(at=dt.datetime(1970, 1, 1, 1, tzinfo=dt.UTC), final_kwh=500.0)
    >>> exchanges_of([Meter(id="a.b.c", building="a.b", topic="t", rated_kw=60, exchanges=(exchange,))])
    [(0, 3600000000, 500.0, 0.0)]
    """
    return [
        (number, timestamp_us(pd.Timestamp(exchange.at)), exchange.final_kwh, exchange.initial_kwh)
        for number, meter in enumerate(meters)
        for exchange in meter.exchanges
    ]
