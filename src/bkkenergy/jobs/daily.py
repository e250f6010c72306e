"""Yesterday's report of every agency, each morning, and at start when the morning was missed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.errors import BkkEnergyError
from bkkenergy.portfolio import Portfolio
from bkkenergy.reports.figures import Figures
from bkkenergy.reports.write import make_report, report_path, write_report
from bkkenergy.settings import ReportSettings, Settings
from bkkenergy.store import ReadingStore, open_store

log = structlog.get_logger(__name__)


def is_written(folder: Path, agency_id: str, period: Period, report: ReportSettings) -> bool:
    """Whether every file of an agency's report lies in its place."""
    return all(
        report_path(folder, agency_id, period, form, lang).exists()
        for form in report.formats
        for lang in report.languages
    )


def write_daily(settings: Settings, portfolio: Portfolio, figures: Figures, *, now: dt.datetime) -> int:
    """Write yesterday's report of each agency that has none yet; how many were written.

    One agency's fault does not stop the others: it is logged, and tried again the next time.
    """
    period = Period.day(now.astimezone(BANGKOK).date() - dt.timedelta(days=1))
    folder = settings.report.folder
    missing = [agency for agency in portfolio.agencies if not is_written(folder, agency, period, settings.report)]
    if not missing:
        return 0
    store = open_store(settings.store)
    try:
        return sum(_one(store, portfolio, settings, figures, agency, period, now) for agency in missing)
    finally:
        store.close()


def _one(
    store: ReadingStore,
    portfolio: Portfolio,
    settings: Settings,
    figures: Figures,
    agency: str,
    period: Period,
    now: dt.datetime,
) -> bool:
    try:
        report = make_report(store, portfolio, settings, figures, agency, period, now=now)
        write_report(report, period, settings.report.folder, settings.report.formats, settings.report.languages)
    except (BkkEnergyError, OSError, LookupError) as error:
        log.error("report_failed", agency=agency, period=period.slug, why=str(error))  # noqa: TRY400
        return False
    log.info("report_written", agency=agency, period=period.slug)
    return True


def schedule_daily(
    settings: Settings, portfolio: Portfolio, figures: Figures, *, clock: Callable[[], dt.datetime]
) -> BackgroundScheduler:
    """A running scheduler that writes the daily reports; shut it down to end it.

    APScheduler serves as a clock alone: each minute after `report.daily_at` it is read from the files
    that exist which reports are due, so what failed or was missed is tried again.
    """
    daily_at = dt.time.fromisoformat(settings.report.daily_at)

    def due() -> None:
        now = clock().astimezone(BANGKOK)
        if now.time() < daily_at:
            return
        try:
            write_daily(settings, portfolio, figures, now=now)
        except BkkEnergyError as error:
            log.error("daily_reports_failed", why=str(error))  # noqa: TRY400

    scheduler = BackgroundScheduler(timezone=BANGKOK, job_defaults={"misfire_grace_time": None, "coalesce": True})
    at_once = dt.datetime.now(BANGKOK)
    scheduler.add_job(due, IntervalTrigger(minutes=1, timezone=BANGKOK), id="daily-reports", next_run_time=at_once)
    scheduler.start()
    return scheduler
