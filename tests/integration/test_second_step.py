"""Signing in with a code of a phone, the sessions that a user sees and ends, and the password again."""

from __future__ import annotations

import datetime as dt
import re
from contextlib import contextmanager

import pyotp
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from bkkenergy.adapters import state
from bkkenergy.adapters.state import users
from bkkenergy.adapters.state.auditlog import LinesAsked, audit_lines
from bkkenergy.adapters.state.tokens import add_token
from bkkenergy.adapters.state.users import add_user, session_of
from tests.containers.browser import FORGED, visit
from tests.receivers import self_signed
from tests.web import PASSWORD, SETTINGS, make_app, make_site, serving

NOW = dt.datetime.now(dt.UTC)
PHONE = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/142.0 Mobile Safari/537.36"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return make_app(make_site(tmp_path_factory.mktemp("second")))


@pytest.fixture
def name(app, request):
    """A new user of the health centres."""
    whose = f"user-{sum(map(ord, request.node.name))}"
    add_user(app.state.here.opened.state, whose, PASSWORD, "engineer", ["health"], NOW)
    return whose


def browser(app, agent="", address="10.1.0.1"):
    headers = {"User-Agent": agent} if agent else {}
    return TestClient(app, follow_redirects=False, client=(address, 50_000), headers=headers)


def signed_in(app, name, agent="", address="10.1.0.1"):
    client = browser(app, agent, address)
    assert client.post("/login", data={"name": name, "password": PASSWORD}).status_code == 303
    return client


def sent(client, path, **values):
    csrf = re.search(r'name="csrf" value="([^"]+)"', client.get("/account").text)[1]
    return client.post(path, data={"csrf": csrf, **values}, params={"lang": "en"})


def with_factor(app, name, address="10.1.0.1"):
    """A browser of a user who has just set a second factor: (browser, secret, spare codes)."""
    client = signed_in(app, name, address=address)
    shown = sent(client, "/account/factor", password=PASSWORD).text
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", shown)[1]
    done = sent(client, "/account/factor/confirm", secret=secret, code=code_of(secret, -1))
    spare = re.findall(r"<li><code>([0-9a-f]{4}-[0-9a-f]{6})</code>", done.text)
    assert len(set(spare)) == 10
    return client, secret, spare


def code_of(secret, steps=0):
    """The code that the app shows now, or some intervals of half a minute later."""
    return pyotp.TOTP(secret).at(dt.datetime.now(dt.UTC), counter_offset=steps)


def test_a_password_alone_opens_nothing_of_a_user_with_a_second_step(app, name):
    _, secret, _ = with_factor(app, name)
    thief = browser(app, address="10.9.9.9")
    answer = thief.post("/login", data={"name": name, "password": PASSWORD, "next": "/agencies/health"})
    assert answer.headers["location"] == "/login/code?next=/agencies/health"
    for path in ("/", "/account", "/agencies/health", "/api/v1/buildings"):
        refused = thief.get(path)
        assert (
            refused.status_code == 401 if path.startswith("/api") else refused.headers["location"][:11] == "/login/code"
        )
    assert thief.post("/login/code", data={"code": "000000"}).status_code == 401
    owner = browser(app)
    owner.post("/login", data={"name": name, "password": PASSWORD})
    half = owner.cookies["bkkenergy"]
    done = owner.post("/login/code", data={"code": code_of(secret), "next": "/agencies/health"})
    assert (done.status_code, done.headers["location"]) == (303, "/agencies/health")
    assert owner.get("/agencies/health").status_code == 200
    assert owner.cookies["bkkenergy"] != half


def test_no_code_is_taken_twice(app, name):
    _, secret, spare = with_factor(app, name)
    code = code_of(secret)
    for given, statuses in ((code, [303, 401]), (spare[0], [303, 401])):
        answers = []
        for _ in range(2):
            client = browser(app)
            client.post("/login", data={"name": name, "password": PASSWORD})
            answers.append(client.post("/login/code", data={"code": given}).status_code)
        assert answers == statuses


def test_spare_codes_are_stored_as_slow_hashes_with_a_salt_of_their_user(app, name):
    _, _, spare = with_factor(app, name)
    with app.state.here.opened.state.connect() as connection:
        query = text(
            "SELECT code_hash FROM recovery_code JOIN user_account ON user_id = user_account.id WHERE name = :name"
        )
        stored = list(connection.execute(query, {"name": name}).scalars())
        salts = connection.execute(text("SELECT code_hash FROM recovery_code")).scalars()
    assert len(stored) == 10
    assert {each.split("$")[1] for each in stored} == {"argon2id"}
    assert not any(code.replace("-", "") in each for code in spare for each in stored)
    assert stored[0].split("$")[4] not in {each.split("$")[4] for each in set(salts) - set(stored)}


def test_codes_cannot_be_tried_on_and_on(app, name):
    _, secret, _ = with_factor(app, name)
    client = browser(app, address="10.7.7.7")
    client.post("/login", data={"name": name, "password": PASSWORD})
    answers = [client.post("/login/code", data={"code": f"{number:06}"}).status_code for number in range(8)]
    assert answers[-1] == 429
    assert client.post("/login/code", data={"code": code_of(secret)}).status_code == 429


def test_a_second_step_is_set_and_ended_with_the_password_alone(app, name):
    client = signed_in(app, name)
    assert "current password is wrong" in sent(client, "/account/factor", password="wrong").text
    assert "the code is wrong" in sent(client, "/account/factor/confirm", secret="A" * 32, code="123456").text
    _, _, _ = with_factor(app, name)
    assert "current password is wrong" in sent(client, "/account/factor/end", password="wrong").text
    assert sent(client, "/account/factor/end", password=PASSWORD).status_code == 303
    fresh = browser(app)
    assert fresh.post("/login", data={"name": name, "password": PASSWORD}).headers["location"] == "/"


def test_a_user_sees_and_ends_sessions_one_by_one(app, name):
    desk, phone = signed_in(app, name), signed_in(app, name, PHONE, "10.2.0.2")
    shown = desk.get("/account", params={"lang": "en"}).text
    assert "Chrome · Android" in shown
    assert "10.2.0.2" in shown
    (other,) = re.findall(r'name="session" value="([0-9a-f]{16})"', shown)
    assert sent(desk, "/account/sessions/end", session=other).status_code == 303
    assert phone.get("/account").headers["location"].startswith("/login")
    assert desk.get("/account").status_code == 200
    phone = signed_in(app, name, PHONE)
    assert sent(desk, "/account/sessions/end").status_code == 303
    assert (desk.get("/account").status_code, phone.get("/account").status_code) == (200, 303)


@pytest.mark.parametrize("session", ["0" * 16, "", "%", "_" * 16])
def test_no_session_is_ended_that_is_not_one_s_own(app, name, session):
    other, mine = signed_in(app, "manager-health"), signed_in(app, name)
    assert sent(mine, "/account/sessions/end", session=session).status_code == 404
    theirs = re.findall(r'value="([0-9a-f]{16})"', signed_in(app, "manager-health").get("/account").text)
    assert sent(mine, "/account/sessions/end", session=theirs[0]).status_code == 404
    assert other.get("/account").status_code == 200


def test_the_eleventh_session_ends_the_oldest(app, name):
    clients = [signed_in(app, name) for _ in range(11)]
    assert [client.get("/account").status_code for client in clients] == [303] + [200] * 10


def test_who_has_the_password_alone_ends_no_session_of_a_user_with_a_second_step(app, name):
    client, *_ = with_factor(app, name)
    half = [signed_in(app, name) for _ in range(11)]
    assert client.get("/account").status_code == 200
    assert half[0].get("/login/code").headers["location"].startswith("/login?"), "the oldest of its own kind has ended"


def test_whole_sessions_are_ten_however_they_became_whole(app, name):
    client, _, spare = with_factor(app, name)
    clients = [signed_in(app, name) for _ in range(10)]
    for other, code in zip(clients, spare, strict=True):
        assert other.post("/login/code", data={"code": code}).status_code == 303
    assert [each.get("/account").status_code for each in [client, *clients]] == [303] + [200] * 10


def test_no_slow_hash_is_computed_while_a_transaction_is_open(app, name, monkeypatch):
    asked = []

    def watched(compute):
        def watching(*args, **named):
            asked.append(state._present.get() is not None)
            return compute(*args, **named)

        return watching

    for method in ("hash", "verify"):
        monkeypatch.setattr(users.PasswordHasher, method, watched(getattr(users.PasswordHasher, method)))
    monkeypatch.setattr(users, "hash_secret", watched(users.hash_secret))
    client, _, spare = with_factor(app, name)
    for who in (name, "no-one"):
        browser(app).post("/login", data={"name": who, "password": "wrong one, sorry"})
    assert signed_in(app, name).post("/login/code", data={"code": spare[0]}).status_code == 303
    assert sent(client, "/account", old=PASSWORD, new="another horse battery").headers["location"] == "/"
    assert len(asked) > 15
    assert not any(asked), "every writer would wait for it"


def aged(app, name, **hours):
    """Move a user's sessions or password back in time."""
    with app.state.here.opened.state.begin() as connection:
        for column, count in hours.items():
            table, key = ("user_account", "id") if column == "password_us" else ("session", "user_id")
            connection.execute(
                text(f"UPDATE {table} SET {column} = {column} - :us WHERE {key} = (SELECT id FROM user_account WHERE name = :name)"),
                {"us": int(count * 3.6e9), "name": name},
            )  # fmt: skip


def test_a_session_that_rests_for_two_hours_has_ended(app, name):
    client = signed_in(app, name)
    aged(app, name, seen_us=1.9)
    assert client.get("/account").status_code == 200
    aged(app, name, seen_us=1.9)
    assert client.get("/account").status_code == 200, "it was used meanwhile"
    aged(app, name, seen_us=2.1)
    assert client.get("/account").headers["location"].startswith("/login")


def test_a_stream_that_looks_whether_it_may_go_on_is_no_use_of_a_session(app, name):
    client, state = signed_in(app, name), app.state.here.opened.state
    key = client.cookies["bkkenergy"]
    aged(app, name, seen_us=1.9)
    assert session_of(state, key, dt.datetime.now(dt.UTC), idle_s=7200, is_use=False) is not None
    aged(app, name, seen_us=0.2)
    assert client.get("/account").headers["location"].startswith("/login")


def test_users_are_changed_only_by_one_who_gave_the_password_lately(app):
    add_user(app.state.here.opened.state, "second-admin", PASSWORD, "admin", ["all"], NOW)
    admin = signed_in(app, "second-admin")
    assert admin.get("/admin").status_code == 200
    aged(app, "second-admin", proven_us=0.6)
    assert admin.get("/admin").headers["location"] == "/again?next=/admin"
    new = {"name": "sneaked", "password": PASSWORD, "role": "admin", "agencies": "all"}
    assert sent(admin, "/admin/users", **new).headers["location"].startswith("/again")
    assert sent(admin, "/again", password="wrong", next="/admin").headers["location"].startswith("/again?fault")
    assert sent(admin, "/again", password=PASSWORD, next="/admin").headers["location"] == "/admin"
    assert admin.get("/admin").status_code == 200


def test_a_one_time_password_is_good_for_a_week(app):
    add_user(app.state.here.opened.state, "late", PASSWORD, "viewer", ["health"], NOW, must_change=True)
    aged(app, "late", password_us=24 * 7.1)
    answer = browser(app).post("/login", data={"name": "late", "password": PASSWORD}, params={"lang": "en"})
    assert (answer.status_code, "seven days" in answer.text) == (403, True)


def test_an_administrator_signs_a_user_out_and_takes_a_lost_phone_off(app, name):
    client, _, _ = with_factor(app, name)
    admin = signed_in(app, "admin")
    row = re.search(
        rf'<th scope="row">{name}</th>.*?/admin/users/(\d+)/factor/end', admin.get("/admin").text, re.DOTALL
    )
    assert sent(admin, f"/admin/users/{row[1]}/factor/end").status_code == 303
    assert client.get("/account").status_code == 303
    again = signed_in(app, name)
    assert sent(admin, f"/admin/users/{row[1]}/sessions/end").status_code == 303
    assert again.get("/account").status_code == 303


def test_as_delivered_administrators_without_a_second_factor_are_led_to_set_one(tmp_path):
    """No user is locked out by it: the password opens the page where one is set, and tokens of programs go on."""
    app = make_app(make_site(tmp_path, settings=SETTINGS.replace('second_factor = "offered"\n', "")))
    assert app.state.here.settings.web.second_factor == "admins"
    admin, of_agency = signed_in(app, "admin"), signed_in(app, "admin-health")
    for each in (admin, of_agency):
        assert each.get("/admin").headers["location"] == "/account"
        assert each.get("/records", follow_redirects=True).url.path == "/account"
        assert each.get("/api/v1/buildings").status_code == 401
        account = each.get("/account", params={"lang": "en"}).text
        assert account.index("asks for a second step") < account.index('name="language"'), "before all else"
    for other in ("manager-health", "engineer-health", "viewer-health"):
        assert signed_in(app, other).get("/agencies/health").status_code == 200
    opened = app.state.here.opened.state
    number = next(each["id"] for each in users.users(opened) if each["name"] == "admin")
    token = add_token(opened, number, "of a program", "read", NOW, days=1)
    program = browser(app).get("/api/v1/buildings", headers={"Authorization": f"Bearer {token}"})
    assert program.status_code == 200
    done, secret, _ = with_factor(app, "admin")
    assert done.get("/admin").status_code == 200
    again = signed_in(app, "admin")
    assert again.get("/admin").headers["location"].startswith("/login/code")
    assert again.post("/login/code", data={"code": code_of(secret)}).status_code == 303
    assert again.get("/admin").status_code == 200


def test_the_browser_of_the_walk_through_containers_gets_in_as_delivered(tmp_path):
    """The walk itself needs a Docker engine."""
    app = make_app(make_site(tmp_path, settings=SETTINGS.replace('second_factor = "offered"\n', "")))
    add_user(app.state.here.opened.state, "first", PASSWORD, "admin", ["all"], NOW, must_change=True)
    certificate, _ = self_signed(tmp_path)
    with contextmanager(serving)(app) as url:
        seen = visit(url, certificate, "first", PASSWORD, new="another horse battery")
        again = visit(url, certificate, "first", "another horse battery", seen["secret"])
    assert (seen["led_to"], seen["is_in"]) == (["/account", "/account"], True)
    assert (again["led_to"], again["is_in"]) == (["/login/code"], True)
    assert FORGED in again["admin"], "the audit log; no proxy of ours is in between here"


def test_everyone_is_asked_for_a_second_factor_where_the_settings_say_so(tmp_path):
    app = make_app(make_site(tmp_path, settings=SETTINGS.replace('"offered"', '"everyone"')))
    viewer = signed_in(app, "viewer-health")
    assert viewer.get("/agencies/health").headers["location"] == "/account"
    assert viewer.get("/api/v1/buildings").status_code == 401
    with_factor(app, "viewer-health")
    viewer = signed_in(app, "viewer-health")
    assert viewer.get("/agencies/health").headers["location"].startswith("/login/code")


def test_who_takes_a_file_is_noted_once_an_hour_by_page_and_by_token(app, name):
    client, state = signed_in(app, name), app.state.here.opened.state
    data = "/api/v1/buildings/health.centre-1/energy"
    days = {"first": "2026-11-01", "last": "2026-11-02"}
    (report,) = re.findall(r'"/reports/file/(health/[^"]+\.csv)"', client.get("/reports?lang=en").text)[:1]
    for _ in range(2):
        assert client.get(data, params=days | {"format": "csv"}).status_code == 200
        assert client.get(f"/reports/file/{report}").status_code == 200
    client.get(data, params=days)
    client.get("/reports/file/health/2026-11-01/r9/none.csv")
    (number,) = [one["id"] for one in users.users(state) if one["name"] == name]
    token = {"Authorization": f"Bearer {add_token(state, number, 'robot', 'read', NOW, days=9)}"}
    assert browser(app).get(data, params=days | {"format": "parquet"}, headers=token).status_code == 200
    lines = audit_lines(state, 50, LinesAsked(action="take_file", actor=name))
    assert [(line["target"], line["detail"]["asked"]) for line in reversed(lines)] == [
        (data, "first=2026-11-01&last=2026-11-02&format=csv"),
        (f"/reports/file/{report}", ""),
        (data, "first=2026-11-01&last=2026-11-02&format=parquet"),
    ]


def test_what_is_refused_is_noted_once_a_minute(app):
    manager = signed_in(app, "manager-health")
    for _ in range(3):
        assert manager.get("/admin").status_code == 403
    lines = audit_lines(app.state.here.opened.state, 50, LinesAsked(action="denied"))
    assert [(line["actor"], line["target"], line["address"]) for line in lines] == [
        ("manager-health", "GET /admin", "10.1.0.1")
    ]
