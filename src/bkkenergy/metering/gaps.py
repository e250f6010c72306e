"""Energy of a gap, dealt out over its intervals by what the meter typically takes."""

from __future__ import annotations

import numpy as np

from bkkenergy.metering.spans import Span
from bkkenergy.metering.spread import Weights
from bkkenergy.readings import FloatArray, IntArray


def redistribution_kwh(edges_us: IntArray, gap: Span, profile_kw: FloatArray) -> FloatArray:
    """Compute what a typical profile moves between intervals that a straight line filled.

    Parameters
    ----------
    edges_us : (k+1,) array
        Edges of the intervals [us since 1970 UTC].
    gap : Span
        A stretch whose energy is known.
    profile_kw : (7, 96) array
        Typical power [kW] by weekday, Monday first, and quarter of Bangkok's day; NaN where unknown.

    Returns
    -------
    (k,) array
        Energy to add to each interval [kWh]; it sums to zero. Zeros where the profile says nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.gaps import redistribution_kwh
    >>> from bkkenergy.metering.spans import Span, SpanReason
    >>> hour_us = 3_600_000_000
    >>> gap = Span("a.b.c", "import", 0, 2 * hour_us, SpanReason.GAP, 6.0)
    >>> profile_kw = np.ones((7, 96))
    >>> profile_kw[:, 32:] = 3.0
    >>> redistribution_kwh(np.array([0, hour_us, 2 * hour_us]), gap, profile_kw).tolist()
    [-1.5, 1.5]
    """
    at_us = np.clip(edges_us, gap.start_us, gap.end_us)
    weights = Weights.of(profile_kw)
    ends = weights.until(np.array([gap.start_us, gap.end_us], np.int64))
    if not np.isfinite(profile_kw).any() or ends[1] - ends[0] <= 0:
        return np.zeros(len(edges_us) - 1)
    shaped_ratio = (weights.until(at_us) - ends[0]) / (ends[1] - ends[0])
    straight_ratio = (at_us - gap.start_us) / (gap.end_us - gap.start_us)
    moved_kwh: FloatArray = gap.energy_kwh * np.diff(shaped_ratio - straight_ratio)
    return moved_kwh
