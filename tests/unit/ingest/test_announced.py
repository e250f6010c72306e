"""What devices announce for Home Assistant is an inventory, and no message of a meter."""

from __future__ import annotations

import json
import tomllib

import pytest

from bkkenergy.ingest.announced import announced
from bkkenergy.ingest.discover import Heard, proposals
from bkkenergy.ingest.status import toml_block
from tests.builders import meter
from tests.unit.payloads.test_payloads import PROFILES, RECEIVED_US

TASMOTA = {
    "name": "Tasmota ENERGY Total",
    "stat_t": "~SENSOR",
    "uniq_id": "522851_ENERGY_Total",
    "device": {"identifiers": ["522851"]},
    "~": "plug1/tele/",
    "unit_of_meas": "kWh",
    "val_tpl": "{{value_json['ENERGY'].Total}}",
    "dev_cla": "power",
}
"""The form of arendst/Tasmota#7097, whose device class is not that of its unit."""
CONFIG = "homeassistant/sensor/522851_ENERGY_Total/config"


def heard(topic: str, payload: object) -> Heard:
    return Heard(topic, payload if isinstance(payload, bytes) else json.dumps(payload).encode(), RECEIVED_US)


def test_an_announcement_says_which_topic_will_carry_what():
    [value] = announced(CONFIG, json.dumps(TASMOTA).encode()) or []
    assert (value.topic, value.unit, value.is_metered) == ("plug1/tele/SENSOR", "kWh", True)
    assert str(value) == "Tasmota ENERGY Total in kWh, {{value_json['ENERGY'].Total}}"


def test_a_whole_device_announces_each_of_its_components():
    body = {
        "dev": {"ids": "a"},
        "stat_t": "a/state",
        "cmps": {
            "e": {"p": "sensor", "name": "Energy", "unit_of_meas": "kWh", "val_tpl": "{{ value_json.e }}"},
            "b": {"p": "sensor", "name": "Battery", "unit_of_meas": "%", "stat_t": "a/battery"},
        },
    }
    values = announced("homeassistant/device/a/config", json.dumps(body).encode()) or []
    assert [(one.topic, one.name, one.is_metered) for one in values] == [
        ("a/state", "Energy", True),
        ("a/battery", "Battery", False),
    ]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        pytest.param("plug1/tele/SENSOR", b'{"device": 1}', id="another_topic"),
        pytest.param("site/1/meter/config", b'{"interval": 5}', id="a_setting"),
        pytest.param("site/1/meter/config", b"5", id="a_number"),
        pytest.param("site/1/meter/config", b"{", id="no_json"),
        pytest.param("a/b/c/d/e/config", b'{"device": 1}', id="too_deep"),
    ],
)
def test_other_messages_announce_nothing(topic, payload):
    assert announced(topic, payload) is None


def test_a_meter_that_was_only_announced_is_listed_and_the_announcement_is_not():
    [proposal] = proposals([heard(CONFIG, TASMOTA)], [], PROFILES)
    assert (proposal.topic, proposal.profile, proposal.heard_us) == ("plug1/tele/SENSOR", "", 0)
    block = toml_block(proposal, ())
    assert "announced, not heard" in block
    assert "The device announces: Tasmota ENERGY Total in kWh" in block
    assert tomllib.loads(block)["building"]["meters"][0]["topic"] == "plug1/tele/SENSOR"


def test_a_meter_that_is_heard_has_what_it_announced():
    body = {"Time": "2026-11-24T12:40:00", "ENERGY": {"Total": 8.125, "Power": 250}}
    [proposal] = proposals([heard(CONFIG, TASMOTA), heard("plug1/tele/SENSOR", body)], [], PROFILES)
    assert (proposal.profile, len(proposal.announced)) == ("tasmota-sensor", 1)


def test_what_is_in_the_portfolio_or_no_meter_is_not_listed():
    battery = TASMOTA | {"unit_of_meas": "%", "stat_t": "phone/battery"}
    messages = [heard(CONFIG, TASMOTA), heard("homeassistant/sensor/phone/config", battery)]
    assert proposals(messages, [meter(topic="plug1/tele/SENSOR", payload="tasmota-sensor")], PROFILES) == []
    assert proposals([heard("homeassistant/sensor/phone/config", b"")], [], PROFILES) == []


@pytest.mark.parametrize("hostile", ['"\n[[x]]', "\x1b[31m", "'''"])
def test_a_hostile_announcement_stays_within_comments(hostile):
    body = TASMOTA | {"name": hostile, "val_tpl": hostile, "stat_t": f"a/{hostile}"}
    [proposal] = proposals([heard(CONFIG, body)], [], PROFILES)
    block = toml_block(proposal, ())
    assert tomllib.loads(block)["building"]["meters"][0]["topic"] == f"a/{hostile}"
    assert "\x1b" not in block
