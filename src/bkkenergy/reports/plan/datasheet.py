"""What private partners are shown: roofs and projects that wait for them, with names masked on request."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xlsxwriter

from bkkenergy.adapters.files import AS_TEXT
from bkkenergy.i18n import Words
from bkkenergy.plan import Project
from bkkenergy.portfolio import Portfolio
from bkkenergy.solar.screening import ScreenRow

OFFERED = frozenset({"surveyed", "proposed", "endorsed"})
"""States in which a project still looks for a partner."""
MASKED_DIGITS = 2
SOLAR = ("code", "type", "area_m2", "roof_kwp", "capacity_kwp", "energy_kwh", "used_kwh", "load_share_ratio",
         "capex_thb", "saving_thb", "payback_years", "npv_thb")  # fmt: skip
RETROFIT = ("code", "type", "kind", "area_m2", "budget_thb", "expected_kwh", "due_year_be", "state")
NAMED = ("name", "agency")


@dataclass(frozen=True, slots=True)
class DataSheet:
    """Rows of both lists, as shown, and who is behind each code (None where names are shown)."""

    solar: list[dict[str, Any]]
    retrofit: list[dict[str, Any]]
    key: list[dict[str, str]] | None


def data_sheet(
    screened: Sequence[ScreenRow],
    projects: Sequence[Project],
    portfolio: Portfolio,
    words: Words,
    *,
    is_masked: bool,
) -> DataSheet:
    """Build the shortlist: roofs that pay back, and retrofit projects not begun yet, the largest first.

    Masked, a building is a code and its type, and every figure is rounded to two digits, so that no reader can look a
    building up by its numbers.
    """
    paying = [row for row in screened if row.payback_years is not None]
    waiting = [project for project in projects if project.state in OFFERED and project.kind != "solar"]
    waiting.sort(key=lambda project: -project.expected_kwh)
    codes = _codes([row.building for row in paying] + [project.building or project.agency for project in waiting])
    solar = [_solar_row(row, codes, portfolio, words) for row in paying]
    retrofit = [_retrofit_row(project, codes, portfolio, words) for project in waiting]
    if not is_masked:
        return DataSheet(solar, retrofit, None)
    key = [{"code": code, "id": name} for name, code in codes.items()]
    return DataSheet([_masked(row) for row in solar], [_masked(row) for row in retrofit], key)


def _codes(names: Sequence[str]) -> dict[str, str]:
    """Map each building to a code by the order of the list, which says nothing of where it is."""
    return {name: f"B{number:03d}" for number, name in enumerate(dict.fromkeys(names), 1)}


def _solar_row(row: ScreenRow, codes: Mapping[str, str], portfolio: Portfolio, words: Words) -> dict[str, Any]:
    building = portfolio.buildings[row.building]
    figures = {name: getattr(row, name) for name in SOLAR if hasattr(row, name) and name != "type"}
    return {
        "code": codes[row.building],
        "name": words.either(th=row.name_th, en=row.name_en),
        "agency": row.agency,
        "type": words(f"building_type.{row.type}"),
        "area_m2": building.gross_floor_area_m2,
        **figures,
    }


def _retrofit_row(project: Project, codes: Mapping[str, str], portfolio: Portfolio, words: Words) -> dict[str, Any]:
    building = portfolio.buildings.get(project.building)
    return {
        "code": codes[project.building or project.agency],
        "name": words.either(th=project.name_th, en=project.name_en),
        "agency": project.agency,
        "type": words(f"building_type.{building.type if building else 'agency'}"),
        "kind": words(f"project_kind.{project.kind}"),
        "area_m2": building.gross_floor_area_m2 if building else None,
        "budget_thb": project.budget_thb,
        "expected_kwh": project.expected_kwh,
        "due_year_be": words.year(project.due_year_be - 543),
        "state": words(f"project_state.{project.state}"),
    }


def _masked(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _rounded(value) if isinstance(value, float | int) else value
        for name, value in row.items()
        if name not in NAMED
    }


def _rounded(value: float) -> float:
    """Return a figure rounded to its first two digits."""
    if value == 0 or not np.isfinite(value):
        return value
    return float(np.format_float_positional(value, precision=MASKED_DIGITS, fractional=False, trim="-"))


def data_sheet_workbook(sheet: DataSheet, words: Words) -> bytes:
    """Write an XLSX: solar and retrofit on a sheet each, with what the figures mean on the first."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, AS_TEXT) as book:
        head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        wrap = book.add_format({"text_wrap": True, "valign": "top"})
        formats = {name: book.add_format({"num_format": form}) for name, form in
                   (("ratio", "0%"), ("years", "0.0"), ("number", "#,##0"))}  # fmt: skip
        about = book.add_worksheet(words("plan.about"))
        about.set_column(0, 0, 110)
        about.write(0, 0, words("plan.about_solar"), wrap)
        about.write(1, 0, words("plan.about_retrofit"), wrap)
        if sheet.key is not None:
            about.write(2, 0, words("plan.about_masked"), wrap)
        for name, rows, columns in (("solar", sheet.solar, SOLAR), ("retrofit", sheet.retrofit, RETROFIT)):
            shown = columns if sheet.key is not None else (columns[0], *NAMED, *columns[1:])
            _list(book.add_worksheet(words(f"plan.list_{name}")), rows, shown, words, head, formats)
    return file.getvalue()


def _list(
    sheet: Any, rows: Sequence[dict[str, Any]], columns: Sequence[str], words: Words, head: Any, formats: dict[str, Any]
) -> None:
    sheet.freeze_panes(1, 1)
    for column, name in enumerate(columns):
        sheet.set_column(column, column, 34 if name == "name" else 15)
        sheet.write(0, column, words(f"plan.column_{name}"), head)
    for line, row in enumerate(rows, 1):
        for column, name in enumerate(columns):
            value = row[name]
            if isinstance(value, float | int):
                kind = name.rpartition("_")[2]
                sheet.write_number(line, column, value, formats.get(kind, formats["number"]))
            elif value is not None:
                sheet.write(line, column, value)
