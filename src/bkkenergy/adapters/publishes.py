"""PUBLISH packets read out of a stream of bytes, as many at a time as are there.

paho makes a dozen calls for each packet, and objects that are never asked for. This reads the same bytes with a
tenth of the work, and takes only what paho would take: whatever is odd is put before paho's own reading of
properties, and what is malformed is left where it is, so that paho refuses it in its own way.
`tests/unit/adapters/test_publishes.py` holds it to paho, packet by packet.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from struct import error as StructError  # noqa: N812 - it is a class

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bkkenergy.payloads.message import Message

PUBLISH = 0x30
TYPE_BITS = 0xF0
CONTINUES = 0x80
"""The bit of a length's byte that says that another follows."""
LENGTH_BYTES = 4
"""Bytes of a packet's length, at most."""
MOST_TOPICS = 65_536
"""Topics that are remembered as text."""

INCOMPLETE, MALFORMED = -1, -2
"""Of a length: its bytes have not all come; there are more than the protocol allows."""

_HEAD = Struct(">BBH")
"""Of a short packet: type and flags, length, and the length of the topic."""
_FLAGS = tuple(((head >> 1) & 3, bool(head & 1), bool(head & 8)) for head in range(16))
"""By the low bits of a PUBLISH: QoS, retained, duplicate."""
_QOS_NONE = 3
"""Both bits: no QoS that there is."""

_FIXED_BYTES = {1: 1, 2: 4, 35: 2}
_TEXTS = {3: 1, 8: 1, 38: 2}
_FORMAT_INDICATOR, _CORRELATION_DATA, _SUBSCRIPTION_IDENTIFIER, _TOPIC_ALIAS, _USER_PROPERTY = 1, 9, 11, 35, 38
_REPEATED = {_SUBSCRIPTION_IDENTIFIER, _USER_PROPERTY}
_ODD = -1
"""In the place of an alias: properties that only paho may judge."""


class PublishReader:
    """Reads PUBLISH packets of one connection: topic aliases belong to it alone."""

    def __init__(self, *, is_v5: bool) -> None:
        self._is_v5 = is_v5
        self._aliases: dict[int, str] = {}
        self._topics: dict[bytes, str] = {}

    def read(self, data: bytes, at: int, messages: list[Message], epoch: int, received_us: int) -> int:  # noqa: C901, PLR0912
        """Add the messages of all whole PUBLISH packets from `at` on to `found`, up to anything else.

        Return where that begins: another packet, one that is not whole yet, or one that is malformed. Each message
        is stamped a microsecond after the one before: two without a time of their own are two readings.
        """
        size, is_v5, topics = len(data), self._is_v5, self._topics
        new, add, head_at = tuple.__new__, messages.append, _HEAD.unpack_from
        try:
            while at < size:
                head, length, topic_bytes = head_at(data, at)
                if head & TYPE_BITS != PUBLISH:
                    return at
                body = at + 2
                if length >= CONTINUES:
                    length, body = length_at(data, at + 1)
                    if length < 0:
                        return at
                    topic_bytes = data[body] << 8 | data[body + 1]
                end = body + length
                if end > size:
                    return at
                payload_at = body + 2 + topic_bytes
                raw_topic = data[body + 2 : payload_at]
                qos, is_retained, is_duplicate = _FLAGS[head & 15]
                packet_id = 0
                if qos:
                    packet_id = data[payload_at] << 8 | data[payload_at + 1]
                    payload_at += 2
                topic = topics.get(raw_topic)
                if topic is None:
                    topic = self._text(raw_topic)
                if not is_v5:
                    if not raw_topic:
                        return at
                elif payload_at < end and not data[payload_at]:
                    payload_at += 1
                else:
                    topic, payload_at = self._after_properties(data[payload_at:end], payload_at, topic)
                if payload_at > end or qos == _QOS_NONE:
                    return at
                # What NamedTuple's own constructor does, without the call to it.
                payload = data[payload_at:end]
                fields = (topic, payload, packet_id, qos, epoch, is_retained, is_duplicate, received_us, False)
                add(new(Message, fields))
                received_us += 1
                at = end
        except (IndexError, StructError):  # a malformed packet at the end of what has come
            pass
        return at

    def _text(self, raw_topic: bytes) -> str:
        """Return a topic as text, and remember it: most come again and again."""
        if len(self._topics) >= MOST_TOPICS:
            self._topics.clear()
        topic = self._topics[raw_topic] = raw_topic.decode(errors="replace")
        return topic

    def _after_properties(self, rest: bytes, at: int, topic: str) -> tuple[str, int]:
        """Read the properties at the begin of `rest`, which begins at `at`. Return the topic, and where they end.

        Beyond the packet where paho refuses them.
        """
        beyond = at + len(rest) + 1
        if not rest:
            return topic, beyond
        length, begin = length_at(rest, 0)
        end = begin + length
        alias = _ODD
        if 0 <= length <= len(rest) - begin:
            alias = _alias_in(rest[begin:end]) if length < CONTINUES else _read_alias(rest[begin:end])
        if alias == _ODD:
            try:
                properties, end = Properties(PacketTypes.PUBLISH).unpack(rest)
            except Exception:  # noqa: BLE001 - paho finds the same fault, and ends the connection
                return topic, beyond
            alias = getattr(properties, "TopicAlias", 0)
        if alias and topic:
            self._aliases[alias] = topic
        elif alias:
            topic = self._aliases.get(alias, "")
        return topic, at + min(end, len(rest))  # paho takes a text that is cut off, at the end of a packet


def length_at(data: bytes, at: int) -> tuple[int, int]:
    """Read a packet's length. Return it (or INCOMPLETE, MALFORMED), and where it ends."""
    length = shift = 0
    for position in range(at, at + LENGTH_BYTES):
        if position >= len(data):
            return INCOMPLETE, at
        length |= (data[position] & 127) << shift
        if data[position] < CONTINUES:
            return length, position + 1
        shift += 7
    return MALFORMED, at


def _read_alias(properties: bytes) -> int:
    """Return the topic alias among properties of a PUBLISH, 0 without one, _ODD where paho has to look.

    No text is looked at. paho ends the connection for U+FEFF, which the protocol allows, and brokers hand it on: they
    would send such a message again for ever. Its time grows with the square of user properties, too.
    """
    at, alias, seen = 0, 0, set()
    try:
        while at < len(properties):
            kind = properties[at]
            if kind in seen and kind not in _REPEATED:
                return _ODD
            seen.add(kind)
            end = _end_of(properties, kind, at + 1)
            if kind == _TOPIC_ALIAS:
                alias = properties[at + 1] << 8 | properties[at + 2]
                if not alias:
                    return _ODD
            at = end
    except IndexError:
        return _ODD
    return alias if at == len(properties) else _ODD


_alias_in = lru_cache(maxsize=4096)(_read_alias)
"""The same, remembered for short ones: most messages of a source have the same properties."""


def _end_of(properties: bytes, kind: int, at: int) -> int:
    """Return where the value of a property ends. Raises IndexError where it is odd."""
    if kind in _FIXED_BYTES:
        if kind == _FORMAT_INDICATOR and properties[at] > 1:
            raise IndexError
        return at + _FIXED_BYTES[kind]
    if kind == _SUBSCRIPTION_IDENTIFIER:
        identifier, end = length_at(properties, at)
        if identifier <= 0:
            raise IndexError
        return end
    if kind == _CORRELATION_DATA:
        return at + 2 + (properties[at] << 8 | properties[at + 1])
    if kind not in _TEXTS:
        raise IndexError
    for _ in range(_TEXTS[kind]):
        at += 2 + (properties[at] << 8 | properties[at + 1])
    return at
