"""How sure a saving is: a band made from what happened where nothing was saved.

A building changes by itself from year to year, more than any regression's residuals show: Guideline 14's
fractional uncertainty at 90 % held the truth for about a third of real meters. So the interval is empirical. Each
building of a placebo pool, with no project, was fitted on some months and predicted for days up to seven years after;
its error, divided by a scale of its own, is one draw. A quantile of these draws times a building's scale is half its
interval (split conformal prediction: Vovk, Gammerman and Shafer 2005; Lei et al. 2018, JASA 113, 1094). It depends on
how many days are judged, how long ago the baseline ended, and how long the baseline is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Annotated, Literal, Self, get_args

import numpy as np
from pydantic import Field, model_validator

from bkkenergy.dated import Cited
from bkkenergy.readings import FloatArray
from bkkenergy.savings.baseline import DAY_VALID_RATIO, Baseline, Saving
from bkkenergy.tomlfiles import Frozen

DAYS_PER_MONTH, DAYS_PER_YEAR = 30.4, 365.0
CONFIDENCE = 0.90
NORMAL_90 = NormalDist().inv_cdf(0.95)

CLAIM_NORMAL = NormalDist().inv_cdf(0.985)
"""A saving is called significant beyond what 97 % of untouched buildings show, so 98.5 % on each side."""
MIN_VERDICT_DAYS, MIN_VERDICT_RATIO = 14, 0.9
ROUNDING = 1e-9
OLD_YEARS = 2.0
"""From here on a baseline should be made again: the interval has doubled."""

Verdict = Literal["proven", "increase", "unclear", "short", "part", "old"]
NoVerdict = Literal["", "short", "part", "old"]
NO_VERDICTS: tuple[NoVerdict, ...] = get_args(NoVerdict)
Matrix = tuple[tuple[float, ...], ...]


class LengthCells(Frozen):
    """Quantiles of baselines of at least `months` months, (days, lags), in scales of a building.

    half : 90 %. significant : 97 %. pairs : how many baselines and windows each was made of.
    """

    months: Annotated[int, Field(ge=1)]
    half: Matrix
    significant: Matrix
    pairs: tuple[tuple[int, ...], ...]


class Placebo(Cited):
    """Errors of baselines where nothing was done, each divided by its building's scale.

    days, lag_years : of the cells: days judged, and years from the baseline's end to the last judged day.
    typical_fold_ratio : typical rms error of held-out blocks of months.
    common_ratio : (lags,) what all buildings of a portfolio drift together, as a standard deviation.
    """

    days: Annotated[tuple[int, ...], Field(min_length=2)]
    lag_years: Annotated[tuple[float, ...], Field(min_length=1)]
    length: Annotated[tuple[LengthCells, ...], Field(min_length=1)]
    typical_fold_ratio: Annotated[float, Field(gt=0)]
    common_ratio: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=1)]
    entered: dt.date

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        shape = (len(self.days), len(self.lag_years))
        grids = [grid for cells in self.length for grid in (cells.half, cells.significant, cells.pairs)]
        if any(len(grid) != shape[0] or any(len(row) != shape[1] for row in grid) for grid in grids):
            raise ValueError(f"each table of a length needs {shape[0]} rows of {shape[1]} values")
        if len(self.common_ratio) != shape[1]:
            raise ValueError(f"common_ratio needs {shape[1]} values, one of each lag")
        return self

    def column(self, lag_years: float) -> int:
        """Return the cell of a lag; the last one for what is older."""
        return min(int(np.searchsorted(self.lag_years, lag_years - 0.01)), len(self.lag_years) - 1)


@dataclass(frozen=True, slots=True)
class Multipliers:
    """How many scales half an interval is wide, and beyond how many a saving is significant."""

    half: float
    significant: float


@dataclass(frozen=True, slots=True)
class Band:
    """A saving with its 90 % interval, as shares of the baseline.

    significant_ratio : a saving or rise beyond it is significant: at most 5 % of untouched buildings show one in any
    year. no_verdict : why none is given: too few days ("short"), too little of the energy ("part"), or a baseline
    older than any that was tested ("old").
    """

    saving_ratio: float
    half_width_ratio: float
    significant_ratio: float
    no_verdict: NoVerdict = ""

    @property
    def verdict(self) -> Verdict:
        """Proven when the saving is significant, an increase when the rise is, else unclear; or why there is none."""
        if self.no_verdict:
            return self.no_verdict
        if abs(self.saving_ratio) > self.significant_ratio:
            return "proven" if self.saving_ratio > 0 else "increase"
        return "unclear"


def no_verdict_of(verdict: str | None) -> NoVerdict:
    """Return why there is no verdict, of a verdict's word; nothing where there is one.

    Parameters
    ----------
    verdict : str or None
        The word, as reports have it.

    Returns
    -------
    str
        "short", "part", "old" or "".

    Examples
    --------
    >>> from bkkenergy.savings.uncertainty import no_verdict_of
    >>> no_verdict_of("short"), no_verdict_of("proven")
    ('short', '')
    """
    return next((why for why in NO_VERDICTS if why == verdict), "")


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


def multipliers(placebo: Placebo, days: int, lag_years: float, baseline_days: int) -> Multipliers:
    """Return how many scales an interval is wide.

    Between days of the table it lies on a line of log(days). Lags and lengths take their cell: the next longer lag,
    the next shorter baseline.

    Parameters
    ----------
    placebo : Placebo
        Errors of baselines where nothing was saved, each over its building's scale.
    days : int
        Days judged.
    lag_years : float
        From the baseline's end to the last judged day [years].
    baseline_days : int
        Valid days of the baseline.

    Returns
    -------
    Multipliers
        Of half an interval, and of what is significant.

    Examples
    --------
    >>> from bkkenergy.savings.uncertainty import multipliers
    >>> from bkkenergy.library.packaged import placebo
    >>> one, five = (multipliers(placebo(), 365, lag, 365).half for lag in (1.0, 5.0))
    >>> five > 3 * one
    True
    """
    lengths = sorted(placebo.length, key=lambda cells: cells.months)
    fitting = [cells for cells in lengths if baseline_days >= cells.months * DAYS_PER_MONTH * DAY_VALID_RATIO]
    cells, column = (fitting or lengths)[-1 if fitting else 0], placebo.column(lag_years)
    at = np.log(max(days, 1))

    def between(grid: Matrix) -> float:
        return float(np.interp(at, np.log(placebo.days), [row[column] for row in grid]))

    return Multipliers(between(cells.half), between(cells.significant))


def lag_of(saving: Saving, baseline: Baseline) -> float:
    """Return the age of a baseline at the end of a period.

    Parameters
    ----------
    saving : Saving
        The saving of a period.
    baseline : Baseline
        What it was computed by.

    Returns
    -------
    float
        From the baseline's last day to the period's [years].

    Examples
    --------
    >>> import bkkenergy as bk
    >>> from bkkenergy.savings.uncertainty import lag_of
    >>> use = bk.examples.office(saving_ratio=0.2)
    >>> fitted = bk.Baseline.fit(use["2024"])
    >>> lag_of(fitted.savings(use["2025"]).saving, fitted.fitted)
    1.0
    """
    return (saving.last - baseline.last).days / DAYS_PER_YEAR


def band_of(saving: Saving, baseline: Baseline, placebo: Placebo) -> Band:
    """Compute the interval of one building's saving.

    Days whose weather is missing are judged by the calendar form, and weigh with its error.

    Parameters
    ----------
    saving : Saving
        The saving of a period.
    baseline : Baseline
        What it was computed by.
    placebo : Placebo
        Errors of baselines where nothing was saved.

    Returns
    -------
    Band
        The saving with half its interval, as shares of the baseline, and whether there is a verdict.

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
    >>> 0.05 < band_of(saving, fitted.fitted, placebo()).half_width_ratio < 0.15
    True
    """
    scale = scale_ratio(baseline.fold_error_ratio, placebo.typical_fold_ratio)
    if saving.calendar_days:
        share = saving.calendar_days / saving.days
        without = scale_ratio(baseline.calendar_error_ratio, placebo.typical_fold_ratio)
        scale = float(np.sqrt((1 - share) * scale**2 + share * max(scale, without) ** 2))
    lag_years = lag_of(saving, baseline)
    wide = multipliers(placebo, saving.days, lag_years, baseline.valid_days)
    why: NoVerdict = ""
    if saving.days < MIN_VERDICT_DAYS:
        why = "short"
    elif saving.judged_ratio < MIN_VERDICT_RATIO:
        why = "part"
    elif lag_years > placebo.lag_years[-1] + 0.01:
        why = "old"
    adjusted = saving.adjustment_half_kwh / saving.adjusted_kwh if saving.adjusted_kwh > 0 else 0.0
    half = float(np.hypot(scale * wide.half, adjusted))
    significant = float(np.hypot(scale * wide.significant, adjusted * CLAIM_NORMAL / NORMAL_90))
    return Band(saving.saving_ratio, half, significant, why)


def total_band(savings: Sequence[Saving], bands: Sequence[Band], lag_years: float, placebo: Placebo) -> Band:
    """Compute the interval of the saving of many buildings.

    Their own errors largely cancel; what they drift together does not. Where more than a tenth of the energy has no
    verdict the total has none.

    Parameters
    ----------
    savings : sequence of Saving
        The saving of each building.
    bands : sequence of Band
        Its interval.
    lag_years : float
        Age of the oldest baseline at the end of the period [years].
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
    >>> round(total_band([one] * 4, [Band(0.1, 0.2, 0.3)] * 4, 1.0, placebo()).saving_ratio, 3)
    0.1
    """
    baseline_kwh = np.array([saving.adjusted_kwh for saving in savings])
    actual_kwh = np.array([saving.actual_kwh for saving in savings])
    return summed_band(baseline_kwh, actual_kwh, bands, lag_years, placebo)


def summed_band(
    baseline_kwh: FloatArray, actual_kwh: FloatArray, bands: Sequence[Band], lag_years: float, placebo: Placebo
) -> Band:
    """Compute the interval of the sum of buildings' savings, from arrays.

    Parameters
    ----------
    baseline_kwh, actual_kwh : (n,) array
        Baseline and use of each building [kWh].
    bands : sequence of Band
        The interval of each.
    lag_years : float
        Age of the oldest baseline at the end of the period [years].
    placebo : Placebo
        With what buildings drift together.

    Returns
    -------
    Band
        The saving of the sum with half its interval, as shares; NaN without any baseline.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.uncertainty import Band, summed_band
    >>> from bkkenergy.library.packaged import placebo
    >>> found = summed_band(np.full(100, 1e3), np.full(100, 9e2), [Band(0.1, 0.2, 0.3)] * 100, 1.0, placebo())
    >>> round(found.saving_ratio, 3), found.half_width_ratio < 0.2
    (0.1, True)
    """
    total = float(baseline_kwh.sum())
    if total <= 0:
        return Band(float("nan"), float("nan"), float("nan"))
    common_kwh = placebo.common_ratio[placebo.column(lag_years)] * total

    def joined(ratios: Sequence[float], sigmas: float) -> float:
        own_kwh = np.array(ratios) * baseline_kwh
        return float(np.sqrt((own_kwh**2).sum() + (sigmas * common_kwh) ** 2)) / total

    return Band(
        1 - float(actual_kwh.sum()) / total,
        joined([band.half_width_ratio for band in bands], NORMAL_90),
        joined([band.significant_ratio for band in bands], CLAIM_NORMAL),
        _why_none(baseline_kwh, bands),
    )


def _why_none(baseline_kwh: FloatArray, bands: Sequence[Band]) -> NoVerdict:
    """Return why a sum has no verdict: what more than a tenth of its energy has none for."""
    total_kwh = float(baseline_kwh.sum())
    without = [(float(kwh), band.no_verdict) for kwh, band in zip(baseline_kwh, bands, strict=True) if band.no_verdict]
    with_kwh = total_kwh - sum(kwh for kwh, _ in without)
    if with_kwh >= MIN_VERDICT_RATIO * total_kwh * (1 - ROUNDING):
        return ""
    return max(without)[1]
