"""What a register may grow by: the limits by which a step is judged."""

from __future__ import annotations

from dataclasses import dataclass

from bkkenergy.readings import BoolArray, FloatArray

S_PER_H = 3600.0
RATING_MARGIN_RATIO = 1.1
"""A step may exceed rating x time by this much: clocks of meters and gateways jitter."""
RATING_GRACE_S = 60.0
"""And by this long at full rating, for readings that lie close together."""


@dataclass(frozen=True, slots=True)
class MeterLimits:
    """What the metering needs to know of each meter, as columns.

    rated_kw : (m,) most that can flow, kW.
    rollover_kwh : (m,) where the register wraps, kWh; NaN where that is not declared.
    interval_s : (m,) how often it reports, s.
    """

    rated_kw: FloatArray
    rollover_kwh: FloatArray
    interval_s: FloatArray


def plausible_step(step_kwh: FloatArray, step_s: FloatArray, rated_kw: FloatArray) -> BoolArray:
    """Judge whether registers may grow by these steps behind their rating.

    Parameters
    ----------
    step_kwh : (n,) array
        What the register moved [kWh].
    step_s : (n,) array
        In which time [s].
    rated_kw : (n,) array
        The most that can flow [kW].

    Returns
    -------
    (n,) bool array
        Whether each step is within rating x time, with a margin for clocks that jitter.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.registers import plausible_step
    >>> plausible_step(np.array([1.0, -1.0, 99.0]), np.full(3, 900.0), np.full(3, 60.0)).tolist()
    [True, False, False]
    """
    cap_kwh = rated_kw * (step_s * RATING_MARGIN_RATIO + RATING_GRACE_S) / S_PER_H
    return (step_kwh >= 0) & (step_kwh <= cap_kwh)
