"""Before a project: what saving could be shown on a building, and in how many months.

A saving is significant beyond what 97 % of untouched buildings show. What comes out is the true saving plus such an
error, so it is shown for sure only where it is larger by the error's spread. Pure.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from statistics import NormalDist

from bkkenergy.savings.baseline import Baseline
from bkkenergy.savings.uncertainty import (
    DAYS_PER_MONTH,
    DAYS_PER_YEAR,
    MIN_VERDICT_DAYS,
    NORMAL_90,
    Placebo,
    multipliers,
    scale_ratio,
)

POWER = 0.8
"""The share of cases in which a true saving should be shown."""
MAX_MONTHS = 36


@dataclass(frozen=True, slots=True)
class Detectable:
    """The least saving that is shown with a power after some months, a share of the baseline."""

    months: int
    saving_ratio: float


def detectable_ratio(baseline: Baseline, placebo: Placebo, days: int, lag_years: float, power: float = POWER) -> float:
    """Compute the least saving that would be called significant in most cases.

    Parameters
    ----------
    baseline : Baseline
        By which the project will be judged.
    placebo : Placebo
        Errors of baselines where nothing was saved.
    days : int
        Days that are judged.
    lag_years : float
        From the baseline's end to the last of them [years].
    power : float
        The share of cases in which it should be shown, above one half.

    Returns
    -------
    float
        A share of the baseline: the limit of what is significant, and above it the error that is exceeded in so large
        a share of cases. Errors are taken as normal within their 90 %, which they are not far out.

    References
    ----------
    .. [1] Cohen 1988, Statistical Power Analysis for the Behavioral Sciences: power, here of an empirical limit.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.packaged import placebo
    >>> from bkkenergy.savings.power import detectable_ratio
    >>> fitted = bk.Baseline.fit(bk.examples.office()["2024"]).fitted
    >>> month, year = (detectable_ratio(fitted, placebo(), days, days / 365) for days in (30, 365))
    >>> 0.1 < year < 0.4, 0.1 < month < 0.6
    (True, True)
    """
    scale = scale_ratio(baseline.fold_error_ratio, placebo.typical_fold_ratio)
    wide = multipliers(placebo, days, lag_years, baseline.valid_days)
    return scale * (wide.significant + wide.half * NormalDist().inv_cdf(power) / NORMAL_90)


def detectable_by_month(
    baseline: Baseline, placebo: Placebo, start: dt.date, *, power: float = POWER, months: int = 12
) -> tuple[Detectable, ...]:
    """List the least saving that could be shown after each month of a project.

    Parameters
    ----------
    baseline : Baseline
        By which the project will be judged.
    placebo : Placebo
        Errors of baselines where nothing was saved.
    start : date
        The first day on which the project saves.
    power : float
        The share of cases in which it should be shown.
    months : int
        How many months are looked at.

    Returns
    -------
    tuple of Detectable
        From the first month on in which there is a verdict at all, until the baseline is too old; without months in
        which no saving could be shown. None where the project begins within the baseline.

    Examples
    --------
    >>> import datetime as dt
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.packaged import placebo
    >>> from bkkenergy.savings.power import detectable_by_month
    >>> fitted = bk.Baseline.fit(bk.examples.office()["2024"]).fitted
    >>> rows = detectable_by_month(fitted, placebo(), dt.date(2025, 1, 1))
    >>> len(rows), rows[0].months
    (12, 1)
    """
    rows = []
    for month in range(1, months + 1):
        days = round(month * DAYS_PER_MONTH)
        lag_years = ((start - baseline.last).days - 1 + days) / DAYS_PER_YEAR
        if start > baseline.last and days >= MIN_VERDICT_DAYS and lag_years <= placebo.lag_years[-1]:
            rows.append(Detectable(month, detectable_ratio(baseline, placebo, days, lag_years, power)))
    return tuple(row for row in rows if row.saving_ratio < 1)


def months_to_show(
    baseline: Baseline, placebo: Placebo, saving_ratio: float, start: dt.date, power: float = POWER
) -> int | None:
    """Return after how many months a saving could be shown.

    Parameters
    ----------
    baseline : Baseline
        By which the project will be judged.
    placebo : Placebo
        Errors of baselines where nothing was saved.
    saving_ratio : float
        What is expected of the project, a share of the building's use.
    start : date
        The first day on which it saves.
    power : float
        The share of cases in which it should be shown.

    Returns
    -------
    int or None
        Months; None where three years are not enough.

    Examples
    --------
    >>> import datetime as dt
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.packaged import placebo
    >>> from bkkenergy.savings.power import months_to_show
    >>> fitted = bk.Baseline.fit(bk.examples.office()["2024"]).fitted
    >>> months_to_show(fitted, placebo(), 0.9, dt.date(2025, 1, 1))
    1
    >>> months_to_show(fitted, placebo(), 0.02, dt.date(2025, 1, 1)) is None
    True
    """
    rows = detectable_by_month(baseline, placebo, start, power=power, months=MAX_MONTHS)
    return next((row.months for row in rows if saving_ratio >= row.saving_ratio), None)
