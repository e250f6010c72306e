"""The city's year in baht: the sum of its agencies', with what is shared and what is not in its interval."""

import datetime as dt
from dataclasses import fields, replace
from itertools import pairwise
from math import hypot

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkkenergy.i18n import LANGS, Words
from bkkenergy.reports.budget import BudgetMonth, BudgetYear, budget_sentences, city_budget
from bkkenergy.reports.city import city_report
from bkkenergy.reports.content import AgencyReport
from tests.unit.reports.conftest import NOW
from tests.unit.reports.test_full import PLACEBO, full
from tests.unit.reports.test_render import Text, page_of

FIRST, LAST, UNTIL = dt.date(2025, 10, 1), dt.date(2026, 9, 30), dt.date(2026, 3, 31)
SHARED = {
    "schema", "period_kind", "first_day", "last_day", "rate_thb_per_kwh", "rate", "kg_co2e_per_kwh", "factors",
    "compared_weeks", "min_coverage_ratio", "notable_change_ratio", "placebo_source", "placebo_source_th", "target",
}  # fmt: skip
"""What is the same in every agency's report of a period, so that the city may have that of the first."""
HALVES = st.floats(0, 1e7)


def year(measured=600.0, forecast=400.0, own=30.0, common=40.0, **more):
    months = (BudgetMonth(FIRST, measured, 0.0), BudgetMonth(dt.date(2026, 9, 1), 0.0, forecast))
    known = BudgetYear(
        FIRST, LAST, UNTIL, months, hypot(own, common), 1.0, 2000.0, 100.0, 2, 2, None,
        is_provisional=False, own_half_thb=own, common_half_thb=common,
    )  # fmt: skip
    return replace(known, **more)


def of_city(*years):
    return city_budget([(one, 2) for one in years])


def test_the_city_s_year_is_the_sum_and_its_interval_joins_own_and_shared_errors():
    city = of_city(year(), year(measured=900.0, own=40.0, common=60.0))
    assert (city.measured_thb, city.forecast_thb, city.budget_thb) == (1500.0, 800.0, 4000.0)
    assert city.half_width_thb == pytest.approx(hypot(30, 40, 100)), "each one's own as independent, the shared added"
    assert city.city.independent_half_thb == pytest.approx(hypot(30, 40, 40, 60))
    assert city.city.together_half_thb == pytest.approx(50 + hypot(40, 60))
    assert city.verdict == "within"


@given(st.lists(st.tuples(HALVES, HALVES), min_size=1, max_size=50))
def test_the_city_s_interval_lies_between_independent_and_together(parts):
    city = of_city(*(year(own=own, common=common) for own, common in parts))
    outer = (city.city.independent_half_thb, city.half_width_thb, city.city.together_half_thb)
    assert all(one <= after * (1 + 1e-9) + 1e-9 for one, after in pairwise(outer))


def test_the_city_has_a_budget_where_every_agency_has_one():
    lacking = of_city(year(), year(budget_thb=None))
    assert (lacking.budget_thb, lacking.verdict) == (None, "no_budget")
    assert "for 1 of 2 agencies" in budget_sentences(lacking, Words("en"))[1]
    unknown = of_city(year(), None)
    assert (unknown.budget_thb, unknown.building_count, unknown.all_count) == (None, 2, 4)


def test_a_city_that_is_mostly_without_baselines_has_no_interval():
    city = of_city(year(forecast=100.0), year(forecast=900.0, modelled_ratio=0.5, half_width_thb=None))
    assert (city.half_width_thb, city.city.together_half_thb, city.verdict) == (None, None, "no_interval")
    assert of_city(year(forecast=9900.0), year(forecast=100.0, modelled_ratio=0.5)).half_width_thb is not None


def test_years_of_earlier_reports_give_the_widest_interval():
    early = year(own_half_thb=None, common_half_thb=None)
    assert of_city(early, early).half_width_thb == pytest.approx(100.0)


def test_years_that_are_not_the_same_one_are_not_summed():
    assert of_city(year(), year(first_day=dt.date(2024, 10, 1))) is None
    assert of_city(None) is None


@pytest.mark.parametrize("lang", LANGS)
def test_the_city_s_report_says_its_own_budget_and_no_agency_s(scene, lang):
    report, words = full(scene.report()), Words(lang)
    agencies = [replace(report, budget=year()), replace(report, agency_id="b", budget=year(measured=7e6))]
    city = city_report(agencies, PLACEBO, names=("เมือง", "City"), missing={}, generated_at=NOW)
    text = " ".join(" ".join(Text(page_of(city, lang)).words).split())
    for sentence in budget_sentences(of_city(*(one.budget for one in agencies)), words):
        assert sentence in text
    assert words.number(7000600.0) in text


def test_the_city_takes_nothing_from_its_first_agency_but_what_all_share(scene):
    """What is set in the first alone, and is not summed, would be said of the whole city."""
    report = full(scene.report())
    marked = replace(report, budget=year(), savings_first_day=dt.date(2026, 1, 1))
    names = {field.name for field in fields(AgencyReport)} - SHARED
    other = replace(report, agency_id="b", budget=None, savings_first_day=dt.date(2025, 1, 1))
    one, two = (
        city_report(pair, PLACEBO, names=("เมือง", "City"), missing={}, generated_at=NOW)
        for pair in ([marked, other], [other, marked])
    )
    assert [name for name in sorted(names) if sorted_of(getattr(one, name)) != sorted_of(getattr(two, name))] == []


def sorted_of(value):
    """The same whichever agency comes first."""
    return (
        sorted(map(repr, value.items() if isinstance(value, dict) else value))
        if isinstance(value, (tuple, dict))
        else repr(value)
    )
