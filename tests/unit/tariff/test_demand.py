"""Which intervals set a month's demand: those that were measured, where the month has any."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bkkenergy.calendar import BANGKOK
from bkkenergy.tariff.quantities import quantities_of, quantities_of_many
from tests.unit.tariff.test_bill import TARIFFS

STARTS = pd.date_range("2025-10-01", "2025-12-01", freq="15min", tz=BANGKOK, inclusive="left")
IN_OCTOBER = STARTS.month.to_numpy() == 10
PEAK = int(np.flatnonzero(np.asarray(pd.Timestamp("2025-10-15 14:00", tz=BANGKOK) == STARTS))[0])


def load() -> np.ndarray:
    """10 kWh in each quarter-hour, and 50 in one of a gap that was estimated."""
    kwh = np.full(len(STARTS), 10.0)
    kwh[PEAK] = 50.0
    return kwh


def measured(kwh: np.ndarray, is_measured: np.ndarray) -> np.ndarray:
    return np.where(is_measured, kwh, np.nan)


def test_an_estimated_quarter_hour_sets_no_demand_where_others_were_measured():
    kwh = load()
    firm = measured(kwh, np.arange(len(kwh)) != PEAK)
    october, november = quantities_of(kwh, STARTS, TARIFFS, demand_kwh=firm)
    assert (october.demand_kw["all"], october.is_demand_estimated) == (40.0, False)
    assert october.energy_kwh == pytest.approx(kwh[IN_OCTOBER].sum())
    assert (november.demand_kw["all"], november.is_demand_estimated) == (40.0, False)


def test_a_month_without_a_measured_quarter_hour_takes_its_estimates_and_says_so():
    kwh = load()
    october, november = quantities_of(kwh, STARTS, TARIFFS, demand_kwh=measured(kwh, ~IN_OCTOBER))
    assert (october.demand_kw["all"], october.is_demand_estimated) == (200.0, True)
    assert (november.demand_kw["all"], november.is_demand_estimated) == (40.0, False)


def test_one_measured_quarter_hour_is_enough_and_each_series_has_its_months():
    kwh = np.stack([load(), load()])
    is_measured = np.zeros(kwh.shape, bool)
    is_measured[0, 0] = True
    (first, _), (second, _) = quantities_of_many(kwh, STARTS, TARIFFS, demand_kwh=measured(kwh, is_measured))
    assert (first.demand_kw["all"], first.is_demand_estimated) == (40.0, False)
    assert (second.demand_kw["all"], second.is_demand_estimated) == (200.0, True)
