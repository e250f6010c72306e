"""Findings as work: who cares for one, until when, how far it is; each change is an entry, and can be taken back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateStore, StateTransaction, reading, transaction
from bkkenergy.adapters.state.dismissals import drop_dismissal, enter_dismissal
from bkkenergy.adapters.state.findingwork import WORK_STATES, WorkEntry, WorkState, add_work_entry, work_entries
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.errors import InputError, NotThere
from bkkenergy.portfolio import Portfolio
from bkkenergy.portfolio.values import MAX_TEXT, text_faults
from bkkenergy.savings.facts import Finding, InsightRules
from bkkenergy.savings.faultgroups import FaultGroup, fault_groups
from bkkenergy.savings.insights import Dismissal, dismissed_as, visible
from bkkenergy.usecases.findingmessages import post_to_new_owner
from bkkenergy.usecases.powers import use_case

MAX_OWNER = 120
DAYS_TO_VANISH = 28
"""So long after it was resolved a finding may still be found: rules look back some weeks."""
MIN_REASON = 3


@dataclass(frozen=True, slots=True)
class AskedWork:
    """What a person wants a finding to be: how far it is, who cares for it, until when, and why."""

    state: WorkState
    owner: str = ""
    due: dt.date | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A finding that was worked on. now : its last entry. entries : all of them, the oldest first."""

    now: WorkEntry
    entries: tuple[WorkEntry, ...]

    @property
    def comment(self) -> str:
        """The comment of the change that stands."""
        left = standing(self.entries)
        return left[-1].comment if left else ""

    @property
    def can_be_taken_back(self) -> bool:
        """Whether there is a change that stands."""
        return bool(standing(self.entries))


def standing(entries: Sequence[WorkEntry]) -> list[WorkEntry]:
    """Return the changes of a finding that were not taken back, the oldest first."""
    left: list[WorkEntry] = []
    for entry in entries:
        if entry.undoes is None:
            left.append(entry)
        else:
            left = [one for one in left if one.number != entry.undoes]
    return left


def to_act_on(
    findings: Sequence[Finding],
    work: Sequence[WorkItem],
    dismissed: Sequence[Dismissal],
    rules: InsightRules,
    today: dt.date,
) -> list[Finding]:
    """Choose the findings to act on, on every face alike, most money first.

    One that was dismissed is left out until it has grown, as `visible` says. One that was resolved is left out for some
    weeks, in which its rule still looks at the days before; when it is still found then, it is one to act on again.
    Another finding of the same fault goes with it, unless it is worth more.
    """
    since = today - dt.timedelta(days=DAYS_TO_VANISH)
    resolved = {
        (item.now.building, item.now.rule)
        for item in work
        if item.now.state == "resolved" and item.now.at.date() >= since
    }
    ended = {
        (item.now.building, item.now.rule): item.now.cost_thb_a_month
        for item in work
        if (item.now.building, item.now.rule) in resolved
    } | {(one.building, one.rule): one.cost_thb_a_month for one in dismissed}
    left = [
        finding
        for group in fault_groups(findings)
        for finding in group.findings
        if (finding.building, dismissed_as(finding)) not in resolved and not _goes_with(finding, group, ended)
    ]
    return visible(left, dismissed, rules)


def _goes_with(finding: Finding, group: FaultGroup, ended_thb: Mapping[tuple[str, str], float]) -> bool:
    """Whether another finding of the same fault has ended, and was worth at least as much."""
    return any(
        finding.cost_thb_a_month <= ended_thb.get((other.building, dismissed_as(other)), float("-inf"))
        for other in group.findings
        if other is not finding
    )


@use_case("findings.work", "dismiss", "agency")
def enter_work(
    engine: StateStore,
    actor: Actor,
    portfolio: Portfolio,
    building: str,
    rule: str,
    asked: AskedWork,
    findings: Sequence[Finding],
    now: dt.datetime,
) -> WorkEntry:
    """Enter how a building's finding stands, as one more entry; the audit log has it with what was before.

    Parameters
    ----------
    rule : str
        The finding's rule, of an event with its day; what `WorkEntry` has.
    findings : sequence of Finding
        The building's present findings, from which its stakes come. One that is found no more has its last ones.

    Raises
    ------
    NotThere
        Where the building is not the actor's, or has no such finding and never had work on it.
    NotAllowed, StoreUnavailable
    InputError
        Where the state is none, a text is too long, or a finding is dismissed without a reason.
    """
    known = portfolio.buildings.get(building)
    if known is None:
        raise NotThere
    actor.need("dismiss", known.agency)
    _refuse_strange(asked)
    with transaction(engine) as connection:
        before = work_entries(connection, [known.agency], building, rule)
        present = next((finding for finding in findings if dismissed_as(finding) == rule), None)
        if present is None and not before:
            raise NotThere
        cost = before[-1].cost_thb_a_month if present is None else float(present.cost_thb_a_month)
        entry = entered(connection, actor, (known.agency, building, rule), asked, cost, now, before)
        post_to_new_owner(connection, portfolio, entry, before[-1] if before else None, actor, now)
        return entry


@use_case("findings.take_back", "dismiss", "agency")
def take_back(
    engine: StateStore, actor: Actor, portfolio: Portfolio, building: str, rule: str, now: dt.datetime
) -> WorkEntry:
    """Take the last change that stands back: the finding is as it was before, by one more entry.

    Taken back again it is as before that: no change comes back by it, and no comment is said twice. Raises as
    `enter_work` does, and InputError where no change is left.
    """
    known = portfolio.buildings.get(building)
    if known is None:
        raise NotThere
    actor.need("dismiss", known.agency)
    with transaction(engine) as connection:
        entries = work_entries(connection, [known.agency], building, rule)
        left = standing(entries)
        if not entries:
            raise NotThere
        if not left:
            raise InputError.of("work_nothing_to_undo")
        last, before = left[-1], left[-2] if len(left) > 1 else None
        asked = AskedWork("open") if before is None else AskedWork(before.state, before.owner, before.due)
        cost = (before or last).cost_thb_a_month  # a dismissal hides up to what was at stake then
        return entered(connection, actor, (known.agency, building, rule), asked, cost, now, entries, undoes=last.number)


@use_case("findings.list_work", "see", "agency")
def list_work(engine: StateStore, actor: Actor, agency: str, building: str | None = None) -> list[WorkItem]:
    """Return what is worked on in an agency, or in one of its buildings: what is late first, then most money.

    Raises NotThere, NotAllowed, StoreUnavailable.
    """
    actor.need("see", agency)
    return work_on(engine, agency, building)


def work_on(engine: StateStore, agency: str, building: str | None = None) -> list[WorkItem]:
    """Return what is worked on in an agency, or in one of its buildings, most money first. Raises StoreUnavailable."""
    with reading(engine) as connection:
        entries = work_entries(connection, [agency], building)
    by_finding: dict[tuple[str, str], list[WorkEntry]] = {}
    for entry in entries:
        by_finding.setdefault((entry.building, entry.rule), []).append(entry)
    items = [WorkItem(each[-1], tuple(each)) for each in by_finding.values()]
    return sorted(items, key=lambda item: (-item.now.cost_thb_a_month, item.now.building, item.now.rule))


def _refuse_strange(asked: AskedWork) -> None:
    if asked.state not in WORK_STATES:
        raise InputError.of("work_state", given=asked.state, known=", ".join(WORK_STATES))
    if len(asked.owner) > MAX_OWNER or any(text_faults([asked.owner, asked.comment], "text")):
        raise InputError.of("work_text", owner=MAX_OWNER, count=f"{MAX_TEXT:,}")
    if asked.state == "dismissed" and len(asked.comment.strip()) < MIN_REASON:
        raise InputError.of("work_reason")
    if asked.state == "assigned" and not asked.owner.strip():
        raise InputError.of("work_owner")


def entered(
    connection: StateTransaction,
    who: Actor,
    finding: tuple[str, str, str],
    asked: AskedWork,
    cost_thb_a_month: float,
    now: dt.datetime,
    before: Sequence[WorkEntry],
    *,
    undoes: int | None = None,
) -> WorkEntry:
    """Add an entry, and let a dismissal be there or not as its state says. undoes : the entry that it takes back."""
    agency, building, rule = finding
    owner, comment = asked.owner.strip(), asked.comment.strip()
    number = add_work_entry(
        connection, agency, building, rule, state=asked.state, owner=owner, due=asked.due, comment=comment,
        cost_thb_a_month=cost_thb_a_month, by=who.name, now=now, undoes=undoes,
    )  # fmt: skip
    if asked.state == "dismissed":
        enter_dismissal(connection, Dismissal(building, rule, cost_thb_a_month), who.name, now)
        detail = {"rule": rule, "cost_thb_a_month": cost_thb_a_month} | ({"comment": comment} if comment else {})
        enter_audit(connection, who, "dismiss", building, detail, now)
    else:
        drop_dismissal(connection, building, rule)
        states = {"before": before[-1].state if before else "open", "after": asked.state}
        more = {"owner": owner, "due": str(asked.due or ""), "comment": comment}
        enter_audit(connection, who, "finding_work", building, {"rule": rule} | states | more, now)
    return WorkEntry(
        number=number, agency=agency, building=building, rule=rule, state=asked.state, owner=owner, due=asked.due,
        comment=comment, cost_thb_a_month=cost_thb_a_month, by=who.name, at=now, undoes=undoes,
    )  # fmt: skip
