"""A period beside the year before, and the forecast of a year's end."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from bkkenergy.errors import InputError
from bkkenergy.savings.adjust import Adjustment
from bkkenergy.savings.baseline import Baseline, Series, fit_baseline
from bkkenergy.savings.uncertainty import Band
from bkkenergy.savings.yearly import (
    LEVEL_DAYS,
    change_band,
    forecast_year,
    target_step,
    total_change_band,
    year_on_year,
)
from bkkenergy.site.savings_config import load_savings
from tests.conftest import ROOT
from tests.unit.savings.generated import OFFICE, building

FIGURES = load_savings(ROOT / "config")
TYPICAL = FIGURES.placebo.typical_fold_ratio
BASE = (dt.date(2023, 10, 1), dt.date(2024, 9, 30))
FISCAL = (dt.date(2024, 10, 1), dt.date(2025, 9, 30))
FORMS = ("daily_calendar", "daily")


def quiet(seed: int = 1, **options: float) -> Series:
    """Two fiscal years of an office that does nothing by itself."""
    return building(seed, noise=0.01, hour_noise=0.01, drift=0.0, **options)


@pytest.fixture(scope="module")
def office() -> Series:
    return quiet()


@pytest.fixture(scope="module")
def baseline(office) -> Baseline:
    return fit_baseline(office.between(*BASE), forms=FORMS)


def months(series: Series, first: dt.date, last: dt.date) -> tuple[Series, Series]:
    return series.between(first, last), series.between(
        first.replace(year=first.year - 1), last.replace(year=last.year - 1)
    )


def test_a_month_with_other_weekdays_and_weather_is_no_change(office, baseline):
    now, before = months(office, dt.date(2025, 4, 1), dt.date(2025, 4, 30))
    change = year_on_year(baseline, now, before)
    assert abs(change.change_ratio) < 0.015
    # April 2025 has a working day less than April 2024 had
    assert abs(change.change_ratio) < abs(change.actual_kwh / change.unadjusted_kwh - 1)


def test_what_is_saved_since_last_year_is_the_change():
    series = quiet(saving=0.2)
    now, before = months(series, dt.date(2025, 6, 1), dt.date(2025, 6, 30))
    change = year_on_year(fit_baseline(series.between(*BASE), forms=FORMS), now, before)
    assert change.change_ratio == pytest.approx(-0.2, abs=0.02)


def test_a_change_says_what_two_savings_say_together(office, baseline):
    """Use over baseline of one year beside that of the other: no figure of its own."""
    now, before = months(office, dt.date(2025, 6, 1), dt.date(2025, 6, 30))
    change = year_on_year(baseline, now, before)
    ratios = change.actual_kwh / change.expected_kwh, change.before_kwh / change.before_expected_kwh
    assert 1 + change.change_ratio == pytest.approx(ratios[0] / ratios[1])


def test_days_without_data_change_nothing(office, baseline):
    now, before = months(office, dt.date(2025, 6, 1), dt.date(2025, 6, 30))
    energy = before.energy_kwh.copy()
    energy[: 9 * 24] = np.nan
    change = year_on_year(baseline, now, replace(before, energy_kwh=energy))
    assert change.before_days == 21
    assert change.days == 30
    assert abs(change.change_ratio) < 0.02


def test_an_extension_that_a_person_entered_is_no_change(office, baseline):
    now, before = months(office, dt.date(2025, 6, 1), dt.date(2025, 6, 30))
    larger = replace(now, energy_kwh=now.energy_kwh * 1.25)
    entered = Adjustment(
        building="a.b", first=dt.date(2025, 1, 1), ratio=0.25, reason="a new wing", entered_by="somchai",
        entered=dt.date(2025, 1, 2),
    )  # fmt: skip
    assert year_on_year(baseline, larger, before).change_ratio == pytest.approx(0.25, abs=0.02)
    assert abs(year_on_year(baseline, larger, before, [entered]).change_ratio) < 0.02


@pytest.mark.parametrize("lacking", ["now", "before"])
def test_without_a_known_day_of_both_years_there_is_no_comparison(office, baseline, lacking):
    both = dict(zip(("now", "before"), months(office, dt.date(2025, 6, 1), dt.date(2025, 6, 30)), strict=True))
    both[lacking] = replace(both[lacking], energy_kwh=np.full(30 * 24, np.nan))
    assert year_on_year(baseline, **both) is None


def test_a_year_before_that_used_nothing_is_no_comparison(office, baseline):
    now, before = months(office, dt.date(2025, 6, 1), dt.date(2025, 6, 30))
    assert year_on_year(baseline, now, replace(before, energy_kwh=np.zeros(30 * 24))) is None


@pytest.mark.parametrize(("days", "known", "verdict"), [(13, 13, "short"), (30, 22, "part"), (30, 30, "unclear")])
def test_few_days_and_few_known_ones_have_no_verdict(office, baseline, days, known, verdict):
    now, before = months(office, dt.date(2025, 6, 1), dt.date(2025, 6, days))
    energy = now.energy_kwh.copy()
    energy[known * 24 :] = np.nan
    change = year_on_year(baseline, replace(now, energy_kwh=energy), before)
    assert change_band(change, baseline, FIGURES.year_on_year, TYPICAL).verdict == verdict


def test_intervals_narrow_with_the_days(office, baseline):
    month = year_on_year(baseline, *months(office, dt.date(2025, 6, 1), dt.date(2025, 6, 30)))
    year = year_on_year(baseline, office.between(*FISCAL), office.between(*BASE))
    halves = [change_band(one, baseline, FIGURES.year_on_year, TYPICAL).half_width_ratio for one in (month, year)]
    assert halves[0] > halves[1]


def test_errors_of_many_buildings_cancel_but_for_what_they_share(office, baseline):
    change = year_on_year(baseline, *months(office, dt.date(2025, 6, 1), dt.date(2025, 6, 30)))
    one = change_band(change, baseline, FIGURES.year_on_year, TYPICAL)
    few, many = (total_change_band([change] * count, [one] * count, FIGURES.year_on_year) for count in (2, 400))
    common = FIGURES.year_on_year.at(FIGURES.year_on_year.common_ratio, 30)
    assert few.half_width_ratio > many.half_width_ratio > 1.6 * common
    assert many.saving_ratio == pytest.approx(one.saving_ratio)


def test_a_total_of_one_building_is_that_building_s(office, baseline):
    change = year_on_year(baseline, *months(office, dt.date(2025, 6, 1), dt.date(2025, 6, 30)))
    one = change_band(change, baseline, FIGURES.year_on_year, TYPICAL)
    assert total_change_band([change], [one], FIGURES.year_on_year) == one


def test_a_total_has_no_verdict_where_too_much_of_it_has_none(office, baseline):
    change = year_on_year(baseline, *months(office, dt.date(2025, 6, 1), dt.date(2025, 6, 30)))
    bands = [Band(0.0, 0.1, 0.2), Band(0.0, 0.1, 0.2, "short")]
    assert total_change_band([change, change], bands, FIGURES.year_on_year).no_verdict == "short"


def forecast_of(series: Series, baseline: Baseline, until: dt.date, **options):
    known = series.between(BASE[0], until)
    return forecast_year(baseline, known, OFFICE, FISCAL, FIGURES.forecast, TYPICAL, **options)


def test_each_day_is_measured_or_forecast_and_none_is_both(office, baseline):
    year = forecast_of(office, baseline, dt.date(2025, 3, 31))
    assert len(year.days) == 365
    assert year.is_measured.sum() == 182
    assert (year.forecast_kwh[year.is_measured] == 0).all()
    assert (year.forecast_kwh[~year.is_measured] > 0).all()
    assert year.energy_kwh == pytest.approx(np.nansum(year.measured_kwh) + year.forecast_kwh.sum())


def test_what_came_is_within_the_interval_of_the_forecast(office, baseline):
    came = office.between(*FISCAL).day_energy_kwh.sum()
    for month in range(1, 9):
        year = forecast_of(office, baseline, dt.date(2025, month, 28))
        assert abs(year.energy_kwh - came) < year.half_width_kwh


def test_a_year_that_is_wholly_measured_has_no_interval(office, baseline):
    year = forecast_of(office, baseline, FISCAL[1])
    assert year.half_width_kwh == 0
    assert year.forecast_kwh.sum() == 0
    assert year.energy_kwh == pytest.approx(office.between(*FISCAL).day_energy_kwh.sum())


def test_a_day_of_the_past_that_is_not_measured_is_forecast_and_not_nothing(office, baseline):
    energy = office.energy_kwh.copy()
    gap = (office.starts >= "2024-11-04") & (office.starts < "2024-11-09")
    energy[gap] = np.nan
    year = forecast_of(replace(office, energy_kwh=energy), baseline, FISCAL[1])
    assert (~year.is_measured).sum() == 5
    assert year.energy_kwh == pytest.approx(office.between(*FISCAL).day_energy_kwh.sum(), rel=0.005)
    assert year.half_width_kwh > 0


def test_a_forecast_goes_on_at_the_level_of_the_last_months(baseline):
    saved = quiet(saving=0.3, saving_from=dt.date(2025, 1, 1))
    year = forecast_of(saved, baseline, dt.date(2025, 4, 30))
    assert year.level_ratio == pytest.approx(0.7, abs=0.02)
    assert year.level_days == LEVEL_DAYS


def test_holidays_to_come_are_forecast_as_closed(office, baseline):
    year = forecast_of(office, baseline, dt.date(2025, 3, 31))
    songkran = year.forecast_kwh[list(year.days.strftime("%m-%d")).index("04-14")]
    monday = year.forecast_kwh[list(year.days.strftime("%m-%d")).index("04-21")]
    assert songkran < 0.6 * monday


def test_a_year_that_has_not_begun_is_forecast_whole(office, baseline):
    known = office.between(BASE[0], dt.date(2024, 8, 31))
    year = forecast_year(baseline, known, OFFICE, FISCAL, FIGURES.forecast, TYPICAL)
    assert len(year.days) == 365
    assert not year.is_measured.any()


def test_thirteen_days_are_no_level(office, baseline):
    energy = office.energy_kwh.copy()
    energy[: -13 * 24] = np.nan
    with pytest.raises(InputError, match="only 13 of the last 91 days"):
        forecast_of(replace(office, energy_kwh=energy), baseline, FISCAL[1])


@pytest.mark.parametrize(("year", "step"), [(2024, 0.0), (2025, 0.02), (2026, 0.04), (2029, 0.10), (2035, 0.10)])
def test_a_target_is_reached_by_equal_steps(year, step):
    assert target_step(0.10, dt.date(2024, 9, 30), 2029, dt.date(year, 9, 30)) == pytest.approx(step)


def test_a_baseline_younger_than_the_target_s_year_asks_for_all_of_it_after():
    assert target_step(0.10, dt.date(2030, 9, 30), 2029, dt.date(2031, 9, 30)) == pytest.approx(0.10)
