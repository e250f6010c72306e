"""Plausible loads of a city's buildings in Bangkok's heat: made up, seeded, the same every time."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK
from bkkenergy.lazy import pvlib
from bkkenergy.portfolio import Building, BuildingType, OpeningCalendar
from bkkenergy.readings import FloatArray

STEP_S = 900
COMFORT_C = 24.0
DESIGN_C = 33.0
DAYS_A_YEAR = 365.25


class Shape(NamedTuple):
    """Load in W/m2 of gross area: always on, with people in, and cooling on a design day."""

    base_wm2: float
    people_wm2: float
    cooling_wm2: float


SHAPES: dict[BuildingType, Shape] = {
    BuildingType.DISTRICT_OFFICE: Shape(3.0, 8.0, 15.0),
    BuildingType.OFFICE: Shape(3.0, 8.0, 15.0),
    BuildingType.SCHOOL: Shape(1.5, 6.0, 8.0),
    BuildingType.HOSPITAL: Shape(17.0, 9.0, 15.0),
    BuildingType.HEALTH_CENTRE: Shape(3.0, 9.0, 13.0),
    BuildingType.FIRE_STATION: Shape(6.0, 4.0, 7.0),
    BuildingType.SPORTS_CENTRE: Shape(4.0, 13.0, 14.0),
    BuildingType.WATER_TREATMENT: Shape(95.0, 12.0, 0.0),
    BuildingType.STREET_LIGHTING: Shape(0.3, 0.0, 0.0),
    BuildingType.EV_CHARGING: Shape(2.0, 6.0, 0.0),
    BuildingType.LIBRARY: Shape(3.0, 10.0, 15.0),
    BuildingType.OTHER: Shape(3.0, 6.0, 8.0),
}
"""Made up for the demonstration, in the range of Thai building surveys; not a benchmark."""

PERFORMANCE_RATIO = 0.8
"""Of the demonstration's PV: power over what its modules would give under the same sun at standard conditions."""
SUB_METER_SHARES = {"lighting": 0.6, "wards": 0.4, "blowers": 0.75}
"""Of the load that is not cooling; "aircon" and "chiller" take the cooling itself."""


@dataclass(frozen=True, slots=True)
class DemoWeather:
    """The demonstration's weather on the time grid: (n,) each."""

    index: pd.DatetimeIndex
    temp_air_c: FloatArray
    ghi_wm2: FloatArray


@dataclass(frozen=True, slots=True)
class Load:
    """A building's power on the time grid: (n,) kW each, mean of the step that ends at the instant."""

    cooling_kw: FloatArray
    other_kw: FloatArray
    solar_kw: FloatArray

    @property
    def grid_kw(self) -> FloatArray:
        """Return the power from the grid, or to it where negative."""
        return self.cooling_kw + self.other_kw - self.solar_kw

    def of_sub_meter(self, name: str) -> FloatArray:
        """Return (n,) kW of a sub-meter, by its name."""
        share = SUB_METER_SHARES.get(name)
        return self.cooling_kw if share is None else self.other_kw * share


def simulated_weather(index: pd.DatetimeIndex, *, month_mean_c: Sequence[float], seed: int) -> DemoWeather:
    """Estimate air temperature and sun of Bangkok: clear sky by Ineichen's model, under clouds that come and go.

    month_mean_c : (12,) air temperature of each month, between whose middles a day's mean changes evenly.
    Clear sky: pvlib, Ineichen & Perez 2002, doi:10.1016/S0038-092X(02)00045-2.
    """
    rng = np.random.default_rng(seed)
    local = index.tz_convert(BANGKOK)
    day_of, days = pd.factorize(local.normalize(), sort=True)
    clearness_ratio = np.clip(rng.beta(5, 2.2, len(days)), 0.25, 1.0)[day_of]
    flicker = np.clip(1 + 0.12 * _wandering(rng, len(index), 0.8), 0.4, 1.1)
    here = pvlib.location.Location(13.75, 100.5, tz="Asia/Bangkok")
    clear = here.get_clearsky(local, model="ineichen")["ghi"].to_numpy()
    ghi_wm2 = clear * clearness_ratio * flicker
    hour = (local.hour + local.minute / 60).to_numpy()
    swing_c = 3.2 + 2.6 * clearness_ratio
    day_c = _seasonal_c(pd.DatetimeIndex(days), month_mean_c)[day_of] + _wandering(rng, len(days), 0.7)[day_of] * 1.1
    temp_air_c = day_c + swing_c * np.cos((hour - 14.5) / 24 * 2 * np.pi)
    return DemoWeather(index, temp_air_c, ghi_wm2)


def _seasonal_c(days: pd.DatetimeIndex, month_mean_c: Sequence[float]) -> FloatArray:
    """Return (n,) the mean temperature of each day."""
    middles = (np.arange(12) + 0.5) * DAYS_A_YEAR / 12
    mean_c: FloatArray = np.interp(days.dayofyear.to_numpy(), middles, month_mean_c, period=DAYS_A_YEAR)
    return mean_c


def building_load(
    building: Building, calendar: OpeningCalendar, weather: DemoWeather, *, seed: int, kwp: float = 0.0
) -> Load:
    """Load of one building: base, people by its opening hours, cooling by temperature and sun. kwp : of its PV."""
    rng = np.random.default_rng([seed, zlib.crc32(building.id.encode())])
    shape = SHAPES[building.type]
    presence = _presence(calendar, weather.index)
    local = weather.index.tz_convert(BANGKOK)
    hour = (local.hour + local.minute / 60).to_numpy()
    day_curve = 0.88 + 0.12 * np.cos((hour - 14) / 24 * 2 * np.pi)
    if "00:00-24:00" in calendar.hours.values():
        presence = 0.45 + 0.55 * np.clip(np.sin((hour - 6) / 13 * np.pi), 0, 1)
    heat = np.clip((weather.temp_air_c - COMFORT_C) / (DESIGN_C - COMFORT_C), 0, 1.3)
    sun = weather.ghi_wm2 / 1000
    size = rng.uniform(0.9, 1.08)
    area_kw = building.gross_floor_area_m2 / 1000 * size
    noise = 1 + 0.035 * _wandering(rng, len(local), 0.6)
    cooling_kw = area_kw * shape.cooling_wm2 * presence * (0.35 + 0.5 * heat + 0.15 * sun) * noise
    other_kw = (
        area_kw
        * (shape.base_wm2 * day_curve + shape.people_wm2 * presence)
        * (1 + 0.02 * rng.standard_normal(len(local)))
    )
    return Load(np.clip(cooling_kw, 0, None), np.clip(other_kw, 0, None), kwp * PERFORMANCE_RATIO * sun)


def _presence(calendar: OpeningCalendar, index: pd.DatetimeIndex) -> FloatArray:
    """Return (n,) how much of the people are in, 0..1: an hour's ramp, a dip at noon, stragglers."""
    local = index.tz_convert(BANGKOK)
    hour = (local.hour + local.minute / 60).to_numpy()
    dates = local.date
    hours_of: dict[dt.date, tuple[float, float] | None] = {day: calendar.open_hours(day) for day in set(dates)}
    opening = np.array([(hours_of[day] or (99.0, 99.0))[0] for day in dates])
    closing = np.array([(hours_of[day] or (99.0, 99.0))[1] for day in dates])
    rising = np.clip((hour - opening + 0.75) / 1.25, 0, 1)
    falling = np.clip((closing + 0.75 - hour) / 1.25, 0, 1)
    noon = 1 - 0.18 * np.exp(-(((hour - 12.5) / 0.5) ** 2))
    return np.asarray(rising * falling * noon)


def _wandering(rng: np.random.Generator, count: int, memory: float) -> FloatArray:
    """Return (n,) noise of unit variance that remembers: a first-order autoregression."""
    steps = pd.Series(rng.standard_normal(count))
    smooth: FloatArray = np.asarray(steps.ewm(alpha=1 - memory, adjust=False).mean(), np.float64)
    return smooth * float(np.sqrt((1 + memory) / (1 - memory)))
