"""Pages of work: the archive of reports, the plan, meters, jobs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

import structlog
from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup

from bkkenergy.adapters.state.outbox import messages
from bkkenergy.adapters.state.projects import project_of
from bkkenergy.adapters.state.runs import RUN_STATES, Artefact, RunQueue
from bkkenergy.adapters.state.standings import standings
from bkkenergy.calendar import Period
from bkkenergy.errors import InputError, NotThere
from bkkenergy.i18n import Lang
from bkkenergy.plan import PROJECT_STATES, Project, moves_from, roll_up
from bkkenergy.recipients import CITY, DOCUMENT_KINDS, ENERGY, DocumentKind
from bkkenergy.reports.papers.kinds import PAPER_FORMS, PaperForm
from bkkenergy.reports.plan.phrasing import way_text
from bkkenergy.reports.plan.progress import measured_projects, why_each
from bkkenergy.reports.savings.power import showable_projects
from bkkenergy.reports.savingwords import showable_text
from bkkenergy.site.open import open_archive
from bkkenergy.usecases.archived import archived_file, file_of_run
from bkkenergy.usecases.owndelivery import wants_monthly
from bkkenergy.usecases.plan import move_project
from bkkenergy.usecases.reruns import ask_again, ask_for_archive
from bkkenergy.usecases.standings import send_again
from bkkenergy.web.budgets import HEAVY_PAGE
from bkkenergy.web.paging import Offset, Rows
from bkkenergy.web.papers import (
    asked_file,
    asked_mail,
    file_response,
    period_asked,
)
from bkkenergy.web.render import chosen, options, page
from bkkenergy.web.security import OwnForm, PageVisitor, Visitor, whole_number

log = structlog.get_logger(__name__)
router = APIRouter(default_response_class=HTMLResponse)
MAX_ROWS = 200
MAX_WAITING = 50
KEPT_S = 600.0


def ledger_of(visitor: Visitor) -> RunQueue:
    """Return the ledger of runs."""
    return RunQueue(visitor.here.opened.state, "web")


def named(visitor: Visitor, agency: str) -> str:
    """Return the name of an agency, or of the city."""
    if agency == CITY:
        return visitor.words("report.city")
    known_agency = visitor.here.portfolio.agencies.get(agency)
    return visitor.words.either(th=known_agency.name_th, en=known_agency.name_en) if known_agency else agency


# -- reports -------------------------------------------------------------------------------------------------------


def _subjects(visitor: Visitor) -> Markup:
    """Return the choice of what a report is of: the visitor's agencies, each with its buildings behind it.

    It is the same text for all who see the same: a city of 1,000 buildings has as many lines.
    """
    portfolio, words = visitor.here.portfolio, visitor.words
    agencies = tuple(visitor.account.reachable(list(portfolio.agencies)))

    def lines() -> Iterator[tuple[str, str]]:
        for agency in agencies:
            yield agency, named(visitor, agency)
            for building in portfolio.buildings_of(agency):
                yield building.id, f"\N{EN DASH} {words.either(th=building.name_th, en=building.name_en)}"

    written: Markup = visitor.here.cached(("subjects", agencies, words.lang), KEPT_S, lambda: options(lines()))
    return written


@router.get("/reports")
def reports_page(visitor: PageVisitor, agency: str = "", kind: str = "", offset: Offset = 0) -> Response:
    """List the archive, some rows at a time: the newest revision of each period of the visitor's agencies."""
    ledger = ledger_of(visitor)
    agencies = visitor.account.reachable([*visitor.here.portfolio.agencies, CITY])
    if agency:
        visitor.need("see", agency)
    asked = [agency] if agency else own_agencies(visitor)
    runs, total = ledger.page(agencies=asked, state="done", kind=kind, newest_only=True, limit=MAX_ROWS, offset=offset)
    files = ledger.artefacts(runs)
    monthly_of = agency or (agencies[0] if len(agencies) == 1 else CITY if CITY in agencies else "")
    return page(
        visitor,
        "reports.html.j2",
        title=visitor.words("web.reports"),
        rows=[
            {"run": run, "name": named(visitor, run.agency), "files": _by_document(files[run.id], visitor.lang)}
            for run in runs
        ],
        shown=Rows(offset, len(runs), total, MAX_ROWS),
        agencies=[(agency, named(visitor, agency)) for agency in agencies],
        agency=agency,
        monthly_of=monthly_of,
        monthly_name=named(visitor, monthly_of) if monthly_of else "",
        is_monthly=bool(monthly_of) and wants_monthly(visitor.here.opened.state, visitor.actor, monthly_of),
        kind=kind,
        subjects=chosen(_subjects(visitor), agency),
        waiting=[
            (run.period.slug, named(visitor, run.agency))
            for state in ("due", "running")
            for run in ledger.runs(agencies=asked, state=state, limit=MAX_WAITING)
            if run.is_for_the_archive
        ],
        may_ask=[one for one in agencies if one != CITY and visitor.account.may("edit", one)],
        asked_kinds=DOCUMENT_KINDS,
        asked_forms=PAPER_FORMS,
        last_month=f"{visitor.here.today.replace(day=1) - dt.timedelta(days=1):%Y-%m}",
    )


def _by_document(files: Sequence[Artefact], lang: Lang) -> list[tuple[str, list[Artefact]]]:
    """Return a run's files by document, each form in the reader's language where it has that."""
    shown: dict[str, dict[str, Artefact]] = {}
    for file in files:
        forms = shown.setdefault(file.document, {})
        if file.form not in forms or file.lang == lang:
            forms[file.form] = file
    return [(document, list(forms.values())) for document, forms in shown.items()]


@router.get("/reports/made", dependencies=HEAVY_PAGE)
def report_made(
    visitor: PageVisitor, subject: str, period: str, kind: DocumentKind = ENERGY, form: PaperForm = "html"
) -> Response:
    """Make a report or a paper now, and show it (HTML) or return its file."""
    name, content = asked_file(visitor, kind, subject, period_asked(visitor, period.strip()), form)
    return file_response(name, content, form)


@router.get("/reports/mail", dependencies=HEAVY_PAGE)
def report_mail(visitor: PageVisitor, subject: str, period: str) -> Response:
    """Show the mail that a report would come by."""
    return asked_mail(visitor, subject, period_asked(visitor, period.strip()))


@router.post("/reports/ask")
def archive_asked(visitor: PageVisitor, form: OwnForm) -> Response:
    """Ask that an agency's month be archived as PDF and workbook."""
    here, agency = visitor.here, str(form.get("agency", ""))
    visitor.need("edit")
    if agency not in here.portfolio.agencies:
        raise NotThere
    try:
        period = Period.parse(str(form.get("month", "")).strip(), today=here.today)
    except (ValueError, OverflowError) as error:
        raise HTTPException(422, str(error)) from None
    ask_for_archive(here.opened.state, visitor.actor, agency, period, here.clock())
    return RedirectResponse(f"/reports?agency={agency}&kind={period.kind}", 303)


@router.get("/reports/file/{path:path}")
def report_file(path: str, visitor: PageVisitor) -> Response:
    """Return a file of the archive, as the ledger names it; nothing else of the disk."""
    visitor.need("see", path.partition("/")[0])
    file = file_of_run(visitor.here.opened.state, path)
    content = archived_file(open_archive(visitor.here.settings), file)
    return file_response(path.rpartition("/")[2], content, file.form, shown_forms=("html", "pdf"))


# -- plan ----------------------------------------------------------------------------------------------------------


@router.get("/plan")
def plan_page(visitor: PageVisitor) -> Response:
    """Show projects as a board, a column a state, with what is measured."""
    here = visitor.here
    site = here.site
    visible = [project for project in site.projects if visitor.account.reaches(project.agency)]
    measured = here.cached(
        ("measured", here.today, hash(site.projects)),
        KEPT_S,
        lambda: measured_projects(site, site.projects, here.today),
    )
    unmeasured = here.cached(
        ("unmeasured", here.today, hash(site.projects)),
        KEPT_S,
        lambda: why_each(site, [project for project in site.projects if project.id not in measured], here.today),
    )
    key = ("showable", here.today, hash(site.projects))
    showable = here.cached(key, KEPT_S, lambda: showable_projects(site, site.projects, here.today))
    return page(
        visitor,
        "plan.html.j2",
        title=visitor.words("web.plan"),
        showable={name: showable_text(known, visitor.words) for name, known in showable.items()},
        columns=[(state, [project for project in visible if project.state == state]) for state in PROJECT_STATES],
        measured=measured,
        ways={
            project.id: way_text(measured[project.id], visitor.words) for project in visible if project.id in measured
        },
        unmeasured={name: why.said(visitor.words.lang) for name, why in unmeasured.items()},
        plan=site.plan,
        total=next(iter(roll_up(visible, measured, lambda _: "")), None),
        agency_name=lambda agency: named(visitor, agency),
        may=lambda agency: visitor.account.may("plan", agency),
        moves_from=moves_from,
    )


def seen_project(visitor: Visitor, project_id: str) -> Project:
    """Return a project that the visitor may see; any other is not there."""
    try:
        project = project_of(visitor.here.opened.state, project_id)
    except InputError:
        raise NotThere from None
    visitor.need("see", project.agency)
    return project


@router.post("/plan/{project_id}/move")
def move(project_id: str, visitor: PageVisitor, form: OwnForm) -> Response:
    """Take a project to another state."""
    here = visitor.here
    seen_project(visitor, project_id)
    state = str(form.get("state", ""))
    if state not in PROJECT_STATES:
        raise HTTPException(422, "no such state")
    note = str(form.get("note", ""))[:500]
    move_project(here.opened.state, visitor.actor, project_id, state, here.today, note, here.clock())
    return RedirectResponse("/plan", 303)


# -- jobs ----------------------------------------------------------------------------------------------------------


def own_agencies(visitor: Visitor) -> list[str] | None:
    """Return the agencies with runs that are the visitor's matter; None for all of them, and the city."""
    return None if visitor.account.sees_all else visitor.account.reachable(visitor.here.portfolio.agencies)


@router.get("/jobs")
def jobs_page(visitor: PageVisitor, state: str = "", offset: Offset = 0) -> Response:
    """Show the ledger of runs some rows at a time, and the outbox."""
    visitor.need("operate")
    ledger, agencies = ledger_of(visitor), own_agencies(visitor)
    chosen = state if state in RUN_STATES else None
    runs, total = ledger.page(agencies=agencies, state=chosen, limit=MAX_ROWS, offset=offset)
    return page(
        visitor,
        "jobs.html.j2",
        title=visitor.words("web.jobs"),
        runs=runs,
        shown=Rows(offset, len(runs), total, MAX_ROWS),
        counts=ledger.counts(agencies),
        state=state,
        states=RUN_STATES,
        messages=messages(visitor.here.opened.state, limit=50) if visitor.account.may("serve") else [],
        standings=standings(visitor.here.opened.state) if visitor.account.may("serve") else [],
        agency_name=lambda agency: named(visitor, agency),
    )


@router.post("/jobs/recipients/{number}/again")
def recipient_again(number: int, visitor: PageVisitor, _form: OwnForm) -> Response:
    """Send again to an address that refused, or was unsubscribed."""
    send_again(visitor.here.opened.state, visitor.actor, number, visitor.here.clock())
    return RedirectResponse("/jobs", 303)


@router.post("/jobs/retry")
def retry(visitor: PageVisitor, form: OwnForm) -> Response:
    """Put a run at the head again, or make a new revision of one that is done."""
    number = whole_number(form.get("run"))
    ask_again(visitor.here.opened.state, visitor.actor, -1 if number is None else number, visitor.here.clock())
    return RedirectResponse("/jobs", 303)
