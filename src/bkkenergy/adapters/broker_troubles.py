"""What a broker says or does that would lose messages: each with the remedy, for log, metric and doctor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from bkkenergy.settings import MqttSettings

MIN_PACKET_BYTES = 65_536
"""A gateway's backlog of an hour is smaller. A broker that takes less may refuse it."""


class TroubleKind(StrEnum):
    """Stable slugs, for the metrics' label."""

    SHARE_UNAVAILABLE = "share_unavailable"
    WILDCARDS_UNAVAILABLE = "wildcards_unavailable"
    QOS_0 = "qos_0"
    SESSION_EXPIRY_LOWERED = "session_expiry_lowered"
    SESSION_LOST = "session_lost"
    CUT_BY_BROKER = "cut_by_broker"
    CUT_AGAIN_AND_AGAIN = "cut_again_and_again"
    SUBSCRIPTION_REFUSED = "subscription_refused"
    PACKET_SIZE_LOWERED = "packet_size_lowered"
    CANARY_MISSED = "canary_missed"
    HOST_STATE_REFUSED = "host_state_refused"
    MESSAGES_DROPPED = "messages_dropped"
    BACKLOG_HOLE = "backlog_hole"


OF_THE_LAST = frozenset(
    {
        TroubleKind.CUT_BY_BROKER,
        TroubleKind.CUT_AGAIN_AND_AGAIN,
        TroubleKind.SESSION_LOST,
        TroubleKind.MESSAGES_DROPPED,
        TroubleKind.BACKLOG_HOLE,
    }
)
"""Kinds about what was. They stay on view when the next connection is made."""


class Trouble(NamedTuple):
    """One thing that endangers messages: what was found, and what to do."""

    kind: TroubleKind
    observed: str
    remedy: str


def without_share(protocol: str) -> Trouble:
    """Return the trouble of a broker that knows no shared subscriptions, or may not use them."""
    observed = f"no shared subscriptions over MQTT {protocol}: subscribed without mqtt.share, to every message"
    remedy = (
        "Nothing is lost, but each ingester stores everything. Leave mqtt.share out, or use a broker that has shared "
        'subscriptions in MQTT 5 (mosquitto, EMQX, HiveMQ) with mqtt.protocol = "5".'
    )
    return Trouble(TroubleKind.SHARE_UNAVAILABLE, observed, remedy)


def subscription_refused(topic: str, why: str) -> Trouble:
    """Return the trouble of a topic that the broker does not let us read."""
    observed = f"the broker refuses the subscription to {topic}: {why}"
    remedy = "Let the ingester's user read it: bkkenergy meters acl. It is asked again now and then."
    return Trouble(TroubleKind.SUBSCRIPTION_REFUSED, observed, remedy)


def subscription_unanswered(within_s: float) -> Trouble:
    """Return the trouble of a broker that takes the connection and says nothing to the subscription."""
    observed = f"the broker has not answered the subscription for {within_s:.0f} s"
    remedy = "No reading comes. Look at the broker's log; restart it if it answers no one."
    return Trouble(TroubleKind.SUBSCRIPTION_REFUSED, observed, remedy)


def announced(properties: Any, settings: MqttSettings, *, has_exact_topics: bool) -> Iterator[Trouble]:
    """Yield what a CONNACK of MQTT 5 (section 3.2.2.3) takes away. A property that is absent takes nothing."""
    if settings.share and _value(properties, "SharedSubscriptionAvailable", 1) == 0:
        yield without_share("5")
    if _value(properties, "WildcardSubscriptionAvailable", 1) == 0:
        instead = "subscribed to each meter's own topic" if has_exact_topics else "the topics with + or # are left out"
        observed = f"no wildcards in subscriptions: {instead}"
        remedy = "Topics of unknown meters are not heard. Let the broker allow wildcards to the ingester's user."
        yield Trouble(TroubleKind.WILDCARDS_UNAVAILABLE, observed, remedy)
    if _value(properties, "MaximumQoS", 2) == 0:
        yield qos_0("CONNACK: Maximum QoS 0")
    expiry_s = _value(properties, "SessionExpiryInterval", settings.session_expiry_s)
    if expiry_s < settings.session_expiry_s:
        observed = f"the session is forgotten after {expiry_s} s, not after {settings.session_expiry_s} s"
        remedy = (
            "Raise the broker's limit of session expiry, or lower mqtt.session_expiry_s to what it grants: "
            "an ingester that is away for longer loses what comes."
        )
        yield Trouble(TroubleKind.SESSION_EXPIRY_LOWERED, observed, remedy)

    packet_bytes = _value(properties, "MaximumPacketSize", MIN_PACKET_BYTES)
    if packet_bytes < MIN_PACKET_BYTES:
        observed = f"the broker takes packets of at most {packet_bytes} bytes"
        remedy = "A gateway that sends more is cut off by it, and sends again. Raise the broker's limit of packet size."
        yield Trouble(TroubleKind.PACKET_SIZE_LOWERED, observed, remedy)


def host_state_refused(topic: str) -> Trouble:
    """Return the trouble of a broker that ends the connection of a host application for its STATE."""
    observed = f"connections end before {topic} is heard: the session goes on without being a Sparkplug host"
    remedy = (
        f"Let the ingester's user write to {topic}, retained (bkkenergy meters acl), and restart the ingester; or set "
        'mqtt.sparkplug_host_id = "". Nodes that wait for a primary host send nothing until then.'
    )
    return Trouble(TroubleKind.HOST_STATE_REFUSED, observed, remedy)


def canary_missed(topic: str, *, was_heard: bool, is_shared: bool = False) -> Trouble:
    """Return the trouble of a session that is connected and does not deliver what we send ourselves."""
    if was_heard:
        remedy = (
            "The broker may hold a session that is dead: restart the broker; if that does not help, take a new "
            "mqtt.client_id (or user, on the shipped broker). What waits in the old session is lost."
        )
    else:
        remedy = f"Let the ingester's user write to {topic} (bkkenergy meters acl), or set mqtt.canary_s = 0."
    if is_shared:
        remedy = (
            f"If the broker does not know shared subscriptions, leave mqtt.share out: nothing is delivered. {remedy}"
        )
    return Trouble(TroubleKind.CANARY_MISSED, f"connected, but what we send to {topic} does not come back", remedy)


def qos_0(observed: str) -> Trouble:
    """Return the trouble of a broker that delivers without acknowledgement."""
    remedy = (
        "The broker delivers at most once: what comes while the ingester is away or restarts is lost. "
        "Let the broker grant QoS 1 (mosquitto: max_qos 1 or 2)."
    )
    return Trouble(TroubleKind.QOS_0, observed, remedy)


def session_lost(client_id: str) -> Trouble:
    """Return the trouble of a broker that has lost the session of this client id."""
    observed = f"the broker has no session of {client_id!r} any more: what came since the last connection is lost"
    remedy = (
        "Does the broker keep its sessions on disk (mosquitto: persistence true), for long enough "
        "(persistent_client_expiration), and does no other client use this mqtt.client_id?"
    )
    return Trouble(TroubleKind.SESSION_LOST, observed, remedy)


def messages_dropped(count: int) -> Trouble:
    """Return the trouble of a broker that dropped messages for want of room, by its own count."""
    observed = f"the broker dropped {count:,} messages since its count was last heard: ours, or another client's"
    remedy = (
        "Let it store more for sessions that are away (mosquitto: max_queued_messages 0, as deploy/mosquitto has it), "
        "and end sessions of clients that never come back. bkkenergy doctor plays an outage and counts."
    )
    return Trouble(TroubleKind.MESSAGES_DROPPED, observed, remedy)


def backlog_hole(meters: int, of_meters: int, between: str, messages: int) -> Trouble:
    """Return the trouble of a backlog that lacks a time in which most meters must have sent."""
    observed = (
        f"the broker had our session, but of {of_meters} meters {meters} have no reading of {between}, though they "
        f"have before and after: about {messages:,} are missing"
    )
    remedy = (
        "Either the meters' network was down too, or the broker dropped what it had to store: a limit of its queue "
        "(mosquitto max_queued_messages, HiveMQ max-queued-messages), or a crash before it was saved (mosquitto "
        "autosave_interval). bkkenergy doctor plays an outage and counts. Energy of registers is right all the same."
    )
    return Trouble(TroubleKind.BACKLOG_HOLE, observed, remedy)


REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        "Session taken over": "Another client has the same mqtt.client_id. Give each ingester one that no other uses.",
        "Shared subscriptions not supported": "Leave mqtt.share out.",
        "Wildcard subscriptions not supported": "Let the broker allow wildcards to the ingester's user.",
        "Packet too large": "Raise the broker's limit of packet size.",
        "Quota exceeded": "Raise the broker's quota of the ingester's user.",
        "Not authorized": "Let the ingester's user read the topics: bkkenergy meters acl.",
        "Receive maximum exceeded": "Lower mqtt.receive_maximum.",
    }
)
"""What helps against a reason that the broker gives (MQTT 5, section 3.14.2.1)."""


def cut(reason: str) -> Trouble:
    """Return the trouble of a broker that ended the connection by itself."""
    remedy = REMEDIES.get(reason, "See the broker's log.")
    return Trouble(TroubleKind.CUT_BY_BROKER, f"the broker ended the connection: {reason}", remedy)


def cut_again(times: int, reason: str, pause_s: float) -> Trouble:
    """Return the trouble of a broker that ends each connection soon after it was made."""
    remedy = REMEDIES.get(
        reason,
        "See the broker's log. Does another client use the same mqtt.client_id? If the broker cannot resume the "
        "session, a new mqtt.client_id helps; what waits in the old session is lost.",
    )
    observed = f"cut {times} times soon after connecting ({reason}); the next attempt waits {pause_s:.0f} s"
    return Trouble(TroubleKind.CUT_AGAIN_AND_AGAIN, observed, remedy)


def _value(properties: Any, name: str, otherwise: int) -> int:
    """Return a property of paho's, or `otherwise` where the broker did not send it."""
    return int(getattr(properties, name, otherwise))
