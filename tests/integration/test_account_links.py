"""Links by mail that set a password or confirm an address, notices of changes, and what strangers try with them."""

from __future__ import annotations

import datetime as dt
import json
import re
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pyotp
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, insert, select, update
from structlog.testing import capture_logs

from bkkenergy.adapters.state import reading, transaction
from bkkenergy.adapters.state.auditlog import LinesAsked, audit_lines
from bkkenergy.adapters.state.metadata import metadata
from bkkenergy.adapters.state.persontables import account_link
from bkkenergy.adapters.state.standings import set_standing
from bkkenergy.adapters.state.tables import outbox, provider_identity, user
from bkkenergy.adapters.state.tokens import add_token
from bkkenergy.adapters.state.users import add_user
from bkkenergy.jobs.post import send_waiting
from bkkenergy.usecases.accountlinks import confirm_mail_by_link
from bkkenergy.web.pages_links import Resets
from tests.receivers import mail_server
from tests.web import PASSWORD, SETTINGS, MovableClock, make_app, make_site, signed_in

NOW = dt.datetime.now(dt.UTC)
PUBLIC = "https://energy.example.org"
NEW = "seven green parrots sing"
LINK = re.compile(rf"{PUBLIC}/link/([A-Za-z0-9_-]{{43}})")


@pytest.fixture(scope="module")
def mail():
    with mail_server() as server:
        yield server


@pytest.fixture(scope="module")
def home(tmp_path_factory, mail):
    home = make_site(tmp_path_factory.mktemp("links"))
    more = f'public_address = "{PUBLIC}"\n[mail]\nhost = "127.0.0.1"\nport = {mail.port}\ntls = "none"\n'
    (home / "config/bkkenergy.toml").write_text(SETTINGS + more)
    return home


@pytest.fixture(scope="module")
def clock():
    return MovableClock()


@pytest.fixture(scope="module")
def app(home, clock):
    return make_app(home, clock)


@pytest.fixture(scope="module")
def admin(app):
    return signed_in(app, "admin")


@pytest.fixture(autouse=True)
def _nothing_before(app, mail, clock):
    mail.messages.clear()
    clock.ahead = dt.timedelta()
    with transaction(app.state.here.opened.state) as connection:
        connection.execute(delete(account_link))
        connection.execute(delete(outbox))


@pytest.fixture
def name(app, request):
    """A user of the health centres with a confirmed address."""
    whose = f"user-{sum(map(ord, request.node.name))}"
    add_user(app.state.here.opened.state, whose, PASSWORD, "viewer", ["health"], NOW)
    with transaction(app.state.here.opened.state) as connection:
        connection.execute(update(user).where(user.c.name == whose).values(mail=f"{whose}@example.com"))
    return whose


numbers = iter(range(1, 250))


def stranger(app, **headers):
    """A browser of an address of its own."""
    return TestClient(app, follow_redirects=False, client=(f"10.3.0.{next(numbers)}", 50_000), headers=headers)


def posted(client, path, **fields):
    csrf = re.search(r'name="csrf" value="([^"]+)"', client.get("/account").text)[1]
    return client.post(path, data={"csrf": csrf, **fields}, params={"lang": "en"})


def settled(app):
    """Wait until no link is being sent any more."""
    app.state.resets._thread.submit(lambda: None).result(30)


def secret_in(mail):
    return LINK.search(mail.messages[-1].get_content())[1]


def asked(app, mail, who, **headers):
    """Ask for a link as a stranger: the answer, and the secrets that were sent."""
    before = len(mail.messages)
    answer = stranger(app, **headers).post("/forgot", data={"who": who}, params={"lang": "en"})
    settled(app)
    return answer, [LINK.search(one.get_content())[1] for one in mail.messages[before:]]


def choose(app, secret, password=NEW, again=None, by=None):
    fields = {"password": password, "again": password if again is None else again}
    return (by or stranger(app)).post(f"/link/{secret}", data=fields, params={"lang": "en"})


def can_sign_in(app, name, password):
    return stranger(app).post("/login", data={"name": name, "password": password}).status_code == 303


def sent_notices(app, mail):
    mail.messages.clear()
    here = app.state.here
    send_waiting(here.opened.state, here.opened.delivery, dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1))
    return [(message["to"], message.get_content()) for message in mail.messages]


def test_who_is_invited_chooses_a_password_by_a_link_that_is_good_once(app, admin, mail):
    fields = {"name": "malee", "role": "viewer", "agencies": "health", "mail": "malee@example.com", "password": ""}
    assert "A link to set a password was sent to malee@example.com" in posted(admin, "/admin/users", **fields).text
    (message,) = mail.messages
    assert message["to"] == "malee@example.com"
    assert "ภายใน 7 วัน" in message.get_content()
    secret = secret_in(mail)
    for _ in range(2):  # programs open links of mails too
        page = stranger(app).get(f"/link/{secret}")
        assert (page.status_code, page.headers["referrer-policy"]) == (200, "strict-origin")
    assert choose(app, secret, "short").status_code == 422
    assert "differ" in choose(app, secret, again="another").text
    assert "The password is set" in choose(app, secret).text
    assert can_sign_in(app, "malee", NEW)
    assert choose(app, secret, "another long pass phrase").status_code == 404
    assert not can_sign_in(app, "malee", "another long pass phrase")
    (to, text), (_, arrival) = sent_notices(app, mail)
    assert to == "malee@example.com"
    assert "รหัสผ่านของบัญชีถูกเปลี่ยน" in text
    assert "ด้วยเบราว์เซอร์ที่ไม่เคยใช้มาก่อน" in arrival


def test_of_two_who_use_a_link_at_once_one_does(app, mail, name):
    _, (secret,) = asked(app, mail, name)
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda number: choose(app, secret, f"{NEW} {number}").status_code, range(6)))
    assert sorted(answers) == [200] + [404] * 5


def test_answers_do_not_say_which_accounts_there_are(app, mail, name):
    state = app.state.here.opened.state
    add_user(state, f"no-address-{name}", PASSWORD, "viewer", ["health"], NOW)
    texts, counts = set(), {}
    for who in (name, f"{name}@example.com", f"no-address-{name}", "no-such-user", "unknown@example.org"):
        answer, secrets = asked(app, mail, who)
        texts.add((answer.status_code, re.sub(r"\d\d:\d\d(:\d\d)?", "", answer.text)))
        counts[who] = len(secrets)
    assert len(texts) == 1
    assert list(counts.values()) == [1, 1, 0, 0, 0]


def test_a_name_in_another_host_header_is_in_no_mail(app, mail, name):
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    _, secrets = asked(app, mail, name, **headers)
    assert len(secrets) == 1
    assert "evil.example" not in mail.messages[-1].as_string()


def test_a_stranger_fills_no_mailbox_and_ends_no_link_by_asking(app, mail, name):
    first = asked(app, mail, name)[1]
    for _ in range(4):
        asked(app, mail, f"{name}@EXAMPLE.com")
    assert len(mail.messages) == 3
    assert choose(app, first[0]).status_code == 200
    client = stranger(app)
    assert [client.post("/forgot", data={"who": f"x{n}"}).status_code for n in range(11)] == [200] * 10 + [429]


def test_a_link_ends_with_its_time_with_the_password_with_a_lock_and_with_a_clock_that_goes_back(
    app, admin, clock, mail, name
):
    state = app.state.here.opened.state
    _, (secret,) = asked(app, mail, name)
    for minutes, status in ((31, 404), (-1, 404), (29, 200)):
        clock.ahead = dt.timedelta(minutes=minutes)
        assert stranger(app).get(f"/link/{secret}").status_code == status
    clock.ahead = dt.timedelta()
    client = signed_in(app, name)
    posted(client, "/account", old=PASSWORD, new=NEW)
    assert choose(app, secret, "another long pass phrase").status_code == 404
    _, (secret,) = asked(app, mail, name)
    with reading(state) as connection:
        number = connection.execute(select(user.c.id).where(user.c.name == name)).scalar()
    for disabled in ("1", "0"):
        posted(admin, f"/admin/users/{number}", disabled=disabled)
    assert choose(app, secret).status_code == 404


def test_secrets_are_in_the_state_as_hashes_alone(app, mail, name):
    _, (secret,) = asked(app, mail, name)
    choose(app, secret, "short")
    with reading(app.state.here.opened.state) as connection:
        rows = [row for table in metadata.sorted_tables for row in connection.execute(select(table)).all()]
    assert secret not in json.dumps(rows, default=str)


def test_where_the_state_is_gone_the_log_has_no_secret_of_a_link(tmp_path):
    app = make_app(make_site(tmp_path / "gone"))
    app.state.here.settings.state.path.rename(tmp_path / "elsewhere.sqlite")
    with capture_logs() as lines:
        assert stranger(app).get(f"/link/{'s' * 43}").status_code == 503
    assert [line["path"] for line in lines if line["event"] == "page_failed"] == ["/link/…"]


def test_links_that_wait_do_not_hold_up_the_end_of_the_service(app, mail, name):
    resets, is_free = Resets(), Event()
    resets._thread.submit(is_free.wait, 30)
    resets.send(app.state.here, name, "10.3.1.1")
    resets.close()
    is_free.set()
    resets._thread.shutdown(wait=True)
    assert mail.messages == []


def test_a_reset_ends_sessions_and_tokens_and_leaves_the_second_step(app, mail, name):
    state = app.state.here.opened.state
    client = signed_in(app, name)
    with transaction(state) as connection:
        number = connection.execute(select(user.c.id).where(user.c.name == name)).scalar()
        values = {"user_id": number, "secret": "A" * 32, "confirmed_us": 1, "last_step": 0}
        connection.execute(insert(metadata.tables["second_factor"]).values(values))
    token = add_token(state, number, "excel", "read", NOW, days=30)
    _, (secret,) = asked(app, mail, name)
    assert choose(app, secret).status_code == 200
    assert client.get("/account").headers["location"].startswith("/login")
    assert client.get("/api/v1/buildings", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    answer = stranger(app).post("/login", data={"name": name, "password": NEW})
    assert answer.headers["location"].startswith("/login/code")


def test_who_comes_from_a_provider_gets_no_link_and_uses_none(app, mail, name):
    """Else a password of ours would pass the provider's second factor by."""
    _, (secret,) = asked(app, mail, name)
    with transaction(app.state.here.opened.state) as connection:
        number = connection.execute(select(user.c.id).where(user.c.name == name)).scalar()
        values = {"issuer": "https://idp", "subject": name, "user_id": number, "at_us": 1}
        connection.execute(insert(provider_identity).values(values))
    assert asked(app, mail, name)[1] == []
    assert choose(app, secret).status_code == 404


def test_an_address_counts_once_it_is_confirmed_and_both_addresses_get_a_notice(app, mail, name):
    client = signed_in(app, name)
    assert "current password is wrong" in posted(client, "/account/mail", mail="b@example.com", password="wrong").text
    assert "no mail address" in posted(client, "/account/mail", mail="b@ex\r\nBcc: c@d.e", password=PASSWORD).text
    assert mail.messages == []
    assert (
        "A link was sent to new@example.com"
        in posted(client, "/account/mail", mail="new@example.com", password=PASSWORD).text
    )
    assert f"{name}@example.com is confirmed" in client.get("/account", params={"lang": "en"}).text
    secret = secret_in(mail)
    assert "new@example.com" in stranger(app).get(f"/link/{secret}").text
    for other in (stranger(app), signed_in(app, "viewer-health")):  # who got it by a mistyped address
        assert f"Sign in as {name}" in other.get(f"/link/{secret}", params={"lang": "en"}).text
        assert choose(app, secret, by=other).status_code == 422
    assert f"{name}@example.com is confirmed" in client.get("/account", params={"lang": "en"}).text
    assert choose(app, secret, by=client).status_code == 200  # what else is in the form sets no password
    assert can_sign_in(app, name, PASSWORD)
    assert "new@example.com is confirmed" in client.get("/account", params={"lang": "en"}).text
    assert {to for to, _ in sent_notices(app, mail)} == {f"{name}@example.com", "new@example.com"}
    assert posted(client, "/account/mail", mail="", password=PASSWORD).status_code == 303
    assert asked(app, mail, name)[1] == []


def test_an_address_is_confirmed_for_its_own_user_alone_whatever_the_page_lets_through(app, mail, name):
    posted(signed_in(app, name), "/account/mail", mail="new@example.com", password=PASSWORD)
    secret, state = secret_in(mail), app.state.here.opened.state
    with reading(state) as connection:
        number = connection.execute(select(user.c.id).where(user.c.name == name)).scalar_one()
    now = dt.datetime.now(dt.UTC)
    with_password_alone = stranger(app)
    with transaction(state) as connection:
        values = {"user_id": number, "secret": "A" * 32, "confirmed_us": 1, "last_step": 0}
        connection.execute(insert(metadata.tables["second_factor"]).values(values))
    with_password_alone.post("/login", data={"name": name, "password": PASSWORD})
    assert choose(app, secret, by=with_password_alone).status_code == 422, "the second step is still to come"
    assert not confirm_mail_by_link(state, secret, now, address="", user_id=number - 1)
    assert confirm_mail_by_link(state, secret, now, address="", user_id=number), "it was not used up"


def test_a_link_that_went_to_the_address_before_ends_with_it(app, mail, name):
    _, (secret,) = asked(app, mail, name)
    client = signed_in(app, name)
    posted(client, "/account/mail", mail="new@example.com", password=PASSWORD)
    assert choose(app, secret_in(mail), by=client).status_code == 200
    assert choose(app, secret).status_code == 404


def test_every_change_of_an_account_gives_a_notice_after_other_mails_were_ended_too(app, admin, mail, name):
    state = app.state.here.opened.state
    with transaction(state) as connection:
        number = connection.execute(select(user.c.id).where(user.c.name == name)).scalar()
        connection.execute(update(user).where(user.c.id == number).values(language="en"))
        set_standing(connection, "mail", f"{name}@example.com", "unsubscribed", "", NOW)
    client = signed_in(app, name)
    shown = posted(client, "/account/factor", password=PASSWORD).text
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", shown)[1]
    posted(client, "/account/factor/confirm", secret=secret, code=pyotp.TOTP(secret).now())
    posted(admin, f"/admin/users/{number}/factor/end")
    client = signed_in(app, name)
    posted(client, "/account", old=PASSWORD, new=NEW)
    texts = [text for _, text in sent_notices(app, mail)]
    said = ("not used for it", "switched on", "switched off", "not used for it", "password of your account was changed")
    assert [phrase for text, phrase in zip(texts, said, strict=True) if phrase not in text] == []
    assert "By: admin" in texts[2]
    assert not any("unsubscribe" in text for text in texts)


def number_of(app, name):
    with reading(app.state.here.opened.state) as connection:
        return connection.execute(select(user.c.id).where(user.c.name == name)).scalar()


def test_who_had_the_account_hears_of_an_invitation_to_another_address(app, admin, mail, name):
    posted(admin, f"/admin/users/{number_of(app, name)}/invite", mail="other@example.com")
    assert choose(app, secret_in(mail)).status_code == 200
    assert {to for to, _ in sent_notices(app, mail)} == {f"{name}@example.com", "other@example.com"}


def test_an_invitation_ends_by_another_role_and_none_is_sent_that_opens_nothing(app, admin, mail, name):
    path = f"/admin/users/{number_of(app, name)}"
    posted(admin, f"{path}/invite", mail="other@example.com")
    posted(admin, path, role="manager", agencies=["health", "education"])
    assert choose(app, secret_in(mail)).status_code == 404
    posted(admin, path, disabled="1")
    mail.messages.clear()
    answer = posted(admin, f"{path}/invite", mail="other@example.com")
    assert (answer.status_code, mail.messages) == (422, [])
    assert "would open nothing" in answer.text


def test_an_admin_of_an_agency_sends_no_link_to_a_user_of_another(app, admin, mail, name):
    state = app.state.here.opened.state
    add_user(state, f"{name}-x", PASSWORD, "viewer", ["education"], NOW)
    with reading(state) as connection:
        numbers = [
            connection.execute(select(user.c.id).where(user.c.name == who)).scalar() for who in ("admin", f"{name}-x")
        ]
    client = signed_in(app, "admin-health")
    for number in numbers:
        assert posted(client, f"/admin/users/{number}/invite", mail="me@example.com").status_code == 404
    assert mail.messages == []


def test_a_mail_that_is_not_sent_is_said_and_noted(app, admin, mail, name):
    fields = {
        "name": f"{name}-y",
        "role": "viewer",
        "agencies": "health",
        "mail": "refused@example.com",
        "password": "",
    }
    answer = posted(admin, "/admin/users", **fields)
    assert answer.status_code == 422
    assert "did not take the link" in answer.text
    with transaction(app.state.here.opened.state) as connection:
        connection.execute(update(user).where(user.c.name == name).values(mail="refused@example.com"))
    answer, _ = asked(app, mail, name)
    assert answer.status_code == 200
    lines = audit_lines(app.state.here.opened.state, asked=LinesAsked(actor=name))
    assert "link_not_sent" in [line["action"] for line in lines]


def test_without_mail_pages_say_what_the_administrator_does(tmp_path):
    app = make_app(make_site(tmp_path / "plain"))
    shown = stranger(app).get("/forgot", params={"lang": "en"}).text
    assert "Ask your administrator for a one-time password" in shown
    assert "<form" not in shown
    assert stranger(app).post("/forgot", data={"who": "admin"}).status_code == 422
    client = signed_in(app, "admin")
    for path in ("/account", "/admin"):
        assert "gives a one-time password instead" in client.get(path, params={"lang": "en"}).text
    answer = posted(client, "/admin/users/2/invite", mail="a@example.com")
    assert answer.status_code == 422
    assert "one-time password instead" in answer.text
