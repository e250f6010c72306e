"""What a person says of a file of a utility, and its saved form."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from pydantic import Field

from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import ConfigError, InputError
from bkkenergy.ingest.fileratios import Side
from bkkenergy.ports.channels import CHANNELS, IMPORT, Channel
from bkkenergy.texts import or_none
from bkkenergy.tomlfiles import Frozen, read_toml, validated

FileUnit = Literal[
    "W", "kW", "MW", "Wh", "kWh", "MWh", "pulses", "var", "kvar", "varh", "kvarh", "kVA", "m3", "L", "m3/h", "L/h",
    "°C", "°F", "K", "%", "PF", "V", "A", "W/m2",
]  # fmt: skip
FILE_UNITS: tuple[FileUnit, ...] = get_args(FileUnit)
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class FileTarget(NamedTuple):
    """What a column is of: a meter, and which of its quantities."""

    meter: str
    channel: Channel

    def __str__(self) -> str:
        return self.meter if self.channel is IMPORT else f"{self.meter}:{self.channel.name}"


def target_of(text: str) -> FileTarget:
    """Return what METER or METER:CHANNEL names. Raises InputError."""
    meter, mark, name = text.partition(":")
    if mark and name not in CHANNELS:
        raise InputError.of("no_channel", text=text, name=repr(name), known=", ".join(CHANNELS))
    return FileTarget(meter, CHANNELS[name] if mark else IMPORT)


class FileMapping(Frozen):
    """How a file is to be read. What is None is found out from the file, or asked for.

    columns : column of the file -> meter, or meter:channel. rows : column of the file -> the one text whose rows count.
    side : of the meter's transformers, on which registers are.
    """

    columns: dict[str, str] = Field(default_factory=dict)
    rows: dict[str, str] = Field(default_factory=dict)
    values: Literal["mean-power", "energy", "register"] | None = None
    unit: FileUnit | None = None
    side: Side | None = None
    pulse_kwh: float | None = Field(default=None, gt=0, le=1000)
    stamps: Literal["start", "end"] | None = None
    dates: Literal["dmy", "mdy"] | None = None
    decimal: Literal["point", "comma"] | None = None
    calendar: Literal["ce", "be"] | None = None
    timezone: str | None = None
    sheet: str | None = None

    @property
    def zone(self) -> str:
        """The zone of times without an offset."""
        return self.timezone or str(BANGKOK)

    def given(self) -> dict[str, Any]:
        """Return what is said, without what is left open."""
        return self.model_dump(exclude_none=True, exclude_defaults=True)

    def over(self, saved: FileMapping) -> FileMapping:
        """Return the saved mapping with what is said here put over it."""
        return FileMapping(**(saved.given() | self.given()))


def _path(folder: Path, name: str) -> Path:
    if not NAME.fullmatch(name):
        raise InputError.of("mapping_name", name=repr(name))
    return folder / f"{name}.toml"


def load_mapping(folder: Path, name: str) -> FileMapping:
    """Return a saved mapping. Raises InputError, ConfigError."""
    path = _path(folder, name)
    if not path.exists():
        known = or_none(sorted(file.stem for file in folder.glob("*.toml")))
        raise InputError.of("no_mapping_named", name=repr(name), folder=folder, known=known)
    mapping, faults = validated(FileMapping, read_toml(path), f"{path}:")
    if mapping is None:
        raise ConfigError(faults)
    return mapping


def save_mapping(folder: Path, name: str, mapping: FileMapping) -> Path:
    """Write a mapping under its name, over an earlier one. Return its file."""
    path = _path(folder, name)
    folder.mkdir(parents=True, exist_ok=True)
    given = mapping.given()
    tables = {key: value for key, value in given.items() if isinstance(value, dict)}
    lines = [f"{key} = {_toml(value)}" for key, value in given.items() if key not in tables]
    for key, table in tables.items():
        lines += ["", f"[{key}]", *(f"{_toml(column)} = {_toml(value)}" for column, value in table.items())]
    fresh = path.with_suffix(".new")
    fresh.write_text("\n".join(lines) + "\n", encoding="utf-8")
    fresh.replace(path)
    return path


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
