"""Rules about what is supplied and measured: demand, reactive power, time of use, meters, PV."""

from __future__ import annotations

import numpy as np

from bkkenergy.readings import FloatArray
from bkkenergy.savings.baseline import HOURS_A_DAY
from bkkenergy.savings.facts import (
    DAYS_A_MONTH,
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

LEAST_KNOWN_RATIO = 0.9
"""Sub-meters are judged where they and their main meter are known for this share of four weeks."""


def demand_peak(facts: Facts, rules: InsightRules) -> Finding | None:
    """The month's highest quarter-hour that comes near the highest of twelve months, which sets the charge."""
    if facts.demand_starts is None or not enough(facts.demand_kw, 0.5) or facts.demand_thb_per_kw <= 0:
        return None
    month = facts.demand_starts[-1].tz_localize(None).to_period("M")
    is_now = np.asarray(facts.demand_starts.tz_localize(None).to_period("M") == month)
    now, past = facts.demand_kw[is_now], facts.demand_kw[~is_now]
    if not (enough(now, 0.3) and enough(past, 0.5)):
        return None
    peak, highest = float(np.nanmax(now)), float(np.nanmax(past))
    if peak < rules.peak_ratio * highest:
        return None
    at = facts.demand_starts[is_now][int(np.nanargmax(now))]
    usual = float(np.nanquantile(now, 0.99))
    worth = max(0.0, peak - usual) * facts.demand_thb_per_kw
    row = -max(1, (facts.series.day_index[-1].date() - at.date()).days + 1)
    evidence = {"peak_kw": peak, "highest_kw": highest, "usual_kw": usual, "hour": at.hour + at.minute / 60}
    return finding(facts, "demand_peak", "alert" if peak >= highest else "warning", row, 0.0, evidence, thb=worth)


def power_factor(facts: Facts, rules: InsightRules) -> Finding | None:
    """Reactive power of the last month near or above what MEA gives free."""
    month = slice(-int(DAYS_A_MONTH * 96), None)
    if facts.kvar is None or not (enough(facts.kvar[month], 0.2) and enough(facts.demand_kw[month], 0.3)):
        return None
    kvar, kw = float(np.nanmax(facts.kvar[month])), float(np.nanmax(facts.demand_kw[month]))
    if kw <= 0 or kvar / kw <= rules.kvar_per_kw:
        return None
    charge = max(0.0, kvar - facts.free_kvar_per_kw * kw) * facts.kvar_thb
    severity: Severity = "alert" if charge > 0 else "notice"
    return finding(facts, "power_factor", severity, -30, 0.0, {"kvar_per_kw": kvar / kw, "kvar": kvar}, thb=charge)


SATANG_THB = 0.01
"""Less than this between on-peak and off-peak is rounding: the schedule has one price."""


def load_shift(facts: Facts, rules: InsightRules) -> Finding | None:
    """Load of the evening's last on-peak hours above the night's: what could wait for off-peak."""
    late = slice(18, 22)
    month = slice(-FOUR_WEEKS, None)
    grid, working = facts.grid_kw[month], facts.is_open[month]
    peak = facts.on_peak.reshape(-1, HOURS_A_DAY)[month]
    if not enough(grid.ravel()) or not peak.any() or not working.any():
        return None
    nights = day_night_kw(facts.series)[month]
    movable = np.clip(grid[:, late] - nights[:, None], 0, None) * peak[:, late]
    kwh = float(np.nansum(movable)) / FOUR_WEEKS * DAYS_A_MONTH
    on_peak_kwh = float(np.nansum(grid * peak)) / FOUR_WEEKS * DAYS_A_MONTH
    price = facts.thb_per_kwh.reshape(-1, HOURS_A_DAY)[month]
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
    """Sub-meters whose sum is above the main meter's energy by more than their classes allow."""
    if facts.sub_meters is None or facts.sub_meters.known_ratio < LEAST_KNOWN_RATIO:
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
    """PV that makes less than its own estimate for the same weeks."""
    if facts.pv_kwh is None or facts.pv_expected_kwh is None or facts.pv_expected_kwh <= 0:
        return None
    ratio = 1 - facts.pv_kwh / facts.pv_expected_kwh
    if ratio <= rules.pv_shortfall_ratio:
        return None
    kwh = (facts.pv_expected_kwh - facts.pv_kwh) / FOUR_WEEKS * DAYS_A_MONTH
    return finding(
        facts,
        "pv_shortfall",
        "warning",
        -FOUR_WEEKS,
        kwh,
        {"short_ratio": ratio, "expected_kwh": facts.pv_expected_kwh},
    )


def meter_fault(facts: Facts, rules: InsightRules) -> Finding | None:
    """A meter that stands at one value, is silent, or counts backwards in the last week."""
    week = facts.series.energy_kwh[-WEEK * HOURS_A_DAY :]
    missing = float(np.isnan(week).mean())
    negative = float((np.nan_to_num(week) < 0).sum())
    stuck = longest_equal_run(week)
    if missing <= rules.missing_ratio and stuck < rules.stuck_h and negative == 0:
        return None
    evidence = {"missing_ratio": missing, "stuck_h": float(stuck), "negative_h": negative}
    return finding(facts, "meter_fault", "alert" if missing > 0.5 else "warning", -WEEK, 0.0, evidence, thb=0.0)  # noqa: PLR2004


def longest_equal_run(values: FloatArray) -> int:
    """Most values in a row that are known, not zero, and the same."""
    same = (values[1:] == values[:-1]) & (values[1:] != 0)
    breaks = np.flatnonzero(~same)
    edges = np.concatenate([[-1], breaks, [len(same)]])
    return int(np.diff(edges).max()) if len(values) > 1 and same.any() else 0
