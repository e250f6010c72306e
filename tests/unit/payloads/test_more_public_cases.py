"""Public cases of rooms, water, LoRaWAN and gateways: other units, other envelopes, messages that hold no reading."""

from __future__ import annotations

import base64
import json
import struct

import pytest
from google.protobuf import struct_pb2, timestamp_pb2

from bkkenergy.payloads.decode.chirpstack_proto import parse_uplink
from bkkenergy.payloads.message import DecodeError, Reason
from bkkenergy.payloads.profile import UNITS, FieldSpec, Profile, in_product_unit, unit_named
from tests.unit.payloads.test_payloads import decoded, rows_of
from tests.unit.payloads.test_public_cases import values_of


def message(*fields: tuple[int, bytes | int]) -> bytes:
    """Write protobuf by the numbers of its fields, independent of our own classes."""

    def varint(number: int) -> bytes:
        parts = bytearray()
        while number > 127:
            parts.append(number & 127 | 128)
            number >>= 7
        return bytes([*parts, number])

    return b"".join(
        varint(number << 3 | 2) + varint(len(value)) + value if isinstance(value, bytes) else varint(number << 3) + varint(value)
        for number, value in fields
    )  # fmt: skip


def uplink(*fields: tuple[int, bytes | int], port: int = 2) -> bytes:
    time = timestamp_pb2.Timestamp(seconds=1_795_572_186, nanos=900_000_000).SerializeToString()
    device = message((2, b"tenant"), (7, b"a room"), (8, b"a84041000181c061"), (9, message((1, b"floor"), (2, b"2"))))
    head = ((1, b"2f3a1b1c-1111-2222-3333-444455556666"), (2, time), (3, device), (4, b"01020304"))
    return message(*head, (5, 1), (6, 5), (7, 4), (8, port), *fields, (12, b"\x0a\x03gw1"))


ROOM = bytes.fromhex("cc35091d026e017fff7fff")


def test_chirpstack_s_protobuf_says_what_its_json_says():
    found = rows_of(decoded("dragino-lht65", uplink((10, ROOM))))
    ((key, ts_us, values),) = found
    assert (key, ts_us) == ("a84041000181c061", 1_795_572_186_900_000)
    assert values == pytest.approx({"room_temp_c": 23.33, "humidity_ratio": 0.622})
    text = {
        "time": "2026-11-25T02:03:06.9Z",
        "deviceInfo": {"devEui": key},
        "fPort": 2,
        "data": base64.b64encode(ROOM).decode(),
    }
    assert rows_of(decoded("dragino-lht65", json.dumps(text).encode())) == found


def test_a_codec_s_object_is_read_out_of_protobuf():
    made = struct_pb2.Struct()
    made.update({"energy": 5120.25, "power": 250, "voltage": None})
    ((_, _, values),) = rows_of(decoded("chirpstack-object", uplink((11, made.SerializeToString()))))
    assert values == {"energy_kwh": 5120.25, "power_kw": 0.25}


def test_json_after_an_empty_line_is_json_still():
    text = b'\n{"time":"2026-11-25T02:03:06.9Z","object":{"energy":5.5}}'
    assert [values for _, _, values in rows_of(decoded("chirpstack-object", text))] == [{"energy_kwh": 5.5}]


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(uplink((10, ROOM))[:40], id="cut_off"),
        pytest.param(b"\n" * 40, id="line_ends"),
        pytest.param(uplink((2, message((1, 2**63)))), id="a_time_beyond_the_calendar"),
        pytest.param(message((11, b"\x0a\x05" * 3)), id="a_struct_that_is_none"),
        pytest.param(message((11, message((1, message((1, b"a"), (2, message((2, 2**64 - 1)))))))), id="a_wrong_type"),
    ],
)
def test_bytes_that_are_no_uplink_are_refused_and_not_more(payload):
    found = decoded("chirpstack-object", payload)
    assert len(found) == 0
    assert [bad.reason for bad in found.undecoded] == [Reason.NOT_DECODED]


def test_a_struct_nested_without_end_is_refused():
    value = message((4, 1))
    for _ in range(300):
        value = message((5, message((1, message((1, b"a"), (2, value))))))
    with pytest.raises(DecodeError, match="neither JSON nor protobuf"):
        parse_uplink(message((11, message((1, message((1, b"a"), (2, value)))))))


@pytest.mark.parametrize("name", ["dragino-lht65", "dragino-lht65-things-stack"])
def test_frames_of_stored_values_and_absent_sensors_of_a_room_are_no_readings(name):
    def frame(temperature: int, humidity: int, kind: int, port: int = 2) -> list[dict[str, float]]:
        data = base64.b64encode(struct.pack(">HhHB", 0xCC35, temperature, humidity, kind) + b"\x7f\xff").decode()
        chirpstack = {"time": "2026-11-25T02:03:06Z", "deviceInfo": {"devEui": "a"}, "fPort": port, "data": data}
        things = {"f_port": port, "frm_payload": data}
        stack = {"end_device_ids": {"device_id": "a"}, "received_at": "2026-11-25T02:03:06Z", "uplink_message": things}
        found = decoded(name, json.dumps(stack if "stack" in name else chirpstack).encode())
        assert found.undecoded == ()
        return [values for _, _, values in rows_of(found)]

    assert frame(-512, 500, 1) == [pytest.approx({"room_temp_c": -5.12, "humidity_ratio": 0.5})]
    assert frame(2333, 622, 0x81) == frame(2333, 622, 0x41) == frame(2333, 622, 1, port=5) == []
    assert frame(32767, 622, 1) == [pytest.approx({"humidity_ratio": 0.622})]


def test_a_formatter_s_object_goes_before_the_bytes():
    stack = {
        "end_device_ids": {"device_id": "a"},
        "received_at": "2026-11-25T02:03:06Z",
        "uplink_message": {"f_port": 2, "frm_payload": "AAA=", "decoded_payload": {"wh": 5000, "w": 40}},
    }
    ((_, _, values),) = rows_of(decoded("things-stack-binary", json.dumps(stack).encode()))
    assert values == pytest.approx({"energy_kwh": 5.0, "power_kw": 0.04})


@pytest.mark.parametrize(
    ("profile", "frame"),
    [
        pytest.param("chirpstack-binary", "0101300000000000087600000003b4fa0001e208", id="a_node_of_modbus"),
        pytest.param("chirpstack-binary", "00", id="a_byte"),
        pytest.param("things-stack-binary", "0012d644ffffff06aa", id="a_byte_more"),
    ],
)
def test_a_frame_of_another_length_is_of_another_layout(profile, frame):
    """The form of chirpstack/chirpstack#43: a node's raw Modbus answer had 16,855 kWh at byte 0."""
    data = base64.b64encode(bytes.fromhex(frame)).decode()
    uplinks = {
        "chirpstack-binary": {"time": "2026-11-25T02:03:06Z", "fPort": 2, "data": data},
        "things-stack-binary": {
            "end_device_ids": {"device_id": "a"},
            "received_at": "2026-11-25T02:03:06Z",
            "uplink_message": {"f_port": 2, "frm_payload": data},
        },
    }
    found = decoded(profile, json.dumps(uplinks[profile]).encode())
    assert len(found) == 0
    (bad,) = found.undecoded
    assert "this layout" in bad.detail


def test_a_formatter_that_names_units_is_read_too():
    stack = {
        "end_device_ids": {"device_id": "meter-01"},
        "received_at": "2026-11-25T13:42:11.412Z",
        "uplink_message": {"f_port": 2, "decoded_payload": {"energy_kwh": 29.9, "power_w": 0}},
    }
    ((_, _, values),) = rows_of(decoded("things-stack-v3", json.dumps(stack).encode()))
    assert values == pytest.approx({"energy_kwh": 29.9, "power_kw": 0.0})


NO_READING = [
    pytest.param("victron-grid", "N/a/grid/1/Ac/L2/Voltage", b'{"value": null}', id="victron_a_phase_that_is_not_there"),
    pytest.param("esphome-energy", "n/sensor/a/state", b"nan", id="home_assistant_98096_nan"),
    pytest.param("home-assistant-statestream", "h/sensor/a/state", b'"unavailable"', id="a_device_that_is_away"),
    pytest.param("tasmota-sml", "t", b'{"Time":"2023-11-22T21:57:13","grid":{"power_L1":94}}', id="venus_readme_another_value"),
    pytest.param("tasmota-climate", "t", b'{"Time":"2023-11-22T21:57:13","ESP32":{"Temperature":65.6},"TempUnit":"C"}', id="a_chip_alone"),
    pytest.param("openmqttgateway-ble", "t", b'{"id":"98:BB:99:68:C9:FB","rssi":-92,"distance":27.75274}', id="openmqttgateway_412_passing_by"),
    pytest.param("ai-on-the-edge", "t", b'{"value":"1355.9","error":"Rate too high - Read: 1356.8 - Pre: 1355.9","timestamp":""}', id="ai_on_the_edge_308_rate"),
    pytest.param("zigbee2mqtt-climate", "t", b'{"battery":100,"linkquality":120}', id="a_battery_alone"),
    pytest.param("things-stack-binary", "t", b'{"end_device_ids":{"device_id":"d"},"join_accept":{}}', id="things_stack_join"),
]  # fmt: skip


@pytest.mark.parametrize(("profile", "topic", "payload"), NO_READING)
def test_a_message_without_a_value_of_ours_is_no_reading_and_no_fault(profile, topic, payload):
    found = decoded(profile, payload, topic)
    assert (len(found), found.undecoded) == (0, ())
    assert found.ignored_count > 0


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b'{"value": 638.7192, "raw": "0638.7192, "error": "no error", "timestamp": ""}', id="ai_on_the_edge_1585_a_quotation_mark"),
        pytest.param(b'{"value":1355.9060\tRate too high - Read: 1356.8436,"error":"Rate too high"}', id="ai_on_the_edge_308_words_in_a_number"),
    ],
)  # fmt: skip
def test_json_that_a_device_broke_is_quarantined(payload):
    assert [bad.reason for bad in decoded("ai-on-the-edge", payload).undecoded] == [Reason.NOT_DECODED]


@pytest.mark.parametrize(
    ("profile", "topic", "body"),
    [
        ("victron-grid", "N/a/grid/1/Ac/Power", '{"value":%s}'),
        ("zigbee2mqtt-climate", "t", '{"temperature":%s}'),
        ("tasmota-sml", "t", '{"Time":"2023-11-22T21:57:13","grid":{"Power_curr":%s}}'),
    ],
)
def test_a_value_nested_up_to_where_recursion_ends_is_not_decoded_and_no_failure_of_ours(profile, topic, body):
    """The one depth that JSON is read at and not shown at depends on who calls: so each is tried."""
    for depth in range(600, 1010):
        nested = '{"a":' * depth + "1" + "}" * depth
        found = decoded(profile, (body % nested).encode(), topic)
        assert len(found) == 0
        assert {bad.reason for bad in found.undecoded} == {Reason.NOT_DECODED}, depth


def climate(**field) -> Profile:
    spec = FieldSpec(**{"path": "temperature", "unit": "degC"} | field)
    return Profile(id="own", name_en="own", source="test", family="fields", fields={"room_temp_c": spec})


@pytest.mark.parametrize(
    ("stated", "number", "celsius"),
    [
        ("F", 64.4, 18.0),  # deepcoder/bluetooth-temperature-sensors, README.md: 64.4 F is sent beside 18.0 degC
        ("°F", 32, 0.0),
        ("Fahrenheit", -40, -40.0),
        ("K", 300.15, 27.0),
        ("kelvin", 273.15, 0.0),
        ("°C", 27.5, 27.5),
        ("c", 27.5, 27.5),
    ],
)
def test_temperatures_are_converted_by_the_unit_that_the_payload_states(stated, number, celsius):
    found = values_of(climate(unit_path="units"), {"temperature": number, "units": stated})
    assert found == [pytest.approx({"room_temp_c": celsius})]


def test_a_scale_counts_before_the_unit_s_zero():
    assert values_of(climate(unit="degF", scale=0.1), {"temperature": 770}) == [pytest.approx({"room_temp_c": 25.0})]


def test_a_unit_of_another_quantity_is_no_temperature():
    assert values_of(climate(unit_path="units"), {"temperature": 21, "units": "kWh"}) == []


@pytest.mark.parametrize(
    ("text", "number", "m3"),
    [("ft³", 100, 2.8316846592), ("gal", 1000, 3.785411784), ("ลบ.ม.", 5, 5.0), ("L", 250, 0.25)],
)
def test_volumes_are_converted(text, number, m3):
    unit = unit_named(text)
    assert unit is not None
    assert UNITS[unit][0] == "volume"
    assert in_product_unit(number, unit) == pytest.approx(m3)
