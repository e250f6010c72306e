"""Energies in lists add up to what they are lists of."""

import numpy as np
import pytest

from bkkenergy.usecases.energy import listed_kwh


@pytest.mark.parametrize("kwh", [0.33335, 0.10005, 1 / 3, 12.3456789012])
def test_a_month_of_listed_quarter_hours_adds_up(kwh):
    """With four decimals a month of 0.33335 kWh was 0.15 kWh off its total."""
    energy_kwh = np.full(31 * 96, kwh)
    assert sum(listed_kwh(energy_kwh)) == pytest.approx(energy_kwh.sum(), abs=1e-5)


def test_what_is_not_known_is_null_and_the_noise_of_binary_fractions_is_gone():
    assert listed_kwh(np.array([np.nan, 0.1 + 0.2])) == [None, 0.3]
