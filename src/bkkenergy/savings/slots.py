"""Least squares with one constant a slot: what both baseline models stand on.

Frisch, Waugh and Lovell: slopes come from what is left of energy and regressors after each slot's
mean is taken off; the constants follow. So hundreds of dummies cost no more than a mean.
"""

from __future__ import annotations

import numpy as np

from bkkenergy.readings import BoolArray, FloatArray, IntArray

RIDGE = 1e-6


def slot_means(values: FloatArray, slot: IntArray, slots: int, weight: FloatArray) -> FloatArray:
    """Compute the weighted mean of values in each slot.

    Parameters
    ----------
    values : (n, k) array
        Values.
    slot : (n,) array
        Slot of each row.
    slots : int
        How many slots there are.
    weight : (n,) array
        Weight of each row.

    Returns
    -------
    (slots, k) array
        Means; NaN where a slot has no weight.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.slots import slot_means
    >>> slot_means(np.array([[1.0], [3.0], [5.0]]), np.array([0, 0, 1]), 3, np.ones(3)).ravel().tolist()
    [2.0, 5.0, nan]
    """
    total = np.bincount(slot, weight, slots)
    sums = np.stack([np.bincount(slot, weight * column, slots) for column in values.T], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        means: FloatArray = sums / total[:, None]
    return means


def fit_slopes(
    energy: FloatArray, regressors: FloatArray, slot: IntArray, slots: int, known: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Fit a constant for each slot and slopes that all share, by least squares.

    The constants are taken off by slot means, which leaves a handful of slopes.

    Parameters
    ----------
    energy : (n,) array
        What is explained [kWh].
    regressors : (n, k) array
        What explains it. One that does not vary gets no slope.
    slot : (n,) array
        Slot of each row.
    slots : int
        How many slots there are.
    known : (n,) bool array
        Which rows count.

    Returns
    -------
    (slots,) array
        Constants [kWh]; NaN for a slot without any row.
    (k,) array
        Slopes.

    References
    ----------
    .. [1] Lovell 1963, "Seasonal adjustment of economic time series and multiple regression analysis", JASA 58, 993
       (after Frisch and Waugh 1933).

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.slots import fit_slopes
    >>> temp_c = np.array([20.0, 30.0, 20.0, 30.0])
    >>> slot = np.array([0, 0, 1, 1])
    >>> constants, slopes = fit_slopes(5.0 * slot + 2.0 * temp_c, temp_c[:, None], slot, 2, np.ones(4, bool))
    >>> (constants.round(3) + 0.0).tolist(), slopes.round(3).tolist()
    ([0.0, 5.0], [2.0])
    """
    weight = known.astype(np.float64)
    values = np.column_stack([np.where(known, energy, 0.0), regressors])
    means = slot_means(values, slot, slots, weight)
    filled = np.nan_to_num(means)
    left = (values - filled[slot]) * weight[:, None]
    x, y = left[:, 1:], left[:, 0]
    gram = x.T @ x
    scale = np.sqrt(np.diag(gram))
    varies = scale > scale.max(initial=0.0) * 1e-9
    slopes = np.zeros(regressors.shape[1])
    if varies.any():
        varying = scale[varies]
        normal = gram[np.ix_(varies, varies)] / np.outer(varying, varying) + RIDGE * np.eye(len(varying))
        slopes[varies] = np.linalg.solve(normal, (x.T @ y)[varies] / varying) / varying
    return means[:, 0] - filled[:, 1:] @ slopes + np.where(np.isnan(means[:, 0]), np.nan, 0.0), slopes
