"""A workbook being made: its formats, its sheets by names that are free, charts over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bkkenergy.i18n import Words
from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.scopewords import of_scope

MAX_SHEET_NAME = 31
NOT_IN_SHEET_NAMES = str.maketrans("/\\*?[]'", "-------", ":")


@dataclass(frozen=True, slots=True)
class Book:
    """The workbook being made, its formats by name, and the names of its sheets so far."""

    book: Any
    formats: dict[str, Any]
    words: Words
    taken: set[str]

    def chart(self, sheet: Any, kind: str, rows: int, columns: Sequence[int], title: str) -> None:
        """Add a chart of some columns of a sheet over its first one, beside them."""
        name, chart = sheet.get_name(), self.book.add_chart({"type": kind})
        for column in columns:
            chart.add_series(
                {
                    "name": [name, 0, column],
                    "categories": [name, 1, 0, rows, 0],
                    "values": [name, 1, column, rows, column],
                }
            )
        chart.set_title({"name": title})
        chart.set_size({"width": 820, "height": 340})
        sheet.insert_chart("E2", chart)

    def total(self, report: AgencyReport) -> str:
        """Return the name of the sum of all rows."""
        return of_scope("total", report, self.words)

    def write_sum(
        self, sheet: Any, cell: tuple[int, int], over: str, value: float | None, form: str = "number"
    ) -> None:
        """Write a sum over cells as a formula with its value; nothing where that is not known: it would show 0."""
        if value is not None:
            sheet.write_formula(*cell, f"=SUM({over})", self.formats[form], value)

    def sheet(self, name: str) -> Any:
        """Add a sheet; a name that is taken already gets a number."""
        plain = name.translate(NOT_IN_SHEET_NAMES)[:MAX_SHEET_NAME]
        number = 2
        while plain.lower() in self.taken:
            tail = f" {number}"
            plain, number = name.translate(NOT_IN_SHEET_NAMES)[: MAX_SHEET_NAME - len(tail)] + tail, number + 1
        self.taken.add(plain.lower())
        return self.book.add_worksheet(plain)
