"""How a file of bills is read: what a person said of it, and its saved form."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from bkkenergy.errors import ConfigError, InputError, WrongValue
from bkkenergy.ingest.paper.fields import FIELDS
from bkkenergy.texts import or_none
from bkkenergy.tomlfiles import Frozen, read_toml, validated

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class BillMapping(Frozen):
    """How a file of bills is read.

    columns : heading -> field, of a table; an empty field leaves the column out. labels : field -> the words before it
    in the text of a PDF, with #2 for the second number behind them and #-1 for the last.
    """

    columns: dict[str, str] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)
    sheet: str | None = None

    @field_validator("columns")
    @classmethod
    def _names_fields(cls, columns: dict[str, str]) -> dict[str, str]:
        _refuse_unknown(field for field in columns.values() if field)
        named = [field for field in columns.values() if field]
        if twice := sorted({field for field in named if named.count(field) > 1}):
            raise WrongValue("column_twice", names=", ".join(twice))
        return columns

    @field_validator("labels")
    @classmethod
    def _labels_fields(cls, labels: dict[str, str]) -> dict[str, str]:
        _refuse_unknown(labels)
        return labels

    def given(self) -> dict[str, Any]:
        """Return what is said."""
        return self.model_dump(exclude_none=True, exclude_defaults=True)

    def over(self, saved: BillMapping) -> BillMapping:
        """Return the saved mapping with what is said here put over it."""
        return BillMapping(
            columns=saved.columns | self.columns, labels=saved.labels | self.labels, sheet=self.sheet or saved.sheet
        )


def _refuse_unknown(fields: Any) -> None:
    if strange := sorted(set(fields) - set(FIELDS)):
        raise WrongValue("no_field_of_bill", names=", ".join(strange), known=", ".join(FIELDS))


def _path(folder: Path, name: str) -> Path:
    if not NAME.fullmatch(name):
        raise InputError.of("mapping_name", name=repr(name))
    return folder / f"bills-{name}.toml"


def load_bill_mapping(folder: Path, name: str) -> BillMapping:
    """Return a saved mapping. Raises InputError, ConfigError."""
    path = _path(folder, name)
    if not path.exists():
        known = or_none(sorted(file.stem.removeprefix("bills-") for file in folder.glob("bills-*.toml")))
        raise InputError.of("no_mapping_named", name=repr(name), folder=folder, known=known)
    mapping, faults = validated(BillMapping, read_toml(path), f"{path}:")
    if mapping is None:
        raise ConfigError(faults)
    return mapping


def save_bill_mapping(folder: Path, name: str, mapping: BillMapping) -> Path:
    """Write a mapping under its name, over an earlier one. Return its file."""
    path = _path(folder, name)
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"sheet = {_toml(mapping.sheet)}"] if mapping.sheet else []
    for table, entries in (("columns", mapping.columns), ("labels", mapping.labels)):
        if entries:
            lines += ["", f"[{table}]", *(f"{_toml(key)} = {_toml(value)}" for key, value in entries.items())]
    fresh = path.with_suffix(".new")
    fresh.write_text("\n".join(lines) + "\n", encoding="utf-8")
    fresh.replace(path)
    return path


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
