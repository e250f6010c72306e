"""LINE: a push message, and a picture that a public address shows, over the Messaging API.

All tries have one retry key, by which LINE drops repetitions.

Interface: LINE Developers, Messaging API reference, "Send push message" and "Retrying a failed API request".
"""

from __future__ import annotations

import json
import uuid

from bkkenergy.adapters.answers import NoAnswer, ask
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
    messages = [{"type": "text", "text": text}]
    if message.picture:
        messages.append({"type": "image", "originalContentUrl": message.picture, "previewImageUrl": message.picture})
    body = json.dumps({"to": recipient.to, "messages": messages}).encode()
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {secret_of(recipient)}",
        "X-Line-Retry-Key": str(uuid.uuid5(uuid.NAMESPACE_URL, f"bkkenergy:{message.key}:{recipient.to}")),
    }
    try:
        answer = ask("POST", url, body=body, headers=headers, timeout_s=settings.line.timeout_s)
    except NoAnswer as error:
        raise DeliveryFailed(f"{url}: {error}", is_final=False) from error
    if answer.status != ACCEPTED_BEFORE:
        judged(answer.status, answer.data, url)
