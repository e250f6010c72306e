"""Messages handed over to people: one protocol, three channels, a dict that names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bkkenergy.adapters.delivery.base import DeliveryFailed, Notification
from bkkenergy.adapters.delivery.line import send_line
from bkkenergy.adapters.delivery.mail import send_mail
from bkkenergy.adapters.delivery.webhook import send_webhook
from bkkenergy.recipients import Recipient
from bkkenergy.settings import Settings

__all__ = ["CHANNELS", "DeliveryFailed", "Notification"]

Channel = Callable[[Settings, Recipient, Notification], None]
"""Hands one message to one recipient, or raises DeliveryFailed."""

CHANNELS: Mapping[str, Channel] = MappingProxyType({"mail": send_mail, "webhook": send_webhook, "line": send_line})
