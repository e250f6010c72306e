"""Savings of a system or a key parameter, and what a project's option has to have."""

import numpy as np
import pytest

from bkkenergy.errors import InputError
from bkkenergy.plan import Project, project_faults
from bkkenergy.plan.options import saved_against_before, saved_against_cop, saved_by_efficiency
from bkkenergy.portfolio import load_portfolio

OFFICE = "district-bangkhen.office"


@pytest.fixture(scope="module")
def portfolio(config_dir):
    return load_portfolio(config_dir)


def faults_of(portfolio, **given):
    defaults = {"agency": "district-bangkhen", "building": OFFICE, "kind": "cooling", "name_th": "ก", "name_en": "A",
                "due_year_be": 2570}  # fmt: skip
    return [fault.where.partition(": ")[2] for fault in
            project_faults(Project(id="one", **(defaults | given)), portfolio, "row 2")]  # fmt: skip


AIRCON = {"option": "system", "system_meters": (f"{OFFICE}.aircon",)}
POWER = {"option": "parameter", "before_kw": 10.0, "after_kw": 4.0, "hours_a_year": 2_000.0,
         "stipulated_half_ratio": 0.1}  # fmt: skip
LAMPS = {"option": "parameter", "system_meters": (f"{OFFICE}.lighting",), "reference_efficiency": 60.0,
         "project_efficiency": 110.0, "stipulated_half_ratio": 0.1}  # fmt: skip


@pytest.mark.parametrize("given", [{}, AIRCON, POWER, LAMPS, {"option": "whole"}])
def test_an_option_with_all_that_it_needs_has_no_fault(portfolio, given):
    assert faults_of(portfolio, **given) == []


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"option": "system"}, ["system_meters"]),
        (AIRCON | {"system_meters": ("health.centre-1.main",)}, ["system_meters"]),
        (AIRCON | {"cooling_meter": "nowhere"}, ["cooling_meter"]),
        (AIRCON | {"reference_efficiency": 5.0, "stipulated_half_ratio": 0.0}, ["cooling_meter"]),
        (AIRCON | {"reference_efficiency": 5.0, "cooling_meter": f"{OFFICE}.lighting"}, ["stipulated_half_ratio"]),
        ({"option": "parameter", "stipulated_half_ratio": 0.1}, ["option"]),
        (POWER | LAMPS, ["option"]),
        (POWER | {"hours_a_year": None}, ["hours_a_year"]),
        (LAMPS | {"system_meters": ()}, ["system_meters"]),
        (POWER | {"stipulated_half_ratio": None}, ["stipulated_half_ratio"]),
        (POWER | {"before_kw": 4.0, "after_kw": 10.0}, ["after_kw"]),
        (LAMPS | {"reference_efficiency": 110.0, "project_efficiency": 60.0}, ["reference_efficiency"]),
    ],
)
def test_what_an_option_lacks_is_named(portfolio, given, where):
    assert faults_of(portfolio, **given) == where


@pytest.mark.parametrize(
    "given",
    [{"stipulated_half_ratio": 1.0}, {"hours_a_year": 9_000.0}, {"reference_efficiency": float("nan")},
     {"before_kw": float("inf")}, {"reference_efficiency": -4.0}, {"option": "D"}, {"method": "TH_AM999"}],
)  # fmt: skip
def test_figures_that_cannot_be_are_refused(given):
    with pytest.raises(ValueError, match=next(iter(given))):
        Project(id="one", agency="a", kind="led", name_th="ก", name_en="A", due_year_be=2570, **given)


def test_a_day_counts_where_energy_and_cooling_are_known():
    energy = np.array([100.0, np.nan, 100.0])
    cooling = np.array([500.0, 500.0, np.nan])
    saved = saved_against_cop(energy, cooling, 4.0, 0.0)
    assert (saved.days, saved.energy_kwh, saved.reference_kwh) == (1, 100.0, 125.0)


def test_a_worse_chiller_than_its_reference_saves_less_than_nothing():
    assert saved_against_cop(np.full(5, 100.0), np.full(5, 300.0), 4.0, 0.0).saved_kwh == pytest.approx(-125.0)


def test_nothing_known_is_no_saving_of_zero():
    nothing = np.full(5, np.nan)
    assert saved_against_cop(nothing, nothing, 4.0, 0.0) is None
    assert saved_against_cop(np.zeros(5), np.zeros(5), 4.0, 0.0) is None
    assert saved_by_efficiency(nothing, 60.0, 120.0, 0.0) is None


def test_the_interval_against_the_year_before_holds_nine_of_ten(recwarn):
    """Months whose ratio spreads by 5 %; the next year's come from the same."""
    rng, inside, trials = np.random.default_rng(3), 0, 400
    for _ in range(trials):
        ratio = 0.2 * (1 + 0.05 * rng.standard_normal(24)).repeat(30)
        cooling = rng.uniform(400, 600, 720)
        energy = ratio * cooling
        saved = saved_against_before(energy[360:], cooling[360:], energy[:360], cooling[:360])
        inside += abs(saved.saved_kwh) <= saved.half_width_kwh
    assert 0.86 <= inside / trials <= 0.94
    assert not recwarn.list


def test_two_months_before_are_no_reference():
    with pytest.raises(InputError, match="2 blocks"):
        saved_against_before(np.ones(60), np.ones(60), np.ones(60), np.ones(60))
