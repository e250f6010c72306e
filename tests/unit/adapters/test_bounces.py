"""Delivery reports as servers write them (RFC 3464), and mails that are none."""

from __future__ import annotations

import pytest

from bkkenergy.adapters.delivery.bounces import Bounce, bounces_of

ADDRESS = "malee@example.org"


def report(
    action="failed",
    status="5.1.1",
    address=ADDRESS,
    original="",
    said="smtp; 550 5.1.1 No such\r\n user",
    kind="delivery-status",
):
    """A report as postfix writes it."""
    lines = [
        "From: MAILER-DAEMON@example.org", "To: bkkenergy@bangkok.go.th", "Subject: Undelivered Mail Returned to Sender",
        f"Content-Type: multipart/report; report-type={kind}; boundary=B", "MIME-Version: 1.0", "",
        "--B", "Content-Type: text/plain", "", f"I could not deliver to {address}: failed", "",
        "--B", "Content-Type: message/delivery-status", "",
        "Reporting-MTA: dns; mx.example.org", "X-Postfix-Queue-ID: 1", "",
        *([f"Original-Recipient: rfc822;{original}"] if original else []),
        f"Final-Recipient: rfc822; {address}", f"Action: {action}", f"Status: {status}", f"Diagnostic-Code: {said}", "",
        "--B", "Content-Type: text/rfc822-headers", "", "Message-ID: <abc@bangkok.go.th>", "Subject: a report", "",
        "--B--", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def test_a_mailbox_that_is_not_there_is_refused_for_good():
    assert bounces_of(report()) == [Bounce(ADDRESS, is_final=True, reason="5.1.1 550 5.1.1 No such user")]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("4.2.2", "452 4.2.2 Mailbox full"), ("5.2.2", "552 5.2.2 Mailbox full"), ("5.3.4", "552 5.3.4 Message too big"),
        ("5.7.1", "554 5.7.1 Relay access denied"), ("5.7.26", "550 5.7.26 Unauthenticated sender"),
        ("5.1.8", "550 5.1.8 Sender rejected"), ("5.0.0", "554 Content rejected"),
    ],
)  # fmt: skip
def test_what_is_refused_of_a_mail_or_of_us_does_not_end_the_address(status, said):
    (bounce,) = bounces_of(report(status=status, said=f"smtp; {said}"))
    assert not bounce.is_final


@pytest.mark.parametrize(
    ("status", "said"), [("5.0.0", "550 No such user"), ("5.1.10", "556 Null MX"), ("5.2.1", "550 5.2.1 Disabled")]
)
def test_a_mailbox_that_is_gone_is_known_by_its_status_or_the_code(status, said):
    (bounce,) = bounces_of(report(status=status, said=f"smtp; {said}"))
    assert bounce.is_final


def test_the_address_that_we_wrote_to_is_named_where_mail_was_forwarded():
    (bounce,) = bounces_of(report(address="other@elsewhere.org", original=ADDRESS))
    assert bounce.address == ADDRESS


@pytest.mark.parametrize(
    "content",
    [
        report(action="delayed", status="4.4.1"),
        report(action="delivered", status="2.0.0"),
        report(kind="disposition-notification"),
        report(address="no address"),
        b"From: malee@example.org\r\nSubject: Undelivered Mail\r\n\r\nFinal-Recipient: rfc822;malee@example.org\r\nAction: failed",
        b"", b"\x00\xff" * 99, report()[:380],
    ],
    ids=["delayed", "delivered", "read", "no address", "a person", "empty", "bytes", "cut"],
)  # fmt: skip
def test_what_is_no_refusal_ends_nothing(content):
    assert bounces_of(content) == []
