"""A memorandum as DOCX, from an agency's own template: places like {{subject}} are plain names, and no code."""

from __future__ import annotations

import copy
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.exceptions import PackageNotFoundError
from docx.shared import Cm, Pt

from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.regularfiles import need_regular, need_small_archive
from bkkenergy.reports.papers.docx import as_bytes, new_document
from bkkenergy.reports.papers.model import Paper, PaperMemo
from bkkenergy.texts import Lang

PLACE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
LINES = ("office", "number", "date", "subject", "to", "signer", "position")
PARAGRAPHS = ("body", "annexes")
SEAL = "seal"
PLACES = (*LINES, *PARAGRAPHS, SEAL)
MAX_SEAL_BYTES, MAX_SEAL_PX = 512 * 1024, 4000
MAX_TEMPLATE_BYTES = 2 * 1024 * 1024
MAX_INFLATED_BYTES = 20 * 1024 * 1024
PNG_HEAD, JPEG_HEAD = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
SEAL_HEIGHT_CM = 1.8


def memo_docx(paper: Paper, template: Path | None = None, seal: bytes = b"") -> bytes:
    """Fill a template with a memorandum; the standard one where none is given. Raises InputError for a bad template."""
    (memo,) = (block for block in paper.blocks if isinstance(block, PaperMemo))
    document = _opened(template) if template is not None else _standard(paper.lang)
    named = "" if template is None else template.name
    for paragraph in list(_paragraphs(document)):
        _fill(paragraph, memo, seal, named)
    properties = document.core_properties
    properties.title, properties.subject = memo.subject, paper.number
    return as_bytes(document)


def standard_template(lang: Lang) -> bytes:
    """Return the standard template, for an agency to edit."""
    return as_bytes(_standard(lang))


def read_seal(path: Path) -> bytes:
    """Return an agency's seal, a PNG or JPEG of at most 512 KiB. Raises InputError for any other file."""
    content = need_regular(path, MAX_SEAL_BYTES).read_bytes()
    if not content.startswith((PNG_HEAD, JPEG_HEAD)):
        raise InputError.of("seal_no_picture", file=path.name)
    if content.startswith(PNG_HEAD):
        width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
        if not 0 < max(width, height) <= MAX_SEAL_PX:
            raise InputError.of("seal_too_large", file=path.name, pixels=MAX_SEAL_PX)
    return content


def _opened(path: Path) -> Any:
    need_regular(path, MAX_TEMPLATE_BYTES)
    need_small_archive(path, MAX_INFLATED_BYTES)
    try:
        return Document(str(path))
    except (PackageNotFoundError, ValueError, KeyError, BadZipFile, OSError, SyntaxError) as error:
        raise InputError.of("memo_no_document", file=path.name, why=str(error)) from None


def _paragraphs(document: Any) -> Iterator[Any]:
    """Yield the paragraphs of the body, its tables, and of heads and feet."""
    yield from document.paragraphs
    for table in document.tables:
        for row in table.rows:
            for cell in row.cells:
                yield from cell.paragraphs
    for section in document.sections:
        for part in (section.header, section.footer):
            if not part.is_linked_to_previous:
                yield from part.paragraphs


def _fill(paragraph: Any, memo: PaperMemo, seal: bytes, template: str) -> None:
    names = PLACE.findall(paragraph.text)
    if unknown := [name for name in names if name not in PLACES]:
        raise InputError.of("memo_no_place", file=template, name=unknown[0][:40], known=", ".join(PLACES))
    if not names:
        return
    if names[0] in PARAGRAPHS:
        _spread(paragraph, getattr(memo, names[0]))
    elif names[0] == SEAL:
        _write(paragraph, "")
        if seal:
            paragraph.runs[0].add_picture(io.BytesIO(seal), height=Cm(SEAL_HEIGHT_CM))
    else:
        _write(paragraph, PLACE.sub(lambda match: str(getattr(memo, match[1])), paragraph.text))


def _write(paragraph: Any, text: str) -> None:
    """Write a paragraph's whole text in the format of its first run: an editor may have cut a place in several runs."""
    first, *others = paragraph.runs or [paragraph.add_run()]
    for run in others:
        run._element.getparent().remove(run._element)  # noqa: SLF001 - python-docx has no other way
    first.text = text


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
    run = heading.add_run(words("memo.title"))
    run.bold, run.font.size = True, Pt(29)
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
