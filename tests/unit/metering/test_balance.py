"""Laws of a building's balance, for any energies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bkkenergy.metering.balance import balance, rest_kwh, share_ratio, signed_sum

KWH = st.one_of(st.floats(0, 1e6), st.just(np.nan))
SERIES = st.integers(1, 20).flatmap(lambda n: st.tuples(*[arrays(np.float64, n, elements=KWH)] * 4))


@given(SERIES)
def test_gross_use_is_import_and_production_less_export_and_tenants(parts):
    bought, sold, made, tenants = parts
    found = balance(bought, sold, made, tenants)
    np.testing.assert_allclose(found.gross_use_kwh, bought + made - sold - tenants, equal_nan=True)
    np.testing.assert_array_equal(np.isnan(found.gross_use_kwh), np.isnan(np.stack(parts)).any(axis=0))
    without = balance(bought, sold, made)
    np.testing.assert_allclose(without.gross_use_kwh, bought + made - sold, equal_nan=True)


@given(SERIES)
def test_self_consumption_is_never_negative_and_never_more_than_production(parts):
    bought, sold, made, _ = parts
    own = balance(bought, sold, made).self_consumption_kwh
    known = np.isfinite(made) & np.isfinite(sold)
    np.testing.assert_array_equal(np.isfinite(own), known)
    assert (own[known] >= 0).all()
    assert (own[known] <= made[known]).all()


@given(
    st.integers(1, 20).flatmap(
        lambda n: st.tuples(arrays(np.float64, n, elements=KWH), arrays(np.float64, (n, 3), elements=KWH))
    )
)
def test_the_rest_is_the_whole_less_the_parts(energies):
    whole, parts = energies
    np.testing.assert_allclose(rest_kwh(whole, parts) + parts.sum(axis=1), whole + 0 * parts.sum(axis=1), atol=1e-6)


@pytest.mark.parametrize(
    ("signs", "expected"),
    [([1, 1], [30, np.nan]), ([1, -1], [-10, np.nan]), ([-1, -1], [-30, np.nan])],
)
def test_a_virtual_meter_is_unknown_where_one_of_its_parts_is(signs, expected):
    parts = np.array([[10.0, 20.0], [10.0, np.nan]])
    np.testing.assert_array_equal(signed_sum(parts, np.array(signs, np.float64)), expected)


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [
        pytest.param([1, 1], [4, 4], 0.25, id="both_known"),
        pytest.param([1, np.nan], [4, 100], 0.25, id="where_both_are_known_alone"),
        pytest.param([1], [0], None, id="of_nothing"),
        pytest.param([np.nan], [4], None, id="never_both"),
        pytest.param([5], [4], 1.25, id="more_than_the_whole"),
    ],
)
def test_a_share_counts_the_intervals_in_which_both_are_known(part, whole, expected):
    assert share_ratio(np.array(part, np.float64), np.array(whole, np.float64)) == expected
