"""Payload families by name: the one place where a decoder is registered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from bkkenergy.ingest.decode import canonical
from bkkenergy.ingest.decode.base import Decoded, Decoder, Undecoded

__all__ = ["FAMILIES", "Decoded", "Decoder", "Family", "Undecoded"]


class Family(NamedTuple):
    """How one kind of payload is read, and how one reading is cut out of it again."""

    decode: Decoder
    element: Callable[[bytes, int], bytes]


FAMILIES: Mapping[str, Family] = MappingProxyType({"canonical": Family(canonical.decode, canonical.element)})
