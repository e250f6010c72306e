"""What 1,000, 10,000 and 100,000 meters at a reading a minute cost: CPU of each part, memory, room on disk, pages.

    python -m tests.bench.scale --sizes 10000 --stores sqlite    six minutes on a machine with other work
    python -m tests.bench.scale --sizes 1000 --seconds 5         whether it runs

Real servers, `bkkenergy ingest` and `bkkenergy jobs start`, and one sender at the pace of all meters, one reading to
a message. CPU is what processes used from the first message until all was stored and computed: it is a figure on a
machine with other work too. Whether a size holds in real time is what had been stored when the last one was sent.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import structlog

from bkkenergy.cli.opening import opened_site
from bkkenergy.portfolio import Meter
from bkkenergy.ports.ledger import EnergyLedger
from bkkenergy.readings import US_PER_S
from bkkenergy.site import Site, load_configuration
from bkkenergy.site.folder import scheduler_mark
from tests.bench.meters import Sender, record_city, remember
from tests.bench.pages import Page, pages_of
from tests.bench.processes import command_cpu_s, cpu_s, memory_mb, product
from tests.bench.rows import MISSED, costs
from tests.conftest import until_taking_connections
from tests.ports import free_port
from tests.servers import Server, influxdb, mosquitto, postgresql, started
from tests.sites import postgresql_database

SIZES, STORES = (1_000, 10_000, 100_000), ("sqlite", "influx", "postgresql")
MINUTELY, LONG_MINUTELY = 200, 1_000
"""Meters with a day of one-minute readings behind them; where memory is taken, more."""
MEMORY_AT = 10_000
CORES, MINUTE_S = 2, 60
MAX_GROWTH = 1.25
"""Of the CPU of a reading, from a size to the next."""
PATIENCE_S = 600.0
LEDGER_PATIENCE_S = 60.0


@dataclass
class Run:
    """One size on one store. cpu_s : of each part while the traffic came. start_cpu_s : until each was ready."""

    meters: int
    store: str
    readings: int = 0
    cpu_s: dict[str, float] = field(default_factory=dict)
    start_cpu_s: dict[str, float] = field(default_factory=dict)
    memory_mb: dict[str, tuple[float, float]] = field(default_factory=dict)
    sending_s: float = 0.0
    stored_ratio: float = 0.0
    stored_after_s: float = 0.0
    computed: int = 0
    waiting: int = 0
    bytes_a_reading: float = float("nan")
    minutely_ms: float = float("nan")
    pages: list[Page] = field(default_factory=list)

    def us_a_reading(self, *parts: str) -> float:
        return sum(self.cpu_s[part] for part in parts) / self.readings * 1e6

    @property
    def ingest_share(self) -> float:
        """Of the cores' time in a minute, what taking in a minute of this size needs."""
        used_s = sum(self.us_a_reading(part) for part in ("broker", "ingester", "store")) * self.meters / 1e6
        return used_s / (CORES * MINUTE_S)


@contextmanager
def store_of(kind: str, folder: Path) -> Iterator[tuple[Server | None, str]]:
    """A store's server, and the operator's lines for it."""
    plain = f"[store]\nkind = '{kind}'\npath = '{folder}/store.sqlite'\n"
    if kind == "sqlite":
        yield None, plain
    elif kind == "influx":
        os.environ["INFLUXDB_DATA_CACHE_SNAPSHOT_WRITE_COLD_DURATION"] = "1s"  # as after hours of a plant's work
        with started(influxdb(folder / "influx")) as server:
            server.bucket("scale")
            yield server, plain + server.toml("scale")
    else:
        with started(postgresql()) as server:
            until_taking_connections(server)
            url = postgresql_database(server.port, "scale").get_secret_value()
            (folder / "url").write_text(url)
            yield server, f"{plain}[store.postgresql]\nurl_file = '{folder}/url'\n[ledger]\nurl_file = '{folder}/url'\n"


def configured(folder: Path, lines: str, mqtt_port: int, observed_port: int) -> Path:
    config = folder / "config"
    (config / "bkkenergy.toml").write_text(
        f"[mqtt]\nport = {mqtt_port}\n[observe]\nport = {observed_port}\n[ingest]\nspool = '{folder}/spool'\n"
        f"{lines}[state]\npath = '{folder}/state.sqlite'\n[portfolio]\nsource = 'state'\n[jobs]\nschedule = []\n"
        f"[report]\nfolder = '{folder}/reports'\n[web]\nport = {free_port()}\nsecure_cookies = false\nsecond_factor = 'offered'\n"
    )
    return config


def until(is_so: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    until_s = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < until_s, f"{what}: not within {patience_s:.0f} s"
        time.sleep(0.1)


def metric(port: int, name: str) -> float:
    """A metric of the ingester; 0 while it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            line = re.search(rf"^bkkenergy_{name}(?:_total)? (\S+)$", answer.read().decode(), re.MULTILINE)
    except OSError:
        return 0.0
    return float(line[1]) if line else 0.0


class Parts:
    """The processes of a run by the name of their part, and what each has used since a moment."""

    def __init__(self) -> None:
        self.pids: dict[str, int] = {}

    def used_s(self) -> dict[str, float]:
        return {name: cpu_s(pid) for name, pid in self.pids.items()}


def measured(folder: Path, meters: int, kind: str, seconds: float) -> Run:
    """Start everything, send a part of a minute, and say what it took."""
    run, parts = Run(meters, kind), Parts()
    with ExitStack() as stack:
        server, lines = stack.enter_context(store_of(kind, folder))
        broker = stack.enter_context(started(mosquitto(folder / "mqtt")))
        observed_port = free_port()
        config = configured(folder, lines, broker.port, observed_port)
        parts.pids = {"broker": broker.process.pid} | ({"store": server.process.pid} if server else {})
        site = stack.enter_context(opened_site(load_configuration(config)))
        sent_meters = site.portfolio.meters[:meters]
        begin_ingester(stack, run, parts, config, observed_port)
        begin_worker(stack, run, parts, config, site)
        remember_a_day(run, parts, site, sent_meters, LONG_MINUTELY if meters == MEMORY_AT else MINUTELY)
        if meters == MEMORY_AT:
            remember(site.readings, sent_meters[LONG_MINUTELY:], *a_day(site), 900)
            until(lambda: not site.ledger.waiting(), "the ledger of a day")
        traffic(run, parts, site, sent_meters, broker.port, observed_port, seconds, folder)
        for name in ("ingester", "worker"):
            run.memory_mb[name] = memory_mb(parts.pids[name]), memory_mb(parts.pids[name], "VmHWM")
        if kind == "sqlite":
            run.pages, run.memory_mb["web"], run.start_cpu_s["web"] = pages_of(config, site, folder)
            run.start_cpu_s["doctor"] = command_cpu_s(config, "doctor")
    return run


def begun(stack: ExitStack, parts: Parts, name: str, config: Path, *arguments: str) -> None:
    process = product(config, *arguments, log=config.parent / f"{name}.log")
    stack.callback(process.wait)
    stack.callback(process.terminate)
    parts.pids[name] = process.pid


def begin_ingester(stack: ExitStack, run: Run, parts: Parts, config: Path, port: int) -> None:
    begun(stack, parts, "ingester", config, "ingest")
    until(lambda: metric(port, "mqtt_connected") == 1, "the ingester's start")
    run.start_cpu_s["ingester"] = cpu_s(parts.pids["ingester"])


def begin_worker(stack: ExitStack, run: Run, parts: Parts, config: Path, site: Site) -> None:
    """Start the worker: it has begun when its ledger knows every meter, and it has looked at what is due."""
    mark = scheduler_mark(site.settings)
    mark.unlink(missing_ok=True)
    begun(stack, parts, "worker", config, "jobs", "start")
    meters = len(site.portfolio.meters_ever)
    until(lambda: len(site.ledger.revisions()) == meters and mark.exists(), "the worker's start")
    run.start_cpu_s["worker"] = cpu_s(parts.pids["worker"])


def a_day(site: Site) -> tuple[int, int]:
    """The day before the last ten minutes."""
    now_s = site.now_us() // US_PER_S // 60 * 60
    return now_s - 86_400 - 600, now_s - 600


def remember_a_day(run: Run, parts: Parts, site: Site, meters: tuple[Meter, ...], count: int) -> None:
    """A day of one-minute readings of a part of the meters: their room, and what computing them takes a meter."""
    before_s, before_bytes = cpu_s(parts.pids["worker"]), room_bytes(site, run.store)
    readings = remember(site.readings, meters[:count], *a_day(site), 60)
    until(lambda: not site.ledger.waiting(), "the ledger of a day")
    run.minutely_ms = (cpu_s(parts.pids["worker"]) - before_s) / count * 1000
    if run.store == "influx":
        time.sleep(3)  # until it has packed what it holds in its log
    run.bytes_a_reading = (room_bytes(site, run.store) - before_bytes) / readings


def room_bytes(site: Site, kind: str) -> int:
    """What readings take on disk, with their index."""
    settings = site.settings.store
    if kind == "postgresql":
        query = "SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class WHERE relkind = 'r' AND relname ~ '^reading(_|$)'"
        with site.ledger._engine.connect() as connection:
            return int(connection.exec_driver_sql(query).scalar())
    if kind == "sqlite":
        with site.ledger._engine.connect() as connection:
            query = "SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name = 'reading'"
            return int(connection.exec_driver_sql(query).scalar())
    return sum(path.stat().st_size for path in settings.path.with_name("influx").rglob("*") if path.is_file())


def traffic(
    run: Run,
    parts: Parts,
    site: Site,
    meters: tuple[Meter, ...],
    mqtt_port: int,
    port: int,
    seconds: float,
    folder: Path,
) -> None:
    """Send, and note what was used until all was stored, and by the worker until all was computed or time is up."""
    run.readings = round(len(meters) * seconds / MINUTE_S)
    sender = Sender(mqtt_port, [meter.topic for meter in meters], run.readings, len(meters) / MINUTE_S, folder)
    before, already = parts.used_s(), metric(port, "readings_accepted")
    sender.go()
    outcome = sender.outcome()
    ended_s = time.monotonic()
    run.sending_s = outcome["seconds"]
    run.stored_ratio = (metric(port, "readings_accepted") - already) / run.readings
    until(lambda: metric(port, "readings_accepted") - already >= run.readings, "the last reading")
    run.stored_after_s = time.monotonic() - ended_s
    after = parts.used_s()
    run.waiting = len(site.ledger.waiting())
    wait_for_ledger(site.ledger)
    run.computed = run.readings - len(site.ledger.waiting())
    run.cpu_s = {name: after[name] - before[name] for name in parts.pids} | {"sender": outcome["cpu_s"]}
    run.cpu_s["worker"] = cpu_s(parts.pids["worker"]) - before["worker"]
    run.cpu_s.setdefault("store", 0.0)  # SQLite is within the ingester


def wait_for_ledger(ledger: EnergyLedger) -> None:
    until_s = time.monotonic() + LEDGER_PATIENCE_S
    while ledger.waiting() and time.monotonic() < until_s:
        time.sleep(0.5)


def show_run(run: Run) -> None:
    parts = ", ".join(f"{name} {run.us_a_reading(name) / 1000:.3f}" for name in run.cpu_s if name != "worker")
    print(
        f"{run.meters:>7,} meters, {run.store}: {run.readings:,} readings sent in {run.sending_s:.0f} s, {run.stored_ratio:.1%} of them stored at the end, "
        f"all {run.stored_after_s:.1f} s later\n"
        f"        CPU s of 1,000 readings: {parts}; taking in a minute needs {run.ingest_share:.2%} of {CORES} cores\n"
        f"        ledger: {run.waiting:,} meters waited at the end; {run.cpu_s['worker'] / max(1, run.computed) * 1000:.1f} ms of CPU a meter computed, "
        f"{run.minutely_ms:.1f} after a day of minutes; {run.bytes_a_reading:.1f} bytes a reading, "
        f"{run.bytes_a_reading * 525_600 / 1e6:.1f} MB a meter and year\n"
        f"        CPU s of a start: {', '.join(f'{name} {value:.1f}' for name, value in run.start_cpu_s.items())}; "
        f"MB now and at most: {', '.join(f'{name} {now:.0f} {most:.0f}' for name, (now, most) in run.memory_mb.items())}",
        flush=True,
    )
    for page in run.pages:
        print(f"        {page}", flush=True)


def add_rows(runs: list[Run]) -> bool:
    """Add the rows; whether what a reading costs a large city is what it costs a smaller one."""
    is_reached = True
    for run in runs:
        what = f"taking in a minute of {run.meters:,} meters, {run.store}"
        costs(
            "scale",
            what,
            run.ingest_share * CORES * MINUTE_S * 1000,
            f"a minute of {CORES} cores",
            CORES * MINUTE_S * 1000.0,
            1.0,
        )
    for kind in dict.fromkeys(run.store for run in runs):
        by_size = sorted((run for run in runs if run.store == kind), key=lambda run: run.meters)
        for less, more in pairwise(by_size):
            ms, peer_ms = (run.us_a_reading("ingester", "store") for run in (more, less))
            what = f"1,000 readings of {more.meters:,} meters, {kind}: CPU"
            is_reached &= bool(costs("scale", what, ms, f"of {less.meters:,}", peer_ms, MAX_GROWTH).is_reached)
    return is_reached


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--stores", nargs="+", default=STORES, choices=STORES)
    parser.add_argument("--seconds", type=float, default=20.0, help="of traffic")
    parser.add_argument("--folder", type=Path, default=Path("var/bench-scale"))
    given = parser.parse_args()
    base = given.folder.resolve()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    shutil.rmtree(base, ignore_errors=True)
    runs = []
    for meters in given.sizes:
        made = base / f"{meters}"
        imported_s = record_city(made, meters)
        for kind in given.stores:
            folder = base / f"{meters}-{kind}"
            shutil.copytree(made, folder, symlinks=True)
            began_s = time.monotonic()
            run = measured(folder, meters, kind, given.seconds)
            run.start_cpu_s["import"] = imported_s
            show_run(run)
            print(f"        {time.monotonic() - began_s:.0f} s", flush=True)
            runs.append(run)
            shutil.rmtree(folder)
    shutil.rmtree(base)
    if not add_rows(runs):
        raise SystemExit(MISSED)


if __name__ == "__main__":
    main()
