"""One run from its claim to its closed line: content, files, archive, messages."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from bkkenergy.adapters.state import StateTransaction
from bkkenergy.adapters.state.alerts import reconcile
from bkkenergy.adapters.state.runs import Artefact, LeaseLost, Run, RunQueue
from bkkenergy.calendar import Period
from bkkenergy.errors import InputError, UnavailableError
from bkkenergy.i18n import Lang
from bkkenergy.jobs.alerts import finding_alarms
from bkkenergy.jobs.papers import PapersOfRun, picture_langs
from bkkenergy.jobs.post import mailed_formats, mailed_langs, post_report
from bkkenergy.jobs.schedule import backoff_s, entry_of
from bkkenergy.recipients import CITY, ENERGY, PICTURE
from bkkenergy.reports.content import AgencyReport, LateChange
from bkkenergy.reports.gather import Coverage
from bkkenergy.reports.render import RENDERERS
from bkkenergy.reports.render.browser import Browser, installed_browser
from bkkenergy.reports.render.json import read_json
from bkkenergy.reports.savings.comparing import SharedPools
from bkkenergy.reports.write import make_city_report, make_report, rendered, report_name
from bkkenergy.settings import Settings
from bkkenergy.site import Clock, Site
from bkkenergy.usecases.archived import archived_file, folder_of, written

log = structlog.get_logger(__name__)

Figures = Mapping[str, Coverage]
"""Coverage of the whole and of each building, by name."""
NOTHING = Coverage(None, 0.0)
TOTAL = ""
"""Under which the whole stands among a run's figures."""
RENEWALS_PER_LEASE = 3
OF_MONTHS = frozenset({"month", "quarter", "fiscal_year"})
LASTING = ("pdf", "xlsx")
"""What lasts in an archive: a month's report is opened for years."""
MAX_TRIES_OF_GONE = 2
"""Of an agency that the portfolio does not have: the second try comes when every process has read the newest one."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """Everything that a run needs: the site, the queue that it was claimed from, and a browser to print with.

    pools : of buildings to compare with, for all runs of this context.
    """

    site: Site
    queue: RunQueue
    browser: Browser
    pools: SharedPools = field(default_factory=SharedPools)

    @property
    def settings(self) -> Settings:
        """Return the site's settings."""
        return self.site.settings

    @property
    def clock(self) -> Clock:
        """Return the site's clock."""
        return self.site.clock


def work(context: RunContext, run: Run) -> bool:
    """Run one claimed run; return whether it was closed. Whatever goes wrong is noted in the ledger, and tried again
    later.
    """
    try:
        with _renewed_lease(context, run):
            report = _content(context, run)
            _archived(context, run, report)
    except LeaseLost:
        log.warning("run_taken_over", agency=run.agency, period=run.period.slug, revision=run.revision)
        return False
    except Exception as error:  # noqa: BLE001 - one agency's fault must not stop the others
        _failed(context, run, error)
        return False
    log.info("report_archived", agency=run.agency, period=run.period.slug, revision=run.revision)
    return True


def figures_of(report: AgencyReport) -> Figures:
    """Return energy and coverage of the whole and of each building: what late data are seen by."""
    uses = {TOTAL: report.total, **{building.id: building.use for building in report.buildings}}
    return {name: Coverage(use.energy_kwh, use.coverage_ratio) for name, use in uses.items()}


def changes_between(before: Mapping[str, Sequence[Any]], after: Figures, min_ratio: float) -> tuple[LateChange, ...]:
    """List what differs by more than a share of the energy, or of the intervals; the whole first."""
    changes = []
    for name, now in after.items():
        was = Coverage(*before.get(name, NOTHING))
        moved_kwh = abs((now.energy_kwh or 0.0) - (was.energy_kwh or 0.0))
        is_changed = moved_kwh > min_ratio * max(abs(now.energy_kwh or 0.0), abs(was.energy_kwh or 0.0))
        if is_changed or abs(now.coverage_ratio - was.coverage_ratio) > min_ratio:
            changes.append(LateChange(name, was.energy_kwh, now.energy_kwh, was.coverage_ratio, now.coverage_ratio))
    return tuple(changes)


def _content(context: RunContext, run: Run) -> AgencyReport:
    now = context.clock()
    before = next(
        (revision for revision in _revisions(context, run.agency, run.period) if revision.revision < run.revision), None
    )
    if run.agency == CITY:
        report = make_city_report(context.site, _agencies_reports(context, run), now=now)
    else:
        pool = context.pools.of(context.site, run.period)
        report = make_report(context.site, run.agency, run.period, now=now, issued=_issued(context, before), pool=pool)
    if run.revision == 1:
        return report
    ratio = context.settings.jobs.late_change_ratio
    changes = changes_between((before.figures or {}) if before else {}, figures_of(report), ratio)
    return replace(report, revision=run.revision, changes=changes)


def _revisions(context: RunContext, agency: str, period: Period) -> list[Run]:
    """List the archived revisions of a period, the newest first."""
    return context.queue.runs(agency=agency, period=period, state="done")


def _agencies_reports(context: RunContext, run: Run) -> list[AgencyReport]:
    """Read the newest archived report of each agency of the period."""
    newest = [
        revision
        for agency in context.site.portfolio.agencies
        for revision in _revisions(context, agency, run.period)[:1]
    ]
    reports = _reports_of(context, newest)
    if not reports:
        raise InputError.of("no_reports_yet", period=run.period)
    return reports


def _issued(context: RunContext, before: Run | None) -> AgencyReport | None:
    """Read the revision before, whose emission factors a later one has; None where there is none to read."""
    try:
        return next(iter(_reports_of(context, [before])), None) if before else None
    except (InputError, UnavailableError) as error:
        log.warning("revision_unreadable", error=str(error))
        return None


def _reports_of(context: RunContext, runs: Sequence[Run]) -> list[AgencyReport]:
    """Read the archived reports of runs."""
    files = [file for artefacts in context.queue.artefacts(runs).values() for file in artefacts]
    return [
        read_json(archived_file(context.site.archive, file))
        for file in files
        if file.form == "json" and file.document == ENERGY
    ]


def formats_of(settings: Settings, run: Run) -> tuple[tuple[str, ...], tuple[Lang, ...]]:
    """Return a run's formats and languages; JSON always, since the city's report is made from it, PDF where it is
    mailed. A month and what is longer is archived as workbook, and as PDF where a browser is installed, too.
    """
    entry = entry_of(settings.jobs.schedule, run.kind, run.agency)
    formats = (entry and entry.formats) or (*settings.report.formats, *(LASTING if run.kind in OF_MONTHS else ()))
    if not (entry and entry.formats) and "pdf" not in settings.report.formats and installed_browser() is None:
        formats = tuple(form for form in formats if form != "pdf")
    langs = (entry and entry.languages) or settings.report.languages
    mailed = mailed_formats(settings, run)
    langs = tuple(dict.fromkeys((*langs, *mailed_langs(settings, run))))
    return tuple(dict.fromkeys((*formats, *mailed, "json"))), langs


def _archived(context: RunContext, run: Run, report: AgencyReport) -> None:
    delivery = context.site.delivery
    formats, langs = formats_of(delivery, run)
    papers = PapersOfRun(context.site, delivery, run, context.browser)
    draft, files = context.site.archive.draft(folder_of(run)), list[Artefact]()
    try:
        for form, lang, content in rendered(report, formats, langs, context.browser):
            name = report_name(run.agency, run.period.slug, form, lang)
            files.append(written(draft, name, form, lang, content))
        for lang in picture_langs(delivery, run):
            picture = context.browser.page_picture(RENDERERS["html"](report, lang))
            name = report_name(run.agency, run.period.slug, PICTURE, lang)
            files.append(written(draft, name, PICTURE, lang, picture))
        for paper in papers.files(report, langs):
            files.append(written(draft, paper.name, paper.form, paper.lang, paper.content, document=paper.document))

        def publish(connection: StateTransaction) -> None:
            draft.publish()
            post_report(connection, delivery, run, report, files, context.clock())
            _follow_up(context, run, report)

        context.queue.finish(
            run,
            context.clock(),
            artefacts=files,
            figures=figures_of(report),
            publish=publish,
            without="; ".join(papers.faults),
        )
    finally:
        draft.drop()


def _follow_up(context: RunContext, run: Run, report: AgencyReport) -> None:
    """Enter what an agency's run entails, in the transaction that closes it: a process may die at any statement.

    That is alerts of its findings, and a new report of the city where that was begun before. Until the agency's run is
    closed no process can begin the city's: one that has begun by then is without it. Afterwards another process may
    have begun the city's with it.
    """
    if run.agency == CITY:
        return
    if run.kind == "day":
        alarms = finding_alarms(report, context.site.portfolio, context.settings.alerts.finding_thb)
        reconcile(context.queue.engine, alarms, context.clock(), kinds={"finding"}, agency=run.agency)
    city = next(iter(context.queue.runs(agency=CITY, period=run.period)), None)
    if city is not None and city.state in {"running", "done"}:
        context.queue.again(city, f"{run.agency} r{run.revision}", context.clock())


def _failed(context: RunContext, run: Run, error: Exception) -> None:
    """Mark a run to be tried again: without end where a server is unreachable, else a number of times."""
    jobs, now = context.settings.jobs, context.clock()
    max_tries = min(jobs.max_tries, MAX_TRIES_OF_GONE) if _is_gone(context, run) else jobs.max_tries
    is_last = run.tries >= max_tries and not isinstance(error, UnavailableError)
    wait_s = backoff_s(run.tries, jobs.retry_first_s, jobs.retry_max_s)
    retry_at = None if is_last else now + dt.timedelta(seconds=wait_s)
    log.error(
        "report_failed", agency=run.agency, period=run.period.slug, tries=run.tries, is_last=is_last, why=str(error),
        exc_info=not isinstance(error, UnavailableError | InputError),
    )  # fmt: skip
    context.queue.fail(run, now, f"{type(error).__name__}: {error}", retry_at=retry_at)


def _is_gone(context: RunContext, run: Run) -> bool:
    """Return whether the portfolio of a run's period has no such agency: no further try can make its report."""
    if run.agency == CITY:
        return False
    return run.agency not in context.site.on(run.period.last_day).portfolio.agencies


@contextmanager
def _renewed_lease(context: RunContext, run: Run) -> Iterator[None]:
    """Keep the run, and the lead where this process has it, while it is worked on, however long that takes."""
    lease_s, over = context.settings.jobs.lease_s, threading.Event()

    def keep() -> None:
        while not over.wait(lease_s / RENEWALS_PER_LEASE):
            try:
                context.queue.keep_lead(context.clock(), lease_s)
                context.queue.renew(run, context.clock(), lease_s)
            except UnavailableError as error:
                log.warning("lease_not_renewed", why=str(error))

    thread = threading.Thread(target=keep, name="lease-keeper", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
