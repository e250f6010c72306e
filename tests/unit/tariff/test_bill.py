"""Bills worked by hand from the schedules of September 2023, as entered in config/tariffs with their source."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError
from bkkenergy.site.figures import load_figures
from bkkenergy.tariff.bill import bill_of, bills_of, whole_kw
from bkkenergy.tariff.quantities import Quantities, quantities_of
from bkkenergy.tariff.windows import off_peak_holidays, window_masks
from tests.conftest import ROOT

TARIFFS = load_figures(ROOT / "config").tariffs


def month(year, number, energy, on_peak_kwh=0.0, peak_kvar=None, highest=None, **demand):
    return Quantities(dt.date(year, number, 1), energy, on_peak_kwh, demand, peak_kvar, highest)


def amounts(bill):
    return [(line.item, line.amount_thb) for line in bill.lines]


def test_small_general_by_blocks():
    bill = bill_of(month(2024, 6, 500), TARIFFS.schedules["mea-2-1-lv"], TARIFFS)
    # 150 x 3.2484; 250 x 4.2218; 100 x 4.4217; Ft 500 x 0.3972; VAT 7 % of 2,216.77
    assert amounts(bill) == [
        ("energy", 487.26), ("energy", 1055.45), ("energy", 442.17), ("service", 33.29), ("ft", 198.60), ("vat", 155.17),
    ]  # fmt: skip
    assert bill.total_thb == 2371.94


def test_medium_tou_with_demand_on_peak():
    bill = bill_of(month(2025, 2, 35_000, 20_000, all=150, on_peak=120.4), TARIFFS.schedules["mea-3-2-mv"], TARIFFS)
    assert amounts(bill) == [
        ("energy_on_peak", 83_678.00), ("energy_off_peak", 39_055.50), ("demand", 15_951.60),
        ("service", 312.24), ("ft", 12_852.00), ("vat", 10_629.45),
    ]  # fmt: skip
    assert bill.total_thb == 162_478.79


def test_least_demand_charge_is_70_percent_of_the_highest_of_12_months():
    bill = bill_of(
        month(2025, 2, 35_000, 20_000, highest=30_000.0, on_peak=120.4), TARIFFS.schedules["mea-3-2-mv"], TARIFFS
    )
    assert bill.amount_thb("minimum") == 5_048.40  # 21,000.00 - 15,951.60
    assert bill.amount_thb("vat") == 10_982.84  # 7 % of 156,897.74


def test_the_least_charge_is_of_twelve_months_that_end_with_the_current_one():
    """January 2024 counts up to December: January 2025 has the eleven months before it, and itself."""
    months = [month(2024, 1, 1000, on_peak=100)] + [
        month(2024 + n // 12, n % 12 + 1, 1000, on_peak=10) for n in range(1, 14)
    ]
    bills = bills_of(months, TARIFFS.schedules["mea-3-2-mv"], TARIFFS)
    assert [bill.amount_thb("minimum") for bill in bills[:2]] == [0, round(0.7 * 13_293.00 - 1_329.30, 2)]
    assert bills[11].amount_thb("minimum") > 0
    assert bills[12].amount_thb("minimum") == 0


def test_a_month_that_is_missing_does_not_lengthen_the_twelve():
    peak, april = month(2024, 3, 1000, on_peak=100), month(2025, 4, 1000, on_peak=10)
    bills = bills_of([peak, april], TARIFFS.schedules["mea-3-2-mv"], TARIFFS)
    assert bills[1].amount_thb("minimum") == 0
    bills = bills_of([peak, month(2025, 2, 1000, on_peak=10)], TARIFFS.schedules["mea-3-2-mv"], TARIFFS)
    assert bills[1].amount_thb("minimum") > 0


@pytest.mark.parametrize(
    ("floor", "minimum_thb", "total_thb"), [("demand", 29_439.00, 86_090.53), ("electricity", 0.0, 54_590.80)]
)
def test_a_school_that_is_closed_in_april_by_both_readings_of_the_least_charge(floor, minimum_thb, total_thb):
    """3.1 at 12-24 kV, April 2026: 60 kW, 12 MWh, highest 300 kW.

    Energy 12,000 x 3.1471 = 37,765.20; demand 60 x 196.26 = 11,775.60; service 312.24; Ft 12,000 x 0.0972 = 1,166.40.
    Least: 0.7 x 300 x 196.26 = 41,214.60, which demand lacks by 29,439.00; energy and demand, 49,540.80, do not lack.
    Sum 51,019.44, with VAT 3,571.36 is 54,590.80; with 29,439.00 it is 80,458.44, with VAT 5,632.09 is 86,090.53.
    """
    tariffs = TARIFFS.model_copy(update={"rules": TARIFFS.rules.model_copy(update={"minimum_floor": floor})})
    busy, closed = month(2025, 11, 60_000, all=300), month(2026, 4, 12_000, all=60)
    bill = bills_of([busy, closed], tariffs.schedules["mea-3-1-mv"], tariffs)[1]
    assert bill.amount_thb("minimum") == minimum_thb
    assert bill.total_thb == total_thb


def test_what_energy_and_demand_lack_to_the_least_charge_is_charged_by_the_wider_reading():
    """1,000 kWh x 3.1471 = 3,147.10 and 10 kW x 196.26 = 1,962.60 lack 36,104.90 to 41,214.60."""
    tariffs = TARIFFS.model_copy(update={"rules": TARIFFS.rules.model_copy(update={"minimum_floor": "electricity"})})
    bill = bills_of(
        [month(2025, 11, 60_000, all=300), month(2026, 4, 1_000, all=10)], tariffs.schedules["mea-3-1-mv"], tariffs
    )[1]
    assert bill.amount_thb("minimum") == 36_104.90


def test_large_tod_charges_only_the_excess_of_the_partial_window():
    bill = bill_of(
        month(2025, 2, 200_000, all=950, tod_peak=400, tod_partial=950), TARIFFS.schedules["mea-4-1-mv"], TARIFFS
    )
    assert amounts(bill)[:3] == [("energy", 629_420.00), ("demand", 114_020.00), ("demand_partial", 32_384.00)]
    less = bill_of(
        month(2025, 2, 200_000, all=400, tod_peak=400, tod_partial=300), TARIFFS.schedules["mea-4-1-mv"], TARIFFS
    )
    assert less.amount_thb("demand_partial") == 0


@pytest.mark.parametrize(("kvar", "thb"), [(61.97, 0), (62.4, 0), (80, 1009.26), (None, 0)])
def test_reactive_power_beyond_its_free_share(kvar, thb):
    bill = bill_of(month(2025, 2, 20_000, peak_kvar=kvar, all=100), TARIFFS.schedules["mea-3-1-lv"], TARIFFS)
    assert bill.amount_thb("power_factor") == thb


@pytest.mark.parametrize(("kw", "billed"), [(0, 0), (10.49, 10), (10.5, 11), (10.51, 11), (11.0, 11)])
def test_half_a_kilowatt_counts_as_one(kw, billed):
    assert whole_kw(kw, 1) == billed


def test_ft_of_a_month_that_is_not_entered_says_so():
    known = bill_of(month(2026, 12, 100), TARIFFS.schedules["mea-2-1-mv"], TARIFFS)
    later = bill_of(month(2027, 2, 100), TARIFFS.schedules["mea-2-1-mv"], TARIFFS)
    assert (known.ft_is_entered, later.ft_is_entered) == (True, False)
    assert later.ft_thb_per_kwh == known.ft_thb_per_kwh == 0.1623
    assert [(one.figure, one.standing) for one in later.provisional] == [("ft", "expired")]


def test_a_figure_from_memory_makes_a_bill_provisional():
    bill = bill_of(month(2021, 10, 100), TARIFFS.schedules["mea-2-1-mv"], TARIFFS)
    assert [(one.figure, one.standing) for one in bill.provisional] == [("ft", "unsourced")]


def test_rates_that_another_list_follows_are_provisional_after_their_end():
    held, after = (bill_of(month(2026, n, 100), TARIFFS.schedules["mea-2-1-lv"], TARIFFS) for n in (8, 9))
    assert held.provisional == ()
    assert [(one.figure, one.valid_to) for one in after.provisional] == [("rates", dt.date(2026, 8, 31))]


def test_no_baht_is_given_before_the_first_known_ft():
    with pytest.raises(InputError, match=r"No baht can be given for 2018-12-01: .* hold from 2019-01-01"):
        bill_of(month(2018, 12, 100), TARIFFS.schedules["mea-2-1-mv"], TARIFFS)


def test_service_of_schedule_2_was_46_16_before_may_2023():
    amounts_thb = [
        bill_of(month(2023, number, 100), TARIFFS.schedules["mea-2-1-lv"], TARIFFS).amount_thb("service")
        for number in (4, 5)
    ]
    assert amounts_thb == [46.16, 33.29]


def test_two_figures_that_hold_on_one_day_are_refused():
    ft = TARIFFS.ft[-1]
    with pytest.raises(ValueError, match="two hold from 2026-10-01 on"):
        TARIFFS.model_validate(
            dict(TARIFFS) | {"ft": (*TARIFFS.ft, ft.model_copy(update={"valid_from": dt.date(2026, 10, 1)}))}
        )


def test_substitution_days_and_royal_ploughing_day_are_no_off_peak_days():
    days = off_peak_holidays(2026, TARIFFS)
    assert {dt.date(2026, 5, 1), dt.date(2026, 12, 10), dt.date(2026, 4, 14)} <= days
    # 7 December is the substitution day of the 5th; 13 May is Royal Ploughing Day.
    assert not {dt.date(2026, 12, 7), dt.date(2026, 5, 13)} & days


@pytest.mark.parametrize(
    ("day", "is_off_peak"),
    [
        ("2021-02-12", True), ("2021-04-12", True), ("2022-07-15", True), ("2026-01-02", True),
        ("2021-10-22", False), ("2021-10-21", False), ("2021-09-24", False), ("2021-05-03", False),
    ],
)  # fmt: skip
def test_special_holidays_of_the_cabinet_are_off_peak_as_in_the_lists_of_2564_and_2565(day, is_off_peak):
    asked = dt.date.fromisoformat(day)
    assert (asked in off_peak_holidays(asked.year, TARIFFS)) == is_off_peak


@pytest.mark.parametrize(
    ("instant", "on_peak"),
    [
        ("2026-11-24 08:45", False), ("2026-11-24 09:00", True), ("2026-11-24 21:45", True), ("2026-11-24 22:00", False),
        ("2026-11-28 12:00", False), ("2026-12-10 12:00", False), ("2026-12-07 12:00", True),
    ],
)  # fmt: skip
def test_on_peak_is_a_working_day_from_9_to_22(instant, on_peak):
    starts = pd.DatetimeIndex([pd.Timestamp(instant, tz=BANGKOK)]).tz_convert("UTC")
    assert window_masks(starts, TARIFFS)["on_peak"][0] == on_peak


@given(st.lists(st.floats(0, 500), min_size=96, max_size=96), st.sampled_from(sorted(TARIFFS.schedules)))
def test_a_bill_is_the_sum_of_its_lines_and_more_energy_never_costs_less(powers, name):
    starts = pd.date_range("2025-03-04", periods=96, freq="15min", tz=BANGKOK)
    energy = np.array(powers) / 4
    schedule = TARIFFS.schedules[name]
    (own,) = quantities_of(energy, starts, TARIFFS)
    (more,) = quantities_of(energy + 1, starts, TARIFFS)
    assert own.energy_kwh == pytest.approx(energy.sum())
    bill = bill_of(own, schedule, TARIFFS)
    assert bill.total_thb == pytest.approx(sum(line.amount_thb for line in bill.lines), abs=1e-6)
    assert bill_of(more, schedule, TARIFFS).total_thb > bill.total_thb


def test_months_are_those_of_bangkok():
    starts = pd.date_range("2025-02-28 23:30", periods=4, freq="15min", tz=BANGKOK).tz_convert("UTC")
    found = quantities_of(np.array([1.0, 2, 4, 8]), starts, TARIFFS)
    assert [(item.month, item.energy_kwh, item.demand_kw["all"]) for item in found] == [
        (dt.date(2025, 2, 1), 3.0, 8.0),
        (dt.date(2025, 3, 1), 12.0, 32.0),
    ]
