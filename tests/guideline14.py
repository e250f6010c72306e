"""The interval of a textbook, which the product does not use: tests show how often it holds the truth."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit


def guideline_14_ratio(cvrmse: float, days: int, reported_days: int, autocorrelation: float) -> float:
    """Half of Guideline 14's 90 % interval of a year without saving, as a share of the baseline.

    ASHRAE Guideline 14-2014, annex B: FSU = 1.26 t CVRMSE sqrt(n / n' (1 + 2 / n') / m), n' = n (1 - rho) / (1 + rho).
    cvrmse : of the model. days : n, of the baseline. reported_days : m. autocorrelation : rho, of neighbouring days.
    """
    effective = days * (1 - autocorrelation) / (1 + autocorrelation)
    t = float(stdtrit(max(effective - 5, 1), 0.95))
    return float(1.26 * t * cvrmse * np.sqrt(days / effective * (1 + 2 / effective) / reported_days))
