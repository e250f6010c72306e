"""What the demonstration's meters count, and the faults that are planted among them."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK, epoch_us
from bkkenergy.demo.gateways import electrical, payload
from bkkenergy.demo.loads import STEP_S, DemoWeather, Load, building_load, simulated_weather
from bkkenergy.portfolio import Building, Meter, MeterKind, Portfolio
from bkkenergy.readings import BoolArray, FloatArray, IntArray

REGISTER_STEP_KWH = 0.01

SILENT_FROM_YESTERDAY = "fire-rescue.station-2.main"
GAP_YESTERDAY = "health.centre-3.main"
RESET_YESTERDAY = "district-phayathai.sports.main"
COOLING_LEFT_ON = "education.headquarters"
ROLLS_OVER = "medical-service.taksin.main"
NEW_LAMPS = "district-phayathai.office"
UNEVEN_PHASES = "health.centre-1.main"
"""The meter of a building whose phases carry unlike shares of its power."""
EVEN_SHARES, UNEVEN_SHARES = (0.34, 0.33, 0.33), (0.52, 0.27, 0.21)
LAMPS_SAVE_RATIO = 0.25
"""Of what is not cooling."""
DAYS_OF_BASELINE, LAMPS_DAYS, LAMPS_DAYS_OF_A_SHORT_HISTORY = 390, 50, 21


@dataclass(frozen=True, slots=True)
class Counter:
    """One meter's readings on the time grid, as its display shows them: before transformer ratios.

    sent : (n,) whether a reading was sent at all.
    """

    meter: Meter
    agency: str
    ts_us: IntArray
    columns: dict[str, FloatArray]
    sent: BoolArray

    def between(self, first_us: int, end_us: int) -> Counter:
        """Return what it shows from an instant on, up to another one."""
        rows = slice(*np.searchsorted(self.ts_us, (first_us, end_us)).tolist())
        columns = {name: values[rows] for name, values in self.columns.items()}
        return replace(self, ts_us=self.ts_us[rows], columns=columns, sent=self.sent[rows])

    def messages(self, steps: int) -> Iterator[tuple[str, bytes, int]]:
        """Yield topic, payload and number of readings of each run of `steps` instants."""
        for at in range(0, len(self.ts_us), steps):
            rows = np.flatnonzero(self.sent[at : at + steps]) + at
            if len(rows):
                columns = {name: values[rows] for name, values in self.columns.items()}
                yield self.meter.topic, payload(self.ts_us[rows], columns), len(rows)


def time_grid(start: dt.datetime, end: dt.datetime) -> pd.DatetimeIndex:
    """Return instants of readings from start up to end, both included where they fall on the grid."""
    return pd.date_range(start, end, freq=f"{STEP_S}s", unit="us").tz_convert(BANGKOK)


def counters(
    portfolio: Portfolio, index: pd.DatetimeIndex, now: dt.datetime, *, month_mean_c: Sequence[float], seed: int
) -> list[Counter]:
    """Make readings of every meter of the portfolio, the planted faults among them.

    Energy runs from the first instant: a reading there shows the register before the first step. The grid may go
    beyond now: that is what meters will send live.
    month_mean_c : as for `simulated_weather`.
    """
    weather = simulated_weather(index, month_mean_c=month_mean_c, seed=seed)
    kwp = {plant.building: plant.capacity_kwp for plant in portfolio.pv_plants.values()}
    all_counters = []
    for building in portfolio.buildings.values():
        calendar = portfolio.calendars[building.calendar]
        load = building_load(building, calendar, weather, seed=seed, kwp=kwp.get(building.id, 0.0))
        load = _planted(building, load, weather, now)
        all_counters += [
            _station(building, meter, weather)
            if meter.kind is MeterKind.WEATHER
            else _counter(building, meter, load, index, now, seed)
            for meter in building.meters
        ]
    return all_counters


def _planted(building: Building, load: Load, weather: DemoWeather, now: dt.datetime) -> Load:
    """Return a building's load with what happened there."""
    if building.id == COOLING_LEFT_ON:
        return _cooling_left_on(load, weather, now)
    if building.id == NEW_LAMPS:
        is_new = np.asarray(weather.index >= pd.Timestamp(lamps_done_on(weather.index[0], now), tz=BANGKOK))
        return replace(load, other_kw=np.where(is_new, load.other_kw * (1 - LAMPS_SAVE_RATIO), load.other_kw))
    return load


def lamps_done_on(first: pd.Timestamp, now: dt.datetime) -> dt.date:
    """Return since when the new lamps burn: a baseline of a year fits before them where there is one."""
    has_year = (pd.Timestamp(now) - first).days > DAYS_OF_BASELINE
    days = LAMPS_DAYS if has_year else LAMPS_DAYS_OF_A_SHORT_HISTORY
    return now.astimezone(BANGKOK).date() - dt.timedelta(days=days)


def _station(building: Building, meter: Meter, weather: DemoWeather) -> Counter:
    columns = {"temp_air_c": np.round(weather.temp_air_c, 1), "ghi_wm2": np.round(weather.ghi_wm2)}
    sent = np.ones(len(weather.index), np.bool_)
    return Counter(meter, building.agency, epoch_us(weather.index), columns, sent)


def _power_kw(meter: Meter, load: Load) -> FloatArray:
    """Return (n,) what flows through a meter."""
    if meter.pv:
        return load.solar_kw
    return load.grid_kw if meter.is_main else load.of_sub_meter(meter.id.rsplit(".", 1)[1])


def _counter(
    building: Building, meter: Meter, load: Load, index: pd.DatetimeIndex, now: dt.datetime, seed: int
) -> Counter:
    rng = np.random.default_rng([seed, zlib.crc32(meter.id.encode())])
    grid_kw = _power_kw(meter, load)
    import_kwh = np.clip(grid_kw, 0, None) * STEP_S / 3600
    export_kwh = np.clip(-grid_kw, 0, None) * STEP_S / 3600
    columns: dict[str, FloatArray] = {}
    if meter.kind is MeterKind.REGISTER:
        columns["energy_kwh"] = _register(meter, import_kwh, index, now, rng)
        if (load.solar_kw > 0).any() and meter.is_main:
            columns["export_kwh"] = np.round(np.cumsum(export_kwh) / meter.multiplier, 2)
    elif meter.kind is MeterKind.INTERVAL:
        columns["energy_kwh"] = np.round(import_kwh, 3)
    columns["power_kw"] = np.round(grid_kw / meter.multiplier, 3)
    if meter.is_main and meter.multiplier == 1:
        columns |= electrical(grid_kw, UNEVEN_SHARES if meter.id == UNEVEN_PHASES else EVEN_SHARES, rng)
    return Counter(meter, building.agency, epoch_us(index), columns, _sent(meter, index, now))


def _register(
    meter: Meter, import_kwh: FloatArray, index: pd.DatetimeIndex, now: dt.datetime, rng: np.random.Generator
) -> FloatArray:
    """Return (n,) what the register's display shows at each instant."""
    wraps_at = 10.0 ** (meter.register_digits or 9)
    first = (
        wraps_at - import_kwh[index <= pd.Timestamp(now)].sum() / 2
        if meter.id == ROLLS_OVER
        else rng.uniform(0.02, 0.6) * wraps_at
    )
    grown = np.cumsum(import_kwh) / meter.multiplier
    shown = first + grown
    if meter.id == RESET_YESTERDAY:
        reset_at = index >= _yesterday(now) + pd.Timedelta(hours=13)
        shown = np.where(reset_at, grown - grown[reset_at][:1].sum(), shown)
    return np.round(shown % wraps_at / REGISTER_STEP_KWH) * REGISTER_STEP_KWH


def _sent(meter: Meter, index: pd.DatetimeIndex, now: dt.datetime) -> BoolArray:
    yesterday = _yesterday(now)
    sent = np.ones(len(index), np.bool_)
    if meter.id == SILENT_FROM_YESTERDAY:
        sent = np.asarray(index < yesterday + pd.Timedelta(hours=9.7))
    if meter.id == GAP_YESTERDAY:
        sent = np.asarray((index <= yesterday + pd.Timedelta(hours=10)) | (index > yesterday + pd.Timedelta(hours=15)))
    return sent


def _cooling_left_on(load: Load, weather: DemoWeather, now: dt.datetime) -> Load:
    """Return the same load, with the air-conditioning running all through last night's day."""
    left_on = np.asarray(weather.index >= _yesterday(now))
    typical_kw = np.percentile(load.cooling_kw, 80)
    return Load(
        np.where(left_on, np.maximum(load.cooling_kw, typical_kw * 0.8), load.cooling_kw), load.other_kw, load.solar_kw
    )


def _yesterday(now: dt.datetime) -> pd.Timestamp:
    """Return the begin of the day before."""
    return pd.Timestamp(now).tz_convert(BANGKOK).normalize() - pd.Timedelta(days=1)
