"""MQTT packets as brokers send them, and bent; and what a client makes of a stream of them."""

from __future__ import annotations

import random

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from bkkenergy.adapters.bulk_client import BulkClient

PUBLISH, PUBREL, SUBACK, PINGRESP, DISCONNECT = 0x30, 0x62, 0x90, 0xD0, 0xE0
EPOCH, RECEIVED_US = 7, 1_764_000_000_000_000
TEXTS = ["", "a", "ห้อง", "é" * 70, "\ufeff", "a\0b", "k" * 200]
TOPICS = [b"", b"a/b", b"bma/x/y/main/readings", "กทม/ตึก".encode(), b"bad\xff", b"t" * 300]


def length_of(count: int) -> bytes:
    found = bytearray()
    while True:
        count, digit = divmod(count, 128)
        found.append(digit | (128 if count else 0))
        if not count:
            return bytes(found)


def text(value: str | bytes) -> bytes:
    raw = value if isinstance(value, bytes) else value.encode()
    return len(raw).to_bytes(2) + raw


def packet(head: int, body: bytes) -> bytes:
    return bytes([head]) + length_of(len(body)) + body


def publish_packet(
    topic, payload=b"", *, qos=0, packet_id=1, properties=None, retained=False, duplicate=False
) -> bytes:
    """properties : None in 3.1.1."""
    body = text(topic) + (packet_id.to_bytes(2) if qos else b"")
    if properties is not None:
        body += length_of(len(properties)) + properties
    return packet(PUBLISH | duplicate << 3 | qos << 1 | retained, body + payload)


def alias(number: int) -> bytes:
    return b"\x23" + number.to_bytes(2)


def a_property(rng: random.Random) -> bytes:
    """One property of a PUBLISH; now and then one that is not allowed."""
    kind = rng.choice([1, 2, 3, 8, 9, 11, 35, 35, 38, 38, 17, 0])
    values = {
        1: lambda: bytes([rng.choice([0, 0, 1, 2])]),
        2: lambda: rng.randbytes(4),
        3: lambda: text(rng.choice(TEXTS)),
        8: lambda: text(rng.choice(TEXTS)),
        9: lambda: text(rng.randbytes(rng.choice([0, 1, 130]))),
        11: lambda: length_of(rng.choice([0, 1, 127, 128, 300, 2_097_152])),
        35: lambda: alias(rng.choice([0, 1, 1, 2, 65_535]))[1:],
        38: lambda: text(rng.choice(TEXTS)) + text(rng.choice(TEXTS)),
    }
    return bytes([kind]) + values.get(kind, lambda: rng.randbytes(2))()


def a_publish(rng: random.Random, *, is_v5: bool) -> bytes:
    count = rng.choice([0, 0, 0, 1, 2, 5])
    return publish_packet(
        rng.choice(TOPICS[1:] if rng.random() < 0.9 else TOPICS),
        rng.randbytes(rng.choice([0, 1, 20, 110, 400])) if rng.random() < 0.98 else bytes(17_000),
        qos=rng.choice([0, 1, 1, 1, 2, 2, 3] if rng.random() < 0.1 else [0, 1, 2]),
        packet_id=rng.choice([1, 2, 300, 65_535, 0]),
        properties=b"".join(a_property(rng) for _ in range(count)) if is_v5 else None,
        retained=rng.random() < 0.3,
        duplicate=rng.random() < 0.3,
    )


def another_packet(rng: random.Random, *, is_v5: bool) -> bytes:
    """A packet that is no PUBLISH."""
    none = b"\0" if is_v5 else b""
    return rng.choice(
        [
            packet(SUBACK, b"\0\1" + none + b"\1\2"),
            packet(PINGRESP, b""),
            packet(PUBREL, rng.choice([b"\0\1", b"\1\x2c", b"\0\2\0", b"\0\1\0\0", b"\0"])),
            packet(0x20, b"\0\0" + none),
            packet(0xB0, b"\0\1" + none + (b"\0" if is_v5 else b"")),
            packet(0x40, b"\0\1"),
            packet(DISCONNECT, rng.choice([b"", b"\x8b\0"])) if rng.random() < 0.2 else packet(PINGRESP, b""),
            packet(rng.randrange(256), rng.randbytes(3)) if rng.random() < 0.1 else packet(PINGRESP, b""),
        ]
    )


def a_stream(rng: random.Random, *, is_v5: bool) -> bytes:
    """Some packets, every third time with a few bytes of them bent."""
    found = bytearray()
    for _ in range(rng.randint(1, 8)):
        found += a_publish(rng, is_v5=is_v5) if rng.random() < 0.75 else another_packet(rng, is_v5=is_v5)
    if rng.random() < 0.33:
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(found))
            match rng.randrange(3):
                case 0:
                    found[at] = rng.choice([0, 1, 127, 128, 255, rng.randrange(256)])
                case 1:
                    del found[at : at + rng.randint(1, 3)]
                case _:
                    found[at:at] = rng.randbytes(rng.randint(1, 3))
            if not found:
                break
    return bytes(found)


def split(rng: random.Random, stream: bytes) -> list[bytes]:
    """A stream as it may come: whole, byte by byte, or in pieces."""
    match rng.randrange(4):
        case 0:
            return [stream]
        case 1 if len(stream) < 600:
            return [stream[at : at + 1] for at in range(len(stream))]
    cuts = sorted(rng.randrange(len(stream) + 1) for _ in range(rng.randint(1, 6)))
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True) if a < b]


class Fed:
    """A socket that is given what comes, piece by piece."""

    def __init__(self) -> None:
        self.waiting = b""
        self.sent = b""

    def recv(self, most: int) -> bytes:
        if not self.waiting:
            raise BlockingIOError
        taken, self.waiting = self.waiting[:most], self.waiting[most:]
        return taken

    def send(self, data: bytes) -> int:
        self.sent += bytes(data)
        return len(data)

    def setblocking(self, _flag: bool) -> None: ...

    def fileno(self) -> int:
        return -1

    def close(self) -> None: ...


class Recorder:
    """Records what a client makes of its packets, in order: messages, and the other packets that it is handed."""

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        self.events: list = []

    def _create_socket_connection(self):
        self.under = Fed()
        return self.under

    def _packet_handle(self):
        if self._in_packet["command"] & 0xF0 != PUBLISH:
            self.events.append(("packet", self._in_packet["command"], bytes(self._in_packet["packet"])))
        return super()._packet_handle()


class Ours(Recorder, BulkClient):
    def __init__(self, protocol) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            protocol=protocol,
            manual_ack=True,
            reconnect_on_failure=False,
            deliver=self.take,
            stamp=lambda: (EPOCH, RECEIVED_US),
            is_full=lambda: False,
        )

    def take(self, messages) -> None:
        for number, m in enumerate(messages):
            assert (m.epoch, m.received_us) == (EPOCH, RECEIVED_US + number)
            self.events.append(("message", m.topic, m.payload, m.packet_id, m.qos, m.retained, m.duplicate))


class Remembered(dict):
    """Messages of QoS 2 as paho files them until the broker releases them."""

    def __init__(self, client) -> None:
        super().__init__()
        self._client = client

    def __setitem__(self, key, message) -> None:
        super().__setitem__(key, message)
        self._client.record(message)


class Pahos(Recorder, mqtt.Client):
    """paho alone; its topic aliases are resolved here, since it does not."""

    def __init__(self, protocol) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, protocol=protocol, manual_ack=True, reconnect_on_failure=False)
        self.aliases: dict[int, bytes] = {}
        self.on_message = lambda _client, _data, message: message.qos == 2 or self.record(message)

    def _create_socket_connection(self):
        self._in_messages = Remembered(self)
        return super()._create_socket_connection()

    def record(self, m) -> None:
        topic, number = m._topic, getattr(m.properties, "TopicAlias", 0)
        if number and topic:
            self.aliases[number] = topic
        elif number:
            topic = self.aliases.get(number, b"")
        topic = topic.decode(errors="replace")
        self.events.append(("message", topic, bytes(m.payload), m.mid, m.qos, bool(m.retain), bool(m.dup)))


def read(kind, chunks, *, is_v5: bool):
    """Return what a client makes of a stream that comes in chunks, and the client."""
    client = kind(MQTTProtocolVersion.MQTTv5 if is_v5 else MQTTProtocolVersion.MQTTv311)
    client.connect_async("127.0.0.1")
    client.reconnect()
    for chunk in chunks:
        client.under.waiting += chunk
        while client.under.waiting and client.socket() is not None:
            try:
                result = client.loop_read()
            except Exception as error:  # noqa: BLE001 - what paho raises, it is to raise on both ways
                client.events.append(("raised", type(error)))
                return client.events, client
            if result not in {MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN}:
                client.events.append(("ended", result))
                return client.events, client
    client.events.append(("open", client.socket() is not None))
    return client.events, client
