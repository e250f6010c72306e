"""What the voltages of a meter's phases say of its supply: out of bounds, unbalanced, or a phase lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bkkenergy.readings import BoolArray, FloatArray

NOMINAL_V = (230.0, 400.0)
"""Of low voltage in Thailand, phase to neutral and between phases."""
LOST_RATIO = 0.5
"""A phase with less than this share of the highest one is lost."""
PHASES = 3


@dataclass(frozen=True, slots=True)
class PhaseVoltages:
    """A week of one meter's voltages.

    outside_ratio : share of the readings with a phase out of bounds; None where the nominal voltage is not known.
    low_v, high_v : lowest and highest of any phase, without lost ones. unbalance_ratio : the unbalance that 95 % of the
    readings do not exceed; None with fewer than three phases. lost_h : for how long a phase was lost.
    """

    outside_ratio: float | None
    low_v: float
    high_v: float
    unbalance_ratio: float | None
    lost_h: float


def phase_voltages(voltage_v: FloatArray, interval_h: float, band_ratio: float) -> PhaseVoltages | None:
    """Judge the voltages of a meter's readings.

    Parameters
    ----------
    voltage_v : (n, 3) array
        Voltages [V]; NaN where a phase was not read.
    interval_h : float
        How long a reading stands for [h].
    band_ratio : float
        How far from the nominal voltage is within bounds, as a share.

    Returns
    -------
    PhaseVoltages or None
        What was seen; None without a reading.

    References
    ----------
    .. [1] National Electrical Manufacturers Association (NEMA), MG 1: unbalance as the greatest deviation from the
       mean of the phases, over that mean.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.phases import phase_voltages
    >>> week = np.full((672, 3), 230.0)
    >>> week[:8, 1] = 3.0
    >>> phase_voltages(week, 0.25, 0.1).lost_h
    2.0
    """
    known = voltage_v[np.isfinite(voltage_v).any(axis=1)]
    if len(known) == 0:
        return None
    is_whole = np.isfinite(known).all(axis=1) & (known.shape[1] == PHASES)
    highest = np.nanmax(known, axis=1)
    is_lost: BoolArray = is_whole & (np.nanmin(known, axis=1) < LOST_RATIO * highest) & (highest > 0)
    sound = known[~is_lost & (highest > 0)]
    if len(sound) == 0:
        return PhaseVoltages(None, float("nan"), float("nan"), None, float(is_lost.sum() * interval_h))
    typical = float(np.nanmedian(sound))
    nominal = next((one for one in NOMINAL_V if abs(typical - one) <= 0.25 * one), None)
    outside = None
    if nominal is not None:
        is_off = np.abs(sound - nominal) > band_ratio * nominal  # False where a phase was not read
        outside = float(is_off.any(axis=1).mean())
    three = sound[np.isfinite(sound).all(axis=1)] if sound.shape[1] == PHASES else sound[:0]
    unbalance = None
    if len(three):
        mean = three.mean(axis=1, keepdims=True)
        unbalance = float(np.quantile((np.abs(three - mean) / mean).max(axis=1), 0.95))
    low, high = float(np.nanmin(sound)), float(np.nanmax(sound))
    return PhaseVoltages(outside, low, high, unbalance, float(is_lost.sum() * interval_h))
