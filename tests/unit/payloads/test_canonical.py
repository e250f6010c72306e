import datetime as dt
import json

import numpy as np
import pytest

from bkkenergy.ingest.validate import LATEST_US
from bkkenergy.payloads.decode import bounds, canonical
from bkkenergy.payloads.decode.canonical import MAX_READINGS, decode

TS = "2026-11-23T10:00:00+07:00"
TS_US = int(dt.datetime.fromisoformat(TS).timestamp()) * 1_000_000


def body(value) -> bytes:
    return json.dumps(value).encode()


def test_every_field_of_a_reading_arrives():
    reading = {
        "ts": TS, "energy_kwh": 12345.678, "power_kw": 41.2, "export_kwh": 3.5, "voltage_v": [229.1, None, 231.0],
        "current_a": [61.0, 60.5, 59.8], "power_factor": 0.93, "frequency_hz": 50.01,
    }  # fmt: skip
    found = decode([body(reading)])
    assert found.undecoded == ()
    assert found.ts_us.tolist() == [TS_US]
    values = {name: column[0] for name, column in found.columns.items()}
    assert "voltage_l2_v" not in values, "a phase that no reading has is no column"
    assert values == {
        "energy_kwh": 12345.678, "power_kw": 41.2, "export_kwh": 3.5, "voltage_l1_v": 229.1, "voltage_l3_v": 231.0,
        "current_l1_a": 61.0, "current_l2_a": 60.5, "current_l3_a": 59.8, "power_factor": 0.93, "frequency_hz": 50.01,
    }  # fmt: skip


def test_a_weather_station_sends_the_air_s_temperature_and_the_sun():
    found = decode([body({"ts": TS, "ghi_wm2": 812.0, "temp_air_c": 33.4})])
    assert found.undecoded == ()
    assert {name: column[0] for name, column in found.columns.items()} == {"ghi_wm2": 812.0, "temp_air_c": 33.4}


@pytest.mark.parametrize(
    "ts",
    [
        pytest.param(TS, id="rfc_3339_with_offset"),
        pytest.param("2026-11-23T03:00:00Z", id="rfc_3339_in_utc"),
        pytest.param(TS_US // 10**6, id="epoch_seconds"),
        pytest.param(TS_US / 10**6, id="epoch_seconds_as_float"),
        pytest.param(TS_US // 10**3, id="epoch_milliseconds"),
        pytest.param(TS_US, id="epoch_microseconds"),
    ],
)
def test_a_time_is_read_in_each_form(ts):
    assert decode([body({"ts": ts, "energy_kwh": 1})]).ts_us.tolist() == [TS_US]


def test_forms_of_time_may_be_mixed():
    payload = body([{"ts": ts, "energy_kwh": 1} for ts in (TS, TS_US // 10**6, TS_US // 10**3)])
    assert decode([payload]).ts_us.tolist() == [TS_US] * 3


def test_fractions_of_a_second_are_kept_to_the_microsecond():
    assert decode([body({"ts": "2026-11-23T10:00:00.123457+07:00", "power_kw": 1})]).ts_us[0] == TS_US + 123_457


def test_readings_know_their_payload():
    one, three = {"ts": TS, "energy_kwh": 1}, [{"ts": TS, "energy_kwh": n} for n in range(3)]
    found = decode([body(one), body(three), body([]), body(one)])
    assert found.message.tolist() == [0, 1, 1, 1, 3]


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        pytest.param(b"", "no JSON", id="empty"),
        pytest.param(b'{"ts": "2026-11-23T10:00', "no JSON", id="cut_short"),
        pytest.param(b"\xff\xfe\x00", "no JSON", id="not_text"),
        pytest.param(b"NaN", "no JSON", id="nan"),
        pytest.param(b"[1e999]", "", id="beyond_any_float"),
        pytest.param(body({"energy_kwh": 1}), "ts", id="without_time"),
        pytest.param(body({"ts": "2026-11-23T10:00:00", "energy_kwh": 1}), "timezone", id="time_without_offset"),
        pytest.param(body({"ts": TS, "energy_kwh": "12"}), "energy_kwh", id="number_as_text"),
        pytest.param(body({"ts": TS, "energy_kwh": True}), "energy_kwh", id="truth_as_number"),
        pytest.param(body({"ts": TS, "power_kw": 1, "voltage_v": [230, 231]}), "voltage_v", id="two_of_three_phases"),
        pytest.param(body("hello"), "", id="a_string"),
        pytest.param(b'{"ts": ' + b"9" * 400 + b', "energy_kwh": 1}', "", id="a_number_of_400_digits"),
    ],
)
def test_what_cannot_be_read_is_told_and_kept(payload, why):
    found = decode([payload])
    if payload.startswith(b'{"ts": 999'):
        assert found.ts_us[0] > LATEST_US or found.undecoded
        return
    assert len(found) == 0
    assert why in found.undecoded[0].detail


def test_a_key_written_with_escapes_is_the_same_key():
    payload = rb'{"ts": 1795402800, "energy\u005fkwh": 7.5, "power_kw": 1}'
    assert decode([payload]).columns["energy_kwh"].tolist() == [7.5]


def test_a_field_of_one_payload_is_unknown_in_the_others():
    found = decode([body({"ts": TS, "energy_kwh": 1}), body({"ts": TS, "power_kw": 2, "voltage_v": [230, 231, 232]})])
    np.testing.assert_array_equal(found.columns["energy_kwh"], [1, np.nan])
    np.testing.assert_array_equal(found.columns["voltage_l3_v"], [np.nan, 232])


def test_one_bad_reading_does_not_take_its_neighbours_with_it():
    good, bad = {"ts": TS, "energy_kwh": 1}, {"ts": TS, "energy_kwh": "x"}
    payload = body([good, bad, good])
    found = decode([body(good), payload])
    assert found.message.tolist() == [0, 1, 1]
    assert [(fault.message, fault.faults) for fault in found.undecoded] == [(1, 1)]
    assert found.undecoded[0].detail.startswith("reading 2 of 3: ")


def test_of_many_bad_readings_all_are_counted_and_three_are_explained():
    found = decode([body([{"ts": TS, "energy_kwh": "x" * 1000}] * 5000)])
    (fault,) = found.undecoded
    assert fault.faults == 5000
    assert fault.detail.startswith("5000 faults; the first: reading 1 of 5000: ")
    assert "reading 3 of 5000" in fault.detail
    assert "reading 4 of 5000" not in fault.detail


def test_a_payload_of_more_than_ten_thousand_is_refused_whole():
    payload = body([{"ts": 1795402800, "energy_kwh": 1}] * (MAX_READINGS + 1))
    found = decode([payload])
    assert len(found) == 0
    assert "10001" in found.undecoded[0].detail
    assert len(decode([body([{"ts": 1795402800, "energy_kwh": 1}] * MAX_READINGS)])) == MAX_READINGS


@pytest.mark.parametrize("brackets", [900, 1_000, 5_000, 100_000, 1_000_000])
@pytest.mark.parametrize("bracket", [b"[", b'{"a":', b'[{"ts":'])
def test_nesting_without_end_is_refused(brackets, bracket):
    good = body({"ts": TS, "energy_kwh": 1})
    found = decode([good, bracket * brackets, good])
    assert found.message.tolist() == [0, 2]
    assert [fault.message for fault in found.undecoded] == [1]


GOOD = body({"ts": TS, "energy_kwh": 1})
RICH = body({"ts": TS, "energy_kwh": 2, "voltage_v": [1, 2, 3], "model": {"name": "x"}})
SWALLOWING = [
    (b'{"ts":1,"energy_kwh":1,"x":[1', b"2]}"),
    (b'{"ts":1,"energy_kwh":1,"x":"', b'"}'),
    (b'{"ts":1,"energy_kwh":1,"x":{"y":1', b'"z":2}}'),
    (b'[{"ts":1,"energy_kwh":1}', b'{"ts":1,"energy_kwh":2}]'),
    (b'{"ts":1', b'"energy_kwh":1}'),
    (b'{"ts":1,"energy_kwh":', b"5}"),
    (b'{"ts":"2026-11-23T10:00:00', b'+07:00","energy_kwh":1}'),
    (b"[", b"]"),
    (b'"', b'"'),
]
"""Two payloads that are none, and would be one if nothing but a comma stood between them."""
SEVERAL = (
    GOOD + b"," + GOOD, GOOD + b",null," + GOOD, b"null", b"null,null", b"", b" ", b",", b"]", b"[]", b"[],[]", b"[null]",
    b'{"ts":1,"energy_kwh":null}', b"\xef\xbb\xbf" + GOOD, GOOD + b" \n", b"[" + GOOD + b",[" + GOOD + b"]]", b'"x"', b"1",
)  # fmt: skip


def rows(found):
    """Message, instant and values of each reading, and what was not decoded."""
    values = zip(*found.columns.values(), strict=True) if found.columns else [() for _ in found.message]
    known = [{n: v for n, v in zip(found.columns, row, strict=True) if v == v} for row in values]  # noqa: PLR0124
    return list(zip(found.message.tolist(), found.ts_us.tolist(), known, strict=True)), list(found.undecoded)


def one_by_one(payloads):
    readings, faults = [], []
    for number, payload in enumerate(payloads):
        found, undecoded = rows(decode([payload]))
        readings += [(number, *row[1:]) for row in found]
        faults += [fault._replace(message=number) for fault in undecoded]
    return readings, faults


@pytest.mark.parametrize(("begin", "end"), SWALLOWING)
@pytest.mark.parametrize("others", [GOOD, RICH])
def test_no_payload_swallows_the_next(begin, end, others):
    for more in ([], [GOOD + b"," + GOOD], [GOOD + b",null," + GOOD], [GOOD + b"," + GOOD + b"," + GOOD]):
        payloads = [others, begin, end, others, *more, others]
        readings, faults = rows(decode(payloads))
        assert (readings, faults) == one_by_one(payloads)
        assert [message for message, *_ in readings] == [0, 3, len(payloads) - 1]


@pytest.mark.parametrize("bad", SEVERAL)
def test_what_is_not_one_payload_is_as_it_is_alone(bad):
    payloads = [GOOD, bad, RICH, bad, bad, GOOD]
    assert rows(decode(payloads)) == one_by_one(payloads)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 1000, 1001, 2500])
def test_one_bad_payload_is_found_wherever_it_is(count):
    for place in {0, 1, count // 2, count - 1} & set(range(count)):
        payloads = [GOOD] * count
        payloads[place] = b"{broken"
        readings, faults = rows(decode(payloads))
        assert [fault.message for fault in faults] == [place]
        assert [message for message, *_ in readings] == [number for number in range(count) if number != place]


def test_what_stands_between_payloads_cannot_be_known():
    assert canonical._BETWEEN.encode() not in GOOD + RICH
    assert len(canonical._BETWEEN) == 32


def test_many_payloads_are_decoded_by_few_calls(monkeypatch):
    calls = []
    monkeypatch.setattr(canonical, "_decoded", lambda *given, own=canonical._decoded: calls.append(1) or own(*given))
    payloads = [GOOD] * 2000
    payloads[777] = b"{broken"
    assert len(decode(payloads)) == 1999
    assert len(calls) < 80


def test_payloads_that_are_decoded_together_are_smaller_than_any_that_is_refused_for_its_size():
    assert canonical.AT_ONCE_BYTES <= bounds.MAX_JSON_MARKS
