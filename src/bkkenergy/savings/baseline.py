"""A building's baseline: which model predicts it best, how well, and what it says of another period.

IPMVP option C, ASHRAE Guideline 14: fitted on a year before a change, laid over the time after it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError
from bkkenergy.portfolio import DaysOpen
from bkkenergy.readings import BoolArray, FloatArray, IntArray
from bkkenergy.savings.daily import DailyModel, day_slot, fit_daily, predict_daily
from bkkenergy.savings.days import day_kinds
from bkkenergy.savings.hourly import HourlyModel, fit_hourly, predict_hourly, slot_of

MODEL_VERSION = 2
"""Since 2 a baseline is of gross use."""
HOURS_PER_DAY = 24
DAY_VALID_RATIO = 0.9
"""CalTRACK counts a day with nine tenths of its hours."""
FULL_DAYS, FULL_MONTHS = 330, 12
MIN_DAYS = 60
SPIKE_FACTOR, SPIKE_FELLOWS, USUAL_SHARE = 10.0, 4, 0.999
"""Without a rating: an hour above ten means is a spike, unless four hours reach half of it. What repeats is use."""
FOLD_MONTHS, DAYS_PER_FOLD = 2, 14
WORTH_RATIO = 0.01
"""A model with temperature is taken only where held-out error falls by more than this share."""

Form = Literal["hourly", "hourly_calendar", "daily", "daily_calendar"]
FORMS: tuple[Form, ...] = ("daily_calendar", "hourly_calendar", "daily", "hourly")
"""From the simplest on: of two that predict alike the earlier is taken."""


@dataclass(frozen=True)
class Series:
    """A building's hours: (n,) each, whole days of Bangkok. What is derived is computed once: do not write into it.

    energy_kwh : NaN where not measured; temp_c : NaN where not known, None where there is no weather.
    kind : (n / 24,) DayKind of each day. max_kwh : most that an hour can hold, by the meters' rating: above is a spike.
    """

    starts: pd.DatetimeIndex
    energy_kwh: FloatArray
    temp_c: FloatArray | None
    kind: IntArray
    max_kwh: float = float("inf")

    def __post_init__(self) -> None:
        if len(self.starts) % HOURS_PER_DAY or len(self.kind) * HOURS_PER_DAY != len(self.starts):
            raise ValueError("a series is made of whole days of 24 hours, with a kind for each day")

    @property
    def day_index(self) -> pd.DatetimeIndex:
        """(m,) midnights of the days."""
        return self.starts[::HOURS_PER_DAY]

    @property
    def day_month(self) -> IntArray:
        """(m,) month of each day, counted on through the years."""
        months: IntArray = self.day_index.year.to_numpy() * 12 + self.day_index.month.to_numpy()
        return months

    @cached_property
    def known(self) -> BoolArray:
        """(n,) hours that count: measured, not negative, and no spike."""
        with np.errstate(invalid="ignore"):
            is_known: BoolArray = (self.energy_kwh >= 0) & (self.energy_kwh <= self.max_kwh)
        return is_known

    @cached_property
    def day_known(self) -> BoolArray:
        """(m,) days of which nine tenths count."""
        is_known: BoolArray = self.known.reshape(-1, HOURS_PER_DAY).mean(axis=1) >= DAY_VALID_RATIO
        return is_known

    @cached_property
    def day_energy_kwh(self) -> FloatArray:
        """(m,) energy of each valid day, its missing hours at the day's mean; NaN where it does not count."""
        hours = np.where(self.known, self.energy_kwh, 0.0).reshape(-1, HOURS_PER_DAY).sum(axis=1)
        count = self.known.reshape(-1, HOURS_PER_DAY).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.day_known, hours / count * HOURS_PER_DAY, np.nan)

    @cached_property
    def day_temp_c(self) -> FloatArray | None:
        """(m,) mean temperature of each day; NaN where fewer than half its hours are known."""
        if self.temp_c is None:
            return None
        grid = self.temp_c.reshape(-1, HOURS_PER_DAY)
        count = np.isfinite(grid).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(count >= HOURS_PER_DAY / 2, np.nansum(grid, axis=1) / count, np.nan)

    @cached_property
    def hour_slot(self) -> IntArray:
        """(n,) slot of each hour in the hourly model."""
        return slot_of(
            self.starts.hour.to_numpy(), self.starts.day_of_week.to_numpy(), np.repeat(self.kind, HOURS_PER_DAY)
        )

    @cached_property
    def day_slot(self) -> IntArray:
        """(m,) slot of each day in the daily model."""
        return day_slot(self.day_index.day_of_week.to_numpy(), self.kind)

    def between(self, first: dt.date, last: dt.date) -> Series:
        """Return the days from the first to the last, both included."""
        days = self.day_index.tz_localize(None)
        rows = np.flatnonzero((days >= pd.Timestamp(first)) & (days <= pd.Timestamp(last)))
        hours = (rows[:, None] * HOURS_PER_DAY + np.arange(HOURS_PER_DAY)).ravel()
        temp_c = None if self.temp_c is None else self.temp_c[hours]
        return Series(self.starts[hours], self.energy_kwh[hours], temp_c, self.kind[rows], self.max_kwh)

    def fingerprint(self) -> str:
        """Compute twelve hex digits that change with any figure of it."""
        digest = hashlib.sha256(self.starts.asi8.tobytes() + self.kind.tobytes() + self.energy_kwh.tobytes())
        if self.temp_c is not None:
            digest.update(self.temp_c.tobytes())
        return digest.hexdigest()[:12]


def max_hour_kwh(energy_kwh: FloatArray) -> float:
    """Return the most that an hour of a meter without a rating can hold.

    Parameters
    ----------
    energy_kwh : (n,) array
        Energy of each hour [kWh]; NaN where not measured.

    Returns
    -------
    float
        Just below the lowest spike [kWh]: an hour above ten means without four hours of half its height beside it.
        Infinite where there is none.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.baseline import max_hour_kwh
    >>> pump = np.tile([2.0] * 22 + [400.0] * 2, 30)
    >>> max_hour_kwh(pump), 400 < max_hour_kwh(np.append(pump, 9e9)) < 9e9
    (inf, True)
    """
    ordered = np.sort(energy_kwh[np.isfinite(energy_kwh)])
    usual = ordered[: int(len(ordered) * USUAL_SHARE) + 1]
    fellows = len(ordered) - np.searchsorted(ordered, ordered / 2)
    is_spike = (ordered > SPIKE_FACTOR * usual.mean()) & (fellows <= SPIKE_FELLOWS) if len(ordered) else ordered > 0
    return float(np.nextafter(ordered[is_spike].min(), 0.0)) if is_spike.any() else float("inf")


def series_of(
    starts: pd.DatetimeIndex,
    energy_kwh: FloatArray,
    temp_c: FloatArray | None,
    calendar: DaysOpen,
    *,
    max_kwh: float | None = None,
) -> Series:
    """Join a building's hours with the kinds of its days.

    Parameters
    ----------
    starts : DatetimeIndex
        Starts of n hours, with a time zone; they cover whole days of Bangkok.
    energy_kwh : (n,) array
        Energy of each hour [kWh]; NaN where not measured.
    temp_c : (n,) array or None
        Outdoor air temperature [degC]; NaN where not known.
    calendar : OpeningCalendar
        When the building is open.
    max_kwh : float, optional
        Most that an hour can hold by the meters' rating [kWh]; without it, spikes are judged by their neighbours.

    Returns
    -------
    Series
        The hours, with what follows from them.

    Raises
    ------
    ValueError
        If the hours make no whole days.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from bkkenergy.savings.baseline import series_of
    >>> import bkkenergy as bk
    >>> starts = pd.date_range("2025-01-01", periods=48, freq="h", tz="Asia/Bangkok")
    >>> series_of(starts, np.ones(48), None, bk.calendars.government()).day_energy_kwh.tolist()
    [24.0, 24.0]
    """
    local = starts.tz_convert(BANGKOK)
    days = [midnight.date() for midnight in local[::HOURS_PER_DAY]]
    most = max_hour_kwh(energy_kwh) if max_kwh is None else max_kwh
    return Series(local, energy_kwh, temp_c, day_kinds(days, calendar), most)


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """How well a model does, over days: CV(RMSE), NMBE (positive where it predicts too much) and R2."""

    cvrmse: float
    nmbe: float
    r2: float


@dataclass(frozen=True, slots=True)
class Baseline:
    """A fitted baseline, kept as a record.

    held_out : diagnostics over months that the model had not seen; fold_error_ratio : its error in each of
        them, a share of their energy: what the interval of savings is made from.
    is_provisional : fewer than 12 months or 330 valid days.
    calendar : the same without temperature, for days whose weather is missing; calendar_error_ratio : its errors.
    """

    form: Form
    model: HourlyModel | DailyModel
    first: dt.date
    last: dt.date
    valid_days: int
    is_provisional: bool
    fitted: Diagnostics
    held_out: Diagnostics
    fold_error_ratio: tuple[float, ...]
    fingerprint: str
    version: int = MODEL_VERSION
    calendar: HourlyModel | DailyModel | None = None
    calendar_error_ratio: tuple[float, ...] = ()


def diagnostics(actual: FloatArray, expected: FloatArray) -> Diagnostics:
    """Compute CV(RMSE), NMBE and R2 of expected against actual values, over what both know.

    Parameters
    ----------
    actual, expected : (m,) array
        Energy of days [kWh]; NaN where not known.

    Returns
    -------
    Diagnostics
        Shares; NMBE is positive where the model predicts too much. NaN where nothing is known.

    References
    ----------
    .. [1] ASHRAE Guideline 14-2014, Measurement of Energy, Demand, and Water Savings, section 5.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.baseline import diagnostics
    >>> found = diagnostics(np.array([90.0, 110.0]), np.array([100.0, 100.0]))
    >>> found.cvrmse, found.nmbe
    (0.1, 0.0)
    """
    both = np.isfinite(actual) & np.isfinite(expected)
    y, p = actual[both], expected[both]
    if len(y) == 0 or y.mean() <= 0:
        return Diagnostics(float("nan"), float("nan"), float("nan"))
    spread = float(((y - y.mean()) ** 2).sum())
    r2 = 1 - float(((y - p) ** 2).sum()) / spread if spread > 0 else float("nan")
    return Diagnostics(float(np.sqrt(((y - p) ** 2).mean()) / y.mean()), float((p - y).sum() / y.sum()), r2)


def fit_form(form: Form, series: Series, day_rows: BoolArray) -> HourlyModel | DailyModel:
    """Fit one form of model on some days.

    Parameters
    ----------
    form : str
        One of `FORMS`.
    series : Series
        A building's hours.
    day_rows : (m,) bool array
        The days to fit on.

    Returns
    -------
    HourlyModel or DailyModel
        The fitted model.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.baseline import fit_form
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> series = facts_of(bk.examples.office()["2024"], schedule="mea-3-2-lv").series
    >>> model = fit_form("daily_calendar", series, np.ones(366, bool))
    >>> model.constant_kwh[:7].round(-1).tolist()
    [430.0, 430.0, 430.0, 430.0, 430.0, 180.0, 180.0]
    """
    with_temp = not form.endswith("calendar")
    if form.startswith("hourly"):
        known = series.known & np.repeat(day_rows & series.day_known, HOURS_PER_DAY)
        energy = np.where(known, series.energy_kwh, 0.0)
        return fit_hourly(energy, series.temp_c if with_temp else None, series.hour_slot, known)
    known = series.day_known & day_rows
    energy = np.nan_to_num(series.day_energy_kwh)
    return fit_daily(energy, series.day_temp_c if with_temp else None, series.day_slot, known)


def expected_days(model: HourlyModel | DailyModel, series: Series) -> FloatArray:
    """Predict the energy of each day of a series.

    Parameters
    ----------
    model : HourlyModel or DailyModel
        A fitted model.
    series : Series
        The days, with their weather.

    Returns
    -------
    (m,) array
        Energy of each day [kWh]; NaN where the weather is needed and not known.

    Examples
    --------
    >>> import numpy as np
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> from bkkenergy.savings.baseline import expected_days, fit_form
    >>> series = facts_of(bk.examples.office()["2024"], schedule="mea-3-2-lv").series
    >>> model = fit_form("daily_calendar", series, np.ones(366, bool))
    >>> expected_days(model, series)[:3].round(-1).tolist()
    [180.0, 430.0, 430.0]
    """
    if isinstance(model, HourlyModel):
        hours = predict_hourly(model, series.temp_c, series.hour_slot).reshape(-1, HOURS_PER_DAY)
        days: FloatArray = hours.sum(axis=1)
        return days
    return predict_daily(model, series.day_temp_c, series.day_slot)


def folds_of(series: Series) -> IntArray:
    """Return the block of months that each day is held out with: two calendar months, one after the other.

    Parameters
    ----------
    series : Series
        A building's hours.

    Returns
    -------
    (m,) array
        Number of the block of each day, from 0.

    Examples
    --------
    >>> from bkkenergy.savings.baseline import folds_of
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> series = facts_of(bk.examples.office()["2024"], schedule="mea-3-2-lv").series
    >>> sorted(set(folds_of(series).tolist()))
    [0, 1, 2, 3, 4, 5]
    """
    month = series.day_month
    folds: IntArray = (month - month.min()) // FOLD_MONTHS
    return folds


def fit_baseline(series: Series, *, forms: Sequence[Form] = FORMS) -> Baseline:
    """Fit the baseline of a building: the form that predicts held-out months best.

    A form that comes later in `forms` is taken only where its held-out error is at least 1 % lower.

    Parameters
    ----------
    series : Series
        A building's hours; a year is best.
    forms : sequence of str
        The forms to try, from the simplest on.

    Returns
    -------
    Baseline
        The model with its diagnostics.

    Raises
    ------
    InputError
        If fewer than 60 days are valid.

    See Also
    --------
    bkkenergy.Baseline.fit : The same with pandas.

    References
    ----------
    .. [1] ASHRAE Guideline 14-2014, Measurement of Energy, Demand, and Water Savings.
    .. [2] CalTRACK methods 2.0: a day is valid with nine tenths of its hours.

    Examples
    --------
    >>> from bkkenergy.savings.baseline import fit_baseline
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> series = facts_of(bk.examples.office()["2024"], schedule="mea-3-2-lv").series
    >>> fit_baseline(series).form
    'daily_calendar'
    """
    valid = int(series.day_known.sum())
    if valid < MIN_DAYS:
        raise InputError.of("baseline_days", days=valid, min_days=MIN_DAYS, full_days=FULL_DAYS)
    has_temp = series.temp_c is not None and np.isfinite(series.temp_c).mean() > DAY_VALID_RATIO / 2
    usable = [form for form in forms if has_temp or form.endswith("calendar")]
    predicted = {form: held_out_days(form, series) for form in usable}
    actual = series.day_energy_kwh
    errors = {form: diagnostics(actual, expected).cvrmse for form, expected in predicted.items()}
    form = usable[0]
    for other in usable[1:]:
        if errors[other] < errors[form] * (1 - WORTH_RATIO):
            form = other
    every = np.ones(len(series.kind), np.bool_)
    model = fit_form(form, series, every)
    months, fold = len(np.unique(series.day_month)), folds_of(series)
    plain: Form = "hourly_calendar" if form.startswith("hourly") else "daily_calendar"
    if plain not in predicted:
        predicted[plain] = held_out_days(plain, series)
    return Baseline(
        form=form,
        model=model,
        first=series.day_index[0].date(),
        last=series.day_index[-1].date(),
        valid_days=valid,
        is_provisional=valid < FULL_DAYS or months < FULL_MONTHS,
        fitted=diagnostics(actual, expected_days(model, series)),
        held_out=diagnostics(actual, predicted[form]),
        fold_error_ratio=fold_errors(actual, predicted[form], fold),
        fingerprint=series.fingerprint(),
        calendar=None if form.endswith("calendar") else fit_form(plain, series, every),
        calendar_error_ratio=fold_errors(actual, predicted[plain], fold),
    )


@dataclass(frozen=True, slots=True)
class Expected:
    """What a baseline expects of each day. energy_kwh : (m,); by_calendar : (m,) where the weather was missing."""

    energy_kwh: FloatArray
    by_calendar: BoolArray


def expected_of(baseline: Baseline, series: Series) -> Expected:
    """Predict the energy of each day by a baseline; without its weather by the calendar alone.

    Parameters
    ----------
    baseline : Baseline
        A fitted baseline.
    series : Series
        The days, with their weather.

    Returns
    -------
    Expected
        Energy of each day [kWh], and which days the calendar form predicted.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> from bkkenergy.savings.baseline import expected_of, fit_baseline
    >>> series = facts_of(bk.examples.office()["2024"], schedule="mea-3-2-lv").series
    >>> bool(expected_of(fit_baseline(series), series).by_calendar.any())
    False
    """
    if series.temp_c is None and baseline.calendar is not None:
        return Expected(expected_days(baseline.calendar, series), np.ones(len(series.kind), np.bool_))
    days = expected_days(baseline.model, series)
    missing = ~np.isfinite(days)
    if baseline.calendar is None or not missing.any():
        return Expected(days, np.zeros(len(days), np.bool_))
    return Expected(np.where(missing, expected_days(baseline.calendar, series), days), missing)


def held_out_days(form: Form, series: Series) -> FloatArray:
    """Predict each day by a model that has not seen its months.

    Parameters
    ----------
    form : str
        One of `FORMS`.
    series : Series
        A building's hours.

    Returns
    -------
    (m,) array
        Predicted energy of each day [kWh]; NaN where too few other days are left to fit on.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.baseline import held_out_days
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> series = facts_of(bk.examples.office()["2024"], schedule="mea-3-2-lv").series
    >>> error = held_out_days("daily_calendar", series) / series.day_energy_kwh - 1
    >>> bool(np.abs(error).max() < 0.3)
    True
    """
    fold = folds_of(series)
    predicted_kwh = np.full(len(fold), np.nan)
    for number in np.unique(fold):
        out = fold == number
        if (series.day_known & ~out).sum() < MIN_DAYS / 2:
            continue
        predicted_kwh[out] = expected_days(fit_form(form, series, ~out), series)[out]
    return predicted_kwh


def fold_errors(actual: FloatArray, expected: FloatArray, fold: IntArray) -> tuple[float, ...]:
    """Compute the relative error of each block of months, over the days that both know.

    Parameters
    ----------
    actual, expected : (m,) array
        Energy of days [kWh]; NaN where not known.
    fold : (m,) array
        Block of each day, of `folds_of`.

    Returns
    -------
    tuple of float
        (expected - actual) / actual of each block with at least 14 known days.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.baseline import fold_errors
    >>> fold_errors(np.full(20, 100.0), np.full(20, 103.0), np.zeros(20, int))
    (0.03,)
    """
    both = np.isfinite(actual) & np.isfinite(expected)
    errors = []
    for number in np.unique(fold):
        in_fold = both & (fold == number)
        if in_fold.sum() >= DAYS_PER_FOLD and actual[in_fold].sum() > 0:
            errors.append(float((expected[in_fold] - actual[in_fold]).sum() / actual[in_fold].sum()))
    return tuple(errors)


@dataclass(frozen=True, slots=True)
class Saving:
    """What was saved in a period: baseline less use, over the days that both know.

    adjustment_kwh : what persons entered as changes that are no savings, added to the baseline; adjustment_half_kwh :
    half of its 90 % interval.
    known_kwh : all energy of the period that is known, judged or not. expected_kwh : the baseline of all its days.
    period_days : days of the period. calendar_days : judged days whose weather was missing.
    """

    first: dt.date
    last: dt.date
    days: int
    baseline_kwh: float
    actual_kwh: float
    adjustment_kwh: float = 0.0
    known_kwh: float = 0.0
    expected_kwh: float = 0.0
    period_days: int = 0
    calendar_days: int = 0
    adjustment_half_kwh: float = 0.0

    @property
    def judged_ratio(self) -> float:
        """Share of the energy that is judged: of what is known, and of what the baseline expects of all days."""
        known = self.actual_kwh / self.known_kwh if self.known_kwh > 0 else 1.0
        return min(known, self.baseline_kwh / self.expected_kwh if self.expected_kwh > 0 else 1.0)

    @property
    def adjusted_kwh(self) -> float:
        """The baseline with its adjustments: what would have been used."""
        return self.baseline_kwh + self.adjustment_kwh

    @property
    def saving_kwh(self) -> float:
        """Positive where less was used than the baseline says."""
        return self.adjusted_kwh - self.actual_kwh

    @property
    def saving_ratio(self) -> float:
        """Share of the baseline; NaN where there is none."""
        return self.saving_kwh / self.adjusted_kwh if self.adjusted_kwh > 0 else float("nan")


def saving_of(
    baseline: Baseline,
    series: Series,
    *,
    adjustment_kwh: FloatArray | None = None,
    adjustment_half_kwh: FloatArray | None = None,
) -> Saving:
    """Compute the saving of a period under a baseline.

    Parameters
    ----------
    baseline : Baseline
        A fitted baseline.
    series : Series
        The hours of the period.
    adjustment_kwh : (m,) array, optional
        Energy of each day that is no saving [kWh], added to the baseline.
    adjustment_half_kwh : (m,) array, optional
        Half of its 90 % interval [kWh]; days of one adjustment err alike.

    Returns
    -------
    Saving
        Baseline less use [kWh], over the days that both know.

    See Also
    --------
    bkkenergy.savings.uncertainty.band_of : Its 90 % interval.

    References
    ----------
    .. [1] EVO 10000-1:2022, International Performance Measurement and Verification Protocol (IPMVP), option C.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> from bkkenergy.savings.baseline import fit_baseline, saving_of
    >>> use = bk.examples.office(saving_ratio=0.2)
    >>> before, after = (facts_of(use[year], schedule="mea-3-2-lv").series for year in ("2024", "2025"))
    >>> round(saving_of(fit_baseline(before), after).saving_ratio, 2)
    0.2
    """
    predicted, actual = expected_of(baseline, series), series.day_energy_kwh
    expected = predicted.energy_kwh
    both = np.isfinite(expected) & np.isfinite(actual)
    adjusted = 0.0 if adjustment_kwh is None else float(adjustment_kwh[both].sum())
    return Saving(
        series.day_index[0].date(),
        series.day_index[-1].date(),
        int(both.sum()),
        float(expected[both].sum()),
        float(actual[both].sum()),
        adjusted,
        known_kwh=float(np.nansum(np.clip(series.energy_kwh, 0, None))) + _filled_kwh(series, both),
        expected_kwh=float(np.nansum(expected)),
        period_days=len(both),
        calendar_days=int((both & predicted.by_calendar).sum()),
        adjustment_half_kwh=0.0 if adjustment_half_kwh is None else float(adjustment_half_kwh[both].sum()),
    )


def _filled_kwh(series: Series, judged: BoolArray) -> float:
    """Sum what judged days count beyond their known hours: missing hours are at the day's mean."""
    grid = np.where(series.known, series.energy_kwh, 0.0).reshape(-1, HOURS_PER_DAY).sum(axis=1)
    return float((series.day_energy_kwh[judged] - grid[judged]).sum())
