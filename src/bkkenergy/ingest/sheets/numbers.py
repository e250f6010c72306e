"""Numbers as cells write them: with a unit, with either mark of the fraction, with thousands divided."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from bkkenergy.errors import InputError
from bkkenergy.ingest.sheets.cells import plain_unit
from bkkenergy.ingest.sheets.grid import FORMULA
from bkkenergy.texts import Phrase

CELL = re.compile(r"([-+]?[\d.,'\s]*\d[.,]?(?:[eE][-+]?\d{1,3})?)\s*([^\d\s].*)?")
WITH_POINT = re.compile(
    r"[-+]?\s*(?:[1-9]\d{0,2}(?P<mark>[,'\s])(?:\d{2,3}(?P=mark))*\d{3}|\d*)(?:\.\d*)?(?:[eE][-+]?\d{1,3})?"
)
"""A number whose point divides the fraction. Thousands, or hundreds above them, are divided by one mark throughout."""
MARKS_TURNED = str.maketrans(",.", ".,")
NO_UNIT = "-*"
"""Behind a number: a sign or a mark of the utility, none of which a unit ends with."""
SHOWN_LETTERS = 40


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a cell. unit : as it stands there, without case; empty where there is none."""

    value: float
    unit: str


def number_of(text: str, *, is_comma: bool) -> Number | Phrase:
    """Return what a cell says, or why it is no number. is_comma : the comma divides the fraction."""
    if text.startswith(FORMULA):
        return Phrase("row.formula")
    match = CELL.fullmatch(text)
    digits = "" if match is None else match[1].translate(MARKS_TURNED) if is_comma else match[1]
    unit = plain_unit(match[2] or "") if match is not None else ""
    if match is None or not WITH_POINT.fullmatch(digits) or (match[2] and (not unit or match[2][-1] in NO_UNIT)):
        return Phrase("row.no_number", {"text": text[:SHOWN_LETTERS]})
    value = float(re.sub(r"[\s',]", "", digits))
    return Number(value, unit) if math.isfinite(value) else Phrase("row.infinite", {"text": text[:SHOWN_LETTERS]})


def is_decimal_comma(texts: Iterable[str]) -> bool:
    """Return whether commas divide fractions.

    Raises InputError where each comma could also divide thousands, and where one number has a comma for it and another
    a point: 12.5 would be 125.
    """
    shown: dict[bool, str] = {}
    doubtful = ""
    for text in texts:
        match = CELL.fullmatch(text)
        if match is None or not {",", "."} & set(match[1]):  # a comma in what follows the number divides no fraction
            continue
        is_point = WITH_POINT.fullmatch(match[1]) is not None
        is_comma = WITH_POINT.fullmatch(match[1].translate(MARKS_TURNED)) is not None
        if is_point != is_comma:
            shown.setdefault(is_comma, text)
        elif is_point and "," in match[1]:
            doubtful = doubtful or match[1]
    if len(shown) > 1:
        raise InputError.of("file_two_marks", comma=shown[True], point=shown[False])
    if doubtful and not shown:
        raise InputError.of("file_thousands", text=doubtful)
    return True in shown
