"""How a process that is running comes to know a new revision of the portfolio, and a new day."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import BkkEnergyError, Fault
from bkkenergy.payloads.check import payload_faults_ever
from bkkenergy.portfolio import Portfolio, portfolio_on
from bkkenergy.portfolio.check import cross_check
from bkkenergy.ports.readings import NewerTables
from bkkenergy.site.configuration import Configuration
from bkkenergy.site.portfolio_source import has_state
from bkkenergy.site.record_kinds import SITE_KINDS

if TYPE_CHECKING:
    from bkkenergy.adapters.state import StateStore

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0


def wall_clock() -> dt.datetime:
    """Return the time now, UTC."""
    return dt.datetime.now(dt.UTC)


@dataclass
class Follower:
    """Looks for a portfolio that is newer than the one in use. What has faults here is not taken, and is logged.

    The operator's file (broker, stores, secrets) is not followed: its changes need a restart.
    """

    config: Configuration
    clock: Callable[[], dt.datetime] = wall_clock
    state: StateStore | None = None
    _own: StateStore | None = None
    _refused: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self) -> Configuration | None:
        """Return the configuration with the portfolio of now where that is another one.

        Raises StoreUnavailable, and NewerTables where the site was upgraded under this process.
        """
        with self._lock:
            self._hold_version()
            portfolio = self._newer() or self.config.portfolio
            portfolio = portfolio.on(self.clock().astimezone(BANGKOK).date())
            if portfolio is self.config.portfolio:
                return None
            self.config = self.config.with_portfolio(portfolio)
            return self.config

    def _hold_version(self) -> None:
        if (engine := self._engine()) is not None:
            from bkkenergy.adapters.engines import translate_db_errors  # noqa: PLC0415 - not where there is no state
            from bkkenergy.adapters.state import hold_version  # noqa: PLC0415

            with translate_db_errors(engine):
                hold_version(engine)

    def _newer(self) -> Portfolio | None:
        """Return the portfolio of a newer revision; None where there is none that can be used."""
        engine = self._engine()
        if engine is None or self.config.settings.portfolio.source == "files":
            return None
        from bkkenergy.adapters.state import reading  # noqa: PLC0415 - not where files are the source
        from bkkenergy.adapters.state.portfolio import newest_revision, records_at  # noqa: PLC0415

        with reading(engine) as connection:
            number = newest_revision(connection)
            if number in {0, self._refused, self.config.portfolio.revision}:
                return None
            records = records_at(connection, SITE_KINDS, since=self.config.portfolio.records)
        portfolio = portfolio_on(records, self.clock().astimezone(BANGKOK).date())
        tariffs = frozenset(self.config.figures.tariffs.schedules)
        faults = cross_check(records, {}, tariffs, sound=self.config.portfolio.records)
        if faults := [*faults, *payload_faults_ever(portfolio, self.config.profiles)]:
            self._refuse(number, faults)
            return None
        log.info("portfolio_followed", revision=number, meters=len(portfolio.meters))
        return portfolio

    def _refuse(self, number: int, faults: list[Fault]) -> None:
        self._refused = number
        log.error("portfolio_not_followed", revision=number, faults=len(faults), first=str(faults[0]))

    def _engine(self) -> StateStore | None:
        settings = self.config.settings
        if self.state is None and self._own is None and has_state(settings):
            from bkkenergy.adapters.state import open_state  # noqa: PLC0415

            self._own = open_state(settings.state)
        return self.state or self._own

    def close(self) -> None:
        """Close the state, where it was opened here."""
        if self._own is not None:
            self._own.dispose()
            self._own = None


class FollowerThread:
    """A follower that looks by itself, for a process that must not wait for the state."""

    def __init__(self, follower: Follower, *, every_s: float = LOOK_EVERY_S) -> None:
        self._follower, self._every_s = follower, every_s
        self._portfolio = follower.config.portfolio
        self._outdated: NewerTables | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="portfolio-follower", daemon=True)

    def portfolio(self) -> Portfolio:
        """Return the portfolio as it is now. Raises NewerTables where the site was upgraded under this process."""
        if self._outdated is not None:
            raise self._outdated
        return self._portfolio

    def start(self) -> None:
        """Start to look."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._thread.join()
        self._follower.close()

    def _run(self) -> None:
        is_unavailable = False
        while not self._stop.wait(self._every_s):
            try:
                changed = self._follower.look()
            except NewerTables as error:
                self._outdated = error
                return
            except BkkEnergyError as error:
                if not is_unavailable:
                    log.warning("portfolio_not_looked_at", why=str(error))
                is_unavailable = True
                continue
            is_unavailable = False
            if changed is not None:
                self._portfolio = changed.portfolio
