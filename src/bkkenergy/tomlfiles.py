"""TOML files in, validated models out, with every fault named by file and key."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from bkkenergy.errors import ConfigError, Fault
from bkkenergy.regularfiles import MAX_TEXT_BYTES, why_unreadable
from bkkenergy.texts import Lang, Phrase, filled

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Table = dict[str, Any]
MAX_DEPTH = 30
"""Levels of a file: no model has half as many."""
ModelT = TypeVar("ModelT", bound=BaseModel)


class Frozen(BaseModel):
    """A table of a file: immutable, and refusing keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


KIND_OF_FAULT = {
    "greater_than": "greater_than", "greater_than_equal": "greater_than_equal", "less_than": "less_than",
    "less_than_equal": "less_than_equal", "string_pattern_mismatch": "pattern", "string_too_short": "string_too_short",
    "string_too_long": "string_too_long", "too_short": "too_short", "literal_error": "one_of", "enum": "one_of",
    "float_type": "number", "float_parsing": "number", "int_type": "whole", "int_parsing": "whole",
    "int_from_float": "whole", "finite_number": "number", "string_type": "text", "bool_type": "yes_or_no",
    "bool_parsing": "yes_or_no", "date_type": "date", "date_parsing": "date", "date_from_datetime_parsing": "date",
    "date_from_datetime_inexact": "date", "datetime_type": "instant", "datetime_parsing": "instant",
    "datetime_from_date_parsing": "instant", "timezone_aware": "instant_zone", "dict_type": "table",
    "model_type": "table", "model_attributes_type": "table", "tuple_type": "list", "list_type": "list",
    "frozen_set_type": "list",
}  # fmt: skip
"""What pydantic calls a fault, and its key under [fault] of the catalogues."""


@dataclass(frozen=True, slots=True)
class Given:
    """What was entered where a fault is, as a text of a fault repeats it; empty where it is too much to repeat."""

    shown: str

    def said(self, lang: Lang) -> str:
        """Return it in a language, with the space before it."""
        return f" {filled(lang, 'fault.found', {'given': self.shown})}" if self.shown else ""


def read_toml(path: Path) -> Table:
    """Read the tables of one file. Raises ConfigError when it is absent, no file that can be read, or no TOML."""
    if why := why_unreadable(path, MAX_TEXT_BYTES):
        raise ConfigError([why.fault])
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # Notepad writes a byte order mark
        if not _is_deeper(tables, MAX_DEPTH):
            return tables
        fault = Fault.of("toml_deep", str(path), depth=MAX_DEPTH)
    except FileNotFoundError:
        fault = Fault.of("no_file", str(path))
    except OSError as error:
        fault = Fault.of("file_error", str(path), reason=error.strerror)
    except UnicodeDecodeError as error:
        fault = Fault.of("no_utf8", str(path), reason=error.reason)
    except RecursionError:
        fault = Fault.of("toml_deep", str(path), depth=MAX_DEPTH)
    except ValueError as error:  # of TOML, or a number of more digits than any has
        fault = Fault.of("no_toml", str(path), reason=str(error).partition(";")[0])
    raise ConfigError([fault])


def read_secret(path: Path) -> str:
    """Read a secret. Raises ConfigError when its file cannot be read."""
    if why := why_unreadable(path, MAX_TEXT_BYTES):
        raise ConfigError([why.fault])
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or Phrase("error.no_utf8")
        raise ConfigError([Fault.of("secret_unreadable", str(path), reason=reason)]) from None


def has_key(table: Table, dotted_key: str) -> bool:
    """Return whether a table has a key, such as "store.influx.token"."""
    value: object = table
    for key in dotted_key.split("."):
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return True


def _is_deeper(tables: Table, depth: int) -> bool:
    """Return whether tables and lists lie deeper in one another than a number of levels."""
    level: list[Any] = [tables]
    for _ in range(depth):
        level = [
            value
            for one in level
            for value in (one.values() if isinstance(one, dict) else one)
            if isinstance(value, dict | list)
        ]
    return bool(level)


def validated(model: type[ModelT], table: Table, where: str) -> tuple[ModelT | None, list[Fault]]:
    """Validate the table as a model. Return it, or the faults that are in the way.

    where : what the keys of the faults hang under, for instance "agencies.toml: agency[2]".
    """
    faults = list(_truths(model, table, where))
    try:
        value = model.model_validate(table)
    except ValidationError as error:
        problems = [_fault(model, detail, where) for detail in error.errors()]
        known = {fault.where for fault in problems}
        return None, [*problems, *(fault for fault in faults if fault.where not in known)]
    return (None, faults) if faults else (value, [])


def _truths(model: type[BaseModel], table: Table, where: str) -> Iterator[Fault]:
    """Find true and false where a number is meant: pydantic reads true as 1."""
    for name, given in table.items():
        if isinstance(given, bool) and name in model.model_fields:
            meant = model.model_fields[name].annotation
            if meant is not bool and bool not in get_args(meant):
                yield Fault.of("no_number", dotted_where(where, name), given=repr(given))


def dotted_where(where: str, key: str) -> str:
    """Return the place of a key under a place."""
    if not key:
        return where
    return where + (" " if where.endswith(":") else ".") + key


def _fault(model: type[BaseModel], detail: ErrorDetails, where: str) -> Fault:
    key = dotted(detail["loc"])
    key_where = dotted_where(where, key)
    match detail["type"]:
        case "missing":
            return Fault.of("missing", key_where)
        case "extra_forbidden":
            known = ", ".join(sorted(model.model_fields)) if len(detail["loc"]) == 1 else Phrase("error.shipped_files")
            return Fault.of("unknown_key", key_where, known=known)
        case _:
            return _value_fault(detail, key_where)


def _value_fault(detail: ErrorDetails, where: str) -> Fault:
    """Return the fault of a value: in the reader's language where its kind is known, else as pydantic says it."""
    given, context = detail["input"], detail.get("ctx", {})
    entered = Given("" if isinstance(given, dict | BaseModel) else repr(given))
    message = detail["msg"].removeprefix("Value error, ")
    what = message[:1].lower() + message[1:] + entered.said("en")
    error = context.get("error")
    wrong, of_error = getattr(error, "key", None), getattr(error, "values", {})
    key = wrong or KIND_OF_FAULT.get(detail["type"], "")
    remedy = filled("en", f"fault.{wrong}_do", of_error) if wrong else "Correct the value."
    values = {name: value for name, value in context.items() if name != "error"} | of_error | {"found": entered}
    return Fault(where, what, remedy, key, values)


def dotted(loc: Sequence[int | str]) -> str:
    """Return a place inside a table as a person writes it: meter[2].topic."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
