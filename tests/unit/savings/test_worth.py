"""What a saving is worth: the bills with and without it, under one tariff; and a saving under typical weather."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import bkkenergy as bk
from bkkenergy.errors import InputError
from bkkenergy.library.packaged import figures, placebo, savings_figures
from bkkenergy.savings.adjust import Adjustment, adjustment_days
from bkkenergy.savings.baseline import expected_of, fit_baseline, saving_of
from bkkenergy.savings.normal import normal_saving
from bkkenergy.savings.worth import Billing, DemandChange, saved_by_hour, worth_of
from bkkenergy.tariff.quantities import Quantities
from tests.unit.savings.generated import building

TARIFFS, CHANGE = figures().tariffs, savings_figures().demand_change
NOVEMBER, DECEMBER = dt.date(2025, 11, 1), dt.date(2025, 12, 1)
YEARS = (dt.date(2023, 10, 1), dt.date(2024, 9, 30)), (dt.date(2024, 10, 1), dt.date(2025, 9, 30))


@pytest.fixture(scope="module")
def office():
    """A baseline, its year, and a year that saves 15 %."""
    whole = building(1, noise=0.02, drift=0.0, saving=0.15)
    before, after = (whole.between(*days) for days in YEARS)
    return fit_baseline(before), before, after


def test_hours_add_up_to_the_saving_that_is_judged_with_gaps_and_adjustments(office):
    baseline, before, after = office
    energy_kwh = after.energy_kwh.copy()
    energy_kwh[24 * 30 + 5] = np.nan  # an hour of a day that counts
    energy_kwh[24 * 60 : 24 * 63] = np.nan
    broken = type(after)(after.starts, energy_kwh, after.temp_c, after.kind, after.max_kwh)
    wing = Adjustment(building="a.b", first=dt.date(2025, 1, 1), ratio=0.1, reason="a new wing", entered_by="x",
                      entered=dt.date(2025, 1, 1))  # fmt: skip
    added = adjustment_days(broken.day_index, [wing], expected_of(baseline, broken).energy_kwh).kwh
    saving = saving_of(baseline, broken, adjustment_kwh=added)
    hours = saved_by_hour(baseline, before, broken, [wing])
    assert hours.sum() == pytest.approx(saving.saving_kwh)
    assert not hours[24 * 60 : 24 * 63].any()
    assert np.isfinite(hours).all()


def test_a_saving_by_day_is_worth_more_than_one_by_night(office):
    """The same energy: what runs at noon is on-peak."""
    baseline, before, after = office
    saved = saved_by_hour(baseline, before, after)
    hour = after.starts.hour.to_numpy()
    assert saved[(hour >= 9) & (hour < 17)].sum() > 0.5 * saved.sum()


def billing(billed, without, *, schedule="mea-3-2-lv", before=None, whole=True):
    count = len(billed)
    is_whole = {part.month for part in billed} if whole else set()
    return Billing(billed, without, [TARIFFS.schedules[schedule]] * count, before or {}, is_whole)


def month(day=NOVEMBER, kwh=10_000.0, on_peak=6_000.0, kw=40.0, **given):
    return Quantities(day, kwh, on_peak, {"all": kw, "on_peak": kw}, **given)


def of_november(one, half_kwh=0.0, change=CHANGE):
    return worth_of(one, (NOVEMBER, dt.date(2025, 11, 30)), half_kwh, TARIFFS, change)


def test_energy_is_what_the_two_bills_differ_by():
    billed, without = month(kwh=9_000.0, on_peak=5_500.0), month()
    worth = of_november(billing([billed], [without]), half_kwh=300.0)
    by_hand = (500 * (4.3297 + 0.1572) + 500 * (2.6369 + 0.1572)) * 1.07
    assert worth.energy_thb == pytest.approx(by_hand, abs=0.02)
    assert (worth.on_peak_kwh, worth.off_peak_kwh, worth.demand_thb) == (500.0, 500.0, None)
    assert 0.2 * worth.energy_thb < worth.half_energy_thb < 0.4 * worth.energy_thb


@pytest.mark.parametrize(("before_kw", "sign"), [(45.0, 1), (35.0, -1), (40.0, 0)])
def test_demand_is_the_peak_of_the_same_month_before_and_may_cost_more(before_kw, sign):
    peaks = {NOVEMBER: ({"all": before_kw, "on_peak": before_kw}, 1)}
    worth = of_november(billing([month()], [month()], before=peaks))
    assert np.sign(worth.demand_thb) == sign
    assert worth.energy_thb == 0.0
    assert worth.half_demand_thb == pytest.approx(0.329 * before_kw * 210.0 * 1.07, rel=0.02)


def test_a_month_whose_peak_is_not_measured_now_counts_no_demand():
    peaks = {NOVEMBER: ({"all": 90.0, "on_peak": 90.0}, 1)}
    assert of_november(billing([month()], [month()], before=peaks, whole=False)).demand_thb is None


def test_a_tariff_without_a_charge_for_demand_has_none():
    peaks = {NOVEMBER: ({"all": 90.0, "on_peak": 90.0}, 1)}
    assert of_november(billing([month()], [month()], before=peaks, schedule="mea-2-1-lv")).demand_thb is None


def test_peaks_of_a_time_that_was_not_tested_are_not_compared():
    peaks = {NOVEMBER: ({"all": 90.0, "on_peak": 90.0}, 9)}
    worth = of_november(billing([month()], [month()], before=peaks))
    assert (worth.demand_thb, worth.half_demand_thb, worth.months[0].before_kw) == (None, None, None)


def test_a_lower_peak_saves_nothing_below_the_minimum_charge():
    """70 % of a peak of 100 kW are charged whatever this month's is."""
    busy = month(dt.date(2025, 10, 1), kw=100.0)
    peaks = {NOVEMBER: ({"all": 60.0, "on_peak": 60.0}, 1)}
    one = billing([busy, month(kw=40.0)], [busy, month(kw=40.0)], before=peaks)
    assert of_november(one).demand_thb == pytest.approx(0.0, abs=0.01)
    assert len(of_november(one).months) == 1, "the month before is there for the minimum charge alone"


def test_intervals_of_more_months_are_narrower_and_of_more_years_wider():
    assert CHANGE.half_ratio(1, 12) < CHANGE.half_ratio(1, 1) < CHANGE.half_ratio(3, 1)
    assert CHANGE.half_ratio(4, 1) is None
    with pytest.raises(ValueError, match="rows"):
        DemandChange(lag_years=(1, 2), months=(1, 3), half=((0.1, 0.1),), source="x", source_th="x",
                     entered=dt.date(2026, 1, 1))  # fmt: skip


def test_months_that_are_billed_under_another_schedule_count_under_theirs():
    parts = [month(), month(DECEMBER)]
    without = [month(kwh=11_000.0, on_peak=6_000.0), month(DECEMBER, kwh=11_000.0, on_peak=6_000.0)]
    schedules = [TARIFFS.schedules[name] for name in ("mea-3-1-lv", "mea-3-2-lv")]
    worth = worth_of(
        Billing(parts, without, schedules, {}, set()), (NOVEMBER, dt.date(2025, 12, 31)), 0.0, TARIFFS, CHANGE
    )
    assert worth.schedules == ("mea-3-1-lv", "mea-3-2-lv")
    assert worth.months[0].energy_thb > worth.months[1].energy_thb, "off-peak is cheaper under 3.2"


def test_a_series_of_quarter_hours_says_what_its_peaks_saved():
    quarters = pd.date_range("2024-01-01", "2026-01-01", freq="15min", tz="Asia/Bangkok", inclusive="left")
    use = bk.examples.office(saving_ratio=0.2, saving_from="2025-01-01")
    energy = pd.Series(np.repeat(use.to_numpy()[: len(quarters) // 4] / 4, 4), quarters, name="energy_kwh")
    before, after = energy["2024"], energy["2025"]
    baseline = bk.Baseline.fit(before)
    worth = baseline.worth(before, after, "mea-3-2-lv")
    assert worth["demand_thb"] > worth["half_demand_thb"] > 0
    saved = baseline.savings(after)
    assert worth["on_peak_kwh"] + worth["off_peak_kwh"] == pytest.approx(saved.saving.saving_kwh)
    assert np.isnan(baseline.worth(before, use["2025"], "mea-3-2-lv")["demand_thb"]), "hours show no peak"


# -- under typical weather ----------------------------------------------------------------------------------------------


def with_temp(series, temp_c):
    return type(series)(series.starts, series.energy_kwh, temp_c, series.kind, series.max_kwh)


def test_a_hot_year_changes_no_saving_under_typical_weather():
    """15 % are saved; the year is 3 degC hotter, which hides some of it where the year is judged as it was."""
    cool = building(3, noise=0.01, hour_noise=0.01, drift=0.0, saving=0.15)
    before, after = (cool.between(*days) for days in YEARS)
    hot_c = after.temp_c + 3.0
    slope = 1 + 0.04 * np.clip(hot_c - 24, 0, None)
    was = 1 + 0.04 * np.clip(after.temp_c - 24, 0, None)
    works = after.energy_kwh > 25
    hotter_kwh = np.where(works, (after.energy_kwh - 10.2) * slope / was + 10.2, after.energy_kwh)
    hot = type(after)(after.starts, hotter_kwh, hot_c, after.kind, after.max_kwh)
    baseline = fit_baseline(before)
    assert baseline.form in {"daily", "hourly"}
    normal = normal_saving(baseline, hot, after.temp_c, np.zeros(365), placebo())
    assert normal.band.saving_ratio == pytest.approx(0.15, abs=0.02)
    assert normal.band.half_width_ratio > 0.05
    unadjusted = 1 - hotter_kwh.sum() / before.energy_kwh.sum()
    assert abs(unadjusted - 0.15) > 0.03


@pytest.mark.parametrize("days", [364, 200])
def test_less_than_a_year_is_no_year(office, days):
    baseline, _, after = office
    part = after.between(after.day_index[0].date(), after.day_index[days - 1].date())
    with pytest.raises(InputError, match=f"{days} days"):
        normal_saving(baseline, part, None, np.zeros(days), placebo())


def test_a_year_with_many_days_unknown_has_no_model_of_its_own(office):
    baseline, _, after = office
    energy_kwh = after.energy_kwh.copy()
    energy_kwh[: 24 * 60] = np.nan
    broken = type(after)(after.starts, energy_kwh, after.temp_c, after.kind, after.max_kwh)
    with pytest.raises(InputError, match="305 days"):
        normal_saving(baseline, broken, after.temp_c, np.zeros(365), placebo())


def test_an_adjustment_is_no_rise_under_typical_weather(office):
    baseline, _, after = office
    plain = normal_saving(baseline, after, after.temp_c, np.zeros(365), placebo())
    wing = normal_saving(baseline, after, after.temp_c, np.full(365, 50.0), placebo())
    assert wing.saving_kwh - plain.saving_kwh == pytest.approx(365 * 50.0)
