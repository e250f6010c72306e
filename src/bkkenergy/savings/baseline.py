"""A building's baseline: which model foretells it best, how well, and what it says of another period.

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
from bkkenergy.portfolio import OpeningCalendar
from bkkenergy.readings import BoolArray, FloatArray, IntArray
from bkkenergy.savings.daily import DailyModel, day_slot, fit_daily, predict_daily
from bkkenergy.savings.days import day_kinds
from bkkenergy.savings.hourly import HourlyModel, fit_hourly, predict_hourly, slot_of

MODEL_VERSION = 1
HOURS_A_DAY = 24
DAY_VALID_RATIO = 0.9
"""CalTRACK counts a day with nine tenths of its hours."""
FULL_DAYS, FULL_MONTHS = 330, 12
LEAST_DAYS = 60
SPIKE_FACTOR = 10.0
FOLD_MONTHS, DAYS_A_FOLD = 2, 14
WORTH_RATIO = 0.01
"""A model with temperature is taken only where held-out error falls by more than this share."""

Form = Literal["hourly", "hourly_calendar", "daily", "daily_calendar"]
FORMS: tuple[Form, ...] = ("daily_calendar", "hourly_calendar", "daily", "hourly")
"""From the simplest on: of two that foretell alike the earlier is taken."""


@dataclass(frozen=True)
class Series:
    """A building's hours: (n,) each, whole days of Bangkok. What is derived is computed once: do not write into it.

    energy_kwh : NaN where not measured; temp_c : NaN where not known, None where there is no weather.
    kind : (n / 24,) DayKind of each day.
    """

    starts: pd.DatetimeIndex
    energy_kwh: FloatArray
    temp_c: FloatArray | None
    kind: IntArray

    def __post_init__(self) -> None:
        if len(self.starts) % HOURS_A_DAY or len(self.kind) * HOURS_A_DAY != len(self.starts):
            raise ValueError("a series is made of whole days of 24 hours, with a kind for each day")

    @property
    def day_index(self) -> pd.DatetimeIndex:
        """(m,) midnights of the days."""
        return self.starts[::HOURS_A_DAY]

    @property
    def day_month(self) -> IntArray:
        """(m,) month of each day, counted on through the years."""
        months: IntArray = self.day_index.year.to_numpy() * 12 + self.day_index.month.to_numpy()
        return months

    @cached_property
    def known(self) -> BoolArray:
        """(n,) hours that count: measured, not negative, and no spike."""
        mean = np.nanmean(self.energy_kwh) if np.isfinite(self.energy_kwh).any() else 0.0
        with np.errstate(invalid="ignore"):
            found: BoolArray = (self.energy_kwh >= 0) & (self.energy_kwh <= SPIKE_FACTOR * mean)
        return found

    @cached_property
    def day_known(self) -> BoolArray:
        """(m,) days of which nine tenths count."""
        found: BoolArray = self.known.reshape(-1, HOURS_A_DAY).mean(axis=1) >= DAY_VALID_RATIO
        return found

    @cached_property
    def day_energy_kwh(self) -> FloatArray:
        """(m,) energy of each valid day, its missing hours at the day's mean; NaN where it does not count."""
        hours = np.where(self.known, self.energy_kwh, 0.0).reshape(-1, HOURS_A_DAY).sum(axis=1)
        count = self.known.reshape(-1, HOURS_A_DAY).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.day_known, hours / count * HOURS_A_DAY, np.nan)

    @cached_property
    def day_temp_c(self) -> FloatArray | None:
        """(m,) mean temperature of each day; NaN where fewer than half its hours are known."""
        if self.temp_c is None:
            return None
        grid = self.temp_c.reshape(-1, HOURS_A_DAY)
        count = np.isfinite(grid).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(count >= HOURS_A_DAY / 2, np.nansum(grid, axis=1) / count, np.nan)

    @cached_property
    def hour_slot(self) -> IntArray:
        """(n,) slot of each hour in the hourly model."""
        return slot_of(
            self.starts.hour.to_numpy(), self.starts.day_of_week.to_numpy(), np.repeat(self.kind, HOURS_A_DAY)
        )

    @cached_property
    def day_slot(self) -> IntArray:
        """(m,) slot of each day in the daily model."""
        return day_slot(self.day_index.day_of_week.to_numpy(), self.kind)

    def between(self, first: dt.date, last: dt.date) -> Series:
        """The days from the first to the last, both included."""
        days = self.day_index.tz_localize(None)
        rows = np.flatnonzero((days >= pd.Timestamp(first)) & (days <= pd.Timestamp(last)))
        hours = (rows[:, None] * HOURS_A_DAY + np.arange(HOURS_A_DAY)).ravel()
        temp_c = None if self.temp_c is None else self.temp_c[hours]
        return Series(self.starts[hours], self.energy_kwh[hours], temp_c, self.kind[rows])

    def fingerprint(self) -> str:
        """Twelve hex digits that change with any figure of it."""
        digest = hashlib.sha256(self.starts.asi8.tobytes() + self.kind.tobytes() + self.energy_kwh.tobytes())
        if self.temp_c is not None:
            digest.update(self.temp_c.tobytes())
        return digest.hexdigest()[:12]


def series_of(
    starts: pd.DatetimeIndex, energy_kwh: FloatArray, temp_c: FloatArray | None, calendar: OpeningCalendar
) -> Series:
    """A building's hours with the kinds of its days; starts must cover whole days of Bangkok."""
    local = starts.tz_convert(BANGKOK)
    days = [midnight.date() for midnight in local[::HOURS_A_DAY]]
    return Series(local, energy_kwh, temp_c, day_kinds(days, calendar))


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """How well a model does, over days: CV(RMSE), NMBE (positive where it foretells too much) and R2."""

    cvrmse: float
    nmbe: float
    r2: float


@dataclass(frozen=True, slots=True)
class Baseline:
    """A fitted baseline, kept as a record.

    held_out : diagnostics over months that the model had not seen; fold_error_ratio : its error in each of
        them, a share of their energy: what the band of savings is made from.
    is_provisional : fewer than 12 months or 330 valid days.
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


def diagnostics(actual: FloatArray, expected: FloatArray) -> Diagnostics:
    """CV(RMSE), NMBE and R2 of expected against actual, over what both know (ASHRAE Guideline 14-2014)."""
    both = np.isfinite(actual) & np.isfinite(expected)
    y, p = actual[both], expected[both]
    if len(y) == 0 or y.mean() <= 0:
        return Diagnostics(float("nan"), float("nan"), float("nan"))
    spread = float(((y - y.mean()) ** 2).sum())
    r2 = 1 - float(((y - p) ** 2).sum()) / spread if spread > 0 else float("nan")
    return Diagnostics(float(np.sqrt(((y - p) ** 2).mean()) / y.mean()), float((p - y).sum() / y.sum()), r2)


def fit_form(form: Form, series: Series, day_rows: BoolArray) -> HourlyModel | DailyModel:
    """One form of model on the days that are True."""
    with_temp = not form.endswith("calendar")
    if form.startswith("hourly"):
        known = series.known & np.repeat(day_rows & series.day_known, HOURS_A_DAY)
        energy = np.where(known, series.energy_kwh, 0.0)
        return fit_hourly(energy, series.temp_c if with_temp else None, series.hour_slot, known)
    known = series.day_known & day_rows
    energy = np.nan_to_num(series.day_energy_kwh)
    return fit_daily(energy, series.day_temp_c if with_temp else None, series.day_slot, known)


def expected_days(model: HourlyModel | DailyModel, series: Series) -> FloatArray:
    """(m,) kWh that each day would have used; NaN where the weather is not known but needed."""
    if isinstance(model, HourlyModel):
        hours = predict_hourly(model, series.temp_c, series.hour_slot).reshape(-1, HOURS_A_DAY)
        days: FloatArray = hours.sum(axis=1)
        return days
    return predict_daily(model, series.day_temp_c, series.day_slot)


def folds_of(series: Series) -> IntArray:
    """(m,) block of months that each day is held out with: two calendar months, one after the other."""
    month = series.day_month
    found: IntArray = (month - month.min()) // FOLD_MONTHS
    return found


def fit_baseline(series: Series, *, forms: Sequence[Form] = FORMS) -> Baseline:
    """The baseline of a building: of the forms the one that foretells held-out months best.

    Raises InputError when there are too few days for any.
    """
    valid = int(series.day_known.sum())
    if valid < LEAST_DAYS:
        raise InputError(
            f"only {valid} valid days: a baseline needs {LEAST_DAYS}, and {FULL_DAYS} to be more than provisional."
        )
    has_temp = series.temp_c is not None and np.isfinite(series.temp_c).mean() > DAY_VALID_RATIO / 2
    usable = [form for form in forms if has_temp or form.endswith("calendar")]
    foretold = {form: held_out_days(form, series) for form in usable}
    actual = series.day_energy_kwh
    errors = {form: diagnostics(actual, expected).cvrmse for form, expected in foretold.items()}
    form = usable[0]
    for other in usable[1:]:
        if errors[other] < errors[form] * (1 - WORTH_RATIO):
            form = other
    model = fit_form(form, series, np.ones(len(series.kind), np.bool_))
    months = len(np.unique(series.day_month))
    return Baseline(
        form=form,
        model=model,
        first=series.day_index[0].date(),
        last=series.day_index[-1].date(),
        valid_days=valid,
        is_provisional=valid < FULL_DAYS or months < FULL_MONTHS,
        fitted=diagnostics(actual, expected_days(model, series)),
        held_out=diagnostics(actual, foretold[form]),
        fold_error_ratio=fold_errors(actual, foretold[form], folds_of(series)),
        fingerprint=series.fingerprint(),
    )


def held_out_days(form: Form, series: Series) -> FloatArray:
    """(m,) what each day was foretold to use by a model that had not seen its months."""
    fold = folds_of(series)
    found = np.full(len(fold), np.nan)
    for number in np.unique(fold):
        out = fold == number
        if (series.day_known & ~out).sum() < LEAST_DAYS / 2:
            continue
        found[out] = expected_days(fit_form(form, series, ~out), series)[out]
    return found


def fold_errors(actual: FloatArray, expected: FloatArray, fold: IntArray) -> tuple[float, ...]:
    """(expected - actual) / actual of each block of months, over the days that both know."""
    both = np.isfinite(actual) & np.isfinite(expected)
    found = []
    for number in np.unique(fold):
        own = both & (fold == number)
        if own.sum() >= DAYS_A_FOLD and actual[own].sum() > 0:
            found.append(float((expected[own] - actual[own]).sum() / actual[own].sum()))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Saving:
    """What was saved in a period: baseline less use, over the days that both know.

    adjustment_kwh : what persons entered as changes that are no savings, added to the baseline.
    """

    first: dt.date
    last: dt.date
    days: int
    baseline_kwh: float
    actual_kwh: float
    adjustment_kwh: float = 0.0

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


def saving_of(baseline: Baseline, series: Series, *, adjustment_kwh: FloatArray | None = None) -> Saving:
    """The saving of a period under a baseline.

    adjustment_kwh : (m,) kWh a day that a person added for changes that are no savings.
    """
    expected, actual = expected_days(baseline.model, series), series.day_energy_kwh
    both = np.isfinite(expected) & np.isfinite(actual)
    adjusted = 0.0 if adjustment_kwh is None else float(adjustment_kwh[both].sum())
    return Saving(
        series.day_index[0].date(),
        series.day_index[-1].date(),
        int(both.sum()),
        float(expected[both].sum()),
        float(actual[both].sum()),
        adjusted,
    )
