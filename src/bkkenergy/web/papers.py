"""Reports and papers that a visitor asks for: made now, from an agency or a building that the visitor may see.

A PDF is printed by a browser on the server. Requests for what is made here take turns (`budgets`).
"""

from __future__ import annotations

from fastapi import HTTPException
from fastapi.responses import Response

from bkkenergy.calendar import Period
from bkkenergy.errors import InputError
from bkkenergy.recipients import ENERGY, PICTURE, DocumentKind
from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.papers.kinds import (
    PLAIN_STATIONERY,
    PaperForm,
    forms_of,
    make_paper,
    paper_name,
    render_paper,
    stationery_of,
    subject_report,
)
from bkkenergy.reports.papers.model import Paper
from bkkenergy.reports.render import HAS_LANGUAGE, RENDERERS
from bkkenergy.reports.render.mail import report_message
from bkkenergy.reports.write import report_name
from bkkenergy.web.context import AppContext
from bkkenergy.web.security import REPORT_POLICY, Visitor

MEDIA = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    PICTURE: "image/png",
}
KEPT_S = 600.0
MAX_DAYS = 366


def period_asked(visitor: Visitor, text: str) -> Period:
    """Return a period that a visitor wrote. Raises 422 where it is none, is too long, or has not begun."""
    try:
        period = Period.parse(text, today=visitor.here.today)
    except (ValueError, OverflowError) as error:
        raise HTTPException(422, str(error)) from None
    if len(period.dates) > MAX_DAYS:
        raise HTTPException(422, visitor.words("error.paper_too_long", days=MAX_DAYS))
    if period.first_day > visitor.here.today:
        raise HTTPException(422, visitor.words("error.paper_ahead"))
    return period


def file_response(name: str, content: bytes, form: str, *, shown_forms: tuple[str, ...] = ("html",)) -> Response:
    """Return a document: some forms are shown, HTML with no rights but its own; the others are files to be stored."""
    shown = "inline" if form in shown_forms else "attachment"
    headers = {"Content-Disposition": f'{shown}; filename="{name}"'}
    if form == "html":
        headers["Content-Security-Policy"] = REPORT_POLICY
    return Response(content, media_type=MEDIA[form], headers=headers)


def paper_response(paper: Paper, form: PaperForm) -> Response:
    """Return a paper in a format."""
    return file_response(paper_name(paper, form), render_paper(paper, form), form)


def need_subject(visitor: Visitor, subject: str) -> None:
    """Raise 404 for what is neither an agency nor a building that the visitor may see."""
    portfolio = visitor.here.portfolio
    building = portfolio.buildings.get(subject)
    agency = subject if building is None else building.agency
    if agency not in portfolio.agencies:
        raise HTTPException(404, "not found")
    visitor.need("see", agency)


def asked_mail(visitor: Visitor, subject: str, period: Period) -> Response:
    """Return the mail of a report as a page. Raises 422 for what cannot be made."""
    need_subject(visitor, subject)
    try:
        report = _asked_report(visitor.here, subject, period)
    except InputError as why:
        raise HTTPException(422, why.said(visitor.lang)) from None
    _, _, html = report_message(report, visitor.words)
    return file_response(f"{subject}_{period.slug}_mail.html", html.encode(), "html")


def _asked_report(here: AppContext, subject: str, period: Period) -> AgencyReport:
    report: AgencyReport = here.cached(
        ("asked report", subject, period, here.today),
        KEPT_S,
        lambda: subject_report(here.opened, subject, period, now=here.clock()),
    )
    return report


def asked_file(
    visitor: Visitor, kind: DocumentKind, subject: str, period: Period, form: PaperForm
) -> tuple[str, bytes]:
    """Return the name and the bytes of what was asked for. Raises 422 for what cannot be made."""
    here, words = visitor.here, visitor.words
    need_subject(visitor, subject)
    if form not in (RENDERERS if kind == ENERGY else forms_of(kind)):
        raise HTTPException(422, words("error.paper_form", form=form, kind=kind))
    try:
        report = _asked_report(here, subject, period)
        if kind == ENERGY:
            lang = visitor.lang if form in HAS_LANGUAGE else "th"
            return report_name(subject, period.slug, form, lang), RENDERERS[form](report, visitor.lang)
        stationery = stationery_of(here.opened, subject) if kind == "memo" else PLAIN_STATIONERY
        paper = make_paper(
            here.opened, kind, report, period, visitor.lang, now=here.clock(),
            fields=stationery.terms.fields, thai_digits=stationery.terms.thai_digits,
        )  # fmt: skip
        return paper_name(paper, form), render_paper(paper, form, None, stationery)
    except InputError as why:
        raise HTTPException(422, why.said(visitor.lang)) from None
