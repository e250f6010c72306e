"""Evidence names its days, a month from a week says so, and a long holiday is announced with what the last one used."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from bkkenergy.i18n import LANGS, Words
from bkkenergy.reports.savings.phrasing import finding_texts, seen_text
from bkkenergy.savings.facts import Facts, Finding
from bkkenergy.savings.insights import find
from bkkenergy.savings.rules_ahead import holiday_ahead, runs_of
from bkkenergy.savings.rules_use import anomaly
from tests.unit.savings.generated import OFFICE
from tests.unit.savings.test_insights import LIMITS, PLANTED, facts, late_to_close, week_up

SONGKRAN = dt.date(2025, 4, 12)
"""A Saturday: to Wednesday the 16th, five days."""


def before_a_holiday(last: str, days: int = 21) -> Facts:
    own = facts(1, last=last)
    ahead = [dt.date.fromisoformat(last) + dt.timedelta(days=number) for number in range(1, days + 1)]
    is_open = np.array([OFFICE.is_open(day) for day in ahead])
    off = np.array([not OFFICE.is_open(day) and day.weekday() < 5 for day in ahead])
    return replace(own, ahead_open=is_open, ahead_off=off)


@pytest.mark.parametrize("rule", PLANTED)
def test_days_of_a_finding_are_days_that_were_looked_at(rule):
    own = facts(2, plant=PLANTED[rule])
    known = {day.date() for day in own.series.day_index}
    for found in find(own, LIMITS):
        assert set(found.days) <= known
        assert list(found.days) == sorted(set(found.days))


def test_late_closing_names_its_five_days_and_links_them():
    (found,) = [one for one in find(facts(3, plant=late_to_close), LIMITS) if one.rule == "overrun"]
    assert len(found.days) == found.evidence["days"] == 5
    assert all(OFFICE.is_open(day) for day in found.days)
    assert found.of_days == 7


@pytest.mark.parametrize("plant", [late_to_close, week_up])
@pytest.mark.parametrize("lang", LANGS)
def test_a_month_that_is_made_of_a_week_says_so(plant, lang):
    found = max(find(facts(3, plant=plant), LIMITS), key=lambda one: one.of_days > 0)
    assert found.of_days == 7
    stakes = finding_texts(found, Words(lang))[3]
    assert "7" in stakes.split("THB")[-1].split("บาท")[-1]


def test_a_day_that_is_odd_is_worth_that_day_and_no_month():
    def odd_day(energy, is_open, hour, temp):
        energy[-24:] *= 1.4

    own = facts(3, plant=odd_day)
    found = anomaly(own, LIMITS)
    assert (found.of_days, found.days) == (1, (dt.date(2025, 9, 26),))
    assert found.energy_kwh_a_month == pytest.approx((own.day_kwh - own.expected_kwh)[-1], rel=0.05)
    assert finding_texts(found, Words("en"))[3].endswith("THB on that day")
    assert finding_texts(found, Words("th"))[3].endswith("บาทในวันนั้น")


def test_what_is_of_a_whole_month_says_nothing_of_days():
    one = Finding(
        "a.b", "closed_days", "warning", dt.date(2025, 9, 1), 100.0, 400.0, {"ratio": 0.6, "usual_ratio": 0.3}
    )
    assert finding_texts(one, Words("en"))[3] == "100 kWh and 400 THB per month"


@pytest.mark.parametrize("lang", LANGS)
def test_many_days_are_named_up_to_seven_and_the_others_counted(lang):
    days = tuple(dt.date(2025, 9, number) for number in range(1, 12))
    one = Finding("a.b", "closed_days", "warning", days[0], 100.0, 400.0, {"ratio": 0.6, "usual_ratio": 0.3}, days)
    text = seen_text(one, Words(lang))
    assert Words(lang).date(days[-1]) in text
    assert "4" in text
    assert Words(lang).date(days[0]) in seen_text(replace(one, days=()), Words(lang))


@pytest.mark.parametrize(("last", "is_said"), [("2025-04-08", False), ("2025-04-09", True), ("2025-04-10", True), ("2025-04-11", True), ("2025-04-12", False)])  # fmt: skip
def test_a_long_holiday_is_announced_from_three_days_before_until_it_begins(last, is_said):
    found = holiday_ahead(before_a_holiday(last), LIMITS)
    assert (found is not None) == is_said
    if found is not None:
        assert (found.since, found.evidence["days"]) == (SONGKRAN, 5)


def test_the_reminder_says_what_the_last_long_holiday_used():
    own = before_a_holiday("2025-04-11")
    found = holiday_ahead(own, LIMITS)
    rows = [row for row, day in enumerate(own.series.day_index) if day.date() in found.days]
    assert not own.is_open[rows].any()
    assert found.evidence["kwh_a_day"] == pytest.approx(own.day_kwh[rows].mean())
    assert found.evidence["mean_kw"] == pytest.approx(own.day_kwh[rows].mean() / 24)
    hours = own.series.energy_kwh.reshape(-1, 24)[rows] * own.thb_per_kwh.reshape(-1, 24)[rows]
    assert found.evidence["cost_thb"] == pytest.approx(hours.sum())
    assert (found.energy_kwh_a_month, found.cost_thb_a_month) == (0, 0)


def test_a_weekend_is_no_long_holiday_and_nothing_is_said_without_a_calendar():
    assert holiday_ahead(before_a_holiday("2025-06-13"), LIMITS) is None
    assert holiday_ahead(facts(1, last="2025-04-11"), LIMITS) is None


def test_a_long_holiday_after_which_nothing_was_measured_is_passed_over():
    own = before_a_holiday("2025-04-11")
    nothing = replace(own, series=replace(own.series, energy_kwh=np.full(len(own.series.starts), np.nan)))
    assert holiday_ahead(nothing, LIMITS) is None


def test_a_break_at_either_end_is_whole():
    closed = np.array([1, 1, 1, 0, 1, 1, 1], bool)
    assert runs_of(closed, closed) == [range(3), range(4, 7)]
    assert runs_of(np.zeros(0, bool), np.zeros(0, bool)) == []


@pytest.mark.parametrize("lang", LANGS)
def test_the_reminder_has_its_words(lang):
    found = holiday_ahead(before_a_holiday("2025-04-11"), LIMITS)
    name, what, todo, stakes = finding_texts(found, Words(lang))
    assert "5" in what
    assert name
    assert todo
    assert stakes == ""
    assert Words(lang).date(SONGKRAN) in seen_text(found, Words(lang))
