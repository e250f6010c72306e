"""Values of records as the texts of a form, and back. Pure.

A form sends texts by name. What a person did not touch comes back as the same text, so that only what was touched
changes. What cannot be read stays as it was written: the record's model says what is wrong with it.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bkkenergy.calendar import BANGKOK, FIRST_YEAR_BE
from bkkenergy.texts import BE_OFFSET_YEARS
from bkkenergy.usecases.recordforms.fields import FormField

BLANK_ROWS = 2
"""Rows beyond those that are there, for new ones."""
MAX_ROWS = 200
MAX_TICKED = 30
"""Up to this many names a form has boxes to tick; beyond it has lines to write."""
PREFIX = "f."
THAI_DIGITS = str.maketrans("๐๑๒๓๔๕๖๗๘๙", "0123456789")
GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
YEAR = re.compile(r"\d{4}", re.ASCII)
DAY_FIRST = re.compile(r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})")
YEAR_FIRST = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(.*)", re.DOTALL)


class Blank:
    """What is left empty."""


BLANK = Blank()

# -- out -----------------------------------------------------------------------------------------------------------


def texts_of(field: FormField, value: Any, prefix: str = PREFIX) -> dict[str, str]:
    """Return the texts by which a form shows a value, by the names of its inputs."""
    name = f"{prefix}{field.name}"
    match field.widget:
        case "rows":
            rows = [_row_texts(field, row, f"{name}.{number}.") for number, row in enumerate(value or ())]
            return {key: text for row in rows for key, text in row.items()}
        case "pairs":
            pairs = enumerate((value or {}).items())
            return {
                key: text
                for number, (word, amount) in pairs
                for key, text in ((f"{name}.{number}.key", str(word)), (f"{name}.{number}.value", plain(amount)))
            }
        case "hours":
            return {f"{name}.{day}": str(hours) for day, hours in (value or {}).items()}
        case "ticks":
            return {f"{name}.{choice}": "1" for choice in value or ()}
        case _:
            text = _text(field, value)
            return {name: text} if text else {}


def _row_texts(field: FormField, row: Mapping[str, Any], prefix: str) -> dict[str, str]:
    return {key: text for part in field.parts for key, text in texts_of(part, row.get(part.name), prefix).items()}


def _text(field: FormField, value: Any) -> str:  # noqa: PLR0911 - one a widget
    if value is None:
        return ""
    match field.widget:
        case "tick":
            return "1" if value else ""
        case "days" | "many":
            return "\n".join(str(one) for one in value)
        case "points":
            return "\n".join(" ".join(plain(number) for number in point) for point in value)
        case "plain":
            return json.dumps(value, ensure_ascii=False) if value else ""
        case "instant":
            return _local(str(value))
        case _:
            return plain(value)


def plain(value: Any) -> str:
    """Return a value as a person would type it: 120 for 120.0."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:  # noqa: PLR2004 - floats are exact below
        return str(int(value))
    return str(value)


def _local(text: str) -> str:
    """Return an instant as clocks in Bangkok show it, as a browser's input takes it."""
    try:
        instant = dt.datetime.fromisoformat(text).astimezone(BANGKOK)
    except ValueError:
        return text
    return instant.strftime("%Y-%m-%dT%H:%M") if instant.second == 0 else instant.strftime("%Y-%m-%dT%H:%M:%S")


# -- in ------------------------------------------------------------------------------------------------------------


def value_of(  # noqa: PLR0911 - one a widget
    field: FormField, texts: Mapping[str, str], prefix: str = PREFIX
) -> Any:
    """Return the value that a form's texts give a field, as JSON has it; BLANK where it is left empty."""
    name = f"{prefix}{field.name}"
    match field.widget:
        case "tick":
            return bool(texts.get(name))
        case "ticks":
            return [choice for choice in field.choices if texts.get(f"{name}.{choice}")]
        case "hours":
            hours = {day: _squeezed(texts.get(f"{name}.{day}", "")) for day in field.choices}
            return {day: text for day, text in hours.items() if text} or BLANK
        case "pairs":
            return dict(_pairs(texts, name)) or BLANK
        case "rows":
            return list(_rows(field, texts, name)) or BLANK
        case "many" | "days" | "points":
            return _listed(field, texts, name)
        case _:
            return _single(field, texts.get(name, "").strip())


def _single(field: FormField, text: str) -> Any:
    if not text:
        return BLANK
    match field.widget:
        case "number" | "whole":
            return year_text(text) if field.name.endswith("_year") else number_text(text)
        case "date":
            return date_text(text)
        case "instant":
            return _with_zone(date_text(text))
        case "plain":
            return _json(text)
        case _:
            return text


def _listed(field: FormField, texts: Mapping[str, str], name: str) -> Any:
    """Return the lines of a text and the boxes that are ticked, as a list."""
    lines = [line.strip() for line in texts.get(name, "").splitlines() if line.strip()]
    lines += [key.removeprefix(f"{name}.") for key in texts if key.startswith(f"{name}.") and texts[key]]
    match field.widget:
        case "days":
            return [date_text(line) for line in lines] or BLANK
        case "points":
            return [[number_text(part) for part in re.split(r"[\s,;]+", line) if part] for line in lines] or BLANK
        case _:
            return list(dict.fromkeys(lines)) or BLANK


def _pairs(texts: Mapping[str, str], name: str) -> Iterator[tuple[str, Any]]:
    for number in _numbers(texts, name):
        word = texts.get(f"{name}.{number}.key", "").strip()
        amount = texts.get(f"{name}.{number}.value", "").strip()
        if word and amount:
            yield word, number_text(amount)
        elif word or amount:
            yield word or "?", number_text(amount) if amount else ""


def _rows(field: FormField, texts: Mapping[str, str], name: str) -> Iterator[dict[str, Any]]:
    for number in _numbers(texts, name):
        values = {part.name: value_of(part, texts, f"{name}.{number}.") for part in field.parts}
        if all(value is BLANK or value is False for value in values.values()):
            continue
        yield {key: value for key, value in values.items() if value is not BLANK}


def _numbers(texts: Mapping[str, str], name: str) -> list[int]:
    """Return the numbers of the rows of a field that a form sent."""
    matches = (re.match(rf"{re.escape(name)}\.(\d{{1,4}})\.", key) for key in texts)
    return sorted({int(match[1]) for match in matches if match is not None})[:MAX_ROWS]


def row_count(field: FormField, texts: Mapping[str, str]) -> int:
    """Return how many rows a form should have for a field: those that are there, and blank ones."""
    return max(_numbers(texts, f"{PREFIX}{field.name}"), default=-1) + 1 + BLANK_ROWS


def number_text(text: str) -> str:
    """Return a number as a person types it in the form that models read; anything else as it is."""
    plain_text = text.strip().translate(THAI_DIGITS)
    return plain_text.replace(",", "") if GROUPED.fullmatch(plain_text) else plain_text


def date_text(text: str) -> str:
    """Return a day of either era, with the year or the day first, as models read it; anything else as it is."""
    plain_text = text.strip().translate(THAI_DIGITS)
    if match := DAY_FIRST.fullmatch(plain_text):
        return _iso_day(match[3], match[2], match[1]) or plain_text
    if match := YEAR_FIRST.fullmatch(plain_text):
        day = _iso_day(match[1], match[2], match[3])
        return f"{day}{match[4]}" if day else plain_text
    return plain_text


def _iso_day(year: str, month: str, day: str) -> str:
    """Return a day as models read it; empty where no calendar has it."""
    try:
        return dt.date(int(_common_year(year)), int(month), int(day)).isoformat()
    except ValueError:
        return ""


def year_text(text: str) -> str:
    """Return a year of either era as models read it, in the common era; anything else as it is."""
    plain_text = number_text(text).removesuffix(".0")
    return _common_year(plain_text) if YEAR.fullmatch(plain_text) else plain_text


def _common_year(text: str) -> str:
    year = int(text)
    return f"{year - BE_OFFSET_YEARS if year >= FIRST_YEAR_BE else year:04}"


def _with_zone(text: str) -> str:
    """Return an instant with Bangkok's offset where it has none."""
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        return text
    return (instant if instant.tzinfo else instant.replace(tzinfo=BANGKOK)).isoformat()


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _squeezed(text: str) -> str:
    """Return hours of a day in the form that models read: 08:00-16:30 for 8.00-16.30."""
    plain_text = re.sub(r"\s+", "", text.translate(THAI_DIGITS)).replace("\u2013", "-").replace(".", ":")
    return re.sub(r"\b(\d):", r"0\1:", plain_text)


def of_field(field: FormField, texts: Mapping[str, str]) -> dict[str, str]:
    """Return those texts of a form that are a field's, without empty ones."""
    name = f"{PREFIX}{field.name}"
    return {
        key: text.replace("\r\n", "\n").strip()
        for key, text in texts.items()
        if (key == name or key.startswith(f"{name}.")) and text.strip()
    }


def touched_fields(
    fields: Iterable[FormField], before: Mapping[str, str], after: Mapping[str, str]
) -> tuple[FormField, ...]:
    """Return the fields whose texts a person touched."""
    return tuple(field for field in fields if not _is_same(field, before, after))


def _is_same(field: FormField, before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    return of_field(field, before) == of_field(field, after) or value_of(field, before) == value_of(field, after)


def body_of(fields: Iterable[FormField], texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the body of a record that a form describes; what is left empty is left out."""
    values = ((field.name, value_of(field, texts)) for field in fields)
    return {name: value for name, value in values if value is not BLANK}
