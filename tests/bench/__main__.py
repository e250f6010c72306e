"""`make bench`: readings a second from a broker to the committed store, beside what bounds and what came before it.

The broker holds a backlog before each measurement, so the publisher costs nothing while it is taken. Of one run,
interleaved, medians of the rounds: `mosquitto_sub`, written in C, which receives and acknowledges and does nothing
else; a bare paho callback that counts; the store fed with ready-made batches; this code; and an old commit's.
Every time is of this machine; ratios are of one run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bkkenergy.demo.gateways import payload
from bkkenergy.portfolio import Meter, MeterKind, Portfolio, load_portfolio
from bkkenergy.readings import US_PER_S, ReadingBatch
from bkkenergy.settings import Settings, StoreSettings
from bkkenergy.site.open import open_store, open_writable
from tests.bench.rows import MISSED, faster
from tests.conftest import ROOT
from tests.servers import Influx, influxdb, mosquitto, started
from tests.unit.adapters.packets import packet, publish_packet, text

TS = 1_763_900_000
MESSAGES = {1: 100_000, 60: 20_000}
"""By readings in each."""
BATCH = {1: 1_000, 60: 10_000}
"""What the ingester commits at a time under load, at the least: half its window, or batch_readings."""
RECEIVE_MAXIMUM = 2000
OF_MOSQUITTO_SUB, TIMES_OLD, OF_STORE = 0.5, 5.0, 0.85
"""Targets: of what a client in C receives, and against the old commit, single readings; of the store alone, 60 a message."""
TOPIC_FILTER = "bma/+/+/+/readings"


@dataclass
class Found:
    """What one measurement gave."""

    readings_per_s: float
    cpu_s: float = float("nan")
    rest_mb: float = float("nan")
    peak_mb: float = float("nan")


Measure = Callable[[str], Found]
"""Given a name of its own, takes a backlog."""


def plain_meters(portfolio: Portfolio) -> list[Meter]:
    """Register meters without transformer ratios."""
    return [meter for meter in portfolio.meters if meter.kind is MeterKind.REGISTER and meter.multiplier == 1]


def messages(portfolio: Portfolio, size: int) -> list[tuple[str, bytes]]:
    """A backlog of payloads of `size` readings with energy and power, over all meters in turn."""
    meters = plain_meters(portfolio)
    found = []
    for number in range(MESSAGES[size]):
        meter = meters[number % len(meters)]
        step = number // len(meters) * size + np.arange(size)
        values = {"energy_kwh": 1000 + step * 0.25, "power_kw": np.round(20 + step % 7 * 0.5, 1)}
        found.append((meter.topic, payload((TS + step) * US_PER_S, values)))
    return found


def session_options() -> dict:
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 3600
    properties.ReceiveMaximum = RECEIVE_MAXIMUM
    return {"clean_start": False, "properties": properties}


def bare_client(port: int, name: str) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTProtocolVersion.MQTTv5)
    client.connect_async("127.0.0.1", port, **session_options())
    return client


def leave_backlog(port: int, name: str, packets: bytes, count: int) -> None:
    """Open a session under a name, subscribe, leave, and let the broker gather the backlog for it."""
    subscribed = threading.Event()
    client = bare_client(port, name)
    client.on_connect = lambda c, *_: c.subscribe(TOPIC_FILTER, qos=1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.loop_start()
    assert subscribed.wait(30)
    client.disconnect()
    client.loop_stop()
    with socket.create_connection(("127.0.0.1", port)) as publisher:
        connect = packet(0x10, text("MQTT") + b"\4\2\0\0" + text(f"publisher-{name}"))
        sender = threading.Thread(target=publisher.sendall, args=(connect + packets,))
        sender.start()
        answers = 4 + 4 * count  # CONNACK, and a PUBACK a message
        while answers:
            answers -= len(publisher.recv(min(answers, 65_536)))
        sender.join()


def end_session(port: int, name: str) -> None:
    """Let the broker forget a session: it would gather every later backlog too."""
    ended = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTProtocolVersion.MQTTv5)
    client.connect_async("127.0.0.1", port, clean_start=True)
    client.on_connect = lambda *_: ended.set()
    client.loop_start()
    assert ended.wait(30)
    client.disconnect()
    client.loop_stop()


def as_packets(backlog: list[tuple[str, bytes]]) -> bytes:
    return b"".join(
        publish_packet(topic, payload, qos=1, packet_id=number % 65_535 + 1)
        for number, (topic, payload) in enumerate(backlog)
    )


def bare_paho(port: int, count: int, size: int) -> Measure:
    def measure(name: str) -> Found:
        seen, done = 0, threading.Event()

        def on_message(*_: object) -> None:
            nonlocal seen
            seen += 1
            if seen == count:
                done.set()

        client = bare_client(port, name)
        client.on_message = on_message
        started_s, started_cpu_s = time.perf_counter(), time.process_time()
        client.loop_start()
        assert done.wait(300)
        seconds, cpu_s = time.perf_counter() - started_s, time.process_time() - started_cpu_s
        client.disconnect()
        client.loop_stop()
        return Found(count * size / seconds, cpu_s)

    return measure


def mosquitto_sub(port: int, count: int, size: int) -> Measure:
    def measure(name: str) -> Found:
        connect = ["-D", "connect", "receive-maximum", str(RECEIVE_MAXIMUM)]
        command = [
            "mosquitto_sub",
            "-p",
            str(port),
            "-i",
            name,
            "-c",
            "-q",
            "1",
            "-V",
            "5",
            "-t",
            TOPIC_FILTER,
            "-x",
            "3600",
            *connect,
        ]
        before = os.times()
        started_s = time.perf_counter()
        subprocess.run([*command, "-C", str(count)], stdout=subprocess.DEVNULL, check=True)
        seconds, after = time.perf_counter() - started_s, os.times()
        cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
        return Found(count * size / seconds, cpu_s)

    return measure


def ingester(
    source: Path, port: int, store: Callable[[str], StoreSettings], count: int, size: int, **options
) -> Measure:
    """An ingester of a source tree. options : of its MQTT settings."""

    def measure(name: str) -> Found:
        own = store(name)
        open_store(own).close()
        job = {"config": str(source / "config"), "port": port, "name": name, "count": count, "mqtt": options}
        job["store"] = {"path": str(own.path), "kind": own.kind}
        if own.kind == "influx":
            job["store"]["influx"] = {"url": own.influx.url, "bucket": own.influx.bucket, "api": "v1"}
        command = [sys.executable, str(ROOT / "tests/bench/ingest_once.py"), json.dumps(job)]
        environment = os.environ | {"PYTHONPATH": str(source / "src")}
        with tempfile.TemporaryDirectory() as folder:
            answer = subprocess.run(command, env=environment, cwd=folder, stdout=subprocess.PIPE, check=True)
        *warnings, last = answer.stdout.decode().splitlines()
        print(*warnings, sep="\n", end="", file=sys.stderr)
        found = json.loads(last)
        return Found(count * size / found.pop("seconds"), **found)

    return measure


def store_alone(portfolio: Portfolio, store: Callable[[str], StoreSettings], count: int, size: int) -> Measure:
    """The same readings as ready-made batches."""
    names = tuple(meter.id for meter in plain_meters(portfolio))
    number = np.arange(count * size)
    message = number // size
    step = message // len(names) * size + number % size
    columns = {"energy_kwh": 1000 + step * 0.25, "power_kw": np.round(20 + step % 7 * 0.5, 1)}
    whole = ReadingBatch(names, message % len(names), (TS + step) * US_PER_S, columns)
    batches = [whole.take(slice(at, at + BATCH[size])) for at in range(0, len(whole), BATCH[size])]

    def measure(name: str) -> Found:
        opened = open_writable(Settings(store=store(name)))
        started_s, started_cpu_s = time.perf_counter(), time.process_time()
        for batch in batches:
            opened.commit(batch)
        seconds, cpu_s = time.perf_counter() - started_s, time.process_time() - started_cpu_s
        opened.close()
        return Found(len(whole) / seconds, cpu_s)

    return measure


@contextmanager
def servers(folder: Path) -> Iterator[tuple[int, Influx]]:
    influx = influxdb(folder / "influx")
    with started(mosquitto(folder / "mqtt")) as broker, started(influx):
        yield broker.port, influx


@contextmanager
def source_of(commit: str, folder: Path) -> Iterator[Path]:
    """The tree of a commit."""
    tree = folder / "old"
    tree.mkdir()
    archive = subprocess.run(["git", "archive", commit, "src", "config"], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    subprocess.run(["tar", "x", "-C", str(tree)], input=archive.stdout, check=True)
    yield tree
    shutil.rmtree(tree)


@dataclass
class Bench:
    """All measurements of one size of message."""

    size: int
    measures: dict[str, Measure]
    found: dict[str, list[Found]] = field(default_factory=dict)

    def run(self, rounds: int, port: int, packets: bytes) -> None:
        for number in range(rounds):
            for name, measure in self.measures.items():
                own = f"{name}-{self.size}-{number}"
                receives = not name.startswith("store")
                if receives:
                    leave_backlog(port, own, packets, MESSAGES[self.size])
                self.found.setdefault(name, []).append(measure(own))
                if receives:
                    end_session(port, own)

    def median(self, name: str) -> Found:
        rounds = self.found[name]
        return Found(
            statistics.median(found.readings_per_s for found in rounds),
            statistics.median(found.cpu_s for found in rounds),
            statistics.median(found.rest_mb for found in rounds),
            statistics.median(found.peak_mb for found in rounds),
        )

    def ratio(self, name: str, to: str) -> float:
        if to not in self.found:
            return float("nan")
        return self.median(name).readings_per_s / self.median(to).readings_per_s

    def table(self) -> None:
        print(f"\n{self.size} a message, {MESSAGES[self.size]:,} messages")
        print(f"{'':>16} {'readings/s':>12} {'of sub':>7} {'CPU us each':>12} {'MB at rest':>11} {'MB at most':>11}")
        for name in self.measures:
            found = self.median(name)
            cpu_us = found.cpu_s / MESSAGES[self.size] / self.size * 1e6
            print(
                f"{name:>16} {found.readings_per_s:>12,.0f} {self.ratio(name, 'mosquitto_sub'):>7.2f} {cpu_us:>12.2f} "
                f"{found.rest_mb:>11.0f} {found.peak_mb:>11.0f}",
                flush=True,
            )

    def rows(self) -> None:
        """Add a row for each target."""
        for what, (ours, peer, target) in self.targets().items():
            ms, peer_ms = (1e6 / self.median(name).readings_per_s for name in (ours, peer))
            faster("ingest", f"1,000 readings, {self.size} a message, to {what}", ms, peer, peer_ms, target)
            value = self.ratio(ours, peer)
            print(f"  to {what}: {value:.2f} of {peer} (target: {target:g}){'' if value >= target else ' NOT REACHED'}")

    @property
    def is_reached(self) -> bool:
        return all(self.ratio(ours, peer) >= target for ours, peer, target in self.targets().values())

    def targets(self) -> dict[str, tuple[str, str, float]]:
        """What is to be reached: ours, the peer, and the least ratio that is right."""
        targets = {}
        for kind in ("sqlite", "influx"):
            ours = f"ours-{kind}"
            peers = [("mosquitto_sub", OF_MOSQUITTO_SUB), (f"old-{kind}", TIMES_OLD)]
            for peer, target in peers if self.size == 1 else [(f"store-{kind}", OF_STORE)]:
                if {ours, peer} <= self.measures.keys():
                    targets[f"{kind}, {peer}"] = (ours, peer, target)
        return targets


def run(given: argparse.Namespace) -> bool:
    """Print the tables; whether every ratio reaches its target."""
    portfolio = load_portfolio(ROOT / "config")
    reached = True
    with (
        tempfile.TemporaryDirectory(prefix="bkkenergy-bench-") as temporary,
        servers(Path(temporary)) as (port, influx),
        source_of(given.against, Path(temporary)) as old,
    ):
        stores: dict[str, Callable[[str], StoreSettings]] = {
            "sqlite": lambda name: StoreSettings(path=Path(temporary) / f"{name}.sqlite"),
            "influx": lambda name: StoreSettings(
                kind="influx",
                path=Path(temporary) / f"{name}.sqlite",
                influx=influx.bucket(name.replace("-", "_")),
            ),
        }
        for size in given.sizes:
            count = MESSAGES[size]
            measures = {"mosquitto_sub": mosquitto_sub(port, count, size), "paho": bare_paho(port, count, size)}
            for kind in given.stores:
                measures[f"store-{kind}"] = store_alone(portfolio, stores[kind], count, size)
                measures[f"ours-{kind}"] = ingester(ROOT, port, stores[kind], count, size)
                measures[f"old-{kind}"] = ingester(old, port, stores[kind], count, size)
            chosen = {name: measure for name, measure in measures.items() if not given.only or name in given.only}
            bench = Bench(size, chosen)
            bench.run(given.rounds, port, as_packets(messages(portfolio, size)))
            bench.table()
            bench.rows()
            reached &= bench.is_reached
    return reached


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", default="851c55d", help="the old commit")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(MESSAGES), help="readings in a message")
    parser.add_argument("--stores", nargs="+", default=["sqlite", "influx"])
    parser.add_argument("--only", nargs="+", help="of the names in the table")
    parser.add_argument("--quick", action="store_true", help="one round of a tenth of the messages")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds = 1
        MESSAGES.update({size: count // 10 for size, count in MESSAGES.items()})
    raise SystemExit(0 if run(arguments) else MISSED)
