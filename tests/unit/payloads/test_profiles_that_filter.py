"""What a profile leaves out on purpose, how several share a topic, and families that other packages bring."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys

import pytest

from bkkenergy.ingest.sort import Sorter
from bkkenergy.payloads.check import payload_faults, payload_faults_of
from bkkenergy.payloads.decode import FAMILIES
from bkkenergy.payloads.decode.sparkplug import SparkplugDecoder
from bkkenergy.payloads.message import Message, Reason
from bkkenergy.payloads.profile import FieldSpec, Profile
from bkkenergy.portfolio import MeterKind
from bkkenergy.portfolio.records import EVER, Entry, Records
from tests.builders import meter
from tests.conftest import ROOT
from tests.unit.payloads.test_payloads import PROFILES, RECEIVED_US, decoded, rows_of
from tests.unit.payloads.test_sparkplug import message

ENERGY = {"energy_kwh": FieldSpec(path="e", unit="kWh")}


def profile_of(**given) -> Profile:
    return Profile(**({"id": "own", "name_en": "own", "source": "test", "family": "fields", "fields": ENERGY} | given))


def read(profile: Profile, payload: bytes, topic: str = "t"):
    return FAMILIES[profile.family](profile).decode([Message(topic, payload, received_us=RECEIVED_US)])


NOTICES = [
    pytest.param("shelly-gen2-em", b'{"method":"NotifyEvent","params":{"ts":1795600020.02,"events":[{"component":"emdata:0","event":"data"}]}}', id="shelly_event"),
    pytest.param("shelly-gen2-em", b'{"method":"NotifyStatus","params":{"ts":1795600025.0,"wifi":{"rssi":-61},"sys":{}}}', id="shelly_wifi"),
    pytest.param("shelly-gen2-em1", b'{"method":"NotifyStatus","params":{"ts":1795600025.0,"sys":{}}}', id="shelly_sys"),
    pytest.param("shelly-gen2-switch", b'{"method":"NotifyStatus","params":{"ts":1795600025.0,"input:0":{"id":0,"state":true}}}', id="shelly_input"),
    pytest.param("chirpstack-object", b'{"time":"2026-11-25T02:03:06.9+00:00","fCnt":7,"deviceInfo":{"deviceName":"em"}}', id="chirpstack_without_payload"),
    pytest.param("chirpstack-binary", b'{"time":"2026-11-25T02:03:06.9+00:00","fCnt":7}', id="chirpstack_binary_without_payload"),
    pytest.param("things-stack-v3", b'{"end_device_ids":{"device_id":"d"},"received_at":"2026-11-25T02:03:06Z","join_accept":{}}', id="things_stack_join"),
    pytest.param("things-stack-v3", b'{"end_device_ids":{"device_id":"d"},"received_at":"2026-11-25T02:03:06Z","uplink_message":{"f_cnt":4}}', id="things_stack_without_port"),
    pytest.param("wmbusmeters", b'{"media":"water","id":"1","total_m3":5,"timestamp":"2026-11-25T02:03:06Z"}', id="a_water_meter"),
]  # fmt: skip


@pytest.mark.parametrize(("profile", "payload"), NOTICES)
def test_chatter_is_counted_and_no_fault(profile, payload):
    found = decoded(profile, payload)
    assert (len(found), found.undecoded, found.ignored_count) == (0, (), 1)


@pytest.mark.parametrize(
    ("profile", "payload"),
    [
        pytest.param("shelly-gen2-em", b'{"method":"NotifyStatus"}', id="shelly_without_params"),
        pytest.param("shelly-gen2-em", b'{"method":"NotifyStatus","params":{"ts":1,"em:0":{"id":0}}}', id="shelly_without_a_value"),
        pytest.param("chirpstack-object", b'{"time":"2026-11-25T02:03:06.9+00:00","data":"qg=="}', id="chirpstack_without_codec"),
        pytest.param("wmbusmeters", b'{"media":"electricity","id":"1","timestamp":"2026-11-25T20:31:07Z","device":"MAIN"}', id="telegram_without_total"),
    ],
)  # fmt: skip
def test_what_should_be_a_reading_and_is_none_stays_a_fault(profile, payload):
    found = decoded(profile, payload)
    assert (len(found), found.ignored_count) == (0, 0)
    assert [bad.reason for bad in found.undecoded] == [Reason.NOT_DECODED]


@pytest.mark.parametrize(
    ("quality", "count"), [("true", 1), ("false", 0), ("192", 1), ("0", 0), ("null", 0), ('""', 0)]
)
def test_a_value_of_bad_quality_is_left_out(quality, count):
    tags = profile_of(each="values", key="id", when="q", fields={"energy_kwh": FieldSpec(path="v", unit="kWh")})
    payload = b'{"values":[{"id":"a","v":5,"q":true},{"id":"b","v":6,"q":%b}]}' % quality.encode()
    found = read(tags, payload)
    assert (len(found), found.ignored_count, found.undecoded) == (1 + count, 1 - count, ())


def test_a_frame_of_another_port_is_no_reading():
    layout = PROFILES["chirpstack-binary"].model_copy(update={"f_port": 2})
    frame = b'{"time":"2026-11-25T02:02:06+00:00","fPort":%d,"data":"AQEwAAAAAAAIdg=="}'
    other, own = read(layout, frame % 5), read(layout, frame % 2)
    assert (len(other), other.ignored_count) == (0, 1)
    assert (len(own), own.ignored_count) == (1, 0)


def test_no_value_of_a_field_goes_before_the_profiles():
    own = profile_of(
        no_value=(-1,),
        fields=ENERGY | {"power_factor": FieldSpec(path="pf", unit="ratio", no_value=(9,))},
    )
    assert rows_of(read(own, b'{"e":-1,"pf":-1}'))[0][2] == {"power_factor": -1}
    assert rows_of(read(own, b'{"e":5,"pf":9}'))[0][2] == {"energy_kwh": 5}


def test_a_reversed_clamp_of_a_shelly_keeps_its_power_factor():
    payload = b'{"method":"NotifyStatus","params":{"ts":1795600000,"em:0":{"a_pf":-1.0,"total_act_power":-1}}}'
    assert rows_of(decoded("shelly-gen2-em", payload))[0][2] == {"power_factor": -1}


def test_when_holds_for_sparkplug_and_csv_too():
    spark = PROFILES["sparkplug-b"].model_copy(update={"when": "ok == `1`"})
    metrics = [
        {"name": f"{key}/{name}", "double_value": value}
        for key, ok in (("a", 1.0), ("b", 0.0))
        for name, value in (("energy", 5.0), ("ok", ok))
    ]
    assert [key for key, _, _ in rows_of(SparkplugDecoder(spark).decode([message("DBIRTH", 0, *metrics)]))] == ["a"]
    lines = PROFILES["csv-lines"].model_copy(update={"when": "kw != ''"})
    found = read(lines, b"m1,26/11/2026 08:00:00,1,\nm2,26/11/2026 08:00:00,1,2\n")
    assert [key for key, _, _ in rows_of(found)] == ["m2"]


EVENTS = profile_of(id="energy", when="kind == 'energy'")
POWERS = profile_of(id="power", when="kind == 'power'", fields={"power_kw": FieldSpec(path="p", unit="kW")})


def test_several_profiles_read_one_topic_each_its_own_messages():
    both = {one.id: one for one in (EVENTS, POWERS)}
    power = meter("two", topic="t", payload="power", rated_kw=100, kind=MeterKind.POWER)
    meters = [meter("one", topic="t", payload="energy"), power]
    payloads = [b'{"kind":"energy","e":5}', b'{"kind":"power","p":2}', b'{"kind":"boot"}']
    found = Sorter(meters, both, max_ahead_s=300).sort(
        [Message("t", payload, received_us=RECEIVED_US) for payload in payloads], now_us=RECEIVED_US
    )
    assert found.refused == ()
    assert sorted(
        (found.batch.meter_ids[int(n)], int(source)) for n, source in zip(found.batch.meter, found.source, strict=True)
    ) == [("agency.building.one", 0), ("agency.building.two", 1)]


PLAIN, THIRD = profile_of(id="plain"), profile_of(id="third")
THREE = {"energy": EVENTS, "plain": PLAIN, "third": THIRD}
LATER = dt.date(2027, 1, 1)


def records(*versions):
    """Records of meters: (name, profile, first day, last day)."""
    made = [
        Entry("meter", f"agency.building.{name}", first, meter(name, topic="t", payload=profile), end)
        for name, profile, first, end in versions
    ]
    return Records(1, tuple(made))


def test_two_profiles_on_a_topic_without_a_when_are_a_fault():
    meters = [meter("one", topic="t", payload="energy"), meter("two", topic="t", payload="plain")]
    (fault,) = payload_faults(meters, THREE)
    assert "'plain' has no `when`" in fault.what


def test_a_meter_that_changes_its_profile_is_read_by_one_at_a_time():
    turns = [("one", "energy", EVER, None), ("one", "plain", LATER, None)]
    assert payload_faults_of(records(*turns), THREE) == []
    assert payload_faults_of(records(*turns[1:], ("two", "third", EVER, LATER)), THREE) == []
    (fault,) = payload_faults_of(records(*turns, ("two", "third", EVER, LATER)), THREE)
    assert "is read by profiles energy, third" in fault.what


def test_of_two_meters_on_a_topic_one_does_not_change_its_profile_alone_on_any_day():
    alike = [("one", "plain", EVER, None), ("two", "plain", EVER, None)]
    assert payload_faults_of(records(*alike), THREE) == []
    (fault,) = payload_faults_of(records(*alike, ("two", "third", LATER, None)), THREE)
    assert fault.what.startswith("from 2027-01-01 on: topic 't' is read by profiles plain, third")
    assert payload_faults_of(records(*alike, *((name, "third", LATER, None) for name in ("one", "two"))), THREE) == []


def test_a_profile_without_a_source_says_that_it_is_unverified():
    unverified = {name for name, profile in PROFILES.items() if profile.unverified}
    assert unverified == {"acrel-adw300", "acrel-adl", "evcc-grid"}
    assert all("ublic" in PROFILES[name].source or "description" in PROFILES[name].source for name in unverified)


PLUGIN = '''
from bkkenergy.payloads.decode.base import DecodedRow, RowDecoder
from bkkenergy.payloads.message import DecodeError


class HexDecoder(RowDecoder):
    """kWh as hexadecimal text."""

    def rows(self, message, steps):
        """Return one row a message."""
        try:
            energy_kwh = float(int(message.payload, 16))
        except ValueError:
            raise DecodeError("no hexadecimal number") from None
        return [DecodedRow((message.topic, ""), None, {"energy_kwh": energy_kwh})]
'''
USE = """
from bkkenergy.errors import ConfigError
from bkkenergy.payloads.decode import FAMILIES
from bkkenergy.payloads.message import Message
from bkkenergy.payloads.profile import Profile

profile = Profile(id="p", name_en="p", source="s", family="hex")
found = FAMILIES["hex"](profile).decode([Message("t", b"ff"), Message("t", b"zz")])
print(found.columns["energy_kwh"].tolist(), found.undecoded[0].detail, FAMILIES["number"].__module__)
try:
    FAMILIES["gone"](profile)
except ConfigError as error:
    print(error)
"""


def test_an_installed_package_brings_a_family_and_replaces_none(tmp_path):
    (tmp_path / "hexmeter.py").write_text(PLUGIN)
    info = tmp_path / "hexmeter-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hexmeter\nVersion: 1.0\n")
    entries = ("hex = hexmeter:HexDecoder", "number = hexmeter:HexDecoder", "gone = nowhere:Decoder")
    (info / "entry_points.txt").write_text("[bkkenergy.decoders]\n" + "\n".join(entries) + "\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", USE]
    printed = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": path}, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "[255.0] no hexadecimal number bkkenergy.payloads.decode.number" in printed.stdout
    assert "it cannot be loaded: No module named 'nowhere'" in printed.stdout
