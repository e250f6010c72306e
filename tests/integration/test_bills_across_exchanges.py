"""A bill is of the energy that flowed, whatever happened to the meter within its days."""

import datetime as dt
import shutil

import numpy as np
import pandas as pd
import pytest

from bkkenergy.adapters.sqlite import SqliteStore
from bkkenergy.calendar import Period, epoch_us
from bkkenergy.readings import ReadingBatch
from bkkenergy.site import load_configuration, open_site
from bkkenergy.usecases.bills import bill_of_days, known_ratio, month_bills
from bkkenergy.usecases.uptodate import up_to_date
from tests.conftest import ROOT

OFFICE, NOVEMBER = "district-bangkhen.office", Period.month(2025, 11)
STARTS = pd.date_range("2025-11-01", "2025-12-01", freq="15min", tz="Asia/Bangkok")
HOUR = STARTS[:-1].hour.to_numpy()
POWER_KW = np.where((HOUR >= 8) & (HOUR < 17), 60 + 10 * np.random.default_rng(1).random(len(HOUR)), 12.0)
FLOWED_KWH = np.concatenate([[0.0], np.cumsum(POWER_KW / 4)])
CUT = pd.Timestamp("2025-11-15 10:07", tz="Asia/Bangkok")
AT_CUT_KWH = float(np.interp(CUT.value, STARTS.as_unit("ns").asi8, FLOWED_KWH))
FINAL_KWH = 500_000 + AT_CUT_KWH
NEW_METER_KWH = np.where(STARTS >= CUT, 25 + FLOWED_KWH - AT_CUT_KWH, 500_000 + FLOWED_KWH)
RESET = np.searchsorted(STARTS, pd.Timestamp("2025-11-12", tz="Asia/Bangkok"))


def exchange(at):
    return f"exchanges = [{{ at = {at}, final_kwh = {FINAL_KWH:.3f}, initial_kwh = 25.0 }}]\n"


def demand_kw():
    """The meter's own maximum since the last reset, which comes in the middle of the bill."""
    kw = np.append(POWER_KW, 12.0)
    return np.concatenate([np.maximum.accumulate(kw[:RESET]), np.maximum.accumulate(kw[RESET:])])


def opened(home, registers, line=""):
    shutil.copytree(ROOT / "config", home / "config")
    path = home / "config/portfolio/buildings/district-bangkhen.toml"
    path.write_text(path.read_text().replace('id = "main"\n', f'id = "main"\ninterval_s = 900\n{line}', 1))
    store = SqliteStore(home / "var/bkkenergy.sqlite")
    store.prepare()
    numbers = np.zeros(len(STARTS), np.int64)
    store.commit(ReadingBatch((f"{OFFICE}.main",), numbers, epoch_us(STARTS), registers))
    store.close()
    return open_site(load_configuration(home / "config"))


CASES = {
    "nothing": ({"energy_kwh": 500_000 + FLOWED_KWH}, ""),
    "an exchange": ({"energy_kwh": NEW_METER_KWH}, exchange("2025-11-15T10:07:00+07:00")),
    "an exchange that was entered a day late": ({"energy_kwh": NEW_METER_KWH}, exchange("2025-11-16T10:07:00+07:00")),
    "a register that starts again": ({"energy_kwh": (9_999_000 + FLOWED_KWH) % 1e7}, ""),
    "a reset of its demand": ({"energy_kwh": 500_000 + FLOWED_KWH, "demand_kw": demand_kw()}, ""),
}


@pytest.mark.parametrize("name", CASES)
def test_a_bill_is_the_same_whatever_happens_to_the_meter_within_it(tmp_path, name):
    with opened(tmp_path, *CASES[name]) as before:
        site = up_to_date(before)
        building = site.portfolio.buildings[OFFICE]
        (bill,) = month_bills(site, building, NOVEMBER)
        by_read = bill_of_days(site, building, NOVEMBER, dt.date(2025, 12, 1))
    assert bill.quantities.energy_kwh == pytest.approx(FLOWED_KWH[-1], abs=0.01)
    assert max(bill.quantities.demand_kw.values()) == pytest.approx(POWER_KW.max(), abs=0.01)
    assert by_read.quantities.energy_kwh == pytest.approx(FLOWED_KWH[-1], abs=0.01)


def test_an_exchange_that_is_not_entered_leaves_a_quarter_hour_unknown_and_the_bill_says_so(tmp_path):
    with opened(tmp_path, {"energy_kwh": NEW_METER_KWH}) as before:
        site = up_to_date(before)
        building = site.portfolio.buildings[OFFICE]
        (bill,) = month_bills(site, building, NOVEMBER)
        known = known_ratio(site, building, NOVEMBER)
    quarter = np.searchsorted(STARTS, CUT) - 1
    assert bill.quantities.energy_kwh == pytest.approx(FLOWED_KWH[-1] - POWER_KW[quarter] / 4, abs=0.01)
    assert known == pytest.approx(1 - 1 / len(POWER_KW))
