"""The daily run by 1, 2 and 4 workers on PostgreSQL: CPU of a report, empty claims while one is due, each report once.

    python -m tests.bench.runs                                        1,000 buildings in 50 agencies, with baselines
    python -m tests.bench.runs --agencies 12 --buildings 40 --days 60

Workers claim the runs of a day that all agencies and the city are due for. CPU is what workers' processes used, by the
report; PostgreSQL's is apart. Every format but PDF: a browser's processes are no worker's.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shutil
import sys
import time
from pathlib import Path

import structlog
from sqlalchemy import text

from bkkenergy.adapters.state import us_of
from bkkenergy.adapters.state.runs import Due, RunQueue
from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.cli.opening import opened_site
from bkkenergy.jobs.runner import RunContext
from bkkenergy.jobs.service import Jobs
from bkkenergy.recipients import CITY
from bkkenergy.reports.render.browser import Browser
from bkkenergy.site import load_configuration
from bkkenergy.usecases.recompute import recompute
from bkkenergy.usecases.uptodate import up_to_date
from tests.bench.reports import SETTINGS, fill, site, timed
from tests.bench.rows import MISSED
from tests.bench.workers import IDLE_S, Outcome, done_by, show
from tests.conftest import until_taking_connections
from tests.servers import postgresql, started
from tests.sites import postgresql_database

FOLDER = Path("var/bench-runs")
DAYS_AFTER_BASELINE = dt.timedelta(days=10)
DUE = text("SELECT id FROM run WHERE state = 'due' AND next_try_us <= :now_us AND agency <> :city")
"""The city waits for its agencies: it is due when none of them is."""
TAKING_S = 0.1
"""A run that another worker is just taking is due until that is committed."""


class Watched(RunQueue):
    """A queue whose empty claims are counted, where a run of an agency was due."""

    empty_while_due = 0

    def claim(self, now, lease_s):
        run = super().claim(now, lease_s)
        if run is None and (due := self.due(now)):
            time.sleep(TAKING_S)
            self.empty_while_due += not due.isdisjoint(self.due(now))
        return run

    def due(self, now):
        with self.engine.connect() as connection:
            return set(connection.execute(DUE, {"now_us": us_of(now), "city": CITY}).scalars())


def work(folder: Path) -> None:
    """Make the reports that are due, as one of several; the outcome as JSON. Starts at a line on standard input."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with opened_site(load_configuration(folder / "config")) as opened, Browser() as browser:
        jobs = Jobs(up_to_date(opened))
        jobs.queue = Watched(opened.state, opened.name)
        print("ready", flush=True)
        sys.stdin.readline()
        context, cpu_s, reports = RunContext(jobs.site, jobs.queue, browser), 0.0, 0
        while sum(jobs.queue.counts()[state] for state in ("due", "running")):
            began_s = time.process_time()
            if done := jobs.work_off(context):
                reports += done
                cpu_s += time.process_time() - began_s
            else:
                time.sleep(IDLE_S)  # others are at the rest
        print(json.dumps({"cpu_s": cpu_s, "items": reports, "empty": jobs.queue.empty_while_due}), flush=True)


def enter(folder: Path, day: dt.date) -> int:
    """Enter the daily run of a day; how many reports are due."""
    with opened_site(load_configuration(folder / "config")) as opened:
        due_at = dt.datetime.now(dt.UTC)
        names = [*opened.portfolio.agencies, CITY]
        return RunQueue(opened.state, "bench").plan(
            [Due(agency=name, period=Period.day(day), due_at=due_at) for name in names]
        )


def repeated(folder: Path) -> list[str]:
    """Runs that did not become a report at their first try, and why."""
    with opened_site(load_configuration(folder / "config")) as opened:
        return [
            f"{run.agency} {run.period}, revision {run.revision}: {run.state} after {run.tries} tries {run.error}"
            for run in RunQueue(opened.state, "bench").runs()
            if (run.state, run.tries, run.revision) != ("done", 1, 1)
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", nargs=2, metavar=("FOLDER", "URL"), help=argparse.SUPPRESS)
    parser.add_argument("--agencies", type=int, default=50)
    parser.add_argument("--buildings", type=int, default=1000)
    parser.add_argument("--days", type=int, default=100, help="that a baseline has, and a comparison with last month")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    if given.work:
        work(Path(given.work[0]))
        return
    shutil.rmtree(FOLDER, ignore_errors=True)
    site(FOLDER, given.agencies, given.buildings)
    (FOLDER / "config/bkkenergy.toml").write_text(SETTINGS.replace('"pdf", ', ""))
    fill(FOLDER, given.days)
    with started(postgresql()) as server:
        until_taking_connections(server)
        url = postgresql_database(server.port, "runs").get_secret_value()
        os.environ["BKKENERGY_LEDGER_URL"] = os.environ["BKKENERGY_STATE_URL"] = url
        with opened_site(load_configuration(FOLDER / "config")) as opened:
            today = dt.datetime.now(BANGKOK).date()
            opened.ledger.mark(sorted(opened.portfolio.meters_ever), today - dt.timedelta(days=given.days), today)
            while recompute(opened).waiting:
                pass
        fit_s, _ = timed(
            FOLDER,
            "baseline",
            "fit",
            "all",
            "--period",
            f"{today - dt.timedelta(days=given.days)}..{today - DAYS_AFTER_BASELINE}",
        )
        print(f"baselines in {fit_s:.0f} s", flush=True)
        outcomes: dict[int, list[Outcome]] = {1: [], 2: [], 4: []}
        day = today
        for _ in range(given.rounds):
            for workers, rounds in outcomes.items():
                day -= dt.timedelta(days=1)
                reports = enter(FOLDER, day)
                rounds.append(done_by("tests.bench.runs", FOLDER, url, server.process.pid, workers))
                assert sum(rounds[-1].shares) == reports, (rounds[-1].shares, reports, repeated(FOLDER))
        again = repeated(FOLDER)
    head = f"daily run of {given.buildings} buildings in {given.agencies} agencies, ledger and state on PostgreSQL"
    is_right = show("runs", outcomes, head, "report")
    print(f"{len(again)} reports were made more than once, or at a second try", *again, sep="\n  ")
    shutil.rmtree(FOLDER)
    if again or not is_right:
        sys.exit(MISSED)


if __name__ == "__main__":
    main()
