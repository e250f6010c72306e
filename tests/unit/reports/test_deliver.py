"""Messages over real SMTP with TLS, and over HTTP to stand-ins: what arrives, and what a failure means."""

import hashlib
import hmac
import json
import socket
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest
from pydantic import SecretStr

from bkkenergy.adapters.delivery import CHANNELS, DeliveryFailed, Notification, webhook
from bkkenergy.errors import ConfigError
from bkkenergy.recipients import LineSettings, MailSettings, Recipient
from bkkenergy.settings import Settings
from tests.receivers import http_receiver, mail_server, self_signed

# aiosmtpd makes its event loop and sockets in a thread of its own.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning:aiosmtpd")

TO = Recipient(to="somchai@example.com")


def message(key="report/health/2026-11-23/r1"):
    files = {"health_2026-11-23.th.pdf": b"%PDF-1.4 whatever"}
    return Notification(
        key, "รายงานการใช้ไฟฟ้า", "ใช้ไฟฟ้า 1,234 หน่วย", "<p>ใช้ไฟฟ้า <b>1,234</b> หน่วย</p>", files, {"energy_kwh": 1234}
    )


def settings_for(server, **given):
    return Settings(mail=MailSettings(host="127.0.0.1", port=server.port, **({"tls": "none"} | given)))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return self_signed(tmp_path_factory.mktemp("tls"))


def test_mail_arrives_over_tls_with_text_page_and_pdf(tmp_path, certificate):
    with mail_server(certificate=certificate, password="pa55") as server:
        secure = {"tls": "starttls", "ca_file": certificate[0], "username": "bkk", "password": SecretStr("pa55")}
        CHANNELS["mail"](settings_for(server, sender="พลังงาน <energy@bangkok.go.th>", **secure), TO, message())
        found = server.messages[0]
    assert found["Subject"] == "รายงานการใช้ไฟฟ้า"
    assert found["To"] == "somchai@example.com"
    assert found["Auto-Submitted"] == "auto-generated"
    assert "1,234 หน่วย" in found.get_body(("plain",)).get_content()
    assert "<b>1,234</b>" in found.get_body(("html",)).get_content()
    attached = list(found.iter_attachments())
    assert [(part.get_filename(), part.get_content_type()) for part in attached] == [
        ("health_2026-11-23.th.pdf", "application/pdf")
    ]
    assert attached[0].get_content() == b"%PDF-1.4 whatever"


@pytest.mark.parametrize(
    "bent", [{"subject": "x\r\nBcc: evil@example.com"}, {"to": "a@example.com\r\nBcc: evil@example.com"}]
)
def test_a_line_break_smuggles_no_header_into_a_mail_and_is_a_failure_for_good(bent):
    recipient = TO.model_copy(update={name: value for name, value in bent.items() if name == "to"})
    said = replace(message(), **{name: value for name, value in bent.items() if name == "subject"})
    with mail_server() as server:
        with pytest.raises(DeliveryFailed, match="cannot be written") as caught:
            CHANNELS["mail"](settings_for(server), recipient, said)
        assert server.messages == []
    assert caught.value.is_final


def test_every_try_carries_the_same_message_id_and_others_another(tmp_path):
    with mail_server() as server:
        settings = settings_for(server)
        for key in ("a", "a", "b"):
            CHANNELS["mail"](settings, TO, message(key))
        CHANNELS["mail"](settings, TO.model_copy(update={"to": "x@example.com"}), message("a"))
        ids = [found["Message-ID"] for found in server.messages]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_a_server_with_a_stranger_s_certificate_is_not_spoken_to(tmp_path, certificate):
    with mail_server(certificate=certificate) as server:
        with pytest.raises(DeliveryFailed, match="certificate") as caught:
            CHANNELS["mail"](settings_for(server, tls="starttls"), TO, message())
        assert not caught.value.is_final
        assert server.messages == []


def test_a_mailbox_that_does_not_exist_is_final_and_a_busy_server_is_not(tmp_path):
    with mail_server() as server:
        with pytest.raises(DeliveryFailed, match="refused@example.com") as caught:
            CHANNELS["mail"](settings_for(server), Recipient(to="refused@example.com"), message())
        assert caught.value.is_final
        server.answer = "451 try later"
        with pytest.raises(DeliveryFailed, match="451") as caught:
            CHANNELS["mail"](settings_for(server), TO, message())
        assert not caught.value.is_final
        port = server.port
    with pytest.raises(DeliveryFailed, match=str(port)) as caught:
        CHANNELS["mail"](settings_for(server), TO, message())
    assert not caught.value.is_final


def test_without_a_mail_server_the_remedy_is_told(tmp_path):
    with pytest.raises(ConfigError, match="mail.host"):
        CHANNELS["mail"](Settings(), TO, message())


def test_a_webhook_is_signed_and_says_by_its_key_that_it_is_the_same(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("shared\n")
    with http_receiver() as receiver:
        to = Recipient(channel="webhook", to=f"{receiver.url}/hooks", secret_file=secret)
        CHANNELS["webhook"](Settings(), to, message())
        path, headers, body = receiver.requests[0]
    assert path == "/hooks"
    assert headers["Idempotency-Key"] == "report/health/2026-11-23/r1"
    signed = f"{headers['X-Bkkenergy-Timestamp']}.".encode() + body
    assert headers["X-Bkkenergy-Signature"] == "sha256=" + hmac.new(b"shared", signed, hashlib.sha256).hexdigest()
    assert json.loads(body)["energy_kwh"] == 1234


@pytest.mark.parametrize(("status", "is_final"), [(404, True), (401, True), (429, False), (500, False), (503, False)])
def test_what_a_webhook_answers_decides_whether_it_is_tried_again(tmp_path, status, is_final):
    secret = tmp_path / "secret"
    secret.write_text("x")
    with http_receiver() as receiver:
        receiver.answers = [status]
        to = Recipient(channel="webhook", to=receiver.url, secret_file=secret)
        with pytest.raises(DeliveryFailed, match=str(status)) as caught:
            CHANNELS["webhook"](Settings(), to, message())
    assert caught.value.is_final is is_final


@pytest.mark.parametrize("pause_s", [0.0, 0.02])
def test_an_answer_without_an_end_is_given_up(tmp_path, monkeypatch, pause_s):
    monkeypatch.setattr(webhook, "TIMEOUT_S", 0.5)
    secret = tmp_path / "secret"
    secret.write_text("x")
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:

        def answering():
            client, _ = server.accept()
            with client, suppress(OSError):
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                while True:
                    client.sendall(b"x" * 10_000)
                    time.sleep(pause_s)

        pool.submit(answering)
        to = Recipient(channel="webhook", to=f"http://127.0.0.1:{server.getsockname()[1]}", secret_file=secret)
        with pytest.raises(DeliveryFailed, match="the answer") as caught:
            CHANNELS["webhook"](Settings(), to, message())
    assert not caught.value.is_final


def test_line_is_pushed_with_token_and_retry_key_and_a_repetition_counts_as_done(tmp_path):
    secret = tmp_path / "token"
    secret.write_text("channel-token")
    with http_receiver() as receiver:
        settings = Settings(line=LineSettings(url=receiver.url))
        to = Recipient(channel="line", to="U123", secret_file=secret)
        receiver.answers = [200, 409, 400]
        CHANNELS["line"](settings, to, message())
        CHANNELS["line"](settings, to, message())
        with pytest.raises(DeliveryFailed) as caught:
            CHANNELS["line"](settings, to, message("another"))
        (path, headers, body), again, other = receiver.requests
    assert path == "/v2/bot/message/push"
    assert headers["Authorization"] == "Bearer channel-token"
    assert uuid.UUID(headers["X-Line-Retry-Key"])
    assert headers["X-Line-Retry-Key"] == again[1]["X-Line-Retry-Key"] != other[1]["X-Line-Retry-Key"]
    assert json.loads(body) == {
        "to": "U123",
        "messages": [{"type": "text", "text": "รายงานการใช้ไฟฟ้า\n\nใช้ไฟฟ้า 1,234 หน่วย"}],
    }
    assert caught.value.is_final


def test_a_secret_that_is_absent_is_named(tmp_path):
    to = Recipient(channel="line", to="U123", secret_file=tmp_path / "none")
    with pytest.raises(ConfigError, match="none: the secret cannot be read"):
        CHANNELS["line"](Settings(), to, message())
