"""What saving could be shown before a project, and the sum of savings day by day."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from bkkenergy.savings.baseline import Baseline, Saving, Series, fit_baseline, saving_of
from bkkenergy.savings.cusum import cusum
from bkkenergy.savings.power import MAX_MONTHS, detectable_by_month, detectable_ratio, months_to_show
from bkkenergy.savings.uncertainty import NORMAL_90, band_of, multipliers, scale_ratio
from bkkenergy.site.savings_config import load_savings
from tests.conftest import ROOT
from tests.unit.savings.generated import building

PLACEBO = load_savings(ROOT / "config").placebo
BASE = (dt.date(2023, 10, 1), dt.date(2024, 9, 30))
START = dt.date(2024, 10, 1)
FISCAL = (START, dt.date(2025, 9, 30))


@pytest.fixture(scope="module")
def office() -> Series:
    return building(3, noise=0.02, drift=0.0, saving=0.25, saving_from=dt.date(2025, 2, 1))


@pytest.fixture(scope="module")
def baseline(office) -> Baseline:
    return fit_baseline(office.between(*BASE), forms=("daily_calendar", "daily"))


@pytest.mark.parametrize("days", [30, 182, 365])
def test_the_least_saving_is_significant_in_four_of_five_cases(baseline, days):
    """Errors as wide as the table says are added to it, and the result is judged as any saving is."""
    least = detectable_ratio(baseline, PLACEBO, days, days / 365)
    half = (
        scale_ratio(baseline.fold_error_ratio, PLACEBO.typical_fold_ratio)
        * multipliers(PLACEBO, days, days / 365, baseline.valid_days).half
    )
    errors = np.random.default_rng(1).normal(0, half / NORMAL_90, 2000)
    last = baseline.last + dt.timedelta(days=days)
    savings = [Saving(START, last, days, 1000.0, 1000.0 * (1 - least - error)) for error in errors]
    shown = np.mean([band_of(saving, baseline, PLACEBO).verdict == "proven" for saving in savings])
    assert shown == pytest.approx(0.8, abs=0.03)


def test_a_larger_saving_is_shown_earlier(baseline):
    rows = detectable_by_month(baseline, PLACEBO, START)
    least_after_a_year = rows[-1].saving_ratio
    assert [row.months for row in rows] == list(range(1, 13))
    assert rows[0].saving_ratio > least_after_a_year
    early, late = (months_to_show(baseline, PLACEBO, ratio, START) for ratio in (0.9, least_after_a_year))
    assert early == 1 < late <= 12


def test_a_saving_that_is_too_small_is_never_shown(baseline):
    assert months_to_show(baseline, PLACEBO, 0.01, START) is None
    assert MAX_MONTHS == 36


def test_a_higher_power_asks_for_a_larger_saving(baseline):
    least = [detectable_ratio(baseline, PLACEBO, 365, 1.0, power) for power in (0.5, 0.8, 0.95)]
    assert least == sorted(least)
    wide = multipliers(PLACEBO, 365, 1.0, baseline.valid_days)
    scale = scale_ratio(baseline.fold_error_ratio, PLACEBO.typical_fold_ratio)
    assert least[0] == pytest.approx(wide.significant * scale)


def test_an_old_baseline_shows_less_and_then_nothing(baseline):
    now, later = (detectable_by_month(baseline, PLACEBO, start)[-1] for start in (START, dt.date(2028, 10, 1)))
    assert later.saving_ratio > now.saving_ratio
    assert detectable_by_month(baseline, PLACEBO, dt.date(2033, 1, 1)) == ()


def test_a_project_that_begins_within_the_baseline_is_not_judged_by_it(baseline):
    assert detectable_by_month(baseline, PLACEBO, dt.date(2024, 8, 1)) == ()
    assert months_to_show(baseline, PLACEBO, 0.9, baseline.last) is None


def test_a_building_that_changes_too_much_shows_no_saving_and_none_is_above_all_its_use(baseline):
    wild = replace(baseline, fold_error_ratio=(0.9, -0.9, 0.9))
    assert detectable_by_month(wild, PLACEBO, START) == ()
    assert months_to_show(wild, PLACEBO, 0.99, START) is None
    assert all(row.saving_ratio < 1 for row in detectable_by_month(baseline, PLACEBO, dt.date(2029, 1, 1)))


def test_the_sum_of_days_is_the_saving(office, baseline):
    sums = cusum(baseline, office.between(*FISCAL))
    assert sums.sum_kwh[-1] == pytest.approx(saving_of(baseline, office.between(*FISCAL)).saving_kwh)
    months = sums.months()
    assert len(months) == 12
    assert months[-1].sum_kwh == pytest.approx(sum(month.saved_kwh for month in months))


def test_the_sum_has_its_kink_on_the_day_of_the_project(office, baseline):
    months = cusum(baseline, office.between(*FISCAL)).months()
    before, after = months[:4], months[4:]
    expected = np.mean([month.saved_kwh for month in after])
    assert max(abs(month.saved_kwh) for month in before) < 0.25 * expected


def test_a_day_that_is_not_known_adds_nothing_and_is_counted(office, baseline):
    year = office.between(*FISCAL)
    energy = year.energy_kwh.copy()
    energy[10 * 24 : 15 * 24] = np.nan
    sums = cusum(baseline, replace(year, energy_kwh=energy))
    assert len(set(sums.sum_kwh[9:15])) == 1
    assert (sums.months()[0].judged_days, sums.months()[0].days) == (26, 31)
