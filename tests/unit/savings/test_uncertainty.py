import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from bkkenergy.savings.baseline import Baseline, Saving, fit_baseline, saving_of
from bkkenergy.savings.uncertainty import (
    Band,
    Placebo,
    band_of,
    fold_rms,
    multipliers,
    scale_ratio,
    total_band,
)
from bkkenergy.site.savings_config import load_savings
from tests.conformal import conformal_quantile
from tests.conftest import IS_FUZZED, ROOT
from tests.guideline14 import guideline_14_ratio
from tests.unit.savings.generated import building

YEAR = (dt.date(2023, 10, 1), dt.date(2024, 9, 30))
NEXT = (dt.date(2024, 10, 1), dt.date(2025, 9, 30))
PLACEBO = load_savings(ROOT / "config").placebo
POOL, JUDGED = (200, 500) if IS_FUZZED else (100, 240)
"""Buildings that say how wide the interval has to be, and buildings that are judged; more of them under `make fuzz`."""
FORMS = ("daily_calendar", "daily")


def judged(seed: int, saving: float) -> tuple[Baseline, Saving]:
    series = building(seed, saving=saving, drift=0.06)
    baseline = fit_baseline(series.between(*YEAR), forms=FORMS)
    return baseline, saving_of(baseline, series.between(*NEXT))


def pool_of(found: list[tuple[Baseline, Saving]]) -> Placebo:
    typical = float(np.median([fold_rms(baseline.fold_error_ratio) for baseline, _ in found]))
    draws = [abs(saving.saving_ratio) / scale_ratio(baseline.fold_error_ratio, typical) for baseline, saving in found]
    half = conformal_quantile(draws)
    grid = tuple(tuple(half for _ in PLACEBO.lag_years) for _ in PLACEBO.days)
    cells = [one.model_copy(update={"half": grid, "significant": grid}) for one in PLACEBO.length]
    return PLACEBO.model_copy(update={"length": tuple(cells), "typical_fold_ratio": typical})


@pytest.mark.slow
@pytest.mark.fuzz
def test_the_band_holds_planted_savings_in_nine_of_ten_generated_buildings():
    """Buildings with savings of 0, 5, 10 and 20 %; AR(1) residuals with rho 0.65; each drifts by 6 % a year by itself."""
    placebo = pool_of([judged(10_000 + seed, 0.0) for seed in range(POOL)])
    held, unclear_zeros, proven_twenties = [], [], []
    for seed in range(JUDGED):
        planted = (0.0, 0.05, 0.10, 0.20)[seed % 4]
        baseline, saving = judged(seed, planted)
        band = band_of(saving, baseline, placebo)
        held.append(abs(band.saving_ratio - planted) <= band.half_width_ratio)
        if planted == 0:
            unclear_zeros.append(band.verdict == "unclear")
        if planted == 0.20:
            proven_twenties.append(band.verdict == "proven")
    print(
        f"held {np.mean(held):.3f}, zero called unclear {np.mean(unclear_zeros):.3f}, 20 % proven {np.mean(proven_twenties):.3f}"
    )
    assert 0.85 <= np.mean(held) <= 0.95
    assert np.mean(unclear_zeros) > 0.8
    assert np.mean(proven_twenties) > 0.8


def test_guideline_14_would_have_been_far_too_sure():
    """The same drifting buildings: the textbook band holds zero for fewer than half."""
    held = []
    for seed in range(40):
        baseline, saving = judged(seed, 0.0)
        held.append(abs(saving.saving_ratio) <= guideline_14_ratio(baseline.fitted.cvrmse, 365, 365, 0.65))
    assert np.mean(held) < 0.5


def test_the_quantile_is_the_conformal_one():
    assert conformal_quantile(np.arange(1, 100)) == 90
    assert conformal_quantile(np.arange(1, 10)) == 9
    assert conformal_quantile([3.0, 1.0, 2.0], 0.5) == 2.0


def half_of(days=365, lag=1.0, baseline_days=365):
    return multipliers(PLACEBO, days, lag, baseline_days).half


def test_fewer_days_an_older_and_a_shorter_baseline_each_need_a_wider_interval():
    assert half_of(days=1) > half_of(days=30) > half_of(days=120) > half_of(days=365)
    assert half_of(lag=5.0) > half_of(lag=3.0) > half_of(lag=2.0) > half_of(lag=1.0)
    assert half_of(baseline_days=90) > half_of(baseline_days=180) > half_of(baseline_days=330)


def test_lags_and_lengths_take_a_cell_and_days_lie_between():
    assert half_of(lag=1.0) == half_of(lag=365 / 365.25) < half_of(lag=1.1) == half_of(lag=2.0)
    assert half_of(lag=30.0) == half_of(lag=7.0)
    assert half_of(baseline_days=61) == half_of(baseline_days=90)
    assert half_of(days=0) == half_of(days=1)
    assert min(half_of(30), half_of(91)) < half_of(50) < max(half_of(30), half_of(91))


def test_what_is_significant_lies_beyond_the_interval_in_every_cell():
    for cells in PLACEBO.length:
        assert (np.array(cells.significant) > np.array(cells.half)).all()
        assert (np.diff(np.array(cells.half), axis=1) >= 0).all()
        assert np.array(cells.pairs)[-1, 2:].min() > 200


def test_a_table_that_lacks_a_row_is_refused():
    raw = PLACEBO.model_dump()
    raw["length"][0]["half"] = raw["length"][0]["half"][:-1]
    with pytest.raises(ValueError, match="needs 7 rows of 8 values"):
        Placebo.model_validate(raw)


def test_too_few_days_too_little_energy_or_an_old_baseline_give_an_interval_and_no_verdict():
    baseline, saving = judged(3, 0.4)
    assert band_of(saving, baseline, PLACEBO).verdict == "proven"
    assert band_of(replace(saving, days=13), baseline, PLACEBO).verdict == "short"
    part = band_of(replace(saving, known_kwh=saving.actual_kwh / 0.89), baseline, PLACEBO)
    assert part.verdict == "part"
    assert part.half_width_ratio > 0
    assert band_of(replace(saving, expected_kwh=saving.baseline_kwh * 1.2), baseline, PLACEBO).verdict == "part"
    assert band_of(replace(saving, last=dt.date(2032, 1, 1)), baseline, PLACEBO).verdict == "old"


def test_without_weather_the_calendar_judges_and_the_interval_is_wider():
    series = building(5, noise=0.02, drift=0.0)
    baseline = fit_baseline(series.between(*YEAR))
    assert baseline.form in ("daily", "hourly")
    after = series.between(*NEXT)
    gone = after.temp_c.copy()
    gone[: 200 * 24] = np.nan
    whole, part = saving_of(baseline, after), saving_of(baseline, replace(after, temp_c=gone))
    assert part.days == whole.days
    assert part.actual_kwh == whole.actual_kwh
    assert (part.calendar_days, whole.calendar_days) == (200, 0)
    assert part.saving_ratio == pytest.approx(whole.saving_ratio, abs=0.05)
    assert band_of(part, baseline, PLACEBO).half_width_ratio >= band_of(whole, baseline, PLACEBO).half_width_ratio


@pytest.mark.parametrize("forms", [("daily_calendar", "daily"), ("hourly_calendar", "hourly")])
def test_a_station_that_is_silent_all_the_time_leaves_the_calendar(forms):
    series = building(5, noise=0.02, drift=0.0)
    baseline = fit_baseline(series.between(*YEAR), forms=forms)
    after = series.between(dt.date(2025, 4, 1), dt.date(2025, 4, 30))
    for temp_c in (np.full_like(after.temp_c, np.nan), None):
        saving = saving_of(baseline, replace(after, temp_c=temp_c))
        assert (saving.days, saving.calendar_days) == (30, 30)
        assert saving.judged_ratio == pytest.approx(1.0)
        assert abs(saving.saving_ratio) < 0.1


def test_what_is_known_and_what_is_judged_are_both_counted():
    series = building(6, noise=0.02, drift=0.0)
    baseline = fit_baseline(series.between(*YEAR), forms=FORMS)
    after = series.between(*NEXT)
    energy = after.energy_kwh.copy()
    energy[np.arange(0, 100 * 24, 24)[:, None] + np.arange(3)] = np.nan  # three hours of a hundred days
    saving = saving_of(baseline, replace(after, energy_kwh=energy))
    assert (saving.days, saving.period_days) == (265, 365)
    assert saving.known_kwh == pytest.approx(np.nansum(energy))
    assert saving.judged_ratio == pytest.approx(265 / 365, abs=0.05)


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [(0.08, "proven"), (0.04, "unclear"), (0.02, "unclear"), (-0.04, "unclear"), (-0.10, "increase")],
)
def test_verdicts(ratio, verdict):
    assert Band(ratio, 0.03, 0.05).verdict == verdict


def test_the_errors_of_many_largely_cancel_but_for_what_they_share():
    day = dt.date(2025, 1, 1)
    savings = [Saving(day, day, 365, 100.0, 92.0)] * 25
    total = total_band(savings, [Band(0.08, 0.10, 0.15)] * 25, 1.0, PLACEBO)
    common_ratio = PLACEBO.common_ratio[PLACEBO.column(1.0)]
    assert total.saving_ratio == pytest.approx(0.08)
    assert total.half_width_ratio == pytest.approx(np.hypot(0.10 / 5, 1.645 * common_ratio), rel=1e-3)
    assert total.verdict == "unclear"
    older = total_band(savings, [Band(0.08, 0.10, 0.15)] * 25, 6.0, PLACEBO)
    assert older.half_width_ratio > total.half_width_ratio


def test_a_total_of_which_a_tenth_has_no_verdict_has_none():
    day = dt.date(2025, 1, 1)
    savings = [Saving(day, day, 365, 100.0, 60.0)] * 10
    bands = [Band(0.4, 0.1, 0.15)] * 8 + [Band(0.4, 0.1, 0.15, "part")] * 2
    assert total_band(savings, bands, 1.0, PLACEBO).verdict == "part"
    assert total_band(savings, bands[1:9] + bands[:2], 1.0, PLACEBO).verdict == "proven"
