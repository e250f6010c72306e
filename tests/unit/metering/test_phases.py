"""Power of each phase: shares by volts times amperes that add up to the meter's power."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkkenergy.metering.phases import phase_power_kw

AMPERES, VOLTS = st.floats(0.1, 500), st.floats(180, 260)


@given(st.floats(-500, 500), st.tuples(VOLTS, VOLTS, VOLTS), st.tuples(AMPERES, AMPERES, AMPERES))
def test_phases_add_up_to_the_meter_s_power(power_kw, volts, amperes):
    phases = phase_power_kw(np.array([power_kw]), np.array([volts]), np.array([amperes]))
    assert phases.sum() == pytest.approx(power_kw, abs=1e-9)


def test_the_ratio_of_current_transformers_and_volts_between_phases_change_no_share():
    power, volts, amperes = np.array([30.0]), np.full((1, 3), 230.0), np.array([[50.0, 30.0, 20.0]])
    shares = phase_power_kw(power, volts, amperes)
    assert shares.tolist() == [[15.0, 9.0, 6.0]]
    assert phase_power_kw(power, volts * 3**0.5, amperes / 40) == pytest.approx(shares)


@pytest.mark.parametrize(
    ("power", "amperes"), [(np.nan, [1.0, 1.0, 1.0]), (5.0, [1.0, np.nan, 1.0]), (5.0, [0.0, 0.0, 0.0])]
)
def test_what_is_not_known_wholly_is_not_shared(power, amperes):
    assert np.isnan(phase_power_kw(np.array([power]), np.full((1, 3), 230.0), np.array([amperes]))).all()
