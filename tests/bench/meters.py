"""A simulated city of as many meters as asked for, and one sender of their readings at the pace of one a minute each."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bkkenergy.access import server_actor
from bkkenergy.adapters.state import open_state
from bkkenergy.demo.gateways import payload
from bkkenergy.portfolio import Meter
from bkkenergy.portfolio.records import Entry
from bkkenergy.ports.readings import ReadingStore
from bkkenergy.readings import US_PER_S, ReadingBatch
from bkkenergy.settings import StateSettings
from bkkenergy.site.follower import wall_clock
from bkkenergy.usecases.portfolio import PortfolioState, replace_all
from tests.conftest import CONFIG_PARTS, ROOT
from tests.schools import school_records
from tests.unit.adapters.packets import packet, publish_packet, text

METERS_OF_FIVE = 49
"""How many meters five of the generated schools have today."""
TICK_S = 0.05
AT_ONCE = 200_000
"""Readings of a commit."""


def record_city(folder: Path, meters: int) -> float:
    """Files and state of a city of `meters` or a few more; CPU s of the import into the state."""
    config = folder / "config"
    config.mkdir(parents=True)
    for name in CONFIG_PARTS:
        if name != "portfolio":
            (config / name).symlink_to(ROOT / "config" / name)
    made = school_records(meters * 5 // METERS_OF_FIVE + 1)
    records = replace(made, entries=tuple(plain(entry) for entry in made.entries))
    engine, began_s = open_state(StateSettings(path=folder / "state.sqlite")), time.process_time()
    replace_all(PortfolioState(engine), server_actor("bench"), records, why="bench", now=wall_clock())
    taken_s = time.process_time() - began_s
    engine.dispose()
    return taken_s


def plain(entry: Entry) -> Entry:
    """A meter without transformer ratios and the key of its device: what it sends is what is stored."""
    if entry.kind != "meter":
        return entry
    usual = {name: type(entry.value).model_fields[name].default for name in ("key", "ct_ratio", "exchanges")}
    return replace(entry, value=entry.value.model_copy(update=usual | {"rated_kw": 20.0}))


def remember(store: ReadingStore, meters: Sequence[Meter], start_s: int, end_s: int, every_s: int) -> int:
    """Commit readings of meters from one instant to another; how many."""
    names = tuple(meter.id for meter in meters)
    steps = np.arange(start_s, end_s, every_s) * US_PER_S
    meters_at_once = max(1, AT_ONCE // len(steps))
    for at in range(0, len(names), meters_at_once):
        part = names[at : at + meters_at_once]
        of_meter, ts_us = np.repeat(np.arange(len(part)), len(steps)), np.tile(steps, len(part))
        columns = {"energy_kwh": register_kwh(ts_us, at + of_meter), "power_kw": 5.0 + (at + of_meter) % 7}
        store.commit(ReadingBatch(part, of_meter, ts_us, columns))
    return len(steps) * len(names)


def register_kwh(ts_us: np.ndarray, meter: np.ndarray) -> np.ndarray:
    """A register at instants: 5 to 11 kW since this year began, in hundredths of a kWh."""
    hours = (ts_us - 1_767_200_400_000_000) / 3_600_000_000
    return np.round(hours * (5.0 + meter % 7), 2)


class Sender:
    """A process that publishes a reading of each meter in turn, at QoS 1 and at a pace. It has begun when made."""

    def __init__(self, port: int, topics: Sequence[str], messages: int, per_s: float, folder: Path) -> None:
        job = folder / "sender.json"
        job.write_text(json.dumps({"port": port, "topics": topics, "messages": messages, "per_s": per_s}))
        command = [sys.executable, "-m", "tests.bench.meters", str(job)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def go(self) -> None:
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def outcome(self) -> dict[str, float]:
        """CPU s of sending, and for how many seconds it lasted, when the broker has confirmed all."""
        answer = json.loads(self.process.stdout.readline())
        assert self.process.wait(30) == 0
        return answer


def packets_of(topics: Sequence[str], count: int) -> list[bytes]:
    now_us = time.time_ns() // 1000
    packets = []
    for number in range(count):
        meter = number % len(topics)
        at_us = np.array([now_us + number // len(topics) * 60 * US_PER_S])
        values = {"energy_kwh": register_kwh(at_us, np.array([meter])), "power_kw": np.array([5.0 + meter % 7])}
        packets.append(publish_packet(topics[meter], payload(at_us, values), qos=1, packet_id=number % 65_535 + 1))
    return packets


def send(job: dict) -> dict[str, float]:
    """Publish what is due each moment until all is confirmed."""
    packets = packets_of(job["topics"], job["messages"])
    with socket.create_connection(("127.0.0.1", job["port"])) as broker:
        broker.sendall(packet(0x10, text("MQTT") + b"\4\2\0\0" + text(f"sender-{os.getpid()}")))
        print("ready", flush=True)
        sys.stdin.readline()
        began_s, began_cpu_s, sent, answers = time.monotonic(), time.process_time(), 0, 4 + 4 * len(packets)
        while answers:
            due = min(len(packets), int((time.monotonic() - began_s) * job["per_s"]) + 1)
            broker.sendall(b"".join(packets[sent:due]))
            sent = due
            while answers and select.select([broker], [], [], TICK_S if sent == len(packets) else 0)[0]:
                answers -= len(broker.recv(min(answers, 65_536)))
            if sent < len(packets):
                time.sleep(TICK_S)
        return {"cpu_s": time.process_time() - began_cpu_s, "seconds": time.monotonic() - began_s}


if __name__ == "__main__":
    print(json.dumps(send(json.loads(Path(sys.argv[1]).read_text()))), flush=True)
