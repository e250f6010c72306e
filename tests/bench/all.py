"""Every bench, one after the other, and docs/benchmarks.md from what they measured.

    python -m tests.bench.all                       an hour on 2 cores
    python -m tests.bench.all --short               twenty minutes: smaller sites and one round; every target is asked
    python -m tests.bench.all --quick --page -      minutes: whether each runs, not how fast anything is
    python -m tests.bench.all --only solar web

What fails is named at the end, and the exit code is 1: a bench that ended badly or could not run, a target that was missed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path

from tests.bench.rows import MISSED, ROWS_VARIABLE, Row, read_rows
from tests.conftest import ROOT

PAGE = ROOT / "docs/benchmarks.md"
MAX_LINES = 60
"""At most this many lines of what a bench printed are on the page."""
OLD_COMMIT = "851c55d"
"""The commit before the energy ledger, whose daily run is made beside ours."""
LIBRARIES = ("numpy", "pandas", "pvlib", "pyarrow", "fastapi", "sqlalchemy", "influxdb-client")
SERVERS = {
    "mosquitto": ["mosquitto", "-h"],
    "InfluxDB": ["influxd", "version"],
    "PostgreSQL": ["psql", "--version"],
    "wrk": ["wrk", "-v"],
}


class Mode(StrEnum):
    """How much is measured. Only QUICK asks for no target: it shows no speed."""

    FULL = "full"
    SHORT = "short"
    QUICK = "quick"


MODES = {
    Mode.FULL: "",
    Mode.SHORT: " in the short mode: one round, smaller sites (the daily run of 1,000 buildings is not among them)",
    Mode.QUICK: " in the quick mode, which shows that each bench runs and no speed",
}
"""What the page says of each."""


@dataclass(frozen=True)
class Bench:
    """A module below tests.bench, and its arguments. short, quick : arguments in place of these in those modes."""

    module: str
    arguments: tuple[str, ...] = ()
    short: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()

    def arguments_in(self, mode: Mode) -> tuple[str, ...]:
        return {Mode.FULL: self.arguments, Mode.SHORT: self.short, Mode.QUICK: self.quick}[mode]


@dataclass(frozen=True)
class Outcome:
    """What came of a bench. fault : why it failed, empty where it did not."""

    bench: Bench
    seconds: float
    output: str
    rows: tuple[Row, ...]
    fault: str


def benches(data: Path, peer: Path | None) -> dict[str, Bench]:
    """Each bench by its name."""
    node_red = ("--node-red", str(peer.resolve())) if peer and (peer / "node_modules/node-red").exists() else ()
    short_web = ("--agencies", "20", "--buildings", "200", "--seconds", "2")
    quick_ledger = ("--buildings", "5", "--minutely", "1", "--live", "50", "--turns", "50")
    short_ledger = ("--buildings", "20", "--minutely", "3", "--live", "300", "--turns", "100", "--against", OLD_COMMIT)
    return {
        "ingest": Bench("__main__", (), ("--rounds", "1"), ("--quick",)),
        "late": Bench("late", (), ("--rounds", "1"), ("--rounds", "1", "--quick")),
        "solar": Bench("solar", (), ("--rounds", "1"), ("--rounds", "1")),
        "savings": Bench("savings", (str(data),), (str(data), "--meters", "8"), (str(data), "--meters", "2")),
        "reports": Bench("reports", (), ("--small",), ("--small",)),
        "ledger": Bench("ledger", ("--against", OLD_COMMIT), short_ledger, quick_ledger),
        "web": Bench("web", (), short_web, ("--agencies", "8", "--buildings", "16", "--seconds", "1")),
        "explorer": Bench("explorer", (), ("--rounds", "5"), ("--rounds", "1")),
        "attack": Bench("attack", (), ("--rounds", "2"), ("--rounds", "1", "--pages", "8")),
        "workers": Bench(
            "workers", (), ("--rounds", "1", "--meters", "200"), ("--rounds", "1", "--meters", "6", "--days", "5")
        ),
        "runs": Bench(
            "runs",
            (),
            ("--agencies", "12", "--buildings", "40", "--days", "40"),
            ("--agencies", "2", "--buildings", "4", "--days", "3"),
        ),
        "scale": Bench(
            "scale",
            (),
            ("--sizes", "1000", "10000", "--stores", "sqlite", "influx", "--seconds", "10"),
            ("--sizes", "1000", "--stores", "sqlite", "--seconds", "3"),
        ),
        "hosts": Bench("hosts", (), ("--minutes", "1"), ("--minutes", "0.2")),
        "peer": Bench("peer", node_red, node_red, (*node_red, "--quick")),
    }


def run(name: str, bench: Bench, mode: Mode) -> Outcome:
    """Run a bench in a process of its own, and show what it prints while it runs."""
    arguments = bench.arguments_in(mode)
    module = "tests.bench" if bench.module == "__main__" else f"tests.bench.{bench.module}"
    print(f"\n== {name}: python -m {module} {' '.join(arguments)}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows"
        command = [sys.executable, "-W", "ignore", "-m", module, *arguments]
        began_s = time.monotonic()
        with subprocess.Popen(
            command, cwd=ROOT, env=os.environ | {ROWS_VARIABLE: str(rows)}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as process:  # fmt: skip
            lines = []
            for line in process.stdout or ():
                print(line, end="", flush=True)
                lines.append(line)
        measured = tuple(read_rows(rows))
        seconds = time.monotonic() - began_s
    return Outcome(
        bench,
        seconds,
        "".join(lines),
        measured,
        fault_of(process.returncode, measured, lines, is_quick=mode is Mode.QUICK),
    )


def fault_of(exit_code: int, rows: tuple[Row, ...], lines: list[str], *, is_quick: bool) -> str:
    """Why a bench failed; empty where it ran and reached its targets. The quick mode shows no speed: it asks for no target."""
    missed = [row.what for row in rows if row.is_reached is False]
    if missed and not is_quick:
        return f"target missed: {', '.join(missed)}"
    if exit_code not in ({0, MISSED} if is_quick else {0}):
        return f"exit code {exit_code}: {lines[-1].strip() if lines else 'no word'}"
    return "" if rows else "nothing was measured"


def machine() -> str:
    """Name the processor, its cores, the memory and the system."""
    text = Path("/proc/cpuinfo").read_text("utf-8")
    name = next((line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")), "?")
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores of {name}, {memory_gb:.0f} GB, {platform.freedesktop_os_release()['PRETTY_NAME']}"


def versions() -> str:
    """Name the versions of Python, the libraries that count, and the servers that are there."""
    said = [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in LIBRARIES)]
    for name, command in SERVERS.items():
        if shutil.which(command[0]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            said.append(f"{name} {first_number(done.stdout + done.stderr)}")
    return ", ".join(said)


def first_number(text: str) -> str:
    """The first word of a text that looks like a version."""
    words = (word.rpartition("/")[2].strip("(),v") for word in text.split())
    return next((word for word in words if word[:1].isdigit() and "." in word), "?")


def commit() -> str:
    """Name the commit, and whether files differ from it."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + (" with changes" if git("status", "--porcelain", "src") else "")


def page(outcomes: dict[str, Outcome], mode: Mode) -> str:
    """Write the page."""
    text = (
        "# Benchmarks\n\nEach figure is a ratio within one run: ours beside a peer, an old commit or an empty page on the same "
        "machine in\nthe same minutes. Milliseconds are of this machine alone. `make bench` writes this page.\n\n"
        f"Measured {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC at {commit()}{MODES[mode]}.\n{machine()}. {versions()}.\n\n"
        "| bench | what | ms | beside | its ms | ratio | target |\n|---|---|--:|---|--:|--:|--:|\n"
    )
    text += "".join(line_of(row) for outcome in outcomes.values() for row in outcome.rows)
    faults = [f"- {name}: {outcome.fault}\n" for name, outcome in outcomes.items() if outcome.fault]
    text += "\n## What failed\n\n" + ("".join(faults) or "Nothing.\n")
    for name, outcome in outcomes.items():
        text += f"\n## {name}\n\n{outcome.seconds:.0f} s.\n\n```text\n{shown(outcome.output)}\n```\n"
    return text


def shown(output: str) -> str:
    """The end of what a bench printed, without the folders of this machine."""
    lines = [line.rstrip() for line in output.strip().replace(f"{ROOT}/", "").splitlines()]
    left_out = [f"({len(lines) - MAX_LINES} lines before)"] if len(lines) > MAX_LINES else []
    return "\n".join([*left_out, *lines[-MAX_LINES:]])


def line_of(row: Row) -> str:
    """A row of the table: ratios of speed as times as fast, of cost as times as long."""
    target = "" if row.target is None else f"{'≤' if row.is_cost else '≥'} {row.target:g}"
    how = "times as long" if row.is_cost else "times as fast"
    return (
        f"| {row.bench} | {row.what} | {number(row.ms)} | {row.peer} | {number(row.peer_ms)} "
        f"| {number(row.ratio)} {how} | {target}{' MISSED' if row.is_reached is False else ''} |\n"
    )


def number(value: float) -> str:
    """Three figures of a number."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    how_much = parser.add_mutually_exclusive_group()
    how_much.add_argument(
        "--short", action="store_const", dest="mode", const=Mode.SHORT, help="smaller sites, one round"
    )
    how_much.add_argument("--quick", action="store_const", dest="mode", const=Mode.QUICK, help="whether each runs")
    parser.set_defaults(mode=Mode.FULL)
    parser.add_argument(
        "--only", nargs="+", metavar="BENCH", help="these alone; the page is then written with these alone"
    )
    parser.add_argument("--data", type=Path, default=ROOT / "../shared/data", help="the Cambridge meter data")
    parser.add_argument("--node-red", type=Path, help="a folder with node_modules/node-red")
    parser.add_argument("--page", default=str(PAGE), help="where the page goes; - for nowhere")
    given = parser.parse_args()
    known = benches(given.data, given.node_red)
    if unknown := sorted(set(given.only or ()) - set(known)):
        parser.error(f"no bench {', '.join(unknown)}: there are {', '.join(known)}")
    outcomes = {name: run(name, bench, given.mode) for name, bench in known.items() if name in (given.only or known)}
    if given.page != "-":
        Path(given.page).write_text(page(outcomes, given.mode), encoding="utf-8")
    faults = {name: outcome.fault for name, outcome in outcomes.items() if outcome.fault}
    print(f"\n{len(outcomes) - len(faults)} of {len(outcomes)} benches ran and reached their targets.")
    for name, fault in faults.items():
        print(f"FAILED {name}: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
