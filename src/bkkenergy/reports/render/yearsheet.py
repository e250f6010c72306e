"""The sheet of a workbook about the year before and the target: buildings down, and the months of the year."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from bkkenergy.i18n import Words
from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.phrasing import name_of
from bkkenergy.reports.yearpath import YearChange, YearPath
from bkkenergy.reports.yearwords import path_sentences, path_title, year_verdict

Formats = Mapping[str, Any]
CHANGE_COLUMNS = ("actual", "before", "adjusted", "change", "half", "sure")


def has_year_sheet(report: AgencyReport) -> bool:
    """Return whether there is anything to write."""
    return report.path is not None or report.total_year_change is not None


def write_year_sheet(sheet: Any, report: AgencyReport, words: Words, formats: Formats) -> None:
    """Write each building beside its year before, then the year's months beside the target."""
    sheet.set_column(0, 0, 44)
    sheet.set_column(1, 6, 18)
    row = _changes(sheet, report, words, formats) if report.total_year_change is not None else 0
    if report.path is not None:
        _path(sheet, row, report.path, words, formats)


def _changes(sheet: Any, report: AgencyReport, words: Words, formats: Formats) -> int:
    heads = [words("report.building"), *(words(f"compared.head_{name}") for name in CHANGE_COLUMNS)]
    sheet.write_row(0, 0, heads, formats["head"])
    rows = [*report.year_changes, report.total_year_change]
    for row, change in enumerate((one for one in rows if one is not None), 1):
        is_total = not change.building_id
        sheet.write(row, 0, words("report.total") if is_total else name_of(report, change.building_id, words))
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
    sheet.write(row, 6, year_verdict(change, words) or (change.why or {}).get(words.lang, ""))


def _path(sheet: Any, first: int, path: YearPath, words: Words, formats: Formats) -> None:
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
