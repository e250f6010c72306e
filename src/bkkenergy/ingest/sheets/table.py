"""Where the table of a file is: its headings, its columns of time, and its columns of values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bkkenergy.errors import InputError
from bkkenergy.ingest.sheets.cells import (
    S_PER_DAY,
    TIME,
    is_missing,
    span_start,
    split_stamp,
    time_of,
    unit_in,
)
from bkkenergy.ingest.sheets.grid import Row
from bkkenergy.ingest.sheets.numbers import Number, number_of
from bkkenergy.texts import Lines, Phrase

HEAD_ROWS = 200
SLOTS_OF_A_DAY = (24, 48, 96)
DAY_COLUMN = "day"
"""What the values of a row a day are called."""
ORDINAL = re.compile(r"(?:h|hr|hour|p|period|interval|ชม|ชั่วโมง|ชั่วโมงที่|ช่วง|ช่วงที่)?[ ._]*0*(\d{1,2})", re.IGNORECASE)
UNIT_HEADING = re.compile(r"units?|uom|eenheid|einheit|หน่วย", re.IGNORECASE)
END_HEADING = re.compile(r"\b(end|ending|to|until)\b|สิ้นสุด|ถึง", re.IGNORECASE)
START_HEADING = re.compile(r"\b(start|starting|begin|beginning|from)\b|เริ่ม", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TableForm:
    """Where things are in a file.

    header : row of the headings, 0 where there is none. headed : how many columns have one.
    above : rows over the table, as text. titles : of each column.
    date, time : columns of the stamp; time is None where the date's cell holds it, or nothing does.
    values : column -> its place. units : column -> the unit that its headings name; empty where they name none.
    unit_column : column of a unit for each row. slots : columns of a row a day. label : of stamps, where shown.
    """

    header: int
    headed: int
    above: tuple[str, ...]
    titles: tuple[str, ...]
    date: int
    time: int | None
    values: Mapping[str, int]
    units: Mapping[str, str]
    unit_column: int | None
    slots: tuple[int, ...]
    label: str | None

    @property
    def step_s(self) -> int:
        """Seconds of a slot of a row a day."""
        return S_PER_DAY // len(self.slots)


def find_table(path: Path, head: Sequence[Row]) -> TableForm:
    """Find the table in the first rows of a file. Raises InputError where there is none."""
    filled = [(number, cells) for number, cells in head if any(cells)]
    for index, (_, cells) in enumerate(filled):
        stamp_columns = _stamp_columns(cells)
        after = filled[index + 1 : index + 2]
        if (
            stamp_columns is not None
            and _has_value(cells, stamp_columns)
            and all(_stamp_columns(row) == stamp_columns for _, row in after)
        ):
            while index and _stamp_columns(filled[index - 1][1]) == stamp_columns:
                index -= 1  # noqa: PLW2901 - rows of the table whose values cannot be read
            return _form(filled[:index], [row for _, row in filled[index:]], stamp_columns)
    raise InputError.of("file_no_table", file=path, rows=HEAD_ROWS)


def _stamp_columns(cells: Sequence[str]) -> tuple[int, int | None] | None:
    date = next((n for n, cell in enumerate(cells) if split_stamp(cell) is not None), None)
    if date is None:
        return None
    stamp = split_stamp(cells[date])
    is_whole = stamp is not None and stamp[1] not in {"", "00:00:00"}
    if is_whole:
        return date, None
    others = [(n, cell) for n, cell in enumerate(cells) if n != date]
    return date, next((n for n, cell in others if _is_time(cell)), None)


def _is_time(cell: str) -> bool:
    """Return whether a cell beside a date is its time: 12.50 alone is a number."""
    return span_start(cell) is not None or ((":" in cell or "น" in cell) and TIME.fullmatch(cell) is not None)


def _has_value(cells: Sequence[str], stamp_columns: tuple[int, int | None]) -> bool:
    return any(_is_number(cell) for n, cell in enumerate(cells) if n not in stamp_columns)


def _form(above: Sequence[Row], rows: Sequence[Sequence[str]], stamp_columns: tuple[int, int | None]) -> TableForm:
    width = max(len(cells) for cells in rows)
    named = [(number, cells) for number, cells in above if sum(map(bool, cells)) > 1]
    titles = _titles([cells for _, cells in named], width)
    header = named[-1][0] if named else 0
    headed = max((n for _, cells in named for n, cell in enumerate(cells, 1) if cell), default=0)
    date, time = stamp_columns
    slots, label = _slots([cells for _, cells in named], stamp_columns, rows[0])
    unit_column = next((n for n, title in enumerate(titles) if UNIT_HEADING.fullmatch(title)), None)
    others = [n for n in range(width) if n not in (*stamp_columns, unit_column) and (n not in slots)]
    values = {titles[n]: n for n in others if any(_is_value(row, n) for row in rows)}
    units = {name: _unit([cells for _, cells in above], n) for name, n in values.items()}
    if slots:
        values[DAY_COLUMN], units[DAY_COLUMN] = slots[0], _unit_of_all([cells for _, cells in above])
    texts = tuple(" ".join(filter(None, cells)) for number, cells in above if number != header)
    stamp_title = f"{titles[date]} {titles[time] if time is not None else ''}"
    label = label or ("end" if END_HEADING.search(stamp_title) else None)
    label = label or ("start" if START_HEADING.search(stamp_title) else None)
    return TableForm(header, headed, texts, tuple(titles), date, time, values, units, unit_column, slots, label)


def _is_value(cells: Sequence[str], column: int) -> bool:
    return column < len(cells) and _is_number(cells[column])


def _is_number(text: str) -> bool:
    return any(isinstance(number_of(text, is_comma=is_comma), Number) for is_comma in (False, True))


def _titles(named: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return the lowest heading over each column that is not a unit alone, each once."""
    titles: list[str] = []
    for column in range(width):
        over = [cells[column] for cells in named if column < len(cells) and cells[column]]
        words = [text for text in over if not _is_unit_alone(text)] or over
        title = words[-1] if words else f"column {column + 1}"
        titles.append(title if title not in titles else f"{title} ({column + 1})")
    return titles


def _is_unit_alone(text: str) -> bool:
    return text.startswith(("(", "[")) and bool(unit_in(text))


def _unit(above: Sequence[Sequence[str]], column: int) -> str:
    """Return the unit of the lowest heading over a column that names one, or the one that the file names."""
    for cells in reversed(above):
        if sum(map(bool, cells)) > 1 and column < len(cells) and (unit := unit_in(cells[column])):
            return unit
    return _unit_of_all([cells for cells in above if sum(map(bool, cells)) <= 2])  # noqa: PLR2004 - a name and its text


def _unit_of_all(above: Sequence[Sequence[str]]) -> str:
    units = {unit for cells in above for cell in cells if (unit := unit_in(cell))}
    return units.pop() if len(units) == 1 else ""


def _slots(
    named: Sequence[Sequence[str]], stamp_columns: tuple[int, int | None], row: Sequence[str]
) -> tuple[tuple[int, ...], str | None]:
    """Return the columns of a row a day, and what their headings label; nothing where the file is no such."""
    if stamp_columns[1] is not None or not named:
        return (), None
    headings = named[-1]
    for seconds, is_span in (_by_time(headings, stamp_columns[0]), _by_ordinal(headings, stamp_columns[0], len(row))):
        count = len(seconds)
        step = S_PER_DAY // count if count in SLOTS_OF_A_DAY else 0
        rising = list(seconds.values())
        if step and rising == list(range(0, S_PER_DAY, step)):
            return tuple(seconds), "start"
        is_end = rising[:-1] == list(range(step, S_PER_DAY, step)) if step else False
        if is_end and rising[-1] in {0, S_PER_DAY} and not is_span:
            return tuple(seconds), "end"
    return (), None


def _by_time(headings: Sequence[str], date: int) -> tuple[dict[int, int], bool]:
    seconds: dict[int, int] = {}
    is_span = False
    for column, heading in enumerate(headings):
        start = span_start(heading)
        is_span |= start is not None
        time = time_of(start or heading) if start or heading else None
        if column != date and time is not None:
            seconds[column] = time[0]
    return seconds, is_span


def _by_ordinal(headings: Sequence[str], date: int, width: int) -> tuple[dict[int, int], bool]:
    """Return columns by the number of their interval, counted from 0 or 1, as seconds of their start."""
    numbers = {
        column: int(match[1])
        for column, heading in enumerate(headings[:width])
        if column != date and (match := ORDINAL.fullmatch(heading))
    }
    first = min(numbers.values(), default=0)
    step = S_PER_DAY // len(numbers) if len(numbers) in SLOTS_OF_A_DAY else 0
    return {column: (number - first) * step for column, number in numbers.items() if first <= 1}, False


def describe(form: TableForm, first: Sequence[str]) -> Lines:
    """Return a line on each column of values, for a person who names the columns."""
    lines = Lines()
    for name, column in form.values.items():
        unit = form.units[name] or Phrase("series.no_unit_in_heading")
        is_given = column < len(first) and not is_missing(first[column])
        cell = first[column] if is_given else Phrase("series.nothing")
        lines.append(Phrase("series.column", {"name": repr(name), "unit": unit, "cell": cell}))
    return lines
