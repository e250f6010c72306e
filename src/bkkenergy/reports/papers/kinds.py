"""Which papers there are, and how one is made and rendered: the only place that lists them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

from bkkenergy.adapters.memotemplate import MemoTemplate, template_file
from bkkenergy.adapters.office import office_pdf, office_program
from bkkenergy.calendar import Period
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.recipients import CITY, PaperKind
from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.papers.asked import AskedPaper
from bkkenergy.reports.papers.committee import committee
from bkkenergy.reports.papers.docx import paper_docx
from bkkenergy.reports.papers.html import paper_html
from bkkenergy.reports.papers.memo import memo
from bkkenergy.reports.papers.memodocx import memo_docx, read_seal
from bkkenergy.reports.papers.model import Paper
from bkkenergy.reports.papers.partner import partner
from bkkenergy.reports.papers.plants import pv_plants
from bkkenergy.reports.papers.poster import poster
from bkkenergy.reports.papers.progress import progress
from bkkenergy.reports.papers.tables import paper_csv, paper_json, paper_xlsx
from bkkenergy.reports.papers.training import training
from bkkenergy.reports.render.browser import Browser
from bkkenergy.reports.savings.comparing import ComparisonPool
from bkkenergy.reports.write import make_building_report, make_city_report, make_report
from bkkenergy.site import Site
from bkkenergy.site.folder import memo_file
from bkkenergy.texts import Lang
from bkkenergy.usecases.during import site_during
from bkkenergy.usecases.stationery import NO_TERMS, MemoTerms, stationery_entered

PAPER_KINDS: tuple[PaperKind, ...] = get_args(PaperKind)
PaperForm = Literal["html", "pdf", "docx", "xlsx", "csv", "json"]
PAPER_FORMS: tuple[PaperForm, ...] = get_args(PaperForm)

MAKERS: Mapping[PaperKind, Callable[[AskedPaper], Paper]] = MappingProxyType(
    {
        "poster": poster,
        "committee": committee,
        "pv": pv_plants,
        "progress": progress,
        "training": training,
        "partner": partner,
        "memo": memo,
    }
)
WRITERS: Mapping[str, Callable[[Paper], bytes]] = MappingProxyType(
    {"docx": paper_docx, "xlsx": paper_xlsx, "csv": paper_csv, "json": paper_json}
)


def subject_report(
    site: Site, subject: str, period: Period, *, now: dt.datetime, pool: ComparisonPool | None = None
) -> AgencyReport:
    """Make the report of an agency, a building, or "city". pool : of buildings to compare with, where several reports
    of the period share one. Raises InputError, StoreUnavailable.
    """
    pool = pool or ComparisonPool(site_during(site, period))
    if subject == CITY:
        reports = [make_report(site, agency, period, now=now, pool=pool) for agency in site.portfolio.agencies]
        if not reports:
            raise InputError.of("paper_no_agency")
        return make_city_report(site, reports, now=now)
    if subject in pool.site.portfolio.agencies:
        return make_report(site, subject, period, now=now, pool=pool)
    return make_building_report(site, subject, period, now=now, pool=pool)


def make_paper(
    site: Site,
    kind: PaperKind,
    report: AgencyReport,
    period: Period,
    lang: Lang,
    *,
    now: dt.datetime,
    fields: Mapping[str, str] = MappingProxyType({}),
    thai_digits: bool = False,
) -> Paper:
    """Make a paper of a kind from the report of its subject. Raises InputError, StoreUnavailable.

    fields, thai_digits : of a memorandum.
    """
    asked = AskedPaper(kind, site_during(site, period), report, period, Words(lang), now, fields, thai_digits)
    return MAKERS[kind](asked)


def forms_of(kind: str) -> tuple[PaperForm, ...]:
    """Return the formats that a kind of paper has: a memorandum has no tables."""
    return tuple(form for form in PAPER_FORMS if kind != "memo" or form not in {"xlsx", "csv"})


def form_of_file(file: Path, forms: Sequence[str] = PAPER_FORMS) -> str:
    """Return the format that a file's name asks for. Raises InputError where it is none of these."""
    form = file.suffix.removeprefix(".").lower()
    if form not in forms:
        raise InputError.of("file_form", file=file.name, known=", ".join(forms))
    return form


@dataclass(frozen=True, slots=True)
class Stationery:
    """What an agency's memoranda are made with; nothing where it has nothing of its own. seal : a PNG."""

    template: MemoTemplate | None = None
    seal: bytes = b""
    terms: MemoTerms = NO_TERMS


def stationery_of(site: Site, subject: str) -> Stationery:
    """Return what an agency (or a building's agency) entered in the app; what it did not, the configuration has.

    `memo/AGENCY.docx` and `.png`, or `memo/all.docx` and `.png` of every agency without its own. Raises InputError for
    a bad file of the configuration, StoreUnavailable.
    """
    building = site.portfolio.buildings.get(subject)
    agency = subject if building is None else building.agency
    entered = stationery_entered(site.state, agency)
    template, seal = (memo_file(site.config.folder, agency, form) for form in ("docx", "png"))
    return Stationery(
        entered.template or (template_file(template) if template is not None else None),
        entered.seal or (read_seal(seal) if seal is not None else b""),
        entered.terms,
    )


PLAIN_STATIONERY = Stationery()


def paper_name(paper: Paper, form: str) -> str:
    """Return the file name of a paper in a format."""
    return f"{paper.subject_id}_{paper.period_slug}_{paper.kind}.{paper.lang}.{form}"


def render_paper(
    paper: Paper, form: str, browser: Browser | None = None, stationery: Stationery = PLAIN_STATIONERY
) -> bytes:
    """Render a paper in a format. PDF is printed by a browser, which is started where none is given; a memorandum of an
    agency's template by the office program, where the server has one. Raises InputError where that fails.
    """
    if paper.layout == "memo" and form == "docx":
        return memo_docx(paper, stationery.template, stationery.seal)
    if form not in {"html", "pdf"}:
        return WRITERS[form](paper)
    if paper.layout == "memo" and form == "pdf" and stationery.template is not None and (program := office_program()):
        return office_pdf(memo_docx(paper, stationery.template, stationery.seal), program)
    page = paper_html(paper, stationery.seal)
    if form == "html":
        return page
    if browser is not None:
        return browser.pdf(page)
    with Browser() as own_browser:
        return own_browser.pdf(page)
