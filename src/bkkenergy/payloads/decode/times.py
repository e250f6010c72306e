"""Times as devices write them, made into microseconds since the epoch."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo

from bkkenergy.payloads.message import DecodeError
from bkkenergy.payloads.profile import TimeSpec

MILLISECONDS_FROM = 1e11
MICROSECONDS_FROM = 1e14
NANOSECONDS_FROM = 1e17
"""A number from here on counts milli-, micro- or nanoseconds: as the unit before it would lie beyond the year 5138."""
LARGEST_US = 2**62
SHOWN_LETTERS = 60


def read_time(value: object, spec: TimeSpec) -> tuple[int, str]:
    """Return microseconds since the epoch, and in words how the value was understood. Raises DecodeError."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise DecodeError.of("decode_time", value=shown(value))
    if not isinstance(value, str):
        return _number(value)
    text = value.strip()
    if "%" in spec.form:
        return _placed(_strptime(text, spec.form), spec)
    if spec.form == "unix" or (spec.form == "auto" and _is_number(text)):
        try:
            return _number(read_number(text))
        except ValueError:
            raise DecodeError.of("decode_seconds", text=repr(text)) from None
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        raise DecodeError.of("decode_iso", text=repr(text)) from None
    if instant.tzinfo is None and spec.form != "local":
        raise DecodeError.of("decode_offset", text=repr(text))
    return _placed(instant, spec)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def _strptime(text: str, pattern: str) -> dt.datetime:
    try:
        return dt.datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone follows
    except ValueError:
        raise DecodeError.of("decode_pattern", text=repr(text), pattern=repr(pattern)) from None


def _placed(instant: dt.datetime, spec: TimeSpec) -> tuple[int, str]:
    if instant.tzinfo is not None:
        return _us(instant), "has its own offset"
    return _us(instant.replace(tzinfo=_zone(spec.timezone))), f"has no offset, taken as {spec.timezone}"


@lru_cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _us(instant: dt.datetime) -> int:
    return round(instant.timestamp() * 1e6)


def _number(value: float) -> tuple[int, str]:
    if not -LARGEST_US < value < LARGEST_US:  # neither is NaN; an integer may be beyond any float
        raise DecodeError.of("decode_time", value=shown(value))
    size = abs(float(value))  # as columns of many times have it: an integer beside a bound may round to it
    if size < MILLISECONDS_FROM:
        return round(value * 1e6), "seconds since 1970"
    if size < MICROSECONDS_FROM:
        return round(value * 1e3), "milliseconds since 1970"
    if size < NANOSECONDS_FROM:
        return round(value), "microseconds since 1970"
    return round(value / 1e3), "nanoseconds since 1970"


def read_number(text: str) -> float:
    """Parse a number written as text; Python's own 1_000 is none. Raises ValueError."""
    if "_" in text:
        raise ValueError(f"{text!r} is no number")
    return float(text)


def shown(value: object) -> str:
    """Return a foreign value in a line's share; Python writes no integers of thousands of digits, nor deep nesting."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        size = "digits" if isinstance(value, int) else "levels"
        text = f"{type(value).__name__} of thousands of {size}"
    return text if len(text) <= SHOWN_LETTERS else text[: SHOWN_LETTERS - 3] + "..."
