"""Daily baseline: day types and closures, with slopes of heating and cooling from balance points.

The change-point models of ASHRAE's Inverse Modeling Toolkit (Kissock, Haberl and Claridge 2003, RP-1050)
with a constant for each day type; the balance points are searched on a grid, all pairs at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bkkenergy.readings import BoolArray, FloatArray, IntArray
from bkkenergy.savings.days import DayKind
from bkkenergy.savings.slots import RIDGE, slot_means

DAYS_PER_WEEK = 7
SATURDAY = 5
SLOTS = DAYS_PER_WEEK + len(DayKind) - 1
COOLING_C = 24.0
"""Base of cooling degree days in Bangkok: between 22 and 26 it changes the error by less than 0.2 points."""
WARM_CLIMATE_C = 20.0
"""Where no day's mean lies below, nothing is heated and the base is fixed."""
HEATING_GRID_C = np.arange(6.0, 19.0)
COOLING_GRID_C = np.arange(14.0, 27.0)


@dataclass(frozen=True, slots=True)
class DailyModel:
    """A fitted model.

    constant_kwh : (SLOTS,) kWh of Monday to Sunday, then of each kind of closed day.
    heating_c, cooling_c : balance points; slopes : (4,) kWh a degC and day: heating and cooling on working
        days, heating and cooling on the others; empty where there was no temperature.
    """

    constant_kwh: FloatArray
    heating_c: float
    cooling_c: float
    slopes: FloatArray


def day_slot(weekday: IntArray, kind: IntArray) -> IntArray:
    """Return the slot of each day: its weekday, or its kind of closed day.

    Parameters
    ----------
    weekday : (n,) array
        Monday is 0.
    kind : (n,) array
        `DayKind` of each day.

    Returns
    -------
    (n,) array
        Slots below `SLOTS`.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.daily import day_slot
    >>> day_slot(np.array([0, 6, 2]), np.array([0, 0, 1])).tolist()
    [0, 6, 7]
    """
    return np.where(kind == DayKind.USUAL, weekday, DAYS_PER_WEEK + kind - 1)


def fit_daily(energy_kwh: FloatArray, temp_c: FloatArray | None, slot: IntArray, known: BoolArray) -> DailyModel:
    """Fit the daily model of one meter: a constant for each slot, and slopes of heating and cooling.

    Balance points are searched on a grid. Where no day is cold, nothing is heated and the base of cooling is fixed.

    Parameters
    ----------
    energy_kwh : (n,) array
        Energy of days [kWh].
    temp_c : (n,) array or None
        Mean outdoor temperature of days [degC].
    slot : (n,) array
        Slots, of `day_slot`.
    known : (n,) bool array
        The days that count.

    Returns
    -------
    DailyModel
        Constants [kWh], balance points [degC] and slopes [kWh/degC].

    References
    ----------
    .. [1] Kissock, Haberl and Claridge 2003, "Inverse Modeling Toolkit: numerical algorithms" (ASHRAE RP-1050).

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.daily import fit_daily
    >>> slot = np.arange(28) % 7
    >>> model = fit_daily(np.where(slot < 5, 400.0, 180.0), None, slot, np.ones(28, bool))
    >>> model.constant_kwh[[0, 6]].tolist()
    [400.0, 180.0]
    """
    if temp_c is None:
        constant = slot_means(np.where(known, energy_kwh, 0.0)[:, None], slot, SLOTS, known.astype(np.float64))[:, 0]
        return DailyModel(_whole(constant), 0.0, COOLING_C, np.empty(0))
    usable = known & np.isfinite(temp_c)
    is_warm = float(np.quantile(temp_c[usable], 0.01)) > WARM_CLIMATE_C
    heating = np.array([0.0]) if is_warm else HEATING_GRID_C
    cooling = np.array([COOLING_C]) if is_warm else COOLING_GRID_C
    pairs = [(h, c) for h in heating for c in cooling if h <= c]
    weight = usable.astype(np.float64)
    degrees = _all_degrees(temp_c, slot, heating, cooling)
    values = np.column_stack([np.where(usable, energy_kwh, 0.0), degrees])
    means = slot_means(values, slot, SLOTS, weight)
    filled = np.nan_to_num(means)
    left = (values - filled[slot]) * weight[:, None]
    column = _columns(pairs, heating, cooling)
    gram = left[:, 1:].T @ left[:, 1:]
    cross = left[:, 1:].T @ left[:, 0]
    normal = gram[column[:, :, None], column[:, None, :]]
    size = np.maximum(np.sqrt(np.einsum("pii->pi", normal)), 1e-9)
    scaled = normal / (size[:, :, None] * size[:, None, :]) + RIDGE * np.eye(4)
    target = cross[column] / size
    slopes = np.linalg.solve(scaled, target[:, :, None])[:, :, 0] / size
    slopes = np.where(size > 1e-6, slopes, 0.0)  # noqa: PLR2004 - a regressor that is always nothing
    explained = (slopes * cross[column]).sum(axis=1)
    best = int(np.argmax(explained))
    best_slopes = slopes[best]
    constant = means[:, 0] - filled[:, 1:][:, column[best]] @ best_slopes
    return DailyModel(_whole(constant), float(pairs[best][0]), float(pairs[best][1]), best_slopes)


def predict_daily(model: DailyModel, temp_c: FloatArray | None, slot: IntArray) -> FloatArray:
    """Predict the energy of days.

    Parameters
    ----------
    model : DailyModel
        A fitted model.
    temp_c : (n,) array or None
        Mean outdoor temperature of days [degC].
    slot : (n,) array
        Slots, of `day_slot`.

    Returns
    -------
    (n,) array
        Energy of each day [kWh]; NaN where the temperature is needed and not known.

    Raises
    ------
    ValueError
        If the model needs a temperature and none is given.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.daily import fit_daily, predict_daily
    >>> slot = np.arange(28) % 7
    >>> model = fit_daily(np.where(slot < 5, 400.0, 180.0), None, slot, np.ones(28, bool))
    >>> predict_daily(model, None, np.array([0, 6])).tolist()
    [400.0, 180.0]
    """
    base = model.constant_kwh[slot]
    if len(model.slopes) == 0:
        return base
    if temp_c is None:
        raise ValueError("this baseline needs temperature. Give the weather of the period.")
    heating, cooling = np.array([model.heating_c]), np.array([model.cooling_c])
    reach = _all_degrees(temp_c, slot, heating, cooling)[:, [0, 2, 1, 3]] @ model.slopes
    predicted_kwh: FloatArray = np.maximum(base + np.where(np.isfinite(temp_c), reach, np.nan), 0.0)
    return predicted_kwh


def _all_degrees(temp_c: FloatArray, slot: IntArray, heating: FloatArray, cooling: FloatArray) -> FloatArray:
    """Compute (n, 2 h + 2 c) degrees below each heating and above each cooling balance point.

    In the order: heating on working days, heating on others, cooling on working days, cooling on others.
    """
    mean_c = float(np.nanmean(temp_c)) if np.isfinite(temp_c).any() else 0.0
    filled = np.nan_to_num(temp_c, nan=mean_c)[:, None]
    works = (slot < SATURDAY)[:, None]
    below, above = np.maximum(heating - filled, 0.0), np.maximum(filled - cooling, 0.0)
    return np.concatenate([below * works, below * ~works, above * works, above * ~works], axis=1)


def _columns(pairs: list[tuple[float, float]], heating: FloatArray, cooling: FloatArray) -> IntArray:
    """Return (pairs, 4) columns of `_all_degrees` that a pair uses: slopes in the order of DailyModel."""
    h, c = len(heating), len(cooling)
    at_h = {float(value): number for number, value in enumerate(heating)}
    at_c = {float(value): number for number, value in enumerate(cooling)}
    return np.array(
        [
            (at_h[low], 2 * h + at_c[high], h + at_h[low], 2 * h + c + at_c[high])
            for low, high in ((float(a), float(b)) for a, b in pairs)
        ],
        np.int64,
    )


def _whole(constant_kwh: FloatArray) -> FloatArray:
    """Fill in constants for every slot: a kind of day that was not seen is as Sunday, else as the mean."""
    sunday = constant_kwh[DAYS_PER_WEEK - 1]
    mean = float(np.nanmean(constant_kwh)) if np.isfinite(constant_kwh).any() else 0.0
    filled = np.where(np.isnan(constant_kwh), sunday, constant_kwh)
    return np.where(np.isnan(filled), mean, filled)
