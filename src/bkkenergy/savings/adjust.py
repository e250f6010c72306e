"""Changes that a person entered, which are no savings: added to the baseline, and kept in the record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from bkkenergy.errors import WrongValue
from bkkenergy.readings import FloatArray
from bkkenergy.tomlfiles import Frozen


class Adjustment(Frozen):
    """A non-routine adjustment (IPMVP): what the building uses more than its baseline knows, each day.

    kwh_a_day, ratio : how much, in energy or as a share of the baseline; one of them. half_width_kwh_a_day,
    half_width_ratio : half of its own 90 % interval, in the same unit: it widens that of the saving.
    """

    id: str = ""
    building: str
    first: dt.date
    last: dt.date | None = None
    kwh_a_day: float = 0.0
    ratio: Annotated[float, Field(gt=-1)] = 0.0
    half_width_kwh_a_day: Annotated[float, Field(ge=0)] = 0.0
    half_width_ratio: Annotated[float, Field(ge=0)] = 0.0
    reason: Annotated[str, Field(min_length=5)]
    entered_by: Annotated[str, Field(min_length=1)]
    entered: dt.date

    @model_validator(mode="after")
    def _is_one_change_that_ends_after_it_begins(self) -> Self:
        if self.last is not None and self.last < self.first:
            raise WrongValue("last_before_first")
        if bool(self.kwh_a_day) == bool(self.ratio):
            raise WrongValue("one_adjustment")
        if (self.half_width_ratio and not self.ratio) or (self.half_width_kwh_a_day and not self.kwh_a_day):
            raise WrongValue("half_width_goes")
        return self


@dataclass(frozen=True, slots=True)
class AdjustedDays:
    """What adjustments add to each day. kwh : (m,); half_width_kwh : (m,) half of its 90 % interval."""

    kwh: FloatArray
    half_width_kwh: FloatArray


def adjustment_days(
    days: pd.DatetimeIndex, adjustments: Sequence[Adjustment], expected_kwh: FloatArray
) -> AdjustedDays:
    """Sum what adjustments add to each day.

    Parameters
    ----------
    days : DatetimeIndex
        Midnights of m days, in Bangkok's time.
    adjustments : sequence of Adjustment
        Non-routine adjustments, each with its first and last day.
    expected_kwh : (m,) array
        The baseline of each day [kWh], of which some are a share.

    Returns
    -------
    AdjustedDays
        Energy to add to the baseline of each day, with half its interval [kWh].

    References
    ----------
    .. [1] EVO 10000-1:2022, International Performance Measurement and Verification Protocol (IPMVP): non-routine
       adjustments.

    Examples
    --------
    >>> import datetime as dt
    >>> import numpy as np
    >>> import pandas as pd
    >>> from bkkenergy.savings.adjust import adjustment_days
    >>> from bkkenergy.savings.adjust import Adjustment
    >>> clinic = Adjustment(
    ...     building="a.b", first=dt.date(2025, 1, 2), ratio=0.2, half_width_ratio=0.05, reason="a new clinic",
    ...     entered_by="somchai", entered=dt.date(2025, 1, 5),
    ... )
    >>> days = pd.date_range("2025-01-01", periods=3, tz="Asia/Bangkok")
    >>> added = adjustment_days(days, [clinic], np.full(3, 200.0))
    >>> added.kwh.tolist(), added.half_width_kwh.tolist()
    ([0.0, 40.0, 40.0], [0.0, 10.0, 10.0])
    """
    local = days.tz_localize(None)
    added_kwh, squares = np.zeros(len(days)), np.zeros(len(days))
    for adjustment in adjustments:
        holds = local >= pd.Timestamp(adjustment.first)
        if adjustment.last is not None:
            holds &= local <= pd.Timestamp(adjustment.last)
        added_kwh += holds * (adjustment.kwh_a_day + adjustment.ratio * expected_kwh)
        squares += holds * (adjustment.half_width_kwh_a_day + adjustment.half_width_ratio * expected_kwh) ** 2
    return AdjustedDays(added_kwh, np.sqrt(squares))
