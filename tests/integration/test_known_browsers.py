"""Browsers that a user has signed in by: a new one is mailed; they are listed, forgotten, and let in before strangers."""

from __future__ import annotations

import datetime as dt
import re

import pyotp
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from bkkenergy.adapters.state import reading, transaction
from bkkenergy.adapters.state.persontables import known_device
from bkkenergy.adapters.state.tables import audit, outbox, user
from bkkenergy.adapters.state.users import add_user, hashed
from bkkenergy.web.delays import FAILURES_AN_ADDRESS
from tests.web import PASSWORD, MovableClock, csrf_of, make_app, make_site

NOW = dt.datetime.now(dt.UTC)
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile Safari/604.1"


@pytest.fixture(scope="module")
def clock():
    return MovableClock()


@pytest.fixture(scope="module")
def app(tmp_path_factory, clock):
    return make_app(make_site(tmp_path_factory.mktemp("browsers"), days=2), clock)


@pytest.fixture
def state(app, clock):
    clock.ahead = dt.timedelta()
    return app.state.here.opened.state


@pytest.fixture
def name(state, request):
    """A user of the health centres with a confirmed address."""
    whose = f"user-{sum(map(ord, request.node.name))}"
    add_user(state, whose, PASSWORD, "viewer", ["health"], NOW)
    with transaction(state) as connection:
        connection.execute(update(user).where(user.c.name == whose).values(mail=f"{whose}@example.com"))
    return whose


addresses = iter(range(1, 250))


def browser(app, agent=WINDOWS):
    where = (f"10.7.0.{next(addresses)}", 50_000)
    return TestClient(app, follow_redirects=False, client=where, headers={"User-Agent": agent})


def sign_in(client, name, password=PASSWORD):
    return client.post("/login", data={"name": name, "password": password, "next": "/"})


def notices(state, name):
    """What was mailed to a user of new browsers."""
    query = select(outbox).where(outbox.c.recipient == f"{name}@example.com").order_by(outbox.c.id)
    with reading(state) as connection:
        rows = connection.execute(query).all()
    return [row.message["text"] for row in rows if row.message["data"].get("change") == "device"]


def keys_of(state, name):
    query = select(known_device.c.key_hash).join(user, user.c.id == known_device.c.user_id).where(user.c.name == name)
    with reading(state) as connection:
        return connection.execute(query).scalars().all()


def test_a_sign_in_by_a_new_browser_is_mailed_once_and_one_that_is_known_is_not(app, state, name):
    at_work = browser(app)
    for _ in range(3):
        assert sign_in(at_work, name).status_code == 303
    (first,) = notices(state, name)
    assert "Chrome · Windows" in first
    assert "10.7.0." in first
    assert "ด้วยเบราว์เซอร์ที่ไม่เคยใช้มาก่อน" in first
    sign_in(browser(app, PHONE), name)
    assert "Safari · iPhone" in notices(state, name)[1]
    with reading(state) as connection:
        details = connection.execute(select(audit.c.detail).where(audit.c.actor == name).order_by(audit.c.id)).scalars()
        assert [detail.get("new_browser", False) for detail in details] == [True, False, False, True]


def test_a_wrong_password_makes_no_browser_known_and_tells_no_one(app, state, name):
    stranger = browser(app)
    assert sign_in(stranger, name, "not the password").status_code == 401
    assert "bkkenergy-browser" not in stranger.cookies
    assert sign_in(stranger, "no-such-user").status_code == 401
    assert notices(state, name) == []
    assert keys_of(state, name) == []


def test_a_password_whose_second_step_is_not_done_makes_no_browser_known(app, state, name):
    phone = browser(app)
    sign_in(phone, name)
    csrf = csrf_of(phone)
    page = phone.post("/account/factor", data={"csrf": csrf, "password": PASSWORD}).text
    secret = re.search(r'name="secret" value="([A-Z2-7]+)"', page)[1]
    phone.post("/account/factor/confirm", data={"csrf": csrf, "code": pyotp.TOTP(secret).now()})
    half = browser(app)
    assert sign_in(half, name).headers["location"].startswith("/login/code")
    assert len(notices(state, name)) == len(keys_of(state, name)) == 1
    code = pyotp.TOTP(secret).at(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=30))
    assert half.post("/login/code", data={"code": code, "next": "/"}).status_code == 303
    assert len(notices(state, name)) == len(keys_of(state, name)) == 2


def test_a_known_browser_signs_in_while_strangers_make_others_wait(app, state, name):
    at_work = browser(app)
    sign_in(at_work, name)
    delays = app.state.delays
    for number in range(60):
        delays.failed(name, f"192.0.2.{number}")
    with transaction(state) as connection:
        until_us = int((NOW + dt.timedelta(minutes=1)).timestamp() * 1e6)
        connection.execute(update(user).where(user.c.name == name).values(failed=80, locked_until_us=until_us))
    assert sign_in(browser(app), name).status_code == 429
    assert sign_in(at_work, name).status_code == 303
    for _ in range(FAILURES_AN_ADDRESS):
        app.state.throttle.failed(at_work._transport.client[0])
    assert sign_in(at_work, "manager-health").status_code == 429, "no one else comes in from the strangers' address"
    assert sign_in(at_work, name).status_code == 303


def test_a_known_browser_guesses_no_more_than_an_address_does_and_of_its_own_user_alone(app, state, name):
    stolen = browser(app)
    sign_in(stolen, name)
    assert [sign_in(stolen, name, "a guess").status_code for _ in range(6)] == [401] * 5 + [429]
    stolen.cookies.clear()
    assert sign_in(browser(app), name).status_code == 303, "who has no such browser is not held up by it"
    other = browser(app)
    other.cookies.set("bkkenergy-browser", "x" * 43)
    app.state.delays.failed("admin", "192.0.2.1")
    for number in range(60):
        app.state.delays.failed("admin", f"192.0.2.{number}")
    assert sign_in(other, "admin").status_code == 429, "a key that is made up proves nothing"


def test_a_key_that_another_put_into_a_browser_does_not_become_the_users(app, state, name):
    stranger = browser(app)
    sign_in(stranger, "manager-health")
    for planted in (stranger.cookies["bkkenergy-browser"], "x" * 43):
        victim = browser(app)
        victim.cookies.set("bkkenergy-browser", planted)
        assert sign_in(victim, name).status_code == 303
        assert keys_of(state, name)
        assert hashed(planted) not in keys_of(state, name)


def test_the_account_page_lists_browsers_and_forgets_one(app, state, name):
    at_work, phone = browser(app), browser(app, PHONE)
    sign_in(at_work, name)
    sign_in(phone, name)
    for lang, words in {"en": ("Browsers that were used", "new"), "th": ("เบราว์เซอร์ที่เคยใช้", "ใหม่")}.items():
        page = at_work.get("/account", params={"lang": lang}).text.partition('id="browsers"')[2]
        assert "Safari · iPhone" in page
        assert all(word in page for word in words)
    phones = re.search(r"Safari · iPhone.*?/account/browsers/(\w+)/forget", page, re.DOTALL)[1]
    answer = at_work.post(f"/account/browsers/{phones}/forget", data={"csrf": csrf_of(at_work)})
    assert answer.status_code == 303
    sign_in(phone, name)
    assert len(notices(state, name)) == 3, "mailed again"
    others = browser(app)
    sign_in(others, "viewer-health")
    theirs = keys_of(state, "viewer-health")[0][:16]
    for unknown in (theirs, "", "x", "%", keys_of(state, name)[0][:8]):
        answer = at_work.post(f"/account/browsers/{unknown}/forget", data={"csrf": csrf_of(at_work)})
        assert answer.status_code == 404
    assert keys_of(state, "viewer-health")


def test_a_new_password_leaves_the_browser_at_hand_known_and_no_other(app, state, name):
    at_work, stolen = browser(app), browser(app, PHONE)
    sign_in(stolen, name)
    sign_in(at_work, name)
    new = "seven green parrots sing"
    at_work.post("/account", data={"csrf": csrf_of(at_work), "language": "th", "old": PASSWORD, "new": new})
    assert len(keys_of(state, name)) == 1
    sign_in(at_work, name, new)
    assert len(notices(state, name)) == 2


def test_two_users_of_one_browser_are_known_each_by_themselves(app, state, name):
    shared = browser(app)
    sign_in(shared, name)
    sign_in(shared, "manager-health")
    assert keys_of(state, name)[0] in keys_of(state, "manager-health")
    sign_in(shared, name)
    assert len(notices(state, name)) == 1


def test_a_browser_that_rests_for_a_year_is_new_and_a_user_has_twenty_at_most(app, state, name, clock):
    at_work = browser(app)
    sign_in(at_work, name)
    clock.ahead = dt.timedelta(days=366)
    sign_in(at_work, name)
    assert len(notices(state, name)) == 2
    for _ in range(25):
        sign_in(browser(app), name)
    assert len(keys_of(state, name)) == 20


def test_the_key_is_out_of_scripts_reach_and_stored_as_its_hash(app, state, name):
    client = browser(app)
    answer = sign_in(client, name)
    (cookie,) = [line for line in answer.headers.get_list("set-cookie") if line.startswith("bkkenergy-browser")]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert client.cookies["bkkenergy-browser"] not in keys_of(state, name)
