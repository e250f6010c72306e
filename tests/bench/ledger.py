"""What the energy ledger costs and saves: rows read, days computed, commit to ledger, and the daily run beside an old commit.

Every time is of this machine; ratios are of one run. `--against COMMIT` makes the daily run by that commit's code too, on
the same readings.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.cli.opening import opened_site
from bkkenergy.readings import ReadingBatch
from bkkenergy.reports.write import make_report
from bkkenergy.site import load_configuration
from bkkenergy.site.open import open_writable
from bkkenergy.usecases.recompute import recompute
from tests.bench.reports import DAYS, fill, site
from tests.bench.rows import costs
from tests.conftest import ROOT
from tests.counting import CountingLedger

FOLDER = Path("var/bench-ledger")
AGENCIES, BUILDINGS_AN_AGENCY = 5, 20
ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--buildings", type=int, default=100, help="with 15-minute readings")
    parser.add_argument("--minutely", type=int, default=10, help="buildings with one-minute readings")
    parser.add_argument("--live", type=int, default=1000, help="meters that send while a worker computes")
    parser.add_argument("--turns", type=int, default=300, help="tenths of a second for which they send")
    parser.add_argument("--against", help="a commit whose daily run is made too")
    given = parser.parse_args()
    shutil.rmtree(FOLDER, ignore_errors=True)
    quarterly = _filled("15min", given.buildings, 15)
    few, minutely = _filled("15min-few", given.minutely, 15), _filled("1min", given.minutely, 1)
    _reports(quarterly, "15-minute")
    day_ms = [_reports(folder, name) for folder, name in ((few, "15-minute"), (minutely, "one-minute"))]
    ratios = " and ".join(f"{late / early:.2f}" for early, late in zip(*day_ms, strict=True))
    for early, late in zip(*day_ms, strict=True):
        costs("ledger", "a building of a report, one-minute readings", late, "15-minute readings", early, 1.2)
    print(f"a building's part of a report, one-minute readings against 15-minute: {ratios} times (target: below 1.2)")
    _live(given.live, given.turns)
    if given.against:
        _daily_run(quarterly, given.against)
    shutil.rmtree(FOLDER, ignore_errors=True)


def _filled(name: str, buildings: int, every_min: int) -> Path:
    """A site with 400 days of registers, computed."""
    folder = (FOLDER / name).resolve()
    folder.mkdir(parents=True)
    site(folder, max(AGENCIES, buildings // BUILDINGS_AN_AGENCY), buildings)
    readings = fill(folder, DAYS, every_min)
    with opened_site(load_configuration(folder / "config")) as worker:
        seconds = _seconds(lambda: recompute(worker, within_s=float("inf")))
        assert not worker.ledger.waiting()
    days = buildings * DAYS
    print(
        f"{name}: {buildings} meters, {readings:,} readings: {days:,} days computed in {seconds:.1f} s, "
        f"{days / seconds:,.0f} a second"
    )
    return folder


def _reports(folder: Path, name: str) -> list[float]:
    """Rows read and time of a day's and a month's report; ms a building of each."""
    now = dt.datetime.now(BANGKOK)
    last = now.date() - dt.timedelta(days=1)
    month = Period.month(*((now.replace(day=1) - dt.timedelta(days=1)).timetuple()[:2]))
    found = []
    with opened_site(folder / "config") as opened:
        raw: list[object] = []
        read = opened.readings.readings
        opened.readings.readings = lambda *given: (raw.append(given), read(*given))[1]  # type: ignore[method-assign]
        agency = next(iter(opened.portfolio.agencies))
        count = len(opened.portfolio.buildings_of(agency))
        for period in (Period.day(last), month):
            counting = CountingLedger(opened.energy)
            counted = replace(opened, energy=counting)
            make_report(counted, agency, period, now=now)
            seconds = _median(lambda period=period: make_report(opened, agency, period, now=now))  # type: ignore[misc]
            print(
                f"  {name} readings, report of a {period.kind}, {count} buildings: {counting.read:,} rows read, "
                f"{counting.read / counting.distinct:.2f} times each; raw readings asked for: {len(raw)} times; "
                f"{seconds * 1000 / count:.1f} ms a building"
            )
            found.append(seconds * 1000 / count)
    return found


def _live(meters: int, turns: int) -> None:
    """From a commit to the ledger, while every meter sends once in ten seconds and a worker computes each second."""
    folder = (FOLDER / "live").resolve()
    folder.mkdir(parents=True)
    site(folder, AGENCIES, meters)
    loaded = load_configuration(folder / "config")
    ids = tuple(meter.id for meter in loaded.portfolio.meters)
    ended, waits, pending = threading.Event(), list[float](), dict[str, float]()
    store = open_writable(loaded.settings)
    start_us = int(time.time() * 1e6) - 86_400_000_000
    at_us = np.tile(start_us + np.arange(96) * 900_000_000, len(ids))
    store.commit(
        ReadingBatch(ids, np.repeat(np.arange(len(ids)), 96), at_us, {"energy_kwh": np.tile(np.arange(96.0), len(ids))})
    )
    with opened_site(loaded) as worker:
        recompute(worker, within_s=float("inf"))

        def work() -> None:
            while not ended.is_set():
                recompute(worker)
                left = worker.ledger.waiting()
                now_s = time.monotonic()
                for name in [name for name in list(pending) if name not in left]:
                    waits.append(now_s - pending.pop(name))
                ended.wait(0.5)

        thread = threading.Thread(target=work)
        thread.start()
        step = max(1, len(ids) // 100)
        for turn in range(turns):
            began_s = time.monotonic()
            some = [(turn * step + number) % len(ids) for number in range(step)]
            now_us = int(time.time() * 1e6)
            values = {"energy_kwh": np.full(step, 100.0 + turn / 1000)}
            store.commit(ReadingBatch(ids, np.array(some), np.full(step, now_us), values))
            for number in some:
                pending.setdefault(ids[number], began_s)
            time.sleep(max(0.0, 0.1 - (time.monotonic() - began_s)))
        ended.set()
        thread.join()
    store.close()
    found = np.array(waits)
    costs("ledger", "commit to ledger, 95 of 100", float(np.percentile(waits, 95)) * 1000, "5 seconds", 5000.0, 1.0)
    print(
        f"commit to ledger at {meters:,} meters, {step * 10} readings a second: p50 {np.percentile(found, 50):.2f} s, "
        f"p95 {np.percentile(found, 95):.2f} s (target: 5 s)"
    )


def _daily_run(folder: Path, commit: str) -> None:
    """The daily run of this code and of a commit's, on the same readings, one after the other."""
    old = (FOLDER / "old").resolve()
    subprocess.run(["git", "worktree", "add", "--detach", "--quiet", str(old), commit], check=True, cwd=ROOT)
    try:
        seconds = {}
        for name, source in (("this", ROOT), (commit, old)):
            own = (FOLDER / f"daily-{name}").resolve()
            shutil.copytree(folder, own, symlinks=True, ignore=shutil.ignore_patterns("state.sqlite*"))
            _link_config(own / "config", source / "config")
            environment = os.environ | {"PYTHONPATH": str(source / "src")}
            today = dt.datetime.now(BANGKOK).date()
            span = f"{today - dt.timedelta(days=DAYS)}..{today - dt.timedelta(days=60)}"
            _command(own, environment, "baseline", "fit", "all", "--period", span)
            seconds[name] = _seconds(lambda: _command(own, environment, "jobs", "run"))  # noqa: B023 - called at once
            print(f"daily run by {name}: {seconds[name]:.1f} s")
        costs("ledger", "the daily run", seconds["this"] * 1000, f"commit {commit}", seconds[commit] * 1000, 0.5)
        print(f"daily run: {seconds['this'] / seconds[commit]:.2f} of that of {commit} (target: 0.5)")
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", str(old)], check=False, cwd=ROOT)


def _link_config(config: Path, shipped: Path) -> None:
    """Let what a configuration takes from the product be that of the code which reads it."""
    for link in [path for path in config.iterdir() if path.is_symlink()]:
        link.unlink()
        if (shipped / link.name).exists():
            link.symlink_to(shipped / link.name)


def _command(folder: Path, environment: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "-m", "bkkenergy", *arguments, "--config", str(folder / "config")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


def _seconds(work: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


def _median(work: Callable[[], object]) -> float:
    return float(np.median([_seconds(work) for _ in range(ROUNDS)]))


if __name__ == "__main__":
    main()
