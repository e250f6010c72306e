"""What devices and files of public reports do, case by case, and whether it is dealt with rightly: `python -m tests.fieldcases`.

Forms are those of the reports; names and numbers are ours. Cases of brokers (shared subscriptions, kills) are in `tests/peers`
and `tests/integration`, those of a second import of a utility's file in `tests/integration/test_imports_cli.py`.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bkkenergy.ingest.sheets import FileMapping, read_sheet
from bkkenergy.ingest.sort import Sorted, Sorter
from bkkenergy.metering.spans import SpanReason
from bkkenergy.metering.vee import validate
from bkkenergy.payloads.message import Message, Reason
from bkkenergy.readings import Quality, ReadingBatch
from tests.builders import DAY_US, QUARTER_US, meter
from tests.unit.ingest import test_green_button as espi
from tests.unit.payloads.test_payloads import PROFILES, RECEIVED_US
from tests.unit.payloads.test_sparkplug import dbirth, ddata, message, nbirth

TOPIC = "site/meter"
SOON_S = RECEIVED_US / 1e6 - 60
MAIN = meter(rated_kw=100)


@dataclass(frozen=True)
class Case:
    """One report. seen : what came out, as text; is_right : whether that is what the reading's owner would call right."""

    source: str
    happened: str
    outcome: Callable[[], tuple[bool, str]]


def outcome_of(profile: str, *payloads: object, topic: str = TOPIC, **given: Any) -> Sorted:
    of = meter(topic=given.pop("address", TOPIC), payload=profile, rated_kw=100, **given)
    bodies = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in payloads]
    messages = [Message(topic, body, received_us=RECEIVED_US + n) for n, body in enumerate(bodies)]
    return Sorter([of], PROFILES, max_ahead_s=300).sort(messages, now_us=RECEIVED_US + 10**6)


def values_of(outcome: Sorted) -> dict[str, float]:
    """Values of the first reading."""
    columns = {name: column.tolist() for name, column in outcome.batch.columns.items() if name != "applied_ratio"}
    return {name: round(column[0], 6) for name, column in columns.items() if column and column[0] == column[0]}


def said(outcome: Sorted) -> str:
    refused = ", ".join(one.reason for one in outcome.refused)
    return f"{len(outcome.batch)} readings, {values_of(outcome)}" + (f", refused: {refused}" if refused else "")


def reads(expected: dict[str, float], profile: str, payload: object, **given: Any) -> Callable[[], tuple[bool, str]]:
    """The values, and nothing refused."""

    def outcome() -> tuple[bool, str]:
        found = outcome_of(profile, payload, **given)
        return expected.items() <= values_of(found).items() and not found.refused, said(found)

    return outcome


def is_quiet(profile: str, *payloads: object) -> tuple[bool, str]:
    found = outcome_of(profile, *payloads)
    return len(found.batch) == 0 and not found.refused, said(found)


def is_refused(reason: Reason, profile: str, payload: object) -> tuple[bool, str]:
    found = outcome_of(profile, payload)
    return [one.reason for one in found.refused] == [reason] and len(found.batch) == 0, said(found)


def register(values: list[float], step_us: int = QUARTER_US // 3) -> tuple[float, list[str], int]:
    """Energy of a register that says these values, reasons of what is not measured, and quarter-hours without a value."""
    ts_us = DAY_US + np.arange(len(values)) * step_us
    batch = ReadingBatch((MAIN.id,), np.zeros(len(values), np.int64), ts_us, {"energy_kwh": np.array(values)})
    edges_us = DAY_US + np.arange(int(ts_us[-1] - DAY_US) // QUARTER_US + 2) * QUARTER_US
    found = validate(batch, [MAIN], edges_us, channel="import", max_gap_s=7200)
    reasons = [str(span.reason) for span in found.spans if span.reason is not SpanReason.GAP]
    missing = int((found.quality[:-1] == Quality.MISSING).sum())
    return round(float(np.nansum(found.energy_kwh)), 3), reasons, missing


def counts(kwh: float, values: list[float], *, reasons: tuple[str, ...] = (), **given: Any) -> tuple[bool, str]:
    total_kwh, found, missing = register(values, **given)
    is_right = abs(total_kwh - kwh) < 1e-6 and set(found) <= set(reasons)
    return is_right, f"{total_kwh} kWh, {found or 'no event'}, {missing} quarter-hours missing"


def shelly(**component: object) -> dict[str, object]:
    return {"src": "s", "dst": "s/events", "method": "NotifyStatus", "params": {"ts": SOON_S, **component}}


EM = {
    "id": 0, "a_act_power": 2240.6, "a_current": 9.594, "a_pf": -1.0, "a_voltage": 233.7, "b_act_power": 420.1,
    "b_pf": -0.93, "b_voltage": 236.4, "c_act_power": 223.4, "c_pf": -0.87, "c_voltage": 236.9, "n_current": None,
    "total_act_power": 2884.1,
}  # fmt: skip
Z2M = {
    "current_a": 0.094, "current_b": 0.094, "current_c": 0.094, "energy": 12.75, "power": 33, "power_factor": 49,
    "produced_energy": 0.5, "voltage_a": 221.8, "voltage_b": 221.9, "voltage_c": 221.8, "linkquality": 156,
}  # fmt: skip
UPLINK = {"deduplicationId": "x", "time": "2026-11-23T02:02:06.7+00:00", "deviceInfo": {"devEui": "01"}, "fPort": 2}
ACREL = {"type": "data", "gwSN": "01", "meterSN": "01", "time": "20261123080030", "EPI": "1234.56", "P": "12.34"}
ACREL_TOPIC = "/gw/acrelHW/ADW300/data/01"


def is_answered() -> tuple[bool, str]:
    login = {"type": "login", "gwSN": "01", "time": "20261123080030"}
    found = outcome_of("acrel-adw300", login, topic=ACREL_TOPIC, address=ACREL_TOPIC, key="01")
    answers = [f"{one.topic} {one.payload!r}" for one in found.outgoing]
    return len(answers) == 1 and "/server/" in answers[0] and not found.refused, f"answered: {answers}"


def is_one_reading_of_two() -> tuple[bool, str]:
    payload = UPLINK | {"object": {"energy": 5.0}}
    found = outcome_of("chirpstack-object", payload, payload)
    stamps = {int(one) for one in found.batch.ts_us}
    return len(
        stamps
    ) == 1 and not found.refused, f"{len(found.batch)} rows of {len(stamps)} time, which the store has once"


def survives_strings() -> tuple[bool, str]:
    bad: list[object] = ["online", "10 kW", {"ts": "soon"}] * 500
    good = [{"ts": SOON_S - n, "energy_kwh": n} for n in range(100)]
    found = outcome_of("canonical", *bad, *good)
    return len(found.batch) == 100 and len(
        found.refused
    ) == 1500, f"{len(found.batch)} of 100, {len(found.refused)} refused"


def sparkplug(*messages: Message, key: str = "main") -> Sorted:
    of = meter(payload="sparkplug-b", topic="spBv1.0/BMA/edge-1/panel", key=key, rated_kw=100)
    return Sorter([of], PROFILES, max_ahead_s=300).sort(list(messages), now_us=RECEIVED_US + 10**6)


def history_is_whole() -> tuple[bool, str]:
    at_ms = int(SOON_S * 1000) - 100_000
    flush = [
        {"alias": 1, "double_value": 12_350.0 + n, "timestamp": at_ms + n, "is_historical": True} for n in range(10)
    ]
    found = sparkplug(nbirth(), dbirth(), ddata(2, *flush))
    stored = int((found.batch.ts_us >= at_ms * 1000).sum()) - int((found.batch.ts_us > (at_ms + 10) * 1000).sum())
    return stored == 10, f"{stored} of 10"


def template_is_read() -> tuple[bool, str]:
    member = {"name": "energy", "datatype": 10, "double_value": 7.5}
    udt = {"name": "Meter 1", "datatype": 19, "template_value": {"metrics": [member]}}
    found = sparkplug(nbirth(), message("DBIRTH", 1, udt), key="Meter 1")
    return values_of(found).get("energy_kwh") == 7.5, said(found)


def a_stranger_is_told() -> tuple[bool, str]:
    found = sparkplug(nbirth(), message("DBIRTH", 1, {"name": "Active Sum", "datatype": 10, "double_value": 1.0}))
    details = " ".join(one.detail for one in found.refused)
    return "Active Sum" in details, f"{said(found)}: {details[:80]}"


def energies_of(path: Path, column: str, **mapping: Any) -> tuple[list[float], str]:
    """Energy of each interval, kWh."""
    table = read_sheet(path, FileMapping(columns={column: MAIN.id}, **mapping), this_year=2026)
    kwh = table.series(column).energy_kwh.round(6).tolist()
    return kwh, f"{kwh} kWh, {len(table.refused)} refused"


def is_espi_scaled() -> tuple[bool, str]:
    with tempfile.TemporaryDirectory() as folder:
        readings = [espi.reading(n, 250) for n in range(3)]
        kwh, seen = energies_of(espi.write(Path(folder), *espi.whole(readings, powerOfTenMultiplier=1)), "01/01")
        return kwh == [2.5] * 3, seen


PEA = """Meter no.,0001,,
Site,Example,,
CH1,CH2,CH3,CH4
01-11-2026 00:00:00,OK,229.7 V,5.72 kW
01-11-2026 00:15:00,OK,229.7 V,6.76 kW
01-11-2026 00:30:00,OK,229.6 V,6.92 kW
01-11-2026 00:45:00,OK,229.7 V,5.28 kW
"""


def is_pea_read() -> tuple[bool, str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ve10.csv"
        path.write_text(PEA)
        kwh, seen = energies_of(path, "CH4", dates="dmy", stamps="start")
        return kwh == [1.43, 1.69, 1.73, 1.32], seen


CASES = [
    Case("arendst/Tasmota#17579", "a phase was set to zero: the total falls", lambda: counts(0.1, [436.9, 437.0, 430.0, 430.0, 430.0, 430.0, 430.0], reasons=("reset",))),
    Case("mr-manuel/venus-os_dbus-mqtt-grid#11", "one value a message", lambda: is_quiet("tasmota-sml", {"Time": "2026-11-23T08:00:00", "grid": {"L3": 63.0}})),
    Case("arendst/Tasmota#2656, #1773, #8142", "a clock that was never set: 1970", reads({"energy_kwh": 12.345}, "tasmota-sensor", {"Time": "1970-01-01T00:00:12", "ENERGY": {"Total": 12.345, "Power": 100}})),
    Case("ioBroker.shelly#787", "a reversed clamp: pf -1; n_current null", reads({"power_kw": 2.8841, "power_factor": -1.0}, "shelly-gen2-em", shelly(**{"em:0": EM}))),
    Case("ioBroker.shelly#787", "energy", reads({"energy_kwh": 175.0006}, "shelly-gen2-em", shelly(**{"emdata:0": {"id": 0, "total_act": 175_000.6, "total_act_ret": 0.0}}))),
    Case("ioBroker.shelly#787", "events and notices of the system", lambda: is_quiet("shelly-gen2-em", shelly(wifi={"rssi": -61}), {"src": "s", "method": "NotifyEvent", "params": {"ts": SOON_S, "events": []}})),
    Case("enesbcs/Shelly_MQTT#79", "Gen1: Wh, a number a topic", reads({"energy_kwh": 12.3456}, "shelly-gen1", b"12345.6", topic=f"{TOPIC}/total")),
    Case("home-assistant/frontend#28177", "off for a month, the same counter after it", lambda: counts(0.0, [1400.0, 1400.0], step_us=30 * 86_400 * 10**6)),
    Case("home-assistant/core#140300", "to 0 in 3 s, and on from there", lambda: counts(0.4 + 0.4, [10.0, 10.2, 10.4, 0.0, 0.2, 0.4, 0.4], reasons=("reset",))),
    Case("johanmeijer/grott#99", "a fall of one least digit", lambda: counts(0.3, [215.6, 215.7, 215.6, 215.7, 215.8, 215.9, 215.9])),
    Case("Koenkk/zigbee2mqtt#27990, home-assistant/core#114630", "zero, twice, then the old value", lambda: counts(1.0, [50.0, 50.5, 0.0, 0.0, 50.75, 51.0, 51.0], reasons=("off_track",))),
    Case("home-assistant/core#124167", "a Zigbee meter of three phases", reads({"energy_kwh": 12.75, "export_kwh": 0.5, "voltage_l1_v": 221.8, "current_l3_a": 0.094, "power_factor": 0.49}, "zigbee2mqtt-three-phase", Z2M)),
    Case("chirpstack/chirpstack#43", "a node without a codec, a frame of another layout", lambda: is_refused(Reason.NOT_DECODED, "chirpstack-binary", UPLINK | {"data": "AQEwAAAAAAAIdgAAAAO0+gAB4gg="})),
    Case("chirpstack/chirpstack#43", "an uplink of the MAC alone", lambda: is_quiet("chirpstack-object", {name: UPLINK[name] for name in ("deduplicationId", "time", "deviceInfo")})),
    Case("chirpstack/chirpstack#533", "the same uplink twice", is_one_reading_of_two),
    Case("UtilitechAS/amsreader-firmware#225", "t is 0 for ever", reads({"power_kw": 2.45}, "amsreader", {"id": "a", "up": 1, "t": 0, "data": {"P": 2450}})),
    Case("UtilitechAS/amsreader-firmware#741", "the register once an hour", reads({"energy_kwh": 25123.456, "power_kw": 1.4}, "amsreader", {"id": "a", "t": int(SOON_S), "data": {"P": 1400, "tPI": 25123.456}})),
    Case("wmbusmeters/wmbusmeters#957", "a telegram without the total", lambda: is_refused(Reason.NOT_DECODED, "wmbusmeters", {"media": "electricity", "meter": "c5isf", "timestamp": "2026-11-23T01:31:07Z"})),
    Case("Acrel ADW300 protocol", "data, numbers as text", reads({"energy_kwh": 1234.56, "power_kw": 12.34}, "acrel-adw300", ACREL, topic=ACREL_TOPIC, address=ACREL_TOPIC, key="01")),
    Case("Acrel ADW300 protocol", "the login, which expects an answer", is_answered),
    Case("Advantech WISE-4471 manual", "9999.9999: the channel is off", lambda: is_quiet("advantech-wise", {"t": "2026-11-23T01:26:37Z", "q": 192, "c": 1, "ai1": 9999.9999, "ai_st1": 0})),
    Case("influxdata/telegraf#13476, #13922, #14685", "texts where numbers belong, among good readings", survives_strings),
    Case("Cirrus Link, MQTT History; node-red-contrib-mqtt-sparkplug-plus#61", "a flush of ten values 1 ms apart", history_is_whole),
    Case("Ignition UDTs", "a member of a template, a name with a space", template_is_read),
    Case("Ignition UDTs", "names that fit no meter", a_stranger_is_told),
    Case("rhounsell/home-assistant-green-button#6", "ESPI with powerOfTenMultiplier", is_espi_scaled),
    Case("PEA's VE.10, public source", "heads, units in cells, dd-mm-yyyy", is_pea_read),
]  # fmt: skip


def main() -> None:
    right = 0
    for case in CASES:
        is_right, seen = case.outcome()
        right += is_right
        print(f"{'right' if is_right else 'WRONG'}  {case.source}: {case.happened}: {seen}")
    print(f"{len(CASES)} cases: {right} right")


if __name__ == "__main__":
    main()
