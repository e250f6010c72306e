"""How each kind of gateway speaks: profiles of config/payloads, with units, times and field paths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

import jmespath
from pydantic import Field, StringConstraints, field_validator, model_validator

from bkkenergy.portfolio.models import Slug
from bkkenergy.readings import QUANTITIES
from bkkenergy.tomlfiles import Frozen

ROOT_MARK = "^"
"""A path that begins with this is looked up in the whole payload, not in one of its elements."""

UNITS: Mapping[str, tuple[str, float]] = {
    "Wh": ("energy", 1e-3),
    "kWh": ("energy", 1.0),
    "MWh": ("energy", 1e3),
    "pulses": ("energy", 1.0),
    "W": ("power", 1e-3),
    "kW": ("power", 1.0),
    "MW": ("power", 1e3),
    "V": ("voltage", 1.0),
    "kV": ("voltage", 1e3),
    "A": ("current", 1.0),
    "mA": ("current", 1e-3),
    "Hz": ("frequency", 1.0),
    "ratio": ("factor", 1.0),
    "percent": ("factor", 0.01),
    "W/m2": ("irradiance", 1.0),
    "degC": ("temperature", 1.0),
}
"""Unit -> what it measures, and the factor to kWh, kW, V, A, Hz and 0..1."""

_SPELLINGS: Mapping[str, str] = {
    **{unit.lower(): unit for unit in ("Wh", "kWh", "W", "kW", "V", "kV", "A", "Hz", "ratio", "percent", "degC")},
    **dict.fromkeys(("kw h", "kw.h", "kw-h", "kw·h", "kilowatt hour", "kilowatt hours", "kilowatthours"), "kWh"),
    **dict.fromkeys(("w h", "w.h", "w-h", "w·h", "watt hour", "watt hours", "watthours"), "Wh"),
    "watt": "W",
    "watts": "W",
    "kilowatt": "kW",
    "kilowatts": "kW",
    "volt": "V",
    "volts": "V",
    "hertz": "Hz",
    "amp": "A",
    "amps": "A",
    "ampere": "A",
    "amperes": "A",
    "%": "percent",
    "pf": "ratio",
    "1": "ratio",
    "cosphi": "ratio",
    "cos phi": "ratio",
    "\u00b0c": "degC",
    "w/m\u00b2": "W/m2",
    "w/m2": "W/m2",
}
"""How payloads write units. Letters are of either case only where that decides nothing: mW is not MW."""


def unit_named(text: str) -> str | None:
    """Return the unit that a payload names; None for one that is not known."""
    return text if text in UNITS else _SPELLINGS.get(text.strip().lower())


QUANTITY_OF = {
    name: next(
        quantity
        for prefix, quantity in {
            "energy": "energy",
            "export": "energy",
            "power_kw": "power",
            "voltage": "voltage",
            "current": "current",
            "power_factor": "factor",
            "frequency": "frequency",
            "ghi": "irradiance",
            "temp_air": "temperature",
        }.items()
        if name.startswith(prefix)
    )
    for name in QUANTITIES
}

TimeForm = Literal["auto", "rfc3339", "local", "unix"]
BinaryType = Literal["u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64"]


class FieldSpec(Frozen):
    """Where one quantity stands, and in what unit.

    path : JMESPath in the element; "^..." in the whole payload.
    suffix : for plain numbers, what follows the meter's topic.
    unit_path : where the payload itself names the unit; it then overrules `unit`.
    pulses_per_kwh : the meter's constant, for unit = "pulses". no_value : numbers that mean "no value" in this field,
        in place of the profile's.
    """

    path: str | None = None
    suffix: str | None = None
    unit: str
    unit_path: str | None = None
    scale: Annotated[float, Field(gt=0)] = 1.0
    pulses_per_kwh: Annotated[float, Field(gt=0)] | None = None
    no_value: tuple[float, ...] | None = None

    @field_validator("unit")
    @classmethod
    def _is_known(cls, unit: str) -> str:
        if unit not in UNITS:
            raise ValueError(f"unit is not known; use one of: {', '.join(UNITS)}")
        return unit

    @field_validator("path", "unit_path")
    @classmethod
    def _compiles(cls, path: str | None) -> str | None:
        return _compiled(path)

    @model_validator(mode="after")
    def _pulses_have_their_constant(self) -> Self:
        if (self.unit == "pulses") != (self.pulses_per_kwh is not None):
            raise ValueError('unit = "pulses" and pulses_per_kwh go together')
        return self


def _compiled(path: str | None) -> str | None:
    if path is not None:
        try:
            jmespath.compile(path.removeprefix(ROOT_MARK))
        except jmespath.exceptions.JMESPathError as error:
            raise ValueError(f"no JMESPath: {' '.join(str(error).split())}") from None
    return path


class TimeSpec(Frozen):
    """Where the time stands and how it is written; a payload without it is stamped when it comes.

    form : "auto" takes RFC 3339 with offset and numbers since 1970 in seconds, milliseconds or
        microseconds; "local" takes times without offset as those of `timezone`; else a pattern of
        strptime such as "%d/%m/%Y %H:%M".
    required : whether a payload without time is refused instead of stamped.
    """

    path: str
    form: TimeForm | Annotated[str, StringConstraints(pattern="%")] = "auto"
    timezone: str = "Asia/Bangkok"
    required: bool = True

    @field_validator("path")
    @classmethod
    def _compiles(cls, path: str) -> str:
        return _compiled(path) or path


class BinarySpec(Frozen):
    """One number in a binary payload: its place in bytes, and its type."""

    offset: Annotated[int, Field(ge=0, le=250)]
    type: BinaryType
    little_endian: bool = False


class Profile(Frozen):
    """One kind of payload.

    family : the decoder. each : JMESPath to the list of elements of a message that holds many.
    key : JMESPath to the meter's name in an element; a meter's `key` in the portfolio must match it.
    ignore : JMESPath in the payload; where it finds something the message is no reading, and no fault.
    when : JMESPath in the element; what it does not find true is left out, such as values of bad quality.
    f_port : of LoRaWAN uplinks; those of other ports are left out.
    columns, delimiter : for CSV lines. binary : for ChirpStack's `data`, name -> place.
    no_value : numbers that mean "no value", such as -1. unverified : no source of the maker could be read.
    """

    id: Slug
    name_en: str
    source: Annotated[str, Field(min_length=1)]
    family: str
    each: str | None = None
    key: str | None = None
    time: TimeSpec | None = None
    fields: dict[str, FieldSpec] = Field(default_factory=dict)
    columns: tuple[str, ...] = ()
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    binary: dict[str, BinarySpec] = Field(default_factory=dict)
    no_value: tuple[float, ...] = ()
    ignore: str | None = None
    when: str | None = None
    f_port: Annotated[int, Field(ge=1, le=255)] | None = None
    unverified: bool = False

    @field_validator("each", "key", "ignore", "when")
    @classmethod
    def _compiles(cls, path: str | None) -> str | None:
        return _compiled(path)

    @field_validator("fields")
    @classmethod
    def _are_quantities(cls, fields: dict[str, FieldSpec]) -> dict[str, FieldSpec]:
        for name, spec in fields.items():
            if name not in QUANTITIES:
                raise ValueError(f"{name!r} is no field; use one of: {', '.join(QUANTITIES)}")
            if UNITS[spec.unit][0] != QUANTITY_OF[name]:
                raise ValueError(f"{spec.unit} is no unit of {name}")
        return fields
