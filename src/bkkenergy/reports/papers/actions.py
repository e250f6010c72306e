"""What is to be done, as blocks of a paper: the one thing to do now, and findings as actions."""

from __future__ import annotations

from bkkenergy.i18n import Words
from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.pageone import first_thing, owner_of_fault
from bkkenergy.reports.papers.model import GridColumn, PaperGrid, PaperText, Value
from bkkenergy.reports.phrasing import name_of
from bkkenergy.reports.savings.phrasing import fault_texts
from bkkenergy.savings.faultgroups import fault_groups


def now_text(report: AgencyReport, words: Words) -> PaperText | None:
    """Return the one thing to do now, its worth and its owner; None where there is nothing."""
    first = first_thing(report, words)
    if first is None:
        return None
    stakes = f" · {first.stakes}" if first.stakes else ""
    owner = f"{words('work.owner')}: {first.owner}"
    return PaperText(words("one.now"), (f"{first.title}{stakes}", f"→ {first.task} · {owner}"))


def actions_grid(report: AgencyReport, words: Words, title: str, *, has_reasons: bool) -> PaperGrid:
    """List findings as actions: where, what, how, worth, who, until when. has_reasons : what was seen is said too."""
    columns = (
        GridColumn(words("report.building")),
        GridColumn(words("insight.title")),
        GridColumn(words("committee.todo")),
        GridColumn(words("committee.thb_a_month"), "number"),
        GridColumn(words("work.owner")),
        GridColumn(words("work.due"), "date"),
    )
    rows: list[tuple[Value, ...]] = []
    for fault in fault_groups(report.findings):
        texts, owner = fault_texts(fault, words), owner_of_fault(report, fault)
        thb = fault.cost_thb_a_month if fault.cost_thb_a_month >= 1 else None
        name = words("one.no_owner") if owner is None or not owner.owner else owner.owner
        what = f"{texts.name}: {texts.what}" if has_reasons else texts.name
        building, due = name_of(report, fault.chief.building, words), None if owner is None else owner.due
        rows.append((building, what, texts.todo, thb, name, due))
    return PaperGrid(title, columns, tuple(rows))
