"""A non-routine event becomes an adjustment: a record of the portfolio, with who entered it and why."""

from __future__ import annotations

import datetime as dt

from bkkenergy.access import Actor
from bkkenergy.errors import InputError
from bkkenergy.portfolio.edits import Put
from bkkenergy.savings.adjust import Adjustment
from bkkenergy.savings.facts import Finding
from bkkenergy.usecases.portfolio import Changed, PortfolioState, change
from bkkenergy.usecases.powers import use_case

MIN_REASON = 5


def _adjustment_of(finding: Finding, actor: Actor, reason: str, day: dt.date) -> Adjustment:
    """Return an event as an adjustment from its first day on, with its own uncertainty. Raises InputError.

    A change that goes with what each day uses is a share of the baseline, another one the same energy each day.
    """
    if finding.rule != "use_event":
        raise InputError.of("event_rule", rule=finding.rule)
    if len(reason.strip()) < MIN_REASON:
        raise InputError.of("event_why")
    kwh, half_kwh = finding.evidence["kwh_a_day"], finding.evidence["half_kwh_a_day"]
    ratio = finding.evidence["change_ratio"]
    size = (
        {"ratio": round(ratio, 4), "half_width_ratio": round(abs(half_kwh / kwh * ratio), 4)}
        if finding.evidence["is_share"]
        else {"kwh_a_day": round(kwh, 1), "half_width_kwh_a_day": round(half_kwh, 1)}
    )
    return Adjustment(
        id=f"{finding.building}.event-{finding.since}",  # another adjustment can begin on that day
        building=finding.building,
        first=finding.since,
        **size,
        reason=reason.strip(),
        entered_by=actor.name,
        entered=day,
    )


@use_case("events.accept", "edit", "agency")
def accept_event(state: PortfolioState, actor: Actor, finding: Finding, reason: str, now: dt.datetime) -> Changed:
    """Enter an event as a non-routine adjustment, as one revision of the portfolio.

    Raises InputError where it is none, or the portfolio is that of files, and else as `usecases.portfolio.change`.
    """
    actor.need("edit", finding.building.partition(".")[0])
    adjustment = _adjustment_of(finding, actor, reason, now.date())
    body = adjustment.model_dump(mode="python", exclude_defaults=True)
    return change(
        state, actor, [Put("adjustment", body)], why=reason.strip(), from_day=None, expected_revision=None, now=now
    )
