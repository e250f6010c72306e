"""What a broker says or does that would lose messages: each with the remedy, for log, metric and doctor."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from bkkenergy.settings import MqttSettings
from bkkenergy.texts import Phrase

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
    MESSAGES_LOST = "messages_lost"
    QUEUE_FULL = "queue_full"
    QUEUE_SHORT = "queue_short"
    QUEUE_UNPROVEN = "queue_unproven"


OF_THE_LAST = frozenset(
    {
        TroubleKind.CUT_BY_BROKER,
        TroubleKind.CUT_AGAIN_AND_AGAIN,
        TroubleKind.SESSION_LOST,
        TroubleKind.CANARY_MISSED,
        TroubleKind.MESSAGES_DROPPED,
        TroubleKind.BACKLOG_HOLE,
        TroubleKind.MESSAGES_LOST,
        TroubleKind.QUEUE_FULL,
        TroubleKind.QUEUE_SHORT,
        TroubleKind.QUEUE_UNPROVEN,
    }
)
"""Kinds about what was, or what the next connection has yet to disprove. They stay on view when it is made."""


class Trouble(NamedTuple):
    """One thing that endangers messages: what was found, and what to do. Logs have it in English."""

    kind: TroubleKind
    what: Phrase
    steps: tuple[Phrase, ...]

    @property
    def observed(self) -> str:
        """What was found, in English."""
        return str(self.what)

    @property
    def remedy(self) -> str:
        """What to do, in English."""
        return " ".join(map(str, self.steps))


def _phrase(key: str, **values: object) -> Phrase:
    return Phrase(f"broker_trouble.{key}", values)


def _times(first: dt.datetime, last: dt.datetime) -> dict[str, str]:
    return {"first": f"{first:%Y-%m-%d %H:%M:%S}", "last": f"{last:%Y-%m-%d %H:%M:%S}"}


def without_share(protocol: str) -> Trouble:
    """Return the trouble of a broker that knows no shared subscriptions, or may not use them."""
    what = _phrase("no_share", protocol=protocol)
    return Trouble(TroubleKind.SHARE_UNAVAILABLE, what, (_phrase("no_share_do"),))


def subscription_refused(topic: str, why: str) -> Trouble:
    """Return the trouble of a topic that the broker does not let us read."""
    what = _phrase("subscription_refused", topic=topic, why=why)
    return Trouble(TroubleKind.SUBSCRIPTION_REFUSED, what, (_phrase("subscription_refused_do"),))


def subscription_unanswered(within_s: float) -> Trouble:
    """Return the trouble of a broker that takes the connection and says nothing to the subscription."""
    what = _phrase("subscription_unanswered", seconds=f"{within_s:.0f}")
    return Trouble(TroubleKind.SUBSCRIPTION_REFUSED, what, (_phrase("subscription_unanswered_do"),))


def announced(properties: Any, settings: MqttSettings, *, has_exact_topics: bool) -> Iterator[Trouble]:
    """Yield what a CONNACK of MQTT 5 (section 3.2.2.3) takes away. A property that is absent takes nothing."""
    if settings.share and _value(properties, "SharedSubscriptionAvailable", 1) == 0:
        yield without_share("5")
    if _value(properties, "WildcardSubscriptionAvailable", 1) == 0:
        what = _phrase("no_wildcards_exact" if has_exact_topics else "no_wildcards")
        yield Trouble(TroubleKind.WILDCARDS_UNAVAILABLE, what, (_phrase("no_wildcards_do"),))
    if _value(properties, "MaximumQoS", 2) == 0:
        yield qos_0(_phrase("qos_0_announced"))
    expiry_s = _value(properties, "SessionExpiryInterval", settings.session_expiry_s)
    if expiry_s < settings.session_expiry_s:
        what = _phrase("session_expiry", granted=expiry_s, asked=settings.session_expiry_s)
        yield Trouble(TroubleKind.SESSION_EXPIRY_LOWERED, what, (_phrase("session_expiry_do"),))

    packet_bytes = _value(properties, "MaximumPacketSize", MIN_PACKET_BYTES)
    if packet_bytes < MIN_PACKET_BYTES:
        what = _phrase("packet_size", size=packet_bytes)
        yield Trouble(TroubleKind.PACKET_SIZE_LOWERED, what, (_phrase("packet_size_do"),))


def host_state_refused(topic: str) -> Trouble:
    """Return the trouble of a broker that ends the connection of a host application for its STATE."""
    what, step = _phrase("host_state", topic=topic), _phrase("host_state_do", topic=topic)
    return Trouble(TroubleKind.HOST_STATE_REFUSED, what, (step,))


def canary_missed(topic: str, *, was_heard: bool, is_shared: bool = False) -> Trouble:
    """Return the trouble of a session that is connected and does not deliver what we send ourselves."""
    step = _phrase("canary_heard_do") if was_heard else _phrase("canary_unheard_do", topic=topic)
    steps = (_phrase("canary_shared_do"), step) if is_shared else (step,)
    return Trouble(TroubleKind.CANARY_MISSED, _phrase("canary", topic=topic), steps)


def qos_0(what: Phrase) -> Trouble:
    """Return the trouble of a broker that delivers without acknowledgement."""
    return Trouble(TroubleKind.QOS_0, what, (_phrase("qos_0_do"),))


def qos_0_granted(count: int, of: int) -> Trouble:
    """Return the trouble of subscriptions that are granted without acknowledgement."""
    return qos_0(_phrase("qos_0_granted", count=count, of=of))


def session_lost(client_id: str) -> Trouble:
    """Return the trouble of a broker that has lost the session of this client id."""
    what = _phrase("session_lost", client=repr(client_id))
    return Trouble(TroubleKind.SESSION_LOST, what, (_phrase("session_lost_do"),))


def messages_dropped(count: int) -> Trouble:
    """Return the trouble of a broker that dropped messages for want of room, by its own count."""
    what = _phrase("messages_dropped", count=f"{count:,}")
    return Trouble(TroubleKind.MESSAGES_DROPPED, what, (_phrase("messages_dropped_do"),))


def backlog_hole(meters: int, of_meters: int, first: dt.datetime, last: dt.datetime, messages: int) -> Trouble:
    """Return the trouble of a backlog that lacks a time in which most meters must have sent."""
    counts = {"meters": meters, "of_meters": of_meters, "messages": f"{messages:,}"}
    what = _phrase("backlog_hole", **_times(first, last), **counts)
    return Trouble(TroubleKind.BACKLOG_HOLE, what, (_phrase("backlog_hole_do"),))


def queue_full(count: int, of: int, first: dt.datetime, last: dt.datetime) -> Trouble:
    """Return the trouble of a broker that dropped messages to ourselves of these times, and delivered later ones."""
    what = _phrase("queue_full", count=count, of=of, **_times(first, last))
    return Trouble(TroubleKind.QUEUE_FULL, what, (_phrase("queue_full_do"),))


def messages_lost(count: int, of: int, first: dt.datetime, last: dt.datetime) -> Trouble:
    """Return the trouble of a broker that no longer has what it acknowledged before this connection."""
    what = _phrase("messages_lost", count=count, of=of, **_times(first, last))
    return Trouble(TroubleKind.MESSAGES_LOST, what, (_phrase("messages_lost_do"),))


def backlog_of_full_queue(backlog: int, stored: int) -> Trouble:
    """Return the trouble of a backlog that is as long as the broker's queue: more of it may be lost."""
    what = _phrase("backlog_of_full_queue", backlog=f"{backlog:,}", stored=f"{stored:,}")
    return Trouble(TroubleKind.QUEUE_FULL, what, (_phrase("queue_full_do"),))


def queue_short(delivered: int, acknowledged: int) -> Trouble:
    """Return the trouble of a broker that dropped some messages when an outage was played."""
    what = _phrase("queue_short", delivered=f"{delivered:,}", acknowledged=f"{acknowledged:,}")
    return Trouble(TroubleKind.QUEUE_SHORT, what, (_phrase("queue_full_do"),))


def queue_unproven(backlog: int, proven: int) -> Trouble:
    """Return the trouble of a backlog longer than any of which it is known that the broker stores it whole."""
    what, step = _phrase("queue_unproven", backlog=f"{backlog:,}", proven=f"{proven:,}"), f"{2 * backlog}"
    return Trouble(TroubleKind.QUEUE_UNPROVEN, what, (_phrase("queue_unproven_do", messages=step),))


def group_queue_unproven(taken: int, members: int, proven: int) -> Trouble:
    """Return the trouble of a flood that may have been longer than the queue of all ingesters that share."""
    counts = {"taken": f"{taken:,}", "members": members, "at_once": f"{members * taken:,}", "proven": f"{proven:,}"}
    steps = _phrase("group_queue_do"), _phrase("queue_unproven_do", messages=f"{2 * members * taken}")
    return Trouble(TroubleKind.QUEUE_UNPROVEN, _phrase("group_queue_unproven", **counts), steps)


REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        "Session taken over": "taken_over_do",
        "Shared subscriptions not supported": "leave_share_out_do",
        "Wildcard subscriptions not supported": "allow_wildcards_do",
        "Packet too large": "raise_packet_size_do",
        "Quota exceeded": "raise_quota_do",
        "Not authorized": "let_read_do",
        "Receive maximum exceeded": "lower_receive_maximum_do",
    }
)
"""What helps against a reason that the broker gives (MQTT 5, section 3.14.2.1): keys of texts."""


def cut(reason: str) -> Trouble:
    """Return the trouble of a broker that ended the connection by itself."""
    step = _phrase(REMEDIES.get(reason, "cut_do"))
    return Trouble(TroubleKind.CUT_BY_BROKER, _phrase("cut", why=reason), (step,))


def cut_again(times: int, reason: str, pause_s: float) -> Trouble:
    """Return the trouble of a broker that ends each connection soon after it was made."""
    step = _phrase(REMEDIES.get(reason, "cut_again_do"))
    what = _phrase("cut_again", times=times, why=reason, seconds=f"{pause_s:.0f}")
    return Trouble(TroubleKind.CUT_AGAIN_AND_AGAIN, what, (step,))


def _value(properties: Any, name: str, otherwise: int) -> int:
    """Return a property of paho's, or `otherwise` where the broker did not send it."""
    return int(getattr(properties, name, otherwise))
