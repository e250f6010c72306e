"""An outage that is played: what a broker loses of what comes while a client is away, counted with real messages.

A session of its own subscribes to a topic of its own, where ingesters share in a group of its own, and leaves. Then
1,500 messages are published and acknowledged, more than the 1,000 that mosquitto and HiveMQ store by default. The
session comes back and counts.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bkkenergy.adapters.identities import OWN_TOPICS, bystander, has_own_user
from bkkenergy.adapters.mqtt import Subscriber
from bkkenergy.adapters.mqtt_client import client_that_looks_on, end_loop
from bkkenergy.settings import MqttSettings
from bkkenergy.texts import Phrase

MESSAGES = 1500
MAX_BYTES = 1_000_000
WITHIN_S = 30.0
MIN_PER_S = 100
"""Messages that come in a second, at least."""
QUIET_S = 3.0
"""So long after the last message no other is awaited."""
IN_FLIGHT = 10
"""Messages of the publisher without an answer: what HiveMQ grants at most."""
PADDING = b"." * 100
"""About the size of a reading."""


@dataclass(frozen=True, slots=True)
class Outage:
    """What came of the messages of an outage. reason : why it could not be played; None where it was."""

    acknowledged: int = 0
    delivered: int = 0
    reason: Phrase | None = None


def has_own_users(settings: MqttSettings) -> bool:
    """Return whether the outage's clients are others than the ingester, also where the user is the client id."""
    return all(has_own_user(settings, role) for role in ("doctor", "doctor-away"))


def longest_s(messages: int) -> float:
    """Return how long an outage may take at most: two sessions, and what is published between them."""
    return 3 * (WITHIN_S + messages / MIN_PER_S)


def play_outage(settings: MqttSettings, protocol: str, *, messages: int = MESSAGES) -> Outage:
    """Play an outage on a broker that speaks the protocol ("5" or "3.1.1")."""
    away = bystander(settings, "doctor-away", tries_share=True).model_copy(
        update={"protocol": protocol, "session_expiry_s": 300}
    )
    topic = f"{OWN_TOPICS}/doctor/{away.client_id}"
    with _publisher(bystander(settings, "doctor"), protocol) as publish:
        try:
            first = _session(away, topic, lambda: publish(topic, 1), 1)
            if not first:
                return Outage(reason=Phrase("broker_trouble.outage_undelivered", {"topic": topic}))
            acknowledged = publish(topic, messages)
            delivered = len(_session(away, topic, lambda: 0, messages))
        finally:
            _forget(away, protocol)
    return Outage(acknowledged, delivered)


def _session(settings: MqttSettings, topic: str, publish: Callable[[], int], most: int) -> set[bytes]:
    """Connect, have something published, and return what comes until there are `most`, or no more comes."""
    payloads: set[bytes] = set()
    subscriber = Subscriber(settings, (topic,))
    subscriber.start()
    until_s = time.monotonic() + WITHIN_S + most / MIN_PER_S
    try:
        while not subscriber.granted and time.monotonic() < until_s:
            subscriber.tend()
            time.sleep(0.02)
        publish()
        quiet_at_s = time.monotonic() + QUIET_S
        while len(payloads) < most and time.monotonic() < min(until_s, quiet_at_s):
            if taken := subscriber.take(1000, MAX_BYTES, timeout_s=0.1):
                quiet_at_s = time.monotonic() + QUIET_S
                payloads |= {message.payload for message in taken}
                subscriber.acknowledge(taken)
        time.sleep(0.2)  # the last acknowledgements leave before the connection ends
    finally:
        subscriber.stop()
    return payloads


@contextmanager
def _publisher(settings: MqttSettings, protocol: str) -> Iterator[Callable[[str, int], int]]:
    """Yield a function that publishes this many messages and returns how many were acknowledged."""
    client = client_that_looks_on(settings, protocol, f"{settings.client_id}-publisher")
    client.max_inflight_messages_set(IN_FLIGHT)
    is_connected = threading.Event()
    client.on_connect = lambda *_: is_connected.set()

    def publish(topic: str, count: int) -> int:
        if not is_connected.wait(WITHIN_S):
            return 0
        sent = [client.publish(topic, b"%d %b" % (number, PADDING), qos=1) for number in range(count)]
        acknowledged, stalls_at_s = 0, time.monotonic() + QUIET_S
        while acknowledged < count and time.monotonic() < stalls_at_s:
            time.sleep(0.05)
            before, acknowledged = acknowledged, sum(one.is_published() for one in sent)
            if acknowledged > before:
                stalls_at_s = time.monotonic() + QUIET_S
        return acknowledged

    client.connect_async(settings.host, settings.port, settings.keepalive_s)
    client.loop_start()
    try:
        yield publish
    finally:
        client.disconnect()
        end_loop(client)


def _forget(settings: MqttSettings, protocol: str) -> None:
    """Let the broker forget the session: a clean start ends the one before."""
    client = client_that_looks_on(settings, protocol, settings.client_id)
    is_connected = threading.Event()
    client.on_connect = lambda *_: is_connected.set()
    client.connect_async(settings.host, settings.port, settings.keepalive_s)
    client.loop_start()
    is_connected.wait(QUIET_S)
    client.disconnect()
    end_loop(client)
