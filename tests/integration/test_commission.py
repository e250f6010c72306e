"""What whoever commissions and runs the ingester sees: decode, listen, meters, doctor, /metrics, access rules."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import tomllib
import urllib.error
import urllib.request

import numpy as np
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from pydantic import SecretStr

from bkkenergy.demo.gateways import payload
from bkkenergy.ingest.observe import notify_systemd
from bkkenergy.payloads.message import Reason
from bkkenergy.readings import US_PER_S
from bkkenergy.settings import ObserveSettings
from tests.conftest import ROOT
from tests.integration.conftest import dealt_with, ingesting, publish, quarantined, reading, stored, wait_until
from tests.integration.test_cli import run
from tests.integration.test_delivery import updated
from tests.integration.test_faults import site_of
from tests.servers import free_port, mosquitto, started

pytestmark = pytest.mark.broker

METER = "health.centre-1.main"
TOPIC = "bma/health/centre-1/main/readings"


def now() -> int:
    return int(time.time())


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_metrics_and_health_tell_what_is_so(settings, portfolio, tmp_path):
    broker = mosquitto(tmp_path / "mqtt").start()
    try:
        port = free_port()
        watched = updated(settings, "mqtt", port=broker.port)
        watched = watched.model_copy(update={"observe": ObserveSettings(port=port)})
        base = f"http://127.0.0.1:{port}"
        with ingesting(watched, portfolio) as ingester:
            publish(broker.port, [(TOPIC, reading(now())), (TOPIC, b"{broken"), (TOPIC, reading(now(), power_kw=1e9))])
            wait_until(lambda: dealt_with(ingester) >= 3)
            _, text = get(f"{base}/metrics")
            values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
            assert float(values["bkkenergy_messages_received_total"]) == 3
            assert float(values["bkkenergy_readings_accepted_total"]) == 1
            assert float(values['bkkenergy_refused_total{reason="not_decoded"}']) == 1
            assert float(values['bkkenergy_refused_total{reason="power_out_of_range"}']) == 1
            assert abs(float(values['bkkenergy_gateway_lag_seconds{gateway="health.centre-1"}'])) < 30
            assert float(values["bkkenergy_mqtt_connected"]) == 1
            assert get(f"{base}/healthz")[0] == 200
            code, body = get(f"{base}/readyz")
            assert (code, json.loads(body)["connected"]) == (200, True)
            broker.stop()
            wait_until(lambda: get(f"{base}/readyz")[0] == 503)
            assert get(f"{base}/healthz")[0] == 200, "no reason to be restarted"
            broker.start()
            wait_until(lambda: get(f"{base}/readyz")[0] == 200)
            assert get(f"{base}/other")[0] == 404
    finally:
        broker.stop()


def test_systemds_watchdog_is_fed(settings, portfolio, tmp_path, monkeypatch):
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        with ingesting(settings, portfolio):
            assert listener.recv(100) == b"READY=1\nWATCHDOG=1"
            assert listener.recv(100) == b"READY=1\nWATCHDOG=1"
        monkeypatch.delenv("NOTIFY_SOCKET")
    notify_systemd("READY=1")  # nobody listens, nothing happens


def test_events_of_registers_and_clocks_of_gateways_are_noted(settings, portfolio, broker, tmp_path, config_dir):
    with ingesting(settings, portfolio) as ingester:
        publish(broker.port, [(TOPIC, reading(now() - 900, energy_kwh=500)), (TOPIC, reading(now(), energy_kwh=3))])
        wait_until(lambda: dealt_with(ingester) >= 2)
    with ingesting(settings, portfolio) as ingester:
        publish(broker.port, [(TOPIC, reading(now() + 60, energy_kwh=1))])
        wait_until(lambda: dealt_with(ingester) >= 1)
    site = site_of(
        tmp_path, config_dir, f'[store]\npath = "{settings.store.path}"\n[state]\npath = "{settings.state.path}"\n'
    )
    statuses = json.loads(run("meters", "status", "health", "--json", "--config", site))
    (own,) = [status for status in statuses if status["meter_id"] == METER]
    assert [(event["kind"], event["before_kwh"]) for event in own["events"]] == [
        ("register_fell", 3),
        ("register_fell", 500),
    ]
    assert -70 < own["skew_s"] < 30
    assert own["last_seen"] is not None
    table = run("meters", "status", "health", "--config", site)
    assert "register_fell" in table
    assert "never" in table
    assert "agency 'x' is not in the portfolio" in run("meters", "status", "x", "--config", site, code=2)


def test_unknown_meters_come_as_toml_that_makes_them_known(settings, portfolio, broker, tmp_path, config_dir):
    body = payload(np.array([now()]) * US_PER_S, {"energy_kwh": np.array([5.0])})
    with ingesting(settings, portfolio) as ingester:
        publish(broker.port, [("bma/health/centre-1/solar/readings", body), ("bma/x/y/z/readings", body)])
        wait_until(lambda: dealt_with(ingester) >= 2)
    site = site_of(
        tmp_path, config_dir, f'[store]\npath = "{settings.store.path}"\n[state]\npath = "{settings.state.path}"\n'
    )
    output = run("meters", "unknown", "--config", site)
    assert "[[building.meters]]" in output
    assert "health.centre-1" in output
    assert "does not have yet" in output
    block = output.split("# bma/x")[0]
    (site / "portfolio").unlink()
    (site / "portfolio").mkdir()
    for path in (config_dir / "portfolio").rglob("*.toml"):
        (site / "portfolio" / path.name).write_text(path.read_text())
    health = site / "portfolio/health.toml"
    before, after = health.read_text().split("\n[[building]]", 2)[0:1], health.read_text()
    first_building_end = after.index("\n[[building]]", after.index("\n[[building]]") + 5)
    health.write_text(after[:first_building_end] + "\n" + block + after[first_building_end:])
    assert before
    tomllib.loads(health.read_text())
    assert "60 meters" in run("check", "--config", site)
    assert "1 payload replayed (1 reading), 1 stay" in run("quarantine", "replay", "--all", "--config", site, code=1)
    assert len(stored(settings, "health.centre-1.solar")) == 1


def test_an_unknown_meter_is_adopted_by_one_command(settings, portfolio, broker, tmp_path, config_dir):
    site = site_of(
        tmp_path,
        config_dir,
        f'[mqtt]\nport = {broker.port}\n[store]\npath = "{settings.store.path}"\n[state]\npath = "{settings.state.path}"\n',
    )
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    body = json.dumps({"timestamp": int(time.time()), "devices": [{"addr": 8, "kwh_import": 700, "p_total": 3000}]})
    client.publish("adopted/gw/1", body, qos=1, retain=True).wait_for_publish(5)
    given = ["meters", "adopt", "adopted/gw/1", "--key", "8", "--rated-kw", "100", "--listen", "1", "--config", site]
    listed = json.loads(run("meters", "unknown", "--listen", "1", "--json", "--config", site))
    (heard,) = [one for one in listed if one["topic"] == "adopted/gw/1"]
    assert (heard["profile"], heard["key"], heard["kind"], heard["id"]) == ("modbus-gateway", "8", "register", "8")
    assert heard["values"] == pytest.approx({"energy_kwh": 7.0, "power_kw": 3.0})
    assert "Give --building" in run(*given, code=2)
    given += ["--building", "health.centre-1"]
    assert "portfolio import" in run(*given, code=2)
    run("portfolio", "import", "--yes", "--why", "first import", "--config", site)
    assert "nothing is entered yet" in run(*given)
    assert "Revision 2: health.centre-1.8" in run(*given, "--yes")
    assert "there is a meter 'health.centre-1.8'" in run(*given, "--profile", "modbus-gateway", "--yes", code=2)
    assert "adopted: heard on adopted/gw/1" in run("portfolio", "history", "--config", site)
    left = json.loads(run("meters", "unknown", "--listen", "1", "--json", "--config", site))
    assert [one for one in left if one["topic"] == "adopted/gw/1"] == []
    client.publish("adopted/gw/1", b"", qos=1, retain=True).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


TASMOTA = '{"Time":"2023-02-11T09:31:31","ENERGY":{"Total":1.694,"Power":"lots","Voltage":235}}'


def test_decode_shows_step_by_step_what_becomes_of_a_payload(tmp_path):
    file = tmp_path / "message.json"
    file.write_text(TASMOTA)
    output = run("decode", "--profile", "tasmota-sensor", "--topic", "tele/x/SENSOR", file, code=1)
    assert "✓ time = Time: '2023-02-11T09:31:31' has no offset, taken as Asia/Bangkok" in output
    assert "✗ power_kw" in output
    assert "cannot be worked out" in output
    assert "energy_kwh = 1.694" in output
    assert "no meter of the portfolio" in output


def test_decode_of_a_known_meters_payload_says_which_meter_it_is(tmp_path):
    file = tmp_path / "message.json"
    file.write_bytes(reading(now(), energy_kwh=5))
    output = run("decode", "--profile", "canonical", "--topic", TOPIC, file)
    assert f"→ {METER}" in output
    file.write_bytes(reading(now(), power_kw=1e9))
    assert "refused power_out_of_range" in run("decode", "--profile", "canonical", "--topic", TOPIC, file, code=1)
    assert "there is no profile 'morse'" in run("decode", "--profile", "morse", "--topic", TOPIC, file, code=2)


def test_listen_shows_live_traffic_and_takes_nothing_from_the_ingester(
    settings, portfolio, broker, tmp_path, config_dir
):
    site = site_of(tmp_path, config_dir, f"[mqtt]\nport = {broker.port}\n")
    with ingesting(settings, portfolio) as ingester:
        ended = threading.Event()

        def send() -> None:
            while not ended.wait(1.0):  # until the listener has started, however slow the machine
                publish(broker.port, [(TOPIC, reading(now(), energy_kwh=77.5)), (TOPIC, b"{")])

        sender = threading.Thread(target=send)
        sender.start()
        command = [sys.executable, "-m", "bkkenergy", "listen", "--seconds", "5", "--config", str(site)]
        environment = os.environ | {"COLUMNS": "160"}
        output = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment).stdout
        ended.set()
        sender.join()
        wait_until(lambda: dealt_with(ingester) >= 2)
    assert METER in output
    assert "77.500" in output
    assert "not_decoded" in output


def test_doctor_finds_all_well_and_what_is_not(settings, broker, tmp_path, config_dir):
    site = site_of(tmp_path, config_dir, f"[mqtt]\nport = {broker.port}\n")
    output = run("doctor", "--config", site)
    for check in ("configuration", "disk", "store", "broker", "topics", "quarantine", "spool"):
        assert f"✓ {check}" in output
    site = site_of(
        tmp_path,
        config_dir,
        f'[mqtt]\nport = {free_port()}\n[store]\nkind = "influx"\n[store.influx]\nurl = "http://127.0.0.1:9"\n',
    )
    output = run("doctor", "--config", site, code=1)
    assert "✗ broker: 127.0.0.1" in output
    assert "Is the broker running?" in output
    assert "✗ store" in output


@pytest.fixture
def guarded(tmp_path, config_dir):
    """A mosquitto with passwords and the access rules that `bkkenergy meters acl` prints."""
    rules, passwords = tmp_path / "acl", tmp_path / "passwords"
    rules.write_text(run("meters", "acl", "--config", config_dir))
    passwords.touch()
    for user in ("bkkenergy", "health.centre-1", "health.centre-2"):
        subprocess.run(["mosquitto_passwd", "-b", str(passwords), user, f"{user}-pw"], check=True, capture_output=True)
    options = f"allow_anonymous false\npassword_file {passwords}\nacl_file {rules}"
    with started(mosquitto(tmp_path / "mqtt", options=options)) as broker:
        yield broker


def gateway(port: int, user: str, password: str | None = None) -> mqtt.Client:
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id=f"as-{user}-{time.monotonic()}", protocol=MQTTProtocolVersion.MQTTv5
    )
    client.username_pw_set(user, f"{user}-pw" if password is None else password)
    client.connect("127.0.0.1", port)
    client.loop_start()
    wait_until(client.is_connected)
    return client


def test_a_gateway_writes_its_own_topics_and_nothing_else(settings, portfolio, guarded):
    secure = updated(settings, "mqtt", port=guarded.port, username="bkkenergy", password=SecretStr("bkkenergy-pw"))
    overheard = []
    with ingesting(secure, portfolio) as ingester:
        one = gateway(guarded.port, "health.centre-1")
        one.on_message = lambda *_: overheard.append(1)
        one.subscribe("#", qos=1)
        for topic in ("bma/health/centre-2/main/readings", "bma/x/y/z/readings", "spBv1.0/g/NCMD/n"):
            # mosquitto 2.0 cuts the connection of a client that writes where it may not.
            attacker = gateway(guarded.port, "health.centre-1")
            attacker.publish(topic, reading(now(), energy_kwh=9), qos=1)
            time.sleep(0.3)
            attacker.disconnect()
            attacker.loop_stop()
        one.publish(TOPIC, reading(now(), energy_kwh=9), qos=1).wait_for_publish(5)
        wait_until(lambda: dealt_with(ingester) >= 1)
        two = gateway(guarded.port, "health.centre-2")
        two.publish("bma/health/centre-2/main/readings", reading(now(), energy_kwh=1)).wait_for_publish(5)
        wait_until(lambda: dealt_with(ingester) >= 2)
        time.sleep(0.5)
        for client in (one, two):
            client.disconnect()
            client.loop_stop()
    assert dealt_with(ingester) == 2
    assert overheard == []
    found = stored(secure, METER, "health.centre-2.main")
    assert found.column("energy_kwh").tolist() == [9, 1]
    assert quarantined(secure) == []


def test_a_wrong_password_does_not_get_in(guarded):
    refused = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set("health.centre-1", "guess")
    client.on_connect = lambda _c, _d, _f, reason, _p: refused.append(reason.is_failure)
    client.connect("127.0.0.1", guarded.port)
    client.loop_start()
    wait_until(lambda: bool(refused))
    client.loop_stop()
    assert refused == [True]


def test_a_payload_that_claims_a_meter_of_another_topic_is_quarantined(settings, portfolio, broker):
    """Two gateways speak Modbus arrays; each may name its own slaves alone."""
    building = portfolio.buildings["health.centre-1"]
    meters = tuple(
        building.meters[0].model_copy(
            update={
                "id": f"health.centre-1.m{n}",
                "topic": f"plant/gateway-{n}",
                "key": str(n),
                "payload": "modbus-gateway",
            }
        )
        for n in (1, 2)
    )
    changed = building.model_copy(update={"meters": meters})
    other = portfolio.model_copy(update={"buildings": portfolio.buildings | {changed.id: changed}})
    claim = json.dumps(
        {"timestamp": now(), "devices": [{"addr": 1, "kwh_import": 5}, {"addr": 2, "kwh_import": 7}]}
    ).encode()
    with ingesting(settings, other) as ingester:
        publish(broker.port, [("plant/gateway-1", claim)])
        wait_until(lambda: dealt_with(ingester) >= 1)
    assert len(stored(settings, "health.centre-1.m1")) == 1
    assert len(stored(settings, "health.centre-1.m2")) == 0
    (kept,) = quarantined(settings)
    assert kept.reason is Reason.UNKNOWN_METER
    assert "names meter '2' at 'plant/gateway-1'" in kept.detail


def test_a_retained_message_without_a_time_is_counted_and_not_stored(settings, portfolio, broker):
    building = portfolio.buildings["health.centre-1"]
    plug = building.meters[0].model_copy(update={"topic": "zigbee2mqtt/retained", "payload": "zigbee2mqtt"})
    changed = building.model_copy(update={"meters": (plug,)})
    other = portfolio.model_copy(update={"buildings": portfolio.buildings | {changed.id: changed}})
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    client.publish("zigbee2mqtt/retained", b'{"energy":5}', qos=1, retain=True).wait_for_publish(5)
    with ingesting(settings, other) as ingester:
        wait_until(lambda: dealt_with(ingester) >= 1)
        client.publish("zigbee2mqtt/retained", b'{"energy":6}', qos=1).wait_for_publish(5)
        wait_until(lambda: dealt_with(ingester) >= 2)
    client.publish("zigbee2mqtt/retained", b"", qos=1, retain=True).wait_for_publish(5)
    client.loop_stop()
    assert ingester.pipeline.totals["stale"] == 1
    assert stored(settings, METER).column("energy_kwh").tolist() == [6]


def test_sparkplug_over_a_real_broker_asks_for_a_birth_and_gets_it(settings, portfolio, broker):
    from bkkenergy.payloads.decode.sparkplug_proto import Payload
    from tests.unit.payloads.test_sparkplug import dbirth, ddata, nbirth

    building = portfolio.buildings["health.centre-1"]
    spark = building.meters[0].model_copy(
        update={"topic": "spBv1.0/BMA/edge-1/panel", "key": "main", "payload": "sparkplug-b", "rated_kw": 100_000.0}
    )
    changed = building.model_copy(update={"meters": (spark,)})
    other = portfolio.model_copy(update={"buildings": portfolio.buildings | {changed.id: changed}})
    commands = []
    edge = mqtt.Client(CallbackAPIVersion.VERSION2)
    edge.on_message = lambda _c, _d, message: commands.append(Payload.FromString(message.payload))
    edge.connect("127.0.0.1", broker.port)
    edge.loop_start()
    edge.subscribe("spBv1.0/BMA/NCMD/edge-1", qos=1)
    data = ddata(7, {"alias": 1, "double_value": 12_346.0, "timestamp": 1_763_900_900_000})
    with ingesting(settings, other):
        edge.publish(data.topic, data.payload, qos=1).wait_for_publish(5)
        wait_until(lambda: bool(commands))
        assert commands[0].metrics[0].name == "Node Control/Rebirth"
        for message in (nbirth(0), dbirth(1)):
            body = Payload.FromString(message.payload)
            for metric in body.metrics:
                metric.timestamp = 1_763_900_000_000
            edge.publish(message.topic, body.SerializeToString(), qos=1).wait_for_publish(5)
        fresh = Payload.FromString(data.payload)
        fresh.seq = 2
        edge.publish(data.topic, fresh.SerializeToString(), qos=1).wait_for_publish(5)
        wait_until(lambda: len(stored(settings, METER)) == 2)
    edge.loop_stop()
    assert stored(settings, METER).column("energy_kwh").tolist() == [12345.5, 12346.0]
    assert {item.reason for item in quarantined(settings)} <= {Reason.NO_BIRTH, Reason.UNKNOWN_METER}
