"""The plan's projects over the API, and by commands: records with days, history, undo, and each agency's own."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from tests.commands import bkkenergy
from tests.integration.test_api_portfolio import client_of
from tests.web import make_app, make_site

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
RECORDS = "/api/v1/plan/records"
WHY = {"why": "as endorsed"}
NEW = {"If-None-Match": "*"}
LED = {"agency": "health", "kind": "led", "name_th": "หลอด", "name_en": "Lamps", "due_year_be": 2570}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_site(tmp_path_factory.mktemp("plan"), days=1)


@pytest.fixture(scope="module")
def app(home):
    return make_app(home)


@pytest.fixture(scope="module")
def manager(app):
    return client_of(app, "manager-health")


@pytest.fixture(scope="module")
def root(app):
    return client_of(app, "admin")


def entered(client, name, *, agency="health", **more):
    body = {"value": LED | {"id": name, "agency": agency}, **WHY, **more}
    return client.put(f"{RECORDS}/{name}", json=body, headers=NEW)


def listed(*arguments):
    return json.loads(bkkenergy(*arguments))


def on(client, name, day):
    return client.get(f"{RECORDS}/{name}", params={"day": day})


def test_a_project_is_what_it_was_on_each_day_and_each_change_has_who_when_and_why(manager):
    assert entered(manager, "dated", from_day="2026-02-01").status_code == 200
    move = {"state": "proposed", "on": "2026-05-01"}
    assert manager.post(f"{RECORDS}/dated/move", json=move).status_code == 200
    tag = {"If-Match": manager.get(f"{RECORDS}/dated").headers["etag"]}
    body = {"fields": {"budget_thb": 9000}, "from_day": "2026-06-01", **WHY}
    assert manager.patch(f"{RECORDS}/dated", json=body, headers=tag).status_code == 200
    assert on(manager, "dated", "2026-01-31").status_code == 404
    seen = [on(manager, "dated", day).json()["value"] for day in ("2026-04-30", "2026-05-01", "2026-06-01")]
    assert [(value["state"], value["budget_thb"]) for value in seen] == [
        ("surveyed", 0), ("proposed", 0), ("proposed", 9000),
    ]  # fmt: skip
    history = manager.get("/api/v1/plan/revisions", params={"key": "dated"}).json()
    assert [(row["actor"], row["why"]) for row in history] == [
        ("manager-health", "as endorsed"), ("manager-health", ""), ("manager-health", "as endorsed"),
    ]  # fmt: skip
    changes = manager.get("/api/v1/plan/compare", params={"before": history[1]["number"]}).json()
    assert [change["after"]["budget_thb"] for change in changes] == [9000]


def test_an_undo_takes_back_one_revision_and_none_that_was_built_upon(manager):
    assert entered(manager, "undone").status_code == 200
    number = manager.get("/api/v1/plan/revisions", params={"key": "undone"}).json()[0]["number"]
    assert manager.post(f"{RECORDS}/undone/move", json={"state": "proposed"}).status_code == 200
    assert manager.post(f"/api/v1/plan/revisions/{number}/undo", json=WHY).status_code == 409
    newest = manager.get("/api/v1/plan/revisions", params={"key": "undone"}).json()[0]["number"]
    done = manager.post(f"/api/v1/plan/revisions/{newest}/undo", json=WHY)
    assert (done.status_code, done.json()["revision"]) == (200, newest + 1)
    assert manager.get(f"{RECORDS}/undone").json()["value"]["state"] == "surveyed"


def test_of_two_persons_at_one_project_the_second_is_shown_what_changed(manager, root):
    tag = {"If-Match": f'"{entered(manager, "shared").json()["revision"]}"'}
    first, second = (
        client.patch(f"{RECORDS}/shared", json={"fields": {"note": note}, **WHY}, headers=tag)
        for client, note in ((root, "from root"), (manager, "from manager"))
    )
    assert (first.status_code, second.status_code) == (200, 412)
    assert [change["after"]["note"] for change in second.json()["changes"]] == ["from root"]
    assert manager.get(f"{RECORDS}/shared").json()["value"]["note"] == "from root"


@pytest.mark.parametrize("name", ["led-education", "none-such"])
def test_a_project_of_another_agency_is_not_there_by_any_way_in(manager, name):
    tag = {"If-Match": '"1"'}
    answers = [
        manager.get(f"{RECORDS}/{name}"),
        manager.patch(f"{RECORDS}/{name}", json={"fields": {"note": "x"}, **WHY}, headers=tag),
        manager.put(f"{RECORDS}/{name}", json={"value": LED | {"id": name, "agency": "education"}, **WHY}, headers=NEW),
        manager.delete(f"{RECORDS}/{name}", params=WHY, headers=tag),
        manager.post(f"{RECORDS}/{name}/move", json={"state": "proposed"}),
    ]
    assert [answer.status_code for answer in answers] == [404] * len(answers)
    assert "LED education" not in str([answer.text for answer in answers])
    assert all("education" not in row["value"]["agency"] for row in manager.get(RECORDS).json()["items"])


def test_a_project_of_another_agency_s_building_is_refused(manager):
    body = {"value": LED | {"id": "elsewhere", "building": "education.headquarters"}, **WHY}
    refused = manager.put(f"{RECORDS}/elsewhere", json=body, headers=NEW)
    assert refused.status_code == 422
    assert "is no building of health" in refused.json()["faults"][0]["what"]


def test_a_state_is_changed_by_a_move_alone(manager):
    assert entered(manager, "moved").status_code == 200
    tag = {"If-Match": manager.get(f"{RECORDS}/moved").headers["etag"]}
    for fields in ({"state": "done"}, {"done_on": "2026-01-01"}):
        refused = manager.patch(f"{RECORDS}/moved", json={"fields": fields, **WHY}, headers=tag)
        assert (refused.status_code, "by a move" in refused.json()["title"]) == (422, True)


def test_commands_and_the_api_write_one_history(home, manager):
    config = ("--config", str(home / "config"))
    add = ("plan", "add", "by-hand", "--agency", "health", "--kind", "led", "--name-th", "ก", "--name-en", "A")
    bkkenergy(*add, "--due", "2570", "--from", "2026-01-01", *config)
    assert on(manager, "by-hand", "2026-01-01").json()["value"]["state"] == "surveyed"
    (row,) = listed("plan", "history", "--of", "by-hand", "--json", *config)
    changes = listed("plan", "compare", str(row["revision"] - 1), "--json", *config)
    assert [(change["key"], change["change"]) for change in changes] == [("by-hand", "new")]
    bkkenergy("plan", "withdraw", "by-hand", "--from", "2026-03-01", "--why", "entered twice", *config)
    assert [on(manager, "by-hand", day).status_code for day in ("2026-02-28", "2026-03-01")] == [200, 404]
    bkkenergy("plan", "undo", str(row["revision"] + 1), "--why", "it was not", *config)
    assert on(manager, "by-hand", f"{dt.date.today()}").status_code == 200  # noqa: DTZ011 - any day after
