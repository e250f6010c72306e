"""Rules about the voltages of a building's supply."""

from __future__ import annotations

from bkkenergy.savings.facts import WEEK, Facts, Finding, InsightRules, Severity, finding


def supply_voltage(facts: Facts, rules: InsightRules) -> Finding | None:
    """Find a supply whose voltage is out of bounds for more than a share of the week.

    Parameters
    ----------
    facts : Facts
        What is known of a building; with its phases' voltages.
    rules : InsightRules
        For what share.

    Returns
    -------
    Finding or None
        The lowest and highest voltage [V]; None where it is within bounds, or not measured.

    References
    ----------
    .. [1] EN 50160, "Voltage characteristics of electricity supplied by public electricity networks": 95 % of a week
       within 10 % of the nominal voltage.

    Examples
    --------
    >>> from dataclasses import replace
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> from bkkenergy.savings.phases import PhaseVoltages
    >>> from bkkenergy.savings.rules_phases import supply_voltage
    >>> facts = facts_of(bk.examples.office(), schedule="mea-3-2-lv")
    >>> high = PhaseVoltages(outside_ratio=0.3, low_v=231.0, high_v=256.0, unbalance_ratio=0.01, lost_h=0.0)
    >>> supply_voltage(replace(facts, phases=high), rules()).evidence["high_v"]
    256.0
    """
    phases = facts.phases
    if phases is None or phases.outside_ratio is None or phases.outside_ratio <= rules.voltage_outside_ratio:
        return None
    evidence = {"outside_ratio": phases.outside_ratio, "low_v": phases.low_v, "high_v": phases.high_v}
    return finding(facts, "supply_voltage", "warning", -WEEK, 0.0, evidence, thb=0.0)


def phase_unbalance(facts: Facts, rules: InsightRules) -> Finding | None:
    """Find phases whose voltages differ by more than motors bear.

    Parameters
    ----------
    facts : Facts
        What is known of a building; with its phases' voltages.
    rules : InsightRules
        How much.

    Returns
    -------
    Finding or None
        The unbalance; None where it is low, or not measured.

    References
    ----------
    .. [1] EN 50160: unbalance of no more than 2 % for 95 % of a week.

    Examples
    --------
    >>> from dataclasses import replace
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> from bkkenergy.savings.phases import PhaseVoltages
    >>> from bkkenergy.savings.rules_phases import phase_unbalance
    >>> facts = facts_of(bk.examples.office(), schedule="mea-3-2-lv")
    >>> uneven = PhaseVoltages(outside_ratio=0.0, low_v=221.0, high_v=239.0, unbalance_ratio=0.04, lost_h=0.0)
    >>> phase_unbalance(replace(facts, phases=uneven), rules()).rule
    'phase_unbalance'
    """
    unbalance_ratio = None if facts.phases is None else facts.phases.unbalance_ratio
    if unbalance_ratio is None or unbalance_ratio <= rules.unbalance_ratio:
        return None
    evidence = {"unbalance_ratio": unbalance_ratio}
    return finding(facts, "phase_unbalance", "notice", -WEEK, 0.0, evidence, thb=0.0)


def lost_phase(facts: Facts, rules: InsightRules) -> Finding | None:
    """Find a phase that was gone while others were there.

    Parameters
    ----------
    facts : Facts
        What is known of a building; with its phases' voltages.
    rules : InsightRules
        For how long.

    Returns
    -------
    Finding or None
        For how long [h]; None where all phases were there.

    Examples
    --------
    >>> from dataclasses import replace
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> from bkkenergy.savings.phases import PhaseVoltages
    >>> from bkkenergy.savings.rules_phases import lost_phase
    >>> facts = facts_of(bk.examples.office(), schedule="mea-3-2-lv")
    >>> gone = PhaseVoltages(outside_ratio=0.0, low_v=229.0, high_v=231.0, unbalance_ratio=0.01, lost_h=3.0)
    >>> lost_phase(replace(facts, phases=gone), rules()).severity
    'alert'
    """
    if facts.phases is None or facts.phases.lost_h < rules.lost_phase_h:
        return None
    severity: Severity = "alert"
    return finding(facts, "lost_phase", severity, -WEEK, 0.0, {"lost_h": facts.phases.lost_h}, thb=0.0)
