import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bkkenergy.errors import InputError
from bkkenergy.savings.baseline import (
    Series,
    diagnostics,
    expected_days,
    fit_baseline,
    fit_form,
    fold_errors,
    folds_of,
    held_out_days,
    max_hour_kwh,
    saving_of,
)
from bkkenergy.savings.daily import fit_daily, predict_daily
from bkkenergy.savings.days import DayKind, day_kinds
from bkkenergy.savings.monthly import fit_monthly, predict_monthly
from bkkenergy.savings.slots import fit_slopes
from tests.unit.savings.generated import OFFICE, building

YEAR = (dt.date(2023, 10, 1), dt.date(2024, 9, 30))
NEXT = (dt.date(2024, 10, 1), dt.date(2025, 9, 30))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(2, 9))
def test_slopes_are_those_of_least_squares_with_dummies(seed, columns, slots):
    rng = np.random.default_rng(seed)
    n = 200
    slot, x = rng.integers(0, slots, n), rng.normal(size=(n, columns))
    y = rng.normal(size=n) + x @ rng.normal(size=columns) * 3 + slot
    known = rng.random(n) > 0.2
    constant, slope = fit_slopes(y, x, slot, slots, known)
    dummies = np.eye(slots)[slot]
    expected = np.linalg.lstsq(np.column_stack([dummies, x])[known], y[known], rcond=None)[0]
    np.testing.assert_allclose(slope, expected[slots:], atol=1e-4)
    np.testing.assert_allclose(constant[np.unique(slot[known])], expected[:slots][np.unique(slot[known])], atol=1e-3)


def test_a_noiseless_building_is_foretold():
    series = building(1, noise=0, hour_noise=0, drift=0)
    baseline = fit_baseline(series.between(*YEAR))
    assert baseline.held_out.cvrmse < 0.04
    saving = saving_of(baseline, series.between(*NEXT))
    assert abs(saving.saving_ratio) < 0.01
    assert saving.days == 365


def test_a_planted_saving_is_found():
    series = building(2, noise=0.02, drift=0, saving=0.12)
    saving = saving_of(fit_baseline(series.between(*YEAR)), series.between(*NEXT))
    assert saving.saving_ratio == pytest.approx(0.12, abs=0.012)
    assert saving.saving_kwh == pytest.approx(saving.baseline_kwh - saving.actual_kwh)


def test_days_that_are_held_out_are_predicted_from_all_others_and_not_from_themselves():
    series = building(3).between(*YEAR)
    fold = folds_of(series)
    is_first = fold == fold[0]
    energy = series.energy_kwh * np.where(np.repeat(is_first, 24), 3.0, 1.0)
    before, after = (held_out_days("daily_calendar", one) for one in (series, replace(series, energy_kwh=energy)))
    np.testing.assert_allclose(after[is_first], before[is_first], rtol=1e-9)
    assert after[~is_first].mean() > 1.2 * before[~is_first].mean()


def test_the_calendar_is_worth_more_than_temperature():
    series = building(3).between(*YEAR)
    blind = replace(series, kind=np.zeros_like(series.kind))
    actual = series.day_energy_kwh
    with_calendar = diagnostics(actual, held_out_days("daily", series)).cvrmse
    without = diagnostics(actual, held_out_days("daily", blind)).cvrmse
    assert with_calendar < 0.8 * without


def test_the_simplest_of_equals_is_taken():
    series = building(4).between(*YEAR)
    rng = np.random.default_rng(0)
    noise_only = replace(series, temp_c=rng.normal(28, 3, len(series.starts)))
    assert fit_baseline(noise_only).form.endswith("calendar")
    assert fit_baseline(replace(series, temp_c=None)).form.endswith("calendar")


def test_less_than_a_year_is_provisional_and_less_than_two_months_none():
    series = building(5)
    nine = fit_baseline(series.between(dt.date(2023, 10, 1), dt.date(2024, 6, 30)))
    assert nine.is_provisional
    assert not fit_baseline(series.between(*YEAR)).is_provisional
    with pytest.raises(InputError, match="only 31 valid days"):
        fit_baseline(series.between(dt.date(2023, 10, 1), dt.date(2023, 10, 31)))


def test_the_same_data_give_the_same_baseline_and_other_data_another_fingerprint():
    series = building(6).between(*YEAR)
    one, two = fit_baseline(series), fit_baseline(series)
    assert one.fingerprint == two.fingerprint
    np.testing.assert_array_equal(one.model.constant_kwh, two.model.constant_kwh)
    bent = series.energy_kwh.copy()
    bent[100] += 1
    assert replace(series, energy_kwh=bent).fingerprint() != one.fingerprint


def test_gaps_spikes_and_negative_hours_do_not_count():
    series = building(7, noise=0.02).between(*YEAR)
    bent = series.energy_kwh.copy()
    bent[24 * 50 : 24 * 60] = np.nan
    bent[24 * 70 + 10] = 1e6
    bent[24 * 80 : 24 * 81] = -5
    holed = replace(series, energy_kwh=bent, max_kwh=max_hour_kwh(bent))
    assert holed.day_known.sum() == 366 - 10 - 1
    clean, other = fit_baseline(series), fit_baseline(holed)
    days = expected_days(other.model, series)
    assert days.sum() == pytest.approx(expected_days(clean.model, series).sum(), rel=0.01)


def test_a_flood_pump_of_a_hundred_times_its_mean_is_use_and_a_lone_giant_hour_is_none():
    pump = np.full(24 * 365, 2.0)
    pump[np.arange(0, len(pump), 24 * 40)] = 400.0
    assert max_hour_kwh(pump) == np.inf
    assert max_hour_kwh(np.append(pump, [9e4, 9e4])) < 9e4
    assert max_hour_kwh(np.full(24, np.nan)) == np.inf
    assert max_hour_kwh(np.zeros(24)) == np.inf


def test_adjustments_are_added_to_the_baseline():
    series = building(8, noise=0.02, drift=0)
    baseline, after = fit_baseline(series.between(*YEAR)), series.between(*NEXT)
    plain = saving_of(baseline, after)
    moved = saving_of(baseline, after, adjustment_kwh=np.full(365, 100.0))
    assert moved.saving_kwh == pytest.approx(plain.saving_kwh + 36_500)


@pytest.mark.parametrize("form", ["hourly", "hourly_calendar", "daily", "daily_calendar"])
def test_every_form_is_finite_on_flat_sparse_and_constant_data(form):
    starts = building(9).between(*YEAR).starts
    kind = np.zeros(len(starts) // 24, np.int64)
    for energy in (np.full(len(starts), 5.0), np.where(np.arange(len(starts)) % 5000 < 1500, 7.0, np.nan)):
        series = Series(starts, energy, np.full(len(starts), 28.0), kind)
        model = fit_form(form, series, np.ones(len(kind), bool))
        assert np.isfinite(expected_days(model, series)).all()


def test_days_have_their_kinds():
    days = [
        dt.date(2026, 12, 5),
        dt.date(2026, 12, 7),
        dt.date(2026, 12, 8),
        dt.date(2026, 12, 10),
        dt.date(2026, 5, 1),
    ]
    # 5 December 2026 is a Saturday; the 7th is off in its stead; Labour Day is no day off of government offices.
    assert list(day_kinds(days, OFFICE)) == [
        DayKind.HOLIDAY,
        DayKind.SUBSTITUTION,
        DayKind.USUAL,
        DayKind.HOLIDAY,
        DayKind.USUAL,
    ]
    closed = OFFICE.model_copy(update={"closed_dates": frozenset({dt.date(2026, 12, 8)})})
    assert day_kinds(days[2:3], closed)[0] == DayKind.CLOSURE


def test_the_error_of_each_block_of_months_is_of_its_own_days():
    """A block with too few known days has none, and a day that one side does not know counts for neither."""
    fold = np.repeat([0, 1, 2], [20, 20, 5])
    actual = np.repeat([100.0, 200.0, 100.0], [20, 20, 5])
    expected = np.repeat([110.0, 150.0, 900.0], [20, 20, 5])
    actual[0], expected[20] = np.nan, np.nan
    assert fold_errors(actual, expected, fold) == pytest.approx((0.10, -0.25))


def test_days_off_have_a_slope_of_their_own():
    """On working days each degree above 24 is 20 kWh; on Saturdays and Sundays nothing is cooled."""
    slot = np.arange(364) % 7
    temp_c = 26.0 + 6 * np.random.default_rng(3).random(364)
    energy_kwh = np.where(slot < 5, 400 + 20 * (temp_c - 24), 180.0)
    model = fit_daily(energy_kwh, temp_c, slot, np.ones(364, bool))
    hot = predict_daily(model, np.full(7, 32.0), np.arange(7))
    np.testing.assert_allclose(hot, [560.0] * 5 + [180.0] * 2, atol=1.0)


def test_bills_alone_make_a_monthly_baseline():
    rng = np.random.default_rng(3)
    open_ratio, temp_c = rng.uniform(0.5, 0.75, 12), rng.uniform(27, 31, 12)
    day_kwh = 200 + 900 * open_ratio + 40 * (temp_c - 24)
    model = fit_monthly(day_kwh, open_ratio, temp_c)
    np.testing.assert_allclose(predict_monthly(model, open_ratio, temp_c), day_kwh, rtol=1e-6)
    assert model.cooling_kwh_per_c == pytest.approx(40)
    flat = fit_monthly(1000 - 50 * (temp_c - 24), open_ratio, temp_c)
    assert flat.cooling_kwh_per_c == 0  # cooling that saves energy is no cooling
    with pytest.raises(ValueError, match="needs 9 months"):
        fit_monthly(day_kwh[:5], open_ratio[:5], None)


def test_series_are_whole_days():
    with pytest.raises(ValueError, match="whole days"):
        Series(
            pd.date_range("2024-01-01", periods=25, freq="h", tz="Asia/Bangkok"), np.zeros(25), None, np.zeros(1, int)
        )
