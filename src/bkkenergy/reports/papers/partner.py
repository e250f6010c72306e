"""What private partners are shown of an agency or the city: roofs that pay back and projects that wait, masked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bkkenergy.reports.papers.asked import AskedPaper
from bkkenergy.reports.papers.model import CellKind, GridColumn, Paper, PaperGrid, Value
from bkkenergy.reports.plan.datasheet import RETROFIT, SOLAR, data_sheet
from bkkenergy.reports.solar.gather import screened
from bkkenergy.solar.climate import typical_year

TEXTS = frozenset({"code", "type", "kind", "state", "due_year_be"})


def partner(asked: AskedPaper) -> Paper:
    """Make the data sheet: codes for names, figures rounded to two digits, so that no reader can look a building up."""
    words, site = asked.words, asked.site
    screening = screened(
        site, typical_year(site.solar.climate), list(asked.buildings), today=site.today, on_read=lambda: None
    )
    sheet = data_sheet(screening.rows, asked.projects, site.portfolio, words, is_masked=True)
    sentence = words("partner.sentence", roofs=len(sheet.solar), retrofits=len(sheet.retrofit))
    blocks = [
        _list(asked, "solar", sheet.solar, SOLAR, words("plan.about_solar")),
        _list(asked, "retrofit", sheet.retrofit, RETROFIT, words("plan.about_retrofit")),
    ]
    return asked.paper(blocks, sentence=sentence, sources=[words("plan.about_masked")])


def _list(asked: AskedPaper, name: str, rows: Sequence[dict[str, Any]], columns: Sequence[str], note: str) -> PaperGrid:
    words = asked.words
    heads = tuple(GridColumn(words(f"plan.column_{column}"), _kind(column), _digits(column)) for column in columns)
    cells: tuple[tuple[Value, ...], ...] = tuple(tuple(row[column] for column in columns) for row in rows)
    return PaperGrid(words(f"plan.list_{name}"), heads, cells, None, note)


def _kind(column: str) -> CellKind:
    if column in TEXTS:
        return "text"
    return "ratio" if column.endswith("_ratio") else "number"


def _digits(column: str) -> int:
    return 1 if column.endswith(("_years", "_kwp")) else 0
