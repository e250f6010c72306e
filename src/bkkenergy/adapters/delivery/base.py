"""What is handed over, and the two ways in which that fails."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bkkenergy.errors import BkkEnergyError
from bkkenergy.recipients import Recipient
from bkkenergy.tomlfiles import read_secret

SERVER_FAULT = 500
TRY_LATER = frozenset({408, 425, 429})
MAILBOX_STATUS = re.compile(r"5\.(1\.(?!7\b|8\b)\d{1,3}|2\.[01])")
"""Of an address that is none, or a mailbox that is closed (RFC 3463); 5.1.7 and 5.1.8 are of the sender's."""
ENHANCED_STATUS = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?!\.?\d)")
UNKNOWN_STATUS = "5.0.0"
MAILBOX_CODE = re.compile(rf"(?:{re.escape(UNKNOWN_STATUS)} )?(550|551|553)\b")
"""Of a mailbox, where a server says no more (RFC 5321, 4.2.2)."""


class DeliveryFailed(BkkEnergyError):
    """The other side has not taken a message. `is_final`: sending the same again can never help.

    `is_of_address`: it is the address that is refused, whatever is sent there.
    """

    def __init__(self, message: str, *, is_final: bool, is_of_address: bool = False) -> None:
        super().__init__(message)
        self.is_final, self.is_of_address = is_final, is_of_address


@dataclass(frozen=True, slots=True)
class Notification:
    """A message apart from its channel.

    key : the same for every try, so that the other side can tell a repetition. html : a body with styles in place.
    attachments : content of files by their names. data : for machines. unsubscribe : address of the page that ends
    messages. picture : address of an image.
    """

    key: str
    subject: str
    text: str
    html: str = ""
    attachments: Mapping[str, bytes] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    unsubscribe: str = ""
    picture: str = ""


def secret_of(recipient: Recipient) -> str:
    """Read the recipient's secret. Raises ConfigError when its file cannot be read."""
    return read_secret(recipient.secret_file) if recipient.secret_file else ""


def judged(status: int, body: bytes, where: str) -> None:
    """Check that an HTTP answer says done. Raises DeliveryFailed."""
    if status < 300:  # noqa: PLR2004 - HTTP's "done"
        return
    is_final = status < SERVER_FAULT and status not in TRY_LATER
    raise DeliveryFailed(f"{where} answered {status}: {body[:200].decode(errors='replace')}", is_final=is_final)


def is_of_mailbox(said: str) -> bool:
    """Return whether a mail server refuses an address for good, whatever is sent there.

    Else it refuses this mail (its size, its content), or us: a relay that we may not use says 554 5.7.1 each time.
    """
    statuses = [status for status in ENHANCED_STATUS.findall(said) if status != UNKNOWN_STATUS]
    if statuses:
        return all(MAILBOX_STATUS.fullmatch(status) for status in statuses)
    return MAILBOX_CODE.match(said) is not None
