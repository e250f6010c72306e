"""Delivery reports in a mailbox: read by IMAP, and what they say of which address (RFC 3464)."""

from __future__ import annotations

import email
import email.policy
import imaplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import Message

from bkkenergy.adapters.delivery.base import DeliveryFailed, is_of_mailbox
from bkkenergy.recipients import BounceSettings, MailSettings
from bkkenergy.tomlfiles import read_secret

MAX_READ, MAX_MAIL_BYTES = 200, 2_000_000
"""How many mails are read at once, and how much of each: the rest comes with the next look."""


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a mail server reports of one address. is_final : the address is refused, whatever is sent there."""

    address: str
    is_final: bool
    reason: str


def bounces_of(content: bytes) -> list[Bounce]:
    """Return what a delivery report says of each address; nothing of any other mail.

    A report of a delay, or of a delivery, is no refusal.
    """
    mail = email.message_from_bytes(content, policy=email.policy.default)
    if mail.get_content_type() != "multipart/report" or mail.get_param("report-type") != "delivery-status":
        return []
    return [
        bounce
        for part in mail.walk()
        if part.get_content_type() == "message/delivery-status"
        for block in (part.get_payload() if part.is_multipart() else [])
        if isinstance(block, Message) and (bounce := _of_block(block)) is not None
    ]


def _of_block(block: Message) -> Bounce | None:
    address = str(block.get("Original-Recipient") or block.get("Final-Recipient") or "").partition(";")[2].strip()
    if "@" not in address or str(block.get("Action", "")).strip().lower() != "failed":
        return None
    status = str(block.get("Status", "")).strip()
    said = str(block.get("Diagnostic-Code", "")).partition(";")[2].strip()
    reason = " ".join(filter(None, (status, " ".join(said.split()))))
    return Bounce(address, is_of_mailbox(reason), reason[:300])


def read_bounces(settings: MailSettings, asked: BounceSettings) -> Iterator[Bounce]:
    """Yield what the mailbox's unread delivery reports say; a mail is marked as read when it is dealt with.

    Raises DeliveryFailed where the server cannot be reached or refuses, ConfigError for an unreadable password.
    """
    try:
        with _mailbox(settings, asked) as box:
            for number in box.search(None, "UNSEEN")[1][0].split()[:MAX_READ]:
                fetched = box.fetch(number.decode(), f"(BODY.PEEK[]<0.{MAX_MAIL_BYTES}>)")[1]
                for part in fetched:
                    if isinstance(part, tuple):
                        yield from bounces_of(part[1])
                box.store(number.decode(), "+FLAGS", r"(\Seen)")
    except (OSError, imaplib.IMAP4.error) as error:
        raise DeliveryFailed(f"{asked.host}:{asked.port}: {error}", is_final=False) from error


@contextmanager
def _mailbox(settings: MailSettings, asked: BounceSettings) -> Iterator[imaplib.IMAP4]:
    context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    if asked.tls == "tls":
        box: imaplib.IMAP4 = imaplib.IMAP4_SSL(asked.host, asked.port, ssl_context=context, timeout=settings.timeout_s)
    else:
        box = imaplib.IMAP4(asked.host, asked.port, timeout=settings.timeout_s)
    try:
        if asked.tls == "starttls":
            box.starttls(context)
        box.login(asked.username, read_secret(asked.password_file))
        answer, said = box.select(asked.folder)
        if answer != "OK":
            raise DeliveryFailed(f"{asked.host}: {asked.folder}: {said!r}", is_final=False)
        yield box
    finally:
        with suppress(OSError, imaplib.IMAP4.error):
            box.logout()
