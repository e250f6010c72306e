"""Every shipped profile against payloads of its maker's documentation, and what each refuses."""

from __future__ import annotations

import tomllib

import pandas as pd
import pytest

from bkkenergy.calendar import timestamp_us
from bkkenergy.errors import ConfigError
from bkkenergy.payloads.decode import FAMILIES
from bkkenergy.payloads.message import Message, Reason
from bkkenergy.site.profiles import load_profiles
from tests.conftest import ROOT

PROFILES = load_profiles(ROOT / "config", frozenset(FAMILIES))
SAMPLES = tomllib.loads((ROOT / "tests/data/payloads/samples.toml").read_text())["sample"]
RECEIVED_US = 1_795_500_000_000_000


def decoded(profile: str, payload: bytes, topic: str = "t", **message):
    given = Message(topic, payload, received_us=RECEIVED_US, **message)
    return FAMILIES[PROFILES[profile].family](PROFILES[profile]).decode([given])


def key_of(profile: str) -> str:
    """A key that a meter of the profile may have; none where the profile lists none."""
    return next(iter(PROFILES[profile].keys), "")


def rows_of(found):
    return [
        (
            found.addresses[row][1],
            int(found.ts_us[row]),
            {name: values[row] for name, values in found.columns.items() if values[row] == values[row]},
        )
        for row in range(len(found))
    ]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["name"])
def test_a_payload_of_the_documentation_is_read_as_it_is_meant(sample):
    found = decoded(sample["profile"], sample["payload"].encode(), sample["topic"])
    assert found.undecoded == ()
    address = sample.get("address", sample["topic"])
    assert {each for each, _ in found.addresses} == {address}
    rows = rows_of(found)
    assert len(rows) == len(sample["readings"])
    for (key, ts_us, values), wanted in zip(rows, sample["readings"], strict=True):
        stamp = wanted["ts"]
        assert key == wanted.get("key", "")
        assert ts_us == (RECEIVED_US if stamp == "received" else timestamp_us(pd.Timestamp(stamp)))
        assert values == pytest.approx(wanted["values"])


def test_every_shipped_profile_has_a_sample():
    stateful = {"canonical", "sparkplug-b"}  # with tests of their own
    assert set(PROFILES) - stateful == {sample["profile"] for sample in SAMPLES}


@pytest.mark.parametrize(
    ("profile", "payload", "why"),
    [
        pytest.param("tasmota-sensor", b'{"Time":"2023-02-11T09:31:31"}', "none of the profile's fields", id="no_energy"),
        pytest.param("tasmota-sensor", b'{"ENERGY":{"Total":1}}', "'Time' is not there", id="no_time"),
        pytest.param("tasmota-sensor", b'{"Time":"soon","ENERGY":{"Total":1}}', "no ISO 8601", id="no_iso_time"),
        pytest.param("shelly-gen2-em", b'{"params":{"ts":"2021-09-10T09:36:35","em:0":{"total_act_power":1}}}', "has no offset", id="no_offset"),
        pytest.param("shelly-gen2-em", b'{"params":{"ts":true,"em:0":{"total_act_power":1}}}', "is no time", id="truth_as_time"),
        pytest.param("modbus-gateway", b'{"timestamp":1,"devices":"none"}', "not a list", id="no_list"),
        pytest.param("modbus-gateway", b'{"timestamp":1,"devices":[{"p_total":1}]}', "no meter's name", id="no_key"),
        pytest.param("zigbee2mqtt", b'{"power":{"x":1}}', "is no number", id="object_as_number"),
        pytest.param("zigbee2mqtt", b'{"power":"1e999"}', "not finite", id="infinite"),
        pytest.param("zigbee2mqtt", b'{"power":true}', "is no number", id="truth_as_number"),
        pytest.param("home-assistant-state", b'{"entity_id":"x","state":"5","last_updated":"2024-01-02T03:04:05Z","attributes":{"device_class":"energy","unit_of_measurement":"furlong"}}', "unit 'furlong'", id="unit_unknown"),
        pytest.param("zigbee2mqtt", b"[" * 100_000, "no JSON", id="nesting_without_end"),
        pytest.param("csv-lines", b"A1,23/11/2026 10:00:00,5\n", "3 columns instead of", id="column_missing"),
        pytest.param("csv-lines", b"A1,2026-11-23,5,1\n", "does not fit the pattern", id="time_of_another_form"),
        pytest.param("csv-lines", b"\xff\xfe", "no CSV", id="no_text"),
        pytest.param("csv-lines", b"", "no lines", id="no_line"),
        pytest.param("chirpstack-object", b'{"time":"2022-07-18T09:34:15Z","data":"qg=="}', "no object", id="no_codec"),
        pytest.param("chirpstack-binary", b'{"time":"2022-07-18T09:34:15Z","data":"qg=="}', "the frame has 1 bytes", id="data_too_short"),
        pytest.param("chirpstack-binary", b'{"time":"2022-07-18T09:34:15Z","data":"~"}', "no base64", id="no_base64"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told(profile, payload, why):
    found = decoded(profile, payload)
    assert len(found) == 0
    assert why in found.undecoded[0].detail
    assert found.undecoded[0].reason is Reason.NOT_DECODED


def test_a_field_at_fault_is_told_and_the_others_are_kept():
    found = decoded("zigbee2mqtt", b'{"energy":"lots","power":57}')
    assert rows_of(found)[0][2] == {"power_kw": 0.057}
    assert "energy_kwh" in found.undecoded[0].detail


def test_an_unavailable_state_is_no_value_and_no_fault():
    payload = b'{"entity_id":"x","state":"unavailable","last_updated":"2024-01-02T03:04:05Z","attributes":{"device_class":"energy"}}'
    found = decoded("home-assistant-state", payload)
    assert (len(found), found.undecoded, found.ignored_count) == (0, (), 1)


def test_a_retained_message_without_a_time_is_no_news():
    payload = b'{"energy":14.63}'
    assert (
        len(decoded("zigbee2mqtt", payload, retained=True)),
        decoded("zigbee2mqtt", payload, retained=True).stale_count,
    ) == (0, 1)
    with_time = b'{"energy":14.63,"last_seen":"2024-03-01T08:15:00Z"}'
    assert len(decoded("zigbee2mqtt", with_time, retained=True)) == 1


def test_plain_numbers_listen_to_each_fields_topic():
    decoder = FAMILIES["number"](PROFILES["plain-number"])
    assert set(decoder.topics("meters/5")) == {"meters/5/energy", "meters/5/power"}
    assert "no number" in decoded("plain-number", b"12,5", "meters/5/energy").undecoded[0].detail


@pytest.mark.parametrize(
    ("text", "what"),
    [
        pytest.param('family = "morse"', "no family 'morse'", id="unknown_family"),
        pytest.param('family = "fields"\nkey = "a["', "no JMESPath", id="broken_path"),
        pytest.param(
            f'family = "fields"\nkey = "{"(" * 3000}a{")" * 3000}"', "no JMESPath: maximum recursion", id="endless_path"
        ),
        pytest.param('family = "fields"\n[profile.fields]\nwatts = { path = "a", unit = "W" }', "is no field", id="unknown_field"),
        pytest.param('family = "fields"\n[profile.fields]\npower_kw = { path = "a", unit = "kWh" }', "power_kw is not counted in kWh; use one of: W, kW, MW", id="unit_of_another_quantity"),
        pytest.param('family = "fields"\n[profile.fields]\npower_kw = { path = "a", unit = "hp" }', "unit is not known", id="unknown_unit"),
        pytest.param('family = "fields"\n[profile.fields]\nenergy_kwh = { path = "a", unit = "pulses" }', "go together", id="pulses_without_constant"),
    ],
)  # fmt: skip
def test_a_fault_of_a_profile_is_told(tmp_path, text, what):
    (tmp_path / "payloads").mkdir()
    (tmp_path / "payloads/x.toml").write_text(f'[[profile]]\nid = "x"\nname_en = "X"\nsource = "s"\n{text}\n')
    with pytest.raises(ConfigError, match=what):
        load_profiles(tmp_path, frozenset(FAMILIES))
