"""Ends of delivery: a link in the mail, a refusal at SMTP, a delivery report in a mailbox; a picture by a link."""

from __future__ import annotations

import datetime as dt
import json
import re
from html import unescape

import pytest
from fastapi.testclient import TestClient

from bkkenergy.adapters.state import transaction
from bkkenergy.adapters.state.outbox import OutboxMessage, messages, post
from bkkenergy.adapters.state.standings import standings
from bkkenergy.i18n import LANGS, Words
from bkkenergy.jobs.bounces import look_for_bounces
from bkkenergy.jobs.post import send_waiting
from bkkenergy.recipients import BounceSettings, LineSettings, MailSettings, Recipient
from bkkenergy.settings import Settings
from bkkenergy.usecases.standings import PICTURE_DAYS, note_refusal, picture_path
from bkkenergy.websettings import WebSettings
from tests.imap import DOVECOT, imap_server
from tests.integration.test_record_pages import english
from tests.receivers import http_receiver, mail_server
from tests.unit.adapters.test_bounces import report
from tests.web import make_app, make_site, signed_in

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning:aiosmtpd")]
SITE = "https://energy.example.org"
TO = "Malee@example.org"
NOW = dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return make_app(make_site(tmp_path_factory.mktemp("ends"), days=2))


@pytest.fixture
def state(app):
    return app.state.here.opened.state


@pytest.fixture
def anybody(app):
    return TestClient(app, follow_redirects=False)


def settings(mail_port, **more):
    return Settings(
        mail=MailSettings(host="127.0.0.1", port=mail_port, tls="none", **more),
        web=WebSettings(public_address=SITE),
        recipient=(Recipient(to=TO), Recipient(to="refused@example.com")),
    )


def posted(state, key, to=TO, channel="mail", **data):
    message = OutboxMessage(subject="A report", text="Used 5", html="<html><body>5</body></html>", data=data)
    with transaction(state) as connection:
        post(connection, key=key, channel=channel, recipient=to, message=message, now=NOW)


def state_of(state, key):
    (found,) = [one for one in messages(state) if one.key == key]
    return found.state, found.error


def test_a_click_ends_messages_and_another_begins_them_again(app, state, anybody):
    with mail_server() as server:
        given = settings(server.port)
        posted(state, "first")
        assert send_waiting(state, given, NOW) == 1
        (mail,) = server.messages
        link = mail["List-Unsubscribe"].strip("<>")
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert link in mail.get_body(("plain",)).get_content()
        assert link in mail.get_body(("html",)).get_content()
        path = link.removeprefix(SITE)
        page = anybody.get(path)
        assert page.status_code == 200
        assert TO not in page.text
        assert "Ma…@example.org" in page.text
        assert "?lang=en" in page.text
        assert standings(state) == [], "to look ends nothing"
        assert anybody.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 303
        posted(state, "second")
        assert send_waiting(state, given, NOW) == 0
        assert state_of(state, "second") == ("failed", "nothing is sent here: unsubscribed")
        assert "No more messages" in anybody.get(f"{path}?lang=en").text
        assert anybody.post(f"{path}/undo").status_code == 303
        posted(state, "third")
        assert send_waiting(state, given, NOW) == 1


@pytest.mark.parametrize("change", [lambda path: path[:-1] + ("0" if path[-1] != "0" else "1"), lambda path: re.sub(r"/\d+/", "/99999/", path)])  # fmt: skip
def test_a_link_that_is_not_ours_opens_nothing(state, anybody, change):
    with mail_server() as server:
        posted(state, f"link {change}")
        send_waiting(state, settings(server.port), NOW)
        path = change(server.messages[-1]["List-Unsubscribe"].strip("<>").removeprefix(SITE))
    for each in (path, path.rpartition("/")[0], "/unsubscribe/12x/abc", "/unsubscribe/"):
        assert_says_what_to_do(anybody, each, "unsubscribe")
    assert anybody.post(path).status_code == 404
    assert standings(state) == []


def assert_says_what_to_do(anybody, path, section):
    for lang in LANGS:
        page = anybody.get(f"{path}?lang={lang}")
        assert page.status_code == 404, path
        assert Words(lang)(f"{section}.no_link_do") in unescape(page.text), path


def test_a_mailbox_that_smtp_refuses_is_not_asked_again_until_a_person_lets_it(app, state):
    with mail_server() as server:
        given = settings(server.port)
        for key in ("refused", "not tried"):
            posted(state, key, to="refused@example.com")
            send_waiting(state, given, NOW)
    (standing,) = standings(state)
    assert (standing.address, standing.state) == ("refused@example.com", "refused")
    assert state_of(state, "not tried")[1].startswith("nothing is sent here: refused")
    admin = english(app, "admin")
    page = admin.get("/jobs").text
    assert "refused by the mail server" in page
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)[1]
    again = f"/jobs/recipients/{standing.number}/again"
    assert signed_in(app, "manager-health").post(again, data={"csrf": csrf}).status_code == 403
    assert admin.post(again, data={"csrf": csrf}).status_code == 303
    assert standings(state) == []


def test_a_refusal_does_not_replace_what_a_person_has_ended(state, anybody):
    with mail_server() as server:
        posted(state, "ended")
        send_waiting(state, settings(server.port), NOW)
        path = server.messages[-1]["List-Unsubscribe"].strip("<>").removeprefix(SITE)
    anybody.post(path)
    note_refusal(state, "mail", TO, "550 5.1.1 No such user", NOW)
    (standing,) = standings(state)
    assert standing.state == "unsubscribed"
    assert anybody.post(f"{path}/undo").status_code == 303
    assert standings(state) == []


def test_a_relay_that_refuses_us_ends_no_address(state):
    with mail_server() as server:
        server.refusal = "554 5.7.1 Relay access denied"
        posted(state, "no relay", to="refused@example.com")
        assert send_waiting(state, settings(server.port), NOW) == 0
    assert state_of(state, "no relay")[0] == "failed"
    assert standings(state) == []


@pytest.mark.skipif(DOVECOT is None, reason="Debian's dovecot-imapd is not installed")
def test_a_delivery_report_in_the_mailbox_ends_in_the_recipient_s_state(app, state, tmp_path):
    (tmp_path / "password").write_text("secret")
    with imap_server(tmp_path / "box", "secret") as port:
        box = BounceSettings(
            host="127.0.0.1", port=port, tls="none", username="bkk", password_file=tmp_path / "password"
        )
        given = settings(1, bounces=box)
        mails = [report(address=TO.lower()), report(address="stranger@example.org"), report(status="4.2.2", address=TO),
                 b"From: a person\r\n\r\nhello"]  # fmt: skip
        for number, content in enumerate(mails):
            path = tmp_path / f"box/mail/new/{number}.mail"
            path.write_bytes(content)
            path.chmod(0o644)
        assert look_for_bounces(state, given, lambda: NOW) == 1
        (standing,) = standings(state)
        assert (standing.address, standing.state) == (TO.lower(), "refused")
        assert "No such user" in standing.reason
        assert look_for_bounces(state, given, lambda: NOW) == 0, "each is read once"
        wrong = given.mail.model_copy(update={"bounces": box.model_copy(update={"folder": "Nowhere"})})
        assert look_for_bounces(state, given.model_copy(update={"mail": wrong}), lambda: NOW) == 0
    admin = english(app, "admin")
    csrf = re.search(r'name="csrf" value="([^"]+)"', admin.get("/jobs").text)[1]
    admin.post(f"/jobs/recipients/{standing.number}/again", data={"csrf": csrf})


def test_line_gets_a_picture_by_a_link_that_ends(app, state, anybody, tmp_path):
    secret = tmp_path / "token"
    secret.write_text("t")
    path = "health/2026-10/r1/health_2026-10.th.png"
    with http_receiver() as line:
        given = Settings(
            line=LineSettings(url=line.url, pictures=True),
            web=WebSettings(public_address=SITE),
            recipient=(Recipient(channel="line", to="U" + "0" * 32, secret_file=secret),),
        )
        posted(state, "picture", to="U" + "0" * 32, channel="line", picture=path)
        assert send_waiting(state, given, NOW) == 1
    text, picture = json.loads(line.requests[0][2])["messages"]
    assert text["type"] == "text"
    assert picture["originalContentUrl"].startswith(f"{SITE}/shared/")
    assert picture["originalContentUrl"].endswith(path)
    sent = picture["originalContentUrl"].removeprefix(SITE)  # the archive has no such picture
    old = picture_path(state, path, NOW - dt.timedelta(days=PICTURE_DAYS + 400))
    for each in (sent, old, sent.rpartition("/")[0], "/shared/17x/abc", "/shared/"):
        assert_says_what_to_do(anybody, each, "shared")


def test_the_mail_of_a_report_is_shown_before_it_is_sent(app):
    viewer = signed_in(app, "viewer-health")
    answer = viewer.get("/reports/mail", params={"subject": "health", "period": "2026-11-23"})
    assert answer.status_code == 200
    assert "<table" in answer.text
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert viewer.get("/reports/mail", params={"subject": "education", "period": "2026-11-23"}).status_code == 404
