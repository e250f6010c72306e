"""Several brokers as one, with a node that fails: what is lost, and whether the session goes on.

`rabbitmq` starts three nodes of Debian's RabbitMQ as a cluster, sessions in quorum queues. `bridge` starts two mosquitto: gateways
reach the first, which hands everything over to the second, where the ingester is. `pair` has the same two, with a group of ingesters at
each: two at the first, a third at the second. All on this machine; a load balancer of a few lines stands before each side. The
ingesters are the product's, on SQLite. RabbitMQ is Debian's `rabbitmq-server`, which no other test needs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bkkenergy.settings import StoreSettings
from bkkenergy.site.open import open_store
from tests.conftest import CONFIG_PARTS, ROOT
from tests.ports import free_port
from tests.servers import Server, mosquitto, started

METER, TOPIC = "health.centre-1.main", "bma/health/centre-1/main/readings"
FIRST_S = 1_763_900_000
SETTINGS = """
[mqtt]
host = "127.0.0.1"
port = {port}
client_id = "{name}"
reconnect_max_s = 1
keepalive_s = 5
{share}
[store]
path = "{folder}/store.sqlite"
[state]
path = "{folder}/{name}/state.sqlite"
[ingest]
spool = "{folder}/{name}/spool"
[observe]
port = {observe}
"""


class Balancer(threading.Thread):
    """Hands each connection to the first of some ports that answers."""

    def __init__(self, ports: Sequence[int]) -> None:
        super().__init__(daemon=True)
        self.ports = ports
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self) -> None:
        while True:
            client, _ = self.listener.accept()
            for port in self.ports:
                with suppress(OSError):
                    node = socket.create_connection(("127.0.0.1", port), timeout=2)
                    node.settimeout(None)
                    for one, other in ((client, node), (node, client)):
                        threading.Thread(target=hand_over, args=(one, other), daemon=True).start()
                    break
            else:
                client.close()


def hand_over(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65_536):
            other.sendall(data)
    for end in (one, other):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


class Sender:
    """A gateway at QoS 1 that sends again what was not acknowledged, as paho does after a lost connection."""

    def __init__(self, port: int) -> None:
        self.count = self.acked = 0
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="gateway", clean_session=False)
        self.client.max_inflight_messages_set(20)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_publish = self.note
        self.client.connect_async("127.0.0.1", port, keepalive=5)
        self.client.loop_start()

    def note(self, *_: object) -> None:
        self.acked += 1

    def send(self, count: int, *, a_second: float = 400, at_half: Callable[[], object] = lambda: None) -> None:
        for number in range(count):
            if number == count // 2:
                at_half()
            text = f'{{"ts": {FIRST_S + self.count}, "energy_kwh": {self.count}}}'
            self.client.publish(TOPIC, text.encode(), qos=1)
            self.count += 1
            time.sleep(1 / a_second)
        until_s = time.monotonic() + 60
        while self.acked < self.count and time.monotonic() < until_s:
            time.sleep(0.1)


@dataclass
class Cluster:
    """Brokers by their MQTT ports, the one with the ingester's session first."""

    nodes: list[Server]
    ingester_ports: list[int]
    gateway_ports: list[int]
    fails: int = 0

    @property
    def failing(self) -> Server:
        return self.nodes[self.fails]


def rabbit_node(folder: Path, number: int, ports: Sequence[int], amqp: Sequence[int], dist: Sequence[int]) -> Server:
    own = folder / f"r{number}"
    own.mkdir()
    cluster = "".join(f"cluster_formation.classic_config.nodes.{n + 1} = r{n}@localhost\n" for n in range(len(ports)))
    (own / "rabbit.conf").write_text(
        f"listeners.tcp.1 = 127.0.0.1:{amqp[number]}\nmqtt.listeners.tcp.1 = 127.0.0.1:{ports[number]}\n"
        "mqtt.allow_anonymous = true\nmqtt.durable_queue_type = quorum\nmqtt.prefetch = 200\n"
        f"cluster_formation.peer_discovery_backend = classic_config\n{cluster}"
    )
    (own / "plugins").write_text("[rabbitmq_mqtt].\n")
    said = {
        "NODENAME": f"r{number}@localhost", "DIST_PORT": dist[number], "MNESIA_BASE": own, "LOG_BASE": own,
        "CONFIG_FILE": own / "rabbit.conf", "ENABLED_PLUGINS_FILE": own / "plugins", "PID_FILE": own / "pid",
        "SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1",
    }  # fmt: skip
    (sbin,) = Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin")
    command = ["env", *(f"RABBITMQ_{name}={value}" for name, value in said.items()), str(sbin / "rabbitmq-server")]
    return Server(command, ports[number], starts_within_s=180, stops_at=signal.SIGKILL)


@contextmanager
def rabbitmq(folder: Path) -> Iterator[Cluster]:
    ports, amqp, dist = ([free_port() for _ in range(3)] for _ in range(3))
    os.environ |= {"HOME": str(folder), "ERL_EPMD_PORT": str(free_port()), "ERL_EPMD_ADDRESS": "127.0.0.1"}
    nodes = [rabbit_node(folder, number, ports, amqp, dist) for number in range(3)]
    try:
        for number, node in enumerate(nodes):  # one joins after the other
            node.start()
            ctl("await_online_nodes", str(number + 1))
        yield Cluster(nodes, ports, [*ports[1:], ports[0]])
    finally:
        for number in range(3):
            kill_rabbit(folder, number)
        subprocess.run(["epmd", "-kill"], check=False, capture_output=True)


def ctl(*words: str) -> None:
    (sbin,) = Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin")
    subprocess.run([sbin / "rabbitmqctl", "-n", "r0@localhost", *words], check=True, capture_output=True, timeout=180)


def kill_rabbit(folder: Path, number: int) -> None:
    pid = folder / f"r{number}/pid"
    with suppress(OSError, ValueError):
        os.kill(int(pid.read_text()), signal.SIGKILL)


@contextmanager
def bridge(folder: Path) -> Iterator[Cluster]:
    second = mosquitto(folder / "second")
    first = mosquitto(
        folder / "first",
        options=f"allow_anonymous true\nconnection city\naddress 127.0.0.1:{second.port}\ntopic # out 1\n"
        "cleansession false\nbridge_attempt_unsubscribe false\nrestart_timeout 1",
    )
    second.stops_at = first.stops_at = signal.SIGKILL
    with started(second), started(first):
        yield Cluster([second, first], [second.port], [first.port])


@dataclass
class Site:
    folder: Path
    port: int
    share: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, name: str, port: int | None = None) -> subprocess.Popen[bytes]:
        config = self.folder / name / "config"
        if not config.exists():
            config.mkdir(parents=True)
            for part in CONFIG_PARTS:
                (config / part).symlink_to(ROOT / "config" / part)
            given = {"port": port or self.port, "name": name, "folder": self.folder, "observe": free_port()}
            (config / "bkkenergy.toml").write_text(SETTINGS.format(**given, share=self.share))
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "bkkenergy", "ingest", "--config", str(config)], stdout=log, stderr=log
            )
        self.processes.append(process)
        return process

    def stored(self, upto: int, within_s: float = 40) -> int:
        """How many of the first messages are stored, once that stays the same."""
        store, before, since_s = open_store(StoreSettings(path=self.folder / "store.sqlite")), -1, time.monotonic()
        try:
            while time.monotonic() - since_s < within_s:
                count = len(store.readings([METER], 0, 2**62))
                if count >= upto:
                    return count
                if count != before:
                    before, since_s = count, time.monotonic()
                time.sleep(0.5)
            return before
        finally:
            store.close()

    def end(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(60)


def reported(what: str, sender: Sender, site: Site, before: tuple[int, int]) -> tuple[int, int]:
    stored = site.stored(sender.count)
    now = sender.count, stored
    print(f"{what}: {sender.count - before[0]:,} sent, acknowledged in all {sender.acked:,} of {sender.count:,}, "
          f"stored {stored - before[1]:,}", flush=True)  # fmt: skip
    return now


def run(kind: str, folder: Path, count: int, share: str) -> None:
    with ExitStack() as stack:
        cluster = stack.enter_context({"rabbitmq": rabbitmq, "bridge": bridge}[kind](folder))
        kill = (lambda: kill_rabbit(folder, cluster.fails)) if kind == "rabbitmq" else cluster.failing.stop
        to_ingester, to_gateways = Balancer(cluster.ingester_ports), Balancer(cluster.gateway_ports)
        to_ingester.start(), to_gateways.start()
        site = Site(folder / "site", to_ingester.port, share)
        site.folder.mkdir()
        stack.callback(site.end)
        one = site.start("one")
        other = site.start("other") if share else None
        time.sleep(35)  # so long until mosquitto has the session on its disk
        sender = Sender(to_gateways.port)
        at = reported("live", sender, site, (sender.send(count) or 0, 0))
        if other is not None:
            sender.send(count, at_half=other.kill)
            at = reported("one of two ingesters killed", sender, site, at)
        sender.send(count, at_half=kill)
        at = reported("node of the session killed, not back", sender, site, at)
        cluster.failing.start()
        if kind == "bridge":
            at = reported("node back", sender, site, at)
        time.sleep(10)
        one.terminate()
        one.wait(60)
        sender.send(count, at_half=kill)
        cluster.failing.start()
        site.start("one")
        reported("ingester away, node killed and back", sender, site, at)
        show_log(site, ("one", "other"))


def show_log(site: Site, names: Sequence[str]) -> None:
    """Print what the ingesters announced, each line once."""
    paths = [path for name in names if (path := site.folder / f"{name}.log").exists()]
    lines = [line for path in paths for line in path.read_text().splitlines() if "warning" in line or "error" in line]
    for line in list(dict.fromkeys(line.split("]", 1)[1] for line in lines if "]" in line))[:12]:
        print("  log:", line[:200])


def run_pair(folder: Path, count: int) -> None:
    """Three ingesters in one group, over two nodes that each have every message: either node is killed under load."""
    with ExitStack() as stack:
        second, first = (cluster := stack.enter_context(bridge(folder))).nodes
        to_gateways = Balancer([*cluster.gateway_ports, second.port])
        to_gateways.start()
        site = Site(folder / "site", first.port, 'share = "city"')
        site.folder.mkdir()
        stack.callback(site.end)
        for name, node in (("one", first), ("two", first), ("three", second)):
            site.start(name, node.port)
        time.sleep(35)  # so long until mosquitto has the sessions on its disk
        sender = Sender(to_gateways.port)
        at = reported("live", sender, site, (sender.send(count) or 0, 0))
        for name, node in (("first", first), ("second", second)):
            sender.send(count, at_half=node.stop)
            at = reported(f"{name} node killed, not back", sender, site, at)
            node.start()
            sender.send(count)
            at = reported(f"{name} node back", sender, site, at)
        show_log(site, ("one", "two", "three"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["rabbitmq", "bridge", "pair"])
    parser.add_argument("--messages", type=int, default=2_000)
    parser.add_argument(
        "--share",
        action="store_true",
        help="Two ingesters that share the meters, one of them killed for good: what was dealt to it waits in its session.",
    )
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="brokers-"))
    try:
        if given.kind == "pair":
            run_pair(folder, given.messages)
        else:
            run(given.kind, folder, given.messages, 'share = "city"' if given.share else "")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
