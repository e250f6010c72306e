"""Our reader takes from a stream what paho takes, packet by packet, however it is cut.

The same streams each time. `make fuzz FUZZ=1000000` compares a million others, at random.
"""

from __future__ import annotations

import os
import random
import secrets
import time

import paho.mqtt.properties as paho_properties
import pytest
from paho.mqtt.properties import MalformedPacket

from bkkenergy.adapters.bulk_client import READ_AHEAD_BYTES, PacketSocket, fits
from bkkenergy.adapters.publishes import PublishReader
from bkkenergy.payloads.message import Message
from tests.conftest import IS_FUZZED, inputs
from tests.unit.adapters.packets import (
    PINGRESP,
    PUBREL,
    SUBACK,
    Fed,
    Ours,
    Pahos,
    a_stream,
    alias,
    packet,
    publish_packet,
    read,
    split,
    text,
)

INPUTS = int(os.environ.get("FUZZ", inputs(1500)))
SEED = int(os.environ.get("FUZZ_SEED", secrets.randbits(32) if IS_FUZZED else 2570))
EXPIRY, USER = b"\x02\0\0\0\x3c", b"\x26" + text("ตึก") + text("๗")
MIXED_V5 = b"".join(
    [
        publish_packet(b"a/b", b"1", qos=1, packet_id=258, properties=b""),
        packet(SUBACK, b"\0\1\0\1"),
        publish_packet(b"a/c", b"2", qos=2, packet_id=9, properties=EXPIRY + USER + USER, duplicate=True),
        publish_packet(b"a/d", b"", qos=0, properties=alias(3), retained=True),
        packet(PINGRESP, b""),
        publish_packet(b"", b"x" * 200, qos=1, packet_id=65_535, properties=alias(3) + b"\x26" + text("k" * 130) * 2),
        packet(PUBREL, b"\0\x09"),
        publish_packet("ห้อง".encode(), b"end", qos=1, properties=b"\x01\1"),
    ]
)


def both(chunks, *, is_v5=True):
    ours, client = read(Ours, chunks, is_v5=is_v5)
    theirs, _ = read(Pahos, chunks, is_v5=is_v5)
    return ours, theirs, client


def any_text(buffer: bytes, most_bytes: int) -> tuple[str, int]:
    """Read a property's text as paho does, but refuse no character: U+FEFF and what is no UTF-8 are taken."""
    length = int.from_bytes(buffer[:2])
    if most_bytes < 2 or length > most_bytes - 2:
        raise MalformedPacket
    return buffer[2 : 2 + length].decode(errors="replace"), length + 2


@pytest.mark.fuzz
def test_any_stream_is_read_as_paho_reads_it(monkeypatch):
    """But for texts of properties: paho ends the connection for characters that brokers hand on."""
    monkeypatch.setattr(paho_properties, "readUTF", any_text)
    rng = random.Random(SEED)
    for number in range(INPUTS):
        is_v5 = rng.random() < 0.7
        stream = a_stream(rng, is_v5=is_v5)
        chunks = split(rng, stream) if stream else []
        ours, theirs, client = both(chunks, is_v5=is_v5)
        # A packet that begins with 0 is forbidden; paho misses its head where that is the last byte of a piece.
        at = next((place for place, event in enumerate(ours) if event[:2] == ("packet", 0)), None)
        if at is not None or (client.socket() is not None and client.socket()._data[:1] == b"\0"):
            ours, theirs = (events[: len(ours) - 1 if at is None else at] for events in (ours, theirs))
        assert ours == theirs, f"FUZZ_SEED={SEED}, stream {number}, {'5' if is_v5 else '3.1.1'}: {chunks!r}"


def test_a_stream_cut_at_any_place_is_read_the_same():
    whole, theirs, _ = both([MIXED_V5])
    assert whole == theirs
    assert [event[1:3] for event in whole if event[0] == "message"] == [
        ("a/b", b"1"), ("a/c", b"2"), ("a/d", b""), ("a/d", b"x" * 200), ("ห้อง", b"end"),
    ]  # fmt: skip
    for at in range(1, len(MIXED_V5)):
        assert read(Ours, [MIXED_V5[:at], MIXED_V5[at:]], is_v5=True)[0] == whole
    assert read(Ours, [bytes([byte]) for byte in MIXED_V5], is_v5=True)[0] == whole


def test_qos_2_is_released_after_it_was_taken_over():
    _, client = read(Ours, [MIXED_V5], is_v5=True)
    connect, client.under.sent = client.under.sent, b""
    assert connect.endswith(bytes.fromhex("70020009")), "PUBREL of 9 is answered by PUBCOMP, and nothing else is sent"
    assert bytes.fromhex("50020009") not in connect, "nothing is taken over before the commit"


def test_acknowledgements_leave_as_one_write_of_whole_packets():
    written = []

    class Recording(Ours):
        def _packet_queue(self, command, packet, mid, qos, info=None):
            written.append(bytes(packet))

    client = Recording(5)
    client.ack_all([Message("t", b"", number, qos) for number, qos in ((1, 1), (258, 2), (65_535, 1))])
    assert written == [bytes.fromhex("40020001500201024002ffff")]


def test_a_text_that_is_no_utf_8_and_a_topic_without_alias_are_no_reason_to_lose_a_message():
    reader, found = PublishReader(is_v5=True), []
    stream = publish_packet(b"\xff/x", b"1", properties=b"") + publish_packet(b"", b"2", properties=alias(9))
    assert reader.read(stream, 0, found, 1, 2) == len(stream)
    assert [(m.topic, m.payload, m.received_us) for m in found] == [("\ufffd/x", b"1", 2), ("", b"2", 3)]


@pytest.mark.parametrize("character", ["\ufeff", "\x01", "\0", "\ufffe"])
def test_a_character_in_a_property_is_no_reason_to_end_the_connection(character):
    """The broker would send the message again for ever."""
    user = b"\x26" + text(character) * 2
    for properties in (
        user,
        b"\x03" + text(character),
        b"\x08" + text(character),
        user + b"\x26" + text("k" * 130) * 2,
    ):
        events, client = read(Ours, [publish_packet(b"a", b"1", qos=1, properties=properties)], is_v5=True)
        assert [event[1:3] for event in events if event[0] == "message"] == [("a", b"1")]
        assert client.socket() is not None


def test_user_properties_cost_what_their_bytes_cost():
    """paho copies all of them for each: 400,000 took minutes, in which nothing else was read."""
    stream = publish_packet(b"a", b"1", qos=1, properties=b"\x26\0\0\0\0" * 400_000 + alias(7))
    reader, found = PublishReader(is_v5=True), []
    started_s = time.process_time()
    reader.read(stream + publish_packet(b"", b"2", properties=alias(7)), 0, found, 1, 2)
    assert [(message.topic, message.payload) for message in found] == [("a", b"1"), ("a", b"2")]
    assert time.process_time() - started_s < 10


def test_aliases_end_with_their_connection():
    first = publish_packet(b"a", b"1", properties=alias(1))
    again = publish_packet(b"", b"2", properties=alias(1))
    events, client = read(Ours, [first + again], is_v5=True)
    assert [event[1] for event in events if event[0] == "message"] == ["a", "a"]
    client.reconnect()
    client.events.clear()
    client.under.waiting = again
    client.loop_read()
    assert [event[1] for event in client.events] == [""]


@pytest.mark.parametrize("size", [0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 5_000_000])
def test_a_message_of_any_size_comes_whole(size):
    stream = publish_packet(b"a", bytes(size), qos=1, properties=b"") + publish_packet(b"b", b"2", properties=b"")
    chunks = [stream[at : at + 65_536] for at in range(0, len(stream), 65_536)]
    events, _ = read(Ours, chunks, is_v5=True)
    assert [(event[1], len(event[2])) for event in events if event[0] == "message"] == [("a", size), ("b", 1)]


def test_a_large_message_costs_what_its_bytes_cost():
    """To join at each piece would copy 10 GB here."""
    size = 30_000_000
    stream = publish_packet(b"a", bytes(size), qos=1)
    started_s = time.process_time()
    events, _ = read(Ours, [stream[at : at + 65_536] for at in range(0, len(stream), 65_536)], is_v5=False)
    assert len(events[0][2]) == size
    assert time.process_time() - started_s < 2


def test_a_length_of_five_bytes_ends_the_connection():
    ours, theirs, client = both([b"\x30\xff\xff\xff\xff\x01" + bytes(20)])
    assert ours == theirs
    assert client.socket() is None


@pytest.fixture
def quiet():
    delivered = []
    fed = Fed()
    opened = PacketSocket(
        fed, PublishReader(is_v5=False), deliver=delivered.extend, stamp=lambda: (1, 2), released=lambda _: None
    )
    return opened, fed, delivered


def test_a_packet_that_is_not_whole_is_nothing_that_can_be_read(quiet):
    """Otherwise paho would not wait for the rest, and spin."""
    opened, fed, delivered = quiet
    stream = publish_packet(b"a", b"xyz")
    fed.waiting = stream[:4]
    with pytest.raises(BlockingIOError):
        opened.recv(1)
    assert (opened.pending(), opened.has_unread(), delivered) == (0, False, [])
    fed.waiting = stream[4:] + packet(PINGRESP, b"") + stream
    assert opened.recv(1) == b"\xd0"
    assert (opened.pending(), len(delivered)) == (1, 1)
    assert opened.recv(1) == b"\0"
    with pytest.raises(BlockingIOError):
        opened.recv(1)
    assert (opened.pending(), len(delivered)) == (0, 2)


def test_the_end_of_a_connection_is_seen_after_what_came_before(quiet):
    opened, fed, delivered = quiet
    parts = iter([publish_packet(b"a", b"1"), b""])
    fed.recv = lambda _most: next(parts)
    with pytest.raises(BlockingIOError):
        opened.recv(1)
    assert len(delivered) == 1
    assert opened.recv(1) == b""


def test_while_the_queue_is_full_nothing_is_read_and_the_connection_lives():
    client = Ours(5)
    client.connect_async("127.0.0.1")
    client.reconnect()
    client._is_full = lambda: True
    client._ping_t = 1.0
    client.under.waiting = publish_packet(b"a", b"1", properties=b"")
    assert client.loop_read() == 0
    assert (client.events, client._ping_t) == ([], 0.0)
    client._is_full = lambda: False
    client.loop_read()
    assert len(client.events) == 1


def test_the_paho_that_is_installed_was_tested(monkeypatch):
    assert fits() == ""
    monkeypatch.setattr("paho.mqtt.__version__", "2.9.0")
    assert fits() == "paho-mqtt 2.9.0 was not tested"
    monkeypatch.undo()
    monkeypatch.delattr("paho.mqtt.client.Client._create_socket")
    assert "has no _create_socket" in fits()


def test_one_read_asks_the_system_once(quiet):
    opened, fed, delivered = quiet
    stream = publish_packet(b"a", b"1") * 100_000
    fed.waiting = stream
    with pytest.raises(BlockingIOError):
        opened.recv(1)
    assert len(stream) - len(fed.waiting) == READ_AHEAD_BYTES
    assert len(delivered) == READ_AHEAD_BYTES // len(publish_packet(b"a", b"1"))


def test_a_message_has_every_field_of_its_kind():
    """It is made without the constructor, which would fill in a field that was added."""
    messages: list[Message] = []
    PublishReader(is_v5=True).read(publish_packet(b"a", b"1", qos=1, packet_id=7, properties=b""), 0, messages, 2, 3)
    assert messages == [Message("a", b"1", 7, 1, 2, received_us=3)]
