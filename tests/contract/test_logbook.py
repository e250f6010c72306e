"""What ingesters note: events of meters and gateways' clocks, in SQLite and in a real PostgreSQL alike."""

import datetime as dt

import pytest

from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.logbook import Logbook
from bkkenergy.metering.events import Event, EventKind
from bkkenergy.ports.readings import StoreUnavailable
from bkkenergy.readings import US_PER_S

NOW_US = 1_795_402_800 * US_PER_S
EARLY = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def logbook(engine):
    return Logbook(engine)


def skew_s(logbook):
    return logbook.gateways()["g"].skew_s


def test_an_event_is_kept_once(logbook):
    event = Event("a.b.c", NOW_US, EventKind.FELL, 500.0, 0.0)
    logbook.note([event], {}, now_us=NOW_US)
    logbook.note([event], {}, now_us=NOW_US)
    (kept,) = logbook.events(["a.b.c"], EARLY)
    assert (kept.kind, kept.before_kwh, kept.at.isoformat()) == ("register_fell", 500.0, "2026-11-23T03:00:00+00:00")
    assert logbook.events(["a.b.other"], EARLY) == []
    assert logbook.events(["a.b.c"], dt.datetime(2027, 1, 1, tzinfo=dt.UTC)) == []


def test_a_clocks_skew_is_the_least_delay_and_a_backlog_does_not_change_it(logbook):
    logbook.note([], {"g": 2 * US_PER_S}, now_us=NOW_US)
    logbook.note([], {"g": 90_000 * US_PER_S}, now_us=NOW_US + 60 * US_PER_S)
    assert skew_s(logbook) == 2
    logbook.note([], {"g": -40 * US_PER_S}, now_us=NOW_US + 120 * US_PER_S)
    assert skew_s(logbook) == -40


def test_a_clock_that_was_set_is_believed_after_two_hours(logbook):
    for minute in range(0, 200, 10):
        lag_s = 600 if minute < 60 else 1
        logbook.note([], {"g": lag_s * US_PER_S}, now_us=NOW_US + minute * 60 * US_PER_S)
    assert skew_s(logbook) == 1
    for minute in range(200, 500, 10):
        logbook.note([], {"g": 300 * US_PER_S}, now_us=NOW_US + minute * 60 * US_PER_S)
    assert skew_s(logbook) == 300


def test_a_gateway_says_when_it_was_last_heard(logbook):
    logbook.note([], {"g": 0}, now_us=NOW_US)
    assert logbook.gateways()["g"].last_received == dt.datetime(2026, 11, 23, 3, tzinfo=dt.UTC)


def test_another_host_sees_the_same_events_and_gateways(logbook, state):
    logbook.note([Event("a.b.c", NOW_US, EventKind.STUCK, 5.0, 5.0)], {"g": 3 * US_PER_S}, now_us=NOW_US)
    other = open_state(state)
    assert [own.kind for own in Logbook(other).events(["a.b.c"], EARLY)] == ["register_stuck"]
    Logbook(other).note([], {"g": 1 * US_PER_S, "h": 0}, now_us=NOW_US)
    other.dispose()
    assert {name: own.skew_s for name, own in logbook.gateways().items()} == {"g": 1, "h": 0}


def test_events_come_newest_first_and_once_even_within_one_note(logbook):
    events = [Event("a.b.c", NOW_US + n % 3, EventKind.FELL, float(n), 0.0) for n in range(6)]
    logbook.note(events, {}, now_us=NOW_US)
    assert [own.before_kwh for own in logbook.events(["a.b.c"], EARLY)] == [5.0, 4.0, 3.0]


def test_an_event_that_no_database_can_hold_is_no_absence_of_the_state(logbook):
    with pytest.raises(Exception, match=r"(?i)too large|out of range") as raised:
        logbook.note([Event("a.b.c", 2**70, EventKind.FELL, 1.0, 0.0)], {}, now_us=NOW_US)
    assert not isinstance(raised.value, StoreUnavailable), "it would be tried for ever"
