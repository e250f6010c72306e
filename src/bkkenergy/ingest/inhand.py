"""What is in hand, on disk: a message that takes the process down with it is found at the next starts.

An error is caught and ends in quarantine. A process that is killed (no memory left, a fault in a library)
catches nothing, and the broker sends the same message again. So each batch is noted before it is decoded,
and struck out once it is acknowledged. What stands there at a start was in hand at a crash: it is dealt with
one message at a time, and what was alone in hand at two crashes is set aside undecoded.

A message that shared its crash with others is under suspicion, no more: most crashes are a power cut or a
kill from outside, and what was in hand then is good. Nothing is synced: a process that dies leaves the
system's page cache behind, and after a power cut no message is to blame. Nor is a payload written, but its
length and CRC-32, which identify it on its topic; a cryptographic digest would cost more and help no more.

Beside it is when each message first came, for those that say no time themselves: what the broker sends once
more, under the same packet identifier, is of the same instant, and is stored once. That time outlasts the batch, since
an acknowledgement that was sent may be lost. Where readings rest on it, it is synced before they are stored.
"""

from __future__ import annotations

import errno
import os
import struct
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import msgspec
import structlog

from bkkenergy.adapters.files import hand_over
from bkkenergy.payloads.message import Message

log = structlog.get_logger(__name__)

CRASHES_ALONE = 2
"""A message that was alone in hand at this many crashes is set aside."""
LARGEST_BYTES = 12_000_000
"""The file is written afresh beyond this."""
SET_ASIDE = (
    "the service was killed twice while it held this message alone: no memory left, or a fault in a library. "
    "It was not decoded. Look at it, and replay it where another process may die."
)
MAX_RECEIPTS = MAX_SUSPECTS = 65_536
"""As many as can be without an acknowledgement: a packet identifier has 16 bits."""
_HEADER = struct.Struct("<II")
"""Before each entry: its length in bytes and its CRC-32."""

Key = tuple[str, int, int]
"""A message as it is known again: topic, bytes of its payload, CRC-32 of it."""


class Noted(NamedTuple):
    """A batch as it is noted: columns, since a row of its own for each message would cost more than its reading.

    packet_ids, received_us : how the broker names each message, and when it came, microseconds since the epoch.
    """

    topics: Sequence[str]
    sizes_bytes: Sequence[int]
    crcs: Sequence[int]
    packet_ids: Sequence[int] = ()
    received_us: Sequence[int] = ()

    @classmethod
    def of(cls, messages: Sequence[Message]) -> Noted:
        """Return what is noted of messages."""
        payloads = [message.payload for message in messages]
        return cls(
            [message.topic for message in messages],
            list(map(len, payloads)),
            list(map(crc32, payloads)),
            [message.packet_id for message in messages],
            [message.received_us for message in messages],
        )

    @classmethod
    def of_rows(cls, keys: Sequence[Sequence[Any]], receipts: Sequence[Sequence[int]]) -> Noted:
        """Return what version 0.1.0 noted: a row for each message."""
        columns = list(zip(*keys, strict=True)) or [(), (), ()]
        return cls(*columns, *(zip(*receipts, strict=True) if receipts else ((), ())))

    @property
    def keys(self) -> Iterator[Key]:
        """The key of each message."""
        return zip(self.topics, self.sizes_bytes, self.crcs, strict=True)


def key_of(message: Message) -> Key:
    """Return the message's key."""
    return message.topic, len(message.payload), crc32(message.payload)


class InHand:
    """A file of entries that are appended; an entry cut short is of a batch that was not begun."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._batches: dict[int, Noted] = {}
        self._receipts: deque[Noted] = deque()
        """The latest batches: their messages may be sent once more."""
        self._receipts_count = 0
        self._number = 0
        self._size_bytes = 0
        self._file: int | None = None
        self.suspects = self._recalled()
        """Messages that were in hand at a crash -> at how many crashes they were alone."""
        if self.suspects:
            log.warning("in_hand_at_a_crash", messages=len(self.suspects), file=str(path))
        self._write_afresh()

    def take(self, messages: Sequence[Message]) -> int:
        """Record a batch before it is decoded. Return its number."""
        noted = Noted.of(messages)
        with self._lock:
            self._number += 1
            self._batches[self._number] = noted
            self._remember(noted)
            self._append(["batch", self._number, *noted])
            return self._number

    def as_first_received(self, messages: list[Message]) -> list[Message]:
        """Messages that the broker sends once more, each with the time at which it first came."""
        if not any(message.duplicate for message in messages):
            return messages
        received_us = self._first_received_us()
        return [
            message._replace(received_us=received_us.get((key_of(message), message.packet_id), message.received_us))
            if message.duplicate
            else message
            for message in messages
        ]

    def sync(self) -> None:
        """Make what is noted outlast a power cut: readings are about to be stored by the time of receipt."""
        with self._lock:
            if self._file is not None:
                try:
                    os.fdatasync(self._file)
                except OSError as error:
                    self._give_up(error)

    def done(self, number: int) -> None:
        """Remove a batch that is acknowledged, or that waits for a store and so harms nothing."""
        with self._lock:
            noted = self._batches.pop(number, None)
            if noted is None:
                return
            if self.suspects:
                for key in noted.keys:
                    self.suspects.pop(key, None)
            self._append(["done", number])

    @property
    def is_empty(self) -> bool:
        """Whether no batch could take the process down now."""
        return not self._batches

    def runs(self, messages: Sequence[Message]) -> Iterator[list[Message]]:
        """Split messages in their order, each suspect by itself."""
        for is_suspect, run in groupby(messages, self.is_suspect):
            if is_suspect:
                yield from ([message] for message in run)
            else:
                yield list(run)

    def is_suspect(self, message: Message) -> bool:
        """Return whether the message was in hand at a crash."""
        return bool(self.suspects) and key_of(message) in self.suspects

    def is_culprit(self, message: Message) -> bool:
        """Return whether the message is to be quarantined undecoded."""
        return bool(self.suspects) and self.suspects.get(key_of(message), 0) >= CRASHES_ALONE

    def clear(self) -> None:
        """Delete what is in hand: the process ends in good order, and nothing took it down."""
        with self._lock:
            self._batches.clear()
            self.suspects = {key: crashes for key, crashes in self.suspects.items() if crashes}
            self._write_afresh()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _remember(self, noted: Noted) -> None:
        """Hold the receipts of a batch; the oldest batches are forgotten."""
        self._receipts.append(noted)
        self._receipts_count += len(noted.received_us)
        while self._receipts_count - len(self._receipts[0].received_us) >= MAX_RECEIPTS:
            self._receipts_count -= len(self._receipts.popleft().received_us)

    def _first_received_us(self) -> dict[tuple[Key, int], int]:
        """Return when each message came that is remembered, by key and packet identifier; the latest receipt counts."""
        received_us: dict[tuple[Key, int], int] = {}
        for noted in self._receipts:
            received_us.update(zip(zip(noted.keys, noted.packet_ids, strict=False), noted.received_us, strict=False))
        return received_us

    def _recalled(self) -> dict[Key, int]:
        """Read the suspects of the last process, and how often each was alone in hand."""
        alone: dict[Key, int] = {}
        batches: dict[int, Noted] = {}
        for kind, *rest in _entries(self._path):
            match kind:
                case "suspect":
                    alone[_key(rest[0])] = rest[1]
                case "receipts" | "received":
                    self._remember(Noted(*rest) if kind == "receipts" else Noted.of_rows(rest[:1], rest[1:]))
                case "batch" | "take":
                    batches[rest[0]] = Noted(*rest[1:]) if kind == "batch" else Noted.of_rows(rest[1], (*rest, ())[2])
                    self._remember(batches[rest[0]])
                case "done" if rest[0] in batches:
                    for key in batches.pop(rest[0]).keys:
                        alone.pop(key, None)
        in_hand = [key for noted in batches.values() for key in noted.keys]
        suspects = {key: crashes for key, crashes in alone.items() if crashes}
        suspects |= {key: alone.get(key, 0) + (len(in_hand) == 1) for key in in_hand}
        return dict(list(suspects.items())[-MAX_SUSPECTS:])

    def _append(self, entry: list[Any]) -> None:
        """Add an entry. Where the disk takes no more the ingest goes on without."""
        if self._file is None:
            return
        try:
            framed = _framed(entry)
            if os.write(self._file, framed) < len(framed):
                raise OSError(errno.ENOSPC, "an entry was cut short")  # noqa: TRY301
            self._size_bytes += len(framed)
            if self._size_bytes > LARGEST_BYTES:
                self._write_afresh()
        except OSError as error:
            self._give_up(error)

    def _write_afresh(self) -> None:
        """Write a new file of what counts, in the place of the old one."""
        entries: list[list[Any]] = [["suspect", key, crashes] for key, crashes in self.suspects.items()]
        entries += [["receipts", *noted] for noted in self._receipts]
        entries += [["batch", number, *noted[:3]] for number, noted in self._batches.items()]
        unfinished = self._path.with_name(self._path.name + ".part")
        try:
            self._size_bytes = unfinished.write_bytes(b"".join(map(_framed, entries)))
            hand_over(unfinished)
            unfinished.replace(self._path)
            if self._file is not None:
                os.close(self._file)
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        log.warning("in_hand_not_noted", file=str(self._path), why=str(error))
        if self._file is not None:
            with suppress(OSError):
                os.close(self._file)
        self._file = None


def _framed(entry: list[Any]) -> bytes:
    body = msgspec.msgpack.encode(entry)
    return _HEADER.pack(len(body), crc32(body)) + body


def _entries(path: Path) -> Iterator[list[Any]]:
    """Yield every whole entry, up to the first that is not."""
    try:
        raw = path.read_bytes()
    except OSError:
        return
    at = 0
    while len(raw) - at >= _HEADER.size:
        length, crc = _HEADER.unpack_from(raw, at)
        body = raw[at + _HEADER.size : at + _HEADER.size + length]
        if len(body) < length or crc32(body) != crc:
            return
        yield msgspec.msgpack.decode(body)
        at += _HEADER.size + length


def _key(fields: Sequence[Any]) -> Key:
    topic, size_bytes, crc = fields
    return topic, size_bytes, crc
