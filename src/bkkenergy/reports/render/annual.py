"""A designated building's year as a workbook and as CSV: each field with its value, its source and its grade."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator
from typing import Any

import xlsxwriter

from bkkenergy.adapters.files import AS_TEXT, plain_cell
from bkkenergy.i18n import DATE_FORMAT, MONTH_FORMAT, Lang, Words
from bkkenergy.reports.annual import AnnualReport, month_fields, ordered
from bkkenergy.savings.designated import MJ_PER_KWH

BOM = "\ufeff"
"""By which spreadsheets know a CSV file as UTF-8."""


def annual_notes(report: AnnualReport, words: Words) -> list[str]:
    """Say what must not be taken from the fields: that the form was not read, and what is not known."""
    notes = [words("annual.not_the_form"), words(f"annual.standing_{report.standing}")]
    notes.append(words("annual.known", share=words.percent(report.known_ratio, 1)))
    return notes + ([words("annual.provisional")] if any(month.is_provisional for month in report.months) else [])


def shown_value(value: str | float | dt.date | None, words: Words) -> str:
    """Return a field's value as a page shows it."""
    if value is None:
        return words("annual.empty")
    if isinstance(value, str):
        return value
    return words.date(value) if isinstance(value, dt.date) else words.number(value, 0 if value >= 100 else 1)  # noqa: PLR2004


def annual_csv(report: AnnualReport, lang: Lang) -> bytes:
    """Write one line a field, then one a month and field; numbers as they are, dates in ISO 8601."""
    words, file = Words(lang), io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow([words(f"annual.{head}") for head in ("field", "month", "value", "grade", "source")])
    for field, value in ordered(report):
        plain = "" if value is None else value.isoformat() if isinstance(value, dt.date) else value
        name = words.either(th=field.name_th, en=field.name_en)
        writer.writerow(map(plain_cell, [name, "", plain, field.grade, _source(field, words)]))
    for field, month, value in _by_month(report):
        name = words.either(th=field.name_th, en=field.name_en)
        writer.writerow([name, f"{month:%Y-%m}", "" if value is None else value, field.grade, _source(field, words)])
    return (BOM + file.getvalue()).encode()


def annual_xlsx(report: AnnualReport, lang: Lang) -> bytes:
    """Write the fields on one sheet and the months on another; MJ as a formula over kWh."""
    words, file = Words(lang), io.BytesIO()
    with xlsxwriter.Workbook(file, AS_TEXT) as book:
        forms = {
            "head": book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}),
            "title": book.add_format({"bold": True, "font_size": 14}),
            "number": book.add_format({"num_format": "#,##0.##", "align": "left"}),
            "cell": book.add_format({"num_format": "#,##0"}),
            "share": book.add_format({"num_format": "0.0%"}),
            "date": book.add_format({"num_format": DATE_FORMAT[lang], "align": "left"}),
            "month": book.add_format({"num_format": MONTH_FORMAT[lang], "align": "left"}),
            "wrap": book.add_format({"text_wrap": True, "valign": "top"}),
        }
        _fields(book.add_worksheet(words("annual.fields")), report, words, forms)
        _months(book.add_worksheet(words("annual.months")), report, words, forms)
    return file.getvalue()


def _fields(sheet: Any, report: AnnualReport, words: Words, forms: dict[str, Any]) -> None:
    sheet.set_column(0, 0, 52)
    sheet.set_column(1, 1, 34)
    sheet.set_column(2, 2, 12)
    sheet.set_column(3, 3, 90)
    building = report.building
    name = words.either(th=building.name_th, en=building.name_en)
    sheet.write(0, 0, words("annual.title", building=name, year=words.year(report.year)), forms["title"])
    notes = annual_notes(report, words)
    for row, note in enumerate(notes, 1):
        sheet.write(row, 0, note)
    head = len(notes) + 2
    sheet.write_row(head, 0, [words(f"annual.{one}") for one in ("field", "value", "grade", "source")], forms["head"])
    cells = {field.key: f"B{row}" for row, (field, _) in enumerate(ordered(report), head + 2)}
    for row, (field, value) in enumerate(ordered(report), head + 1):
        sheet.write(row, 0, words.either(th=field.name_th, en=field.name_en))
        if field.key == "energy_mj" and value is not None:
            sheet.write_formula(row, 1, f"={cells['energy_kwh']}*{MJ_PER_KWH}", forms["number"], value)
        elif field.key == "specific_mj_m2" and value is not None:
            formula = f"={cells['energy_mj']}/{cells['floor_area_m2']}"
            sheet.write_formula(row, 1, formula, forms["number"], value)
        elif isinstance(value, dt.date):
            sheet.write_datetime(row, 1, dt.datetime.combine(value, dt.time()), forms["date"])
        elif isinstance(value, str) or value is None:
            sheet.write_string(row, 1, words("annual.empty") if value is None else value)
        else:
            sheet.write_number(row, 1, value, forms["number"])
        sheet.write(row, 2, field.grade)
        sheet.write(row, 3, _source(field, words), forms["wrap"])


def _months(sheet: Any, report: AnnualReport, words: Words, forms: dict[str, Any]) -> None:
    sheet.set_column(0, 5, 22)
    fields = month_fields(report)
    heads = [f"{words.either(th=field.name_th, en=field.name_en)} [{field.grade}]" for field in fields]
    sheet.write_row(0, 0, [words("annual.month"), words("balance.known"), *heads], forms["head"])
    for row, month in enumerate(report.months, 1):
        sheet.write_datetime(row, 0, dt.datetime.combine(month.month, dt.time()), forms["month"])
        sheet.write_number(row, 1, month.known_ratio, forms["share"])
        values = (month.energy_kwh, month.peak_kw, month.load_factor_ratio, month.cost_thb)
        for column, (value, form) in enumerate(zip(values, ("cell", "cell", "share", "cell"), strict=True), 2):
            if value is not None:
                sheet.write_number(row, column, value, forms[form])
    last = len(report.months) + 1
    sheet.write(last, 0, words("report.sum"), forms["head"])
    for column, letter in ((2, "C"), (5, "F")):
        known = [month.energy_kwh if column == 2 else month.cost_thb for month in report.months]  # noqa: PLR2004 - kWh
        total = sum(value for value in known if value is not None)
        sheet.write_formula(last, column, f"=SUM({letter}2:{letter}{last})", forms["cell"], total)


def _by_month(report: AnnualReport) -> Iterator[tuple[Any, dt.date, float | None]]:
    energy, peak, load_factor, cost = month_fields(report)
    for month in report.months:
        yield energy, month.month, month.energy_kwh
        yield peak, month.month, month.peak_kw
        yield load_factor, month.month, month.load_factor_ratio
        yield cost, month.month, month.cost_thb


def _source(field: Any, words: Words) -> str:
    return str(field.citation.said(words.lang))
