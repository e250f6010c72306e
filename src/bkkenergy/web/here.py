"""What every request works with: the site, the state, the clock, and connections of its own thread."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Engine

from bkkenergy.adapters.state.dismissals import dismissals
from bkkenergy.adapters.state.projects import projects
from bkkenergy.calendar import BANGKOK
from bkkenergy.ingest.logbook import Logbook
from bkkenergy.ingest.status import MeterStatus, meter_status
from bkkenergy.payloads.profile import Profile
from bkkenergy.portfolio import Meter, Portfolio
from bkkenergy.ports.ledger import LedgerReader
from bkkenergy.ports.readings import ReadingStore
from bkkenergy.readings import US_PER_S
from bkkenergy.reports.savings.gather import SavingsSite
from bkkenergy.settings import Settings
from bkkenergy.site.open import open_store

MOST_KEPT, SWEEP_EVERY_S = 5000, 30.0
WORKER_NEEDS_S = 60.0
"""A marked day is no news for so long: a worker computes it within seconds."""


@dataclass
class Here:
    """The service as a request sees it. `site` has a store of nobody's: ask for `report_site()`.

    city : the figures that all requests share, put there by the app.
    """

    site: SavingsSite
    profiles: Mapping[str, Profile]
    engine: Engine
    clock: Callable[[], dt.datetime]
    city: Any = None
    _own: threading.local = field(default_factory=threading.local)
    _held: dict[tuple[object, ...], tuple[float, Any]] = field(default_factory=dict)
    _swept_s: float = 0.0

    @property
    def settings(self) -> Settings:
        """The site's settings."""
        return self.site.settings

    @property
    def portfolio(self) -> Portfolio:
        """The site's portfolio."""
        return self.site.portfolio

    @property
    def today(self) -> dt.date:
        """Today in Bangkok."""
        return self.clock().astimezone(BANGKOK).date()

    def waiting(self, meters: Sequence[str]) -> Mapping[str, Sequence[dt.date]]:
        """Days of meters that wait longer than a worker needs, so that figures of them are not the last word."""
        patience_us = int(WORKER_NEEDS_S * US_PER_S)
        return self.ledger.waiting(meters, marked_before_us=int(self.clock().timestamp() * US_PER_S) - patience_us)

    def store(self) -> ReadingStore:
        """The store, on a connection of the thread's own."""
        if not hasattr(self._own, "store"):
            self._own.store = open_store(self.settings.store)
        found: ReadingStore = self._own.store
        return found

    @property
    def ledger(self) -> LedgerReader:
        """The energy ledger; threads share it."""
        return self.site.ledger

    def kept(self, key: tuple[object, ...], seconds: float, compute: Callable[[], Any]) -> Any:
        """What was computed under a key not longer ago than so many seconds, else computed now.

        Two requests at once may both compute it; that is cheaper than to let one wait for the other.
        """
        held = self._held.get(key)
        now_s = time.monotonic()
        if held is not None and now_s < held[0]:
            return held[1]
        found = compute()
        if now_s >= self._swept_s or len(self._held) >= MOST_KEPT:
            held_now = list(self._held.items())  # at one go: other threads add to it meanwhile
            fresh = sorted((own for own in held_now if own[1][0] > now_s), key=lambda own: own[1][0])
            self._held = dict(fresh if len(fresh) < MOST_KEPT else fresh[MOST_KEPT // 2 :])
            self._swept_s = now_s + SWEEP_EVERY_S
        self._held[key] = (now_s + seconds, found)
        return found

    def meter_status(self, meters: Sequence[Meter]) -> list[MeterStatus]:
        """How some meters have done in the last seven days."""
        if not meters:
            return []
        logbook = Logbook(self.settings.store.path)
        try:
            return meter_status(self.ledger, logbook, meters, now=self.clock())
        finally:
            logbook.close()

    def report_site(self) -> SavingsSite:
        """The site with this thread's store, the plan's projects and the dismissals as they are now."""
        return replace(
            self.site,
            store=self.store(),
            projects=tuple(projects(self.engine)),
            dismissals=dismissals(self.engine),
        )
