"""The quantile that the bench and tests of intervals compare with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bkkenergy.readings import FloatArray


def conformal_quantile(draws: Sequence[float] | FloatArray, confidence: float = 0.9) -> float:
    """Return the draw that a new one stays below with a confidence: the ceil((n + 1) c)-th smallest.

    Lei et al. 2018, "Distribution-free predictive inference for regression", JASA 113, 1094.
    """
    ordered = np.sort(np.asarray(draws, np.float64))
    rank = int(np.ceil((len(ordered) + 1) * confidence)) - 1
    return float(ordered[min(rank, len(ordered) - 1)])
