"""Capacitors: as few steps as bring every month down, never fed back, and a year's charge within its interval."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bkkenergy.retrofits import PowerRules, bank_of
from bkkenergy.tariff.bill import excess_kvar

RULES = PowerRules(free_kvar_per_kw=0.6197, kvar_thb=60.0, rounding_kvar=1.0)
TARGET, STEP = 0.57, 5.0


def months(count: int = 12, year: int = 2026) -> pd.DatetimeIndex:
    """Quarter-hours of some months."""
    first = pd.Timestamp(f"{year}-01-01")
    end = first + pd.DateOffset(months=count)
    return pd.date_range(first, end, freq="15min", tz="Asia/Bangkok", inclusive="left")


def load(starts: pd.DatetimeIndex, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A building with working hours, and motors that take more reactive power in some months."""
    hour = np.asarray(starts.hour)
    kw = np.where((hour >= 8) & (hour < 17), 100.0, 15.0) * rng.uniform(0.7, 1.0, len(starts))
    by_month = rng.uniform(0.6, 1.1, 12)[np.asarray(starts.month) - 1]
    return kw, kw * by_month * rng.uniform(0.9, 1.0, len(starts))


def bank(starts, kw, kvar, step=STEP):
    return bank_of(starts, kw, kvar, RULES, target_kvar_per_kw=TARGET, step_kvar=step)


@pytest.mark.parametrize("seed", range(8))
def test_a_bank_is_the_smallest_of_whole_steps_that_brings_every_month_down(seed):
    starts = months()
    kw, kvar = load(starts, np.random.default_rng(seed))
    sized = bank(starts, kw, kvar)
    month = np.asarray(starts.month)
    peaks = [(kvar[month == one].max(), kw[month == one].max()) for one in range(1, 13)]

    def is_enough(size_kvar: float) -> bool:
        return all(peak_kvar - size_kvar <= TARGET * peak_kw + 1e-9 for peak_kvar, peak_kw in peaks)

    assert sized.size_kvar % STEP == 0
    assert is_enough(sized.size_kvar)
    assert not is_enough(sized.size_kvar - STEP)
    charged = sum(60.0 * excess_kvar(peak_kvar, peak_kw, 0.6197, 1.0) for peak_kvar, peak_kw in peaks)
    assert sized.left_thb == 0
    assert sized.saved_thb[1] == pytest.approx(charged)


def test_a_step_too_large_for_a_small_load_is_not_fed_back_and_leaves_its_charge():
    starts = months()
    kw = np.full(len(starts), 10.0)
    sized = bank(starts, kw, 0.9 * kw, step=8.0)
    assert (sized.size_kvar, sized.left_thb) == (8.0, 0.0)
    assert bank(starts, kw, 0.9 * kw, step=20.0) is None, "nine kvar cannot be met by a step of twenty"


def test_what_is_not_charged_or_not_known_has_no_bank():
    starts = months()
    kw = np.full(len(starts), 100.0)
    assert bank(starts, kw, 0.6 * kw) is None, "near the limit, and not charged"
    assert bank(starts, kw, np.full(len(starts), np.nan)) is None
    only_one = np.where(np.asarray(starts.month) == 3, 0.9 * kw, np.nan)
    assert bank(starts, kw, only_one) is None
    some = np.where(np.asarray(starts.month) <= 3, 0.9 * kw, np.nan)
    assert bank(starts, kw, some).months == 3


def test_the_charge_of_a_year_to_come_lies_in_nine_of_ten_intervals():
    """Months differ by chance; six are known, and the next twelve are what is promised of."""
    rng, inside = np.random.default_rng(5), []
    for _ in range(250):
        known = months(6, 2025)
        ratios = rng.normal(0.85, 0.06, 18)

        def of(starts, per_month):
            kw = np.full(len(starts), 1000.0)
            return kw, kw * per_month[np.asarray(starts.month) - 1]

        sized = bank(known, *of(known, np.resize(ratios[:6], 12)), step=1.0)
        if sized is None:
            continue
        true = sum(60.0 * excess_kvar(1000 * ratio, 1000.0, 0.6197, 1.0) for ratio in ratios[6:])
        low, _, high = sized.saved_thb
        inside.append(low <= true <= high)
    assert 0.85 <= np.mean(inside) <= 0.95
