"""The sheet of a workbook about the year before and the target: buildings down, and the months of the year."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from xlsxwriter.utility import xl_range

from bkkenergy.i18n import Words
from bkkenergy.reports.budget import BudgetYear, budget_sentences, budget_title
from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.phrasing import name_of
from bkkenergy.reports.yearpath import YearChange, YearPath
from bkkenergy.reports.yearwords import beside_text, path_sentences, path_title, year_verdict

Formats = Mapping[str, Any]
CHANGE_COLUMNS = ("actual", "before", "adjusted", "change", "half", "sure")


def has_year_sheet(report: AgencyReport) -> bool:
    """Return whether there is anything to write."""
    return report.path is not None or report.total_year_change is not None or report.budget is not None


def write_year_sheet(sheet: Any, report: AgencyReport, words: Words, formats: Formats) -> None:
    """Write each building beside its year before, then the year's months beside the target."""
    sheet.set_column(0, 0, 44)
    sheet.set_column(1, 6, 18)
    row = _changes(sheet, report, words, formats) if report.total_year_change is not None else 0
    if report.path is not None:
        row = _path(sheet, row, report.path, words, formats)
    if report.budget is not None:
        _budget(sheet, row, report.budget, words, formats)


def _changes(sheet: Any, report: AgencyReport, words: Words, formats: Formats) -> int:
    heads = [words("report.building"), *(words(f"compared.head_{name}") for name in CHANGE_COLUMNS)]
    sheet.write_row(0, 0, heads, formats["head"])
    rows = [*report.year_changes, report.total_year_change]
    for row, change in enumerate((one for one in rows if one is not None), 1):
        sheet.write(row, 0, name_of(report, change.building_id, words))
        _change(sheet, row, change, words, formats)
    return len(rows) + 2


def _change(sheet: Any, row: int, change: YearChange, words: Words, formats: Formats) -> None:
    cells = [
        (1, change.actual_kwh, "number"), (2, change.unadjusted_kwh, "number"), (3, change.adjusted_kwh, "number"),
        (4, change.change_ratio, "share"), (5, change.half_width_ratio, "share"),
    ]  # fmt: skip
    for column, value, form in cells:
        if value is not None:
            sheet.write_number(row, column, value, formats[form])
    beside = f" · {beside_text(change, words)}" if change.is_shared else ""
    sheet.write(row, 6, year_verdict(change, words) + beside or (change.why or {}).get(words.lang, ""))


def _budget(sheet: Any, first: int, year: BudgetYear, words: Words, formats: Formats) -> None:
    """Write a year in baht; the sums are formulas."""
    sheet.write(first, 0, budget_title(year, words), formats["title"])
    lines = [*budget_sentences(year, words), words("budget.method")]
    for row, line in enumerate(lines, first + 1):
        sheet.write(row, 0, line)
    head = first + len(lines) + 2
    sheet.write_row(head, 0, [words(f"budget.{name}") for name in ("month", "measured", "forecast")], formats["head"])
    for row, month in enumerate(year.months, head + 1):
        sheet.write_datetime(row, 0, dt.datetime.combine(month.first_day, dt.time()), formats["date"])
        sheet.write_number(row, 1, month.measured_thb, formats["number"])
        sheet.write_number(row, 2, month.forecast_thb, formats["number"])
    last = head + 1 + len(year.months)
    sheet.write(last, 0, words("report.sum"), formats["head"])
    for column, total in ((1, year.measured_thb), (2, year.forecast_thb)):
        sheet.write_formula(
            last, column, f"=SUM({xl_range(head + 1, column, last - 1, column)})", formats["number"], total
        )


def _path(sheet: Any, first: int, path: YearPath, words: Words, formats: Formats) -> int:
    sheet.write(first, 0, path_title(path, words), formats["title"])
    sentences = path_sentences(path, words)
    for row, line in enumerate(sentences, first + 1):
        sheet.write(row, 0, line)
    head = first + len(sentences) + 2
    kwh = words("unit.kwh")
    names = [f"{words(f'path.{name}')} ({kwh})" for name in ("measured", "forecast", "baseline", "target")]
    sheet.write_row(head, 0, [words("path.month"), *names, words("path.days")], formats["head"])
    for row, month in enumerate(path.months, head + 1):
        sheet.write_datetime(row, 0, dt.datetime.combine(month.first_day, dt.time()), formats["date"])
        values = (month.measured_kwh, month.forecast_kwh, month.baseline_kwh, month.target_kwh, month.measured_days)
        for column, value in enumerate(values, 1):
            sheet.write_number(row, column, value, formats["number"])
    return head + len(path.months) + 3
