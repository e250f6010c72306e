"""Papers made from a site's own figures: the same in every format, by command, page and API, for who may see them."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from dataclasses import replace

import docx
import openpyxl
import pytest
from pypdf import PdfReader

from bkkenergy.adapters.memotemplate import template_file
from bkkenergy.calendar import Period
from bkkenergy.errors import InputError
from bkkenergy.i18n import LANGS, Words
from bkkenergy.plan import Project
from bkkenergy.reports.content import SolarUse
from bkkenergy.reports.papers.kinds import (
    PAPER_KINDS,
    Stationery,
    forms_of,
    make_paper,
    render_paper,
    subject_report,
)
from bkkenergy.reports.papers.memodocx import read_seal
from bkkenergy.reports.papers.model import KeyFigures, PaperDrawing, PaperGrid, shown
from bkkenergy.reports.phrasing import document_number
from bkkenergy.reports.render.browser import Browser
from bkkenergy.site import load_configuration, open_site
from tests.commands import bkkenergy
from tests.planned import save_projects
from tests.printed import too_long
from tests.unit.reports.test_render import Text
from tests.web import make_app, make_site, signed_in

BUILDING, AGENCY = "health.centre-1", "health"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_site(tmp_path_factory.mktemp("papers"))


@pytest.fixture(scope="module")
def site(home):
    with open_site(load_configuration(home / "config")) as opened:
        yield opened


@pytest.fixture(scope="module")
def week(site):
    return Period.week(site.today - dt.timedelta(days=7))


@pytest.fixture(scope="module")
def report(site, week):
    return subject_report(site, AGENCY, week, now=site.clock())


@pytest.fixture(scope="module")
def app(home):
    return make_app(home)


def test_a_building_s_report_has_the_figures_that_its_agency_s_report_has_of_it(site, week, report):
    alone = subject_report(site, BUILDING, week, now=site.clock())
    (row,) = (building for building in report.buildings if building.id == BUILDING)
    assert (alone.scope, alone.agency_id, len(alone.buildings)) == ("building", BUILDING, 1)
    assert alone.total.energy_kwh == row.use.energy_kwh
    assert (alone.total.usual_kwh, alone.total.peak_kw, alone.total.cost_thb) == (
        row.use.usual_kwh,
        row.use.peak_kw,
        row.use.cost_thb,
    )
    assert alone.buildings[0].use == row.use
    assert alone.state_index is None


@pytest.mark.parametrize(
    ("kind", "lang"),
    [(kind, lang) for kind in PAPER_KINDS for lang in LANGS if kind != "memo" and (kind, lang) != ("partner", "en")],
)
def test_each_paper_has_the_same_figures_in_every_format(site, week, report, kind, lang):
    paper, words = make_paper(site, kind, report, week, lang, now=site.clock()), Words(lang)
    grids = [block for block in paper.blocks if isinstance(block, PaperGrid) and block.rows]
    cells = [
        (value, shown(value, column, words))
        for grid in grids
        for row in grid.rows
        for value, column in zip(row, grid.columns, strict=True)
        if value is not None
    ]
    files = {form: render_paper(paper, form) for form in forms_of(kind) if form != "pdf"}
    page = " ".join(Text(files["html"].decode()).words)
    document = docx.Document(io.BytesIO(files["docx"]))
    written = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    book = openpyxl.load_workbook(io.BytesIO(files["xlsx"]), data_only=True)
    in_book = {cell for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row}
    in_csv = {cell for row in csv.reader(io.StringIO(files["csv"].decode("utf-8-sig"))) for cell in row}
    data = json.loads(files["json"])
    assert paper.sentence in page
    assert paper.sentence in "\n".join(paragraph.text for paragraph in document.paragraphs)
    assert (data["kind"], data["number"]) == (kind, paper.number)
    assert paper.number.startswith(f"{AGENCY}/{document_number(report).split('/')[1]}/"), (
        "the era of the report's number"
    )
    for value, text in cells:
        assert text in page
        assert text in written
        if isinstance(value, float):
            assert any(isinstance(cell, int | float) and cell == pytest.approx(value) for cell in in_book)
            assert str(value) in in_csv
    blocks = [block for block in data["blocks"] if block["kind"] == "grid"]
    assert [len(block["rows"]) for block in blocks] == [
        len(block.rows) for block in paper.blocks if isinstance(block, PaperGrid)
    ]


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("kind", PAPER_KINDS)
def test_what_a_paper_says_before_its_tables_is_read_in_a_minute(site, week, report, kind, lang):
    """Pictures, tables and sources apart: what is said on page one, as of the energy report."""
    page = render_paper(make_paper(site, kind, report, week, lang, now=site.clock()), "html").decode()
    assert too_long(page, lang) == ""


@pytest.mark.browser
def test_on_paper_the_committees_tables_begin_on_a_page_apart(site, week, report):
    paper = make_paper(site, "committee", report, week, "en", now=site.clock())
    with Browser() as browser:
        pages = PdfReader(io.BytesIO(render_paper(paper, "pdf", browser))).pages
    assert isinstance(paper.blocks[0], KeyFigures)
    assert any(isinstance(block, PaperDrawing) for block in paper.blocks[:4])
    assert paper.sentence.split()[0] in pages[0].extract_text()
    assert "EnPI (" not in pages[0].extract_text()
    assert len(pages) >= 2


def test_answers_of_the_training_sheet_follow_from_its_questions(site, week, report):
    paper = make_paper(site, "training", report, week, "en", now=site.clock())
    (grid,) = (block for block in paper.blocks if isinstance(block, PaperGrid))
    assert len(grid.rows) == 5
    assert grid.starts_page, "the answers do not stand beside the questions"
    for _, way, answer in grid.rows:
        terms = way.replace(",", "").replace("\N{MINUS SIGN}", "-").replace("\N{MULTIPLICATION SIGN}", "*")
        worked = eval(terms.replace("÷", "/"))
        stated = float(re.sub(r"[^\d.]", "", answer.partition(" ")[0]))
        assert worked == pytest.approx(stated, rel=0.02)


def test_a_poster_of_a_building_with_a_plant_says_nothing_of_more_or_less(site, week, report):
    assert "usual" in make_paper(site, "poster", report, week, "en", now=site.clock()).sentence
    plant = SolarUse(BUILDING, is_installed=True, capacity_kwp=50.0, energy_kwh=4000.0)
    said = make_paper(site, "poster", replace(report, solar=(plant,)), week, "en", now=site.clock()).sentence
    assert "from the grid" in said
    assert "usual" not in said


def test_a_paper_of_a_running_period_says_so_far(site):
    running = Period.month(site.today.year, site.today.month)
    report = subject_report(site, BUILDING, running, now=site.clock())
    for kind in ("poster", "committee", "training"):
        paper = make_paper(site, kind, report, running, "en", now=site.clock())
        assert paper.sentence.startswith("So far")
        assert paper.sentence.count("So far") == 1
        assert not paper.is_final


def test_text_that_looks_like_a_formula_stays_text_in_csv_and_workbook(site, week, report):
    paper = replace(make_paper(site, "poster", report, week, "en", now=site.clock()), blocks=(), name="=1+1")
    grid = PaperGrid(
        "=2",
        make_paper(site, "training", report, week, "en", now=site.clock()).blocks[1].columns,
        (("=3", "+4", "@5"),),
    )
    odd = replace(paper, blocks=(grid,))
    rows = list(csv.reader(io.StringIO(render_paper(odd, "csv").decode("utf-8-sig"))))
    assert not [cell for row in rows for cell in row if cell[:1] in {"=", "+", "@"}]
    book = openpyxl.load_workbook(io.BytesIO(render_paper(odd, "xlsx")))
    assert not [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]


def test_the_command_writes_a_paper_and_refuses_what_it_has_not(home, site, week, tmp_path):
    config = ("--config", home / "config", "-o", tmp_path)
    bkkenergy("report", BUILDING, "--kind", "poster", "--period", week.slug, "--format", "docx,xlsx", *config)
    names = sorted(path.name for path in (tmp_path / BUILDING).iterdir())
    assert names == [f"{BUILDING}_{week.slug}_poster.th.docx", f"{BUILDING}_{week.slug}_poster.th.xlsx"]
    bkkenergy("report", BUILDING, "--period", week.slug, "--format", "json", *config)
    assert json.loads((tmp_path / BUILDING / f"{BUILDING}_{week.slug}.json").read_text())["scope"] == "building"
    assert "no format of memo" in bkkenergy("report", AGENCY, "--kind", "memo", "--format", "xlsx", *config, code=2)
    assert "the city" in bkkenergy("report", "all", "--kind", "pv", *config, code=2)
    every = ("report", "all", "--kind", "poster", "--each")
    bkkenergy(*every, "health_centre", "--period", week.slug, *config)
    centres = {one.id for one in site.portfolio.buildings.values() if one.type == "health_centre"}
    assert {path.parent.name for path in tmp_path.glob("*/*_poster.th.html")} == centres
    assert "health_centre" in bkkenergy(*every, "castle", "--period", week.slug, *config, code=2)
    assert "is not in the portfolio" in bkkenergy("report", "health.none", *config, code=2)


def test_the_page_makes_what_is_asked_for(app, week):
    client = signed_in(app, "viewer-health")
    page = client.get("/reports", params={"lang": "en"}).text
    assert 'action="/reports/made"' in page
    assert BUILDING in page
    assert "education" not in page.partition('action="/reports/made"')[2].partition("</form>")[0]
    for kind in ("energy", "poster", "committee"):
        answer = client.get("/reports/made", params={"subject": BUILDING, "kind": kind, "period": week.slug})
        assert answer.status_code == 200, (kind, answer.text[:300])
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    answer = client.get(f"/api/v1/papers/committee/{AGENCY}", params={"period": week.slug})
    assert (answer.status_code, answer.json()["schema"]) == (200, "bkkenergy.paper/1")
    answer = client.get(f"/api/v1/papers/poster/{AGENCY}", params={"period": week.slug, "form": "docx"})
    assert docx.Document(io.BytesIO(answer.content)).core_properties.language == "th-TH"


@pytest.mark.parametrize(
    ("subject", "period", "code"),
    [
        ("education", "2026-10", 404),
        ("education.headquarters", "2026-10", 404),
        ("city", "2026-10", 404),
        ("none", "2026-10", 404),
        (AGENCY, "2569-10", 422),
        (AGENCY, "next year", 422),
        (AGENCY, "2999-01", 422),
        (AGENCY, "1000-01-01..2026-01-01", 422),
        (AGENCY, "0001-01-01", 422),
        (AGENCY, "9999-12", 422),
        (AGENCY, "9999-12-31", 422),
    ],
)
def test_what_is_not_the_visitor_s_or_no_period_is_refused_in_words(app, subject, period, code):
    client = signed_in(app, "admin-health")
    assert client.get("/reports/made", params={"subject": subject, "period": period}).status_code == code
    assert client.get(f"/api/v1/papers/energy/{subject}", params={"period": period}).status_code == code


# -- the official memorandum ---------------------------------------------------------------------------------------

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63606060f80f0001040100"
    "5fe5c34b0000000049454e44ae426082"
)  # fmt: skip


def test_the_progress_of_a_past_period_has_nothing_that_was_measured_after_it(tmp_path):
    with open_site(load_configuration(make_site(tmp_path) / "config")) as opened:
        today, now = opened.today, opened.clock()
        roof = Project(
            id="roof-pv", agency=AGENCY, building=BUILDING, kind="solar", name_th="หลังคา", name_en="Roof", state="done",
            done_on=today - dt.timedelta(days=40), pv_meter=f"{BUILDING}.main", due_year_be=2570, expected_kwh=1000,
        )  # fmt: skip
        save_projects(opened.state, [roof], now)
        site = opened.refreshed()
        for days_ago, is_measured in ((27, False), (1, True)):
            period = Period.days(today - dt.timedelta(days=38), today - dt.timedelta(days=days_ago))
            report = subject_report(site, BUILDING, period, now=now)
            paper = make_paper(site, "progress", report, period, "en", now=now)
            grid = next(block for block in paper.blocks if block.title == Words("en")("progress.projects"))
            measured = {row[0]: row[7] for row in grid.rows}
            assert (measured["Roof"] is not None) is is_measured


@pytest.fixture
def memo_of(site, week, report):
    def made(lang="th", **fields):
        return make_paper(
            site, "memo", report, week, lang, now=site.clock(), fields=fields, thai_digits=bool(fields.pop("thai", ""))
        )

    return made


def text_of(content):
    return "\n".join(paragraph.text for paragraph in docx.Document(io.BytesIO(content)).paragraphs)


@pytest.mark.parametrize("lang", LANGS)
def test_a_memorandum_has_its_parts_and_the_report_s_figures_in_every_format(memo_of, report, lang):
    paper, words = memo_of(lang, to="Director", signer="Khun Malee", number="กท 0101/1"), Words(lang)
    document, page = text_of(render_paper(paper, "docx")), " ".join(Text(render_paper(paper, "html").decode()).words)
    for key in ("title", "office", "subject_head", "to", "annexes", "signed"):
        assert words(f"memo.{key}") in document
        assert words(f"memo.{key}") in page
    for text in ("Director", "Khun Malee", "กท 0101/1", words.number(report.total.energy_kwh)):
        assert text in document
        assert text in page
    assert "{{" not in document
    data = json.loads(render_paper(paper, "json"))
    assert data["blocks"][0]["to"] == "Director"


def test_what_nobody_has_written_is_a_line_to_be_filled_by_hand(memo_of):
    assert text_of(render_paper(memo_of(), "docx")).count("." * 40) >= 4


def test_a_memorandum_has_the_day_of_bangkok(site, week, report):
    evening = dt.datetime(2026, 11, 27, 18, 0, tzinfo=dt.UTC)
    paper = make_paper(site, "memo", report, week, "en", now=evening)
    assert "28 November 2026" in text_of(render_paper(paper, "docx"))


def test_thai_digits_leave_document_numbers_alone(memo_of, report):
    document = text_of(render_paper(memo_of(thai="yes"), "docx"))
    energy = Words("th").number(report.total.energy_kwh)
    assert energy not in document
    assert energy.translate(str.maketrans("0123456789", "๐๑๒๓๔๕๖๗๘๙")) in document
    assert re.search(r"health/2569-W\d\d/1", document)


def test_an_agency_s_own_template_and_seal_are_filled_whatever_an_editor_made_of_its_runs(memo_of, tmp_path):
    document = docx.Document()
    cut = document.add_paragraph()
    for part in ("Subject: {{sub", "ject", "}} / {{to}}"):
        cut.add_run(part)
    document.add_paragraph("{{seal}}")
    document.add_table(1, 1).cell(0, 0).paragraphs[0].add_run("{{ body }}")
    document.sections[0].header.paragraphs[0].add_run("{{date}}")
    document.save(tmp_path / "own.docx")
    paper = memo_of(to="{{signer}} =1+1 <b>")
    filled = docx.Document(
        io.BytesIO(
            render_paper(
                paper, "docx", None, Stationery(template_file(tmp_path / "own.docx"), read_seal(seal_in(tmp_path)))
            )
        )
    )
    (memo,) = paper.blocks
    assert filled.paragraphs[0].text == f"Subject: {memo.subject} / {{{{signer}}}} =1+1 <b>"
    assert [one.text for one in filled.tables[0].cell(0, 0).paragraphs] == list(memo.body)
    assert filled.sections[0].header.paragraphs[0].text == memo.date
    assert len(filled.inline_shapes) == 1


def seal_in(folder):
    path = folder / "seal.png"
    path.write_bytes(PNG)
    return path


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"<svg/>", b"PK\x03\x04", PNG[:8] + b"\0" * 8 + b"\xff" * 16])
def test_a_seal_that_is_no_picture_of_fit_size_is_refused(tmp_path, content):
    path = tmp_path / "seal.png"
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_seal(path)
    path.write_bytes(PNG + b"\0" * 600_000)
    with pytest.raises(InputError):
        read_seal(path)


@pytest.mark.parametrize("place", ["{{ sum(range(9**9)) }}", "{{ config }}", "{{subjekt}}", "{{}}"])
def test_a_template_with_code_or_an_unknown_place_is_refused_by_its_name(memo_of, tmp_path, place):
    document = docx.Document()
    document.add_paragraph(place)
    document.save(tmp_path / "own.docx")
    with pytest.raises(InputError, match=r"own\.docx"):
        render_paper(memo_of(), "docx", None, Stationery(template_file(tmp_path / "own.docx")))


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + b"\0" * 18])
def test_a_template_that_is_no_document_is_refused(memo_of, tmp_path, content):
    (tmp_path / "own.docx").write_bytes(content)
    with pytest.raises(InputError):
        render_paper(memo_of(), "docx", None, Stationery(template_file(tmp_path / "own.docx")))


def test_the_site_s_own_template_is_taken_by_command_and_page(home, app, week, tmp_path):
    folder = home / "config/memo"
    folder.mkdir()
    bkkenergy("report", "--template", folder / "all.docx", "--lang", "en")
    document = docx.Document(str(folder / "all.docx"))
    document.add_paragraph("Our own last line")
    document.save(str(folder / "all.docx"))
    (folder / "health.png").write_bytes(PNG)
    config = ("--config", home / "config", "-o", tmp_path)
    bkkenergy(
        "report", AGENCY, "--kind", "memo", "--period", week.slug, "--format", "docx", "--field", "to", "X", *config
    )
    (path,) = (tmp_path / AGENCY).iterdir()
    assert "Our own last line" in text_of(path.read_bytes())
    client = signed_in(app, "viewer-health")
    asked = {"subject": AGENCY, "kind": "memo", "period": week.slug}
    answer = client.get("/reports/made", params=asked | {"form": "docx"})
    assert len(docx.Document(io.BytesIO(answer.content)).inline_shapes) == 1
    assert 'src="data:image/png;base64,' in client.get("/reports/made", params=asked).text
    assert client.get("/reports/made", params=asked | {"form": "xlsx"}).status_code == 422
    (folder / "health.png").write_bytes(b"no picture")
    assert client.get("/reports/made", params=asked).status_code == 422
