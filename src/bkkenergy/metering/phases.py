"""Power of each phase of a three-phase meter, from what such a meter sends: its power, volts and amperes."""

from __future__ import annotations

import numpy as np

from bkkenergy.readings import FloatArray

PHASES = 3


def phase_power_kw(power_kw: FloatArray, voltage_v: FloatArray, current_a: FloatArray) -> FloatArray:
    """Share a meter's power among its phases by volts times amperes, as if all had one power factor.

    The phases add up to the power. Volts between phases instead of to neutral change nothing of the shares while they
    are alike, and current transformers whose ratio the meter does not know change nothing at all.

    Parameters
    ----------
    power_kw : (n,) array
        Power of the meter [kW].
    voltage_v, current_a : (n, 3) array
        Voltages [V] and currents [A] of the phases; NaN where one was not read.

    Returns
    -------
    (n, 3) array
        Power of each phase [kW]; NaN where anything of the instant is not known, or no current flows.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.phases import phase_power_kw
    >>> phase_power_kw(np.array([20.0]), np.full((1, 3), 230.0), np.array([[50.0, 30.0, 20.0]])).tolist()
    [[10.0, 6.0, 4.0]]
    """
    apparent = np.abs(voltage_v * current_a)
    whole = apparent.sum(axis=1, keepdims=True)
    share_ratio: FloatArray = np.divide(apparent, whole, out=np.full(apparent.shape, np.nan), where=whole > 0)
    phases_kw: FloatArray = power_kw[:, np.newaxis] * share_ratio
    return phases_kw
