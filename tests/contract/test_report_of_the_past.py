"""A report of the past says what was true then, and stays as it is whatever is entered for later days."""

from __future__ import annotations

import datetime as dt
import shutil
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from bkkenergy.access import server_actor
from bkkenergy.adapters.state import open_state
from bkkenergy.calendar import Period, timestamp_us
from bkkenergy.cli.opening import opened_site
from bkkenergy.plan import Project
from bkkenergy.portfolio.edits import Amend, Put
from bkkenergy.readings import ReadingBatch
from bkkenergy.reports.render import RENDERERS
from bkkenergy.reports.write import make_building_report, make_report
from bkkenergy.site import load_configuration
from bkkenergy.site.open import open_writable
from bkkenergy.site.portfolio_files import read_folder
from bkkenergy.usecases.bills import month_bills
from bkkenergy.usecases.plan import enter_projects, move_project
from bkkenergy.usecases.portfolio import PortfolioState, change, replace_all
from tests.conftest import CONFIG_PARTS, ROOT
from tests.sites import postgresql_database

pytestmark = pytest.mark.slow
AGENCY, OTHER = "district-bangkhen", "health"
MAIN = f"{AGENCY}.office.main"
OFFICE = f"{AGENCY}.office"
NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)
ME = server_actor("malee")
BEFORE, AFTER = Period.parse("2026-09", today=NOW.date()), Period.parse("2026-10", today=NOW.date())
FROM = dt.date(2026, 10, 1)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def config(request, tmp_path, monkeypatch):
    """A site of the demonstration's portfolio with two months of one office; state and ledger on each engine."""
    (tmp_path / "config").mkdir()
    for name in CONFIG_PARTS:
        source = ROOT / "config" / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / "config" / name)
    (tmp_path / "config/bkkenergy.toml").write_text(
        '[store]\npath = "var/store.sqlite"\n[state]\npath = "var/state.sqlite"\n'
    )
    if request.param == "postgresql":
        url = postgresql_database(request.getfixturevalue("postgres").port).get_secret_value()
        monkeypatch.setenv("BKKENERGY_STATE_URL", url)
    site = load_configuration(tmp_path / "config")
    store = open_writable(site.settings)
    at = np.arange(timestamp_us(BEFORE.start) - 86_400_000_000, timestamp_us(AFTER.end), 900_000_000)
    kwh = 1000 + np.cumsum(np.random.default_rng(1).uniform(0, 20, len(at)))
    columns = {"energy_kwh": kwh, "applied_ratio": np.ones(len(at))}
    store.commit(ReadingBatch((MAIN,), np.zeros(len(at), np.int64), at, columns))
    store.close()
    return tmp_path / "config"


@contextmanager
def records(config):
    engine = open_state(load_configuration(config).settings.state)
    yield PortfolioState(engine)
    engine.dispose()


def imported(config):
    with records(config) as state:
        replace_all(state, ME, read_folder(config).records, why="first import", now=NOW)


def amended(config, fields, *, kind="meter", key=MAIN, from_day=FROM):
    with records(config) as state:
        done = change(
            state, ME, [Amend(kind, key, fields)], why="exchanged", from_day=from_day, expected_revision=None, now=NOW
        )
    return done.revision


def rendered(config, period, agency=AGENCY):
    """The report in every form that has no time of its making in it, byte for byte."""
    with opened_site(load_configuration(config)) as site:
        report = make_report(site, agency, period, now=NOW)
    return report, {form: RENDERERS[form](report, "en") for form in ("html", "json", "csv")}


def test_a_ratio_from_a_later_day_leaves_the_report_of_an_earlier_month_byte_for_byte_the_same(config):
    imported(config)
    report, before = rendered(config, BEFORE)
    later, _ = rendered(config, AFTER)
    assert report.portfolio_revision == 1
    assert report.total.energy_kwh > 1000
    assert amended(config, {"ct_ratio": 3.0, "rated_kw": 9000.0}) == 2
    assert rendered(config, BEFORE)[1] == before
    changed, _ = rendered(config, AFTER)
    assert changed.portfolio_revision == 2
    assert changed.total.energy_kwh == pytest.approx(later.total.energy_kwh * 3, rel=1e-6)


def test_a_change_of_another_agency_leaves_a_report_byte_for_byte_the_same(config):
    imported(config)
    before = rendered(config, AFTER)[1]
    amended(config, {"gross_floor_area_m2": 1.0}, kind="building", key=f"{OTHER}.centre-1")
    assert rendered(config, AFTER)[1] == before


def test_a_report_has_the_area_the_tariff_and_the_names_of_its_own_days(config):
    imported(config)
    before = {own.id: own for own in rendered(config, BEFORE)[0].buildings}[OFFICE]
    amended(
        config,
        {"gross_floor_area_m2": 20800.0, "tariff": "mea-3-1-mv", "name_en": "New name"},
        kind="building",
        key=OFFICE,
    )
    assert {own.id: own for own in rendered(config, BEFORE)[0].buildings}[OFFICE] == before
    after = {own.id: own for own in rendered(config, AFTER)[0].buildings}[OFFICE]
    assert (after.gross_floor_area_m2, after.name_en) == (20800.0, "New name")


def test_a_month_in_which_the_floor_area_changes_uses_the_area_of_each_day_and_says_so(config):
    imported(config)
    before, then = portfolio_area(config), 20800.0
    amended(config, {"gross_floor_area_m2": then}, kind="building", key=OFFICE, from_day=dt.date(2026, 10, 11))
    report, files = rendered(config, AFTER)
    office = {own.id: own for own in report.buildings}[OFFICE]
    assert office.gross_floor_area_m2 == pytest.approx((10 * before + 21 * then) / 31)
    assert office.floor_areas == ((dt.date(2026, 10, 1), before), (dt.date(2026, 10, 11), then))
    page = files["html"].decode().replace("\N{NO-BREAK SPACE}", " ")
    assert f"{before:,.0f} m² from 1 October 2026 on; 20,800 m² from 11 October 2026 on" in page
    whole = {own.id: own for own in rendered(config, BEFORE)[0].buildings}[OFFICE]
    assert (whole.gross_floor_area_m2, whole.floor_areas) == (before, ())


def test_a_building_s_own_report_rests_on_the_same_records_and_not_on_its_agency_s_budget(config):
    imported(config)
    amended(config, {"gross_floor_area_m2": 20800.0}, kind="building", key=OFFICE, from_day=dt.date(2026, 10, 11))
    amended(config, {"budget_thb": 9e6, "budget_year_be": 2570}, kind="agency", key=AGENCY, from_day=AFTER.first_day)
    report, _ = rendered(config, AFTER)
    with opened_site(load_configuration(config)) as site:
        alone = make_building_report(site, OFFICE, AFTER, now=NOW)
    assert alone.portfolio_revision == report.portfolio_revision == 3
    assert alone.buildings == tuple(one for one in report.buildings if one.id == OFFICE)
    assert (report.budget.budget_thb, alone.budget) == (9e6, None)


def portfolio_area(config):
    return load_configuration(config).portfolio.buildings[OFFICE].gross_floor_area_m2


def test_a_report_has_the_projects_as_they_were_on_its_last_day(config):
    """Entered in September, moved in October, and done by what is known in November."""
    led = Project(id="led-one", agency=AGENCY, kind="led", name_th="หลอด", name_en="Lamps", due_year_be=2570)

    def stages(period):
        plan = rendered(config, period)[0].plan
        return None if plan is None else [(line.id, line.state, line.budget_thb) for line in plan.projects]

    with opened_site(load_configuration(config)) as site:
        enter_projects(site.state, ME, [led], NOW, from_day=dt.date(2026, 9, 20), why="a survey")
        move_project(site.state, ME, "led-one", "proposed", dt.date(2026, 10, 20), "", NOW)
    september = rendered(config, BEFORE)[1]
    assert (stages(BEFORE), stages(AFTER)) == ([("led-one", "surveyed", 0.0)], [("led-one", "proposed", 0.0)])
    with opened_site(load_configuration(config)) as site:
        enter_projects(site.state, ME, [led.model_copy(update={"id": "led-two", "budget_thb": 7.0})], NOW)
        move_project(site.state, ME, "led-one", "endorsed", dt.date(2026, 11, 2), "", NOW)
    assert stages(AFTER) == [("led-one", "proposed", 0.0)]
    assert rendered(config, BEFORE)[1] == september


def test_each_month_of_a_year_is_billed_by_the_tariff_of_that_month(config):
    year = Period.parse("2026-09-01..2026-10-31", today=NOW.date())

    def bills():
        with opened_site(load_configuration(config)) as site:
            return month_bills(site, site.portfolio.buildings[OFFICE], year)

    imported(config)
    september, october = bills()
    amended(config, {"tariff": "mea-2-2-lv"}, kind="building", key=OFFICE)
    assert bills()[0] == september
    assert bills()[1].total_thb != october.total_thb


def office_bills(config, period=AFTER):
    with opened_site(load_configuration(config)) as site:
        return month_bills(site, site.portfolio.buildings[OFFICE], period)


def test_a_month_in_which_the_tariff_changes_is_billed_by_the_days_of_each(config):
    imported(config)
    (whole,) = office_bills(config)
    amended(config, {"tariff": "mea-2-2-lv"}, kind="building", key=OFFICE, from_day=dt.date(2026, 10, 11))
    (month,) = office_bills(config)
    first, then = month.parts
    assert (first.schedule_id, then.schedule_id) == (whole.schedule_id, "mea-2-2-lv")
    assert (first.quantities.part.share_ratio, then.quantities.part.share_ratio) == (10 / 31, 21 / 31)
    assert month.quantities.energy_kwh == pytest.approx(whole.quantities.energy_kwh)
    (ten_days,) = office_bills(config, Period.parse("2026-10-01..2026-10-10", today=NOW.date()))
    assert first.quantities.energy_kwh == pytest.approx(ten_days.quantities.energy_kwh)
    report, files = rendered(config, AFTER)
    assert report.is_bill_split
    assert b"split by days" in files["html"]
    assert {own.id: own for own in report.buildings}[OFFICE].use.cost_thb == pytest.approx(month.total_thb)
    assert not rendered(config, BEFORE)[0].is_bill_split


def test_the_schedule_of_the_account_counts_from_its_day_on(config):
    imported(config)
    tariff = load_configuration(config).portfolio.buildings[OFFICE].tariff
    account = {
        "id": "office-bill", "utility": "mea", "number": "012345678", "schedule": "mea-2-2-lv", "buildings": [OFFICE],
    }  # fmt: skip
    with records(config) as state:
        change(state, ME, [Put("account", account)], why="seen on the bill", from_day=dt.date(2026, 10, 21),
               expected_revision=None, now=NOW)  # fmt: skip
    (month,) = office_bills(config)
    assert [part.schedule_id for part in month.parts] == [tariff, "mea-2-2-lv"]
    assert [part.quantities.part.first.day for part in month.parts] == [1, 21]
    assert not office_bills(config, BEFORE)[0].parts


def test_a_ratio_from_a_later_day_leaves_the_report_of_last_fiscal_year_byte_for_byte_the_same(config):
    imported(config)
    last_year = Period.parse("FY2569", today=NOW.date())
    before = rendered(config, last_year)[1]
    amended(config, {"ct_ratio": 3.0, "rated_kw": 9000.0})
    assert rendered(config, last_year)[1] == before


def test_a_report_from_files_says_no_revision_and_the_rest_is_the_same(config):
    report, files = rendered(config, BEFORE)
    assert report.portfolio_revision == 0
    imported(config)
    other, _ = rendered(config, BEFORE)
    assert replace(other, portfolio_revision=0) == report
    assert b"revision 1 of the portfolio" not in files["html"]
    assert b"revision 1 of the portfolio" in rendered(config, BEFORE)[1]["html"]
