"""ChirpStack v4 uplinks: the codec's `object` where there is one, else the binary `data`."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterable

from bkkenergy.payloads.decode.base import DecodedRow, RowDecoder, Step
from bkkenergy.payloads.decode.fields import parse_json, read_elements, search
from bkkenergy.payloads.decode.times import shown
from bkkenergy.payloads.message import DecodeError, Message
from bkkenergy.payloads.profile import BinarySpec

_FORMAT = dict(zip(["u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64"], "BbHhIiQqfd", strict=True))


class ChirpstackDecoder(RowDecoder):
    """Events of type "up"; fields are looked up in `object`."""

    def rows(self, message: Message, steps: list[Step]) -> Iterable[DecodedRow]:
        """Return one row an uplink."""
        root = parse_json(message.payload)
        if not isinstance(root, dict):
            raise DecodeError("an uplink is a JSON object")
        if self.profile.f_port is not None and root.get("fPort") != self.profile.f_port:
            steps.append(
                Step("fPort", f"{shown(root.get('fPort'))}, not {self.profile.f_port}: left out", is_ignored=True)
            )
            return []
        if self.profile.ignore is not None and search(self.profile.ignore, root):
            steps.append(Step(f"ignore = {self.profile.ignore}", "left out, as the profile says", is_ignored=True))
            return []
        if self.profile.binary and not root.get("object"):
            root = root | {"object": self._unpacked(root.get("data"), steps)}
        if not isinstance(root.get("object"), dict):
            raise DecodeError("the uplink has no object, and the profile no binary layout. Add a codec, or [binary].")
        return read_elements(self.profile, message.topic, root, steps)

    def _unpacked(self, data: object, steps: list[Step]) -> dict[str, float]:
        """Return numbers of the binary payload by their names."""
        try:
            raw = base64.b64decode(str(data), validate=True)
        except (binascii.Error, ValueError) as error:
            raise DecodeError(f"data is no base64: {error}") from None
        steps.append(Step("data", f"{len(raw)} bytes: {raw[:32].hex(' ')}"))
        return {name: _number(name, raw, spec) for name, spec in self.profile.binary.items()}


def _number(name: str, raw: bytes, spec: BinarySpec) -> float:
    layout = ("<" if spec.little_endian else ">") + _FORMAT[spec.type]
    try:
        return float(struct.unpack_from(layout, raw, spec.offset)[0])
    except struct.error:
        raise DecodeError(f"{name} at byte {spec.offset} ({spec.type}) lies beyond the {len(raw)} bytes") from None
