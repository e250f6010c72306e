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

MIN_MEASURED_DAYS = 14.0
HOURS_PER_DAY = 24

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
    """Fill the gaps of a measured year by the mean of the same time of day on like days.

    Parameters
    ----------
    energy_kwh : (n,) array
        Energy of each interval [kWh]; NaN where not measured.
    starts : DatetimeIndex
        Starts of equal intervals, with a time zone.
    is_open : callable
        Whether the building works on a date.

    Returns
    -------
    YearLoad or None
        The whole year, with the share that was measured; None where less than two weeks were.

    Examples
    --------
    >>> from bkkenergy.solar.load import filled_year
    >>> import bkkenergy as bk
    >>> use = bk.examples.office()["2025"].copy()
    >>> use.iloc[:100] = float("nan")
    >>> year = filled_year(use.to_numpy(), use.index, bk.calendars.government().is_open)
    >>> round(year.measured_ratio, 3)
    0.989
    """
    interval_h = float((starts[1] - starts[0]) / pd.Timedelta(hours=1))
    known = np.isfinite(energy_kwh)
    if known.sum() * interval_h / HOURS_PER_DAY < MIN_MEASURED_DAYS:
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
    """Make a placeholder load of a building without a meter, by its floor area and opening hours.

    Parameters
    ----------
    starts : DatetimeIndex
        Starts of equal intervals, with a time zone.
    floor_m2 : float
        Gross floor area [m2].
    typical : TypicalLoad
        Load that is always on, and more when open [W/m2].
    open_hours : callable
        Opening and closing time of a date [h]; None on a closed day.

    Returns
    -------
    YearLoad
        The load [kWh], marked as not measured.

    Examples
    --------
    >>> import pandas as pd
    >>> from bkkenergy.solar.load import typical_year_load
    >>> import bkkenergy as bk
    >>> from bkkenergy.solar.assumptions import TypicalLoad
    >>> starts = pd.date_range("2025-11-03", periods=24, freq="h", tz="Asia/Bangkok")
    >>> typical = TypicalLoad(base=3.0, open=20.0)
    >>> typical_year_load(starts, 1_000.0, typical, bk.calendars.government().open_hours).energy_kwh[[0, 12]].tolist()
    [3.0, 23.0]
    """
    interval_h = float((starts[1] - starts[0]) / pd.Timedelta(hours=1))
    local = starts.tz_convert(BANGKOK)
    hour = (local.hour + local.minute / 60).to_numpy()
    day_of, days = pd.factorize(local.normalize())
    hours = [open_hours(day.date()) or (0.0, 0.0) for day in days]
    opening, closing = (np.array(side)[day_of] for side in zip(*hours, strict=True))
    is_open = (hour >= opening) & (hour < closing)
    power_kw = floor_m2 / 1000 * (typical.base + np.where(is_open, typical.open, 0.0))
    return YearLoad(starts, power_kw * interval_h, interval_h, 0.0)


def open_days(local: pd.DatetimeIndex, is_open: IsOpen) -> BoolArray:
    """Mark the instants on whose day the building works.

    Parameters
    ----------
    local : DatetimeIndex
        Instants in Bangkok's time.
    is_open : callable
        Whether the building works on a date.

    Returns
    -------
    (n,) bool array
        Whether it works on the day of each.

    Examples
    --------
    >>> import pandas as pd
    >>> from bkkenergy.solar.load import open_days
    >>> import bkkenergy as bk
    >>> days = pd.date_range("2025-11-07", periods=2, freq="D", tz="Asia/Bangkok")
    >>> open_days(days, bk.calendars.government().is_open).tolist()
    [True, False]
    """
    day_of, days = pd.factorize(local.normalize())
    of_day = np.array([is_open(day.date()) for day in days], np.bool_)
    is_open_at: BoolArray = of_day[day_of]
    return is_open_at
