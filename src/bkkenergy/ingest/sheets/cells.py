"""What cells say: units, dates of either era, and times of a day."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from bkkenergy.errors import InputError
from bkkenergy.texts import BE_OFFSET_YEARS, THAI_MONTHS, Phrase

Kind = Literal[
    "power", "energy", "pulses", "reactive power", "reactive energy", "apparent power", "volume", "flow",
    "temperature", "ratio", "voltage", "current", "irradiance",
]  # fmt: skip
S_PER_DAY = 86_400
BUDDHIST_FROM = 2400
"""2443 was 1900. No meter is read in the year 2400 of the common era."""
YEARS = range(1990, 2100)
MONTHS_PER_YEAR = 12

UNITS: dict[str, tuple[Kind, float]] = {
    "w": ("power", 1e-3),
    "kw": ("power", 1.0),
    "mw": ("power", 1e3),
    "กิโลวัตต์": ("power", 1.0),
    "wh": ("energy", 1e-3),
    "kwh": ("energy", 1.0),
    "mwh": ("energy", 1e3),
    "กิโลวัตต์ชั่วโมง": ("energy", 1.0),
    "pulse": ("pulses", 1.0),
    "pulses": ("pulses", 1.0),
    "imp": ("pulses", 1.0),
    "var": ("reactive power", 1e-3),
    "kvar": ("reactive power", 1.0),
    "varh": ("reactive energy", 1e-3),
    "kvarh": ("reactive energy", 1.0),
    "va": ("apparent power", 1e-3),
    "kva": ("apparent power", 1.0),
    "m3": ("volume", 1.0),
    "m³": ("volume", 1.0),
    "cbm": ("volume", 1.0),
    "ลบม": ("volume", 1.0),
    "ลูกบาศก์เมตร": ("volume", 1.0),
    "l": ("volume", 1e-3),
    "ลิตร": ("volume", 1e-3),
    "m3/h": ("flow", 1.0),
    "m³/h": ("flow", 1.0),
    "l/h": ("flow", 1e-3),
    "l/min": ("flow", 0.06),
    "°c": ("temperature", 1.0),
    "c": ("temperature", 1.0),
    "องศาเซลเซียส": ("temperature", 1.0),
    "°f": ("temperature", 5 / 9),
    "f": ("temperature", 5 / 9),
    "k": ("temperature", 1.0),
    "%": ("ratio", 0.01),
    "%rh": ("ratio", 0.01),
    "pf": ("ratio", 1.0),
    "v": ("voltage", 1.0),
    "kv": ("voltage", 1e3),
    "a": ("current", 1.0),
    "ma": ("current", 1e-3),
    "w/m2": ("irradiance", 1.0),
    "w/m²": ("irradiance", 1.0),
}
"""Unit as `plain_unit` writes it -> what it measures, and how many kW, kWh, pulses, kvar, kvarh, kVA, m3, m3/h, degC,
1, V, A or W/m2 it is."""
ZERO_OF = {"°f": 32.0, "f": 32.0, "k": 273.15}
"""Unit -> where its scale has the zero of degC."""
ENERGY_KINDS: tuple[Kind, ...] = ("power", "energy", "pulses")
ENERGY_UNITS = {unit: meaning for unit, meaning in UNITS.items() if meaning[0] in ENERGY_KINDS}
RATE_KINDS: frozenset[Kind] = frozenset(("power", "reactive power", "flow"))
"""What flows: over an interval it is a mean."""
OTHER_UNITS = frozenset(("hz", "kvah", "thb", "บาท"))
MISSING = frozenset(("", "-", "--", "n/a", "na", "nan", "null", "none", "#n/a", "ไม่มีข้อมูล", "ไม่มี"))
IN_TEXT = re.compile(
    r"(?<![A-Za-z\u0e00-\u0e7f])(kvarh?|kvah?|[kM]?W[ .·*-]?h(?:r|ours?)?|[kM]?W|pulses?|imp|กิโลวัตต์[ -]?ชั่วโมง|กิโลวัตต์)"
    r"(?![A-Za-z\u0e00-\u0e7f])|[(\[](k?V|m?A|Hz|°[CF]|%(?: ?RH)?|l(?:/h|/min)?)[)\]]"
    r"|(?<![A-Za-z\u0e00-\u0e7f])(m[3³](?:/h)?|cbm|W/m[2²]|ลบ\.? ?ม\.?|ลูกบาศก์เมตร|ลิตร|องศาเซลเซียส|%RH|°[CF])"
    r"(?![A-Za-z0-9\u0e00-\u0e7f])",
    re.IGNORECASE,
)

MONTH_NAMES = {
    name: number
    for names in (
        "jan feb mar apr may jun jul aug sep oct nov dec",
        "january february march april may june july august september october november december",
        "มค กพ มีค เมย พค มิย กค สค กย ตค พย ธค",
        " ".join(THAI_MONTHS),
    )
    for number, name in enumerate(names.split(), 1)
}
NUMERIC_DATE = re.compile(r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})")
YEAR_FIRST = re.compile(r"\d{4}[-/.]")
NAMED_DATE = re.compile(r"(\d{1,2})[-/., ]*([A-Za-z\u0e00-\u0e7f.]+?)[-/., ]*(\d{4}|\d{2})")
COMPACT = re.compile(r"((?:19|20|24|25|26)\d{2})(\d{2})(\d{2})(?:T?(\d{2})(\d{2})(\d{2})?)?")
STAMP = re.compile(r"(.*\d)(?:[ ,]+|T)(\d{1,2}[:.]\d{2}.*)")
TIME = re.compile(
    r"(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,]\d+)?)?\s*(?:([AaPp])\.?[Mm]\.?|น\.?)?\s*(Z|[-+]\d{2}:?\d{2})?"
)
TIME_SPAN = re.compile(r"(\d{1,2}[:.]\d{2})\s*[-–]\s*\d{1,2}[:.]\d{2}")


def plain_unit(text: str) -> str:
    """Return a unit in one form: kW-hr is kwh."""
    return re.sub(r"[ .·*-]|(?<=h)r$|(?<=h)ours?$", "", text.strip(" ()[].").casefold())


def in_base_unit(value: float, unit: str) -> float:
    """Return a value of a unit in kW, kWh or whatever its kind is counted in."""
    return (value - ZERO_OF.get(unit, 0.0)) * UNITS[unit][1]


def unit_in(text: str) -> str:
    """Return the unit that a heading names, or an empty text. The last one counts: Load W (kW)."""
    units = IN_TEXT.findall(text)
    return plain_unit("".join(units[-1])) if units else ""


def is_missing(text: str) -> bool:
    """Return whether a cell says that there is no value."""
    return text.casefold() in MISSING


def split_stamp(text: str) -> tuple[str, str] | None:
    """Divide a cell into its date and its time of day, which may be empty. None where it is no stamp."""
    if match := COMPACT.fullmatch(text):
        date = f"{match[1]}-{match[2]}-{match[3]}"
        return date, f"{match[4]}:{match[5]}:{match[6] or '00'}" if match[4] else ""
    match = STAMP.fullmatch(text)
    date, time = (match[1], match[2]) if match else (text, "")
    is_date = NUMERIC_DATE.fullmatch(date) or ((named := NAMED_DATE.fullmatch(date)) and _month(named[2]))
    return (date, time) if is_date and (not time or TIME.fullmatch(time)) else None


def time_of(text: str) -> tuple[int, int | None] | None:
    """Return seconds of the day, 86,400 for 24:00, and the offset in seconds where one is given."""
    if not text:
        return 0, None
    match = TIME.fullmatch(text)
    if match is None:
        return None
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if match[4]:
        if not 1 <= hour <= 12:  # noqa: PLR2004 - a clock of twelve hours
            return None
        hour = hour % 12 + (12 if match[4] in "pP" else 0)
    seconds = hour * 3600 + minute * 60 + second
    if minute > 59 or second > 59 or seconds > S_PER_DAY:  # noqa: PLR2004
        return None
    return seconds, _offset_s(match[5])


def _offset_s(text: str | None) -> int | None:
    if text is None:
        return None
    if text == "Z":
        return 0
    digits = text[1:].replace(":", "")
    return (int(digits[:2]) * 3600 + int(digits[2:]) * 60) * (-1 if text[0] == "-" else 1)


def _month(text: str) -> int | None:
    return MONTH_NAMES.get(text.replace(".", "").replace(" ", "").casefold())


@dataclass(frozen=True, slots=True)
class _Parts:
    """A date as written. first, second : day and month in the order of the file, unless `is_sure`."""

    first: int
    second: int
    year: int
    is_sure: bool
    is_buddhist: bool
    has_points: bool = False


def _parts(text: str, this_year: int) -> _Parts | None:
    if named := NAMED_DATE.fullmatch(text):
        month = _month(named[2])
        if month is not None:
            year, is_buddhist = _year(named[3], this_year)
            return _Parts(int(named[1]), month, year, True, is_buddhist)
    match = NUMERIC_DATE.fullmatch(text)
    if match is None:
        return None
    if len(match[1]) == 4:  # noqa: PLR2004 - a year
        year, is_buddhist = _year(match[1], this_year)
        return _Parts(int(match[3]), int(match[2]), year, True, is_buddhist)
    year, is_buddhist = _year(match[3], this_year)
    return _Parts(int(match[1]), int(match[2]), year, is_buddhist, is_buddhist, "." in text)


def _year(text: str, this_year: int) -> tuple[int, bool]:
    """Return the common year, and whether it was Buddhist. Of two digits, the era is that which is not the future."""
    year = int(text)
    if len(text) == 2:  # noqa: PLR2004
        year = 2000 + year if 2000 + year <= this_year + 1 else 2500 + year
    return (year - BE_OFFSET_YEARS, True) if year >= BUDDHIST_FROM else (year, False)


def days_of(
    texts: Collection[str], *, dates: str | None, calendar: str | None, this_year: int
) -> tuple[dict[str, dt.date], list[Phrase]]:
    """Return the days that dates of a file name, and what was found out. Raises InputError where it is not sure.

    A text that is no day is left out. dates : "dmy" or "mdy", where that is said. calendar : "ce" or "be".
    """
    parts = {text: one for text in texts if (one := _parts(text, this_year)) is not None}
    _refuse_turned(parts)
    notes = _era_notes(parts, calendar)
    open_ones = [one for one in parts.values() if not one.is_sure]
    is_day_first = True
    if open_ones:
        is_day_first = _is_day_first(open_ones, dates)
        notes.append(Phrase(f"file_note.{'day' if is_day_first else 'month'}_first"))
    days: dict[str, dt.date] = {}
    for text, one in parts.items():
        day = _day(one, is_day_first=is_day_first or one.is_sure)
        if day is not None and day.year in YEARS:
            days[text] = day
    return days, notes


def _refuse_turned(texts: Iterable[str]) -> None:
    """Raise InputError where some dates begin with the year and others end with it.

    A spreadsheet that was given 01/02/2026 may have made the second of January of it, and left 13/02/2026 as text.
    """
    is_year_first = {bool(YEAR_FIRST.match(text)): text for text in texts if NUMERIC_DATE.fullmatch(text)}
    if len(is_year_first) > 1:
        raise InputError.of("file_dates_turned", one=is_year_first[True], other=is_year_first[False])


def _era_notes(parts: dict[str, _Parts], calendar: str | None) -> list[Phrase]:
    buddhist = [text for text, one in parts.items() if one.is_buddhist]
    if calendar == "ce" and buddhist:
        raise InputError.of("sheet_buddhist", stamp=buddhist[0])
    others = [text for text, one in parts.items() if not one.is_buddhist]
    if others and (calendar == "be" or buddhist):
        raise InputError.of("sheet_not_buddhist", stamp=others[0])
    return [Phrase("file_note.buddhist", {"stamp": buddhist[0]})] if buddhist else []


def _day(parts: _Parts, *, is_day_first: bool) -> dt.date | None:
    day, month = (parts.first, parts.second) if is_day_first else (parts.second, parts.first)
    try:
        return dt.date(parts.year, month, day)
    except ValueError:
        return None


def _is_day_first(parts: list[_Parts], dates: str | None) -> bool:
    """Return which number is the day: as asked, as one above 12 shows, or as days that follow each other show."""
    if dates is not None:
        return dates == "dmy"
    is_dmy = any(one.first > MONTHS_PER_YEAR for one in parts)
    is_mdy = any(one.second > MONTHS_PER_YEAR for one in parts)
    if is_dmy != is_mdy:
        return is_dmy
    follows = {order: _follows(parts, is_day_first=order) for order in (True, False)}
    if follows[True] != follows[False]:
        return follows[True]
    if all(one.first == one.second or one.has_points for one in parts):
        return True  # 01.11.2026 is written where the day comes first
    one = parts[0]
    raise InputError.of("file_day_or_month", text=f"{one.first:02}/{one.second:02}/{one.year}")


def _follows(parts: list[_Parts], *, is_day_first: bool) -> bool:
    """Return whether most days follow each other."""
    days = sorted({day for one in parts if (day := _day(one, is_day_first=is_day_first)) is not None})
    return 2 * sum((after - before).days == 1 for before, after in pairwise(days)) > len(days) - 1 > 0


def span_start(text: str) -> str | None:
    """Return the first time of a span, 00:00-00:15; None where the text is none."""
    match = TIME_SPAN.fullmatch(text)
    return match[1] if match else None
