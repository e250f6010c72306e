import datetime as dt

import pandas as pd
import pytest

from bkkenergy.calendar import (
    BANGKOK,
    STEPS,
    Period,
    buddhist_year,
    edges,
    in_yearly_spans,
    thai_holidays,
    timestamp_us,
)

TODAY = dt.date(2026, 11, 24)


@pytest.mark.parametrize(
    ("text", "first", "last", "slug"),
    [
        pytest.param("2026-11-23", "2026-11-23", "2026-11-23", "2026-11-23", id="a_day"),
        pytest.param("yesterday", "2026-11-23", "2026-11-23", "2026-11-23", id="yesterday"),
        pytest.param("2026-02", "2026-02-01", "2026-02-28", "2026-02", id="a_month"),
        pytest.param("2026-W48", "2026-11-23", "2026-11-29", "2026-W48", id="a_week"),
        pytest.param("2026-W53", "2026-12-28", "2027-01-03", "2026-W53", id="a_week_of_two_years"),
        pytest.param("FY2570Q1", "2026-10-01", "2026-12-31", "FY2570Q1", id="a_quarter"),
        pytest.param("fy2570q4", "2027-07-01", "2027-09-30", "FY2570Q4", id="the_last_quarter"),
        pytest.param("FY2570", "2026-10-01", "2027-09-30", "FY2570", id="fiscal_year_is_named_by_its_end"),
        pytest.param("2026-11-01..2026-11-15", "2026-11-01", "2026-11-15", "2026-11-01..2026-11-15", id="two_days"),
    ],
)
def test_a_period_is_what_a_person_writes(text, first, last, slug):
    period = Period.parse(text, today=TODAY)
    assert (period.first_day.isoformat(), period.last_day.isoformat(), period.slug) == (first, last, slug)
    assert Period.of(str(period)) == period, "what is written is read again as the same"


@pytest.mark.parametrize(
    "text",
    [
        "2026-13",
        "tomorrow",
        "2026-11-31",
        "2026-11-15..2026-11-01",
        "",
        "FY25",
        "FY2570Q5",
        "FY2570Q0",
        "0001-01-01",
        "1000-01-01..2026-01-01",
        "0001-W01",
        "2026-W54",
        "2027-W53",
    ],
)
def test_a_period_that_is_none_says_what_is_accepted(text):
    with pytest.raises(ValueError, match="2026|Swap"):
        Period.parse(text, today=TODAY)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("2569-10", "2026"),
        ("2569-10-01", "2026"),
        ("2569-10-01..2569-10-31", "2026"),
        ("FY2027", "FY2570"),
        ("fy2026", "FY2569"),
        ("FY2027Q1", "FY2570"),
        ("2569-W48", "2026"),
    ],
)
def test_a_year_of_the_other_era_is_refused_with_the_right_one(text, remedy):
    with pytest.raises(ValueError, match=f"Write {remedy}"):
        Period.parse(text, today=TODAY)


def test_a_naive_period_is_refused():
    with pytest.raises(ValueError, match="no time zone"):
        Period(pd.Timestamp("2026-11-23"), pd.Timestamp("2026-11-24"))


def test_a_day_in_bangkok_begins_at_17_utc():
    assert Period.day(TODAY).start == pd.Timestamp("2026-11-23T17:00Z")


@pytest.mark.parametrize("step", STEPS)
def test_edges_of_every_step_span_the_month(step):
    month = Period.month(2026, 11)
    found = edges(month, step)
    assert (found[0], found[-1]) == (month.start, month.end)
    assert len(found) - 1 == {"5min": 8640, "15min": 2880, "30min": 1440, "60min": 720, "day": 30, "month": 1}[step]


def test_a_day_is_no_whole_number_of_months():
    with pytest.raises(ValueError, match="shorter step"):
        edges(Period.day(TODAY), "month")


def test_microseconds_count_from_1970_in_utc():
    assert timestamp_us(pd.Timestamp("1970-01-01T07:00", tz=BANGKOK)) == 0


def test_2026_is_2569_of_the_buddhist_era():
    assert buddhist_year(2026) == 2569


def test_thai_holidays_have_names_in_both_languages():
    songkran = dt.date(2026, 4, 13)
    assert "สงกรานต์" in thai_holidays(2026, "th")[songkran]
    assert "Songkran" in thai_holidays(2026, "en")[songkran]
    assert dt.date(2026, 12, 7) in thai_holidays(2026, "en"), "the substitution day counts"


@pytest.mark.parametrize(
    ("day", "inside"),
    [("2026-12-31", True), ("2027-01-02", True), ("2027-01-03", False), ("2026-12-29", False)],
)
def test_a_yearly_span_may_run_over_new_year(day, inside):
    assert in_yearly_spans(dt.date.fromisoformat(day), [("12-30", "01-02")]) is inside


@pytest.mark.parametrize("day", [dt.date(2026, 5, 1), dt.date(2021, 5, 3), dt.date(2022, 5, 2), dt.date(2027, 5, 3)])
def test_the_substitute_of_labour_day_closes_nothing_that_labour_day_does_not(day):
    assert day not in thai_holidays(day.year, "en")
    assert day not in thai_holidays(day.year, "th")


def test_a_day_with_two_names_is_off_where_one_of_them_is():
    assert dt.date(2021, 12, 6) in thai_holidays(2021, "en")
    assert dt.date(2022, 5, 16) in thai_holidays(2022, "en"), "the substitute of another holiday"
