"""The report as a workbook: typed cells, a chart, and formulas where an auditor would want to check."""

from __future__ import annotations

import io
from typing import Any

import xlsxwriter

from bkkenergy.i18n import Lang, Words
from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.phrasing import attention_text, headline, period_text, place, title

HOURS = 24
MOST_SHEET_NAME = 31


def render_xlsx(report: AgencyReport, lang: Lang) -> bytes:
    """XLSX: buildings with total and cost as formulas, the profile as a chart, what needs attention, sources."""
    words, file = Words(lang), io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        formats = {
            "head": book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}),
            "title": book.add_format({"bold": True, "font_size": 14}),
            "number": book.add_format({"num_format": "#,##0"}),
            "fine": book.add_format({"num_format": "#,##0.00"}),
            "share": book.add_format({"num_format": "0.0%"}),
            "wrap": book.add_format({"text_wrap": True, "valign": "top"}),
        }
        _buildings(book, report, words, formats)
        if report.bill:
            _bill(book, report, words, formats)
        _profile(book, report, words, formats)
        _attention(book, report, words, formats)
        _sources(book, report, words, formats)
    return file.getvalue()


def _sheet(book: Any, name: str) -> Any:
    return book.add_worksheet(name.replace("/", "-").replace(":", "")[:MOST_SHEET_NAME])


def _buildings(book: Any, report: AgencyReport, words: Words, formats: dict[str, Any]) -> None:
    """A row a building; the total's energy, cost and emissions are formulas over the rows and the rates beside them."""
    sheet = _sheet(book, words("report.buildings"))
    sheet.set_column(0, 0, 44)
    sheet.set_column(1, 9, 14)
    sheet.write(0, 0, f"{title(report, words)}: {words.either(th=report.name_th, en=report.name_en)}", formats["title"])
    sheet.write(1, 0, f"{period_text(report, words)} · {headline(report, words)}")
    if not report.bill:
        sheet.write(2, 0, f"{words('unit.thb')}/{words('unit.kwh')}")
        sheet.write_number(2, 1, report.rate_thb_per_kwh, formats["fine"])
    sheet.write(3, 0, f"{words('unit.kgco2e')}/{words('unit.kwh')}")
    sheet.write_number(3, 1, report.factor.kg_co2e_per_kwh, formats["fine"])
    kwh, kw, thb = words("unit.kwh"), words("unit.kw"), words("unit.thb")
    heads = [
        words("report.building"),
        f"{words('report.energy')} ({kwh})",
        f"{words('report.profile_usual')} ({kwh})",
        words("report.change"),
        f"{words('report.peak')} ({kw})",
        words("report.load_factor"),
        f"{words('report.cost')} ({thb})",
        f"{words('report.co2')} ({words('unit.kgco2e')})",
        words("report.coverage"),
    ]
    first = 6
    sheet.write_row(first - 1, 0, heads, formats["head"])
    sheet.freeze_panes(first, 1)
    for row, building in enumerate(report.buildings, first):
        use = building.use
        sheet.write(row, 0, words.either(th=building.name_th, en=building.name_en))
        cells = [
            (1, use.energy_kwh, "number"), (2, use.usual_kwh, "number"), (3, use.change_ratio, "share"),
            (4, use.peak_kw, "number"), (5, use.load_factor_ratio, "share"), (8, use.coverage_ratio, "share"),
        ]  # fmt: skip
        for column, value, form in cells:
            if value is not None:
                sheet.write_number(row, column, value, formats[form])
        if report.bill and use.cost_thb is not None:
            sheet.write_number(row, 6, use.cost_thb, formats["fine"])
        elif use.cost_thb is not None:
            sheet.write_formula(row, 6, f"=B{row + 1}*$B$3", formats["number"], use.cost_thb)
        if use.co2e_kg is not None:
            sheet.write_formula(row, 7, f"=B{row + 1}*$B$4", formats["number"], use.co2e_kg)
    last = first + len(report.buildings)
    sheet.write(last, 0, words("report.total"), formats["head"])
    for column, value in ((1, report.total.energy_kwh), (6, report.total.cost_thb), (7, report.total.co2e_kg)):
        letter = "ABCDEFGHI"[column]
        sheet.write_formula(last, column, f"=SUM({letter}{first + 1}:{letter}{last})", formats["number"], value or 0)


def _bill(book: Any, report: AgencyReport, words: Words, formats: dict[str, Any]) -> None:
    """The bills' items over all buildings, with their sum as a formula."""
    sheet = _sheet(book, words("report.bill"))
    sheet.set_column(0, 0, 40)
    sheet.set_column(1, 1, 18)
    sheet.write_row(0, 0, [words("report.bill_item"), words("unit.thb")], formats["head"])
    for row, line in enumerate(report.bill, 1):
        sheet.write(row, 0, words(f"solar.item_{line.item}"))
        sheet.write_number(row, 1, line.amount_thb, formats["fine"])
    last = len(report.bill) + 1
    sheet.write(last, 0, words("report.total"), formats["head"])
    sheet.write_formula(last, 1, f"=SUM(B2:B{last})", formats["fine"], report.total.cost_thb or 0)


def _profile(book: Any, report: AgencyReport, words: Words, formats: dict[str, Any]) -> None:
    """Mean power of each hour beside the usual day's, with a chart."""
    name = words("report.profile_short")[:MOST_SHEET_NAME]
    sheet = _sheet(book, name)
    kw = words("unit.kw")
    heads = ["", f"{words('report.profile_actual')} ({kw})", f"{words('report.profile_usual')} ({kw})"]
    sheet.write_row(0, 0, heads, formats["head"])
    sheet.set_column(0, 2, 18)
    usual = report.total.usual_profile_kw or (None,) * HOURS
    for hour, (actual, before) in enumerate(zip(report.total.profile_kw, usual, strict=True)):
        sheet.write(hour + 1, 0, f"{hour:02d}:00")
        for column, value in ((1, actual), (2, before)):
            if value is not None:
                sheet.write_number(hour + 1, column, value, formats["fine"])
    chart = book.add_chart({"type": "line"})
    for column in (1, 2):
        chart.add_series(
            {
                "name": [name, 0, column],
                "categories": [name, 1, 0, HOURS, 0],
                "values": [name, 1, column, HOURS, column],
            }
        )
    chart.set_title({"name": f"{words('report.profile')} ({words('unit.kw')})"})
    chart.set_size({"width": 720, "height": 340})
    sheet.insert_chart("E2", chart)


def _attention(book: Any, report: AgencyReport, words: Words, formats: dict[str, Any]) -> None:
    sheet = _sheet(book, words("report.attention"))
    sheet.set_column(0, 0, 16)
    sheet.set_column(1, 1, 50)
    sheet.set_column(2, 2, 90)
    for row, item in enumerate(report.attention):
        sheet.write(row, 0, words(f"severity.{item.severity}"))
        sheet.write(row, 1, place(report, item, words), formats["wrap"])
        sheet.write(row, 2, attention_text(item, words), formats["wrap"])


def _sources(book: Any, report: AgencyReport, words: Words, formats: dict[str, Any]) -> None:
    sheet = _sheet(book, words("report.method"))
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 100)
    rows = [
        (words("report.cost"), f"{report.rate.source} ({words.date(report.rate.entered)})"),
        (words("report.co2"), f"{report.factor.source} ({words.date(report.factor.entered)})"),
    ]
    if report.bill:
        rows[0] = (words("report.bill_cost"), report.bill_source)
    for row, (name, source) in enumerate(rows):
        sheet.write(row, 0, name)
        sheet.write(row, 1, source, formats["wrap"])
