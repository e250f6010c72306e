"""Changes that a person entered, which are no savings: added to the baseline, and kept in the record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from bkkenergy.readings import FloatArray
from bkkenergy.tomlfiles import Frozen


class Adjustment(Frozen):
    """A non-routine adjustment (IPMVP): kWh a day that the building uses more than its baseline knows."""

    id: str = ""
    building: str
    first: dt.date
    last: dt.date | None = None
    kwh_a_day: float
    reason: Annotated[str, Field(min_length=5)]
    entered_by: Annotated[str, Field(min_length=1)]
    entered: dt.date

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.last is not None and self.last < self.first:
            raise ValueError("last lies before first")
        return self


def adjustment_days(days: pd.DatetimeIndex, adjustments: Sequence[Adjustment]) -> FloatArray:
    """Sum what adjustments add to each day.

    Parameters
    ----------
    days : DatetimeIndex
        Midnights of m days, in Bangkok's time.
    adjustments : sequence of Adjustment
        Non-routine adjustments, each with its first and last day.

    Returns
    -------
    (m,) array
        Energy to add to the baseline of each day [kWh].

    References
    ----------
    .. [1] EVO 10000-1:2022, International Performance Measurement and Verification Protocol (IPMVP): non-routine
       adjustments.

    Examples
    --------
    >>> import datetime as dt
    >>> import pandas as pd
    >>> from bkkenergy.savings.adjust import adjustment_days
    >>> from bkkenergy.savings.adjust import Adjustment
    >>> clinic = Adjustment(
    ...     building="a.b", first=dt.date(2025, 1, 2), kwh_a_day=40.0, reason="a new clinic", entered_by="somchai",
    ...     entered=dt.date(2025, 1, 5),
    ... )
    >>> adjustment_days(pd.date_range("2025-01-01", periods=3, tz="Asia/Bangkok"), [clinic]).tolist()
    [0.0, 40.0, 40.0]
    """
    local = days.tz_localize(None)
    added_kwh = np.zeros(len(days))
    for adjustment in adjustments:
        holds = local >= pd.Timestamp(adjustment.first)
        if adjustment.last is not None:
            holds &= local <= pd.Timestamp(adjustment.last)
        added_kwh += holds * adjustment.kwh_a_day
    return added_kwh
