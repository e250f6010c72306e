"""Findings of one fault: put together, and priced with each kWh once."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkkenergy.savings.facts import Finding
from bkkenergy.savings.faultgroups import BESIDE, CLOSED, EVERY, FAULTS, OPEN, cost_once, fault_groups, fault_of
from bkkenergy.savings.insights import RULES

DAY = dt.date(2026, 11, 20)
LEFT_ON = FAULTS[0]


def finding(rule, thb=100.0, *, building="a.b", since=DAY, days=(), kwh=None):
    return Finding(building, rule, "warning", since, thb / 4 if kwh is None else kwh, thb, {}, days)


def grouped(*findings):
    return [sorted(one.rule for one in group.findings) for group in fault_groups(findings)]


def test_each_rule_that_is_named_is_one_and_sees_one_fault():
    names = {rule.__name__ for rule in RULES}
    assert set().union(*FAULTS) <= names
    assert sum(len(rules) for rules in FAULTS) == len(set().union(*FAULTS))


def test_what_is_left_on_overnight_is_one_fault_with_the_largest_as_its_chief():
    (group,) = fault_groups(
        [finding("night_spread", 20.0), finding("baseload_rise", 230.0), finding("closed_days", 90.0)]
    )
    assert (group.chief.rule, [one.rule for one in group.also]) == ("baseload_rise", ["closed_days", "night_spread"])
    assert group.cost_thb_a_month == 230.0, "nights of all days hold the others' hours"


def test_hours_that_do_not_overlap_add_up():
    (group,) = fault_groups([finding("overrun", 70.0), finding("closed_days", 50.0), finding("night_spread", 30.0)])
    assert group.cost_thb_a_month == 120.0


def test_other_buildings_and_other_faults_stay_apart():
    assert grouped(finding("overrun"), finding("closed_days", building="a.c")) == [["overrun"], ["closed_days"]]
    assert grouped(finding("overrun"), finding("power_factor"), finding("pv_drop")) == [
        ["overrun"],
        ["power_factor"],
        ["pv_drop"],
    ]


def test_days_that_do_not_overlap_are_two_faults():
    holiday = finding("holiday_running", days=(DAY - dt.timedelta(days=20),))
    assert grouped(holiday, finding("overrun", since=DAY - dt.timedelta(days=7))) == [["holiday_running"], ["overrun"]]
    assert grouped(holiday, finding("closed_days", since=DAY - dt.timedelta(days=27))) == [
        ["closed_days", "holiday_running"]
    ]


def test_less_use_than_before_is_a_question_for_itself():
    assert grouped(finding("closed_days"), finding("overrun", -40.0)) == [["closed_days"], ["overrun"]]
    assert cost_once([("overrun", -40.0), ("power_factor", -5.0)]) == 0.0


@given(st.lists(st.tuples(st.sampled_from(sorted(LEFT_ON)), st.floats(0, 1e6)), max_size=8))
def test_a_fault_costs_no_less_than_its_largest_and_no_more_than_its_hours_hold(costs):
    total = cost_once(costs)
    assert total >= max((cost for _, cost in costs), default=0.0)
    dearest = {hours: max((cost for rule, cost in costs if hours in LEFT_ON[rule]), default=0.0) for hours in EVERY}
    assert total <= sum(dearest.values()) + 1e-6
    assert total <= sum(cost for _, cost in costs) + 1e-6


@given(
    st.permutations(
        [
            ("overrun", 70.0),
            ("closed_days", 50.0),
            ("out_of_hours", 100.0),
            ("night_spread", 90.0),
            ("power_factor", 7.0),
        ]
    )
)
def test_the_order_of_findings_changes_no_sum(costs):
    assert cost_once(costs) == 147.0


@pytest.mark.parametrize("rules", FAULTS)
def test_hours_are_those_that_are_named(rules):
    assert all(hours and hours <= {OPEN, BESIDE, CLOSED} for hours in rules.values())
    assert {fault_of(rule) for rule in rules} == {FAULTS.index(rules)}
