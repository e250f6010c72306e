"""A baseline from paper bills counts the days between reads, and merges an estimate with the bill that makes up for it."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest

from bkkenergy.cli.baseline import load_solar
from bkkenergy.errors import InputError
from bkkenergy.ingest.paper.bill import calendar_month
from bkkenergy.ingest.paper.mapping import BillMapping
from bkkenergy.ingest.paper.read import all_bills, read_bills
from bkkenergy.reports.savings.bills import billed_days, monthly_from_bills, split_by_days
from bkkenergy.site import load_configuration
from bkkenergy.tariff.quantities import read_on, reads_of
from tests.conftest import ROOT

CALENDAR = load_configuration(ROOT / "config").portfolio.calendars["school"]
SOLAR = load_solar(ROOT / "config")


def day_kwh(day):
    """120 kWh a day, 380 more when the school is open, and 15 for each degC of the typical month above 24."""
    temp_c = SOLAR.climate.temp_mean_c.months[day.month - 1]
    return 120 + 380 * CALENDAR.is_open(day) + 15 * max(0.0, temp_c - 24)


def written(tmp_path, reads, *, estimate=None):
    """Write a file of bills between reads, named by the month of the read that ends each.

    estimate : the number of a bill of which 60 % were charged, the rest with the next.
    """
    rows, carried_kwh = ["month,from,to,estimated,kwh"], 0.0
    for number, (first, end) in enumerate(pairwise(reads)):
        days = [first + dt.timedelta(days=n) for n in range((end - first).days)]
        kwh = sum(map(day_kwh, days)) + carried_kwh
        carried_kwh = 0.4 * kwh if number == estimate else 0.0
        rows.append(f"{end:%Y-%m},{first},{days[-1]},{number == estimate},{kwh - carried_kwh:.1f}")
    path = tmp_path / "bills.csv"
    path.write_text("\n".join(rows))
    return path


def read(path):
    """The bills of a file."""
    mapping = BillMapping()
    return all_bills(path, read_bills(path, mapping, account="", this_year=2026, days_of_month=calendar_month))


def baseline_of(path):
    return monthly_from_bills(billed_days(read(path)), CALENDAR, SOLAR, 12)


def spread_ratio(path, *, days=True):
    """CV(RMSE) of the baseline over all bills. days : whether the file's days are read, else its months stand for them."""
    if not days:
        rows = [row.split(",") for row in path.read_text().splitlines()]
        path.write_text("\n".join(f"{row[0]},{row[-1]}" for row in rows))
    return baseline_of(path).cvrmse


def months(day):
    return [read_on(dt.date(2023 + n // 12, n % 12 + 1, 1), day) for n in range(25)]


@pytest.mark.parametrize("read_day", [1, 5, 12, 28, 31])
def test_bills_between_reads_fit_as_well_as_calendar_months(tmp_path, read_day):
    path = written(tmp_path, months(read_day))
    assert spread_ratio(path) < 0.003
    if read_day == 12:
        assert spread_ratio(path, days=False) > 0.1


@pytest.mark.parametrize("estimate", [0, 5, 11, 18])
def test_an_estimated_read_is_merged_with_the_next(tmp_path, estimate):
    path = written(tmp_path, months(12), estimate=estimate)
    assert spread_ratio(path) < 0.003
    result = baseline_of(path)
    assert len(result.rows) == 23


def test_an_estimate_that_nothing_has_made_up_for_yet_is_left_out(tmp_path):
    rows = baseline_of(written(tmp_path, months(12), estimate=23)).rows
    assert len(rows) == 23
    assert spread_ratio(tmp_path / "bills.csv") < 0.003


def test_estimates_in_a_row_are_one_bill_with_the_read_that_ends_them(tmp_path):
    text = written(tmp_path, months(12)).read_text().splitlines()
    (tmp_path / "bills.csv").write_text(
        "\n".join(row.replace("False", "True") if number in {4, 5} else row for number, row in enumerate(text))
    )
    rows = baseline_of(tmp_path / "bills.csv").rows
    assert len(rows) == 22
    assert [row[0] for row in rows[2:5]] == ["2023-04", "2023-07", "2023-08"]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ("month,from,kwh\n2023-02,2023-01-12,1", "`from` and `to` go together"),
        ("month,from,to,kwh\n2023-02,2023-02-12,2023-01-12,1", "before it begins"),
        ("month,from,to,kwh\n2023-02,2023-01-12,2023-02-12,1\n2023-03,2023-02-12,2023-03-11,1", "has not ended"),
        ("month,from,to,kwh\n2023-02,2023-02-30,2023-03-12,1", "is no day"),
        ("month,from,to,kwh\n2023-02,,2023-03-12,1", "`from` and `to` go together"),
        ("month,from,to,estimated,kwh\n2023-02,2023-02-01,2023-03-12,maybe,1", "neither true nor false"),
    ],
)
def test_days_that_cannot_be_are_refused(tmp_path, rows, why):
    (tmp_path / "bills.csv").write_text(rows)
    with pytest.raises(InputError, match=why):
        billed_days(read(tmp_path / "bills.csv"))


@pytest.mark.parametrize("text", ["ต.ค. 2568", "ตุลาคม 2568", "2568-10", "2025-10", " 2568-10 "])
def test_months_and_days_of_the_buddhist_era_are_read(tmp_path, text):
    (tmp_path / "bills.csv").write_text(f"month,from,to,kwh\n{text},2568-09-12,2568-10-11,1", "utf-8")
    (bill,) = read(tmp_path / "bills.csv")
    assert (bill.month, bill.first) == (dt.date(2025, 10, 1), dt.date(2025, 9, 12))


def test_an_estimate_whose_next_bill_is_missing_is_refused(tmp_path):
    text = written(tmp_path, months(12), estimate=4).read_text().splitlines()
    (tmp_path / "bills.csv").write_text("\n".join(row for number, row in enumerate(text) if number != 6))
    with pytest.raises(InputError, match="makes up for an estimated read"):
        baseline_of(tmp_path / "bills.csv")


def test_bills_of_two_accounts_read_on_other_days_make_the_months_that_both_cover(tmp_path):
    """Half of the use on each account, read on the 5th and on the 20th: months by days stay near the calendar's."""
    halves = [billed_days(read(written(tmp_path, months(day)))) for day in (5, 20)]
    joint = split_by_days(halves)
    assert len(joint) == 23
    assert joint[0].first == dt.date(2023, 2, 1)
    for month in joint:
        days = [month.first + dt.timedelta(days=n) for n in range((month.last - month.first).days + 1)]
        assert month.kwh == pytest.approx(2 * sum(map(day_kwh, days)), rel=0.35)
    whole = sum(month.kwh for month in joint)
    days = [joint[0].first + dt.timedelta(days=n) for n in range((joint[-1].last - joint[0].first).days + 1)]
    assert whole == pytest.approx(2 * sum(map(day_kwh, days)), rel=0.01)


def test_a_bill_is_named_by_the_month_of_its_read():
    reads, end = reads_of(dt.date(2026, 2, 1), dt.date(2026, 4, 1), 31)
    assert [(read.first.isoformat(), read.month.month) for read in reads] == [
        ("2026-01-31", 2), ("2026-02-28", 3), ("2026-03-31", 4),
    ]  # fmt: skip
    assert end == dt.date(2026, 4, 30)
