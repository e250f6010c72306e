"""Buildings made up for tests: load with calendar, weather, noise that remembers, and a drift of their own."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK
from bkkenergy.portfolio.models import OpeningCalendar
from bkkenergy.savings.baseline import Series, series_of

OFFICE = OpeningCalendar(
    id="office", name_th="สำนักงาน", name_en="Office", source="test",
    hours=dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "08:00-16:30"),
)  # fmt: skip
RHO = 0.65


def grid(first: str, last: str) -> pd.DatetimeIndex:
    return pd.date_range(first, pd.Timestamp(last) + pd.Timedelta(days=1), freq="h", tz=BANGKOK, inclusive="left")


def weather(starts: pd.DatetimeIndex, rng: np.random.Generator) -> np.ndarray:
    """Bangkok's air: a season, a day, and weeks that differ."""
    day = starts.day_of_year.to_numpy()
    slow = remembering(len(starts) // 24, 0.8, rng).repeat(24)
    return (
        28.7
        + 1.6 * np.sin((day - 30) / 365 * 2 * np.pi)
        + 4 * np.sin((starts.hour.to_numpy() - 9) / 24 * 2 * np.pi)
        + slow
    )


def remembering(count: int, rho: float, rng: np.random.Generator) -> np.ndarray:
    """AR(1) noise with standard deviation 1."""
    steps = rng.standard_normal(count) * np.sqrt(1 - rho**2)
    found = np.empty(count)
    found[0] = rng.standard_normal()
    for at in range(1, count):
        found[at] = rho * found[at - 1] + steps[at]
    return found


def building(
    seed: int, *, first: str = "2023-10-01", last: str = "2025-09-30", noise: float = 0.08, hour_noise: float = 0.05,
    saving: float = 0.0, saving_from: dt.date = dt.date(2024, 10, 1), drift: float = 0.06, base_kw: float = 12.0, day_kw: float = 60.0,
) -> Series:  # fmt: skip
    """Two years of hours; in the second the building drifts by itself, and saves what is planted."""
    rng = np.random.default_rng(seed)
    starts = grid(first, last)
    temp_c = weather(starts, rng)
    days = [at.date() for at in starts[::24]]
    is_open = np.array([OFFICE.is_open(day) for day in days]).repeat(24)
    hour = starts.hour.to_numpy()
    works = is_open & (hour >= 8) & (hour < 17)
    load = base_kw + works * day_kw * (1 + 0.04 * np.clip(temp_c - 24, 0, None))
    load = (
        load
        * (1 + noise * remembering(len(days), RHO, rng).repeat(24))
        * (1 + hour_noise * rng.standard_normal(len(starts)))
    )
    after = starts >= pd.Timestamp(saving_from, tz=BANGKOK)
    own_drift = drift * rng.standard_normal()
    load = np.where(after, load * (1 + own_drift) * (1 - saving), load)
    return series_of(starts, np.clip(load, 0, None), temp_c, OFFICE)
