"""Findings as work, in words: how one stands, whose it is, what came of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bkkenergy.access import EVERY_AGENCY
from bkkenergy.adapters.state.findingwork import WorkEntry
from bkkenergy.adapters.state.users import users
from bkkenergy.i18n import Words
from bkkenergy.reports.retrofit.propose import KIND_OF_RULE
from bkkenergy.reports.savings.phrasing import MAX_DAYS_NAMED, finding_texts, seen_text
from bkkenergy.savings.facts import Finding
from bkkenergy.savings.insights import dismissed_as
from bkkenergy.usecases.findingmessages import rule_name
from bkkenergy.usecases.findingwork import WorkItem
from bkkenergy.web.context import AppContext
from bkkenergy.web.security import Visitor

OWNERS_S = 60.0
A_WEEK = dt.timedelta(days=6)
"""From its first day to its last."""


@dataclass(frozen=True, slots=True)
class WorkLine:
    """A finding that is worked on, as a page shows it. effect : what came of a resolved one."""

    item: WorkItem
    name: str
    building: str
    is_late: bool
    history: list[str]
    effect: str = ""


def work_line(item: WorkItem, visitor: Visitor, findings: Sequence[Finding] | None = None) -> WorkLine:
    """Return a finding that is worked on in words. findings : those of its building as of now, where they are known."""
    words, building = visitor.words, visitor.here.portfolio.buildings.get(item.now.building)
    name = item.now.building if building is None else words.either(th=building.name_th, en=building.name_en)
    history = [entry_text(entry, words) for entry in reversed(item.entries)]
    effect = "" if findings is None else effect_text(item, findings, words)
    return WorkLine(item, rule_name(item.now.rule, words), name, item.now.is_late(visitor.here.today), history, effect)


def owners_here(here: AppContext, agency: str) -> list[str]:
    """Return the names of the users who see an agency: those who can be owners and get messages."""

    def read() -> list[str]:
        every = (user for user in users(here.opened.state) if not user["disabled"])
        return sorted(
            user["display"] or user["name"] for user in every if {agency, EVERY_AGENCY} & set(user["agencies"])
        )

    names: list[str] = here.cached(("owners", agency), OWNERS_S, read)
    return names


def effect_text(item: WorkItem, findings: Sequence[Finding], words: Words) -> str:
    """Return what came of a finding that was resolved: what is at stake now beside what was; "" of another."""
    if item.now.state != "resolved":
        return ""
    before = words.number(max(entry.cost_thb_a_month for entry in item.entries))
    now = next((finding for finding in findings if dismissed_as(finding) == item.now.rule), None)
    if now is None:
        return words("work.effect_gone", thb=before)
    return words("work.effect_left", now=words.number(now.cost_thb_a_month), thb=before)


def entry_text(entry: WorkEntry, words: Words) -> str:
    """Return an entry in a line: when, how the finding stood, whose it was, what was said, and who said it."""
    undone = [words("work.taken_back")] if entry.undoes is not None else []
    parts = [words.moment(entry.at), *undone, words(f"work.state_{entry.state}"), entry.owner]
    parts += [words("work.until", date=words.day_year(entry.due))] if entry.due else []
    said = " · ".join(part for part in (*parts, entry.comment) if part)
    return f"{said} ({entry.by})"


def finding_line(finding: Finding, words: Words) -> dict[str, Any]:
    """Return a finding as its page shows it. is_project : a project can end it."""
    name, what, todo, stakes = finding_texts(finding, words)
    return {
        "rule": finding.rule,
        "key": dismissed_as(finding),
        "explore": f"/explore/building/{finding.building}?first={finding.since}&last={finding.since + A_WEEK}",
        "days": [
            (words.day_short(day), f"/explore/building/{finding.building}?first={day}&last={day}")
            for day in finding.days[-MAX_DAYS_NAMED:]
        ],
        "severity": finding.severity,
        "name": name,
        "text": f"{what} {seen_text(finding, words)}",
        "do": todo,
        "stakes": stakes,
        "is_project": finding.rule in KIND_OF_RULE,
    }
