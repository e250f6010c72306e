"""Reports of a further search: what senders wrote, and what becomes of it.

Forms are those of the reports; names and numbers are ours.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from bkkenergy.payloads.message import Reason
from tests.unit.payloads.test_payloads import RECEIVED_US

SOON_S = RECEIVED_US // 10**6 - 60
AT = "2026-11-23T08:00:00"
UPLINK = {"deduplicationId": "x", "time": f"{AT}.656322720+07:00", "deviceInfo": {"devEui": "01"}, "fPort": 2}
TTN = {"end_device_ids": {"device_id": "m"}, "received_at": f"{AT}Z"}
TELEGRAM = {
    "timestamp": f"{AT}+07:00", "electricity_delivered_1": "2000.000", "electricity_delivered_2": "3000.000",
    "electricity_currently_delivered": "1.500", "phase_voltage_l1": None,
}  # fmt: skip
SHELLY = {"id": 0, "apower": 5, "aenergy": {"total": 134753.219}, "errors": ["overpower"]}
STATE = {"entity_id": "sensor.m", "last_updated": f"{AT}+07:00"}


class Further(NamedTuple):
    """A report. becomes : values of the one reading, the reason of its refusal, or None where it is left out."""

    report: str
    happened: str
    profile: str
    payload: object
    becomes: dict[str, float] | Reason | None
    given: dict[str, Any] = {}  # noqa: RUF012 - nothing changes it


def energy(**parts: object) -> dict[str, object]:
    return {"Time": AT, "ENERGY": parts}


def state(text: str, unit: str, kind: str = "energy") -> dict[str, object]:
    return STATE | {"state": text, "attributes": {"unit_of_measurement": unit, "device_class": kind}}


KEY_M = {"key": "m"}
OF_STATE = {"key": "sensor.m"}
FURTHER = [
    Further("arendst/Tasmota/issues/6561", "one total of a meter, three powers", "tasmota-sensor", energy(Total=467.034, Power=[152, 493, 89], Factor=[0.63, 0.98, 0.51], Frequency=[50, 50, 50]), {"energy_kwh": 467.034, "power_kw": 0.734}),
    Further("arendst/Tasmota/issues/6429", "a phase that says nothing is no zero", "tasmota-sensor", energy(Total=[0.29, None, 263.0], Power=[1, None, 3]), Reason.NOT_DECODED),
    Further("arendst/Tasmota/issues/1811", "the answer to a command, one level deeper", "tasmota-sensor", {"StatusSNS": energy(Total=183.36, Power=73)}, Reason.NOT_DECODED),
    Further("chirpstack/chirpstack/issues/349", "fields that are null, an object without values", "chirpstack-object", UPLINK | {"object": {"appeui": "01"}, "level": None, "margin": 0}, Reason.NOT_DECODED),
    Further("chirpstack/chirpstack/issues/883", "times with nine digits", "chirpstack-object", UPLINK | {"object": {"energy": 5.0}}, {"energy_kwh": 5.0}),
    Further("chirpstack/chirpstack-gateway-bridge/issues/19", "the time is that of no time: year 1", "chirpstack-object", UPLINK | {"time": "0001-01-01T00:00:00Z", "object": {"energy": 5.0}}, {"energy_kwh": 5.0}),
    Further("brocaar/chirpstack-network-server/issues/114", "an envelope of version 3, without a time", "chirpstack-object", {"devEUI": "514d", "rxInfo": [{"mac": "1d"}], "fPort": 8, "data": "Aahd", "object": {"energy": 5.0}}, Reason.NOT_DECODED),
    Further("dsmrreader/dsmr-reader/issues/811", "every telegram of 2000-01-01", "dsmr-reader", TELEGRAM | {"timestamp": "2000-01-01T01:00:00+01:00"}, {"energy_kwh": 5000.0, "power_kw": 1.5}),
    Further("dsmrreader/dsmr-reader/issues/412", "a telegram of the next year", "dsmr-reader", TELEGRAM | {"timestamp": f"2027{AT[4:]}+07:00"}, Reason.TIME_AHEAD),
    Further("dsmrreader/dsmr-reader/issues/948", "phases that are null, numbers as text", "dsmr-reader", TELEGRAM, {"energy_kwh": 5000.0, "power_kw": 1.5, "energy_off_peak_kwh": 2000.0}),
    Further("UtilitechAS/amsreader-firmware/issues/1038", "a clock an hour ahead", "amsreader", {"id": "a", "t": SOON_S + 3600, "data": {"P": 2450}}, Reason.TIME_AHEAD),
    Further("volkszaehler/vzlogger/issues/570", "seconds since the meter's start as a time", "pulse-counter", {"t": 21_441_000, "count": 5000}, {"energy_kwh": 5.0}),
    Further("wmbusmeters/wmbusmeters/issues/627", "day 0 of a month", "wmbusmeters", {"media": "electricity", "id": "1", "total_energy_consumption_kwh": 5, "timestamp": "2026-10-00T00:00:00Z"}, Reason.NOT_DECODED, {"key": "1"}),
    Further("wmbusmeters/wmbusmeters/issues/449", "a telegram without data: null", "wmbusmeters", {"media": "electricity", "id": "1", "total_energy_consumption_kwh": None, "timestamp": f"{AT}Z"}, Reason.NOT_DECODED, {"key": "1"}),
    Further("evcc-io/evcc/pull/8064", "NaN as a power", "evcc-grid", b"NaN", None, {"topic": "evcc/site/grid/power", "address": "evcc/site/grid"}),
    Further("bachya/ecowitt2mqtt/pull/294", "unknown as a state", "home-assistant-statestream", b"unknown", None, {"topic": "site/meter/state"}),
    Further("bachya/ecowitt2mqtt/issues/307", "None as a state", "home-assistant-statestream", b"None", None, {"topic": "site/meter/state"}),
    Further("igor-podpalchenko/ha-devi-mqtt/issues/14", "2,32 as a number", "home-assistant-statestream", b"2,32", Reason.NOT_DECODED, {"topic": "site/meter/state"}),
    Further("home-assistant/core/issues/113392", "a state that is unavailable after a restart", "home-assistant-state", state("unavailable", "kWh"), None, OF_STATE),
    Further("SEED-platform/seed/issues/1912", "gas among electricity", "home-assistant-state", state("10", "m³", "gas"), Reason.NOT_DECODED, OF_STATE),
    Further("Ediminator/homematicip-hcu/issues/365", "the unit is said beside the value: MWh", "home-assistant-state", state("1.5", "MWh"), {"energy_kwh": 1500.0}, OF_STATE),
    Further("TheThingsNetwork/lorawan-stack/issues/6128", "NaN in a decoded payload, which is no JSON", "things-stack-v3", b'{"end_device_ids":{"device_id":"m"},"received_at":"2026-11-23T01:42:11Z","uplink_message":{"f_port":2,"decoded_payload":{"energy":NaN}}}', Reason.NOT_DECODED, KEY_M),
    Further("TheThingsArchive/ttn/issues/669", "a zero is a value", "things-stack-v3", TTN | {"uplink_message": {"f_port": 2, "decoded_payload": {"energy": 0, "power": 0}}}, {"energy_kwh": 0.0, "power_kw": 0.0}, KEY_M),
    Further("Milesight-IoT/SensorDecoders/pull/25", "stored values of the past in a frame", "milesight-em300", {"devEUI": "24E1", "fPort": 85, "time": f"{AT}Z", "data": "IM6eRXRkEAFoAA=="}, Reason.NOT_DECODED, {"key": "24E1"}),
    Further("influxdata/telegraf/issues/11659", "the whole status of a switch where a number was awaited", "shelly-gen2-status", SHELLY, {"energy_kwh": 134.753219, "power_kw": 0.005}),
    Further("tbnobody/OpenDTU/issues/2730", "a total of zero after a restart at night", "opendtu", b"0.000", {"energy_kwh": 0.0}, {"topic": "site/meter/yieldtotal"}),
]  # fmt: skip
