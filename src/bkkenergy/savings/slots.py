"""Least squares with one constant a slot: what both baseline models stand on.

Frisch, Waugh and Lovell: slopes come from what is left of energy and regressors after each slot's
mean is taken off; the constants follow. So hundreds of dummies cost no more than a mean.
"""

from __future__ import annotations

import numpy as np

from bkkenergy.readings import BoolArray, FloatArray, IntArray

RIDGE = 1e-6


def slot_means(values: FloatArray, slot: IntArray, slots: int, weight: FloatArray) -> FloatArray:
    """(slots, k) weighted mean of values (n, k) in each slot; NaN where a slot has no weight."""
    total = np.bincount(slot, weight, slots)
    sums = np.stack([np.bincount(slot, weight * column, slots) for column in values.T], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: FloatArray = sums / total[:, None]
    return found


def fit_slopes(
    energy: FloatArray, regressors: FloatArray, slot: IntArray, slots: int, known: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Constants (slots,) and slopes (k,) of energy (n,) on regressors (n, k).

    known : (n,) which rows count. A slot without any has the constant NaN. Regressors that do not vary
    get no slope.
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
        own = scale[varies]
        normal = gram[np.ix_(varies, varies)] / np.outer(own, own) + RIDGE * np.eye(len(own))
        slopes[varies] = np.linalg.solve(normal, (x.T @ y)[varies] / own) / own
    return means[:, 0] - filled[:, 1:] @ slopes + np.where(np.isnan(means[:, 0]), np.nan, 0.0), slopes
