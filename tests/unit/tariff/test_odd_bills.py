"""Bills that are no plain month: VAT that changes within, PEA's low side, a credit above the bill, thirteen a year."""

import datetime as dt

import pytest

from bkkenergy.library.packaged import figures
from bkkenergy.tariff.bill import bill_of
from bkkenergy.tariff.paper import PaperBill, faults_within
from bkkenergy.tariff.quantities import BillDays, Quantities
from bkkenergy.tariff.schedule import Supply, Vat
from tests.unit.savings.test_bills_by_read_dates import baseline_of

TARIFFS = figures().tariffs
TOU = TARIFFS.schedules["mea-3-2-mv"]
OCTOBER = BillDays(dt.date(2026, 10, 12), dt.date(2026, 11, 12), 1.0)


def with_vat_of_ten_from(day):
    ended = TARIFFS.vat[-1].model_copy(update={"valid_to": day - dt.timedelta(days=1)})
    ten = Vat(valid_from=day, ratio=0.10, source="by law without a decree", grade="V", entered=day)
    return TARIFFS.model_copy(update={"vat": (*TARIFFS.vat[:-1], ended, ten)})


def test_vat_that_changes_between_two_reads_goes_by_days_and_all_else_stays():
    load = Quantities(dt.date(2026, 11, 1), 30_000.0, 15_000.0, {"all": 120.0, "on_peak": 110.0}, part=OCTOBER)
    plain, changed = bill_of(load, TOU, TARIFFS), bill_of(load, TOU, with_vat_of_ten_from(dt.date(2026, 10, 20)))
    first, then = changed.parts
    assert [part.quantities.days.first for part in changed.parts] == [dt.date(2026, 10, 12), dt.date(2026, 10, 20)]
    assert changed.amount_thb("demand") == pytest.approx(plain.amount_thb("demand"), abs=0.01)
    before_vat = [part.total_thb - part.amount_thb("vat") for part in (first, then)]
    assert sum(before_vat) == pytest.approx(plain.total_thb - plain.amount_thb("vat"), abs=0.03)
    assert first.amount_thb("vat") == pytest.approx(0.07 * before_vat[0], abs=0.01)
    assert then.amount_thb("vat") == pytest.approx(0.10 * before_vat[1], abs=0.01)


def test_pea_bills_the_raised_demand_of_a_low_side_as_it_was_measured():
    month = Quantities(dt.date(2026, 10, 1), 1000.0, 400.0, {"on_peak": 25.09}, supply=Supply("pea", "low"))
    (demand,) = [line for line in bill_of(month, TOU, TARIFFS).lines if line.item == "demand"]
    assert demand.quantity == pytest.approx(25.59)  # 25.09 x 1.02 = 25.5918


def test_a_month_without_energy_costs_its_service_and_vat():
    idle = bill_of(Quantities(dt.date(2026, 10, 1), 0.0, 0.0, {"all": 0.0, "on_peak": 0.0}), TOU, TARIFFS)
    assert idle.total_thb == pytest.approx(312.24 * 1.07, abs=0.005)


def test_a_credit_above_the_bill_makes_a_total_below_zero_and_is_no_fault():
    items = {"energy": 400.0, "vat": 28.0, "adjustment": -900.0}
    paper = PaperBill(
        first=dt.date(2026, 9, 1), last=dt.date(2026, 9, 30), energy_kwh=100, items_thb=items, total_thb=-472.0
    )
    assert faults_within(paper) == []
    assert faults_within(paper.model_copy(update={"total_thb": 428.0})) != []


def test_thirteen_bills_of_four_weeks_in_a_year_make_a_baseline_as_months_do(tmp_path):
    rows, first = ["month,from,to,kwh"], dt.date(2024, 1, 1)
    for _ in range(26):
        days = [first + dt.timedelta(days=number) for number in range(28)]
        kwh = sum(400 if day.weekday() < 5 else 100 for day in days)
        rows.append(f"{days[-1]:%Y-%m},{first},{days[-1]},{kwh}")
        first = days[-1] + dt.timedelta(days=1)
    (tmp_path / "bills.csv").write_text("\n".join(rows))
    baseline = baseline_of(tmp_path / "bills.csv")
    assert len(baseline.rows) == 26
    assert baseline.cvrmse < 0.01
