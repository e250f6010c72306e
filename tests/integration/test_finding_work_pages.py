"""Findings as work on pages and by the API: a building at whose nights much is used, seen by those who care for it."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from bkkenergy.adapters.state import transaction
from bkkenergy.adapters.state.findingwork import add_work_entry
from bkkenergy.adapters.state.tokens import add_token
from bkkenergy.adapters.state.users import users
from bkkenergy.calendar import BANGKOK
from tests.commands import bkkenergy
from tests.web import make_app, make_site, signed_in

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning")]
BUILDING, AGENCY = "health.centre-1", "health"
PAGE, LIST = f"/buildings/{BUILDING}", f"/agencies/{AGENCY}/findings"
TODAY = dt.datetime.now(BANGKOK).date()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_site(tmp_path_factory.mktemp("work"))


@pytest.fixture(scope="module")
def app(home):
    return make_app(home)


@pytest.fixture(scope="module")
def manager(app):
    return signed_in(app, "manager-health")


@pytest.fixture(scope="module")
def rule(manager):
    """The key of a finding that the building's page has."""
    return re.search(r'name="rule" value="([a-z_]+)"', manager.get(PAGE).text)[1]


def posted(client, path=f"{PAGE}/findings", **fields):
    csrf = re.search(r'name="csrf" value="([^"]+)"', client.get(PAGE).text)[1]
    return client.post(path, data={"csrf": csrf, "back": "list"} | fields)


def test_a_finding_is_assigned_on_its_page_and_listed_with_its_owner(manager, rule):
    due = TODAY - dt.timedelta(days=1)
    done = posted(manager, rule=rule, state="assigned", owner="<b>สมชาย</b>", due=due.isoformat(), comment="=1+1")
    assert (done.status_code, done.headers["location"]) == (303, LIST)
    page = manager.get(LIST, params={"lang": "en"}).text
    assert "&lt;b&gt;สมชาย&lt;/b&gt;" in page
    assert "assigned · late" in page
    assert "<b>สมชาย</b>" not in page
    assert "assigned · late" in manager.get(PAGE, params={"lang": "en"}).text


def test_the_list_is_filtered_by_owner_and_state(manager, rule):
    posted(manager, rule=rule, state="assigned", owner="nok")
    assert "1 finding" in manager.get(LIST, params={"lang": "en", "owner": "nok"}).text
    assert "No finding fits" in manager.get(LIST, params={"lang": "en", "owner": "x"}).text
    assert "No finding fits" in manager.get(LIST, params={"lang": "en", "state": "resolved"}).text


def test_a_dismissed_finding_is_listed_as_such_and_comes_back(manager, rule):
    posted(manager, rule=rule, state="dismissed", comment="approved server room")
    page = manager.get(PAGE, params={"lang": "en"}).text
    assert "Resolved and dismissed (1)" in page
    assert "approved server room" in page
    assert "No findings." not in page
    posted(manager, f"{PAGE}/findings/undo", rule=rule)
    assert "Resolved and dismissed" not in manager.get(PAGE, params={"lang": "en"}).text


def test_a_resolved_finding_says_what_came_of_it(manager, rule):
    posted(manager, rule=rule, state="resolved")
    assert "Still found: " in manager.get(PAGE, params={"lang": "en"}).text
    posted(manager, f"{PAGE}/findings/undo", rule=rule)


def test_what_says_nothing_and_who_may_only_look_change_nothing(app, manager, rule):
    before = manager.get(f"/api/v1/agencies/{AGENCY}/findings/work").json()
    for wrong in ({"state": "done"}, {"state": "dismissed"}, {"state": "seen", "due": "2569-13-40"}):
        assert posted(manager, rule=rule, **wrong).status_code == 422
    assert posted(manager, rule="no_rule", state="seen").status_code == 404
    assert posted(manager, rule=rule, state="seen", csrf="x").status_code == 403
    viewer = signed_in(app, "viewer-health")
    assert "/findings/undo" not in viewer.get(LIST).text
    assert posted(viewer, rule=rule, state="seen", csrf=csrf_in(viewer)).status_code == 403
    assert manager.get("/agencies/education/findings").status_code == 404
    assert manager.get(f"/api/v1/agencies/{AGENCY}/findings/work").json() == before


def csrf_in(client):
    return re.search(r'name="csrf" value="([^"]+)"', client.get("/help").text)[1]


def test_a_program_enters_and_takes_back(app, rule):
    site = app.state.here.opened
    number = next(user["id"] for user in users(site.state) if user["name"] == "manager-health")
    token = add_token(site.state, number, "work", "write", site.clock(), days=1)
    client = signed_in(app, "manager-health")
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "work-1"}
    path = f"/api/v1/buildings/{BUILDING}/findings/{rule}/work"
    body = {"state": "repairing", "owner": "nok", "due": "2026-12-15"}
    first, again = (client.post(path, json=body, headers=headers) for _ in range(2))
    assert (first.status_code, first.json()) == (201, again.json())
    (item,) = client.get(f"/api/v1/agencies/{AGENCY}/findings/work").json()["items"]
    assert (item["number"], item["state"], item["history"][-1]["number"]) == (
        first.json()["number"], "repairing", first.json()["number"],
    )  # fmt: skip
    back = client.delete(path, headers={"Authorization": f"Bearer {token}"}).json()
    assert back["state"] == item["history"][-2]["state"]
    assert client.post(path, json={"state": "dismissed"}, headers=headers).status_code == 422


def test_the_command_lists_and_enters(home, rule):
    config = ["--config", home / "config", "--lang", "en"]
    assert "is seen" in bkkenergy("work", "enter", BUILDING, rule, "seen", *config)
    assert BUILDING in bkkenergy("work", "list", AGENCY, *config)
    assert "not in the portfolio" in bkkenergy("work", "list", "nowhere", *config, code=2)
    bkkenergy("work", "undo", BUILDING, rule, *config)


def test_findings_of_one_fault_are_one_in_the_list_s_sum(manager, app):
    engine = app.state.here.opened.state
    for rule, thb in (("baseload_rise", 900.0), ("closed_days", 300.0)):
        with transaction(engine) as connection:
            add_work_entry(
                connection, AGENCY, "health.centre-2", rule, state="seen", owner="the-same", due=None, comment="",
                cost_thb_a_month=thb, by="malee", now=dt.datetime.now(dt.UTC),
            )  # fmt: skip
    page = manager.get(LIST, params={"lang": "en", "owner": "the-same"}).text
    assert "2 findings · 900 THB a month" in page
    building = manager.get("/buildings/health.centre-2", params={"lang": "en"}).text
    assert "Worked on, and not found now:" in building
