"""Capacitors that take away what a utility charges for reactive power: their size and their worth. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import pandas as pd
import scipy

from bkkenergy.readings import FloatArray, IntArray
from bkkenergy.tariff.bill import excess_kvar

MONTHS_PER_YEAR = 12
QUARTERS_PER_DAY = 96
MIN_KNOWN_RATIO = 0.5
"""Of a month's quarter-hours, by which its highest powers are known."""
MIN_MONTHS = 2
"""With fewer nothing is known of how much months differ."""


@dataclass(frozen=True, slots=True)
class PowerRules:
    """What a utility charges for reactive power.

    free_kvar_per_kw : of the month's highest kW that is free. kvar_thb : for each one beyond it, with tax.
    rounding_kvar : the step in which it is billed.
    """

    free_kvar_per_kw: float
    kvar_thb: float
    rounding_kvar: float


@dataclass(frozen=True, slots=True)
class CapacitorBank:
    """A bank of capacitors for a building.

    size_kvar : in whole steps. months : of which the powers are known. kvar_per_kw : of the worst of them.
    saved_thb : of a year's charge, low, middle and high of its 90 % interval. left_thb : what is charged with it.
    """

    size_kvar: float
    months: int
    kvar_per_kw: float
    saved_thb: tuple[float, float, float]
    left_thb: float


def bank_of(
    starts: pd.DatetimeIndex,
    power_kw: FloatArray,
    reactive_kvar: FloatArray,
    rules: PowerRules,
    *,
    target_kvar_per_kw: float,
    step_kvar: float,
) -> CapacitorBank | None:
    """Size the capacitors that bring each month's highest reactive power down to a share of its highest power.

    Parameters
    ----------
    starts : (q,) DatetimeIndex
        Starts of quarter-hours in local time, of some months up to a year.
    power_kw, reactive_kvar : (q,) array
        Mean power and reactive power of each [kW, kvar]; NaN where not measured.
    rules : PowerRules
        What is charged.
    target_kvar_per_kw : float
        The share that shall be left of the highest power.
    step_kvar : float
        Size of a step of the bank [kvar]. Steps are switched with the load, so none is fed back.

    Returns
    -------
    CapacitorBank or None
        None where fewer than two months are known, nothing was charged, or its steps are too large for the load.

    References
    ----------
    .. [1] The power triangle: Q = P (tan(phi) - tan(phi of the target)).
    .. [2] Metropolitan Electricity Authority (MEA), "Electricity tariffs": the power factor charge.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from bkkenergy.retrofits.powerfactor import PowerRules, bank_of
    >>> starts = pd.date_range("2026-01-01", "2026-12-31 23:45", freq="15min", tz="Asia/Bangkok")
    >>> power_kw = np.full(len(starts), 100.0)
    >>> rules = PowerRules(0.6197, 60.0, 1)
    >>> bank = bank_of(starts, power_kw, 0.9 * power_kw, rules, target_kvar_per_kw=0.57, step_kvar=5)
    >>> bank.size_kvar, bank.saved_thb[1]
    (35.0, 20160.0)
    """
    months = _known_months(starts, power_kw, reactive_kvar)
    if len(months) < MIN_MONTHS:
        return None
    peaks_kw = np.array([float(np.nanmax(power_kw[rows])) for rows in months])
    peaks_kvar = np.array([float(np.nanmax(reactive_kvar[rows])) for rows in months])
    lacking = float((peaks_kvar - target_kvar_per_kw * peaks_kw).max())
    before = _charges(peaks_kvar, peaks_kw, rules)
    if lacking <= 0 or not before.any():
        return None
    steps = float(ceil(lacking / step_kvar - 1e-9))
    with_bank = reactive_kvar - step_kvar * np.minimum(steps, np.floor(np.maximum(reactive_kvar, 0.0) / step_kvar))
    left_kvar = np.array([float(np.nanmax(with_bank[rows])) for rows in months])
    after = _charges(left_kvar, peaks_kw, rules)
    if not (before - after).any():
        return None
    worst = float((peaks_kvar / np.maximum(peaks_kw, 1e-9)).max())
    left_thb = float(after.mean()) * MONTHS_PER_YEAR
    return CapacitorBank(steps * step_kvar, len(months), worst, _of_a_year(before - after), left_thb)


def _known_months(starts: pd.DatetimeIndex, power_kw: FloatArray, reactive_kvar: FloatArray) -> list[IntArray]:
    """Return the rows of each month of which enough is known."""
    is_known = np.isfinite(power_kw) & np.isfinite(reactive_kvar)
    number = np.asarray(starts.year * MONTHS_PER_YEAR + starts.month)
    rows = [np.flatnonzero(number == month) for month in np.unique(number)]
    whole = [int(starts[of_month[0]].days_in_month) * QUARTERS_PER_DAY for of_month in rows]
    return [
        of_month
        for of_month, count in zip(rows, whole, strict=True)
        if is_known[of_month].sum() >= MIN_KNOWN_RATIO * count
    ]


def _charges(peaks_kvar: FloatArray, peaks_kw: FloatArray, rules: PowerRules) -> FloatArray:
    """(m,) what each month is charged [THB]."""
    pairs = zip(peaks_kvar.tolist(), peaks_kw.tolist(), strict=True)
    kvar = [excess_kvar(kvar, kw, rules.free_kvar_per_kw, rules.rounding_kvar) for kvar, kw in pairs]
    return np.array(kvar, np.float64) * rules.kvar_thb


def _of_a_year(saved_thb: Sequence[float] | FloatArray) -> tuple[float, float, float]:
    """Return a year's saving with its 90 % interval: months to come are taken to differ as those that are known."""
    months = np.asarray(saved_thb, np.float64)
    count = len(months)
    middle = float(months.mean()) * MONTHS_PER_YEAR
    spread = float(months.std(ddof=1)) * np.sqrt(MONTHS_PER_YEAR + MONTHS_PER_YEAR**2 / count)
    half = float(scipy.special.stdtrit(count - 1, 0.95)) * float(spread)
    return max(middle - half, 0.0), middle, middle + half
