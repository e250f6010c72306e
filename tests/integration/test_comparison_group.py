"""Eight schools in a real store: all use a third less from one day on, and one of them has a project as well."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from bkkenergy.adapters.sqlite import SqliteStore
from bkkenergy.adapters.state import transaction
from bkkenergy.adapters.state.baselines import Fitted, decide, save_baseline, versions_of
from bkkenergy.adapters.state.users import add_user
from bkkenergy.calendar import Period, epoch_us
from bkkenergy.i18n import Words
from bkkenergy.plan import Project
from bkkenergy.readings import ReadingBatch
from bkkenergy.reports.comparisons import comparisons
from bkkenergy.reports.phrasing import headline, saving_sentence
from bkkenergy.reports.render.json import read_json, render_json
from bkkenergy.reports.savings.comparing import ComparisonPool, SharedPools, year_rows
from bkkenergy.reports.savings.gather import fit_buildings, judge
from bkkenergy.reports.savings.yearly import compared_year
from bkkenergy.reports.write import make_report
from bkkenergy.site import load_configuration, open_site
from bkkenergy.usecases.uptodate import up_to_date
from bkkenergy.web.app import create_app
from bkkenergy.web.context import AppContext
from tests.commands import bkkenergy
from tests.conftest import ROOT
from tests.planned import save_projects
from tests.unit.savings.generated import building
from tests.web import PASSWORD, signed_in

DISTRICTS = ("district-bangkhen", "district-chatuchak", "district-dindaeng", "district-latkrabang")
SCHOOLS = [f"{district}.school-{number}" for district in DISTRICTS for number in (1, 2)]
WITH_PROJECT, UNTOUCHED = SCHOOLS[0], SCHOOLS[4]
BASE = Period.days(dt.date(2023, 10, 1), dt.date(2024, 9, 30))
AFTER = Period.days(dt.date(2024, 10, 1), dt.date(2025, 3, 31))
COMMON, OWN = 0.35, 0.30
NOW = dt.datetime(2025, 4, 1, 5, 0, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("schools")
    shutil.copytree(ROOT / "config", home / "config")
    settings = home / "config/bkkenergy.toml"
    settings.write_text(settings.read_text().replace("[web]", "[web]\nsecure_cookies = false", 1))
    for district in DISTRICTS:
        path = home / f"config/portfolio/buildings/{district}.toml"
        path.write_text(path.read_text().replace('id = "main"', 'id = "main"\ninterval_s = 3600'))
    store = SqliteStore(home / "var/bkkenergy.sqlite")
    store.prepare()
    for seed, name in enumerate(SCHOOLS):
        saving = 1 - (1 - COMMON) * (1 - (OWN if name == WITH_PROJECT else 0.0))
        use = building(seed, noise=0.02, drift=0.02, saving=saving, last="2025-03-31")
        at = epoch_us(use.starts)
        edge = np.append(at, at[-1] + 3_600_000_000)
        register = np.concatenate([[1000.0], 1000 + np.cumsum(use.energy_kwh)])
        store.commit(ReadingBatch((f"{name}.main",), np.zeros(len(edge), np.int64), edge, {"energy_kwh": register}))
    store.close()
    return home


@pytest.fixture(scope="module")
def site(home):
    with open_site(load_configuration(home / "config"), clock=lambda: NOW) as opened:
        there = up_to_date(opened)
        for school, baseline in fit_buildings(there, [there.portfolio.buildings[name] for name in SCHOOLS], BASE):
            save_baseline(there.state, Fitted(school.id, baseline), NOW)
        given = {"id": "lamps-1", "agency": DISTRICTS[0], "building": WITH_PROJECT, "kind": "led", "due_year_be": 2568}
        project = Project(**given, name_th="หลอด", name_en="Lamps", state="done", done_on=AFTER.first_day)
        save_projects(there.state, [project], NOW)
        add_user(there.state, "person", PASSWORD, "viewer", [UNTOUCHED.partition(".")[0]], NOW)
        yield there.refreshed()


def judged(site, name):
    return judge(site, site.portfolio.buildings[name], AFTER)


def test_what_happened_to_everyone_is_called_significant_alone_and_not_beside_the_group(site):
    alone = judged(site, UNTOUCHED)
    assert alone.band.verdict == "proven"
    compared = ComparisonPool(site).compared(alone)
    assert compared.band.verdict == "unclear"
    assert compared.band.saving_ratio == pytest.approx(0, abs=0.05)
    assert compared.common.saving_ratio == pytest.approx(COMMON, abs=0.03)
    assert set(compared.common.buildings) == set(SCHOOLS) - {UNTOUCHED, WITH_PROJECT}
    assert compared.common.matched_by == "type"


def test_a_project_s_own_saving_stays_beside_the_group(site):
    compared = ComparisonPool(site).compared(judged(site, WITH_PROJECT))
    assert compared.band.verdict == "proven"
    assert compared.band.saving_ratio == pytest.approx(OWN, abs=0.05)


def test_nothing_is_compared_with_fewer_than_six_or_with_baselines_of_another_time(site):
    numbers = [versions_of(site.state, [name])[name][0].number for name in SCHOOLS[5:7]]
    with transaction(site.state) as connection:
        for number in numbers:
            decide(connection, number, "declined", "a test", NOW)
    assert ComparisonPool(site).compared(judged(site, UNTOUCHED)) is None
    with transaction(site.state) as connection:
        for number in numbers:
            decide(connection, number, "accepted", "a test", NOW)
    other_time = replace(judged(site, UNTOUCHED).baseline, last=dt.date(2023, 12, 31))
    assert ComparisonPool(site).compared(replace(judged(site, UNTOUCHED), baseline=other_time)) is None


def test_a_report_claims_no_saving_that_everyone_has(site):
    report = make_report(site, UNTOUCHED.partition(".")[0], Period.month(2025, 2), now=NOW)
    row = next(saving for saving in report.savings if saving.building_id == UNTOUCHED)
    assert (row.verdict, row.compared.verdict, row.compared.count) == ("proven", "unclear", 6)
    assert row.compared.buildings == (SCHOOLS[5],)  # those of other agencies are counted alone
    assert report.total_saving.compared.verdict == "unclear"
    words = Words("en")
    assert "saved" not in headline(report, words).lower()
    assert "6 buildings like it without a project used" in saving_sentence(report, words)
    assert read_json(render_json(report, "en")).savings == report.savings


def test_the_command_the_page_and_the_api_say_it_beside_the_saving(home, site):
    answer = json.loads(
        bkkenergy("baseline", "check", UNTOUCHED, "--period", "2025-02", "--json", "--config", home / "config", code=0)
    )
    (row,) = answer["buildings"]
    assert (row["verdict"], row["compared"]["verdict"]) == ("proven", "unclear")
    browser = signed_in(create_app(AppContext(site)), "person")
    data = browser.get(f"/api/v1/buildings/{UNTOUCHED}/savings").json()
    assert (data["verdict"], data["compared"]["verdict"], data["compared"]["count"]) == ("proven", "unclear", 6)
    assert data["compared"]["buildings"] == [SCHOOLS[5]]
    page = browser.get(f"/buildings/{UNTOUCHED}?lang=en").text
    assert "6 buildings like it without a project used" in page
    assert "อาคารแบบเดียวกันที่ไม่มีโครงการ 6 แห่งใช้น้อยลง" in browser.get(f"/buildings/{UNTOUCHED}?lang=th").text


# -- beside the year before --------------------------------------------------------------------------------------------

FEBRUARY = Period.month(2025, 2)


def year_of(site, name):
    building = site.portfolio.buildings[name]
    pool = ComparisonPool(site)
    one = compared_year(site, building, FEBRUARY, versions_of(site.state, [name])[name])
    (row,) = year_rows(pool, [one], FEBRUARY)
    return row


def test_a_year_in_which_everyone_used_less_says_so_beside_the_change(site):
    row = year_of(site, UNTOUCHED)
    assert row.verdict == "less"
    assert row.change_ratio == pytest.approx(-COMMON, abs=0.05)
    assert row.common_ratio == pytest.approx(-COMMON, abs=0.05)
    assert (row.beside_verdict, row.beside_count) == ("unclear", 6)
    assert abs(row.beside_ratio) < row.beside_half_ratio
    assert row.is_shared
    assert not row.is_sure


def test_a_project_s_own_change_stays_beside_everyone_s(site):
    row = year_of(site, WITH_PROJECT)
    assert row.beside_ratio == pytest.approx(-OWN, abs=0.06)
    assert row.change_ratio == pytest.approx((1 - COMMON) * (1 - OWN) - 1, abs=0.05)


def test_command_page_api_and_report_say_the_same_of_everyone(site, home):
    client = signed_in(create_app(AppContext(site)), "person")
    row = client.get(f"/api/v1/buildings/{UNTOUCHED}/year-on-year", params={"month": "2025-02"}).json()
    assert row["common_ratio"] == pytest.approx(year_of(site, UNTOUCHED).common_ratio)
    args = ("savings", "year", UNTOUCHED.partition(".")[0], "--period", "2025-02", "--config", home / "config")
    known = json.loads(bkkenergy(*args, "--json"))
    assert {one["building_id"]: one for one in known["buildings"]}[UNTOUCHED]["common_ratio"] == row["common_ratio"]
    assert known["total"]["beside_verdict"] == "unclear"
    assert "like it without a project" in bkkenergy(*args, "--lang", "en").replace("\n", " ")
    report = read_json(render_json(make_report(site, UNTOUCHED.partition(".")[0], FEBRUARY, now=NOW), "en"))
    assert report.total_year_change.common_ratio == pytest.approx(known["total"]["common_ratio"])
    adjusted = [one for one in comparisons(report, Words("en")) if "without a project" in one.note]
    assert len(adjusted) == 1
    assert not adjusted[0].is_sure


def test_reports_of_one_turn_share_what_they_compare_with_and_another_period_has_its_own(site):
    pools, month = SharedPools(), Period.month(2025, 2)
    pool = pools.of(site, month)
    pool.compared(judged(site, UNTOUCHED))
    judged_once = dict(pool._judged)
    assert pools.of(site, Period.month(2025, 2)) is pool
    pool.compared(judged(site, WITH_PROJECT))
    assert all(pool._judged[key] is value for key, value in judged_once.items())
    assert pools.of(site, Period.month(2025, 1)) is not pool
