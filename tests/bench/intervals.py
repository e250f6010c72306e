"""Makes the table of intervals in config/savings.toml from real buildings: fit a baseline, predict what comes after.

No project is known in these buildings, so every difference is the interval's business. Each draw is a difference over
its building's scale, by (length of the baseline, days judged, lag: from the baseline's end to the window's end).

usage: python -m tests.bench.intervals FOLDER-WITH-CAMBRIDGE-FILES DRAWS.pkl
"""

from __future__ import annotations

import sys
from pathlib import Path

import holidays
import numpy as np
import pandas as pd
from scipy.stats import binomtest

from bkkenergy.errors import InputError
from bkkenergy.savings.baseline import Series, expected_days, fit_baseline, max_hour_kwh
from bkkenergy.savings.uncertainty import CONFIDENCE, fold_rms
from tests.bench.placebo import day_kind
from tests.conformal import conformal_quantile

YEARS = range(2008, 2020)
LENGTHS_MONTHS = (3, 6, 9, 12)
DAYS = (1, 7, 14, 30, 91, 182, 365)
WINDOWS_A_YEAR = 6
MIN_VALID_RATIO = 0.9
TYPICAL_FOLD_RATIO = 0.0606


def cambridge_years(folder: Path) -> dict[str, Series]:
    """Read the 33 buildings over twelve years, with England's holidays and the university's closure."""
    energy = pd.read_csv(folder / "cambridge-33-buildings-hourly-2008-2019.csv.gz", index_col=0, parse_dates=True)
    weather = pd.read_csv(folder / "cambridge-weather-hourly-2008-2019.csv.gz", index_col=0, parse_dates=True)
    hours = pd.date_range(f"{YEARS[0]}-01-01", f"{YEARS[-1]}-12-31 23:00", freq="h", tz="UTC")
    energy, weather = (
        (table if table.index.tz else table.tz_localize("UTC")).reindex(hours) for table in (energy, weather)
    )
    energy = energy.where(energy > 0)
    temp_c = weather["temp_c"].interpolate(limit=6).to_numpy(np.float64)
    official = holidays.country_holidays("GB", subdiv="ENG", years=list(YEARS))
    kind = np.array([day_kind(at.date(), at.date() in official) for at in hours[::24]])
    return {
        str(name): Series(hours, kwh, temp_c, kind, max_hour_kwh(kwh))
        for name in energy
        if np.isfinite(kwh := energy[name].to_numpy(np.float64)).any()
    }


def draws_of(name: str, series: Series) -> list[dict[str, object]]:
    """Return a row for each baseline and window of a building: the signed difference, and the held-out error."""
    rows: list[dict[str, object]] = []
    days = series.day_index.tz_localize(None)
    actual = series.day_energy_kwh
    for end in pd.date_range(f"{YEARS[0]}-03-31", f"{YEARS[-1]}-09-30", freq="QE"):
        for months in LENGTHS_MONTHS:
            first = (end + pd.Timedelta(days=1) - pd.DateOffset(months=months)).date()
            if pd.Timestamp(first) < days[0] or (months != 12 and end.month % 6):
                continue
            past = series.between(first, end.date())
            if past.day_known.mean() < MIN_VALID_RATIO:
                continue
            try:
                baseline = fit_baseline(past)
            except InputError:
                continue
            rms = fold_rms(baseline.fold_error_ratio)
            after = int(np.searchsorted(days, end)) + 1
            expected = expected_days(baseline.model, series)
            both = np.isfinite(expected) & np.isfinite(actual)
            sums = np.cumsum(
                np.column_stack([both, np.where(both, expected, 0.0), np.where(both, actual, 0.0)]), axis=0
            )
            for window in DAYS:
                step = 365 // WINDOWS_A_YEAR
                offset = hash_of(name, end, window) % step if window < step else 0
                for start in range(after + (offset if window < step else 0), len(days) - window + 1, step):
                    count, base, used = sums[start + window - 1] - sums[start - 1]
                    if count < MIN_VALID_RATIO * window or base <= 0 or used <= 0:
                        continue
                    lag = (start + window - after) / 365
                    rows.append(
                        {
                            "building": name,
                            "end": end,
                            "months": months,
                            "days": window,
                            "lag": lag,
                            "year": int(days[start].year),
                            "error": 1 - used / base,
                            "rms": rms,
                        }
                    )
    return rows


def hash_of(name: str, end: pd.Timestamp, window: int) -> int:
    """Return a number that spreads windows over the year, the same in each run."""
    return int(
        np.frombuffer(f"{name}{end:%Y%m}{window:03d}".encode(), np.uint8).astype(np.int64)
        @ np.arange(1, len(f"{name}{end:%Y%m}{window:03d}") + 1)
    )


LAG_YEARS = (0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0)
LAG_ROUNDING_YEARS = 0.011
LENGTH_MONTHS = {3: 3, 6: 6, 9: 9, 12: 9}
"""Baselines of nine months and of twelve err alike: they share their cells."""
CLAIM = 0.97
"""A saving is called significant beyond what 97 % of untouched buildings show: 95 % left up to 11 % significant in a year."""
ENOUGH_PAIRS = 200
CELL = ["length", "days", "column"]


def with_scales(draws: pd.DataFrame, typical_ratio: float) -> pd.DataFrame:
    """Return the draws of lags up to seven years with their cells, and differences in scales."""
    draws = draws[draws["rms"].notna() & (draws["lag"] <= LAG_YEARS[-1] + LAG_ROUNDING_YEARS)].copy()
    draws["length"] = draws["months"].map(LENGTH_MONTHS)
    draws["column"] = np.searchsorted(np.array(LAG_YEARS) + LAG_ROUNDING_YEARS, draws["lag"])
    draws["scales"] = draws["error"].abs() / np.hypot(typical_ratio, draws["rms"])
    return draws


def quantiles(draws: pd.DataFrame, confidence: float) -> pd.Series:
    """Return the quantile of each cell, never falling with the lag, nor rising with the days judged."""
    raw = draws.groupby(CELL)["scales"].agg(lambda scales: conformal_quantile(scales, confidence))
    grids = []
    for length in raw.index.unique("length"):
        grid = _grid(raw[length])
        grid = grid.cummax(axis=1).iloc[::-1].cummax().iloc[::-1]
        grids.append(pd.concat({length: grid.stack()}, names=CELL))  # noqa: PD013 - back to the cells
    return pd.concat(grids)


def _grid(cells: pd.Series) -> pd.DataFrame:
    """Return cells of one length as (days, lags)."""
    return cells.unstack().reindex(index=DAYS, columns=range(len(LAG_YEARS)))  # noqa: PD010 - of an index


def held_out(draws: pd.DataFrame, *, apart_year: int | None = None) -> pd.DataFrame:
    """Return the draws with the quantiles that other buildings give; apart_year : from other years too."""
    parts = []
    for name in draws["building"].unique():
        is_own = draws["building"] == name
        late = np.ones(len(draws), np.bool_) if apart_year is None else (draws["year"] >= apart_year).to_numpy()
        for is_late in (True,) if apart_year is None else (True, False):
            others, own = (
                draws[~is_own & (late if apart_year is None else late != is_late)],
                draws[is_own & (late == is_late)],
            )
            cells = pd.DataFrame({"half": quantiles(others, CONFIDENCE), "significant": quantiles(others, CLAIM)})
            cells["known"] = others.groupby(CELL).size()
            parts.append(own.join(cells, on=CELL))
    return pd.concat(parts)


def grid_of(cells: pd.Series) -> list[list[float]]:
    """Return (days, lags) of one length; where a window is longer than the lag, that of the next lag."""
    table = _grid(cells).bfill(axis=1)
    return [[round(float(value), 2) for value in row] for row in table.to_numpy(np.float64)]


def written(draws: pd.DataFrame, typical_ratio: float) -> str:
    """Return the [placebo] table."""
    tested = held_out(draws)
    tested["is_covered"] = tested["scales"] <= tested["half"]
    covered, pairs = tested.groupby(CELL)["is_covered"].mean(), tested.groupby(CELL).size()
    whole = draws[(draws["months"] == LENGTHS_MONTHS[-1]) & (draws["days"] == DAYS[-1])]
    common = (
        whole.groupby(["column", "end"])["error"].mean().groupby("column").agg(lambda x: float(np.sqrt((x**2).mean())))
    )
    lines = [
        "[placebo]",
        f"days = {list(DAYS)}",
        f"lag_years = {list(LAG_YEARS)}",
        f"typical_fold_ratio = {typical_ratio:.4f}",
        f"common_ratio = {[round(float(common.reindex(range(len(LAG_YEARS))).bfill().ffill().cummax()[at]), 3) for at in range(len(LAG_YEARS))]}",
    ]
    half, significant = quantiles(draws, CONFIDENCE), quantiles(draws, CLAIM)
    for length in sorted(set(LENGTH_MONTHS.values())):
        lines += ["", "[[placebo.length]]", f"months = {length}"]
        for name, cells in (("half", half), ("significant", significant)):
            lines += [f"{name} = [", *(f"  {row}," for row in grid_of(cells[length])), "]"]
        count = _grid(pairs[length]).fillna(0).astype(int)
        share = _grid(covered[length])
        lines += ["pairs = [", *(f"  {row}," for row in count.to_numpy().tolist()), "]"]
        lines += ["# share that other buildings' cells held, % (95 % binomial interval)"]
        lines += [
            f"#   {days:>3} d  " + "  ".join(_share_text(share.loc[days, at], int(count.loc[days, at])) for at in share)
            for days in DAYS
        ]
    return "\n".join(lines)


def _share_text(share_ratio: float, pairs: int) -> str:
    if not pairs:
        return "-"
    interval = binomtest(round(share_ratio * pairs), pairs).proportion_ci(method="wilson")
    return f"{share_ratio * 100:.1f} ({interval.low * 100:.0f}-{interval.high * 100:.0f})"


def main() -> None:
    """Print the table. A second argument names a file in which the draws are stored, or from which they are taken."""
    path = Path(sys.argv[2])
    if not path.exists():
        rows = [row for name, series in cambridge_years(Path(sys.argv[1])).items() for row in draws_of(name, series)]
        pd.DataFrame(rows).to_pickle(path)
    draws = with_scales(pd.read_pickle(path), TYPICAL_FOLD_RATIO)
    print(written(draws, TYPICAL_FOLD_RATIO))
    for apart in (None, 2014):
        tested = held_out(draws, apart_year=apart)
        tested = tested[tested["known"] >= ENOUGH_PAIRS]
        tested["is_covered"], tested["is_claimed"] = (
            tested["scales"] <= tested["half"],
            tested["scales"] > tested["significant"],
        )
        cells = tested.groupby(CELL)["is_covered"].agg(["mean", "size"])
        cells = cells[cells["size"] >= ENOUGH_PAIRS]
        years = tested[(tested["days"] == DAYS[-1]) & (tested["months"] == LENGTHS_MONTHS[-1])]
        inside = cells["mean"].between(0.86, 0.94).sum()
        print(f"# apart {apart}: {len(cells)} cells of {ENOUGH_PAIRS} pairs, {inside} covered 86 to 94 %")
        print(
            f"#   all: {cells['mean'].min():.1%} to {cells['mean'].max():.1%}; below: {cells[cells['mean'] < 0.86].index.tolist()}"
        )
        print(f"#   significant by year: {(years.groupby('year')['is_claimed'].mean() * 100).round(1).to_dict()} %")


if __name__ == "__main__":
    main()
