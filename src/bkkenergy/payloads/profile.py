"""How each kind of gateway speaks: profiles of config/payloads, with units, times and field paths."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal, Self

import jmespath
from pydantic import Field, StringConstraints, field_validator, model_validator

from bkkenergy.errors import WrongValue
from bkkenergy.portfolio.models import Slug
from bkkenergy.readings import ENERGY_FIELDS, MORE_REGISTERS, QUANTITIES
from bkkenergy.tomlfiles import Frozen

ROOT_MARK = "^"
"""A path that begins with this is looked up in the whole payload, not in one of its elements."""
KEY_MARK = "{key}"
KEY_PATTERN = r"^[A-Za-z0-9_\u0e00-\u0e7f .:/-]{1,100}$"
"""Of a key that stands within paths: it ends no quotation mark and begins no expression of its own."""

UNITS: Mapping[str, tuple[str, float]] = {
    "Wh": ("energy", 1e-3),
    "kWh": ("energy", 1.0),
    "MWh": ("energy", 1e3),
    "pulses": ("energy", 1.0),
    "MJ": ("energy", 1 / 3.6),
    "GJ": ("energy", 1e3 / 3.6),
    "RTh": ("energy", 3.516853),
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
    "degF": ("temperature", 5 / 9),
    "K": ("temperature", 1.0),
    "varh": ("reactive_energy", 1e-3),
    "kvarh": ("reactive_energy", 1.0),
    "Mvarh": ("reactive_energy", 1e3),
    "var": ("reactive_power", 1e-3),
    "kvar": ("reactive_power", 1.0),
    "Mvar": ("reactive_power", 1e3),
    "VA": ("apparent_power", 1e-3),
    "kVA": ("apparent_power", 1.0),
    "MVA": ("apparent_power", 1e3),
    "m3": ("volume", 1.0),
    "L": ("volume", 1e-3),
    "ft3": ("volume", 0.028316846592),
    "gal": ("volume", 0.003785411784),
}
"""Unit -> what it measures, and the factor to kWh, kW, V, A, Hz, 0..1, degC, kvarh, kvar, kVA and m3.

RTh: hours of a refrigeration ton, 12,000 Btu/h; gal: the US gallon (NIST SP 811, 2008, appendix B.9: 3516.853 W,
3.785412E-03 m3; a foot is 0.3048 m).
"""

ZERO_OF: Mapping[str, float] = {"degF": 32.0, "K": 273.15}
"""Unit -> where its scale has the zero of the product's unit."""


def in_product_unit(number: float, unit: str) -> float:
    """Return a number of a unit in the product's unit of the same quantity."""
    return (number - ZERO_OF[unit]) * UNITS[unit][1] if unit in ZERO_OF else number * UNITS[unit][1]


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
    **dict.fromkeys(("c", "celsius", "degrees celsius"), "degC"),
    **dict.fromkeys(("\u00b0f", "degf", "f", "fahrenheit", "degrees fahrenheit"), "degF"),
    **dict.fromkeys(("k", "\u00b0k", "kelvin", "kelvins"), "K"),
    "w/m\u00b2": "W/m2",
    "w/m2": "W/m2",
    **{unit.lower(): unit for unit in ("varh", "kvarh", "var", "kvar", "VA", "kVA", "m3", "L", "GJ")},
    "m\u00b3": "m3",
    "m^3": "m3",
    "cbm": "m3",
    "\u0e25\u0e1a.\u0e21.": "m3",
    **dict.fromkeys(("ft3", "ft\u00b3", "ft^3", "cubic feet"), "ft3"),
    **dict.fromkeys(("gal", "gallon", "gallons"), "gal"),
    "cubic metres": "m3",
    "liter": "L",
    "litre": "L",
    "liters": "L",
    "litres": "L",
    "%rh": "percent",
    "ton-hours": "RTh",
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
            "chilled_water": "energy",
            "power_kw": "power",
            "demand": "power",
            "voltage": "voltage",
            "current": "current",
            "power_factor": "factor",
            "thd": "factor",
            "humidity": "factor",
            "frequency": "frequency",
            "ghi": "irradiance",
            "temp_air": "temperature",
            "room_temp": "temperature",
            "reactive_kvarh": "reactive_energy",
            "reactive_export": "reactive_energy",
            "reactive_kvar": "reactive_power",
            "apparent": "apparent_power",
            "water": "volume",
            "gas": "volume",
        }.items()
        if name.startswith(prefix)
    )
    for name in QUANTITIES
}

TimeForm = Literal["auto", "rfc3339", "local", "unix"]
BinaryType = Literal["u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64"]


class FieldSpec(Frozen):
    """Where one quantity stands, and in what unit.

    path : JMESPath in the element; "^..." in the whole payload. With a suffix: in the JSON that stands for the number.
    suffix : for plain numbers, what follows the meter's topic.
    unit_path : where the payload itself names the unit; it then overrules `unit`.
    pulses_per_kwh : the meter's constant, for unit = "pulses". no_value : numbers that mean "no value" in this field,
        in place of the profile's. absent : what it means that the payload has none, for senders that leave out zeros.
    """

    path: str | None = None
    suffix: str | None = None
    unit: str
    unit_path: str | None = None
    scale: Annotated[float, Field(gt=0)] = 1.0
    pulses_per_kwh: Annotated[float, Field(gt=0)] | None = None
    no_value: tuple[float, ...] | None = None
    absent: Annotated[float, Field(allow_inf_nan=False)] | None = None

    @field_validator("unit")
    @classmethod
    def _is_known(cls, unit: str) -> str:
        if unit not in UNITS:
            raise WrongValue("unit_of_profile", known=", ".join(UNITS))
        return unit

    @field_validator("path", "unit_path")
    @classmethod
    def _compiles(cls, path: str | None) -> str | None:
        return _compiled(path)

    @model_validator(mode="after")
    def _pulses_have_their_constant(self) -> Self:
        if (self.unit == "pulses") != (self.pulses_per_kwh is not None):
            raise WrongValue("pulses_go_together")
        return self


def with_key(path: str, key: str) -> str:
    """Return a path for one of a profile's `keys`."""
    return path.replace(KEY_MARK, key)


def _compiled(path: str | None) -> str | None:
    if path is not None:
        try:
            jmespath.compile(with_key(path.removeprefix(ROOT_MARK), "k"))
        except (jmespath.exceptions.JMESPathError, RecursionError) as error:
            raise WrongValue("no_jmespath", reason=" ".join(str(error).split())) from None
    return path


class TimeSpec(Frozen):
    """Where the time stands and how it is written; a payload without it is stamped when it comes.

    form : "auto" takes RFC 3339 with offset and numbers since 1970 in seconds, milliseconds or
        microseconds; "local" takes times without offset as those of `timezone`; else a pattern of
        strptime such as "%d/%m/%Y %H:%M".
    required : whether a payload without time is refused instead of stamped.
    unset_before : a time before this day is of a clock that nothing has set: the payload is stamped when it comes.
    """

    path: str
    form: TimeForm | Annotated[str, StringConstraints(pattern="%")] = "auto"
    timezone: str = "Asia/Bangkok"
    required: bool = True
    unset_before: dt.date | None = None

    @field_validator("path")
    @classmethod
    def _compiles(cls, path: str) -> str:
        return _compiled(path) or path


class BinarySpec(Frozen):
    """One number in a binary payload: its place in bytes, and its type."""

    offset: Annotated[int, Field(ge=0, le=250)]
    type: BinaryType
    little_endian: bool = False


class TlvSpec(Frozen):
    """One item of a frame of items, each with a channel and a type: its value, or how many bytes are passed over.

    type : of the number after channel and type. skip_bytes : passed over after it, or instead of it.
    no_value : raw numbers that mean "no value".
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")] | None = None
    type: BinaryType | None = None
    skip_bytes: Annotated[int, Field(ge=0, le=64)] = 0
    little_endian: bool = True
    no_value: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _moves_on(self) -> Self:
        if (self.type is None) != (self.name is None):
            raise ValueError("name and type go together")
        if self.type is None and not self.skip_bytes:
            raise ValueError("say the type, or how many bytes are passed over (skip_bytes)")
        return self


class ReplySpec(Frozen):
    """What a device expects to be answered.

    when : JMESPath in the payload, true for messages that are answered. of, by : the answer's topic is the message's,
        with the text `of` replaced by `by`. body : the answer, as JSON.
    """

    when: str
    of: Annotated[str, StringConstraints(min_length=1, pattern=r"^[^+#\x00]+$")]
    by: Annotated[str, StringConstraints(min_length=1, pattern=r"^[^+#\x00]+$")]
    body: dict[str, str | int | float | bool]

    @field_validator("when")
    @classmethod
    def _compiles(cls, path: str) -> str:
        return _compiled(path) or path

    @model_validator(mode="after")
    def _goes_elsewhere(self) -> Self:
        if self.of == self.by:
            raise ValueError("of and by are the same: the answer would come back as a message")
        return self


class Profile(Frozen):
    """One kind of payload.

    family : the decoder. each : JMESPath to the list of elements of a message that holds many.
    key : JMESPath to the meter's name in an element; a meter's `key` in the portfolio must match it.
    topic_key : instead, the level of the topic that is the meter's name, from 1. A meter's topic then has + there.
    keys : instead, names of the meters that one payload holds; {key} in `when` and in paths is each of them.
    ignore : JMESPath in the payload; where it finds something the message is no reading, and no fault.
    when : JMESPath in the element; what it does not find true is left out, such as values of bad quality.
    f_port : of LoRaWAN uplinks; those of other ports are left out.
    columns, delimiter : for CSV lines. binary : for the bytes of LoRaWAN uplinks, name -> place. frame_bytes : how long
        such a frame is; one of another length is of another layout, and refused. tlv : for `data` of items, four
        hexadecimal digits of channel and type -> what follows. replies : what devices expect to be answered.
    no_value : numbers that mean "no value", such as -1. unverified : no source of the maker could be read.
    """

    id: Slug
    name_en: str
    source: Annotated[str, Field(min_length=1)]
    family: str
    each: str | None = None
    key: str | None = None
    topic_key: Annotated[int, Field(ge=1, le=64)] | None = None
    keys: tuple[Annotated[str, StringConstraints(pattern=KEY_PATTERN)], ...] = ()
    time: TimeSpec | None = None
    fields: dict[str, FieldSpec] = Field(default_factory=dict)
    columns: tuple[str, ...] = ()
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    binary: dict[str, BinarySpec] = Field(default_factory=dict)
    frame_bytes: Annotated[int, Field(ge=1, le=255)] | None = None
    tlv: dict[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{4}$")], TlvSpec] = Field(default_factory=dict)
    replies: tuple[ReplySpec, ...] = ()
    no_value: tuple[float, ...] = ()
    ignore: str | None = None
    when: str | None = None
    f_port: Annotated[int, Field(ge=1, le=255)] | None = None
    unverified: bool = False

    @field_validator("each", "key", "ignore", "when")
    @classmethod
    def _compiles(cls, path: str | None) -> str | None:
        return _compiled(path)

    def answer_topics(self, topic: str) -> list[str]:
        """Return the topics on which a device of a topic is answered."""
        return list(dict.fromkeys(topic.replace(one.of, one.by, 1) for one in self.replies if one.of in topic))

    @property
    def has_key(self) -> bool:
        """Whether it distinguishes several meters of one topic."""
        return bool(self.key is not None or self.topic_key is not None or self.keys)

    @cached_property
    def of_keys(self) -> tuple[Profile, ...]:
        """The profile as it is for each of its `keys`."""
        return tuple(_of_key(self, key) for key in self.keys)

    @model_validator(mode="after")
    def _has_one_key(self) -> Self:
        if (self.key is not None) + (self.topic_key is not None) + bool(self.keys) > 1:
            raise ValueError("key, topic_key and keys each say whose a reading is; keep one")
        if self.keys and self.each is not None:
            raise ValueError("keys name the elements of a payload themselves; remove each")
        if len(set(self.keys)) < len(self.keys):
            raise ValueError("keys name a meter twice")
        return self

    @model_validator(mode="after")
    def _says_of_whole_payloads_what_absence_means(self) -> Self:
        absent = [name for name, spec in self.fields.items() if spec.absent is not None]
        if not absent:
            return self
        if self.family == "sparkplug":
            raise ValueError("absent does not go with sparkplug: what did not change is not sent")
        if any(name in (*ENERGY_FIELDS, *MORE_REGISTERS) for name in absent):
            raise ValueError("absent is not for counters: a counter that is left out does not stand at that number")
        if any(self.fields[name].path is None for name in absent):
            raise ValueError("absent goes with path")
        return self

    @field_validator("fields")
    @classmethod
    def _are_quantities(cls, fields: dict[str, FieldSpec]) -> dict[str, FieldSpec]:
        for name, spec in fields.items():
            if name not in QUANTITIES:
                raise ValueError(f"{name!r} is no field; use one of: {', '.join(QUANTITIES)}")
            if UNITS[spec.unit][0] != QUANTITY_OF[name]:
                known = ", ".join(unit for unit, (quantity, _) in UNITS.items() if quantity == QUANTITY_OF[name])
                raise ValueError(f"{name} is not counted in {spec.unit}; use one of: {known}")
        return fields


def _of_key(profile: Profile, key: str) -> Profile:
    fields = {
        name: spec.model_copy(
            update={
                "path": None if spec.path is None else with_key(spec.path, key),
                "unit_path": None if spec.unit_path is None else with_key(spec.unit_path, key),
            }
        )
        for name, spec in profile.fields.items()
    }
    time = None if profile.time is None else profile.time.model_copy(update={"path": with_key(profile.time.path, key)})
    when = None if profile.when is None else with_key(profile.when, key)
    return profile.model_copy(update={"keys": (key,), "fields": fields, "time": time, "when": when})
