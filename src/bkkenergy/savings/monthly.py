"""Monthly baseline from paper bills, where there is no interval meter: days open and degrees of cooling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bkkenergy.readings import FloatArray
from bkkenergy.savings.daily import COOLING_C

MIN_MONTHS = 9


@dataclass(frozen=True, slots=True)
class MonthlyModel:
    """KWh a day = base + open_day x share of open days + cooling x mean degrees above 24 degC."""

    base_kwh: float
    open_day_kwh: float
    cooling_kwh_per_c: float


def fit_monthly(day_kwh: FloatArray, open_ratio: FloatArray, temp_c: FloatArray | None) -> MonthlyModel:
    """Fit the model of a building's bills: days open and degrees of cooling.

    Slopes below zero would contradict what they stand for, and are left out.

    Parameters
    ----------
    day_kwh : (m,) array
        Mean energy of a day of each bill [kWh].
    open_ratio : (m,) array
        Share of its days on which the building worked.
    temp_c : (m,) array or None
        Mean outdoor temperature [degC].

    Returns
    -------
    MonthlyModel
        Base, open day and cooling.

    Raises
    ------
    ValueError
        If there are fewer than nine bills.

    References
    ----------
    .. [1] ASHRAE Guideline 14-2014, whole-building approach with monthly data.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.monthly import fit_monthly
    >>> open_ratio = np.linspace(0.5, 0.8, 12)
    >>> model = fit_monthly(100.0 + 200.0 * open_ratio, open_ratio, None)
    >>> round(model.base_kwh), round(model.open_day_kwh)
    (100, 200)
    """
    if len(day_kwh) < MIN_MONTHS:
        raise ValueError(f"{len(day_kwh)} bills: a baseline from bills needs {MIN_MONTHS} months, better 12.")
    cooling = np.zeros(len(day_kwh)) if temp_c is None else np.maximum(temp_c - COOLING_C, 0.0)
    columns = {"open": open_ratio - open_ratio.mean(), "cooling": cooling - cooling.mean()}
    varying = [name for name, column in columns.items() if np.std(column) > 1e-6]  # noqa: PLR2004 - does not vary
    slopes = dict.fromkeys(columns, 0.0)
    while varying:
        matrix = np.column_stack([columns[name] for name in varying])
        coefficients = np.linalg.lstsq(matrix, day_kwh - day_kwh.mean(), rcond=None)[0]
        if (coefficients >= 0).all():
            slopes |= dict(zip(varying, (float(value) for value in coefficients), strict=True))
            break
        varying.pop(int(np.argmin(coefficients)))
    base = float(day_kwh.mean() - slopes["open"] * open_ratio.mean() - slopes["cooling"] * cooling.mean())
    return MonthlyModel(base, slopes["open"], slopes["cooling"])


def predict_monthly(model: MonthlyModel, open_ratio: FloatArray, temp_c: FloatArray | None) -> FloatArray:
    """Predict the mean energy of a day of each month.

    Parameters
    ----------
    model : MonthlyModel
        A fitted model.
    open_ratio : (m,) array
        Share of the month's days on which the building works.
    temp_c : (m,) array or None
        Mean outdoor temperature [degC].

    Returns
    -------
    (m,) array
        Mean energy of a day [kWh].

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.monthly import MonthlyModel, predict_monthly
    >>> predict_monthly(MonthlyModel(100.0, 200.0, 5.0), np.array([0.5]), np.array([30.0])).tolist()
    [230.0]
    """
    cooling = 0.0 if temp_c is None else np.maximum(temp_c - COOLING_C, 0.0)
    predicted_kwh: FloatArray = model.base_kwh + model.open_day_kwh * open_ratio + model.cooling_kwh_per_c * cooling
    return predicted_kwh
