"""Voltages of phases: out of bounds, unbalanced, lost; and what is not known is not said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bkkenergy.savings.facts import Facts
from bkkenergy.savings.phases import phase_voltages
from bkkenergy.savings.rules_phases import lost_phase, phase_unbalance, supply_voltage
from bkkenergy.savings.rules_supply import power_factor
from tests.unit.savings.test_insights import LIMITS, facts

QUARTER_H = 0.25


def week(*phases_v: float) -> np.ndarray:
    return np.tile(np.array(phases_v, float), (672, 1))


@pytest.fixture(scope="module")
def office() -> Facts:
    return facts(1)


def fired(office: Facts, voltage_v: np.ndarray) -> set[str]:
    judged = replace(office, phases=phase_voltages(voltage_v, QUARTER_H, LIMITS.voltage_band_ratio))
    rules = (supply_voltage, phase_unbalance, lost_phase)
    return {found.rule for rule in rules if (found := rule(judged, LIMITS)) is not None}


def test_a_sound_supply_is_no_finding(office):
    assert fired(office, week(231, 230, 229)) == set()
    assert fired(office, week(400, 402, 399)) == set(), "between phases"


def test_high_and_low_voltage_are_found_and_a_short_dip_is_not(office):
    assert fired(office, week(256, 255, 257)) == {"supply_voltage"}
    assert fired(office, week(205, 206, 204)) == {"supply_voltage"}
    dip = week(231, 230, 229)
    dip[:30] = 200.0
    assert fired(office, dip) == set()


def test_unbalanced_phases_are_found(office):
    assert fired(office, week(240, 230, 225)) == {"phase_unbalance"}


@pytest.mark.parametrize("lost_v", [0.0, 5.0, 100.0])
def test_a_lost_phase_is_found_and_makes_no_unbalance(office, lost_v):
    voltage_v = week(231, 230, 229)
    voltage_v[10:30, 2] = lost_v
    assert fired(office, voltage_v) == {"lost_phase"}


def test_a_single_phase_meter_has_neither_unbalance_nor_lost_phases(office):
    assert fired(office, week(230, np.nan, np.nan)) == set()
    assert fired(office, week(258, np.nan, np.nan)) == {"supply_voltage"}


def test_of_a_voltage_that_is_no_low_voltage_no_bounds_are_known(office):
    assert fired(office, week(12_000, 12_010, 11_990)) == set()
    assert fired(office, week(13_500, 12_000, 11_900)) == {"phase_unbalance"}


@pytest.mark.parametrize("voltage_v", [np.empty((0, 3)), week(np.nan, np.nan, np.nan)], ids=["nothing", "no_value"])
def test_without_voltages_nothing_is_said(office, voltage_v):
    assert phase_voltages(voltage_v, QUARTER_H, 0.1) is None
    assert fired(office, voltage_v) == set()


def test_a_supply_that_was_off_is_no_lost_phase(office):
    off = week(0, 0, 0)
    off[:600] = (231, 230, 229)
    assert fired(office, off) == set()


def test_low_power_factor_says_which_capacitors_would_correct_it(office):
    lagging = replace(office, kvar=office.demand_kw * 0.9, kvar_thb=56.07, free_kvar_per_kw=0.6197)
    found = power_factor(lagging, LIMITS)
    assert found is not None
    kw = float(np.nanmax(office.demand_kw[-int(30.4 * 96) :]))
    assert found.evidence["capacitor_kvar"] == pytest.approx((0.9 - LIMITS.kvar_per_kw) * kw)
