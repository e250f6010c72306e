"""What a person may ask for by law: everything that is stored of them, and the end of the account."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import String

from bkkenergy.access import server_actor
from bkkenergy.adapters.state.metadata import metadata
from bkkenergy.adapters.state.persons import NAMES, SECRETS
from bkkenergy.adapters.state.tokens import add_token
from bkkenergy.adapters.state.users import add_user, users
from bkkenergy.errors import InputError
from bkkenergy.usecases.people import enter_token
from bkkenergy.usecases.personaldata import erase_user, personal_data
from tests.web import PASSWORD, make_app, make_site

NOW = dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC)
ROOT = server_actor("cli:root")


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return make_app(make_site(tmp_path_factory.mktemp("persons")))


@pytest.fixture(scope="module")
def state(app):
    return app.state.here.opened.state


def number_of(state, name):
    return next(user["id"] for user in users(state) if user["name"] == name)


def test_a_person_gets_every_row_and_no_secret(app, state):
    add_user(state, "malee", PASSWORD, "viewer", ["health"], NOW, display="มาลี")
    number = number_of(state, "malee")
    enter_token(state, ROOT, number, "excel", "read", NOW, days=30)
    client = TestClient(app, follow_redirects=False)
    assert client.post("/login", data={"name": "malee", "password": PASSWORD}).status_code == 303
    rows = personal_data(state, ROOT, number, NOW)
    assert {"user_account", "session", "token", "audit"} <= set(rows)
    assert rows["user_account"][0]["display"] == "มาลี"
    assert [line["action"] for line in rows["audit"]] == ["sign_in"]
    assert not {name for each in rows.values() for row in each for name in row} & SECRETS
    assert PASSWORD not in json.dumps(rows, default=str)


def test_an_erased_account_opens_nothing_and_its_name_is_not_given_to_another(app, state):
    add_user(state, "somsak", PASSWORD, "viewer", ["health"], NOW, display="สมศักดิ์")
    number = number_of(state, "somsak")
    client = TestClient(app, follow_redirects=False)
    client.post("/login", data={"name": "somsak", "password": PASSWORD})
    secret = add_token(state, number, "excel", "read", dt.datetime.now(dt.UTC), days=30)
    erase_user(state, ROOT, number, NOW)
    assert client.get("/").headers["location"].startswith("/login")
    assert client.post("/login", data={"name": "somsak", "password": PASSWORD}).status_code == 401
    assert client.get("/api/v1/buildings", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    rows = personal_data(state, ROOT, number, NOW)
    assert not {"session", "token", "second_factor", "own_delivery"} & set(rows)
    assert "สมศักดิ์" not in json.dumps(rows, default=str, ensure_ascii=False)
    with pytest.raises(InputError):
        add_user(state, "somsak", PASSWORD, "viewer", ["health"], NOW)


def test_the_last_administrator_is_not_erased(state):
    everyone = [user for user in users(state) if user["role"] == "admin" and "all" in user["agencies"]]
    for user in everyone[:-1]:
        erase_user(state, ROOT, user["id"], NOW)
    with pytest.raises(InputError):
        erase_user(state, ROOT, everyone[-1]["id"], NOW)


def test_every_column_that_names_who_did_something_is_looked_at():
    texts = {
        column.name
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, String) and (column.name.endswith("_by") or column.name in {"by", "actor", "owner"})
    }
    assert texts <= NAMES
