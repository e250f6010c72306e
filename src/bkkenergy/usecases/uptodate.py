"""A ledger that computes the marked days of what is asked for before it answers.

Commands and scheduled jobs read through it, so that no report rests on days that merely wait. Pages do not: they answer
at once, and say which days wait.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from bkkenergy.ports.ledger import Channel, DayTotals, MeterSeen, Slots, Span
from bkkenergy.site import Site
from bkkenergy.usecases.recompute import recompute

log = structlog.get_logger(__name__)

PATIENCE_S = 60.0
RETRY_S = 0.2


@dataclass(frozen=True, slots=True)
class UpToDate:
    """A reader of the ledger whose reads are preceded by the computation of what is marked.

    patience_s : how long to wait for days that another worker holds. Days that wait after that are flagged as waiting.
    """

    site: Site
    patience_s: float = PATIENCE_S

    def slots(self, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> Slots:
        """Return slots of meters over whole days, both ends included."""
        self._bring_up(meters, first, last)
        return self.site.ledger.slots(meters, channel, first, last)

    def totals(self, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> DayTotals:
        """Return days of meters, both ends included."""
        self._bring_up(meters, first, last)
        return self.site.ledger.totals(meters, channel, first, last)

    def spans(self, meters: Sequence[str], channel: Channel, first: dt.date, last: dt.date) -> list[Span]:
        """Return spans of meters that begin on these days."""
        self._bring_up(meters, first, last)
        return self.site.ledger.spans(meters, channel, first, last)

    def _bring_up(self, meters: Sequence[str], first: dt.date, last: dt.date) -> None:
        """Compute what was marked when this was asked, on whatever day: a reading may end a silence of many days.

        Meters that go on sending mark theirs again meanwhile, and those marks are waited for by no one: a mark is
        known by when it was made, and no two clocks are compared.
        """
        until_s = time.monotonic() + self.patience_s
        asked = self.site.ledger.waiting_since(meters)
        names = sorted(asked.keys() & self.site.portfolio.meters_ever.keys())
        while names:
            done = recompute(self.site, meters=names, within_s=0.0)  # one batch, then look again
            now = self.site.ledger.waiting_since(names)
            names = [name for name in names if asked[name].items() & now.get(name, {}).items()]
            if done.meters:
                continue
            if time.monotonic() > until_s:
                log.warning("ledger_days_wait", meters=len(names), first=str(first), last=str(last))
                return
            time.sleep(RETRY_S if names else 0.0)

    def waiting(
        self, meters: Sequence[str] | None = None, *, marked_before_us: int | None = None
    ) -> Mapping[str, Sequence[dt.date]]:
        """Return marked days of each meter that has some."""
        return self.site.ledger.waiting(meters, marked_before_us=marked_before_us)

    def seen(self, meters: Sequence[str]) -> Mapping[str, MeterSeen]:
        """Return the earliest and latest reading of each meter that has one."""
        return self.site.ledger.seen(meters)


def up_to_date(site: Site, *, patience_s: float = PATIENCE_S) -> Site:
    """Return the site with energy that is computed before it is read."""
    return replace(site, energy=UpToDate(site, patience_s))
