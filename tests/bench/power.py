"""How often a saving is shown that `savings power` calls the least: planted on real buildings, year after year.

A baseline of a year is fitted; the saving that should be shown with 80 % power after 1, 3, 6 and 12 months is taken off
what was used then, and judged.

usage: python -m tests.bench.power FOLDER-WITH-CAMBRIDGE-FILES
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from bkkenergy.errors import InputError
from bkkenergy.savings.baseline import Series, fit_baseline, saving_of
from bkkenergy.savings.power import POWER, detectable_ratio
from bkkenergy.savings.uncertainty import band_of
from bkkenergy.site.savings_config import load_savings
from tests.bench.intervals import MIN_VALID_RATIO, YEARS, cambridge_years
from tests.conftest import ROOT

DAYS = (30, 91, 182, 365)
PLACEBO = load_savings(ROOT / "config").placebo


def shown(name: str, series: Series) -> list[dict[str, object]]:
    """Return a row for each year and length: the least saving, and whether it was shown."""
    rows: list[dict[str, object]] = []
    for year in range(YEARS[0], YEARS[-1]):
        first = pd.Timestamp(year, 1, 1)
        past = series.between(first.date(), (first + pd.Timedelta(days=364)).date())
        if past.day_known.mean() < MIN_VALID_RATIO:
            continue
        try:
            baseline = fit_baseline(past)
        except InputError:
            continue
        for days in DAYS:
            after = first + pd.Timedelta(days=365)
            period = series.between(after.date(), (after + pd.Timedelta(days=days - 1)).date())
            least = detectable_ratio(baseline, PLACEBO, days, days / 365)
            if period.day_known.mean() < MIN_VALID_RATIO or least >= 1:
                continue
            saving = saving_of(baseline, replace(period, energy_kwh=period.energy_kwh * (1 - least)))
            band = band_of(saving, baseline, PLACEBO)
            rows.append({"building": name, "days": days, "least": least, "shown": band.verdict == "proven"})
    return rows


def main() -> None:
    """Print the median least saving by days, and in what share of cases it was shown."""
    rows = [row for name, series in cambridge_years(Path(sys.argv[1])).items() for row in shown(name, series)]
    table = pd.DataFrame(rows)
    print(f"power that is stated: {POWER:.0%}")
    for days, cell in table.groupby("days"):
        count = int(cell["shown"].sum())
        interval = binomtest(count, len(cell)).proportion_ci(method="wilson")
        share = f"{count / len(cell):.1%} ({interval.low:.0%}-{interval.high:.0%})"
        print(f"{days:4d} d  n {len(cell):4d}  least saving {np.median(cell['least']):.1%}  shown {share}")


if __name__ == "__main__":
    main()
