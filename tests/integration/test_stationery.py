"""An agency's template, seal and terms of memoranda in the app: looked at, previewed, taken back, with their history."""

from __future__ import annotations

import io

import docx
import pytest

from tests.integration.test_record_pages import english
from tests.unit.adapters.test_memotemplate import png, template, with_part
from tests.web import csrf_of, make_app, make_site, signed_in

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning")]
PAGE = "/agencies/health/memo"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_site(tmp_path_factory.mktemp("memo"), days=9)


@pytest.fixture(scope="module")
def app(home):
    return make_app(home)


@pytest.fixture(scope="module")
def manager(app):
    return english(app, "manager-health")


def sent(client, part, name, content, page=PAGE):
    return client.post(f"{page}/{part}/file", data={"csrf": csrf_of(client)}, files={"file": (name, content)})


def memo(client, form="docx"):
    asked = {"subject": "health", "kind": "memo", "period": "2026-11-20..2026-11-23", "form": form}
    return client.get("/reports/made", params=asked)


def test_an_agency_s_template_seal_and_terms_are_on_its_memoranda_until_they_are_taken_back(manager):
    def change(document):
        document.add_paragraph("Our own last line")
        document.add_paragraph("{{seal}}")
        document.add_paragraph("{{to}} / {{signer}}")

    assert "standard template" in manager.get(PAGE).text
    assert sent(manager, "template", "ours.docx", template(change)).status_code == 303
    assert sent(manager, "seal", "seal.png", png()).status_code == 303
    terms = {"csrf": csrf_of(manager), "to": "The governor", "signer": "Khun Malee", "position": "Director"}
    assert manager.post(f"{PAGE}/terms", data=terms).status_code == 303
    page = manager.get(PAGE).text
    assert "ours.docx" in page
    assert "data:image/png;base64," in page
    document = docx.Document(io.BytesIO(memo(manager).content))
    texts = [paragraph.text for paragraph in document.paragraphs]
    assert "Our own last line" in texts
    assert "The governor / Khun Malee" in texts
    assert len(document.inline_shapes) == 1
    assert "The governor" in memo(manager, "html").text
    edited = docx.Document(io.BytesIO(manager.get(f"{PAGE}/template").content))
    assert "{{to}} / {{signer}}" in [paragraph.text for paragraph in edited.paragraphs]

    for part in ("template", "seal", "terms"):
        assert manager.post(f"{PAGE}/{part}/reset", data={"csrf": csrf_of(manager)}).status_code == 303
    again = docx.Document(io.BytesIO(memo(manager).content))
    assert "Our own last line" not in [paragraph.text for paragraph in again.paragraphs]
    page = manager.get(PAGE).text
    assert page.count("back to the standard one") >= 3
    assert "ours.docx" in page, "what was there stays in the history"


def test_what_was_entered_counts_before_the_configuration_s_files(manager, home):
    def with_line(text):
        return template(lambda document: document.add_paragraph(text))

    def texts():
        return [paragraph.text for paragraph in docx.Document(io.BytesIO(memo(manager).content)).paragraphs]

    (home / "config/memo").mkdir()
    (home / "config/memo/health.docx").write_bytes(with_line("of the configuration"))
    assert "of the configuration" in texts()
    assert sent(manager, "template", "ours.docx", with_line("entered")).status_code == 303
    assert "entered" in texts()
    assert "of the configuration" not in texts()
    assert manager.post(f"{PAGE}/template/reset", data={"csrf": csrf_of(manager)}).status_code == 303
    assert "of the configuration" in texts()
    (home / "config/memo/health.docx").unlink()


def test_digits_of_a_memorandum_are_thai_where_the_terms_say_so(app, manager):
    def digits():
        text = "".join(paragraph.text for paragraph in docx.Document(io.BytesIO(memo(thai).content)).paragraphs)
        return {digit for digit in text if digit.isdigit()}

    thai = signed_in(app, "viewer-health")
    assert digits() <= set("0123456789")
    terms = {"csrf": csrf_of(manager), "thai_digits": "1"}
    assert manager.post(f"{PAGE}/terms", data=terms).status_code == 303
    assert digits() & set("๐๑๒๓๔๕๖๗๘๙")
    assert manager.post(f"{PAGE}/terms/reset", data={"csrf": csrf_of(manager)}).status_code == 303


@pytest.mark.parametrize(
    ("part", "name", "content", "said"),
    [
        ("template", "m.docx", with_part("word/vbaProject.bin", b"macro"), "runs or is loaded"),
        ("template", "m.docx", template(places=("{{subject}}", "{{body}}", "{{salary}}")), "salary"),
        ("template", "m.docx", b"", "cannot be opened as a DOCX"),
        ("seal", "s.png", b"GIF89a", "no picture that can be drawn"),
    ],
)
def test_what_is_refused_is_said_and_not_stored(manager, part, name, content, said):
    before = memo(manager).content
    answer = sent(manager, part, name, content)
    assert answer.status_code == 422
    assert said in answer.text
    assert len(memo(manager).content) == pytest.approx(len(before), abs=200)


def test_another_agency_s_memoranda_are_out_of_reach(app, manager):
    assert sent(manager, "seal", "s.png", png(), page="/agencies/education/memo").status_code == 404
    assert manager.get("/agencies/education/memo").status_code == 404
    viewer = signed_in(app, "viewer-health")
    assert viewer.get(PAGE).status_code == 200
    assert "multipart" not in viewer.get(PAGE).text
    assert sent(viewer, "seal", "s.png", png()).status_code == 403
