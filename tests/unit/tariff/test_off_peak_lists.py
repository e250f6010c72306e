"""Which holidays are off-peak is MEA's list of each year: where it was not read, bills by time of use say so."""

import datetime as dt

import pytest

from bkkenergy.i18n import LANGS, Words
from bkkenergy.library.packaged import figures
from bkkenergy.reports.phrasing import bill_notes
from bkkenergy.site.standings import standings
from bkkenergy.tariff.bill import bill_of
from bkkenergy.tariff.quantities import BillDays, Quantities
from bkkenergy.tariff.schedule import OffPeakYear
from bkkenergy.tariff.windows import off_peak_holidays

TARIFFS = figures().tariffs
LISTED = OffPeakYear(year=2026, source="MEA's list of 2569", grade="V", entered=dt.date(2026, 11, 26))


def marks(month, schedule="mea-3-2-lv", tariffs=TARIFFS, **more):
    bill = bill_of(
        Quantities(month, 1000.0, 500.0, {"all": 40.0, "on_peak": 40.0}, **more), tariffs.schedules[schedule], tariffs
    )
    return [(one.figure, one.standing) for one in bill.provisional]


@pytest.mark.parametrize(
    ("month", "schedule", "is_marked"),
    [
        ((2026, 10), "mea-3-2-lv", True),  # 13 and 23 October
        ((2026, 11), "mea-3-2-lv", False),  # no holiday on a working day
        ((2022, 7), "mea-3-2-lv", False),  # the list of 2565 was read
        ((2023, 7), "mea-3-2-lv", True),  # one day of 2566 is known, not its list
        ((2026, 10), "mea-3-1-lv", False),  # no time of use
    ],
)
def test_a_bill_by_time_of_use_with_holidays_of_a_year_without_a_list_is_provisional(month, schedule, is_marked):
    assert (("off_peak_days", "unsourced") in marks(dt.date(*month, 1), schedule)) is is_marked


def test_a_list_that_is_entered_ends_the_mark():
    listed = TARIFFS.model_copy(update={"off_peak_years": (*TARIFFS.off_peak_years, LISTED)})
    assert marks(dt.date(2026, 10, 1)) == [("off_peak_days", "unsourced")]
    assert marks(dt.date(2026, 10, 1), tariffs=listed) == []


def test_the_days_of_a_bill_from_read_to_read_count_and_not_the_month_it_is_named_by():
    across_new_year = BillDays(dt.date(2026, 11, 12), dt.date(2026, 12, 12), 1.0)
    assert marks(dt.date(2026, 12, 1), part=across_new_year) == [("off_peak_days", "unsourced")]
    without = BillDays(dt.date(2026, 10, 24), dt.date(2026, 11, 24), 1.0)
    assert marks(dt.date(2026, 11, 1), part=without) == []


def test_a_special_holiday_that_came_after_the_list_of_its_year_is_on_peak():
    assert dt.date(2023, 7, 31) not in off_peak_holidays(2023, TARIFFS)
    assert dt.date(2023, 8, 1) in off_peak_holidays(2023, TARIFFS)  # Asarnha Bucha


@pytest.mark.parametrize("lang", LANGS)
def test_a_bill_says_which_list_was_not_read(lang):
    bill = bill_of(
        Quantities(dt.date(2026, 10, 1), 1000.0, 500.0, {"on_peak": 40.0}), TARIFFS.schedules["mea-3-2-lv"], TARIFFS
    )
    assert any("Off Peak" in note or "off-peak" in note for note in bill_notes(bill, "demand", Words(lang)))


def test_a_year_without_a_list_is_no_sourced_figure_of_a_release():
    named = {row.name: row.standing for row in standings(figures(), dt.date(2026, 11, 26))}
    assert named["off-peak days"] == "unsourced"
    assert {row.name: row.standing for row in standings(figures(), dt.date(2022, 7, 1))}["off-peak days"] == "sourced"
