"""What surplus earns: prices by the tariff's windows, netting by the month, zero export, and schemes with dates."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bkkenergy as bk
from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.library.packaged import figures
from bkkenergy.reports.solar.html import export_text
from bkkenergy.solar.assumptions import ExportScheme
from bkkenergy.solar.cleaning import visit_thb
from bkkenergy.solar.dispatch import Storage, balance, bill_changes
from bkkenergy.solar.export import NO_EXPORT, ExportTerms
from bkkenergy.solar.finance import Investment, counted_kwh, evaluate, tornado
from bkkenergy.solar.load import YearLoad
from bkkenergy.solar.operation import operated
from bkkenergy.solar.terms import offers, scheme_named, schemes_on, with_terms
from tests.conftest import inputs

TARIFFS = figures().tariffs
TOU, FLAT = TARIFFS.schedules["mea-3-2-lv"], TARIFFS.schedules["mea-2-1-lv"]
STARTS = pd.date_range("2025-11-01", "2026-01-01", freq="h", tz="Asia/Bangkok", inclusive="left")
IS_ON_PEAK = np.asarray(
    (STARTS.hour >= 9) & (STARTS.hour < 22) & (STARTS.day_of_week < 5) & ~STARTS.strftime("%m-%d").isin(["12-05", "12-10", "12-31"])
)  # fmt: skip
ROOF = bk.Roof(area_m2=300, tilt_deg=10, azimuth_deg=180)
ASKED = {"schedule": "mea-3-2-lv", "floor_m2": 300, "capacity_kwp": 30, "building_type": "school"}


def changed(load_kwh, pv_kwh, schedule, terms):
    flows = balance(load_kwh, pv_kwh[None, :], interval_h=1.0)
    (change,) = bill_changes(flows, STARTS, schedule, TARIFFS, interval_h=1.0, export=terms)
    return flows, change


def sunny(kwh):
    return np.where((STARTS.hour >= 8) & (STARTS.hour < 16), kwh, 0.0)


def record(**fields):
    base = {
        "id": "net", "name_th": "ก", "name_en": "a", "thb_per_kwh": 1.0, "years": 10, "grade": "S", "source": "s",
        "entered": dt.date(2026, 1, 1), "valid_from": dt.date(2026, 1, 1),
    }  # fmt: skip
    return ExportScheme.model_validate(base | fields)


def test_each_window_earns_its_own_price():
    load, pv = np.full(len(STARTS), 5.0), sunny(25.0)
    flows, change = changed(load, pv, TOU, ExportTerms(3.0, 1.5))
    surplus = flows.surplus_kwh[0]
    assert change.export_thb == pytest.approx(3.0 * surplus[IS_ON_PEAK].sum() + 1.5 * surplus[~IS_ON_PEAK].sum())
    assert (change.netted_kwh, change.netted_thb) == (0, 0)


def test_one_price_is_the_same_as_that_price_in_both_windows(config):
    flat = with_terms(config, "school", values={"export_thb_per_kwh": 1.2}).finance
    both = with_terms(
        config, "school", values={"export_on_peak_thb_per_kwh": 1.2, "export_off_peak_thb_per_kwh": 1.2}
    ).finance
    assert flat.export == both.export == ExportTerms(1.2, 1.2)


def test_netting_offsets_each_window_of_each_month_and_sells_the_rest():
    load, pv = np.full(len(STARTS), 5.0), sunny(12.0)
    flows, change = changed(load, pv, TOU, ExportTerms(1.0, 0.5, is_netted_by_month=True))
    grid, surplus, netted, earned = flows.grid_kwh[0], flows.surplus_kwh[0], 0.0, 0.0
    for month, bill in zip((11, 12), change.after, strict=True):
        for window, price in ((IS_ON_PEAK, 1.0), (~IS_ON_PEAK, 0.5)):
            rows = window & (STARTS.month == month)
            offset = min(grid[rows].sum(), surplus[rows].sum())
            netted, earned = netted + offset, earned + (surplus[rows].sum() - offset) * price
        in_month = STARTS.month == month
        assert bill.quantities.demand_kw["on_peak"] == pytest.approx(grid[in_month & IS_ON_PEAK].max())
    assert change.netted_kwh == pytest.approx(netted)
    assert change.export_thb == pytest.approx(earned)
    billed = sum(bill.quantities.energy_kwh for bill in change.after)
    assert billed == pytest.approx(grid.sum() - netted)


def test_netting_on_a_flat_tariff_offsets_the_month_as_a_whole():
    load, pv = np.full(len(STARTS), 5.0), sunny(45.0)
    flows, change = changed(load, pv, FLAT, ExportTerms(1.0, 1.0, is_netted_by_month=True))
    assert change.netted_kwh == pytest.approx(flows.grid_kwh.sum())
    assert change.export_thb == pytest.approx(flows.surplus_kwh.sum() - flows.grid_kwh.sum())
    assert sum(bill.quantities.energy_kwh for bill in change.after) == pytest.approx(0, abs=1e-6)


@settings(max_examples=inputs(25), deadline=None)
@given(st.floats(0, 40), st.floats(0, 80), st.floats(0, 4), st.floats(0, 4), st.sampled_from([TOU, FLAT]))
def test_export_never_costs_and_netting_adds_no_energy(load_kwh, pv_kwh, on_peak, off_peak, schedule):
    load, pv = np.full(len(STARTS), load_kwh), sunny(pv_kwh)
    flows, without = changed(load, pv, schedule, NO_EXPORT)
    _, sold = changed(load, pv, schedule, ExportTerms(on_peak, off_peak))
    _, netted = changed(load, pv, schedule, ExportTerms(on_peak, off_peak, is_netted_by_month=True))
    assert sold.saving_thb >= without.saving_thb - 1e-6
    assert netted.saving_thb >= without.saving_thb - 0.02 * len(netted.after)
    assert netted.netted_kwh <= min(flows.grid_kwh.sum(), flows.surplus_kwh.sum()) + 1e-6
    assert netted.saving_thb == pytest.approx(without.bill_saving_thb + netted.netted_thb + netted.export_thb, abs=1e-6)
    assert without.export_thb == 0


def test_what_netting_saves_ends_with_the_agreement(config):
    money = config.finance.model_copy(
        update={
            "om_share_of_capex": 0.0, "inverter_replacement_year": 0, "tariff_escalation": 0.0, "is_export_netted": True,
            "export_years": 10,
        }
    )  # fmt: skip
    found = evaluate(Investment(100, 2e6, 4e5, 1e5, 0.0, money, netted_thb=1e5))
    assert found.cash_thb[10] == pytest.approx(4e5)
    assert found.cash_thb[11] == pytest.approx(3e5)


def test_less_energy_and_a_lower_tariff_lower_what_netting_saves(config):
    money = config.finance.model_copy(update={"is_export_netted": True, "export_years": 10})
    project = Investment(100, 2e6, 4e5, 1e5, 0.0, money, netted_thb=1e5)
    moved = {name: less for name, less, _ in tornado(project)}
    fewer = Investment(100, 2e6, 3.2e5, 8e4, 0.0, money, netted_thb=8e4)
    assert moved["energy"] == moved["tariff"] == pytest.approx(evaluate(fewer).npv_thb)


def test_a_battery_knows_that_surplus_is_worth_more_by_day():
    load, pv = YearLoad(STARTS, np.full(len(STARTS), 5.0), 1.0, 1.0), sunny(20.0)
    paid = operated(load, pv, TOU, TARIFFS, Storage(30, 15, 0.85), export=ExportTerms(4.0, 0.0))
    unpaid = operated(load, pv, TOU, TARIFFS, Storage(30, 15, 0.85))
    assert paid.flows.surplus_kwh[0][IS_ON_PEAK].sum() > unpaid.flows.surplus_kwh[0][IS_ON_PEAK].sum()
    assert paid.battery.saving_thb >= 0


def test_netting_makes_storing_of_surplus_worth_little():
    load, pv = YearLoad(STARTS, np.full(len(STARTS), 5.0), 1.0, 1.0), sunny(12.0)
    netted = operated(load, pv, FLAT, TARIFFS, Storage(30, 15, 0.85), export=ExportTerms(0, 0, is_netted_by_month=True))
    plain = operated(load, pv, FLAT, TARIFFS, Storage(30, 15, 0.85))
    assert netted.battery.saving_thb < 0.2 * plain.battery.saving_thb


def test_zero_export_holds_surplus_back_whatever_the_site_sells_at(config):
    site = config.model_copy(update={"finance": config.finance.model_copy(update={"export_on_peak_thb_per_kwh": 2.0})})
    assert with_terms(site, "office").finance.export.is_allowed
    assert with_terms(site, "office", export="none").finance.export == NO_EXPORT


def test_one_price_for_all_hours_replaces_those_of_the_windows(config):
    site = config.model_copy(update={"finance": config.finance.model_copy(update={"export_on_peak_thb_per_kwh": 2.0})})
    assert with_terms(site, "office", values={"export_thb_per_kwh": 0.5}).finance.export == ExportTerms(0.5, 0.5)


def test_a_home_s_price_is_not_a_public_building_s(config):
    assert scheme_named(config, "household").thb_per_kwh == 2.2
    for kind in ("school", "office", "other"):
        with pytest.raises(InputError, match="household is not for public buildings"):
            with_terms(config, kind, export="household")
        assert "household" not in [scheme.id for scheme in schemes_on(config, kind, None)]


def test_a_scheme_has_the_terms_of_the_day(config):
    records = (
        record(thb_per_kwh=1.0, valid_from=dt.date(2025, 1, 1), valid_to=dt.date(2025, 12, 31)),
        record(thb_per_kwh=0.0, on_peak_thb_per_kwh=2.5, off_peak_thb_per_kwh=1.1, is_netted_by_month=True,
               valid_from=dt.date(2026, 1, 1), valid_to=dt.date(2026, 12, 31)),
    )  # fmt: skip
    site = config.model_copy(update={"export_schemes": records})
    on = {
        day: with_terms(site, "office", export="net", day=day).finance.export
        for day in (dt.date(2025, 6, 1), dt.date(2026, 6, 1))
    }
    assert list(on.values()) == [ExportTerms(1.0, 1.0), ExportTerms(2.5, 1.1, is_netted_by_month=True)]
    with pytest.raises(InputError, match="net begins on 2025-01-01"):
        with_terms(site, "office", export="net", day=dt.date(2024, 6, 1))
    with pytest.raises(InputError, match="net ended on 2026-12-31"):
        with_terms(site, "office", export="net", day=dt.date(2027, 6, 1))
    assert schemes_on(site, "office", dt.date(2027, 6, 1)) == schemes_on(site, "office", dt.date(2024, 6, 1)) == ()


def test_an_offer_counts_the_windows_of_what_is_left_over(config):
    site = config.model_copy(
        update={"export_schemes": (record(thb_per_kwh=0.0, on_peak_thb_per_kwh=3.0, off_peak_thb_per_kwh=1.0),)}
    )
    (offer,) = offers(site, "office", 100.0, on_peak_kwh=40.0)
    assert offer.income_thb == pytest.approx(40 * 3 + 60 * 1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"thb_per_kwh": 0.0}, "needs a price"),
        ({"id": "none"}, "asks for zero export"),
        ({"thb_per_kwh": -1.0}, "greater than or equal to 0"),
        ({"valid_to": dt.date(2025, 1, 1)}, "2025"),
    ],
)
def test_a_scheme_that_cannot_be_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        record(**fields)


def test_energy_counts_wholly_where_it_is_netted(config):
    money = config.finance.model_copy(update={"is_export_netted": True})
    assert counted_kwh(100.0, 60.0, money) == 100.0
    assert counted_kwh(100.0, 60.0, config.finance) == 60.0


def test_a_design_states_its_terms_of_export():
    sold = bk.design(ROOF, export="school-hospital", **ASKED).record
    by_window = bk.design(ROOF, export_on_peak_thb_per_kwh=3.0, export_off_peak_thb_per_kwh=1.0, **ASKED).record
    netted = bk.design(ROOF, export="school-hospital", is_export_netted=True, **ASKED).record
    none = bk.design(ROOF, export="none", **ASKED).record
    assert sold.bills.export_thb == pytest.approx(sold.surplus_kwh * 1.0)
    assert sold.surplus_kwh < by_window.bills.export_thb < 3 * sold.surplus_kwh
    assert netted.bills.netted_kwh > 0
    assert netted.bills.saving_thb > sold.bills.saving_thb > none.bills.saving_thb
    assert none.bills.export_thb == 0


def test_more_cleanings_bring_energy_and_cost_what_each_visit_costs(config):
    usual, often = (bk.design(ROOF, cleanings=count, **ASKED).record for count in (None, 6))
    never = bk.design(ROOF, cleanings=0, **ASKED).record
    assert never.energy_kwh < usual.energy_kwh < often.energy_kwh
    extra = 4 * visit_thb(config.cleaning, sum(roof.layout.module_count for roof in often.roofs) * often.module.area_m2)
    saved = often.bills.saving_thb - usual.bills.saving_thb
    assert often.ways["own"].cash_thb[1] - usual.ways["own"].cash_thb[1] == pytest.approx(saved - extra)
    (assumed,) = [option for option in often.cleaning if option.is_assumed]
    assert assumed.count_per_year == 6


@pytest.fixture
def two_terms(config, monkeypatch):
    """A site whose scheme paid 1.00 until the end of 2025 and pays 2.00 from then on, for a year."""
    records = (
        record(id="net", valid_from=dt.date(2025, 1, 1), valid_to=dt.date(2025, 12, 31)),
        record(id="net", thb_per_kwh=2.0, valid_from=dt.date(2026, 1, 1), valid_to=dt.date(2026, 12, 31)),
    )
    site = config.model_copy(update={"export_schemes": records})
    for module in ("roofs", "money"):
        monkeypatch.setattr(f"bkkenergy.library.{module}.solar_config", lambda: site)


@pytest.mark.usefixtures("two_terms")
@pytest.mark.parametrize(("day", "price"), [("2025-06-01", 1.0), (dt.date(2025, 12, 31), 1.0), ("2026-01-01", 2.0)])
def test_the_library_takes_the_terms_of_the_day_and_says_which(day, price):
    made = bk.design(ROOF, export="net", day=day, **ASKED)
    assert made.record.bills.export_thb == pytest.approx(made.record.surplus_kwh * price)
    assert (str(made.terms["day"]), made.terms["export_off_peak_thb_per_kwh"]) == (str(day), price)
    money = bk.finance(
        capacity_kwp=30, saving_thb=1e5, energy_kwh=4e4, surplus_kwh=1e4, export="net", building_type="school", day=day
    )
    assert money.project.export_thb == pytest.approx(1e4 * price)
    assert (str(money.terms["day"]), money.terms["export_thb_per_kwh"]) == (str(day), price)


@pytest.mark.usefixtures("two_terms")
@pytest.mark.parametrize(("day", "message"), [("2024-06-01", "begins on 2025-01-01"), ("2027-01-01", "ended on 2026-12-31"),
                                              ("June", "is no day")])  # fmt: skip
def test_the_library_refuses_terms_that_do_not_hold_on_the_day(day, message):
    with pytest.raises(InputError, match=message):
        bk.design(ROOF, export="net", day=day, **ASKED)
    with pytest.raises(InputError, match=message):
        bk.finance(capacity_kwp=30, saving_thb=1e5, energy_kwh=4e4, surplus_kwh=1e4, export="net", day=day)


def test_without_a_day_the_library_takes_today_s_terms():
    assert bk.design(ROOF, **ASKED).terms["day"] == dt.datetime.now(BANGKOK).date()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"export_thb_per_kwh": 1.0}, "no surplus"),
        ({"export": "school-hospital"}, "no surplus"),
        ({"surplus_kwh": 100.0}, "nothing to sell it under"),
        ({"surplus_kwh": 5e4, "export_thb_per_kwh": 1.0}, "part of energy_kwh"),
        ({"surplus_kwh": 1e4, "export_on_peak_thb_per_kwh": 3.0}, "Use bk.design"),
        ({"surplus_kwh": 1e4, "export_thb_per_kwh": 1.0, "is_export_netted": True}, "Use bk.design"),
    ],
)
def test_a_price_of_surplus_that_would_count_for_nothing_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        bk.finance(capacity_kwp=30, saving_thb=1e5, energy_kwh=4e4, building_type="school", **given)


@pytest.mark.parametrize("lang", ["en", "th"])
def test_a_report_names_the_scheme_and_the_day_of_its_terms(lang):
    sold = bk.design(ROOF, export="school-hospital", day="2026-06-01", **ASKED).record
    said = export_text(sold, Words(lang))
    assert {"en": "Pilot for schools", "th": "โครงการนำร่อง"}[lang] in said
    assert Words(lang).date(dt.date(2026, 6, 1)) in said


@pytest.mark.parametrize("count", [-1, 13, 400])
def test_a_number_of_cleanings_that_cannot_be_is_refused(count):
    with pytest.raises(InputError, match="cleanings a year are not possible"):
        bk.design(ROOF, cleanings=count, **ASKED)
