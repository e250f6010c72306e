"""LINE: a push message over the Messaging API, with one retry key for every try, by which LINE drops repetitions.

Interface: LINE Developers, Messaging API reference, "Send push message" and "Retrying a failed API request".
"""

from __future__ import annotations

import json
import uuid

import urllib3

from bkkenergy.adapters.delivery.base import DeliveryFailed, Notification, judged, secret_of
from bkkenergy.recipients import Recipient
from bkkenergy.settings import Settings

MAX_TEXT = 5000
ACCEPTED_BEFORE = 409
"""LINE's answer to a retry key that it has accepted already."""


def send_line(settings: Settings, recipient: Recipient, message: Notification) -> None:
    """Send a message as text. Raises DeliveryFailed, ConfigError."""
    url = f"{settings.line.url}/v2/bot/message/push"
    text = f"{message.subject}\n\n{message.text}"[:MAX_TEXT]
    body = json.dumps({"to": recipient.to, "messages": [{"type": "text", "text": text}]}).encode()
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {secret_of(recipient)}",
        "X-Line-Retry-Key": str(uuid.uuid5(uuid.NAMESPACE_URL, f"bkkenergy:{message.key}:{recipient.to}")),
    }
    try:
        answer = urllib3.request(
            "POST", url, body=body, headers=headers, timeout=settings.line.timeout_s, retries=False
        )
    except urllib3.exceptions.HTTPError as error:
        raise DeliveryFailed(f"{url}: {error}", is_final=False) from error
    if answer.status != ACCEPTED_BEFORE:
        judged(answer.status, answer.data, url)
