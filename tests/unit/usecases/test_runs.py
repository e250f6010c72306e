"""Which days may be computed, beside those whose readings were purged."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkkenergy.ports.ledger import Purged
from bkkenergy.usecases.runs import DAY, EVER, OpenDays, midnight_us, open_days, runs_of

ZERO = dt.date(2026, 1, 1)


def day(number: int) -> dt.date:
    return ZERO + number * DAY


def purged(first: int, last: int, before: int) -> Purged:
    return Purged(day(first), day(last), day(before), is_done=True)


def test_without_a_purge_every_day_is_open():
    assert open_days([]) == [EVER]


def test_after_purged_days_the_readings_at_their_edge_may_be_read():
    assert open_days([purged(0, 9, 5)])[-1] == OpenDays(day(10), read_first=day(5))
    assert open_days([purged(0, 9, 10)])[-1] == OpenDays(day(10), read_first=day(10))


def test_between_purged_days_nothing_beyond_is_read():
    before, between, after = open_days([purged(0, 4, 5), purged(8, 20, 15)])
    assert before == OpenDays(last=day(-1))
    assert between == OpenDays(day(5), day(7), read_first=day(5))
    assert after == OpenDays(day(21), read_first=day(15))


@given(st.sets(st.integers(0, 40)), st.sets(st.integers(0, 40)))
def test_runs_hold_the_open_days_and_no_other(marked, closed):
    opens = open_days([purged(number, number, number + 1) for number in closed])
    runs = runs_of([day(number) for number in marked], opens)
    inside = {number for number in range(41) for run in runs if run.first <= day(number) <= run.last}
    assert inside >= marked - closed
    assert not inside & closed
    assert all(run.first in run.among and run.last in run.among for run in runs)


@pytest.mark.parametrize(("number", "hours"), [(0, -7), (1, 17)])
def test_a_day_of_bangkok_begins_seven_hours_before_utc(number, hours):
    assert midnight_us(dt.date(1970, 1, 1) + number * DAY) == hours * 3_600_000_000
