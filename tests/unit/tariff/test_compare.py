import datetime as dt

import numpy as np
import pandas as pd
import pytest

from bkkenergy.calendar import BANGKOK
from bkkenergy.tariff.bill import Quantities, bill_of
from bkkenergy.tariff.compare import avoided_thb_per_kwh, check_bill, offers, open_to
from tests.unit.tariff.test_bill import TARIFFS

SCHEDULE = TARIFFS.schedules["mea-3-2-mv"]
MONTH = Quantities(dt.date(2025, 2, 1), 35_000, 20_000, {"all": 150, "on_peak": 120.4})


def test_a_kwh_on_peak_is_worth_its_own_price_with_ft_and_vat():
    starts = pd.DatetimeIndex(["2025-02-03 10:00", "2025-02-03 23:00"]).tz_localize(BANGKOK)
    found = avoided_thb_per_kwh(starts, SCHEDULE, TARIFFS, energy_kwh_a_month=35_000)
    np.testing.assert_allclose(found, [(4.1839 + 0.3672) * 1.07, (2.6037 + 0.3672) * 1.07])
    block = avoided_thb_per_kwh(starts, TARIFFS.schedules["mea-2-1-lv"], TARIFFS, energy_kwh_a_month=300)
    np.testing.assert_allclose(block, (4.2218 + 0.3672) * 1.07)


def test_what_is_worth_of_a_kwh_is_what_the_bill_falls_by():
    less = Quantities(MONTH.month, MONTH.energy_kwh - 100, MONTH.on_peak_kwh - 100, MONTH.demand_kw)
    gap = bill_of(MONTH, SCHEDULE, TARIFFS).total_thb - bill_of(less, SCHEDULE, TARIFFS).total_thb
    on_peak = pd.DatetimeIndex(["2025-02-03 10:00"]).tz_localize(BANGKOK)
    assert gap == pytest.approx(
        100 * avoided_thb_per_kwh(on_peak, SCHEDULE, TARIFFS, energy_kwh_a_month=35_000)[0], abs=0.02
    )


def test_schedules_are_offered_by_size_the_cheapest_first():
    assert {own.id for own in open_to(SCHEDULE, TARIFFS, peak_kw=150, energy_kwh_a_month=35_000)} == {
        "mea-3-1-mv",
        "mea-3-2-mv",
    }
    assert {own.id for own in open_to(SCHEDULE, TARIFFS, peak_kw=1200, energy_kwh_a_month=35_000)} == {
        "mea-4-1-mv",
        "mea-4-2-mv",
    }
    assert {own.id for own in open_to(SCHEDULE, TARIFFS, peak_kw=20, energy_kwh_a_month=3_000)} == {
        "mea-2-1-mv",
        "mea-2-2-mv",
    }
    found = offers([MONTH], open_to(SCHEDULE, TARIFFS, peak_kw=150, energy_kwh_a_month=35_000), TARIFFS)
    assert found[0].total_thb <= found[1].total_thb
    assert {offer.schedule.id: offer.total_thb for offer in found}["mea-3-2-mv"] == bill_of(
        MONTH, SCHEDULE, TARIFFS
    ).total_thb


@pytest.mark.parametrize(
    ("paper", "kwh", "kw", "item", "why"),
    [
        ({"service": 312.24}, None, None, "service", "same"),
        ({"energy_on_peak": 90_000.0}, 36_000, None, "energy_on_peak", "energy: paper 36,000 kWh, metered 35,000 kWh"),
        ({"demand": 17_000.0}, None, 128, "demand", "demand: paper 128 kW, metered 150.0 kW"),
        ({"ft": 13_000.0}, 35_000, None, "ft", "Ft rate: paper 0.3714, ours 0.3672 THB/kWh"),
        ({"vat": 1.0}, None, None, "vat", "follows the items above"),
        ({"service": 100.0}, None, None, "service", "rate or schedule differs"),
        ({"adjustment": 55.0}, None, None, "adjustment", "not in our schedule"),
        ({"total": 162_478.79}, None, None, "total", "same"),
    ],
)  # fmt: skip
def test_differences_are_explained(paper, kwh, kw, item, why):
    found = {own.item: own for own in check_bill(paper, bill_of(MONTH, SCHEDULE, TARIFFS), paper_kwh=kwh, paper_kw=kw)}
    assert found[item].why.startswith(why)
    assert found["energy_off_peak"].why == "not on the paper"
