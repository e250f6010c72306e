"""A year of a building's load on a regular grid: measured where it is, filled by like days where it is not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK
from bkkenergy.readings import BoolArray, FloatArray
from bkkenergy.solar.assumptions import TypicalLoad

LEAST_MEASURED_DAYS = 14.0
HOURS_A_DAY = 24

IsOpen = Callable[[dt.date], bool]


@dataclass(frozen=True, slots=True)
class YearLoad:
    """A year's load.

    energy_kwh : (n,) of each interval; measured_ratio : share that was measured, 0..1; 0 is a typical load.
    """

    starts: pd.DatetimeIndex
    energy_kwh: FloatArray
    interval_h: float
    measured_ratio: float

    @property
    def is_typical(self) -> bool:
        """Whether nothing of it was measured at this building."""
        return self.measured_ratio == 0

    @property
    def total_kwh(self) -> float:
        """The year's energy."""
        return float(self.energy_kwh.sum())


def filled_year(energy_kwh: FloatArray, starts: pd.DatetimeIndex, is_open: IsOpen) -> YearLoad | None:
    """The measured year with its gaps filled by the mean of the same time of day on like days.

    energy_kwh : (n,) NaN where it was not measured. None when less than two weeks were.
    """
    interval_h = float((starts[1] - starts[0]) / pd.Timedelta(hours=1))
    known = np.isfinite(energy_kwh)
    if known.sum() * interval_h / HOURS_A_DAY < LEAST_MEASURED_DAYS:
        return None
    local = starts.tz_convert(BANGKOK)
    frame = pd.DataFrame(
        {"kwh": energy_kwh, "open": open_days(local, is_open), "minute": local.hour * 60 + local.minute}
    )
    usual = frame.groupby(["open", "minute"])["kwh"].transform("mean")
    any_day = frame.groupby("minute")["kwh"].transform("mean")
    filled = frame["kwh"].fillna(usual).fillna(any_day).to_numpy()
    return YearLoad(starts, filled, interval_h, float(known.mean()))


def typical_year_load(
    starts: pd.DatetimeIndex,
    floor_m2: float,
    typical: TypicalLoad,
    open_hours: Callable[[dt.date], tuple[float, float] | None],
) -> YearLoad:
    """A placeholder load of a building without a meter, by its floor area and opening hours."""
    interval_h = float((starts[1] - starts[0]) / pd.Timedelta(hours=1))
    local = starts.tz_convert(BANGKOK)
    hour = (local.hour + local.minute / 60).to_numpy()
    days, day_of = np.unique(local.normalize(), return_inverse=True)
    hours = [open_hours(pd.Timestamp(day).date()) or (0.0, 0.0) for day in days]
    opening, closing = (np.array(side)[day_of] for side in zip(*hours, strict=True))
    is_open = (hour >= opening) & (hour < closing)
    power_kw = floor_m2 / 1000 * (typical.base + np.where(is_open, typical.open, 0.0))
    return YearLoad(starts, power_kw * interval_h, interval_h, 0.0)


def open_days(local: pd.DatetimeIndex, is_open: IsOpen) -> BoolArray:
    """(n,) whether the building works on the day of each instant."""
    days, day_of = np.unique(local.normalize(), return_inverse=True)
    of_day = np.array([is_open(pd.Timestamp(day).date()) for day in days], np.bool_)
    found: BoolArray = of_day[day_of]
    return found
