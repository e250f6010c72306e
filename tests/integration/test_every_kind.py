"""Every kind of document, of each scope, in both languages: its words, its sources, its page one."""

from __future__ import annotations

import datetime as dt
import io
import re

import docx
import openpyxl
import pytest

from bkkenergy.calendar import Period
from bkkenergy.i18n import LANGS, Words
from bkkenergy.recipients import CITY
from bkkenergy.reports.papers.kinds import PAPER_KINDS, make_paper, render_paper, subject_report
from bkkenergy.reports.programme.document import plan_paper
from bkkenergy.reports.programme.gather import programme_of
from bkkenergy.reports.programme.paper import programme_paper
from bkkenergy.reports.render import RENDERERS
from bkkenergy.reports.solar.gather import screened
from bkkenergy.reports.solar.html import render_screening_html
from bkkenergy.site import load_configuration, open_site
from bkkenergy.solar.climate import typical_year
from tests.printed import SOURCES, of_other_language, too_long
from tests.unit.reports.test_render import Text
from tests.web import make_site

BUILDING, AGENCY = "health.centre-1", "health"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    home = make_site(tmp_path_factory.mktemp("kinds"))
    with open_site(load_configuration(home / "config")) as opened:
        yield opened


OF_ANOTHER_SCOPE = {
    "building": {
        "en": "whole agency|all agencies|all buildings|each building|every building|each agency",
        "th": "ทั้งหน่วยงาน|ทุกหน่วยงาน|แต่ละหน่วยงาน|ทุกอาคาร|แต่ละอาคาร",
    },
    "agency": {"en": "whole building|all agencies", "th": "ทั้งอาคาร|ทุกหน่วยงาน"},
    "city": {"en": "whole building|whole agency|all buildings", "th": "ทั้งอาคาร|ทั้งหน่วยงาน"},
}


@pytest.fixture(scope="module")
def month(site):
    last = site.today.replace(day=1) - dt.timedelta(days=1)
    return Period.month(last.year, last.month)


@pytest.fixture(scope="module", params=OF_ANOTHER_SCOPE)
def of_month(request, site, month):
    subject = {"building": BUILDING, "agency": AGENCY, "city": CITY}[request.param]
    return subject_report(site, subject, month, now=site.clock())


@pytest.fixture(scope="module", params=LANGS)
def pages(request, site, month, of_month):
    """The language, and each kind's page. Screening roofs is slow and alike in all scopes: one building has it."""
    lang, now, scope = request.param, site.clock(), of_month.scope
    words = Words(lang)
    kinds = [kind for kind in PAPER_KINDS if kind != "partner" or scope == "building"]
    papers = {kind: make_paper(site, kind, of_month, month, lang, now=now) for kind in kinds}
    made = {"energy": RENDERERS["html"](of_month, lang).decode()}
    if scope == "building":
        roofs = [site.portfolio.buildings[BUILDING]]
        screening = screened(site, typical_year(site.solar.climate), roofs, today=site.today, on_read=lambda: None)
        made["screening"] = render_screening_html(screening, lang, today=site.today).decode()
    else:
        agencies = list(site.portfolio.agencies) if scope == "city" else [AGENCY]
        programme = programme_of(site, agencies, now=now, has_partners=True)
        papers["programme"] = programme_paper(programme, words, now=now, subject=of_month.agency_id)
        papers["plan"] = plan_paper(programme, words, of_month.agency_id, now)
    return lang, made | {kind: render_paper(paper, "html").decode() for kind, paper in papers.items()}


def test_page_one_of_every_kind_is_read_in_a_minute(pages):
    lang, made = pages
    assert {kind: said for kind, page in made.items() if (said := too_long(page, lang))} == {}


def test_sources_of_every_kind_are_in_the_reader_s_language(pages):
    lang, made = pages
    assert len(SOURCES) > 50
    assert {kind: other for kind, page in made.items() if (other := of_other_language(page, lang))} == {}


def test_no_document_speaks_of_another_scope(pages, of_month):
    """A building's report called its sum that of the whole agency."""
    (lang, made), scope = pages, of_month.scope
    files = {form: RENDERERS[form](of_month, lang) for form in ("csv", "docx", "xlsx")}
    document = docx.Document(io.BytesIO(files["docx"]))
    book = openpyxl.load_workbook(io.BytesIO(files["xlsx"]))
    # A plan names measures "in the whole building" and aims of every agency.
    texts = {kind: " ".join(Text(page).words) for kind, page in made.items() if kind != "plan"}
    texts["csv"] = files["csv"].decode()
    texts["docx"] = "\n".join(cell.text for table in document.tables for row in table.rows for cell in row.cells)
    texts["xlsx"] = "\n".join(
        str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row if cell is not None
    )
    said = re.compile(OF_ANOTHER_SCOPE[scope][lang], re.IGNORECASE)
    assert {name: said.findall(text) for name, text in texts.items() if said.search(text)} == {}
    assert Words(lang)(f"by_scope.total_{scope}") in texts["energy"]
