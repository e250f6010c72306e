"""Real servers for tests and benchmarks, on free ports of 127.0.0.1, stopped by process id."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import obstore
from pydantic import SecretStr

from bkkenergy.adapters.objectarchive import opened_store as s3_store
from bkkenergy.demo.broker import mosquitto_path
from bkkenergy.settings import ArchiveSettings, InfluxSettings
from tests.folders import shared_folder
from tests.ports import free_port

STARTS_WITHIN_S, WEB_STARTS_WITHIN_S = 30.0, 300.0
"""The app of a thousand buildings takes longer on a machine with other work."""
SHIPPED_BROKER_LIMITS = Path(__file__).resolve().parent.parent / "deploy/mosquitto/bkkenergy.conf"


@dataclass
class Server:
    """A process that can be stopped, killed and started again on the same port and folder."""

    command: list[str]
    port: int
    probe: str | None = None
    process: subprocess.Popen[bytes] | None = field(default=None)
    stops_at: int = signal.SIGTERM
    starts_within_s: float = STARTS_WITHIN_S
    address: str = "127.0.0.1"
    environment: dict[str, str] = field(default_factory=dict)
    """Variables beside those of the tests."""

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> Server:
        self.process = subprocess.Popen(
            self.command, env=os.environ | self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until_s = time.monotonic() + self.starts_within_s
        while not self._answers():
            assert self.process.poll() is None, f"{self.command[0]} ended at once"
            assert time.monotonic() < until_s, f"{self.command[0]} does not answer"
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        if self.is_running:
            self.process.send_signal(self.stops_at)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(15)

    def _answers(self) -> bool:
        if self.probe is None:
            import socket

            with socket.socket() as sock:
                sock.settimeout(0.5)
                return sock.connect_ex((self.address, self.port)) == 0
        try:
            with urllib.request.urlopen(self.url + self.probe, timeout=1) as response:
                return response.status < 300
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


def web_app(config: Path, port: int) -> Server:
    """The app that people use, on a configuration that names the port."""
    command = [sys.executable, "-m", "bkkenergy", "web", "--config", str(config)]
    return Server(command, port, "/login", starts_within_s=WEB_STARTS_WITHIN_S)


def mosquitto(
    folder: Path, *, port: int | None = None, options: str = "allow_anonymous true", listener: str = ""
) -> Server:
    """Debian's mosquitto, with the limits that deploy/ ships and a persistent store in `folder`."""
    executable = mosquitto_path()
    assert executable, "mosquitto is not installed: deploy/install-test-packages"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o777)
    port = port or free_port()
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\n{listener}\n{options}\nuser root\npersistence_location {folder}/\n"
        + SHIPPED_BROKER_LIMITS.read_text()
    )
    return Server([executable, "-c", str(config)], port)


def stock_mosquitto(folder: Path, more: str = "") -> Server:
    """mosquitto with its own defaults for everything but the door. more : lines that an operator adds."""
    executable = mosquitto_path()
    assert executable, "mosquitto is not installed: deploy/install-test-packages"
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    (folder / "stock.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n{more}\n")
    return Server([executable, "-c", str(folder / "stock.conf")], port)


INFLUXDB_VARIABLE = "BKKENERGY_TEST_INFLUXDB"
ORG = "bma"


@dataclass
class Influx(Server):
    """An InfluxDB 1.x or 2.x in a folder of its own. On 2.x its first start makes an organisation and a token for all."""

    folder: Path = field(kw_only=True)
    version: str = field(kw_only=True)
    all_access: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def is_v2(self) -> bool:
        return self.version.startswith("2.")

    @property
    def api(self) -> str:
        """What store.influx.api is for this server."""
        return "v2" if self.is_v2 else "v1"

    def start(self) -> Influx:
        super().start()
        if self.is_v2 and self._asked("GET", "/api/v2/setup")["allowed"]:
            first = {"username": "admin", "password": "password-1234", "org": ORG, "bucket": "first"}
            self._asked("POST", "/api/v2/setup", first | {"token": self.all_access, "retentionPeriodSeconds": 0})
        return self

    def bucket(self, name: str = "bkkenergy", **given: Any) -> InfluxSettings:
        """A database of 1.x, or a bucket of 2.x with a token that reads and writes it alone; settings to use it.

        A server that does not run is started for it on 2.x. On 1.x the product then makes the database by itself.
        """
        if not self.is_v2:
            if self.is_running:
                self._send("POST", "/query", {}, urllib.parse.urlencode({"q": f'CREATE DATABASE "{name}"'}).encode())
            return InfluxSettings(url=self.url, bucket=name, **given)
        if name not in self.tokens:
            if self.is_running:
                self.tokens[name] = self._token(name)
            else:
                self.start()
                self.tokens[name] = self._token(name)
                self.stop()
        return InfluxSettings(url=self.url, bucket=name, org=ORG, token=SecretStr(self.tokens[name]), **given)

    def toml(self, name: str = "bkkenergy", **given: Any) -> str:
        """The same as the table of a site's bkkenergy.toml; the token stands in a file."""
        settings = self.bucket(name, **given)
        values = {"url": settings.url, "bucket": name, "org": settings.org, **given}
        if settings.token is not None:
            path = self.folder / f"{name}.token"
            path.write_text(settings.token.get_secret_value())
            values["token_file"] = str(path)
        return "[store.influx]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())

    def write(self, settings: InfluxSettings, lines: str) -> None:
        """Lines of another writer than the product, in microseconds."""
        path = f"/write?db={settings.bucket}&precision=u"
        if self.is_v2:
            path = f"/api/v2/write?org={ORG}&bucket={settings.bucket}&precision=us"
        self._send("POST", path, headers_of(settings) | {"Content-Type": "text/plain"}, lines.encode())

    def query(self, settings: InfluxSettings, statement: str) -> dict[str, Any]:
        """The result of an InfluxQL statement as another reader gets it, such as Grafana."""
        form = urllib.parse.urlencode({"db": settings.bucket, "q": statement}).encode()
        (result,) = json.loads(self._send("POST", "/query", headers_of(settings), form))["results"]
        return result

    def _token(self, bucket: str) -> str:
        org = self._asked("GET", f"/api/v2/orgs?org={ORG}")["orgs"][0]["id"]
        made = self._asked("POST", "/api/v2/buckets", {"name": bucket, "orgID": org, "retentionRules": []})
        resource = {"type": "buckets", "id": made["id"], "orgID": org}
        rights = [{"action": action, "resource": resource} for action in ("read", "write")]
        return self._asked("POST", "/api/v2/authorizations", {"orgID": org, "permissions": rights})["token"]

    def _asked(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """An answer of 2.x's own API, as who may do all."""
        headers = {"Authorization": f"Token {self.all_access}", "Content-Type": "application/json"}
        return json.loads(self._send(method, path, headers, None if body is None else json.dumps(body).encode()))

    def _send(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> bytes:
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.read()
        except urllib.error.HTTPError as error:
            error.add_note(f"{method} {path}: {error.read().decode(errors='replace')}")
            raise


def headers_of(settings: InfluxSettings) -> dict[str, str]:
    return {} if settings.token is None else {"Authorization": f"Token {settings.token.get_secret_value()}"}


def influxd_path() -> str:
    """The influxd that BKKENERGY_TEST_INFLUXDB names, else Debian's; what is named and cannot be run is an error."""
    named = os.environ.get(INFLUXDB_VARIABLE)
    found = shutil.which(named or "influxd")
    assert found, (
        f"{INFLUXDB_VARIABLE}={named} cannot be run"
        if named
        else "influxdb is not installed: deploy/install-test-packages"
    )
    return found


def influxd_version(executable: str) -> str:
    """As `influxd version` says, which both 1.x and 2.x know; `-version` where it does not."""
    for argument in ("version", "-version"):
        done = subprocess.run([executable, argument], capture_output=True, text=True, timeout=30, check=False)
        if found := re.search(r"InfluxDB v?((\d+)\.\d+\S*)", done.stdout + done.stderr):
            assert found[2] in {"1", "2"}, f"{executable} is {found[0]}: the tests know 1.x and 2.x"
            return found[1]
    raise AssertionError(f"{executable} says no version")


def influxdb(folder: Path, *, http: str = "", more: str = "", address: str = "127.0.0.1") -> Influx:
    """The InfluxDB that BKKENERGY_TEST_INFLUXDB names, 1.x or 2.x; without it Debian's 1.6.

    http, more : lines of 1.x's configuration, for [http] and as sections of their own.
    """
    executable = influxd_path()
    version = influxd_version(executable)
    environment = {"GOGC": "400"}  # as deploy/compose.yaml and the operator's guide have it
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    if version.startswith("2."):
        options = {
            "bolt-path": folder / "influxd.bolt",
            "sqlite-path": folder / "influxd.sqlite",
            "engine-path": folder / "engine",
            "http-bind-address": f"{address}:{port}",
            "log-level": "error",
        }
        arguments = [f"--{name}={value}" for name, value in options.items()]
        # Its set-up answers once the rest does, which /health of 2.9 does not wait for.
        command = [executable, *arguments, "--reporting-disabled"]
        return Influx(
            command,
            port,
            "/api/v2/setup",
            folder=folder,
            version=version,
            address=address,
            environment=environment,
        )
    return Influx(
        [executable, "-config", str(_config_of_1(folder, f"{address}:{port}", http, more))],
        port,
        "/ping",
        folder=folder,
        version=version,
        address=address,
        environment=environment,
    )


def _config_of_1(folder: Path, bound: str, http: str, more: str) -> Path:
    config = folder / "influxdb.conf"
    config.write_text(
        f"""reporting-disabled = true
bind-address = "127.0.0.1:{free_port()}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
index-version = "tsi1"
query-log-enabled = false
[monitor]
store-enabled = false
[http]
bind-address = "{bound}"
log-enabled = false
{http}
{more}
"""
    )
    return config


def victoria_metrics(folder: Path) -> Server:
    """Debian's VictoriaMetrics, which takes InfluxDB's v2 write path."""
    executable = shutil.which("victoria-metrics")
    assert executable, "victoria-metrics is not installed: deploy/install-test-packages"
    port = free_port()
    arguments = [f"-storageDataPath={folder}", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=100y"]
    return Server([executable, *arguments], port, "/health")


@dataclass
class ObjectStore(Server):
    """An OpenStack Swift with its S3 layer."""

    def bucket(self, name: str) -> ArchiveSettings:
        """Settings of a new bucket of this server."""
        settings = ArchiveSettings(
            kind="s3", endpoint=self.url, bucket=name, access_key_id="test:tester", secret_key=SecretStr("testing"),
            timeout_s=20,
        )  # fmt: skip
        asked = obstore.sign(s3_store(settings), "PUT", "", dt.timedelta(minutes=1))
        with urllib.request.urlopen(urllib.request.Request(asked, method="PUT")) as response:
            assert response.status == 200
        return settings


def object_store(folder: Path, *, address: str = "127.0.0.1") -> ObjectStore:
    """Debian's Swift, its four servers in one process. address : of the one that clients reach."""
    assert Path("/usr/bin/swift-proxy-server").exists(), "swift-proxy is not installed: deploy/install-test-packages"
    proxy, *others = (free_port() for _ in range(4))
    script = Path(__file__).parent / "swift_server.py"
    command = ["/usr/bin/python3", str(script), str(folder), address, *map(str, (proxy, *others))]
    return ObjectStore(command, proxy, address=address)


def postgresql(*, address: str = "127.0.0.1") -> Server:
    """Debian's PostgreSQL, a cluster of its own with the user `bkk`; root may not run it, so another does.

    Its folder lies beside those of the tests, whose own is closed to others by each session that begins. Who reaches
    its address may enter.
    """
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert folders, "postgresql is not installed: deploy/install-test-packages"
    folder = shared_folder("postgresql")
    port, as_user = free_port(), []
    if os.geteuid() == 0:
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        shutil.chown(folder, "postgres", "postgres")
    initdb = [*as_user, str(folders[-1] / "initdb"), "-D", str(folder), "-U", "bkk", "-A", "trust", "--no-sync"]
    subprocess.run(initdb, check=True, capture_output=True, cwd="/")
    with (folder / "pg_hba.conf").open("a") as rules:
        rules.write(f"host all all {address}/24 trust\n")
    settings = {
        "port": port,
        "listen_addresses": address,
        "unix_socket_directories": "",
        # What a test kills is a process: what that wrote is read back by the next. Only a loss of power needs these.
        "fsync": "off",
        "full_page_writes": "off",
        # Each of some hundred databases would be looked at once a minute.
        "autovacuum": "off",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = [*as_user, str(folders[-1] / "postgres"), "-D", str(folder), *options]
    return Server(
        command, port, stops_at=signal.SIGINT, address=address
    )  # at SIGTERM it waits until its clients have gone


@contextmanager
def started(server: Server) -> Iterator[Server]:
    try:
        yield server.start()
    finally:
        server.stop()
