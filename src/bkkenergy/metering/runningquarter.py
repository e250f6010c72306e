"""Demand of a quarter-hour that is still running: what it comes to if power stays as it is. Pure."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from bkkenergy.readings import FloatArray, IntArray

QUARTER_US = 900_000_000
HOLDS_US = QUARTER_US
"""A power says nothing of the time later than this after it was read."""
NEAR_RATIO = 0.95
"""From this share of the highest demand on, a quarter-hour comes near it."""


class DemandState(StrEnum):
    """How a running quarter-hour stands to the highest demand that a bill counts."""

    UNKNOWN = "unknown"
    NOT_BILLED = "not_billed"
    BELOW = "below"
    NEAR = "near"
    OVER = "over"


def quarter_of(now_us: int) -> int:
    """Return when the quarter-hour of an instant began.

    Parameters
    ----------
    now_us : int
        The instant [us since 1970 UTC].

    Returns
    -------
    int
        Its beginning [us since 1970 UTC].

    Examples
    --------
    >>> from bkkenergy.metering.runningquarter import quarter_of
    >>> quarter_of(900_000_000 * 7 + 5) == 900_000_000 * 7
    True
    """
    return now_us - now_us % QUARTER_US


def forecast_kw(at_us: IntArray, power_kw: FloatArray, now_us: int) -> float | None:
    """Return what the mean power of the running quarter-hour comes to, if power stays as it was read last.

    Each power holds until the next one, the last until the end. What flows back counts as nothing.

    Parameters
    ----------
    at_us, power_kw : (n,) array
        Readings of one meter in the order of time, from before the quarter-hour and within [us since 1970 UTC, kW].
    now_us : int
        Now [us since 1970 UTC].

    Returns
    -------
    float or None
        Mean power [kW]; None where the last power is too old, or nothing is known of how the quarter-hour began.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.runningquarter import forecast_kw
    >>> forecast_kw(np.array([0, 450_000_000]), np.array([10.0, 20.0]), 600_000_000)
    15.0
    """
    start_us = quarter_of(now_us)
    is_known = np.isfinite(power_kw) & (at_us <= now_us) & (at_us > start_us - HOLDS_US)
    at, power = at_us[is_known], np.maximum(power_kw[is_known], 0.0)
    if len(at) == 0 or now_us - int(at[-1]) > HOLDS_US:
        return None
    ends_us = np.append(at[1:], start_us + QUARTER_US)
    begins_us = np.maximum(at, start_us)
    begins_us[0] = min(
        begins_us[0], start_us
    )  # the first power of the quarter-hour also speaks for the minutes before it
    lasted_us = np.maximum(ends_us - begins_us, 0)
    return float((power * lasted_us).sum() / lasted_us.sum())


def demand_state(expected_kw: float | None, peak_kw: float | None, *, is_billed: bool) -> DemandState:
    """Return how a forecast stands to the highest demand so far.

    Parameters
    ----------
    expected_kw : float or None
        What the running quarter-hour comes to [kW]; None where that is not known.
    peak_kw : float or None
        The highest demand that the bill counts so far [kW].
    is_billed : bool
        Whether demand of these hours is charged.

    Returns
    -------
    DemandState
        Near from 95 % of the highest demand on.

    Examples
    --------
    >>> from bkkenergy.metering.runningquarter import demand_state
    >>> [demand_state(kw, 100.0, is_billed=True).value for kw in (50.0, 96.0, 101.0)]
    ['below', 'near', 'over']
    """
    if not is_billed:
        return DemandState.NOT_BILLED
    if expected_kw is None or peak_kw is None or peak_kw <= 0:
        return DemandState.UNKNOWN
    if expected_kw > peak_kw:
        return DemandState.OVER
    return DemandState.NEAR if expected_kw >= NEAR_RATIO * peak_kw else DemandState.BELOW
