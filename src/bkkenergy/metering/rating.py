"""What a meter's rating allows, over any stretch of time: the guard against energy that cannot have flowed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bkkenergy.metering.registers import RATING_GRACE_S, RATING_MARGIN_RATIO, S_PER_H
from bkkenergy.portfolio import Meter
from bkkenergy.readings import BoolArray, FloatArray

FINEST_KWH = 1e-6
"""No register is finer. Smaller differences come from arithmetic."""
GRIDS_KWH = sorted([10.0**-digits for digits in range(6)] + [2.0**-bits for bits in range(1, 11)], reverse=True)
"""Steps in which registers show energy: decimals, and binary fractions of values sent as 32-bit floats."""
GRID_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Rating:
    """What may flow through a meter: `max_kw` at all times, and `grace_kwh` once.

    The grace is given once per window, never per step: clocks jitter, and a register shows whole units.
    """

    max_kw: float
    grace_kwh: float

    @classmethod
    def of(cls, meter: Meter) -> Rating:
        """Return the rating of a configured meter, with its margin for clocks that jitter."""
        return cls(meter.rated_kw * RATING_MARGIN_RATIO, meter.rated_kw * RATING_GRACE_S / S_PER_H)

    def with_resolution(self, resolution_kwh: float) -> Rating:
        """Return the rating of a register that shows no less than `resolution_kwh`."""
        return Rating(self.max_kw, self.grace_kwh + resolution_kwh)

    def allowed_kwh(self, step_s: FloatArray) -> FloatArray:
        """Return the most that may flow in steps of these lengths, each alone; (n,)."""
        return self.max_kw / S_PER_H * step_s + self.grace_kwh

    def refused_kwh(self, step_kwh: FloatArray, step_s: FloatArray) -> FloatArray:
        """Return what consecutive steps carry beyond the rating; (n,) kWh, zero where all is well.

        A leaky bucket: it fills with energy, leaks at `max_kw` and spills beyond `grace_kwh`. Thus
        no window of any length holds more than its length at `max_kw`, and the grace once.
        """
        surplus_kwh = step_kwh - self.max_kw / S_PER_H * step_s
        if not (surplus_kwh > 0).any():
            return np.zeros(len(step_kwh))
        grown_kwh = np.concatenate(([0.0], np.cumsum(surplus_kwh)))
        if (grown_kwh - np.minimum.accumulate(grown_kwh)).max() <= self.grace_kwh:
            return np.zeros(len(step_kwh))
        level_kwh = clipped_walk(surplus_kwh, self.grace_kwh)
        before_kwh = np.concatenate(([0.0], level_kwh))[:-1]
        spilt_kwh: FloatArray = np.maximum(before_kwh + surplus_kwh - self.grace_kwh, 0.0)
        return np.where(spilt_kwh > FINEST_KWH, np.minimum(spilt_kwh, step_kwh), 0.0)


def clipped_walk(step_kwh: FloatArray, upper_kwh: float) -> FloatArray:
    """Sum steps, held between zero and an upper bound: x[i] = clip(x[i-1] + step[i], 0, upper), from zero.

    Steps of this form compose to steps of the same form. Thus all prefixes are made in log2(n) rounds.

    Parameters
    ----------
    step_kwh : (n,) array
        Steps [kWh].
    upper_kwh : float
        The upper bound [kWh].

    Returns
    -------
    (n,) array
        The sum after each step [kWh].

    References
    ----------
    .. [1] Hillis and Steele 1986, "Data parallel algorithms", Communications of the ACM 29, 1170.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.rating import clipped_walk
    >>> clipped_walk(np.array([1.0, 3.0, -2.0, -5.0]), 3.0).tolist()
    [1.0, 3.0, 1.0, 0.0]
    """
    total_kwh = step_kwh.copy()
    low_kwh, high_kwh = np.zeros(len(step_kwh)), np.full(len(step_kwh), upper_kwh)
    reach = 1
    while reach < len(step_kwh):
        after = slice(reach, None)
        add_kwh, floor_kwh, roof_kwh = total_kwh[after].copy(), low_kwh[after].copy(), high_kwh[after].copy()
        total_kwh[after] = total_kwh[:-reach] + add_kwh
        low_kwh[after] = np.clip(low_kwh[:-reach] + add_kwh, floor_kwh, roof_kwh)
        high_kwh[after] = np.clip(high_kwh[:-reach] + add_kwh, floor_kwh, roof_kwh)
        reach *= 2
    return np.clip(total_kwh, low_kwh, high_kwh)


def learned_resolution_kwh(register_kwh: FloatArray, multiplier_ratio: float) -> float:
    """Find the coarsest grid on which all values of a register lie.

    Parameters
    ----------
    register_kwh : (n,) array
        Values, in energy that flows [kWh].
    multiplier_ratio : float
        From what the meter shows to what flows: its transformers' ratios.

    Returns
    -------
    float
        The grid, in energy that flows [kWh]; `FINEST_KWH` where there is none.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.rating import learned_resolution_kwh
    >>> learned_resolution_kwh(np.array([100.5, 101.25, 103.75]), 1.0)
    0.25
    """
    shown_kwh = register_kwh / multiplier_ratio
    for grid_kwh in GRIDS_KWH:
        if _on_grid(shown_kwh[:64], grid_kwh).all() and _on_grid(shown_kwh, grid_kwh).all():
            return grid_kwh * multiplier_ratio
    return FINEST_KWH


def _on_grid(shown_kwh: FloatArray, grid_kwh: float) -> BoolArray:
    steps = shown_kwh / grid_kwh
    return np.abs(steps - np.round(steps)) <= GRID_TOLERANCE + 4 * np.spacing(np.abs(steps))
