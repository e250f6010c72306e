"""`kill -9` of two replicas while they share the reports: each period archived once, whole, and mailed.

In CI with few kills; at full size with JOB_KILLS=20.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import random
import threading
import time
from collections import Counter

import pytest

from bkkenergy.adapters.state.outbox import messages
from bkkenergy.adapters.state.runs import Due
from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.recipients import CITY
from bkkenergy.site import load_configuration
from tests.conftest import CONFIG_PARTS, ROOT
from tests.forked import forked
from tests.integration.conftest import wait_until
from tests.integration.test_jobs import METERS, commit
from tests.receivers import mail_server
from tests.sites import make_jobs, postgresql_database

KILLS = int(os.environ.get("JOB_KILLS", "2"))
DAYS, AGENCIES = (5, 100) if KILLS >= 20 else (1, 6)
SETTINGS = """
[store]
path = "var/store.sqlite"
[state]
path = "var/state.sqlite"
[report]
formats = ["html", "pdf", "csv"]
languages = ["th"]
[jobs]
tick_s = 1
lease_s = 2
retry_first_s = 1
max_tries = 50
schedule = [{{ kind = "day", at = "00:00", agencies = ["health"] }}]
[mail]
host = "127.0.0.1"
port = {port}
tls = "none"
timeout_s = 10
[[recipient]]
to = "all@example.com"
"""
ENDS = {".html": b"</html>", ".pdf": b"%%EOF", ".json": b"}"}


class Watcher(threading.Thread):
    """Reads every file that people can see, all the time: each must be whole at any moment."""

    def __init__(self, root) -> None:
        super().__init__(daemon=True)
        self.root, self.over, self.looks, self.broken = root, threading.Event(), 0, []

    def run(self) -> None:
        while not self.over.wait(0.02):
            self.look()

    def look(self) -> None:
        self.looks += 1
        for folder in list(self.root.glob("[!.]*/*/r*")):
            for path in folder.glob("*"):
                try:
                    content = path.read_bytes()
                except (FileNotFoundError, NotADirectoryError):  # replaced in the meantime, as a whole
                    continue
                if not content.rstrip().endswith(ENDS.get(path.suffix, b"")):
                    self.broken.append(path)


def replica(home):
    return forked("jobs", "start", "--config", home / "config", log=home / "log.txt")


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning:aiosmtpd")
def test_after_kills_at_random_every_period_is_archived_once_whole_and_mailed(tmp_path):
    rng = random.Random(20)
    with mail_server() as mail:
        (tmp_path / "config").mkdir()
        for name in CONFIG_PARTS:
            (tmp_path / "config" / name).symlink_to(ROOT / "config" / name)
        (tmp_path / "config/bkkenergy.toml").write_text(SETTINGS.format(port=mail.port))
        today = dt.datetime.now(BANGKOK).date()
        days = [today - dt.timedelta(days=n) for n in range(1, DAYS + 1)]
        for meter in METERS:
            commit(tmp_path, meter, Period.days(days[-1] - dt.timedelta(days=8), today))
        site = load_configuration(tmp_path / "config")
        jobs = make_jobs(site)
        now = dt.datetime.now(dt.UTC)
        agencies = sorted(site.portfolio.agencies, key=lambda own: own != "health")[:AGENCIES]  # it is in the schedule
        jobs.queue.plan([Due(agency=own, period=Period.day(day), due_at=now) for day in days for own in agencies])
        wanted = len(days) * len(agencies)
        watcher = Watcher(tmp_path / "var/reports/archive")
        watcher.start()
        replicas = [replica(tmp_path), replica(tmp_path)]
        try:
            for _ in range(KILLS):
                before = len(jobs.queue.runs(state="done"))
                wait_until(lambda: len(jobs.queue.runs(state="done")) > before or before == wanted, within_s=60)  # noqa: B023
                time.sleep(rng.uniform(0.0, 0.9))
                victim = rng.randrange(2)
                if jobs.queue.runs(state="running"):  # the one at work more often than not
                    owners = {run.owner.split(":")[1] for run in jobs.queue.runs(state="running")}
                    victim = next((n for n, own in enumerate(replicas) if str(own.pid) in owners), victim)
                replicas[victim].kill()
                replicas[victim].wait()
                replicas[victim] = replica(tmp_path)
            wait_until(lambda: len(jobs.queue.runs(state="done")) == wanted, within_s=120)
            wait_until(lambda: all(own.state == "sent" for own in messages(jobs.site.state, limit=1000)), within_s=120)
        finally:
            for own in replicas:
                own.terminate()
            for own in replicas:
                own.wait(30)
            watcher.over.set()
            watcher.join()
        watcher.look()
        assert watcher.broken == []
        held(tmp_path, jobs, wanted)
        delivered = Counter(found["Message-ID"] for found in mail.messages)
    assert len(delivered) == wanted, "at least once"
    twice = sum(count - 1 for count in delivered.values())
    tries = Counter(run.tries for run in jobs.queue.runs())
    print(f"{KILLS} kills, {wanted} reports, tries {dict(tries)}, {watcher.looks} looks, {twice} mails twice")
    assert twice <= KILLS, "only what a kill cut off between the server's 250 and our commit"


def held(home, jobs, wanted) -> None:
    """The ledger and the archive tell the same: one revision a period, each file as it was hashed, and no other."""
    runs = jobs.queue.runs()
    assert Counter(run.revision for run in runs) == {1: wanted}
    root = home / "var/reports/archive"
    named = {file.path: file for files in jobs.queue.artefacts(runs).values() for file in files}
    seen = {str(path.relative_to(root)): path for path in root.glob("*/*/r*/*")}
    assert seen.keys() == named.keys()
    for name, path in seen.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == named[name].sha256, name
    for name in named:
        if name.endswith(".json"):
            assert json.loads((root / name).read_text())["schema"] == "bkkenergy.report/3"


SHARED = """
[store]
path = "var/store.sqlite"
[state]
path = "var/state.sqlite"
{state}
[report]
formats = ["html", "csv"]
[jobs]
tick_s = 1
lease_s = 2
schedule = []
"""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def shared(tmp_path, request):
    """A home whose state is in SQLite or PostgreSQL, with readings that are computed, and its scheduler, not started."""
    (tmp_path / "config").mkdir()
    for name in CONFIG_PARTS:
        (tmp_path / "config" / name).symlink_to(ROOT / "config" / name)
    url = ""
    if request.param == "postgresql":
        secret = tmp_path / "state-url"
        secret.write_text(postgresql_database(request.getfixturevalue("postgres").port, "runs").get_secret_value())
        secret.chmod(0o600)
        url = f'url_file = "{secret}"'
    (tmp_path / "config/bkkenergy.toml").write_text(SHARED.format(state=url))
    today = dt.datetime.now(BANGKOK).date()
    for meter in METERS:
        commit(tmp_path, meter, Period.days(today - dt.timedelta(days=12), today))
    jobs = make_jobs(load_configuration(tmp_path / "config"))
    while jobs.bring_up():
        pass
    return tmp_path, jobs


def enter_day(jobs, day: dt.date) -> int:
    """Enter a day's reports of all agencies and the city; how many."""
    now = dt.datetime.now(dt.UTC)
    agencies = (*jobs.site.portfolio.agencies, CITY)
    return jobs.queue.plan([Due(agency=own, period=Period.day(day), due_at=now) for own in agencies])


def owners(jobs, state) -> set[str]:
    """Process ids of those that have runs in a state."""
    return {run.owner.split(":")[1] for run in jobs.queue.runs(state=state)}


@pytest.mark.slow
def test_two_processes_share_the_runs_and_a_killed_one_loses_none(shared):
    """The city's report, entered with its agencies', comes after all of them and lacks none, whoever made them."""
    home, jobs = shared
    today, wanted = dt.datetime.now(BANGKOK).date(), 0

    def all_done() -> bool:
        return len(jobs.queue.runs(state="done")) == wanted

    replicas = [replica(home), replica(home)]
    victim = str(replicas[0].pid)
    try:
        for ago in range(1, 7):  # one may have done a day before the other is up
            wanted += enter_day(jobs, today - dt.timedelta(days=ago))
            wait_until(lambda: len(owners(jobs, "done")) == 2 or all_done(), within_s=120)
            if len(owners(jobs, "done")) == 2:
                break
        wanted += enter_day(jobs, today - dt.timedelta(days=7))
        wait_until(lambda: victim in owners(jobs, "running"), within_s=60)
        replicas[0].kill()
        replicas[0].wait()
        lost = [run.id for run in jobs.queue.runs(state="running") if f":{victim}:" in run.owner]
        wait_until(all_done, within_s=240)
    finally:
        for own in replicas:
            own.terminate()
            own.wait(30)
    held(home, jobs, wanted)
    assert {run.tries for run in jobs.queue.runs() if run.id in lost} <= {2}, "taken over by the other"
    for city in jobs.queue.runs(agency=CITY):
        parts = [run for run in jobs.queue.runs(period=city.period) if run.agency != CITY]
        assert all(run.ended_us <= city.started_us for run in parts)
        assert city.tries == (2 if city.id in lost else 1)
        file = next(own for own in jobs.queue.artefacts([city])[city.id] if own.form == "json")
        assert json.loads((home / "var/reports/archive" / file.path).read_text())["missing"] == []
