"""Validated quarter-hours of some meters, and every sum that is made from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from bkkenergy.calendar import days_of, epoch_us
from bkkenergy.readings import FloatArray, Quality

WHOLE = (Quality.MEASURED, Quality.ESTIMATED, Quality.EDITED)
"""Qualities of intervals whose energy is known wholly."""
FIRM = (Quality.MEASURED, Quality.EDITED)
"""Qualities of intervals that may set a peak: when energy flowed inside a gap is an assumption."""


@dataclass(frozen=True)
class QuarterHours:
    """Energy of each quarter-hour and meter, as the ledger holds it.

    energy_kwh : (k, m) accepted energy, kWh; NaN where nothing of it is known. Index: start, Asia/Bangkok.
    quality : (k, m) Quality of each, same labels.
    is_waiting : (k, m) whether its day is still to be computed again, same labels.
    """

    energy_kwh: pd.DataFrame
    quality: pd.DataFrame
    is_waiting: pd.DataFrame

    @cached_property
    def known_kwh(self) -> pd.DataFrame:
        """(k, m) energy of the intervals that are known wholly, else NaN."""
        return self.energy_kwh.where(self.quality.isin(WHOLE))

    @cached_property
    def demand_kwh(self) -> pd.DataFrame:
        """Energy of the intervals that may set a peak, (k, m) kWh; NaN where one may not."""
        return self.energy_kwh.where(self.quality.isin(FIRM))

    def total_kwh(self, start: pd.Timestamp, end: pd.Timestamp) -> pd.Series:
        """Sum the accepted energy of [start, end), (m,). NaN for a meter without any."""
        return self.energy_kwh[self._inside(start, end)].sum(min_count=1)

    def daily_kwh(self) -> pd.DataFrame:
        """Return (days, m) accepted energy of each day of Bangkok's calendar."""
        return self.energy_kwh.groupby(days_of(self.energy_kwh.index)).sum(min_count=1)

    def daily_coverage_ratio(self) -> pd.DataFrame:
        """Return (days, m) share of each day's intervals whose energy was measured, 0..1."""
        return self.quality.isin(FIRM).groupby(days_of(self.quality.index)).mean()

    def coverage_ratio(self, start: pd.Timestamp, end: pd.Timestamp) -> pd.Series:
        """Return (m,) share of the intervals in [start, end) whose energy was measured, 0..1."""
        return self.quality[self._inside(start, end)].isin(FIRM).mean()

    def waiting_days(self, start: pd.Timestamp, end: pd.Timestamp) -> pd.Series:
        """Count (m,) days of [start, end) that are still to be computed again."""
        waiting = self.is_waiting[self._inside(start, end)]
        return waiting.groupby(days_of(waiting.index)).any().sum()

    def over(self, edges: pd.DatetimeIndex) -> FloatArray:
        """Return (n, m) kWh between coarser edges, NaN where an interval in between is not known wholly.

        edges : (n+1,) instants, rising, each an edge of these intervals.
        """
        bounds = np.searchsorted(epoch_us(pd.DatetimeIndex(self.energy_kwh.index)), epoch_us(edges))
        fine_kwh = self.known_kwh.to_numpy(np.float64)[: bounds[-1]]
        energy_kwh: FloatArray = np.add.reduceat(fine_kwh, bounds[:-1])  # NaN spreads
        return energy_kwh

    def _inside(self, start: pd.Timestamp, end: pd.Timestamp) -> pd.Series:
        index = self.energy_kwh.index
        return pd.Series((index >= start) & (index < end), index=index)
