"""What commands print as data: --json, and one way to write it."""

from __future__ import annotations

import datetime as dt
import json
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import click

from bkkenergy.cli.terminal import can_show_any_text
from bkkenergy.readings import US_PER_S

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def json_option(command: CommandT) -> CommandT:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="As JSON, for scripts.")(command)


def print_json(data: object) -> None:
    """Print data as JSON on standard output: days and instants in ISO 8601, null for what is not known."""
    is_ascii = not can_show_any_text(sys.stdout)  # escapes are JSON in any encoding
    click.echo(json.dumps(plain(data), ensure_ascii=is_ascii, indent=2, allow_nan=False))


def plain(value: Any) -> Any:
    """Convert a value to what JSON has. Raises TypeError for what it has no form for."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(_single(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return _single(value)


def _single(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float | Decimal):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, str | bool | int):
        return value
    raise TypeError(f"{type(value).__name__} has no form in JSON: {value!r}")


def instant(instant_us: int | None) -> str | None:
    """Return an instant in ISO 8601, in UTC; None where there is none. instant_us : us since 1970 UTC."""
    return None if instant_us is None else dt.datetime.fromtimestamp(instant_us / US_PER_S, dt.UTC).isoformat()
