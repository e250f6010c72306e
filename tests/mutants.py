"""Measure what the tests would notice: small faults put into modules one by one, and the share of them that a test finds.

    python -m tests.mutants --each 6 --seed 1            writes docs/mutants.md
    python -m tests.mutants --each 20 --minutes 25       as many of them as there is time for, the same time for each group
    python -m tests.mutants --only tariff --each 30      one group, printed alone

The faults go into a copy of the source; the tests of a group run on the copy until one fails. A fault that no test finds is
printed: it is a test that is missing, or a line that does not matter.
"""

from __future__ import annotations

import argparse
import ast
import datetime as dt
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/mutants.md"
MIN_TIMEOUT_S, SLOWER = 300.0, 5.0
"""A fault that makes the tests this many times slower than they are without one counts as found: it hangs."""
GROUPS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "metering": (("metering",), ("tests/unit/metering",)),
    "tariff": (("tariff",), ("tests/unit/tariff", "tests/unit/test_tariff_carbon.py")),
    "savings": (("savings",), ("tests/unit/savings",)),
    "ingest.pipeline": (("ingest/pipeline.py",), ("tests/unit/ingest/test_pipeline.py",)),
    "ledger": (
        ("usecases/recompute.py", "usecases/ledgerdays.py", "usecases/energy.py", "adapters/ledger"),
        ("tests/contract/test_ledger.py", "tests/contract/test_recompute.py", "tests/unit/usecases"),
    ),
}
"""Name -> modules below src/bkkenergy, and the tests that should notice."""
TURNED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.And: ast.Or, ast.Or: ast.And,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """A place in a module, and what stands there instead."""

    path: Path
    node: int
    line: int
    text: str


def faults_of(path: Path) -> list[Fault]:
    """Every small fault that can be put into the functions of a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        Fault(path, number, getattr(node, "lineno", 0), f"{before}  ->  {ast.unparse(node)}")
        for number, node, before in _turned(tree)
    ]


def _turned(tree: ast.Module) -> Iterator[tuple[int, ast.AST, str]]:
    """Each node of a function that can be turned: its number, the turned node, and what was there. It is turned back."""
    inside = [node for top in ast.walk(tree) if isinstance(top, ast.FunctionDef) for node in ast.walk(top)]
    types = set(_types_of(inside))
    for number, node in enumerate(dict.fromkeys(inside)):
        if node in types:
            continue
        before = ast.unparse(node) if isinstance(node, ast.expr) else ""
        if isinstance(node, ast.Compare) and type(node.ops[0]) in TURNED:
            kept: ast.AST = node.ops[0]
            node.ops[0] = TURNED[type(kept)]()
            yield number, node, before
            node.ops[0] = kept
        elif isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in TURNED:
            kept = node.op
            node.op = TURNED[type(kept)]()
            yield number, node, before
            node.op = kept
        elif isinstance(node, ast.Constant) and type(node.value) in {int, float}:
            value = node.value
            node.value = value + 1
            yield number, node, before
            node.value = value


def _types_of(nodes: list[ast.AST]) -> Iterator[ast.AST]:
    """Each node of an annotation: nothing runs it."""
    for node in nodes:
        for name in ("annotation", "returns"):
            if (annotation := getattr(node, name, None)) is not None:
                yield from ast.walk(annotation)


def source_with(fault: Fault) -> str:
    """The module's source with the fault in it."""
    tree = ast.parse(fault.path.read_text(encoding="utf-8"))
    for number, _node, _before in _turned(tree):
        if number == fault.node:
            return ast.unparse(tree)
    raise LookupError(fault)


def run_tests(source: Path, tests: tuple[str, ...], timeout_s: float | None = None) -> int:
    """The exit code of the tests on a copy of the source."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "not (influx or postgres)"]
    environment = os.environ | {"PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*command, *tests], cwd=ROOT, env=environment, capture_output=True, check=False, timeout=timeout_s
    )
    assert done.returncode in {0, 1, 2}, done.stdout.decode()[-2000:]
    return done.returncode


def seconds_without_fault(source: Path, tests: tuple[str, ...]) -> float:
    """How long the tests take on the copy as it is. They have to pass: what fails anyway finds nothing."""
    began_s = time.monotonic()
    if run_tests(source, tests) != 0:
        raise SystemExit(f"{' '.join(tests)} fails without any fault: repair that first.")
    return time.monotonic() - began_s


def is_found(fault: Fault, source: Path, tests: tuple[str, ...], timeout_s: float) -> bool:
    """Whether a test fails on a copy of the source that has the fault."""
    place = source / fault.path.relative_to(ROOT / "src")
    before = place.read_text(encoding="utf-8")
    place.write_text(source_with(fault), encoding="utf-8")
    try:
        return run_tests(source, tests, timeout_s) != 0
    except subprocess.TimeoutExpired:
        return True
    finally:
        place.write_text(before, encoding="utf-8")


def main() -> None:
    """Put the faults in, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=20, help="Faults of each group.")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="Begin no fault after so long.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=GROUPS, help="One group, printed alone.")
    given = parser.parse_args()
    rows, missed = [], []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        shutil.copytree(ROOT / "src", source)
        (source.parent / "config").symlink_to(ROOT / "config")
        for name, (modules, tests) in GROUPS.items():
            if given.only not in {None, name}:
                continue
            places = [ROOT / "src/bkkenergy" / module for module in modules]
            files = sorted(path for place in places for path in ([place] if place.is_file() else place.rglob("*.py")))
            everything = [fault for path in files for fault in faults_of(path)]
            chosen = random.Random(given.seed).sample(everything, min(given.each, len(everything)))
            count, found, timeout_s = 0, 0, max(MIN_TIMEOUT_S, SLOWER * seconds_without_fault(source, tests))
            until_s = time.monotonic() + given.minutes * 60 / (len(GROUPS) if given.only is None else 1)
            for fault in chosen:
                if time.monotonic() > until_s:
                    break
                count += 1
                is_killed = is_found(fault, source, tests, timeout_s)
                found += is_killed
                where = f"{fault.path.relative_to(ROOT / 'src/bkkenergy')}:{fault.line}"
                print(f"{'found ' if is_killed else 'MISSED'} {name} {where} {fault.text}", flush=True)
                if not is_killed:
                    missed.append(f"- `{where}`: `{fault.text}`")
            score = f"{found / count:.0%}" if count else "not measured"
            rows.append(f"| {name} | {found} of {count} | {score} | {len(everything):,} |")
    if given.only is None:
        PAGE.write_text(page(rows, missed, given.seed), encoding="utf-8")


def page(rows: list[str], missed: list[str], seed: int) -> str:
    """What was measured, as a page."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    head = (
        f"# What the tests would notice\n\nMeasured {dt.date.today()} at {commit.stdout.strip()} by `make mutants` "  # noqa: DTZ011
        f"(seed {seed}): small faults, put into modules one by one.\n\n| part | found | score | faults there are |\n|---|---|---|---|\n"
    )
    return head + "\n".join(rows) + "\n\n## Not found\n\n" + ("\n".join(missed) or "None.") + "\n"


if __name__ == "__main__":
    main()
