"""An office that uses a quarter more from one day on: found with its day, and entered as an adjustment or dismissed."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from bkkenergy.access import server_actor
from bkkenergy.adapters.state.baselines import Fitted, save_baseline
from bkkenergy.adapters.state.users import add_user
from bkkenergy.calendar import Period
from bkkenergy.errors import InputError
from bkkenergy.portfolio.edits import Put
from bkkenergy.reports.savings.gather import facts_of, fit_buildings, judge
from bkkenergy.savings.insights import find
from bkkenergy.site import load_configuration, open_site
from bkkenergy.usecases import portfolio
from bkkenergy.usecases.dismissals import dismiss
from bkkenergy.usecases.events import accept_event
from bkkenergy.usecases.uptodate import up_to_date
from bkkenergy.web.app import create_app
from bkkenergy.web.context import AppContext
from tests.commands import bkkenergy
from tests.integration.test_gross_savings import AFTER, BASE, OFFICE, site_with
from tests.web import PASSWORD, csrf_of, signed_in

NOW = dt.datetime(2025, 3, 1, 5, 0, tzinfo=dt.UTC)
STEP = dt.date(2024, 10, 1)
ROOT_ACTOR = server_actor("cli:root")


@pytest.fixture
def home(tmp_path):
    """The site with its records in the state, a baseline of the year before, and two users."""
    site_with(tmp_path, pv_kw=0.0, roof_kwp=0, meter="", writes=(), saving=-0.25)
    settings = tmp_path / "config/bkkenergy.toml"
    settings.write_text(settings.read_text().replace("[web]", "[web]\nsecure_cookies = false", 1))
    config = load_configuration(tmp_path / "config")
    with open_site(config, clock=lambda: NOW) as opened:
        site = up_to_date(opened)
        state = portfolio.portfolio_state(config, site.state)
        portfolio.replace_all(state, ROOT_ACTOR, config.portfolio.records, why="first import", now=NOW)
        ((_, baseline),) = fit_buildings(site, [site.portfolio.buildings[OFFICE]], BASE)
        save_baseline(site.state, Fitted(OFFICE, baseline), NOW)
        for name, role in (("look", "viewer"), ("manage", "manager")):
            add_user(site.state, name, PASSWORD, role, ["district-bangkhen"], NOW)
    return tmp_path


def opened(home):
    return open_site(load_configuration(home / "config"), clock=lambda: NOW)


def findings_of(site):
    there = up_to_date(site.refreshed())
    building = there.portfolio.buildings[OFFICE]
    return {
        one.rule: one for one in find(facts_of(there, building, last_day=dt.date(2025, 2, 28)), there.savings.insights)
    }


def judged(site):
    return judge(up_to_date(site), site.portfolio.buildings[OFFICE], Period.days(AFTER.first_day, dt.date(2025, 2, 28)))


def enter_adjustment(site, first, **fields):
    """Enter an adjustment by hand, as a person does."""
    body = {"building": OFFICE, "first": first, "entered_by": "malee", "entered": NOW.date()} | fields
    state = portfolio.portfolio_state(site.config, site.state)
    portfolio.change(
        state, ROOT_ACTOR, [Put("adjustment", body)], why="entered", from_day=None, expected_revision=None, now=NOW
    )


def test_a_lasting_change_is_one_finding_and_as_an_adjustment_no_increase(home):
    with opened(home) as site:
        names = findings_of(site)
        event = names["use_event"]
        assert abs((event.since - STEP).days) <= 3
        assert event.evidence["change_ratio"] == pytest.approx(0.25, abs=0.05)
        assert "baseload_rise" not in names
        if "anomaly" in names:  # the store has no weather: a hot week is one, but the change is no part of it
            assert abs(names["anomaly"].energy_kwh_a_month) < 0.4 * event.energy_kwh_a_month
        before = judged(site)
        assert before.band.verdict == "increase"
        with pytest.raises(InputError, match="say what changed"):
            accept_event(portfolio.portfolio_state(site.config, site.state), ROOT_ACTOR, event, " x ", NOW)
        enter_adjustment(site, event.since, kwh_a_day=0.1, reason="a kettle")
    said = bkkenergy(
        "insights", OFFICE, "--until", "2025-02-28", "--adjust", "A new wing", "--config", home / "config", code=0
    )
    assert "หน่วยต่อวัน" in said
    with opened(home) as site:
        kettle, adjustment = sorted(site.savings.adjustments_of(OFFICE), key=lambda one: one.ratio)
        assert (kettle.first, kettle.reason) == (event.since, "a kettle"), "another one of that day is still there"
        assert (adjustment.first, adjustment.reason) == (event.since, "A new wing")
        assert (adjustment.kwh_a_day, adjustment.ratio) == (0.0, pytest.approx(0.25, abs=0.05))
        assert adjustment.half_width_ratio > 0
        after = judged(site)
        assert after.band.verdict == "unclear"
        assert after.saving.saving_ratio == pytest.approx(0, abs=0.03)
        assert (
            after.band.half_width_ratio * after.saving.adjusted_kwh
            > before.band.half_width_ratio * before.saving.adjusted_kwh
        )
        assert "use_event" not in findings_of(site)


def test_a_dismissed_event_is_gone_and_the_increase_stays(home):
    with opened(home) as site:
        event = findings_of(site)["use_event"]
        dismiss(site.state, ROOT_ACTOR, site.portfolio, [event], "use_event", NOW)
        assert "use_event" not in findings_of(site)
        assert judged(site).band.verdict == "increase"
        with pytest.raises(InputError, match="no lasting change"):
            accept_event(
                portfolio.portfolio_state(site.config, site.state),
                ROOT_ACTOR,
                replace(event, rule="anomaly"),
                "why it is",
                NOW,
            )


def test_the_page_and_the_api_take_a_person_s_decision(home):
    with opened(home) as site:
        app = create_app(AppContext(site))
        viewer, manager = signed_in(app, "look"), signed_in(app, "manage")
        path = f"/buildings/{OFFICE}/adjust"
        assert path not in viewer.get(f"/buildings/{OFFICE}").text
        shown = manager.get(f"/buildings/{OFFICE}?lang=en").text
        assert path in shown
        assert "Use has changed for good" in shown
        assert "การใช้ไฟฟ้าเปลี่ยนไปอย่างต่อเนื่อง" in manager.get(f"/buildings/{OFFICE}?lang=th").text
        own = {"X-CSRF-Token": csrf_of(manager)}
        api = f"/api/v1/buildings/{OFFICE}/event"
        assert (
            viewer.post(api, json={"decision": "dismiss"}, headers={"X-CSRF-Token": csrf_of(viewer)}).status_code == 403
        )
        assert manager.post(api, json={"decision": "adjust", "reason": "x"}, headers=own).status_code == 422
        assert manager.post(path, data={"csrf": csrf_of(manager), "reason": "x"}).status_code == 422
        answer = manager.post(api, json={"decision": "adjust", "reason": "A new wing"}, headers=own)
        assert (answer.status_code, answer.json()["kwh_a_day"] > 0) == (200, True)
        assert path not in manager.get(f"/buildings/{OFFICE}").text
        assert manager.post(api, json={"decision": "dismiss"}, headers=own).status_code == 404
