"""Payload families by name: the one place where a decoder is registered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bkkenergy.ingest.decode.base import Decoded, Decoder, Outgoing, RowDecoder, Step, Undecoded
from bkkenergy.ingest.decode.canonical import CanonicalDecoder
from bkkenergy.ingest.decode.chirpstack import ChirpstackDecoder
from bkkenergy.ingest.decode.csvlines import CsvDecoder
from bkkenergy.ingest.decode.fields import FieldsDecoder
from bkkenergy.ingest.decode.number import NumberDecoder
from bkkenergy.ingest.decode.sparkplug import SparkplugDecoder
from bkkenergy.ingest.profile import Profile

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
