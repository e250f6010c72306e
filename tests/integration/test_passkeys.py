"""Passkeys: entered, listed, removed, signed in by; and what strangers, other pages and copies try with them."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import replace

import pyotp
import pytest
from fastapi.testclient import TestClient
from fido2 import cbor
from fido2.webauthn import websafe_encode
from sqlalchemy import insert, select, update

from bkkenergy.adapters.state import transaction
from bkkenergy.adapters.state.tables import provider_identity, user
from bkkenergy.adapters.state.users import add_user
from bkkenergy.usecases.passkeys import RelyingParty, relying_party
from bkkenergy.websettings import WebSettings
from tests.softkey import PRESENT, VERIFIED, SoftKey
from tests.web import PASSWORD, MovableClock, make_app, make_site, serving

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture(scope="module")
def clock():
    return MovableClock()


@pytest.fixture(scope="module")
def app(tmp_path_factory, clock):
    return make_app(make_site(tmp_path_factory.mktemp("passkeys")), clock)


@pytest.fixture
def name(app, clock, request):
    clock.ahead = dt.timedelta()
    whose = f"user-{sum(map(ord, request.node.name))}"
    add_user(app.state.here.opened.state, whose, PASSWORD, "engineer", ["health"], NOW)
    return whose


addresses = iter(range(1, 250))


def browser(app, **kwargs):
    where = (f"10.4.0.{next(addresses)}", 50_000)
    return TestClient(app, base_url="http://localhost", follow_redirects=False, client=where, **kwargs)


def signed_in(app, name):
    client = browser(app)
    assert client.post("/login", data={"name": name, "password": PASSWORD}).status_code == 303
    return client


def posted(client, path, **fields):
    csrf = re.search(r'name="csrf" value="([^"]+)"', client.get("/account").text)[1]
    return client.post(path, data={"csrf": csrf, **fields}, params={"lang": "en"})


def entered(app, name, key=None):
    """A passkey of a user, the browser that entered it, and the page that it got."""
    key, client = key or SoftKey(), signed_in(app, name)
    asked = posted(client, "/account/passkeys/begin", password=PASSWORD)
    assert asked.status_code == 200, asked.text
    page = posted(client, "/account/passkeys", name="phone", credential=json.dumps(key.made(asked.json())))
    return key, client, page


def shown(client, key, asked=None, **kwargs):
    """What comes of showing a passkey."""
    asked = asked or client.post("/passkey/begin").json()
    return client.post("/passkey", data={"credential": json.dumps(key.signed(asked, **kwargs)), "next": "/plan"})


def test_a_passkey_signs_in_without_a_password_and_a_password_alone_no_longer_does(app, name):
    key, client, page = entered(app, name)
    spare = re.findall(r"<li><code>([0-9a-f]{4}-[0-9a-f]{6})</code>", page.text)
    assert len(spare) == 10
    assert "phone" in client.get("/account").text
    stranger = browser(app)
    answer = shown(stranger, key)
    assert (answer.status_code, answer.headers["location"]) == (303, "/plan")
    assert stranger.get("/account").text.count('/forget"') == 2, "a new browser is noted, however one signs in"
    half = browser(app)
    assert half.post("/login", data={"name": name, "password": PASSWORD}).headers["location"].startswith("/login/code")
    assert half.get("/plan").headers["location"].startswith("/login/code")
    assert half.post("/login/code", data={"code": spare[0]}).status_code == 303
    assert half.get("/plan").status_code == 200


def test_a_passkey_is_the_second_step_of_its_user_alone(app, name):
    key, _, _ = entered(app, name)
    other = f"{name}-other"
    add_user(app.state.here.opened.state, other, PASSWORD, "engineer", ["health"], NOW)
    entered(app, other)
    half = browser(app)
    half.post("/login", data={"name": other, "password": PASSWORD})
    assert shown(half, key).status_code == 401
    assert half.get("/plan").headers["location"].startswith("/login/code")
    half = browser(app)
    half.post("/login", data={"name": name, "password": PASSWORD})
    before = half.cookies["bkkenergy"]
    assert shown(half, key).status_code == 303
    assert half.get("/plan").status_code == 200
    assert half.cookies["bkkenergy"] != before


def test_an_answer_is_taken_once_in_time_and_for_its_own_challenge(app, clock, name):
    key, client, _ = entered(app, name)
    stranger = browser(app)
    first, second = (stranger.post("/passkey/begin").json() for _ in range(2))
    assert shown(browser(app), key, second).status_code == 303
    assert shown(browser(app), key, second).status_code == 401, "replayed"
    assert shown(browser(app), key, first).status_code == 401, "older than one that was answered"
    late = browser(app).post("/passkey/begin").json()
    for minutes in (6, -6):
        clock.ahead = dt.timedelta(minutes=minutes)
        assert shown(browser(app), key, late).status_code == 401
    clock.ahead = dt.timedelta()
    of_registering = posted(client, "/account/passkeys/begin", password=PASSWORD).json()["publicKey"]["challenge"]
    for challenge in (of_registering, "AAAA", "A" * 76):
        asked = {"publicKey": {"challenge": challenge, "rpId": "localhost"}}
        assert shown(browser(app), key, asked).status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:9999"},
        {"origin": "https://localhost"},
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"handle": b"another user"},
        {"_key": SoftKey()._key},
        {"id": b"x" * 32},
    ],
    ids=["site", "port", "scheme", "unverified", "absent", "handle", "another key", "unknown"],
)
def test_what_another_page_or_another_key_signed_opens_nothing(app, name, change):
    key, _, _ = entered(app, name)
    assert shown(browser(app), replace(key, **change)).status_code == 401


def test_a_passkey_of_another_host_and_a_copy_that_counts_back_open_nothing(app, name):
    key, _, _ = entered(app, name, SoftKey(count=5))
    assert shown(browser(app), key, party="evil.example").status_code == 401
    for count, status in ((6, 303), (6, 401), (5, 401), (0, 401), (7, 303)):
        assert shown(browser(app), replace(key, count=count)).status_code == status


def test_a_passkey_is_entered_with_the_password_for_this_session_and_once(app, name):
    client = signed_in(app, name)
    assert posted(client, "/account/passkeys/begin", password="wrong").status_code == 422
    asked = posted(client, "/account/passkeys/begin", password=PASSWORD).json()
    other = signed_in(app, "manager-health")
    key = SoftKey()
    made = json.dumps(key.made(asked))
    assert "does not hold" in posted(other, "/account/passkeys", name="x", credential=made).text
    for bent in (
        "",
        "[]",
        "{}",
        '{"id": 1}',
        "[" * 5000,
        json.dumps(json.loads(made) | {"response": {}}),
        json.dumps(SoftKey(origin="https://evil.example").made(asked)),
    ):
        assert posted(client, "/account/passkeys", name="x", credential=bent).status_code == 422
    assert posted(client, "/account/passkeys", name="x", credential=made).status_code == 200
    assert "entered already" in posted(client, "/account/passkeys", name="x", credential=made).text
    asked = posted(other, "/account/passkeys/begin", password=PASSWORD).json()
    assert (
        "entered already" in posted(other, "/account/passkeys", name="x", credential=json.dumps(key.made(asked))).text
    )


def test_what_is_nested_too_deep_or_half_is_refused_as_any_other_wrong_answer(app, name):
    key, client, _ = entered(app, name)
    good = key.signed(browser(app).post("/passkey/begin").json())
    for part, content in (
        ("clientDataJSON", b"[" * 6000),
        ("authenticatorData", key._head("localhost", 128) + b"\x81" * 6000),
    ):
        bent = good | {"response": good["response"] | {part: websafe_encode(content)}}
        assert browser(app).post("/passkey", data={"credential": json.dumps(bent)}).status_code == 401
    other = SoftKey()
    made = other.made(posted(client, "/account/passkeys/begin", password=PASSWORD).json())
    without_key = cbor.encode({"fmt": "none", "attStmt": {}, "authData": other._head("localhost")})
    bent = made | {"response": made["response"] | {"attestationObject": websafe_encode(without_key)}}
    assert posted(client, "/account/passkeys", name="x", credential=json.dumps(bent)).status_code == 422
    long = SoftKey(id=b"x" * 1024)
    made = long.made(posted(client, "/account/passkeys/begin", password=PASSWORD).json())
    assert posted(client, "/account/passkeys", name="x", credential=json.dumps(made)).status_code == 422


def test_a_code_of_a_secret_that_was_never_confirmed_is_no_second_step(app, name):
    """Else who once had the password would have a second step that no list shows and no mail says."""
    _, client, _ = entered(app, name)
    page = posted(client, "/account/factor", password=PASSWORD).text
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", page)[1]
    half = browser(app)
    half.post("/login", data={"name": name, "password": PASSWORD})
    assert half.post("/login/code", data={"code": pyotp.TOTP(secret).now()}).status_code == 401
    assert half.get("/plan").headers["location"].startswith("/login/code")


def test_a_passkey_is_removed_by_its_user_with_the_password_alone(app, name):
    key, client, _ = entered(app, name)
    number = re.search(r"/account/passkeys/(\d+)/end", client.get("/account").text)[1]
    other = signed_in(app, "manager-health")
    assert posted(other, f"/account/passkeys/{number}/end", password=PASSWORD).status_code == 404
    assert posted(client, f"/account/passkeys/{number}/end", password="wrong").status_code == 422
    assert posted(client, f"/account/passkeys/{number}/end", password=PASSWORD).status_code == 303
    assert shown(browser(app), key).status_code == 401
    assert browser(app).post("/login", data={"name": name, "password": PASSWORD}).headers["location"] == "/"


def test_a_lost_device_and_a_lock_end_passkeys_and_a_provider_s_user_has_none(app, name):
    state = app.state.here.opened.state
    admin = signed_in(app, "admin")
    with transaction(state) as connection:
        number = connection.execute(select(user.c.id).where(user.c.name == name)).scalar()
    key, _, _ = entered(app, name)
    assert posted(admin, f"/admin/users/{number}/factor/end").status_code == 303
    assert shown(browser(app), key).status_code == 401
    key, _, _ = entered(app, name)
    with transaction(state) as connection:
        connection.execute(update(user).where(user.c.id == number).values(disabled=1))
    assert shown(browser(app), key).status_code == 401
    with transaction(state) as connection:
        connection.execute(update(user).where(user.c.id == number).values(disabled=0))
        values = {"issuer": "https://idp", "subject": name, "user_id": number, "at_us": 1}
        connection.execute(insert(provider_identity).values(values))
    assert shown(browser(app), key).status_code == 401


def test_passkeys_are_of_the_public_address_or_of_this_machine():
    public = WebSettings(public_address="https://Energy.example.org:8443")
    party = RelyingParty("energy.example.org", "https://energy.example.org:8443")
    assert relying_party(public, "evil.example") == party
    plain = WebSettings(public_address="https://energy.example.org:443")
    assert relying_party(plain, "") == RelyingParty("energy.example.org", "https://energy.example.org")
    assert relying_party(WebSettings(), "localhost:8080") == RelyingParty("localhost", "http://localhost:8080")
    assert relying_party(WebSettings(), "10.1.2.3") is None
    assert relying_party(WebSettings(), "localhost.evil.example") is None


def test_without_an_address_the_page_says_what_is_missing(app):
    client = TestClient(app, follow_redirects=False)
    client.post("/login", data={"name": "viewer-health", "password": PASSWORD})
    assert "Passkeys need the public address" in client.get("/account", params={"lang": "en"}).text
    assert client.post("/passkey/begin").status_code == 404
    assert "passkey" not in TestClient(app).get("/login").text


@pytest.mark.browser
def test_chromium_makes_a_passkey_and_signs_in_by_it(app, name, browser):
    """Chromium's own authenticator, by the protocol of its developer tools."""
    server = serving(app)
    address = next(server).replace("127.0.0.1", "localhost")
    page = browser.new_page(locale="en")
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    made = {"options": options | {"isUserVerified": True, "automaticPresenceSimulation": True}}
    tools.send("WebAuthn.addVirtualAuthenticator", made)
    page.goto(f"{address}/login?lang=en")
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("form[action='/login'] button")
    page.wait_for_url(lambda url: "/login" not in url)
    page.goto(f"{address}/account?lang=en")
    form = page.locator("form[action='/account/passkeys']")
    form.locator("input[name=name]").fill("laptop")
    form.locator("input[name=password]").fill("wrong password")
    form.locator("button").click()
    form.locator("[data-fault]:not([hidden])").wait_for()
    form.locator("input[name=password]").fill(PASSWORD)
    form.locator("button").click()
    page.locator("th:has-text('laptop')").wait_for()
    page.context.clear_cookies()
    page.goto(f"{address}/login?lang=en")
    page.click("form[action='/passkey'] button")
    page.wait_for_url(lambda url: "/login" not in url)
    page.context.clear_cookies()
    page.goto(f"{address}/login?lang=en")
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("form[action='/login'] button")
    page.wait_for_url(re.compile("/login/code"))
    page.click("form[action='/passkey'] button")
    page.wait_for_url(lambda url: "/login" not in url)
    page.context.close()
    next(server, None)
