"""Payload families by name: the one place where a decoder is registered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bkkenergy.payloads.decode.base import Decoded, Decoder, Outgoing, RowDecoder, Step, Undecoded
from bkkenergy.payloads.decode.canonical import CanonicalDecoder
from bkkenergy.payloads.decode.chirpstack import ChirpstackDecoder
from bkkenergy.payloads.decode.csvlines import CsvDecoder
from bkkenergy.payloads.decode.fields import FieldsDecoder
from bkkenergy.payloads.decode.number import NumberDecoder
from bkkenergy.payloads.decode.sparkplug import SparkplugDecoder
from bkkenergy.payloads.profile import Profile

__all__ = ["FAMILIES", "Decoded", "Decoder", "Outgoing", "RowDecoder", "Step", "Undecoded"]

FAMILIES: Mapping[str, Callable[[Profile], Decoder]] = MappingProxyType(
    {
        "canonical": CanonicalDecoder,
        "fields": FieldsDecoder,
        "number": NumberDecoder,
        "csv": CsvDecoder,
        "chirpstack": ChirpstackDecoder,
        "sparkplug": SparkplugDecoder,
    }
)
