"""What a quarter-hour comes to that still runs, and how it stands to the highest one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkkenergy.metering.runningquarter import (
    QUARTER_US,
    DemandState,
    demand_state,
    forecast_kw,
    quarter_of,
)

START_US = 1_795_000_000_000_000 // QUARTER_US * QUARTER_US
MINUTE_US = 60_000_000


def read(*minutes_and_kw):
    at, kw = zip(*minutes_and_kw, strict=True)
    return START_US + np.array(at, np.int64) * MINUTE_US, np.array(kw, float)


@pytest.mark.parametrize(
    ("readings", "now_min", "forecast"),
    [
        ([(-1, 40.0), (5, 10.0)], 6, (5 * 40 + 10 * 10) / 15),
        ([(-1, 40.0)], 0, 40.0),
        ([(3, 40.0)], 4, 40.0),
        ([(-16, 99.0), (3, 40.0)], 4, 40.0),
        ([(0, 30.0), (14, 90.0)], 14, (14 * 30 + 90) / 15),
        ([(0, -30.0), (10, 15.0)], 11, 5 * 15 / 15),
        ([(0, 30.0), (20, 900.0)], 5, 30.0),
        ([(0, np.nan), (2, 30.0), (4, np.nan)], 5, 30.0),
    ],
    ids=[
        "each holds until the next",
        "that of the quarter-hour before holds",
        "the first speaks for the minutes before it",
        "one that is too old says nothing",
        "what is over counts by its time",
        "what flows back counts as nothing",
        "what is of a time to come counts not",
        "what is not known is left out",
    ],
)
def test_a_running_quarter_hour_comes_to(readings, now_min, forecast):
    assert forecast_kw(*read(*readings), START_US + now_min * MINUTE_US) == pytest.approx(forecast)


@pytest.mark.parametrize("readings", [[(-16, 40.0)], [(0, np.nan)], [(7, 40.0)]])
def test_nothing_is_forecast_from_what_is_too_old_or_unknown(readings):
    assert forecast_kw(*read(*readings), START_US + 1 * MINUTE_US) is None
    assert forecast_kw(np.empty(0, np.int64), np.empty(0), START_US) is None


@given(
    st.lists(st.tuples(st.integers(0, 899), st.floats(0, 1e4)), min_size=1, max_size=30, unique_by=lambda one: one[0])
)
def test_at_its_end_the_forecast_is_the_mean_of_the_steps(steps):
    steps = sorted([(0, steps[0][1]), *[(second, kw) for second, kw in steps if second > 0]])
    at = START_US + np.array([second for second, _ in steps], np.int64) * 1_000_000
    kw = np.array([power for _, power in steps])
    seconds = np.repeat(kw, np.diff([second for second, _ in steps], append=900))
    assert forecast_kw(at, kw, START_US + QUARTER_US - 1) == pytest.approx(seconds.mean())


@pytest.mark.parametrize(
    ("expected_kw", "peak_kw", "is_billed", "state"),
    [
        (100.1, 100.0, True, DemandState.OVER),
        (100.0, 100.0, True, DemandState.NEAR),
        (95.0, 100.0, True, DemandState.NEAR),
        (94.9, 100.0, True, DemandState.BELOW),
        (None, 100.0, True, DemandState.UNKNOWN),
        (50.0, None, True, DemandState.UNKNOWN),
        (50.0, 0.0, True, DemandState.UNKNOWN),
        (900.0, 100.0, False, DemandState.NOT_BILLED),
    ],
)
def test_a_forecast_stands_to_the_highest_demand(expected_kw, peak_kw, is_billed, state):
    assert demand_state(expected_kw, peak_kw, is_billed=is_billed) is state


def test_quarter_hours_begin_where_clocks_say():
    assert quarter_of(START_US) == quarter_of(START_US + QUARTER_US - 1) == START_US
