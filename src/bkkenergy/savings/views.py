"""Load as pictures need it: heat map, typical week, duration curve, time-of-use split, base and peak."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bkkenergy.readings import BoolArray, FloatArray
from bkkenergy.savings.baseline import HOURS_A_DAY, Baseline, Series, expected_days

NIGHT_HOURS = slice(0, 4)
DURATION_POINTS = 101


@dataclass(frozen=True, slots=True)
class LoadViews:
    """What is drawn of a building's load.

    heat_kw : (days, 24); week_kw : class -> (24,) mean of open and of closed days; duration_kw : (101,) power that
        is exceeded in 0, 1 .. 100 % of the hours; day_kwh, expected_kwh : (days,) use, and the baseline's, NaN where
        not known.
    """

    days: pd.DatetimeIndex
    heat_kw: FloatArray
    week_kw: dict[str, FloatArray]
    duration_kw: FloatArray
    base_kw: float
    peak_kw: float
    on_peak_ratio: float
    day_kwh: FloatArray
    expected_kwh: FloatArray


def load_views(series: Series, on_peak: BoolArray, baseline: Baseline | None = None) -> LoadViews:
    """The views of a series of whole days; on_peak : (n,) hours of the tariff's on-peak window."""
    power = np.where(series.known, series.energy_kwh, np.nan)
    grid = power.reshape(-1, HOURS_A_DAY)
    is_open = (series.kind == 0) & (series.day_index.day_of_week.to_numpy() < 5)  # noqa: PLR2004 - Saturday
    known = power[np.isfinite(power)]
    total = float(known.sum())
    return LoadViews(
        series.day_index,
        grid,
        {"open": mean_rows(grid[is_open]), "closed": mean_rows(grid[~is_open])},
        np.quantile(known, np.linspace(1, 0, DURATION_POINTS)) if len(known) else np.full(DURATION_POINTS, np.nan),
        night_kw(series),
        float(known.max()) if len(known) else float("nan"),
        float(np.nansum(power[on_peak])) / total if total > 0 else float("nan"),
        series.day_energy_kwh,
        expected_days(baseline.model, series) if baseline else np.full(len(series.kind), np.nan),
    )


def mean_rows(grid: FloatArray) -> FloatArray:
    """(24,) mean of each column over what is known; NaN where nothing is."""
    count = np.isfinite(grid).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: FloatArray = np.nansum(grid, axis=0) / count
    return found


def night_kw(series: Series) -> float:
    """Mean power from midnight to four, over what is known: what never sleeps."""
    nights = day_night_kw(series)
    return float(np.nanmean(nights)) if np.isfinite(nights).any() else float("nan")


def day_night_kw(series: Series) -> FloatArray:
    """(m,) mean power from midnight to four of each day; NaN where an hour of it is not known."""
    power = np.where(series.known, series.energy_kwh, np.nan)
    found: FloatArray = power.reshape(-1, HOURS_A_DAY)[:, NIGHT_HOURS].mean(axis=1)
    return found
