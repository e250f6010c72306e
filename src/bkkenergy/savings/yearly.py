"""A period beside the same days a year before, and the year's end as it comes out if nothing changes. Pure.

Both compare use with what one baseline expects of the same days, so that weather and calendar are out of the way. How
far that errs where nothing was done was counted on real buildings (`[year_on_year]` and `[forecast]` of
config/savings.toml), as for savings.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from bkkenergy.calendar import BANGKOK, fiscal_year_of
from bkkenergy.dated import Cited
from bkkenergy.errors import InputError
from bkkenergy.portfolio import DaysOpen
from bkkenergy.readings import BoolArray, FloatArray
from bkkenergy.savings.adjust import Adjustment, adjustment_days
from bkkenergy.savings.baseline import HOURS_PER_DAY, Baseline, Series, expected_of
from bkkenergy.savings.days import day_kinds
from bkkenergy.savings.uncertainty import (
    MIN_VERDICT_DAYS,
    MIN_VERDICT_RATIO,
    NORMAL_90,
    Band,
    NoVerdict,
    scale_ratio,
)

LEVEL_DAYS, DAYS_PER_YEAR = 91, 365
"""Days whose level a forecast goes on at: fewer follow the weather of a month, more what is long past."""

Scales = Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=1)]


class ByDays(Cited):
    """How far something errs where nothing was done, in scales of a building, by the days that it is of.

    half : 90 %. pairs : how many draws each was made of. common_ratio : what buildings err together, a standard
    deviation as a share.
    """

    days: Annotated[tuple[int, ...], Field(min_length=1)]
    half: Scales
    pairs: tuple[int, ...]
    common_ratio: Scales
    entered: dt.date

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if any(len(values) != len(self.days) for values in (self.half, self.pairs, self.common_ratio)):
            raise ValueError(f"half, pairs and common_ratio need {len(self.days)} values, one of each row of days")
        return self

    def at(self, values: Sequence[float], days: int) -> float:
        """Return the value of some days: between those of the table on a line of log(days)."""
        return float(np.interp(np.log(max(days, 1)), np.log(self.days), values))


class ChangeByDays(ByDays):
    """The same of a change from year to year. significant : beyond it a change is more than chance (97 %)."""

    significant: Scales

    @model_validator(mode="after")
    def _has_each(self) -> Self:
        if len(self.significant) != len(self.days):
            raise ValueError(f"significant needs {len(self.days)} values, one of each row of days")
        return self


@dataclass(frozen=True, slots=True)
class YearOnYear:
    """Use of a period beside the same days a year before.

    days, before_days : those of both years that are known. actual_kwh, before_kwh : what was used on them.
    expected_kwh, before_expected_kwh : what one baseline expects of them. known_ratio : share of the expected energy
    that is known, of the year that is known less.
    """

    first: dt.date
    last: dt.date
    days: int
    before_days: int
    actual_kwh: float
    before_kwh: float
    expected_kwh: float
    before_expected_kwh: float
    known_ratio: float

    @property
    def adjusted_kwh(self) -> float:
        """What the year before would have been on these days, with their weather and calendar."""
        return self.before_kwh * self.expected_kwh / self.before_expected_kwh

    @property
    def unadjusted_kwh(self) -> float:
        """What the year before was, for as many days."""
        return self.before_kwh / self.before_days * self.days

    @property
    def change_ratio(self) -> float:
        """Positive where more was used than the year before, adjusted."""
        return self.actual_kwh / self.adjusted_kwh - 1


def year_on_year(
    baseline: Baseline, now: Series, before: Series, adjustments: Sequence[Adjustment] = ()
) -> YearOnYear | None:
    """Compare a period with the same days a year before, as they would have been with its weather and calendar.

    Parameters
    ----------
    baseline : Baseline
        A baseline of the building: what it says of both periods makes up for weather, holidays and lengths.
    now, before : Series
        The hours of the period, and of the same days a year before.
    adjustments : sequence of Adjustment
        What persons entered as changes that are no savings.

    Returns
    -------
    YearOnYear or None
        None where no day of one of them is known, or nothing was used.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> from bkkenergy.savings.baseline import fit_baseline
    >>> from bkkenergy.savings.yearly import year_on_year
    >>> use = bk.examples.office(saving_ratio=0.2)
    >>> before, now = (facts_of(use[year], schedule="mea-3-2-lv").series for year in ("2024", "2025"))
    >>> round(year_on_year(fit_baseline(before), now, before).change_ratio, 2)
    -0.2
    """
    this, last = (_known(baseline, series, adjustments) for series in (now, before))
    if not this.days or not last.days or min(last.actual_kwh, last.expected_kwh, this.expected_kwh) <= 0:
        return None
    return YearOnYear(
        now.day_index[0].date(),
        now.day_index[-1].date(),
        this.days,
        last.days,
        this.actual_kwh,
        last.actual_kwh,
        this.expected_kwh,
        last.expected_kwh,
        min(this.ratio, last.ratio),
    )


@dataclass(frozen=True, slots=True)
class _KnownUse:
    """Known days of a series. ratio : their share of what is expected of all its days."""

    days: int
    actual_kwh: float
    expected_kwh: float
    ratio: float


def _known(baseline: Baseline, series: Series, adjustments: Sequence[Adjustment]) -> _KnownUse:
    expected = adjusted_days(baseline, series, adjustments)
    actual = series.day_energy_kwh
    both = np.isfinite(expected) & np.isfinite(actual)
    whole = float(np.nansum(expected))
    known = float(expected[both].sum())
    return _KnownUse(int(both.sum()), float(actual[both].sum()), known, known / whole if whole > 0 else 0.0)


def adjusted_days(baseline: Baseline, series: Series, adjustments: Sequence[Adjustment]) -> FloatArray:
    """Predict the energy of each day by a baseline, with what persons entered as changes that are no savings.

    Parameters
    ----------
    baseline : Baseline
        A fitted baseline.
    series : Series
        The days, with their weather.
    adjustments : sequence of Adjustment
        Non-routine adjustments.

    Returns
    -------
    (m,) array
        Energy of each day [kWh].

    Examples
    --------
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> from bkkenergy.savings.baseline import fit_baseline
    >>> from bkkenergy.savings.yearly import adjusted_days
    >>> series = facts_of(bk.examples.office()["2024"], schedule="mea-3-2-lv").series
    >>> adjusted_days(fit_baseline(series), series, ())[:3].round(-1).tolist()
    [180.0, 430.0, 430.0]
    """
    expected = expected_of(baseline, series).energy_kwh
    added: FloatArray = expected + adjustment_days(series.day_index, adjustments, expected).kwh
    return added


def change_band(change: YearOnYear, baseline: Baseline, cells: ChangeByDays, typical_fold_ratio: float) -> Band:
    """Compute how far a change from year to year may be chance.

    Parameters
    ----------
    change : YearOnYear
        The comparison.
    baseline : Baseline
        What it was made by.
    cells : ChangeByDays
        What untouched buildings change from one year to the next.
    typical_fold_ratio : float
        The typical held-out error of buildings.

    Returns
    -------
    Band
        The change as a saving (less is positive) with half its 90 % interval, shares of the adjusted year before. No
        verdict below 14 days, or where less than nine tenths of either year is known.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> from bkkenergy.library.packaged import savings_figures
    >>> from bkkenergy.savings.baseline import fit_baseline
    >>> from bkkenergy.savings.yearly import change_band, year_on_year
    >>> use = bk.examples.office(saving_ratio=0.3)
    >>> before, now = (facts_of(use[year], schedule="mea-3-2-lv").series for year in ("2024", "2025"))
    >>> baseline = fit_baseline(before)
    >>> cells, typical = savings_figures().year_on_year, savings_figures().placebo.typical_fold_ratio
    >>> change_band(year_on_year(baseline, now, before), baseline, cells, typical).verdict
    'proven'
    """
    scale = scale_ratio(baseline.fold_error_ratio, typical_fold_ratio)
    days = min(change.days, change.before_days)
    why: NoVerdict = ""
    if days < MIN_VERDICT_DAYS:
        why = "short"
    elif change.known_ratio < MIN_VERDICT_RATIO:
        why = "part"
    return Band(
        -change.change_ratio, scale * cells.at(cells.half, days), scale * cells.at(cells.significant, days), why
    )


def total_change_band(
    changes: Sequence[YearOnYear], bands: Sequence[Band], cells: ChangeByDays, min_ratio: float = MIN_VERDICT_RATIO
) -> Band | None:
    """Compute the interval of the change of many buildings: their own errors largely cancel, common ones do not.

    Parameters
    ----------
    changes : sequence of YearOnYear
        The comparison of each building.
    bands : sequence of Band
        Its interval.
    cells : ChangeByDays
        With what buildings change together.
    min_ratio : float
        Without a verdict where the buildings that have one use less than this share.

    Returns
    -------
    Band or None
        None without any building.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.library.packaged import savings_figures
    >>> from bkkenergy.savings.uncertainty import Band
    >>> from bkkenergy.savings.yearly import YearOnYear, total_change_band
    >>> days = [dt.date(2025, 10, 1), dt.date(2025, 10, 31)]
    >>> one = YearOnYear(*days, 31, 31, 900.0, 1_000.0, 1_000.0, 1_000.0, 1.0)
    >>> found = total_change_band([one] * 4, [Band(0.1, 0.2, 0.3)] * 4, savings_figures().year_on_year)
    >>> round(found.saving_ratio, 3)
    0.1
    """
    adjusted_kwh = np.array([change.adjusted_kwh for change in changes])
    total = float(adjusted_kwh.sum())
    if total <= 0:
        return None
    if len(changes) == 1:
        return bands[0]
    common = cells.at(cells.common_ratio, max(min(change.days, change.before_days) for change in changes))
    judged = sum(kwh for kwh, band in zip(adjusted_kwh.tolist(), bands, strict=True) if not band.no_verdict)
    why: NoVerdict = "" if judged >= min_ratio * total else max(band.no_verdict for band in bands)
    actual = sum(change.actual_kwh for change in changes)

    def joined(ratios: Sequence[float], sigmas: float) -> float:
        return float(np.hypot(np.sqrt(((np.array(ratios) * adjusted_kwh) ** 2).sum()) / total, sigmas * common))

    half = joined([band.half_width_ratio for band in bands], NORMAL_90)
    widest = max(band.significant_ratio / band.half_width_ratio for band in bands)
    return Band(1 - actual / total, half, half * widest, why)


@dataclass(frozen=True, slots=True)
class YearDays:
    """Each day of a year, (m,): measured where it was, else as it is expected to come out.

    measured_kwh : NaN where not measured. expected_kwh : the baseline with adjustments. level_ratio : use of the last
    level_days measured days beside the baseline, at which what is not measured goes on. half_width_ratio : half of the
    90 % interval of what is forecast, a share of it.
    """

    days: pd.DatetimeIndex
    measured_kwh: FloatArray
    expected_kwh: FloatArray
    level_ratio: float
    level_days: int
    half_width_ratio: float

    @property
    def is_measured(self) -> BoolArray:
        """(m,) days that are measured."""
        known: BoolArray = np.isfinite(self.measured_kwh)
        return known

    @property
    def forecast_kwh(self) -> FloatArray:
        """(m,) what is expected of days that are not measured; 0 on the others."""
        return np.where(self.is_measured, 0.0, self.expected_kwh * self.level_ratio)

    @property
    def half_width_kwh(self) -> float:
        """Half of the 90 % interval of the year."""
        return self.half_width_ratio * float(self.forecast_kwh.sum())

    @property
    def energy_kwh(self) -> float:
        """The whole year: what is measured and what is forecast."""
        return float(np.nansum(self.measured_kwh) + self.forecast_kwh.sum())


def forecast_year(
    baseline: Baseline,
    series: Series,
    calendar: DaysOpen,
    year: tuple[dt.date, dt.date],
    cells: ByDays,
    typical_fold_ratio: float,
    *,
    adjustments: Sequence[Adjustment] = (),
) -> YearDays:
    """Forecast a year's end: what is not measured goes on at the level of the last measured days.

    Of days to come the weather is taken to be that of the same days a year before; without it the calendar predicts.

    Parameters
    ----------
    baseline : Baseline
        A baseline of the building.
    series : Series
        Hours up to the last day that is known: the year so far, before it some months for its level, and a year for
        the weather.
    calendar : OpeningCalendar
        When the building is open.
    year : (date, date)
        First and last day of the year.
    cells : ByDays
        What forecasts err where nothing was done.
    typical_fold_ratio : float
        The typical held-out error of buildings.
    adjustments : sequence of Adjustment
        What persons entered as changes that are no savings.

    Returns
    -------
    YearDays
        Each day of the year.

    Raises
    ------
    InputError
        If fewer than 14 of the last 91 days are known.

    Examples
    --------
    >>> import datetime as dt
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> from bkkenergy.library.packaged import savings_figures
    >>> from bkkenergy.savings.baseline import fit_baseline
    >>> from bkkenergy.savings.yearly import forecast_year
    >>> series = facts_of(bk.examples.office(saving_ratio=0.2), schedule="mea-3-2-lv").series
    >>> baseline = fit_baseline(series.between(dt.date(2024, 1, 1), dt.date(2024, 12, 31)))
    >>> figures, days = savings_figures(), (dt.date(2025, 1, 1), dt.date(2025, 12, 31))
    >>> year = forecast_year(
    ...     baseline, series.between(dt.date(2024, 1, 1), dt.date(2025, 6, 30)), bk.calendars.government(), days,
    ...     figures.forecast, figures.placebo.typical_fold_ratio,
    ... )
    >>> round(year.level_ratio, 1), int(year.is_measured.sum()), len(year.days)
    (0.8, 181, 365)
    """
    first, last = year
    expected = adjusted_days(baseline, series, adjustments)
    actual = series.day_energy_kwh
    known = np.isfinite(expected) & np.isfinite(actual)
    known[:-LEVEL_DAYS] = False
    if known.sum() < MIN_VERDICT_DAYS or expected[known].sum() <= 0:
        raise InputError.of("no_level", days=int(known.sum()), needed=MIN_VERDICT_DAYS, all=LEVEL_DAYS)
    level = float(actual[known].sum() / expected[known].sum())
    dates = series.day_index.tz_localize(None)
    in_year = (dates >= pd.Timestamp(first)) & (dates <= pd.Timestamp(last))
    days, measured, whole = series.day_index[in_year], actual[in_year], expected[in_year]
    rest = days_to_come(series, calendar, last)
    if rest is not None:
        rest = rest.between(first, last)
        days = pd.DatetimeIndex(days.append(rest.day_index))
        measured = np.concatenate((measured, rest.day_energy_kwh))
        whole = np.concatenate((whole, adjusted_days(baseline, rest, adjustments)))
    left = int((~np.isfinite(measured)).sum())
    scale = scale_ratio(baseline.fold_error_ratio, typical_fold_ratio)
    half = scale * cells.at(cells.half, left) if left else 0.0
    return YearDays(days, measured, whole, level, int(known.sum()), half)


def days_to_come(series: Series, calendar: DaysOpen, last: dt.date) -> Series | None:
    """Return the days after a series, with the weather of the same days a year before.

    Parameters
    ----------
    series : Series
        The hours that are known.
    calendar : OpeningCalendar
        When the building is open.
    last : date
        The last day to come.

    Returns
    -------
    Series or None
        Without energy; without weather where the series does not reach back so far. None where no day is left.

    Examples
    --------
    >>> import datetime as dt
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> from bkkenergy.savings.yearly import days_to_come
    >>> series = facts_of(bk.examples.office()["2024"], schedule="mea-3-2-lv").series
    >>> len(days_to_come(series, bk.calendars.government(), dt.date(2025, 1, 31)).kind)
    31
    """
    ended = series.day_index[-1].date()
    count = (last - ended).days
    if count <= 0:
        return None
    starts = pd.date_range(ended + dt.timedelta(days=1), periods=count * HOURS_PER_DAY, freq="h", tz=BANGKOK)
    temp_c = np.full(len(starts), np.nan)
    if series.temp_c is not None:
        before = series.temp_c[-DAYS_PER_YEAR * HOURS_PER_DAY :] if len(series.kind) >= DAYS_PER_YEAR else temp_c[:0]
        temp_c[: len(before)] = before[: len(temp_c)]
    kind = day_kinds([midnight.date() for midnight in starts[::HOURS_PER_DAY]], calendar)
    nothing = np.full(len(starts), np.nan)
    return Series(starts, nothing, None if series.temp_c is None else temp_c, kind, series.max_kwh)


def target_step(saving_ratio: float, base: dt.date, target_year: int, day: dt.date) -> float:
    """Return what a year has to save on a straight line from the base year to the target's.

    Parameters
    ----------
    saving_ratio : float
        The target's share of the base year.
    base : date
        Last day of the base year.
    target_year : int
        The calendar year in which the fiscal year of the target ends.
    day : date
        A day of the year that is asked about.

    Returns
    -------
    float
        A share of the base year: 0 in the base year, all of it in the target's year and after.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.savings.yearly import target_step
    >>> round(target_step(0.1, dt.date(2025, 9, 30), 2030, dt.date(2026, 11, 1)), 3)
    0.04
    """
    ended, asked = (fiscal_year_of(one).last_day.year for one in (base, day))
    span = max(target_year - ended, 1)
    return saving_ratio * min(max((asked - ended) / span, 0.0), 1.0)
