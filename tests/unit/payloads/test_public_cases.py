"""What devices were seen to send, by public reports: shipped profiles read it, or say why not.

Forms are those of the reports; names and numbers are ours. Each case names its report.
"""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from bkkenergy.ingest.sort import Sorter
from bkkenergy.payloads.decode import FAMILIES
from bkkenergy.payloads.message import Message
from bkkenergy.payloads.profile import FieldSpec, Profile, TimeSpec
from tests.builders import meter
from tests.unit.payloads.test_payloads import PROFILES, RECEIVED_US

TOPIC = "site/meter"


def sorted_by(profile: str, payload: object, **given):
    """Return stored values of the one reading, and reasons of what was refused."""
    sorter = Sorter([meter(topic=TOPIC, payload=profile, **({"rated_kw": 100} | given))], PROFILES, max_ahead_s=300)
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    outcome = sorter.sort([Message(TOPIC, body, received_us=RECEIVED_US)], now_us=RECEIVED_US)
    values = {name: column.tolist() for name, column in outcome.batch.columns.items()}
    known = {name: round(column[0], 6) for name, column in values.items() if column and column[0] == column[0]}
    return known, [one.reason for one in outcome.refused]


def shelly(**component) -> dict[str, object]:
    return {"src": "a", "dst": "a/events", "method": "NotifyStatus", "params": {"ts": RECEIVED_US / 1e6, **component}}


SWITCH_STATUS = {
    "id": 0,
    "output": True,
    "apower": 12.5,
    "voltage": 231.0,
    "freq": 50.0,
    "current": 0.08,
    "pf": 0.68,
    "aenergy": {"total": 152_000.5, "by_minute": [0.0, 0.0, 0.0], "minute_ts": 1_788_945_240},
    "ret_aenergy": {"total": 250.0, "by_minute": [0.0, 0.0, 0.0], "minute_ts": 1_788_945_240},
    "temperature": {"tC": 55.0, "tF": 131.0},
}
READ = [
    pytest.param(
        "shelly-gen2-switch",
        shelly(**{"switch:0": {"apower": 12.5, "current": 0.08}}),
        {"power_kw": 0.0125, "current_l1_a": 0.08},
        id="iobroker_shelly_1592_no_id_in_the_notice",
    ),
    pytest.param(
        "shelly-gen2-switch",
        shelly(**{"pm1:0": {"id": 0, "aenergy": {"total": 42.5, "by_minute": [0, 0, 0]}}}),
        {"energy_kwh": 0.0425},
        id="pyshelly_78_a_meter_without_a_switch",
    ),
    pytest.param(
        "shelly-gen2-status",
        SWITCH_STATUS,
        {
            "energy_kwh": 152.0005,
            "export_kwh": 0.25,
            "power_kw": 0.0125,
            "voltage_l1_v": 231.0,
            "current_l1_a": 0.08,
            "power_factor": 0.68,
            "frequency_hz": 50.0,
        },
        id="iobroker_shelly_813_a_status_topic",
    ),
    pytest.param(
        "zigbee2mqtt",
        {"current": 0.7, "energy": 22.75, "power": -8_388_608, "voltage": 238.5},
        {"energy_kwh": 22.75, "power_kw": None, "voltage_l1_v": 238.5},
        id="zigbee2mqtt_13329_no_value_as_a_power",
    ),
    pytest.param(
        "tasmota-sensor",
        {
            "Time": "2026-11-24T12:40:00",
            "ENERGY": {
                "TotalStartTime": "2022-06-17T01:03:30",
                "Total": 8.125,
                "Power": [250, 260, 220],
                "ApparentPower": [410, 430, 370],
                "ReactivePower": [0, 0, 0],
                "Factor": [0.61, 0.61, 0.61],
                "Voltage": [228, 231, 229],
                "Current": [1.8, 1.9, 1.6],
            },
        },
        {"energy_kwh": 8.125, "power_kw": 0.73, "reactive_kvar": 0.0, "apparent_kva": 1.21, "voltage_l2_v": 231.0},
        id="nicolasbernaerts_tasmota_22_one_total_three_phases",
    ),
    pytest.param(
        "tasmota-sensor",
        {
            "Time": "2026-03-09T12:25:37",
            "Switch1": "ON",
            "ENERGY": {
                "TotalStartTime": "2025-02-02T16:01:12",
                "Total": 24.5,
                "Power": [40.0, 0.5],
                "ApparentPower": [41.0, 1.0],
                "Factor": [0.9, 0.5],
                "Voltage": 229.0,
                "Current": [0.2, 0.1],
            },
            "ESP32": {"Temperature": 52.8},
        },
        {
            "energy_kwh": 24.5,
            "power_kw": 0.0405,
            "apparent_kva": 0.042,
            "power_factor": 0.9,
            "voltage_l1_v": 229.0,
            "current_l1_a": 0.2,
            "current_l2_a": 0.1,
        },
        id="tasmota_15084_two_relays_with_one_total",
    ),
    pytest.param(
        "tasmota-sensor",
        {
            "Time": "2026-05-05T13:27:21",
            "ENERGY": {
                "Total": 41.5,
                "TodaySumImport": 1.1,
                "ExportActive": [0.0, 0.25, 0.0],
                "Power": [21, 0, 0],
                "Frequency": [50, 49, 53],
                "Current": [0.75, 0.013, 0.013],
                "CurrentNeutral": 0.008,
            },
        },
        {
            "energy_kwh": 41.5,
            "export_kwh": 0.25,
            "power_kw": 0.021,
            "frequency_hz": 50.0,
            "current_l1_a": 0.75,
            "current_l2_a": 0.013,
            "current_l3_a": 0.013,
            "current_n_a": 0.008,
        },
        id="tasmota_21357_a_frequency_of_each_phase_and_the_neutral",
    ),
]


@pytest.mark.parametrize(("profile", "payload", "expected"), READ)
def test_what_a_report_shows_is_read(profile, payload, expected):
    known, refused = sorted_by(profile, payload, **({"key": "0"} if PROFILES[profile].has_key else {}))
    assert {name: known.get(name) for name in expected} == expected
    assert refused == []


NO_READING = [
    pytest.param({"switch:0": {"counts": {"on_time": 240, "switch_on": 19}}}, id="iobroker_shelly_1592_counts"),
    pytest.param({"mqtt": {"connected": True}}, id="iobroker_shelly_813_connected"),
    pytest.param({"switch:0": {"id": 0, "output": True, "source": "MQTT"}}, id="iobroker_shelly_1592_switched"),
]


@pytest.mark.parametrize("component", NO_READING)
def test_a_notice_without_energy_is_no_reading_and_no_fault(component):
    assert sorted_by("shelly-gen2-switch", shelly(**component), key="0") == ({}, [])


NOT_SO = [
    pytest.param(
        "zigbee2mqtt-three-phase",
        {"energy": 274.5, "power": 429_496_420, "voltage_a": 221.8, "ac_frequency": 50},
        id="zigbee2mqtt_18603_a_negative_power_unsigned",
    ),
    pytest.param(
        "zigbee2mqtt-three-phase",
        {"energy": 274.5, "power": 8_388_533, "voltage_a": 221.8},
        id="zigbee2mqtt_32995_of_24_bits",
    ),
]


@pytest.mark.parametrize(("profile", "payload"), NOT_SO)
def test_a_power_that_the_meter_cannot_have_is_not_stored(profile, payload):
    known, refused = sorted_by(profile, payload)
    assert "power_kw" not in known
    assert refused


def test_a_counter_below_nothing_is_not_stored():
    """Koenkk/zigbee2mqtt#29057: an update made every counter negative."""
    known, refused = sorted_by("zigbee2mqtt", {"energy": -170, "power": 120})
    assert "energy_kwh" not in known
    assert refused


def chirpstack_profile(**power) -> Profile:
    fields = {
        "energy_kwh": FieldSpec(path="object.energy", unit="kWh"),
        "power_kw": FieldSpec(path="object.power", unit="W", **power),
    }
    return Profile(
        id="own", name_en="own", source="test", family="chirpstack", time=TimeSpec(path="time"), fields=fields
    )


def values_of(profile: Profile, payload: object) -> list[dict[str, float]]:
    message = Message(TOPIC, json.dumps(payload).encode(), received_us=RECEIVED_US)
    return [dict(row.values) for row in FAMILIES[profile.family](profile).rows(message, [])]


UPLINK = {"time": "2026-11-24T06:00:00Z", "fPort": 2, "data": "AQEw"}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param({"energy": 5.5, "power": 30}, [{"energy_kwh": 5.5, "power_kw": 0.03}], id="both"),
        pytest.param({"energy": 5.5}, [{"energy_kwh": 5.5, "power_kw": 0.0}], id="the_zero_left_out"),
        pytest.param({}, [{"power_kw": 0.0}], id="all_left_out"),
    ],
)
def test_what_a_network_server_leaves_out_is_what_the_profile_says(found, expected):
    """chirpstack/chirpstack#43: keys whose value is 0 are left out; a night's 0 W then was no reading at all."""
    assert values_of(chirpstack_profile(absent=0), UPLINK | {"object": found}) == expected
    assert values_of(chirpstack_profile(), UPLINK | {"object": {"energy": 5.5}}) == [{"energy_kwh": 5.5}]


def test_an_element_with_nothing_of_a_profile_is_no_zero():
    fields = {
        "energy_kwh": FieldSpec(path="e", unit="kWh"),
        "power_kw": FieldSpec(path="p", unit="W", absent=0),
    }
    profile = Profile(id="own", name_en="own", source="test", family="fields", fields=fields)
    assert values_of(profile, {"e": 5.5}) == [{"energy_kwh": 5.5, "power_kw": 0.0}]
    assert values_of(profile, {"state": "ON"}) == []


@pytest.mark.parametrize(
    ("family", "name", "spec"),
    [
        pytest.param("fields", "energy_kwh", {"path": "e", "unit": "kWh"}, id="counter"),
        pytest.param("fields", "reactive_kvarh", {"path": "e", "unit": "kvarh"}, id="second_counter"),
        pytest.param("sparkplug", "power_kw", {"path": "p", "unit": "W"}, id="sent_by_exception"),
        pytest.param("number", "power_kw", {"suffix": "power", "unit": "W"}, id="no_path"),
    ],
)
def test_absence_says_nothing_of_counters_and_of_what_is_sent_by_exception(family, name, spec):
    with pytest.raises(ValidationError, match="absent"):
        Profile(id="own", name_en="o", source="t", family=family, fields={name: FieldSpec(**spec, absent=0)})
