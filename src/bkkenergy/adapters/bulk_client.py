"""paho's client for a flood: few calls to the system, many packets in each.

paho asks its socket for one byte, for the length byte by byte, then for the rest, waits in select()
between packets, and sends each acknowledgement by itself. Each call hands Python's lock to another
thread, so a network thread beside a busy decoder spends its time waiting for the lock. `make bench`
shows what this module is worth: with single readings the ingester outruns a bare paho callback.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import MessageType, MQTTErrorCode

READ_AHEAD_BYTES = 256 * 1024
PUBACK_HEAD = (MessageType.PUBACK, 2)
"""A PUBACK's first bytes in MQTT 3.1.1 (section 3.4) and 5 (3.4.2.1: success, no properties); its id follows."""


class ReadAheadSocket:
    """A non-blocking socket with a buffer before it; all that is no reading goes straight through.

    paho asks `pending` before it waits: bytes in the buffer count as readable.
    """

    def __init__(self, under: socket.socket) -> None:
        self._under = under
        self._buffer = memoryview(b"")

    def recv(self, most: int) -> bytes:
        """Return up to `most` bytes, b"" when the peer has closed. Raises BlockingIOError when there is none."""
        if not self._buffer:
            self._buffer = memoryview(self._under.recv(READ_AHEAD_BYTES))
        taken, self._buffer = self._buffer[:most], self._buffer[most:]
        return bytes(taken)

    def buffered(self) -> int:
        """Count the bytes that wait in the buffer."""
        return len(self._buffer)

    def pending(self) -> int:
        """Count the bytes that can be read without asking the system."""
        return len(self._buffer) + (self._under.pending() if isinstance(self._under, ssl.SSLSocket) else 0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._under, name)


class BulkClient(mqtt.Client):
    """paho's client on such a socket, without callbacks by topic: `on_message` gets every message."""

    def _create_socket(self) -> Any:
        return ReadAheadSocket(super()._create_socket())  # type: ignore[arg-type]

    def _handle_on_message(self, message: mqtt.MQTTMessage) -> None:
        """Run the one callback: to look for others by topic takes longer than all the rest."""
        if self.on_message is not None:
            self.on_message(self, self._userdata, message)

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Read every packet that waits in the buffer, and no more."""
        while True:
            result = super().loop_read(max_packets)
            opened: Any = self.socket()
            if result != MQTTErrorCode.MQTT_ERR_SUCCESS or opened is None or not opened.buffered():
                return result

    def ack_all(self, packet_ids: Sequence[int]) -> None:
        """Send the acknowledgements of messages of QoS 1, all in one write."""
        packets = np.empty((len(packet_ids), 4), np.uint8)
        packets[:, :2] = PUBACK_HEAD
        packets[:, 2:] = np.array(packet_ids, ">u2").view(np.uint8).reshape(-1, 2)
        self._packet_queue(MessageType.PUBACK, packets.tobytes(), 0, 0)
