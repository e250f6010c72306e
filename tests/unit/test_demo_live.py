"""What the demonstration's meters send live goes on where their history ended, and moves."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest

from bkkenergy.calendar import BANGKOK, timestamp_us
from bkkenergy.demo.live import live_message, shown_at
from bkkenergy.demo.meters import counters, time_grid
from bkkenergy.portfolio import MeterKind
from bkkenergy.readings import US_PER_S
from bkkenergy.site import load_configuration
from tests.conftest import ROOT

NOW = dt.datetime(2026, 11, 26, 9, 7, tzinfo=BANGKOK)
DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def meters():
    config = load_configuration(ROOT / "config")
    index = time_grid(dt.datetime(2026, 11, 20, tzinfo=BANGKOK), NOW + dt.timedelta(days=1))
    months = config.solar.climate.temp_mean_c.months
    return {one.meter.id: one for one in counters(config.portfolio, index, NOW, month_mean_c=months, seed=1)}


def sent(counter, every_s, since=None):
    since_us = timestamp_us(pd.Timestamp(since or NOW))
    for now_us in range(since_us + every_s * US_PER_S, since_us + 7200 * US_PER_S, every_s * US_PER_S):
        yield from json.loads(live_message(counter, since_us, now_us)[1])
        since_us = now_us


@pytest.mark.parametrize("every_s", [10, 1000])
def test_power_moves_and_the_register_grows_by_it(meters, every_s):
    rows = list(sent(meters["district-bangkhen.office.main"], every_s))
    at, power, register = (np.array([row[name] for row in rows]) for name in ("ts", "power_kw", "energy_kwh"))
    assert len(set(power.tolist())) > len(power) / 2
    assert (np.diff(register) >= 0).all()
    assert (np.diff(at) > 0).all()
    quarters = at[at % 900 == 0]
    assert len(quarters) >= 7, "whatever the rate: each quarter-hour as the history has it"
    hours = np.diff(at[[0, -1]])[0] / 3600
    assert register[-1] - register[0] == pytest.approx(power.mean() * hours, rel=0.05)


def test_an_interval_meter_sends_energy_of_whole_quarter_hours_alone(meters):
    interval = next(one for one in meters.values() if one.meter.kind is MeterKind.INTERVAL)
    rows = list(sent(interval, 60))
    assert {row["ts"] % 900 == 0 for row in rows if "energy_kwh" in row} == {True}
    assert sum("energy_kwh" in row for row in rows) == 8
    assert all("power_kw" in row for row in rows)


def test_beyond_the_simulated_days_the_last_quarter_hour_stays(meters):
    counter = meters["district-bangkhen.office.main"]
    late_us = int(counter.ts_us[-1]) + DAY_US
    assert shown_at(counter, late_us)["energy_kwh"] == counter.columns["energy_kwh"][-1]


def test_the_grid_beyond_now_changes_nothing_of_the_history(meters):
    config = load_configuration(ROOT / "config")
    index = time_grid(dt.datetime(2026, 11, 20, tzinfo=BANGKOK), NOW)
    months = config.solar.climate.temp_mean_c.months
    short = counters(config.portfolio, index, NOW, month_mean_c=months, seed=1)
    assert [one.sent.sum() for one in short] == [meters[one.meter.id].sent[: len(index)].sum() for one in short], (
        "the planted faults are yesterday's"
    )
