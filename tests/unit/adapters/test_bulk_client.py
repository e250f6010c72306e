import socket

import pytest
from paho.mqtt.enums import CallbackAPIVersion

from bkkenergy.adapters.bulk_client import BulkClient, ReadAheadSocket


@pytest.fixture
def pair():
    near, far = socket.socketpair()
    near.setblocking(False)
    with near, far:
        yield ReadAheadSocket(near), far


def test_bytes_come_in_order_however_they_are_asked_for(pair):
    near, far = pair
    far.sendall(b"abcdefg")
    assert [near.recv(1), near.recv(1), near.recv(3)] == [b"a", b"b", b"cde"]
    assert near.pending() == 2
    far.sendall(b"hi")
    assert near.recv(100) == b"fg"
    assert near.recv(100) == b"hi"


def test_an_empty_socket_blocks_and_a_closed_one_ends(pair):
    near, far = pair
    with pytest.raises(BlockingIOError):
        near.recv(1)
    far.sendall(b"x")
    far.close()
    assert near.recv(5) == b"x"
    assert near.recv(5) == b""
    assert near.pending() == 0


def test_acknowledgements_leave_as_one_write_of_whole_packets():
    written = []

    class Recording(BulkClient):
        def _packet_queue(self, command, packet, mid, qos, info=None):
            written.append(bytes(packet))

    Recording(CallbackAPIVersion.VERSION2).ack_all([1, 258, 65_535])
    assert written == [bytes.fromhex("40020001400201024002ffff")]
