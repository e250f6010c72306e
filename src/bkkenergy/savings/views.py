"""Load as pictures need it: heat map, typical week, duration curve, time-of-use split, base and peak."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bkkenergy.readings import BoolArray, FloatArray
from bkkenergy.savings.baseline import HOURS_PER_DAY, Baseline, Series, expected_of

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
    """Compute the views of a load that its page shows: profiles, duration, nights, share on-peak.

    Parameters
    ----------
    series : Series
        Hours of whole days.
    on_peak : (n,) bool array
        Hours of the tariff's on-peak window.
    baseline : Baseline, optional
        What each day is compared with.

    Returns
    -------
    LoadViews
        Powers [kW], energies [kWh] and shares.

    Examples
    --------
    >>> from bkkenergy.savings.views import load_views
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> facts = facts_of(bk.examples.office(), schedule="mea-3-2-lv")
    >>> round(load_views(facts.series, facts.on_peak).base_kw, 1)
    7.5
    """
    power = np.where(series.known, series.energy_kwh, np.nan)
    grid = power.reshape(-1, HOURS_PER_DAY)
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
        expected_of(baseline, series).energy_kwh if baseline else np.full(len(series.kind), np.nan),
    )


def mean_rows(grid: FloatArray) -> FloatArray:
    """Compute the mean of each column over what is known.

    Parameters
    ----------
    grid : (m, k) array
        Power [kW], a row for each day; NaN where not known.

    Returns
    -------
    (k,) array
        Mean power [kW]; NaN where nothing is known.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.views import mean_rows
    >>> mean_rows(np.array([[1.0, np.nan], [3.0, 4.0]])).tolist()
    [2.0, 4.0]
    """
    count = np.isfinite(grid).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        means: FloatArray = np.nansum(grid, axis=0) / count
    return means


def night_kw(series: Series) -> float:
    """Compute the mean power from midnight to four, over what is known: what never sleeps.

    Parameters
    ----------
    series : Series
        Hours of whole days.

    Returns
    -------
    float
        Mean power [kW]; NaN where no night is known.

    Examples
    --------
    >>> from bkkenergy.savings.views import night_kw
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> round(night_kw(facts_of(bk.examples.office(), schedule="mea-3-2-lv").series), 1)
    7.5
    """
    nights = day_night_kw(series)
    return float(np.nanmean(nights)) if np.isfinite(nights).any() else float("nan")


def day_night_kw(series: Series) -> FloatArray:
    """Compute the mean power from midnight to four of each day.

    Parameters
    ----------
    series : Series
        Hours of whole days.

    Returns
    -------
    (m,) array
        Mean power [kW]; NaN where an hour of it is not known.

    Examples
    --------
    >>> from bkkenergy.savings.views import day_night_kw
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> day_night_kw(facts_of(bk.examples.office(), schedule="mea-3-2-lv").series).shape
    (731,)
    """
    power = np.where(series.known, series.energy_kwh, np.nan)
    night_kw: FloatArray = power.reshape(-1, HOURS_PER_DAY)[:, NIGHT_HOURS].mean(axis=1)
    return night_kw
