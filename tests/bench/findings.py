"""Counts findings on real buildings without a planted fault, weekly over a year, and how many planted steps are found.

A finding is new where its rule had none in this building in the four weeks before. A lasting change is dismissed when it
is first seen, as a person would. Prices are flat, and people work from 8 to 17, Monday to Friday.

usage: python -m tests.bench.findings FOLDER-WITH-CAMBRIDGE-FILES
"""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from bkkenergy.library.findings import rules
from bkkenergy.savings.baseline import HOURS_PER_DAY, Baseline, Series, fit_baseline
from bkkenergy.savings.facts import Facts
from bkkenergy.savings.insights import find
from bkkenergy.savings.rules_use import event_of
from tests.bench.intervals import cambridge_years

EVENT_RULES = ("use_event", "anomaly", "week_rise", "baseload_rise", "holiday_running", "closed_days")
NEW_AFTER_WEEKS = 4
YEARS = (2018,)
STEPS = (0.2, 0.3)
FULL_DAYS, FIRST_WEEK_DAYS, STEP_WEEKS = 330, 28, 16
THB_PER_KWH = 4.0


def facts_up_to(series: Series, baseline: Baseline, last: dt.date, seen_on: dt.date | None = None) -> Facts:
    """Return what is known of a building up to a day."""
    known = series.between(last - dt.timedelta(days=420), last)
    works = (known.kind == 0) & (known.day_index.day_of_week.to_numpy() < 5)
    hours = np.where(works[:, None], [8.0, 17.0], np.nan)
    count = len(known.kind) * HOURS_PER_DAY
    flat, never = np.full(count, THB_PER_KWH), np.zeros(count, np.bool_)
    return Facts("real", known, works, hours, flat, never, baseline=baseline, events_seen_on=seen_on)


def weekly(series: Series, baseline: Baseline, year: int) -> list[tuple[int, str]]:
    """Return the new findings of a year, by week and rule."""
    new: list[tuple[int, str]] = []
    last_seen: dict[str, int] = {}
    seen_on: dt.date | None = None
    for week in range(52):
        last = dt.date(year, 1, 1) + dt.timedelta(days=FIRST_WEEK_DAYS + 7 * week)
        if last.year > year:
            break
        for finding in find(facts_up_to(series, baseline, last, seen_on), rules()):
            if week - last_seen.get(finding.rule, -99) > NEW_AFTER_WEEKS:
                new.append((week, finding.rule))
            last_seen[finding.rule] = week
            if finding.rule == "use_event":
                seen_on = max(finding.since, seen_on or finding.since)
    return new


def step_found(
    series: Series, baseline: Baseline, year: int, ratio: float, rng: np.random.Generator
) -> dict[str, float]:
    """Plant a step, and return whether it was found within sixteen weeks, when, and how far off day and size are."""
    day = dt.date(year, 1, 1) + dt.timedelta(days=int(rng.integers(60, 200)))
    later = series.day_index.tz_localize(None) >= pd.Timestamp(day)
    per_hour = ratio * float(np.nanmean(series.day_energy_kwh[later][:200])) / HOURS_PER_DAY
    planted = replace(series, energy_kwh=series.energy_kwh + np.repeat(later, HOURS_PER_DAY) * per_hour, max_kwh=np.inf)
    for weeks in range(4, STEP_WEEKS + 1):
        event = event_of(facts_up_to(planted, baseline, day + dt.timedelta(days=7 * weeks)), rules())
        if event is not None and event.kwh_a_day > 0:
            off_days = abs((event.first_day - day).days) if event.kind == "step" else np.nan
            return {"found": 1.0, "weeks": weeks, "off_days": off_days, "size": event.kwh_a_day / (per_hour * 24)}
    return {"found": 0.0, "weeks": np.nan, "off_days": np.nan, "size": np.nan}


def main(folder: Path) -> None:
    """Print new findings of a building in ten weeks, by rule, and the recall of planted steps."""
    rng = np.random.default_rng(0)
    counts: dict[str, int] = {}
    steps: dict[float, list[dict[str, float]]] = {ratio: [] for ratio in STEPS}
    weeks = 0
    for name, series in cambridge_years(folder).items():
        for year in YEARS:
            before = series.between(dt.date(year - 1, 1, 1), dt.date(year - 1, 12, 31))
            if before.day_known.sum() < FULL_DAYS:
                continue
            baseline = fit_baseline(before)
            weeks += 48
            for _, rule in weekly(series, baseline, year):
                counts[rule] = counts.get(rule, 0) + 1
            for ratio in STEPS:
                steps[ratio].append(step_found(series, baseline, year, ratio, rng))
        print(name, weeks, flush=True)
    shares = pd.Series(counts).div(weeks / 10).round(3).sort_values(ascending=False)
    print(f"new findings of a building in ten weeks ({weeks} building-weeks):\n{shares.to_string()}")
    print(f"event-type together: {shares.reindex(EVENT_RULES).fillna(0).sum():.2f}")
    for ratio, rows in steps.items():
        table = pd.DataFrame(rows)
        print(
            f"planted +{ratio:.0%}: found {table['found'].mean():.0%} of {len(table)}; {table.median().round(2).to_dict()}"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
