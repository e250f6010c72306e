"""Terms of a project: schemes of export, loans, tax, and rates of return that are not unique."""

import numpy as np
import numpy_financial as npf
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bkkenergy as bk
from bkkenergy.errors import InputError
from bkkenergy.solar.assumptions import CapexPoint
from bkkenergy.solar.finance import Investment, StorageMoney, evaluate, price_range
from bkkenergy.solar.rates import irr, payback_years, rates_of_return
from bkkenergy.solar.terms import assumed, offers, with_terms


def plain(config, **update):
    quiet = {
        "discount_rate": 0.05, "om_share_of_capex": 0.0, "inverter_replacement_year": 0, "tariff_escalation": 0.0,
        "analysis_years": 20,
    }  # fmt: skip
    return config.finance.model_copy(update=quiet | update)


def test_cash_with_two_rates_names_both_and_calls_neither_the_rate():
    cash = np.array([-100.0, 230.0, -132.0])
    assert rates_of_return(cash) == pytest.approx((0.1, 0.2))
    assert irr(rates_of_return(cash)) is None


@given(st.lists(st.integers(-500, 500), min_size=2, max_size=25), st.integers(1, 1000))
def test_cash_is_worth_nothing_at_each_of_its_rates(flows, spent):
    cash = np.array([-spent, *flows], float)
    year = np.arange(len(cash))
    for rate in rates_of_return(cash):
        terms = cash / (1 + rate) ** year
        assert abs(terms.sum()) <= 1e-6 * np.abs(terms).sum()


def test_money_that_is_spent_again_is_back_only_when_it_stays_back():
    assert payback_years(np.array([-10.0, 12.0, -8.0, 4.0, 4.0])) == pytest.approx(3.5)
    assert payback_years(np.array([-10.0, 10.0])) == 1.0


def test_a_loan_changes_when_money_is_paid_not_what_the_system_brings(config):
    money = plain(config, loan_share=0.8, loan_rate=0.05, loan_years=10)
    own, loan = (evaluate(Investment(100, 2e6, 3e5, 1e5, 0.0, money), way) for way in ("own", "loan"))
    payment = float(-npf.pmt(0.05, 10, 1.6e6))
    assert loan.cash_thb[0] == pytest.approx(-4e5)
    assert loan.cash_thb[1] == pytest.approx(3e5 - payment)
    assert loan.cash_thb[11] == pytest.approx(3e5)
    # Lent at the discount rate, a loan is worth nothing and costs nothing.
    assert loan.npv_thb == pytest.approx(own.npv_thb)
    assert loan.lcoe_thb_per_kwh == pytest.approx(own.lcoe_thb_per_kwh)


def test_a_loan_without_interest_is_paid_back_in_equal_parts(config):
    money = plain(config, loan_share=1.0, loan_rate=0.0, loan_years=4)
    found = evaluate(Investment(100, 2e6, 3e5, 1e5, 0.0, money), "loan")
    assert found.cash_thb[:6] == pytest.approx((0, -2e5, -2e5, -2e5, -2e5, 3e5))
    assert found.irr is None


def test_tax_is_paid_on_profit_after_depreciation(config):
    money = plain(config, tax_rate=0.2, depreciation_years=10)
    found = evaluate(Investment(100, 2e6, 3e5, 1e5, 0.0, money))
    assert found.cash_thb[1] == pytest.approx(3e5 - 0.2 * (3e5 - 2e5))
    assert found.cash_thb[11] == pytest.approx(3e5 - 0.2 * 3e5)


def test_a_loss_is_set_against_the_profit_of_five_years(config):
    money = plain(config, tax_rate=0.2, depreciation_years=2)
    found = evaluate(Investment(100, 2e6, 3e5, 1e5, 0.0, money))
    # Losses of 700,000 in years 1 and 2: five years' profit of 300,000 takes the first, and what it can of the second.
    assert found.cash_thb[1:7] == pytest.approx([3e5] * 6)
    assert found.cash_thb[7] == pytest.approx(3e5 - 0.2 * 1e5)
    assert found.cash_thb[8] == pytest.approx(3e5 - 0.2 * 3e5)


def test_the_buyer_s_levelised_cost_is_what_the_buyer_pays(config):
    money = plain(config, ppa_discount=0.2, ppa_years=20, esco_share=0.7, esco_years=20)
    project = Investment(100, 2e6, 4e5, 1e5, 0.0, money)
    assert evaluate(project, "ppa").lcoe_thb_per_kwh == pytest.approx(4.0 * 0.8)
    assert evaluate(project, "esco").lcoe_thb_per_kwh == pytest.approx(4.0 * 0.7)


def test_an_export_price_holds_for_its_years_and_does_not_grow(config):
    money = plain(config, tariff_escalation=0.05, export_years=10)
    found = evaluate(Investment(100, 2e6, 4e5, 1e5, 0.0, money, export_thb=5e4))
    assert found.cash_thb[10] == pytest.approx(4e5 * 1.05**9 + 5e4)
    assert found.cash_thb[11] == pytest.approx(4e5 * 1.05**10)


def test_a_battery_fades_and_is_replaced(config):
    stored = StorageMoney(5e5, 1e5, 0.1, 8, 3e5)
    found = evaluate(Investment(100, 2.5e6, 4e5, 1e5, 0.0, plain(config), storage=stored))
    assert found.cash_thb[2] == pytest.approx(3e5 + 1e5 * 0.9)
    assert found.cash_thb[8] == pytest.approx(3e5 + 1e5 * 0.9**7 - 3e5)
    assert found.cash_thb[9] == pytest.approx(4e5)
    assert found.cash_thb[16] < 2e5
    assert found.cash_thb[20] == pytest.approx(3e5 + 1e5 * 0.9**3)


def test_today_s_prices_are_a_range(config):
    low, central, high = price_range(Investment(100, 2_550_000, 5e5, 1.4e5, 0.005, config.finance))
    assert (low.capex_thb, central.capex_thb, high.capex_thb) == (
        pytest.approx(1_800_000), pytest.approx(2_550_000), pytest.approx(2_920_000),
    )  # fmt: skip
    assert low.npv_thb > central.npv_thb > high.npv_thb
    with pytest.raises(ValueError, match="not between"):
        CapexPoint(kwp=5, thb_per_kwp=10, low_thb_per_kwp=11)


def test_a_scheme_is_open_to_the_kinds_of_building_it_names(config):
    school = with_terms(config, "school", export="school-hospital").finance
    assert (school.export_thb_per_kwh, school.export_years, school.export_scheme) == (1.0, 10, "school-hospital")
    with pytest.raises(InputError, match="school-hospital is not open to this building"):
        with_terms(config, "office", export="school-hospital")
    with pytest.raises(InputError, match="export scheme net is not known. Use one of school-hospital"):
        with_terms(config, "school", export="net")
    assert offers(with_terms(config, "school", export="school-hospital"), "school", 100.0) == ()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"discount": 1}, "discount"),
        ({"discount_rate": "5 %"}, "assumption discount_rate cannot be 5 %"),
        ({"loan_share": float("nan")}, "assumption loan_share cannot be nan"),
        ({"export_scheme": "x"}, "export_scheme"),
        ({"battery_kwh": -5}, "Give 0 or more"),
        ({"battery_kwh": float("nan")}, "battery_kwh is nan"),
    ],
)
def test_the_library_refuses_terms_that_cannot_be(wrong, message):
    roof = bk.Roof(area_m2=100, tilt_deg=10, azimuth_deg=180)
    with pytest.raises(InputError, match=message):
        bk.design(roof, schedule="mea-3-2-lv", floor_m2=300, capacity_kwp=5, **wrong)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["discount=0.1"], "assumption discount is not known"),
        (["capex=3"], "assumption capex is not known"),
        (["export_scheme=x"], "assumption export_scheme is not known"),
        (["discount_rate"], "is no number"),
        (["discount_rate=5 %"], "is no number"),
    ],
)
def test_an_assumption_that_cannot_be_read_is_refused(texts, message):
    with pytest.raises(InputError, match=message):
        assumed(texts)


@pytest.mark.parametrize(
    "text",
    ["discount_rate=5", "discount_rate=nan", "loan_share=1.2", "loan_years=0", "analysis_years=2.5", "tax_rate=inf"],
)
def test_an_assumption_that_cannot_be_is_refused(config, text):
    with pytest.raises(InputError, match="cannot be"):
        with_terms(config, "office", values=assumed([text]))
