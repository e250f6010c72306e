"""What the ingester subscribes to."""

from __future__ import annotations

from collections.abc import Sequence

from paho.mqtt.client import topic_matches_sub

from bkkenergy.settings import Settings


def topics_for(settings: Settings, meter_topics: Sequence[str]) -> tuple[str, ...]:
    """Return the configured subscriptions, and the topics of meters that none of them covers."""
    covered = settings.mqtt.topics
    return (
        *covered,
        *(topic for topic in meter_topics if not any(topic_matches_sub(filter_, topic) for filter_ in covered)),
    )
