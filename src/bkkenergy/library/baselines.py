"""What a building would have used: a baseline fitted on one period, and the savings that it shows in another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bkkenergy.calendar import same_days_before
from bkkenergy.errors import InputError
from bkkenergy.library.arguments import checked, period_named
from bkkenergy.library.calendars import government, named
from bkkenergy.library.charts import Picture, lines
from bkkenergy.library.packaged import placebo, savings_figures
from bkkenergy.library.series import energy_of, hourly, hourly_means, instants_of
from bkkenergy.library.worth import priced_saving
from bkkenergy.portfolio import OpeningCalendar
from bkkenergy.readings import FloatArray
from bkkenergy.savings.baseline import Baseline as FittedBaseline
from bkkenergy.savings.baseline import Saving, Series, expected_of, fit_baseline, saving_of, series_of
from bkkenergy.savings.comparison import MIN_COMPARED, ComparisonGroup, common_change, without_common
from bkkenergy.savings.cusum import cusum
from bkkenergy.savings.enduse import end_uses
from bkkenergy.savings.normal import normal_saving
from bkkenergy.savings.power import detectable_by_month
from bkkenergy.savings.uncertainty import Band, band_of
from bkkenergy.savings.worth import saved_by_hour
from bkkenergy.savings.yearly import change_band, forecast_year, year_on_year

__all__ = ["Baseline", "Savings", "parts"]

ENOUGH_TEMPERATURE = 0.5


@dataclass(frozen=True, repr=False)
class Baseline:
    """A model of a building's use, fitted on a period before a change (IPMVP option C).

    Make it by `Baseline.fit`. It predicts the energy of days from the calendar and, where that is worth it, the outdoor
    temperature.

    Attributes
    ----------
    fitted : bkkenergy.savings.baseline.Baseline
        The model with its diagnostics.
    calendar : OpeningCalendar
        When the building is open.
    daily : DataFrame
        ``actual_kwh`` and ``baseline_kwh`` of each day of the period [kWh]; NaN where a day does not count.

    References
    ----------
    .. [1] ASHRAE Guideline 14-2014, Measurement of Energy, Demand, and Water Savings.
    .. [2] EVO 10000-1:2022, International Performance Measurement and Verification Protocol (IPMVP), option C.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> use = bk.examples.office()
    >>> baseline = bk.Baseline.fit(use["2024"], calendar=bk.calendars.government())
    >>> baseline
    Baseline(daily_calendar, 2024-01-01 to 2024-12-31, 366 valid days, CV(RMSE) 2.7 %)
    """

    fitted: FittedBaseline
    calendar: OpeningCalendar
    daily: pd.DataFrame

    @classmethod
    @checked
    def fit(
        cls,
        series: pd.Series | pd.DataFrame,
        temperature: pd.Series | None = None,
        calendar: OpeningCalendar | str | None = None,
    ) -> Baseline:
        """Fit the model that predicts months best that it has not seen.

        Four forms are tried: by hours or days, with and without temperature. Each is fitted without two months at a
        time and judged by them. A form with more parameters is taken only where it gains more than 1 %.

        Parameters
        ----------
        series : Series or DataFrame
            Energy of hours or shorter intervals [kWh], by their start, with a time zone. The table of `intervals` will
            do. A year is best; 60 valid days are the least.
        temperature : Series, optional
            Outdoor air temperature [degC] of the same time, hourly or finer.
        calendar : OpeningCalendar or str, optional
            When the building is open: of `bkkenergy.calendars`, or the name of one. Government offices by default.

        Returns
        -------
        Baseline
            The fitted model.

        Raises
        ------
        InputError
            If the index has no time zone, the unit is not kWh, intervals are longer than an hour, or too few days are
            valid.

        References
        ----------
        .. [1] ASHRAE Guideline 14-2014, annex B: CV(RMSE) and NMBE.
        .. [2] CalTRACK methods 2.0: a day is valid with nine tenths of its hours.

        Examples
        --------
        >>> import bkkenergy as bk
        >>> use = bk.examples.office()
        >>> bk.Baseline.fit(use["2024"], temperature=bk.examples.temperature()).summary()["form"]
        'daily'
        """
        chosen = government() if calendar is None else named(calendar) if isinstance(calendar, str) else calendar
        days = _days(series, temperature, chosen)
        if days.temp_c is not None and np.isfinite(days.temp_c).mean() < ENOUGH_TEMPERATURE:
            raise InputError(
                f"temperature covers {np.isfinite(days.temp_c).mean():.0%} of the hours of the series. Give weather of "
                "the whole time, or leave temperature out."
            )
        fitted = fit_baseline(days)
        return cls(fitted, chosen, _daily(fitted, days))

    @property
    def needs_temperature(self) -> bool:
        """Return whether the model that was taken predicts from the temperature."""
        return not self.fitted.form.endswith("calendar")

    @checked
    def predict(
        self, days: pd.DatetimeIndex | pd.Series | pd.DataFrame, temperature: pd.Series | None = None
    ) -> pd.Series:
        """Predict the energy of days.

        Parameters
        ----------
        days : DatetimeIndex, Series or DataFrame
            Instants with a time zone, or what has them as its index: each day that they touch is predicted.
        temperature : Series, optional
            Outdoor air temperature [degC] of these days. Needed where `needs_temperature` is true.

        Returns
        -------
        Series
            ``baseline_kwh`` [kWh] by midnight in Asia/Bangkok; NaN where the temperature of a day is not known.

        Raises
        ------
        InputError
            If there is no time zone, or the model needs a temperature and none is given.

        Examples
        --------
        A week of which the first two days are holidays:

        >>> import pandas as pd
        >>> import bkkenergy as bk
        >>> baseline = bk.Baseline.fit(bk.examples.office()["2024"])
        >>> week = pd.date_range("2025-06-02", periods=7, freq="D", tz="Asia/Bangkok")
        >>> baseline.predict(week).round(-1).tolist()
        [180.0, 180.0, 430.0, 430.0, 430.0, 180.0, 180.0]
        """
        index = days.index if isinstance(days, pd.Series | pd.DataFrame) else days
        if not isinstance(index, pd.Index) or index.empty:
            raise InputError("days holds no instants. Give a DatetimeIndex, or a Series that has one.")
        local = instants_of(pd.Index(index), what="days").normalize().unique()
        hours = pd.DatetimeIndex([day + pd.Timedelta(hours=hour) for day in local for hour in range(24)])
        temp_c = self._temperature(temperature, hours)
        nothing: FloatArray = np.full(len(hours), np.nan)
        expected = expected_of(self.fitted, series_of(hours, nothing, temp_c, self.calendar)).energy_kwh
        return pd.Series(expected, local, name="baseline_kwh")

    @checked
    def savings(self, series: pd.Series | pd.DataFrame, temperature: pd.Series | None = None) -> Savings:
        """Compute what was saved in a period after the baseline's.

        Parameters
        ----------
        series : Series or DataFrame
            Energy of hours or shorter intervals [kWh], as for `fit`.
        temperature : Series, optional
            Outdoor air temperature [degC] of the period. Needed where `needs_temperature` is true.

        Returns
        -------
        Savings
            The saving with its 90 % interval.

        Raises
        ------
        InputError
            If the period begins inside the baseline's, or no day of it can be judged.

        References
        ----------
        .. [1] Lei et al. 2018, "Distribution-free predictive inference for regression", JASA 113, 1094: the interval is
           split conformal, from errors of real buildings where nothing was saved.

        Examples
        --------
        >>> import bkkenergy as bk
        >>> use = bk.examples.office(saving_ratio=0.2, saving_from="2025-01-01")
        >>> saved = bk.Baseline.fit(use["2024"]).savings(use["2025"])
        >>> saved.is_significant, round(saved.saving_ratio, 2)
        (True, 0.2)
        """
        days = _days(series, temperature if self.needs_temperature else None, self.calendar)
        first = days.day_index[0].date()
        if first <= self.fitted.last:
            raise InputError(
                f"the period begins on {first}, and the baseline was fitted up to {self.fitted.last}. A model cannot "
                f"judge the days that it was fitted on: give days after them, or see `predict`."
            )
        self._temperature(temperature, days.starts)
        saving = saving_of(self.fitted, days)
        if saving.days == 0:
            raise InputError(
                f"no day from {first} on can be judged: of each, nine tenths of the hours must be known"
                f"{', and the temperature' if self.needs_temperature else ''}. See how much of the series is NaN."
            )
        return Savings(saving, band_of(saving, self.fitted, placebo()), _daily(self.fitted, days))

    @checked
    def worth(
        self,
        before: pd.Series | pd.DataFrame,
        after: pd.Series | pd.DataFrame,
        schedule: str,
        temperature: pd.Series | None = None,
    ) -> pd.Series:
        """Compute what the saving of a period is worth under one tariff.

        Parameters
        ----------
        before : Series or DataFrame
            What the baseline was fitted on [kWh], as for `fit`: it gives the shape of days, and the peaks of months.
        after : Series or DataFrame
            Energy of the period that is judged [kWh]. Demand is compared where both have quarter-hours.
        schedule : str
            A schedule of `schedules`.
        temperature : Series, optional
            Outdoor air temperature [degC] of the period. Needed where `needs_temperature` is true.

        Returns
        -------
        Series
            ``on_peak_kwh`` and ``off_peak_kwh`` saved; ``energy_thb`` with ``half_energy_thb``, half of its 90 %
            interval; ``demand_thb`` with ``half_demand_thb``, NaN where no month can be compared; ``total_thb``. With
            Ft and VAT.

        Raises
        ------
        InputError
            If no day can be judged, or a month is before the first known rates.

        Examples
        --------
        >>> import bkkenergy as bk
        >>> use = bk.examples.office(saving_ratio=0.2, saving_from="2025-01-01")
        >>> worth = bk.Baseline.fit(use["2024"]).worth(use["2024"], use["2025"], "mea-3-2-lv")
        >>> bool(worth["energy_thb"] > 4 * worth["on_peak_kwh"])
        True
        """
        saved = self.savings(after, temperature)
        days = _days(after, temperature if self.needs_temperature else None, self.calendar)
        hours_kwh = saved_by_hour(self.fitted, _days(before, None, self.calendar), days)
        half_kwh = saved.interval.half_width_ratio * saved.saving.adjusted_kwh
        return priced_saving(before, after, pd.Series(hours_kwh, days.starts), half_kwh, schedule)

    @checked
    def normal_year(
        self, series: pd.Series | pd.DataFrame, typical: pd.Series | None = None, temperature: pd.Series | None = None
    ) -> pd.Series:
        """Compute what a year saved under typical weather (normalised savings of IPMVP).

        Parameters
        ----------
        series : Series or DataFrame
            Energy of 365 days after the baseline [kWh], as for `fit`.
        typical : Series, optional
            Temperature of a typical year [degC], on the hours of the series. Needed where `needs_temperature` is true.
        temperature : Series, optional
            Temperature as it was [degC], for the year's own model.

        Returns
        -------
        Series
            ``baseline_kwh`` and ``reporting_kwh`` under typical weather; ``saving_ratio`` with ``half_width_ratio``,
            half of its 90 % interval; ``is_significant``.

        Raises
        ------
        InputError
            If the year is not whole, or fewer than 330 of its days are known.

        Examples
        --------
        >>> import bkkenergy as bk
        >>> use = bk.examples.office(saving_ratio=0.2, saving_from="2025-01-01")
        >>> normal = bk.Baseline.fit(use["2024"]).normal_year(use["2025"])
        >>> round(normal["saving_ratio"], 2), bool(normal["is_significant"])
        (0.2, True)
        """
        days = _days(series, temperature, self.calendar)
        if typical is None and temperature is not None:
            raise InputError("a year with its temperature needs that of a typical year too. Give it: typical=degC.")
        typical_c = self._temperature(typical, days.starts) if typical is None else hourly_means(typical, days.starts)
        normal = normal_saving(self.fitted, days, typical_c, np.zeros(len(days.kind)), placebo())
        band = normal.band
        return pd.Series(
            {
                "baseline_kwh": normal.baseline_kwh,
                "reporting_kwh": normal.reporting_kwh,
                "saving_ratio": band.saving_ratio,
                "half_width_ratio": band.half_width_ratio,
                "is_significant": band.verdict in {"proven", "increase"},
            },
            name=f"{normal.reporting.first} to {normal.reporting.last}",
        )

    @checked
    def detectable(self, start: str) -> pd.DataFrame:
        """Compute the least saving that could be shown with a power of 80 %, before a project begins.

        Parameters
        ----------
        start : str
            The first day on which the project saves, such as 2026-01-01.

        Returns
        -------
        DataFrame
            ``saving_ratio``, a share of the baseline, by months after the start; empty where none could be shown.

        Raises
        ------
        InputError
            If the start is no day after the baseline's.

        Examples
        --------
        >>> import bkkenergy as bk
        >>> least = bk.Baseline.fit(bk.examples.office()["2024"]).detectable("2025-01-01")
        >>> bool(least.loc[12, "saving_ratio"] < least.loc[1, "saving_ratio"])
        True
        """
        first = period_named(f"{start}..{start}").first_day
        if first <= self.fitted.last:
            raise InputError(
                f"a project from {first} on would save within the baseline, which ends on {self.fitted.last}."
            )
        rows = detectable_by_month(self.fitted, placebo(), first)
        return pd.DataFrame({"saving_ratio": [row.saving_ratio for row in rows]}, index=[row.months for row in rows])

    @checked
    def cusum(self, series: pd.Series | pd.DataFrame, temperature: pd.Series | None = None) -> pd.Series:
        """Sum what was saved day by day: the slope says how much is saved, a kink since when.

        Parameters
        ----------
        series : Series or DataFrame
            Energy of a period after the baseline's [kWh], as for `fit`.
        temperature : Series, optional
            Outdoor air temperature [degC] of the period. Needed where `needs_temperature` is true.

        Returns
        -------
        Series
            ``saved_kwh`` up to each day [kWh]; its last value is the saving.

        Raises
        ------
        InputError
            If no day of the period can be judged.

        Examples
        --------
        >>> import bkkenergy as bk
        >>> use = bk.examples.office(saving_ratio=0.2, saving_from="2025-01-01")
        >>> baseline = bk.Baseline.fit(use["2024"])
        >>> total = baseline.cusum(use["2025"]).iloc[-1]
        >>> abs(float(total - baseline.savings(use["2025"]).saving.saving_kwh)) < 1e-6
        True
        """
        self.savings(series, temperature)  # refuses what cannot be judged, with the reason
        sums = cusum(self.fitted, _days(series, temperature if self.needs_temperature else None, self.calendar))
        return pd.Series(sums.sum_kwh, sums.days, name="saved_kwh")

    @checked
    def year_on_year(
        self, series: pd.Series | pd.DataFrame, period: str, temperature: pd.Series | None = None
    ) -> pd.Series:
        """Compare a period with the same days a year before, with the period's weather and holidays.

        Parameters
        ----------
        series : Series or DataFrame
            Energy of both years [kWh], as for `fit`.
        period : str
            A month (2025-10), a fiscal year (FY2568), or two days (2025-10-01..2025-10-15).
        temperature : Series, optional
            Outdoor air temperature [degC] of both years. Needed where `needs_temperature` is true.

        Returns
        -------
        Series
            ``actual_kwh``; ``unadjusted_kwh``, the year before for as many days; ``adjusted_kwh``, the same with this
            period's weather and holidays; ``change_ratio`` with ``half_width_ratio``, half of the 90 % interval of what
            buildings change by themselves; ``days`` and ``before_days`` that are known; ``is_significant``.

        Raises
        ------
        InputError
            If no day of one of the two periods is known.

        Examples
        --------
        >>> import bkkenergy as bk
        >>> use = bk.examples.office(saving_ratio=0.3, saving_from="2025-01-01")
        >>> compared = bk.Baseline.fit(use["2024"]).year_on_year(use, "2025-10")
        >>> round(compared["change_ratio"], 2), bool(compared["is_significant"])
        (-0.3, True)
        """
        days = _days(series, temperature if self.needs_temperature else None, self.calendar)
        self._temperature(temperature, days.starts)
        now = period_named(period)
        before = same_days_before(now)
        both = [days.between(one.first_day, one.last_day) for one in (now, before)]
        change = year_on_year(self.fitted, both[0], both[1]) if all(len(one.kind) for one in both) else None
        if change is None:
            raise InputError(
                f"no day of {now.slug} or of {before.slug} is known. Give a series that has both years, in whole days."
            )
        figures = savings_figures()
        band = change_band(change, self.fitted, figures.year_on_year, figures.placebo.typical_fold_ratio)
        return pd.Series(
            {
                "actual_kwh": change.actual_kwh,
                "unadjusted_kwh": change.unadjusted_kwh,
                "adjusted_kwh": change.adjusted_kwh,
                "change_ratio": change.change_ratio,
                "half_width_ratio": band.half_width_ratio,
                "days": change.days,
                "before_days": change.before_days,
                "is_significant": band.verdict in {"proven", "increase"},
            },
            name=now.slug,
        )

    @checked
    def forecast(
        self, series: pd.Series | pd.DataFrame, year: str, temperature: pd.Series | None = None
    ) -> pd.DataFrame:
        """Forecast a year's end: days that are not measured go on at the level of the last 91 measured days.

        Parameters
        ----------
        series : Series or DataFrame
            Energy up to now [kWh], as for `fit`: the year so far, and some months before.
        year : str
            The year: a fiscal year (FY2568), or two days.
        temperature : Series, optional
            Outdoor air temperature [degC] of the same time. Of days to come that of a year before is taken.

        Returns
        -------
        DataFrame
            ``measured_kwh``, ``forecast_kwh``, ``baseline_kwh`` [kWh] and ``half_width_kwh``, half of the 90 % interval
            of the whole year, by month; the last row, ``year``, is the sum, and has the interval alone.

        Raises
        ------
        InputError
            If fewer than 14 of the last 91 days are known.

        Examples
        --------
        >>> import bkkenergy as bk
        >>> use = bk.examples.office(saving_ratio=0.2, saving_from="2025-01-01")
        >>> year = bk.Baseline.fit(use["2024"]).forecast(use[:"2025-06-30"], "2025-01-01..2025-12-31")
        >>> (year.loc["year", ["measured_kwh", "forecast_kwh"]] / year.loc["year", "baseline_kwh"]).round(1).tolist()
        [0.4, 0.4]
        """
        days = _days(series, temperature if self.needs_temperature else None, self.calendar)
        self._temperature(temperature, days.starts)
        span, figures = period_named(year), savings_figures()
        forecast = forecast_year(
            self.fitted,
            days,
            self.calendar,
            (span.first_day, span.last_day),
            figures.forecast,
            figures.placebo.typical_fold_ratio,
        )
        rows = pd.DataFrame(
            {
                "measured_kwh": np.nan_to_num(forecast.measured_kwh),
                "forecast_kwh": forecast.forecast_kwh,
                "baseline_kwh": forecast.expected_kwh,
            },
            index=forecast.days,
        )
        months = rows.groupby(forecast.days.strftime("%Y-%m")).sum()
        months.loc["year"] = months.sum()
        months["half_width_kwh"] = np.where(months.index == "year", forecast.half_width_kwh, np.nan)
        return months

    def summary(self) -> pd.Series:
        """Return the figures of the fit.

        Returns
        -------
        Series
            ``form``, ``first_day``, ``last_day``, ``valid_days``, ``is_provisional`` (less than a year), and as shares:
            ``cvrmse``, ``nmbe`` (positive where it predicts too much), ``r2``, and both errors over months that the
            model had not seen.

        Examples
        --------
        >>> import bkkenergy as bk
        >>> bk.Baseline.fit(bk.examples.office()["2024"]).summary()["is_provisional"]
        False
        """
        fitted = self.fitted
        return pd.Series(
            {
                "form": fitted.form,
                "first_day": fitted.first,
                "last_day": fitted.last,
                "valid_days": fitted.valid_days,
                "is_provisional": fitted.is_provisional,
                "cvrmse": fitted.fitted.cvrmse,
                "nmbe": round(fitted.fitted.nmbe, 9),
                "r2": fitted.fitted.r2,
                "unseen_cvrmse": fitted.held_out.cvrmse,
                "unseen_nmbe": fitted.held_out.nmbe,
            },
            name="baseline",
        )

    def plot(self) -> Picture:
        """Draw the days of the period beside what the model says of them.

        Returns
        -------
        Picture
            SVG, which a notebook shows; `save` writes it.

        Examples
        --------
        >>> import bkkenergy as bk
        >>> bk.Baseline.fit(bk.examples.office()["2024"]).plot()
        <Picture: Energy of each day and its baseline>
        """
        return _picture(self.daily)

    def _temperature(self, temperature: pd.Series | None, hours: pd.DatetimeIndex) -> FloatArray | None:
        if not self.needs_temperature:
            return None
        if temperature is None:
            raise InputError("this baseline predicts from the temperature. Give it: temperature=series of degC.")
        return hourly_means(temperature, hours)

    def __repr__(self) -> str:
        fitted = self.fitted
        words = [fitted.form, f"{fitted.first} to {fitted.last}", f"{fitted.valid_days} valid days"]
        words += [f"CV(RMSE) {fitted.fitted.cvrmse:.1%}".replace("%", " %")]
        words += ["provisional"] if fitted.is_provisional else []
        return f"Baseline({', '.join(words)})"


@dataclass(frozen=True, repr=False)
class Savings:
    """What was saved in a period, with its 90 % interval.

    Attributes
    ----------
    saving : bkkenergy.savings.baseline.Saving
        The sums over the days that could be judged.
    interval : bkkenergy.savings.uncertainty.Band
        The saving with half its 90 % interval, as shares of the baseline.
    daily : DataFrame
        ``actual_kwh`` and ``baseline_kwh`` of each day [kWh].

    Examples
    --------
    >>> import bkkenergy as bk
    >>> use = bk.examples.office(saving_ratio=0.2, saving_from="2025-01-01")
    >>> bk.Baseline.fit(use["2024"]).savings(use["2025"])
    Savings(25,283 kWh, 20.0 % of the baseline, 90 % interval 10.3 % to 29.7 %: significant)
    """

    saving: Saving
    interval: Band
    daily: pd.DataFrame

    @property
    def saving_kwh(self) -> float:
        """Return the energy saved [kWh]; negative where more was used than the baseline says."""
        return self.saving.saving_kwh

    @property
    def saving_ratio(self) -> float:
        """Return the saving as a share of the baseline."""
        return self.interval.saving_ratio

    @property
    def interval_ratio(self) -> tuple[float, float]:
        """Return the ends of the 90 % interval, as shares of the baseline."""
        half = self.interval.half_width_ratio
        return self.saving_ratio - half, self.saving_ratio + half

    @property
    def is_significant(self) -> bool:
        """Return whether the saving is beyond what untouched buildings show, of enough days and energy."""
        return self.interval.verdict == "proven"

    def without_common(self, others: Sequence[Savings]) -> Savings:
        """Take off what happened to everyone: a pandemic, or a rule for all, is no saving of this building.

        Parameters
        ----------
        others : sequence of Savings
            Of at least six buildings like this one, without a project, over the same days, under baselines of about
            the same time. Those without a verdict are left out.

        Returns
        -------
        Savings
            Against the baseline less the others' median saving; what is not known of it widens the interval.

        Raises
        ------
        InputError
            If fewer than six others can be used.

        Examples
        --------
        >>> import bkkenergy as bk
        >>> baseline = bk.Baseline.fit(bk.examples.office()["2024"])
        >>> def saved(ratio):
        ...     return baseline.savings(bk.examples.office(saving_ratio=ratio)["2025"])
        >>> everyone = [saved(ratio) for ratio in (0.14, 0.15, 0.16, 0.16, 0.17, 0.18)]
        >>> round(saved(0.244).without_common(everyone).saving_ratio, 2)
        0.1
        """
        judged = {
            str(number): other.saving_ratio for number, other in enumerate(others) if not other.interval.no_verdict
        }
        common = common_change(ComparisonGroup(tuple(judged), "profile"), judged)
        if common is None:
            raise InputError(
                f"{len(judged)} others have a verdict, and {MIN_COMPARED} are needed to know what happened to everyone."
            )
        left = 1 - common.saving_ratio
        saving = replace(
            self.saving,
            baseline_kwh=self.saving.baseline_kwh * left,
            adjustment_kwh=self.saving.adjustment_kwh * left,
            expected_kwh=self.saving.expected_kwh * left,
        )
        daily = self.daily.assign(baseline_kwh=self.daily["baseline_kwh"] * left)
        return Savings(saving, without_common(self.interval, common), daily)

    def summary(self) -> pd.Series:
        """Return the figures of the saving.

        Returns
        -------
        Series
            Days judged, baseline, use and saving [kWh], the saving and its interval as shares, and whether it is
            significant.

        Examples
        --------
        >>> import bkkenergy as bk
        >>> use = bk.examples.office()
        >>> saved = bk.Baseline.fit(use["2024"]).savings(use["2025"])
        >>> bool(saved.summary()["is_significant"])
        False
        """
        low, high = self.interval_ratio
        return pd.Series(
            {
                "first_day": self.saving.first,
                "last_day": self.saving.last,
                "days": self.saving.days,
                "baseline_kwh": self.saving.adjusted_kwh,
                "actual_kwh": self.saving.actual_kwh,
                "saving_kwh": self.saving_kwh,
                "saving_ratio": self.saving_ratio,
                "low_ratio": low,
                "high_ratio": high,
                "is_significant": self.is_significant,
            },
            name="savings",
        )

    def plot(self) -> Picture:
        """Draw the days of the period beside what would have been used.

        Returns
        -------
        Picture
            SVG, which a notebook shows; `save` writes it.

        Examples
        --------
        >>> import bkkenergy as bk
        >>> use = bk.examples.office()
        >>> bk.Baseline.fit(use["2024"]).savings(use["2025"]).plot()
        <Picture: Energy of each day and its baseline>
        """
        return _picture(self.daily)

    def __repr__(self) -> str:
        low, high = (f"{100 * end:.1f} %" for end in self.interval_ratio)
        means = "significant" if self.is_significant else "not significant: no saving can be shown yet"
        if self.interval.no_verdict:
            means = "no verdict: too few days, too little of the energy, or an old baseline"
        elif self.interval.verdict == "increase":
            means = "a significant increase"
        share = f"{100 * self.saving_ratio:.1f} % of the baseline"
        return f"Savings({self.saving_kwh:,.0f} kWh, {share}, 90 % interval {low} to {high}: {means})"


@checked
def parts(
    series: pd.Series | pd.DataFrame,
    temperature: pd.Series | None = None,
    calendar: OpeningCalendar | str | None = None,
) -> pd.DataFrame:
    """Split a building's use into base load, what follows the weather, and what follows the hours of work.

    An estimate from the meter of the whole building. It cannot see air-conditioning, but what rises with the air's
    temperature.

    Parameters
    ----------
    series : Series or DataFrame
        Energy of hours or shorter intervals [kWh]; a year is best.
    temperature : Series, optional
        Outdoor air temperature [degC] of the same time; without it the weather's part is in that of the hours of work.
    calendar : OpeningCalendar or str, optional
        When the building is open. Government offices by default.

    Returns
    -------
    DataFrame
        By part (``base``, ``weather``, ``occupied``): ``energy_kwh`` [kWh], ``ratio`` of the whole, and
        ``half_width_ratio``, half of the 90 % interval of the ratio.

    Raises
    ------
    InputError
        If too few days are known.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> split = bk.parts(bk.examples.office()["2024"])
    >>> list(split.index), round(float(split["ratio"].sum()), 6)
    (['base', 'occupied'], 1.0)
    """
    chosen = government() if calendar is None else named(calendar) if isinstance(calendar, str) else calendar
    rows = end_uses(_days(series, temperature, chosen))
    columns = ("energy_kwh", "ratio", "half_width_ratio")
    return pd.DataFrame(
        {column: [getattr(row, column) for row in rows] for column in columns}, index=[row.part for row in rows]
    )


def _days(series: pd.Series | pd.DataFrame, temperature: pd.Series | None, calendar: OpeningCalendar) -> Series:
    """Return a series as whole days of hours, with weather and kinds of days."""
    hours = hourly(energy_of(series), what="series")
    index = pd.DatetimeIndex(hours.index)
    temp_c = None if temperature is None else hourly_means(temperature, index)
    return series_of(index, hours.to_numpy(np.float64), temp_c, calendar)


def _daily(fitted: FittedBaseline, days: Series) -> pd.DataFrame:
    expected = expected_of(fitted, days).energy_kwh
    return pd.DataFrame({"actual_kwh": days.day_energy_kwh, "baseline_kwh": expected}, index=days.day_index)


def _picture(daily: pd.DataFrame) -> Picture:
    series = {"actual": daily["actual_kwh"], "baseline": daily["baseline_kwh"]}
    return lines(series, title="Energy of each day and its baseline", unit="kWh")
