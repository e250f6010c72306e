"""A paper as data for other programs: workbook, CSV and JSON, with raw figures."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any

import msgspec
import xlsxwriter
from xlsxwriter.utility import xl_range

from bkkenergy.adapters.files import AS_TEXT, plain_cell
from bkkenergy.i18n import DATE_FORMAT, Words
from bkkenergy.reports.papers.model import (
    KINDS_OF_BLOCKS,
    GridColumn,
    KeyFigures,
    Paper,
    PaperGrid,
    PaperMemo,
    PaperText,
    Value,
)

SCHEMA = "bkkenergy.paper/1"
MAX_SHEET_NAME = 31
NOT_IN_NAMES = str.maketrans("/\\*?[]':", "--------")


def paper_json(paper: Paper) -> bytes:
    """Encode a paper as UTF-8 JSON."""
    return msgspec.json.format(msgspec.json.encode(paper_data(paper)), indent=2) + b"\n"


def paper_data(paper: Paper) -> dict[str, Any]:
    """Return a paper as JSON has it; drawings are left out, being pictures of figures that are there."""
    blocks = [
        {"kind": KINDS_OF_BLOCKS[type(block)], **msgspec.to_builtins(block)}
        for block in paper.blocks
        if isinstance(block, KeyFigures | PaperGrid | PaperMemo | PaperText)
    ]
    return {"schema": SCHEMA, **msgspec.to_builtins(paper), "blocks": blocks}


def paper_csv(paper: Paper) -> bytes:
    """Write every figure as a row: where it stands, what it is, the figure; for spreadsheets, with a mark of UTF-8."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow([plain_cell(text) for text in (paper.number, paper.name, paper.title, paper.period)])
    for block in paper.blocks:
        if isinstance(block, KeyFigures):
            writer.writerows(["", plain_cell(figure.name), figure.value, figure.unit] for figure in block.figures)
        elif isinstance(block, PaperGrid):
            writer.writerow([])
            writer.writerow([plain_cell(block.title)])
            writer.writerow([plain_cell(column.head) for column in block.columns])
            writer.writerows([[plain_cell(value) for value in row] for row in block.rows])
            if block.total:
                writer.writerow([plain_cell(value) for value in block.total])
    return b"\xef\xbb\xbf" + file.getvalue().encode()


def paper_xlsx(paper: Paper) -> bytes:
    """Write a workbook: what the paper says on the first sheet, each grid on its own, sums as formulas."""
    file = io.BytesIO()
    words = Words(paper.lang)
    with xlsxwriter.Workbook(file, AS_TEXT) as book:
        formats = _Formats(book, words)
        about = book.add_worksheet(words("paper.about"))
        about.set_column(0, 0, 60)
        about.set_column(1, 3, 22)
        _write_about(about, paper, formats)
        names = {words("paper.about").lower()}
        for block in paper.blocks:
            if isinstance(block, PaperGrid):
                _write_grid(book.add_worksheet(_free(block.title, names)), block, formats)
    return file.getvalue()


class _Formats:
    """Formats of a workbook, by the kind of a column."""

    def __init__(self, book: Any, words: Words) -> None:
        self.title = book.add_format({"bold": True, "font_size": 14})
        self.head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self.wrap = book.add_format({"text_wrap": True, "valign": "top"})
        self.date = book.add_format({"num_format": DATE_FORMAT[words.lang], "align": "left"})
        self._numbers = {
            (kind, digits): book.add_format(
                {"num_format": ("0" if kind == "ratio" else "#,##0") + _point(digits, kind)}
            )
            for kind in ("number", "ratio")
            for digits in range(5)
        }

    def number(self, column: GridColumn) -> Any:
        """Return the format of a column's figures."""
        return self._numbers["ratio" if column.kind == "ratio" else "number", min(column.digits, 4)]


def _point(digits: int, kind: str) -> str:
    return ("." + "0" * digits if digits else "") + ("%" if kind == "ratio" else "")


def _write_about(sheet: Any, paper: Paper, formats: _Formats) -> None:
    lines = [paper.title, paper.period, paper.number, paper.sentence]
    sheet.write(0, 0, paper.name, formats.title)
    for row, line in enumerate(lines, 1):
        sheet.write(row, 0, line, formats.wrap)
    row = len(lines) + 2
    for block in paper.blocks:
        if isinstance(block, KeyFigures):
            for figure in block.figures:
                sheet.write(row, 0, figure.name)
                if figure.value is not None:
                    sheet.write_number(row, 1, figure.value, formats.number(GridColumn("", "number", figure.digits)))
                sheet.write_row(row, 2, [figure.unit, figure.note])
                row += 1
        elif isinstance(block, PaperText):
            sheet.write(row, 0, block.title, formats.head)
            for row, line in enumerate(block.lines, row + 1):  # noqa: B020 - goes on below the lines
                sheet.write(row, 0, line, formats.wrap)
            row += 2
    for row, source in enumerate(paper.sources, row + 1):  # noqa: B020 - below what is said
        sheet.write(row, 0, source, formats.wrap)


def _write_grid(sheet: Any, grid: PaperGrid, formats: _Formats) -> None:
    for position, column in enumerate(grid.columns):
        sheet.set_column(position, position, 44 if column.kind == "text" and position == 0 else 18)
        sheet.write(0, position, column.head, formats.head)
    sheet.freeze_panes(1, 1)
    for number, row in enumerate(grid.rows, 1):
        for position, (value, column) in enumerate(zip(row, grid.columns, strict=True)):
            _write_cell(sheet, number, position, value, column, formats)
    last = len(grid.rows) + 1
    for position, (value, column) in enumerate(zip(grid.total or (), grid.columns, strict=False)):
        if column.is_summed and isinstance(value, int | float):
            formula = f"=SUM({xl_range(1, position, last - 1, position)})"
            sheet.write_formula(last, position, formula, formats.number(column), value)
        else:
            _write_cell(sheet, last, position, value, column, formats)
    if grid.note:
        sheet.write(last + 2, 0, grid.note)


def _write_cell(sheet: Any, row: int, position: int, value: Value, column: GridColumn, formats: _Formats) -> None:
    if isinstance(value, dt.date):
        sheet.write_datetime(row, position, dt.datetime.combine(value, dt.time()), formats.date)
    elif isinstance(value, int | float):
        sheet.write_number(row, position, value, formats.number(column))
    elif value:
        sheet.write_string(row, position, value, formats.wrap)


def _free(title: str, names: set[str]) -> str:
    """Return a sheet's name that is not taken yet."""
    plain = title.translate(NOT_IN_NAMES)[:MAX_SHEET_NAME] or "-"
    number = 2
    while plain.lower() in names:
        tail = f" {number}"
        plain, number = title.translate(NOT_IN_NAMES)[: MAX_SHEET_NAME - len(tail)] + tail, number + 1
    names.add(plain.lower())
    return plain
