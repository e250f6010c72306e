"""Whose clock is wrong: that of one gateway, or ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkkenergy.ingest.ownclock import HEARD_WITHIN_S, OwnClock, behind_us

S = 1_000_000
HOUR = 3600 * S


@pytest.mark.parametrize(
    ("lags_us", "behind"),
    [
        ([], 0),
        ([-HOUR, -HOUR], 0),
        ([-HOUR, -HOUR + S, -HOUR - S], HOUR),
        ([-HOUR, -HOUR, 2 * S, 3 * S], 0),
        ([-HOUR, -HOUR, -HOUR, 2 * S, 3 * S], HOUR),
        ([-HOUR, -HOUR, -HOUR, 9 * HOUR, 2 * S], HOUR),
        ([-HOUR, -2 * HOUR, -3 * HOUR, -4 * HOUR, -5 * HOUR], 0),
        ([-HOUR, -HOUR, -HOUR, 0, 0, 0, 0], HOUR),
        ([-30 * S] * 10, 0),
        ([HOUR] * 10, 0),
    ],
    ids=["none heard", "two are no majority", "three alike", "half", "most", "most, and one sends a backlog",
         "each its own way", "gateways without a clock have no vote", "half a minute", "a backlog of all"],
)  # fmt: skip
def test_our_clock_is_behind_where_most_gateways_agree_by_how_much(lags_us, behind):
    assert behind_us(lags_us) == behind


@given(st.lists(st.integers(-(10**12), 10**12).filter(bool), min_size=3, max_size=30), st.data())
def test_less_than_half_of_the_gateways_never_move_our_clock(right, data):
    """Whatever a minority says, where the others are within a minute of us."""
    right_us = [lag_us % (50 * S) + 1 for lag_us in right]
    wrong = data.draw(st.lists(st.integers(-(10**15), -1), max_size=len(right_us) - 1))
    assert behind_us(right_us + wrong) == 0


def test_it_is_believed_at_once_and_no_longer_once_it_is_set_right():
    clock = OwnClock(lambda: 0.0)
    assert [clock.hear({name: -HOUR}) for name in "abcd"] == [0, 0, HOUR, HOUR]
    assert [clock.hear({name: S}) for name in "abcd"] == [HOUR, 0, 0, 0]


def test_gateways_that_fell_silent_have_no_vote():
    now_s = 0.0
    clock = OwnClock(lambda: now_s)
    clock.hear(dict.fromkeys("abcdefg", S))
    now_s = HEARD_WITHIN_S + 1
    assert clock.hear(dict.fromkeys("xyz", -HOUR)) == HOUR
