"""Templates of memoranda, and seals: files of persons, which are looked at before anything is made of them."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from docx import Document
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.ns import qn
from docx.text.paragraph import Paragraph
from PIL import Image, UnidentifiedImageError

from bkkenergy.adapters.outlines.xmlfile import parsed
from bkkenergy.errors import InputError
from bkkenergy.regularfiles import BROKEN_ZIP, need_regular

PLACE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
LINES = ("office", "number", "date", "subject", "to", "signer", "position")
PARAGRAPHS = ("body", "annexes")
SEAL = "seal"
PLACES = (*LINES, *PARAGRAPHS, SEAL)
NEEDED = ("subject", "body")
MAX_TEMPLATE_BYTES = 2 << 20
MAX_INFLATED_BYTES = 20 << 20
MAX_PARTS = 1000
ACTIVE_PARTS = re.compile(r"vbaProject|vbaData|activeX|/embeddings/|/afchunk|customUI", re.IGNORECASE)
ACTIVE_FIELDS = re.compile(
    r"\b(DDE|DDEAUTO|INCLUDETEXT|INCLUDEPICTURE|IMPORT|LINK|MACROBUTTON|DATABASE|RD)\b", re.IGNORECASE
)
MAX_SEAL_BYTES, MAX_SEAL_PX, SEAL_SIDE_PX = 512 << 10, 4000, 1000
SEAL_FORMATS = ("PNG", "JPEG")


@dataclass(frozen=True, slots=True)
class MemoTemplate:
    """A template that was looked at. name : of its file."""

    name: str
    content: bytes

    def opened(self) -> Any:
        """Return it as a document to be filled."""
        return _document(self.name, self.content)


def template_file(path: Path) -> MemoTemplate:
    """Return the template of a file. Raises InputError."""
    return checked_template(path.name, need_regular(path, MAX_TEMPLATE_BYTES).read_bytes())


def checked_template(name: str, content: bytes) -> MemoTemplate:
    """Return a template that a memorandum can be made of.

    Raises InputError for what is no DOCX, inflates without end, runs or loads something when it is opened, has a place
    that is not known, or lacks one that a memorandum cannot do without.
    """
    if len(content) > MAX_TEMPLATE_BYTES:
        raise InputError.of("memo_large", file=name, max=MAX_TEMPLATE_BYTES >> 20)
    _need_quiet(name, content)
    texts = [paragraph.text for paragraph in paragraphs_of(_document(name, content))]
    fields = [field for text in texts for field in PLACE.findall(text)]
    if unknown := [field for field in fields if field not in PLACES]:
        raise InputError.of("memo_no_place", file=name, name=unknown[0][:40], known=", ".join(PLACES))
    if lacking := [field for field in NEEDED if field not in fields]:
        raise InputError.of("memo_lacks", file=name, name=lacking[0])
    return MemoTemplate(name, content)


def _need_quiet(name: str, content: bytes) -> None:
    """Raise InputError for an archive that inflates without end, or whose document would run or load something."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_INFLATED_BYTES:
                raise InputError.of("memo_inflates", file=name, max=MAX_INFLATED_BYTES >> 20)
            for part in parts:
                if ACTIVE_PARTS.search(part.filename):
                    raise InputError.of("memo_active", file=name, what=part.filename[-60:])
                if part.filename.lower().endswith((".xml", ".rels")):
                    _need_quiet_part(name, part.filename, archive.read(part))
    except BROKEN_ZIP:
        raise InputError.of("memo_no_document", file=name) from None


def _need_quiet_part(name: str, part: str, content: bytes) -> None:
    root = parsed(content)
    for node in root.iter():
        tag = str(node.tag)
        if tag == "Relationship" and node.attrib.get("TargetMode", "").lower() == "external":
            raise InputError.of("memo_external", file=name, link=node.attrib.get("Target", "")[:80])
        if tag == "altChunk" or "macroEnabled" in node.attrib.get("ContentType", ""):
            raise InputError.of("memo_active", file=name, what=f"{part[-40:]}: {tag}")
    for code in _field_codes(root):
        if ACTIVE_FIELDS.search(code):
            raise InputError.of("memo_active", file=name, what=f"{part[-40:]}: {code.strip()[:40]}")


def _field_codes(root: ET.Element) -> Iterator[str]:
    """Yield the codes of a part's fields, each whole: an editor may have cut one in several runs."""
    code = ""
    for node in root.iter():
        values = {key.rpartition("}")[2]: value for key, value in node.attrib.items()}
        if node.tag == "fldSimple":
            yield values.get("instr", "")
        elif node.tag == "instrText":
            code += node.text or ""
        elif node.tag == "fldChar" and values.get("fldCharType") == "begin":
            yield code
            code = ""
    yield code


def _document(name: str, content: bytes) -> Any:
    try:
        return Document(io.BytesIO(content))
    except (PackageNotFoundError, SyntaxError, *BROKEN_ZIP):
        raise InputError.of("memo_no_document", file=name) from None


def paragraphs_of(document: Any) -> Iterator[Paragraph]:
    """Yield every paragraph: of the body, of tables and boxes of text in it, of all heads and feet."""
    roots = [(document.element.body, document)]
    for section in document.sections:
        for kind in ("", "first_page_", "even_page_"):
            for end in ("header", "footer"):
                part = getattr(section, f"{kind}{end}")
                if not part.is_linked_to_previous:
                    roots.append((part._element, part))  # noqa: SLF001 - python-docx has no other way to boxes of text
    for root, parent in roots:
        for element in list(root.iter(qn("w:p"))):
            yield Paragraph(element, parent)


def seal_of(name: str, content: bytes, draw: Callable[[bytes], bytes]) -> bytes:
    """Return a seal as a PNG that was written again. draw : makes a PNG of an SVG.

    Raises InputError for what is neither PNG, JPEG nor SVG, and for what is too large.
    """
    if len(content) > MAX_SEAL_BYTES:
        raise InputError.of("seal_large", file=name, max=MAX_SEAL_BYTES >> 10)
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<?xml", b"<svg", b"<!--")):
        if str(parsed(content).tag) != "svg":
            raise InputError.of("seal_no_picture", file=name)
        content = draw(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=SEAL_FORMATS) as picture:
                if max(picture.size) > MAX_SEAL_PX:
                    raise InputError.of("seal_too_large", file=name, pixels=MAX_SEAL_PX)
                seal = picture.convert("RGBA")
    except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError.of("seal_no_picture", file=name) from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise InputError.of("seal_no_picture", file=name) from error
    if seal.getbbox() is None:  # nothing is drawn
        raise InputError.of("seal_no_picture", file=name)
    seal.thumbnail((SEAL_SIDE_PX, SEAL_SIDE_PX))
    seal.info.clear()
    written = io.BytesIO()
    seal.save(written, "PNG", optimize=True)
    return written.getvalue()
