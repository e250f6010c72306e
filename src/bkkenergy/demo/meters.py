"""What the demonstration's meters count, and the faults that are planted among them."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK, epoch_us
from bkkenergy.demo.gateways import electrical, payload
from bkkenergy.demo.loads import STEP_S, DemoWeather, Load, building_load, simulated_weather
from bkkenergy.portfolio import Building, Meter, MeterKind, Portfolio
from bkkenergy.readings import US_PER_S, BoolArray, FloatArray, IntArray

REGISTER_STEP_KWH = 0.01

SILENT_FROM_YESTERDAY = "fire-rescue.station-2.main"
GAP_YESTERDAY = "health.centre-3.main"
RESET_YESTERDAY = "district-phayathai.sports.main"
COOLING_LEFT_ON = "education.headquarters"
ROLLS_OVER = "medical-service.taksin.main"


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


def counters(portfolio: Portfolio, index: pd.DatetimeIndex, *, seed: int) -> list[Counter]:
    """Make readings of every meter of the portfolio, the planted faults among them.

    Energy runs from the first instant: a reading there shows the register before the first step.
    """
    weather = simulated_weather(index, seed=seed)
    all_counters = []
    for building in portfolio.buildings.values():
        load = building_load(building, portfolio.calendars[building.calendar], weather, seed=seed)
        if building.id == COOLING_LEFT_ON:
            load = _cooling_left_on(load, weather)
        all_counters += [_counter(building, meter, load, index, seed) for meter in building.meters]
    return all_counters


def _counter(building: Building, meter: Meter, load: Load, index: pd.DatetimeIndex, seed: int) -> Counter:
    rng = np.random.default_rng([seed, zlib.crc32(meter.id.encode())])
    grid_kw = load.grid_kw if meter.is_main else load.of_sub_meter(meter.id.rsplit(".", 1)[1])
    import_kwh = np.clip(grid_kw, 0, None) * STEP_S / 3600
    export_kwh = np.clip(-grid_kw, 0, None) * STEP_S / 3600
    columns: dict[str, FloatArray] = {}
    if meter.kind is MeterKind.REGISTER:
        columns["energy_kwh"] = _register(meter, import_kwh, index, rng)
        if (load.solar_kw > 0).any() and meter.is_main:
            columns["export_kwh"] = np.round(np.cumsum(export_kwh) / meter.multiplier, 2)
    elif meter.kind is MeterKind.INTERVAL:
        columns["energy_kwh"] = np.round(import_kwh, 3)
    columns["power_kw"] = np.round(grid_kw / meter.multiplier, 3)
    if meter.is_main and meter.multiplier == 1:
        columns |= electrical(grid_kw, rng)
    return Counter(meter, building.agency, epoch_us(index), columns, _sent(meter, index))


def _register(meter: Meter, import_kwh: FloatArray, index: pd.DatetimeIndex, rng: np.random.Generator) -> FloatArray:
    """Return (n,) what the register's display shows at each instant."""
    wraps_at = 10.0 ** (meter.register_digits or 9)
    first = wraps_at - import_kwh.sum() / 2 if meter.id == ROLLS_OVER else rng.uniform(0.02, 0.6) * wraps_at
    grown = np.cumsum(import_kwh) / meter.multiplier
    shown = first + grown
    if meter.id == RESET_YESTERDAY:
        reset_at = index >= _yesterday(index) + pd.Timedelta(hours=13)
        shown = np.where(reset_at, grown - grown[reset_at][:1].sum(), shown)
    return np.round(shown % wraps_at / REGISTER_STEP_KWH) * REGISTER_STEP_KWH


def _sent(meter: Meter, index: pd.DatetimeIndex) -> BoolArray:
    yesterday = _yesterday(index)
    sent = np.ones(len(index), np.bool_)
    if meter.id == SILENT_FROM_YESTERDAY:
        sent = np.asarray(index < yesterday + pd.Timedelta(hours=9.7))
    if meter.id == GAP_YESTERDAY:
        sent = np.asarray((index <= yesterday + pd.Timedelta(hours=10)) | (index > yesterday + pd.Timedelta(hours=15)))
    return sent


def _cooling_left_on(load: Load, weather: DemoWeather) -> Load:
    """Return the same load, with the air-conditioning running all through last night's day."""
    left_on = np.asarray(weather.index >= _yesterday(weather.index))
    typical_kw = np.percentile(load.cooling_kw, 80)
    return Load(
        np.where(left_on, np.maximum(load.cooling_kw, typical_kw * 0.8), load.cooling_kw), load.other_kw, load.solar_kw
    )


def _yesterday(index: pd.DatetimeIndex) -> pd.Timestamp:
    """Return the begin of the day before the grid's last."""
    return index[-1].normalize() - pd.Timedelta(days=1)


def live_message(counter: Counter, now_us: int) -> tuple[str, bytes]:
    """Make one reading now, counting on from the last of the history at its last power."""
    last = len(counter.ts_us) - 1
    columns = {name: values[last:].copy() for name, values in counter.columns.items()}
    since_h = (now_us - counter.ts_us[last]) / US_PER_S / 3600
    if counter.meter.kind is MeterKind.REGISTER:
        step = np.clip(columns["power_kw"], 0, None) * since_h
        columns["energy_kwh"] = np.round(columns["energy_kwh"] + step, 2)
    elif counter.meter.kind is MeterKind.INTERVAL:
        columns.pop("energy_kwh")
    return counter.meter.topic, payload(np.array([now_us]), columns)
