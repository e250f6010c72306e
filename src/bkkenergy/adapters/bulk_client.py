"""paho's client for a flood: it takes all PUBLISH packets of one read at once, and acknowledges many in one write.

paho asks its socket for one byte, for the length byte by byte, then for the rest, makes objects of each packet and
its properties, and sends each acknowledgement by itself. Here paho keeps the connection: the socket, TLS,
subscriptions, keep-alive, reconnecting, and every packet that is no PUBLISH. What it reads from is a `PacketSocket`,
which takes the PUBLISH packets out and hands paho the others, each when its turn comes.

Of paho's own names that are not public it uses those in PAHO_INTERNALS; where they are not there, or the version was
not tested, `fits()` says why, and paho's own reader is used.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
import paho.mqtt
import paho.mqtt.client as mqtt
from paho.mqtt.enums import MessageType, MQTTErrorCode, MQTTProtocolVersion

from bkkenergy.adapters.publishes import INCOMPLETE, MALFORMED, TYPE_BITS, PublishReader, length_at
from bkkenergy.payloads.message import Message

READ_AHEAD_BYTES = 256 * 1024
FULL_PAUSE_S = 0.01
TESTED_PAHO = ((2, 1), (2, 2))
"""Versions of paho whose way of reading was compared, packet by packet."""
PAHO_INTERNALS = ("_create_socket", "_packet_queue")
_ID_BYTES = 2
ACKNOWLEDGED_BY = (0, MessageType.PUBACK, MessageType.PUBREC)
"""By QoS. PUBREC takes over the responsibility for a message of QoS 2, as PUBACK does of QoS 1."""

Deliver = Callable[[list[Message]], None]
Stamp = Callable[[], tuple[int, int]]
"""Returns the connection's number, and the time now in microseconds since the epoch."""


def fits() -> str:
    """Return why this module cannot work on the paho that is installed; "" where it can."""
    version = tuple(int(part) for part in re.findall(r"\d+", paho.mqtt.__version__)[:2])
    if version not in TESTED_PAHO:
        return f"paho-mqtt {paho.mqtt.__version__} was not tested"
    lacking = [name for name in PAHO_INTERNALS if not hasattr(mqtt.Client, name)]
    return f"paho-mqtt {paho.mqtt.__version__} has no {', '.join(lacking)}" if lacking else ""


class PacketSocket:
    """A non-blocking socket that keeps PUBLISH packets to itself; all that is no reading goes straight through.

    To paho it is a socket on which other packets come, whole. paho asks `pending` before it waits: packets that were
    read and wait for their turn count.
    """

    def __init__(
        self,
        under: socket.socket,
        reader: PublishReader,
        *,
        deliver: Deliver,
        stamp: Stamp,
        released: Callable[[int], Any],
    ) -> None:
        """Read from a socket. released : is given the id of each message of QoS 2 that the broker releases."""
        self._under, self._reader = under, reader
        self._deliver, self._stamp, self._released = deliver, stamp, released
        self._data = b""
        self._at = 0
        self._lacking_bytes = 0
        """How much more has to come before the packet at the end of the data is whole; 0 where that is not known."""
        self._chunks: list[bytes] = []
        self._is_searched = True
        self._is_lost = False
        """Where the next packet begins is not known any more: paho gets what comes, and ends the connection."""
        self._handed = memoryview(b"")

    def recv(self, most: int) -> bytes:
        """Return up to `most` bytes of a packet that is no PUBLISH, b"" when the peer has closed.

        Asks the system once at the most. Raises BlockingIOError where there is none.
        """
        if not self._handed and self._is_lost:
            return self._under.recv(most)
        if not self._handed and (self._is_searched or not self._next_packet()):
            chunk = self._under.recv(READ_AHEAD_BYTES)
            if not chunk:
                return b""
            if not self._is_whole_with(chunk) or not self._next_packet():
                raise BlockingIOError
        taken, self._handed = self._handed[:most], self._handed[most:]
        return bytes(taken)

    def has_unread(self) -> bool:
        """Return whether bytes have come that were not looked at."""
        return not self._is_searched or len(self._handed) > 0

    def pending(self) -> int:
        """Count the bytes that can be read without waiting; the count itself has no meaning."""
        pending = getattr(self._under, "pending", None)
        return self.has_unread() + (pending() if pending is not None else 0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._under, name)

    def _is_whole_with(self, chunk: bytes) -> bool:
        """Take what has come; False while a packet that is known to be longer is not whole.

        Its pieces are joined once: to join at each piece would cost the square of its length.
        """
        self._chunks.append(chunk)
        self._lacking_bytes -= len(chunk)
        if self._lacking_bytes > 0:
            return False
        self._data = b"".join((self._data[self._at :], *self._chunks))
        self._chunks, self._at, self._lacking_bytes = [], 0, 0
        self._is_searched = False
        return True

    def _next_packet(self) -> bool:
        """Deliver PUBLISH packets up to another one, and hand that to paho. False where none is whole."""
        messages: list[Message] = []
        self._at = self._reader.read(self._data, self._at, messages, *self._stamp())
        if messages:
            self._deliver(messages)
        length, body = length_at(self._data, self._at + 1)
        self._is_lost = length == MALFORMED
        end = len(self._data) if self._is_lost else body + length
        if length == INCOMPLETE or end > len(self._data):
            self._lacking_bytes = 0 if length == INCOMPLETE else end - len(self._data)
            self._data, self._at, self._is_searched = self._data[self._at :], 0, True
            return False
        packet = self._data[self._at : end]
        self._at, self._handed = end, memoryview(packet)
        self._is_searched = end == len(self._data)
        if packet[0] & TYPE_BITS == MessageType.PUBREL and length >= _ID_BYTES:
            self._released(int.from_bytes(packet[len(packet) - length :][:_ID_BYTES]))
        return True


class BulkClient(mqtt.Client):
    """paho's client on such a socket. Callbacks for messages are never called: `deliver` is given them in runs."""

    def __init__(self, *args: Any, deliver: Deliver, stamp: Stamp, is_full: Callable[[], bool], **options: Any) -> None:
        """Make a client.

        deliver : is given all messages of one read, in the network thread. is_full : whether to read no more for now.
        """
        super().__init__(*args, **options)
        self._deliver, self._stamp, self._is_full = deliver, stamp, is_full

    def _create_socket(self) -> Any:
        return PacketSocket(
            super()._create_socket(),  # type: ignore[arg-type]
            PublishReader(is_v5=self.protocol == MQTTProtocolVersion.MQTTv5),
            deliver=self._deliver,
            stamp=self._stamp,
            released=lambda packet_id: self.ack(packet_id, 2),
        )

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Read what has come, and no more. While the queue is full nothing is read, and TCP holds the broker back."""
        if self._is_full():
            time.sleep(FULL_PAUSE_S)
            self._ping_t = 0.0  # the answer to a ping is behind what we do not read: it is not the broker that is late
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        while True:
            result = super().loop_read(max_packets)
            opened: Any = self.socket()
            if result != MQTTErrorCode.MQTT_ERR_SUCCESS or opened is None or not opened.has_unread():
                return result

    def ack_all(self, messages: Sequence[Message]) -> None:
        """Send the acknowledgements of messages, all in one write.

        In MQTT 3.1.1 (sections 3.4, 3.5) and 5 (3.4.2.1, 3.5.2.1: success, no properties) they are of one form.
        """
        packets = np.empty((len(messages), 4), np.uint8)
        qos = np.fromiter(map(attrgetter("qos"), messages), np.uint8, len(messages))
        packet_id = np.fromiter(map(attrgetter("packet_id"), messages), np.uint16, len(messages))
        packets[:, 0] = np.array(ACKNOWLEDGED_BY, np.uint8)[qos]
        packets[:, 1] = _ID_BYTES
        packets[:, 2], packets[:, 3] = packet_id >> 8, packet_id & 255
        self._packet_queue(MessageType.PUBACK, packets.tobytes(), 0, 0)
