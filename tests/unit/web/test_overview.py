"""The overview's parts that compute: the map's ground, the year beside the year before, what is new."""

from __future__ import annotations

import datetime as dt
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from bkkenergy.adapters.state import open_state, transaction, us_of
from bkkenergy.adapters.state.news import news_since_last_time
from bkkenergy.adapters.state.tables import alert, run
from bkkenergy.adapters.state.users import note
from bkkenergy.i18n import Words
from bkkenergy.portfolio import Agency
from bkkenergy.reports.savings.moneysofar import MoneySoFar, Spent, year_ago
from bkkenergy.settings import StateSettings
from bkkenergy.web import citymoney
from bkkenergy.web.citymoney import AT_ONCE, CityMoney
from bkkenergy.web.cityyear import change_beside
from bkkenergy.web.figures import PeriodUse
from bkkenergy.web.mapground import hull, map_ground, short_name

NOW = dt.datetime(2026, 11, 27, 3, tzinfo=dt.UTC)
COORDINATE = st.floats(-1e3, 1e3).map(lambda value: round(value, 2))


@given(st.lists(st.tuples(COORDINATE, COORDINATE), min_size=1, max_size=40))
def test_every_point_is_within_the_hull_and_each_corner_is_a_point(points):
    corners = hull(np.array(points))
    assert {tuple(corner) for corner in corners.tolist()} <= set(points)
    for (ax, ay), (bx, by) in zip(corners.tolist(), np.roll(corners, -1, axis=0).tolist(), strict=True):
        for x, y in points:
            assert (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= -1e-6 * max(1, abs(bx - ax) + abs(by - ay)) * 1e3


@pytest.mark.parametrize(
    "points", [[(13.7, 100.5)], [(13.7, 100.5)] * 3, [(13.7, 100.5), (13.9, 100.5)], [(13.7, 100.5 + n / 9) for n in range(4)]]
)  # fmt: skip
def test_a_map_of_one_place_or_of_places_in_a_row_has_a_ground(points):
    buildings = [SimpleNamespace(agency="health", latitude_deg=lat) for lat, _ in points]
    x, y = np.array([lon for _, lon in points]), -np.array([lat for lat, _ in points])
    agency = Agency(id="health", name_th="สำนักอนามัย (สาธิต)", name_en="Health Department")
    under, over = map_ground(buildings, {"health": agency}, x, y, Words("th"))
    assert 'class="land"' in under
    assert "nan" not in under + over


def test_a_label_has_of_a_name_what_others_have_not():
    office = Agency(id="district-x", name_th="สำนักงานเขตดินแดง (สาธิต)", name_en="Din Daeng District Office (demo)")
    assert short_name(office, Words("th")) == "เขตดินแดง"
    assert short_name(office, Words("en")) == "Din Daeng"


def test_a_year_is_beside_the_year_before_over_what_both_know():
    now_kwh, before_kwh = np.array([[100.0, 50.0], [100.0, np.nan]]), np.array([[80.0, 500.0], [120.0, 7.0]])
    is_both = np.array([[True, False], [True, False]])
    assert change_beside(now_kwh, before_kwh, is_both) == pytest.approx(0.0), "200 beside 200, and 200 of 250 are 80 %"
    now_kwh[0, 1] = 51.0
    assert change_beside(now_kwh, before_kwh, is_both) is None, "less than 80 % of the energy can be compared"
    assert change_beside(np.zeros((1, 1)), np.ones((1, 1)), np.ones((1, 1), bool)) is None
    assert change_beside(np.ones((1, 1)), np.zeros((1, 1)), np.ones((1, 1), bool)) is None


def test_what_is_new_is_since_the_sign_in_before_this_one_and_of_ones_own_agencies(tmp_path):
    state = open_state(StateSettings(path=tmp_path / "state.sqlite"))
    hours = [NOW - dt.timedelta(hours=hour) for hour in (30, 20, 1)]
    assert news_since_last_time(state, "malee", ["health"]) is None
    note(state, "malee", "sign_in", "", {}, hours[0], address="")
    note(state, "other", "sign_in", "", {}, hours[2], address="")
    assert news_since_last_time(state, "malee", ["health"]) is None, "nothing is new at the first sign-in"
    note(state, "malee", "sign_in", "", {}, hours[1], address="")
    opened = {"kind": "silent", "building": "b", "figures": {}}
    with transaction(state) as connection:
        for key, agency, at in (
            ("a", "health", hours[2]),
            ("b", "health", NOW - dt.timedelta(hours=31)),
            ("c", "city", hours[2]),
        ):
            connection.execute(insert(alert).values(key=key, agency=agency, opened_us=us_of(at), **opened))
        shared = {"kind": "day", "first_day": "2026-11-26", "revision": 1, "due_us": 0, "next_try_us": 0, "tries": 1}
        for period, state_name in (("2026-11-26", "done"), ("2026-11-25", "failed")):
            values = shared | {"agency": "health", "period": period, "state": state_name, "ended_us": us_of(hours[2])}
            connection.execute(insert(run).values(values))
    news = news_since_last_time(state, "malee", ["health"])
    assert (news.alerts, news.reports, news.work) == (1, 1, 0)
    assert news.since == hours[0]
    assert not news.is_empty


def test_money_is_beside_the_year_before_where_most_of_it_can_be_compared():
    assert Spent(100.0, 90.0, 100.0).change_ratio == pytest.approx(-0.1)
    assert Spent(100.0, 70.0, 100.0).change_ratio is None
    assert Spent(100.0).change_ratio is None
    assert (Spent(1.0, 2.0, 3.0) + Spent(4.0, 5.0, 6.0)) == Spent(5.0, 7.0, 9.0)


def test_the_target_in_baht_is_what_the_baseline_expects_less_the_plan_s_step():
    money = MoneySoFar(Spent(), Spent(1100.0), 4400.0, 3, 3)
    used = PeriodUse(110.0, 100.0, 110.0).change_ratio
    assert money.target_thb(used, -0.05) == pytest.approx(950.0), "1,100 THB are 10 % over 1,000"
    assert money.spent_ratio == pytest.approx(0.25)
    assert money.target_thb(PeriodUse(110.0, None, None).change_ratio, -0.05) is None
    assert money.target_thb(used, None) is None
    assert MoneySoFar(Spent(), Spent(1100.0), None, 2, 3).target_thb(used, -0.05) is None, "a building has no price"


@pytest.mark.parametrize(
    ("day", "before"), [("2026-11-26", "2025-11-26"), ("2028-02-29", "2027-02-28"), ("2028-03-01", "2027-03-01")]
)
def test_a_year_ago_is_the_same_date(day, before):
    assert year_ago(dt.date.fromisoformat(day)) == dt.date.fromisoformat(before)


class TestManyAgencies:
    """Bills of many buildings are computed beside the pages, those of few at once."""

    def site(self, monkeypatch, count):
        asked, go = [], threading.Event()

        def computed(_site, agency, _today):
            asked.append(agency)
            if count == AT_ONCE:
                assert go.wait(20)
            return MoneySoFar(Spent(10.0), Spent(100.0), 400.0 if agency == "a" else None, 1, 1)

        def run(_with_site, _config, _function, agency, today):
            return computed(None, agency, today)

        monkeypatch.setattr(citymoney, "agency_money", computed)
        monkeypatch.setattr(citymoney, "workers", lambda: SimpleNamespace(run=run))
        portfolio = SimpleNamespace(revision=1, buildings_of=lambda _: range(count))
        here = SimpleNamespace(opened=SimpleNamespace(config=None), today=NOW.date(), portfolio=portfolio)
        return CityMoney(here), here, asked, go

    def test_few_are_there_at_once_and_stay_for_the_day_and_the_revision(self, monkeypatch):
        money, here, asked, _ = self.site(monkeypatch, 3)
        assert money.of(["a", "b"]) == MoneySoFar(Spent(20.0), Spent(200.0), None, 2, 2), "b has no budget"
        assert money.of(["a"]).budget_thb == 400.0
        assert asked == ["a", "b"]
        here.portfolio.revision = 2
        money.of(["a"])
        here.today += dt.timedelta(days=1)
        money.of(["a"])
        assert asked == ["a", "b", "a", "a"]

    def test_many_come_later_each_once_and_nothing_is_said_of_a_part(self, monkeypatch):
        money, _, asked, go = self.site(monkeypatch, AT_ONCE)
        assert [money.of(["a", "b"]) for _ in range(3)] == [None] * 3
        go.set()
        next(thread for thread in threading.enumerate() if thread.name == "city-money").join(20)
        assert money.of(["a", "b"]).year == Spent(200.0)
        assert sorted(asked) == ["a", "b"]

    def test_a_fault_of_ours_in_one_agency_holds_up_no_other(self, monkeypatch):
        money, _, asked, go = self.site(monkeypatch, AT_ONCE)
        go.set()
        run = citymoney.workers().run

        def failing(with_site, config, function, agency, today):
            if agency == "a" and "a" not in asked:
                asked.append("a")
                raise ZeroDivisionError
            return run(with_site, config, function, agency, today)

        monkeypatch.setattr(citymoney, "workers", lambda: SimpleNamespace(run=failing))
        for _ in range(2):
            money.of(["a", "b"])
            for thread in threading.enumerate():
                if thread.name == "city-money":
                    thread.join(20)
        assert money.of(["a", "b"]).year == Spent(200.0), "it is asked for again by the next page"
