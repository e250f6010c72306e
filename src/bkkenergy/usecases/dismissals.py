"""Dismissing a finding: it is hidden until what is at stake has grown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateStore, transaction
from bkkenergy.adapters.state.dismissals import enter_dismissal
from bkkenergy.adapters.state.findingwork import add_work_entry, work_entries
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Portfolio
from bkkenergy.savings.facts import Finding
from bkkenergy.savings.insights import Dismissal, dismissed_as
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
        raise InputError(f"dismissing needs one building with a finding of the rule {rule!r}. Found: {known}.")
    entered = Dismissal(meant[0].building, dismissed_as(meant[0]), float(meant[0].cost_thb_a_month))
    detail = {"rule": rule, "cost_thb_a_month": entered.cost_thb_a_month}
    agency = portfolio.buildings[entered.building].agency
    with transaction(engine) as connection:
        enter_dismissal(connection, entered, actor.name, now)
        last = next(reversed(work_entries(connection, [agency], entered.building, entered.rule)), None)
        add_work_entry(
            connection, agency, entered.building, entered.rule, state="dismissed", comment="",
            owner="" if last is None else last.owner, due=None if last is None else last.due,
            cost_thb_a_month=entered.cost_thb_a_month, by=actor.name, now=now,
        )  # fmt: skip
        enter_audit(connection, actor, "dismiss", entered.building, detail, now)
    return entered
