"""Who bills, and where the meter is: PEA does not round demand, and a meter on the low side is raised by 2 %."""

from __future__ import annotations

import datetime as dt

import pytest
from pydantic import ValidationError

from bkkenergy.library.packaged import figures
from bkkenergy.tariff.bill import Quantities, bill_of
from bkkenergy.tariff.compare import offers
from bkkenergy.tariff.paper import PaperBill, check_paper
from bkkenergy.tariff.schedule import Rules, Supply

MV = "mea-3-1-mv"
LOW = Supply(meter_side="low")


@pytest.fixture
def tariffs():
    return figures().tariffs


def load(supply, **changed):
    return Quantities(dt.date(2026, 4, 1), 10_000.0, 0.0, {"all": 49.1}, supply=supply, **changed)


def test_a_meter_on_the_low_side_of_the_customers_transformer_is_raised_by_two_percent(tariffs):
    """10,200 kWh x 3.1471 = 32,100.42; 49.1 kW x 1.02 = 50.082 is 50 kW x 196.26 = 9,813.00; Ft 10,200 x 0.0972 = 991.44.

    With service 312.24 it is 43,217.10, with VAT 3,025.20: 46,242.30. Unraised: 31,471.00, 49 kW 9,616.74, Ft 972.00.
    """
    bill = bill_of(load(LOW), tariffs.schedules[MV], tariffs)
    amounts = {line.item: line.amount_thb for line in bill.lines}
    assert amounts == {"energy": 32100.42, "demand": 9813.00, "service": 312.24, "ft": 991.44, "vat": 3025.20}
    assert bill.total_thb == 46242.30
    assert (bill.quantities.energy_kwh, bill.billed_kwh, bill.raised_ratio) == (10_000.0, 10_200.0, 0.02)
    assert tariffs.low_side.source in bill.source


@pytest.mark.parametrize("side", ["high", None])
def test_a_meter_elsewhere_is_billed_as_it_counts(tariffs, side):
    bill = bill_of(load(Supply(meter_side=side)), tariffs.schedules[MV], tariffs)
    assert (bill.amount_thb("energy"), bill.amount_thb("demand"), bill.raised_ratio) == (31471.00, 9616.74, 0.0)


def test_reactive_power_is_not_raised_and_more_of_it_is_free(tariffs):
    """40 kvar less 0.6197 x 50.082 kW = 31.036 is 8.964, billed as 9; of the unraised 49.1 kW it is 9.573, billed as 10."""
    schedule = tariffs.schedules[MV]
    quantity = [
        next(
            line.quantity
            for line in bill_of(load(supply, peak_kvar=40.0), schedule, tariffs).lines
            if line.item == "power_factor"
        )
        for supply in (LOW, Supply())
    ]
    assert quantity == [9, 10]


def test_what_is_raised_is_raised_once_when_schedules_are_compared(tariffs):
    schedule = tariffs.schedules[MV]
    bill = bill_of(load(LOW), schedule, tariffs)
    assert offers([bill.quantities], [schedule], tariffs)[0].total_thb == bill.total_thb


def test_paper_with_the_raised_energy_is_not_said_to_differ_in_energy(tariffs):
    schedule = tariffs.schedules[MV]
    bill = bill_of(load(LOW), schedule, tariffs)
    why = {
        kwh: next(
            one.why
            for one in check_paper(
                PaperBill(first=bill.month, last=bill.month, energy_kwh=kwh, items_thb={"energy": 1.0}),
                bill,
                schedule,
                tariffs,
            )
            if one.item == "energy"
        )
        for kwh in (10_200.0, 10_000.0)
    }
    assert why[10_200.0].startswith("rate: 0.0001 THB/kWh on the paper")
    assert why[10_000.0].startswith("energy: 10,000 kWh on the paper, 10,200 kWh metered")


@pytest.mark.parametrize(("utility", "kw", "thb"), [("mea", 49, 9616.74), ("pea", 49.1, 9636.37)])
def test_demand_is_rounded_as_the_utility_rounds_it(tariffs, utility, kw, thb):
    """49.1 kW x 196.26 = 9,636.366."""
    bill = bill_of(load(Supply(utility=utility)), tariffs.schedules[MV], tariffs)
    (line,) = (line for line in bill.lines if line.item == "demand")
    assert (line.quantity, line.amount_thb) == (kw, thb)


@pytest.mark.parametrize("steps", [1, {"mea": 1}, {"mea": 1, "pea": 0}, {"mea": 1, "pea": 1, "kea": 1}])
def test_rules_without_a_step_for_each_utility_are_refused(tariffs, steps):
    with pytest.raises(ValidationError, match="demand_rounding_kw"):
        Rules.model_validate(tariffs.rules.model_dump() | {"demand_rounding_kw": steps})
