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
    """Compute the mean power of each interval.

    Parameters
    ----------
    energy_kwh : Series
        Energy of intervals [kWh]; its index: rising starts of equal intervals.

    Returns
    -------
    Series
        Mean power [kW], by the same index.

    Examples
    --------
    >>> import pandas as pd
    >>> from bkkenergy.metering.demand import demand_kw
    >>> starts = pd.date_range("2025-11-03", periods=2, freq="15min", tz="Asia/Bangkok")
    >>> demand_kw(pd.Series([2.5, 5.0], starts)).tolist()
    [10.0, 20.0]
    """
    starts = pd.DatetimeIndex(energy_kwh.index)
    step_h = float((starts[1] - starts[0]) / pd.Timedelta(1, "h"))
    return energy_kwh.div(step_h)


def peak(power_kw: pd.Series) -> Peak | None:
    """Find the first interval with the highest power.

    Parameters
    ----------
    power_kw : Series
        Mean power of intervals [kW], by their start; NaN where not known.

    Returns
    -------
    Peak or None
        The power [kW] and when the interval began; None where none is known.

    Examples
    --------
    >>> import pandas as pd
    >>> from bkkenergy.metering.demand import peak
    >>> starts = pd.date_range("2025-11-03 13:00", periods=3, freq="15min", tz="Asia/Bangkok")
    >>> found = peak(pd.Series([40.0, 44.0, 44.0], starts))
    >>> found.peak_kw, f"{found.at:%H:%M}"
    (44.0, '13:15')
    """
    if power_kw.notna().sum() == 0:
        return None
    index = int(np.nanargmax(power_kw.to_numpy(np.float64)))
    return Peak(float(power_kw.iloc[index]), pd.DatetimeIndex(power_kw.index)[index])


def load_factor_ratio(power_kw: pd.Series) -> float:
    """Compute the load factor: mean over highest power.

    Parameters
    ----------
    power_kw : Series
        Mean power of intervals [kW].

    Returns
    -------
    float
        The ratio, 0 to 1; NaN where nothing was used.

    Examples
    --------
    >>> import pandas as pd
    >>> from bkkenergy.metering.demand import load_factor_ratio
    >>> load_factor_ratio(pd.Series([10.0, 30.0]))
    0.6666666666666666
    """
    highest_kw = float(power_kw.max())
    return float(power_kw.mean()) / highest_kw if highest_kw > 0 else math.nan


def mean_day_kw(power_kw: pd.Series) -> FloatArray:
    """Compute the mean power of each hour of the day.

    Parameters
    ----------
    power_kw : Series
        Mean power of intervals [kW]; its index in the zone whose hours count.

    Returns
    -------
    (24,) array
        Mean power [kW]; NaN where an hour is not known.

    Examples
    --------
    >>> import pandas as pd
    >>> from bkkenergy.metering.demand import mean_day_kw
    >>> starts = pd.date_range("2025-11-03", periods=48, freq="h", tz="Asia/Bangkok")
    >>> mean_day_kw(pd.Series(range(48), starts))[:2].tolist()
    [12.0, 13.0]
    """
    by_hour = power_kw.groupby(pd.DatetimeIndex(power_kw.index).hour).mean()
    return np.asarray(by_hour.reindex(range(24)), dtype=np.float64)
