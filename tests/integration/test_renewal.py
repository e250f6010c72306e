"""What a broker does not send on one connection it sends on the next: the ingester connects again by itself."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack, contextmanager

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from structlog.testing import capture_logs

from bkkenergy.adapters.broker_troubles import TroubleKind
from tests.integration.conftest import dealt_with, ingesting, publish, reading, stored, wait_until
from tests.integration.test_broker_limits import SpokenBroker, counted, warnings_in
from tests.integration.test_delivery import METER, TOPIC, TS, updated
from tests.servers import SHIPPED_BROKER_LIMITS, Server, free_port, mosquitto, mosquitto_path, started

pytestmark = pytest.mark.broker

WINDOW = 500
PUBLISH = 3


class DeafLine(threading.Thread):
    """A way to a broker whose present connections lose each PUBLISH to us from a moment on, and pass all else."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.connections = self._deaf = 0
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def become_deaf(self) -> None:
        """Lose what comes on the connections that there are: the ingester's, and that of its drop count."""
        self._deaf = self.connections

    def is_connected_anew(self) -> bool:
        return self.connections > self._deaf

    def run(self) -> None:
        while True:
            try:
                ours, _ = self._listener.accept()
            except OSError:
                return
            broker = socket.create_connection(("127.0.0.1", self._to))
            self.connections += 1
            threading.Thread(target=self._pass_all, args=(ours, broker), daemon=True).start()
            threading.Thread(target=self._pass_heard, args=(broker, ours, self.connections), daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    @staticmethod
    def _pass_all(source: socket.socket, target: socket.socket) -> None:
        with source, target:
            try:
                while data := source.recv(65536):
                    target.sendall(data)
            except OSError:
                return

    def _pass_heard(self, broker: socket.socket, ours: socket.socket, number: int) -> None:
        with broker, ours, broker.makefile("rb") as stream:
            try:
                while packet := whole_packet(stream):
                    if not (number <= self._deaf and packet[0] >> 4 == PUBLISH):
                        ours.sendall(packet)
            except OSError:
                return


def whole_packet(stream) -> bytes:
    head = stream.read(1)
    length, shift = 0, 0
    while head:
        byte = stream.read(1)
        if not byte:
            return b""
        head += byte
        length, shift = length | (byte[0] & 0x7F) << shift, shift + 7
        if byte[0] < 0x80:
            return head + stream.read(length)
    return b""


@contextmanager
def deaf_line(port: int):
    line = DeafLine(port)
    line.start()
    try:
        yield line
    finally:
        line.close()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_connection_on_which_the_canary_is_missed_is_made_anew_and_nothing_is_lost(
    settings, portfolio, broker, monkeypatch, protocol
):
    monkeypatch.setattr("bkkenergy.adapters.canary.MISSED_AFTER_S", 1.0)
    with deaf_line(broker.port) as line:
        settings = updated(settings, "mqtt", port=line.port, canary_s=0.2, protocol=protocol)
        with capture_logs() as logs, ingesting(settings, portfolio) as ingester:
            wait_until(lambda: ingester.subscriber._canary.guard.was_heard)
            line.become_deaf()
            publish(broker.port, [(TOPIC, reading(TS + n)) for n in range(100)])
            wait_until(line.is_connected_anew)
            wait_until(lambda: dealt_with(ingester) == 100)
            wait_until(lambda: TroubleKind.CANARY_MISSED not in ingester.subscriber.troubles)
            assert counted(ingester, TroubleKind.CANARY_MISSED)[1] == 1, "a loss that goes on is said once"
    assert len(stored(settings, METER)) == 100
    assert warnings_in(logs) == {"canary_missed"}


def test_while_the_canary_stays_away_connections_are_made_ever_less_often(settings, portfolio, monkeypatch):
    monkeypatch.setattr("bkkenergy.adapters.canary.MISSED_AFTER_S", 0.3)
    monkeypatch.setattr("bkkenergy.adapters.renewal.PAUSE_S", 0.5)
    with SpokenBroker() as broker:
        settings = updated(settings, "mqtt", port=broker.port, protocol="5")
        with capture_logs() as logs, ingesting(settings, portfolio) as ingester:
            ingester.subscriber._canary.renewal._pause_s = 0.5

            def renewed() -> int:
                return sum(entry["event"] == "mqtt_connects_again" for entry in logs)

            wait_until(lambda: renewed() == 3)
            assert "canary_missed" in ingester.state().troubles, "on view until one is heard"
            assert ingester.subscriber._canary is not None
            assert ingester.subscriber._canary.renewal._pause_s == 4.0
    assert TroubleKind.CANARY_MISSED in warnings_in(logs)
    assert TroubleKind.CUT_AGAIN_AND_AGAIN not in warnings_in(logs), "we ended them ourselves"


def without(option: str) -> str:
    kept = [line for line in SHIPPED_BROKER_LIMITS.read_text().splitlines() if not line.startswith(option)]
    return "\n".join(kept) + "\n"


@contextmanager
def a_mosquitto(folder, limits: str):
    port = free_port()
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "own.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\npersistence_location {folder}/\n{limits}"
    )
    with started(Server([mosquitto_path(), "-c", str(folder / "own.conf")], port)) as broker:
        yield broker


def mixed(port: int, each: int) -> int:
    """First more of QoS 1 than the window, then as many of QoS 0."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    sent = [
        client.publish(TOPIC, reading(TS + qos * 10_000 + n, energy_kwh=float(n)), qos=qos)
        for qos in (1, 0)
        for n in range(each)
    ]
    for one in sent:
        one.wait_for_publish(10)
    time.sleep(0.3)  # what has no acknowledgement leaves before the connection ends
    client.disconnect()
    client.loop_stop()
    return len(sent)


@pytest.mark.parametrize("option", ["", "upgrade_outgoing_qos"])
def test_a_backlog_of_both_kinds_larger_than_the_window_comes_whole(settings, portfolio, tmp_path, option):
    """mosquitto 2.0.11 leaves as many of QoS 1 behind as there are of QoS 0, until another connection is made."""
    with ExitStack() as stack:
        limits = without(option) if option else SHIPPED_BROKER_LIMITS.read_text()
        broker = stack.enter_context(a_mosquitto(tmp_path / "mqtt", limits))
        settings = updated(settings, "mqtt", port=broker.port, receive_maximum=WINDOW, canary_s=5.0)
        with ingesting(settings, portfolio):
            pass
        count = mixed(broker.port, 2 * WINDOW)
        with capture_logs() as logs, ingesting(settings, portfolio) as ingester:
            wait_until(lambda: len(stored(settings, METER)) == count)
            wait_until(lambda: ingester.subscriber._canary.guard.was_heard)
    assert [entry["why"] for entry in logs if entry["event"] == "mqtt_connects_again"] == (
        ["the backlog had messages with and without acknowledgement"] if option else []
    )


def is_taken(canary) -> bool:
    """Whether the broker has acknowledged what the canary published on this connection."""
    return canary._awaited.oldest_s is not None and not canary.guard.is_suspect


def test_a_broker_that_dies_under_a_backlog_does_not_cost_the_canary(settings, portfolio, tmp_path):
    """It is behind the backlog, unheard, when the connection ends: not for what it may not publish."""
    count = 4_000
    broker = mosquitto(tmp_path / "mqtt").start()
    try:
        settings = updated(settings, "mqtt", port=broker.port, receive_maximum=20)
        with ingesting(settings, portfolio):
            pass
        publish(broker.port, [(TOPIC, reading(TS + n, energy_kwh=float(n))) for n in range(count)])
        broker.stop()
        broker.start()
        with ingesting(settings, portfolio) as ingester:
            for _ in range(3):
                before = dealt_with(ingester)
                wait_until(lambda before=before: dealt_with(ingester) > before, within_s=60)
                wait_until(lambda: is_taken(ingester.subscriber._canary), within_s=60)
                broker.process.kill()
                broker.process.wait()
                time.sleep(0.2)
                broker.start()
                wait_until(lambda: ingester.subscriber.is_connected, within_s=60)
            wait_until(lambda: len(stored(settings, METER)) == count, within_s=120)
            wait_until(
                lambda: ingester.subscriber._canary is not None and ingester.subscriber._canary.guard.was_heard,
                within_s=90,
            )
    finally:
        broker.stop()
