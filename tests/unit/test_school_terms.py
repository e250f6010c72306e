"""School terms with their years beside closures that come back each year: which of them holds on a day."""

import datetime as dt

import pytest

from bkkenergy.portfolio.models import OpeningCalendar
from bkkenergy.savings.days import DayKind, day_kinds

WEEK = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "07:00-16:30")
YEARLY = [
    {"first": "04-01", "last": "05-15", "name_th": "ปิด", "name_en": "Summer"},
    {"first": "10-11", "last": "10-31", "name_th": "ปิด", "name_en": "Mid-year"},
]


def calendar(*terms, closures=YEARLY, **more):
    named = [{"first": first, "last": last, "name_th": "ภาค", "name_en": "Term"} for first, last in terms]
    return OpeningCalendar.model_validate(
        {"id": "school", "name_th": "ก", "name_en": "s", "source": "s", "hours": WEEK, "terms": named}
        | {"closures": closures, **more}
    )


LATE_YEAR = calendar(("2019-11-01", "2020-03-31"), ("2020-07-01", "2020-11-13"), ("2020-12-01", "2021-04-09"))


@pytest.mark.parametrize(
    ("day", "is_open"),
    [
        ("2020-06-15", False),  # the yearly closure has ended, and the late term has not begun
        ("2020-07-01", True),
        ("2020-10-20", True),  # within a term, though the yearly closure would close it
        ("2020-11-13", True),
        ("2020-11-16", False),
        ("2020-12-01", True),
        ("2021-04-08", True),
        ("2021-04-20", False),  # after the last term the yearly closures hold again
        ("2021-05-17", True),
        ("2019-10-15", False),  # and before the first
        ("2019-09-03", True),
        ("2020-10-23", False),  # a public holiday within a term
    ],
)
def test_terms_of_a_year_go_before_the_closures_of_every_year(day, is_open):
    assert LATE_YEAR.is_open(dt.date.fromisoformat(day)) is is_open


def test_years_without_terms_between_years_with_terms_follow_the_yearly_closures():
    far_apart = calendar(("2020-07-01", "2020-11-13"), ("2026-05-18", "2026-10-09"))
    assert far_apart.is_open(dt.date(2023, 6, 15))
    assert not far_apart.is_open(dt.date(2023, 4, 20))


def test_a_day_that_the_agency_opens_is_open_between_terms():
    opened = calendar(
        ("2026-05-18", "2026-10-09"), ("2026-11-02", "2027-03-31"), open_dates=["2026-10-20"], closed_dates=["2026-09-01"]
    )  # fmt: skip
    days = {day: opened.is_open(dt.date(2026, *day)) for day in ((10, 19), (10, 20), (9, 1), (9, 2))}
    assert list(days.values()) == [False, True, False, True]


def test_days_between_terms_are_holidays_of_the_school_for_a_baseline():
    days = [dt.date(2020, 6, 15), dt.date(2020, 6, 13), dt.date(2020, 7, 8)]
    assert day_kinds(days, LATE_YEAR).tolist() == [DayKind.CLOSURE, DayKind.USUAL, DayKind.USUAL]
