"""All topics of a broker, heard for a while beside the ingester."""

from __future__ import annotations

import time
from collections import deque

from bkkenergy.adapters.identities import OWN_TOPICS, bystander
from bkkenergy.adapters.mqtt import Subscriber
from bkkenergy.ingest.discover import SAMPLES_OF_A_TOPIC, Heard
from bkkenergy.settings import MqttSettings

MAX_TOPICS = 20_000
MAX_SAMPLE_BYTES = 100_000
"""A longer message is no sample: it would fill the memory, and a meter sends shorter ones too."""
MAX_TAKEN_BYTES = 10_000_000


def listened(settings: MqttSettings, seconds: float) -> list[Heard]:
    """Return the latest messages of each topic that is heard within so long, births of Sparkplug before their data.

    Several of a topic, since they may be of several meters.
    """
    subscriber = Subscriber(bystander(settings, "discover"), ["#"])
    subscriber.start()
    latest: dict[str, deque[Heard]] = {}
    until_s = time.monotonic() + seconds
    try:
        while time.monotonic() < until_s:
            subscriber.tend()
            messages = subscriber.take(1000, MAX_TAKEN_BYTES, timeout_s=0.25)
            for message in messages:
                is_sample = 0 < len(message.payload) <= MAX_SAMPLE_BYTES and not message.topic.startswith(
                    f"{OWN_TOPICS}/"
                )
                if is_sample and (message.topic in latest or len(latest) < MAX_TOPICS):
                    samples = latest.setdefault(message.topic, deque(maxlen=SAMPLES_OF_A_TOPIC))
                    samples.append(Heard(message.topic, message.payload, message.received_us))
            subscriber.acknowledge(messages)
    finally:
        subscriber.stop()
    heard_messages = [heard for of_topic in latest.values() for heard in of_topic]
    return sorted(heard_messages, key=lambda heard: ("BIRTH/" not in heard.topic, heard.topic, heard.received_us))
