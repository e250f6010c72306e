"""A webhook: JSON to an address of the recipient's, signed, with one idempotency key for every try.

X-Bkkenergy-Signature is "sha256=" and the HMAC-SHA256 of "TIMESTAMP.BODY" under the shared secret, in hex.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time

from bkkenergy.adapters.answers import NoAnswer, ask
from bkkenergy.adapters.delivery.base import DeliveryFailed, Notification, judged, secret_of
from bkkenergy.recipients import Recipient
from bkkenergy.settings import Settings

TIMEOUT_S = 15.0


def send_webhook(_settings: Settings, recipient: Recipient, message: Notification) -> None:
    """Send a message by POST. Raises DeliveryFailed, ConfigError."""
    body = json.dumps(
        {"key": message.key, "subject": message.subject, "text": message.text, **message.data}, ensure_ascii=False
    ).encode()
    stamp = str(int(time.time()))
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Idempotency-Key": message.key,
        "X-Bkkenergy-Timestamp": stamp,
        "X-Bkkenergy-Signature": f"sha256={signature(secret_of(recipient), stamp, body)}",
    }
    try:
        answer = ask("POST", recipient.to, body=body, headers=headers, timeout_s=TIMEOUT_S)
    except NoAnswer as error:
        raise DeliveryFailed(f"{recipient.to}: {error}", is_final=False) from error
    judged(answer.status, answer.data, recipient.to)


def signature(secret: str, stamp: str, body: bytes) -> str:
    """Compute what the receiver compares to see that a message is ours and fresh."""
    return hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
