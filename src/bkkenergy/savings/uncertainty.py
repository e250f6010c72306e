"""How sure a saving is: a band made from what happened where nothing was saved.

A building changes by itself from year to year, more than any regression's residuals tell: Guideline 14's
fractional uncertainty at 90 % held the truth for about a third of real meters. So the band is empirical. Each
building of a placebo pool, with no project, was fitted on one year and foretold the next; its error, divided
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

DAYS_A_MONTH, DAYS_A_YEAR = 30.4, 365.0
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
    """Rms of a baseline's errors in held-out blocks of months."""
    return float(np.sqrt(np.mean(np.square(fold_error_ratio)))) if len(fold_error_ratio) else float("nan")


def scale_ratio(fold_error_ratio: Sequence[float], typical_fold_ratio: float) -> float:
    """A building's scale: its own held-out error joined with the typical one, so that luck makes no narrow band."""
    own = fold_rms(fold_error_ratio)
    return float(np.hypot(typical_fold_ratio, typical_fold_ratio if np.isnan(own) else own))


def conformal_quantile(draws: Sequence[float] | FloatArray, confidence: float = CONFIDENCE) -> float:
    """The draw that a new one stays below with the confidence asked for: the ceil((n + 1) c)-th smallest."""
    ordered = np.sort(np.asarray(draws, np.float64))
    rank = int(np.ceil((len(ordered) + 1) * confidence)) - 1
    return float(ordered[min(rank, len(ordered) - 1)])


def multiplier(placebo: Placebo, days: int, confidence: float = CONFIDENCE) -> float:
    """Scales to a band, for a reporting period: between the month's and the year's on a line of log(days)."""
    ends = [conformal_quantile(placebo.month, confidence), conformal_quantile(placebo.year, confidence)]
    return float(np.interp(np.log(max(days, 1)), np.log([DAYS_A_MONTH, DAYS_A_YEAR]), ends))


def band_of(saving: Saving, baseline: Baseline, placebo: Placebo, *, confidence: float = CONFIDENCE) -> Band:
    """One building's saving with its band."""
    scale = scale_ratio(baseline.fold_error_ratio, placebo.typical_fold_ratio)
    return Band(saving.saving_ratio, scale * multiplier(placebo, saving.days, confidence))


def total_band(savings: Sequence[Saving], bands: Sequence[Band], placebo: Placebo) -> Band:
    """The saving of many buildings: their own errors largely cancel, what they drift together does not."""
    return summed_band(
        np.array([saving.adjusted_kwh for saving in savings]),
        np.array([saving.adjusted_kwh - saving.saving_kwh for saving in savings]),
        np.array([band.half_width_ratio for band in bands]),
        placebo,
    )


def summed_band(
    baseline_kwh: FloatArray, actual_kwh: FloatArray, half_width_ratio: FloatArray, placebo: Placebo
) -> Band:
    """(n,) buildings' baselines, uses and half bands, as the saving of their sum with its band."""
    total = float(baseline_kwh.sum())
    if total <= 0:
        return Band(float("nan"), float("nan"))
    own = half_width_ratio * baseline_kwh
    common = NORMAL_90 * placebo.common_ratio * total
    saved = total - float(actual_kwh.sum())
    return Band(saved / total, float(np.sqrt((own**2).sum() + common**2)) / total)


def guideline_14_ratio(cvrmse: float, days: int, reported_days: int, autocorrelation: float) -> float:
    """Guideline 14's fractional uncertainty of a year without saving, at 90 %: a diagnostic, never the band.

    FSU = 1.26 t CVRMSE sqrt(n / n' (1 + 2 / n') / m), n' = n (1 - rho) / (1 + rho), as a share of the baseline.
    """
    effective = days * (1 - autocorrelation) / (1 + autocorrelation)
    t = float(stdtrit(max(effective - 5, 1), 0.95))
    return float(1.26 * t * cvrmse * np.sqrt(days / effective * (1 + 2 / effective) / reported_days))
