"""What is refused of a template of memoranda and of a seal, and what is made of those that are taken."""

from __future__ import annotations

import io
import zipfile

import docx
import pytest
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from docx.shared import Cm
from PIL import Image

from bkkenergy.adapters.memotemplate import SEAL_SIDE_PX, checked_template, paragraphs_of, seal_of
from bkkenergy.errors import InputError
from bkkenergy.reports.papers.memodocx import standard_template


def template(change=lambda document: None, *, places=("{{subject}}", "{{body}}")):
    document = docx.Document()
    for place in places:
        document.add_paragraph(place)
    change(document)
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def with_part(name, content, *, times=1):
    """The template with one more part in its archive, or many."""
    written = io.BytesIO(template())
    with zipfile.ZipFile(written, "a", zipfile.ZIP_DEFLATED) as archive:
        for number in range(times):
            archive.writestr(name.format(number), content)
    return written.getvalue()


def with_text(part, before, after):
    read, written = zipfile.ZipFile(io.BytesIO(template())), io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for info in read.infolist():
            content = read.read(info)
            assert info.filename != part or before in content
            archive.writestr(info.filename, content.replace(before, after) if info.filename == part else content)
    return written.getvalue()


def linked(document):
    document.part.relate_to("https://example.org/t.dotm", RELATIONSHIP_TYPE.HYPERLINK, is_external=True)


def field(*codes):
    """A template with a field whose code is cut in runs."""
    runs = "".join(f"<w:instrText>{code}</w:instrText>" for code in codes)
    return with_run(f'<w:r {nsdecls("w")}><w:fldChar w:fldCharType="begin"/>{runs}</w:r>')


def with_run(xml):
    return template(lambda document: document.paragraphs[0]._p.append(parse_xml(xml)))


@pytest.mark.parametrize("lang", ["th", "en"])
def test_the_standard_template_passes(lang):
    assert checked_template("memo.docx", standard_template(lang)).opened().paragraphs


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (lambda: b"", "memo_no_document"),
        (lambda: b"PK\x05\x06" + b"\0" * 18, "memo_no_document"),
        (lambda: template()[:-400], "memo_no_document"),
        (lambda: b"0" * (3 << 20), "memo_large"),
        (lambda: with_part("word/vbaProject.bin", b"macro"), "memo_active"),
        (lambda: with_part("word/embeddings/oleObject1.bin", b"ole"), "memo_active"),
        (lambda: with_part("word/activeX/activeX1.xml", b"<a/>"), "memo_active"),
        (lambda: with_part("word/bomb.xml", b"0" * (25 << 20)), "memo_inflates"),
        (lambda: with_part("word/{}.xml", b"<a/>", times=1100), "memo_inflates"),
        (lambda: with_part("word/other.xml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"), "outlines_xml_entities"),
        (lambda: with_text("[Content_Types].xml", b"wordprocessingml.document.main", b"ms-word.document.macroEnabled.main"), "memo_active"),
        (lambda: template(linked), "memo_external"),
        (lambda: field(" DDEAUTO c:\\cmd.exe /k calc "), "memo_active"),
        (lambda: field(" dde c:\\cmd.exe /k calc "), "memo_active"),
        (lambda: field(" LI", "NK Excel.Sheet a.xlsx "), "memo_active"),
        (lambda: with_run(f'<w:fldSimple {nsdecls("w")} w:instr=" INCLUDEPICTURE http://a/b "/>'), "memo_active"),
        (lambda: with_part("word/OTHER.XML", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"), "outlines_xml_entities"),
        (lambda: template(places=("{{subject}}", "{{body}}", "{{ cycler.__init__ }}")), "memo_no_place"),
        (lambda: template(places=("{{subject}}",)), "memo_lacks"),
    ],
    ids=["empty", "no parts", "cut", "large", "macro", "ole", "activex", "bomb", "many", "entities", "docm", "link",
         "field", "small letters", "cut field", "simple field", "large letters", "code", "lacks"],
)  # fmt: skip
def test_what_is_no_safe_template_is_refused_with_its_reason(content, key):
    with pytest.raises(InputError) as refused:
        checked_template("own.docx", content())
    assert refused.value.key == f"error.{key}"


@pytest.mark.parametrize("codes", [(" PAGE ",), (" PA", "GE "), (" DATE \\@ d ",)])
def test_fields_that_load_nothing_stay(codes):
    assert checked_template("own.docx", field(*codes))


def test_places_are_seen_in_nested_tables_boxes_of_text_and_first_pages(tmp_path):
    def change(document):
        cell = document.add_table(1, 1).cell(0, 0).add_table(1, 1).cell(0, 0)
        cell.paragraphs[0].add_run("{{number}}")
        section = document.sections[0]
        section.first_page_header.paragraphs[0].add_run("{{date}}")
        box = parse_xml(
            f"<w:r {nsdecls('w')}><w:pict><w:txbxContent><w:p><w:r><w:t>{{{{to}}}}</w:t></w:r></w:p></w:txbxContent>"
            "</w:pict></w:r>"
        )
        document.paragraphs[0]._p.append(box)

    document = checked_template("own.docx", template(change)).opened()
    texts = [paragraph.text for paragraph in paragraphs_of(document)]
    assert {"{{number}}", "{{date}}", "{{to}}"} <= set(texts)


def png(size=(60, 40), colour=(255, 0, 0, 255)):
    """A seal: its upper left corner is empty."""
    written, seal = io.BytesIO(), Image.new("RGBA", size, colour)
    seal.paste((0, 0, 0, 0), (0, 0, 20, 20))
    seal.save(written, "PNG")
    return written.getvalue()


def test_a_seal_is_written_again_small_and_transparent_as_it_was():
    read = Image.open(io.BytesIO(seal_of("seal.png", png((2000, 1000)), lambda svg: svg)))
    assert read.size == (SEAL_SIDE_PX, SEAL_SIDE_PX // 2)
    assert read.getpixel((0, 0))[3] == 0


@pytest.mark.parametrize(
    "content",
    [b"", b"GIF89a", png()[:60], png((4100, 10)), b"0" * (600 << 10), b"<svg><a", b"<html/>", png(colour=(0, 0, 0, 0)),
     b"<!DOCTYPE svg [<!ENTITY a 'b'>]><svg>&a;</svg>"],
    ids=["empty", "gif", "cut", "wide", "large", "no xml", "html", "nothing", "entities"],
)  # fmt: skip
def test_what_is_no_seal_is_refused(content):
    with pytest.raises(InputError):
        seal_of("seal.png", content, lambda svg: svg)


@pytest.mark.browser
def test_a_seal_in_svg_is_drawn_and_runs_and_loads_nothing():
    from bkkenergy.reports.render.browser import drawn_by_browser

    svg = (
        b'<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100"><circle cx="50" cy="50" r="40" fill="#0a0"/>'
        b'<script>document.documentElement.innerHTML = ""</script>'
        b'<image href="file:///etc/passwd" width="9" height="9"/></svg>'
    )
    read = Image.open(io.BytesIO(seal_of("seal.svg", svg, drawn_by_browser)))
    side = read.width
    assert read.getpixel((side // 2, side // 2)) == (0, 170, 0, 255)
    assert read.getpixel((1, 1))[3] == 0


def test_a_picture_beside_a_place_stays(tmp_path):
    from bkkenergy.reports.papers.memodocx import _write

    def change(document):
        run = document.paragraphs[0].insert_paragraph_before().add_run()
        run.add_picture(io.BytesIO(png()), height=Cm(1))
        document.paragraphs[0].add_run("{{office}}")

    document = checked_template("own.docx", template(change)).opened()
    _write(document.paragraphs[0], "Health")
    assert document.paragraphs[0].text == "Health"
    assert len(document.inline_shapes) == 1


@pytest.mark.browser
def test_a_browser_is_replaced_after_some_pages_whatever_it_draws(monkeypatch):
    from bkkenergy.reports.render import browser

    monkeypatch.setattr(browser, "PAGES_PER_BROWSER", 1)
    with browser.Browser() as drawing:
        drawing.page_picture(b"<p>one")
        first = drawing._pid
        drawing.page_picture(b"<p>two")
        assert drawing._pid != first
