"""How many messages the broker says that it dropped: mosquitto counts them, and publishes the number.

It drops what is new for a session whose queue is full (`max_queued_messages`, 1,000 unless set). The sender gets its
acknowledgement all the same, and the session hears nothing of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import paho.mqtt.client as mqtt

from bkkenergy.adapters.broker_troubles import Trouble, messages_dropped
from bkkenergy.adapters.cut_guard import CutGuard
from bkkenergy.payloads.message import Message

DROPPED = "$SYS/broker/publish/messages/dropped"
"""mosquitto(8), "Broker status": publish messages dropped due to inflight or queuing limits, since it was started."""


ASK_EVERY_S = 10.0
"""The subscription is ended as soon as the count came: mosquitto 2.0.11 sends a session that has it no backlog after a
crash."""
SAID_EVERY_S = 3600.0
"""Where another client has left a session for good, each message to it is dropped: that is said now and then."""


class DropCount:
    """Compares the broker's count with what it was when we last heard it, also in the process before."""

    def __init__(self, file: Path | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Prepare to compare. file : where the count stays while no ingester runs."""
        self._file, self._monotonic = file, monotonic
        self._unsaid_count, self._say_at_s = 0, 0.0
        self._guard = CutGuard()
        self._count: int | None = None
        self._client: mqtt.Client | None = None
        self._ask_at_s = float("inf")
        if file is not None:
            with suppress(OSError, ValueError):
                self._count = int(file.read_text("ascii"))

    def ask(self, client: mqtt.Client) -> None:
        """Ask for the count, where it can be remembered: who only looks on has nothing to compare it with.

        A broker that has none says nothing; what it answers to the request does not matter.
        """
        self._say_at_s = 0.0
        if self._file is not None and not self._guard.is_off:
            client.subscribe(DROPPED, qos=0)
            self._client, self._ask_at_s = client, self._monotonic() + ASK_EVERY_S

    def tend(self, client: mqtt.Client) -> None:
        """Ask again when its time has come: the broker publishes a new count now and then."""
        if self._monotonic() >= self._ask_at_s:
            said_at_s = self._say_at_s
            self.ask(client)
            self._say_at_s = said_at_s

    def cut(self) -> None:
        """Note that a connection ended soon after it was made: some brokers end it for a topic that they forbid."""
        self._guard.cut()

    def sifted(self, messages: list[Message]) -> tuple[list[Message], list[Message], Trouble | None]:
        """Return the messages of others, the counts among them, and what the last one says that was lost."""
        counts = [message for message in messages if message.topic == DROPPED]
        if not counts:
            return messages, counts, None
        self._guard.was_heard = True
        if self._client is not None:
            self._client.unsubscribe(DROPPED)
            self._client = None
        others = [message for message in messages if message.topic != DROPPED]
        return others, counts, self._compared(counts[-1].payload)

    def _compared(self, payload: bytes) -> Trouble | None:
        try:
            count = int(payload)
        except ValueError:
            return None
        before, self._count = self._count, count
        if count == before:
            return None
        if self._file is not None:
            with suppress(OSError):
                self._file.write_text(str(count), "ascii")
        # A count that fell began again with the broker. Of the first that is ever heard nothing is known.
        self._unsaid_count += 0 if before is None else count - before if count > before else count
        if not self._unsaid_count or self._monotonic() < self._say_at_s:
            return None
        dropped, self._unsaid_count, self._say_at_s = self._unsaid_count, 0, self._monotonic() + SAID_EVERY_S
        return messages_dropped(dropped)
