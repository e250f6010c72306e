"""The choice within a budget, beside every other choice; money over a life."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from bkkenergy.errors import InputError
from bkkenergy.retrofits import Purchase, best_within, worth_of
from bkkenergy.retrofits.money import annuity


@pytest.mark.parametrize("seed", range(25))
def test_no_other_choice_within_the_budget_brings_more(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 11))
    choices = [
        Purchase(float(rng.integers(1, 30)), float(rng.integers(-5, 60)), f"g{rng.integers(0, 6)}")
        for _ in range(count)
    ]
    budget = float(rng.integers(0, 80))

    def allowed(taken) -> bool:
        groups = [choices[at].excludes for at in taken]
        return sum(choices[at].cost_thb for at in taken) <= budget and len(set(groups)) == len(groups)

    every = ([at for at in range(count) if bits[at]] for bits in product((0, 1), repeat=count))
    best = max(sum(choices[at].value for at in taken) for taken in every if allowed(taken))
    chosen = best_within(choices, budget)
    assert allowed(chosen)
    assert sum(choices[at].value for at in chosen) == pytest.approx(best)


@pytest.mark.parametrize("budget", [-1.0, float("nan"), float("inf")])
def test_a_budget_that_is_no_amount_is_refused(budget):
    with pytest.raises(InputError):
        best_within([Purchase(1, 1, "a")], budget)


def test_a_thousand_choices_are_chosen_from():
    rng = np.random.default_rng(3)
    choices = [Purchase(float(rng.uniform(1e3, 1e6)), float(rng.uniform(1, 50)), f"g{at // 3}") for at in range(1000)]
    chosen = best_within(choices, 5e6)
    assert sum(choices[at].cost_thb for at in chosen) <= 5e6
    assert len({choices[at].excludes for at in chosen}) == len(chosen) > 5


def test_a_saving_that_never_pays_costs_money_for_each_tonne():
    worth = worth_of((5, 10, 20), (900, 1100), thb_per_kwh=4.0, kgco2e_per_kwh=0.5, life_years=10, discount_ratio=0.05)
    assert worth.npv_low_thb < worth.npv_thb < worth.npv_high_thb < 0
    assert worth.abatement_thb_per_t == pytest.approx(-worth.npv_thb / (10 * 0.5 / 1000 * 10))
    nothing = worth_of((0, 0, 0), (1, 1), thb_per_kwh=4.0, kgco2e_per_kwh=None, life_years=10, discount_ratio=0.05)
    assert (nothing.payback_years, nothing.abatement_thb_per_t) == (None, None)


def test_money_of_later_years_is_worth_less():
    assert annuity(10, 0.05) == pytest.approx((1 - 1.05**-10) / 0.05)
