"""Half an hour at five times a city's rate, with a fault each minute: what is lost, doubled, slow, or grows.

2,000 meters, a reading each 12 s (10,000 a minute), over real mosquitto into real InfluxDB, with `bkkenergy ingest`,
`jobs start` and `web` as processes of their own, five people on the pages, and reports made meanwhile. The agency that
they look at has a week of one-minute readings behind it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import paho.mqtt.client as mqtt
import pandas as pd
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from scipy.stats import linregress

from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.adapters.state.users import SignedIn, add_user, sign_in
from bkkenergy.calendar import BANGKOK
from bkkenergy.ports.readings import ReadingStore
from bkkenergy.readings import ReadingBatch
from bkkenergy.site import load_configuration
from bkkenergy.site.open import open_store, opened_state
from tests.bench.reports import site
from tests.ports import free_port
from tests.servers import Influx, Server, influxdb, mosquitto

METERS, AGENCIES, EVERY_S = 2000, 50, 12
PAGES = ("/", "/agencies/agency-07", "/buildings/agency-07.b-0007", "/reports", "/plan", "/meters?agency=agency-07")
USERS, PAUSE_S = 5, 3.0
SAMPLE_S = 2.0
HISTORY_DAYS, SEEN_AGENCY = 7, 7
WARM_S = 900.0
"""Memory is judged after this: every process is killed once in the first minutes, and has filled its caches since."""


class City:
    """2,000 meters that publish, and know what they have published and what the broker has taken."""

    def __init__(self, port: int, start_s: int) -> None:
        self.start_s, self.step = start_s, 0
        self.unconfirmed: dict[int, tuple[str, bytes]] = {}
        self._lock = threading.Lock()
        self._early: set[int] = set()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="city", protocol=MQTTProtocolVersion.MQTTv5)
        self.client.max_inflight_messages_set(200)
        self.client.reconnect_delay_set(1, 2)
        self.client.on_publish = lambda _c, _u, mid, _r, _p: self._confirmed(mid)
        self.client.connect("127.0.0.1", port, clean_start=False)
        self.client.loop_start()

    def _confirmed(self, mid: int) -> None:
        with self._lock:
            if self.unconfirmed.pop(mid, None) is None:
                self._early.add(mid)

    def send(self, topic: str, payload: bytes) -> None:
        mid = self.client.publish(topic, payload, qos=1).mid
        with self._lock:
            if mid in self._early:
                self._early.discard(mid)
            else:
                self.unconfirmed[mid] = (topic, payload)

    def reading(self, meter: int, step: int) -> dict[str, float]:
        return {"ts": self.start_s + step * EVERY_S, "energy_kwh": register(meter, step), "power_kw": load_kw(meter)}

    def tick(self, *, held: range = range(0)) -> None:
        """One reading of every meter but those that are cut off."""
        for meter in range(METERS):
            if meter not in held:
                self.send(topic_of(meter), json.dumps(self.reading(meter, self.step)).encode())
        self.step += 1

    def again(self, meters: range, steps: range) -> None:
        """Readings once more, or for the first time where they were held back, many to a payload."""
        for meter in meters:
            self.send(topic_of(meter), json.dumps([self.reading(meter, step) for step in steps]).encode())


def topic_of(meter: int) -> str:
    return f"bma/agency-{meter % AGENCIES:02d}/b-{meter:04d}/main/readings"


def meter_of(meter: int) -> str:
    return f"agency-{meter % AGENCIES:02d}.b-{meter:04d}.main"


def load_kw(meter: int) -> float:
    return 5.0 + meter % 7


def register(meter: int, step: int | np.ndarray) -> np.ndarray:
    return np.round(10_000 + meter * 7 + step * load_kw(meter) * EVERY_S / 3600, 6)


def remember(store: ReadingStore, start_s: int) -> None:
    """A week of one-minute readings of the agency that people look at, up to the city's first."""
    steps = np.arange(-HISTORY_DAYS * 86_400 // EVERY_S, 0, 60 // EVERY_S)
    ts_us = (start_s + steps * EVERY_S) * 1_000_000
    for meter in range(SEEN_AGENCY, METERS, AGENCIES):
        columns = {"energy_kwh": register(meter, steps), "power_kw": np.full(len(steps), load_kw(meter))}
        store.commit(ReadingBatch((meter_of(meter),), np.zeros(len(steps), np.int64), ts_us, columns))


class Part:
    """One process of the service, which may be killed, and its memory over time."""

    def __init__(self, name: str, command: list[str], log: Path) -> None:
        self.name, self.command, self.log = name, command, log
        self.samples: list[tuple[float, float]] = []
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.start()

    def sample(self, at_s: float) -> None:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        self.samples.append((at_s, int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024))

    def slope_mb_per_h(self, since_s: float) -> tuple[float, float, float, float]:
        """(MB/h of the minutes' medians, its 95 % half width, MB in the mean, highest MB) since a moment."""
        samples = pd.DataFrame(self.samples, columns=["second", "mb"]).query("second >= @since_s")
        median_mb = samples.groupby(samples["second"] // 60)["mb"].median()
        line = linregress(median_mb.index / 60, median_mb)
        return float(line.slope), float(1.96 * line.stderr), float(samples["mb"].mean()), float(samples["mb"].max())


def configured(folder: Path, broker: Server, influx: Influx) -> tuple[dict[str, Path], int]:
    """The site's files; (config, port of the web app)."""
    site(folder, AGENCIES, METERS)
    port = free_port()
    (folder / "config/bkkenergy.toml").write_text(
        f"[mqtt]\nport = {broker.port}\nreconnect_max_s = 2\n[observe]\nport = 0\n[ingest]\nspool = 'spool'\n"
        f"[store]\nkind = 'influx'\npath = 'store.sqlite'\n{influx.toml('soak', timeout_s=5.0)}"
        f"[state]\npath = 'state.sqlite'\n[report]\nfolder = 'reports'\n"
        f"[jobs]\nschedule = [{{ kind = 'day', at = '00:00', agencies = ['agency-01', 'agency-02'] }}]\n"
        f"[web]\nport = {port}\nsecure_cookies = false\nsecond_factor = 'offered'\n"
    )
    return folder / "config", port


def reader(port: int, cookie: str, found: list[tuple[float, int, float]], stopping: threading.Event, seed: int) -> None:
    """A person who looks at a page, and another, and notes how long each took."""
    rng = random.Random(seed)
    while not stopping.wait(rng.uniform(0.5, 1.5) * PAUSE_S):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{rng.choice(PAGES)}", headers={"Cookie": cookie})
        started_s = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                answer.read()
                status = answer.status
        except urllib.error.HTTPError as error:
            status = error.code
        except OSError:
            status = 0
        found.append((started_s, status, time.monotonic() - started_s))


def stopped_for(server: Server, seconds: float) -> None:
    server.stop()
    time.sleep(seconds)
    server.start()


def hung_for(server: Server, seconds: float) -> None:
    server.process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    server.process.send_signal(signal.SIGCONT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--folder", type=Path, default=Path("var/soak"))
    given = parser.parse_args()
    if given.minutes < 4:
        parser.error("--minutes: at least 4, or there is no slope of memory to tell.")
    folder = given.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    broker, influx = mosquitto(folder / "mqtt"), influxdb(folder / "influx")
    parts: dict[str, Part] = {}
    stopping = threading.Event()
    try:
        broker.start()
        influx.start()
        run(given.minutes, folder, broker, influx, parts, stopping)
    finally:
        stopping.set()
        for part in parts.values():
            part.process.kill()
            part.process.wait()
        broker.stop()
        influx.stop()


Fault = tuple[str, Callable[[], object]]


def faults(city: City, parts: dict[str, Part], broker: Server, influx: Server) -> Iterator[Fault]:
    """What goes wrong, a fault a minute: each process is killed once, then everything around them fails in turn."""

    def malformed() -> None:
        for number in range(500):
            city.send(topic_of(number), b'{"ts": "yesterday", "energy_kwh": "much"')

    def doubled() -> None:
        city.again(range(METERS), range(max(0, city.step - 6), city.step - 1))

    stopped = ("InfluxDB stopped for 20 s", lambda: stopped_for(influx, 20))
    restarted = ("broker restarted", lambda: stopped_for(broker, 3))
    early = [stopped, restarted, *((f"{name}: kill -9", part.kill) for name, part in parts.items())]
    later = [
        ("InfluxDB hangs for 20 s", lambda: hung_for(influx, 20)),
        ("500 payloads that are no readings", malformed),
        ("10,000 readings sent again", doubled),
        restarted,
        stopped,
        ("100 gateways cut off for a minute, then all at once", lambda: None),
    ]
    return itertools.chain(early, itertools.cycle(later))


def run(
    minutes: int, folder: Path, broker: Server, influx: Influx, parts: dict[str, Part], stopping: threading.Event
) -> None:
    config, port = configured(folder, broker, influx)
    settings, now = load_configuration(config).settings, dt.datetime.now(dt.UTC)
    engine, start_s = open_state(settings.state), int(time.time())
    with closing(open_store(settings.store)) as store:
        remember(store, start_s)
    add_user(engine, "soak", "correct horse battery", "admin", ["all"], now)
    signed = sign_in(engine, "soak", "correct horse battery", now, session_s=36_000, address="")
    assert isinstance(signed, SignedIn)
    cookie = f"bkkenergy={signed.key}"
    for name, arguments in (("ingest", ["ingest"]), ("jobs", ["jobs", "start"]), ("web", ["web"])):
        command = [sys.executable, "-m", "bkkenergy", *arguments, "--config", str(config), "--log-format", "json"]
        parts[name] = Part(name, command, folder / f"{name}.log")
    time.sleep(8)  # the session must exist before the first message, or the broker has nobody to keep it for
    pages: list[tuple[float, int, float]] = []
    for seed in range(USERS):
        threading.Thread(target=reader, args=(port, cookie, pages, stopping, seed), daemon=True).start()
    city = City(broker.port, start_s)
    begin_s = time.monotonic()
    held = range(100, 200)

    plan = faults(city, parts, broker, influx)
    bad = 0
    for minute in range(minutes):
        name, fault = next(plan)
        is_cut = name.startswith("100 gateways")
        bad += 500 * name.startswith("500")
        print(f"{dt.datetime.now(BANGKOK):%H:%M:%S} minute {minute + 1:2}: {name}", flush=True)
        worker = threading.Thread(target=fault)
        first = city.step
        for tick in range(60 // EVERY_S):
            city.tick(held=held if is_cut else range(0))
            if tick == 0:
                worker.start()
            while time.monotonic() < begin_s + (minute * (60 // EVERY_S) + tick + 1) * EVERY_S:
                time.sleep(SAMPLE_S)
                for part in parts.values():
                    part.sample(time.monotonic() - begin_s)
        worker.join()
        if is_cut:
            city.again(held, range(first, city.step))
    until_s = time.monotonic() + 120
    while city.unconfirmed and time.monotonic() < until_s:
        time.sleep(0.2)
    summarise(folder, city, parts, pages, begin_s, bad)


def summarise(
    folder: Path, city: City, parts: dict[str, Part], pages: list[tuple[float, int, float]], begin_s: float, bad: int
) -> None:
    """Hold what is stored against what was published, and print all figures."""
    print(f"published {city.step * METERS:,} readings; not confirmed by the broker: {len(city.unconfirmed)}")
    settings = load_configuration(folder / "config").settings
    names = [meter_of(meter) for meter in range(METERS)]
    truth_us = (city.start_s + np.arange(city.step) * EVERY_S) * 1_000_000
    until_s = time.monotonic() + 180
    with closing(open_store(settings.store)) as store:
        while time.monotonic() < until_s:
            batch = store.readings(names, city.start_s * 1_000_000, 2**52, ("energy_kwh",))
            if len(batch) >= city.step * METERS:
                break
            time.sleep(2)
    lost = wrong = extra = 0
    starts = np.searchsorted(batch.meter, np.arange(METERS + 1))
    for meter in range(METERS):
        own = slice(starts[meter], starts[meter + 1])
        at = batch.ts_us[own]
        lost += len(np.setdiff1d(truth_us, at))
        extra += len(at) - len(np.intersect1d(truth_us, at))
        step = (at // 1_000_000 - city.start_s) // EVERY_S
        wrong += int((batch.column("energy_kwh")[own] != register(meter, step)).sum())
    with opened_state(settings) as state:
        kept = len(Quarantine.of(state, settings.ingest).listed(limit=10**6))
    print(
        f"stored {len(batch):,}: lost {lost}, twice or strange {extra}, other values {wrong}; quarantined {kept} kinds of {bad} bad payloads"
    )
    for part in parts.values():
        np.savetxt(folder / f"{part.name}-memory.csv", part.samples, "%.1f", ",", header="second,mb", comments="")
        slope, width, mean, most = part.slope_mb_per_h(min(WARM_S, part.samples[-1][0] / 2))
        curve = ", ".join(f"{mb:.0f}" for at_s, mb in part.samples if at_s % 300 < SAMPLE_S)
        print(f"{part.name:7} memory each 5 minutes: {curve} MB")
        print(f"{part.name:7} memory: slope {slope:+.1f} ± {width:.1f} MB/h, mean {mean:.0f} MB, highest {most:.0f} MB")
    seconds = np.array([own[2] for own in pages if own[1] == 200])
    status = {code: sum(own[1] == code for own in pages) for code in sorted({own[1] for own in pages})}
    p50, p95, p99 = np.percentile(seconds, [50, 95, 99]) * 1000
    print(
        f"{len(pages)} pages, by status {status}: p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms, slowest {seconds.max() * 1000:.0f} ms"
    )
    runs = json.dumps(sorted({path.parent.name for path in (folder / "reports/archive").rglob("r*") if path.is_dir()}))
    print(f"reports archived meanwhile: {runs}")


if __name__ == "__main__":
    main()
