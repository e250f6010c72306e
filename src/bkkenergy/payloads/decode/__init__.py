"""Payload families by name: the one place where a decoder is registered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from bkkenergy.errors import ConfigError, Fault
from bkkenergy.payloads.decode.base import Decoded, Decoder, Outgoing, RowDecoder, Step, Undecoded
from bkkenergy.payloads.decode.canonical import CanonicalDecoder
from bkkenergy.payloads.decode.chirpstack import ChirpstackDecoder, ThingsStackDecoder
from bkkenergy.payloads.decode.csvlines import CsvDecoder
from bkkenergy.payloads.decode.fields import FieldsDecoder
from bkkenergy.payloads.decode.number import NumberDecoder
from bkkenergy.payloads.decode.sparkplug import SparkplugDecoder
from bkkenergy.payloads.profile import Profile

__all__ = ["FAMILIES", "PLUGINS", "Decoded", "Decoder", "Outgoing", "RowDecoder", "Step", "Undecoded"]

PLUGINS = "bkkenergy.decoders"
"""The group of entry points by which an installed package adds families: name -> class that takes a profile."""


def _plugin(entry: EntryPoint) -> Callable[[Profile], Decoder]:
    def built(profile: Profile) -> Decoder:
        try:
            decoder: Decoder = entry.load()(profile)
        except Exception as error:
            where = f"decoder {entry.name!r} ({entry.value})"
            raise ConfigError([Fault.of("decoder_broken", where, reason=error)]) from error
        return decoder

    return built


def _plugins() -> dict[str, Callable[[Profile], Decoder]]:
    return {entry.name: _plugin(entry) for entry in entry_points(group=PLUGINS)}


FAMILIES: Mapping[str, Callable[[Profile], Decoder]] = MappingProxyType(
    _plugins()
    | {
        "canonical": CanonicalDecoder,
        "fields": FieldsDecoder,
        "number": NumberDecoder,
        "csv": CsvDecoder,
        "chirpstack": ChirpstackDecoder,
        "things-stack": ThingsStackDecoder,
        "sparkplug": SparkplugDecoder,
    }
)
