"""The same work by 1, 2 and 4 workers on PostgreSQL: CPU of an item, empty claims while work is due, and wall time.

Marked days of many meters are computed again by workers that claim them. Of one run: CPU is what workers' processes used, by
the day of a meter; PostgreSQL's is apart. The time on the wall says something on a quiet machine alone: it is shown beside what
PostgreSQL takes of the processors. `python -m tests.bench.workers`, with the machine left alone.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import create_engine, text

from bkkenergy.calendar import BANGKOK
from bkkenergy.cli.opening import opened_site
from bkkenergy.site import load_configuration
from bkkenergy.usecases.recompute import recompute
from tests.bench.processes import cpu_s as process_cpu_s
from tests.bench.reports import fill, site
from tests.bench.rows import MISSED, costs
from tests.conftest import until_taking_connections
from tests.servers import postgresql, started
from tests.sites import postgresql_database

FOLDER = Path("var/bench-workers")
MAX_CPU_RATIO = 1.15
IDLE_S = 0.1
"""Between two looks of a worker for which nothing is left. What they cost is of the clock, and no part of an item's CPU."""
DUE = text("SELECT count(*) FROM ledger_meter WHERE waiting_since_us IS NOT NULL AND claim_until_us <= :now_us")


class Watched:
    """A ledger whose empty claims are counted, where work that no worker holds was due."""

    def __init__(self, ledger, url: str) -> None:
        self._ledger, self._engine = ledger, create_engine(url)
        self.claims = self.empty_while_due = 0

    def __getattr__(self, name):
        return getattr(self._ledger, name)

    def claim(self, owner, *, now_us, **options):
        claims = self._ledger.claim(owner, now_us=now_us, **options)
        self.claims += 1
        if not claims:
            with self._engine.connect() as connection:
                self.empty_while_due += connection.execute(DUE, {"now_us": now_us}).scalar() > 0
        return claims


def work(folder: Path, url: str) -> None:
    """Compute what is marked, as one of several; the outcome as JSON. Starts at a line on standard input."""
    with opened_site(load_configuration(folder / "config")) as opened:
        ledger = Watched(opened.ledger, url)
        here = replace(opened, ledger=ledger)
        print("ready", flush=True)
        sys.stdin.readline()
        cpu_s, days, is_waiting = 0.0, 0, True
        while is_waiting:
            began_s = time.process_time()
            done = recompute(here)
            is_waiting = done.waiting > 0
            if done.days:
                days += done.days
                cpu_s += time.process_time() - began_s
            elif is_waiting:
                time.sleep(IDLE_S)  # others hold the rest
        outcome = {"cpu_s": cpu_s, "items": days, "empty": ledger.empty_while_due}
        print(json.dumps(outcome), flush=True)


@dataclass(frozen=True)
class Outcome:
    """What several workers took for the same work."""

    cpu_ms_per_item: float
    wall_s: float
    server_cpu_s: float
    empty_claims: int
    shares: tuple[int, ...]


def mark_days(folder: Path, days: int) -> None:
    """Mark the last days of every meter."""
    today = dt.datetime.now(BANGKOK).date()
    with opened_site(load_configuration(folder / "config")) as opened:
        names = sorted(opened.portfolio.meters_ever)
        opened.ledger.mark(names, today - dt.timedelta(days=days), today - dt.timedelta(days=1))


def done_by(module: str, folder: Path, url: str, server: int, workers: int) -> Outcome:
    """Have what is due done by several workers, each a process that begins when all are ready."""
    command = [sys.executable, "-m", module, "--work", str(folder), url]
    at_work = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(workers)
    ]
    for process in at_work:
        assert process.stdout.readline() == "ready\n"
    before_s, began_s = process_cpu_s(server), time.perf_counter()
    for process in at_work:
        process.stdin.write("\n")
        process.stdin.flush()
    outcomes = [json.loads(process.stdout.readline()) for process in at_work]
    wall_s, of_server_s = time.perf_counter() - began_s, process_cpu_s(server) - before_s
    assert [process.wait(60) for process in at_work] == [0] * workers
    shares = tuple(outcome["items"] for outcome in outcomes)
    cpu_s = sum(outcome["cpu_s"] for outcome in outcomes)
    empty = sum(outcome["empty"] for outcome in outcomes)
    return Outcome(cpu_s / sum(shares) * 1000, wall_s, of_server_s, empty, shares)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", nargs=2, metavar=("FOLDER", "URL"), help=argparse.SUPPRESS)
    parser.add_argument("--meters", type=int, default=400)
    parser.add_argument("--days", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if given.work:
        work(Path(given.work[0]), given.work[1])
        return
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    site(FOLDER, 5, given.meters)
    fill(FOLDER, given.days + 5)
    with started(postgresql()) as server:
        until_taking_connections(server)
        url = postgresql_database(server.port, "workers").get_secret_value()
        os.environ["BKKENERGY_LEDGER_URL"] = url
        with opened_site(load_configuration(FOLDER / "config")) as opened:
            names = sorted(opened.portfolio.meters_ever)
            today = dt.datetime.now(BANGKOK).date()
            opened.ledger.mark(names, today - dt.timedelta(days=given.days), today)
            while recompute(opened).waiting:
                pass
        outcomes: dict[int, list[Outcome]] = {1: [], 2: [], 4: []}
        for _ in range(given.rounds):
            for workers, rounds in outcomes.items():
                mark_days(FOLDER, given.days)
                rounds.append(done_by("tests.bench.workers", FOLDER, url, server.process.pid, workers))
    head = f"{given.meters} meters, {given.days} days, ledger on PostgreSQL"
    if not show("workers", outcomes, head, "day of a meter"):
        sys.exit(MISSED)


def show(bench: str, outcomes: dict[int, list[Outcome]], head: str, item: str) -> bool:
    """Print the table; whether no worker came away with nothing while work was due."""
    cores, rounds_count = len(os.sched_getaffinity(0)), len(outcomes[1])
    print(f"{head}, {cores} processors; medians of {rounds_count} rounds")
    one_ms = statistics.median(outcome.cpu_ms_per_item for outcome in outcomes[1])
    for workers, rounds in outcomes.items():
        cpu_ms = statistics.median(outcome.cpu_ms_per_item for outcome in rounds)
        wall_s = statistics.median(outcome.wall_s for outcome in rounds)
        server_s = statistics.median(outcome.server_cpu_s for outcome in rounds)
        empty = sum(outcome.empty_claims for outcome in rounds)
        if workers > 1:
            costs(bench, f"CPU of {workers} workers, a {item}", cpu_ms, "one worker", one_ms, MAX_CPU_RATIO)
        print(
            f"{workers} workers: {cpu_ms:6.2f} ms of CPU a {item}, {cpu_ms / one_ms:4.2f} of one worker's; "
            f"{empty} empty claims while work was due; {wall_s:5.1f} s on the wall, of which PostgreSQL took "
            f"{server_s / wall_s:4.2f} processors; done by each: {', '.join(map(str, rounds[-1].shares))}",
            flush=True,
        )
    return not any(outcome.empty_claims for rounds in outcomes.values() for outcome in rounds)


if __name__ == "__main__":
    main()
