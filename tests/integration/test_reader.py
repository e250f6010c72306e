"""The reader of PUBLISH packets on real connections: what a broker's death, a flood, silence and slowness do to it."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import threading
import time
from contextlib import contextmanager

import numpy as np
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from structlog.testing import capture_logs

from bkkenergy.adapters.bulk_client import BulkClient
from bkkenergy.adapters.mqtt import Subscriber
from bkkenergy.demo.gateways import payload
from bkkenergy.ingest.listening import listened
from bkkenergy.readings import US_PER_S
from tests.integration.conftest import dealt_with, ingesting, publish, reading, stored, wait_until
from tests.servers import free_port, mosquitto
from tests.unit.adapters.packets import packet, publish_packet, text

pytestmark = pytest.mark.broker

METER, TOPIC = "health.centre-1.main", "bma/health/centre-1/main/readings"
TS = 1_763_900_000
CONNACK, PUBACK = 0x20, 0x40
KEEPALIVE_S = 5
"""The shortest that the settings take; a broker waits one and a half of it."""


def updated(settings, **values):
    return settings.model_copy(update={"mqtt": settings.mqtt.model_copy(update=values)})


@contextmanager
def subscribed(settings, *topics: str):
    subscriber = Subscriber(settings.mqtt, topics)
    subscriber.start()
    try:
        wait_until(lambda: subscriber.is_connected and subscriber.granted)
        yield subscriber
    finally:
        subscriber.stop()


def taken(subscriber, count: int) -> list:
    found: list = []
    wait_until(lambda: found.extend(subscriber.take(10**6, 10**9, timeout_s=0.2)) or len(found) >= count)
    return found


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_broker_killed_in_mid_stream_loses_nothing_and_doubles_nothing(settings, portfolio, tmp_path, protocol):
    """It has the backlog on its disk, and sends again what it does not know to be acknowledged."""
    count, each = 20_000, 2
    steps = np.arange(count * each)
    backlog = [(TOPIC, payload((TS + part) * US_PER_S, {"energy_kwh": part / 4})) for part in np.split(steps, count)]
    broker = mosquitto(tmp_path / "mqtt").start()
    try:
        settings = updated(settings, port=broker.port, protocol=protocol, receive_maximum=500)
        with ingesting(settings, portfolio):
            pass
        publish(broker.port, backlog)
        broker.stop()  # what it holds is written
        broker.start()
        kills_at = [count // 5, count // 2]
        with ingesting(settings, portfolio) as ingester:
            for at in kills_at:
                wait_until(lambda at=at: dealt_with(ingester) >= at, within_s=60)
                broker.process.send_signal(signal.SIGKILL)
                broker.process.wait()
                broker.start()
            wait_until(lambda: ingester.subscriber.is_connected)
            wait_until(lambda: len(stored(settings, METER)) >= count * each, within_s=60)
        assert dealt_with(ingester) > count, "some came twice"
    finally:
        broker.stop()
    found = stored(settings, METER)
    assert found.column("energy_kwh").tolist() == (steps / 4).tolist()


def test_a_broker_sends_no_more_than_receive_maximum_before_it_hears(settings, broker):
    """mosquitto 2.0.11 counts wrongly after the first acknowledgement, whatever reads: 11 to 17 more for 4."""
    with subscribed(updated(settings, receive_maximum=10), "rm/x") as subscriber:
        publish(broker.port, [("rm/x", str(number).encode()) for number in range(100)])
        found = taken(subscriber, 10)
        assert subscriber.take(100, 10**6, timeout_s=1) == []
        assert len(found) == 10
        while len(found) < 100:
            subscriber.acknowledge(found[-10:])
            found += subscriber.take(10, 10**6, timeout_s=5)
    assert [int(message.payload) for message in found] == list(range(100)), "in order"


def pings_of(subscriber) -> list[str]:
    said: list[str] = []
    subscriber._client.on_log = lambda _client, _data, _level, text: said.append(text) if "PING" in text else None
    return said


def test_a_connection_in_silence_lives_by_pings(settings, broker):
    with subscribed(updated(settings, keepalive_s=KEEPALIVE_S), "idle/x") as subscriber:
        said, epoch = pings_of(subscriber), subscriber._epoch
        time.sleep(2.2 * KEEPALIVE_S)
        assert subscriber.is_connected
        assert subscriber._epoch == epoch
        assert {"Sending PINGREQ", "Received PINGRESP"} <= set(said)


def test_a_connection_in_a_flood_lives_and_pings(settings, broker):
    ended = threading.Event()

    def flood() -> None:
        while not ended.is_set():
            publish(broker.port, [("flood/x", bytes(100))] * 500)

    with subscribed(updated(settings, keepalive_s=KEEPALIVE_S), "flood/x") as subscriber:
        said, epoch = pings_of(subscriber), subscriber._epoch
        publisher = threading.Thread(target=flood)
        publisher.start()
        until_s = time.monotonic() + 2.2 * KEEPALIVE_S
        count = 0
        while time.monotonic() < until_s:
            messages = subscriber.take(500, 10**6, timeout_s=0.5)
            subscriber.acknowledge(messages)
            count += len(messages)
        ended.set()
        publisher.join()
        assert subscriber._epoch == epoch
        assert count > 1000
        assert {"Sending PINGREQ", "Received PINGRESP"} <= set(said)


def test_a_connection_whose_queue_is_full_lives_and_goes_on(settings, broker):
    """On 3.1.1 the broker's own window is 20 or more: the queue is full, and nothing is read for a while."""
    settings = updated(settings, keepalive_s=KEEPALIVE_S, protocol="3.1.1", receive_maximum=10)
    with subscribed(settings, "full/x") as subscriber:
        said, epoch = pings_of(subscriber), subscriber._epoch
        publish(broker.port, [("full/x", str(number).encode()) for number in range(200)])
        wait_until(subscriber._inbox.is_full)
        time.sleep(2.2 * KEEPALIVE_S)
        assert subscriber._epoch == epoch
        assert "Sending PINGREQ" in said
        found: list = []
        while len(found) < 200:
            messages = subscriber.take(10, 10**6, timeout_s=5)
            assert messages
            subscriber.acknowledge(messages)
            found += messages
    assert [int(message.payload) for message in found] == list(range(200))


def reconnected(subscriber) -> None:
    """The network fails under the session."""
    before = subscriber._epoch
    subscriber._client._sock_close()
    wait_until(lambda: subscriber._epoch > before and subscriber.is_connected)


def test_a_message_of_qos_2_is_sent_again_until_it_is_acknowledged_and_then_no_more(settings, broker):
    with subscribed(settings, "other") as subscriber:
        subscriber._client.subscribe("two/x", 2)
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        client.publish("two/x", b"once", qos=2).wait_for_publish(5)
        client.disconnect()
        client.loop_stop()
        (message,) = taken(subscriber, 1)
        assert message.qos == 2
        reconnected(subscriber)
        (message,) = taken(subscriber, 1)
        assert (message.payload, message.duplicate) == (b"once", True)
        subscriber.acknowledge([message])
        time.sleep(0.5)
        reconnected(subscriber)
        assert subscriber.take(10, 10**6, timeout_s=1) == []


@contextmanager
def websockets_broker():
    """amqtt, with a port for WebSockets (Debian's mosquitto may be built without) and one without."""
    amqtt = pytest.importorskip("amqtt.broker", exc_type=ImportError)
    for name in ("amqtt", "transitions", "asyncio", "websockets"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    plain, port = free_port(), free_port()
    listeners = {
        "default": {"type": "tcp", "bind": f"127.0.0.1:{plain}"},
        "ws": {"type": "ws", "bind": f"127.0.0.1:{port}"},
    }
    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    running, stopping = threading.Event(), threading.Event()

    async def run() -> None:
        broker = amqtt.Broker({"listeners": listeners, "plugins": plugins})
        await broker.start()
        running.set()
        await asyncio.to_thread(stopping.wait)
        await broker.shutdown()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        assert running.wait(15)
        yield plain, port
    finally:
        stopping.set()
        thread.join(15)


# amqtt leaves its connections to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning")
def test_over_websockets_every_message_comes_whole():
    messages: list = []
    ready = threading.Event()
    with websockets_broker() as (plain, port):
        client = BulkClient(
            CallbackAPIVersion.VERSION2,
            client_id="over-websockets",
            protocol=MQTTProtocolVersion.MQTTv311,
            transport="websockets",
            manual_ack=True,
            deliver=lambda run: (messages.extend(run), client.ack_all(run)),
            stamp=lambda: (1, 1),
            is_full=lambda: False,
        )
        client.on_connect = lambda c, *_: c.subscribe("ws/x", 1)
        client.on_subscribe = lambda *_: ready.set()
        client.connect("127.0.0.1", port)
        client.loop_start()
        assert ready.wait(10)
        sizes = [10, 70_000, 1, 300_000, *range(1, 200)]
        publish(plain, [("ws/x", bytes(size)) for size in sizes])
        wait_until(lambda: len(messages) >= len(sizes))
        client.disconnect()
        client.loop_stop()
    assert sorted(len(message.payload) for message in messages) == sorted(sizes)
    gc.collect()


ODD_PROPERTIES = {
    "a byte order mark as user property": b"\x26" + text("\ufeff") * 2,
    "a byte order mark as content type": b"\x03" + text("\ufeff"),
    "400,000 user properties": b"\x26\0\0\0\0" * 400_000,
}


@pytest.mark.parametrize("odd", ODD_PROPERTIES)
def test_a_message_with_odd_properties_holds_nothing_up(settings, portfolio, broker, odd):
    """The broker hands each of them on. paho's own client can publish none of them: the packets are written by hand."""
    connect = packet(0x10, text("MQTT") + b"\x05\x02\0\x3c\0" + text("by-hand"))
    times = np.array([TS, TS + 1]) * US_PER_S
    with (
        ingesting(updated(settings, protocol="5"), portfolio),
        socket.create_connection(("127.0.0.1", broker.port), timeout=30) as line,
    ):
        line.sendall(connect)
        assert line.recv(100)[0] == CONNACK
        first = payload(times[:1], {"energy_kwh": np.array([1.0])})
        line.sendall(publish_packet(TOPIC, first, qos=1, properties=ODD_PROPERTIES[odd]))
        assert line.recv(100)[0] == PUBACK
        publish(broker.port, [(TOPIC, payload(times[1:], {"energy_kwh": np.array([2.0])}))])
        wait_until(lambda: len(stored(settings, METER)) == len(times), within_s=30)


def test_who_looks_on_hears_messages_with_odd_properties_and_what_comes_after_them(settings, broker):
    """`meters unknown --listen` and `listen`: retained, the messages come as soon as one subscribes."""
    topics = [f"odd/{number}" for number in range(len(ODD_PROPERTIES))]
    with socket.create_connection(("127.0.0.1", broker.port), timeout=30) as line:
        line.sendall(packet(0x10, text("MQTT") + b"\x05\x02\0\x3c\0" + text("odd-by-hand")))
        assert line.recv(100)[0] == CONNACK
        for body, properties in ((b"1", ODD_PROPERTIES), (b"", dict.fromkeys(ODD_PROPERTIES, b""))):
            for topic, odd in zip(topics, properties.values(), strict=True):
                line.sendall(publish_packet(topic, body, qos=1, properties=odd, retained=True))
                assert line.recv(100)[0] == PUBACK
            if body:
                heard = listened(settings.mqtt, 2.0)
    assert {one.topic for one in heard} >= set(topics)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_with_pahos_own_reader_readings_arrive_too(settings, portfolio, broker, protocol):
    with ingesting(updated(settings, reader="paho", protocol=protocol), portfolio) as ingester:
        assert not isinstance(ingester.subscriber._client, BulkClient)
        publish(broker.port, [(TOPIC, reading(TS + number, energy_kwh=number)) for number in range(300)])
        wait_until(lambda: dealt_with(ingester) >= 300)
    assert stored(settings, METER).column("energy_kwh").tolist() == list(range(300))


def test_on_a_paho_that_was_not_tested_its_own_reader_is_used_aloud(settings, portfolio, broker, monkeypatch):
    monkeypatch.setattr("paho.mqtt.__version__", "2.9.1")
    with capture_logs() as logs, ingesting(settings, portfolio) as ingester:
        publish(broker.port, [(TOPIC, reading(TS))])
        wait_until(lambda: dealt_with(ingester) >= 1)
    (said,) = [entry for entry in logs if entry["event"] == "mqtt_reader_is_paho"]
    assert (said["log_level"], said["why"]) == ("warning", "paho-mqtt 2.9.1 was not tested")
