"""Lasting changes of use: found once with their day and size; what passes, or is nothing, is not found."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

import bkkenergy as bk
from bkkenergy.library.findings import facts_of, rules
from bkkenergy.library.packaged import placebo
from bkkenergy.savings.adjust import Adjustment, adjustment_days
from bkkenergy.savings.baseline import saving_of
from bkkenergy.savings.events import EventRule, find_event
from bkkenergy.savings.facts import Finding
from bkkenergy.savings.insights import Dismissal, event_day, find, visible
from bkkenergy.savings.uncertainty import band_of

RULE = EventRule(0.10, 5.0)
LEVEL_KWH = 500.0


def days_of(count):
    return pd.date_range("2026-01-05", periods=count, tz="Asia/Bangkok")


def found(left_kwh):
    return find_event(days_of(len(left_kwh)), left_kwh, np.full(len(left_kwh), LEVEL_KWH), RULE)


def noise(count, seed=0, sigma=20.0):
    return np.random.default_rng(seed).normal(0.0, sigma, count)


@pytest.mark.parametrize("change_kwh", [-150.0, 100.0, 300.0])
@pytest.mark.parametrize("row", [70, 143, 300])
def test_a_planted_step_is_found_with_its_day_and_its_size(row, change_kwh):
    left = noise(365, seed=row) + np.where(np.arange(365) >= row, change_kwh, 0.0)
    event = found(left)
    assert event.kind == "step"
    assert abs((pd.Timestamp(event.first_day, tz="Asia/Bangkok") - days_of(365)[row]).days) <= 2
    assert abs(event.kwh_a_day - change_kwh) < max(2 * event.half_width_kwh_a_day, 10.0)
    assert event.ratio == pytest.approx(event.kwh_a_day / LEVEL_KWH)


def test_a_change_is_a_share_or_an_energy_by_what_its_days_show():
    expected = np.tile([600.0] * 5 + [200.0] * 2, 52)
    later = np.arange(364) >= 200
    share = find_event(days_of(364), noise(364) + later * 0.2 * expected, expected, RULE)
    energy = find_event(days_of(364), noise(364) + later * 100.0, expected, RULE)
    assert (share.is_share, energy.is_share) == (True, False)
    assert share.ratio == pytest.approx(0.2, abs=0.02)
    assert share.added_kwh(np.array([600.0, 200.0])).tolist() == pytest.approx([120, 40], rel=0.1)
    assert energy.added_kwh(np.array([600.0, 200.0])).tolist() == pytest.approx([100, 100], rel=0.1)


def test_a_rise_bit_by_bit_is_a_drift_with_what_it_came_to():
    event = found(noise(364) + np.linspace(0, 200, 364))
    assert event.kind == "drift"
    assert event.kwh_a_day == pytest.approx(200, abs=30)


def test_months_without_a_change_or_with_one_too_small_have_no_event():
    assert not [seed for seed in range(40) if found(noise(365, seed)) is not None]
    assert found(noise(365) + np.where(np.arange(365) >= 200, 0.08 * LEVEL_KWH, 0.0)) is None


def test_what_has_passed_is_no_event():
    rows = np.arange(365)
    assert found(noise(365) + np.where((rows >= 200) & (rows < 270), 200.0, 0.0)) is None


def test_a_change_of_the_last_three_weeks_waits_until_it_has_lasted():
    assert found(noise(365) + np.where(np.arange(365) >= 365 - 14, 200.0, 0.0)) is None
    assert found(noise(365) + np.where(np.arange(365) >= 365 - 28, 200.0, 0.0)) is not None


def test_noise_that_remembers_needs_a_larger_change():
    rng = np.random.default_rng(3)
    walk = np.cumsum(rng.normal(0, 12, 365))
    assert found(walk - walk.mean()) is None or abs(found(walk - walk.mean()).sigmas) > RULE.min_sigmas


def test_gaps_and_too_few_weeks_are_no_event():
    left = noise(365) + np.where(np.arange(365) >= 200, 150.0, 0.0)
    left[150:190] = np.nan
    assert found(left).kwh_a_day == pytest.approx(150, abs=20)
    assert found(np.full(365, np.nan)) is None
    assert found(left[-60:]) is None
    assert find_event(days_of(365), left, np.full(365, np.nan), RULE) is None


@pytest.fixture(scope="module")
def office():
    """An office with a new wing since September, its baseline, and the facts of the year's end."""
    use = bk.examples.office()
    baseline = bk.Baseline.fit(use["2024"])
    use.loc["2025-09-01":] += 6.0
    return facts_of(use, schedule="mea-3-2-lv", baseline=baseline)


def test_a_lasting_rise_is_one_finding_with_its_day_and_no_sigmas_of_each_week(office):
    names = {one.rule: one for one in find(office, rules())}
    assert names["use_event"].since == dt.date(2025, 9, 1)
    assert names["use_event"].evidence["kwh_a_day"] == pytest.approx(144, rel=0.1)
    assert not {"anomaly", "baseload_rise", "week_rise"} & set(names)


def test_an_anomaly_on_top_of_an_event_is_still_found(office):
    use = office.series.energy_kwh.copy()
    use[-24:] *= 3.0
    more = replace(office, series=replace(office.series, energy_kwh=use))
    assert {"anomaly", "baseload_rise"} & {one.rule for one in find(more, rules())}


def test_what_a_person_entered_as_an_adjustment_is_no_event_and_no_anomaly(office):
    given = {"building": "series", "first": dt.date(2025, 9, 1), "reason": "a new wing", "entered_by": "somchai"}
    wing = Adjustment(**given, kwh_a_day=144.0, half_width_kwh_a_day=10.0, entered=dt.date(2025, 12, 1))
    names = {one.rule for one in find(replace(office, adjustments=(wing,)), rules())}
    assert not {"use_event", "anomaly"} & names


def test_an_event_that_was_dismissed_comes_back_only_as_another_one(office):
    (event,) = [one for one in find(office, rules()) if one.rule == "use_event"]
    dismissed = Dismissal("series", f"use_event@{event.since}", event.cost_thb_a_month)
    assert event not in visible([event], [dismissed], rules())
    assert event_day([dismissed], "series") == event.since
    assert event_day([dismissed], "other") is None
    seen = replace(office, events_seen_on=event.since)
    assert "use_event" not in {one.rule for one in find(seen, rules())}
    later = Finding("series", "use_event", "warning", dt.date(2025, 12, 1), 1.0, event.cost_thb_a_month, {})
    assert visible([later], [dismissed], rules()) == [later]


def test_an_adjustment_s_own_uncertainty_widens_the_saving_s_interval():
    use = bk.examples.office()
    baseline = bk.Baseline.fit(use["2024"]).fitted
    after = facts_of(use["2025"], schedule="mea-3-2-lv").series
    added = np.full(len(after.kind), 50.0)
    plain = band_of(saving_of(baseline, after, adjustment_kwh=added), baseline, placebo())
    unsure = saving_of(baseline, after, adjustment_kwh=added, adjustment_half_kwh=np.full(len(added), 80.0))
    wide = band_of(unsure, baseline, placebo())
    assert wide.saving_ratio == plain.saving_ratio
    assert wide.half_width_ratio > plain.half_width_ratio * 1.2
    assert wide.significant_ratio > plain.significant_ratio


def test_shares_and_energies_of_adjustments_add_up_and_their_errors_in_squares():
    given = {"building": "a.b", "first": dt.date(2026, 1, 5), "reason": "a new wing", "entered_by": "somchai"}
    given |= {"entered": dt.date(2026, 2, 1)}
    share = Adjustment(**given, ratio=0.1, half_width_ratio=0.03)
    energy = Adjustment(**given, last=dt.date(2026, 1, 5), kwh_a_day=-20.0, half_width_kwh_a_day=20.0)
    added = adjustment_days(days_of(2), [share, energy], np.full(2, LEVEL_KWH))
    assert added.kwh.tolist() == [30.0, 50.0]
    assert added.half_width_kwh.tolist() == pytest.approx([25.0, 15.0])


@pytest.mark.parametrize(
    "wrong",
    [{}, {"kwh_a_day": 1.0, "ratio": 0.1}, {"ratio": 0.1, "half_width_kwh_a_day": 1.0}, {"ratio": -1.0},
     {"kwh_a_day": 1.0, "half_width_ratio": 0.1}, {"kwh_a_day": 1.0, "half_width_kwh_a_day": -1.0}],
)  # fmt: skip
def test_an_adjustment_is_either_energy_or_a_share(wrong):
    given = {"building": "a.b", "first": dt.date(2026, 1, 5), "reason": "a new wing", "entered_by": "somchai"}
    with pytest.raises(ValidationError):
        Adjustment(**given, entered=dt.date(2026, 2, 1), **wrong)
