"""Designs and screenings as data: JSON with a versioned schema, CSV for a spreadsheet, XLSX with formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec
import xlsxwriter
from babel import Locale
from babel.dates import get_month_names

from bkkenergy.adapters.files import AS_TEXT, plain_rows
from bkkenergy.i18n import Lang, Words
from bkkenergy.reports.solar.html import bill_rows
from bkkenergy.solar.design import SolarDesign
from bkkenergy.solar.screening import Screening
from bkkenergy.solar.sources import assumption_sources
from bkkenergy.solar.strings import StringPlans
from bkkenergy.solar.weatheryears import YearSpread

SCHEMA = "bkkenergy.solar_design/1"
SCREENING_SCHEMA = "bkkenergy.solar_screening/1"
BOM = "\ufeff"
ROW_KEYS = (
    "building", "agency", "name_th", "name_en", "type", "roof_kwp", "capacity_kwp", "energy_kwh", "used_kwh",
    "load_share_ratio", "load_measured_ratio", "capex_thb", "saving_thb", "payback_years", "npv_thb", "avoided_kg",
    "is_provisional",
)  # fmt: skip


def design_data(design: SolarDesign) -> dict[str, Any]:
    """Return the design's public form: names carry units, unknown numbers are null."""
    return {
        "schema": SCHEMA,
        "building": design.building.id,
        "weather": asdict(design.weather),
        "ghi_kwh_m2": design.ghi_kwh_m2,
        "capacity_kwp": design.capacity_kwp,
        "energy_kwh": design.energy_kwh,
        "specific_yield_kwh_per_kwp": design.specific_yield_kwh_per_kwp,
        "performance_ratio": design.performance_ratio,
        "p75_kwh": design.p75_kwh,
        "p90_kwh": design.p90_kwh,
        "years": _years_data(design.years),
        "month_kwh": list(design.month_kwh),
        "losses": [asdict(line) for line in design.losses],
        "roofs": [
            {
                "id": roof.id,
                "tilt_deg": roof.layout.module_tilt_deg,
                "azimuth_deg": roof.layout.module_azimuth_deg,
                "mounting": roof.layout.mounting,
                "module_count": roof.layout.module_count,
                "capacity_kwp": roof.layout.capacity_kwp,
                "load_kg_m2": roof.layout.load_kg_m2,
                "ballast_kg_m2": roof.layout.ballast_kg_m2,
                "specific_yield_kwh_per_kwp": roof.specific_yield_kwh_per_kwp,
            }
            for roof in design.roofs
        ],
        "module": design.module.id,
        **_strings_data(design.strings),
        "load_kwh": design.load_kwh,
        "load_measured_ratio": design.load_measured_ratio,
        "used_kwh": design.used_kwh,
        "surplus_kwh": design.surplus_kwh,
        "self_consumption_ratio": design.self_consumption_ratio,
        "load_share_ratio": design.load_share_ratio,
        "tariff": design.schedule.id,
        "bill": [asdict(row) for row in bill_rows(design)],
        "saving_thb": design.bills.saving_thb,
        "capex_thb": design.capex_thb,
        "day": design.day,
        "export_scheme": design.config.finance.export_scheme or None,
        "export_thb": design.bills.export_thb,
        "export_terms": asdict(design.config.finance.export),
        "netted_kwh": design.bills.netted_kwh,
        "netted_thb": design.bills.netted_thb,
        "battery": None if design.battery is None else asdict(design.battery),
        **_money_data(design),
        "avoided_kg": design.avoided_kg,
        "cleaning": [asdict(option) | {"net_thb": option.net_thb} for option in design.cleaning],
        "warnings": list(design.warnings),
        "wiring": [{"key": note.key, "values": dict(note.values), "text": note.said("en")} for note in design.wiring],
        "weather_findings": [
            {"key": finding.key, "values": dict(finding.values), "text": finding.said("en")}
            for finding in design.weather_findings
        ],
        "sources": [
            {"key": key, "source": source.en, "entered": entered} for key, source, entered in assumption_sources(design)
        ],
    }


def _years_data(years: YearSpread) -> dict[str, Any]:
    return {
        "energy_kwh": dict(zip(years.names, years.energy_kwh, strict=True)),
        "interannual_ratio": years.interannual_ratio,
        "is_of_years": years.is_of_years,
    }


def _strings_data(strings: StringPlans) -> dict[str, Any]:
    return {
        "inverters": [
            {
                "inverter": plan.inverter.id,
                "count": plan.inverter_count,
                "string_count": plan.string_count,
                "dc_ac_ratio": plan.dc_ac_ratio,
            }
            for plan in strings.plans
        ],
        "inverter_count": strings.inverter_count,
        "modules_in_string": strings.modules_in_string,
        "string_count": strings.string_count,
        "dc_ac_ratio": strings.dc_ac_ratio,
    }


def _money_data(design: SolarDesign) -> dict[str, Any]:
    return {
        "ways": {way: asdict(result) for way, result in design.ways.items()},
        "prices": [asdict(case) for case in design.prices],
        "offers": [
            {
                "scheme": offer.scheme.id,
                "thb_per_kwh": offer.scheme.thb_per_kwh,
                "terms": asdict(offer.scheme.terms),
                "income_thb": offer.income_thb,
            }
            for offer in design.offers
        ],
        "tornado": [
            {"factor": name, "npv_less_thb": less, "npv_more_thb": more} for name, less, more in design.tornado
        ],
        "sweep": [
            {
                "capacity_kwp": option.capacity_kwp,
                "energy_kwh": option.energy_kwh,
                "self_consumption_ratio": option.self_consumption_ratio,
                "saving_thb": option.saving_thb,
                "npv_thb": option.money.npv_thb,
                "payback_years": option.money.payback_years,
            }
            for option in design.sweep.options
        ],
    }


def design_json(design: SolarDesign) -> bytes:
    """Encode the design as UTF-8 JSON."""
    return _json(design_data(design))


def screening_json(screening: Screening) -> bytes:
    """Encode the ranking as UTF-8 JSON."""
    rows = [asdict(row) for row in screening.rows]
    refused = [{"building": name, "why": str(why)} for name, why in screening.refused]
    return _json({"schema": SCREENING_SCHEMA, "rows": rows, "refused": refused})


def _json(data: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(data), indent=2) + b"\n"


def design_csv(design: SolarDesign, lang: Lang) -> bytes:
    """Write the design's figures as (item, value, unit) lines, months and losses among them; UTF-8 with BOM."""
    words = Words(lang)
    names = get_month_names("wide", locale=Locale(lang))
    kwh, thb = words("unit.kwh"), words("unit.thb")
    rows: list[tuple[str, object, str]] = [
        (words("solar.capacity"), design.capacity_kwp, "kWp"),
        (words("solar.energy"), design.energy_kwh, kwh),
        (words("solar.p75"), design.p75_kwh, kwh),
        (words("solar.p90"), design.p90_kwh, kwh),
        (words("solar.used"), design.used_kwh, kwh),
        (words("solar.surplus"), design.surplus_kwh, kwh),
        (words("solar.saving"), design.bills.saving_thb, thb),
        (words("solar.export_income"), design.bills.export_thb, thb),
        (words("solar.netted"), design.bills.netted_kwh, kwh),
        (words("solar.capex"), design.capex_thb, thb),
        (words("solar.npv"), design.ways["own"].npv_thb, thb),
        (words("solar.payback"), design.ways["own"].payback_years, words("solar.years")),
        (words("solar.co2"), design.avoided_kg / 1000, words("unit.tco2e")),
    ]
    rows += [(str(names[number]), value, kwh) for number, value in enumerate(design.month_kwh, 1)]
    rows += [(words(f"solar.step_{line.step}"), line.energy_kwh, kwh) for line in design.losses]
    rows += [(words("solar.warnings"), words(f"solar.warning_{key}"), "") for key in design.warnings]
    return _csv([(words("solar.item"), words("solar.value"), ""), *rows])


def screening_csv(screening: Screening) -> bytes:
    """Write a line a building, columns by their public names; UTF-8 with BOM."""
    return _csv([ROW_KEYS, *([getattr(row, key) for key in ROW_KEYS] for row in screening.rows)])


def _csv(rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(plain_rows(rows))
    return (BOM + text.getvalue()).encode()


def design_xlsx(design: SolarDesign, lang: Lang) -> bytes:
    """Write a workbook: summary, months with a chart, losses, bill, and cash with its value computed by Excel."""
    words, file = Words(lang), io.BytesIO()
    with xlsxwriter.Workbook(file, AS_TEXT) as book:
        head, number = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": "#,##0"})
        share = book.add_format({"num_format": "0.0%"})
        _summary_sheet(book, design, words, head, number)
        _month_sheet(book, design, words, head, number)
        sheet = book.add_worksheet(_sheet(words("solar.losses")))
        sheet.set_column(0, 0, 24)
        sheet.write_row(0, 0, [words("solar.step"), words("solar.left"), words("solar.change")], head)
        for row, line in enumerate(design.losses, 1):
            sheet.write(row, 0, words(f"solar.step_{line.step}"))
            sheet.write(row, 1, line.energy_kwh, number)
            if row > 1:
                sheet.write_formula(row, 2, f"=B{row + 1}/B{row}-1", share, line.change_ratio)
        _bill_sheet(book, design, words, head, number)
        _cash_sheet(book, design, words, head, number, share)
    return file.getvalue()


def _sheet(name: str) -> str:
    """Return a name that Excel takes for a sheet."""
    return name.replace("/", "-").replace(":", "")[:31]


def _summary_sheet(book: Any, design: SolarDesign, words: Words, head: Any, number: Any) -> None:
    sheet = book.add_worksheet(_sheet(words("solar.title")))
    sheet.set_column(0, 0, 40)
    sheet.set_column(1, 1, 18)
    sheet.write_row(
        0, 0, [words.either(th=design.building.name_th, en=design.building.name_en), design.building.id], head
    )
    lines: list[tuple[str, float | None]] = [
        (f"{words('solar.capacity')} (kWp)", design.capacity_kwp),
        (f"{words('solar.energy')} ({words('unit.kwh')})", design.energy_kwh),
        (f"{words('solar.p90')} ({words('unit.kwh')})", design.p90_kwh),
        (f"{words('solar.used')} ({words('unit.kwh')})", design.used_kwh),
        (f"{words('solar.saving')} ({words('unit.thb')})", design.bills.saving_thb),
        (f"{words('solar.capex')} ({words('unit.thb')})", design.capex_thb),
        (f"{words('solar.npv')} ({words('unit.thb')})", design.ways["own"].npv_thb),
        (f"{words('solar.payback')} ({words('solar.years')})", design.ways["own"].payback_years),
        (f"{words('solar.co2')} ({words('unit.tco2e')})", design.avoided_kg / 1000),
    ]
    plain = book.add_format({"num_format": "#,##0.0"})
    for row, (name, value) in enumerate(lines, 1):
        sheet.write(row, 0, name)
        if value is not None:
            sheet.write_number(row, 1, value, number if abs(value) >= 1000 else plain)  # noqa: PLR2004 - by its look
    row = len(lines) + 1
    for key in design.warnings:
        row += 1
        sheet.write_row(row, 0, [words("solar.warnings"), words(f"solar.warning_{key}")])
    for note in design.wiring:
        row += 1
        sheet.write_row(row, 0, [words("solar.strings"), note.said(words.lang)])
    for finding in design.weather_findings:
        row += 1
        sheet.write_row(row, 0, [words("solar.source_weather"), finding.said(words.lang)])
    row += 1
    sheet.write(row, 0, words("solar.assumptions"), head)
    for key, source, _ in assumption_sources(design):
        row += 1
        sheet.write_row(row, 0, [words(f"solar.source_{key}"), source.said(words.lang)])


def _month_sheet(book: Any, design: SolarDesign, words: Words, head: Any, number: Any) -> None:
    name = _sheet(words("solar.months"))
    sheet = book.add_worksheet(name)
    names = get_month_names("wide", locale=Locale(words.lang))
    sheet.set_column(0, 1, 18)
    sheet.write_row(0, 0, [words("solar.months"), words("unit.kwh")], head)
    for row, value in enumerate(design.month_kwh, 1):
        sheet.write(row, 0, str(names[row]))
        sheet.write_number(row, 1, value, number)
    sheet.write(13, 0, words("solar.bill_total"), head)
    sheet.write_formula(13, 1, "=SUM(B2:B13)", number, sum(design.month_kwh))
    chart = book.add_chart({"type": "column"})
    chart.add_series({"categories": [name, 1, 0, 12, 0], "values": [name, 1, 1, 12, 1], "name": words("unit.kwh")})
    chart.set_legend({"none": True})
    chart.set_title({"name": words("solar.months")})
    sheet.insert_chart("D2", chart)


def _bill_sheet(book: Any, design: SolarDesign, words: Words, head: Any, number: Any) -> None:
    sheet = book.add_worksheet(_sheet(words("solar.bill")))
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 3, 16)
    keys = ("bill_item", "bill_before", "bill_after", "bill_change")
    sheet.write_row(0, 0, [words(f"solar.{key}") for key in keys], head)
    rows = bill_rows(design)
    for at, row in enumerate(rows, 1):
        sheet.write(at, 0, words(f"solar.item_{row.item}"))
        sheet.write_number(at, 1, row.before_thb, number)
        sheet.write_number(at, 2, row.after_thb, number)
        sheet.write_formula(at, 3, f"=C{at + 1}-B{at + 1}", number, row.after_thb - row.before_thb)
    end = len(rows) + 1
    sheet.write(end, 0, words("solar.bill_total"), head)
    sums = (sum(row.before_thb for row in rows), sum(row.after_thb for row in rows))
    for column, value in zip("BCD", (*sums, sums[1] - sums[0]), strict=True):
        sheet.write_formula(f"{column}{end + 1}", f"=SUM({column}2:{column}{end})", number, value)


def _cash_sheet(book: Any, design: SolarDesign, words: Words, head: Any, number: Any, share: Any) -> None:
    purchase = design.ways["own"]
    sheet = book.add_worksheet(_sheet(words("solar.finance")))
    sheet.set_column(0, 1, 22)
    sheet.write_row(0, 0, [words("solar.years"), words("solar.cash")], head)
    for year, value in enumerate(purchase.cash_thb):
        sheet.write_number(year + 1, 0, year)
        sheet.write_number(year + 1, 1, value, number)
    last = len(purchase.cash_thb) + 1
    sheet.write("D1", words("solar.factor_discount_rate"))
    sheet.write_number("E1", design.config.finance.discount_rate, share)
    sheet.write("D2", words("solar.npv"))
    sheet.write_formula("E2", f"=B2+NPV(E1,B3:B{last})", number, purchase.npv_thb)
    sheet.write("D3", words("solar.irr_note", value=""))
    sheet.write_formula("E3", f"=IRR(B2:B{last})", share, purchase.irr if purchase.irr is not None else "")
    sheet.set_column(3, 4, 22)


def screening_xlsx(screening: Screening, lang: Lang) -> bytes:
    """Write the ranking as a sheet with filters."""
    words, file = Words(lang), io.BytesIO()
    with xlsxwriter.Workbook(file, AS_TEXT) as book:
        sheet = book.add_worksheet(_sheet(words("solar.screening_title")))
        head, number = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": "#,##0.00"})
        sheet.write_row(0, 0, ROW_KEYS, head)
        for at, row in enumerate(screening.rows, 1):
            for column, key in enumerate(ROW_KEYS):
                value = getattr(row, key)
                if isinstance(value, float):
                    sheet.write_number(at, column, value, number)
                elif value is not None:
                    sheet.write(at, column, value)
        sheet.autofilter(0, 0, max(1, len(screening.rows)), len(ROW_KEYS) - 1)
        sheet.freeze_panes(1, 1)
        sheet.set_column(0, 4, 26)
        sheet.set_column(5, len(ROW_KEYS) - 1, 14)
    return file.getvalue()
