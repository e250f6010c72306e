"""Planted faults on made plants: how many are found, how soon, and how often an alarm is false.

    python -m tests.bench.plants [--save FOLDER]

`--save` writes ten healthy plants for `tests/bench/rdtools_peer.py`.

A plant is made from another year of the typical climate: hourly output by the model, with light that a station measures
(an error of its own, scatter by hour and by day), a course of the year that the model does not know, dust that rain takes
away, ageing, and gaps. A fault is planted on a day between the third month and the last.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from bkkenergy.readings import FloatArray
from bkkenergy.site.solar_config import load_solar
from bkkenergy.solar.climate import typical_year
from bkkenergy.solar.plantdays import drops, plant_days, soiling, yearly_rate
from bkkenergy.solar.production import Plane, simulate
from bkkenergy.solar.running import PlantHours, plant_months
from tests.conftest import ROOT

AGEING_PER_YEAR, DUST_PER_DAY, GAMMA = 0.007, 0.0015, -0.0035
FAULTS = {
    "nothing": 0.0, "6 % lost": 0.06, "8 % lost": 0.08, "a string of eight": 0.125, "half of the plant": 0.5,
    "dirt, 0.4 % a day": -0.004,
}  # fmt: skip
"""Share that is lost from a day on; below zero it grows by this each day, up to 15 %."""


@dataclass(frozen=True, slots=True)
class MadePlant:
    """Hours of a plant with what was planted. fault_day : number of its day; None without."""

    hours: PlantHours
    fault_day: int | None


@cache
def made_year(seed: int, number: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return a year's output [kW], light, temperature and rain by hours."""
    config = load_solar(ROOT / "config")
    weather = typical_year(config.climate, seed=1000 * seed + number)
    clean = config.losses.model_copy(update={"soiling_per_day": 0.0, "soiling_max": 0.0})
    kw = simulate(weather, [Plane(0.0, 180.0, 100.0, 85.0)], clean).ac_kw[0]
    return kw, weather.ghi_wm2, weather.temp_air_c, weather.rain_mm


def made_plant(seed: int, fault: float, *, years: int = 2, dust_per_day: float = DUST_PER_DAY) -> MadePlant:
    """Return a plant of some years with one fault."""
    rng = np.random.default_rng(seed)
    years_made = [made_year(seed, number) for number in range(years)]
    kw, light, temp, wet = (np.concatenate(part) for part in zip(*years_made, strict=True))
    rain = wet.reshape(-1, 24).sum(axis=1)
    count = len(kw) // 24
    day = np.arange(count)
    starts = pd.date_range("2024-01-01", periods=len(kw), freq="h", tz="Asia/Bangkok")
    dust = np.zeros(count)
    for at in range(1, count):
        dust[at] = 0.0 if rain[at] > 6 else min(dust[at - 1] + dust_per_day, 0.12)
    health = (1 - dust) * (1 - AGEING_PER_YEAR * day / 365)
    fault_day = None
    if fault:
        fault_day = int(rng.integers(100, count - 40))
        since = np.maximum(day - fault_day + 1, 0)
        health *= 1 - np.where(since > 0, fault if fault > 0 else np.minimum(-fault * since, 0.15), 0.0)
    energy = kw * health.repeat(24)
    season = 1 + 0.02 * np.sin(2 * np.pi * day / 365 + rng.uniform(0, 6))
    seen = rng.normal(1, 0.02) * season * rng.normal(1, 0.02, count)
    measured = light * seen.repeat(24) * rng.normal(1, 0.04, len(light)).clip(0.7, 1.3)
    expected = kw * seen.repeat(24)
    gaps = rng.random(count) < 0.03
    energy = np.where(gaps.repeat(24), np.nan, energy)
    cell = temp + measured * 0.03
    return MadePlant(PlantHours(starts, energy, measured, cell, expected, 100.0, GAMMA), fault_day)


def found_in_days(plant: MadePlant) -> tuple[int | None, int]:
    """Return after how many days the fault is reported, None where it is not, and the number of false alarms."""
    days = plant_days(plant.hours)
    numbers = [(drop.day - days.first_day).days for drop in drops(days)]
    if plant.fault_day is None:
        return None, len(numbers)
    true = [number - plant.fault_day for number in numbers if -7 <= number - plant.fault_day <= 60]
    return (true[0] if true else None), sum(number < plant.fault_day - 7 for number in numbers)


def rates(plants: int, folder: Path | None) -> tuple[FloatArray, FloatArray]:
    """Return yearly rates and dust of healthy plants of three years."""
    aged, dirty = [], []
    for seed in range(plants):
        hours = made_plant(500 + seed, 0.0, years=3).hours
        days = plant_days(hours)
        rate, dust = yearly_rate(days), soiling(days)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            np.savez(
                folder / f"{seed}.npz", index=days.index, light=days.light_kwh_per_kwp,
                energy_kwh=hours.energy_kwh, poa_wm2=hours.poa_wm2, cell_c=hours.cell_c,
                pr_25c=[month.pr_25c_ratio for month in plant_months(hours)],
            )  # fmt: skip
        print(f"{seed}: {rate}, {dust}", flush=True)
        aged.append(np.nan if rate is None else rate.ratio_per_year)
        dirty.append(np.nan if dust is None else dust.ratio_per_day)
    return np.array(aged), np.array(dirty)


def row(name: str, fault: float, plants: int, dust_per_day: float) -> str:
    """Return a line of the table."""
    results = [found_in_days(made_plant(seed, fault, dust_per_day=dust_per_day)) for seed in range(plants)]
    hits = [days for days, _ in results if days is not None]
    false_alarms = sum(count for _, count in results)
    recall = f"found {len(hits)}/{plants}, after {np.median(hits):.0f} days; " if hits else ""
    return f"{name}: {recall}{false_alarms} alarms before it in {2 * plants} plant-years"


def main(plants: int = 40, folder: Path | None = None) -> None:
    """Print the table; with a folder, healthy plants alone, which it takes."""
    if folder is not None:
        rates(10, folder)
        return
    for name, fault in FAULTS.items():
        print(row(name, fault, plants, 0.0), flush=True)
    print(row("nothing but dust that rain takes", 0.0, plants, DUST_PER_DAY))
    aged, dirty = rates(10, None)
    print(f"ageing planted {-AGEING_PER_YEAR:.4f}: {np.nanmean(aged):.4f} ± {np.nanstd(aged):.4f} a year")
    print(f"dust planted {DUST_PER_DAY:.4f}: {np.nanmean(dirty):.4f} ± {np.nanstd(dirty):.4f} a day")


if __name__ == "__main__":
    main(folder=Path(sys.argv[2]) if sys.argv[1:2] == ["--save"] else None)
