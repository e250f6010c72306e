"""A paper as a document that an office can edit: DOCX with headings, tables with repeated heads, and its language."""

from __future__ import annotations

import io
from typing import Any

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt

from bkkenergy.i18n import Words
from bkkenergy.reports.papers.model import KeyFigures, Paper, PaperGrid, PaperText, shown
from bkkenergy.texts import Lang

FONT = "TH Sarabun New"
"""The government's typeface (cabinet resolution of 2010); a computer without it shows another."""
LANGUAGES: dict[Lang, str] = {"th": "th-TH", "en": "en-GB"}


def paper_docx(paper: Paper) -> bytes:
    """Write a DOCX. Drawings are left out: their figures are in the workbook."""
    words = Words(paper.lang)
    document = new_document(paper.lang, title=f"{paper.title} {paper.name}", subject=paper.number)
    document.add_heading(paper.name, 0)
    document.add_paragraph(f"{paper.title} · {paper.period}")
    document.add_paragraph(f"{words('report.number')} {paper.number}")
    if paper.is_simulated:
        document.add_paragraph(words("report.simulated")).runs[0].bold = True
    document.add_paragraph(paper.sentence).runs[0].bold = True
    for block in paper.blocks:
        if isinstance(block, KeyFigures):
            for figure in block.figures:
                value = f"{words.number(figure.value, figure.digits)} {figure.unit}"
                note = f" ({figure.note})" if figure.note else ""
                document.add_paragraph(f"{figure.name}: {value}{note}")
        elif isinstance(block, PaperText):
            document.add_heading(block.title, 1)
            for line in block.lines:
                document.add_paragraph(line, "List Number" if block.is_steps else None)
        elif isinstance(block, PaperGrid):
            heading = document.add_heading(block.title, 1)
            heading.paragraph_format.page_break_before = block.starts_page
            add_grid(document, block, words)
    if paper.sources:
        document.add_heading(words("report.method"), 1)
        for source in paper.sources:
            document.add_paragraph(source, "List Bullet")
    return as_bytes(document)


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


def add_grid(document: Any, grid: PaperGrid, words: Words) -> None:
    """Add a grid as a table, whose head is repeated on each page and whose rows do not break."""
    if not grid.rows:
        document.add_paragraph(words("paper.none"))
        return
    rows = [*grid.rows, *([grid.total] if grid.total else [])]
    table = document.add_table(rows=1, cols=len(grid.columns), style="Table Grid")
    for cell, column in zip(table.rows[0].cells, grid.columns, strict=True):
        _fill(cell, column.head, is_number=False, is_bold=True)
    _mark(table.rows[0], "w:tblHeader")
    for row in rows:
        added = table.add_row()
        _mark(added, "w:cantSplit")
        for cell, value, column in zip(added.cells, row, grid.columns, strict=True):
            text = "" if row is grid.total and value is None else shown(value, column, words)
            _fill(cell, text, is_number=column.kind in {"number", "ratio"}, is_bold=row is grid.total)
    if grid.note:
        document.add_paragraph(grid.note)


def _fill(cell: Any, text: str, *, is_number: bool, is_bold: bool) -> None:
    paragraph = cell.paragraphs[0]
    run = paragraph.add_run(text)
    run.bold, run.font.size = is_bold, Pt(13)
    if is_number:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT


def _mark(row: Any, name: str) -> None:
    mark = OxmlElement(name)
    mark.set(qn("w:val"), "true")
    row._tr.get_or_add_trPr().append(mark)  # noqa: SLF001 - python-docx has no other way


def as_bytes(document: Any) -> bytes:
    """Return a document as the bytes of its file."""
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()
