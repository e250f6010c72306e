"""Every kind of record that a site's portfolio holds: those of buildings, and what savings and plans rest on."""

from __future__ import annotations

from bkkenergy.plan import AgencyTarget, Programme, Target
from bkkenergy.portfolio.kinds import KINDS, id_of
from bkkenergy.portfolio.records import Kind, Kinds
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
        )
    },
}
"""By name, in the order in which one needs the other."""
