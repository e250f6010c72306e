import datetime as dt

import numpy as np
import pytest

from bkkenergy.savings.baseline import Baseline, Saving, fit_baseline, saving_of
from bkkenergy.savings.uncertainty import (
    Band,
    Placebo,
    band_of,
    conformal_quantile,
    fold_rms,
    guideline_14_ratio,
    multiplier,
    scale_ratio,
    total_band,
)
from bkkenergy.site.savings_config import load_savings
from tests.conftest import ROOT
from tests.unit.savings.generated import building

YEAR = (dt.date(2023, 10, 1), dt.date(2024, 9, 30))
NEXT = (dt.date(2024, 10, 1), dt.date(2025, 9, 30))
PLACEBO = load_savings(ROOT / "config").placebo
FORMS = ("daily_calendar", "daily")


def judged(seed: int, saving: float) -> tuple[Baseline, Saving]:
    series = building(seed, saving=saving, drift=0.06)
    baseline = fit_baseline(series.between(*YEAR), forms=FORMS)
    return baseline, saving_of(baseline, series.between(*NEXT))


def pool_of(found: list[tuple[Baseline, Saving]]) -> Placebo:
    typical = float(np.median([fold_rms(baseline.fold_error_ratio) for baseline, _ in found]))
    draws = [abs(saving.saving_ratio) / scale_ratio(baseline.fold_error_ratio, typical) for baseline, saving in found]
    return PLACEBO.model_copy(update={"year": tuple(draws), "typical_fold_ratio": typical})


@pytest.mark.slow
def test_the_band_holds_planted_savings_in_nine_of_ten_generated_buildings():
    """500 buildings with savings of 0, 5, 10 and 20 %; AR(1) residuals with rho 0.65; each drifts by 6 % a year by itself."""
    placebo = pool_of([judged(10_000 + seed, 0.0) for seed in range(200)])
    held, unclear_zeros, proven_twenties = [], [], []
    for seed in range(500):
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


def test_a_month_needs_a_wider_band_than_nothing_and_lies_between():
    year, month = multiplier(PLACEBO, 365), multiplier(PLACEBO, 30)
    assert year == pytest.approx(conformal_quantile(PLACEBO.year))
    assert month == pytest.approx(conformal_quantile(PLACEBO.month), rel=0.01)
    assert min(year, month) <= multiplier(PLACEBO, 120) <= max(year, month)


@pytest.mark.parametrize(
    ("ratio", "half", "verdict"),
    [(0.08, 0.03, "proven"), (0.02, 0.03, "unclear"), (-0.02, 0.03, "unclear"), (-0.10, 0.03, "increase")],
)
def test_verdicts(ratio, half, verdict):
    assert Band(ratio, half).verdict == verdict


def test_the_errors_of_many_largely_cancel_but_for_what_they_share():
    day = dt.date(2025, 1, 1)
    savings = [Saving(day, day, 365, 100.0, 92.0)] * 25
    bands = [Band(0.08, 0.10)] * 25
    total = total_band(savings, bands, PLACEBO)
    assert total.saving_ratio == pytest.approx(0.08)
    assert total.half_width_ratio == pytest.approx(np.hypot(0.10 / 5, 1.645 * PLACEBO.common_ratio), rel=1e-3)
    assert total.verdict == "proven"
