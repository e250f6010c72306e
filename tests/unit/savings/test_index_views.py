import datetime as dt

import numpy as np
import pandas as pd
import pytest

from bkkenergy.errors import InputError
from bkkenergy.savings.adjust import Adjustment, adjustment_days
from bkkenergy.savings.baseline import fit_baseline
from bkkenergy.savings.designated import standing
from bkkenergy.savings.index import public_index, rank_peers, standard_of
from bkkenergy.savings.views import load_views
from bkkenergy.site.index_config import load_index
from bkkenergy.site.savings_config import load_savings
from tests.conftest import ROOT
from tests.unit.savings.generated import building

CONFIG = load_savings(ROOT / "config")


@pytest.mark.parametrize(
    ("kva", "kw", "kwh", "expected"),
    [
        (None, None, 1e5, "unknown"), (None, 100, 1e5, "below"), (630, None, 1e5, "below"), (None, 860, 1e5, "near"),
        (None, 1000, 1e5, "reached"), (1174, None, 1e5, "near"), (1175, None, 1e5, "reached"), (2000, 100, 1e5, "reached"),
        (None, None, 4.8e6, "near"), (None, None, 5.6e6, "reached"), (100, 100, 5.6e6, "reached"),
    ],
)  # fmt: skip
def test_a_building_is_designated_by_its_size_or_its_energy_and_warned_before(kva, kw, kwh, expected):
    """20 million MJ are 5.56 million kWh."""
    stands = standing(CONFIG.designated, installed_kva=kva, approved_kw=kw, energy_kwh_a_year=kwh)
    assert stands == expected


@pytest.mark.parametrize(
    ("kva", "kw", "persons"),
    [(None, None, None), (2000, None, 1), (3524, None, 1), (3525, None, 2), (None, 2999, 1), (100, 3000, 2)],
)
def test_from_three_megawatts_on_two_persons_are_responsible(kva, kw, persons):
    """1,175 kVA count as 1,000 kW, so that 3,525 kVA are 3 MW."""
    assert CONFIG.designated.persons_of(installed_kva=kva, approved_kw=kw) == persons


@pytest.mark.parametrize(
    ("day", "due"), [("2026-11-26", "2027-03-31"), ("2027-03-31", "2027-03-31"), ("2027-04-01", "2028-03-31")]
)
def test_the_report_is_due_each_march(day, due):
    assert CONFIG.designated.next_report(dt.date.fromisoformat(day)) == dt.date.fromisoformat(due)


def test_peers_are_ranked_with_the_way_to_the_best_quarter():
    ranks = rank_peers({"a": 100.0, "b": 60.0, "c": 80.0, "d": float("nan")}, dict.fromkeys("abcd", 1000.0))
    assert [(own.building, own.rank, own.peers) for own in ranks] == [("b", 1, 3), ("c", 2, 3), ("a", 3, 3)]
    assert ranks[0].gap_kwh == 0
    assert ranks[2].gap_kwh == pytest.approx((100 - 70) * 1000)


INDEX = load_index(ROOT / "config")
OFFICE = {"staff": 120.0, "floor_area_m2": 4_000.0, "opening_hours": 176.0, "visitors": 900.0, "temperature_c": 29.0}


@pytest.mark.parametrize(
    ("standard", "actual", "percent"),
    [
        (10_494.13, 7_007.00, 33.23),
        (10_730.01, 39_612.00, -269.17),
        (11_016.73, 160_874.47, -1360.27),
        (10_882.21, 4_152.00, 61.85),
        (6_166.54, 5_132.22, 16.77),
        (6_846.92, 7_015.97, -2.47),
        (6_388.80, 5_404.61, 15.40),
        (6_013.34, 4_552.72, 24.29),
    ],
)  # fmt: skip
def test_the_state_s_index_is_what_the_e_report_publishes(standard, actual, percent):
    assert round(100 * public_index(actual, standard), 2) == percent


@pytest.mark.parametrize(
    ("group", "energy", "month", "drivers", "use"),
    [
        # 62.879 x 120 + 0.153 x 4000 + 1.879 x 176 + 0.769 x 900 + 18.426 x 29
        ("1-01", "electricity", "2026-10-01", OFFICE, 9_714.638),
        # (1.501 x 120 + 0.002 x 4000 + 0.439 x 176 + 0.002 x 900) x 1.111 x 29
        ("1-01", "electricity", "2022-10-01", OFFICE, 8_608.401),
        ("1-01", "fuel", "2023-03-01", {"staff": 10, "service_area_km2": 4, "distance_km": 2}, 203.376),
        ("1-01", "fuel", "2023-04-01", {"staff": 10, "service_area_km2": 4, "distance_km": 2}, 106.65),
        ("1-02", "fuel", "2026-04-01", {"staff": 100}, 886.256),
        ("1-03", "electricity", "2026-04-01", OFFICE, 44_190.72),
        # (5.463 x 120 + 0.014 x 4000) x 1.111 x 29
        ("1-03", "electricity", "2022-10-01", OFFICE, 22_925.75),
        ("1-03", "fuel", "2022-10-01", {"staff": 10, "service_area_km2": 4, "distance_km": 2}, 169.242),
    ],
)
def test_the_standard_use_follows_the_public_equations_of_its_month(group, energy, month, drivers, use):
    standard = standard_of(INDEX.standard_use, group, energy, dt.date.fromisoformat(month))
    assert standard.use(drivers) == pytest.approx(use, abs=0.01)


def test_a_person_more_adds_what_published_standards_step_by():
    steps = []
    for month in ("2023-03-01", "2023-04-01"):
        fuel = standard_of(INDEX.standard_use, "1-01", "fuel", dt.date.fromisoformat(month))
        rest = {"service_area_km2": 9.0, "distance_km": 5.0}
        steps.append(fuel.use(rest | {"staff": 21}) - fuel.use(rest | {"staff": 20}))
    assert steps == [pytest.approx(19.016), pytest.approx(9.980)]


def test_a_group_without_public_coefficients_and_a_missing_driver_are_said():
    with pytest.raises(InputError, match="No public coefficients of group 1-04 .* 2026-10"):
        standard_of(INDEX.standard_use, "1-04", "electricity", dt.date(2026, 10, 1))
    office = standard_of(INDEX.standard_use, "1-01", "electricity", dt.date(2026, 10, 1))
    with pytest.raises(InputError, match="visitors, temperature_c"):
        office.use({"staff": 1, "floor_area_m2": 1, "opening_hours": 1, "temperature_c": float("nan")})


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
    assert list(adjustment_days(days, own, np.zeros(5)).kwh) == [0, 10, 6, -4, -4]
    with pytest.raises(ValueError, match="last lies before first"):
        Adjustment(first=dt.date(2026, 1, 3), last=dt.date(2026, 1, 2), kwh_a_day=1, **given)
