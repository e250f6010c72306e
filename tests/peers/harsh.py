"""The product on brokers that are not ours to ship, roughly handled: kills, stops and backlogs larger than any window.

    python -m tests.peers.harsh mosquitto | mosquitto-stock        starts it
    python -m tests.peers.harsh NAME COMMAND... {port} {folder}     starts that command, in each of whose words both are replaced

A NAME that ends in @3.1.1 or @5 has that protocol. The doctor has played an outage of 12,000 messages before each part. Counts what each
stores of what it acknowledged, and which troubles the ingester had, but `queue_short`. Outside `make test`. It prints no timings.

HiveMq.java, Artemis.java, Moquette.java and mochi.go beside this file start their brokers, and say what they need.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bkkenergy.adapters.canary import MISSED_AFTER_S
from bkkenergy.adapters.state.logbook import Logbook
from bkkenergy.ingest.gaps import gaps_of
from bkkenergy.settings import Settings, StateSettings, StoreSettings
from bkkenergy.site.open import open_store, opened_state
from tests.conftest import CONFIG_PARTS, ROOT
from tests.integration.conftest import EVER
from tests.peers.brokers import METER, SETTLES_S, TOPIC, TS
from tests.servers import Server, free_port, mosquitto, mosquitto_path

AWAY, LIVE, KILLED, FLOW, QUEUED = 3_000, 5_000, 5_000, 2_000, 900
MEASURED = 12_000
ANSWERS_WITHIN_S = 120
MISSED_WITHIN_S = MISSED_AFTER_S + 15
STARTED = dt.datetime.now(dt.UTC)
SAID_LAST = {"canary_missed", "queue_full", "queue_unproven", "messages_lost", "messages_dropped", "session_lost"}
TROUBLE = re.compile(r'bkkenergy_mqtt_troubles_total\{[^}]*kind="([a-z_0-9]+)"[^}]*\} ([1-9])')


def server_of(name: str, command: list[str], folder: Path) -> Server:
    port = free_port()
    if command:
        words = [word.replace("{port}", str(port)).replace("{folder}", str(folder / "broker")) for word in command]
        return Server(words, port, starts_within_s=180)
    if name.startswith("mosquitto@") or name == "mosquitto":
        return mosquitto(folder / "broker")
    (folder / "stock.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n")
    return Server([mosquitto_path() or "mosquitto", "-c", str(folder / "stock.conf")], port)


class Part:
    """An ingester, as a process of its own that is killed and started again, and a gateway."""

    def __init__(self, folder: Path, port: int, name: str, share: str = "") -> None:
        self.port, self.name = port, name
        self.site = folder / name / "config"
        self.site.mkdir(parents=True)
        for part in CONFIG_PARTS:
            (self.site / part).symlink_to(ROOT / "config" / part)
        self.observed = free_port()
        (self.site / "bkkenergy.toml").write_text(
            f'[mqtt]\nport = {port}\nreconnect_max_s = 1\nclient_id = "harsh-{name}"\ncanary_s = 5.0\n{share}'
            f"[observe]\nport = {self.observed}\n"
        )
        self.process: subprocess.Popen[bytes] | None = None
        self.store = open_store(StoreSettings(path=self.site.parent / "var/bkkenergy.sqlite"))

    def start(self, *, must_be_ready: bool = True) -> None:
        """Start it, and wait until it is subscribed; with some brokers it never is."""
        command = [sys.executable, "-m", "bkkenergy", "ingest", "--config", str(self.site), "--log-level", "error"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_at_most(self.is_ready, ANSWERS_WITHIN_S)
        assert not must_be_ready or self.is_ready(), "it is not subscribed"

    def measure(self) -> None:
        """Let the doctor measure the broker's queue."""
        asked = [sys.executable, "-m", "bkkenergy", "doctor", "--config", str(self.site), "--outage", str(MEASURED)]
        subprocess.run(asked, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.observed}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self, sign: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(sign)
            self.process.wait(60)

    def troubles(self) -> str:
        """Kinds that are in the metrics, and those that an earlier process has left as events."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.observed}/metrics", timeout=5) as answer:
                kinds = set(dict(TROUBLE.findall(answer.read().decode())))
        except OSError:
            return "not to be asked"
        with opened_state(Settings(state=StateSettings(path=self.site.parent / "var/state.sqlite"))) as state:
            kinds |= {str(event.kind) for event in Logbook(state).events([gaps_of(f"harsh-{self.name}")], STARTED)}
        return ", ".join(sorted(kinds - {"queue_short"})) or "none"

    def troubles_after(self, stored: int, acked: int) -> str:
        """Troubles by now; where readings are missing, once a canary had the time to be missed."""
        wait_at_most(lambda: SAID_LAST & set(self.troubles().split(", ")), MISSED_WITHIN_S if stored < acked else 1)
        return self.troubles()

    def stored(self, first: int, count: int) -> int:
        return len(self.stamps(first, count))

    def stamps(self, first: int, count: int) -> set[int]:
        rows = self.store.readings([METER], *EVER, ("energy_kwh",))
        return {ts_us for ts_us in rows.ts_us.tolist() if TS + first <= ts_us // 10**6 < TS + first + count}

    def settled(self, first: int, count: int) -> int:
        """Stored readings of a part, once no more come or all are there."""
        before, since_s = -1, time.monotonic()
        while time.monotonic() - since_s < SETTLES_S and before < count:
            now = self.stored(first, count)
            if now != before:
                before, since_s = now, time.monotonic()
            time.sleep(0.2)
        return before


def published(port: int, first: int, count: int, between: Callable[[int], None] | None = None) -> int:
    """Publish at QoS 1 and return how many the broker acknowledged, waiting two minutes for that at most."""
    acknowledged: set[int] = set()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"gateway-{first}")
    client.on_publish = lambda *event: acknowledged.add(event[2])
    client.max_inflight_messages_set(10)
    client.reconnect_delay_set(1, 1)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for number in range(first, first + count):
        client.publish(TOPIC, json.dumps({"ts": TS + number, "energy_kwh": number}), qos=1)
        done = number - first + 1
        if between and done % 100 == 0:
            wait_at_most(lambda done=done: len(acknowledged) >= done - 50, 20)
            between(done)
    wait_at_most(lambda: len(acknowledged) >= count, 120)
    client.disconnect()
    client.loop_stop()
    return len(acknowledged)


def wait_at_most(is_so: Callable[[], bool], seconds: float) -> None:
    until_s = time.monotonic() + seconds
    while not is_so() and time.monotonic() < until_s:
        time.sleep(0.02)


PartT = TypeVar("PartT", bound=Part)


def backlog(part: Part, server: Server) -> Iterator[str]:
    part.start()
    part.stop()
    acked = published(server.port, 0, AWAY)
    part.start(must_be_ready=False)
    yield f"away: {part.settled(0, AWAY)} of {acked}"
    acked = published(server.port, AWAY, LIVE)
    stored = part.settled(AWAY, LIVE)
    yield f"live after it: {stored} of {acked}; troubles: {part.troubles_after(stored, acked)}"
    part.stop()


def kills(part: Part, server: Server) -> Iterator[str]:
    part.start()

    def kill(done: int) -> None:
        if done in {1_000, 2_500, 4_000}:
            part.stop(signal.SIGKILL)
            part.start(must_be_ready=False)

    acked = published(server.port, 20_000, KILLED, kill)
    stored = part.settled(20_000, KILLED)
    yield f"3 kills: {stored} of {acked}; troubles: {part.troubles_after(stored, acked)}"
    part.stop()


def restarts(part: Part, server: Server) -> Iterator[str]:
    part.start()

    def restart(done: int) -> None:
        if done == 1_000:
            server.stop()
            server.start()

    acked = published(server.port, 30_000, FLOW, restart)
    stored = part.settled(30_000, FLOW)
    yield f"broker restarted in a flow: {stored} of {acked}; troubles: {part.troubles_after(stored, acked)}"
    part.stop()
    for number, (how, sign) in enumerate((("restart", signal.SIGTERM), ("kill -9", signal.SIGKILL))):
        first = 40_000 + number * QUEUED
        acked = published(server.port, first, QUEUED)
        assert server.process is not None
        server.process.send_signal(sign)
        server.process.wait(60)
        server.start()
        part.start(must_be_ready=False)
        stored = part.settled(first, QUEUED)
        yield f"queue over a {how} of the broker: {stored} of {acked}; troubles: {part.troubles_after(stored, acked)}"
        part.stop()


def shares(*given: Part | Server) -> Iterator[str]:
    parts, server = (
        [one for one in given if isinstance(one, Part)],
        next(one for one in given if isinstance(one, Server)),
    )
    for part in parts:
        part.start()

    def counted(first: int, count: int) -> str:
        """Stored by any, and by more than one."""
        for part in parts:
            part.settled(first, count // len(parts) + 1)
        each = [part.stamps(first, count) for part in parts]
        once = len(set().union(*each))
        return f"{once} of {{}}, {sum(map(len, each)) - once} twice, by {list(map(len, each))}"

    acked = published(server.port, 50_000, 1_500)
    yield f"shared by three: {counted(50_000, 1_500).format(acked)}"

    def kill(done: int) -> None:
        if done == 1_500:
            parts[-1].stop(signal.SIGKILL)

    acked = published(server.port, 60_000, 3_000, kill)
    yield f"one of them killed in a flow: {counted(60_000, 3_000).format(acked)}"
    parts[-1].start(must_be_ready=False)
    wait_at_most(lambda: sum(part.stored(60_000, 3_000) for part in parts) >= acked, SETTLES_S)
    said = counted(60_000, 3_000)
    troubles = " | ".join(
        [parts[0].troubles_after(int(said.split()[0]), acked), *(part.troubles() for part in parts[1:])]
    )
    yield f"when it is back: {said.format(acked)}; troubles: {troubles}"
    for part in parts:
        part.stop()


@contextmanager
def parts_of(
    folder: Path, port: int, share: str, *names: str, kind: Callable[..., PartT] = Part
) -> Iterator[list[PartT]]:
    made = [kind(folder, port, name, share) for name in names]
    try:
        yield made
    finally:
        for part in made:
            if part.process is not None and part.process.poll() is None:
                part.stop(signal.SIGKILL)
            part.store.close()


def main(name: str, *command: str) -> None:
    for phase in (backlog, kills, restarts, shares):
        folder = Path(tempfile.mkdtemp())
        folder.chmod(0o777)
        (folder / "broker").mkdir()
        server = server_of(name, list(command), folder)
        share, names = ('share = "bkk-secret"\n', ("one", "two", "three")) if phase is shares else ("", ("one",))
        _, _, protocol = name.partition("@")
        share += f'protocol = "{protocol}"\n' if protocol else ""
        try:
            server.start()
            with parts_of(folder, server.port, share, *names) as parts:
                for part in parts:
                    part.measure()
                for line in phase(*parts, server):
                    print(f"{name}: {line}", flush=True)
        except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
            print(f"{name}: {phase.__name__} ended: {type(error).__name__} {error}", flush=True)
        finally:
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
