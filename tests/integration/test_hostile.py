"""Every hostile message that we know goes through a live ingester, and the next good reading is stored."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bkkenergy.ingest.batching import TICK_S
from bkkenergy.ingest.inhand import InHand
from bkkenergy.payloads.decode.sparkplug_proto import Payload
from bkkenergy.payloads.message import Message
from bkkenergy.portfolio import Meter, Portfolio
from bkkenergy.settings import StoreSettings, load_settings
from bkkenergy.site.folder import in_hand_file
from bkkenergy.site.open import open_store
from tests.conftest import CONFIG_PARTS, ROOT
from tests.integration.conftest import dealt_with, ingesting, publish, quarantined, reading, stored, wait_until
from tests.servers import mosquitto, started
from tests.unit.payloads.test_payloads import SAMPLES

pytestmark = pytest.mark.broker

TS = 1_763_900_000
FUTURE = 4_000_000_000
GOOD_TOPIC, GOOD_METER = "bma/health/centre-1/main/readings", "health.centre-1.main"
SUPPLIED = Path(os.environ.get("BKKENERGY_CASES", ROOT.parent / "shared/cases/ingest"))
"""Payloads of public cases, which are not ours to commit."""
SUFFIX_OF = {"esphome-energy": "/state", "esphome-power": "/state", "victron-grid": "/Ac/Power",
    "plain-number": "/energy", "mbmd": "/Import", "evcc-grid": "/energy", "home-assistant-statestream": "/state",
    "home-assistant-statestream-power": "/state", "shelly-gen1": "/total", "opendtu": "/yieldtotal",
    "deye-inverter-mqtt": "/total_energy",
}  # fmt: skip
"""Families that send each quantity to a topic of its own."""
ADDRESS_OF = {"sparkplug-b": "spBv1.0/BMA/edge-1/panel", "plain-number": "gw/plain-number"}

KEY_OF = {"kepware": "Channel1.Meter1", "shelly-gen2-em1": "0", "shelly-gen2-switch": "0"}
"""Profiles that list the meters which one topic carries."""


def one_of_each(portfolio: Portfolio, profiles: list[str]) -> Portfolio:
    """The shipped portfolio with a meter more for each profile, on a topic of its own."""
    building = portfolio.buildings["health.centre-1"]
    meters = tuple(
        Meter(
            id=f"{building.id}.{profile}", building=building.id, payload=profile, rated_kw=100,
            topic=ADDRESS_OF.get(profile, f"gw/{profile}"), key=KEY_OF.get(profile, ""),
        )
        for profile in profiles
    )  # fmt: skip
    wider = building.model_copy(update={"meters": (*building.meters, *meters)})
    return portfolio.model_copy(update={"buildings": portfolio.buildings | {building.id: wider}})


def sparkplug(count: int = 1, **given) -> bytes:
    payload = Payload(timestamp=TS * 1000, seq=0)
    for number in range(count):
        payload.metrics.add(**({"name": f"m{number}/energy", "datatype": 10, "double_value": 1.0} | given))
    return payload.SerializeToString()


def templates(depth: int) -> bytes:
    """Templates within templates."""
    payload = Payload(timestamp=TS * 1000, seq=0)
    metric = payload.metrics.add(name="energy")
    for _ in range(depth):
        metric = metric.template_value.metrics.add(name="energy")
    metric.double_value = 1.0
    return payload.SerializeToString()


def json_pills() -> list[bytes]:
    """Nested, repeated and multiplied JSON, for any profile that reads it."""
    deep = [opening * times for opening in (b"[", b'{"a":', b'[{"ts":') for times in (900, 1_000, 3_000, 100_000)]
    closed = [b"[" * 3_000 + b"]" * 3_000, b'{"ts":1,"voltage_v":' + b"[" * 1_500 + b"]" * 1_500 + b"}"]
    huge = [
        b'{"ts":' + b"9" * 5_000 + b"}",
        b'{"ts":1e308,"energy_kwh":1e308}',
        b"-" * 10_000,
        b'"' + b"\\u0000" * 50_000 + b'"',
    ]
    values = {
        "future": [{"ts": FUTURE + n, "energy_kwh": 1} for n in range(10_000)],
        "half good": [{"ts": TS + n, "energy_kwh": n if n % 2 else "x"} for n in range(10_000)],
        "too many": [{"ts": TS, "energy_kwh": 1}] * 20_000,
        "text": {"Time": "2026-11-26T08:00:00", "ENERGY": {"Total": ["x" * 1_000_000]}},
        "zeros": {"timestamp": TS, "devices": [0] * 9_000},
        "keys": {"timestamp": TS, "pad": "z" * 800_000, "devices": [{"addr": n + 7, "kwh_import": 1} for n in range(9_000)]},
        "unset": {"ts": 0, "energy_kwh": 1}, "year 10000": {"ts": 10**15, "energy_kwh": 1},
        "surrogate": {"ts": TS, "energy_kwh": "\ud800"},
    }  # fmt: skip
    return [*deep, *closed, *huge, *(json.dumps(value).encode() for value in values.values())]


def hostile_messages(profiles: list[str]) -> list[tuple[str, bytes]]:
    found = []
    for profile in profiles:
        topic = ADDRESS_OF.get(profile, f"gw/{profile}")
        if profile == "sparkplug-b":
            continue
        topic += SUFFIX_OF.get(profile, "")
        found += [(topic, pill) for pill in json_pills()]
        found += [(topic, b"m2,26/11/2026 08:00:00,1,1\n" * 10_000 + bytes([number])) for number in range(2)]
        own = [sample["payload"].encode() for sample in SAMPLES if sample["profile"] == profile]
        found += [(topic, sample * times) for sample in own for times in (2, 200)]
        found += [(topic, bytes(range(256)) * 400), (topic, b"\x00"), (topic, b"")]
    births = [
        sparkplug(10_000), sparkplug(3_000, alias=5, name=""), sparkplug(500, name="m/" * 400, template_value={"metrics": [{"name": "energy", "double_value": 1.0}] * 100}),
        sparkplug(50, dataset_value={"columns": ["energy"], "rows": [{"elements": [{"double_value": 1.0}]}] * 5_000}),
        templates(90), Payload(uuid="SPBV1.0_COMPRESSED", body=gzip.compress(b"\x12\x00" * 990_000)).SerializeToString(),
        b"\x12\x00" * 990_000, Payload(uuid="SPBV1.0_COMPRESSED", body=gzip.compress(sparkplug(60_000))).SerializeToString(),
        sparkplug(40_000, name="energy", alias=1), sparkplug(1, datatype=31, bytes_value=b"\x00" * 1_600_000, name="energy"),
        sparkplug(1, long_value=2**64 - 1), sparkplug(1, timestamp=2**64 - 1), sparkplug(1, name="/" * 50_000),
        b"\x0a" * 100_000, Payload(uuid="SPBV1.0_COMPRESSED", body=gzip.compress(b"\x00" * 10**7)).SerializeToString(),
        Payload(body=b"[" * 10_000).SerializeToString(),
    ]  # fmt: skip
    found += [(f"spBv1.0/BMA/{kind}/edge-1/panel", birth) for kind in ("DBIRTH", "DDATA") for birth in births]
    found += [(f"spBv1.0/BMA/NDEATH/{node}", b"[" * 1_000) for node in ("edge-1",)]
    return found


def all_profiles() -> list[str]:
    return sorted({sample["profile"] for sample in SAMPLES} | {"canonical", "sparkplug-b"})


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_after_each_hostile_message_the_next_good_reading_is_stored(settings, portfolio, broker):
    outgoing = hostile_messages(all_profiles())
    assert len(outgoing) > 300
    mixed = []
    for number, message in enumerate(outgoing):
        mixed += [message, (GOOD_TOPIC, reading(TS + number, energy_kwh=number))]
    with ingesting(settings, one_of_each(portfolio, all_profiles())) as ingester:
        publish(broker.port, mixed)
        wait_until(lambda: dealt_with(ingester) >= sum(bool(payload) for _, payload in mixed), within_s=400)
        wait_until(lambda: len(stored(settings, GOOD_METER).ts_us) == len(outgoing))  # a message may count twice
        assert ingester.state().is_alive()
    assert stored(settings, GOOD_METER).column("energy_kwh").tolist() == [float(n) for n in range(len(outgoing))]
    kept = quarantined(settings)
    sent = {(topic, payload) for topic, payload in outgoing}
    assert len(kept) <= len(sent), "one row a message"
    assert max(len(item.detail) for item in kept) < 1_100


@pytest.mark.skipif(not SUPPLIED.is_dir(), reason="the cases lie beside the repository where they are supplied")
def test_after_each_supplied_case_the_next_good_reading_is_stored(settings, portfolio, broker):
    profiles = all_profiles()
    files = sorted(path for folder in ("mqtt", "sparkplug") for path in (SUPPLIED / folder).iterdir())
    assert files
    outgoing = [("spBv1.0/BMA/DDATA/edge-1/panel", path.read_bytes()) for path in files if path.suffix == ".bin"]
    outgoing += [("spBv1.0/BMA/DBIRTH/edge-1/panel", path.read_bytes()) for path in files if path.suffix == ".bin"]
    topics = [f"gw/{profile}{SUFFIX_OF.get(profile, '')}" for profile in profiles if profile not in ADDRESS_OF]
    outgoing += [(topic, path.read_bytes()) for path in files if path.suffix == ".json" for topic in topics]
    mixed = []
    for number, message in enumerate(outgoing):
        mixed += [message, (GOOD_TOPIC, reading(TS + number, energy_kwh=number))]
    with ingesting(settings, one_of_each(portfolio, profiles)) as ingester:
        publish(broker.port, mixed)
        wait_until(lambda: dealt_with(ingester) >= sum(bool(payload) for _, payload in mixed), within_s=120)
    assert stored(settings, GOOD_METER).column("energy_kwh").tolist() == [float(n) for n in range(len(outgoing))]


DEADLY = """
import os, signal, sys
from pathlib import Path
from bkkenergy.cli.context import set_up_logging
from bkkenergy.site import load_configuration
from bkkenergy.ingest.service import Ingester

class Deadly:
    def __init__(self, under):
        self.under = under
    def decode(self, messages):
        if any(message.payload == b"pill" for message in messages):
            os.kill(os.getpid(), signal.SIGKILL)
        return self.under.decode(messages)

set_up_logging("error", "text")
site = load_configuration(Path(sys.argv[1]))
ingester = Ingester(site.settings, site.portfolio, site.profiles)
ingester._sorter.decoders["canonical"] = Deadly(ingester._sorter.decoders["canonical"])
signal.signal(signal.SIGTERM, lambda *_: ingester.stop())
ingester.run()
"""


def crashes_until_it_lives(command: list[str], is_done) -> int:
    """How often the process was killed before it did its work."""
    for crashes in range(8):
        process = subprocess.Popen(command, cwd=ROOT)
        try:
            wait_until(lambda process=process: process.poll() is not None or is_done(), within_s=40)
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(20)
        if process.returncode == 0:
            return crashes
        assert process.returncode == -signal.SIGKILL
    pytest.fail("it dies for ever")


@pytest.mark.parametrize(
    ("around", "crashes"), [pytest.param(0, 2, id="alone"), pytest.param(200, 3, id="among_others")]
)
def test_a_message_that_kills_the_process_is_set_aside_undecoded_and_no_other(tmp_path, config_dir, around, crashes):
    with started(mosquitto(tmp_path / "mqtt")) as broker:
        site = tmp_path / "site/config"
        site.mkdir(parents=True)
        for name in CONFIG_PARTS:
            (site / name).symlink_to(config_dir / name)
        (site / "bkkenergy.toml").write_text(
            f"[mqtt]\nport = {broker.port}\nreconnect_max_s = 1\n[observe]\nport = 0\n"
        )
        store_settings = StoreSettings(path=site.parent / "var/bkkenergy.sqlite")
        store = open_store(store_settings)

        def count() -> int:
            return len(store.readings([GOOD_METER], 0, 2**52, ("energy_kwh",)))

        command = [sys.executable, "-c", DEADLY, str(site)]
        first = (GOOD_TOPIC, reading(TS, energy_kwh=0))
        assert crashes_until_it_lives(command, lambda: publish(broker.port, [first]) or count() == 1) == 0
        before = [(GOOD_TOPIC, reading(TS + 1 + n, energy_kwh=1 + n)) for n in range(around)]
        after = [(GOOD_TOPIC, reading(TS + 1000 + n, energy_kwh=1000 + n)) for n in range(around)]
        publish(broker.port, [*before, (GOOD_TOPIC, b"pill"), *after])
        died = 0
        if not around:  # nothing else is there: the last good reading comes when the pill is dealt with
            process = subprocess.Popen(command, cwd=ROOT)
            died = int(process.wait(30) == -signal.SIGKILL)
            publish(broker.port, [(GOOD_TOPIC, reading(TS + 1000, energy_kwh=1000))])
        wanted = 2 * around + 1 if around else 2
        times = died + crashes_until_it_lives(command, lambda: count() == wanted)
        assert times in {crashes, crashes + 1}, "once more where the next message came in one batch with it"
        store.close()
    (kept,) = quarantined(load_settings(site))
    assert (kept.payload, kept.reason) == (b"pill", "stopped_the_service")


def test_after_a_crash_the_service_lives_on_though_what_was_in_hand_does_not_come_again(settings, portfolio, broker):
    """Acknowledged, or of a session that has ended: the broker sends nothing, and the service waits."""
    settings.store.path.parent.mkdir(parents=True, exist_ok=True)
    InHand(in_hand_file(settings)).take([Message(GOOD_TOPIC, reading(TS, energy_kwh=1))])  # and dies
    with ingesting(settings, portfolio) as ingester:
        time.sleep(3 * TICK_S)  # turns without a message
        publish(broker.port, [(GOOD_TOPIC, reading(TS + 1, energy_kwh=2))])
        wait_until(lambda: dealt_with(ingester) == 1)
    assert stored(settings, GOOD_METER).column("energy_kwh").tolist() == [2]
