"""Uplinks of LoRaWAN network servers: what a codec made where there is one, else the device's own bytes."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

from bkkenergy.payloads.decode.base import DecodedRow, RowDecoder, Step
from bkkenergy.payloads.decode.chirpstack_proto import is_protobuf, parse_uplink
from bkkenergy.payloads.decode.fields import parse_json, read_elements, search
from bkkenergy.payloads.decode.times import shown
from bkkenergy.payloads.message import DecodeError, Message
from bkkenergy.payloads.profile import BinarySpec, BinaryType, TlvSpec

_FORMAT = dict(zip(["u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64"], "BbHhIiQqfd", strict=True))


class Envelope(NamedTuple):
    """Where an uplink has the port, the device's bytes, and what a codec of the network server made of them."""

    port: str
    data: str
    decoded: str


class UplinkDecoder(RowDecoder):
    """Uplinks of a LoRaWAN network server; fields are looked up in `object`, whatever the server calls it."""

    envelope: ClassVar[Envelope]

    def parsed(self, payload: bytes) -> Any:
        """Return an uplink as JSON. Raises DecodeError."""
        return parse_json(payload)

    def rows(self, message: Message, steps: list[Step]) -> Iterable[DecodedRow]:
        """Return one row an uplink."""
        root = self.parsed(message.payload)
        if not isinstance(root, dict):
            raise DecodeError.of("decode_uplink")
        if self.profile.ignore is not None and search(self.profile.ignore, root):
            steps.append(Step(f"ignore = {self.profile.ignore}", "left out, as the profile says", is_ignored=True))
            return []
        port = search(self.envelope.port, root)
        if self.profile.f_port is not None and port != self.profile.f_port:
            steps.append(
                Step(self.envelope.port, f"{shown(port)}, not {self.profile.f_port}: left out", is_ignored=True)
            )
            return []
        decoded = search(self.envelope.decoded, root)
        if (self.profile.binary or self.profile.tlv) and not decoded:
            decoded = self._unpacked(search(self.envelope.data, root), steps)
            if self.profile.tlv and not decoded:
                if not any(step.is_fault for step in steps):
                    steps.append(Step("data", "nothing but the device's own settings: left out", is_ignored=True))
                return []
        if not isinstance(decoded, dict):
            raise DecodeError.of("decode_no_object")
        return read_elements(self.profile, message.topic, root | {"object": decoded}, steps, may_be_empty=True)

    def _unpacked(self, data: object, steps: list[Step]) -> dict[str, float]:
        """Return numbers of the binary payload by their names."""
        try:
            raw = base64.b64decode(str(data), validate=True)
        except (binascii.Error, ValueError) as error:
            raise DecodeError.of("decode_base64", error=error) from None
        steps.append(Step("data", f"{len(raw)} bytes: {raw[:32].hex(' ')}"))
        if self.profile.frame_bytes is not None and len(raw) != self.profile.frame_bytes:
            raise DecodeError.of("decode_frame", count=len(raw), frame_bytes=self.profile.frame_bytes)
        if self.profile.tlv:
            return _items(self.profile.tlv, raw, steps)
        return {name: _number(name, raw, spec) for name, spec in self.profile.binary.items()}


class ChirpstackDecoder(UplinkDecoder):
    """ChirpStack's events of type "up", as JSON or protobuf."""

    envelope = Envelope(port="fPort", data="data", decoded="object")

    def parsed(self, payload: bytes) -> Any:
        """Return an event as JSON. Raises DecodeError."""
        return parse_uplink(payload) if is_protobuf(payload) else parse_json(payload)


class ThingsStackDecoder(UplinkDecoder):
    """Uplinks of The Things Stack v3; what its formatter made is `object` here, too."""

    envelope = Envelope(
        port="uplink_message.f_port", data="uplink_message.frm_payload", decoded="uplink_message.decoded_payload"
    )


def _items(specs: Mapping[str, TlvSpec], raw: bytes, steps: list[Step]) -> dict[str, float]:
    """Return numbers of a frame of items: channel, type and value one after the other.

    How long an item is stands nowhere in the frame: what comes after one that is not known cannot be read. It is
    reported; what came before counts.
    """
    values: dict[str, float] = {}
    at = 0
    while at < len(raw):
        head = raw[at : at + 2].hex()
        spec = specs.get(head)
        if spec is None:
            steps.append(Step(f"item {head} at byte {at}", "is not in the profile's [tlv]", is_fault=True))
            break
        at += 2
        if spec.type is not None and spec.name is not None:
            value = _unpacked_at(raw, at, spec.name, spec.type, little_endian=spec.little_endian)
            at += struct.calcsize(_FORMAT[spec.type])
            if value not in spec.no_value:
                values[spec.name] = value
        at += spec.skip_bytes
    if at > len(raw):
        steps.append(Step("data", f"the frame of {len(raw)} bytes is cut short", is_fault=True))
    return values


def _number(name: str, raw: bytes, spec: BinarySpec) -> float:
    return _unpacked_at(raw, spec.offset, name, spec.type, little_endian=spec.little_endian)


def _unpacked_at(raw: bytes, offset: int, name: str, kind: BinaryType, *, little_endian: bool) -> float:
    """Return the number at a byte of a frame. Raises DecodeError."""
    layout = ("<" if little_endian else ">") + _FORMAT[kind]
    try:
        return float(struct.unpack_from(layout, raw, offset)[0])
    except struct.error:
        raise DecodeError.of("decode_beyond", name=name, offset=offset, kind=kind, count=len(raw)) from None
