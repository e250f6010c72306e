"""A clock that was never set or stands still costs no reading, and is reported."""

from __future__ import annotations

import json

import pytest

from bkkenergy.ingest.sort import Sorter
from bkkenergy.metering.events import EventKind
from bkkenergy.payloads.message import Message, Reason
from bkkenergy.readings import US_PER_S
from tests.builders import meter
from tests.unit.payloads.test_payloads import PROFILES

NOW_S = 1_795_402_800
TOPIC = "bma/a/b/c/readings"


@pytest.fixture
def sorter():
    return Sorter([meter(payload="canonical", topic=TOPIC, rated_kw=100)], PROFILES, max_ahead_s=300)


def sorted_at(sorter, receipt_s, *readings, **given):
    payload = json.dumps(list(readings)).encode()
    message = Message(TOPIC, payload, received_us=receipt_s * US_PER_S, **given)
    return sorter.sort([message], now_us=receipt_s * US_PER_S)


def kinds(found):
    return [event.kind for event in found.events]


@pytest.mark.parametrize(
    "stamp",
    [
        0,
        1,
        300,
        315_532_800,
        946_684_800,
        948_000_000,
        1_262_304_000,
        "1970-01-01T00:05:00Z",
        2_085_996_714,
        2_085_978_496,
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+07:00",
        "1601-01-01T00:00:00Z",
        "1899-12-30T00:00:00Z",
        "1900-01-01T08:30:00+07:00",
    ],
)
def test_an_unset_clock_falls_back_to_the_time_of_receipt_and_is_reported_once(sorter, stamp):
    found = sorted_at(sorter, NOW_S, {"ts": stamp, "energy_kwh": 5})
    assert found.batch.ts_us.tolist() == [NOW_S * US_PER_S]
    assert found.refused == ()
    assert kinds(found) == [EventKind.CLOCK_UNSET]
    assert kinds(sorted_at(sorter, NOW_S + 60, {"ts": stamp, "energy_kwh": 6})) == []
    assert kinds(sorted_at(sorter, NOW_S + 120, {"ts": NOW_S + 119, "energy_kwh": 7})) == []
    assert kinds(sorted_at(sorter, NOW_S + 180, {"ts": stamp, "energy_kwh": 8})) == [EventKind.CLOCK_UNSET]


def test_a_clock_that_runs_from_1970_keeps_the_distances_within_a_message(sorter):
    found = sorted_at(sorter, NOW_S, *({"ts": 60 * n, "energy_kwh": n} for n in (1, 2, 5)))
    assert (found.batch.ts_us // US_PER_S - NOW_S).tolist() == [-240, -180, 0]


def test_good_and_unset_stamps_of_one_message_part_ways(sorter):
    found = sorted_at(sorter, NOW_S, {"ts": NOW_S - 900, "energy_kwh": 1}, {"ts": 0, "energy_kwh": 2})
    assert (found.batch.ts_us // US_PER_S - NOW_S).tolist() == [-900, 0]


def test_a_retained_message_of_an_unset_clock_is_no_news(sorter):
    found = sorted_at(sorter, NOW_S, {"ts": 0, "energy_kwh": 5}, retained=True)
    assert (len(found.batch), found.stale_count, found.refused) == (0, 1, ())


def test_a_stamp_days_before_1970_is_refused_as_before(sorter):
    found = sorted_at(sorter, NOW_S, {"ts": -100_000, "energy_kwh": 5})
    assert [item.reason for item in found.refused] == [Reason.BEFORE_COMMISSIONING]


def test_an_unset_clock_has_no_vote_on_ours(sorter):
    assert sorted_at(sorter, NOW_S, {"ts": 0, "energy_kwh": 5}).lags_us == {"agency.building": 0}


def test_a_clock_that_stands_still_overwrites_nothing_once_it_is_known(sorter):
    stamp = NOW_S - 10
    stamps, reported = [], []
    for minute in range(10):
        found = sorted_at(sorter, NOW_S + 60 * minute, {"ts": stamp, "energy_kwh": 100 + minute})
        stamps += (found.batch.ts_us // US_PER_S - NOW_S).tolist()
        reported += kinds(found)
    assert stamps == [-10] * 5 + [300, 360, 420, 480, 540]
    assert reported == [EventKind.CLOCK_STUCK]
    found = sorted_at(sorter, NOW_S + 700, {"ts": NOW_S + 699, "energy_kwh": 200})
    assert found.batch.ts_us.tolist() == [(NOW_S + 699) * US_PER_S]


def test_the_same_reading_again_and_stamps_in_whole_minutes_are_no_stuck_clock(sorter):
    for second in range(0, 3_600, 10):
        found = sorted_at(sorter, NOW_S + second, {"ts": (NOW_S + second) // 60 * 60, "energy_kwh": 100 + second / 100})
        assert kinds(found) == []
    for _ in range(5):
        found = sorted_at(sorter, NOW_S + 90_000, {"ts": NOW_S + 3_599, "energy_kwh": 1_000})
        assert kinds(found) == []


def test_an_empty_payload_is_no_message(sorter):
    found = sorter.sort([Message(TOPIC, b""), Message("unknown/topic", b"")], now_us=NOW_S * US_PER_S)
    assert (found.refused, len(found.batch), found.stale_count) == ((), 0, 2)


def test_public_cases_of_unset_clocks_store_their_energy():
    """arendst/Tasmota#455 (1970, no offset), lumapu/ahoy#1236 (2036: an empty answer of NTP), emsesp/EMS-ESP32#408."""
    own = meter(payload="tasmota-sensor", topic="tele/POW/SENSOR", rated_kw=100)
    sorter = Sorter([own], PROFILES, max_ahead_s=300)
    for number, stamp in enumerate(
        ("1970-01-01T10:27:15", "1970-01-01T00:00:17", "2036-02-07T18:31:54", "1970-01-11T08:00:00")
    ):
        payload = json.dumps({"Time": stamp, "ENERGY": {"Total": 0.178 + number, "Power": 18}}).encode()
        received_us = (NOW_S + 60 * number) * US_PER_S
        found = sorter.sort([Message(own.topic, payload, received_us=received_us)], now_us=received_us)
        assert found.batch.ts_us.tolist() == [received_us], stamp
        assert found.batch.column("energy_kwh").tolist() == [0.178 + number]


def test_power_that_is_stamped_by_its_register_s_last_full_hour_is_no_stuck_clock(sorter):
    for minute in range(60):
        found = sorted_at(sorter, NOW_S + 60 * minute, {"ts": NOW_S, "energy_kwh": 5, "power_kw": minute / 10})
        assert kinds(found) == []
    for minute in range(10):
        found = sorted_at(sorter, NOW_S + 7200 + 60 * minute, {"ts": NOW_S + 7200, "power_kw": minute})
    assert kinds(found) == []
    assert found.batch.ts_us.tolist() == [(NOW_S + 7200 + 540) * US_PER_S]


def test_a_late_message_says_nothing_of_a_clock(sorter):
    assert sorted_at(sorter, NOW_S, {"ts": NOW_S + 110, "energy_kwh": 5}, late=True).lags_us == {}
