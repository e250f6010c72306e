"""A city on several hosts that share no disk: each with ingester, worker and web, and the servers on one more."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np

from bkkenergy.access import server_actor
from bkkenergy.adapters.state.outbox import messages
from bkkenergy.adapters.state.runs import Due
from bkkenergy.adapters.state.users import SignedIn, add_user, sign_in
from bkkenergy.calendar import BANGKOK, Period, timestamp_us
from bkkenergy.demo.gateways import Gateway
from bkkenergy.jobs.service import Jobs
from bkkenergy.portfolio.edits import Amend
from bkkenergy.readings import ReadingBatch
from bkkenergy.site import load_configuration, open_site
from bkkenergy.site.portfolio_files import read_folder
from bkkenergy.usecases.portfolio import PortfolioState, change, replace_all
from tests.conftest import CONFIG_PARTS, ROOT, until_taking_connections
from tests.namespaces import HUB, Cable, cables
from tests.ports import free_port
from tests.receivers import MailServer, mail_server
from tests.servers import Server, influxdb, mosquitto, object_store, postgresql, started
from tests.sites import postgresql_database

WEB_PORT, OBSERVE_PORT = 8080, 9180
AGENCIES = ("health", "fire-rescue")
HISTORY_DAYS = 9
PAGES = (
    "/", "/agencies/health", "/buildings/health.centre-1", "/buildings/fire-rescue.station-1", "/reports", "/plan",
    "/meters?agency=health", "/api/v1/buildings?agency=health", "/api/v1/reports",
)  # fmt: skip
OF_ONE_REQUEST = re.compile(rb'nonce[=-]"?[\w+/=-]+|"(?:now|at|generated_at)": ?"[^"]+"')
"""What differs from one answer to the next of the same web process."""
SETTINGS = """
[mqtt]
host = "{hub}"
port = {broker}
client_id = "ingest-{name}"
share = "city"
keepalive_s = 5
reconnect_max_s = 1
[observe]
host = "0.0.0.0"
port = {observe}
[ingest]
store_retry_max_s = 1.0
[store]
kind = "influx"
path = "var/store.sqlite"
{influx}
[archive]
kind = "s3"
endpoint = "{endpoint}"
bucket = "city"
access_key_id = "test:tester"
timeout_s = 5
[report]
formats = ["csv"]
languages = ["th"]
[jobs]
tick_s = 1
lease_s = 5
retry_first_s = 1
retry_max_s = 2
max_tries = 50
late_days = 0
catch_up_periods = 1
schedule = [{{ kind = "day", at = "00:00", agencies = ["health", "fire-rescue", "city"] }}]
[mail]
host = "{hub}"
port = {mail}
tls = "none"
timeout_s = 5
[[recipient]]
to = "all@example.org"
[web]
host = "0.0.0.0"
port = {web}
secure_cookies = false
second_factor = "offered"
refresh_s = 1
"""


@dataclass
class Host:
    """A machine of the city: its network, its own folder, and the product's processes on it."""

    cable: Cable
    home: Path
    launcher: subprocess.Popen[str]
    commands: tuple[tuple[str, ...], ...]
    pids: list[int] = field(default_factory=list)

    @property
    def config(self) -> Path:
        return self.home / "config"

    def start(self) -> None:
        for command in self.commands:
            words = (self.cable.namespace, str(self.home / "log"), *command, "--config", str(self.config))
            print("\t".join(words), file=self.launcher.stdin, flush=True)
            self.pids.append(int(self.launcher.stdout.readline()))

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End all of its processes at once, and wait until they are gone."""
        for pid in self.pids:
            with_pid(pid, number)
        until_s = time.monotonic() + 120
        while any(Path(f"/proc/{pid}").exists() for pid in self.pids):
            assert time.monotonic() < until_s, f"{self.home.name} does not end"
            time.sleep(0.02)
        self.pids.clear()

    def is_ready(self) -> bool:
        """Whether its ingester is subscribed and its web answers."""
        try:
            for port, path in ((OBSERVE_PORT, "/readyz"), (WEB_PORT, "/login")):
                urllib.request.urlopen(f"http://{self.cable.address}:{port}{path}", timeout=2).close()
        except (OSError, urllib.error.HTTPError):
            return False
        return True

    def answer(self, path: str, cookie: str, timeout_s: float = 20) -> tuple[int, bytes]:
        """(status, content without what changes from one answer to the next) of a page."""
        request = urllib.request.Request(
            f"http://{self.cable.address}:{WEB_PORT}{path}", headers={"Cookie": f"bkkenergy={cookie}; lang=th"}
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                return answer.status, OF_ONE_REQUEST.sub(b"", answer.read())
        except urllib.error.HTTPError as error:
            return error.code, b""
        except OSError:
            return 0, b""


def with_pid(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


class Sender(threading.Thread):
    """Gateways that send readings of some meters all the time, and know what the broker has taken."""

    def __init__(self, port: int, meters: dict[str, str], messages_a_s: float) -> None:
        super().__init__(name="sender", daemon=True)
        self._gateway, self._meters, self._pause_s = Gateway("sender", port), meters, 1 / messages_a_s
        self.sent: dict[str, list[int]] = {meter: [] for meter in meters}
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.is_set():
            for meter, topic in self._meters.items():
                ts = int(time.time() * 1000)
                self._gateway.publish(topic, b'{"ts": %.3f, "energy_kwh": %.3f}' % (ts / 1000, kwh_at(ts)))
                self.sent[meter].append(ts * 1000)
                if self._over.wait(self._pause_s):
                    break

    def finish(self) -> None:
        """End, with everything taken by the broker."""
        self._over.set()
        self.join()
        self._gateway.drain()
        self._gateway.close()


def kwh_at(ts_ms: int) -> float:
    """The register of every meter: 8 kW all the time."""
    return round(ts_ms / 3_600_000 * 8 % 900_000, 3)


@dataclass
class City:
    """All of it, as a test or a measurement sees it."""

    hosts: list[Host]
    broker: Server
    mail: MailServer
    jobs: Jobs
    cookie: str
    sender: Sender
    make_sender: Callable[[], Sender]
    disturbed: int = 0

    def send(self) -> None:
        """Send again, after the one before has finished."""
        self.sender = self.make_sender()
        self.sender.start()

    def settle(self) -> None:
        """Hold everything against what was sent and entered, once nothing is on its way any more."""
        self.sender.finish()
        wait_until(lambda: self.lost_and_strange() == (0, 0), 120, "readings are lost")
        wait_until(lambda: not self.wrong_reports(), 120, "reports")
        paths = [*PAGES, *self.files()]
        wait_until(lambda: not self.differing(paths), 120, lambda: f"{self.differing(paths)} differ")

    def enter_reports(self, ago_days: int) -> None:
        """Let reports of an earlier day be due now."""
        now = dt.datetime.now(dt.UTC)
        period = Period.day(now.astimezone(BANGKOK).date() - dt.timedelta(days=ago_days))
        self.jobs.queue.plan([Due(agency=own, period=period, due_at=now) for own in (*AGENCIES, "city")])

    def rename(self, building: str, name: str) -> None:
        """Enter a revision of the portfolio, which every process has to follow."""
        edit = Amend("building", building, {"name_en": name, "name_th": name})
        change(
            PortfolioState(self.jobs.site.state), server_actor("malee"), [edit], why="a test", from_day=None,
            expected_revision=None, now=dt.datetime.now(dt.UTC),
        )  # fmt: skip

    def lost_and_strange(self) -> tuple[int, int]:
        """(readings that were sent and are not stored, readings that are stored and were not sent, or otherwise)."""
        lost = strange = 0
        for meter, sent_us in self.sender.sent.items():
            stored = self.jobs.site.readings.readings([meter], min(sent_us), 2**52, ("energy_kwh",))
            lost += len(np.setdiff1d(sent_us, stored.ts_us))
            right = np.array([kwh_at(ts_us // 1000) for ts_us in stored.ts_us.tolist()])
            strange += len(stored) - len(np.unique(stored.ts_us)) + int((right != stored.column("energy_kwh")).sum())
            strange += len(np.setdiff1d(stored.ts_us, sent_us))
        return lost, strange

    def differing(self, paths: list[str]) -> list[str]:
        """Paths that not every host answers alike, and with 200."""
        return [
            path for path in paths if len(given := {host.answer(path, self.cookie) for host in self.hosts}) != 1
            or next(iter(given))[0] != 200
        ]  # fmt: skip

    def files(self) -> list[str]:
        """Addresses of every archived file."""
        runs = self.jobs.queue.runs(limit=10_000)
        return [f"/reports/file/{own.path}" for files in self.jobs.queue.artefacts(runs).values() for own in files]

    def wrong_reports(self) -> list[str]:
        """What is wrong with runs, files and mails: each report made, once, whole, and mailed."""
        queue, wrong = self.jobs.queue, []
        runs = queue.runs(limit=10_000)
        wrong += [f"{run.agency} {run.period}: {run.state} {run.error}" for run in runs if run.state != "done"]
        wrong += [
            f"{key} twice" for key, count in Counter((run.agency, run.period) for run in runs).items() if count > 1
        ]
        for files in queue.artefacts(runs).values():
            for own in files:
                if hashlib.sha256(self.jobs.site.archive.read(own.path)).hexdigest() != own.sha256:
                    wrong.append(f"{own.path} is another file")
        delivered = Counter(found["Message-ID"] for found in self.mail.messages)
        posted = messages(self.jobs.site.state, limit=10_000)
        wrong += [f"mail {own.id}: {own.state} {own.error}" for own in posted if own.state != "sent"]
        if len(delivered) != len(posted) or len(posted) != len(runs):
            wrong.append(f"{len(runs)} reports, {len(posted)} mails, {len(delivered)} arrived")
        if (again := sum(delivered.values()) - len(delivered)) > self.disturbed:
            wrong.append(f"{again} mails twice; only a kill or a cut between 250 and our commit may do so")
        return wrong


@contextmanager
def launcher(program: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """What starts processes on hosts. program : the folder of another version's package."""
    command = [sys.executable, "-m", "tests.host_process"]
    env = os.environ | ({"PYTHONPATH": str(program)} if program else {})
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=env
    ) as process:
        yield process


def write_home(home: Path, **given: object) -> None:
    (home / "config").mkdir(parents=True)
    for name in CONFIG_PARTS:
        (home / "config" / name).symlink_to(ROOT / "config" / name)
    (home / "config/bkkenergy.toml").write_text(SETTINGS.format(hub=HUB, name=home.name, **given))


def remember(jobs: Jobs, meters: list[str]) -> None:
    """Days of quarter-hours up to now, of every meter."""
    today = dt.datetime.now(BANGKOK).date()
    first_us = timestamp_us(Period.day(today - dt.timedelta(days=HISTORY_DAYS)).start)
    at_us = np.arange(first_us, int(time.time() * 1e6), 900_000_000)
    register = np.array([kwh_at(ts_us // 1000) for ts_us in at_us.tolist()])
    for meter in meters:
        jobs.site.readings.commit(
            ReadingBatch((meter,), np.zeros(len(at_us), np.int64), at_us, {"energy_kwh": register})
        )


def wait_until(is_so, within_s: float, why: str | Callable[[], str]) -> None:
    until_s = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < until_s, why() if callable(why) else why
        time.sleep(0.1)


def signed_in(jobs: Jobs) -> str:
    """The cookie of someone who may see all: one for every host, since sessions are in the state."""
    now = dt.datetime.now(dt.UTC)
    add_user(jobs.site.state, "somsri", "correct horse battery", "admin", ["all"], now)
    signed = sign_in(jobs.site.state, "somsri", "correct horse battery", now, session_s=36_000, address="")
    assert isinstance(signed, SignedIn)
    return signed.key


@contextmanager
def servers(folder: Path) -> Iterator[tuple[Server, MailServer, dict[str, object]]]:
    """Broker, mail server, and what settings say of all of them; secrets are in the environment meanwhile."""
    port = free_port()
    with ExitStack() as stack:
        broker, influx, postgres, objects = (
            stack.enter_context(started(server))
            for server in (
                mosquitto(folder / "broker", port=port, listener=f"listener {port} {HUB}"),
                influxdb(folder / "influx", address=HUB),
                postgresql(address=HUB),
                object_store(folder / "objects", address=HUB),
            )
        )
        until_taking_connections(postgres)
        mail = stack.enter_context(mail_server(address=HUB))
        archive = objects.bucket("city")
        secrets = {
            "BKKENERGY_STATE_URL": postgresql_database(postgres.port, address=HUB).get_secret_value(),
            "BKKENERGY_ARCHIVE_KEY": archive.secret_key.get_secret_value(),
            "OPENBLAS_NUM_THREADS": "1",
        }
        stack.enter_context(patch.dict(os.environ, secrets))
        yield broker, mail, {
            "broker": port, "mail": mail.port, "endpoint": archive.endpoint, "web": WEB_PORT, "observe": OBSERVE_PORT,
            "influx": influx.toml(timeout_s=5.0),
        }  # fmt: skip


@contextmanager
def city(folder: Path, *, commands: tuple[tuple[str, ...], ...], messages_a_s: float, count: int = 3) -> Iterator[City]:
    """A running city under load, whose portfolio is in the state. commands : that each host runs."""
    with ExitStack() as stack:
        lines = stack.enter_context(cables(count))
        broker, mail, given = stack.enter_context(servers(folder))
        homes = [folder / f"host-{number}" for number in range(1, count + 1)]
        for home in (folder / "desk", *homes):
            write_home(home, **given)
        config = load_configuration(folder / "desk/config")
        site = stack.enter_context(open_site(config))
        now = dt.datetime.now(dt.UTC)
        replace_all(PortfolioState(site.state), server_actor("malee"), read_folder(config.folder).records,
                    why="first import", now=now)  # fmt: skip
        jobs = Jobs(site.with_config(load_configuration(config.folder)))
        meters = {own.id: own.topic for own in site.portfolio.meters if own.building.split(".")[0] in AGENCIES}
        remember(jobs, list(meters))
        start = stack.enter_context(launcher())
        hosts = [Host(line, home, start, commands) for line, home in zip(lines, homes, strict=True)]
        for host in hosts:
            stack.callback(host.kill, signal.SIGTERM)
            host.start()
        for host in hosts:
            wait_until(host.is_ready, 120, f"{host.home.name} is not ready")
        make_sender = partial(Sender, broker.port, meters, messages_a_s)
        own = City(hosts, broker, mail, jobs, signed_in(jobs), make_sender(), make_sender)
        own.sender.start()
        yield own
