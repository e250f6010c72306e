"""TOML files in, validated models out, with every fault named by file and key."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from bkkenergy.errors import ConfigError, Fault

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Table = dict[str, Any]
ModelT = TypeVar("ModelT", bound=BaseModel)


class Frozen(BaseModel):
    """A table of a file: immutable, and refusing keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def read_toml(path: Path) -> Table:
    """Read the tables of one file. Raises ConfigError when it is absent or no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # Notepad writes a byte order mark
    except FileNotFoundError:
        fault = Fault(str(path), "the file does not exist", "Create it, or name the folder with --config.")
    except UnicodeDecodeError as error:
        fault = Fault(str(path), f"the file is not UTF-8 text ({error.reason})", "Save it as UTF-8.")
    except tomllib.TOMLDecodeError as error:
        fault = Fault(str(path), f"not valid TOML: {error}", "Correct the line; strings need quotes.")
    raise ConfigError([fault])


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
                yield Fault(dotted_where(where, name), f"this is no number (found {given!r})", "Correct the value.")


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
            return Fault(key_where, "the key is missing", "Add it.")
        case "extra_forbidden":
            known = ", ".join(sorted(model.model_fields)) if len(detail["loc"]) == 1 else "see the shipped files"
            return Fault(key_where, "this key is not known", f"Remove it or correct its spelling (known: {known}).")
        case _:
            message = detail["msg"].removeprefix("Value error, ")
            given = detail["input"]
            shown = f" (found {given!r})" if not isinstance(given, dict | BaseModel) else ""
            return Fault(key_where, message[:1].lower() + message[1:] + shown, "Correct the value.")


def dotted(loc: Sequence[int | str]) -> str:
    """Return a place inside a table as a person writes it: meter[2].topic."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
