"""What to act on: each rule looks at a building's facts, and gives a finding with its evidence, kWh and baht.

Definitions and thresholds follow Energy Sparks' alert classes, SkySpark's rules, CalTRACK and MEA's charges;
they are in config/savings.toml with their sources. Rules for faulty data run first; the others
leave such data out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bkkenergy.savings.facts import Facts, Finding, InsightRules
from bkkenergy.savings.rules_ahead import holiday_ahead
from bkkenergy.savings.rules_phases import lost_phase, phase_unbalance, supply_voltage
from bkkenergy.savings.rules_supply import (
    demand_peak,
    load_shift,
    meter_fault,
    power_factor,
    pv_drop,
    pv_shortfall,
    submeters,
)
from bkkenergy.savings.rules_use import (
    anomaly,
    baseload_rise,
    closed_days,
    holiday_running,
    night_spread,
    out_of_hours,
    overrun,
    use_event,
    weather_sensitivity,
    week_rise,
)

CHANGED_RATIO = 0.2
"""A dismissed finding is shown again when what is at stake has grown by more than this share."""

Rule = Callable[[Facts, InsightRules], Finding | None]

RULES: tuple[Rule, ...] = (
    use_event,
    baseload_rise,
    out_of_hours,
    overrun,
    closed_days,
    holiday_running,
    week_rise,
    anomaly,
    night_spread,
    weather_sensitivity,
    demand_peak,
    power_factor,
    load_shift,
    submeters,
    pv_drop,
    pv_shortfall,
    lost_phase,
    supply_voltage,
    phase_unbalance,
    holiday_ahead,
)
"""In this order; meter_fault comes first and, where data are faulty, alone."""


ONE_FAULT = (("closed_days", "holiday_running"), ("pv_drop", "pv_shortfall"), ("baseload_rise", "week_rise", "anomaly"))
"""Rules that see the same fault: the first of them says it, being nearest to its cause."""


def one_each(findings: Sequence[Finding]) -> list[Finding]:
    """Leave out findings of a fault that another rule says already.

    Parameters
    ----------
    findings : sequence of Finding
        Findings of one building.

    Returns
    -------
    list of Finding
        One of each fault. Less use than expected is a question of its own, and stays.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.savings.facts import Finding
    >>> from bkkenergy.savings.insights import one_each
    >>> day, both = dt.date(2026, 5, 1), ("week_rise", "anomaly")
    >>> found = [Finding("a.b", rule, "warning", day, 9.0, 40.0, {}) for rule in both]
    >>> [one.rule for one in one_each(found)]
    ['week_rise']
    """
    rises = {finding.rule for finding in findings if finding.energy_kwh_a_month >= 0}
    said = {
        rule
        for rules_of_fault in ONE_FAULT
        for number, rule in enumerate(rules_of_fault)
        if rises & set(rules_of_fault[:number])
    }
    return [finding for finding in findings if finding.rule not in said or finding.energy_kwh_a_month < 0]


def find(facts: Facts, rules: InsightRules) -> list[Finding]:
    """Find what to act on in one building.

    Parameters
    ----------
    facts : Facts
        What is known of it.
    rules : InsightRules
        Thresholds.

    Returns
    -------
    list of Finding
        Most money first. Where the meter is at fault, that alone.

    See Also
    --------
    bkkenergy.findings : The same with pandas.

    Examples
    --------
    >>> from bkkenergy.savings.insights import find
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> use = bk.examples.office()
    >>> use.iloc[-7 * 24 :] = 3.0
    >>> [one.rule for one in find(facts_of(use, schedule="mea-3-2-lv"), rules())]
    ['meter_fault']
    """
    fault = meter_fault(facts, rules)
    if fault is not None:
        return [fault]
    findings = one_each([finding for rule in RULES if (finding := rule(facts, rules)) is not None])
    return sorted(findings, key=lambda finding: -finding.cost_thb_a_month)


EVENT_MARK = "use_event@"
"""Before the day of an event: another one is another finding."""


def dismissed_as(finding: Finding) -> str:
    """Return what a finding is dismissed by: its rule, of an event with its day.

    Parameters
    ----------
    finding : Finding
        A finding.

    Returns
    -------
    str
        The name.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.savings.facts import Finding
    >>> from bkkenergy.savings.insights import dismissed_as
    >>> dismissed_as(Finding("a.b", "use_event", "notice", dt.date(2026, 5, 1), 0.0, 0.0, {}))
    'use_event@2026-05-01'
    """
    return f"{EVENT_MARK}{finding.since}" if finding.rule == use_event.__name__ else finding.rule


def event_day(dismissals: Sequence[Dismissal], building: str) -> dt.date | None:
    """Return the first day of the newest event of a building that a person dismissed.

    Parameters
    ----------
    dismissals : sequence of Dismissal
        What persons dismissed.
    building : str
        A building.

    Returns
    -------
    date or None
        The day; None without any.

    Examples
    --------
    >>> from bkkenergy.savings.insights import Dismissal, event_day
    >>> event_day([Dismissal("a.b", "use_event@2026-05-01", 0.0)], "a.b")
    datetime.date(2026, 5, 1)
    """
    days = [
        dt.date.fromisoformat(dismissal.rule.removeprefix(EVENT_MARK))
        for dismissal in dismissals
        if dismissal.building == building and dismissal.rule.startswith(EVENT_MARK)
    ]
    return max(days, default=None)


@dataclass(frozen=True, slots=True)
class Dismissal:
    """A finding that a person has dismissed, with what was at stake then."""

    building: str
    rule: str
    cost_thb_a_month: float


def visible(findings: Sequence[Finding], dismissed: Sequence[Dismissal], rules: InsightRules) -> list[Finding]:
    """Choose the findings to show: at most some of each building, without those that were dismissed.

    A dismissed finding comes back when what is at stake has grown by more than a fifth.

    Parameters
    ----------
    findings : sequence of Finding
        Findings of any buildings.
    dismissed : sequence of Dismissal
        What persons dismissed, with what was at stake then [THB a month].
    rules : InsightRules
        How many of a building are shown.

    Returns
    -------
    list of Finding
        Most money first.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> from bkkenergy.savings.insights import Dismissal, find, visible
    >>> use = bk.examples.office()
    >>> use.iloc[-7 * 24 :] = 3.0
    >>> found = find(facts_of(use, schedule="mea-3-2-lv"), rules())
    >>> visible(found, [Dismissal("series", found[0].rule, found[0].cost_thb_a_month)], rules())
    []
    """
    dismissed_at = {(dismissal.building, dismissal.rule): dismissal.cost_thb_a_month for dismissal in dismissed}
    shown: dict[str, int] = {}
    chosen = []
    for finding in sorted(findings, key=lambda one: -one.cost_thb_a_month):
        before = dismissed_at.get((finding.building, dismissed_as(finding)))
        if before is not None and finding.cost_thb_a_month <= before * (1 + CHANGED_RATIO):
            continue
        shown[finding.building] = shown.get(finding.building, 0) + 1
        if shown[finding.building] <= rules.max_per_building:
            chosen.append(finding)
    return chosen
