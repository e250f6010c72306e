"""What the ingester counts, as Prometheus reads it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from bkkenergy.adapters.broker_troubles import TroubleKind
from bkkenergy.payloads.message import Reason

BATCH_SIZES = (1, 10, 100, 1_000, 10_000, 100_000)


class Metrics:
    """Counters of one ingester, in a registry of their own."""

    def __init__(self, lost_commits: Callable[[], float] = lambda: 0.0) -> None:
        """Begin at zero. lost_commits : how many the databases of this host have lost, asked at each look."""
        self.registry = CollectorRegistry()
        common: dict[str, Any] = {"registry": self.registry, "namespace": "bkkenergy"}
        self.messages = Counter("messages_received", "Messages dealt with", **common)
        self.readings = Counter("readings_accepted", "Readings committed or spooled", **common)
        self.refused = Counter("refused", "Readings and payloads quarantined", ["reason"], **common)
        self.redelivered = Counter("messages_redelivered", "Messages that the broker sent again", **common)
        self.stale = Counter("retained_ignored", "Retained messages without a time of their own", **common)
        self.bridged = Counter("backlog_bridged", "Late messages without a time, stamped as one instant", **common)
        self.ignored = Counter("ignored", "Left out as profiles say, and values that devices call bad", **common)
        self.events = Counter("meter_events", "Events of registers", ["kind"], **common)
        self.batch = Histogram("batch_readings", "Readings of a batch", buckets=BATCH_SIZES, **common)
        self.commit = Histogram("commit_seconds", "From a batch's end to its acknowledgement", **common)
        self.spool_bytes = Gauge("spool_bytes", "Size of what waits for the store", **common)
        self.spool_batches = Gauge("spool_batches", "Batches that wait for the store", **common)
        self.clock_behind = Gauge("own_clock_behind_seconds", "How far our clock is behind most gateways'", **common)
        self.connected = Gauge("mqtt_connected", "Whether the session with the broker stands", **common)
        lost = Gauge("lost_commits", "Commits that the databases of this host have lost", **common)
        lost.set_function(lost_commits)
        self.heard = Gauge(
            "gateway_last_message_timestamp_seconds", "When a gateway was last heard", ["gateway"], **common
        )
        self.lag = Gauge(
            "gateway_lag_seconds", "Least delay from stamp to receipt in the last batch", ["gateway"], **common
        )
        self.trouble = Gauge("mqtt_trouble", "Whether the present connection has this trouble", ["kind"], **common)
        self.troubles = Counter("mqtt_troubles", "What a broker did that endangers messages", ["kind"], **common)
        for kind in TroubleKind:
            self.trouble.labels(kind=kind)
            self.troubles.labels(kind=kind)
        for reason in Reason:
            self.refused.labels(reason=reason)

    def show_troubles(self, present: Collection[TroubleKind]) -> None:
        """Show the troubles of the present connection."""
        for kind in TroubleKind:
            self.trouble.labels(kind=kind).set(kind in present)

    def hear(self, lags_us: dict[str, int]) -> None:
        """Record that gateways were heard, with their delays."""
        now_s = time.time()
        for name, lag_us in lags_us.items():
            self.heard.labels(gateway=name).set(now_s)
            self.lag.labels(gateway=name).set(lag_us / 1e6)
