"""Normalised savings (IPMVP): what two years would have used under the same typical weather and calendar. Pure.

Two models are compared: the baseline, and one of the year that is judged. A hot year then makes no saving smaller.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bkkenergy.errors import InputError
from bkkenergy.readings import FloatArray
from bkkenergy.savings.baseline import Baseline, Series, expected_of, fit_baseline
from bkkenergy.savings.uncertainty import (
    CLAIM_NORMAL,
    DAYS_PER_YEAR,
    NORMAL_90,
    Band,
    Placebo,
    fold_rms,
    multipliers,
    scale_ratio,
)

NORMAL_DAYS = 365


@dataclass(frozen=True, slots=True)
class NormalSaving:
    """What a year would have used by the baseline, and by a model of the year itself, under typical weather [kWh]."""

    reporting: Baseline
    baseline_kwh: float
    reporting_kwh: float
    band: Band

    @property
    def saving_kwh(self) -> float:
        """Positive where the year would have used less."""
        return self.baseline_kwh - self.reporting_kwh


def normal_saving(
    baseline: Baseline, year: Series, temp_c: FloatArray | None, adjustment_kwh: FloatArray, placebo: Placebo
) -> NormalSaving:
    """Compute the saving of a year under typical weather, with the year's own calendar.

    Parameters
    ----------
    baseline : Baseline
        A baseline that ended before the year.
    year : Series
        Hours of the 365 days that are judged.
    temp_c : (n,) array or None
        Temperature of the same hours in a typical year [degC].
    adjustment_kwh : (m,) array
        Energy of each day that is no saving [kWh], added to the baseline.
    placebo : Placebo
        Errors of baselines where nothing was saved.

    Returns
    -------
    NormalSaving
        With half its 90 % interval: that of a saving of a year, joined with how well the year's own model predicts
        months that it has not seen.

    Raises
    ------
    InputError
        If the year is not whole, or too little of it is known for a model of its own.

    References
    ----------
    .. [1] EVO 10000-1:2022, International Performance Measurement and Verification Protocol (IPMVP): normalised
       savings.

    Examples
    --------
    >>> import datetime as dt
    >>> import numpy as np
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> from bkkenergy.library.packaged import placebo
    >>> from bkkenergy.savings.baseline import fit_baseline
    >>> from bkkenergy.savings.normal import normal_saving
    >>> use = bk.examples.office(saving_ratio=0.2)
    >>> before, after = (facts_of(use[year], schedule="mea-3-2-lv").series for year in ("2024", "2025"))
    >>> normal = normal_saving(fit_baseline(before), after, None, np.zeros(365), placebo())
    >>> round(normal.band.saving_ratio, 2)
    0.2
    """
    if len(year.kind) != NORMAL_DAYS:
        raise InputError.of("no_whole_year", days=len(year.kind), needed=NORMAL_DAYS)
    reporting = fit_baseline(year)
    if reporting.is_provisional:
        raise InputError.of("no_whole_year", days=reporting.valid_days, needed=NORMAL_DAYS)
    typical = replace(year, temp_c=temp_c)
    was, now = expected_of(baseline, typical).energy_kwh, expected_of(reporting, typical).energy_kwh
    both = np.isfinite(was) & np.isfinite(now)
    baseline_kwh = float((was + adjustment_kwh)[both].sum())
    reporting_kwh = float(now[both].sum())
    lag_years = (reporting.last - baseline.last).days / DAYS_PER_YEAR
    wide = multipliers(placebo, NORMAL_DAYS, lag_years, baseline.valid_days)
    scale = scale_ratio(baseline.fold_error_ratio, placebo.typical_fold_ratio)
    own_ratio = _own_error_ratio(reporting) * reporting_kwh / baseline_kwh
    band = Band(
        1 - reporting_kwh / baseline_kwh,
        float(np.hypot(scale * wide.half, NORMAL_90 * own_ratio)),
        float(np.hypot(scale * wide.significant, CLAIM_NORMAL * own_ratio)),
        "old" if lag_years > placebo.lag_years[-1] else "",
    )
    return NormalSaving(reporting, baseline_kwh, reporting_kwh, band)


def _own_error_ratio(reporting: Baseline) -> float:
    """Return the standard error of a model's year: its errors in blocks of months, as many as there are."""
    errors = reporting.fold_error_ratio
    return fold_rms(errors) / float(np.sqrt(len(errors))) if errors else 0.0
