"""A paper as a document that an office can edit: DOCX with headings, tables with repeated heads, and its language."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt

from bkkenergy.i18n import Words
from bkkenergy.reports.papers.docxchart import add_chart
from bkkenergy.reports.papers.model import Block, KeyFigures, Paper, PaperDrawing, PaperGrid, PaperText, shown
from bkkenergy.texts import Lang

FONT = "TH Sarabun New"
"""The government's typeface (cabinet resolution of 2010); a computer without it shows another."""
CELL_PT = 13
TEXT_WIDTH_CM, CHART_HEIGHT_CM = 16.0, 5.6
WIDEST_LETTERS, NARROWEST_LETTERS, MIN_LETTERS = 60, 6, 4
"""A column is as wide as that many letters at most; of text that breaks anywhere at least; of "kWh" or "%" at least."""
LETTER_CM, CELL_MARGIN_CM = 0.205, 0.55
"""Of a bold letter of `CELL_PT`, and of both sides of a cell."""
LANGUAGES: dict[Lang, str] = {"th": "th-TH", "en": "en-GB"}


def paper_docx(paper: Paper) -> bytes:
    """Write a DOCX; charts are Word's own, with their figures in them."""
    words = Words(paper.lang)
    document = new_document(paper.lang, title=f"{paper.title} {paper.name}", subject=paper.number)
    document.add_heading(paper.name, 0)
    document.add_paragraph(f"{paper.title} · {paper.period}")
    document.add_paragraph(f"{words('report.number')} {paper.number}")
    if paper.is_simulated:
        set_look(document.add_paragraph(words("report.simulated")).runs[0])
    set_look(document.add_paragraph(paper.sentence).runs[0])
    for block in paper.blocks:
        _add_block(document, block, words)
    if paper.sources:
        document.add_heading(words("report.method"), 1)
        for source in paper.sources:
            document.add_paragraph(source, "List Bullet")
    return as_bytes(document)


def _add_block(document: Any, block: Block, words: Words) -> None:
    if isinstance(block, KeyFigures):
        for figure in block.figures:
            value = f"{words.number(figure.value, figure.digits)} {figure.unit}"
            note = f" ({figure.note})" if figure.note else ""
            document.add_paragraph(f"{figure.name}: {value}{note}")
    elif isinstance(block, PaperText):
        document.add_heading(block.title, 1)
        for line in block.lines:
            document.add_paragraph(line, "List Number" if block.is_steps else None)
    elif isinstance(block, PaperDrawing):
        add_drawing(document, block)
    elif isinstance(block, PaperGrid):
        heading = document.add_heading(block.title, 1)
        heading.paragraph_format.page_break_before = block.starts_page
        add_grid(document, block, words)


def new_document(lang: Lang, *, title: str, subject: str) -> Any:
    """Return an empty A4 document in the government's typeface, its language set."""
    document = Document()
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin, section.right_margin = Cm(3), Cm(2)
    section.top_margin = section.bottom_margin = Cm(2)
    properties = document.core_properties
    properties.title, properties.subject, properties.language = title, subject, LANGUAGES[lang]
    properties.author = "bkkenergy"
    for name in ("Normal", "Title", "Heading 1"):
        style = document.styles[name]
        style.font.name = FONT
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)
        for script in ("w:ascii", "w:hAnsi", "w:cs", "w:eastAsia"):
            fonts.set(qn(script), FONT)
    normal = document.styles["Normal"]
    normal.font.size = Pt(16)
    properties_of_runs = normal.element.get_or_add_rPr()
    size = OxmlElement("w:szCs")
    size.set(qn("w:val"), "32")
    language = OxmlElement("w:lang")
    language.set(qn("w:val"), LANGUAGES[lang])
    language.set(qn("w:bidi"), LANGUAGES[lang])
    properties_of_runs.extend([size, language])
    normal.paragraph_format.space_after = Pt(4)
    return document


def add_drawing(document: Any, drawing: PaperDrawing) -> None:
    """Add a picture under its heading, with what is said of it: a chart by its figures, else a PNG."""
    document.add_heading(drawing.title, 1)
    if drawing.chart is not None:
        add_chart(document, drawing.chart, drawing.title, width_cm=TEXT_WIDTH_CM, height_cm=CHART_HEIGHT_CM)
    elif drawing.image:
        picture = document.add_picture(io.BytesIO(drawing.image), Cm(TEXT_WIDTH_CM), Cm(CHART_HEIGHT_CM))
        picture._inline.docPr.set("descr", drawing.title)  # noqa: SLF001 - no other way
    if drawing.legend:
        document.paragraphs[-1].paragraph_format.keep_with_next = True
        document.add_paragraph(drawing.legend)


def add_grid(document: Any, grid: PaperGrid, words: Words) -> None:
    """Add a grid as a table, whose head is repeated on each page and whose rows do not break."""
    if not grid.rows:
        document.add_paragraph(words("paper.none"))
        return
    rows = [*grid.rows, *([grid.total] if grid.total else [])]
    texts = [
        ["" if row is grid.total and value is None else shown(value, column, words)
         for value, column in zip(row, grid.columns, strict=True)]
        for row in rows
    ]  # fmt: skip
    heads = [column.head for column in grid.columns]
    table = document.add_table(rows=0, cols=len(heads), style="Table Grid")
    table.autofit = False
    widths_cm = column_widths_cm([heads, *texts])
    for column, width_cm in zip(table.columns, widths_cm, strict=True):
        column.width = Cm(width_cm)
    for line in (heads, *texts):
        added = table.add_row()
        _mark(added, "w:tblHeader" if line is heads else "w:cantSplit")
        is_bold = line is heads or (grid.total is not None and line is texts[-1])
        for cell, text, column, width_cm in zip(added.cells, line, grid.columns, widths_cm, strict=True):
            cell.width = Cm(width_cm)
            _fill(cell, text, is_number=line is not heads and column.kind in {"number", "ratio"}, is_bold=is_bold)
    if grid.note:
        document.add_paragraph(grid.note)


def column_widths_cm(lines: Sequence[Sequence[str]]) -> list[float]:
    """Share the page's width between columns by what their cells hold, so that no number is cut.

    Examples
    --------
    >>> column_widths_cm([["Building", "kWh"], ["Suan Lum health centre of the city", "135,524,620"]])
    [11.65, 4.35]
    """
    columns = list(zip(*lines, strict=True))
    min_cm = [_letters_cm(max(len(word) for text in column for word in _unbroken(text))) for column in columns]
    text_cm = [_letters_cm(min(max(len(text) for text in column), WIDEST_LETTERS)) for column in columns]
    max_cm = [max(pair) for pair in zip(min_cm, text_cm, strict=True)]
    free_cm = TEXT_WIDTH_CM - sum(min_cm)
    if free_cm <= 0:
        return [round(TEXT_WIDTH_CM * width / sum(min_cm), 2) for width in min_cm]
    extra_cm = [high - low for low, high in zip(min_cm, max_cm, strict=True)]
    if sum(extra_cm) <= free_cm:
        return [round(TEXT_WIDTH_CM * width / sum(max_cm), 2) for width in max_cm]
    return [round(low + free_cm * more / sum(extra_cm), 2) for low, more in zip(min_cm, extra_cm, strict=True)]


def _letters_cm(count: int) -> float:
    return CELL_MARGIN_CM + LETTER_CM * max(count, MIN_LETTERS)


def _unbroken(text: str) -> list[str]:
    """Return what of a cell stays on one line: words and numbers; Thai breaks between any two words."""
    return [*re.findall(r"[^\s\u0e00-\u0e7f]+", text), " " * min(len(text), NARROWEST_LETTERS)]


def _fill(cell: Any, text: str, *, is_number: bool, is_bold: bool) -> None:
    paragraph = cell.paragraphs[0]
    run = paragraph.add_run(text)
    set_look(run, size_pt=CELL_PT, is_bold=is_bold)
    if is_number:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT


def set_look(run: Any, *, size_pt: int | None = None, is_bold: bool = True) -> None:
    """Set size and weight of a run in both scripts: Thai is one of the complex ones, which have marks of their own."""
    run.bold = run.font.cs_bold = is_bold
    if size_pt is not None:
        run.font.size = Pt(size_pt)
        size = OxmlElement("w:szCs")
        size.set(qn("w:val"), str(2 * size_pt))
        run._r.get_or_add_rPr().append(size)  # noqa: SLF001 - python-docx sets the size of Latin letters alone


def _mark(row: Any, name: str) -> None:
    mark = OxmlElement(name)
    mark.set(qn("w:val"), "true")
    row._tr.get_or_add_trPr().append(mark)  # noqa: SLF001 - python-docx has no other way


def as_bytes(document: Any) -> bytes:
    """Return a document as the bytes of its file."""
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()
