"""Sheets of a report's workbook for what the state asks: emissions, the energy index by month, duties of buildings."""

from __future__ import annotations

import datetime as dt

from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.emissions import emission_trend, trend_note
from bkkenergy.reports.official import index_whys
from bkkenergy.reports.phrasing import name_of
from bkkenergy.reports.render.book import Book


def official_sheets(book: Book, report: AgencyReport) -> None:
    """Add the sheets of which the report has something."""
    _emissions(book, report)
    _index(book, report)
    _duties(book, report)


def _emissions(book: Book, report: AgencyReport) -> None:
    """Write the emissions across a change of factor: by the factors of the days, and by one factor as a formula."""
    words, formats, trend = book.words, book.formats, emission_trend(report, book.words)
    if trend is None:
        return
    sheet = book.sheet(words("emission.sheet"))
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 3, 24)
    sheet.write(0, 0, words("emission.title"), formats["title"])
    sheet.write(1, 0, trend_note(trend, words))
    factor = trend.newest.kg_co2e_per_kwh
    sheet.write(2, 0, f"{words('unit.kgco2e')}/{words('unit.kwh')}")
    sheet.write_number(2, 1, factor, formats["factor"])
    heads = ["", words("unit.kwh"), words("emission.own"), words("emission.same", factor=words.number(factor, 4))]
    sheet.write_row(4, 0, heads, formats["head"])
    for row, one in enumerate(trend.rows, 5):
        sheet.write(row, 0, one.name)
        sheet.write_number(row, 1, one.energy_kwh, formats["number"])
        sheet.write_number(row, 2, one.co2e_kg / 1000, formats["fine"])
        sheet.write_formula(row, 3, f"=B{row + 1}*$B$3/1000", formats["fine"], one.same_co2e_kg / 1000)
    if trend.change_ratio is not None:
        sheet.write(7, 0, words("emission.change"))
        for column, ratio in ((2, trend.change_ratio), (3, trend.same_change_ratio)):
            cell = "CD"[column - 2]
            sheet.write_formula(7, column, f"={cell}6/{cell}7-1", formats["share"], ratio)


def _index(book: Book, report: AgencyReport) -> None:
    """Write the state's index by month, each as a formula over use and standard use, and why one is missing."""
    words, formats, index = book.words, book.formats, report.state_index
    if index is None:
        return
    sheet = book.sheet(words("ereport.sheet"))
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, 7, 17)
    sheet.write(0, 0, f"{words('ereport.title')} · {index.group}", formats["title"])
    source = words.either(th=index.target_source_th, en=index.target_source)
    sheet.write(1, 0, words("ereport.target", share=words.percent(index.target_ratio), source=source))
    sheet.write(2, 0, words("ereport.other_target"))
    heads = ("month", "kwh", "measured", "standard", "index", "fuel", "standard_fuel", "fuel_index")
    sheet.write_row(4, 0, [words(f"ereport.{head}") for head in heads], formats["head"])
    for row, month in enumerate(index.months, 5):
        sheet.write_datetime(row, 0, dt.datetime.combine(month.month, dt.time()), formats["month"])
        cells = (
            (1, month.electricity_kwh, "number"), (2, month.coverage_ratio, "share"), (3, month.standard_kwh, "number"),
            (5, month.fuel_litres, "number"), (6, month.standard_fuel_litres, "number"),
        )  # fmt: skip
        for column, value, form in cells:
            if value is not None:
                sheet.write_number(row, column, value, formats[form])
        for column, use, standard, ratio in ((4, "B", "D", month.index_ratio), (7, "F", "G", month.fuel_index_ratio)):
            if ratio is not None:
                formula = f"=({standard}{row + 1}-{use}{row + 1})/{standard}{row + 1}"
                sheet.write_formula(row, column, formula, formats["percent"], ratio)
    for row, why in enumerate(index_whys(index, words), 6 + len(index.months)):
        sheet.write(row, 0, why)


def _duties(book: Book, report: AgencyReport) -> None:
    """Write which buildings are designated by law, how many persons answer for each, and when its report is due."""
    words, formats = book.words, book.formats
    if not report.duties:
        return
    sheet = book.sheet(words("ereport.duties_sheet"))
    sheet.set_column(0, 0, 44)
    sheet.set_column(1, 2, 24)
    sheet.write(0, 0, words("ereport.duties"), formats["title"])
    heads = [words("report.building"), words("ereport.persons"), words("ereport.due")]
    sheet.write_row(2, 0, heads, formats["head"])
    for row, duty in enumerate(report.duties, 3):
        sheet.write(row, 0, name_of(report, duty.building_id, words))
        sheet.write(row, 1, words("index.by_size") if duty.persons is None else duty.persons)
        sheet.write_datetime(row, 2, dt.datetime.combine(duty.report_due, dt.time()), formats["date"])
