"""A demonstration with 400 days: what the product makes of its history, by its own use cases."""

from __future__ import annotations

import datetime as dt
import html
import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bkkenergy.adapters.state import reading
from bkkenergy.adapters.state.baselines import versions_of
from bkkenergy.adapters.state.findingwork import work_entries
from bkkenergy.adapters.state.projects import projects
from bkkenergy.adapters.state.users import add_user
from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.cli.demo_web import with_web
from bkkenergy.demo.meters import COOLING_LEFT_ON, NEW_LAMPS, lamps_done_on
from bkkenergy.demo.records import BILLED, PV_KWP, STATION_AT
from bkkenergy.demo.session import demo_settings
from bkkenergy.i18n import LANGS, Words
from bkkenergy.reports.savings.gather import hours_of
from bkkenergy.reports.savings.plan import measured_savings
from bkkenergy.site import load_configuration, open_site
from bkkenergy.site.portfolio_source import load_current
from bkkenergy.usecases.balance import building_energy
from bkkenergy.usecases.energy import air_temperature_c
from bkkenergy.usecases.paperbills import account_of, bills_of_account, checked_bill
from bkkenergy.web.app import create_app
from tests.commands import bkkenergy
from tests.conftest import CONFIG_PARTS, ROOT
from tests.sites import make_context
from tests.web import PASSWORD, signed_in

pytestmark = pytest.mark.broker
AGENCIES = ("district-phayathai", "district-dindaeng", "education", "environment")
SCHOOL = "district-dindaeng.school-1"


def configuration(folder):
    """The shipped configuration, with the buildings of some agencies alone."""
    config = folder / "config"
    config.mkdir()
    for name in (*CONFIG_PARTS, "bkkenergy.toml"):
        if name != "portfolio":
            (config / name).symlink_to(ROOT / "config" / name)
    shutil.copytree(ROOT / "config/portfolio", config / "portfolio")
    for path in (config / "portfolio/buildings").iterdir():
        if path.stem not in AGENCIES:
            path.unlink()
    return config


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """What `bkkenergy demo --exit` says, and where it was."""
    folder = tmp_path_factory.mktemp("demo")
    config = configuration(folder)
    arguments = ("--exit", "--mqtt-days", "1", "--lang", "en", "--folder", folder / "d", "--config", config)
    return folder, bkkenergy("demo", *arguments)


@pytest.fixture(scope="module")
def site(output):
    """The demonstration's site afterwards."""
    folder, _ = output
    config = load_configuration(folder / "config")
    config = replace(config, settings=demo_settings(config.settings, folder / "d", 1883))
    with open_site(replace(config, portfolio=load_current(config.folder, config.settings))) as opened:
        yield opened


def test_a_year_before_the_last_days_goes_straight_into_the_store(output):
    _, said = output
    older, over_mqtt = (
        int(re.search(rf"([0-9,]+) {word}", said)[1].replace(",", "")) for word in ("older", "readings in")
    )
    assert older > 100 * over_mqtt
    assert "3 items were rejected and quarantined" in said


def test_every_building_has_a_baseline_that_ends_before_the_new_lamps(site):
    versions = versions_of(site.state, list(site.portfolio.buildings))
    assert set(versions) == set(site.portfolio.buildings)
    done_on = next(project.done_on for project in projects(site.state) if project.state == "done")
    assert all(version.last < done_on for known in versions.values() for version in known)
    assert all(version.state == "accepted" for known in versions.values() for version in known)


def test_the_new_lamps_save_what_was_planted(site):
    yesterday = site.today - dt.timedelta(days=1)
    done = [project for project in projects(site.state) if project.state == "done"]
    building = site.portfolio.buildings[NEW_LAMPS]
    period = Period.days(yesterday - dt.timedelta(days=120), yesterday)
    measured = measured_savings(site, done, {NEW_LAMPS: hours_of(site, building, period)}, yesterday)[done[0].id]
    assert measured.kwh_a_year > measured.half_width_kwh > 0


def test_the_weather_is_measured_and_has_seasons(site):
    building = site.portfolio.buildings[STATION_AT]
    yesterday = site.today - dt.timedelta(days=1)
    hours = air_temperature_c(
        site.energy, site.portfolio, building, Period.days(yesterday - dt.timedelta(days=364), yesterday)
    )
    days = np.nanmean(hours.reshape(365, 24), axis=1)
    assert np.isfinite(hours).all()
    assert np.ptp(days.reshape(73, 5).mean(axis=1)) > 2.0, "the coolest and the hottest days differ"


def test_the_school_with_pv_uses_what_it_buys_and_makes_less_what_it_sells(site):
    assert SCHOOL in PV_KWP
    yesterday = site.today - dt.timedelta(days=1)
    period = Period.days(yesterday - dt.timedelta(days=27), yesterday)
    energy = building_energy(site.energy, site.portfolio.buildings[SCHOOL], period, "day").balance
    bought, sold, made, used = (
        flow.total_kwh for flow in (energy.grid_import, energy.grid_export, energy.production, energy.gross_use)
    )
    assert used == pytest.approx(bought + made - sold)
    assert min(bought, sold, made) > 0


def test_the_last_paper_bill_does_not_match_and_the_one_before_does(site):
    account = account_of(site.portfolio, BILLED[NEW_LAMPS])
    before, last = (checked_bill(site, account, one.bill) for one in bills_of_account(site.state, account))
    assert abs(before.difference_thb) < 1
    assert last.difference_thb > 1000
    causes = {cause for one in last.differences for cause in one.causes}
    assert "dates" in causes
    assert "rate" not in causes


def test_the_largest_finding_has_an_owner_and_a_day(site):
    with reading(site.state) as connection:
        (entry,) = work_entries(connection, ["education"], COOLING_LEFT_ON)
    assert (entry.state, entry.owner, entry.due) == ("assigned", "ช่างอาคาร", site.today + dt.timedelta(days=14))
    assert entry.cost_thb_a_month > 5000


@pytest.mark.parametrize("lang", LANGS)
def test_the_tour_leads_to_five_pages_that_answer(site, lang):
    name = f"guest-{lang}"
    add_user(site.state, name, PASSWORD, "admin", ["all"], dt.datetime.now(dt.UTC), language=lang)
    config = replace(site.config, settings=with_web(site.settings))
    client = signed_in(create_app(make_context(config)), name)
    page = client.get("/", params={"lang": lang}).text
    tour = page[page.index('class="tour"') : page.index("</details>", page.index('class="tour"'))]
    links = [html.unescape(link) for link in re.findall(r'href="([^"]+)"', tour)]
    assert (len(links), links[0]) == (5, "#yesterday")
    assert COOLING_LEFT_ON in links[1], "the building at which the air conditioning was left on"
    assert Words(lang)("web.tour_5") in tour
    assert 'id="yesterday"' in page
    assert '<div class="scroll"><table class="facts">' in page, "long names must not widen a phone's page"
    assert [client.get(link).status_code for link in links[1:]] == [200] * 4


def test_a_short_history_has_its_lamps_later():
    now = dt.datetime(2026, 11, 26, 9, 0, tzinfo=BANGKOK)
    assert lamps_done_on(pd.Timestamp("2026-10-20", tz=BANGKOK), now) == dt.date(2026, 11, 5)
