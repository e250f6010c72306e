"""How sure a saving is: a band made from what happened where nothing was saved.

A building changes by itself from year to year, more than any regression's residuals show: Guideline 14's
fractional uncertainty at 90 % held the truth for about a third of real meters. So the band is empirical. Each
building of a placebo pool, with no project, was fitted on one year and predicted for the next; its error, divided
by a scale of its own, is one draw. A quantile of these draws times a building's scale is its band
(split conformal prediction: Vovk, Gammerman and Shafer 2005; Lei et al. 2018, JASA 113, 1094).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from scipy.special import stdtrit

from bkkenergy.readings import FloatArray
from bkkenergy.savings.baseline import Baseline, Saving
from bkkenergy.tomlfiles import Frozen

DAYS_PER_MONTH, DAYS_PER_YEAR = 30.4, 365.0
CONFIDENCE = 0.90
NORMAL_90 = NormalDist().inv_cdf(0.95)

Verdict = Literal["proven", "increase", "unclear"]


class Placebo(Frozen):
    """Errors of baselines where nothing was done, each divided by its building's scale.

    year, month : absolute draws for a reporting period of a year and of a month.
    typical_fold_ratio : median over buildings of the rms error of held-out blocks of months.
    common_ratio : standard deviation of what all buildings of a portfolio drift together in a year.
    """

    year: Annotated[tuple[float, ...], Field(min_length=10)]
    month: Annotated[tuple[float, ...], Field(min_length=10)]
    typical_fold_ratio: Annotated[float, Field(gt=0)]
    common_ratio: Annotated[float, Field(ge=0)]
    source: Annotated[str, Field(min_length=1)]
    entered: dt.date


@dataclass(frozen=True, slots=True)
class Band:
    """A saving with its 90 % band, as shares of the baseline."""

    saving_ratio: float
    half_width_ratio: float

    @property
    def verdict(self) -> Verdict:
        """Proven when the band lies above zero, an increase when below, else not distinguishable from zero."""
        if self.saving_ratio - self.half_width_ratio > 0:
            return "proven"
        return "increase" if self.saving_ratio + self.half_width_ratio < 0 else "unclear"


def fold_rms(fold_error_ratio: Sequence[float]) -> float:
    """Compute the root mean square of a baseline's errors in held-out blocks of months.

    Parameters
    ----------
    fold_error_ratio : sequence of float
        Relative error of each block.

    Returns
    -------
    float
        The root mean square, a share; NaN without any block.

    Examples
    --------
    >>> from bkkenergy.savings.uncertainty import fold_rms
    >>> round(fold_rms([0.03, -0.04]), 4)
    0.0354
    """
    return float(np.sqrt(np.mean(np.square(fold_error_ratio)))) if len(fold_error_ratio) else float("nan")


def scale_ratio(fold_error_ratio: Sequence[float], typical_fold_ratio: float) -> float:
    """Compute a building's scale: its own held-out error joined with the typical one.

    A building that was lucky in its few blocks gets no narrow interval.

    Parameters
    ----------
    fold_error_ratio : sequence of float
        Relative error of each held-out block of months.
    typical_fold_ratio : float
        The typical root mean square of buildings.

    Returns
    -------
    float
        The scale, as a share of the baseline.

    Examples
    --------
    >>> from bkkenergy.savings.uncertainty import scale_ratio
    >>> scale_ratio([0.03], 0.04)
    0.05
    """
    fold_rms_ratio = fold_rms(fold_error_ratio)
    return float(np.hypot(typical_fold_ratio, typical_fold_ratio if np.isnan(fold_rms_ratio) else fold_rms_ratio))


def conformal_quantile(draws: Sequence[float] | FloatArray, confidence: float = CONFIDENCE) -> float:
    """Return the draw that a new one stays below with a confidence: the ceil((n + 1) c)-th smallest.

    Parameters
    ----------
    draws : sequence of float
        Absolute errors.
    confidence : float
        The confidence, 0 to 1.

    Returns
    -------
    float
        The draw; the largest where there are too few.

    References
    ----------
    .. [1] Vovk, Gammerman and Shafer 2005, "Algorithmic Learning in a Random World".
    .. [2] Lei et al. 2018, "Distribution-free predictive inference for regression", JASA 113, 1094.

    Examples
    --------
    >>> from bkkenergy.savings.uncertainty import conformal_quantile
    >>> conformal_quantile([3.0, 1.0, 2.0, 4.0], 0.5)
    3.0
    """
    ordered = np.sort(np.asarray(draws, np.float64))
    rank = int(np.ceil((len(ordered) + 1) * confidence)) - 1
    return float(ordered[min(rank, len(ordered) - 1)])


def multiplier(placebo: Placebo, days: int, confidence: float = CONFIDENCE) -> float:
    """Return how many scales half an interval is wide.

    Between a month and a year it lies on a line of log(days).

    Parameters
    ----------
    placebo : Placebo
        Errors of baselines where nothing was saved, each over its building's scale.
    days : int
        Length of the reporting period [days].
    confidence : float
        The confidence, 0 to 1.

    Returns
    -------
    float
        The multiplier.

    Examples
    --------
    >>> from bkkenergy.savings.uncertainty import multiplier
    >>> from bkkenergy.library.packaged import placebo
    >>> multiplier(placebo(), 30) > 0
    True
    """
    ends = [conformal_quantile(placebo.month, confidence), conformal_quantile(placebo.year, confidence)]
    return float(np.interp(np.log(max(days, 1)), np.log([DAYS_PER_MONTH, DAYS_PER_YEAR]), ends))


def band_of(saving: Saving, baseline: Baseline, placebo: Placebo, *, confidence: float = CONFIDENCE) -> Band:
    """Compute the interval of one building's saving.

    Parameters
    ----------
    saving : Saving
        The saving of a period.
    baseline : Baseline
        What it was computed by.
    placebo : Placebo
        Errors of baselines where nothing was saved.
    confidence : float
        The confidence, 0 to 1.

    Returns
    -------
    Band
        The saving with half its interval, as shares of the baseline.

    References
    ----------
    .. [1] Lei et al. 2018, "Distribution-free predictive inference for regression", JASA 113, 1094: split conformal
       prediction.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.packaged import placebo
    >>> from bkkenergy.savings.uncertainty import band_of
    >>> use = bk.examples.office(saving_ratio=0.2)
    >>> fitted = bk.Baseline.fit(use["2024"])
    >>> saving = fitted.savings(use["2025"]).saving
    >>> band_of(saving, fitted.fitted, placebo(), confidence=0.5).half_width_ratio < 0.1
    True
    """
    scale = scale_ratio(baseline.fold_error_ratio, placebo.typical_fold_ratio)
    return Band(saving.saving_ratio, scale * multiplier(placebo, saving.days, confidence))


def total_band(savings: Sequence[Saving], bands: Sequence[Band], placebo: Placebo) -> Band:
    """Compute the interval of the saving of many buildings.

    Their own errors largely cancel; what they drift together does not.

    Parameters
    ----------
    savings : sequence of Saving
        The saving of each building.
    bands : sequence of Band
        Its interval.
    placebo : Placebo
        With what buildings drift together.

    Returns
    -------
    Band
        The saving of the sum with half its interval, as shares of the baseline.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.library.packaged import placebo
    >>> from bkkenergy.savings.baseline import Saving
    >>> from bkkenergy.savings.uncertainty import Band, total_band
    >>> one = Saving(dt.date(2025, 1, 1), dt.date(2025, 12, 31), 365, 1_000.0, 900.0)
    >>> round(total_band([one] * 4, [Band(0.1, 0.2)] * 4, placebo()).saving_ratio, 3)
    0.1
    """
    return summed_band(
        np.array([saving.adjusted_kwh for saving in savings]),
        np.array([saving.adjusted_kwh - saving.saving_kwh for saving in savings]),
        np.array([band.half_width_ratio for band in bands]),
        placebo,
    )


def summed_band(
    baseline_kwh: FloatArray, actual_kwh: FloatArray, half_width_ratio: FloatArray, placebo: Placebo
) -> Band:
    """Compute the interval of the sum of buildings' savings, from arrays.

    Parameters
    ----------
    baseline_kwh, actual_kwh : (n,) array
        Baseline and use of each building [kWh].
    half_width_ratio : (n,) array
        Half its interval, as a share of its baseline.
    placebo : Placebo
        With what buildings drift together.

    Returns
    -------
    Band
        The saving of the sum with half its interval, as shares; NaN without any baseline.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.uncertainty import summed_band
    >>> from bkkenergy.library.packaged import placebo
    >>> found = summed_band(np.full(100, 1e3), np.full(100, 9e2), np.full(100, 0.2), placebo())
    >>> round(found.saving_ratio, 3), found.half_width_ratio < 0.2
    (0.1, True)
    """
    total = float(baseline_kwh.sum())
    if total <= 0:
        return Band(float("nan"), float("nan"))
    half_width_kwh = half_width_ratio * baseline_kwh
    common = NORMAL_90 * placebo.common_ratio * total
    saved = total - float(actual_kwh.sum())
    return Band(saved / total, float(np.sqrt((half_width_kwh**2).sum() + common**2)) / total)


def guideline_14_ratio(cvrmse: float, days: int, reported_days: int, autocorrelation: float) -> float:
    """Compute Guideline 14's fractional uncertainty of a year without saving, at 90 %.

    It is a diagnostic and never the interval: it held the truth for a third of real meters. FSU = 1.26 t CVRMSE
    sqrt(n / n' (1 + 2 / n') / m), n' = n (1 - rho) / (1 + rho).

    Parameters
    ----------
    cvrmse : float
        CV(RMSE) of the model, a share.
    days : int
        Days of the baseline, n.
    reported_days : int
        Days of the reporting period, m.
    autocorrelation : float
        Correlation rho of the residuals of neighbouring days.

    Returns
    -------
    float
        Half width, as a share of the baseline.

    References
    ----------
    .. [1] ASHRAE Guideline 14-2014, annex B.
    .. [2] Reddy and Claridge 2000, "Uncertainty of measured energy savings from statistical baseline models",
       HVAC&R Research 6, 3.

    Examples
    --------
    >>> from bkkenergy.savings.uncertainty import guideline_14_ratio
    >>> round(guideline_14_ratio(0.15, 365, 365, 0.5), 4)
    0.0286
    """
    effective = days * (1 - autocorrelation) / (1 + autocorrelation)
    t = float(stdtrit(max(effective - 5, 1), 0.95))
    return float(1.26 * t * cvrmse * np.sqrt(days / effective * (1 + 2 / effective) / reported_days))
