"""Demand read from interval energy: peak, load factor, mean day."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bkkenergy.readings import FloatArray


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest mean power of an interval, and when that interval began."""

    peak_kw: float
    at: pd.Timestamp


def demand_kw(energy_kwh: pd.Series) -> pd.Series:
    """(k,) mean power of each interval, kW. Index: rising starts of equal intervals."""
    starts = pd.DatetimeIndex(energy_kwh.index)
    step_h = float((starts[1] - starts[0]) / pd.Timedelta(1, "h"))
    return energy_kwh.div(step_h)


def peak(power_kw: pd.Series) -> Peak | None:
    """The first interval with the highest power; None where none is known."""
    if power_kw.notna().sum() == 0:
        return None
    place = int(np.nanargmax(power_kw.to_numpy(np.float64)))
    return Peak(float(power_kw.iloc[place]), pd.DatetimeIndex(power_kw.index)[place])


def load_factor_ratio(power_kw: pd.Series) -> float:
    """Mean over highest power, 0..1; NaN where nothing was used."""
    highest_kw = float(power_kw.max())
    return float(power_kw.mean()) / highest_kw if highest_kw > 0 else math.nan


def mean_day_kw(power_kw: pd.Series) -> FloatArray:
    """(24,) mean power of each hour of the day, kW; NaN where an hour is unknown."""
    by_hour = power_kw.groupby(pd.DatetimeIndex(power_kw.index).hour).mean()
    return np.asarray(by_hour.reindex(range(24)), dtype=np.float64)
