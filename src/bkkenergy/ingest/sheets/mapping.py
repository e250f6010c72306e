"""What a person says of a file of a utility, and its saved form."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import ConfigError, InputError
from bkkenergy.ingest.fileratios import Side
from bkkenergy.tomlfiles import Frozen, read_toml, validated

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class FileMapping(Frozen):
    """How a file is to be read. What is None is found out from the file, or asked for.

    columns : column of the file -> meter. rows : column of the file -> the one text whose rows count. side : of the
        meter's transformers, on which registers are.
    """

    columns: dict[str, str] = Field(default_factory=dict)
    rows: dict[str, str] = Field(default_factory=dict)
    values: Literal["mean-power", "energy", "register"] | None = None
    unit: Literal["W", "kW", "MW", "Wh", "kWh", "MWh", "pulses"] | None = None
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
        raise InputError(f"{name!r} is no name of a mapping. Use a-z, 0-9 and hyphens.")
    return folder / f"{name}.toml"


def load_mapping(folder: Path, name: str) -> FileMapping:
    """Return a saved mapping. Raises InputError, ConfigError."""
    path = _path(folder, name)
    if not path.exists():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.toml"))) or "none"
        raise InputError(f"there is no mapping {name!r} in {folder} (there: {known}). Make it with --save-mapping.")
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
