"""What Sparkplug's metrics hold: numbers, arrays, tables and templates, with their quality and unit."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import DecodeError as ProtobufError

from bkkenergy.payloads.decode.base import Step
from bkkenergy.payloads.decode.births import Birth
from bkkenergy.payloads.decode.sparkplug_proto import ARRAYS, COMPRESSED, SIGNED_BITS, UNSIGNED_BITS, Payload
from bkkenergy.payloads.decode.times import MICROSECONDS_FROM, MILLISECONDS_FROM, NANOSECONDS_FROM
from bkkenergy.payloads.message import DecodeError, NotReadError, Reason, TooLargeError
from bkkenergy.readings import US_PER_S

SEPARATOR = "/"
MS_PER_S = 1_000
MAX_INFLATED_BYTES = 2_000_000
"""What a payload may be without compression: as much as a message by default."""
MAX_METRICS = 20_000
"""Of one payload, with the members of templates: each takes a tenth of a millisecond."""
MAX_DEPTH = 8
"""Parts of a metric's name that can be a meter's key."""
GOOD = range(192, 256)
"""Qualities that say a value is right: OPC's. 0 is bad, 500 stale (Sparkplug 3.0, 6.4.14)."""
WIDE_BITS = 32
"""All bits set in as many or more is no register's value, but how devices say that they have none."""
LOOKED_INTO = frozenset({"template_value", "bytes_value", "extension_value"})
"""Kinds of value that are looked at though no path asks for them: their members may be wanted, or they are reported."""
THESE_DAYS_S = 7 * 86_400
UNSET_BEFORE_S = 1_420_070_400
"""2015: a stamp before it is of a clock that nothing set."""
_GZIP_OR_ZLIB, _RAW_DEFLATE = 47, -15
_UNIT_NAMES = frozenset({"engunit", "engunits", "engineeringunits", "engineering units", "unit", "units", "uom"})


def opened(raw: bytes, steps: list[Step]) -> Any:
    """Parse a payload, and the one inside where it is compressed. Raises DecodeError."""
    payload = _parsed(raw)
    if payload.uuid == COMPRESSED:
        outer, payload = payload, _parsed(_inflated(payload.body))
        steps.append(Step("body", f"{len(outer.body)} bytes, inflated to {payload.ByteSize()}"))
        if outer.HasField("seq") and not payload.HasField("seq"):
            payload.seq = outer.seq
    if payload.body:
        steps.append(Step("body", f"{len(payload.body)} bytes that are not read", True, Reason.NOT_READ))
    if len(payload.metrics) > MAX_METRICS:
        raise TooLargeError.of("sparkplug_metrics", count=len(payload.metrics), max_metrics=MAX_METRICS)
    return payload


def _inflated(body: bytes) -> bytes:
    """Inflate GZIP, zlib or bare DEFLATE within a bound. Raises DecodeError."""
    for window_bits in (_GZIP_OR_ZLIB, _RAW_DEFLATE):
        inflating = zlib.decompressobj(window_bits)
        try:
            inflated = inflating.decompress(body, MAX_INFLATED_BYTES)
        except zlib.error:
            continue
        if inflating.unconsumed_tail:
            raise TooLargeError.of("sparkplug_inflates", count=len(body), max=MAX_INFLATED_BYTES)
        if inflating.eof:
            return inflated
    raise DecodeError.of("sparkplug_body", count=len(body))


def _parsed(raw: bytes) -> Any:
    try:
        return Payload.FromString(raw)
    except (ProtobufError, UnicodeDecodeError) as error:
        raise DecodeError.of("sparkplug_payload", error=error) from None


class Stamps:
    """Reads a payload's stamps: milliseconds since 1970, though some senders write seconds, or finer units.

    A clock that was never set counts milliseconds from 1970 too. A small number is of seconds only where the payload
    shows that its clock is set, or where it is of these days.
    """

    def __init__(self, payload_stamp: int, received_us: int) -> None:
        self._received_s = received_us / US_PER_S
        self._is_set = UNSET_BEFORE_S <= _ms(payload_stamp) / MS_PER_S < MILLISECONDS_FROM
        self.payload_ms = self.ms(payload_stamp)

    def ms(self, stamp: int) -> int:
        """Return milliseconds since 1970."""
        if UNSET_BEFORE_S <= stamp < MILLISECONDS_FROM and (
            self._is_set or abs(self._received_s - stamp) < THESE_DAYS_S
        ):
            return stamp * MS_PER_S
        return _ms(stamp)


def _ms(stamp: int) -> int:
    """Return milliseconds of a stamp that may count micro- or nanoseconds: as milliseconds it is beyond any year."""
    if stamp < MICROSECONDS_FROM:
        return stamp
    return stamp // 1_000 if stamp < NANOSECONDS_FROM else stamp // 1_000_000


@dataclass(slots=True)
class Element:
    """The metrics of one meter at one time: short name -> value, and -> unit where one is stated."""

    key: str
    stamp_ms: int
    values: dict[str, Any] = field(default_factory=dict)
    units: dict[str, set[str]] = field(default_factory=dict)


class Elements:
    """Metrics grouped by the meters that they may belong to, and by time.

    The name "a/b/c" is "c" of meter "a/b", "b/c" of "a" and "a/b/c" of the node; which of them a profile asks for
    decides. What no path of the profile asks for is left out.
    """

    def __init__(self, birth: Birth, names: frozenset[str], stamps: Stamps, steps: list[Step]) -> None:
        self._birth, self._names, self._stamps, self._steps = birth, names, stamps, steps
        self._count = 0
        self.has_wanted_null = False
        """Whether a metric that the profile asks for is there and has no value yet."""
        self._elements: dict[tuple[str, int], Element] = {}

    def parts(self) -> Iterable[Element]:
        """Return what was found, in the order of the metrics."""
        return self._elements.values()

    def add(self, metric: Any, name: str, stamp_ms: int, depth: int = 0) -> Any:
        """Put a metric, and the members of a template, where they belong. Return its value."""
        self._count += 1
        if self._count > MAX_METRICS:
            raise TooLargeError.of("sparkplug_members", max_metrics=MAX_METRICS)
        parts = name.split(SEPARATOR)
        cuts = [
            n for n in range(max(0, len(parts) - MAX_DEPTH), len(parts)) if SEPARATOR.join(parts[n:]) in self._names
        ]
        if not cuts and not depth and metric.WhichOneof("value") not in LOOKED_INTO:
            return None
        self.has_wanted_null |= metric.is_null and bool(cuts)
        value = self._value(metric, name, stamp_ms, depth)
        if value is None or self._count > MAX_METRICS:
            return None
        unit = unit_of(metric) or self._birth.units.get(name)
        for cut in cuts:
            key, short = SEPARATOR.join(parts[:cut]), SEPARATOR.join(parts[cut:])
            element = self._elements.setdefault((key, stamp_ms), Element(key, stamp_ms))
            element.values[short] = value
            for member, stated in [(short, unit), *self._units_below(metric, name)]:
                if stated:
                    element.units.setdefault(member, set()).add(stated)
        return value

    def _units_below(self, metric: Any, name: str) -> Iterable[tuple[str, str | None]]:
        """Yield the units of a template's members, for paths that go into it."""
        if metric.WhichOneof("value") == "template_value":
            for member in metric.template_value.metrics:
                yield member.name, unit_of(member) or self._birth.units.get(f"{name}{SEPARATOR}{member.name}")
                yield from self._units_below(member, f"{name}{SEPARATOR}{member.name}")

    def _value(self, metric: Any, name: str, stamp_ms: int, depth: int) -> Any:
        kind = metric.WhichOneof("value")
        if metric.is_null or kind is None:
            return None
        quality = _property(metric, "quality")
        if isinstance(quality, int) and quality not in GOOD:
            self._steps.append(Step(name, f"quality {quality}: left out", is_ignored=True))
            return None
        try:
            if kind == "template_value":
                return self._members(metric.template_value, name, stamp_ms, depth)
            if kind == "dataset_value":
                return _table(metric.dataset_value)
            return value_of(metric, kind, metric.datatype or self._birth.types.get(name, 0))
        except DecodeError as error:
            self._steps.append(Step(name, str(error), is_fault=True, reason=error.reason))
            return None

    def _members(self, template: Any, name: str, stamp_ms: int, depth: int) -> dict[str, Any] | None:
        """Return a template's values by name. Its definition has none."""
        if template.is_definition:
            return None
        if depth >= MAX_DEPTH:
            raise NotReadError.of("sparkplug_template", max_depth=MAX_DEPTH)
        return {
            member.name: self.add(
                member, f"{name}{SEPARATOR}{member.name}", self._stamps.ms(member.timestamp) or stamp_ms, depth + 1
            )
            for member in template.metrics
            if isinstance(member.name, str) and member.name
        }


def unit_of(metric: Any) -> str | None:
    """Return the unit that a metric's properties state."""
    for name, value in zip(metric.properties.keys, metric.properties.values, strict=False):
        if isinstance(name, str) and name.lower() in _UNIT_NAMES and isinstance(value.string_value, str):
            return value.string_value.strip() or None
    return None


def _property(metric: Any, name: str) -> int | None:
    """Return an integer property of a metric."""
    for key, value in zip(metric.properties.keys, metric.properties.values, strict=False):
        kind = value.WhichOneof("value")
        if isinstance(key, str) and key.lower() == name and kind in {"int_value", "long_value"} and not value.is_null:
            return int(getattr(value, kind))
    return None


def value_of(metric: Any, kind: str, datatype: int) -> Any:
    """Return a value; integers are signed by their datatype. Raises DecodeError."""
    value = getattr(metric, kind)
    if kind in {"int_value", "long_value"}:
        return float(_integer(value, datatype, 32 if kind == "int_value" else 64))
    if kind in {"float_value", "double_value"}:
        return float(value) if math.isfinite(value) else None
    if kind == "bytes_value" and datatype in ARRAYS:
        return _array(value, ARRAYS[datatype])
    if kind in {"bytes_value", "extension_value"}:
        raise NotReadError.of("sparkplug_kind", kind=kind, datatype=datatype)
    return str(value) if kind == "string_value" else None


def _integer(value: int, datatype: int, width: int) -> int:
    bits = SIGNED_BITS.get(datatype)
    if bits is not None:
        value = _signed(value, bits)
        if bits >= WIDE_BITS and value == -(1 << (bits - 1)):
            raise DecodeError.of("sparkplug_least", value=value, bits=bits)
        return value
    bits = UNSIGNED_BITS.get(datatype, width)
    if bits >= WIDE_BITS and value == (1 << bits) - 1:
        raise DecodeError.of("sparkplug_all_bits", value=value, bits=bits)
    return value


def _signed(value: int, bits: int) -> int:
    """Decode two's complement, whether a small number was extended to the field's width or not."""
    if value < 1 << (bits - 1):
        return value
    width = next(width for width in (bits, 32, 64) if value < 1 << width)
    return value - (1 << width)


def _array(raw: bytes, letter: str) -> list[float | None]:
    size = struct.calcsize("<" + letter)
    if len(raw) % size:
        raise DecodeError.of("sparkplug_array", count=len(raw), size=size)
    numbers = struct.unpack(f"<{len(raw) // size}{letter}", raw)
    return [float(number) if math.isfinite(number) else None for number in numbers]


def _table(table: Any) -> list[dict[str, Any]]:
    """Return the rows of a data set, each as column -> value. Raises DecodeError."""
    columns, types = list(table.columns), list(table.types)
    if len(types) < len(columns):
        types += [0] * (len(columns) - len(types))
    rows = []
    for row in table.rows:
        if len(row.elements) != len(columns):
            raise DecodeError.of("sparkplug_row", count=len(row.elements), columns=len(columns))
        cells = zip(columns, types, row.elements, strict=False)
        rows.append({str(column): _cell(cell, datatype) for column, datatype, cell in cells})
    return rows


def _cell(cell: Any, datatype: int) -> Any:
    kind = cell.WhichOneof("value")
    return None if kind is None else value_of(cell, kind, datatype)
