"""Real buildings without a project: fit one year, predict the next."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import holidays
import numpy as np
import pandas as pd

from bkkenergy.savings.baseline import Baseline, Series, fit_baseline
from bkkenergy.savings.days import DayKind

FIRST, SECOND = 2017, 2018


def cambridge(folder: Path) -> dict[str, Series]:
    """The 33 buildings with England's holidays and the university's closure of 23 to 31 December."""
    energy = pd.read_csv(folder / "cambridge-33-buildings-hourly.csv.gz", index_col=0, parse_dates=True).tz_localize(
        "UTC"
    )
    weather = pd.read_csv(folder / "cambridge-weather-hourly.csv.gz", index_col=0, parse_dates=True).tz_localize("UTC")
    energy = energy.where(energy > 0).iloc[: len(energy) // 24 * 24]
    temp_c = weather["temp_c"].reindex(energy.index).interpolate(limit=6).to_numpy()
    official = holidays.country_holidays("GB", subdiv="ENG", years=[FIRST, SECOND])
    days = [at.date() for at in energy.index[::24]]
    kind = np.array([day_kind(day, day in official) for day in days])
    return {name: Series(energy.index, energy[name].to_numpy(float), temp_c, kind) for name in energy}


def day_kind(day: dt.date, official: bool) -> int:
    """Return what a day is: a closure, a holiday or usual."""
    if day.month == 12 and day.day >= 23:
        return int(DayKind.CLOSURE)
    return int(DayKind.HOLIDAY) if official else int(DayKind.USUAL)


def fitted(found: dict[str, Series]) -> dict[str, tuple[Baseline, Series]]:
    """Each building's baseline of the first year, and the second year."""
    return {
        name: (
            fit_baseline(series.between(dt.date(FIRST, 1, 1), dt.date(FIRST, 12, 31))),
            series.between(dt.date(SECOND, 1, 1), dt.date(SECOND, 12, 31)),
        )
        for name, series in found.items()
    }
