"""`kill -9` of two replicas at random while they report: each period archived once, whole, and mailed.

In CI with few kills; at full size with JOB_KILLS=20.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest

from bkkenergy.adapters.state.outbox import messages
from bkkenergy.adapters.state.runs import Due
from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.site import load_configuration
from tests.conftest import CONFIG_PARTS, ROOT
from tests.integration.conftest import wait_until
from tests.integration.test_jobs import METERS, commit
from tests.receivers import mail_server
from tests.sites import make_jobs

KILLS = int(os.environ.get("JOB_KILLS", "5"))
DAYS = 5 if KILLS >= 20 else 2
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
most_tries = 50
schedule = [{{ kind = "day", at = "00:00", agencies = ["health"] }}]
[mail]
host = "127.0.0.1"
port = {port}
tls = "none"
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
    command = [sys.executable, "-m", "bkkenergy", "jobs", "start", "--config", str(home / "config")]
    with (home / "log.txt").open("a") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


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
        jobs.queue.plan([
            Due(kind="day", agency=agency, period=day.isoformat(), first_day=day, due_at=now)
            for day in days for agency in site.portfolio.agencies
        ])  # fmt: skip
        wanted = len(days) * len(site.portfolio.agencies)
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
            wait_until(lambda: all(own.state == "sent" for own in messages(jobs.site.state, limit=1000)), within_s=60)
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
            assert json.loads((root / name).read_text())["schema"] == "bkkenergy.report/2"
