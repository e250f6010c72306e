"""A site in containers as its operator makes it, by the words of the guide, and the hands to use it with."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
import re
import shlex
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.containers.engine import FOLDER, ROOT, Engine, run
from tests.containers.images import is_influxdb_2
from tests.containers.own_network import HOST, HOST_ADDRESS

GUIDE = ROOT / "docs/en/how-to/operator.md"
SERVICES = tuple(
    name
    for name in ("mosquitto", "influxdb", "ingest", "jobs", "web", "backup", "influx-backup", "proxy")
    if name != "influx-backup" or not is_influxdb_2()
)
"""All but Grafana, whose image cannot be made here; and on an influxd 2.x without its own client's backup."""
ONE = "my-agency.office"
STRICT_UMASK = 0o077
WELL_WITHIN_S = 240.0


def say(text: str) -> None:
    """Write a line into the log of the tests."""
    print(f"\n      {text}", end="", flush=True)


def wait_until(is_so: Callable[[], object], what: str, within_s: float = WELL_WITHIN_S) -> float:
    """Wait for something; the seconds that it took."""
    begun_s = time.monotonic()
    while not is_so():
        assert time.monotonic() < begun_s + within_s, f"after {within_s:.0f} s still not so: {what}"
        time.sleep(0.1)
    return time.monotonic() - begun_s


def guide_lines(heading: str, block: int = 0) -> list[str]:
    """Return the commands below a heading of the operator's guide."""
    text = GUIDE.read_text(encoding="utf-8").split(f"### {heading}\n")[1]
    section = re.split(r"\n##+ ", text)[0]
    blocks: list[str] = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return blocks[block].strip().splitlines()


@dataclass
class Deployment:
    """A checkout of the project with a site in deploy/site, and the engine that runs it."""

    engine: Engine
    checkout: Path = FOLDER / "checkout"
    walked: list[str] = field(default_factory=list)
    second_step: str = ""
    """Secret of the administrator's authenticator app."""

    @property
    def deploy(self) -> Path:
        return self.checkout / "deploy"

    @property
    def site(self) -> Path:
        return self.deploy / "site"

    @property
    def ca(self) -> Path:
        return self.site / "secrets/ca.crt"

    def check_out(self) -> None:
        """Copy what git knows of the project, and what is new beside it, to a folder of its own."""
        shutil.rmtree(self.checkout, ignore_errors=True)
        names = run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT).stdout.splitlines()
        for name in names:
            if (ROOT / name).is_file():
                (self.checkout / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, self.checkout / name)

    def follow(self, line: str, *, is_expected_to_work: bool = True) -> str:
        """Carry out a line of the guide, with this test's names, under a strict umask; what it said."""
        self.walked.append(line)
        if is_influxdb_2() and " /influx-client " in line:
            say(f"not run (it needs the real client): {line}")
            return ""
        line = line.replace("energy.bangkok.go.th", HOST).replace("docker compose", "docker-compose")
        if line == "cd deploy":
            return ""
        line = re.sub(r"^docker-compose (exec|run)", r"docker-compose \1 -T", line)
        if re.match(r"docker-compose up -d$", line):
            line += " " + " ".join(SERVICES)
        is_inside = bool(re.match(r"docker-compose |tar ", line))
        program = Path(sys.executable).with_name("bkkenergy")
        line = re.sub(r"^bkkenergy ", f"{shlex.quote(str(program))} ", line)
        done = subprocess.run(
            ["sh", "-c", f"umask {STRICT_UMASK:03o}; {line}"], cwd=self.deploy if is_inside else self.checkout,
            env=self.engine.environment, capture_output=True, text=True, check=False, timeout=1200,
        )  # fmt: skip
        if is_expected_to_work:
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def compose(self, *arguments: str, check: bool = True, stdin: bytes | None = None) -> str:
        """Run docker-compose in deploy/; what it printed."""
        command = ["docker-compose", *arguments]
        done = run(command, environment=self.engine.environment, check=check, cwd=self.deploy, stdin=stdin)
        return done.stdout + ("" if check else done.stderr)

    def inside(self, service: str, *command: str, check: bool = True) -> str:
        """Run a command in a running container; what it printed."""
        return self.compose("exec", "-T", service, *command, check=check)

    def inspected(self, service: str) -> dict[str, Any]:
        """Return what the engine knows of a service's container; nothing where there is none."""
        name = self.engine.docker("ps", "-aq", "--filter", f"label=com.docker.compose.service={service}",
                                  "--filter", "label=com.docker.compose.oneoff=False").stdout.split()  # fmt: skip
        if not name:
            return {}
        found: dict[str, Any] = json.loads(self.engine.docker("inspect", name[0]).stdout)[0]
        return found

    def state(self, service: str) -> str:
        """Return "healthy", "unhealthy", "starting", or how it ended."""
        state = self.inspected(service).get("State", {})
        return str(state.get("Health", {}).get("Status") if state.get("Running") else state.get("Status", "absent"))

    def wait_for_health(self, *services: str) -> float:
        """Wait until every service says that it is ready; how long that took."""
        return wait_until(
            lambda: all(self.state(name) == "healthy" for name in services or SERVICES),
            f"all healthy: {', '.join(services or SERVICES)}",
        )

    def kill(self, service: str) -> int:
        """kill -9 the service's process; its process id."""
        pid = int(self.inspected(service)["State"]["Pid"])
        os.kill(pid, 9)
        return pid

    def wait_for_another(self, service: str, pid: int) -> float:
        """Wait until the service runs as another process; how long that took."""
        return wait_until(
            lambda: self.inspected(service)["State"]["Pid"] not in {0, pid}, f"{service} is started again"
        )

    def is_ready(self) -> bool:
        """Ask the ingester whether it is ready."""
        code = "import urllib.request as u; u.urlopen('http://127.0.0.1:9180/readyz', timeout=5)"
        command = ["docker-compose", "exec", "-T", "ingest", "python3", "-c", code]
        return run(command, environment=self.engine.environment, cwd=self.deploy, check=False).returncode == 0

    def password_of(self, user: str) -> str:
        """Return a gateway's password as its installer reads it: cut out of the line by a shell."""
        path = self.site / "secrets/gateway-passwords.csv"
        return run(["sh", "-c", f"grep '^{user},' {path} | cut -d, -f2 | tr -d '\\n'"]).stdout

    def gateway(self, user: str | None, password: str | None = None) -> Gateway:
        """A gateway that is connected, or was refused."""
        return Gateway(self.ca, user, self.password_of(user) if user and password is None else password)

    def answer_to(self, user: str | None, password: str | None = None) -> str:
        """Connect as a gateway and hang up; what the broker answered."""
        gateway = self.gateway(user, password)
        gateway.close()
        return gateway.answer

    def stored(self, first_day: dt.date, last_day: dt.date) -> list[tuple[str, str]]:
        """Return meter and instant of every reading of some days, from the store through the service's own export."""
        command = (
            f"rm -f /tmp/out.csv; bkkenergy export /tmp/out.csv --period {first_day}..{last_day} >&2; cat /tmp/out.csv"
        )
        rows = csv.DictReader(io.StringIO(self.inside("web", "sh", "-c", command)))
        return [(row["meter"], row["ts"]) for row in rows]


class Gateway:
    """A gateway over TLS: a name and a password, messages of QoS 1, and how many of them were acknowledged."""

    def __init__(self, ca: Path, user: str | None, password: str | None) -> None:
        self.answer, self.cut, self.refused = "", "", 0
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=f"{user}-{time.monotonic_ns()}", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.tls_set(str(ca))
        if user:
            self._client.username_pw_set(user, password)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self.acknowledged = 0
        self._sent = 0
        self._client.reconnect_delay_set(1, 1)
        self._client.connect(HOST, 8883)
        self._client.loop_start()
        wait_until(lambda: self.answer or self.cut, "the broker answers", 20)

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self.answer = str(reason)

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self.cut = str(reason) or "cut"

    def _on_publish(self, _client: Any, _data: Any, _mid: int, reason: Any, _properties: Any) -> None:
        self.refused += bool(reason.is_failure)
        self.acknowledged += not reason.is_failure

    def send(self, topic: str, instant_s: float, **values: float) -> None:
        """Publish a reading."""
        self._sent += 1
        self._client.publish(topic, json.dumps({"ts": instant_s, **values}), qos=1)

    def drain(self) -> int:
        """Wait until every message has its answer; how many were taken."""
        wait_until(lambda: self.acknowledged + self.refused >= self._sent, "every message has its answer", 120)
        return self.acknowledged

    def close(self) -> None:
        """Hang up."""
        self._client.disconnect()
        self._client.loop_stop()
        if (left := self._client.socket()) is not None:
            left.close()


def certificate_of(port: int, ca: Path, host: str = HOST) -> str:
    """Return the fingerprint of the certificate that a server shows now, verified."""
    import hashlib
    import socket

    context = ssl.create_default_context(cafile=ca)
    with (
        socket.create_connection((HOST_ADDRESS, port), 10) as plain,
        context.wrap_socket(plain, server_hostname=host) as own,
    ):
        return hashlib.sha256(own.getpeercert(binary_form=True) or b"").hexdigest()
