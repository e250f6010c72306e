"""A Docker engine for the tests alone: its own data folder and socket, started and stopped by process id."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "var/containers"
STARTS_WITHIN_S = 60.0
STOPS_WITHIN_S = 120.0
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
"""Debian's own tools alone: another engine's client may stand in front of them."""


class Engine:
    """Debian's dockerd. With `network=False` it only builds, on the machine's network, and changes none of its rules."""

    def __init__(self, folder: Path = FOLDER, *, network: bool = True) -> None:
        self._folder, self._network = folder, network
        self._run = Path(tempfile.mkdtemp(prefix="bkk-", dir="/run"))
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def environment(self) -> dict[str, str]:
        """What the clients docker and docker-compose need to find it."""
        return {
            **os.environ,
            "PATH": PATH,
            "DOCKER_HOST": f"unix://{self._run}/socket",
            "DOCKER_BUILDKIT": "0",
            "DOCKER_CONFIG": str(self._run),
        }

    def start(self) -> None:
        """Start the engine; return when it answers."""
        command = [
            "dockerd", "--data-root", str(self._folder / "docker"), "--exec-root", str(self._run / "x"),
            "--pidfile", str(self._run / "pid"), "--host", f"unix://{self._run}/socket", "--storage-driver", "overlay2",
        ]  # fmt: skip
        if not self._network:
            command += ["--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"]
        with (self._folder / "dockerd.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=self.environment)
        until_s = time.monotonic() + STARTS_WITHIN_S
        while self.docker("version", check=False).returncode:
            assert self._process.poll() is None, f"dockerd has ended: {self._folder}/dockerd.log"
            assert time.monotonic() < until_s, f"dockerd does not answer: {self._folder}/dockerd.log"
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop the engine and with it its containers, as a reboot does."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(STOPS_WITHIN_S)
        self._process = None

    def close(self) -> None:
        """Stop the engine and remove its socket's folder."""
        self.stop()
        for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
            if line.split()[1].startswith(f"{self._run}/"):
                run(["umount", line.split()[1]])  # a network that the engine leaves mounted
        shutil.rmtree(self._run)

    def docker(
        self, *arguments: str, check: bool = True, stdin: bytes | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `docker` on this engine; its output."""
        return run(["docker", *arguments], environment=self.environment, check=check, stdin=stdin)


def run(
    command: list[str],
    *,
    environment: Mapping[str, str] | None = None,
    check: bool = True,
    stdin: bytes | None = None,
    cwd: Path | None = None,
    timeout_s: float = 900,
) -> subprocess.CompletedProcess[str]:
    """Run a command; its output as text. Raises AssertionError with all that it said, where it fails and `check` is on."""
    done = subprocess.run(
        command, input=stdin, capture_output=True, check=False, env=environment, cwd=cwd, timeout=timeout_s
    )
    output, errors = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    if check:
        assert done.returncode == 0, f"{' '.join(command)}\n{output}{errors}"
    return subprocess.CompletedProcess(command, done.returncode, output, errors)


@contextmanager
def running(*, network: bool) -> Iterator[Engine]:
    """An engine that is stopped in the end, whatever happens."""
    engine = Engine(network=network)
    try:
        engine.start()
        yield engine
    finally:
        engine.close()
