"""STATE of a Sparkplug host application: nodes that wait for it send, and store what they measure while it is offline.

Source: Eclipse Sparkplug Specification 3.0.0, host application's session, chapter 5, and payload, 6.4.26.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import paho.mqtt.client as mqtt

from bkkenergy.adapters.broker_troubles import Trouble, host_state_refused
from bkkenergy.adapters.cut_guard import CutGuard
from bkkenergy.payloads.message import Message

LEAVES_WITHIN_S = 2.0


class HostState:
    """Whether this host is online, as a retained message of its own topic. Ingesters with one id are one host."""

    def __init__(self, host_id: str) -> None:
        self.topic = f"spBv1.0/STATE/{host_id}"
        self.guard = CutGuard()
        self._stamp_ms = 0

    def before_connect(self, client: mqtt.Client) -> None:
        """Set the will: the broker says offline where this connection ends without a word."""
        self._stamp_ms = time.time_ns() // 1_000_000
        client.will_set(self.topic, self._payload(is_online=False), qos=1, retain=True)

    def announce(self, client: mqtt.Client) -> None:
        """Say that the host is online, with the will's time: nodes compare them."""
        self.guard.sent(client.publish(self.topic, self._payload(is_online=True), qos=1, retain=True))

    def leave(self, client: mqtt.Client) -> None:
        """Say that the host goes offline, and wait shortly until the broker has it."""
        if not client.is_connected():
            return
        self._stamp_ms = time.time_ns() // 1_000_000
        said = client.publish(self.topic, self._payload(is_online=False), qos=1, retain=True)
        try:
            said.wait_for_publish(LEAVES_WITHIN_S)
        except (RuntimeError, ValueError):
            return

    def disconnected(self, on_trouble: Callable[[Trouble], None]) -> None:
        """Give it up where connections end before it was ever heard: to store readings goes before it."""
        if self.guard.cut():
            on_trouble(host_state_refused(self.topic))

    def sifted(self, messages: list[Message]) -> tuple[list[Message], list[Message]]:
        """Return the messages of others, and those on our topic."""
        ours = [message for message in messages if message.topic == self.topic]
        if not ours:
            return messages, ours
        self.guard.was_heard = True
        return [message for message in messages if message.topic != self.topic], ours

    def is_contradicted_by(self, payload: bytes) -> bool:
        """Return whether a message on the topic says that the host is offline: an old will, or another ingester's."""
        try:
            said = json.loads(payload)
        except ValueError:
            return True
        return not isinstance(said, dict) or said.get("online") is not True

    def _payload(self, *, is_online: bool) -> bytes:
        return json.dumps({"online": is_online, "timestamp": self._stamp_ms}).encode()
