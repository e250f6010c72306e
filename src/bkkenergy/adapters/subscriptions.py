"""Subscriptions of a session: asked for within a broker's limits, and what the broker answered to each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

FILTERS_PER_REQUEST = 8
"""AWS IoT Core ends the connection at a SUBSCRIBE of more (quotas of its message broker). No broker takes fewer."""


class Subscriptions:
    """Topics that were asked for at QoS 1. To be used under the lock of the session."""

    def __init__(self) -> None:
        self.granted: dict[str, bool] | None = None
        """Whether each topic was granted; None while an answer is awaited for the first time."""
        self._waiting: dict[int, tuple[str, ...]] = {}
        """Topics of each request that the broker has not answered."""
        self._answers: dict[str, bool] = {}

    def begin(self, client: mqtt.Client, topics: Sequence[str], *, is_v5: bool) -> None:
        """Ask on a new connection: what was asked on an earlier one has no answer any more."""
        self.granted, self._waiting, self._answers = None if topics else {}, {}, {}
        self.ask(client, topics, is_v5=is_v5)

    def ask(self, client: mqtt.Client, topics: Sequence[str], *, is_v5: bool) -> None:
        """Ask for topics, a few in each request."""
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
        for first in range(0, len(topics), FILTERS_PER_REQUEST):
            part = tuple(topics[first : first + FILTERS_PER_REQUEST])
            request: list[Any] = [(topic, options if is_v5 else 1) for topic in part]
            _, number = client.subscribe(request)
            if number is not None:
                self._waiting[number] = part

    def answer(self, number: int, reasons: Sequence[ReasonCode]) -> list[tuple[str, ReasonCode]]:
        """Take an answer; return each topic of the request with its reason."""
        answered = list(zip(self._waiting.pop(number, ()), reasons, strict=False))
        self._answers |= {topic: not reason.is_failure for topic, reason in answered}
        if not self._waiting:
            self.granted = dict(self._answers)
        return answered
