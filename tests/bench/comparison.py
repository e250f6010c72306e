"""Shows what a comparison group does on real buildings without a project: how many are called significant, and held.

Each building's years are predicted one to three years ahead. The group is all other buildings of the same years. A
common shift is planted on top, another one in each building: the data end in 2019, before a real one.

usage: python -m tests.bench.comparison FOLDER-WITH-CAMBRIDGE-FILES
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from bkkenergy.library.packaged import placebo
from bkkenergy.savings.baseline import Baseline, Series, fit_baseline, saving_of
from bkkenergy.savings.comparison import ComparisonGroup, common_change, without_common
from bkkenergy.savings.uncertainty import Band, band_of
from tests.bench.intervals import YEARS, cambridge_years

FULL_DAYS, LAGS_YEARS = 330, (1, 2, 3)
SHIFT, SHIFT_SIGMA = 0.16, 0.06
GROUPS = (None, 8)
SEED = 0


def year(series: Series, number: int) -> Series:
    """Return a calendar year of a series."""
    return series.between(dt.date(number, 1, 1), dt.date(number, 12, 31))


def judged_years(buildings: dict[str, Series]) -> dict[tuple[int, int], dict[str, Band]]:
    """Return each building's saving by the baseline's year and the lag."""
    judged: dict[tuple[int, int], dict[str, Band]] = {}
    for base in YEARS[:-1]:
        for name, series in buildings.items():
            if year(series, base).day_known.sum() < FULL_DAYS:
                continue
            baseline = fit_baseline(year(series, base))
            for lag in LAGS_YEARS:
                if base + lag in YEARS and year(series, base + lag).day_known.sum() >= FULL_DAYS:
                    judged.setdefault((base, lag), {})[name] = _band(baseline, year(series, base + lag))
    return judged


def _band(baseline: Baseline, after: Series) -> Band:
    return band_of(saving_of(baseline, after), baseline, placebo())


def shifted(bands: dict[str, Band], shift: float, rng: np.random.Generator) -> dict[str, Band]:
    """Return savings on top of which all use less, each building by a share of its own."""
    each = rng.normal(shift, SHIFT_SIGMA if shift else 0.0, len(bands))
    return {
        name: Band(1 - (1 - band.saving_ratio) * (1 - own), band.half_width_ratio, band.significant_ratio)
        for (name, band), own in zip(bands.items(), each, strict=True)
    }


def compared(bands: dict[str, Band], size: int | None, rng: np.random.Generator) -> list[tuple[Band, Band]]:
    """Return each saving as it is, and beside a group of others: all of them, or some that are drawn."""
    pairs = []
    for name, band in bands.items():
        others = [other for other in bands if other != name]
        chosen = others if size is None else list(rng.choice(others, size, replace=False))
        common = common_change(ComparisonGroup(tuple(chosen), "type"), {one: bands[one].saving_ratio for one in chosen})
        if common is not None:
            pairs.append((band, without_common(band, common)))
    return pairs


def main(folder: Path) -> None:
    """Print the shares by lag, with and without a planted shift."""
    rng = np.random.default_rng(SEED)
    rows = []
    for (base, lag), bands in judged_years(cambridge_years(folder)).items():
        for shift in (0.0, SHIFT):
            moved = shifted(bands, shift, rng)
            for size in GROUPS:
                for alone, beside in compared(moved, size, rng):
                    rows.append(
                        {
                            "shift": shift,
                            "group": size or "all",
                            "lag": lag,
                            "base": base,
                            "significant_alone": alone.verdict in {"proven", "increase"},
                            "significant_beside": beside.verdict in {"proven", "increase"},
                            "held_alone": abs(alone.saving_ratio) <= alone.half_width_ratio,
                            "held_beside": abs(beside.saving_ratio) <= beside.half_width_ratio,
                        }
                    )
    table = pd.DataFrame(rows)
    shares = table.drop(columns="base").groupby(["shift", "group", "lag"]).mean().mul(100).round(1)
    print(shares.assign(pairs=table.groupby(["shift", "group", "lag"]).size()).to_string())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
