"""What the public functions ask of their arguments, read from their annotations, and what to give instead."""

from __future__ import annotations

import datetime as dt
import functools
import inspect
import math
import re
import types
import typing
from collections.abc import Callable, Collection, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
import pandas as pd
from pydantic import ValidationError

from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.errors import InputError
from bkkenergy.library.errors import unknown_name

__all__ = ["checked", "day_named", "period_named", "refused"]

Given = ParamSpec("Given")
Result = TypeVar("Result")
MAX_NUMBER = 1e12
"""No power, energy, area or money of a building comes near."""
MAX_SHOWN = 40
PARAMETER = r"^{name} : [^\n]*\n((?:    +[^\n]*\n?)+)"
NAMES: Mapping[Any, str] = {
    float: "a number",
    int: "a whole number",
    bool: "True or False",
    str: "a text",
    pd.Series: "a pandas Series",
    pd.DataFrame: "a DataFrame",
    Path: "a path",
}


def checked(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Make a public function refuse arguments that its annotations exclude, before it computes with them.

    Whatever a model of a meter or a roof refuses becomes an InputError too. A name that is missing, or that the
    function does not have, stays Python's TypeError.
    """

    @functools.wraps(function)
    def guarded(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        for name, value in inspect.signature(function).bind(*args, **kwargs).arguments.items():
            _check(function, name, value)
        try:
            return function(*args, **kwargs)
        except ValidationError as error:
            raise refused(error) from None

    return guarded


def day_named(day: str | dt.date | None) -> dt.date:
    """Return a day that is given as a date or as a text; today in Bangkok where none is. Raises InputError."""
    if day is None:
        return dt.datetime.now(BANGKOK).date()
    if isinstance(day, str):
        try:
            return dt.date.fromisoformat(day)
        except ValueError:
            raise InputError(f"{day!r} is no day. Write it as 2026-06-01.") from None
    return day.date() if isinstance(day, dt.datetime) else day


def refused(error: ValidationError) -> InputError:
    """Say what a model refused as the library's own error: which field, what it is, and what is wrong with it."""
    return InputError(" ".join(_refused(detail["loc"], detail) for detail in error.errors()))


@functools.lru_cache
def _hints(function: Callable[..., Any]) -> Mapping[str, Any]:
    return typing.get_type_hints(function)


def _check(function: Callable[..., Any], name: str, value: Any) -> None:
    hint = _hints(function).get(name)
    if hint is None or hint is Any or _fits(value, hint):
        return
    choices = [
        one for part in _members(hint) for one in typing.get_args(part) if typing.get_origin(part) is typing.Literal
    ]
    is_a_choice = all(typing.get_origin(part) is typing.Literal or part is type(None) for part in _members(hint))
    if is_a_choice and isinstance(value, str):
        raise unknown_name(name, value, choices)
    said = _description(function, name)
    instead = " or ".join(dict.fromkeys(text for part in _members(hint) if (text := _named(part))))
    raise InputError(f"{name} is {_shown(value)}. Give {instead}{': ' + said if said else '.'}")


def _members(hint: Any) -> tuple[Any, ...]:
    is_union = typing.get_origin(hint) in {typing.Union, types.UnionType}
    return typing.get_args(hint) if is_union else (hint,)


def _fits(value: Any, hint: Any) -> bool:
    """Return whether a value is what an annotation says; what it does not know, it takes."""
    members = _members(hint)
    if len(members) > 1:
        return any(_fits(value, member) for member in members)
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return isinstance(value, str) and value in inner
    if hint in _SCALARS:
        return _SCALARS[hint](value)
    if origin is None:
        return not isinstance(hint, type) or isinstance(value, hint)
    return _fits_each(value, origin, inner)


def _fits_each(value: Any, origin: Any, inner: tuple[Any, ...]) -> bool:
    if not isinstance(origin, type):
        return True
    if isinstance(value, str | bytes) or not isinstance(value, origin):
        return False
    parts: Any = value.values() if isinstance(value, Mapping) else value
    return not issubclass(origin, Collection) or not inner or all(_fits(part, inner[-1]) for part in parts)


def _is_number(value: Any) -> bool:
    is_real = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    return is_real and abs(value) <= MAX_NUMBER and math.isfinite(value)


_SCALARS: Mapping[Any, Callable[[Any], bool]] = {
    float: _is_number,
    int: lambda value: _is_number(value) and isinstance(value, Integral),
    bool: lambda value: isinstance(value, bool | np.bool_),
    type(None): lambda value: value is None,
}


def _named(hint: Any) -> str:
    if typing.get_origin(hint) is typing.Literal:
        return "one of " + ", ".join(map(repr, typing.get_args(hint)))
    if hint is type(None):
        return ""
    if typing.get_origin(hint) is not None:
        inner = typing.get_args(hint)
        return f"a list of {getattr(inner[-1], '__name__', inner[-1])}" if len(inner) == 1 else "a mapping"
    return NAMES.get(hint) or f"a {getattr(hint, '__name__', hint)}"


def _description(function: Callable[..., Any], name: str) -> str:
    """Return the first sentence of a parameter's description."""
    doc = inspect.getdoc(function) or ""
    match = re.search(PARAMETER.format(name=rf"(?:\w+, )*{re.escape(name)}(?:, \w+)*"), doc, re.MULTILINE)
    if match is None:
        return ""
    text = " ".join(match[1].split())
    return re.split(r"(?<=[\w\])`])\. ", text)[0].removesuffix(".") + "."


def _shown(value: Any) -> str:
    if isinstance(value, str | int | float | bool | np.generic) and len(repr(value)) <= MAX_SHOWN:
        return repr(value)
    return f"a {type(value).__name__}"


def _refused(loc: tuple[int | str, ...], detail: Any) -> str:
    message = detail["msg"].removeprefix("Value error, ")
    name = ".".join(map(str, loc))
    said = f"{name} is {_shown(detail['input'])}: " if name else ""
    return f"{said}{message[:1].lower() + message[1:]}."


def period_named(text: str) -> Period:
    """Return the period of a text. Raise InputError with what is accepted."""
    try:
        return Period.of(text)
    except ValueError as error:
        raise InputError(str(error)) from None
