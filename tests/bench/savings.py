"""Baselines beside OpenDSM's daily and hourly models: accuracy and time on the same real meters, in one run.

usage: python -m tests.bench.savings FOLDER-WITH-CAMBRIDGE-FILES [--venv FOLDER]

OpenDSM lives in an environment of its own (opendsm needs pandas < 3): it is made there when absent. Fitted on
2017, foretold for 2018; accuracy over meters and hours that both know; a crash of either counts as its failure.
Closures are information that OpenDSM cannot take: the comparison is of what each can use.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from bkkenergy.savings.baseline import Series, diagnostics, expected_days, fit_form
from bkkenergy.savings.hourly import predict_hourly
from tests.bench.placebo import FIRST, SECOND, cambridge
from tests.bench.rows import MISSED, faster
from tests.conftest import ROOT

TARGETS = {"Daily": 100.0, "Hourly": 50.0}
FORMS = {"Daily": "daily", "Hourly": "hourly"}


def opendsm_python(folder: Path) -> Path:
    python = folder / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "opendsm", "multimethod<2"], check=True)
    return python


def peer(buildings: dict[str, Series], python: Path) -> dict:
    first = next(iter(buildings.values()))
    frame = pd.DataFrame(
        {name: np.where(own.known, own.energy_kwh, np.nan) for name, own in buildings.items()}, index=first.starts
    )
    frame["temp_c"] = first.temp_c
    with tempfile.TemporaryDirectory() as folder:
        meters, result = Path(folder) / "meters.parquet", Path(folder) / "result.json"
        frame.to_parquet(meters)
        command = [str(python), str(ROOT / "tests/bench/opendsm_peer.py"), str(meters), str(result)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        return json.loads(result.read_text())


def ours(own: Series, form: str) -> tuple[float, np.ndarray, np.ndarray | None]:
    """Seconds to fit, what is foretold for each day of the second year, and for each hour."""
    base = own.between(dt.date(FIRST, 1, 1), dt.date(FIRST, 12, 31))
    after = own.between(dt.date(SECOND, 1, 1), dt.date(SECOND, 12, 31))
    started_s = time.perf_counter()
    model = fit_form(form, base, np.ones(len(base.kind), bool))
    seconds = time.perf_counter() - started_s
    hours = predict_hourly(model, after.temp_c, after.hour_slot) if form == "hourly" else None
    return seconds, expected_days(model, after), hours


def compare(buildings: dict[str, Series], theirs: dict) -> bool:
    """Print a row a model; whether the speed targets are reached and nothing of ours failed."""
    reached = True
    print(f"{'model':>8} {'meters':>7} {'fit s: OpenDSM':>15} {'ours':>8} {'ratio':>7} {'CV day: OpenDSM':>16} {'ours':>7} {'CV hour: OpenDSM':>17} {'ours':>7} {'bias: OpenDSM':>14} {'ours':>7} {'failed':>7}")  # fmt: skip
    for name, form in FORMS.items():
        rows = []
        for building, own in buildings.items():
            after = own.between(dt.date(SECOND, 1, 1), dt.date(SECOND, 12, 31))
            seconds, days, hours = ours(own, form)
            found = theirs[building][name]
            if "error" in found:
                continue
            predicted = pd.Series(found["kwh"], index=pd.DatetimeIndex(found["at"]))
            their_days = (
                predicted.groupby(predicted.index.floor("D"))
                .sum()
                .reindex(after.day_index.tz_convert("UTC"))
                .to_numpy()
            )
            actual = np.where(np.isfinite(their_days), after.day_energy_kwh, np.nan)
            day_pair = (diagnostics(actual, their_days), diagnostics(actual, days))
            hour_pair = (np.nan, np.nan)
            if hours is not None:
                their_hours = predicted.reindex(after.starts.tz_convert("UTC")).to_numpy()
                energy = np.where(after.known & np.isfinite(their_hours), after.energy_kwh, np.nan)
                hour_pair = (diagnostics(energy, their_hours).cvrmse, diagnostics(energy, hours).cvrmse)
            rows.append((found["seconds"], seconds, day_pair[0].cvrmse, day_pair[1].cvrmse, *hour_pair, abs(day_pair[0].nmbe), abs(day_pair[1].nmbe)))  # fmt: skip
        middle = [statistics.median(column) for column in zip(*rows, strict=True)]
        ratio = middle[0] / middle[1]
        faster(
            "savings", f"fit of a year, {name}", middle[1] * 1000, f"OpenDSM, {name}", middle[0] * 1000, TARGETS[name]
        )
        reached &= ratio >= TARGETS[name]
        failed = len(buildings) - len(rows)
        print(f"{name:>8} {len(rows):>7} {middle[0]:>15.2f} {middle[1]:>8.4f} {ratio:>7.0f} {middle[2]:>16.1%} {middle[3]:>7.1%} {middle[4]:>17.1%} {middle[5]:>7.1%} {middle[6]:>14.1%} {middle[7]:>7.1%} {failed:>7}")  # fmt: skip
    print(f"Medians over meters on which both ran; failed: of OpenDSM (ours: none). Targets of the ratio: {TARGETS}.")
    return reached


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--venv", type=Path, default=ROOT / "var/opendsm")
    parser.add_argument("--meters", type=int, help="how many of them (default: all)")
    given = parser.parse_args()
    if not (given.folder / "cambridge-33-buildings-hourly.csv.gz").exists():
        print(f"{given.folder} has no Cambridge files: nothing can be compared.")
        return 2
    buildings = dict(list(cambridge(given.folder).items())[: given.meters])
    return 0 if compare(buildings, peer(buildings, opendsm_python(given.venv))) else MISSED


if __name__ == "__main__":
    raise SystemExit(main())
