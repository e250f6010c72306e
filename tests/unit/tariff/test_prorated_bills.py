"""A bill within which Ft, VAT or rates change is charged by the days of each: 12 April to 11 May has both Ft."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from bkkenergy.library.packaged import figures
from bkkenergy.tariff.bill import bill_of, bills_by_schedules
from bkkenergy.tariff.quantities import BillDays, Quantities
from bkkenergy.tariff.schedule import Ft, Vat

TOU = "mea-3-2-lv"
MAY = dt.date(2026, 5, 1)
READ = BillDays(dt.date(2026, 4, 12), dt.date(2026, 5, 12), 1.0)
LOAD = Quantities(MAY, 30_000.0, 12_000.0, {"on_peak": 90.0, "all": 90.0}, part=READ)


@pytest.fixture
def tariffs():
    return figures().tariffs


def with_figures(tariffs, **changed):
    return tariffs.model_copy(update=changed)


def dated(cls, first, last=None, **values):
    return cls(valid_from=first, valid_to=last, source="a test", grade="V", entered=first, **values)


def test_a_bill_of_april_and_may_has_the_ft_of_both(tariffs):
    """19 of 30 days are in April.

    Energy of April: 19/30 of 30,000 kWh = 19,000 kWh at Ft 0.0972 = 1,846.80; of May 11,000 kWh at 0.1623 = 1,785.30.
    """
    bill = bill_of(LOAD, tariffs.schedules[TOU], tariffs)
    assert [(line.quantity, line.rate_thb, line.amount_thb) for line in bill.lines if line.item == "ft"] == [
        (pytest.approx(19_000.0), 0.0972, 1846.80),
        (pytest.approx(11_000.0), 0.1623, 1785.30),
    ]
    days = [part.quantities.part for part in bill.parts]
    assert [(own.first, own.end) for own in days] == [(READ.first, MAY), (MAY, READ.end)]
    assert [own.share_ratio for own in days] == [pytest.approx(19 / 30), pytest.approx(11 / 30)]


def test_what_does_not_change_costs_what_it_costs_in_one_piece(tariffs):
    """Demand of 90 kW at 210.00 is 18,900.00: 11,970.00 and 6,930.00; the same demand in both parts."""
    schedule = tariffs.schedules[TOU]
    bill = bill_of(LOAD, schedule, tariffs)
    assert [line.amount_thb for line in bill.lines if line.item == "demand"] == [11970.00, 6930.00]
    whole = bill_of(replace(LOAD, part=replace(READ, first=MAY, end=MAY + dt.timedelta(days=30))), schedule, tariffs)
    assert whole.parts == ()
    for item in ("energy_on_peak", "energy_off_peak", "demand", "service"):
        assert bill.amount_thb(item) == pytest.approx(whole.amount_thb(item), abs=0.011)
    assert bill.quantities == LOAD


def test_a_figure_that_is_renewed_unchanged_splits_nothing(tariffs):
    """Ft 0.1623 of May to August and of September to December 2026 are entered apart, and are the same."""
    part = BillDays(dt.date(2026, 8, 12), dt.date(2026, 9, 12), 1.0)
    bill = bill_of(replace(LOAD, month=dt.date(2026, 9, 1), part=part), tariffs.schedules["mea-3-1-lv"], tariffs)
    assert bill.parts == ()
    assert [line.item for line in bill.lines].count("ft") == 1


def test_vat_that_rises_within_a_bill_is_charged_by_the_days_of_each(tariffs):
    """10 of 30 days at 7 %, 20 at 10 %: 7/100 of a third and 10/100 of two thirds of what is before it."""
    part = BillDays(dt.date(2026, 5, 10), dt.date(2026, 6, 9), 1.0)
    rise = dt.date(2026, 5, 20)
    changed = with_figures(
        tariffs,
        vat=(dated(Vat, dt.date(2019, 1, 1), rise - dt.timedelta(days=1), ratio=0.07), dated(Vat, rise, ratio=0.10)),
    )
    bill = bill_of(replace(LOAD, part=part), changed.schedules[TOU], changed)
    before_thb = bill.total_thb - bill.amount_thb("vat")
    assert bill.amount_thb("vat") == pytest.approx(before_thb * (0.07 / 3 + 0.10 * 2 / 3), abs=0.02)


def test_only_the_part_whose_ft_has_expired_is_provisional(tariffs):
    end = dt.date(2026, 4, 30)
    changed = with_figures(tariffs, ft=(dated(Ft, dt.date(2026, 1, 1), end, thb_per_kwh=0.0972),))
    bill = bill_of(LOAD, changed.schedules[TOU], changed)
    first, then = bill.parts
    assert [one.figure for one in first.provisional] == ["off_peak_days"]
    assert [(one.figure, one.standing, one.valid_to) for one in then.provisional] == [
        ("ft", "expired", end), ("off_peak_days", "unsourced", None),
    ]  # fmt: skip
    assert set(bill.provisional) == set(then.provisional)


def test_a_schedule_and_a_ft_that_change_within_one_bill_make_three_parts(tariffs):
    cut = dt.date(2026, 4, 22)
    first = replace(LOAD, energy_kwh=8_000.0, on_peak_kwh=3_000.0, part=BillDays(READ.first, cut, 10 / 30))
    then = replace(LOAD, energy_kwh=22_000.0, on_peak_kwh=9_000.0, part=BillDays(cut, READ.end, 20 / 30))
    schedules = [tariffs.schedules[name] for name in ("mea-3-1-lv", TOU)]
    (bill,) = bills_by_schedules([first, then], schedules, tariffs)
    assert [part.schedule_id for part in bill.parts] == ["mea-3-1-lv", TOU, TOU]
    assert [round(part.quantities.share_ratio * 30, 9) for part in bill.parts] == [10, 9, 11]
    assert sum(part.quantities.energy_kwh for part in bill.parts) == pytest.approx(30_000.0)
    assert bill.total_thb == pytest.approx(sum(part.total_thb for part in bill.parts), abs=1e-6)


def test_blocks_are_filled_by_each_part_as_by_the_whole(tariffs):
    """2,000 kWh on blocks of 150, 250 and the rest: a third of each block in a third of the days."""
    load = replace(LOAD, energy_kwh=2_000.0)
    bill = bill_of(load, tariffs.schedules["mea-2-1-lv"], tariffs)
    rates = tariffs.schedules["mea-2-1-lv"].rates_on(MAY)
    expected = (
        150 * rates.blocks[0].thb_per_kwh + 250 * rates.blocks[1].thb_per_kwh + 1600 * rates.blocks[2].thb_per_kwh
    )
    assert bill.amount_thb("energy") == pytest.approx(expected, abs=0.031)
