import datetime as dt

import numpy as np
import pandas as pd
import pytest

from bkkenergy.calendar import BANGKOK
from bkkenergy.tariff.bill import bill_of, bills_of
from bkkenergy.tariff.compare import avoided_thb_per_kwh, offers, open_to, site_change
from bkkenergy.tariff.quantities import Quantities
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


def year_of(kw, kwh, months=12):
    return [Quantities(dt.date(2025, n, 1), kwh, kwh / 2, {"all": kw, "on_peak": kw}) for n in range(1, months + 1)]


@pytest.mark.parametrize(
    ("today", "kw", "kwh", "months", "open_ones"),
    [
        ("mea-3-2-mv", 150, 35_000, 12, {"mea-3-2-mv"}),
        ("mea-3-1-mv", 150, 35_000, 12, {"mea-3-1-mv", "mea-3-2-mv"}),
        ("mea-3-2-mv", 1200, 35_000, 12, {"mea-3-2-mv", "mea-4-2-mv"}),
        ("mea-3-2-mv", 600, 260_000, 12, {"mea-3-2-mv", "mea-4-2-mv"}),
        ("mea-3-2-mv", 20, 3_000, 12, {"mea-2-1-mv", "mea-2-2-mv", "mea-3-2-mv"}),
        ("mea-3-2-mv", 20, 3_000, 11, {"mea-3-2-mv"}),
        ("mea-2-1-mv", 20, 3_000, 2, {"mea-2-1-mv", "mea-2-2-mv"}),
        ("mea-2-1-lv", 45, 9_000, 12, {"mea-2-1-lv", "mea-3-2-lv"}),
    ],
)
def test_a_state_body_is_offered_what_it_may_take_and_what_it_has(today, kw, kwh, months, open_ones):
    found = open_to(TARIFFS.schedules[today], TARIFFS, year_of(kw, kwh, months))
    assert {own.id for own in found} == open_ones


def test_hotels_and_non_profit_organisations_have_schedules_of_their_own():
    months = year_of(150, 35_000)
    assert {one.id for one in open_to(TARIFFS.schedules["mea-5-2-mv"], TARIFFS, months, customer="hotel")} == {
        "mea-5-2-mv"
    }
    found = open_to(TARIFFS.schedules["mea-6-1-mv"], TARIFFS, months, customer="non_profit")
    assert {one.id for one in found} == {"mea-6-1-mv", "mea-6-2-mv"}


def test_every_schedule_says_who_may_take_it_and_where_that_was_read():
    assert all(one.eligible is not None and one.eligible.source for one in TARIFFS.schedules.values())


def test_offers_are_the_cheapest_first():
    found = offers([MONTH], [TARIFFS.schedules[name] for name in ("mea-3-1-mv", "mea-3-2-mv")], TARIFFS)
    assert found[0].total_thb <= found[1].total_thb
    assert {offer.schedule.id: offer.total_thb for offer in found}["mea-3-2-mv"] == bill_of(
        MONTH, SCHEDULE, TARIFFS
    ).total_thb


def test_a_kwh_of_before_the_first_known_ft_is_worth_no_baht():
    starts = pd.DatetimeIndex(["2018-02-05 10:00", "2019-02-05 10:00"]).tz_localize(BANGKOK)
    found = avoided_thb_per_kwh(starts, SCHEDULE, TARIFFS, energy_kwh_a_month=35_000)
    np.testing.assert_allclose(found, [0, (4.1839 - 0.1160) * 1.07])


def test_months_before_the_first_count_for_the_minimum_charge_and_not_for_the_total():
    plain = TARIFFS.schedules["mea-3-1-mv"]
    busy = Quantities(dt.date(2025, 3, 1), 40_000.0, 20_000.0, {"all": 300.0, "on_peak": 300.0})
    idle = Quantities(dt.date(2025, 4, 1), 12_000.0, 6_000.0, {"all": 60.0, "on_peak": 60.0})
    (with_history,) = offers([busy, idle], [plain], TARIFFS, first=idle.month)
    within_the_year = bills_of([busy, idle], plain, TARIFFS)[1]
    assert with_history.total_thb == within_the_year.total_thb
    assert within_the_year.amount_thb("minimum") > 0
    assert with_history.total_thb > offers([idle], [plain], TARIFFS)[0].total_thb


def test_history_from_before_a_schedule_s_first_rates_does_not_stop_the_comparison():
    plain = TARIFFS.schedules["mea-3-1-mv"]
    late = plain.model_copy(
        update={"rates": tuple(one.model_copy(update={"valid_from": dt.date(2025, 2, 1)}) for one in plain.rates[-1:])}
    )
    months = year_of(150, 35_000, 3)
    (offer,) = offers(months, [late], TARIFFS, first=dt.date(2025, 3, 1))
    assert offer.total_thb == bills_of(months[1:], late, TARIFFS)[1].total_thb


@pytest.mark.parametrize(
    ("today", "other", "change"),
    [
        ("mea-3-1-mv", "mea-3-1-mv", "none"), ("mea-3-1-mv", "mea-3-2-mv", "tou_meter"), ("mea-2-1-lv", "mea-2-2-lv", "tou_meter"),
        ("mea-3-2-mv", "mea-4-2-mv", "class"), ("mea-2-2-mv", "mea-2-1-mv", "class"),
    ],
)  # fmt: skip
def test_what_changes_on_site_is_a_meter_by_time_of_use_or_the_class_alone(today, other, change):
    assert site_change(TARIFFS.schedules[today], TARIFFS.schedules[other]) == change
