"""What the library asks of pandas objects: a zone, an order, energy in kWh; and what to do where it is otherwise."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError
from bkkenergy.readings import FloatArray

__all__ = [
    "complete",
    "energy_of",
    "hourly",
    "hourly_means",
    "instants_of",
    "interval_of",
    "is_register",
    "numbers_of",
    "unit_of",
]

HOUR = pd.Timedelta(hours=1)
DAY = pd.Timedelta(days=1)
UNIT = re.compile(r"(?:^|[_\s\[(])(kwh|mwh|wh|gj|mj|kw|mw|w|kvarh)[\])]?$", re.IGNORECASE)
REMEDIES = {
    "kw": "That is power. Multiply by the length of an interval in hours: series * 0.25 for quarter-hours.",
    "w": "That is power in watts. Divide by 1000 and multiply by the length of an interval in hours.",
    "mw": "That is power in megawatts. Multiply by 1000 and by the length of an interval in hours.",
    "wh": "Divide by 1000.",
    "mwh": "Multiply by 1000.",
    "mj": "Divide by 3.6.",
    "gj": "Divide by 0.0036.",
    "kvarh": "That is reactive energy.",
}
WHOLE = ("measured", "estimated", "edited")
REGISTER_VALUES, REGISTER_HEIGHT = 48, 20
MAX_VALUE = 1e12
"""No register, energy or power of a building comes near."""
COLDEST_C, HOTTEST_C = -10.0, 60.0


def energy_of(data: pd.Series | pd.DataFrame, *, what: str = "series") -> pd.Series:
    """Return the energy of intervals, kWh, by rising instants in Bangkok's time.

    Of the table that `bk.intervals` makes, only intervals that are known wholly count. Raise InputError where it is
    no energy in kWh.
    """
    if isinstance(data, pd.DataFrame):
        data = _column(data, what)
    if not isinstance(data, pd.Series):
        raise InputError(
            f"{what} is a {type(data).__name__}. Give a pandas Series of kWh, one value for each interval, with the "
            "starts of the intervals as its index."
        )
    unit = unit_of(data.name)
    if unit in REMEDIES:
        raise InputError(f"{what} is named {data.name!r}, and kWh are needed. {REMEDIES[unit]}")
    values = numbers_of(data, what)
    index = instants_of(data.index, what=what)
    if is_register(values):
        raise InputError(
            f"{what} never falls: it looks like a meter's register, not like the energy of intervals. "
            'Make intervals of it first: bk.intervals(readings, kind="register", rated_kw=...).'
        )
    return pd.Series(values, index, name="energy_kwh")


def unit_of(name: object) -> str:
    """Return the unit at the end of a name, in lower case: of "power_kw" and "Power [kW]", "kw"; empty without one."""
    match = UNIT.search(str(name or ""))
    return match[1].lower() if match else ""


def _column(data: pd.DataFrame, what: str) -> pd.Series:
    if "energy_kwh" in data:
        energy = data["energy_kwh"]
        if isinstance(energy, pd.DataFrame):
            raise InputError(f"{what} has several columns energy_kwh. Give one of them.")
        return energy.where(data["quality"].isin(WHOLE)) if "quality" in data else energy
    if data.shape[1] == 1:
        return data.iloc[:, 0]
    if data.empty:
        raise InputError(f"{what} is empty. Give the energy of intervals in a column energy_kwh.")
    raise InputError(
        f"{what} has the columns {', '.join(map(str, data.columns))}. Give one of them, for instance "
        f"{what}[{data.columns[0]!r}]."
    )


def numbers_of(data: pd.Series, what: str) -> FloatArray:
    """Return the values, NaN where not known. Raise InputError where they are no numbers, or cannot be any."""
    if data.dtype.kind in "bcmM":
        raise InputError(f"{what} holds values of the type {data.dtype}, which are no energy or power. Give numbers.")
    try:
        values: FloatArray = data.to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise InputError(
            f"{what} holds values that are no numbers. Convert them first: pd.to_numeric(series, errors='coerce')."
        ) from None
    if np.isinf(values).any():
        raise InputError(f"{what} holds infinite values. Put NaN where a value is not known.")
    if (np.abs(values) > MAX_VALUE).any():
        raise InputError(f"{what} holds values beyond {MAX_VALUE:.0e}. Put NaN where a value is not known.")
    return values


def instants_of(index: pd.Index, *, what: str) -> pd.DatetimeIndex:
    """Return an index in Bangkok's time. Raise InputError where it has no zone, no order, or doubles."""
    if not isinstance(index, pd.DatetimeIndex):
        raise InputError(
            f"the index of {what} holds no instants. Set it: series.index = pd.DatetimeIndex(times, tz='Asia/Bangkok')."
        )
    if index.tz is None:
        raise InputError(
            f"the index of {what} has no time zone. Say which one it is in: series.tz_localize('Asia/Bangkok')."
        )
    if index.has_duplicates:
        first = index[index.duplicated()][0]
        raise InputError(
            f"{what} has several values for {first}. Choose one: series[~series.index.duplicated(keep='last')]."
        )
    if not index.is_monotonic_increasing:
        raise InputError(f"the index of {what} is not in order. Sort it: series.sort_index().")
    return index.tz_convert(BANGKOK)


def is_register(values: FloatArray) -> bool:
    """Return whether values rise as a register does: never down, and from high above their steps."""
    known = values[np.isfinite(values)]
    if len(known) < REGISTER_VALUES:
        return False
    steps = np.diff(known)
    usual = float(np.median(steps))
    return bool((steps >= 0).all() and usual > 0 and np.median(known) > REGISTER_HEIGHT * usual)


def interval_of(index: pd.DatetimeIndex, *, what: str) -> pd.Timedelta:
    """Return the length of intervals: the shortest step, of which all others are multiples."""
    if len(index) < 2:  # noqa: PLR2004 - one instant has no length
        raise InputError(f"{what} has {len(index)} values. Two at least are needed to see how long an interval is.")
    steps = pd.Series(index).diff().dropna()
    step = steps.min()
    if any(one % step != pd.Timedelta(0) for one in steps.unique()):
        raise InputError(
            f"{what} has intervals of differing length, {step} the shortest. Readings of a meter become regular "
            "intervals by bk.intervals."
        )
    return pd.Timedelta(step)


def complete(series: pd.Series, *, what: str) -> pd.Series:
    """Return a series on its whole grid, NaN where an interval was left out."""
    index = pd.DatetimeIndex(series.index)
    step = interval_of(index, what=what)
    return series.reindex(pd.date_range(index[0], index[-1], freq=step))


def hourly(series: pd.Series, *, what: str) -> pd.Series:
    """Return the energy of the hours of whole days, NaN where not all of an hour is known."""
    index = pd.DatetimeIndex(series.index)
    step = interval_of(index, what=what)
    if step > HOUR:
        raise InputError(f"{what} has intervals of {step}. A baseline needs hours, or shorter intervals.")
    if HOUR % step != pd.Timedelta(0) or ((index - index.floor("D")) % step != pd.Timedelta(0)).any():
        raise InputError(f"intervals of {what} do not divide the hours of Bangkok's clock. Resample them first.")
    grid = pd.date_range(index[0].floor("D"), index[-1].floor("D") + DAY, freq="h", inclusive="left")
    hours = series.resample("h").sum(min_count=round(HOUR / step))
    return hours.reindex(grid)


def hourly_means(temperature: pd.Series, hours: pd.DatetimeIndex) -> FloatArray:
    """Return the mean temperature of hours, degC; NaN where not known. Raise InputError where it cannot be degC."""
    if not isinstance(temperature, pd.Series):
        raise InputError(f"temperature is a {type(temperature).__name__}. Give a pandas Series of degC.")
    values = numbers_of(temperature, "temperature")
    index = instants_of(temperature.index, what="temperature")
    known = values[np.isfinite(values)]
    if len(known) and not COLDEST_C <= float(np.median(known)) <= HOTTEST_C:
        raise InputError(
            f"temperature has a median of {np.median(known):.0f}, which is no degC of Bangkok's air. From kelvin: "
            "subtract 273.15. From Fahrenheit: (temperature - 32) / 1.8."
        )
    means: FloatArray = np.asarray(pd.Series(values, index).resample("h").mean().reindex(hours), np.float64)
    if not np.isfinite(means).any():
        raise InputError(
            f"temperature has no value between {hours[0]} and {hours[-1]}, the hours of the series. Give the weather "
            "of the same time."
        )
    return means
