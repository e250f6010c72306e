"""The scheduler: one leader at a time enters what is due, works it off, looks at late data and alerts, and sends."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import Engine

from bkkenergy.adapters.archive import sweep
from bkkenergy.adapters.state.runs import Run, RunQueue
from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import BkkEnergyError
from bkkenergy.jobs.alerts import PeakWatch, look, tell
from bkkenergy.jobs.late import look_for_late_data
from bkkenergy.jobs.post import send_waiting
from bkkenergy.jobs.runner import Desk, work
from bkkenergy.jobs.schedule import wanted
from bkkenergy.reports.render.browser import Browser
from bkkenergy.reports.savings.gather import SavingsSite
from bkkenergy.settings import Settings
from bkkenergy.usecases.purge import DeletionWaits, purge
from bkkenergy.usecases.recompute import recompute
from bkkenergy.usecases.worker import Worker, own_name

log = structlog.get_logger(__name__)

SiteOpener = Callable[[], AbstractContextManager[SavingsSite]]
LATE_EVERY = dt.timedelta(hours=1)
LEDGER_EVERY_S = 2
TURNED = "jobs.turned"
"""A file beside the state, touched when the schedule was looked at without a fault. Health checks ask for its age."""


@dataclass
class Jobs:
    """The scheduler's parts. `tick` does all that is due; it is called by the clock, by a command, or by a test."""

    open_site: SiteOpener
    open_worker: Callable[[], AbstractContextManager[Worker]]
    engine: Engine
    settings: Settings
    clock: Callable[[], dt.datetime]
    ledger: RunQueue = field(init=False)
    _peaks: PeakWatch = field(default_factory=PeakWatch)
    _late_after: dt.datetime | None = None
    _alerts_after: dt.datetime | None = None
    _purge_after: dt.datetime | None = None

    def __post_init__(self) -> None:
        self.ledger = RunQueue(self.engine, own_name())

    def tick(self) -> int:
        """Everything that is due now, where this process has the lead; how many reports were archived."""
        if not self.ledger.lead(self.clock(), self.settings.jobs.lease_s):
            self._turned()
            return 0
        with self.open_site() as site, Browser() as browser:
            desk = Desk(site, self.ledger, self.clock, browser)
            self._enter(site)
            done = self.work_off(desk)
            if self._is_time("_late_after", LATE_EVERY) and look_for_late_data(desk):
                done += self.work_off(desk)
            if self._is_time("_alerts_after", dt.timedelta(minutes=self.settings.alerts.every_min)):
                look(site, self.engine, self._peaks, self.clock())
            tell(self.engine, self.settings, site.portfolio, self.clock())
            if self._is_time("_purge_after", dt.timedelta(days=1)):
                self._purge()
        self._send()
        self._turned()
        return done

    def _turned(self) -> None:
        path = self.settings.state.path.with_name(TURNED)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    def work_off(self, desk: Desk, *, told: Callable[[Run, bool], None] | None = None) -> int:
        """Claim and do runs until none is due; how many were archived. told : hears of each."""
        done = 0
        sweep(desk.archive, self.ledger.runs(state="running"))
        while (run := self.ledger.claim(self.clock(), self.settings.jobs.lease_s)) is not None:
            is_done = work(desk, run)
            done += is_done
            if told:
                told(run, is_done)
            self._send()
            self._turned()  # a city's reports take longer than a health check waits
        return done

    def bring_up(self) -> int:
        """Compute the ledger's marked days; how many meters. A store that cannot be reached is logged.

        Any replica may: they deal the meters out among themselves.
        """
        try:
            with self.open_worker() as worker:
                return recompute(worker).meters
        except BkkEnergyError as error:
            log.error("ledger_not_computed", why=str(error))  # noqa: TRY400
            return 0

    def _purge(self) -> None:
        today = self.clock().astimezone(BANGKOK).date()
        try:
            with self.open_worker() as worker:
                done = purge(worker, today=today)
        except DeletionWaits as waits:
            log.warning("readings_wait_for_a_person", why=str(waits))
            return
        except BkkEnergyError as error:
            log.error("readings_not_purged", why=str(error))  # noqa: TRY400
            return
        if done is None:
            return
        if done.deleted:
            log.info("readings_purged", cut=done.cut.isoformat(), days=done.days, deleted=done.deleted)
        for meter, count in done.held.items():
            log.error("readings_not_deleted", meter=meter, readings=count, why="the ledger was not computed from them")

    def _enter(self, site: SavingsSite) -> None:
        jobs = self.settings.jobs
        newest = self.ledger.newest_first_days()
        due = wanted(jobs.schedule, list(site.portfolio.agencies), newest, self.clock(), jobs.catch_up_periods)
        if new := self.ledger.plan(due):
            log.info("runs_entered", runs=new)

    def _is_time(self, name: str, every: dt.timedelta) -> bool:
        now, after = self.clock(), getattr(self, name)
        if after is not None and now < after:
            return False
        setattr(self, name, now + every)
        return True

    def _send(self) -> None:
        try:
            send_waiting(self.engine, self.settings, self.clock())
        except BkkEnergyError as error:
            log.error("outbox_not_read", why=str(error))  # noqa: TRY400


def start(jobs: Jobs) -> BackgroundScheduler:
    """A running scheduler; shut it down to end it.

    APScheduler serves as a clock alone: what is due is read from the schedule and the ledger, so what failed or was
    missed comes again.
    """

    def tick() -> None:
        try:
            jobs.tick()
        except BkkEnergyError as error:
            log.error("jobs_tick_failed", why=str(error))  # noqa: TRY400

    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a long tick skips the next ones, and that is meant
    scheduler = BackgroundScheduler(timezone=BANGKOK, job_defaults={"misfire_grace_time": None, "coalesce": True})
    every = IntervalTrigger(seconds=max(1, int(jobs.settings.jobs.tick_s)), timezone=BANGKOK)
    scheduler.add_job(tick, every, id="reports", next_run_time=dt.datetime.now(BANGKOK))
    often = IntervalTrigger(seconds=LEDGER_EVERY_S, timezone=BANGKOK)
    scheduler.add_job(jobs.bring_up, often, id="ledger", next_run_time=dt.datetime.now(BANGKOK))
    scheduler.start()
    return scheduler
