"""One value a topic, its quantity given by what follows the meter's topic: a plain number, or JSON around one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bkkenergy.payloads.decode.base import DecodedRow, RowDecoder, Step
from bkkenergy.payloads.decode.fields import field_value, key_in, parse_json, search
from bkkenergy.payloads.decode.times import shown
from bkkenergy.payloads.message import DecodeError, Message

LONGEST_NUMBER = 64


def unquoted(text: str) -> str:
    """Return text without the quotation marks of JSON around it."""
    is_quoted = len(text) > 1 and text.startswith('"') and text.endswith('"')
    return text[1:-1] if is_quoted else text


def _plain(payload: bytes) -> str:
    """Return a payload that is a number, as text. Raises DecodeError."""
    if len(payload) > LONGEST_NUMBER:
        raise DecodeError.of("decode_number_long", count=len(payload), longest_number=LONGEST_NUMBER)
    return unquoted(payload.decode(errors="replace").strip())


class NumberDecoder(RowDecoder):
    """A text of digits; the time is when it comes."""

    def topics(self, address: str) -> Sequence[str]:
        """Return the meter's topic with each field's suffix."""
        return [f"{address}/{spec.suffix}" for spec in self.profile.fields.values() if spec.suffix]

    def rows(self, message: Message, steps: list[Step]) -> Iterable[DecodedRow]:
        """Return the one field that the topic names."""
        for name, spec in self.profile.fields.items():
            if spec.suffix and message.topic.endswith(f"/{spec.suffix}"):
                address = message.topic.removesuffix(f"/{spec.suffix}")
                raw = _plain(message.payload) if spec.path is None else search(spec.path, parse_json(message.payload))
                value = field_value(name, raw, spec, self.profile)
                if value is None:
                    steps.append(Step(f"{name} from .../{spec.suffix}", f"{shown(raw)}: no value now", is_ignored=True))
                    return []
                steps.append(Step(f"{name} from .../{spec.suffix}", f"{value:.10g}"))
                key = "" if self.profile.topic_key is None else key_in(address, self.profile.topic_key)
                return [DecodedRow((address, key), None, {name: value})]
        raise DecodeError.of("decode_suffix", id=repr(self.profile.id))
