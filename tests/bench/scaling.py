"""What a meter costs: room on disk, and time of each job, on buildings with 400 days of registers.

The figures of docs/en/explanation/scaling.md. One process; every time is of this machine, every size of any.
"""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from bkkenergy.calendar import BANGKOK, Period, timestamp_us
from bkkenergy.cli.opening import opened_site
from bkkenergy.readings import ReadingBatch
from bkkenergy.reports.savings.gather import facts_of, fit_buildings
from bkkenergy.reports.write import make_report
from bkkenergy.site import Site, load_configuration
from bkkenergy.site.open import open_writable
from bkkenergy.usecases.purge import purge
from tests.bench.reports import DAYS, fill, site
from tests.sites import make_jobs

FOLDER, AGENCIES = Path("var/bench-scaling"), 5


def timed(name: str, count: float, what: str, began_s: float) -> None:
    seconds = time.perf_counter() - began_s
    print(f"{name:34} {seconds:7.1f} s  {seconds / count * 1000:8.2f} ms {what}")


def size_of(path: Path) -> dict[str, int]:
    """Bytes of each table of a SQLite file, with its indexes."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        query = "SELECT name, sum(pgsize) FROM dbstat GROUP BY name"
        return dict(connection.execute(query).fetchall())


def readings_at(own: Site, instant_us: int, kwh: float) -> None:
    """A reading of every meter."""
    ids = tuple(meter.id for meter in own.portfolio.meters)
    at_us = np.full(len(ids), instant_us)
    with closing(open_writable(own.settings)) as store:
        store.commit(ReadingBatch(ids, np.arange(len(ids)), at_us, {"energy_kwh": np.full(len(ids), kwh)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--buildings", type=int, default=100)
    parser.add_argument("--every-min", type=int, default=15, help="minutes between readings")
    given = parser.parse_args()
    count = given.buildings
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    site(FOLDER, AGENCIES, count)
    readings = fill(FOLDER, DAYS, given.every_min)
    path = FOLDER / "store.sqlite"
    print(f"{count} meters, {DAYS} days, {readings:,} readings")
    raw_bytes = size_of(path)["reading"] / readings
    print(f"{'raw readings':34} {raw_bytes:7.1f} bytes a reading (registers alone)")
    jobs = make_jobs(load_configuration(FOLDER / "config"))
    began_s = time.perf_counter()
    while jobs.bring_up():
        pass
    timed("the ledger, first year", count, "a meter", began_s)
    with opened_site(load_configuration(FOLDER / "config")) as worker:
        today = dt.datetime.now(BANGKOK).date()
        worker.ledger.mark([meter.id for meter in worker.portfolio.meters], today, today)
    began_s = time.perf_counter()
    jobs.bring_up()
    timed("the ledger, a day again", count, "a meter", began_s)
    sizes = size_of(path)
    print(f"{'days of quarter-hours':34} {sizes['ledger_day'] / count / DAYS:7.1f} bytes a meter and day")
    print(f"{'hours for dashboards':34} {sizes['ledger_hour'] / count / DAYS:7.1f} bytes a meter and day")
    now = dt.datetime.now(BANGKOK)
    with opened_site(FOLDER / "config") as own:
        last = now.date() - dt.timedelta(days=1)
        began_s = time.perf_counter()
        found = list(
            fit_buildings(own, list(own.portfolio.buildings.values()), Period.days(last - dt.timedelta(days=370), last))
        )
        assert not any(isinstance(baseline, str) for _, baseline in found)
        timed("baselines of a year", count, "a building", began_s)
        began_s = time.perf_counter()
        for agency in own.portfolio.agencies:
            make_report(own, agency, Period.day(last), now=now)
        timed("daily reports, content", count, "a building", began_s)
        began_s = time.perf_counter()
        for building in own.portfolio.buildings.values():
            facts_of(own, building, last_day=last)
        timed("what a building's page rests on", count, "a building", began_s)
        later = dt.date(now.year + own.settings.store.raw_years + 1, 1, 1)
        readings_at(own, timestamp_us(Period.day(later).start), 0.0)  # how old is old follows the newest readings
    with opened_site(load_configuration(FOLDER / "config")) as worker:
        worker.ledger.purges.agree("the benchmark", int(time.time() * 1e6))
        began_s = time.perf_counter()
        purged = purge(worker, today=later)
        assert purged is not None
        assert purged.deleted
        timed("purge", purged.days, "a meter and day", began_s)
    print(f"{'the same as readings':34} {readings / count / DAYS * raw_bytes:7.1f} bytes a meter and day")


if __name__ == "__main__":
    main()
