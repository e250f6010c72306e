"""Sheets of a report's workbook for those who check it: what findings rest on, and the quarter-hours of the period."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from bkkenergy.calendar import BANGKOK
from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.phrasing import name_of
from bkkenergy.reports.render.book import Book
from bkkenergy.reports.savings.phrasing import finding_texts

QUARTER = dt.timedelta(minutes=15)
MOMENT_FORMAT = "yyyy-mm-dd hh:mm"
HEADS = ("building", "finding", "since", "days", "kwh", "thb", "quantity", "value")


def evidence_sheets(book: Book, report: AgencyReport) -> None:
    """Add the sheets of which the report has something."""
    if report.findings:
        _evidence(book, report)
    if report.pictures.quarter_kw:
        _quarters(book, report)


def _evidence(book: Book, report: AgencyReport) -> None:
    """Write a row for each figure that a finding rests on, with the days on which it was seen."""
    words, formats = book.words, book.formats
    sheet = book.sheet(words("evidence.sheet"))
    for column, width in enumerate((44, 44, 14, 40, 12, 12, 24, 14)):
        sheet.set_column(column, column, width)
    sheet.write_row(0, 0, [words(f"evidence.{head}") for head in HEADS], formats["head"])
    sheet.freeze_panes(1, 2)
    row = 1
    for finding in report.findings:
        days = ", ".join(day.isoformat() for day in finding.days)
        evidence: Mapping[str, float | None] = finding.evidence or {"": None}
        for quantity, value in evidence.items():
            sheet.write(row, 0, name_of(report, finding.building, words))
            sheet.write(row, 1, finding_texts(finding, words)[0])
            sheet.write_datetime(row, 2, dt.datetime.combine(finding.since, dt.time()), formats["date"])
            sheet.write(row, 3, days)
            sheet.write_number(row, 4, finding.energy_kwh_a_month, formats["number"])
            sheet.write_number(row, 5, finding.cost_thb_a_month, formats["number"])
            sheet.write_string(row, 6, quantity)
            if value is not None:
                sheet.write_number(row, 7, value, formats["fine"])
            row += 1


def _quarters(book: Book, report: AgencyReport) -> None:
    """Write mean power of each quarter-hour by its start, empty where not known; their energy is a formula."""
    words, formats, quarters = book.words, book.formats, report.pictures.quarter_kw
    sheet = book.sheet(words("evidence.quarters"))
    moment = book.book.add_format({"num_format": MOMENT_FORMAT, "align": "left"})
    sheet.set_column(0, 3, 20)
    sheet.write_row(0, 0, [words("evidence.start"), words("unit.kw")], formats["head"])
    sheet.freeze_panes(1, 1)
    start = dt.datetime.combine(report.first_day, dt.time(), BANGKOK).replace(tzinfo=None)
    for row, kw in enumerate(quarters, 1):
        sheet.write_datetime(row, 0, start + (row - 1) * QUARTER, moment)
        if kw is not None:
            sheet.write_number(row, 1, kw, formats["fine"])
    known_kwh = sum(kw for kw in quarters if kw is not None) / 4
    sheet.write(0, 2, words("evidence.energy"), formats["head"])
    sheet.write_formula(0, 3, f"=SUM(B2:B{len(quarters) + 1})/4", formats["number"], known_kwh)
