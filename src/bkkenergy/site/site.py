"""One site as a process has it open: its configuration, readings, energy ledger and state, with a clock."""

from __future__ import annotations

import datetime as dt
import os
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

import structlog

from bkkenergy.adapters.state import StateStore, open_state, reading
from bkkenergy.adapters.state.dismissals import dismissals
from bkkenergy.adapters.state.owndelivery import own_recipients, wishes
from bkkenergy.adapters.state.projects import plan_records as read_plan
from bkkenergy.calendar import BANGKOK
from bkkenergy.plan import ActionPlan, Project, newest
from bkkenergy.portfolio import Portfolio, Records
from bkkenergy.ports.ledger import EnergyLedger, LedgerReader
from bkkenergy.ports.readings import ReadingStore, StoreUnavailable
from bkkenergy.readings import US_PER_S
from bkkenergy.savings.insights import Dismissal
from bkkenergy.settings import Settings
from bkkenergy.site.configuration import Configuration
from bkkenergy.site.figures import RatesAndTariffs
from bkkenergy.site.open import open_archive, open_ledger, open_writable

if TYPE_CHECKING:
    from bkkenergy.ports.archive import ReportArchive
    from bkkenergy.site.savings_config import SavingsConfig
    from bkkenergy.solar.assumptions import SolarConfig

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)

log = structlog.get_logger(__name__)

Clock = Callable[[], dt.datetime]


def wall_clock() -> dt.datetime:
    """Return the time now, UTC."""
    return dt.datetime.now(dt.UTC)


def process_name() -> str:
    """Return a name that no other process has, and by which a person finds it."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"


@dataclass(frozen=True)
class Site:
    """What use cases work with. Threads may share it.

    ledger : where energy is computed into. energy : what readers read: the ledger as it stands, or one that computes
    first what waits (`usecases.uptodate`), or one that reads each row once (`usecases.readonce`).
    state : the state's database. name : whose claims are whose.
    plan_records, dismissals : what people decided, as it was when the site was opened or `refreshed`.
    """

    config: Configuration
    readings: ReadingStore
    ledger: EnergyLedger
    energy: LedgerReader
    state: StateStore
    clock: Clock = wall_clock
    name: str = field(default_factory=process_name)
    plan_records: Records = field(default_factory=Records)
    dismissals: tuple[Dismissal, ...] = ()

    @property
    def settings(self) -> Settings:
        """The operator's settings."""
        return self.config.settings

    @property
    def portfolio(self) -> Portfolio:
        """Agencies, buildings and meters."""
        return self.config.portfolio

    @property
    def figures(self) -> RatesAndTariffs:
        """Tariffs and emission factors."""
        return self.config.figures

    @property
    def savings(self) -> SavingsConfig:
        """Thresholds of findings, adjustments, and the bands' placebo."""
        return self.config.savings

    @property
    def solar(self) -> SolarConfig:
        """Assumptions, modules, inverters and prices. Raises ConfigError."""
        return self.config.solar

    @property
    def plan(self) -> ActionPlan | None:
        """The action plan's targets; None where the configuration has none."""
        return self.config.plan

    @cached_property
    def projects(self) -> tuple[Project, ...]:
        """Projects of the plan as they were entered last."""
        return newest(self.plan_records, self.today)

    @property
    def delivery(self) -> Settings:
        """The settings with the recipients that count today, and the users who want messages.

        Raises StoreUnavailable.
        """
        settings = self.config.delivery_on(self.today)
        with reading(self.state) as connection:
            persons = own_recipients(wishes(connection), settings)
        return settings.model_copy(update={"recipient": (*settings.recipient, *persons)}) if persons else settings

    @property
    def archive(self) -> ReportArchive:
        """Where archived reports lie."""
        return open_archive(self.settings)

    @property
    def today(self) -> dt.date:
        """Today in Bangkok."""
        return self.clock().astimezone(BANGKOK).date()

    def now_us(self) -> int:
        """Return the time now, us since 1970 UTC."""
        return (self.clock() - EPOCH) // MICROSECOND

    def seconds_ago_us(self, seconds: float) -> int:
        """Return the instant this many seconds before now, us since 1970 UTC."""
        return self.now_us() - int(seconds * US_PER_S)

    def on(self, day: dt.date) -> Self:
        """Return the site with the portfolio of another day."""
        portfolio = self.portfolio.on(day)
        if portfolio is self.portfolio:
            return self
        return self.with_config(self.config.with_portfolio(portfolio))

    def with_config(self, config: Configuration) -> Self:
        """Return the site with another configuration, such as that of a newer revision of the portfolio."""
        return replace(self, config=config)

    def refreshed(self) -> Self:
        """Return the site with the plan and dismissals as they are now. Raises StoreUnavailable."""
        return replace(self, plan_records=read_plan(self.state), dismissals=dismissals(self.state))


@contextmanager
def open_site(config: Configuration, *, clock: Clock = wall_clock, may_wait: bool = False) -> Iterator[Site]:
    """Open everything that a site's settings name, and close it. Raises ConfigError, StoreUnavailable, StoreUnfit.

    may_wait : whether the store of readings may be unavailable: a service goes on, and what asks for readings raises.
    """
    with ExitStack() as stack:
        state = open_state(config.settings.state)
        stack.callback(state.dispose)
        readings = stack.enter_context(closing(open_writable(config.settings, prepare=False)))
        ledger = stack.enter_context(closing(open_ledger(config.settings)))
        try:
            readings.prepare()
        except StoreUnavailable as error:
            if not may_wait:
                raise
            log.warning("store_unavailable", why=str(error))
        yield Site(config, readings, ledger, ledger, state, clock).refreshed()
