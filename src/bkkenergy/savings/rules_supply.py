"""Rules about what is supplied and measured: demand, reactive power, time of use, meters, PV."""

from __future__ import annotations

import numpy as np

from bkkenergy.readings import BoolArray, FloatArray
from bkkenergy.savings.baseline import HOURS_PER_DAY
from bkkenergy.savings.facts import (
    DAYS_PER_MONTH,
    FOUR_WEEKS,
    WEEK,
    Facts,
    Finding,
    InsightRules,
    Severity,
    enough,
    finding,
)
from bkkenergy.savings.views import day_night_kw

MIN_KNOWN_RATIO = 0.9
"""Sub-meters are judged where they and their main meter are known for this share of four weeks."""


def demand_peak(facts: Facts, rules: InsightRules) -> Finding | None:
    """Find the day of the month whose quarter-hours alone set the demand charge, near the highest of twelve months.

    Only quarter-hours in which demand is charged count. It is worth what the charge falls by without that day.

    Parameters
    ----------
    facts : Facts
        What is known of a building; with quarter-hours.
    rules : InsightRules
        How near.

    Returns
    -------
    Finding or None
        The peak [kW] with what it costs [THB]; None where none is near, several days reach it, or demand is not
        charged.

    References
    ----------
    .. [1] Metropolitan Electricity Authority (MEA), "Electricity tariffs": the demand charge.

    Examples
    --------
    >>> from bkkenergy.savings.rules_supply import demand_peak
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> quarters = bk.examples.office_quarters("2025")
    >>> quarters.loc["2025-12-15 14:00"] = 20.0
    >>> demand_peak(facts_of(quarters, schedule="mea-3-2-lv"), rules()).evidence["peak_kw"]
    80.0
    """
    if facts.demand_starts is None or not enough(facts.demand_kw, 0.5) or facts.demand_thb_per_kw <= 0:
        return None
    charged_kw = facts.demand_kw
    if facts.demand_charged is not None:
        charged_kw = np.where(facts.demand_charged, charged_kw, np.nan)
    is_now = np.asarray(facts.demand_starts >= facts.demand_starts[-1].normalize().replace(day=1))
    now, past = charged_kw[is_now], charged_kw[~is_now]
    if not (enough(facts.demand_kw[is_now], 0.3) and enough(facts.demand_kw[~is_now], 0.5)):
        return None
    if not (np.isfinite(now).any() and np.isfinite(past).any()):
        return None
    peak, highest = float(np.nanmax(now)), float(np.nanmax(past))
    at = facts.demand_starts[is_now][int(np.nanargmax(now))]
    is_that_day = np.asarray(facts.demand_starts[is_now].normalize() == at.normalize())
    rest = now[~is_that_day]
    rest_kw = float(np.nanmax(rest)) if np.isfinite(rest).any() else peak
    if peak < rules.peak_ratio * highest or peak - rest_kw < rules.peak_above_ratio * peak:
        return None
    evidence = {
        "peak_kw": peak,
        "highest_kw": highest,
        "rest_kw": rest_kw,
        "quarters": float((now[is_that_day] > rest_kw).sum()),
        "hour": at.hour + at.minute / 60,
    }
    row = -max(1, (facts.series.day_index[-1].date() - at.date()).days + 1)
    worth = (peak - rest_kw) * facts.demand_thb_per_kw
    return finding(
        facts, "demand_peak", "alert" if peak >= highest else "warning", row, 0.0, evidence, thb=worth, rows=[row]
    )


def power_factor(facts: Facts, rules: InsightRules) -> Finding | None:
    """Find reactive power of the last month near or above what MEA gives free.

    Parameters
    ----------
    facts : Facts
        What is known of a building; with reactive power.
    rules : InsightRules
        From which ratio of kvar to kW on.

    Returns
    -------
    Finding or None
        The ratio with its charge [THB], and the capacitors that would bring it below what the rule looks for [kvar];
        None where it is low, or not measured.

    References
    ----------
    .. [1] Metropolitan Electricity Authority (MEA), "Electricity tariffs": the power factor charge.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from bkkenergy.savings.rules_supply import power_factor
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> facts = facts_of(bk.examples.office_quarters("2025"), schedule="mea-3-2-lv")
    >>> lagging = replace(facts, kvar=facts.demand_kw * 0.9, kvar_thb=56.07, free_kvar_per_kw=0.6197)
    >>> power_factor(lagging, rules()).severity
    'alert'
    """
    month = slice(-int(DAYS_PER_MONTH * 96), None)
    if facts.kvar is None or not (enough(facts.kvar[month], 0.2) and enough(facts.demand_kw[month], 0.3)):
        return None
    kvar, kw = float(np.nanmax(facts.kvar[month])), float(np.nanmax(facts.demand_kw[month]))
    if kw <= 0 or kvar / kw <= rules.kvar_per_kw:
        return None
    charge = max(0.0, kvar - facts.free_kvar_per_kw * kw) * facts.kvar_thb
    severity: Severity = "alert" if charge > 0 else "notice"
    evidence = {"kvar_per_kw": kvar / kw, "kvar": kvar, "capacitor_kvar": kvar - rules.kvar_per_kw * kw}
    return finding(facts, "power_factor", severity, -30, 0.0, evidence, thb=charge)


SATANG_THB = 0.01
"""Less than this between on-peak and off-peak is rounding: the schedule has one price."""


LATE_HOURS = np.arange(18, 22)
"""The evening's last on-peak hours."""


def _of_people(hours: FloatArray) -> BoolArray:
    """Return which late hours of each day are opening hours of a building that closes at night; (m, 4)."""
    opens, closes = hours[:, :1], hours[:, 1:]
    return (opens <= LATE_HOURS) & (closes > LATE_HOURS) & (closes < HOURS_PER_DAY)


def load_shift(facts: Facts, rules: InsightRules) -> Finding | None:
    """Find load of the evening's last on-peak hours above the night's: what could wait for off-peak.

    What is used while a building is open in the evening is of the people in it, and does not wait: that of a sports
    centre before it closes does not count. A building that never closes has no such hours.

    Parameters
    ----------
    facts : Facts
        What is known of a building.
    rules : InsightRules
        Least share of the on-peak energy.

    Returns
    -------
    Finding or None
        The energy [kWh] and what it would gain [THB]; None where there is little, or one price.

    Examples
    --------
    >>> from bkkenergy.savings.rules_supply import load_shift
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> use = bk.examples.office()
    >>> use[(use.index.hour >= 18) & (use.index.hour < 22)] += 25.0
    >>> load_shift(facts_of(use, schedule="mea-3-2-lv"), rules()).rule
    'load_shift'
    """
    late = slice(LATE_HOURS[0], LATE_HOURS[-1] + 1)
    month = slice(-FOUR_WEEKS, None)
    grid, working = facts.grid_kw[month], facts.is_open[month]
    peak = facts.on_peak.reshape(-1, HOURS_PER_DAY)[month]
    if not enough(grid.ravel()) or not peak.any() or not working.any():
        return None
    nights = day_night_kw(facts.series)[month]
    movable = np.clip(grid[:, late] - nights[:, None], 0, None) * peak[:, late] * ~_of_people(facts.hours[month])
    kwh = float(np.nansum(movable)) / FOUR_WEEKS * DAYS_PER_MONTH
    on_peak_kwh = float(np.nansum(grid * peak)) / FOUR_WEEKS * DAYS_PER_MONTH
    price = facts.thb_per_kwh.reshape(-1, HOURS_PER_DAY)[month]
    gain = float(price[peak].mean() - price[~peak].mean()) if (~peak).any() else 0.0
    if on_peak_kwh <= 0 or kwh / on_peak_kwh < rules.shift_ratio or gain < SATANG_THB:
        return None
    return finding(
        facts,
        "load_shift",
        "notice",
        -FOUR_WEEKS,
        kwh,
        {"share_ratio": kwh / on_peak_kwh, "gain_thb_per_kwh": gain},
        thb=kwh * gain,
    )


def submeters(facts: Facts, rules: InsightRules) -> Finding | None:
    """Find sub-meters whose sum is above the main meter's energy by more than their classes allow.

    Parameters
    ----------
    facts : Facts
        What is known of a building; with its sub-meters' energy.
    rules : InsightRules
        How much above, as a share.

    Returns
    -------
    Finding or None
        Both energies [kWh]; None where they agree.

    Examples
    --------
    >>> from dataclasses import replace
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> from bkkenergy.savings.facts import SubMeterSums
    >>> from bkkenergy.savings.rules_supply import submeters
    >>> facts = facts_of(bk.examples.office(), schedule="mea-3-2-lv")
    >>> sums = SubMeterSums(whole_kwh=10_000.0, parts_kwh=12_000.0, known_ratio=1.0)
    >>> submeters(replace(facts, sub_meters=sums), rules()).rule
    'submeters'
    """
    if facts.sub_meters is None or facts.sub_meters.known_ratio < MIN_KNOWN_RATIO:
        return None
    main = facts.sub_meters.whole_kwh
    over = facts.sub_meters.parts_kwh - main
    if main <= 0 or over <= rules.submeter_ratio * main:
        return None
    return finding(
        facts,
        "submeters",
        "warning",
        -FOUR_WEEKS,
        0.0,
        {"main_kwh": main, "sub_kwh": facts.sub_meters.parts_kwh, "over_ratio": over / main},
        thb=0.0,
    )


def pv_shortfall(facts: Facts, rules: InsightRules) -> Finding | None:
    """Find PV that makes less than its own estimate for the same weeks.

    Parameters
    ----------
    facts : Facts
        What is known of a building; with PV and its estimate.
    rules : InsightRules
        How much less, as a share.

    Returns
    -------
    Finding or None
        The shortfall [kWh]; None where there is none.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from bkkenergy.savings.rules_supply import pv_shortfall
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> facts = facts_of(bk.examples.office(), schedule="mea-3-2-lv")
    >>> pv_shortfall(replace(facts, pv_kwh=700.0, pv_expected_kwh=1_000.0), rules()).rule
    'pv_shortfall'
    """
    if facts.pv_kwh is None or facts.pv_expected_kwh is None or facts.pv_expected_kwh <= 0:
        return None
    ratio = 1 - facts.pv_kwh / facts.pv_expected_kwh
    if ratio <= rules.pv_shortfall_ratio:
        return None
    kwh = (facts.pv_expected_kwh - facts.pv_kwh) / FOUR_WEEKS * DAYS_PER_MONTH
    return finding(
        facts,
        "pv_shortfall",
        "warning",
        -FOUR_WEEKS,
        kwh,
        {"short_ratio": ratio, "expected_kwh": facts.pv_expected_kwh},
    )


def pv_drop(facts: Facts, rules: InsightRules) -> Finding | None:  # noqa: ARG001 - as every rule is called
    """Find a PV plant, or a part of one, that makes less than before in the same light.

    Parameters
    ----------
    facts : Facts
        What is known of a building; with a drop of its PV.
    rules : InsightRules
        Not asked: the least drop belongs to the index that it is found by.

    Returns
    -------
    Finding or None
        The loss [kWh a month]; None where there is none.

    See Also
    --------
    bkkenergy.solar.plantdays.drops : Finds them.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from bkkenergy.savings.rules_supply import pv_drop
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> facts = facts_of(bk.examples.office(), schedule="mea-3-2-lv")
    >>> pv_drop(replace(facts, pv_drop_ratio=0.1, pv_drop_kwh=500.0, pv_drop_days=9), rules()).rule
    'pv_drop'
    """
    if facts.pv_drop_ratio is None or facts.pv_drop_days < 1:
        return None
    return finding(
        facts, "pv_drop", "warning", -facts.pv_drop_days, facts.pv_drop_kwh, {"short_ratio": facts.pv_drop_ratio}
    )


def meter_fault(facts: Facts, rules: InsightRules) -> Finding | None:
    """Find a meter that stands at one value, is silent, or counts backwards in the last week.

    Parameters
    ----------
    facts : Facts
        What is known of a building.
    rules : InsightRules
        How long it may stand, and how much may be missing.

    Returns
    -------
    Finding or None
        What is wrong with it; None where it works.

    Examples
    --------
    >>> from bkkenergy.savings.rules_supply import meter_fault
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> use = bk.examples.office()
    >>> use.iloc[-72:] = 7.0
    >>> meter_fault(facts_of(use, schedule="mea-3-2-lv"), rules()).evidence["stuck_h"]
    72.0
    """
    week = facts.series.energy_kwh[-WEEK * HOURS_PER_DAY :]
    missing = float(np.isnan(week).mean())
    negative = float((np.nan_to_num(week) < 0).sum())
    stuck = longest_equal_run(week)
    if missing <= rules.missing_ratio and stuck < rules.stuck_h and negative == 0:
        return None
    evidence = {"missing_ratio": missing, "stuck_h": float(stuck), "negative_h": negative}
    return finding(facts, "meter_fault", "alert" if missing > 0.5 else "warning", -WEEK, 0.0, evidence, thb=0.0)  # noqa: PLR2004


def longest_equal_run(values: FloatArray) -> int:
    """Count the most values in a row that are known, not zero, and the same.

    Parameters
    ----------
    values : (n,) array
        Values in order; NaN where not known.

    Returns
    -------
    int
        How many; 0 where no two neighbours are the same.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.rules_supply import longest_equal_run
    >>> longest_equal_run(np.array([1.0, 2.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0]))
    3
    """
    same = (values[1:] == values[:-1]) & (values[1:] != 0)
    breaks = np.flatnonzero(~same)
    edges = np.concatenate([[-1], breaks, [len(same)]])
    return int(np.diff(edges).max()) if len(values) > 1 and same.any() else 0
