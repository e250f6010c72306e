"""A paper bill beside ours: each item's difference has its cause."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bkkenergy.tariff.bill import bill_of
from bkkenergy.tariff.paper import PaperBill, billed_kw, check_paper, faults_within
from bkkenergy.tariff.quantities import Quantities
from bkkenergy.tariff.schedule import Supply
from tests.unit.tariff.test_bill import TARIFFS

SCHEDULE = TARIFFS.schedules["mea-3-2-mv"]
MONTH = Quantities(dt.date(2025, 2, 1), 35_000, 20_000, {"all": 150, "on_peak": 120.4})
OURS = bill_of(MONTH, SCHEDULE, TARIFFS)
DAYS = {"first": dt.date(2025, 2, 1), "last": dt.date(2025, 2, 28)}


def paper_of(bill, **changes):
    """The paper that says what a bill of ours says."""
    quantities = bill.quantities
    items = {line.item: bill.amount_thb(line.item) for line in bill.lines}
    body = {
        **DAYS,
        "energy_kwh": quantities.energy_kwh,
        "on_peak_kwh": quantities.on_peak_kwh,
        "off_peak_kwh": quantities.energy_kwh - quantities.on_peak_kwh,
        "demand_kw": billed_kw(bill),
        "items_thb": items,
        "total_thb": bill.total_thb,
    }
    return PaperBill(**body | changes)


def causes(paper, ours=OURS, schedule=SCHEDULE):
    return {one.item: one.causes for one in check_paper(paper, ours, schedule, TARIFFS)}


def test_a_paper_that_says_the_same_differs_in_nothing():
    assert set(causes(paper_of(OURS)).values()) == {("same",)}


def test_a_paper_of_more_energy_differs_by_energy_alone():
    theirs = bill_of(replace(MONTH, energy_kwh=36_000, on_peak_kwh=21_000), SCHEDULE, TARIFFS)
    said = causes(paper_of(theirs))
    assert said["energy_on_peak"] == said["ft"] == ("energy",)
    assert said["energy_off_peak"] == said["demand"] == said["service"] == ("same",)
    assert said["vat"] == ("follows",)
    assert said["total"] == ("energy",)


def test_a_paper_of_an_estimated_read_differs_by_the_estimate():
    theirs = bill_of(replace(MONTH, energy_kwh=21_000, on_peak_kwh=12_000), SCHEDULE, TARIFFS)
    said = causes(paper_of(theirs, is_estimated=True))
    assert said["energy_on_peak"] == said["total"] == ("estimate",)


def test_a_paper_of_another_demand_differs_by_demand():
    theirs = bill_of(replace(MONTH, demand_kw={"all": 150, "on_peak": 131}), SCHEDULE, TARIFFS)
    (line,) = [one for one in check_paper(paper_of(theirs), OURS, SCHEDULE, TARIFFS) if one.item == "demand"]
    assert (line.causes, line.why) == (("demand",), "demand: 131 kW on the paper, 120 kW metered")


def test_a_paper_by_another_schedule_differs_by_rate():
    other = TARIFFS.schedules["mea-3-2-lv"]
    said = check_paper(paper_of(bill_of(MONTH, other, TARIFFS)), OURS, SCHEDULE, TARIFFS)
    (line,) = [one for one in said if one.item == "energy_on_peak"]
    assert line.causes == ("rate",)
    assert line.why == "rate: 4.3297 THB/kWh on the paper, 4.1839 ours"
    assert {one.item for one in said if one.causes == ("rate",)} == {
        "energy_on_peak", "energy_off_peak", "demand", "total",
    }  # fmt: skip


def test_a_paper_of_more_energy_at_another_ft_differs_by_both():
    theirs = bill_of(replace(MONTH, energy_kwh=36_000), SCHEDULE, TARIFFS)
    items = paper_of(theirs).items_thb | {"ft": 36_000 * 0.1972}
    (line,) = [
        one for one in check_paper(paper_of(theirs, items_thb=items), OURS, SCHEDULE, TARIFFS) if one.item == "ft"
    ]
    assert line.causes == ("energy", "rate")
    assert line.why.endswith("rate: 0.1972 THB/kWh on the paper, 0.3672 ours")


def test_an_ft_that_is_not_entered_is_said_of_the_ft_alone():
    ours = bill_of(replace(MONTH, month=dt.date(2031, 2, 1)), SCHEDULE, TARIFFS)
    assert not ours.ft_is_entered
    paper = PaperBill(**DAYS, items_thb={"ft": 1.0, "service": 1.0}, total_thb=9.0)
    said = {one.item: one.why for one in check_paper(paper, ours, SCHEDULE, TARIFFS)}
    assert said["ft"] == "rate: the Ft of these days is not entered in config/tariffs/rules.toml"
    assert said["service"] == "rate: check the schedule of the account"


def test_a_demand_that_no_schedule_charges_is_raised_as_the_energy_is():
    """Metered on the low side of the customer's own transformer."""
    schedule = TARIFFS.schedules["mea-2-1-mv"]
    month = Quantities(dt.date(2025, 2, 1), 35_000, 20_000, {"all": 150.0}, supply=Supply(meter_side="low"))
    bill = bill_of(month, schedule, TARIFFS)
    assert billed_kw(bill) == 150.0 * (1 + bill.raised_ratio) > 150.0


def test_blocks_are_compared_at_the_energy_of_the_paper():
    """Under 2.1 the price of a kWh rises with the month: the mean price says nothing of the rate."""
    schedule = TARIFFS.schedules["mea-2-1-lv"]
    ours = bill_of(Quantities(dt.date(2025, 2, 1), 380.0, 200.0, {}), schedule, TARIFFS)
    theirs = bill_of(Quantities(dt.date(2025, 2, 1), 500.0, 200.0, {}), schedule, TARIFFS)
    paper = PaperBill(**DAYS, energy_kwh=500.0, items_thb={"energy": theirs.amount_thb("energy")})
    assert causes(paper, ours, schedule)["energy"] == ("energy",)


def test_a_total_alone_is_explained_by_the_energy_beside_it():
    theirs = bill_of(replace(MONTH, energy_kwh=36_000, on_peak_kwh=21_000), SCHEDULE, TARIFFS)
    paper = PaperBill(**DAYS, on_peak_kwh=21_000, off_peak_kwh=15_000, total_thb=theirs.total_thb)
    assert causes(paper)["total"] == ("energy",)
    assert causes(PaperBill(**DAYS, energy_kwh=35_000, total_thb=1.0))["total"] == ("rate",)


def test_an_item_that_the_schedule_has_not_is_named():
    said = causes(paper_of(OURS, items_thb=paper_of(OURS).items_thb | {"adjustment": -55.0}, total_thb=None))
    assert said["adjustment"] == ("not_in_schedule",)


def test_a_paper_that_does_not_add_up_is_said_to():
    paper = paper_of(OURS, total_thb=OURS.total_thb + 100)
    assert causes(paper)["total"] == ("sum",)
    assert faults_within(paper) == [
        f"its lines make {OURS.total_thb:,.2f} THB, and the total is {OURS.total_thb + 100:,.2f}"
    ]
    assert faults_within(paper_of(OURS)) == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"last": dt.date(2025, 1, 31)}, "before it begins"),
        ({"last": dt.date(2568, 2, 28)}, "of such a year"),
        ({"last": dt.date(2026, 2, 28)}, "no bill is so long"),
        ({"energy_kwh": None, "on_peak_kwh": 3.0, "total_thb": None}, "neither kWh nor a total"),
        ({"energy_kwh": float("nan")}, "finite"),
        ({"total_thb": 1e12}, "less than"),
        ({"energy_kwh": -1.0}, "greater than or equal"),
        ({"items_thb": {"anything": 1.0}}, "items_thb"),
    ],
)
def test_what_is_no_bill_is_refused(changes, why):
    with pytest.raises(ValidationError, match=why):
        PaperBill.model_validate(DAYS | {"energy_kwh": 1.0, "total_thb": 4.0} | changes)


@given(kwh=st.floats(1, 90_000), on_peak=st.floats(0, 1), kw=st.floats(0, 900))
def test_whatever_the_quantities_on_the_paper_a_bill_by_our_rates_never_differs_by_rate(kwh, on_peak, kw):
    theirs = bill_of(
        replace(MONTH, energy_kwh=kwh, on_peak_kwh=kwh * on_peak, demand_kw={"all": kw, "on_peak": kw}),
        SCHEDULE,
        TARIFFS,
    )
    said = causes(paper_of(theirs))
    gaps = [
        abs(theirs.quantities.energy_kwh - MONTH.energy_kwh),
        abs(theirs.quantities.on_peak_kwh - MONTH.on_peak_kwh),
        abs(billed_kw(theirs) - billed_kw(OURS)),
    ]
    if all(gap > 2 for gap in gaps) and abs(gaps[0] - gaps[1]) > 2:
        assert not any("rate" in cause for cause in said.values())
