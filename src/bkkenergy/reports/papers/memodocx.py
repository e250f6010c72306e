"""A memorandum as DOCX, from an agency's own template: places like {{subject}} are plain names, and no code."""

from __future__ import annotations

import copy
import io
from pathlib import Path
from typing import Any

from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.shared import Cm

from bkkenergy.adapters.memotemplate import (
    MAX_SEAL_BYTES,
    PARAGRAPHS,
    PLACE,
    SEAL,
    MemoTemplate,
    paragraphs_of,
    seal_of,
)
from bkkenergy.i18n import Words
from bkkenergy.regularfiles import need_regular
from bkkenergy.reports.papers.docx import as_bytes, new_document, set_look
from bkkenergy.reports.papers.model import Paper, PaperMemo
from bkkenergy.reports.render.browser import drawn_by_browser
from bkkenergy.texts import Lang

SEAL_HEIGHT_CM = 1.8
TITLE_PT = 29


def memo_docx(paper: Paper, template: MemoTemplate | None = None, seal: bytes = b"") -> bytes:
    """Fill a template with a memorandum; the standard one where none is given."""
    (memo,) = (block for block in paper.blocks if isinstance(block, PaperMemo))
    document = template.opened() if template is not None else _standard(paper.lang)
    for paragraph in list(paragraphs_of(document)):
        _fill(paragraph, memo, seal)
    properties = document.core_properties
    properties.title, properties.subject = memo.subject, paper.number
    return as_bytes(document)


def standard_template(lang: Lang) -> bytes:
    """Return the standard template, for an agency to edit."""
    return as_bytes(_standard(lang))


def read_seal(path: Path) -> bytes:
    """Return an agency's seal of the configuration, as a PNG. Raises InputError for any other file."""
    return seal_of(path.name, need_regular(path, MAX_SEAL_BYTES).read_bytes(), drawn_by_browser)


def _fill(paragraph: Any, memo: PaperMemo, seal: bytes) -> None:
    names = PLACE.findall(paragraph.text)
    if not names:
        return
    if names[0] in PARAGRAPHS:
        _spread(paragraph, getattr(memo, names[0]))
    elif names[0] == SEAL:
        run = _write(paragraph, "")
        if seal:
            run.add_picture(io.BytesIO(seal), height=Cm(SEAL_HEIGHT_CM))
    else:
        _write(paragraph, PLACE.sub(lambda match: str(getattr(memo, match[1])), paragraph.text))


def _write(paragraph: Any, text: str) -> Any:
    """Write a paragraph's whole text in the format of its first run, and return that; pictures and boxes stay.

    An editor may have cut a place in several runs.
    """
    drawn = ".//w:drawing | .//w:pict | .//w:object"
    runs = [run for run in paragraph.runs if not run._element.xpath(drawn)]  # noqa: SLF001
    first, *others = runs or [paragraph.add_run()]
    for run in others:
        run._element.getparent().remove(run._element)  # noqa: SLF001 - python-docx has no other way
    first.text = text
    return first


def _spread(paragraph: Any, lines: tuple[str, ...]) -> None:
    """Put each line into a copy of the paragraph, with what stands beside the place."""
    text, element = paragraph.text, paragraph._p  # noqa: SLF001 - python-docx has no other way
    copies = [copy.deepcopy(element) for _ in lines[1:]]
    for one in reversed(copies):
        element.addnext(one)

    def text_of(line: str) -> str:
        return PLACE.sub(lambda _: line, text)

    _write(paragraph, text_of("".join(lines[:1])))
    for one, line in zip(copies, lines[1:], strict=True):
        _write(type(paragraph)(one, paragraph._parent), text_of(line))  # noqa: SLF001


def _standard(lang: Lang) -> Any:
    """Make the standard template: the parts of the official form, without the emblem, which is not ours to give."""
    words = Words(lang)
    document = new_document(lang, title=words("memo.title"), subject="")
    document.add_paragraph("{{seal}}")
    heading = document.add_paragraph()
    heading.alignment = WD_ALIGN_PARAGRAPH.CENTER
    set_look(heading.add_run(words("memo.title")), size_pt=TITLE_PT)
    for line in (
        f"{words('memo.office')}  {{{{office}}}}",
        f"{words('memo.number')}  {{{{number}}}}    {words('memo.date')}  {{{{date}}}}",
        f"{words('memo.subject_head')}  {{{{subject}}}}",
        f"{words('memo.to')}  {{{{to}}}}",
        f"{words('memo.annexes')}  {{{{annexes}}}}",
    ):
        document.add_paragraph(line)
    body = document.add_paragraph("{{body}}")
    body.paragraph_format.first_line_indent = Cm(2.5)
    for line in (
        f"({words('memo.signed')}) {'.' * 40}",
        "({{signer}})",
        f"{words('report.position')} {{{{position}}}}",
    ):
        document.add_paragraph(line).paragraph_format.left_indent = Cm(8)
    return document
