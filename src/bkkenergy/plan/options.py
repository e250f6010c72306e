"""Savings of a system or of a key parameter (IPMVP options A and B). Pure.

The boundary is the system, not the building: what it saves is seen here where a whole building's interval hides it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from bkkenergy.errors import InputError
from bkkenergy.readings import BoolArray, FloatArray

DAYS_PER_BLOCK, MIN_BLOCKS, MIN_BLOCK_DAYS = 30, 3, 14
TWO_SIDED_90 = 0.95


@dataclass(frozen=True, slots=True)
class SystemSaving:
    """What a system saved over the days that are known.

    reference_kwh : what the replaced one would have used for the same service; half_width_kwh : half of the 90 %
    interval of the saving. efficiency : what the system made for each kWh; NaN where that is not measured.
    """

    days: int
    energy_kwh: float
    reference_kwh: float
    half_width_kwh: float
    efficiency: float = float("nan")

    @property
    def saved_kwh(self) -> float:
        """Positive where less was used than by the reference."""
        return self.reference_kwh - self.energy_kwh


def saved_against_cop(
    energy_kwh: FloatArray, cooling_kwh: FloatArray, reference_cop: float, half_ratio: float
) -> SystemSaving | None:
    """Compute what a chiller saved against a reference of a stipulated efficiency, for the cooling that it made.

    Parameters
    ----------
    energy_kwh, cooling_kwh : (n,) array
        What the system took, and the cooling that it made, on each day [kWh]; NaN where not known.
    reference_cop : float
        Coefficient of performance of the reference.
    half_ratio : float
        Half of its 90 % interval, as a share.

    Returns
    -------
    SystemSaving or None
        None where no day is known.

    References
    ----------
    .. [1] Joint Crediting Mechanism, Thailand, TH_AM005: reference emissions are those of the project times its COP
       over that of the reference.
    .. [2] EVO 10000-1:2022, International Performance Measurement and Verification Protocol (IPMVP), option B.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.plan.options import saved_against_cop
    >>> saved = saved_against_cop(np.full(30, 100.0), np.full(30, 600.0), 5.0, 0.05)
    >>> round(saved.saved_kwh), round(saved.half_width_kwh), saved.efficiency
    (600, 180, 6.0)
    """
    known = _known(energy_kwh, cooling_kwh)
    if not known.any() or energy_kwh[known].sum() <= 0:
        return None
    used, cooled = float(energy_kwh[known].sum()), float(cooling_kwh[known].sum())
    reference = cooled / reference_cop
    return SystemSaving(int(known.sum()), used, reference, reference * half_ratio, cooled / used)


def saved_against_before(
    energy_kwh: FloatArray, cooling_kwh: FloatArray, before_kwh: FloatArray, before_cooling_kwh: FloatArray
) -> SystemSaving | None:
    """Compute what a chiller saved against what it took for its cooling before.

    The interval is of how the ratio of blocks of 30 days spread before. It does not know of a change between the years.

    Parameters
    ----------
    energy_kwh, cooling_kwh : (n,) array
        What the system took, and the cooling that it made, on each day since [kWh]; NaN where not known.
    before_kwh, before_cooling_kwh : (m,) array
        The same of the days before [kWh].

    Returns
    -------
    SystemSaving or None
        None where no day is known.

    Raises
    ------
    InputError
        If fewer than three blocks of 30 days before have 14 known days.

    References
    ----------
    .. [1] EVO 10000-1:2022, International Performance Measurement and Verification Protocol (IPMVP), option B.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.plan.options import saved_against_before
    >>> before = np.repeat([98.0, 100.0, 102.0], 30)
    >>> saved = saved_against_before(np.full(60, 80.0), np.full(60, 500.0), before, np.full(90, 500.0))
    >>> round(saved.saved_kwh), saved.half_width_kwh > 0
    (1200, True)
    """
    ratios = _block_ratios(before_kwh, before_cooling_kwh)
    if len(ratios) < MIN_BLOCKS:
        raise InputError.of("no_cooling_before", blocks=len(ratios), needed=MIN_BLOCKS)
    known = _known(energy_kwh, cooling_kwh)
    if not known.any() or energy_kwh[known].sum() <= 0:
        return None
    was = _known(before_kwh, before_cooling_kwh)
    ratio = float(before_kwh[was].sum() / before_cooling_kwh[was].sum())
    used, cooled = float(energy_kwh[known].sum()), float(cooling_kwh[known].sum())
    blocks = max(known.sum() / DAYS_PER_BLOCK, 1.0)
    spread = float(np.std(ratios, ddof=1)) * float(np.sqrt(1 / len(ratios) + 1 / blocks))
    half = float(scipy.special.stdtrit(len(ratios) - 1, TWO_SIDED_90)) * spread * cooled
    return SystemSaving(int(known.sum()), used, cooled * ratio, half, cooled / used)


def saved_by_efficiency(
    energy_kwh: FloatArray, reference_efficiency: float, project_efficiency: float, half_ratio: float
) -> SystemSaving | None:
    """Compute what lighting saved, by its measured energy and the stipulated efficiencies of new and old lamps.

    Parameters
    ----------
    energy_kwh : (n,) array
        What the lighting took on each day [kWh]; NaN where not known.
    reference_efficiency, project_efficiency : float
        Luminous efficiency of what was replaced, and of what is there now [lm/W].
    half_ratio : float
        Half of the 90 % interval of their ratio, as a share.

    Returns
    -------
    SystemSaving or None
        None where no day is known.

    References
    ----------
    .. [1] Joint Crediting Mechanism, Thailand, TH_AM016: reference emissions are those of the project's lighting times
       its luminous efficiency over that of the reference.
    .. [2] EVO 10000-1:2022, International Performance Measurement and Verification Protocol (IPMVP), option A.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.plan.options import saved_by_efficiency
    >>> saved = saved_by_efficiency(np.full(30, 10.0), 60.0, 120.0, 0.1)
    >>> saved.saved_kwh, saved.half_width_kwh
    (300.0, 60.0)
    """
    known = np.isfinite(energy_kwh)
    if not known.any():
        return None
    used = float(energy_kwh[known].sum())
    reference = used * project_efficiency / reference_efficiency
    return SystemSaving(int(known.sum()), used, reference, reference * half_ratio)


def saved_by_power(before_kw: float, after_kw: float, hours_a_year: float, half_ratio: float) -> SystemSaving:
    """Compute what a year saves by power that was measured before and after, for hours that are stipulated.

    Parameters
    ----------
    before_kw, after_kw : float
        Power as measured [kW].
    hours_a_year : float
        Hours of use in a year.
    half_ratio : float
        Half of the 90 % interval of these hours, as a share.

    Returns
    -------
    SystemSaving
        Of 365 days.

    References
    ----------
    .. [1] EVO 10000-1:2022, International Performance Measurement and Verification Protocol (IPMVP), option A.

    Examples
    --------
    >>> from bkkenergy.plan.options import saved_by_power
    >>> saved = saved_by_power(12.0, 5.0, 2_000.0, 0.2)
    >>> saved.saved_kwh, round(saved.half_width_kwh)
    (14000.0, 2800)
    """
    used, reference = after_kw * hours_a_year, before_kw * hours_a_year
    return SystemSaving(365, used, reference, (reference - used) * half_ratio)


def _known(energy_kwh: FloatArray, cooling_kwh: FloatArray) -> BoolArray:
    known: BoolArray = np.isfinite(energy_kwh) & np.isfinite(cooling_kwh)
    return known


def _block_ratios(energy_kwh: FloatArray, cooling_kwh: FloatArray) -> FloatArray:
    """Return what each block of 30 days took for a kWh of cooling; blocks count back from the last day."""
    known = _known(energy_kwh, cooling_kwh)
    block = np.arange(len(known))[::-1] // DAYS_PER_BLOCK
    ratios = [
        energy_kwh[rows].sum() / cooling_kwh[rows].sum()
        for number in np.unique(block)
        if (rows := known & (block == number)).sum() >= MIN_BLOCK_DAYS and cooling_kwh[rows].sum() > 0
    ]
    return np.array(ratios, np.float64)
