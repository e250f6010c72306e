"""Dismissing a finding: it is hidden until what is at stake has grown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateStore, transaction
from bkkenergy.adapters.state.findingwork import work_entries
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Portfolio
from bkkenergy.savings.facts import Finding
from bkkenergy.savings.insights import Dismissal, dismissed_as
from bkkenergy.usecases.findingwork import AskedWork, entered
from bkkenergy.usecases.powers import use_case


@use_case("findings.dismiss", "dismiss", "agency")
def dismiss(
    engine: StateStore, actor: Actor, portfolio: Portfolio, findings: Sequence[Finding], rule: str, now: dt.datetime
) -> Dismissal:
    """Dismiss the finding of a rule among one building's findings, with its stakes of now; the audit log says so.

    Raises NotThere, NotAllowed, InputError where not exactly one finding is of the rule, and StoreUnavailable. Then
    nothing is entered.
    """
    actor.need("dismiss", *{portfolio.buildings[finding.building].agency for finding in findings})
    meant = [finding for finding in findings if finding.rule == rule]
    if len(meant) != 1:
        known = ", ".join(sorted({finding.rule for finding in findings})) or "(none)"
        raise InputError.of("dismiss_which", rule=repr(rule), known=known)
    building, key, cost = meant[0].building, dismissed_as(meant[0]), float(meant[0].cost_thb_a_month)
    agency = portfolio.buildings[building].agency
    with transaction(engine) as connection:
        before = work_entries(connection, [agency], building, key)
        asked = AskedWork("dismissed", before[-1].owner, before[-1].due) if before else AskedWork("dismissed")
        entered(connection, actor, (agency, building, key), asked, cost, now, before)
    return Dismissal(building, key, cost)
