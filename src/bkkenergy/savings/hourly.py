"""Hourly baseline: time of week and temperature, apart for occupied and unoccupied hours, with closures.

After Mathieu et al. 2011, IEEE Transactions on Smart Grid 2, 507 (LBNL's time-of-week and temperature
model); closures are a profile of 24 hours of their own for each kind of day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bkkenergy.readings import BoolArray, FloatArray, IntArray
from bkkenergy.savings.days import DayKind
from bkkenergy.savings.slots import fit_slopes

HOURS_PER_DAY, HOURS_PER_WEEK = 24, 168
SLOTS = HOURS_PER_WEEK + HOURS_PER_DAY * (len(DayKind) - 1)
SEGMENTS = 3


@dataclass(frozen=True, slots=True)
class HourlyModel:
    """A fitted model.

    constant_kwh : (SLOTS,) kWh of each hour of the week, then of each kind of closed day.
    occupied : (SLOTS,) hours in which people are at work.
    knots_c : (segments - 1,) where the slope of temperature changes; slopes : (2 x segments,) kWh/degC,
        unoccupied then occupied; both empty where there was no temperature.
    """

    constant_kwh: FloatArray
    occupied: BoolArray
    knots_c: FloatArray
    slopes: FloatArray


def slot_of(hour: IntArray, weekday: IntArray, kind: IntArray) -> IntArray:
    """Return the slot of each hour: the hour of the week, or of a closed day of its kind.

    Parameters
    ----------
    hour : (n,) array
        Hour of the day, 0 to 23.
    weekday : (n,) array
        Monday is 0.
    kind : (n,) array
        `DayKind` of the day.

    Returns
    -------
    (n,) array
        Slots below `SLOTS`.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.hourly import slot_of
    >>> slot_of(np.array([5, 5]), np.array([1, 1]), np.array([0, 1])).tolist()
    [29, 173]
    """
    usual = weekday * HOURS_PER_DAY + hour
    closed = HOURS_PER_WEEK + (kind - 1) * HOURS_PER_DAY + hour
    return np.where(kind == DayKind.USUAL, usual, closed)


def fit_hourly(energy_kwh: FloatArray, temp_c: FloatArray | None, slot: IntArray, known: BoolArray) -> HourlyModel:
    """Fit the hourly model of one meter: time of week and temperature, with closures.

    Parameters
    ----------
    energy_kwh : (n,) array
        Energy of hours [kWh].
    temp_c : (n,) array or None
        Outdoor temperature of hours [degC]. Without it the calendar alone is fitted.
    slot : (n,) array
        Slots, of `slot_of`.
    known : (n,) bool array
        The hours that count.

    Returns
    -------
    HourlyModel
        Constants [kWh], and slopes [kWh/degC] of occupied and other hours.

    References
    ----------
    .. [1] Mathieu et al. 2011, "Quantifying changes in building electricity use, with application to demand
       response", IEEE Transactions on Smart Grid 2, 507.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.hourly import fit_hourly
    >>> slot = np.arange(4 * 168) % 168
    >>> model = fit_hourly(np.where(slot % 24 == 12, 30.0, 8.0), None, slot, np.ones(len(slot), bool))
    >>> model.constant_kwh[[0, 12]].tolist()
    [8.0, 30.0]
    """
    profile, _ = fit_slopes(energy_kwh, np.empty((len(slot), 0)), slot, SLOTS, known)
    occupied = _occupied(profile)
    if temp_c is None:
        return HourlyModel(_whole(profile), occupied, np.empty(0), np.empty(0))
    usable = known & np.isfinite(temp_c)
    knots = np.quantile(temp_c[usable], np.arange(1, SEGMENTS) / SEGMENTS)
    constant, slopes = fit_slopes(energy_kwh, _regressors(temp_c, occupied[slot], knots), slot, SLOTS, usable)
    return HourlyModel(_whole(constant), occupied, knots, slopes)


def predict_hourly(model: HourlyModel, temp_c: FloatArray | None, slot: IntArray) -> FloatArray:
    """Predict the energy of hours.

    Parameters
    ----------
    model : HourlyModel
        A fitted model.
    temp_c : (n,) array or None
        Outdoor temperature of hours [degC].
    slot : (n,) array
        Slots, of `slot_of`.

    Returns
    -------
    (n,) array
        Energy of each hour [kWh]; NaN where the temperature is needed and not known.

    Raises
    ------
    ValueError
        If the model needs a temperature and none is given.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.hourly import fit_hourly, predict_hourly
    >>> slot = np.arange(4 * 168) % 168
    >>> model = fit_hourly(np.where(slot % 24 == 12, 30.0, 8.0), None, slot, np.ones(len(slot), bool))
    >>> predict_hourly(model, None, np.array([11, 12])).tolist()
    [8.0, 30.0]
    """
    base = model.constant_kwh[slot]
    if len(model.slopes) == 0:
        return base
    if temp_c is None:
        raise ValueError("this baseline needs temperature. Give the weather of the period.")
    reach = _regressors(temp_c, model.occupied[slot], model.knots_c) @ model.slopes
    predicted_kwh: FloatArray = np.maximum(base + np.where(np.isfinite(temp_c), reach, np.nan), 0.0)
    return predicted_kwh


def _occupied(profile_kwh: FloatArray) -> BoolArray:
    """Find slots above the middle between the low and the high load of the week."""
    week = profile_kwh[:HOURS_PER_WEEK]
    low, high = np.nanquantile(week, [0.1, 0.9]) if np.isfinite(week).any() else (0.0, 0.0)
    return np.nan_to_num(profile_kwh, nan=-np.inf) > (low + high) / 2


def _regressors(temp_c: FloatArray, occupied: BoolArray, knots_c: FloatArray) -> FloatArray:
    """Compute (n, 2 x segments) temperature within each segment, for unoccupied and for occupied hours."""
    filled = np.nan_to_num(temp_c, nan=float(knots_c.mean()))
    edges = np.concatenate([[-np.inf], knots_c, [np.inf]])
    lower = np.concatenate([[knots_c[0]], knots_c])
    parts = np.clip(filled[:, None], edges[:-1], edges[1:]) - lower
    return np.concatenate([parts * ~occupied[:, None], parts * occupied[:, None]], axis=1)


def _whole(constant_kwh: FloatArray) -> FloatArray:
    """Fill in constants for every slot: what was not seen is as the same hour of Sunday, else as the mean."""
    filled = constant_kwh.copy()
    sunday = filled[HOURS_PER_WEEK - HOURS_PER_DAY : HOURS_PER_WEEK]
    for start in range(HOURS_PER_WEEK, SLOTS, HOURS_PER_DAY):
        day = filled[start : start + HOURS_PER_DAY]
        filled[start : start + HOURS_PER_DAY] = np.where(np.isnan(day), sunday, day)
    mean = float(np.nanmean(constant_kwh)) if np.isfinite(constant_kwh).any() else 0.0
    return np.where(np.isnan(filled), mean, filled)
