"""What the explorer shows as rows: the table on its page, CSV, and XLSX with real dates."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xlsxwriter

from bkkenergy.adapters.files import AS_TEXT, plain_rows
from bkkenergy.i18n import DATE_FORMAT, Words
from bkkenergy.readings import FloatArray, Quality
from bkkenergy.usecases.explore import CHANNEL_OF, is_mean, is_rate
from bkkenergy.web.explore import ExploreView, comparison_name, quantity_name, subject_name, unit_of
from bkkenergy.web.exploretime import period_text

DIGITS = 6
BOM = "\ufeff"
"""By which spreadsheets know a CSV file as UTF-8."""
TIME_OF_DAY = " hh:mm"


@dataclass(frozen=True, slots=True)
class ValueColumn:
    """A column of numbers under its heading; NaN is an empty cell."""

    heading: str
    values: FloatArray
    form: str = "#,##0.00"


def columns_of(view: ExploreView, words: Words) -> list[ValueColumn]:
    """Return the columns of numbers: energy as every report sums it, mean power, what it is compared with, weather."""
    look, series, unit = view.look, view.series, unit_of(view.look, words)
    columns = []
    name = quantity_name(look.quantity, words)
    if is_mean(look.quantity) or look.divisor:
        columns.append(_value(name, unit, series.values))
    elif CHANNEL_OF[look.quantity].unit != "kWh":
        columns.append(_value(name, unit_of(replace(look, step="day"), words), series.energy_kwh))
        columns += [_value(name, unit, series.values)] if is_rate(look.step, look.quantity) else []
    else:
        columns.append(ValueColumn(words("explore.column_energy"), series.energy_kwh))
        if is_rate(look.step, look.quantity):
            columns.append(ValueColumn(words("explore.column_power"), series.values))
    if view.comparison is not None:
        other = view.comparison
        columns.append(_value(comparison_name(other, words), unit, other.values))
        ends = [values for values in (other.low, other.high) if np.isfinite(values).any()]
        band = words("explore.line_phases_band" if other.kind == "phases" else "explore.line_baseline_band")
        columns += [_value(band, unit, values) for values in ends]
    if view.weather is not None:
        beside = "irradiance" if look.quantity == "production" else "temperature"
        columns.append(ValueColumn(words(f"explore.weather_{beside}"), view.weather.values, "0.0"))
    return columns


def _value(name: str, unit: str, values: FloatArray) -> ValueColumn:
    return ValueColumn(f"{name} ({unit})", values)


def qualities(view: ExploreView, words: Words) -> list[str]:
    """Return how each step is known, in words; nothing for a step that has not begun."""
    return [
        words(f"explore.quality_{Quality(value).name.lower()}") if has_begun else ""
        for value, has_begun in zip(view.series.quality.tolist(), view.series.has_begun.tolist(), strict=True)
    ]


def headings(view: ExploreView, words: Words) -> list[str]:
    """Return the heading of each column of a file."""
    numbers = [column.heading for column in columns_of(view, words)]
    return [words("explore.column_start"), *numbers, words("explore.column_quality"), words("explore.column_known")]


def to_csv(view: ExploreView, words: Words) -> bytes:
    """Write CSV that spreadsheets open as it is: UTF-8 with its mark, local times without an offset."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows(plain_rows([headings(view, words)]))
    is_day = not _has_time(view)
    for start, *numbers, quality, known in _rows(view, words):
        at = f"{start:%Y-%m-%d}" if is_day else f"{start:%Y-%m-%d %H:%M}"
        writer.writerow([at, *("" if np.isnan(value) else round(value, DIGITS) for value in numbers), quality, known])
    return (BOM + text.getvalue()).encode()


def _rows(view: ExploreView, words: Words) -> Iterator[tuple[Any, ...]]:
    numbers = [column.values.tolist() for column in columns_of(view, words)]
    known = np.where(view.series.has_begun, np.round(view.series.known_ratio, 4), np.nan)
    shown = ["" if np.isnan(ratio) else ratio for ratio in known.tolist()]
    return zip(view.series.starts, *numbers, qualities(view, words), shown, strict=True)


def _has_time(view: ExploreView) -> bool:
    return view.look.step in {"15min", "60min"}


def to_xlsx(view: ExploreView, words: Words) -> bytes:
    """Write XLSX: a sheet with real dates and numbers, and a chart of them."""
    file, columns = io.BytesIO(), columns_of(view, words)
    with xlsxwriter.Workbook(file, AS_TEXT) as book:
        head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        title = book.add_format({"bold": True, "font_size": 14})
        date_form = DATE_FORMAT[words.lang] + (TIME_OF_DAY if _has_time(view) else "")
        date, share = (book.add_format({"num_format": form}) for form in (date_form, "0%"))
        forms = [book.add_format({"num_format": column.form}) for column in columns]
        sheet = book.add_worksheet(words("explore.title"))
        sheet.write_string(
            0, 0, f"{subject_name(view.look.subject, words)} · {period_text(view.look.period, words)}", title
        )
        sheet.write_row(2, 0, headings(view, words), head)
        sheet.set_column(0, 0, 22)
        sheet.set_column(1, len(columns) + 2, 18)
        sheet.freeze_panes(3, 1)
        rows = 3
        for rows, (start, *numbers, quality, known) in enumerate(_rows(view, words), 3):
            sheet.write_datetime(rows, 0, start.tz_localize(None).to_pydatetime(), date)
            for column, (value, form) in enumerate(zip(numbers, forms, strict=True), 1):
                if not np.isnan(value):
                    sheet.write_number(rows, column, value, form)
            sheet.write_string(rows, len(columns) + 1, quality)
            if known != "":
                sheet.write_number(rows, len(columns) + 2, known, share)
        _chart(book, sheet, view, rows, len(columns))
    return file.getvalue()


def _chart(
    book: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet, view: ExploreView, last: int, count: int
) -> None:
    chart = book.add_chart({"type": "line" if _has_time(view) else "column"})
    name = sheet.get_name()
    series = 2 if is_rate(view.look.step, view.look.quantity) and not view.look.divisor else 1
    compared = [series + 1] if view.comparison is not None else []
    for column in [series, *compared]:
        cells = {
            "name": [name, 2, column],
            "categories": [name, 3, 0, last, 0],
            "values": [name, 3, column, last, column],
        }
        chart.add_series(cells)
    chart.set_size({"width": 900, "height": 360})
    chart.set_legend({"position": "bottom"})
    sheet.insert_chart(2, count + 4, chart)
