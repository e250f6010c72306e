"""A paper that is stored, and read back as it was: what was approved does not change with the figures of later days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from bkkenergy.reports.papers.model import (
    Block,
    GridColumn,
    KeyFigure,
    KeyFigures,
    Paper,
    PaperGrid,
    PaperText,
    Value,
)

OWN_PARTS = ("schema", "blocks", "sources", "generated_at")


def paper_of(data: Mapping[str, Any]) -> Paper:
    """Return the paper that `tables.paper_data` made data of: of figures, tables and texts."""
    fields = {name: value for name, value in data.items() if name not in OWN_PARTS}
    return Paper(
        **fields,
        blocks=tuple(_block(block) for block in data["blocks"]),
        sources=tuple(data["sources"]),
        generated_at=dt.datetime.fromisoformat(data["generated_at"]),
    )


def _block(data: Mapping[str, Any]) -> Block:
    match data["kind"]:
        case "grid":
            return _grid(data)
        case "figures":
            return KeyFigures(tuple(KeyFigure(**figure) for figure in data["figures"]))
        case "text":
            return PaperText(data["title"], tuple(data["lines"]), data["is_steps"])
        case kind:
            raise ValueError(f"a stored paper has no {kind}")


def _grid(data: Mapping[str, Any]) -> PaperGrid:
    columns = tuple(GridColumn(**column) for column in data["columns"])
    rows = tuple(_row(row, columns) for row in data["rows"])
    total = None if data["total"] is None else _row(data["total"], columns)
    return PaperGrid(data["title"], columns, rows, total, data["note"], data["starts_page"])


def _row(values: list[Any], columns: tuple[GridColumn, ...]) -> tuple[Value, ...]:
    return tuple(
        dt.date.fromisoformat(value) if column.kind == "date" and isinstance(value, str) and value else value
        for value, column in zip(values, columns, strict=True)
    )
