"""What is heard and not in the portfolio becomes a proposal that is right as it stands."""

from __future__ import annotations

import tomllib

import pytest

from bkkenergy.errors import InputError
from bkkenergy.ingest.discover import Heard, MeterProposal, adopted, proposals
from bkkenergy.ingest.status import toml_block
from bkkenergy.portfolio import Meter
from tests.builders import meter
from tests.unit.payloads.test_payloads import PROFILES, RECEIVED_US, SAMPLES
from tests.unit.payloads.test_sparkplug import dbirth, nbirth


def heard(topic: str, payload: bytes) -> Heard:
    return Heard(topic, payload, RECEIVED_US)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["name"])
def test_the_payload_of_each_profile_finds_a_profile_that_reads_as_much(sample):
    found = proposals([heard(sample["topic"], sample["payload"].encode())], [], PROFILES)
    wanted = {(sample.get("address", sample["topic"]), one.get("key", "")): one["values"] for one in sample["readings"]}
    by_address = {(one.topic, one.key): one for one in found}
    for address in wanted.keys() & by_address.keys():
        proposal = by_address[address]
        assert sample["profile"] in (proposal.profile, *proposal.others)
        assert len(proposal.values) >= len(wanted[address])
    assert wanted.keys() & by_address.keys(), [(one.topic, one.key, one.profile) for one in found]


def test_new_keys_of_a_known_topic_are_proposed_with_its_profile():
    known = meter(topic="gw/1", payload="modbus-gateway", key="7")
    payload = b'{"timestamp":1795500000,"devices":[{"addr":7,"kwh_import":1},{"addr":8,"kwh_import":2,"p_total":3}]}'
    (proposal,) = proposals([heard("gw/1", payload)], [known], PROFILES)
    assert (proposal.topic, proposal.key, proposal.profile, proposal.local_id) == ("gw/1", "8", "modbus-gateway", "8")


def test_numbers_on_topics_of_their_own_are_one_meter():
    messages = [heard("old/pump/energy", b"12.5"), heard("old/pump/power", b"900")]
    (proposal,) = [one for one in proposals(messages, [], PROFILES) if one.profile]
    assert (proposal.topic, proposal.profile) == ("old/pump", "plain-number")
    assert proposal.values == {"energy_kwh": 12.5, "power_kw": 0.9}


def test_power_alone_is_proposed_as_a_meter_of_power():
    found = [one for one in proposals([heard("old/pump/power", b"900")], [], PROFILES) if one.profile]
    assert [str(one.kind) for one in found] == ["power"]


def test_a_sparkplug_node_is_proposed_by_its_births_under_the_topic_that_the_portfolio_knows():
    messages = [heard(one.topic, one.payload) for one in (nbirth(), dbirth())]
    found = {(one.topic, one.key): one.profile for one in proposals(messages, [], PROFILES) if one.profile}
    assert found == {
        ("spBv1.0/BMA/edge-1/panel", "main"): "sparkplug-b",
        ("spBv1.0/BMA/edge-1/panel", "aircon"): "sparkplug-b",
    }


def test_what_no_profile_reads_is_listed_without_one():
    (proposal,) = proposals([heard("door/1", b"open")], [], PROFILES)
    assert (proposal.topic, proposal.profile, proposal.values) == ("door/1", "", {})
    with pytest.raises(InputError, match="--profile"):
        adopted(proposal, {"building": "a.b", "profile": "", "id": "x"}, rated_kw=1, names=("x", "x"))


HOSTILE = ['a"b/c', "a\nid = 1", "[[building]]", "ไทย/มิเตอร์", "$(reboot)/x", "a\\u0000b", "#", "'", "a" * 5000]


@pytest.mark.parametrize("topic", HOSTILE)
def test_a_block_is_toml_whatever_the_topic_and_names_the_topic_itself(topic):
    proposal = MeterProposal(topic, topic, "tasmota-sensor", sample=b'"\n]] x = 1\r\xff', heard_us=RECEIVED_US)
    block = tomllib.loads("[[building]]\n" + toml_block(proposal, []))["building"][0]["meters"][0]
    assert (block["topic"], block["key"]) == (topic, topic)
    assert set(block) == {"id", "rated_kw", "topic", "payload", "key"}


def test_an_adopted_water_meter_says_the_most_that_flows_through_it():
    chosen = {"building": "a.b", "profile": "wmbusmeters-water", "id": "water"}
    names, proposal = ("น้ำ", "Water"), MeterProposal("wmbus/water", "12345678")
    entered = Meter.model_validate(adopted(proposal, chosen, rated_kw=1, rated_m3_per_h=6, names=names))
    assert (entered.rated_m3_per_h, entered.kind) == (6, "other")


def test_an_adopted_meter_is_a_meter():
    proposal = MeterProposal("gw/1", "8", "modbus-gateway", values={"energy_kwh": 1.0})
    chosen = {"building": "health.centre-1", "profile": "modbus-gateway", "id": proposal.local_id}
    entered = Meter.model_validate(adopted(proposal, chosen, rated_kw=100, names=("มิเตอร์", "Meter")))
    assert (entered.id, entered.key, entered.rated_kw) == ("health.centre-1.8", "8", 100)


def test_a_profile_that_is_unverified_says_so_in_its_proposal():
    sample = next(one for one in SAMPLES if one["name"] == "acrel_adw300_data")
    found = proposals([heard(sample["topic"], sample["payload"].encode())], [], PROFILES)
    (proposal,) = [one for one in found if one.profile == "acrel-adw300"]
    assert proposal.is_unverified
    assert "unverified" in toml_block(proposal, [])


def test_a_new_key_below_a_topic_with_an_open_level_is_proposed_and_a_known_one_is_not():
    profiles = {"mbmd": PROFILES["mbmd"].model_copy(update={"topic_key": 2})}
    known = meter(topic="mbmd/+", payload="mbmd", key="sdm1-1")
    messages = [heard("mbmd/sdm1-1/Import", b"1.5"), heard("mbmd/sdm1-2/Import", b"2.5")]
    (proposal,) = proposals(messages, [known], profiles)
    assert (proposal.topic, proposal.key, proposal.profile) == ("mbmd/sdm1-2", "sdm1-2", "mbmd")


@pytest.mark.parametrize(
    ("name", "kind"), [("wmbusmeters_water", "other"), ("milesight_em300_th", "other"), ("mbmd_voltage", "register")]
)
def test_what_measures_no_electricity_is_proposed_as_such(name, kind):
    sample = next(one for one in SAMPLES if one["name"] == name)
    found = [
        one
        for one in proposals([heard(sample["topic"], sample["payload"].encode())], [], PROFILES)
        if one.profile == sample["profile"]
    ]
    assert [str(one.kind) for one in found] == [kind]
