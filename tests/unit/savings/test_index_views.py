import datetime as dt

import numpy as np
import pandas as pd
import pytest

from bkkenergy.savings.adjust import Adjustment, adjustment_days
from bkkenergy.savings.baseline import fit_baseline
from bkkenergy.savings.index import StandardUse, public_index, rank_peers, rolling_eui, standing, submission_rows
from bkkenergy.savings.views import load_views
from bkkenergy.site.savings_config import load_savings
from tests.conftest import ROOT
from tests.unit.savings.generated import building

CONFIG = load_savings(ROOT / "config")


@pytest.mark.parametrize(
    ("peak_kw", "kwh", "message"),
    [(100, 1e5, "below"), (860, 1e5, "near"), (1000, 1e5, "reached"), (100, 4.8e6, "near"), (100, 5.6e6, "reached")],
)
def test_designated_buildings_are_told_before_they_are_there(peak_kw, kwh, message):
    assert standing(CONFIG.designated, peak_kw=peak_kw, energy_kwh_a_year=kwh) == message


def test_intensity_rolls_over_twelve_months():
    found = rolling_eui(np.arange(1.0, 15.0), 2.0)
    assert np.isnan(found[:11]).all()
    assert list(found[11:]) == [78 / 2, 90 / 2, 102 / 2]


def test_peers_are_ranked_with_the_way_to_the_best_quarter():
    ranks = rank_peers({"a": 100.0, "b": 60.0, "c": 80.0, "d": float("nan")}, dict.fromkeys("abcd", 1000.0))
    assert [(own.building, own.rank, own.peers) for own in ranks] == [("b", 1, 3), ("c", 2, 3), ("a", 3, 3)]
    assert ranks[0].gap_kwh == 0
    assert ranks[2].gap_kwh == pytest.approx((100 - 70) * 1000)


def test_the_state_s_index_is_standard_against_actual():
    standard = StandardUse(
        group="office",
        constant_kwh=1000,
        kwh_by_driver={"area_m2": 5, "staff": 20},
        source="test",
        entered=dt.date(2026, 1, 1),
    )
    assert public_index(9_000, standard, {"area_m2": 1000, "staff": 200}) == pytest.approx((10_000 - 9_000) / 9_000)
    with pytest.raises(KeyError, match="staff"):
        public_index(9_000, standard, {"area_m2": 1000})
    rows = submission_rows([10.0, 12.0], [dt.date(2026, 1, 1), dt.date(2026, 2, 1)], {"staff": 20.0}, 500.0)
    assert rows[1] == {"month": "2026-02", "electricity_kwh": 12.0, "floor_area_m2": 500.0, "staff": 20.0}


def test_views_keep_the_energy():
    series = building(1).between(dt.date(2024, 1, 1), dt.date(2024, 12, 31))
    on_peak = (series.starts.hour.to_numpy() >= 9) & (series.starts.hour.to_numpy() < 22)
    views = load_views(series, on_peak, fit_baseline(series))
    assert np.nansum(views.heat_kw) == pytest.approx(series.energy_kwh.sum())
    assert views.heat_kw.shape == (366, 24)
    assert (np.diff(views.duration_kw) <= 1e-9).all()
    assert views.duration_kw[0] == views.peak_kw
    assert views.week_kw["open"][12] > 3 * views.week_kw["closed"][12]
    assert views.base_kw == pytest.approx(12, rel=0.1)
    assert views.expected_kwh.sum() == pytest.approx(views.day_kwh.sum(), rel=0.03)
    assert 0.6 < views.on_peak_ratio < 0.9


def test_adjustments_hold_from_their_first_to_their_last_day():
    given = {"building": "a.b", "reason": "a new wing", "entered_by": "S", "entered": dt.date(2026, 1, 1)}
    own = [
        Adjustment(first=dt.date(2026, 1, 2), last=dt.date(2026, 1, 3), kwh_a_day=10, **given),
        Adjustment(first=dt.date(2026, 1, 3), kwh_a_day=-4, **given),
    ]
    days = pd.date_range("2026-01-01", periods=5, tz="Asia/Bangkok")
    assert list(adjustment_days(days, own)) == [0, 10, 6, -4, -4]
    with pytest.raises(ValueError, match="last lies before first"):
        Adjustment(first=dt.date(2026, 1, 3), last=dt.date(2026, 1, 2), kwh_a_day=1, **given)
