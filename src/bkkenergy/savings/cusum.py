"""The sum of what was saved day by day (CUSUM): its slope says how much is saved, its kinks say since when. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bkkenergy.readings import FloatArray
from bkkenergy.savings.adjust import Adjustment
from bkkenergy.savings.baseline import Baseline, Series
from bkkenergy.savings.yearly import adjusted_days


@dataclass(frozen=True, slots=True)
class Cusum:
    """What was saved on each day, (m,): NaN where it is not known; such a day adds nothing to the sum."""

    days: pd.DatetimeIndex
    saved_kwh: FloatArray

    @property
    def sum_kwh(self) -> FloatArray:
        """(m,) what was saved up to each day."""
        total: FloatArray = np.cumsum(np.nan_to_num(self.saved_kwh))
        return total

    def months(self) -> tuple[CusumMonth, ...]:
        """Return the sums of calendar months."""
        month = self.days.year.to_numpy() * 12 + self.days.month.to_numpy()
        rows = [np.flatnonzero(month == number) for number in np.unique(month)]
        return tuple(
            CusumMonth(
                self.days[row[0]].date(),
                float(np.nansum(self.saved_kwh[row])),
                float(self.sum_kwh[row[-1]]),
                int(np.isfinite(self.saved_kwh[row]).sum()),
                len(row),
            )
            for row in rows
        )


@dataclass(frozen=True, slots=True)
class CusumMonth:
    """One month. judged_days : those whose saving is known, of days."""

    first_day: dt.date
    saved_kwh: float
    sum_kwh: float
    judged_days: int
    days: int


def cusum(baseline: Baseline, series: Series, adjustments: Sequence[Adjustment] = ()) -> Cusum:
    """Sum what was saved day by day under a baseline.

    Parameters
    ----------
    baseline : Baseline
        A fitted baseline.
    series : Series
        The hours of a period after it.
    adjustments : sequence of Adjustment
        What persons entered as changes that are no savings.

    Returns
    -------
    Cusum
        Its last sum is the saving of the period.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> from bkkenergy.savings.baseline import fit_baseline, saving_of
    >>> from bkkenergy.savings.cusum import cusum
    >>> use = bk.examples.office(saving_ratio=0.2)
    >>> before, after = (facts_of(use[year], schedule="mea-3-2-lv").series for year in ("2024", "2025"))
    >>> baseline = fit_baseline(before)
    >>> sums = cusum(baseline, after).sum_kwh
    >>> abs(float(sums[-1]) - saving_of(baseline, after).saving_kwh) < 1e-6
    True
    """
    expected = adjusted_days(baseline, series, adjustments)
    return Cusum(series.day_index, expected - series.day_energy_kwh)
