"""Payloads of the quarantine tried again with the configuration as it is now."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from bkkenergy.adapters.state.quarantine import Quarantine, Quarantined
from bkkenergy.ingest.pipeline import commit_or_split
from bkkenergy.ingest.singles import as_refused, by_message, is_single, readings_of
from bkkenergy.ingest.sort import Sorter
from bkkenergy.payloads.decode.births import Births
from bkkenergy.payloads.message import Message
from bkkenergy.payloads.profile import Profile
from bkkenergy.portfolio import Portfolio
from bkkenergy.ports.readings import ReadingStore
from bkkenergy.readings import US_PER_S
from bkkenergy.settings import IngestSettings


def replay(
    chosen: Sequence[Quarantined],
    portfolio: Portfolio,
    profiles: Mapping[str, Profile],
    limits: IngestSettings,
    store: ReadingStore,
    quarantine: Quarantine,
    births: Mapping[str, bytes] = MappingProxyType({}),
) -> tuple[int, int]:
    """Run payloads again. Return the readings that went in, and payloads that stay, their reasons as of now.

    births : of Sparkplug nodes, as ingesters have stored them. What is replayed is of the past and changes none.
    """
    known = Births(is_frozen=True)
    known.learn(births)
    sorter = Sorter(
        portfolio.meters,
        profiles,
        max_ahead_s=limits.max_ahead_s,
        max_payload_bytes=limits.max_payload_bytes,
        births=known,
    )
    whole = [item for item in chosen if item.is_whole and not is_single(item)]
    single = [item for item in chosen if item.is_whole and is_single(item)]
    messages = [
        Message(item.topic, item.payload, received_us=int(item.received.timestamp() * US_PER_S)) for item in whole
    ]
    now_us = int(time.time() * US_PER_S)
    outcome = sorter.sort(messages, now_us=now_us)
    culprits = commit_or_split(store, outcome.batch)
    batch, unread = readings_of(single, sorter.meter_ids)
    singles_refused = [as_refused(batch, row, why) for row, why in commit_or_split(store, batch)]
    refused = [*outcome.refused, *by_message(culprits, outcome, messages), *unread, *singles_refused]
    still = {(item.topic, item.payload) for item in refused}
    gone = [item.id for item in (*whole, *single) if (item.topic, item.payload) not in still]
    quarantine.remove(gone)
    quarantine.keep(refused, {}, now_us=now_us)
    stored = len(outcome.batch) - len(culprits) + len(batch) - len(singles_refused)
    return stored, len(chosen) - len(gone)
