"""What a register does is told when it happens, once, and nothing is repaired."""

import numpy as np
import pytest

from bkkenergy.ingest.sanity import Memory, register_events
from bkkenergy.metering.events import EventKind
from bkkenergy.metering.frames import limits_of
from bkkenergy.readings import US_PER_S, ReadingBatch
from tests.builders import DAY_US, QUARTER_US, meter, readings

METERS = [meter("a", register_digits=5, rated_kw=100), meter("b", rated_kw=100)]
LIMITS = limits_of(METERS)
IDS = tuple(one.id for one in METERS)


def batch(number, values, *, start=0, power_kw=None):
    count = len(values)
    columns = {"energy_kwh": np.array(values, np.float64)}
    if power_kw is not None:
        columns["power_kw"] = np.full(count, float(power_kw))
    return ReadingBatch(IDS, np.full(count, number), DAY_US + (start + np.arange(count)) * QUARTER_US, columns)


def events(given, memory=None, exchanges=(), stuck_after_s=86_400):
    memory = memory or Memory.empty(2)
    return register_events(given, memory, LIMITS, np.array([True, True]), exchanges, stuck_after_s=stuck_after_s)


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        pytest.param([100, 110, 120], [], id="growing"),
        pytest.param([99_990, 5], [EventKind.ROLLOVER], id="rollover"),
        pytest.param([500, 0, 5], [EventKind.FELL], id="reset"),
        pytest.param([500, 400], [EventKind.FELL], id="going_back"),
        pytest.param([500, 90_000], [EventKind.JUMPED], id="beyond_the_rating"),
        pytest.param([500, 90_000, 510], [EventKind.JUMPED, EventKind.FELL], id="a_spike_is_both"),
        pytest.param([500], [], id="nothing_before"),
    ],
)
def test_an_event_is_told_for(values, kinds):
    assert [event.kind for event in events(batch(0, values))] == kinds


def test_an_event_says_meter_time_and_values():
    (event,) = events(batch(1, [500, 20]))
    assert event == (METERS[1].id, DAY_US + QUARTER_US, EventKind.FELL, 500.0, 20.0)


def test_what_was_seen_in_an_earlier_batch_is_remembered():
    memory = Memory.empty(2)
    assert events(batch(1, [500, 505]), memory) == []
    assert [event.kind for event in events(batch(1, [3], start=2), memory)] == [EventKind.FELL]
    assert events(batch(1, [3], start=2), memory) == [], "a redelivery tells nothing again"


def test_a_backlog_from_before_is_passed_over():
    memory = Memory.empty(2)
    events(batch(1, [500], start=10), memory)
    assert events(batch(1, [100, 110], start=0), memory) == []
    assert events(batch(1, [505], start=11), memory) == []


def test_a_declared_exchange_is_told_as_such():
    at_us = DAY_US + QUARTER_US // 2
    assert [event.kind for event in events(batch(1, [500, 3]), exchanges=[(1, at_us, 505.0, 0.0)])] == [
        EventKind.EXCHANGE
    ]


def test_a_register_that_stands_still_under_load_is_told_once_and_again_when_it_moves():
    memory = Memory.empty(2)
    noted = []
    for hour in range(30):
        noted += events(batch(1, [500.0], start=hour * 4, power_kw=20), memory)
    assert [event.kind for event in noted] == [EventKind.STUCK]
    moving = events(batch(1, [504.0], start=121, power_kw=20), memory)
    assert [event.kind for event in moving] == [EventKind.MOVES_AGAIN]


def test_a_register_without_load_may_stand_still():
    memory = Memory.empty(2)
    noted = [event for hour in range(40) for event in events(batch(1, [500.0], start=hour * 4, power_kw=0), memory)]
    noted += [event for hour in range(40) for event in events(batch(0, [500.0], start=hour * 4), memory)]
    assert noted == []


def test_interval_meters_are_not_registers():
    memory = Memory.empty(2)
    found = register_events(batch(0, [5, 3, 9]), memory, LIMITS, np.array([False, True]), (), stuck_after_s=86_400)
    assert found == []
    assert US_PER_S == 1_000_000


def test_power_alone_tells_nothing_of_a_register():
    assert events(readings(METERS[0], [4.0, 3.0], field="power_kw")) == []
