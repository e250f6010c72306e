"""A month in which the schedule changes is billed by its days: each part by what holds on them."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from bkkenergy.library.packaged import figures
from bkkenergy.tariff.bill import bill_of, bills_by_schedules
from bkkenergy.tariff.quantities import quantities_of

APRIL, CUT = dt.date(2026, 4, 1), dt.date(2026, 4, 11)
STARTS = pd.date_range("2026-04-01", "2026-06-01", freq="15min", tz="Asia/Bangkok", inclusive="left")
TOU = "mea-3-2-lv"


@pytest.fixture
def tariffs():
    return figures().tariffs


def load_kwh(first_kwh: float, then_kwh: float) -> np.ndarray:
    """A constant load, another one from the cut on."""
    return np.where(pd.Timestamp(CUT, tz="Asia/Bangkok") > STARTS, first_kwh, then_kwh)


def bills(tariffs, load, names, cuts=(CUT,)):
    parts = quantities_of(load, STARTS, tariffs, cuts=cuts)
    return bills_by_schedules(parts, [tariffs.schedules[name] for name in names], tariffs)


def test_a_part_has_the_energy_and_the_demand_of_its_own_days(tariffs):
    first, then, may = quantities_of(load_kwh(10.0, 25.0), STARTS, tariffs, cuts=[CUT])
    assert (first.month, then.month, may.month) == (APRIL, APRIL, dt.date(2026, 5, 1))
    assert (first.energy_kwh, then.energy_kwh) == (10 * 96 * 10.0, 20 * 96 * 25.0)
    assert (first.demand_kw["all"], then.demand_kw["all"]) == (40.0, 100.0)
    assert (first.part.share_ratio, then.part.share_ratio) == (10 / 30, 20 / 30)
    assert (first.part.end, then.part.first, may.part) == (CUT, CUT, None)


def test_a_month_that_does_not_change_is_billed_as_before(tariffs):
    load = load_kwh(10.0, 25.0)
    for cuts in ((), [APRIL], [dt.date(2026, 6, 1)], [dt.date(2025, 1, 7)]):
        assert quantities_of(load, STARTS, tariffs, cuts=cuts) == quantities_of(load, STARTS, tariffs)


@pytest.mark.parametrize("name", ["mea-2-1-lv", "mea-2-2-lv", "mea-3-1-lv", TOU])
def test_a_split_between_like_halves_costs_what_the_whole_month_costs(tariffs, name):
    """The rounding of each line to the satang apart: at most half a satang a line, and its VAT."""
    load = load_kwh(10.0, 10.0)
    split, may = bills(tariffs, load, [name] * 3)
    whole, same = bills(tariffs, load, [name] * 2, cuts=())
    assert split.total_thb == pytest.approx(whole.total_thb, abs=0.006 * len(split.lines))
    assert split.amount_thb("demand") == pytest.approx(whole.amount_thb("demand"), abs=0.011)
    assert split.amount_thb("service") == pytest.approx(whole.amount_thb("service"), abs=0.011)
    assert may == same
    assert split.quantities.energy_kwh == whole.quantities.energy_kwh
    assert split.quantities.demand_kw == whole.quantities.demand_kw


def test_each_part_is_that_of_its_schedule_and_the_month_is_their_sum(tariffs):
    month, _ = bills(tariffs, load_kwh(10.0, 25.0), ["mea-3-1-lv", TOU, TOU])
    first, then = month.parts
    assert (first.schedule_id, then.schedule_id, month.schedule_id) == ("mea-3-1-lv", TOU, TOU)
    assert month.lines == (*first.lines, *then.lines)
    assert month.total_thb == pytest.approx(first.total_thb + then.total_thb, abs=1e-9)
    rates = tariffs.schedules["mea-3-1-lv"].rates_on(APRIL)
    (demand,) = (line for line in first.lines if line.item == "demand")
    assert demand.amount_thb == pytest.approx(40 * rates.demand_thb_per_kw["all"] / 3, abs=0.005)
    (service,) = (line for line in first.lines if line.item == "service")
    assert service.amount_thb == pytest.approx(rates.service_thb_per_month / 3, abs=0.005)


def test_the_bounds_of_blocks_go_by_the_days(tariffs):
    """150, 250 and all above are of a month: 10 of 30 days have a third of them."""
    first, _, _ = quantities_of(load_kwh(2.0, 2.0), STARTS, tariffs, cuts=[CUT])
    schedule = tariffs.schedules["mea-2-1-lv"]
    bounds = [block.up_to_kwh for block in schedule.rates_on(APRIL).blocks]
    lines = [line.quantity for line in bill_of(first, schedule, tariffs).lines if line.item == "energy"]
    assert sum(lines) == pytest.approx(1920)
    assert lines[0] == pytest.approx(bounds[0] / 3)


def test_the_month_before_a_split_sets_the_minimum_of_the_month_after_it(tariffs):
    """The demand charge of a month is that of both its parts."""
    load = np.where(pd.Timestamp("2026-05-01", tz="Asia/Bangkok") > STARTS, load_kwh(10.0, 25.0), 0.1)
    april, may = bills(tariffs, load, ["mea-3-1-lv", "mea-3-1-lv", "mea-3-1-lv"])
    assert may.quantities.highest_demand_thb == april.amount_thb("demand", "demand_partial")
    assert may.amount_thb("minimum") > 0


def test_three_schedules_in_a_month_are_three_parts(tariffs):
    cuts = [CUT, dt.date(2026, 4, 30)]
    month, _ = bills(tariffs, load_kwh(1.0, 1.0), ["mea-2-1-lv", "mea-2-2-lv", TOU, TOU], cuts=cuts)
    assert [part.quantities.part.share_ratio for part in month.parts] == [10 / 30, 19 / 30, 1 / 30]
    assert sum(part.quantities.energy_kwh for part in month.parts) == pytest.approx(30 * 96)
