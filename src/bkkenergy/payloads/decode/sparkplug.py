"""Sparkplug B: births name the metrics, data come by number, and a gap asks for a rebirth.

Source: Eclipse Sparkplug Specification 3.0.0: topics 4.1, births and aliases 6.4.6, sequence 6.4.1,
rebirth request 6.4.20.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError as ProtobufError

from bkkenergy.payloads.decode.base import DecodedRow, Outgoing, RowDecoder, Step
from bkkenergy.payloads.decode.fields import read_element
from bkkenergy.payloads.decode.sparkplug_proto import COMPRESSED, SIGNED_BITS, UNREAD_VALUES, Payload
from bkkenergy.payloads.message import DecodeError, Message, NoBirthError, NotReadError, Reason
from bkkenergy.payloads.profile import Profile

NAMESPACE = "spBv1.0"
REBIRTH = "Node Control/Rebirth"
BOOLEAN = 11
SEQUENCES = 256
US_PER_MS = 1000
KEY_SEPARATOR = "/"


class Place(NamedTuple):
    """A topic of Sparkplug taken apart; `device` is empty for the edge node itself."""

    group: str
    kind: str
    node: str
    device: str

    @property
    def address(self) -> str:
        """The topic that the portfolio knows: without the kind of message."""
        return "/".join(part for part in (NAMESPACE, self.group, self.node, self.device) if part)


@dataclass(slots=True)
class Node:
    """What is known of one edge node: its last sequence number, and names by alias of it and its devices."""

    sequence: int | None = None
    names: dict[str, dict[int, str]] = field(default_factory=dict)
    has_asked: bool = False


def place_of(topic: str) -> Place:
    """Parse a topic into its parts. Raises DecodeError."""
    parts = topic.split("/")
    if len(parts) not in {4, 5} or parts[0] != NAMESPACE:
        raise DecodeError(f"{topic!r} is no Sparkplug topic: {NAMESPACE}/group/kind/node[/device]")
    return Place(parts[1], parts[2], parts[3], parts[4] if len(parts) == 5 else "")  # noqa: PLR2004


def rebirth_request(address: Place) -> Outgoing:
    """Return the command that asks an edge node to send its birth certificates again."""
    command = Payload()
    metric = command.metrics.add(name=REBIRTH, datatype=BOOLEAN)
    metric.boolean_value = True
    return Outgoing(f"{NAMESPACE}/{address.group}/NCMD/{address.node}", command.SerializeToString())


class SparkplugDecoder(RowDecoder):
    """Remembers births. A metric "meter/energy" is field "energy" of the meter with key "meter"."""

    def __init__(self, profile: Profile) -> None:
        super().__init__(profile)
        self._nodes: dict[tuple[str, str], Node] = {}
        self._outgoing: list[Outgoing] = []

    def topics(self, address: str) -> Sequence[str]:
        """Return births, data and deaths of the node, and of the device where there is one."""
        parts = address.split("/")
        _, group, node, *device = parts if len(parts) >= 3 else (*parts, "", "", "")  # noqa: PLR2004
        topics = [f"{NAMESPACE}/{group}/{kind}/{node}" for kind in ("NBIRTH", "NDATA", "NDEATH")]
        topics += [f"{NAMESPACE}/{group}/{kind}/{node}/{d}" for d in device for kind in ("DBIRTH", "DDATA", "DDEATH")]
        return topics

    def outgoing(self) -> tuple[Outgoing, ...]:
        """Return the rebirth requests that became due since the last call."""
        asked, self._outgoing = tuple(self._outgoing), []
        return asked

    def rows(self, message: Message, steps: list[Step]) -> Iterable[DecodedRow]:
        """Return one row a meter that the message names. Raises DecodeError, NoBirthError."""
        address = place_of(message.topic)
        payload = _parsed(message.payload)
        if payload.uuid == COMPRESSED:
            raise NotReadError(
                f"the payload is compressed ({len(payload.body)} bytes), which is not read yet. "
                "Turn compression off at the edge node."
            )
        node = self._nodes.setdefault((address.group, address.node), Node())
        steps.append(Step("message", f"{address.kind}, seq {payload.seq}, {len(payload.metrics)} metrics"))
        if address.kind == "NDEATH":
            node.sequence = None
            node.names.clear()
            return []
        if address.kind in {"NBIRTH", "DBIRTH"}:
            self._born(node, address, payload)
        elif address.kind not in {"NDATA", "DDATA"}:
            return []
        if payload.body:
            steps.append(Step("body", f"{len(payload.body)} bytes that are not read", True, Reason.NOT_READ))
        self._check_sequence(node, address, payload, steps)
        return self._elements(node, address, payload, steps)

    def _born(self, node: Node, address: Place, payload: Any) -> None:
        if address.kind == "NBIRTH":
            node.sequence, node.has_asked = None, False
            node.names.clear()
        node.names[address.device] = {m.alias: m.name for m in payload.metrics if m.HasField("alias") and m.name}

    def _check_sequence(self, node: Node, address: Place, payload: Any, steps: list[Step]) -> None:
        """Check that sequence numbers run 0..255 over a node's births and data; a gap means something was lost."""
        if not payload.HasField("seq"):
            return
        expected = None if node.sequence is None else (node.sequence + 1) % SEQUENCES
        if expected is not None and payload.seq not in {expected, node.sequence}:
            steps.append(Step("sequence", f"{payload.seq} after {node.sequence}: a message is missing, rebirth asked"))
            self._ask_for_birth(node, address)
        node.sequence = payload.seq

    def _ask_for_birth(self, node: Node, address: Place) -> None:
        if not node.has_asked:
            node.has_asked = True
            self._outgoing.append(rebirth_request(address))

    def _elements(self, node: Node, address: Place, payload: Any, steps: list[Step]) -> list[DecodedRow]:
        """Group metrics by meter: the name up to its last separator is the key."""
        elements: dict[str, dict[str, Any]] = {}
        stamps: dict[str, int] = {}
        for metric in payload.metrics:
            name = metric.name or node.names.get(address.device, {}).get(metric.alias)
            if isinstance(name, bytes):  # what protobuf gives for text that is none
                raise DecodeError(f"a metric's name is no UTF-8: {name!r}")
            if not name:
                self._ask_for_birth(node, address)
                raise NoBirthError(
                    f"alias {metric.alias} of {address.address} has no name: no birth seen, rebirth asked"
                )
            kind = metric.WhichOneof("value")
            if kind in UNREAD_VALUES:
                steps.append(
                    Step(
                        name, f"a value of kind {kind} (datatype {metric.datatype}) is not read", True, Reason.NOT_READ
                    )
                )
                continue
            key, _, short = name.rpartition(KEY_SEPARATOR)
            elements.setdefault(key, {})[short] = _value(metric)
            stamp_ms = metric.timestamp or payload.timestamp
            stamps[key] = max(stamps.get(key, 0), int(stamp_ms))
        rows = []
        for key, element in elements.items():
            row = read_element(self.profile, address.address, element, element, [])
            steps += [Step(f"{key or address.address} {name}", f"{value:.10g}") for name, value in row.values.items()]
            if row.values:
                ts_us = min(stamps[key] * US_PER_MS, 2**62) if stamps[key] else None
                rows.append(DecodedRow((address.address, key), ts_us, row.values))
        return rows


def _signed(value: int, bits: int | None) -> int:
    """Decode two's complement, whether a small number was extended to the field's width or not."""
    if bits is None or value < 1 << (bits - 1):
        return value
    width = next(width for width in (bits, 32, 64) if value < 1 << width)
    return value - (1 << width)


def _parsed(raw: bytes) -> Any:
    try:
        return Payload.FromString(raw)
    except (ProtobufError, UnicodeDecodeError) as error:
        raise DecodeError(f"no Sparkplug B payload: {error}") from None


def _value(metric: Any) -> float | str | None:
    """Return a metric's value; integers are signed by their datatype."""
    kind = metric.WhichOneof("value")
    if metric.is_null or kind is None:
        return None
    value = getattr(metric, kind)
    if kind in {"int_value", "long_value"}:
        return float(_signed(value, SIGNED_BITS.get(metric.datatype)))
    if kind in {"float_value", "double_value"}:
        return float(value) if math.isfinite(value) else None
    return str(value) if kind == "string_value" else None
