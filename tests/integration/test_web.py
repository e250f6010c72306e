"""The web app over a real site: every route as every role, forms, sign-in, headers, API."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import pwd
import re
import threading
import zipfile

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient
from sqlalchemy import text

from bkkenergy.access import ROLES
from bkkenergy.adapters.state.auditlog import audit_lines
from bkkenergy.adapters.state.persontables import dismissal
from bkkenergy.adapters.state.projects import steps_of
from bkkenergy.adapters.state.runs import RunQueue
from bkkenergy.adapters.state.tables import audit
from bkkenergy.adapters.state.tokens import add_token, tokens
from bkkenergy.adapters.state.users import add_user, sign_out, users
from bkkenergy.calendar import BANGKOK
from bkkenergy.cli import cli
from bkkenergy.i18n import Words
from bkkenergy.plan import Project
from bkkenergy.ports.ledger import IMPORT
from bkkenergy.web import citymoney, pages_work
from tests.planned import save_projects
from tests.web import PASSWORD, csrf_of, make_app, make_site, signed_in, walked

# Answers that nobody reads to their end leave a socket to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
OWN, OTHERS = "health", "education"
OWN_BUILDING, OTHERS_BUILDING = "health.centre-1", "education.headquarters"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_site(tmp_path_factory.mktemp("web"))


@pytest.fixture(scope="module")
def app(home):
    return make_app(home)


@pytest.fixture(scope="module")
def people(app):
    return {name: signed_in(app, name) for name in (*(f"{role}-health" for role in ROLES), "admin")}


@pytest.fixture
def nobody(app):
    return TestClient(app, follow_redirects=False)


PUBLIC = {
    "/first-run/{key}", "/forgot", "/link/{secret}", "/passkey", "/passkey/begin", "/login", "/login/code", "/oidc/login", "/oidc/callback", "/oidc/logout", "/api/v1/openapi.json", "/manifest.webmanifest", "/sw.js", "/offline",
    "/open-data", "/open-data/buildings.{form}", "/unsubscribe/{number:int}/{given}", "/unsubscribe/{number:int}/{given}/undo",
    "/unsubscribe/{_rest:path}", "/shared/{until_s:int}/{given}/{agency}/{period}/{revision}/{name}", "/shared/{_rest:path}",
}  # fmt: skip


def routes(app):
    """(method, path) of everything that the app answers to somebody, with what stands for parts of paths."""
    return [
        (method, route.path)
        for route in walked(app.routes)
        for method in route.methods
        if method != "HEAD" and route.path not in PUBLIC
    ]


def filled(path: str, agency: str, building: str, app) -> str:
    """A path with the parts of an agency's."""
    run = next(iter(RunQueue(app.state.here.opened.state, "t").runs(agency=agency, state="done")))
    file = RunQueue(app.state.here.opened.state, "t").artefacts([run])[run.id][0].path
    values = {
        "agency": agency, "building_id": building, "meter_id": f"{building}.main", "building": building, "path": file, "path:path": file,
        "project_id": f"led-{agency}", "month": f"{dt.datetime.now(BANGKOK).date():%Y-%m}", "user_id": "2", "token_id": "1",
        "scenario_id": "1" if agency == OWN else "2", "name:path": "overview-th.png" if "/img/" in path else "operator",
        "notebook": "1_register_to_kwh", "account": "none", "channel": "reactive", "kind": "building", "key:path": building, "number": "1",
        "rule": "night_spread",
        "equipment_id": f"{building.replace('.', '-')}-lamps", "key": f"{building.replace('.', '-')}-lamps",
        "plant_id": "none",  # test_plants.py asks for those that there are
        "form": "xlsx", "paper": "progress", "subject": building, "part": "terms", "device": "none",
    }  # fmt: skip
    return re.sub(r"\{([^}]+)\}", lambda match: values[match[1]], path)


def test_every_link_and_picture_of_the_help_leads_somewhere(app):
    client = signed_in(app, "viewer-health")
    seen, waiting = set(), ["/help"]
    while waiting:
        address = waiting.pop()
        seen.add(address)
        answer = client.get(address)
        assert answer.status_code == 200, address
        if answer.headers["content-type"].startswith("text/html"):
            targets = re.findall(r'(?:href|src)="(/help[^"#]*)', answer.text)
            waiting += set(targets) - seen - set(waiting)
    assert {
        "/help/how-to/python",
        "/help/decisions/0034-bands-from-placebo",
        "/help/reference/library",
        "/help/notebooks/4_one_roof",
        "/help/notebooks/4_one_roof.py",
    } <= seen
    assert "/help/img/notebooks/4_one_roof-1.svg" in seen


QUERY = {
    "/api/v1/buildings/{building_id}/energy": {"first": "2026-11-01", "last": "2026-11-02"},
    "/api/v1/meters/{meter_id}/energy": {"first": "2026-11-01", "last": "2026-11-02"},
    "/api/v1/meters/{meter_id}/channels/{channel}": {"first": "2026-11-01", "last": "2026-11-02"},
    "/api/v1/buildings/{building_id}/balance": {"first": "2026-11-01", "last": "2026-11-02"},
    "/api/v1/buildings/{building_id}/flows": {"first": "2026-11-01", "last": "2026-11-02"},
    "/api/v1/buildings/{building_id}/submeters": {"first": "2026-11-01", "last": "2026-11-02"},
    "/api/v1/meters": {"agency": OWN},
    "/api/v1/papers/{paper}/{subject}": {"period": "2026-11-20"},
    "/reports/made": {"subject": OWN_BUILDING, "period": "2026-11-20"},
    "/api/v1/agencies/{agency}/emissions": {"first": "2026-11-01", "last": "2026-11-30"},
    "/api/v1/agencies/{agency}/ereport": {"first": "2026-11-01", "last": "2026-11-30"},
}
SCOPED = (
    "{agency}",
    "{building_id}",
    "{meter_id}",
    "{building}",
    "{path:path}",
    "{path}",
    "{project_id}",
    "{scenario_id}",
    "{subject}",
    "{key:path}",
)


def is_write_of_records(method, path):
    """What test_api_portfolio.py, test_api_plan.py, test_bill_paper.py, test_notes.py, test_survey.py, test_plan_documents.py and test_finding_work_pages.py
    ask with tokens: here is a browser.
    """
    records = (
        "/api/v1/portfolio/",
        "/api/v1/plan/",
        "/api/v1/accounts/",
        "/api/v1/notes",
        "/api/v1/equipment/",
        "/api/v1/programme/",
    )
    return method != "GET" and (path.startswith(records) or path.endswith("/findings/{rule}/work"))


def asked(client, method, path, app, agency=OWN, building=OWN_BUILDING, csrf=""):
    address = filled(path, agency, building, app)
    if method == "GET" and path.startswith("/live/"):
        return None  # a stream without end: its test is below
    if method == "POST" and path.startswith("/api/"):
        return client.post(
            address,
            json={"state": "declined"} if path.endswith("{number}") else {"decision": "dismiss"},
            headers={"X-CSRF-Token": csrf},
        )
    if method == "PUT" and path.startswith("/api/v1/agencies/"):
        return client.put(address, json={"amounts": {"staff": 1}}, headers={"X-CSRF-Token": csrf})
    data = {"csrf": csrf, "state": "proposed", "rule": "none", "name": "", "run": "0"}
    secret = {"X-CSRF-Token": csrf} if path.startswith("/api/") and method != "GET" else {}
    return client.request(
        method, address, params=QUERY.get(path), data=data if method == "POST" else None, headers=secret
    )


def test_the_walk_finds_every_route(app):
    found = routes(app)
    assert len(found) == len(set(found)) >= 30
    assert ("GET", "/buildings/{building_id}") in found


def test_nobody_gets_anything_but_the_sign_in(app, nobody):
    for method, path in routes(app):
        address = filled(path, OWN, OWN_BUILDING, app)
        answer = nobody.request(method, address, params=QUERY.get(path), data={} if method == "POST" else None)
        if path.startswith("/api/"):
            assert answer.status_code == 401, (method, path)
            assert answer.headers["content-type"] == "application/problem+json"
        else:
            assert answer.status_code == 303, (method, path, answer.status_code)
            assert answer.headers["location"].startswith("/login?next=")


@pytest.mark.parametrize("role", ROLES)
def test_no_role_reaches_another_agency_by_any_route(app, people, role):
    """Every route that names an agency, a building, a file or a project, as every role of one agency."""
    client = people[f"{role}-health"]
    csrf, count = csrf_of(client), 0
    for method, path in routes(app):
        if not any(part in path for part in SCOPED) or is_write_of_records(method, path):
            continue
        answer = asked(client, method, path, app, OTHERS, OTHERS_BUILDING, csrf)
        if answer is None:
            answer = client.get(filled(path, OTHERS, OTHERS_BUILDING, app))
        assert answer.status_code == 404, (role, method, path, answer.status_code)
        count += 1
    assert count >= 39


@pytest.mark.parametrize("role", ROLES)
def test_no_page_of_one_agency_s_user_shows_another_agency(app, people, role):
    client = people[f"{role}-health"]
    here = app.state.here
    secrets = {own.name_en for own in here.portfolio.buildings.values() if own.agency != OWN}
    secrets |= {own.id for own in here.portfolio.buildings.values() if own.agency != OWN}
    for path in ("/", "/agencies/health", "/reports", "/plan", "/meters", "/solar", "/solar/screening", "/records",
                 "/records/list/building", "/records/list/meter", "/records/list/roof", "/records/list/project", "/records/history",
                 "/records/history?of=plan", "/records/compare?before=0", "/records/one/calendar/office", "/api/v1/agencies", "/api/v1/buildings",
                 "/api/v1/reports", "/api/v1/plan/projects"):  # fmt: skip
        answer = client.get(path, params={"lang": "en"}, follow_redirects=True)
        assert answer.status_code == 200, (path, answer.text[:300])
        shown = [secret for secret in secrets if secret in answer.text]
        assert shown == [], (role, path)
        assert "LED education" not in answer.text
        assert "kept of education" not in answer.text
        assert "city_" not in answer.text, "the city's report is for who sees all"
    for path in ("/reports?agency=education", "/reports?agency=city", "/meters?agency=education", "/solar?building=education.headquarters",
                 "/api/v1/buildings?agency=education", "/api/v1/meters?agency=education", "/solar/screening?agency=education", "/api/v1/reports?agency=city"):  # fmt: skip
        assert client.get(path).status_code == 404, path


def test_the_pages_of_an_agency_s_admin_show_no_other_agency_and_nothing_of_the_server(app, people):
    client, here = people["admin-health"], app.state.here
    foreign = [own for own in here.portfolio.agencies.values() if own.id != OWN]
    for path in ("/admin", "/jobs", "/meters"):
        shown = client.get(path, params={"lang": "en"}).text
        for agency in foreign:
            assert f'"{agency.id}"' not in shown, path
            assert agency.name_en not in shown, path
        assert "all agencies" not in shown, path
    admin, of_all = (
        person.get("/admin", params={"lang": "en"}).text.replace("<wbr>", "") for person in (client, people["admin"])
    )
    assert "viewer-health" in admin
    for of_the_server in (">admin<", 'value="all"', "state.path", "Audit log"):
        assert of_the_server not in admin, of_the_server
        assert of_the_server in of_all, of_the_server
    assert 'id="quarantine"' not in client.get("/meters").text
    assert 'id="quarantine"' in people["admin"].get("/meters").text


def test_an_agency_s_admin_touches_nobody_of_another_agency(app, people):
    client, state = people["admin-health"], app.state.here.opened.state
    csrf, everyone = csrf_of(client), {own["name"]: own["id"] for own in users(state)}
    add_token(state, everyone["admin"], "of the server", "read", dt.datetime.now(dt.UTC), days=30)
    number = max(own["id"] for own in tokens(state))
    run = next(iter(RunQueue(state, "t").runs(agency=OTHERS)))
    before = (users(state), tokens(state), RunQueue(state, "t").runs())
    tries = (
        (f"/admin/users/{everyone['admin']}", {"disabled": "1"}),
        (f"/admin/users/{everyone['admin']}", {"role": "viewer"}),
        (f"/admin/tokens/{number}/drop", {}),
        ("/jobs/retry", {"run": run.id}),
    )
    for path, form in tries:
        assert client.post(path, data={"csrf": csrf, **form}).status_code == 404, path
    new = {"csrf": csrf, "name": "mole", "password": "first password 1", "role": "admin", "agencies": "all"}
    assert client.post("/admin/users", data=new).status_code == 403
    assert client.post("/admin/users", data=new | {"agencies": OTHERS}).status_code == 404
    assert client.post("/meters/replay", data={"csrf": csrf, "number": "1"}).status_code == 403
    assert (users(state), tokens(state), RunQueue(state, "t").runs()) == before


NEEDS = {
    ("GET", "/jobs"): "admin", ("GET", "/api/v1/jobs"): "admin", ("POST", "/jobs/retry"): "admin", ("POST", "/meters/replay"): "server",
    ("POST", "/api/v1/readings"): "token", ("GET", "/admin"): "admin", ("POST", "/admin/users"): "admin", ("POST", "/admin/users/{user_id}"): "admin",
    ("POST", "/admin/tokens"): "admin", ("POST", "/admin/tokens/{token_id}/drop"): "admin",
    ("POST", "/admin/users/{user_id}/sessions/end"): "admin", ("POST", "/admin/users/{user_id}/factor/end"): "admin",
    ("POST", "/buildings/{building_id}/baselines/{number}"): "manager",
    ("POST", "/api/v1/buildings/{building_id}/baselines/{number}"): "manager",
    ("PUT", "/api/v1/agencies/{agency}/ereport/{month}"): "manager", ("POST", "/agencies/{agency}/ereport"): "manager",
    ("POST", "/buildings/{building_id}/adjust"): "manager", ("POST", "/api/v1/buildings/{building_id}/event"): "manager",
    ("POST", "/buildings/{building_id}/findings"): "manager", ("POST", "/buildings/{building_id}/findings/undo"): "manager",
    ("POST", "/notes"): "manager", ("POST", "/reports/ask"): "manager", ("POST", "/notes/{number}/remove"): "manager", ("POST", "/notes/{number}/adjustment"): "manager",
    ("POST", "/programme/plan/draft"): "manager", ("POST", "/programme/plan/{number}/approve"): "admin",
    ("POST", "/plan/{project_id}/move"): "manager", ("GET", "/setup"): "server", ("POST", "/setup/broker"): "server",
    ("GET", "/imports"): "server", ("POST", "/imports/upload"): "server", ("POST", "/imports/{number}/undo"): "server",
    ("GET", "/records/roofs/{building}"): "manager", ("POST", "/records/roofs/{building}"): "manager",
    ("POST", "/records/roofs/{building}/draw"): "manager",
    ("POST", "/meters/{meter_id}/photos"): "manager", ("POST", "/buildings/{building_id}/photos"): "manager",
    ("POST", "/photos/{number}/remove"): "manager", ("POST", "/meters/{meter_id}/sign"): "manager",
    ("POST", "/buildings/{building_id}/findings/propose"): "manager",
    ("POST", "/buildings/{building_id}/retrofit"): "manager", ("GET", "/buildings/{building_id}/survey"): "manager",
    ("POST", "/equipment/{equipment_id}/photos"): "manager",
    ("GET", "/records/upload/{kind}"): "manager", ("POST", "/records/upload/{kind}"): "manager",
    ("GET", "/records/new/{kind}"): "manager", ("POST", "/records/new/{kind}"): "manager", ("POST", "/records/begin"): "server",
    ("GET", "/records/edit/{kind}/{key:path}"): "manager", ("POST", "/records/edit/{kind}/{key:path}"): "manager",
    ("POST", "/records/end/{kind}/{key:path}"): "manager", ("POST", "/records/undo/{number}"): "manager",
    ("POST", "/solar/scenarios/{building}"): "engineer", ("POST", "/solar/scenarios/{scenario_id}/drop"): "engineer",
    ("POST", "/agencies/{agency}/memo/{part}/file"): "manager", ("POST", "/agencies/{agency}/memo/terms"): "manager",
    ("POST", "/agencies/{agency}/memo/{part}/reset"): "manager",
    ("POST", "/jobs/recipients/{number}/again"): "server",
    ("POST", "/admin/users/{user_id}/invite"): "admin",
    ("POST", "/solar/weather/{building}"): "engineer", ("POST", "/solar/weather/{building}/{number}/drop"): "engineer",
}  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
def test_every_route_lets_in_those_roles_that_it_should(app, people, role):
    client = people[f"{role}-health"]
    csrf = csrf_of(client)
    for method, path in routes(app):
        if (
            path in ("/logout", "/account", "/account/sessions/end")
            or path.startswith("/live/")
            or is_write_of_records(method, path)
        ):
            continue
        if (
            path in {"/admin/users/{user_id}", "/admin/tokens", "/admin/users/{user_id}/sessions/end"}
            and role == "admin"
        ):
            continue  # their own tests
        answer = asked(client, method, path, app, csrf=csrf)
        needed = NEEDS.get((method, path), "viewer")
        if needed in {"server", "token"}:
            assert answer.status_code == 403, (role, method, path, "only for who has all agencies, or a token")
            continue
        allowed = role == "admin" or (ROLES.index(role) >= ROLES.index(needed) and needed != "admin")
        if allowed:
            assert answer.status_code not in (401, 403), (role, method, path, answer.status_code)
            assert answer.status_code < 500, (role, method, path, answer.text[:400])
        else:
            assert answer.status_code == 403, (role, method, path, answer.status_code)


def test_a_form_of_another_site_changes_nothing(app, people):
    client = people["admin"]
    for method, path in routes(app):
        if method == "POST":
            for csrf in ("", "guessed"):
                answer = client.post(filled(path, OWN, OWN_BUILDING, app), data={"csrf": csrf})
                assert answer.status_code == 403, path
    assert client.get("/", follow_redirects=True).status_code == 200, "still signed in"


def test_answers_tell_browsers_what_to_refuse(people, nobody):
    for answer in (people["admin"].get("/"), nobody.get("/login"), people["admin"].get("/nowhere")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers


def test_the_cookie_is_out_of_scripts_reach_and_with_tls_bound_to_this_host(home, app):
    client = TestClient(app, follow_redirects=False)
    cookie = client.post("/login", data={"name": "admin", "password": PASSWORD}).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    web = app.state.here.settings.web.model_copy(update={"secure_cookies": True})
    from starlette.responses import Response

    from bkkenergy.web.security import set_session

    response = Response()
    set_session(response, web, "key")
    assert response.headers["set-cookie"].startswith("__Host-bkkenergy=key")
    assert "Secure" in response.headers["set-cookie"]


def test_signing_in_goes_on_to_pages_of_ours_alone(app):
    for target, goes in (
        ("/plan", "/plan"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("http://[", "/"),
        ("//[", "/"),
    ):
        client = TestClient(app, follow_redirects=False)
        assert client.get("/login", params={"next": target}).status_code == 200
        answer = client.post("/login", data={"name": "admin", "password": PASSWORD, "next": target})
        assert answer.headers["location"] == goes


def test_a_one_time_password_has_to_be_changed_first(app, people):
    admin = people["admin"]
    made = admin.post(
        "/admin/users",
        data={
            "csrf": csrf_of(admin),
            "name": "new",
            "password": "first password 1",
            "role": "viewer",
            "agencies": "health",
        },
    )
    assert made.status_code == 303
    client = signed_in(app, "new", "first password 1")
    assert client.get("/plan").headers["location"] == "/account"
    assert client.get("/api/v1/agencies").status_code == 401
    csrf = re.search(r'name="csrf" value="([^"]+)"', client.get("/account").text)[1]

    def change(old, new):
        return client.post("/account", data={"csrf": csrf, "old": old, "new": new}).headers["location"]

    assert "password_short" in change("first password 1", "short")
    assert "password_guessed" in change("first password 1", "new new new new")
    assert "password_wrong" in change("another", "a better password")
    other = signed_in(app, "new", "first password 1")
    assert change("first password 1", "a better password") == "/"
    assert client.get("/plan").status_code == 200
    assert other.get("/plan").status_code == 303, "other sessions have ended"


def test_a_user_s_role_and_agencies_are_changed_by_a_form_that_has_them(app, people):
    admin, state = people["admin"], app.state.here.opened.state
    add_user(state, "mover", PASSWORD, "viewer", ["health"], dt.datetime.now(dt.UTC))
    path = f"/admin/users/{next(one['id'] for one in users(state) if one['name'] == 'mover')}"
    shown = re.search(rf'action="{path}" class="narrow">.*?</form>', admin.get("/admin").text, re.DOTALL)[0]
    assert re.findall(r'<option value="([^"]+)" selected', shown) == ["viewer", "health"]
    changed = {"csrf": csrf_of(admin), "role": "manager", "agencies": ["health", OTHERS]}
    assert admin.post(path, data=changed).status_code == 303
    mover = next(one for one in users(state) if one["name"] == "mover")
    assert (mover["role"], sorted(mover["agencies"])) == ("manager", sorted(["health", OTHERS]))
    for wrong in ({"role": "king"}, {"agencies": "nowhere"}, {}):
        assert admin.post(path, data={"csrf": csrf_of(admin)} | wrong).status_code == 422
    assert people["admin-health"].post(path, data=changed).status_code == 403
    assert next(one for one in users(state) if one["name"] == "mover") == mover


def test_what_was_typed_of_a_new_user_is_there_beside_the_fault(people):
    admin = people["admin"]
    typed = {"name": "ปรีชา", "password": "short", "role": "engineer", "agencies": ["health", OTHERS]}
    answer = admin.post("/admin/users", data={"csrf": csrf_of(admin)} | typed)
    assert answer.status_code == 422
    form = answer.text.partition('action="/admin/users" class')[2].partition("</form>")[0]
    assert re.findall(r'<option value="([^"]+)" selected', form) == ["engineer", "health", OTHERS]
    assert 'value="ปรีชา"' in form


def test_who_is_locked_out_is_out_at_once(app, people):
    admin = people["admin"]
    admin.post(
        "/admin/users",
        data={
            "csrf": csrf_of(admin),
            "name": "leaver",
            "password": "first password 1",
            "role": "viewer",
            "agencies": "health",
        },
    )
    client = signed_in(app, "leaver", "first password 1")
    number = re.search(r"leaver.*?/admin/users/(\d+)", admin.get("/admin").text, re.DOTALL)[1]
    assert client.get("/account").status_code == 200
    admin.post(f"/admin/users/{number}", data={"csrf": csrf_of(admin), "disabled": "1"})
    assert client.get("/account").status_code == 303
    assert TestClient(app).post("/login", data={"name": "leaver", "password": "first password 1"}).status_code == 401


def test_tokens_read_or_write_and_are_shown_once(app, people):
    admin, here = people["admin"], app.state.here
    page = admin.post("/admin/tokens", data={"csrf": csrf_of(admin), "name": "grafana", "scope": "read", "days": "30"})
    secret = re.search(r"bkk_[\w-]+", page.text)[0]
    assert secret not in admin.get("/admin").text
    client = TestClient(app)
    bearer = {"Authorization": f"Bearer {secret}"}
    assert client.get("/api/v1/agencies", headers=bearer).json()["total"] == 12
    assert client.get("/jobs", headers=bearer, follow_redirects=False).status_code == 303, "tokens are for the API"
    assert client.get("/api/v1/agencies", headers={"Authorization": "Bearer bkk_wrong"}).status_code == 401
    narrow = add_token(here.opened.state, 1, "old", "read", dt.datetime.now(dt.UTC) - dt.timedelta(days=40), days=30)
    assert client.get("/api/v1/agencies", headers={"Authorization": f"Bearer {narrow}"}).status_code == 401, "run out"


def test_a_scenario_is_kept_found_again_and_forgotten(app, people):
    engineer = people["engineer-health"]
    wish = {
        "csrf": csrf_of(engineer),
        "name": "South roof",
        "kwp": "25",
        "area_m2": "400",
        "tilt_deg": "12",
        "azimuth_deg": "170",
    }
    kept = engineer.post(f"/solar/scenarios/{OWN_BUILDING}", data=wish)
    assert kept.headers["location"].startswith(
        f"/solar?building={OWN_BUILDING}&kwp=25&mounting=flush&area_m2=400&tilt_deg=12"
    )
    page = engineer.get(kept.headers["location"] + "&lang=en").text
    assert "South roof" in page
    assert re.search(r"<h2>2[45]\.\d kWp</h2>", page)
    assert "South roof" in people["viewer-health"].get("/solar").text
    number = re.search(r"South roof.*?/solar/scenarios/(\d+)/drop", page, re.DOTALL)[1]
    assert engineer.post(f"/solar/scenarios/{number}/drop", data={"csrf": csrf_of(engineer)}).status_code == 303
    assert "South roof" not in engineer.get("/solar").text


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"kwp": "-3"}, "not possible"),
        ({"kwp": "many"}, "no number"),
        ({"area_m2": "-5"}, "area_m2"),
        ({"area_m2": "300", "tilt_deg": "95"}, "tilt_deg"),
        ({"mounting": "glued"}, "flush or racked"),
        ({"on_peak_thb": "-1"}, "Give 0 to 20"),
        ({"off_peak_thb": "nan"}, "Give 0 to 20"),
        ({"netting": "year"}, "Use month"),
        ({"cleanings": "2.5"}, "whole number from 0 to 12"),
        ({"cleanings": "99"}, "whole number from 0 to 12"),
        ({"weather": "../etc"}, "Use one of"),
        ({"export": "household"}, "not for public buildings"),
    ],
)
def test_a_sketch_that_cannot_be_says_what_is_wrong_with_it(people, wish, message):
    page = people["engineer-health"].get("/solar", params={"building": OWN_BUILDING, "lang": "en"} | wish)
    assert page.status_code == 200
    assert message in page.text


def test_the_designer_shows_what_surplus_earns_what_cleaning_brings_and_what_its_weather_is(people):
    wish = {
        "building": OWN_BUILDING, "lang": "en", "kwp": "25", "area_m2": "400", "on_peak_thb": "3", "off_peak_thb": "1.5",
        "netting": "month", "cleanings": "6", "weather": "centre",
    }  # fmt: skip
    page = people["engineer-health"].get("/solar", params=wish).text
    assert (
        "offset what the same months bought; the rest is sold at 3.00 THB/kWh on-peak and 1.50 THB/kWh off-peak" in page
    )
    assert "Bangkok typical year, city centre" in page
    assert re.search(r'<option value="6" selected>', page)
    assert re.search(r">6</a> · [^<]*assumed", page)
    assert "What was found about the weather" in page
    assert "P75 and P90 rest on an assumed spread" in page
    other = re.search(r'href="(/solar\?[^"]*cleanings=12[^"]*)"', page)[1].replace("&amp;", "&")
    assert '<option value="12" selected>' in people["engineer-health"].get(other).text


@pytest.mark.parametrize(("form", "begins"), [("xlsx", b"PK"), ("csv", b"\xef\xbb\xbf"), ("json", b"{")])
def test_a_design_is_downloaded(people, form, begins):
    answer = people["viewer-health"].get(f"/solar/report/{OWN_BUILDING}", params={"kwp": "20", "format": form})
    assert answer.content.startswith(begins)
    assert f"solar_{OWN_BUILDING}.{form}" in answer.headers["content-disposition"]


def test_a_design_and_a_tender_pack_of_the_demonstration_say_so(people):
    said = Words("th")("report.simulated")
    assert said in people["viewer-health"].get(f"/solar/report/{OWN_BUILDING}", params={"kwp": "20"}).text
    pack = people["viewer-health"].get(f"/solar/tender/{OWN_BUILDING}", params={"kwp": "20"}).content
    with zipfile.ZipFile(io.BytesIO(pack)) as archive:
        assert all(said in archive.read(f"{name}.th.html").decode() for name in ("design", "tender"))


def test_no_secret_stands_on_a_page(app, people):
    page = people["admin"].get("/admin").text
    with app.state.here.opened.state.connect() as connection:
        hashes = [row[0] for row in connection.execute(text("SELECT password_hash FROM user_account"))]
    assert not any(own in page for own in hashes)
    assert "argon2" not in page


def test_a_project_moves_and_the_log_tells_who_did_it(app, people):
    manager, here = people["manager-health"], app.state.here
    own = Project(id="own-1", agency="health", kind="led", name_th="ก", name_en="a", due_year_be=2570)
    save_projects(here.opened.state, [own], here.clock())
    moved = manager.post("/plan/own-1/move", data={"csrf": csrf_of(manager), "state": "proposed", "note": "ok"})
    assert moved.status_code == 303
    assert manager.post("/plan/own-1/move", data={"csrf": csrf_of(manager), "state": "done"}).status_code == 422
    log = people["admin"].get("/admin").text
    assert "เปลี่ยนสถานะโครงการ <code>own-1</code>" in log
    assert "manager-health" in log


def test_the_page_and_the_command_line_write_the_same_line_of_a_move(home, app, people):
    """Both through their own face; they differ in who it was and from where, and in nothing else."""
    manager, here = people["manager-health"], app.state.here
    both = [
        Project(id=name, agency="health", kind="led", name_th="ก", name_en="a", due_year_be=2570)
        for name in ("by-page", "by-hand")
    ]
    save_projects(here.opened.state, both, here.clock())
    data = {"csrf": csrf_of(manager), "state": "proposed", "note": "ok"}
    assert manager.post("/plan/by-page/move", data=data).status_code == 303
    command = ["plan", "move", "by-hand", "proposed", "--note", "ok", "--by", "manager-health", "--on", f"{here.today}"]
    done = CliRunner().invoke(cli, [*command, "--config", str(home / "config")], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    lines = {line["target"]: line for line in audit_lines(here.opened.state)}
    page, hand = lines["by-page"], lines["by-hand"]
    assert (page["action"], page["detail"]) == (hand["action"], hand["detail"])
    said = {"before": "surveyed", "state": "proposed", "on": f"{here.today}", "by": "manager-health", "note": "ok"}
    assert page["detail"] == said
    assert (page["actor"], hand["actor"]) == ("manager-health", f"cli:{pwd.getpwuid(os.getuid()).pw_name}")
    assert page["address"]
    assert not hand["address"]
    steps = [steps_of(here.opened.state, name)[-1] for name in ("by-page", "by-hand")]
    assert [(step.state, step.day, step.by, step.note) for step in steps] == [
        ("proposed", here.today, "manager-health", "ok")
    ] * 2


def test_a_dismissed_finding_is_gone_at_the_next_view_whichever_face_dismissed_it(home, app, people):
    """And both faces write the same line of the audit log, but for who it was and from where."""
    manager, here, building = people["manager-health"], app.state.here, "health.centre-2"
    address, api = f"/buildings/{building}", f"/api/v1/buildings/{building}/insights"
    (rule, *_) = [row["rule"] for row in manager.get(api).json()]
    field = f'name="rule" value="{rule}"'
    assert field in manager.get(address).text

    def call(*rest):
        done = CliRunner().invoke(cli, ["insights", building, *rest, "--config", str(home / "config")])
        assert done.exit_code == 0, done.output
        return done.stdout

    def is_shown():
        page = manager.get(address).text.partition('<details id="ended">')[0]
        faces = (page.replace(field, f'"{rule}"'), manager.get(api).text, call("--json"))
        (said,) = {f'"{rule}"' in face for face in faces}
        return said

    def entered():
        (line,) = [line for line in audit_lines(here.opened.state) if line["target"] == building]
        with here.opened.state.begin() as connection:
            connection.execute(audit.delete().where(audit.c.target == building))
            connection.execute(dismissal.delete())
        return line

    assert is_shown()
    form = {"csrf": csrf_of(manager), "rule": rule, "state": "dismissed", "comment": "approved"}
    dismissed = manager.post(f"{address}/findings", data=form)
    assert dismissed.status_code == 303
    assert not is_shown()
    assert [own.rule for own in here.site.dismissals] == [rule], "reports leave it out too"
    by_page = entered()
    assert is_shown()
    call("--dismiss", rule)
    assert not is_shown()
    by_hand = entered()
    assert (by_page["action"], by_page["detail"]) == (by_hand["action"], by_hand["detail"] | {"comment": "approved"})
    assert (by_page["action"], by_page["detail"]["rule"]) == ("dismiss", rule)
    assert by_page["detail"]["cost_thb_a_month"] > 0
    assert (by_page["actor"], by_hand["actor"]) == ("manager-health", f"cli:{pwd.getpwuid(os.getuid()).pw_name}")


# -- pages and API tell the same --------------------------------------------------------------------------------------


def test_figures_of_pages_and_api_are_those_of_the_readings(app, people):
    client, here = people["admin"], app.state.here
    row = client.get(f"/api/v1/buildings/{OWN_BUILDING}").json()
    days = here.opened.energy.totals([f"{OWN_BUILDING}.main"], IMPORT, here.today.replace(day=1), here.today)
    assert row["month"]["energy_kwh"] == pytest.approx(np.nansum(days.total))
    assert row["month"]["energy_kwh"] > 0
    page = client.get(f"/buildings/{OWN_BUILDING}", params={"lang": "en"}).text
    assert f"{row['month']['energy_kwh']:,.0f}" in page
    power = client.get(f"/api/v1/buildings/{OWN_BUILDING}/power").json()
    assert power["power_kw"] in (6.0, 30.0)


def test_a_series_is_told_in_steps_that_fit_its_span(people):
    client = people["admin"]
    today = dt.datetime.now(BANGKOK).date()
    for days, step, points in ((2, "15min", 192), (60, "60min", 1440), (365, "day", 365)):
        params = {"first": today - dt.timedelta(days=days - 1), "last": today}
        data = client.get(f"/api/v1/buildings/{OWN_BUILDING}/energy", params=params).json()
        assert (data["step"], len(data["energy_kwh"])) == (step, points)
        assert len(data["starts"]) <= 5000
    assert None in data["energy_kwh"], "gaps are null"
    yesterday = {"first": today - dt.timedelta(days=1), "last": today - dt.timedelta(days=1)}
    quarter = client.get(f"/api/v1/buildings/{OWN_BUILDING}/energy", params=yesterday)
    total = sum(kwh for kwh in quarter.json()["energy_kwh"] if kwh is not None)
    table = pd.read_csv(
        io.BytesIO(client.get(f"/api/v1/buildings/{OWN_BUILDING}/energy", params=yesterday | {"format": "csv"}).content)
    )
    assert table["energy_kwh"].sum() == pytest.approx(total, abs=0.01)
    parquet = client.get(f"/api/v1/buildings/{OWN_BUILDING}/energy", params=yesterday | {"format": "parquet"})
    assert pd.read_parquet(io.BytesIO(parquet.content))["energy_kwh"].sum() == pytest.approx(total, abs=0.01)
    tag = {"If-None-Match": quarter.headers["etag"]}
    assert client.get(f"/api/v1/buildings/{OWN_BUILDING}/energy", params=yesterday, headers=tag).status_code == 304


def test_errors_of_the_api_are_problems_with_a_title(people):
    client = people["admin"]
    for path, status in (("/api/v1/buildings/none", 404), ("/api/v1/buildings?limit=0", 422), (f"/api/v1/buildings/{OWN_BUILDING}/energy?first=2026-11-02&last=2026-11-01", 422),
                         (f"/api/v1/buildings/{OWN_BUILDING}/bills/2026-13", 422), (f"/api/v1/buildings/{OWN_BUILDING}/baseline", 404), ("/api/v1/none", 404)):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code == status, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
        assert answer.json()["title"]


def test_lists_come_in_pages(people):
    client = people["admin"]
    first = client.get("/api/v1/buildings", params={"limit": 7}).json()
    rest = client.get("/api/v1/buildings", params={"limit": 500, "offset": 7}).json()
    assert (first["total"], len(first["items"]), len(rest["items"])) == (40, 7, 33)
    names = [row["id"] for row in (*first["items"], *rest["items"])]
    assert len(set(names)) == 40


def test_reports_are_read_from_the_archive_as_their_page_alone(people):
    client = people["viewer-health"]
    rows = client.get("/api/v1/reports").json()["items"]
    assert {row["agency"] for row in rows} == {"health"}
    path = next(file for file in rows[0]["files"] if file.endswith("th.html"))
    answer = client.get(f"/reports/file/{path}")
    assert answer.status_code == 200
    assert "sandbox" in answer.headers["content-security-policy"]
    for outside in (
        "../state.sqlite",
        "health/2026-11-23/r1/../../../state.sqlite",
        "health/x/r1/none.html",
        "/etc/passwd",
    ):
        assert client.get(f"/reports/file/{outside}").status_code == 404


def test_a_file_that_the_archive_lost_is_said(people, home):
    client = people["viewer-health"]
    path = client.get("/api/v1/reports").json()["items"][0]["files"][0]
    file = next(home.rglob(path))
    file.rename(file.with_suffix(".away"))
    try:
        answer = client.get(f"/reports/file/{path}", headers={"Accept-Language": "en"})
    finally:
        file.with_suffix(".away").rename(file)
    assert answer.status_code == 503
    assert path in answer.text


def test_bills_of_many_come_from_a_process_apart_and_are_those_of_this_one(app, people, monkeypatch):
    money = app.state.here.money
    at_once = money.of([OWN])
    monkeypatch.setattr(citymoney, "AT_ONCE", 0)
    monkeypatch.setattr(money, "_computed", {})
    page = people["admin"].get("/agencies/health", params={"lang": "en"}).text
    assert money.of([OWN]) is None
    assert "being computed" in page
    next(thread for thread in threading.enumerate() if thread.name == "city-money").join(60)
    assert money.of([OWN]) == at_once
    assert at_once.priced == at_once.buildings > 0


def test_the_archive_and_the_runs_are_shown_some_rows_at_a_time(people, monkeypatch):
    monkeypatch.setattr(pages_work, "MAX_ROWS", 1)
    client = people["admin"]
    for path, pattern in (("/reports", r'<th scope="row">'), ("/jobs", r'name="run"')):
        seen, address = 0, path
        while address:
            text = client.get(address).text
            assert len(re.findall(pattern, text)) == 1
            seen += 1
            forward = re.search(rf'href="({path}\?[^"]*offset={seen})"', text)
            address = forward[1].replace("&amp;", "&") if forward else None
        assert seen == 3, "a report of each of two agencies and of the city"
        beyond = client.get(path, params={"offset": 99}).text
        assert 'class="empty"' not in beyond.partition('class="pager"')[0], "it is not said that there is none"
        assert re.search(rf'href="{path}\?[^"]*offset=2"', beyond), "back to the last"


def test_live_power_comes_as_events(app, people, monkeypatch):
    from bkkenergy.web import live, livefigures

    monkeypatch.setattr(live, "EVERY_S", 0.01)
    monkeypatch.setattr(live, "LONGEST_S", 0.2)
    monkeypatch.setattr(livefigures, "EVERY_S", 0.0)
    client = people["viewer-health"]
    answer = client.get(f"/live/buildings/{OWN_BUILDING}", params={"lang": "en"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = events_of(answer)
    assert len(events) >= 3
    assert events[0]["power_kw"] in (6.0, 30.0)
    shown = client.get(f"/buildings/{OWN_BUILDING}", params={"lang": "en"}).text
    assert f'<span data-now="power">{events[0]["power"]}</span>' in shown, "the page says the same"
    assert f'data-now="text">{events[0]["text"]}</p>' in shown
    assert client.get(f"/api/v1/buildings/{OWN_BUILDING}/power").json()["power_kw"] == events[0]["power_kw"]


def events_of(answer):
    """The messages of a stream that has ended; comments are left out."""
    return [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line.startswith("data:")]


def test_a_stream_of_all_buildings_has_one_s_own_alone_and_then_what_changed(app, people, monkeypatch):
    from bkkenergy.web import live, livefigures

    monkeypatch.setattr(live, "EVERY_S", 0.01)
    monkeypatch.setattr(live, "LONGEST_S", 0.2)
    monkeypatch.setattr(livefigures, "EVERY_S", 0.0)
    events = events_of(people["viewer-health"].get("/live/power"))
    assert all(name.startswith("health.") for name in events[0]["buildings"])
    assert OWN_BUILDING in events[0]["buildings"]
    assert next(one for one in events[1:] if "buildings" in one)["buildings"] == {}, "nothing has changed since"
    every = events_of(people["admin"].get("/live/power"))[0]["buildings"]
    assert "education.headquarters" in every
    assert every[OWN_BUILDING]["power"] in {"6.0", "30.0"}


def test_streams_share_one_look_and_a_user_has_some_at_most(app, people, monkeypatch):
    from bkkenergy.web import live

    monkeypatch.setattr(live, "EVERY_S", 0.01)
    monkeypatch.setattr(live, "LONGEST_S", 0.05)
    figures = app.state.live
    figures.now()
    looks = figures.looks
    for name in ("admin", "viewer-health", "manager-health"):
        assert people[name].get("/live/power").status_code == 200
    assert figures.looks - looks <= 1
    assert app.state.streams.open == 0, "each is counted until it ends"
    monkeypatch.setattr(live, "MAX_A_USER", 0)
    answer = people["admin"].get("/live/power")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")


def test_a_stream_ends_when_its_user_signs_out(app, monkeypatch):
    from bkkenergy.web import live

    monkeypatch.setattr(live, "EVERY_S", 0.01)
    monkeypatch.setattr(live, "LONGEST_S", 30.0)
    client = signed_in(app, "viewer-health")
    looks = live.looks

    async def signed_out_after_the_first(figures, event):
        async for line in looks(figures, event):
            yield line
            sign_out(app.state.here.opened.state, client.cookies["bkkenergy"])

    monkeypatch.setattr(live, "looks", signed_out_after_the_first)
    answer = client.get("/live/power")
    assert answer.text.endswith("event: end\ndata: {}\n\n")
    assert len([one for one in events_of(answer) if "buildings" in one]) == 1, "one look, and the end"


def test_the_progress_of_jobs_comes_as_events_to_operators_alone(app, people, monkeypatch):
    from bkkenergy.web import live

    monkeypatch.setattr(live, "EVERY_S", 0.01)
    monkeypatch.setattr(live, "LONGEST_S", 0.05)
    answer = people["admin"].get("/live/jobs")
    assert people["engineer-health"].get("/live/jobs").status_code == 403
    events = events_of(answer)
    assert len(events) == 1, "told when it changes, not each time"
    assert events[0] == RunQueue(app.state.here.opened.state, "t").counts()
    assert events[0]["done"] >= 2


def test_a_job_is_asked_for_again(app, people):
    admin = people["admin"]
    ledger = RunQueue(app.state.here.opened.state, "t")
    run = ledger.runs(agency="health", state="done")[0]
    assert admin.post("/jobs/retry", data={"csrf": csrf_of(admin), "run": run.id}).status_code == 303
    assert ledger.runs(agency="health")[0].revision == run.revision + 1


@pytest.mark.parametrize("number", ["", "x", "²", "9" * 30, "-1"])
def test_a_number_that_is_none_is_no_fault_of_ours(people, number):
    admin = people["admin"]
    csrf = csrf_of(admin)
    assert admin.post("/jobs/retry", data={"csrf": csrf, "run": number}).status_code == 404
    assert admin.post("/meters/replay", data={"csrf": csrf, "number": number}).status_code == 303
    assert admin.post("/admin/tokens", data={"csrf": csrf, "days": number}).status_code == 422


def test_what_is_kept_for_a_while_is_let_go_afterwards(home, monkeypatch):
    """Figures of each minute are kept under a key of their own: without sweeping they would pile up."""
    monkeypatch.setattr("bkkenergy.web.context.SWEEP_EVERY_S", 0.0)
    here = make_app(home).state.here
    for minute in range(50):
        assert here.cached(("overview", minute), 0.0, lambda n=minute: n) == minute
    assert len(here._cache) <= 2
    assert here.cached(("long",), 60.0, lambda: 1) == 1
    here.cached(("other",), 0.0, lambda: 2)
    assert here.cached(("long",), 60.0, lambda: 3) == 1


def test_a_building_s_page_shows_its_balance_with_what_the_ledger_has(app, people):
    text = people["admin"].get(f"/buildings/{OWN_BUILDING}", params={"lang": "en"}).text
    today = dt.datetime.now(BANGKOK).date()
    span = {"first": str(today - dt.timedelta(days=30)), "last": str(today - dt.timedelta(days=1))}
    balance = people["admin"].get(f"/api/v1/buildings/{OWN_BUILDING}/balance", params=span).json()
    assert balance["grid_import"]["total_kwh"] > 0
    row = re.search(r"Gross use of the building</th><td class=\"n\">([\d,]+)</td>", text)
    assert row
    assert int(row[1].replace(",", "")) == round(balance["gross_use"]["total_kwh"])
    assert 'class="stack"' in text


def test_answers_and_pages_say_which_portfolio_they_rest_on(people):
    """The demonstration's portfolio is read from files: nothing of it can be changed in the app."""
    admin = people["admin"]
    assert admin.get("/api/v1/buildings").headers["Portfolio-Revision"] == "0"
    assert "read from files on the server" in admin.get("/", params={"lang": "en"}).text
    assert "อ่านจากไฟล์บนเซิร์ฟเวอร์" in admin.get("/", params={"lang": "th"}).text
