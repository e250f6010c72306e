"""`bkkenergy ARGUMENTS` as a process that is forked from one that has it loaded: it is killed, ends, and is waited for.

A start of its own is a second of imports. What only that shows is in test_cli.py, test_cli_start.py and test_docs.py.
"""

from __future__ import annotations

import atexit
import functools
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT


@functools.cache
def launcher() -> subprocess.Popen[str]:
    """What forks: one for this process of tests, until that ends."""
    command = [sys.executable, "-m", "tests.host_process", "waits"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    atexit.register(process.communicate)
    return process


def asked(*words: str) -> int:
    """What the launcher answers."""
    process = launcher()
    print("\t".join(words), file=process.stdin, flush=True)
    return int(process.stdout.readline())


@dataclass
class Forked:
    """A process of the product; as `subprocess.Popen`, as far as tests ask."""

    pid: int
    returncode: int | None = None

    def send_signal(self, number: int) -> None:
        if self.returncode is None:  # until it is waited for, its number is no other's
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, or minus the signal that ended it."""
        if self.returncode is None:
            descriptor = os.pidfd_open(self.pid)
            try:
                if not select.select([descriptor], [], [], timeout)[0]:
                    raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            finally:
                os.close(descriptor)
            self.returncode = os.waitstatus_to_exitcode(asked("wait", str(self.pid)))
        return self.returncode


def forked(*arguments: object, log: Path | None = None) -> Forked:
    """Start a command in the environment that the launcher was started in. log : takes what it prints."""
    return Forked(asked("", "" if log is None else str(log), *map(str, arguments)))
