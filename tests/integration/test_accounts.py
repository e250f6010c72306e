"""Signing in: wrong passwords slow a guesser down, lock no user out, and say nothing of who there is."""

from __future__ import annotations

import datetime as dt
import os
import stat
import time
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner
from fastapi import Request
from fastapi.testclient import TestClient
from sqlalchemy import text

from bkkenergy.access import server_actor
from bkkenergy.adapters.engines import file_engine
from bkkenergy.adapters.files import make_file, write_whole
from bkkenergy.adapters.state import users as user_store
from bkkenergy.adapters.state.auditlog import audit_lines
from bkkenergy.adapters.state.tokens import add_token
from bkkenergy.adapters.state.users import add_user, users
from bkkenergy.cli.context import OTHERS, begin_service
from bkkenergy.errors import InputError
from bkkenergy.usecases.people import NewUser, enter_user
from bkkenergy.web.delays import Throttle
from bkkenergy.web.security import address_of
from tests.conftest import ROOT
from tests.web import PASSWORD, csrf_of, make_app, make_site, signed_in


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return make_app(make_site(tmp_path_factory.mktemp("accounts")))


@pytest.fixture(scope="module")
def people(app):
    return {"admin": signed_in(app, "admin")}


def tried(app, name, password, address="10.0.0.1"):
    """The answer to a sign-in from an address."""
    client = TestClient(app, follow_redirects=False, client=(address, 50_000))
    return client.post("/login", data={"name": name, "password": password}, params={"lang": "en"})


@pytest.fixture
def patient(app):
    """The app, which forgets wrong passwords afterwards."""
    app.state.delays._tries.clear()
    yield app
    app.state.delays._tries.clear()
    app.state.throttle._failed.clear()
    with app.state.here.opened.state.begin() as connection:
        connection.execute(text("UPDATE user_account SET failed = 0, locked_until_us = 0"))


def test_wrong_passwords_make_an_address_wait_and_are_noted(patient, people):
    answers = [tried(patient, "viewer-health", f"wrong {n}") for n in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert "Wait 30 seconds" in answers[-1].text
    assert tried(patient, "viewer-health", PASSWORD).status_code == 429, "not even with the right one"
    assert "failed to sign in" in people["admin"].get("/admin", params={"lang": "en"}).text


def test_no_password_is_looked_at_that_was_tried_beside_those_that_locked_its_name(patient, monkeypatch):
    """The slow hash is computed outside the transaction: many tries at once would each be let in by a lock seen before."""
    state, is_right = patient.state.here.opened.state, user_store._is_right
    now = dt.datetime.now(dt.UTC)

    def beside_others(password_hash, password):
        with state.begin() as connection:
            until = {"until": int((now + dt.timedelta(seconds=40)).timestamp() * 1e6)}
            connection.execute(text("UPDATE user_account SET locked_until_us = :until"), until)
        return is_right(password_hash, password)

    monkeypatch.setattr(user_store, "_is_right", beside_others)
    done = user_store.sign_in(state, "viewer-health", PASSWORD, now, session_s=60, address="10.0.0.9")
    assert done.seconds == pytest.approx(40, abs=0.01)
    done = user_store.sign_in(state, "viewer-health", PASSWORD, now, session_s=60, address="10.0.0.9", is_known=True)
    assert isinstance(done, user_store.SignedIn)


def test_a_password_is_right_though_a_sign_in_beside_it_renewed_its_hash(patient, monkeypatch):
    """Two pages at once, the first time after the parameters of hashes changed."""
    state, is_right, now = patient.state.here.opened.state, user_store._is_right, dt.datetime.now(dt.UTC)
    renewals = iter([PASSWORD, "another password, entered meanwhile"])

    def beside_another(password_hash, password):
        if renewed := next(renewals, None):
            with state.begin() as connection:
                values = {"hash": user_store.PasswordHash.of(renewed), "name": "viewer-health"}
                connection.execute(text("UPDATE user_account SET password_hash = :hash WHERE name = :name"), values)
        return is_right(password_hash, password)

    monkeypatch.setattr(user_store, "_is_right", beside_another)
    done = user_store.sign_in(state, "viewer-health", PASSWORD, now, session_s=60, address="10.0.0.9")
    assert isinstance(done, user_store.WrongPassword), "it was changed at last"
    with state.begin() as connection:
        values = {"hash": user_store.PasswordHash.of(PASSWORD), "name": "viewer-health"}
        connection.execute(text("UPDATE user_account SET password_hash = :hash WHERE name = :name"), values)
    renewals = iter([PASSWORD])
    done = user_store.sign_in(state, "viewer-health", PASSWORD, now, session_s=60, address="10.0.0.9")
    assert isinstance(done, user_store.SignedIn)


def test_of_a_stranger_s_tries_not_more_are_remembered_than_count():
    throttle = Throttle(max_tries=3)
    for count in range(50):
        assert throttle.is_full("10.0.0.1") == (count >= 3)
        throttle.failed("10.0.0.1")
    assert len(throttle._failed["10.0.0.1"]) == 3


def test_a_stranger_s_wrong_passwords_lock_no_user_out(patient):
    for n in range(12):
        tried(patient, "viewer-health", f"wrong {n}", "203.0.113.9")
    assert tried(patient, "viewer-health", PASSWORD, "10.0.0.1").status_code == 303
    assert tried(patient, "viewer-health", PASSWORD, "203.0.113.9").status_code == 429


def test_wrong_passwords_from_everywhere_slow_a_name_down_by_a_minute_at_most(patient):
    answers = [tried(patient, "viewer-health", "wrong", f"203.0.113.{n // 4}") for n in range(52)]
    assert {answer.status_code for answer in answers[:50]} == {401}
    assert answers[-1].status_code == 429
    assert max(until for _, until in patient.state.delays._tries.values()) - time.monotonic() <= 60


def test_answers_do_not_say_which_names_there_are(patient):
    def answers(name):
        client = [tried(patient, name, f"wrong {n}") for n in range(7)]
        return [(one.status_code, one.text.replace(name, "NAME"), sorted(one.headers)) for one in client]

    assert answers("viewer-health") == answers("viewer-nowhere")


def test_what_is_typed_into_the_field_of_the_name_is_in_no_log(patient, people):
    tried(patient, "my secret password", "viewer-health")
    tried(patient, "viewer-health", "my other secret")
    lines = audit_lines(patient.state.here.opened.state, 2)
    assert [(line["action"], line["actor"]) for line in lines] == [
        ("sign_in_failed", "viewer-health"),
        ("sign_in_failed", ""),
    ]
    assert "secret" not in str(lines)


def test_the_old_password_cannot_be_guessed_from_a_stolen_session(patient):
    client = signed_in(patient, "engineer-health")
    form = {"csrf": csrf_of(client), "new": "tuk-tuk river 81 mango"}
    goes = [client.post("/account", data=form | {"old": f"wrong {n}"}).headers["location"] for n in range(31)]
    assert goes[:30] == ["/account?fault=web.password_wrong"] * 30
    assert goes[30] == "/account?fault=web.too_many"
    assert client.post("/account", data=form | {"old": PASSWORD}).headers["location"] == goes[30]
    assert audit_lines(patient.state.here.opened.state, 1)[0]["action"] == "password_wrong"


def test_tokens_end_with_the_password(patient, people):
    state, now = patient.state.here.opened.state, dt.datetime.now(dt.UTC)
    add_user(state, "walker", PASSWORD, "viewer", ["health"], now)
    client = signed_in(patient, "walker")
    number = next(user["id"] for user in users(state) if user["name"] == "walker")
    headers = {"Authorization": f"Bearer {add_token(state, number, 'sheet', 'read', now, days=30)}"}
    program = TestClient(patient, headers=headers)
    assert program.get("/api/v1/agencies").status_code == 200
    form = {"csrf": csrf_of(client), "old": PASSWORD, "new": "tuk-tuk river 81 mango"}
    assert client.post("/account", data=form).headers["location"] == "/"
    assert program.get("/api/v1/agencies").status_code == 401


def test_behind_a_proxy_the_last_address_counts_whatever_the_client_says(app):
    web = app.state.here.settings.web.model_copy(update={"behind_proxy": True})
    sent = [(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"1.1.1.1, 10.0.0.5")]
    here = SimpleNamespace(settings=SimpleNamespace(web=web))
    request = Request({"type": "http", "headers": sent, "app": SimpleNamespace(state=SimpleNamespace(here=here))})
    assert address_of(request) == "10.0.0.5"


@pytest.mark.parametrize(
    "name",
    [
        "ADMIN",
        "Admin",
        "admin\u200b",
        "adm\0in",
        " admin",
        "admin\n",
        "\uff41\uff44\uff4d\uff49\uff4e",
        "\u202enimda",
        "\N{CYRILLIC SMALL LETTER A}dmin",
        "adm\N{LATIN SMALL LETTER DOTLESS I}n",
        "\N{LATIN SMALL LETTER ALPHA}dmin",
        "\N{CYRILLIC SMALL LETTER ES}\N{CYRILLIC SMALL LETTER O}\N{CYRILLIC SMALL LETTER A}",
        "admin\N{GREEK SMALL LETTER OMICRON}",
        "",
    ],
)
def test_no_new_user_looks_like_another_one(app, people, name):
    before = users(app.state.here.opened.state)
    new = NewUser(name=name, password=PASSWORD, role="admin", agencies=("all",))
    with pytest.raises(InputError):
        enter_user(app.state.here.opened.state, server_actor("cli:root"), new, dt.datetime.now(dt.UTC))
    form = {
        "csrf": csrf_of(people["admin"]),
        "name": name,
        "password": PASSWORD,
        "role": "viewer",
        "agencies": "health",
    }
    people["admin"].post("/admin/users", data=form)
    made = {user["name"] for user in users(app.state.here.opened.state)} - {user["name"] for user in before}
    assert made <= {name.strip()}
    assert all(one.isprintable() and one.casefold() != "admin" for one in made)


def test_a_thai_name_is_a_name(app):
    new = NewUser(name="สมศรี น้ำใจ", password=PASSWORD, role="viewer", agencies=("health",))
    enter_user(app.state.here.opened.state, server_actor("cli:root"), new, dt.datetime.now(dt.UTC))
    assert "สมศรี น้ำใจ" in {user["name"] for user in users(app.state.here.opened.state)}


def test_what_services_write_is_not_for_everyone_on_the_machine(tmp_path):
    @click.command
    def service():
        begin_service("error", "text")
        write_whole(tmp_path / "reports/archive/city.csv", b"figures")

    before = os.umask(0o022)
    try:
        assert CliRunner().invoke(service).exit_code == 0
        assert os.umask(0o022) == 0o022, "of this command alone"
    finally:
        os.umask(before)
    written = [path for path in tmp_path.rglob("*") if stat.S_IMODE(path.stat().st_mode) & OTHERS]
    assert not written


def test_every_command_that_runs_as_a_service_begins_as_one():
    for path in (ROOT / "src/bkkenergy/cli").glob("*.py"):
        source = path.read_text()
        assert source.count("\n@log_options") == source.count("    begin_service("), path.name


def test_databases_are_not_for_everyone_on_the_machine(tmp_path):
    make_file(tmp_path / "var/state.sqlite")
    engine = file_engine(tmp_path / "var/other.sqlite")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE one (a INT)"))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) & 0o007 for path in (tmp_path / "var").iterdir()}
    assert {"state.sqlite", "other.sqlite"} <= modes.keys()
    assert set(modes.values()) == {0}
