"""Whether a profile can do what it says: keys that nothing reads, paths that find nothing, times that are none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import jmespath
from jmespath.functions import Functions

from bkkenergy.errors import Fault
from bkkenergy.payloads.profile import KEY_MARK, ROOT_MARK, FieldSpec, Profile, with_key
from bkkenergy.portfolio import MeterKind
from bkkenergy.readings import ENERGY_FIELDS, MORE_REGISTERS
from bkkenergy.texts import or_none

_PATHS = frozenset(("each", "key", "topic_key", "keys", "time", "fields", "ignore", "when", "no_value"))
_UPLINKS = _PATHS | {"binary", "frame_bytes", "tlv", "f_port"}
READ_BY: Mapping[str, frozenset[str]] = {
    "canonical": frozenset(),
    "fields": _PATHS | {"replies"},
    "number": frozenset(("topic_key", "fields", "no_value")),
    "csv": (_PATHS - {"each", "keys", "ignore"}) | {"columns", "delimiter"},
    "chirpstack": _UPLINKS,
    "things-stack": _UPLINKS,
    "sparkplug": frozenset(("each", "fields", "when", "no_value")),
}
"""Family -> the keys of a profile that it reads. A family that is not here is a plug-in's, which judges its own."""
OF_EVERY_FAMILY = frozenset(("id", "name_en", "source", "family", "unverified"))
BYTES_OF = {"8": 1, "16": 2, "32": 4, "64": 8}
TRIED = dt.datetime(2026, 11, 27, 13, 0)  # noqa: DTZ001 - patterns of devices have their zone elsewhere


def profile_faults(profile: Profile, where: str) -> list[Fault]:
    """Return why a profile would not do what it says, with remedies; empty for families of plug-ins."""
    if profile.family not in READ_BY:
        return []
    return [
        *_unread(profile, where),
        *_places(profile, where),
        *_paths(profile, where),
        *_keys(profile, where),
        *_time(profile, where),
        *_frame(profile, where),
        *_columns(profile, where),
    ]


def _unread(profile: Profile, where: str) -> Iterator[Fault]:
    """Find keys that mean nothing in this family: what they filter would be stored all the same."""
    for key in sorted(profile.model_fields_set - READ_BY[profile.family] - OF_EVERY_FAMILY):
        families = ", ".join(family for family, keys in READ_BY.items() if key in keys)
        yield Fault.of("profile_unread", f"{where}.{key}", key=key, family=profile.family, known=families)


def _places(profile: Profile, where: str) -> Iterator[Fault]:
    """Find fields that nothing leads to, and two that one topic leads to."""
    if profile.family == "canonical":
        return
    if not profile.fields:
        yield Fault.of("profile_no_fields", f"{where}.fields")
    is_number = profile.family == "number"
    suffixes: set[str] = set()
    for name, spec in profile.fields.items():
        path = spec.suffix if is_number else spec.path
        if not path or (spec.suffix is not None and not is_number):
            yield Fault.of("profile_place", f"{where}.fields.{name}", due="suffix" if is_number else "path")
        elif is_number and (path in suffixes or set("+#") & set(path) or path.startswith("/")):
            yield Fault.of("profile_suffix", f"{where}.fields.{name}.suffix", suffix=path)
        suffixes.add(path or "")
        if spec.unit_path is not None and spec.pulses_per_kwh is not None:
            yield Fault.of("profile_unit_of_pulses", f"{where}.fields.{name}.unit_path")


def _texts(profile: Profile) -> Iterator[tuple[str, str]]:
    """Yield every path of a profile with the key under which it stands."""
    for key in ("each", "key", "ignore", "when"):
        if (text := getattr(profile, key)) is not None:
            yield key, text
    if profile.time is not None:
        yield "time.path", profile.time.path
    for name, spec in profile.fields.items():
        for key, text in (("path", spec.path), ("unit_path", spec.unit_path)):
            if text is not None:
                yield f"fields.{name}.{key}", text
    for number, reply in enumerate(profile.replies):
        yield f"replies[{number}].when", reply.when


def _paths(profile: Profile, where: str) -> Iterator[Fault]:
    """Find calls of functions that are none, names that no column has, and marks where none is read."""
    for key, text in _texts(profile):
        if text.startswith(ROOT_MARK) and key.split(".")[0].split("[")[0] in {"each", "ignore", "replies"}:
            yield Fault.of("profile_root", f"{where}.{key}", mark=ROOT_MARK)
            continue
        names: set[str] = set()
        for kind, name, arguments in _nodes(text):
            if kind == "field":
                names.add(name)
            else:
                yield from _call(name, arguments, f"{where}.{key}")
        if profile.family == "csv" and (unknown := names - set(profile.columns)):
            yield Fault.of("profile_no_column", f"{where}.{key}", name=min(unknown), known=or_none(profile.columns))


def _nodes(text: str) -> Iterator[tuple[str, str, int]]:
    """Yield fields and calls of a path: what it is, its name, and of how many arguments."""
    waiting = [jmespath.compile(with_key(text.removeprefix(ROOT_MARK), "k")).parsed]
    while waiting:
        node = waiting.pop()
        if node["type"] in {"field", "function_expression"}:
            yield node["type"], node["value"], len(node["children"])
        waiting += node.get("children", ())


def _call(name: str, arguments: int, where: str) -> Iterator[Fault]:
    """Find a call that cannot be worked out."""
    signature = Functions.FUNCTION_TABLE.get(name, {}).get("signature")
    if signature is None:
        yield Fault.of("profile_function", where, name=f"{name}()")
        return
    is_open = bool(signature) and signature[-1].get("variadic", False)
    if arguments < len(signature) or (arguments > len(signature) and not is_open):
        yield Fault.of("profile_arguments", where, name=f"{name}()", due=len(signature), given=arguments)


def _keys(profile: Profile, where: str) -> Iterator[Fault]:
    """Find counters that every one of the keys would read from one place, and a mark without keys."""
    marked = {key for key, text in _texts(profile) if KEY_MARK in text}
    if not profile.keys:
        for key in sorted(marked):
            yield Fault.of("profile_mark", f"{where}.{key}", mark=KEY_MARK)
        return
    for name in profile.fields:
        if name in (*ENERGY_FIELDS, *MORE_REGISTERS) and f"fields.{name}.path" not in marked and len(profile.keys) > 1:
            yield Fault.of("profile_same_place", f"{where}.fields.{name}.path", mark=KEY_MARK)


def _time(profile: Profile, where: str) -> Iterator[Fault]:
    """Find a zone that is none, and a pattern that says no day and hour."""
    if profile.time is None:
        return
    try:
        ZoneInfo(profile.time.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield Fault.of("profile_zone", f"{where}.time.timezone", name=profile.time.timezone)
    form = profile.time.form
    if "%" in form and not _says_day_and_hour(form):
        yield Fault.of("profile_pattern", f"{where}.time.form", form=form)


def _says_day_and_hour(form: str) -> bool:
    try:
        read = dt.datetime.strptime(TRIED.replace(tzinfo=dt.UTC).strftime(form), form)  # noqa: DTZ007 - as devices write it
    except ValueError:
        return False
    return read.replace(tzinfo=None) == TRIED


def _frame(profile: Profile, where: str) -> Iterator[Fault]:
    """Find numbers beyond the frame, a frame that is described twice, and names that no item has."""
    if profile.binary and profile.tlv:
        yield Fault.of("profile_two_layouts", f"{where}.tlv")
    for name, spec in profile.binary.items():
        end = spec.offset + BYTES_OF[spec.type[1:]]
        if profile.frame_bytes is not None and end > profile.frame_bytes:
            yield Fault.of("profile_beyond", f"{where}.binary.{name}", end=end, bytes=profile.frame_bytes)
    items = {*profile.binary, *(spec.name for spec in profile.tlv.values() if spec.name)}
    for name, field in profile.fields.items() if items else ():
        if not _finds_item(field, items):
            yield Fault.of("profile_no_item", f"{where}.fields.{name}.path", known=", ".join(sorted(items)))


def _finds_item(spec: FieldSpec, items: set[str]) -> bool:
    return spec.path is None or bool(items & {name for kind, name, _ in _nodes(spec.path) if kind == "field"})


def _columns(profile: Profile, where: str) -> Iterator[Fault]:
    """Find columns of one name, of which the last would count, and a mark that cannot be between them."""
    doubled = sorted({name for name in profile.columns if profile.columns.count(name) > 1})
    if doubled or profile.delimiter in '"\r\n':
        yield Fault.of("profile_columns", f"{where}.columns", names=", ".join(doubled) or repr(profile.delimiter))


NEEDED_BY: Mapping[MeterKind, frozenset[str]] = {
    MeterKind.REGISTER: frozenset(("energy_kwh",)),
    MeterKind.NET: frozenset(("energy_kwh",)),
    MeterKind.INTERVAL: frozenset(("energy_kwh",)),
    MeterKind.POWER: frozenset(("power_kw",)),
    MeterKind.WEATHER: frozenset(("ghi_wm2", "temp_air_c")),
}
"""Kind of a meter -> quantities of which it needs one; every other is read beside it."""


def lacks(kind: MeterKind, profile: Profile) -> str:
    """Return the quantity that a meter of a kind needs and the profile never reads; empty where there is none."""
    needed = NEEDED_BY.get(kind, frozenset())
    if profile.family not in READ_BY or profile.family == "canonical" or not needed or needed & profile.fields.keys():
        return ""
    return min(needed)
