"""Real servers for tests and benchmarks, on free ports of 127.0.0.1, stopped by process id."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bkkenergy.demo.broker import free_port, mosquitto_path

STARTS_WITHIN_S = 30.0
SHIPPED_BROKER_LIMITS = Path(__file__).resolve().parent.parent / "deploy/mosquitto/bkkenergy.conf"


@dataclass
class Server:
    """A process that can be stopped, killed and started again on the same port and folder."""

    command: list[str]
    port: int
    probe: str | None = None
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Server:
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until_s = time.monotonic() + STARTS_WITHIN_S
        while not self._answers():
            assert self.process.poll() is None, f"{self.command[0]} ended at once"
            assert time.monotonic() < until_s, f"{self.command[0]} does not answer"
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
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
                return sock.connect_ex(("127.0.0.1", self.port)) == 0
        try:
            with urllib.request.urlopen(self.url + self.probe, timeout=1) as response:
                return response.status < 300
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


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


def influxdb(folder: Path) -> Server:
    """Debian's InfluxDB 1.6."""
    executable = shutil.which("influxd")
    assert executable, "influxdb is not installed: deploy/install-test-packages"
    folder.mkdir(parents=True, exist_ok=True)
    port, rpc_port = free_port(), free_port()
    config = folder / "influxdb.conf"
    config.write_text(
        f"""reporting-disabled = true
bind-address = "127.0.0.1:{rpc_port}"
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
bind-address = "127.0.0.1:{port}"
log-enabled = false
"""
    )
    return Server([executable, "-config", str(config)], port, "/ping")


def victoria_metrics(folder: Path) -> Server:
    """Debian's VictoriaMetrics, which takes InfluxDB's v2 write path."""
    executable = shutil.which("victoria-metrics")
    assert executable, "victoria-metrics is not installed: deploy/install-test-packages"
    port = free_port()
    arguments = [f"-storageDataPath={folder}", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=100y"]
    return Server([executable, *arguments], port, "/health")


def postgresql(folder: Path) -> Server:
    """Debian's PostgreSQL, a cluster of its own with the user `bkk`; root may not run it, so another does."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert folders, "postgresql is not installed: deploy/install-test-packages"
    data, port, as_user = folder / "data", free_port(), []
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        shutil.chown(folder, "postgres", "postgres")
        for parent in folder.parents:
            if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o005:
                parent.chmod(parent.stat().st_mode | 0o055)
    initdb = [*as_user, str(folders[-1] / "initdb"), "-D", str(data), "-U", "bkk", "-A", "trust", "--no-sync"]
    subprocess.run(initdb, check=True, capture_output=True, cwd="/")
    options = ["-c", f"port={port}", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
    return Server([*as_user, str(folders[-1] / "postgres"), "-D", str(data), *options], port)


@contextmanager
def started(server: Server) -> Iterator[Server]:
    try:
        yield server.start()
    finally:
        server.stop()
