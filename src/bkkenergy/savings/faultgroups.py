"""Findings of one fault as one: which belong together, and what they cost together, each kWh counted once. Pure.

What is left on overnight is seen by several rules: nights that have risen, nights that differ, hours outside opening,
closed days. Each prices its own hours, and these overlap. The sum of a fault is that of findings whose hours do not
overlap, chosen so that it is largest: no less than the largest of them, and never more than the hours hold.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType

from bkkenergy.savings.facts import Finding

OPEN, BESIDE, CLOSED = "opening hours", "other hours of working days", "closed days"
EVERY = frozenset({OPEN, BESIDE, CLOSED})

FAULTS: tuple[Mapping[str, frozenset[str]], ...] = (
    MappingProxyType(
        {
            "baseload_rise": EVERY,
            "out_of_hours": frozenset({BESIDE, CLOSED}),
            "overrun": frozenset({BESIDE}),
            "night_spread": frozenset({BESIDE}),
            "closed_days": frozenset({CLOSED}),
            "holiday_running": frozenset({CLOSED}),
        }
    ),
    MappingProxyType({"pv_drop": EVERY, "pv_shortfall": EVERY}),
    MappingProxyType({"lost_phase": EVERY, "phase_unbalance": EVERY}),
)
"""Rules that see one cause, with the hours whose energy each prices: something left on; a PV plant; a phase."""


@dataclass(frozen=True, slots=True)
class FaultGroup:
    """Findings of one building that one cause explains. chief : the largest; also : the others, most money first.

    cost_thb_a_month : of all together, each kWh once.
    """

    chief: Finding
    also: tuple[Finding, ...]
    cost_thb_a_month: float

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All of them."""
        return (self.chief, *self.also)


def fault_of(rule: str) -> int | None:
    """Return which fault a rule sees; None where it is one by itself.

    Parameters
    ----------
    rule : str
        Name of a rule.

    Returns
    -------
    int or None
        The fault's place in `FAULTS`.

    Examples
    --------
    >>> from bkkenergy.savings.faultgroups import fault_of
    >>> fault_of("overrun") == fault_of("closed_days"), fault_of("power_factor")
    (True, None)
    """
    return next((number for number, rules in enumerate(FAULTS) if rule in rules), None)


def cost_once(costs_thb: Sequence[tuple[str, float]]) -> float:
    """Add what findings of one building cost, the energy of each fault once.

    Parameters
    ----------
    costs_thb : sequence of (str, float)
        Rule and money of each finding [THB a month]. Less use is a question and costs nothing.

    Returns
    -------
    float
        The sum [THB a month].

    Examples
    --------
    >>> from bkkenergy.savings.faultgroups import cost_once
    >>> cost_once([("baseload_rise", 900.0), ("night_spread", 200.0), ("power_factor", 50.0)])
    950.0
    >>> cost_once([("overrun", 300.0), ("night_spread", 200.0), ("closed_days", 100.0)])
    400.0
    """
    alone = sum(max(cost, 0.0) for rule, cost in costs_thb if fault_of(rule) is None)
    return alone + sum(
        _largest([(rules[rule], cost) for rule, cost in costs_thb if rule in rules and cost > 0]) for rules in FAULTS
    )


def _largest(priced: Sequence[tuple[frozenset[str], float]]) -> float:
    """Return the largest sum of findings of which no two price the same hours."""
    best = 0.0
    for count in range(1, min(len(priced), len(EVERY)) + 1):
        for chosen in combinations(priced, count):
            if sum(len(hours) for hours, _ in chosen) == len(frozenset().union(*(hours for hours, _ in chosen))):
                best = max(best, sum(cost for _, cost in chosen))
    return best


def fault_groups(findings: Iterable[Finding]) -> list[FaultGroup]:
    """Put findings of one building and one cause, whose days overlap, together.

    Parameters
    ----------
    findings : iterable of Finding
        Of any buildings.

    Returns
    -------
    list of FaultGroup
        Most money first; a finding without kin is a group by itself. Less use than before is never grouped.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.savings.facts import Finding
    >>> from bkkenergy.savings.faultgroups import fault_groups
    >>> day = dt.date(2026, 11, 20)
    >>> night = Finding("a.b", "baseload_rise", "alert", day, 6000.0, 23_000.0, {})
    >>> some = Finding("a.b", "night_spread", "notice", day, 500.0, 1_900.0, {})
    >>> [(one.chief.rule, len(one.also), one.cost_thb_a_month) for one in fault_groups([some, night])]
    [('baseload_rise', 1, 23000.0)]
    """
    groups: list[list[Finding]] = []
    for finding in sorted(findings, key=lambda one: -one.cost_thb_a_month):
        kin = [group for group in groups if any(_is_one_fault(finding, other) for other in group)]
        groups = [group for group in groups if group not in kin]
        groups.append([*(other for group in kin for other in group), finding])
    made_of = [sorted(group, key=lambda one: -one.cost_thb_a_month) for group in groups]
    joined = [
        FaultGroup(
            group[0],
            tuple(group[1:]),
            group[0].cost_thb_a_month
            if len(group) == 1
            else cost_once([(one.rule, one.cost_thb_a_month) for one in group]),
        )
        for group in made_of
    ]
    return sorted(joined, key=lambda group: -group.cost_thb_a_month)


def of_first_faults(findings: Iterable[Finding], count: int) -> tuple[Finding, ...]:
    """Choose the findings of the faults with most money: no fault is cut in two.

    Parameters
    ----------
    findings : iterable of Finding
        Of any buildings.
    count : int
        How many faults.

    Returns
    -------
    tuple of Finding
        Fault by fault, most money first.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.savings.facts import Finding
    >>> from bkkenergy.savings.faultgroups import of_first_faults
    >>> day = dt.date(2026, 11, 20)
    >>> night = Finding("a.b", "baseload_rise", "alert", day, 6000.0, 23_000.0, {})
    >>> some = Finding("a.b", "night_spread", "notice", day, 500.0, 1_900.0, {})
    >>> other = Finding("a.c", "overrun", "notice", day, 700.0, 3_000.0, {})
    >>> [one.rule for one in of_first_faults([some, night, other], 1)]
    ['baseload_rise', 'night_spread']
    """
    return tuple(finding for group in fault_groups(findings)[:count] for finding in group.findings)


def _is_one_fault(one: Finding, other: Finding) -> bool:
    fault = fault_of(one.rule)
    if fault is None or one.building != other.building or fault != fault_of(other.rule):
        return False
    if min(one.energy_kwh_a_month, other.energy_kwh_a_month) < 0:
        return False
    (first, last), (other_first, other_last) = _span(one), _span(other)
    return first <= other_last and other_first <= last


def _span(finding: Finding) -> tuple[dt.date, dt.date]:
    """Return the first and the last day on which a finding was seen; what is of no single days lasts."""
    return (min(finding.days), max(finding.days)) if finding.days else (finding.since, dt.date.max)
