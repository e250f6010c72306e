"""Processes of a bench: what CPU they used, and what memory they hold, as Linux says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """CPU of a process, of those that it has started and that are there, and of those that have ended."""
    total = 0.0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(path.parent.name) == pid:
            total += sum(map(int, fields[11:15]))
        elif int(fields[1]) == pid:
            total += sum(map(int, fields[11:13]))
    return total / TICKS_PER_S


def memory_mb(pid: int, which: str = "VmRSS") -> float:
    """What a process has in memory; VmHWM : the most that it ever had."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(re.search(rf"{which}:\s+(\d+)", status)[1]) / 1024


def product(config: Path, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
    """A process of the service. log : where its lines go."""
    command = [sys.executable, "-m", "bkkenergy", *arguments, "--config", str(config), "--log-format", "json"]
    with log.open("ab") as file:
        return subprocess.Popen(command, stdout=file, stderr=file)


def command_cpu_s(config: Path, *arguments: str) -> float:
    """CPU that a command of the product takes, from its start to its end, whatever it found."""
    before = os.times()
    command = [sys.executable, "-m", "bkkenergy", *arguments, "--config", str(config)]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system
