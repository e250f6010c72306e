"""A paper: a document of blocks with raw figures, from which each format is written, so that all hold the same ones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from bkkenergy.i18n import Lang, Words

Value = float | str | dt.date | None
CellKind = Literal["text", "number", "ratio", "date"]
Layout = Literal["sheet", "poster", "memo"]


@dataclass(frozen=True, slots=True)
class GridColumn:
    """A column of a grid. digits : after the point, of numbers and per cent. is_summed : its total is a sum."""

    head: str
    kind: CellKind = "text"
    digits: int = 0
    is_summed: bool = False


@dataclass(frozen=True, slots=True)
class PaperGrid:
    """A table. total : its last row, where there is one. note : below it. starts_page : on paper, on a page apart."""

    title: str
    columns: tuple[GridColumn, ...]
    rows: tuple[tuple[Value, ...], ...]
    total: tuple[Value, ...] | None = None
    note: str = ""
    starts_page: bool = False


@dataclass(frozen=True, slots=True)
class PaperText:
    """Paragraphs or steps under a heading."""

    title: str
    lines: tuple[str, ...]
    is_steps: bool = False


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """One figure with its name, unit and what it is compared with."""

    name: str
    value: float | None
    unit: str
    note: str = ""
    digits: int = 0


@dataclass(frozen=True, slots=True)
class KeyFigures:
    """A few figures side by side."""

    figures: tuple[KeyFigure, ...]


@dataclass(frozen=True, slots=True)
class ChartSeries:
    """A series of a chart; None where a value is not known. is_use : what was used, not what it is compared with."""

    name: str
    values: tuple[float | None, ...]
    kind: Literal["bars", "lines", "marks"]
    is_use: bool = True


@dataclass(frozen=True, slots=True)
class PaperChart:
    """The figures of a chart, from which an office's document draws it: a label for each value."""

    labels: tuple[str, ...]
    series: tuple[ChartSeries, ...]


@dataclass(frozen=True, slots=True)
class PaperDrawing:
    """A picture with its heading, and what it shows in words for those who cannot see it.

    svg : for a page. chart, image : for a document, as figures or as a PNG.
    """

    title: str
    svg: str = ""
    legend: str = ""
    chart: PaperChart | None = None
    image: bytes = b""


@dataclass(frozen=True, slots=True)
class PaperMemo:
    """The parts of an official memorandum. What is not known is a line to be filled by hand."""

    office: str
    number: str
    date: str
    subject: str
    to: str
    body: tuple[str, ...]
    annexes: tuple[str, ...]
    signer: str
    position: str

    def changed(self, change: Callable[[str], str]) -> PaperMemo:
        """Return the memorandum with each of its texts changed."""
        return PaperMemo(
            office=change(self.office),
            number=change(self.number),
            date=change(self.date),
            subject=change(self.subject),
            to=change(self.to),
            body=tuple(map(change, self.body)),
            annexes=tuple(map(change, self.annexes)),
            signer=change(self.signer),
            position=change(self.position),
        )


Block = PaperGrid | PaperText | KeyFigures | PaperDrawing | PaperMemo
KINDS_OF_BLOCKS: Mapping[type[Block], str] = MappingProxyType(
    {PaperGrid: "grid", PaperText: "text", KeyFigures: "figures", PaperDrawing: "drawing", PaperMemo: "memo"}
)
"""How blocks are named in templates and JSON."""


@dataclass(frozen=True, slots=True)
class Paper:
    """A document about an agency, a building or the city, in one language.

    kind : by which it is asked for. subject_id : what it is about. number : under which a letter names it. sentence :
    its result. sources : where its figures come from. is_final : the period was over when it was made.
    """

    kind: str
    subject_id: str
    name: str
    title: str
    period: str
    period_slug: str
    number: str
    lang: Lang
    sentence: str
    blocks: tuple[Block, ...]
    sources: tuple[str, ...]
    generated_at: dt.datetime
    is_simulated: bool
    is_final: bool
    layout: Layout = "sheet"


def shown(value: Value, column: GridColumn, words: Words) -> str:
    """Write a cell of a grid as every format for people has it."""
    if isinstance(value, str):
        return value
    if isinstance(value, dt.date):
        return words.day_year(value)
    if column.kind == "ratio":
        return words.percent(value, column.digits, signed=False)
    return words.number(value, column.digits)


def total_row(name: str, columns: tuple[GridColumn, ...], rows: tuple[tuple[Value, ...], ...]) -> tuple[Value, ...]:
    """Sum the columns that can be summed; a column in which a row is not known has no sum."""
    sums: list[Value] = [name]
    for position, column in enumerate(columns[1:], 1):
        known = [value for row in rows if isinstance(value := row[position], int | float)]
        sums.append(sum(known) if column.is_summed and known and len(known) == len(rows) else None)
    return tuple(sums)
