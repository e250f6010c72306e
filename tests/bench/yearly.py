"""Makes the tables [year_on_year] and [forecast] of config/savings.toml from real buildings where nothing was done.

A baseline of a year is fitted; then a period is compared with the same days a year before, and a year's rest is
forecast from the level of the last months. The weather of what is forecast is that of the year before: the real one is
not known then. Each draw is a difference over its building's scale; a building's own draws are held out of the cells
that it is tested by.

usage: python -m tests.bench.yearly FOLDER-WITH-CAMBRIDGE-FILES DRAWS.pkl
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from bkkenergy.errors import InputError
from bkkenergy.readings import FloatArray
from bkkenergy.savings.baseline import Series, expected_days, fit_baseline
from bkkenergy.savings.uncertainty import CONFIDENCE, fold_rms
from bkkenergy.savings.yearly import LEVEL_DAYS
from tests.bench.intervals import CLAIM, MIN_VALID_RATIO, TYPICAL_FOLD_RATIO, cambridge_years
from tests.conformal import conformal_quantile

DAYS = (14, 30, 91, 182, 365)
LEVELS = (28, 91, 182, 365)
"""Levels that were tried; the product takes LEVEL_DAYS."""
STEP_DAYS, YEAR_DAYS, MAX_LAG_DAYS = 61, 365, 4 * 365


def draws_of(name: str, series: Series) -> list[dict[str, object]]:
    """Return a row for each baseline and window of a building."""
    rows: list[dict[str, object]] = []
    days, actual = series.day_index.tz_localize(None), series.day_energy_kwh
    last_years = last_years_weather(series)
    for end in pd.date_range(days[0] + pd.DateOffset(years=1), days[-1], freq="2QE-DEC"):
        past = series.between((end + pd.Timedelta(days=1) - pd.DateOffset(years=1)).date(), end.date())
        if past.day_known.mean() < MIN_VALID_RATIO:
            continue
        try:
            baseline = fit_baseline(past)
        except InputError:
            continue
        known = sums_of(expected_days(baseline.model, series), actual)
        ahead = sums_of(expected_days(baseline.model, last_years), actual)
        base = {"building": name, "end": end, "rms": fold_rms(baseline.fold_error_ratio)}
        after = int(np.searchsorted(days, end)) + 1
        for window in DAYS:
            for start in range(after, min(len(days) - window, after + MAX_LAG_DAYS), STEP_DAYS):
                at = base | {"days": window, "start": days[start], "year": int(days[start].year)}
                error = changed(known, start, window)
                if error is not None:
                    rows.append(at | {"kind": "change", "error": error})
                for level in LEVELS:
                    error = forecast_error(known, ahead, start, window, level)
                    if error is not None:
                        rows.append(at | {"kind": f"forecast {level}", "error": error})
    return rows


def last_years_weather(series: Series) -> Series:
    """Return the series with the weather of a year before."""
    temp_c = None if series.temp_c is None else np.concatenate((series.temp_c[: YEAR_DAYS * 24], series.temp_c))
    return Series(
        series.starts,
        series.energy_kwh,
        None if temp_c is None else temp_c[: len(series.starts)],
        series.kind,
        series.max_kwh,
    )


def sums_of(expected: FloatArray, actual: FloatArray) -> FloatArray:
    """Return running sums of known days, of what is expected of them and used on them."""
    both = np.isfinite(expected) & np.isfinite(actual)
    rows = np.column_stack([both, np.where(both, expected, 0.0), np.where(both, actual, 0.0)])
    return np.vstack([np.zeros(3), np.cumsum(rows, axis=0)])


def level_of(sums: FloatArray, start: int, days: int) -> float | None:
    """Return use beside what is expected, over a window; None where too little of it is known."""
    if start < 0:
        return None
    count, expected, used = sums[start + days] - sums[start]
    return used / expected if count >= MIN_VALID_RATIO * days and expected > 0 and used > 0 else None


def changed(sums: FloatArray, start: int, days: int) -> float | None:
    """Return the change from the year before, adjusted by the baseline."""
    now, before = level_of(sums, start, days), level_of(sums, start - YEAR_DAYS, days)
    return None if now is None or before is None else now / before - 1


def forecast_error(known: FloatArray, ahead: FloatArray, start: int, days: int, level_days: int) -> float | None:
    """Return how far use was from the forecast, at the level of the days before."""
    level, came = level_of(known, start - level_days, level_days), level_of(ahead, start, days)
    return None if level is None or came is None else came / level - 1


def with_scales(draws: pd.DataFrame) -> pd.DataFrame:
    """Return the draws with differences in scales of their buildings."""
    draws = draws[draws["rms"].notna()].copy()
    draws["scales"] = draws["error"].abs() / np.hypot(TYPICAL_FOLD_RATIO, draws["rms"])
    return draws


def row_of(draws: pd.DataFrame, days: int) -> dict[str, float]:
    """Return the cell of some days, and what share of other buildings' draws it covers."""
    cell = draws[draws["days"] == days]
    covered, claimed = [], []
    for name in cell["building"].unique():
        own, others = cell[cell["building"] == name], cell[cell["building"] != name]
        covered += (own["scales"] <= conformal_quantile(others["scales"], CONFIDENCE)).tolist()
        claimed += (own["scales"] > conformal_quantile(others["scales"], CLAIM)).tolist()
    together = cell.groupby(["end", "start"])["error"].agg(["mean", "size"])
    together = together[together["size"] >= 10]["mean"]
    interval = binomtest(sum(covered), len(covered)).proportion_ci(method="wilson")
    return {
        "days": days,
        "half": conformal_quantile(cell["scales"], CONFIDENCE),
        "significant": conformal_quantile(cell["scales"], CLAIM),
        "common": float(np.sqrt((together**2).mean())),
        "pairs": len(cell),
        "median error": float(cell["error"].abs().median()),
        "covered": float(np.mean(covered)),
        "from": interval.low,
        "to": interval.high,
        "claimed": float(np.mean(claimed)),
    }


def main() -> None:
    """Print the cells of both tables, and forecasts by each level that was tried."""
    path = Path(sys.argv[2])
    if not path.exists():
        rows = [row for name, series in cambridge_years(Path(sys.argv[1])).items() for row in draws_of(name, series)]
        pd.DataFrame(rows).to_pickle(path)
    draws = with_scales(pd.read_pickle(path))
    for kind in ("change", *(f"forecast {level}" for level in LEVELS)):
        print(f"{kind}{' (taken)' if kind.endswith(str(LEVEL_DAYS)) else ''}")
        own = draws[draws["kind"] == kind]
        print(pd.DataFrame([row_of(own, days) for days in DAYS]).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
