"""What every request works with: the site, payload profiles, and figures that requests share for a while."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bkkenergy.adapters.state.logbook import Logbook
from bkkenergy.ingest.status import MeterStatus, meter_status
from bkkenergy.payloads.profile import Profile
from bkkenergy.portfolio import Meter, Portfolio
from bkkenergy.ports.readings import StoreUnfit
from bkkenergy.settings import Settings
from bkkenergy.site import Site
from bkkenergy.site.follower import LOOK_EVERY_S, Follower

MAX_CACHED, SWEEP_EVERY_S = 5000, 30.0
WORKER_NEEDS_S = 60.0
"""A marked day is no news for so long: a worker computes it within seconds."""


@dataclass
class AppContext:
    """The service as requests see it. Pages answer at once: they read the ledger without bringing it up to date.

    started : the site as it was opened. city, money : the figures that all requests share, put there by the
    app.
    """

    started: Site
    city: Any = None
    money: Any = None
    _cache: dict[tuple[object, ...], tuple[float, Any]] = field(default_factory=dict)
    _swept_s: float = 0.0
    _looked_s: float = 0.0
    _unfit: StoreUnfit | None = None

    def __post_init__(self) -> None:
        self._site = self.started
        self._follower = Follower(self.started.config, self.started.clock, self.started.state)

    @property
    def opened(self) -> Site:
        """The site, with the newest revision of the portfolio; it is looked for once in a second."""
        now_s = time.monotonic()
        if now_s - self._looked_s >= LOOK_EVERY_S:
            self._looked_s, self._unfit = now_s, None
            try:
                config = self._follower.look()
            except StoreUnfit as error:
                self._unfit = error
                raise
            if config is not None:
                self._site = self._site.with_config(config)
                self._cache = {}
        return self._site

    def hold_fit(self) -> None:
        """Raise StoreUnfit between two looks, where the last one found tables that this program cannot use.

        `opened` goes on giving the site as it was: the page that says so needs its settings.
        """
        if self._unfit is not None and time.monotonic() - self._looked_s < LOOK_EVERY_S:
            raise self._unfit

    def look_now(self) -> None:
        """Look for a new revision at the next request, because this one may have made it."""
        self._looked_s = 0.0

    @property
    def site(self) -> Site:
        """Return the site, with projects and dismissals as they are now."""
        return self.opened.refreshed()

    @property
    def settings(self) -> Settings:
        """Return the site's settings."""
        return self.opened.settings

    @property
    def portfolio(self) -> Portfolio:
        """Return the site's portfolio."""
        return self.opened.portfolio

    @property
    def profiles(self) -> Mapping[str, Profile]:
        """Return payload profiles by id."""
        return self.opened.config.profiles

    @property
    def clock(self) -> Callable[[], dt.datetime]:
        """Return the site's clock."""
        return self.opened.clock

    @property
    def today(self) -> dt.date:
        """Return today in Bangkok."""
        return self.opened.today

    def waiting(self, meters: Sequence[str]) -> Mapping[str, Sequence[dt.date]]:
        """Return days of meters that wait longer than a worker needs: figures of them may change."""
        return self.opened.energy.waiting(meters, marked_before_us=self.opened.seconds_ago_us(WORKER_NEEDS_S))

    def cached(self, key: tuple[object, ...], seconds: float, compute: Callable[[], Any]) -> Any:
        """Return what was computed under a key at most `seconds` ago, else compute it now.

        Two requests at once may both compute it; that is cheaper than to let one wait for the other.
        """
        entry = self._cache.get(key)
        now_s = time.monotonic()
        if entry is not None and now_s < entry[0]:
            return entry[1]
        value = compute()
        if now_s >= self._swept_s or len(self._cache) >= MAX_CACHED:
            entries = list(self._cache.items())  # one copy: other threads add to it meanwhile
            fresh = sorted((each for each in entries if each[1][0] > now_s), key=lambda each: each[1][0])
            self._cache = dict(fresh if len(fresh) < MAX_CACHED else fresh[MAX_CACHED // 2 :])
            self._swept_s = now_s + SWEEP_EVERY_S
        self._cache[key] = (now_s + seconds, value)
        return value

    def meter_status(self, meters: Sequence[Meter]) -> list[MeterStatus]:
        """Return how meters have done in the last seven days."""
        if not meters:
            return []
        return meter_status(self.opened.energy, Logbook(self.opened.state), meters, now=self.clock())
