"""Baselines come by themselves, persons decide on them, and no refit takes a project's proof away."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from bkkenergy.access import server_actor
from bkkenergy.adapters.state.auditlog import audit_lines
from bkkenergy.adapters.state.baselines import Fitted, versions_of
from bkkenergy.adapters.state.pins import pins_of
from bkkenergy.adapters.state.users import add_user
from bkkenergy.calendar import Period
from bkkenergy.errors import InputError
from bkkenergy.jobs.service import Jobs
from bkkenergy.plan import Project
from bkkenergy.reports.savings.fitting import progress_of, propose_baselines
from bkkenergy.reports.savings.gather import fit_buildings, hours_of, judge
from bkkenergy.reports.savings.plan import measured_savings
from bkkenergy.settings import BaselineSettings, StateSettings
from bkkenergy.site import open_site
from bkkenergy.usecases.baselines import decide_on_baseline, store_baseline
from bkkenergy.usecases.plan import enter_projects, move_project
from bkkenergy.usecases.uptodate import up_to_date
from bkkenergy.web.app import create_app
from bkkenergy.web.context import AppContext
from tests.integration.test_gross_savings import OFFICE, site_with
from tests.planned import save_projects
from tests.web import PASSWORD, csrf_of, signed_in

ROOT_ACTOR, SCHEDULER = server_actor("cli:root"), server_actor("scheduler")


def noon(text):
    return dt.datetime.fromisoformat(f"{text}T05:00:00+00:00")


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """Two years of an office without PV; from the second on it uses a third less."""
    found = site_with(tmp_path_factory.mktemp("versions"), pv_kw=0.0, roof_kwp=0, meter="", writes=(), saving=0.35)
    web = found.settings.web.model_copy(update={"secure_cookies": False})
    return replace(found, settings=found.settings.model_copy(update={"web": web}))


@pytest.fixture
def at(config, tmp_path):
    """The site on a day, with a state of its own for each test."""
    opened = []
    state = StateSettings(path=tmp_path / "state.sqlite")

    def on(day, *, accept="person"):
        changes = {"state": state, "baseline": BaselineSettings(accept=accept)}
        there = replace(config, settings=config.settings.model_copy(update=changes))
        opened.append(open_site(there, clock=lambda: noon(day)))
        return up_to_date(opened[-1].__enter__())

    yield on
    for one in reversed(opened):
        one.__exit__(None, None, None)


def office_of(site):
    return site.portfolio.buildings[OFFICE]


def versions(site):
    return versions_of(site.state, [OFFICE]).get(OFFICE, ())


def fitted_on(site, first, last):
    days = Period.days(dt.date.fromisoformat(first), dt.date.fromisoformat(last))
    ((_, baseline),) = fit_buildings(site, [office_of(site)], days)
    return Fitted(OFFICE, baseline, reason="entered by a test")


def project(**changes):
    given = {"agency": "district-bangkhen", "building": OFFICE, "kind": "led", "name_th": "หลอด", "name_en": "Lamps"}
    return Project(
        **{"id": "lamps-1", "due_year_be": 2569, "expected_kwh": 1.0, "state": "running", **given, **changes}
    )


def pin_of(site, name):
    pin = pins_of(site.state, [name]).get(name)
    return pin and pin.fingerprint


def measured(site):
    there = site.refreshed()
    days = Period.days(dt.date(2024, 10, 1), dt.date(2025, 9, 30))
    return measured_savings(there, there.projects, {OFFICE: hours_of(there, office_of(there), days)}, days.last_day)


def test_a_building_is_on_its_way_and_nothing_is_fitted_before_there_are_enough_days(at):
    site = at("2024-03-01")
    progress = progress_of(site, office_of(site), ())
    assert (progress.valid_days, progress.needed_days) == (152, 330)
    assert propose_baselines(site, SCHEDULER, list(site.portfolio.buildings.values())) == []


def test_a_baseline_is_proposed_once_and_judges_only_when_a_person_accepts_it(at):
    site = at("2024-10-03")
    buildings = list(site.portfolio.buildings.values())
    (fitted,) = propose_baselines(site, SCHEDULER, buildings)
    assert (fitted.building, fitted.state, fitted.reason) == (OFFICE, "proposed", "first")
    assert propose_baselines(site, SCHEDULER, buildings) == []
    after = Period.days(dt.date(2024, 10, 3), dt.date(2025, 8, 31))
    assert judge(site, office_of(site), after).why.key == "error.baseline_proposed"
    (version,) = versions(site)
    decide_on_baseline(site.state, ROOT_ACTOR, site.portfolio, version.number, "accepted", site.clock())
    assert judge(site, office_of(site), after).band.verdict == "proven"
    with pytest.raises(InputError, match="accepted already"):
        decide_on_baseline(site.state, ROOT_ACTOR, site.portfolio, version.number, "accepted", site.clock())
    lines = [(line["actor"], line["action"]) for line in audit_lines(site.state)]
    assert set(lines) == {("scheduler", "baseline_propose"), ("cli:root", "baseline_accept")}


def test_the_scheduler_proposes_what_is_due(at):
    site = at("2024-10-03")
    jobs = site.settings.jobs.model_copy(update={"schedule": ()})
    config = replace(site.config, settings=site.settings.model_copy(update={"jobs": jobs}))
    Jobs(site.with_config(config)).tick()
    assert [one.state for one in versions(site)] == ["proposed"]


def test_a_rule_that_a_person_set_accepts_a_building_s_first(at):
    site = at("2024-10-03", accept="first")
    propose_baselines(site, SCHEDULER, [office_of(site)])
    (version,) = versions(site)
    assert (version.state, version.by, version.decided_by) == ("accepted", "scheduler", "rule")


def test_a_declined_baseline_judges_nothing_and_no_other_comes_at_once(at):
    site = at("2024-10-03")
    propose_baselines(site, SCHEDULER, [office_of(site)])
    decide_on_baseline(site.state, ROOT_ACTOR, site.portfolio, versions(site)[0].number, "declined", site.clock())
    assert propose_baselines(at("2024-10-20"), SCHEDULER, [office_of(site)]) == []
    assert len(propose_baselines(at("2025-06-01"), SCHEDULER, [office_of(site)])) == 1


def test_a_refit_after_a_project_leaves_its_proof_as_it_was(at):
    site = at("2025-10-01")
    store_baseline(site.state, ROOT_ACTOR, site.portfolio, fitted_on(site, "2023-10-01", "2024-09-30"), site.clock())
    save_projects(site.state, [project()], site.clock())
    move_project(site.state, ROOT_ACTOR, "lamps-1", "done", dt.date(2024, 10, 1), "", site.clock())
    pin = pin_of(site, "lamps-1")
    assert pin == versions(site)[0].fingerprint
    before = measured(site)
    assert before["lamps-1"].kwh_a_year > 40_000
    for first, last in (("2024-10-01", "2025-03-31"), ("2023-10-01", "2024-06-30"), ("2023-12-01", "2024-09-30")):
        store_baseline(site.state, ROOT_ACTOR, site.portfolio, fitted_on(site, first, last), site.clock())
    assert measured(site) == before
    enter_projects(
        site.state, ROOT_ACTOR, [project(state="done", done_on=dt.date(2024, 10, 1), note="x")], site.clock()
    )
    assert pin_of(site, "lamps-1") == pin
    year = judge(site, office_of(site), Period.days(dt.date(2024, 10, 1), dt.date(2025, 8, 31)))
    assert year.saving.saving_ratio == pytest.approx(0.35, abs=0.02)


def test_a_baseline_that_comes_after_its_project_is_of_the_year_before_and_is_pinned(at):
    site = at("2025-02-01")
    save_projects(site.state, [project()], site.clock())
    move_project(site.state, ROOT_ACTOR, "lamps-1", "done", dt.date(2024, 10, 1), "", site.clock())
    assert not pin_of(site, "lamps-1")
    (fitted,) = propose_baselines(site.refreshed(), SCHEDULER, [office_of(site)])
    assert (fitted.baseline.first.isoformat(), fitted.baseline.last.isoformat()) == ("2023-10-02", "2024-09-30")
    decide_on_baseline(site.state, ROOT_ACTOR, site.portfolio, versions(site)[0].number, "accepted", site.clock())
    assert pin_of(site, "lamps-1") == fitted.baseline.fingerprint


def test_two_projects_of_two_baselines_are_measured_apart(at):
    site = at("2025-10-01")
    for first, last in (("2023-10-01", "2024-09-30"), ("2024-10-01", "2025-05-31")):
        store_baseline(site.state, ROOT_ACTOR, site.portfolio, fitted_on(site, first, last), site.clock())
    done = {"state": "done"}
    first = project(done_on=dt.date(2024, 10, 1), **done)
    second = project(id="pump-2", done_on=dt.date(2025, 6, 1), **done)
    enter_projects(site.state, ROOT_ACTOR, [first, second], site.clock())
    pins = {one: pin_of(site, one) for one in ("lamps-1", "pump-2")}
    assert len(set(pins.values())) == 2
    both = measured(site)
    assert both["lamps-1"].days == 243  # up to the day before the second began
    assert abs(both["pump-2"].kwh_a_year) < 0.15 * both["lamps-1"].kwh_a_year


def test_an_old_baseline_is_followed_by_one_that_is_chained_to_it(at, monkeypatch):
    monkeypatch.setattr("bkkenergy.savings.versions.OLD_YEARS", 0.5)
    site = at("2025-10-01")
    store_baseline(site.state, ROOT_ACTOR, site.portfolio, fitted_on(site, "2023-10-01", "2024-09-30"), site.clock())
    (fitted,) = propose_baselines(site, SCHEDULER, [office_of(site)])
    assert fitted.reason == "old"
    assert fitted.link.saving_ratio == pytest.approx(0.35, abs=0.02)
    assert versions(site)[0].link == fitted.link


def test_the_page_and_the_api_show_progress_and_take_a_person_s_decision(at):
    site = at("2024-03-01")
    for name, role in (("look", "viewer"), ("manage", "manager")):
        add_user(site.state, name, PASSWORD, role, ["district-bangkhen"], site.clock())
    early = signed_in(create_app(AppContext(site)), "look")
    assert "152 of 330 valid days" in early.get(f"/buildings/{OFFICE}?lang=en").text
    answer = early.get(f"/api/v1/buildings/{OFFICE}/baselines").json()
    assert (answer["versions"], answer["progress"]["valid_days"]) == ([], 152)

    later = at("2024-10-03")
    propose_baselines(later, SCHEDULER, [office_of(later)])
    app = create_app(AppContext(later))
    viewer, manager = signed_in(app, "look"), signed_in(app, "manage")
    (version,) = viewer.get(f"/api/v1/buildings/{OFFICE}/baselines").json()["versions"]
    path = f"/buildings/{OFFICE}/baselines/{version['number']}"
    assert path not in viewer.get(f"/buildings/{OFFICE}").text
    assert "เสนอแล้ว" in manager.get(f"/buildings/{OFFICE}").text
    sent = {"csrf": csrf_of(viewer), "state": "accepted"}
    assert viewer.post(path, data=sent).status_code == 403
    own = {"X-CSRF-Token": csrf_of(manager)}
    assert manager.post(f"/api/v1{path}0", json={"state": "accepted"}, headers=own).status_code == 404
    assert manager.post(f"/api/v1{path}", json={"state": "lost"}, headers=own).status_code == 422
    declined = manager.post(f"/api/v1{path}", json={"state": "declined"}, headers=own)
    assert (declined.status_code, declined.json()["state"]) == (200, "declined")
    assert manager.post(path, data={"csrf": csrf_of(manager), "state": "accepted"}).status_code == 303
    assert [one.state for one in versions(later)] == ["accepted"]
    assert "in force" in viewer.get(f"/buildings/{OFFICE}?lang=en").text
