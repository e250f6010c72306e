import json

import pytest

from bkkenergy.ingest.sort import Sorter
from bkkenergy.payloads.message import Message, Reason
from bkkenergy.portfolio import MeterKind
from bkkenergy.readings import US_PER_S
from tests.builders import CANONICAL, meter

NOW_S = 1_795_402_800
MAIN = meter(rated_kw=100, register_digits=6, commissioned="2026-01-01T00:00:00+07:00")
BEHIND_CT = meter("ct", rated_kw=2000, ct_ratio=40, vt_ratio=2, register_digits=5)
INTERVAL = meter("interval", kind=MeterKind.INTERVAL, rated_kw=100)
NET = meter("net", kind=MeterKind.NET, rated_kw=100)


def sort(payload, of=MAIN, topic=None):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    sorter = Sorter([MAIN, BEHIND_CT, INTERVAL, NET], CANONICAL, max_ahead_s=300, max_payload_bytes=1_000_000)
    return sorter.sort([Message(topic or of.topic, body)], now_us=NOW_S * US_PER_S)


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        pytest.param({"energy_kwh": 0}, None, id="zero_is_a_reading"),
        pytest.param({"energy_kwh": 999_999.9}, None, id="just_below_the_rollover"),
        pytest.param({"energy_kwh": 1_000_000}, Reason.ENERGY_OUT_OF_RANGE, id="at_the_rollover"),
        pytest.param({"energy_kwh": -1}, Reason.ENERGY_OUT_OF_RANGE, id="minus_one_after_a_reboot"),
        pytest.param({"energy_kwh": 1, "export_kwh": -1}, Reason.ENERGY_OUT_OF_RANGE, id="negative_export"),
        pytest.param({"power_kw": -100}, None, id="feeding_back"),
        pytest.param({"power_kw": 111}, Reason.POWER_OUT_OF_RANGE, id="beyond_the_rating"),
        pytest.param({"voltage_v": [230, 230, 230]}, None, id="voltages_alone"),
        pytest.param({"voltage_v": [None, None, None]}, Reason.NO_VALUE, id="not_one_quantity"),
        pytest.param({"power_kw": 1, "power_factor": 93}, Reason.GAUGE_OUT_OF_RANGE, id="power_factor_in_per_cent"),
        pytest.param({"power_kw": 1, "frequency_hz": 500}, Reason.GAUGE_OUT_OF_RANGE, id="frequency_off_by_ten"),
        pytest.param({"power_kw": 1, "ts": NOW_S + 299}, None, id="five_minutes_ahead"),
        pytest.param({"power_kw": 1, "ts": NOW_S + 301}, Reason.TIME_AHEAD, id="more_than_five_minutes_ahead"),
        pytest.param({"power_kw": 1, "ts": 0}, Reason.BEFORE_COMMISSIONING, id="clock_at_1970"),
        pytest.param(
            {"power_kw": 1, "ts": "2025-12-31T23:59:59+07:00"}, Reason.BEFORE_COMMISSIONING, id="before_commissioning"
        ),
        pytest.param({"power_kw": 1, "ts": "2026-01-01T00:00:00+07:00"}, None, id="at_commissioning"),
    ],
)
def test_a_reading_is_accepted_or_refused_with_its_reason(reading, reason):
    found = sort({"ts": NOW_S} | reading)
    assert [item.reason for item in found.refused] == ([] if reason is None else [reason])
    assert len(found.batch) == (1 if reason is None else 0)
    assert all(item.detail.endswith(".") for item in found.refused), "a person is told what to do"


def test_by_a_clock_of_ours_that_counts_buddhist_years_no_such_stamp_is_taken():
    ts_s = NOW_S + 543 * 31_556_952
    message = Message(MAIN.topic, json.dumps({"ts": ts_s, "energy_kwh": 1}).encode())
    found = Sorter([MAIN], CANONICAL, max_ahead_s=300).sort([message], now_us=ts_s * US_PER_S)
    assert [item.reason for item in found.refused] == [Reason.TIME_AHEAD]


def test_a_net_register_may_go_below_zero():
    assert sort({"ts": NOW_S, "energy_kwh": -12.5}, of=NET).batch.column("energy_kwh").tolist() == [-12.5]
    assert sort({"ts": NOW_S, "energy_kwh": -12.5}).refused[0].reason is Reason.ENERGY_OUT_OF_RANGE


def test_an_unknown_topic_is_refused_with_its_payload():
    found = sort(b"anything", topic="bma/agency/building/nobody/readings")
    assert found.refused[0][:3] == ("bma/agency/building/nobody/readings", b"anything", Reason.UNKNOWN_METER)


def test_transformer_ratios_make_what_is_shown_into_what_flows():
    found = sort(
        {
            "ts": NOW_S,
            "energy_kwh": 10,
            "power_kw": 2,
            "voltage_v": [115, 115, 115],
            "current_a": [5, 5, 5],
            "power_factor": 0.9,
        },
        BEHIND_CT,
    )
    values = {name: column[0] for name, column in found.batch.columns.items()}
    assert (values["energy_kwh"], values["power_kw"], values["power_factor"]) == (800, 160, 0.9)
    assert (values["voltage_l1_v"], values["current_l1_a"]) == (230, 200)


def test_an_interval_meter_is_bounded_by_its_rating():
    assert len(sort({"ts": NOW_S, "energy_kwh": 27}, INTERVAL).batch) == 1
    assert sort({"ts": NOW_S, "energy_kwh": 28}, INTERVAL).refused[0].reason is Reason.ENERGY_OUT_OF_RANGE


def test_of_a_list_the_good_go_in_and_the_message_is_refused_once_with_each_reason_counted():
    payload = b'[{"ts": 1795402800, "power_kw": 1}, {"ts": 1795402801, "power_kw": 9999}, {"ts": "x"}, {"ts": "y"}]'
    found = sort(payload)
    assert found.batch.ts_us.tolist() == [NOW_S * US_PER_S]
    (refused,) = found.refused
    assert refused.payload == payload
    assert refused.reason is Reason.NOT_DECODED
    assert refused.by_reason == {Reason.NOT_DECODED: 2, Reason.POWER_OUT_OF_RANGE: 1}
    assert refused.detail.startswith("3 faults; the first: ")
    assert "9999 is beyond 110 kW" in refused.detail


def test_ten_thousand_refused_readings_are_one_row_of_bounded_text():
    found = sort([{"ts": NOW_S + 1000 + n, "energy_kwh": 1} for n in range(10_000)])
    (refused,) = found.refused
    assert refused.by_reason == {Reason.TIME_AHEAD: 10_000}
    assert len(refused.detail) < 1000


class Grenade:
    """A decoder that fails as a whole on some payloads, as array code does."""

    def __init__(self, under, error):
        self.under, self.error = under, error

    def topics(self, address):
        return self.under.topics(address)

    def decode(self, messages):
        if any(message.payload == b"boom" for message in messages):
            raise self.error("of the array")
        return self.under.decode(messages)


@pytest.mark.parametrize("error", [RecursionError, MemoryError, OverflowError, KeyError])
@pytest.mark.parametrize("culprits", [{0}, {6}, {3, 4}, {0, 1, 2, 3, 4, 5, 6}])
def test_whatever_a_message_raises_it_alone_is_refused(error, culprits):
    sorter = Sorter([MAIN], CANONICAL, max_ahead_s=300)
    sorter.decoders["canonical"] = Grenade(sorter.decoders["canonical"], error)
    bodies = [b"boom" if n in culprits else f'{{"ts": {NOW_S + n}, "energy_kwh": {n}}}'.encode() for n in range(7)]
    found = sorter.sort([Message(MAIN.topic, body) for body in bodies], now_us=NOW_S * US_PER_S)
    assert [item.payload for item in found.refused] == [b"boom"] * len(culprits)
    assert all(item.reason is Reason.FAILED and error.__name__ in item.detail for item in found.refused)
    good = sorted({*range(7)} - culprits)
    assert found.source.tolist() == good
    assert found.batch.column("energy_kwh").tolist() == good


def test_nothing_gives_nothing():
    found = Sorter([MAIN], CANONICAL, max_ahead_s=300).sort([], now_us=0)
    assert (len(found.batch), found.refused) == (0, ())
