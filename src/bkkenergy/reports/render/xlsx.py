"""The report as a workbook: typed cells, charts, a sheet a building, formulas where an auditor would want to check."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_range

from bkkenergy.adapters.files import AS_TEXT
from bkkenergy.i18n import DATE_FORMAT, MONTH_FORMAT, Lang, Words
from bkkenergy.reports.build import total_of
from bkkenergy.reports.comparisons import comparisons
from bkkenergy.reports.content import AgencyReport, BuildingSaving, BuildingUse
from bkkenergy.reports.emissions import upstream_note
from bkkenergy.reports.phrasing import (
    attention_text,
    cost_method,
    emission_method,
    headline,
    name_of,
    note_rows,
    period_text,
    placebo_source,
    plan_sentences,
    saving_sentence,
    subject_name,
    title,
)
from bkkenergy.reports.render.book import Book
from bkkenergy.reports.render.xlsx_evidence import evidence_sheets
from bkkenergy.reports.render.xlsx_official import official_sheets
from bkkenergy.reports.render.yearsheet import has_year_sheet, write_year_sheet
from bkkenergy.reports.savings.phrasing import fault_texts, verdict_of
from bkkenergy.reports.scopewords import of_scope
from bkkenergy.savings.faultgroups import fault_groups
from bkkenergy.texts import BE_OFFSET_YEARS

HOURS = 24
MAX_SHEETS = 200


def render_xlsx(report: AgencyReport, lang: Lang) -> bytes:
    """Write XLSX: overview, bills, profile, what to act on, sources, and each building's hours and bill."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, AS_TEXT) as workbook:
        formats = {
            "head": workbook.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}),
            "title": workbook.add_format({"bold": True, "font_size": 14}),
            "number": workbook.add_format({"num_format": "#,##0"}),
            "fine": workbook.add_format({"num_format": "#,##0.00"}),
            "factor": workbook.add_format({"num_format": "0.0000"}),
            "percent": workbook.add_format({"num_format": "0.00%"}),
            "share": workbook.add_format({"num_format": "0.0%"}),
            "date": workbook.add_format({"num_format": DATE_FORMAT[lang], "align": "left"}),
            "month": workbook.add_format({"num_format": MONTH_FORMAT[lang], "align": "left"}),
            "wrap": workbook.add_format({"text_wrap": True, "valign": "top"}),
        }
        book = Book(workbook, formats, Words(lang), set())
        _buildings(book, report)
        _compared(book, report)
        _bars(book, report)
        if report.bill:
            _bill(book, report)
        if any(saving.saving_ratio is not None for saving in report.savings):
            _savings(book, report)
        if has_year_sheet(report):
            write_year_sheet(book.sheet(book.words("path.sheet")), report, book.words, formats)
        _profile(book, report)
        _to_do(book, report)
        if report.plan:
            _plan(book, report)
        official_sheets(book, report)
        evidence_sheets(book, report)
        _sources(book, report)
        for building in report.buildings[:MAX_SHEETS]:
            _building(book, report, building)
    return file.getvalue()


def _buildings(book: Book, report: AgencyReport) -> None:
    """Write a row a building; the total's energy, cost and emissions are formulas over the rows and the rates beside
    them.
    """
    words, formats = book.words, book.formats
    sheet = book.sheet(of_scope("rows", report, words))
    sheet.set_column(0, 0, 44)
    sheet.set_column(1, 9, 14)
    sheet.write(0, 0, f"{title(report, words)}: {words.either(th=report.name_th, en=report.name_en)}", formats["title"])
    sheet.write(1, 0, f"{period_text(report, words)} · {headline(report, words)} {saving_sentence(report, words)}")
    if not report.bill and report.rate_thb_per_kwh is not None:
        sheet.write(2, 0, f"{words('unit.thb')}/{words('unit.kwh')}")
        sheet.write_number(2, 1, report.rate_thb_per_kwh, formats["fine"])
    if report.kg_co2e_per_kwh is not None:
        sheet.write(3, 0, f"{words('unit.kgco2e')}/{words('unit.kwh')}")
        sheet.write_number(3, 1, report.kg_co2e_per_kwh, formats["factor"])
    first = 6
    sheet.write_row(first - 1, 0, _heads(report, words), formats["head"])
    sheet.freeze_panes(first, 1)
    for row, building in enumerate(report.buildings, first):
        _building_row(sheet, row, report, building, book)
    last = first + len(report.buildings)
    sheet.write(last, 0, book.total(report), formats["head"])
    for column, value in ((1, report.total.energy_kwh), (6, report.total.cost_thb), (7, report.total.co2e_kg)):
        book.write_sum(sheet, (last, column), xl_range(first, column, last - 1, column), value)


def _heads(report: AgencyReport, words: Words) -> list[str]:
    kwh, kw, thb = words("unit.kwh"), words("unit.kw"), words("unit.thb")
    return [
        of_scope("row", report, words),
        f"{words('report.energy')} ({kwh})",
        f"{words('report.profile_usual')} ({kwh})",
        words("report.change"),
        f"{words('report.peak')} ({kw})",
        words("report.load_factor"),
        f"{words('report.bill_cost' if report.bill else 'report.cost')} ({thb})",
        f"{words('report.co2')} ({words('unit.kgco2e')})",
        words("report.coverage"),
    ]


def _building_row(sheet: Any, row: int, report: AgencyReport, building: BuildingUse, book: Book) -> None:
    use, formats = building.use, book.formats
    sheet.write(row, 0, book.words.either(th=building.name_th, en=building.name_en))
    cells = [
        (1, use.energy_kwh, "number"), (2, use.usual_kwh, "number"), (3, use.change_ratio, "share"),
        (4, use.peak_kw, "number"), (5, use.load_factor_ratio, "share"), (8, use.coverage_ratio, "share"),
    ]  # fmt: skip
    for column, value, form in cells:
        if value is not None:
            sheet.write_number(row, column, value, formats[form])
    rate = None if report.bill else report.rate_thb_per_kwh
    each = ((6, "$B$3", rate, use.cost_thb), (7, "$B$4", report.kg_co2e_per_kwh, use.co2e_kg))
    for column, cell, factor, amount in each:
        if amount is not None and factor is not None:
            sheet.write_formula(row, column, f"=B{row + 1}*{cell}", formats["number"], amount)
        elif amount is not None:
            sheet.write_number(row, column, amount, formats["fine"])


def _compared(book: Book, report: AgencyReport) -> None:
    """Write what the period is compared with, and the money of each difference."""
    words, rows = book.words, comparisons(report, book.words)
    if not rows:
        return
    sheet = book.sheet(words("compared.title"))
    sheet.set_column(0, 0, 60)
    sheet.set_column(1, 5, 20)
    heads = [words(f"compared.{name}") for name in ("reference", "change", "difference", "money")]
    sheet.write_row(0, 0, ["", *heads], book.formats["head"])
    for row, one in enumerate(rows, 1):
        sheet.write_row(row, 0, [one.name, one.reference_kwh], book.formats["number"])
        sheet.write_number(row, 2, one.change_ratio, book.formats["share"])
        sheet.write_row(row, 3, [one.difference_kwh, one.difference_thb], book.formats["number"])
        sheet.write(row, 5, one.note)


def _bars(book: Book, report: AgencyReport) -> None:
    """Write days or months with what the baselines expected, and a chart."""
    words, formats, shown = book.words, book.formats, report.pictures.bars
    name = words(f"report.bars_{report.pictures.bar_step}")
    sheet = book.sheet(name)
    kwh = words("unit.kwh")
    heads = ["", f"{words('report.bar_actual')} ({kwh})", f"{words('report.bar_expected')} ({kwh})"]
    sheet.write_row(0, 0, heads, formats["head"])
    sheet.set_column(0, 2, 18)
    for row, bar in enumerate(shown, 1):
        sheet.write_datetime(row, 0, dt.datetime.combine(bar.first_day, dt.time()), formats["date"])
        for column, value in ((1, bar.energy_kwh), (2, bar.expected_kwh)):
            if value is not None:
                sheet.write_number(row, column, value, formats["number"])
    columns = (1, 2) if any(bar.expected_kwh is not None for bar in shown) else (1,)
    book.chart(sheet, "column", len(shown), columns, f"{name} ({kwh})")


def _bill(book: Book, report: AgencyReport) -> None:
    """Write items down, buildings across, sums as formulas both ways."""
    words, formats = book.words, book.formats
    sheet = book.sheet(of_scope("bill", report, words))
    sheet.set_column(0, 0, 40)
    sheet.set_column(1, len(report.buildings) + 1, 18)
    names = [words.either(th=building.name_th, en=building.name_en) for building in report.buildings]
    thb = words("unit.thb")
    sheet.write_row(0, 0, [f"{words('report.bill_item')} ({thb})", book.total(report), *names], formats["head"])
    sheet.freeze_panes(1, 2)
    for row, line in enumerate(report.bill, 1):
        sheet.write(row, 0, words(f"solar.item_{line.item}"))
        book.write_sum(sheet, (row, 1), xl_range(row, 2, row, len(names) + 1), line.amount_thb, "fine")
        for column, building in enumerate(report.buildings, 2):
            if building.bill:
                amount = sum(item.amount_thb for item in building.bill if item.item == line.item)
                sheet.write_number(row, column, amount, formats["fine"])
    last = len(report.bill) + 1
    sheet.write(last, 0, book.total(report), formats["head"])
    totals = [report.total.cost_thb, *(building.use.cost_thb for building in report.buildings)]
    for column, value in enumerate(totals, 1):
        book.write_sum(sheet, (last, column), xl_range(1, column, last - 1, column), value, "fine")
    if report.read_bills:
        _read_bills(book, sheet, report, last + 2)


def _read_bills(book: Book, sheet: Any, report: AgencyReport, first: int) -> None:
    """Write below the bills of calendar months those that the utility reads, with their days."""
    words, formats = book.words, book.formats
    sheet.write(first, 0, words("report.read_bills"), formats["title"])
    sheet.write(first + 1, 0, words("report.read_bills_note"))
    days = [words("report.read_days"), "", words("report.read_count")]
    sheet.write_row(
        first + 2, 0, [of_scope("row", report, words), *days, words("unit.kwh"), words("unit.thb")], formats["head"]
    )
    for row, read in enumerate(report.read_bills, first + 3):
        sheet.write(row, 0, name_of(report, read.building_id, words))
        for column, day in ((1, read.first_day), (2, read.last_day)):
            sheet.write_datetime(row, column, dt.datetime.combine(day, dt.time()), formats["date"])
        for column, value, form in (
            (3, read.count, "number"),
            (4, read.billed_kwh, "number"),
            (5, read.total_thb, "fine"),
        ):
            sheet.write_number(row, column, value, formats[form])


def _savings(book: Book, report: AgencyReport) -> None:
    """Write each building's saving against its baseline with half its interval; the total's energies are formulas."""
    words, formats = book.words, book.formats
    sheet = book.sheet(words("saving.sheet"))
    sheet.set_column(0, 0, 44)
    sheet.set_column(1, 4, 16)
    sheet.set_column(5, 5, 60)
    kwh = words("unit.kwh")
    energies = [f"{words(f'saving.{key}')} ({kwh})" for key in ("expected", "used")]
    judged = [words(f"saving.{key}") for key in ("ratio", "half", "verdict")]
    heads = [of_scope("row", report, words), *energies, *judged]
    heads += [words("worth.head"), words("worth.head_half")] if any(one.worth_thb for one in report.savings) else []
    sheet.write_row(0, 0, heads, formats["head"])
    for row, saving in enumerate(report.savings, 1):
        sheet.write(row, 0, name_of(report, saving.building_id, words))
        _saving_row(sheet, row, saving, book)
    last = len(report.savings) + 1
    if report.total_saving is not None:
        sheet.write(last, 0, book.total(report), formats["head"])
        _saving_row(sheet, last, report.total_saving, book)
        for column, value in ((1, report.total_saving.baseline_kwh), (2, report.total_saving.actual_kwh)):
            book.write_sum(sheet, (last, column), xl_range(1, column, last - 1, column), value)


def _saving_row(sheet: Any, row: int, saving: BuildingSaving, book: Book) -> None:
    values = (saving.baseline_kwh, saving.actual_kwh, saving.saving_ratio, saving.half_width_ratio)
    for column, value in enumerate(values, 1):
        if value is not None:
            sheet.write_number(row, column, value, book.formats["number" if column <= 2 else "share"])  # noqa: PLR2004 - energies first
    for column, value in ((6, saving.worth_thb), (7, saving.worth_half_thb)):
        if value is not None:
            sheet.write_number(row, column, value, book.formats["number"])
    sheet.write(row, 5, verdict_of(saving, book.words))


def _profile(book: Book, report: AgencyReport) -> None:
    """Write mean power of each hour beside the usual day's, with a chart."""
    words, formats = book.words, book.formats
    sheet = book.sheet(words("report.profile_short"))
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
    book.chart(sheet, "line", HOURS, (1, 2), f"{words('report.profile')} ({kw})")


def _to_do(book: Book, report: AgencyReport) -> None:
    """Write findings with their money, then what needs attention."""
    words, formats = book.words, book.formats
    sheet = book.sheet(words("insight.title"))
    for column, width in enumerate((16, 44, 60, 44, 14, 14)):
        sheet.set_column(column, column, width)
    thb, kwh = words("unit.thb"), words("unit.kwh")
    sheet.write_row(0, 0, ["", words("report.building"), words("insight.title"), "", kwh, thb], formats["head"])
    faults = fault_groups(report.findings)
    for row, fault in enumerate(faults, 1):
        texts, building = fault_texts(fault, words), name_of(report, fault.chief.building, words)
        what = "\n".join(filter(None, (f"{texts.name}: {texts.what}", texts.also_said(words))))
        cells = [words(f"severity.{fault.chief.severity}"), building, what, texts.todo]
        sheet.write_row(row, 0, cells, formats["wrap"])
        sheet.write_number(row, 4, fault.chief.energy_kwh_a_month, formats["number"])
        sheet.write_number(row, 5, fault.cost_thb_a_month, formats["number"])
    first = len(faults) + 3
    sheet.write(first - 1, 0, of_scope("attention", report, words), formats["head"])
    for row, item in enumerate(report.attention, first):
        cells = [words(f"severity.{item.severity}"), subject_name(report, item, words), attention_text(item, words)]
        sheet.write_row(row, 0, cells, formats["wrap"])
    if report.notes:
        first += len(report.attention) + 2
        sheet.write(first - 1, 0, words("note.in_report"), formats["head"])
    for row, note in enumerate(note_rows(report, words), first):
        sheet.write_row(row, 0, note, formats["wrap"])


def _plan(book: Book, report: AgencyReport) -> None:
    """Write projects with what they should and do save; sums as formulas."""
    words, formats, plan = book.words, book.formats, report.plan
    sheet = book.sheet(words("report.plan"))
    for column, width in enumerate((44, 18, 12, 16, 18, 18)):
        sheet.set_column(column, column, width)
    if plan is None:
        return
    sheet.write(0, 0, " · ".join(plan_sentences(report, words)))
    heads = ("plan_project", "plan_state", "plan_due", "plan_budget", "plan_expected", "plan_measured_head")
    sheet.write_row(2, 0, [words(f"report.{head}") for head in heads], formats["head"])
    for row, line in enumerate(plan.projects, 3):
        sheet.write(row, 0, words.either(th=line.name_th, en=line.name_en))
        sheet.write(row, 1, words(f"project_state.{line.state}"))
        sheet.write_number(row, 2, int(words.year(line.due_year_be - BE_OFFSET_YEARS)))
        for column, value in ((3, line.budget_thb), (4, line.expected_kwh), (5, line.measured_kwh)):
            if value is not None:
                sheet.write_number(row, column, value, formats["number"])
        if mark := line.option:
            sheet.write(row, 6, words("report.plan_option", option=mark))
    last = 3 + len(plan.projects)
    sheet.write(last, 0, words("report.sum"), formats["head"])
    budget = sum(line.budget_thb for line in plan.projects)
    for column, total in ((3, budget), (4, plan.expected_kwh), (5, plan.measured_kwh)):
        book.write_sum(sheet, (last, column), xl_range(3, column, last - 1, column), total)


def _sources(book: Book, report: AgencyReport) -> None:
    words, formats = book.words, book.formats
    sheet = book.sheet(words("report.method"))
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 100)
    rows = [
        (words("report.bill_cost" if report.bill else "report.cost"), cost_method(report, words)),
        (words("report.co2"), emission_method(report, words)),
    ]
    if upstream := upstream_note(report, words):
        rows.append((words("emission.upstream_name"), upstream))
    if report.placebo_source:
        rows.append((words("saving.title"), placebo_source(report, words)))
    if report.portfolio_revision:
        portfolio = words("report.method_portfolio", number=report.portfolio_revision)
        rows.append((words("report.portfolio"), portfolio))
    for row, (name, source) in enumerate(rows):
        sheet.write(row, 0, name)
        sheet.write(row, 1, source, formats["wrap"])


def _building(book: Book, report: AgencyReport, building: BuildingUse) -> None:
    """Write a building's hours as a coloured grid, a day's kWh as the sum of its hours; then its bill."""
    words, formats = book.words, book.formats
    sheet = book.sheet(words.either(th=building.name_th, en=building.name_en))
    sheet.write(0, 0, words.either(th=building.name_th, en=building.name_en), formats["title"])
    sheet.write(1, 0, f"{words('report.heat')} ({words('unit.kw')})")
    sheet.set_column(0, 0, 14)
    sheet.set_column(1, HOURS, 7)
    sheet.set_column(HOURS + 1, HOURS + 1, 14)
    first = 3
    heads = ["", *(f"{hour:02d}:00" for hour in range(HOURS)), words("unit.kwh")]
    sheet.write_row(first - 1, 0, heads, formats["head"])
    sheet.freeze_panes(first, 1)
    for row, hours in enumerate(building.heat_kw, first):
        day = report.pictures.heat_first_day + dt.timedelta(days=row - first)
        sheet.write_datetime(row, 0, dt.datetime.combine(day, dt.time()), formats["date"])
        for hour, kw in enumerate(hours):
            if kw is not None:
                sheet.write_number(row, hour + 1, kw, formats["fine"])
        book.write_sum(sheet, (row, HOURS + 1), xl_range(row, 1, row, HOURS), total_of(hours))
    last = first + len(building.heat_kw)
    if building.heat_kw:
        colours = {"type": "3_color_scale", "min_color": "#FFF8E1", "mid_color": "#F5B041", "max_color": "#BA4A00"}
        sheet.conditional_format(first, 1, last - 1, HOURS, colours)
    for row, line in enumerate(building.bill, last + 1):
        sheet.write(row, 0, words(f"solar.item_{line.item}"))
        sheet.write_number(row, HOURS + 1, line.amount_thb, formats["fine"])
    if building.bill:
        end = last + 1 + len(building.bill)
        sheet.write(end, 0, f"{words('report.sum')} ({words('unit.thb')})", formats["head"])
        items = xl_range(last + 1, HOURS + 1, end - 1, HOURS + 1)
        book.write_sum(sheet, (end, HOURS + 1), items, building.use.cost_thb, "fine")
