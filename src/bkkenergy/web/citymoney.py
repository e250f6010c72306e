"""What electricity costs this month and fiscal year, for pages.

Bills of a thousand buildings take longer than a page may. Those of a few are computed at once; those of many in a
process apart, agency by agency, while pages say that they are being computed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from bkkenergy.errors import BkkEnergyError
from bkkenergy.reports.savings.moneysofar import MoneySoFar, agency_money, money_together
from bkkenergy.web.apart import with_site, workers
from bkkenergy.web.context import AppContext

log = structlog.get_logger(__name__)
MONEY_S = 3600.0
"""How long bills stay: they change once a day, and with late data."""
AT_ONCE = 60
"""As many buildings are billed while a page waits."""


@dataclass
class CityMoney:
    """The money of each agency, computed once in an hour, and again after a change of the portfolio."""

    here: AppContext
    _computed: dict[str, tuple[object, float, MoneySoFar]] = field(default_factory=dict)
    _wanted: dict[str, None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_working: bool = False

    def of(self, agencies: Sequence[str]) -> MoneySoFar | None:
        """Return the money of some agencies together; None while that of one is being computed.

        Raises StoreUnavailable where it is computed at once.
        """
        old = [agency for agency in agencies if not self._is_fresh(agency)]
        count = sum(len(self.here.portfolio.buildings_of(agency)) for agency in old)
        if count <= AT_ONCE:
            for agency in old:
                token = self._token()
                self._note(agency, agency_money(self.here.opened, agency, self.here.today), token)
        else:
            self._compute_later(old)
        token = self._token()
        known = [entry for agency in agencies if (entry := self._computed.get(agency)) is not None]
        if len(known) < len(agencies) or any(entry[0] != token for entry in known):
            return None
        return money_together([entry[2] for entry in known])

    def _token(self) -> object:
        """Return what figures hold for: the day, and the revision of the portfolio."""
        return self.here.today, self.here.portfolio.revision

    def _is_fresh(self, agency: str) -> bool:
        entry = self._computed.get(agency)
        return entry is not None and entry[0] == self._token() and time.monotonic() < entry[1]

    def _note(self, agency: str, money: MoneySoFar, token: object) -> None:
        self._computed[agency] = (token, time.monotonic() + MONEY_S, money)

    def _compute_later(self, agencies: Sequence[str]) -> None:
        with self._lock:
            self._wanted |= dict.fromkeys(agencies)
            if not self._is_working:
                self._is_working = True
                threading.Thread(target=self._work, name="city-money", daemon=True).start()

    def _work(self) -> None:
        """Compute what waits, one agency after the other. It waits until it is done: pages ask for it meanwhile."""
        while True:
            with self._lock:
                if not self._wanted:
                    self._is_working = False
                    return
                agency = next(iter(self._wanted))
            try:
                token, config = self._token(), self.here.opened.config
                self._note(agency, workers().run(with_site, config, agency_money, agency, self.here.today), token)
            except BkkEnergyError as error:  # a store that is unreachable: the next page asks again
                log.warning("city_money_failed", agency=agency, why=str(error))
            except Exception:  # a fault of ours in one agency holds up no other
                log.exception("city_money_failed", agency=agency)
            with self._lock:
                del self._wanted[agency]
