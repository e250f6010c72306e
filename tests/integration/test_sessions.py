"""How a browser's session begins and ends, what cookies it has, and that each page lets one sign out."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from fastapi.testclient import TestClient
from markupsafe import escape

from bkkenergy.site import wall_clock
from tests.conftest import ROOT
from tests.web import PASSWORD, csrf_of, make_app, make_site, signed_in, walked

TEMPLATES = sorted((ROOT / "src/bkkenergy/web/templates").glob("*.j2"))
FIELD = re.compile(r"<input[^>]*>")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_site(tmp_path_factory.mktemp("sessions"))


@pytest.fixture(scope="module")
def app(home):
    return make_app(home)


def is_out(app, key):
    """Whether a session's key opens nothing."""
    answer = TestClient(app, follow_redirects=False, cookies={"bkkenergy": key}).get("/help")
    return answer.status_code == 303 and answer.headers["location"].startswith("/login")


class Later:
    """A clock that a test sets forward."""

    ahead = dt.timedelta()

    def __call__(self) -> dt.datetime:
        return wall_clock() + self.ahead


def test_after_twelve_hours_a_session_has_ended_however_much_it_is_used(home):
    clock = Later()
    client = signed_in(make_app(home, clock), "viewer-health")
    for hours in range(1, 12):
        clock.ahead = dt.timedelta(hours=hours)
        assert client.get("/help").status_code == 200, hours
    clock.ahead = dt.timedelta(hours=12, seconds=1)
    assert client.get("/help").headers["location"].startswith("/login")


def test_signing_in_again_ends_the_session_that_the_browser_had(app):
    client = signed_in(app, "viewer-health")
    before = client.cookies["bkkenergy"]
    client.post("/login", data={"name": "engineer-health", "password": PASSWORD})
    assert client.cookies["bkkenergy"] != before
    assert client.get("/help").status_code == 200
    assert is_out(app, before), "a copy of its key opens nothing any more"


def test_the_password_again_gives_the_session_another_key(app):
    client = signed_in(app, "manager-health")
    before = client.cookies["bkkenergy"]
    sent = {"csrf": csrf_of(client), "password": PASSWORD, "next": "/help"}
    assert client.post("/again", data=sent).headers["location"] == "/help"
    assert client.get("/help").status_code == 200
    assert is_out(app, before)


def test_with_tls_each_cookie_is_bound_to_this_host_and_secure(home, monkeypatch):
    app = make_app(home)
    web = app.state.here.settings.web.model_copy(update={"secure_cookies": True})
    settings = app.state.here.settings.model_copy(update={"web": web})
    monkeypatch.setattr(type(app.state.here), "settings", settings)
    client = TestClient(app, base_url="https://testserver", follow_redirects=False)
    sent = [client.post("/login", data={"name": "admin", "password": PASSWORD})]
    sent.append(client.post("/account", data={"csrf": csrf_of(client), "language": "en"}))
    assert client.cookies["__Host-lang"] == "en"
    made = {"csrf": csrf_of(client), "user": "admin", "name": "lobby", "scope": "wall", "days": "30"}
    key = re.search(r"/wall\?key=([\w-]+)", client.post("/admin/tokens", data=made).text)
    sent.append(client.get("/wall", params={"key": key[1], "lang": "th"}))
    cookies = [cookie for answer in sent for cookie in answer.headers.get_list("set-cookie")]
    names = {cookie.partition("=")[0] for cookie in cookies}
    assert names == {"__Host-bkkenergy", "__Host-bkkenergy-browser", "__Host-lang", "__Host-bkkenergy-wall", "lang"}
    for cookie in cookies:
        name, value = cookie.partition(";")[0].split("=", 1)
        if name == "lang":
            assert value == '""', "that of the time without TLS is deleted"
            continue
        assert "; Secure" in cookie
        assert "Path=/;" in cookie
        assert "SameSite=lax" in cookie
        assert "Domain" not in cookie
        assert ("HttpOnly" in cookie) == (name != "__Host-lang"), "our script sets the language too"


def test_each_page_of_a_user_lets_one_sign_out(app):
    client = signed_in(app, "admin")
    pages = sorted(
        route.path
        for route in walked(app.routes)
        if "GET" in route.methods
        and "{" not in route.path
        and not route.path.startswith(("/api/", "/live/", "/static"))
    )
    seen = set()
    for path in pages:
        answer = client.get(path)
        if answer.status_code == 200 and answer.headers["content-type"].startswith("text/html"):
            seen.add(path)
            if 'action="/logout"' not in answer.text:
                assert path in {"/login", "/forgot", "/offline", "/wall", "/open-data"}, "of who is not signed in"
    assert len(seen) > 20


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_passwords_are_masked_pasted_and_filled_in_by_managers_of_passwords(template):
    text = template.read_text("utf-8")
    for field in FIELD.findall(text):
        if re.search(r'name="(?:password|old|new|again)"', field):
            assert 'type="password"' in field
            assert re.search(r'autocomplete="(?:current|new)-password"', field), field
    assert not re.search(r"onpaste|oncopy|oncut", text)


def test_no_script_keeps_one_from_pasting():
    for script in (ROOT / "src/bkkenergy/web/static").glob("*.js"):
        assert not re.search(r"""["'](?:paste|beforeinput)["']""", script.read_text("utf-8")), script.name


@pytest.mark.parametrize("typed", ["%3Cb%3E &lt;i&gt; %2541", "a+b %00 \\u0041", "ก%E0%B8%81 &amp;amp;"])
def test_what_is_typed_is_decoded_once(app, typed):
    client = signed_in(app, "engineer-health")
    shown = client.get("/find", params={"q": typed}).text
    assert str(escape(typed)) in shown


@pytest.mark.parametrize("path", ["/%252e%252e/admin", "/agencies/%2565ducation", "/help/%252e%252e%252fsecret"])
def test_a_path_that_is_coded_twice_is_no_path_of_ours(app, path):
    assert signed_in(app, "viewer-health").get(path).status_code == 404


def test_of_a_parameter_that_comes_twice_one_counts_for_the_check_and_for_what_is_done(app):
    client = signed_in(app, "viewer-health")
    for sent in ("agency=health&agency=education", "agency=education&agency=health"):
        answer = client.get(f"/api/v1/meters?{sent}")
        assert "education.headquarters" not in answer.text, sent
    csrf = csrf_of(client)
    for sent in (f"csrf=guessed&csrf={csrf}", f"csrf={csrf}&csrf=guessed", f"csrf[]={csrf}", f"CSRF={csrf}"):
        answer = client.post(
            f"/account?csrf={csrf}", content=sent + "&language=en", headers={"Content-Type": "application/x-www-form-urlencoded"}
        )  # fmt: skip
        assert answer.status_code == (303 if sent.endswith(csrf) and sent.startswith("csrf=g") else 403), sent
