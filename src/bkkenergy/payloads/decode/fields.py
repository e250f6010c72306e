"""Any JSON, by paths: where each quantity stands is the profile's, not code's."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import jmespath
import msgspec

from bkkenergy.payloads.decode.base import DecodedRow, Outgoing, RowDecoder, Step
from bkkenergy.payloads.decode.bounds import check_json_size
from bkkenergy.payloads.decode.times import read_number, read_time, shown
from bkkenergy.payloads.message import DecodeError, Message
from bkkenergy.payloads.profile import (
    QUANTITY_OF,
    ROOT_MARK,
    UNITS,
    FieldSpec,
    Profile,
    in_product_unit,
    unit_named,
)
from bkkenergy.readings import US_PER_S

MAX_ELEMENTS = 10_000
NO_VALUE_TEXTS = frozenset({"", "unavailable", "unknown", "none", "null", "nan"})
_PRODUCT_UNITS = {quantity: unit for unit, (quantity, factor) in reversed(list(UNITS.items())) if factor == 1.0}
_compiled = lru_cache(maxsize=1024)(jmespath.compile)


class FieldsDecoder(RowDecoder):
    """JSON payloads mapped by JMESPath."""

    def rows(self, message: Message, steps: list[Step]) -> Iterable[DecodedRow]:
        """Return one row an element of the payload."""
        root = parse_json(message.payload)
        if self.profile.replies and not message.retained and not message.late:
            self.ask(replies_to(self.profile, message.topic, root))
        return read_elements(self.profile, message.topic, root, steps)


def replies_to(profile: Profile, topic: str, root: Any) -> list[Outgoing]:
    """Return what the device expects to be answered to a payload."""
    return [
        Outgoing(topic.replace(reply.of, reply.by, 1), msgspec.json.encode(reply.body))
        for reply in profile.replies
        if reply.of in topic and search(reply.when, root)
    ]


def parse_json(payload: bytes) -> Any:
    """Parse a payload as JSON. Raises DecodeError, also for nesting without end."""
    check_json_size(payload)
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError.of("decode_json", error=error) from None


def read_elements(
    profile: Profile, address: str, root: Any, steps: list[Step], *, may_be_empty: bool = False
) -> list[DecodedRow]:
    """Read rows of every element that the profile finds in a decoded payload. Raises DecodeError.

    may_be_empty : whether an element with nothing of the profile still has what its fields mean by being absent.
    """
    if profile.ignore is not None and search(profile.ignore, root):
        steps.append(Step(f"ignore = {profile.ignore}", "left out, as the profile says", is_ignored=True))
        return []
    if profile.keys:
        return _read_keys(profile, address, root, steps)
    rows = []
    for element in _listed(profile, root, steps):
        try:
            if not applies_to(profile, element, root, steps):
                continue
            row = read_element(profile, address, element, root, steps, may_be_empty=may_be_empty)
        except DecodeError as error:
            steps.append(Step("element", str(error), is_fault=True))
            continue
        if row.values:
            rows.append(row)
    if not rows and not any(step.is_fault or step.is_ignored for step in steps):
        steps.append(Step("fields", "none of the profile's fields has a value", is_fault=True))
    return rows


def _listed(profile: Profile, root: Any, steps: list[Step]) -> list[Any]:
    """Return the elements of a payload: itself, or those of its list. Raises DecodeError."""
    if profile.each is None:
        return [root]
    listed = search(profile.each, root)
    if not isinstance(listed, list):
        raise DecodeError.of("decode_each", each=repr(profile.each), value=shown(listed))
    elements = [element for element in listed if element is not None]
    steps.append(Step(f"each = {profile.each}", f"{len(elements)} elements"))
    if len(elements) > MAX_ELEMENTS:
        raise DecodeError.of("decode_elements", count=len(elements), max_elements=MAX_ELEMENTS)
    return elements


def _read_keys(profile: Profile, address: str, root: Any, steps: list[Step]) -> list[DecodedRow]:
    """Read a row for each of the profile's keys that the payload has something of. Raises DecodeError."""
    rows = []
    for of_key in profile.of_keys:
        key_steps: list[Step] = []
        try:
            if not applies_to(of_key, root, root, key_steps):
                steps += key_steps
                continue
            row = read_element(of_key, address, root, root, key_steps, key=of_key.keys[0])
        except DecodeError as error:
            steps.append(Step(f"key {of_key.keys[0]}", str(error), is_fault=True))
            continue
        faults = [step for step in key_steps if step.is_fault]
        steps += key_steps if row.values else faults
        if row.values:
            rows.append(row)
    if not rows and not any(step.is_fault or step.is_ignored for step in steps):
        steps.append(Step("keys", "the payload has nothing of any of the profile's keys", is_fault=True))
    return rows


def applies_to(profile: Profile, element: Any, root: Any, steps: list[Step]) -> bool:
    """Return whether an element is one that the profile is for, and add the step where not. Raises DecodeError.

    0 is not true, as a quality of 0 is not good; within an expression of JMESPath itself it is.
    """
    if profile.when is None or _at(profile.when, element, root):
        return True
    steps.append(Step(f"when = {profile.when}", "not true: left out", is_ignored=True))
    return False


def read_element(
    profile: Profile,
    address: str,
    element: Any,
    root: Any,
    steps: list[Step],
    *,
    units: Mapping[str, Collection[str]] = MappingProxyType({}),
    key: str = "",
    may_be_empty: bool = False,
) -> DecodedRow:
    """Read one element as a row and add every step. Raises DecodeError for its key or time.

    key : where the profile finds none in the element. units : name in the element -> units that the payload states
        for it; they overrule the profile's. may_be_empty : see `read_elements`.
    """
    if profile.topic_key is not None:
        key = key_in(address, profile.topic_key)
        steps.append(Step(f"topic_key = {profile.topic_key}", key))
    if profile.key is not None:
        name_read = _at(profile.key, element, root)
        if not isinstance(name_read, str | int) or isinstance(name_read, bool):
            raise DecodeError.of("decode_key", name=repr(profile.key), value=shown(name_read))
        key = str(name_read)
        steps.append(Step(f"key = {profile.key}", key))
    ts_us = _time_of(profile, element, root, steps)
    values, left_out = _values_of(profile, element, root, steps, units)
    if values or may_be_empty:
        values |= left_out
        steps += [Step(name, f"left out: {value:.10g} {_unit_of(name)}") for name, value in left_out.items()]
    return DecodedRow((address, key), ts_us, values)


def _values_of(
    profile: Profile, element: Any, root: Any, steps: list[Step], units: Mapping[str, Collection[str]]
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the values of an element's fields, and what fields mean by being absent; add every step."""
    values: dict[str, float] = {}
    left_out: dict[str, float] = {}
    says_none = False
    for name, spec in profile.fields.items():
        if spec.path is None:
            continue
        try:
            raw = _at(spec.path, element, root)
            if raw is None and spec.absent is not None:
                left_out[name] = _in_product_unit(spec.absent, spec, spec.unit)
                continue
            stated = None if raw is None else _stated_unit(spec, element, root, units)
            value = field_value(name, raw, spec, profile, stated)
        except DecodeError as error:
            steps.append(Step(f"{name} = {spec.path}", str(error), is_fault=True))
            continue
        if value is not None:
            values[name] = value
        says_none |= value is None and raw is not None
        steps.append(Step(f"{name} = {spec.path}", "no value" if value is None else f"{value:.10g} {_unit_of(name)}"))
    if says_none and not values:
        steps.append(Step("fields", "the device says that it has no value", is_ignored=True))
    return values, left_out


def key_in(topic: str, level: int) -> str:
    """Return a level of a topic, counted from 1. Raises DecodeError."""
    levels = topic.split("/")
    if level > len(levels) or not levels[level - 1]:
        raise DecodeError.of("decode_level", topic=repr(topic), level=level)
    return levels[level - 1]


def _time_of(profile: Profile, element: Any, root: Any, steps: list[Step]) -> int | None:
    spec = profile.time
    if spec is None:
        steps.append(Step("time", "the profile names none: stamped when it comes"))
        return None
    value = _at(spec.path, element, root)
    if value is None and not spec.required:
        steps.append(Step(f"time = {spec.path}", "not there: stamped when it comes"))
        return None
    if value is None:
        raise DecodeError.of("decode_no_time", path=repr(spec.path))
    ts_us, how = read_time(value, spec)
    if spec.unset_before is not None and ts_us < _midnight_us(spec.unset_before, spec.timezone):
        steps.append(Step(f"time = {spec.path}", f"{shown(value)}: the clock was not set; stamped when it comes"))
        return None
    steps.append(Step(f"time = {spec.path}", f"{shown(value)} {how}"))
    return ts_us


@lru_cache
def _midnight_us(day: dt.date, timezone: str) -> int:
    return round(dt.datetime.combine(day, dt.time(), ZoneInfo(timezone)).timestamp()) * US_PER_S


def _stated_unit(spec: FieldSpec, element: Any, root: Any, units: Mapping[str, Collection[str]]) -> str | None:
    """Return the unit that the payload states for a field; None where it states none. Raises DecodeError."""
    if spec.unit_path is not None:
        stated = _at(spec.unit_path, element, root)
        return None if stated is None else str(stated)
    if not units or spec.path is None:
        return None
    stated_units = {unit for name in names_in((spec.path,)) for unit in units.get(name, ())}
    if len(stated_units) > 1:
        raise DecodeError.of("decode_units", path=repr(spec.path), known=", ".join(sorted(stated_units)))
    return next(iter(stated_units), None)


@lru_cache(maxsize=1024)
def names_in(paths: tuple[str, ...]) -> frozenset[str]:
    """Return every name that paths look up."""
    names: set[str] = set()
    waiting = [_compiled(path.removeprefix(ROOT_MARK)).parsed for path in paths]
    while waiting:
        node = waiting.pop()
        if node["type"] == "field":
            names.add(node["value"])
        waiting += node.get("children", ())
    return frozenset(names)


def field_value(name: str, raw: Any, spec: FieldSpec, profile: Profile, stated: str | None = None) -> float | None:
    """Convert a raw value to the product's unit; None where there is none. Raises DecodeError.

    stated : the unit that the payload names; it overrules the profile's.
    """
    if raw is None or (isinstance(raw, str) and raw.strip().lower() in NO_VALUE_TEXTS):
        return None
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise DecodeError.of("decode_number", value=shown(raw))
    try:
        number = read_number(raw) if isinstance(raw, str) else float(raw)
    except (ValueError, OverflowError):
        raise DecodeError.of("decode_number", value=shown(raw)) from None
    if not math.isfinite(number):
        raise DecodeError.of("decode_finite", value=shown(raw))
    if number in (profile.no_value if spec.no_value is None else spec.no_value):
        return None
    unit = spec.unit if stated is None else unit_named(stated)
    if unit is None or UNITS[unit][0] != QUANTITY_OF[name]:
        raise DecodeError.of("decode_unit", stated=repr(stated), name=name)
    value = _in_product_unit(number, spec, unit)
    if not math.isfinite(value):
        raise DecodeError.of("decode_unit_beyond", value=shown(raw), unit=unit, name=_unit_of(name))
    return value


def _in_product_unit(number: float, spec: FieldSpec, unit: str) -> float:
    return in_product_unit(number * spec.scale, unit) / (spec.pulses_per_kwh or 1.0)


def _at(path: str, element: Any, root: Any) -> Any:
    """Find what a path leads to in the element, or in the whole payload where it begins with the mark."""
    if path.startswith(ROOT_MARK):
        return search(path.removeprefix(ROOT_MARK), root)
    return search(path, element)


def search(path: str, value: Any) -> Any:
    """Return what a path leads to. Raises DecodeError."""
    try:
        return _compiled(path).search(value)
    except (jmespath.exceptions.JMESPathError, RecursionError, OverflowError) as error:
        raise DecodeError.of("decode_path", path=repr(path), error=_said(error)) from None


def _said(error: Exception) -> str:
    """Return what an error says in one line; one that shows its value may end in the depth of that value."""
    try:
        return " ".join(str(error).split())
    except (ValueError, RecursionError):
        return "its value is nested too deeply to be shown"


def _unit_of(name: str) -> str:
    return _PRODUCT_UNITS[QUANTITY_OF[name]]
