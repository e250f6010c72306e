"""Daily reports of one day, all formats, Thai and English: the demonstration's 40 buildings, and 1,000 in 50 agencies.

A year of 15-minute data (400 days) in the embedded store, baselines fitted. Time, and the process's highest memory.
"""

from __future__ import annotations

import argparse
import datetime as dt
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from bkkenergy.adapters.sqlite import SqliteStore
from bkkenergy.calendar import BANGKOK, epoch_us
from bkkenergy.demo.loads import SHAPES, building_load, simulated_weather
from bkkenergy.demo.meters import time_grid
from bkkenergy.portfolio import load_portfolio
from bkkenergy.readings import ReadingBatch
from bkkenergy.site.solar_config import load_solar
from tests.bench.rows import costs
from tests.conftest import CONFIG_PARTS, ROOT

DAYS = 400
TYPES = ("school", "health_centre", "district_office", "fire_station", "library")
CALENDARS = {"school": "school", "health_centre": "clinic", "fire_station": "always"}
SETTINGS = """
[store]
path = "store.sqlite"
[state]
path = "state.sqlite"
[report]
folder = "reports"
formats = ["html", "pdf", "xlsx", "json", "csv"]
[jobs]
schedule = [{ kind = "day", at = "00:00" }]
"""


def site(folder: Path, agencies: int, buildings: int) -> None:
    """A configuration with so many buildings in so many agencies."""
    config = folder / "config"
    (config / "portfolio").mkdir(parents=True)
    for name in CONFIG_PARTS:
        if name != "portfolio":
            (config / name).symlink_to(ROOT / "config" / name)
    (config / "bkkenergy.toml").write_text(SETTINGS)
    calendars = load_portfolio(ROOT / "config").calendars
    rng = np.random.default_rng(1)
    lines = [
        f'[[agency]]\nid = "agency-{number:02d}"\nname_th = "หน่วยงาน {number}"\nname_en = "Agency {number}"\n'
        "demonstration = true\n"
        for number in range(agencies)
    ]
    for number in range(buildings):
        kind = TYPES[number % len(TYPES)]
        calendar = CALENDARS.get(kind, "office")
        assert calendar in calendars, calendars
        lines.append(
            f'[[building]]\nagency = "agency-{number % agencies:02d}"\nid = "b-{number:04d}"\nname_th = "อาคาร {number}"\n'
            f'name_en = "Building {number}"\ntype = "{kind}"\ngross_floor_area_m2 = {rng.uniform(800, 12_000):.0f}\n'
            f'latitude_deg = 13.75\nlongitude_deg = 100.55\ntariff = "mea-3-2-lv"\ncalendar = "{calendar}"\n'
            f'roofs = [{{ id = "roof", area_m2 = {rng.uniform(200, 2000):.0f}, tilt_deg = 10, azimuth_deg = 180 }}]\n'
            '[[building.meters]]\nid = "main"\nrated_kw = 2000\n'
        )
    (config / "portfolio/all.toml").write_text("\n".join(lines))


def fill(folder: Path, days: int, every_min: int = 15) -> int:
    """Simulated registers of every main meter up to this morning, 15-minute steps dealt out; how many readings."""
    portfolio = load_portfolio(folder / "config")
    now = dt.datetime.now(BANGKOK)
    start = dt.datetime.combine(now.date() - dt.timedelta(days=days), dt.time(), BANGKOK)
    index = time_grid(start, dt.datetime.combine(now.date(), dt.time(1), BANGKOK))
    month_mean_c = load_solar(ROOT / "config").climate.temp_mean_c.months
    weather = simulated_weather(index, month_mean_c=month_mean_c, seed=1)
    store = SqliteStore(folder / "store.sqlite")
    store.prepare()
    quarter_us = epoch_us(pd.DatetimeIndex(index))
    at = np.arange(quarter_us[0], quarter_us[-1] + 1, every_min * 60_000_000)
    for building in portfolio.buildings.values():
        assert building.type in SHAPES
        load = building_load(building, portfolio.calendars[building.calendar], weather, seed=1)
        register = np.interp(at, quarter_us, 1000 + np.cumsum(np.clip(load.grid_kw, 0, None)) / 4)
        names = tuple(meter.id for meter in building.main_meters)[:1]
        store.commit(ReadingBatch(names, np.zeros(len(at), np.int64), at, {"energy_kwh": register}))
    store.close()
    return len(at) * len(portfolio.buildings)


def timed(folder: Path, *arguments: str) -> tuple[float, str]:
    command = [sys.executable, "-m", "bkkenergy", *arguments, "--config", str(folder / "config")]
    started_s = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return time.perf_counter() - started_s, done.stdout


def run(folder: Path, agencies: int, buildings: int) -> None:
    site(folder, agencies, buildings)
    started_s = time.perf_counter()
    readings = fill(folder, DAYS)
    print(
        f"\n{buildings} buildings in {agencies} agencies: {readings:,} readings in {time.perf_counter() - started_s:.0f} s, ",
        end="",
    )
    today = dt.datetime.now(BANGKOK).date()
    fit_s, _ = timed(
        folder,
        "baseline",
        "fit",
        "all",
        "--period",
        f"{today - dt.timedelta(days=DAYS)}..{today - dt.timedelta(days=60)}",
    )
    print(f"baselines in {fit_s:.0f} s")
    seconds, output = timed(folder, "jobs", "run")
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    files = [path for path in (folder / "reports/archive").rglob("*") if path.is_file()]
    size_mb = sum(path.stat().st_size for path in files) / 1e6
    reports = agencies + 1
    print(f"  {output.strip().splitlines()[-1].split(' in ')[0]}: {len(files)} files, {size_mb:.1f} MB")
    print(f"  {seconds:.1f} s in all, {seconds / reports:.2f} s a report, highest memory {peak_mb:.0f} MB")
    costs("reports", f"the daily run of {buildings} buildings", seconds * 1000, "five minutes", 300_000.0, 1.0)
    if buildings >= 1000:
        print(f"  target: 300 s for the daily run of 1,000 buildings: {'reached' if seconds <= 300 else 'MISSED'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("var/bench-reports"))
    parser.add_argument("--small", action="store_true", help="the 40 buildings alone")
    given = parser.parse_args()
    for agencies, buildings in ((12, 40),) if given.small else ((12, 40), (50, 1000)):
        folder = given.folder.resolve() / str(buildings)
        shutil.rmtree(folder, ignore_errors=True)
        run(folder, agencies, buildings)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
