"""Which reports are due, when, and what was missed."""

import datetime as dt

import pytest

from bkkenergy.calendar import BANGKOK
from bkkenergy.jobs.schedule import backoff_s, due_at, due_runs, entry_of, missed, period_before, since
from bkkenergy.settings import ReportSchedule

DAILY = ReportSchedule(kind="day", at="07:00")
MONTHLY = ReportSchedule(kind="month", at="07:30", day=2)
WEEKLY = ReportSchedule(kind="week", at="06:00")
QUARTERLY = ReportSchedule(kind="quarter", at="07:45", day=4)
YEARLY = ReportSchedule(kind="fiscal_year", at="08:00", day=5)


def at(text):
    return dt.datetime.fromisoformat(text).replace(tzinfo=BANGKOK)


@pytest.mark.parametrize(
    ("schedule", "now", "newest"),
    [
        pytest.param(DAILY, "2026-11-24T07:00", "2026-11-23", id="yesterday_at_seven"),
        pytest.param(DAILY, "2026-11-24T06:59", "2026-11-22", id="before_seven_the_day_before"),
        pytest.param(MONTHLY, "2026-11-02T07:30", "2026-10", id="the_month_on_its_day"),
        pytest.param(MONTHLY, "2026-11-02T07:29", "2026-09", id="a_minute_before_the_month_before"),
        pytest.param(MONTHLY, "2027-01-31T12:00", "2026-12", id="over_the_year"),
        pytest.param(WEEKLY, "2026-11-23T06:00", "2026-W47", id="the_week_on_monday"),
        pytest.param(WEEKLY, "2026-11-23T05:59", "2026-W46", id="a_minute_before_the_week_before"),
        pytest.param(WEEKLY, "2027-01-09T12:00", "2026-W53", id="a_week_of_two_years_is_of_the_one_with_its_thursday"),
        pytest.param(QUARTERLY, "2027-01-04T07:45", "FY2570Q1", id="the_quarter_in_the_month_after"),
        pytest.param(QUARTERLY, "2027-01-04T07:44", "FY2569Q4", id="a_minute_before_the_quarter_before"),
        pytest.param(QUARTERLY, "2026-10-31T12:00", "FY2569Q4", id="the_last_quarter_is_of_the_fiscal_year_before"),
        pytest.param(QUARTERLY, "2026-09-30T12:00", "FY2569Q3", id="a_running_quarter_is_not_due"),
        pytest.param(YEARLY, "2026-10-05T08:00", "FY2569", id="the_fiscal_year_in_october"),
        pytest.param(YEARLY, "2026-10-04T12:00", "FY2568", id="not_yet"),
        pytest.param(YEARLY, "2027-03-01T12:00", "FY2569", id="all_through_the_next_year"),
    ],
)
def test_a_service_that_starts_for_the_first_time_owes_the_last_period_alone(schedule, now, newest):
    assert [period.slug for period in missed(schedule, None, at(now), 14)] == [newest]


def test_what_was_missed_since_the_newest_run_is_owed_up_to_a_bound():
    now = at("2026-11-24T09:00")
    owed = missed(DAILY, dt.date(2026, 11, 20), now, 14)
    assert [period.slug for period in owed] == ["2026-11-23", "2026-11-22", "2026-11-21"]
    assert len(missed(DAILY, dt.date(2026, 1, 1), now, 14)) == 14
    assert missed(DAILY, dt.date(2026, 11, 23), now, 14) == []


def test_the_oldest_is_wanted_first_for_every_agency_and_the_city():
    newest = {("day", "a"): dt.date(2026, 11, 21)}
    due = due_runs([DAILY], ["a", "b"], newest, at("2026-11-24T09:00"), 14)
    assert [(own.period.slug, own.agency) for own in due] == [
        ("2026-11-22", "a"), ("2026-11-23", "a"), ("2026-11-23", "b"), ("2026-11-23", "city"),
    ]  # fmt: skip
    assert due[0].due_at == at("2026-11-23T07:00")


def test_a_person_may_ask_for_everything_since_a_day():
    due = since([DAILY, MONTHLY], ["a"], dt.date(2026, 10, 31), at("2026-11-03T09:00"))
    assert {(own.period.slug) for own in due} == {"2026-10-31", "2026-11-01", "2026-11-02"}
    due = since([MONTHLY], ["a"], dt.date(2026, 9, 1), at("2026-11-03T09:00"))
    assert [own.period.slug for own in due if own.agency == "a"] == ["2026-09", "2026-10"]


def test_a_line_for_one_agency_goes_before_the_line_for_all():
    own = ReportSchedule(kind="day", at="09:00", agencies=("health",), formats=("pdf",))
    assert entry_of([DAILY, own], "day", "health") == own
    assert entry_of([DAILY, own], "day", "education") == DAILY
    assert entry_of([own], "day", "education") is None


def test_times_are_bangkoks():
    period = period_before("day", dt.date(2026, 11, 24))
    assert due_at(DAILY, period).astimezone(dt.UTC) == dt.datetime(2026, 11, 24, 0, 0, tzinfo=dt.UTC)


def test_waits_double_up_to_the_most():
    assert [backoff_s(n, 60, 3600) for n in (1, 2, 3, 10)] == [60, 120, 240, 3600]
