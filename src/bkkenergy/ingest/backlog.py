"""A backlog of messages without a time of their own: of each topic the last counts, as of the resumed session's begin.

The broker stores what comes while the ingester is away, and sends it at once when it is back. What says no time would
be stamped within moments: an hour's energy as if it flowed in a second. When each was sent cannot be known. So all of
a topic's burst is of one instant, at which the last value stays; the ledger estimates what was before, over the gap.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from bkkenergy.ingest.sort import Sorted
from bkkenergy.metering.events import Event, EventKind
from bkkenergy.payloads.message import Message
from bkkenergy.readings import US_PER_S

ENDS_AFTER_US = 10 * US_PER_S
"""A pause this long ends a topic's burst: no broker sends what waits so slowly."""
MAX_BURST_US = 120 * US_PER_S
"""A topic that never pauses sends so often when all is well."""


@dataclass(slots=True)
class Burst:
    """The first messages of a topic in a resumed session."""

    begin_us: int
    last_us: int
    count: int = 1
    is_over: bool = False


class Backlog:
    """The bursts of the latest resumed session."""

    def __init__(self) -> None:
        self._epoch = 0
        self._bursts: dict[str, Burst] = {}

    def as_of_begin(
        self, messages: Sequence[Message], resumed_epoch: int, timeless_topics: Collection[str]
    ) -> tuple[list[Message], int, list[str]]:
        """Give a burst's messages the time of its first.

        resumed_epoch : number of the connection at which the broker had our session; 0 for none. Return the messages,
        how many were moved, and the topics whose burst has just been found to be one.
        """
        if resumed_epoch != self._epoch:
            self._epoch, self._bursts = resumed_epoch, {}
        if not (resumed_epoch and timeless_topics) or not any(message.topic in timeless_topics for message in messages):
            return list(messages), 0, []
        moved, begun, stamped = 0, [], []
        for message in messages:
            stamped_message = message
            if message.epoch == resumed_epoch and message.topic in timeless_topics and not message.retained:
                burst = self._bursts.get(message.topic)
                if burst is None:
                    self._bursts[message.topic] = Burst(message.received_us, message.received_us)
                elif self._goes_on(burst, message.received_us):
                    stamped_message = message._replace(received_us=burst.begin_us, late=True)
                    moved += 1
                    if burst.count == 2:  # noqa: PLR2004 - the first alone is none
                        begun.append(message.topic)
            stamped.append(stamped_message)
        return stamped, moved, begun

    def _goes_on(self, burst: Burst, received_us: int) -> bool:
        """Count a message that belongs to a burst; False once it is over."""
        if burst.is_over or received_us < burst.begin_us:
            return False
        pause_us, length_us = received_us - burst.last_us, received_us - burst.begin_us
        if pause_us >= ENDS_AFTER_US or length_us >= MAX_BURST_US:
            burst.is_over = True
            return False
        burst.last_us, burst.count = received_us, burst.count + 1
        return True


def late_events(outcome: Sorted, messages: Sequence[Message], topics: Collection[str]) -> list[Event]:
    """Return one event for each meter whose messages came in a burst."""
    if not topics:
        return []
    batch, energy_kwh = outcome.batch, np.nan_to_num(outcome.batch.column("energy_kwh"))
    rows = {
        int(batch.meter[row]): row for row in range(len(batch)) if messages[int(outcome.source[row])].topic in topics
    }
    return [
        Event(batch.meter_ids[meter], int(batch.ts_us[row]), EventKind.BACKLOG, *(float(energy_kwh[row]),) * 2)
        for meter, row in rows.items()
    ]
