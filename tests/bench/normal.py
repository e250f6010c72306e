"""How well normalised savings hold zero where nothing was done, and how far peaks change from year to year by themselves.

Two years of each real building are compared under the weather of a third one. The charge for demand of some months is
compared with that of the same months one to three years before; peaks are of hours, as these buildings have no quarters.

usage: python -m tests.bench.normal FOLDER-WITH-CAMBRIDGE-FILES
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from bkkenergy.errors import InputError
from bkkenergy.savings.baseline import Series, fit_baseline
from bkkenergy.savings.normal import NORMAL_DAYS, normal_saving
from bkkenergy.savings.uncertainty import CONFIDENCE
from bkkenergy.site.savings_config import load_savings
from tests.bench.intervals import MIN_VALID_RATIO, YEARS, cambridge_years
from tests.conformal import conformal_quantile
from tests.conftest import ROOT

PLACEBO = load_savings(ROOT / "config").placebo
LAGS, MONTHS = (1, 2, 3), (1, 3, 6, 12)


def year_of(series: Series, year: int) -> Series:
    """Return 365 days of a building from a year's first on."""
    first = pd.Timestamp(year, 1, 1)
    return series.between(first.date(), (first + pd.Timedelta(days=NORMAL_DAYS - 1)).date())


def normal_rows(name: str, series: Series) -> list[dict[str, object]]:
    """Return a row for each pair of years: the saving under a third year's weather, and whether its interval holds 0."""
    rows: list[dict[str, object]] = []
    for year in range(YEARS[0], YEARS[-1]):
        for lag in LAGS:
            past, now = year_of(series, year), year_of(series, year + lag)
            other = year_of(series, year + 4 if year + 4 <= YEARS[-1] else YEARS[0])
            parts = (past, now, other)
            if any(len(one.kind) != NORMAL_DAYS or one.day_known.mean() < MIN_VALID_RATIO for one in parts[:2]):
                continue
            if len(other.kind) != NORMAL_DAYS:
                continue
            try:
                normal = normal_saving(fit_baseline(past), now, other.temp_c, np.zeros(NORMAL_DAYS), PLACEBO)
            except InputError:
                continue
            band = normal.band
            rows.append({"building": name, "lag": lag, "saving": band.saving_ratio,
                         "holds": abs(band.saving_ratio) <= band.half_width_ratio,
                         "claims": band.verdict in {"proven", "increase"}})  # fmt: skip
    return rows


def peak_rows(name: str, series: Series) -> list[dict[str, object]]:
    """Return a row for each run of months and lag: how far the sum of its peaks is from that of the same months before."""
    month = pd.PeriodIndex(series.starts.tz_localize(None), freq="M")
    known = pd.Series(np.where(series.known, series.energy_kwh, np.nan)).groupby(month)
    peaks = known.max().where(known.apply(lambda hours: hours.notna().mean()) >= MIN_VALID_RATIO)
    rows: list[dict[str, object]] = []
    for lag in LAGS:
        before = pd.Series(peaks.to_numpy(), peaks.index + 12 * lag).reindex(peaks.index)
        for count in MONTHS:
            both = peaks.where(before.notna()), before.where(peaks.notna())
            now_kw, before_kw = (one.rolling(count, min_periods=count).sum() for one in both)
            change = (now_kw / before_kw - 1).dropna()
            rows += [{"building": name, "lag": lag, "months": count, "change": value} for value in change]
    return rows


def _share(hits: pd.Series) -> str:
    count = int(hits.sum())
    interval = binomtest(count, len(hits)).proportion_ci(method="wilson")
    return f"{count / len(hits):.1%} ({interval.low:.1%}-{interval.high:.1%}) of {len(hits)}"


def main() -> None:
    """Print both tables; each cell of peaks is tested by the other buildings' quantile."""
    buildings = cambridge_years(Path(sys.argv[1]))
    table = pd.DataFrame([row for name, series in buildings.items() for row in normal_rows(name, series)])
    for lag, cell in table.groupby("lag"):
        print(f"normalised, lag {lag}: median {cell['saving'].abs().median():.1%}; "
              f"holds zero {_share(cell['holds'])}; claims {_share(cell['claims'])}")  # fmt: skip
    peaks = pd.DataFrame([row for name, series in buildings.items() for row in peak_rows(name, series)])
    for (lag, count), cell in peaks.groupby(["lag", "months"]):
        hits: list[bool] = []
        for name, own in cell.groupby("building"):
            others = cell["change"][cell["building"] != name].abs()
            hits += (own["change"].abs() <= conformal_quantile(others, CONFIDENCE)).tolist()
        half = conformal_quantile(cell["change"].abs(), CONFIDENCE)
        print(f"peaks, lag {lag}, {count:2d} months: half {half:.3f}; covered by the others' {_share(pd.Series(hits))}")


if __name__ == "__main__":
    main()
