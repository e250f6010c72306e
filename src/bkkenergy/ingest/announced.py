"""What devices announce of themselves for Home Assistant: which topic will carry what, in which unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from bkkenergy.payloads.decode.fields import parse_json
from bkkenergy.payloads.message import DecodeError
from bkkenergy.payloads.profile import UNITS, unit_named

LAST_LEVEL = "config"
LEVELS = (4, 5)
"""Of a topic <prefix>/<component>/[<node>/]<object>/config; a whole device's has four."""
BASE_MARK = "~"
LONG_NAMES = {
    "stat_t": "state_topic",
    "val_tpl": "value_template",
    "unit_of_meas": "unit_of_measurement",
    "uniq_id": "unique_id",
    "dev": "device",
    "cmps": "components",
}
NOT_METERED = frozenset({"temperature", "factor", "irradiance"})
"""Quantities that say of no meter that it is one: a phone's battery is in percent too."""


class Announced(NamedTuple):
    """A value that a device announces.

    topic : on which it will come. name : what the device calls it. unit : as it writes it. template : how Home
    Assistant takes it out of the payload; empty where the payload is the value.
    """

    topic: str
    name: str
    unit: str
    template: str

    @property
    def is_metered(self) -> bool:
        """Whether its unit is one of what meters measure."""
        unit = unit_named(self.unit)
        return unit is not None and UNITS[unit][0] not in NOT_METERED

    def __str__(self) -> str:
        return f"{self.name} in {self.unit or 'no unit'}{f', {self.template}' if self.template else ''}"


def announced(topic: str, payload: bytes) -> list[Announced] | None:
    """Return the values that a message announces; None where it is no announcement."""
    levels = topic.split("/")
    if levels[-1] != LAST_LEVEL or len(levels) not in LEVELS:
        return None
    if not payload.strip():
        return []  # an announcement taken back
    try:
        root = parse_json(payload)
    except DecodeError:
        return None
    if not isinstance(root, dict) or not ({"unique_id", "device", "components"} & (whole := _long(root)).keys()):
        return None
    return list(_values(whole))


def _values(whole: Mapping[str, Any]) -> Iterable[Announced]:
    """Yield the values of an announcement: of one component, or of each of a device's."""
    components = whole.get("components")
    ones = components.values() if isinstance(components, dict) else [{}]
    for one in ones:
        merged = {**whole, **_long(one)} if isinstance(one, dict) else whole
        topic, base = merged.get("state_topic"), merged.get(BASE_MARK)
        if not isinstance(topic, str):
            continue
        if isinstance(base, str):
            topic = base + topic[1:] if topic.startswith(BASE_MARK) else topic
            topic = topic[:-1] + base if topic.endswith(BASE_MARK) else topic
        named = (merged.get(name) for name in ("name", "unit_of_measurement", "value_template"))
        yield Announced(topic, *("" if value is None else str(value) for value in named))


def _long(names: Mapping[str, Any]) -> dict[str, Any]:
    return {LONG_NAMES.get(name, name): value for name, value in names.items()}
