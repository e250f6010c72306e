"""How often each rule finds its fault, planted on real buildings, and how often it comes there without one.

Four days of 2018 are judged in each building, three of them after a public holiday. A fault is counted where the rule
did not come without it. Prices are flat, and people work from 8 to 17, Monday to Friday. Rules that compare a measured
figure with a limit (power factor, phases, PV, sub-meters) find what is beyond it, and are not counted here; nor is the
slope of use on temperature: these buildings have no cooling.

usage: python -m tests.bench.recall FOLDER-WITH-CAMBRIDGE-FILES
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from bkkenergy.library.findings import rules
from bkkenergy.readings import BoolArray, FloatArray
from bkkenergy.savings.baseline import HOURS_PER_DAY, fit_baseline
from bkkenergy.savings.facts import FOUR_WEEKS, WEEK, Facts
from bkkenergy.savings.insights import ONE_FAULT, find
from tests.bench.findings import FULL_DAYS, facts_up_to
from tests.bench.intervals import cambridge_years

JUDGED = (dt.date(2018, 4, 20), dt.date(2018, 5, 25), dt.date(2018, 9, 14), dt.date(2018, 11, 16))
THB_PER_KW = 132.93
Hours = FloatArray
Plant = Callable[[Hours, Facts], Hours]
"""Days by hours of a building, with a fault put in."""


def night_kw(grid: Hours) -> float:
    """Return the mean power of the nights of four weeks."""
    return float(np.nanmean(grid[-FOUR_WEEKS:, :4]))


def by_day(grid: Hours, rows: BoolArray) -> Hours:
    """Return the mean hours of some days."""
    profile: Hours = np.nanmean(grid[rows], axis=0)
    return profile


def base_load(ratio: float) -> Plant:
    """Raise all hours of the last week by a share of the night's power."""

    def plant(grid: Hours, _facts: Facts) -> Hours:
        grid[-WEEK:] += ratio * night_kw(grid)
        return grid

    return plant


def late_to_close(grid: Hours, facts: Facts) -> Hours:
    """Let working days of the last week go on as at noon from 17 to 21."""
    for row in range(-WEEK, 0):
        if facts.is_open[row]:
            grid[row, 17:21] = np.maximum(grid[row, 17:21], np.nanmedian(grid[row, 8:17]))
    return grid


def busy_closed_days(grid: Hours, facts: Facts) -> Hours:
    """Let the closed days of four weeks use half as much again as they did."""
    rows = np.flatnonzero(~facts.is_open[-FOUR_WEEKS:]) - FOUR_WEEKS
    grid[rows] *= 1.6
    return grid


def holiday_as_usual(grid: Hours, facts: Facts) -> Hours:
    """Let holidays of four weeks be as the mean working day."""
    recent = np.arange(len(grid) - FOUR_WEEKS, len(grid))
    weekday = facts.series.day_index.day_of_week.to_numpy()
    rows = recent[(facts.series.kind[recent] > 0) & (weekday[recent] < 5)]
    grid[rows] = by_day(grid[:-WEEK], facts.is_open[:-WEEK])
    return grid


def times(days: int, ratio: float) -> Plant:
    """Multiply the last days."""

    def plant(grid: Hours, _facts: Facts) -> Hours:
        grid[-days:] *= 1 + ratio
        return grid

    return plant


def some_nights(grid: Hours, _facts: Facts) -> Hours:
    """Leave half the night's power more on in the nights of one weekday, four weeks long."""
    grid[-FOUR_WEEKS + 3 :: WEEK, :6] += 0.5 * night_kw(grid)
    return grid


def stuck(grid: Hours, _facts: Facts) -> Hours:
    """Let a register be read evenly for two days."""
    grid[-5:-3] = float(np.nanmean(grid))
    return grid


PLANTED: dict[str, tuple[str, Plant]] = {
    "baseload_rise": ("night's power +30 %, a week", base_load(0.3)),
    "overrun": ("as at noon until 21, a week", late_to_close),
    "closed_days": ("closed days +60 %, four weeks", busy_closed_days),
    "holiday_running": ("holidays as working days", holiday_as_usual),
    "week_rise": ("a week +30 %", times(WEEK, 0.3)),
    "anomaly": ("a day +50 %", times(1, 0.5)),
    "night_spread": ("nights of one weekday +50 %", some_nights),
    "meter_fault": ("two days of equal readings", stuck),
    "demand_peak": ("one quarter-hour +30 %", lambda grid, _facts: grid),
}


def with_demand(facts: Facts, *, planted: bool) -> Facts:
    """Return the facts with quarter-hours, as even as their hours; planted : one of ten days ago is above all."""
    year = facts.series.energy_kwh[-365 * HOURS_PER_DAY :]
    demand_kw = np.repeat(year, 4)
    starts = pd.date_range(facts.series.starts[-365 * HOURS_PER_DAY], periods=len(demand_kw), freq="15min")
    if planted:
        demand_kw[-10 * 96 + 56] = 1.3 * np.nanmax(demand_kw)
    return replace(facts, demand_kw=demand_kw, demand_starts=starts, demand_thb_per_kw=THB_PER_KW)


def fired(facts: Facts) -> set[str]:
    """Return the rules that found something."""
    return {finding.rule for finding in find(facts, rules())}


def with_fault(facts: Facts, rule: str) -> Facts:
    """Return the facts with a rule's fault planted."""
    if rule == "demand_peak":
        return with_demand(facts, planted=True)
    series = facts.series
    grid = PLANTED[rule][1](series.energy_kwh.reshape(-1, HOURS_PER_DAY).copy(), facts)
    bent = replace(series, energy_kwh=grid.ravel(), max_kwh=float("inf"))
    return replace(facts, series=bent)


def main(folder: Path) -> None:
    """Print a row a rule: what was planted, how often it was found, and how often it came without."""
    found: dict[str, list[bool]] = {rule: [] for rule in PLANTED}
    without: dict[str, list[bool]] = {rule: [] for rule in PLANTED}
    for series in cambridge_years(folder).values():
        before = series.between(dt.date(2017, 1, 1), dt.date(2017, 12, 31))
        if before.day_known.sum() < FULL_DAYS:
            continue
        baseline = fit_baseline(before)
        for last in JUDGED:
            facts = facts_up_to(series, baseline, last)
            plain = fired(with_demand(facts, planted=False))
            if "meter_fault" in plain:
                continue
            for rule in PLANTED:
                same = next(({*group[: group.index(rule) + 1]} for group in ONE_FAULT if rule in group), {rule})
                without[rule].append(rule in plain)
                bent = with_fault(facts, rule)
                is_planted = rule == "demand_peak" or bool(
                    np.nansum(np.abs(bent.series.energy_kwh - facts.series.energy_kwh)) > 0
                )
                if is_planted and not same & plain:
                    found[rule].append(bool(same & fired(bent)))
    for rule, (what, _) in PLANTED.items():
        count, hits = len(found[rule]), sum(found[rule])
        interval = binomtest(hits, max(count, 1)).proportion_ci(method="wilson")
        share = f"{hits / max(count, 1):.0%} ({interval.low:.0%}-{interval.high:.0%}) of {count}"
        print(f"{rule:18} {what:32} found {share:22} without one {np.mean(without[rule]):.0%} of {len(without[rule])}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
