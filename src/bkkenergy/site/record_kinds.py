"""Every kind of record that a site's portfolio holds: those of buildings, and what savings and plans rest on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bkkenergy.errors import Fault
from bkkenergy.plan import AgencyTarget, Consent, FollowUp, Need, Partner, Programme, Target, Workshop
from bkkenergy.portfolio.document import Document
from bkkenergy.portfolio.kinds import KINDS, id_of
from bkkenergy.portfolio.records import Dated, Kind, Kinds, dated
from bkkenergy.savings.adjust import Adjustment


def adjustment_key(adjustment: Adjustment) -> str:
    """Return an adjustment's id, or its building and first day where it has none."""
    return adjustment.id or f"{adjustment.building}.{adjustment.first.isoformat()}"


def target_key(target: Target) -> str:
    """Return a target's id, or what it is of and by when where it has none."""
    return target.id or f"{target.programme}.{target.sector}.{target.year_be}.{target.unit}"


SITE_KINDS: Kinds = {
    **KINDS,
    **{
        kind.name: kind
        for kind in (
            Kind("adjustment", Adjustment, adjustment_key),
            Kind("programme", Programme, id_of),
            Kind("target", Target, target_key),
            Kind("agency_target", AgencyTarget, lambda _: "all"),
            Kind("partner", Partner, id_of),
            Kind("need", Need, id_of),
            Kind("workshop", Workshop, id_of),
            Kind("follow_up", FollowUp, id_of),
            Kind("consent", Consent, id_of),
        )
    },
}
"""By name, in the order in which one needs the other."""


def dated_tables(path: Path, kind: str, given: object) -> tuple[list[tuple[Dated[Any], ...]], list[Fault]]:
    """Return the versions of each table of a kind that a file lists, one after the other, and the faults in them.

    Two tables may have what would be one id: each is read by itself.
    """
    versions: list[tuple[Dated[Any], ...]] = []
    if not isinstance(given, list):
        return versions, [Fault.of("no_list_of_tables", f"{path}: {kind}", name=kind)]
    faults: list[Fault] = []
    for number, table in enumerate(given):
        read, problems = dated_table(f"{path}: {kind}[{number}]", kind, table)
        versions.append(read)
        faults += problems
    return versions, faults


def dated_table(where: str, kind: str, table: object) -> tuple[tuple[Dated[Any], ...], list[Fault]]:
    """Return the versions of one table, and the faults in it."""
    document = Document(SITE_KINDS)
    document.take(kind, table, where)
    return dated(document.entries), document.faults
