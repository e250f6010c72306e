"""Projects as a workbook that people fill in, and back, with every fault named by its row."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import pandas as pd
import xlsxwriter

from bkkenergy.adapters.files import AS_TEXT
from bkkenergy.errors import ConfigError, Fault, InputError
from bkkenergy.i18n import DATE_FORMAT, Words
from bkkenergy.plan import PROJECT_KINDS, PROJECT_OPTIONS, PROJECT_STATES, Measured, Project, project_faults
from bkkenergy.portfolio import Portfolio
from bkkenergy.regularfiles import need_small_archive
from bkkenergy.texts import BE_OFFSET_YEARS
from bkkenergy.tomlfiles import validated

FIELDS = tuple(name for name in Project.model_fields if name != "promise")
"""Columns of the workbook. What a proposal promised is no one's to fill in: it stays with the project."""
MARK = " · "
"""Between a heading's words and the field's name, by which a workbook is read back whatever its language."""
WIDTHS = {"name_th": 44, "name_en": 44, "building": 32, "note": 40, "id": 28}
FIRST_YEAR_BE = 2400
FIRST_ROW = 2
"""The first project's row in the workbook, counted from 1."""


def plan_workbook(projects: Sequence[Project], words: Words, measured: dict[str, Measured]) -> bytes:
    """Write an XLSX with a row a project, lists to choose from, and what was measured beside; an empty one is a
    form.
    """
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, AS_TEXT) as book:
        head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        number = book.add_format({"num_format": "#,##0"})
        date = book.add_format({"num_format": DATE_FORMAT[words.lang], "align": "left"})
        sheet = book.add_worksheet(words("plan.sheet"))
        sheet.freeze_panes(1, 1)
        for column, name in enumerate(FIELDS):
            sheet.set_column(column, column, WIDTHS.get(name, 16))
            sheet.write(0, column, f"{words(f'plan.{name}')}{MARK}{name}", head)
        sheet.write(0, len(FIELDS), words("report.plan_measured_head"), head)
        for row, project in enumerate(projects, 1):
            _write(sheet, row, project, measured.get(project.id), number=number, date=date)
        for name, choices in (("kind", PROJECT_KINDS), ("state", PROJECT_STATES), ("option", PROJECT_OPTIONS)):
            column = FIELDS.index(name)
            sheet.data_validation(1, column, 2000, column, {"validate": "list", "source": list(choices)})
    return file.getvalue()


def _write(sheet: Any, row: int, project: Project, measured: Measured | None, *, number: Any, date: Any) -> None:
    for column, name in enumerate(FIELDS):
        value = getattr(project, name)
        if isinstance(value, dt.date):
            sheet.write_datetime(row, column, dt.datetime.combine(value, dt.time()), date)
        elif isinstance(value, int | float):
            sheet.write_number(row, column, value, None if name == "due_year_be" else number)
        elif value:
            sheet.write_string(row, column, value if isinstance(value, str) else ", ".join(value))
    if measured is not None:
        sheet.write_number(row, len(FIELDS), measured.kwh_a_year, number)


def read_workbook(path: Path, portfolio: Portfolio) -> list[Project]:
    """Read the projects of a workbook. Raises InputError when it is none, ConfigError with the faults of all rows."""
    need_small_archive(path)
    try:
        table = pd.read_excel(path, dtype=object, engine="openpyxl")
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise InputError.of("plan_no_workbook", path=path, error=error) from error
    named = {column: str(column).rpartition(MARK)[2] for column in table.columns}
    known = {column: name for column, name in named.items() if name in FIELDS}
    if lacking := sorted({"id", "agency", "kind", "name_th", "name_en", "due_year_be"} - set(known.values())):
        raise InputError.of("plan_columns", path=path, known=", ".join(lacking))
    projects, faults = [], []
    for row, values in enumerate(table[list(known)].rename(columns=known).to_dict("records"), FIRST_ROW):
        entry = {str(name): _cell(value) for name, value in values.items() if not pd.isna(value) and value != ""}
        if not entry:
            continue
        where = f"{path}: row {row}"
        project, problems = validated(Project, entry, where)
        faults += problems + (project_faults(project, portfolio, where) if project else [])
        projects += [project] if project else []
    faults += _doubled(projects, path)
    if faults:
        raise ConfigError(faults)
    return projects


def _cell(value: Any) -> Any:
    """Return a cell as the model wants it: whole numbers whole, days without an hour, text trimmed.

    A day typed in the Buddhist era reaches the file as a day of the common era, 543 years late.
    """
    if isinstance(value, pd.Timestamp | dt.datetime):
        day = value.date()
        return day.replace(year=day.year - BE_OFFSET_YEARS) if day.year >= FIRST_YEAR_BE else day
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value.strip() if isinstance(value, str) else value


def _doubled(projects: Sequence[Project], path: Path) -> list[Fault]:
    names = [project.id for project in projects]
    return [
        Fault.of("rows_doubled", f"{path}: id", name=name)
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
