"""What is new since a user signed in the time before: alerts, reports, and what others changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, desc, func, select

from bkkenergy.adapters.state import reading
from bkkenergy.adapters.state.persontables import finding_entry
from bkkenergy.adapters.state.tables import alert, audit, run
from bkkenergy.calendar import BANGKOK
from bkkenergy.readings import US_PER_S

SIGN_IN = "sign_in"


@dataclass(frozen=True, slots=True)
class News:
    """How much is new since an instant. work : entries on findings by others."""

    since: dt.datetime
    alerts: int
    reports: int
    work: int

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing new."""
        return not (self.alerts or self.reports or self.work)


def news_since_last_time(state: Engine, user: str, agencies: Sequence[str]) -> News | None:
    """Count what is new in some agencies since the user's sign-in before this one; None at the first one."""
    signed = select(audit.c.at_us).where(audit.c.actor == user, audit.c.action == SIGN_IN)
    with reading(state) as connection:
        times = connection.scalars(signed.order_by(desc(audit.c.at_us)).limit(2)).all()
        if len(times) < 2:  # noqa: PLR2004 - this one, and the one before
            return None
        since_us = times[1]
        counts = (
            select(func.count()).where(alert.c.opened_us > since_us, alert.c.agency.in_(agencies)),
            select(func.count()).where(run.c.ended_us > since_us, run.c.state == "done", run.c.agency.in_(agencies)),
            select(func.count()).where(
                finding_entry.c.at_us > since_us, finding_entry.c.by != user, finding_entry.c.agency.in_(agencies)
            ),
        )
        alerts, reports, work = (connection.scalar(count) or 0 for count in counts)
    return News(dt.datetime.fromtimestamp(since_us / US_PER_S, BANGKOK), alerts, reports, work)
