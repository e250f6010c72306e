import numpy as np
import numpy_financial as npf
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bkkenergy.calendar import BANGKOK
from bkkenergy.site.figures import load_figures
from bkkenergy.solar.dispatch import Storage, balance, bill_changes
from bkkenergy.solar.finance import Investment, capex_thb, evaluate, tornado
from bkkenergy.solar.load import YearLoad, filled_year, typical_year_load
from bkkenergy.solar.rates import irr, payback_years, rates_of_return
from bkkenergy.solar.sizing import sizes_up_to, sweep
from tests.conftest import ROOT

TARIFFS = load_figures(ROOT / "config").tariffs


@given(st.lists(st.integers(0, 1000), min_size=3, max_size=30), st.integers(1, 1000))
def test_worth_agrees_with_numpy_financial(flows, spent):
    """Money spent once and earned after: one sign change, so there is one rate or none."""
    cash = np.array([-spent, *flows], float)
    ours, theirs = irr(rates_of_return(cash)), npf.irr(cash)
    if ours is not None:
        assert ours == pytest.approx(float(theirs), abs=1e-6)


def test_a_case_worked_by_hand(config):
    """100 kWp, 2,000,000 THB, 400,000 THB in year 1; 10 years, 5 %, nothing else."""
    money = config.finance.model_copy(
        update={
            "discount_rate": 0.05, "analysis_years": 10, "om_share_of_capex": 0.0, "inverter_replacement_year": 0, "tariff_escalation": 0.0,
        }
    )  # fmt: skip
    found = evaluate(Investment(100, 2e6, 4e5, 1e5, 0.0, money))
    annuity = (1 - 1.05**-10) / 0.05  # 7.721735
    assert found.npv_thb == pytest.approx(4e5 * annuity - 2e6)
    assert found.payback_years == 5.0
    assert found.discounted_payback_years == pytest.approx(np.log(1 / (1 - 0.25)) / np.log(1.05), abs=0.06)
    assert found.lcoe_thb_per_kwh == pytest.approx(2e6 / (1e5 * annuity))
    assert found.irr == pytest.approx(float(npf.irr([-2e6] + [4e5] * 10)))
    assert found.cash_thb == (-2e6, *[4e5] * 10)


def test_each_way_pays_as_agreed(config):
    money = config.finance.model_copy(
        update={"tariff_escalation": 0.0, "om_share_of_capex": 0.0, "inverter_replacement_year": 0}
    )
    project = Investment(100, 2e6, 4e5, 1e5, 0.0, money)
    ppa, esco = evaluate(project, "ppa"), evaluate(project, "esco")
    assert (ppa.cash_thb[0], ppa.cash_thb[1]) == (0, pytest.approx(0.15 * 4e5))
    assert ppa.cash_thb[money.ppa_years + 1] == pytest.approx(4e5)
    assert esco.cash_thb[1] == pytest.approx(0.3 * 4e5)
    assert (ppa.irr, ppa.payback_years) == (None, 0.0)


def test_money_that_never_comes_back(config):
    found = evaluate(Investment(100, 2e6, 1e4, 1e5, 0.005, config.finance))
    assert found.payback_years is None
    assert found.npv_thb < 0
    assert payback_years(np.array([-10.0, 4, 4, 4])) == pytest.approx(2.5)


def test_price_falls_with_size_and_is_level_beyond(config):
    points = config.finance.capex
    assert capex_thb(5, points) == pytest.approx(5 * 35_000)
    assert capex_thb(2, points) == pytest.approx(2 * 35_000)
    assert capex_thb(5000, points) == pytest.approx(5000 * 21_000)
    per_kwp = [capex_thb(size, points) / size for size in (5, 20, 50, 200, 900)]
    assert per_kwp == sorted(per_kwp, reverse=True)


def test_the_tornado_begins_with_what_matters_most(config):
    rows = tornado(Investment(100, 2e6, 4e5, 1e5, 0.005, config.finance))
    widths = [abs(more - less) for _, less, more in rows]
    assert widths == sorted(widths, reverse=True)
    assert {name for name, _, _ in rows} == {"energy", "capex", "tariff", "om", "discount_rate"}


series = st.lists(st.floats(0, 100), min_size=8, max_size=40)


@settings(deadline=None)
@given(series, st.floats(0, 50), st.floats(0.5, 40), st.floats(0.6, 1.0), st.integers(0, 1000))
def test_energy_is_conserved_with_and_without_a_battery(load, kwh, kw, efficiency, seed):
    load = np.array(load)
    pv = np.random.default_rng(seed).uniform(0, 120, (3, len(load)))
    for storage in (None, Storage(kwh, kw, efficiency)):
        found = balance(load, pv, interval_h=0.25, storage=storage)
        np.testing.assert_allclose(
            load + found.charged_kwh + found.surplus_kwh, found.grid_kwh + pv + found.discharged_kwh, atol=1e-9
        )
        assert (
            min(found.grid_kwh.min(), found.surplus_kwh.min(), found.charged_kwh.min(), found.discharged_kwh.min())
            >= -1e-12
        )
        assert (found.discharged_kwh.sum(axis=1) <= found.charged_kwh.sum(axis=1) * efficiency + 1e-9).all()
        assert (found.self_consumption_ratio <= 1 + 1e-12).all()


def year(kw=100.0):
    starts = pd.date_range("2024-11-01", "2025-11-01", freq="15min", tz=BANGKOK, inclusive="left")
    return YearLoad(starts, np.full(len(starts), kw / 4), 0.25, 1.0)


def test_a_bill_falls_by_what_pv_saves():
    load = year()
    noon = (load.starts.hour >= 10) & (load.starts.hour < 14)
    pv = np.where(noon, 5.0, 0.0)[None, :]
    found = balance(load.energy_kwh, pv, interval_h=0.25)
    (change,) = bill_changes(found, load.starts, TARIFFS.schedules["mea-3-1-mv"], TARIFFS, interval_h=0.25)
    saved = sum(
        (bill.ft_thb_per_kwh + 3.1471) * noon[load.starts.month == bill.month.month].sum() * 5 for bill in change.before
    )
    assert change.saving_thb == pytest.approx(saved * 1.07, rel=1e-6)
    assert [bill.amount_thb("demand") for bill in change.before] == [bill.amount_thb("demand") for bill in change.after]


def test_the_best_size_lies_where_surplus_begins_to_cost(config):
    load = year(50.0)
    sun = np.clip(np.sin((load.starts.hour.to_numpy() - 6) / 12 * np.pi), 0, None) * 0.2
    found = sweep(
        load,
        sun,
        sizes_up_to(400),
        TARIFFS.schedules["mea-3-2-lv"],
        TARIFFS,
        config.finance,
        degradation_per_year=0.005,
    )
    sizes = [option.capacity_kwp for option in found.options]
    assert sizes[0] < found.best_by_npv.capacity_kwp < sizes[-1]
    assert found.best_by_self_consumption.self_consumption_ratio >= 0.95
    shares = [option.self_consumption_ratio for option in found.options]
    assert shares == sorted(shares, reverse=True)


def test_gaps_are_filled_by_like_days():
    starts = pd.date_range("2025-11-03", periods=28 * 96, freq="15min", tz=BANGKOK)
    kwh = np.where(starts.day_of_week < 5, 10.0, 2.0)
    holed = kwh.copy()
    holed[96 * 8 : 96 * 9] = np.nan  # a Tuesday
    holed[96 * 12 : 96 * 13] = np.nan  # a Saturday
    found = filled_year(holed, starts, lambda day: day.weekday() < 5)
    np.testing.assert_allclose(found.energy_kwh, kwh)
    assert found.measured_ratio == pytest.approx(26 / 28)
    assert filled_year(np.where(np.arange(len(kwh)) < 96 * 5, kwh, np.nan), starts, lambda day: True) is None


def test_a_typical_load_follows_opening_hours(config):
    starts = pd.date_range("2025-11-03", periods=7 * 96, freq="15min", tz=BANGKOK)
    open_hours = lambda day: (8.0, 16.0) if day.weekday() < 5 else None  # noqa: E731
    found = typical_year_load(starts, 1000, config.typical_loads.wm2["office"], open_hours)
    assert found.is_typical
    assert found.energy_kwh.max() == pytest.approx((3 + 21) * 1000 / 1000 / 4)
    assert found.energy_kwh[96 * 5 :].max() == pytest.approx(3 / 4)
