"""Messages on their way from the network thread to the one that decodes: in the order of their coming, bounded."""

from __future__ import annotations

import queue

from bkkenergy.payloads.message import Message

MAX_QUEUED_BYTES = 16 * 2**20
"""Payloads that wait for the pipeline; beyond this the network thread waits, whatever the protocol."""
Run = tuple[list[Message], int]
"""Messages that came with one read, and the bytes of their payloads."""


class Tally:
    """How many messages have passed, and the bytes of their payloads."""

    def __init__(self) -> None:
        self.messages = self.size_bytes = 0

    def add(self, messages: int, size_bytes: int) -> None:
        """Count messages that pass."""
        self.messages += messages
        self.size_bytes += size_bytes


class Inbox:
    """A queue of what came with each read. One thread puts, another takes."""

    def __init__(self, max_messages: int) -> None:
        self._max_messages = max_messages
        self._queue: queue.SimpleQueue[Run] = queue.SimpleQueue()
        self._rest: Run = ([], 0)
        """What the taking thread took out of the queue and did not hand on yet."""
        self._in, self._out = Tally(), Tally()
        """The one is written by the network thread alone, the other by the taking thread alone."""

    def put(self, messages: list[Message]) -> None:
        """Add the messages of one read."""
        size_bytes = sum(len(message.payload) for message in messages)
        self._in.add(len(messages), size_bytes)
        self._queue.put((messages, size_bytes))

    def take(self, most: int, max_bytes: int, timeout_s: float | None) -> list[Message]:
        """Return messages, until there are `most` or their payloads reach `max_bytes`; waits for the first alone."""
        taken: list[Message] = []
        size_bytes = 0
        while len(taken) < most and size_bytes < max_bytes:
            run = self._next_run(most - len(taken), None if taken else timeout_s)
            if run is None:
                break
            taken += run[0]
            size_bytes += run[1]
        self._out.add(len(taken), size_bytes)
        return taken

    def is_full(self) -> bool:
        """Return whether so much waits that no more is to be read."""
        is_long = self._in.messages - self._out.messages > self._max_messages
        return is_long or self._in.size_bytes - self._out.size_bytes > MAX_QUEUED_BYTES

    def _next_run(self, most: int, timeout_s: float | None) -> Run | None:
        """Return the next messages, at most `most` of those that came with one read; None when none come in time."""
        run, self._rest = self._rest, ([], 0)
        if not run[0]:
            try:
                run = self._queue.get_nowait() if timeout_s is None else self._queue.get(timeout=timeout_s)
            except queue.Empty:
                return None
        messages, size_bytes = run
        if len(messages) <= most:
            return run
        taken_bytes = sum(len(message.payload) for message in messages[:most])
        self._rest = (messages[most:], size_bytes - taken_bytes)
        return messages[:most], taken_bytes
