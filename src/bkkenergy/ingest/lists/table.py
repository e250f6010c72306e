"""A list as rows under headings, out of XLSX and CSV: merged cells filled, titles above and sums below left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from openpyxl.utils import get_column_letter

from bkkenergy.errors import InputError
from bkkenergy.ingest.sheets.grid import has_merged_cells, open_grid, opened_workbook

MAX_LIST_BYTES = 4 << 20
MAX_LIST_ROWS = 5_000
HEADING_WITHIN_ROWS = 30
MAX_COLUMNS = 80
SUMS = re.compile(r"(รวม|ทั้งหมด|total\b|sum\b).*", re.IGNORECASE | re.DOTALL)
FIGURE = re.compile(r"[-+]?[\d,.]+ ?%?")


@dataclass(frozen=True, slots=True)
class ListTable:
    """A list. headings : (column from 0, text). rows : (number in the file from 1, cells). left_out : rows of sums."""

    headings: tuple[tuple[int, str], ...]
    heading_row: int
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    left_out: tuple[int, ...] = ()

    def texts(self, cells: Sequence[str]) -> dict[str, str]:
        """Return the cells of a row by heading."""
        return {text: cells[column].strip() if column < len(cells) else "" for column, text in self.headings}

    def column_of(self, heading: str) -> str:
        """Return the letters of a heading's column."""
        return next((get_column_letter(column + 1) for column, text in self.headings if text == heading), "")


def read_list(path: Path, knows: Callable[[str], bool], sheet: str | None = None) -> ListTable:
    """Read a list. knows : whether a heading is known, by which their row is recognised. Raises InputError."""
    if path.stat().st_size > MAX_LIST_BYTES:
        raise InputError.of("list_too_large", size=MAX_LIST_BYTES >> 20)
    rows = _with_merged(path, sheet, [(number, list(cells)) for number, cells in _first(path, sheet)])
    rows = [(number, cells) for number, cells in rows if any(cell.strip() for cell in cells)]
    if not rows:
        raise InputError.of("list_empty")
    at = _heading_at(rows, knows)
    number, cells = rows[at]
    headings = tuple(_headings(cells))
    body = [(row, tuple(cells)) for row, cells in rows[at + 1 :]]
    sums = tuple(row for row, cells in body if _is_sum(cells))
    others = tuple((row, cells) for row, cells in body if row not in sums)
    if not others:
        raise InputError.of("list_empty")
    return ListTable(headings, number, others, sums)


def _first(path: Path, sheet: str | None) -> Iterator[tuple[int, list[str]]]:
    for number, row in enumerate(open_grid(path, sheet).rows()):
        if number >= MAX_LIST_ROWS + HEADING_WITHIN_ROWS:
            raise InputError.of("list_too_long", count=MAX_LIST_ROWS)
        yield row


def _with_merged(path: Path, sheet: str | None, rows: list[tuple[int, list[str]]]) -> list[tuple[int, list[str]]]:
    """Return rows with each cell of a merged range filled with what the range says."""
    with path.open("rb") as stream:
        if stream.read(2) != b"PK":
            return rows
    if not has_merged_cells(path):
        return rows
    with opened_workbook(path, is_streamed=False) as book:
        visible = [one for one in book.worksheets if one.sheet_state == "visible" and one.max_row and one.max_column]
        chosen = (
            [one for one in visible if one.title == sheet] if sheet else [one for one in visible if any(one.values)]
        )
    by_number = dict(rows)
    for ranges in (one.merged_cells.ranges for one in chosen[:1]):
        for merged in ranges:
            _fill(by_number, merged.min_row, merged.max_row, merged.min_col - 1, min(merged.max_col, MAX_COLUMNS))
    return sorted(by_number.items())


def _fill(rows: dict[int, list[str]], first: int, last: int, left: int, right: int) -> None:
    head = rows.get(first, [])
    text = head[left] if left < len(head) else ""
    for number in range(first, min(last, first + MAX_LIST_ROWS) + 1):
        cells = rows.get(number)
        if cells is None or not text:
            continue
        cells += [""] * (right - len(cells))
        for column in range(left, right):
            cells[column] = cells[column] or text


def _heading_at(rows: Sequence[tuple[int, list[str]]], knows: Callable[[str], bool]) -> int:
    """Return which row has the headings: the one with the most known ones, else the first with several texts."""
    counts = [len({cell for cell in cells if knows(cell)}) for _, cells in rows[:HEADING_WITHIN_ROWS]]
    if max(counts) > 0:
        return counts.index(max(counts))
    return next((at for at, (_, cells) in enumerate(rows[:HEADING_WITHIN_ROWS]) if _width(cells) > 1), 0)


def _width(cells: Sequence[str]) -> int:
    return len({cell for cell in cells if cell.strip()})


def _headings(cells: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield columns with their headings; the second of two alike gets a number."""
    seen: dict[str, int] = {}
    for column, cell in enumerate(cells[:MAX_COLUMNS]):
        text = " ".join(cell.split())
        if text:
            seen[text] = seen.get(text, 0) + 1
            yield column, text if seen[text] == 1 else f"{text} ({seen[text]})"


def _is_sum(cells: Sequence[str]) -> bool:
    """Whether a row is a sum: it begins with a word for one, and has nothing but figures beside it."""
    texts = [cell.strip() for cell in cells if cell.strip()]
    is_named = bool(texts) and SUMS.fullmatch(texts[0]) is not None
    return is_named and all(FIGURE.fullmatch(text) or SUMS.fullmatch(text) for text in texts[1:])
