"""What devices and files of public reports do, case by case, and whether it is dealt with rightly: `python -m tests.fieldcases`.

Forms are those of the reports; names and numbers are ours. Two tables: the reports by which the product was once measured, with the
inputs that came with them (24 of its 34 numbers are described anywhere; some are several rows here), and reports that were
searched for later. A case that a test of its own holds names that test, which is run here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bkkenergy.errors import InputError
from bkkenergy.ingest.sheets import FileMapping, read_sheet
from bkkenergy.ingest.sort import Sorted, Sorter
from bkkenergy.metering.spans import SpanReason
from bkkenergy.metering.vee import validate
from bkkenergy.payloads.message import Message, Reason
from bkkenergy.readings import Quality, ReadingBatch
from tests.builders import DAY_US, QUARTER_US, meter
from tests.conftest import ROOT
from tests.furthercases import FURTHER, Further
from tests.unit.ingest import test_green_button as espi
from tests.unit.ingest import test_nem12 as nem
from tests.unit.payloads.test_payloads import PROFILES, RECEIVED_US
from tests.unit.payloads.test_sparkplug import dbirth, ddata, message, nbirth

TOPIC = "site/meter"
SOON_S = RECEIVED_US / 1e6 - 60
MAIN = meter(rated_kw=100)


@dataclass(frozen=True)
class Case:
    """One report. outcome : whether what came out is what the reading's owner would call right, and that as text."""

    source: str
    happened: str
    outcome: Callable[[], tuple[bool, str]]
    test: str = ""
    """The test that holds it; the outcome is then its own."""


def held_by(source: str, happened: str, test: str) -> Case:
    """A case that a test of its own holds."""

    def outcome() -> tuple[bool, str]:
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", test], check=False, cwd=ROOT, capture_output=True, text=True
        )
        return ran.returncode == 0, f"{test}: {ran.stdout.strip().splitlines()[-1]}"

    return Case(source, happened, outcome, test)


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


def energies_of(path: Path, column: str, channel: str = "import", **mapping: Any) -> tuple[list[float], str]:
    """Energy of each interval, kWh."""
    table = read_sheet(path, FileMapping(columns={column: f"{MAIN.id}:{channel}"}, **mapping), this_year=2026)
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


def is_sheet_read(
    text: str, column: str, expected: list[float | None], refused: int = 0, **mapping: Any
) -> tuple[bool, str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.csv"
        path.write_bytes(text.encode(mapping.pop("encoding", "utf-8")))
        table = read_sheet(path, FileMapping(columns={column: MAIN.id}, **mapping), this_year=2026)
        series = table.series(column)
        kwh = [round(one, 6) if np.isfinite(one) else None for one in series.energy_kwh]
        days = {str(one)[:4] for one in series.start_us.astype("datetime64[us]")}
        return (kwh, len(table.refused), days) == (
            expected,
            refused,
            {"2026"},
        ), f"{kwh} kWh, {len(table.refused)} refused, of {sorted(days)}"


def is_sheet_refused(text: str, column: str, words: str, **mapping: Any) -> tuple[bool, str]:
    try:
        is_read, seen = is_sheet_read(text, column, [], **mapping)
    except InputError as error:
        return words in str(error), str(error)
    return is_read, seen


def nem12(*records: str) -> str:
    return "\r\n".join([*records, "900", ""])


def is_nem12_read(text: str, expected: list[float], refused: int = 0) -> tuple[bool, str]:
    return is_sheet_read(text, "NEM1201009 E1", expected, refused)


def espi_kwh(column: str, *entries: str, channel: str = "import") -> tuple[list[float], str]:
    with tempfile.TemporaryDirectory() as folder:
        return energies_of(espi.write(Path(folder), *entries), column, channel)


def is_each_direction_a_series() -> tuple[bool, str]:
    whole = [
        espi.usage_point(), espi.reading_type("07"), espi.reading_type("08", flowDirection=19),
        espi.meter_reading(), espi.meter_reading(number="02", kind="08"),
        espi.block([espi.reading(n, 250) for n in range(3)]), espi.block([espi.reading(n, 50) for n in range(3)], number="02"),
    ]  # fmt: skip
    drawn, delivered = (
        espi_kwh(column, *whole, channel=channel)[0] for column, channel in (("01/01", "import"), ("01/02", "export"))
    )
    return (drawn, delivered) == (
        [0.25] * 3,
        [0.05] * 3,
    ), f"drawn {drawn}, delivered {delivered} kWh: never their difference"


def is_gas_no_electricity() -> tuple[bool, str]:
    """Enbridge: commodity 7, cubic metres, a month a block."""
    whole = [
        espi.usage_point(), espi.reading_type(commodity=7, uom=42, powerOfTenMultiplier=-3), espi.meter_reading(),
        espi.block([espi.reading(0, 250, duration=30 * 86_400)]),
    ]  # fmt: skip
    try:
        kwh, seen = espi_kwh("01/01", *whole)
    except InputError as error:
        return True, f"refused: {error}"
    return kwh == [], seen


def a_lost_birth_is_asked_for() -> tuple[bool, str]:
    of = sparkplug(ddata(5, {"alias": 1, "double_value": 12_346.0}))
    asked = [one.topic for one in of.outgoing]
    return asked == ["spBv1.0/BMA/NCMD/edge-1"] and len(of.batch) == 0, f"{said(of)}; asked: {asked}"


def a_birth_is_a_reading() -> tuple[bool, str]:
    of = sparkplug(nbirth(), dbirth())
    return values_of(of).get("energy_kwh") == 12_345.5, said(of)


def a_dead_node_is_reborn() -> tuple[bool, str]:
    """A will of the session before, which the broker sends late, ends no present birth."""
    late = message("NDEATH", None, {"name": "bdSeq", "datatype": 4, "long_value": 3}, device="")
    born = message("NBIRTH", 0, {"name": "bdSeq", "datatype": 4, "long_value": 4}, device="")
    of = sparkplug(born, dbirth(), late, ddata(2, {"alias": 1, "double_value": 12_346.0}))
    return len(of.batch) == 2, said(of)


THAI = """การไฟฟ้านครหลวง,,
รหัสเครื่องวัด,00000001,
วันที่,เวลา,kW
01/11/2569,23:30,"1,584.40"
01/11/2569,23:45,"1,682.40"
01/11/2569,24:00,"1,600.00"
"""
UP_FIVE = "0.1," * 47 + "0.1"
SERIES = nem.SERIES

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
    held_by("emqx/emqx#12257, #11865, eclipse-mosquitto/mosquitto#2662", "a member of a shared subscription is killed", "tests/integration/test_faults.py::test_two_ingesters_share_and_one_is_killed"),
    held_by("patrickvorgers/Home-Assistant-Import-Energy-Data#164, klausj1/homeassistant-statistics#106", "a file over a live month, undone", "tests/integration/test_imports_cli.py::test_a_live_month_is_previewed_refused_filled_and_undone"),
    held_by("klausj1/homeassistant-statistics#62", "the file of the next month", "tests/integration/test_imports_cli.py::test_a_mapping_reads_the_file_of_the_next_month_and_refused_rows_stop_it"),
    Case("USR-M100 manual", "numbers in quotes, null as text", reads({"energy_kwh": 12345.67, "reactive_kvarh": 321.5}, "usr-gateway", {"time": "2026-11-23 08:00:00", "kwh": "12345.67", "kw": "null", "kvarh": "321.5"})),
    Case("The Things Stack, data formats", "an uplink with decoded values", reads({"energy_kwh": 29.9, "power_kw": 0.296}, "things-stack-v3", {"end_device_ids": {"device_id": "m"}, "received_at": "2026-11-23T01:42:11.412Z", "uplink_message": {"f_port": 2, "frm_payload": "ASsBKAAA", "decoded_payload": {"energy_kwh": 29.9, "power_w": 296}}}, key="m")),
    Case("evcc-io/evcc, MQTT", "a number a topic, no time", reads({"power_kw": -3.12}, "evcc-grid", b"-3120", topic="evcc/site/grid/power", address="evcc/site/grid")),
    Case("evcc-io/evcc, MQTT", "an empty payload deletes the value", lambda: is_quiet("evcc-grid", b"")),
    Case("volkszaehler/mbmd", "a measurement a topic", reads({"voltage_l1_v": 231.2}, "mbmd", b"231.200", topic="mbmd/sdm1-1/Voltage/L1", address="mbmd/sdm1-1")),
    Case("MEA's AMR sheet, supplied", "TIS-620, 2569, 24:00, thousands", lambda: is_sheet_read(THAI, "kW", [396.1, 420.6, 400.0], encoding="tis-620")),
    Case("a list of hours, supplied", "Buddhist era in ISO form", lambda: is_sheet_read("time,kw\n2569-11-01 00:00,4\n2569-11-01 00:15,8\n2569-11-01 00:30,4\n", "kw", [1.0, 2.0, 1.0], values="mean-power", stamps="start")),
    Case("a list of hours, supplied", "dd/mm/yyyy", lambda: is_sheet_read("time,kw\n13/11/2026 00:00,4\n13/11/2026 00:15,8\n13/11/2026 00:30,4\n", "kw", [1.0, 2.0, 1.0], values="mean-power", stamps="start")),
    Case("a list of hours, supplied", "the newest first", lambda: is_sheet_read("time,kwh\n2026-11-01 02:00,3\n2026-11-01 01:00,2\n2026-11-01 00:00,1\n", "kwh", [1.0, 2.0, 3.0], values="energy", stamps="start")),
    Case("a list of hours, supplied", "a doubled hour", lambda: is_sheet_read("time,kwh\n2026-11-01 00:00,1\n2026-11-01 01:00,2\n2026-11-01 01:00,2\n2026-11-01 02:00,3\n", "kwh", [1.0, 2.0, 3.0], 1, values="energy", stamps="start")),
    Case("a list of hours, supplied", "a doubled hour that differs", lambda: is_sheet_read("time,kwh\n2026-11-01 00:00,1\n2026-11-01 01:00,2\n2026-11-01 01:00,5\n2026-11-01 02:00,3\n", "kwh", [1.0, 3.0], 2, values="energy", stamps="start")),
    Case("a list of hours, supplied", "N/A among values", lambda: is_sheet_read("time,kwh\n2026-11-01 00:00,1\n2026-11-01 01:00,N/A\n2026-11-01 02:00,3\n", "kwh", [1.0, None, 3.0], values="energy", stamps="start")),
]  # fmt: skip
"""The table by which the product was measured (what its supplied inputs show, too)."""


def further(one: Further) -> Case:
    """A case of a further search."""

    def outcome() -> tuple[bool, str]:
        found = outcome_of(one.profile, one.payload, **one.given)
        reasons = [refused.reason for refused in found.refused]
        if isinstance(one.becomes, dict):
            values = values_of(found)
            is_right = not reasons and all(values.get(name) == value for name, value in one.becomes.items())
        else:
            is_right = len(found.batch) == 0 and reasons == ([] if one.becomes is None else [one.becomes])
        return is_right, said(found)

    return Case(f"github.com/{one.report}", one.happened, outcome)


SHEETS = "tests/unit/ingest/test_misleading_sheets.py::"
PUBLIC = "tests/unit/payloads/test_public_cases.py::"
SEARCHED = [
    Case("github.com/aguinane/nem-reader/issues/16", "NEM12 without its 100 row, of a portal", lambda: is_nem12_read(nem12(SERIES, nem.day([0.5] * 48)), [0.5] * 48)),
    Case("github.com/aguinane/nem-reader/pull/48", "NEM12 without the column of the load time", lambda: is_nem12_read(nem12(nem.HEAD, SERIES, f"300,20261101,{UP_FIVE},A,,,20261102010000"), [0.1] * 48)),
    Case("github.com/aguinane/nem-reader/pull/40", "NEM12 of half an hour with a day of five minutes", lambda: is_sheet_refused(nem12(nem.HEAD, SERIES, nem.day([0.1] * 288)), "NEM1201009 E1", "48 values")),
    Case("github.com/aguinane/nem-reader/pull/21", "NEM12 with readings missing at the end of a day", lambda: is_sheet_refused(nem12(nem.HEAD, SERIES, nem.day([0.1] * 40)), "NEM1201009 E1", "48 values")),
    Case("github.com/impactlab/eemeter/pull/126", "Green Button, both directions of flow", is_each_direction_a_series),
    Case("github.com/rhounsell/home-assistant-green-button/issues/13", "Green Button of gas, by months", is_gas_no_electricity),
    Case("github.com/united-manufacturing-hub/benthos-umh/pull/345", "aliases after a restart, no birth", a_lost_birth_is_asked_for),
    Case("github.com/united-manufacturing-hub/benthos-umh/pull/377", "a value that stands in the birth alone", a_birth_is_a_reading),
    Case("Eclipse Sparkplug 3.0.0, 6.4.25; github.com/SeppPenner/SparkplugNet/issues/82", "a late death of the session before", a_dead_node_is_reborn),
    Case("github.com/esplesekopf/esplesekopf/issues/6", "Tasmota: an empty name before the values", reads({"energy_kwh": 81.5}, "tasmota-sml", {"Time": "2026-11-23T08:00:00", "": {"Total_in": 81.5, "Total_out": 0.0}})),
    Case("github.com/arendst/Tasmota/issues/20459", "Tasmota: Total in whole kWh, no load", reads({"energy_kwh": 1066.0, "power_kw": 0.0, "voltage_l1_v": 227.7}, "tasmota-sensor", {"Time": "2026-11-23T08:00:00", "ENERGY": {"TotalStartTime": "2024-01-14T18:02:42", "Total": 1066.0, "Power": 0.0, "Factor": 0.0, "Voltage": 227.7, "Current": 0.0}})),
    Case("github.com/wmbusmeters/wmbusmeters/issues/570", "a heat meter's kWh are no electricity", lambda: is_quiet("wmbusmeters", {"media": "heat", "meter": "multical302", "id": "67963596", "total_energy_consumption_kwh": 16572.2, "timestamp": "2026-11-23T01:00:00Z"})),
    Case("github.com/dsmrreader/dsmr-reader/issues/728", "a telegram of the meter in three pieces of text", lambda: is_refused(Reason.NOT_DECODED, "canonical", {"SerialReceived": "1-0:1.8.1(007881.115*kWh)"})),
    *(held_by(f"github.com/{repository}", happened, f"{PUBLIC}{test}") for repository, happened, test in (
        ("iobroker-community-adapters/ioBroker.shelly/issues/1592", "a notice without the id", "test_what_a_report_shows_is_read[iobroker_shelly_1592_no_id_in_the_notice]"),
        ("StyraHem/pyShelly/issues/78", "a meter without a switch", "test_what_a_report_shows_is_read[pyshelly_78_a_meter_without_a_switch]"),
        ("Koenkk/zigbee2mqtt/issues/13329", "no value as a power", "test_what_a_report_shows_is_read[zigbee2mqtt_13329_no_value_as_a_power]"),
        ("NicolasBernaerts/tasmota/issues/22", "one total, three phases", "test_what_a_report_shows_is_read[nicolasbernaerts_tasmota_22_one_total_three_phases]"),
        ("Koenkk/zigbee2mqtt/issues/18603", "a negative power unsigned", "test_a_power_that_the_meter_cannot_have_is_not_stored[zigbee2mqtt_18603_a_negative_power_unsigned]"),
        ("Koenkk/zigbee2mqtt/issues/29057", "a counter below nothing", "test_a_counter_below_nothing_is_not_stored"),
    )),
    *map(further, FURTHER),
    *(held_by(f"github.com/{repository}", happened, f"{SHEETS}{test}") for repository, happened, test in (
        ("Rello/analytics/issues/357", "0.606 became 606", "test_three_decimals_among_others_are_no_thousands"),
        ("tomhollander/PowerwallCompanion/issues/32", "a comma divides cells and fractions", "test_a_comma_that_divides_fractions_and_cells_is_refused"),
        ("FlexMeasures/flexmeasures/pull/141", "other marks between thousands", "test_a_number_is_read_as_it_is_written_or_not_at_all"),
        ("home-assistant/core/issues/140132", "several meters of an account in one file", "test_rows_of_several_meters_or_registers_ask_whose_count"),
        ("patrickvorgers/Home-Assistant-Import-Energy-Data/issues/53", "a workbook that a person opened and saved", "test_days_and_months_that_a_spreadsheet_turned_round_are_refused"),
    )),
    Case("github.com/Koenkk/zigbee2mqtt/issues/25005", "a total a thousand times too large, once", lambda: counts(1.0, [50.0, 50.5, 50_500.0, 50.75, 51.0, 51.0], reasons=("off_track",))),
    Case("github.com/mandulaj/PZEM-004T-v30/issues/47", "a counter that begins again by itself", lambda: counts(0.4, [9999.6, 9999.8, 0.0, 0.2, 0.2], reasons=("reset",))),
]  # fmt: skip
"""Reports that were searched for later, none of them in the table."""


def shown(title: str, cases: list[Case]) -> int:
    """Print the outcome of each. Return how many are wrong."""
    right = 0
    for case in cases:
        is_right, seen = case.outcome()
        right += is_right
        print(f"{'right' if is_right else 'WRONG'}  {case.source}: {case.happened}: {seen}", flush=True)
    print(f"{title}: {right} of {len(cases)} right")
    return len(cases) - right


def main() -> None:
    wrong = shown("table", CASES) + shown("searched", SEARCHED)
    raise SystemExit(int(wrong > 0))


if __name__ == "__main__":
    main()
