"""Subscriptions of a session: asked for within a broker's limits, and what the broker answered to each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from bkkenergy.adapters.broker_troubles import Trouble, qos_0_granted, subscription_refused

FILTERS_PER_REQUEST = 8
"""AWS IoT Core ends the connection at a SUBSCRIBE of more (quotas of its message broker). No broker takes fewer."""

PACKET_IDENTIFIER_IN_USE = 0x91
"""By which mochi refuses what it is asked while a message of its own has the same number: it is asked again."""
AGAIN_AFTER_S, AGAIN_AT_LAST_S = 2.0, 300.0
"""From a refusal to the next request, which comes less and less."""


class Subscriptions:
    """Topics that were asked for at QoS 1. To be used under the lock of the session."""

    def __init__(self) -> None:
        self.granted: dict[str, bool] | None = None
        """Whether each topic was granted; None while an answer is awaited for the first time."""
        self._waiting: dict[int, tuple[str, ...]] = {}
        """Topics of each request that the broker has not answered."""
        self._answers: dict[str, bool] = {}

        self._pause_s, self._again_at_s, self._is_second_try = AGAIN_AFTER_S, 0.0, False

    def begin(self, client: mqtt.Client, topics: Sequence[str], *, is_v5: bool) -> None:
        """Ask on a new connection: what was asked on an earlier one has no answer any more."""
        self.granted, self._waiting, self._answers = None if topics else {}, {}, {}
        self._pause_s, self._again_at_s, self._is_second_try = AGAIN_AFTER_S, 0.0, False
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

    def has_all_but(self, apart: Sequence[str]) -> bool:
        """Return whether the broker granted every topic but these."""
        granted = self.granted
        return granted is not None and all(is_granted for topic, is_granted in granted.items() if topic not in apart)

    def ask_again(self, client: mqtt.Client, now_s: float, *, is_v5: bool) -> None:
        """Ask once more, now and then, for what was refused: a right may be given, or the refusal a passing one."""
        refused = [topic for topic, is_granted in (self.granted or {}).items() if not is_granted]
        if not refused or self._waiting:
            return
        if self._again_at_s and now_s >= self._again_at_s:
            self._is_second_try, self._pause_s = True, min(2 * self._pause_s, AGAIN_AT_LAST_S)
            self.ask(client, refused, is_v5=is_v5)
        if not self._again_at_s or now_s >= self._again_at_s:
            self._again_at_s = now_s + self._pause_s

    def answer(self, number: int, reasons: Sequence[ReasonCode]) -> list[Trouble]:
        """Take an answer; return what is wrong with it."""
        answered = list(zip(self._waiting.pop(number, ()), reasons, strict=False))
        self._answers |= {topic: not reason.is_failure for topic, reason in answered}
        if not self._waiting:
            self.granted = dict(self._answers)
        ills = [
            subscription_refused(topic, str(reason))
            for topic, reason in answered
            if reason.is_failure and (self._is_second_try or reason.value != PACKET_IDENTIFIER_IN_USE)
        ]
        weak = sum(reason.value == 0 for _, reason in answered)
        return [*ills, qos_0_granted(weak, len(reasons))] if weak else ills
