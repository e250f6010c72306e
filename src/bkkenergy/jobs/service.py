"""The scheduler: every process works off runs; one at a time leads, and decides which are due and what is an alert."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from bkkenergy.access import server_actor
from bkkenergy.adapters.files import make_file
from bkkenergy.adapters.state.auditlog import has_seal, seal_lines
from bkkenergy.adapters.state.runs import Run, RunQueue
from bkkenergy.adapters.work import Task, doing
from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import BkkEnergyError
from bkkenergy.jobs.alerts import PeakWatch, detect_alerts, is_quiet, send_digest
from bkkenergy.jobs.bounces import look_for_bounces
from bkkenergy.jobs.late import look_for_late_data
from bkkenergy.jobs.logserver import send_audit_lines
from bkkenergy.jobs.post import send_waiting
from bkkenergy.jobs.runner import RunContext, work
from bkkenergy.jobs.schedule import due_runs
from bkkenergy.portfolio import Portfolio
from bkkenergy.reports.render.browser import Browser
from bkkenergy.reports.savings.fitting import propose_baselines
from bkkenergy.settings import Settings
from bkkenergy.site import Clock, Site
from bkkenergy.site.folder import last_seal_file, scheduler_mark
from bkkenergy.site.follower import Follower
from bkkenergy.site.lastseal import note_seal, noted_seal
from bkkenergy.usecases.archived import folder_of
from bkkenergy.usecases.findingmessages import remind_owners
from bkkenergy.usecases.follow import follow_configuration
from bkkenergy.usecases.purge import DeletionWaits
from bkkenergy.usecases.recompute import recompute
from bkkenergy.usecases.server import purge_readings
from bkkenergy.usecases.uptodate import up_to_date

log = structlog.get_logger(__name__)

LATE_EVERY = dt.timedelta(hours=1)
OWNERS_EVERY = dt.timedelta(minutes=10)
BOUNCES_EVERY = dt.timedelta(minutes=10)
SEAL_EVERY = dt.timedelta(minutes=10)
SEND_EVERY = dt.timedelta(minutes=1)
BASELINES_EVERY = dt.timedelta(hours=6)
LEDGER_EVERY_S = 2
CONFIGURATION_EVERY = dt.timedelta(minutes=1)
SCHEDULER = server_actor("scheduler")
"""Who does what is due by the clock."""


@dataclass
class Jobs:
    """The scheduler's parts. `tick` does all that is due; it is called by the clock, by a command, or by a test.

    site : open, with energy that is computed before it is read.
    """

    site: Site
    queue: RunQueue = field(init=False)
    follower: Follower = field(init=False)
    _peaks: PeakWatch = field(default_factory=PeakWatch)
    _after: dict[str, dt.datetime] = field(default_factory=dict)
    _followed: Portfolio | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.queue = RunQueue(self.site.state, self.site.name)
        self.follower = Follower(self.site.config, self.site.clock, self.site.state)

    @property
    def settings(self) -> Settings:
        """Return the site's settings."""
        return self.site.settings

    @property
    def clock(self) -> Clock:
        """Return the site's clock."""
        return self.site.clock

    def stop(self) -> None:
        """Claim nothing more: what is at hand is finished, and the rest is left to other processes."""
        self._stopping.set()

    def tick(self) -> int:
        """Do everything that is due now; return how many reports were archived.

        Every process works off runs and sends messages. What is decided for all is decided by the one that has the
        lead: which runs are due, late data, alerts, purge.
        """
        is_leading = self._is_leading()
        self.follow()
        site = self.site.refreshed()
        with Browser() as browser:
            context = RunContext(site, self.queue, browser)
            if is_leading:
                self._enter(site)
            done = self.work_off(context)
            if is_leading and self._is_leading():
                done += self._lead(context)
        self._send()
        self._turned()
        return done

    def _is_leading(self) -> bool:
        return self.queue.lead(self.clock(), self.settings.jobs.lease_s)

    def _lead(self, context: RunContext) -> int:
        """Run what one process does for all, when its time has come; return how many reports were archived."""
        site, done = context.site, 0
        if self._is_time("late", LATE_EVERY) and look_for_late_data(context):
            done = self.work_off(context)
        if self._is_time("alerts", dt.timedelta(minutes=self.settings.alerts.every_min)):
            detect_alerts(site, site.state, self._peaks, self.clock())
        send_digest(site.state, site.delivery, site.portfolio, self.clock())
        if self._is_time("owners", OWNERS_EVERY) and not is_quiet(self.settings.alerts, self.clock()):
            remind_owners(site.state, site.portfolio, self.clock())
        if self._is_time("bounces", BOUNCES_EVERY):
            look_for_bounces(site.state, site.delivery, self.clock)
        if self._is_time("purge", dt.timedelta(days=1)):
            self._purge()
        if self._is_time("audit", SEAL_EVERY):
            self._seal()
        if self._is_time("log server", SEND_EVERY):
            send_audit_lines(site.state, self.settings.log_server, self.clock())
        if self._is_time("baselines", BASELINES_EVERY):
            self._propose_baselines(site)
        return done

    def _turned(self) -> None:
        path = scheduler_mark(self.settings)
        make_file(path)
        path.touch()

    def work_off(self, context: RunContext, *, on_run: Callable[[Run, bool], None] | None = None) -> int:
        """Claim and do runs until there is none left to claim, or it is to stop; return how many were archived.

        on_run : called after each with its outcome. Runs that another process is at are left to it, and so is the
        city's when the last agency's is with another.
        """
        done = 0
        context.site.archive.sweep(lambda: map(folder_of, self.queue.runs(state="running")))
        while not self._stopping.is_set():
            run = self.queue.claim(self.clock(), self.settings.jobs.lease_s)
            if run is None:
                break
            with doing(Task.REPORT, agency=run.agency, period=run.period.slug, revision=run.revision) as task:
                is_done = work(context, run)
                if not is_done:
                    task.fail()
            done += is_done
            if on_run:
                on_run(run, is_done)
            self._send()
            self._turned()  # a city's reports take longer than a health check waits
        return done

    def bring_up(self) -> int:
        """Compute the ledger's marked days; how many meters. A store that cannot be reached is logged.

        Any replica may: they deal the meters out among themselves.
        """
        with doing(Task.LEDGER) as task:
            try:
                self.follow()
                self._follow_configuration()
                return recompute(self.site, is_over=self._stopping.is_set).meters
            except BkkEnergyError as error:
                task.fail()
                log.error("ledger_not_computed", why=str(error))  # noqa: TRY400
                return 0

    def _follow_configuration(self) -> None:
        """Bring the ledger to another configuration at once; look from time to time whether all of it has this one."""
        portfolio = self.site.portfolio
        if self._is_time("configuration", CONFIGURATION_EVERY) or portfolio is not self._followed:
            follow_configuration(self.site)
            self._followed = portfolio

    def follow(self) -> None:
        """Go on with the portfolio's newest revision, and with that of today. Raises StoreUnavailable."""
        if (config := self.follower.look()) is not None:
            self.site = up_to_date(self.site.with_config(config))

    def _seal(self) -> None:
        """Seal the audit log, and say so where the lines are not: in the service's own log, and in the data folder."""
        try:
            is_cut = not has_seal(self.site.state, noted_seal(self.settings))
            if is_cut:
                log.error("audit_cut_off", file=str(last_seal_file(self.settings)))
            for seal in seal_lines(self.site.state, self.clock()):
                log.info(
                    "audit_sealed", seal=seal.number, last_line=seal.last_line, lines=seal.lines, digest=seal.digest
                )
                if not is_cut:
                    note_seal(self.settings, seal)
        except (BkkEnergyError, OSError) as error:
            log.error("audit_not_sealed", why=str(error))  # noqa: TRY400

    def _purge(self) -> None:
        try:
            done = purge_readings(self.site, SCHEDULER, today=self.site.today)
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
        for meter, count in done.undeleted.items():
            log.error("readings_not_deleted", meter=meter, readings=count, why="the ledger was not computed from them")

    def _propose_baselines(self, site: Site) -> None:
        try:
            fitted = propose_baselines(site, SCHEDULER, list(site.portfolio.buildings.values()))
        except BkkEnergyError as error:
            log.error("baselines_not_fitted", why=str(error))  # noqa: TRY400
            return
        for one in fitted:
            log.info("baseline_fitted", building=one.building, state=one.state, reason=one.reason)

    def _enter(self, site: Site) -> None:
        jobs = self.settings.jobs
        newest = self.queue.newest_first_days()
        due = due_runs(jobs.schedule, list(site.portfolio.agencies), newest, self.clock(), jobs.catch_up_periods)
        if new := self.queue.plan(due):
            log.info("runs_entered", runs=new)

    def _is_time(self, name: str, every: dt.timedelta) -> bool:
        now = self.clock()
        if now < self._after.get(name, now):
            return False
        self._after[name] = now + every
        return True

    def _send(self) -> None:
        try:
            send_waiting(self.site.state, self.site.delivery, self.clock())
        except BkkEnergyError as error:
            log.error("outbox_not_read", why=str(error))  # noqa: TRY400


def start(jobs: Jobs) -> BackgroundScheduler:
    """Start a scheduler; shut it down to end it. Raises ConfigError where the archive has no key, or no library.

    APScheduler serves as a clock alone: what is due is read from the schedule and the ledger, so what failed or was
    missed comes again.
    """

    def tick() -> None:
        try:
            with doing(Task.SCHEDULE):
                jobs.tick()
        except BkkEnergyError as error:
            log.error("jobs_tick_failed", why=str(error))  # noqa: TRY400

    _ = jobs.site.archive
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a long tick skips the next ones, and that is meant
    scheduler = BackgroundScheduler(timezone=BANGKOK, job_defaults={"misfire_grace_time": None, "coalesce": True})
    every = IntervalTrigger(seconds=max(1, int(jobs.settings.jobs.tick_s)), timezone=BANGKOK)
    scheduler.add_job(tick, every, id="reports", next_run_time=dt.datetime.now(BANGKOK))
    often = IntervalTrigger(seconds=LEDGER_EVERY_S, timezone=BANGKOK)
    scheduler.add_job(jobs.bring_up, often, id="ledger", next_run_time=dt.datetime.now(BANGKOK))
    scheduler.start()
    return scheduler
