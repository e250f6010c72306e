"""Registers of Modbus meters: which hold what, and what their words say. Pure.

Source: MODBUS Application Protocol Specification V1.1b3, section 4.2: a register has 16 bits, the high byte first. The
order of the registers of a longer value is the maker's own choice.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bkkenergy.errors import WrongValue
from bkkenergy.portfolio.models import Slug
from bkkenergy.readings import MORE_FIELDS
from bkkenergy.texts import Phrase
from bkkenergy.tomlfiles import Frozen

Form = Literal["uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]
CODES: Mapping[Form, str] = MappingProxyType(
    {
        "uint16": "H",
        "int16": "h",
        "uint32": "I",
        "int32": "i",
        "uint64": "Q",
        "int64": "q",
        "float32": "f",
        "float64": "d",
    }
)
SCALARS = ("energy_kwh", "export_kwh", "power_kw", "power_factor", "frequency_hz", *MORE_FIELDS)
PHASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "voltage_v": ("voltage_l1_v", "voltage_l2_v", "voltage_l3_v"),
        "current_a": ("current_l1_a", "current_l2_a", "current_l3_a"),
    }
)
FIELD_NAMES = frozenset((*SCALARS, *(name for names in PHASES.values() for name in names)))


class RegisterField(Frozen):
    """Where one value is. scale : from what the registers hold to the unit of its name."""

    address: Annotated[int, Field(ge=0, le=65_535)]
    form: Form
    scale: Annotated[float, Field(gt=0)] = 1.0

    @property
    def count(self) -> int:
        """How many registers it takes."""
        return struct.calcsize(CODES[self.form]) // 2


class RegisterCheck(Frozen):
    """A value that is within bounds wherever the map fits, such as the frequency."""

    field: str
    least: float
    most: float


class RegisterMap(Frozen):
    """Registers of one kind of meter.

    source : where they were read. word_order : of values of several registers. has_undefined : all bits set, or of
    signed values all but the first, mean "no value". unverified : no source of the maker could be read.
    """

    id: Slug
    name_en: str
    source: Annotated[str, Field(min_length=1)]
    function: Literal["input", "holding"]
    word_order: Literal["high-first", "low-first"] = "high-first"
    has_undefined: bool = False
    check: RegisterCheck
    fields: Annotated[dict[str, RegisterField], Field(min_length=1)]
    unverified: bool = False

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        if unknown := sorted(self.fields.keys() - FIELD_NAMES):
            raise WrongValue("no_field_of_map", names=", ".join(unknown), known=", ".join(sorted(FIELD_NAMES)))
        if self.check.field not in self.fields:
            raise WrongValue("check_names_none", name=self.check.field)
        return self


def value_of(
    words: Sequence[int], field: RegisterField, kind: RegisterMap, *, is_swapped: bool = False
) -> float | None:
    """Return what registers say in the unit of the field; None where they say that there is no value.

    is_swapped : whether to take the other order of words than the map's.
    """
    is_low_first = (kind.word_order == "low-first") != is_swapped
    raw = struct.pack(f">{len(words)}H", *(reversed(words) if is_low_first else words))
    if kind.has_undefined and _is_undefined(raw, field.form):
        return None
    (value,) = struct.unpack(f">{CODES[field.form]}", raw)
    return float(value) * field.scale if math.isfinite(value) else None


def _is_undefined(raw: bytes, form: Form) -> bool:
    if form.startswith("float"):
        return False
    ones = b"\xff" * len(raw)
    return raw == (ones if form.startswith("uint") else b"\x7f" + ones[1:])


def misfit(words: Mapping[str, Sequence[int]], kind: RegisterMap) -> Phrase | None:
    """Return why a map does not fit what a device answered; None where it fits, or cannot be checked now."""
    name, least, most = kind.check.field, kind.check.least, kind.check.most
    if name not in words:
        return None
    value = value_of(words[name], kind.fields[name], kind)
    if value is None or least <= value <= most:
        return None
    other = value_of(words[name], kind.fields[name], kind, is_swapped=True)
    seen = {"name": name, "value": f"{value:g}", "least": f"{least:g}", "most": f"{most:g}"}
    if other is None or not least <= other <= most:
        return Phrase("modbus.misfit", seen)
    order = "high-first" if kind.word_order == "low-first" else "low-first"
    return Phrase("modbus.misfit_order", seen | {"other": f"{other:g}", "order": order})


def payload_of(values: Mapping[str, float], ts_us: int) -> bytes:
    """Return values as the product's own payload."""
    body: dict[str, object] = {"ts": ts_us // 1000}
    body |= {name: values[name] for name in SCALARS if name in values}
    for name, phases in PHASES.items():
        if any(phase in values for phase in phases):
            body[name] = [values.get(phase) for phase in phases]
    return json.dumps(body).encode()
