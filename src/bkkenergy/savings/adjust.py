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
    """(m,) kWh that adjustments add to each day."""
    local = days.tz_localize(None)
    found = np.zeros(len(days))
    for own in adjustments:
        holds = local >= pd.Timestamp(own.first)
        if own.last is not None:
            holds &= local <= pd.Timestamp(own.last)
        found += holds * own.kwh_a_day
    return found
