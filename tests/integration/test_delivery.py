"""From a real broker to a committed store: what is acknowledged, when, and what survives."""

from __future__ import annotations

import gc
import ssl
import subprocess
import threading
import time

import numpy as np
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import SecretStr
from structlog.testing import capture_logs

from bkkenergy.adapters.mqtt import Subscriber
from bkkenergy.demo.broker import local_broker
from bkkenergy.settings import MqttTls
from tests.integration.conftest import (
    dealt_with,
    ingesting,
    publish,
    quarantined,
    reading,
    stored,
    wait_until,
)
from tests.servers import free_port, influxdb, mosquitto, started

pytestmark = pytest.mark.broker

METER = "health.centre-1.main"
TOPIC = "bma/health/centre-1/main/readings"
TS = 1_763_900_000


def updated(settings, section, **values):
    return settings.model_copy(update={section: getattr(settings, section).model_copy(update=values)})


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_readings_arrive_once_each(settings, portfolio, broker, protocol):
    settings = updated(settings, "mqtt", protocol=protocol)
    with ingesting(settings, portfolio) as ingester:
        assert ingester.subscriber.protocol == protocol
        publish(broker.port, [(TOPIC, reading(TS + n, energy_kwh=n)) for n in range(500)])
        wait_until(lambda: dealt_with(ingester) >= 500)
    found = stored(settings, METER)
    assert found.column("energy_kwh").tolist() == list(range(500))


# amqtt leaves the connection that it refuses to the garbage collector, which is called here: later it would be another's.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_broker_that_knows_only_3_1_1_is_spoken_to_in_it(settings, portfolio, tmp_path):
    with local_broker(tmp_path, kind="amqtt") as (name, port):
        assert name == "amqtt"
        settings = updated(settings, "mqtt", port=port)
        with ingesting(settings, portfolio) as ingester:
            assert ingester.subscriber.protocol == "3.1.1"
            publish(port, [(TOPIC, reading(TS + n)) for n in range(50)])
            wait_until(lambda: dealt_with(ingester) >= 50)
    assert len(stored(settings, METER)) == 50
    gc.collect()


def test_what_comes_while_the_ingester_is_away_waits_at_the_broker(settings, portfolio, broker):
    with ingesting(settings, portfolio):
        pass
    publish(broker.port, [(TOPIC, reading(TS + n)) for n in range(3000)])
    with ingesting(settings, portfolio) as ingester:
        wait_until(lambda: dealt_with(ingester) >= 3000)
    assert len(stored(settings, METER)) == 3000


def test_what_is_refused_is_kept_counted_and_acknowledged(settings, portfolio, broker):
    bad = [
        (TOPIC, b"{broken"),
        ("bma/health/nobody/main/readings", reading(TS)),
        (TOPIC, reading(TS, power_kw=1e6)),
        (TOPIC, reading(4_000_000_000)),
        (TOPIC, b"\x00\xff" * 1000),
    ]
    with ingesting(settings, portfolio) as ingester:
        publish(broker.port, [*bad, (TOPIC, reading(TS))])
        wait_until(lambda: dealt_with(ingester) >= 6)
    assert len(stored(settings, METER)) == 1
    assert sorted(item.reason for item in quarantined(settings)) == [
        "not_decoded", "not_decoded", "power_out_of_range", "time_ahead", "unknown_meter",
    ]  # fmt: skip
    with ingesting(settings, portfolio) as ingester:
        publish(broker.port, [(TOPIC, reading(TS + 1))])
        wait_until(lambda: dealt_with(ingester) >= 1)
    assert dealt_with(ingester) == 1, "nothing that was refused is delivered again"


def test_a_meter_with_a_topic_of_its_own_is_subscribed_to(settings, portfolio, broker):
    building = portfolio.buildings["health.centre-1"]
    own = building.meters[0].model_copy(update={"topic": "gateways/7/em3"})
    moved = building.model_copy(update={"meters": (own,)})
    other = portfolio.model_copy(update={"buildings": portfolio.buildings | {moved.id: moved}})
    with ingesting(settings, other) as ingester:
        publish(broker.port, [("gateways/7/em3", reading(TS))])
        wait_until(lambda: dealt_with(ingester) >= 1)
    assert len(stored(settings, METER)) == 1


def test_nothing_is_acknowledged_while_the_store_is_unavailable(settings, portfolio, tmp_path):
    """Influx is stopped: the messages stay the broker's. The ingester dies; the next one gets them all."""
    influx = influxdb(tmp_path / "influx").start()
    try:
        with started(mosquitto(tmp_path / "mqtt")) as broker:
            settings = updated(settings, "mqtt", port=broker.port)
            settings = updated(settings, "store", kind="influx", influx=influx.bucket(timeout_s=2))
            with ingesting(settings, portfolio) as ingester:
                publish(broker.port, [(TOPIC, reading(TS))])
                wait_until(lambda: dealt_with(ingester) >= 1)
                influx.stop()
                publish(broker.port, [(TOPIC, reading(TS + 1 + n)) for n in range(200)])
                with pytest.raises(AssertionError):
                    wait_until(lambda: dealt_with(ingester) > 1, within_s=2)
            influx.start()
            with ingesting(settings, portfolio) as ingester:
                wait_until(lambda: dealt_with(ingester) >= 200)
            assert len(stored(settings, METER)) == 201
    finally:
        influx.stop()


def test_a_store_that_comes_back_is_written_to_without_a_restart(settings, portfolio, tmp_path, broker):
    influx = influxdb(tmp_path / "influx")
    settings = updated(settings, "store", kind="influx", influx=influx.bucket(timeout_s=2))
    with ingesting(settings, portfolio, connected=False) as ingester:
        try:
            influx.start()
            wait_until(lambda: ingester.subscriber.is_connected)
            publish(broker.port, [(TOPIC, reading(TS))])
            wait_until(lambda: dealt_with(ingester) >= 1)
            influx.stop()
            publish(broker.port, [(TOPIC, reading(TS + 1))])
            influx.start()
            wait_until(lambda: dealt_with(ingester) >= 2)
            assert len(stored(settings, METER)) == 2
        finally:
            influx.stop()


def test_a_broker_that_restarts_is_found_again(settings, portfolio, tmp_path):
    broker = mosquitto(tmp_path / "mqtt").start()
    try:
        settings = updated(settings, "mqtt", port=broker.port)
        with ingesting(settings, portfolio) as ingester:
            publish(broker.port, [(TOPIC, reading(TS))])
            wait_until(lambda: dealt_with(ingester) >= 1)
            broker.stop()
            wait_until(lambda: not ingester.subscriber.is_connected)
            broker.start()
            publish(broker.port, [(TOPIC, reading(TS + 1))])
            wait_until(lambda: dealt_with(ingester) >= 2)
    finally:
        broker.stop()
    assert len(stored(settings, METER)) == 2


def test_an_acknowledgement_of_an_earlier_connection_is_dropped(settings, broker):
    subscriber = Subscriber(settings.mqtt, ["epoch/test"])
    subscriber.start()
    wait_until(lambda: subscriber.is_connected)
    publish(broker.port, [("epoch/test", b"x")])
    (message,) = subscriber.take(10, 10**6, timeout_s=5)
    subscriber._client._sock_close()  # the network fails under the session
    wait_until(lambda: subscriber._epoch > message.epoch and subscriber.is_connected)
    subscriber.acknowledge([message])
    (again,) = subscriber.take(10, 10**6, timeout_s=5)
    assert (again.payload, again.epoch) == (b"x", subscriber._epoch)
    subscriber.acknowledge([again])
    subscriber.stop()
    later = Subscriber(settings.mqtt, ["epoch/test"])
    later.start()
    wait_until(lambda: later.is_connected)
    assert later.take(10, 10**6, timeout_s=0.5) == []
    later.stop()


def test_a_network_thread_that_died_is_revived(settings, portfolio, broker):
    with ingesting(settings, portfolio) as ingester:
        ingester.subscriber._client.loop_stop()
        publish(broker.port, [(TOPIC, reading(TS))])
        wait_until(lambda: dealt_with(ingester) >= 1)
    assert len(stored(settings, METER)) == 1


@pytest.fixture
def certificates(tmp_path):
    """An authority, a server and a client, made by openssl."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, cwd=tmp_path, capture_output=True)

    openssl(
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "ca.key",
        "-out",
        "ca.crt",
        "-days",
        "2",
        "-subj",
        "/CN=test authority",
    )
    for name, subject in (("server", "/CN=127.0.0.1"), ("client", "/CN=bkkenergy")):
        openssl(
            "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject
        )
        (tmp_path / "san").write_text("subjectAltName=IP:127.0.0.1")
        openssl(
            "x509",
            "-req",
            "-in",
            f"{name}.csr",
            "-CA",
            "ca.crt",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-out",
            f"{name}.crt",
            "-days",
            "2",
            "-extfile",
            "san",
        )
    return tmp_path


def test_tls_password_and_client_certificate_from_the_settings(settings, portfolio, certificates, tmp_path):
    passwords = tmp_path / "passwords"
    subprocess.run(
        ["mosquitto_passwd", "-b", "-c", str(passwords), "bkkenergy", "s3cret"], check=True, capture_output=True
    )
    listener = f"cafile {certificates}/ca.crt\ncertfile {certificates}/server.crt\nkeyfile {certificates}/server.key\nrequire_certificate true"
    options = f"allow_anonymous false\npassword_file {passwords}"
    with started(mosquitto(tmp_path / "mqtt", listener=listener, options=options)) as broker:
        tls = MqttTls(
            ca_file=certificates / "ca.crt", cert_file=certificates / "client.crt", key_file=certificates / "client.key"
        )
        secure = updated(
            settings, "mqtt", port=broker.port, username="bkkenergy", password=SecretStr("s3cret"), tls=tls
        )
        with ingesting(secure, portfolio) as ingester:
            client = mqtt.Client(CallbackAPIVersion.VERSION2)
            client.tls_set(str(tls.ca_file), str(tls.cert_file), str(tls.key_file), cert_reqs=ssl.CERT_REQUIRED)
            client.username_pw_set("bkkenergy", "s3cret")
            client.connect("127.0.0.1", broker.port)
            client.loop_start()
            rows = b",".join(reading(TS + number) for number in range(5000))
            for number in range(2000):  # more than a record of TLS holds
                client.publish(TOPIC, reading(TS + 5000 + number), qos=1)
            client.publish(TOPIC, b"[" + rows + b"]", qos=1).wait_for_publish(20)
            client.loop_stop()
            wait_until(lambda: dealt_with(ingester) >= 2001)
        assert len(stored(secure, METER)) == 7000


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_broker_whose_certificate_nobody_vouches_for_is_not_spoken_to(settings, portfolio, certificates, tmp_path):
    listener = f"certfile {certificates}/server.crt\nkeyfile {certificates}/server.key"
    with started(mosquitto(tmp_path / "mqtt", listener=listener)) as broker:
        trusting_the_system = updated(settings, "mqtt", port=broker.port, tls=MqttTls())
        with ingesting(trusting_the_system, portfolio, connected=False) as ingester:
            time.sleep(2)
            assert not ingester.subscriber.is_connected
        with ingesting(updated(trusting_the_system, "mqtt", tls=MqttTls(ca_file=certificates / "ca.crt")), portfolio):
            pass
    gc.collect()


def test_a_refused_password_is_told_and_tried_again(settings, portfolio, tmp_path):
    passwords = tmp_path / "passwords"
    subprocess.run(
        ["mosquitto_passwd", "-b", "-c", str(passwords), "bkkenergy", "s3cret"], check=True, capture_output=True
    )
    options = f"allow_anonymous false\npassword_file {passwords}"
    with started(mosquitto(tmp_path / "mqtt", options=options)) as broker:
        wrong = updated(settings, "mqtt", port=broker.port, username="bkkenergy", password=SecretStr("wrong"))
        with capture_logs() as events, ingesting(wrong, portfolio, connected=False) as ingester:
            wait_until(lambda: any(event["event"] == "mqtt_refused" for event in events))
            assert not ingester.subscriber.is_connected
    assert "wrong" not in str(events)


def test_an_ingester_without_a_broker_waits_for_one(settings, portfolio, tmp_path):
    broker = mosquitto(tmp_path / "mqtt", port=free_port())
    late = updated(settings, "mqtt", port=broker.port)
    starter = threading.Timer(1.0, broker.start)
    starter.start()
    try:
        with ingesting(late, portfolio):
            pass
    finally:
        starter.join()
        broker.stop()


def test_a_flood_of_large_payloads_is_taken_in_bounded_batches(settings, portfolio, broker):
    """60 payloads of 5,000 readings: 27 MB, cut into commits of about ten thousand readings."""
    meters = ["health.centre-1.main", "health.centre-2.main"]
    payloads = []
    for number in range(60):
        ts = TS + number // 2 * 5000 + np.arange(5000)
        rows = ",".join(
            f'{{"ts":{t},"energy_kwh":{t % 1000}.5,"power_kw":3.25,"voltage_v":[230.1,229.8,231]}}' for t in ts
        )
        payloads.append((f"bma/health/centre-{number % 2 + 1}/main/readings", f"[{rows}]".encode()))
    with ingesting(settings, portfolio) as ingester:
        publish(broker.port, payloads)
        wait_until(lambda: dealt_with(ingester) >= 60, within_s=60)
    assert len(stored(settings, *meters)) == 300_000
