"""The wall display: what its link shows and what it does not, and its end."""

from __future__ import annotations

import datetime as dt
import json
import re

import pytest
from fastapi.testclient import TestClient

from bkkenergy.adapters.state.tokens import add_token, drop_token, tokens
from bkkenergy.adapters.state.users import users
from bkkenergy.web import live
from tests.web import make_app, make_site, signed_in

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return make_app(make_site(tmp_path_factory.mktemp("wall")))


def key_of(app, name, scope="wall", days=30, now=NOW):
    state = app.state.here.opened.state
    number = next(one["id"] for one in users(state) if one["name"] == name)
    return add_token(state, number, "lobby", scope, now, days=days)


def on_a_wall(app, name="viewer-health", **of_token):
    client = TestClient(app, follow_redirects=False)
    answer = client.get("/wall", params={"key": key_of(app, name, **of_token), "lang": "en"})
    return client, answer


def test_a_link_shows_its_agencies_and_leaves_no_key_in_the_address(app):
    client, answer = on_a_wall(app)
    assert (answer.status_code, answer.headers["location"]) == (303, "/wall")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "bkkenergy-wall=" in cookie
    text = client.get("/wall").text
    assert "Huai Khwang health centre" in text
    assert "headquarters" not in text, "of another agency"
    assert "<nav" not in text
    assert "/login" not in text
    power = re.search(r'data-now="power">([\d.,]+)<', text)[1]
    assert power in {"18", "90"}, "of both health centres that send"


def test_a_link_of_all_agencies_shows_all(app):
    client, _ = on_a_wall(app, "admin")
    assert "Education Department headquarters" in client.get("/wall").text


@pytest.mark.parametrize("path", ["/", "/live", "/buildings/health.centre-1", "/live/power", "/admin"])
def test_a_link_opens_nothing_but_the_wall(app, path):
    client, _ = on_a_wall(app, "admin")
    answer = client.get(path)
    assert (answer.status_code, answer.headers["location"].startswith("/login")) == (303, True)


def test_its_key_is_no_token_of_the_api(app):
    client = TestClient(app, headers={"Authorization": f"Bearer {key_of(app, 'admin')}"})
    for path in ("/api/v1/buildings", "/api/v1/buildings/health.centre-1/power", "/api/v1/agencies"):
        assert client.get(path).status_code in {403, 404}, path
    reading = {"meter": "health.centre-1.main", "at": "2026-11-27T00:00:00Z", "energy_kwh": 1}
    assert client.post("/api/v1/readings", json=[reading]).status_code == 403


@pytest.mark.parametrize("scope", ["read", "write", "records", "readings", "server"])
def test_a_token_of_another_scope_opens_no_wall(app, scope):
    client, answer = on_a_wall(app, "admin", scope=scope)
    assert answer.status_code == 403
    assert client.get("/wall").status_code == 303


@pytest.mark.parametrize("key", ["guessed", "x" * 5000, "' or 1=1 --", "\x00", "ก" * 40])
def test_a_wrong_key_is_refused_and_after_many_an_address_is_not_heard(app, key):
    client = TestClient(app, follow_redirects=False)
    answer = client.get("/wall", params={"key": key})
    assert answer.status_code == 403
    assert "traceback" not in answer.text.lower()


def test_a_link_that_was_ended_or_is_over_says_so_and_its_stream_ends(app, monkeypatch):
    state = app.state.here.opened.state
    client, _ = on_a_wall(app)
    monkeypatch.setattr(live, "EVERY_S", 0.01)
    monkeypatch.setattr(live, "LONGEST_S", 30.0)
    looks = live.looks
    number = max(one["id"] for one in tokens(state))

    async def ended_after_the_first(figures, event):
        async for line in looks(figures, event):
            yield line
            drop_token(state, number)

    monkeypatch.setattr("bkkenergy.web.pages_wall.looks", ended_after_the_first)
    text = client.get("/live/wall").text
    assert text.endswith("event: end\ndata: {}\n\n")
    first = json.loads(next(line for line in text.splitlines() if line.startswith("data:")).removeprefix("data: "))
    assert all(name.startswith("health.") for name in first["buildings"])
    answer = client.get("/wall")
    assert answer.status_code == 403
    assert "has ended" in answer.text
    over, refused = on_a_wall(app, now=NOW - dt.timedelta(days=31))
    assert refused.status_code == 403
    assert over.get("/wall").status_code == 303, "the browser has stored nothing"


def test_who_is_signed_in_sees_a_wall_of_ones_own(app):
    text = signed_in(app, "viewer-health").get("/wall").text
    assert "ศูนย์บริการสาธารณสุข" in text
    assert "สำนักการศึกษา" not in text


def test_an_administrator_makes_a_link_on_the_page(app):
    admin = signed_in(app, "admin")
    csrf = re.search(r'name="csrf" value="([^"]+)"', admin.get("/admin").text)[1]
    answer = admin.post("/admin/tokens", data={"csrf": csrf, "name": "hall", "scope": "wall", "days": "365"})
    address = re.search(r"<code>(/wall\?key=[^<]+)</code>", answer.text)[1]
    wall = TestClient(app, follow_redirects=False)
    assert wall.get(address).status_code == 303
    assert wall.get("/wall").status_code == 200
