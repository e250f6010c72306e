"""Rules about how a building is used: nights, closed days, hours, weeks, weather."""

from __future__ import annotations

import numpy as np

from bkkenergy.readings import FloatArray
from bkkenergy.savings.baseline import HOURS_A_DAY, expected_days
from bkkenergy.savings.facts import (
    DAYS_A_MONTH,
    DAYS_A_YEAR,
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

MAD_SIGMA = 1.4826
SUNDAY = 6
HALF_YEAR, LEAST_DAYS, LEAST_SPREAD_C = 180, 60, 0.5
SURE_ERRORS = 2.5


def baseload_rise(facts: Facts, rules: InsightRules) -> Finding | None:
    """Nights of the last week against the year before them."""
    nights = day_night_kw(facts.series)
    last, before = nights[-WEEK:], nights[-WEEK - DAYS_A_YEAR : -WEEK]
    if not (enough(last) and enough(before)):
        return None
    now, usual = float(np.nanmean(last)), float(np.nanmean(before))
    rise = now - usual
    if rise < rules.baseload_rise_least_kw or rise < rules.baseload_rise_ratio * usual:
        return None
    kwh = rise * HOURS_A_DAY * DAYS_A_MONTH
    return finding(
        facts, "baseload_rise", "alert", -WEEK, kwh, {"now_kw": now, "usual_kw": usual, "rise_ratio": rise / usual}
    )


def out_of_hours(facts: Facts, rules: InsightRules) -> Finding | None:
    """Share of a year's energy outside opening hours."""
    grid, hours = facts.grid_kw[-DAYS_A_YEAR:], facts.hours[-DAYS_A_YEAR:]
    at = np.arange(HOURS_A_DAY)
    with np.errstate(invalid="ignore"):
        inside = (at >= np.floor(hours[:, :1])) & (at < np.ceil(hours[:, 1:]))
    total = float(np.nansum(grid))
    if not enough(grid.ravel()) or total <= 0 or not facts.is_open.any() or inside.mean() > 0.6:  # noqa: PLR2004 - open all hours
        return None
    ratio = float(np.nansum(np.where(inside, 0.0, grid))) / total
    if ratio <= rules.out_of_hours_ratio:
        return None
    kwh = (ratio - rules.out_of_hours_ratio) * total * DAYS_A_MONTH / len(grid)
    return finding(
        facts,
        "out_of_hours",
        "warning",
        -len(grid),
        kwh,
        {"share_ratio": ratio, "goal_ratio": rules.out_of_hours_ratio},
    )


def overrun(facts: Facts, rules: InsightRules) -> Finding | None:
    """Load as if people were in, before opening or after closing, on several working days of the last week."""
    rows = [row for row in range(-WEEK, 0) if facts.is_open[row]]
    grid, nights = facts.grid_kw, day_night_kw(facts.series)
    over_h, over_kwh, days = 0.0, 0.0, 0
    for row in rows:
        opening, closing = facts.hours[row]
        day, night = grid[row], nights[row]
        inside = (np.arange(HOURS_A_DAY) >= opening) & (np.arange(HOURS_A_DAY) < closing)
        if np.isnan(night) or not np.isfinite(day).all() or not inside.any():
            continue
        busy = float(np.median(day[inside]))
        line = night + 0.3 * (busy - night)
        early = np.flatnonzero(~inside & (day > line) & (busy > night * 1.2))
        early = early[(early < opening - 1) | (early >= np.ceil(closing))]
        if len(early) > rules.overrun_h:
            days += 1
            over_h += len(early)
            over_kwh += float((day[early] - night).sum())
    if days < rules.overrun_days:
        return None
    return finding(
        facts, "overrun", "warning", -WEEK, over_kwh / WEEK * DAYS_A_MONTH, {"days": days, "hours_a_day": over_h / days}
    )


def closed_days(facts: Facts, rules: InsightRules) -> Finding | None:
    """Use on closed days of the last four weeks against working days, and against the building's own year."""
    use, is_open = facts.day_kwh, facts.is_open
    recent = slice(-FOUR_WEEKS, None)
    closed, working = use[recent][~is_open[recent]], use[recent][is_open[recent]]
    year = slice(-DAYS_A_YEAR, -FOUR_WEEKS)
    if not (enough(closed) and enough(working)) or len(closed) < 3:  # noqa: PLR2004 - a weekend and a day
        return None
    ratio = float(np.nanmean(closed) / np.nanmean(working))
    before = use[year][~is_open[year]]
    usual = float(np.nanmedian(before) / np.nanmedian(use[year][is_open[year]])) if enough(before) else np.inf
    is_high = ratio > rules.closed_day_ratio and bool(facts.is_open.any())
    if not (ratio > usual * rules.closed_day_rise or (is_high and ratio > usual * 1.1)):
        return None
    goal = min(usual, rules.closed_day_ratio)
    kwh = max(0.0, ratio - goal) * float(np.nanmean(working)) * len(closed) / FOUR_WEEKS * DAYS_A_MONTH
    return finding(
        facts,
        "closed_days",
        "warning",
        -FOUR_WEEKS,
        kwh,
        {"ratio": ratio, "usual_ratio": usual if np.isfinite(usual) else goal},
    )


def holiday_running(facts: Facts, rules: InsightRules) -> Finding | None:
    """A holiday of the last four weeks that used more than a usual Sunday."""
    use, weekday = facts.day_kwh, facts.series.day_index.day_of_week.to_numpy()
    sundays = use[-DAYS_A_YEAR:][(weekday[-DAYS_A_YEAR:] == SUNDAY)]
    if not enough(sundays):
        return None
    usual = float(np.nanmedian(sundays))
    recent = np.arange(len(use) - FOUR_WEEKS, len(use))
    held = recent[(facts.series.kind[recent] > 0) & (weekday[recent] < SUNDAY - 1)]
    over = [row for row in held if np.isfinite(use[row]) and use[row] > rules.holiday_rise * usual]
    if not over:
        return None
    kwh = float(sum(use[row] - usual for row in over)) / FOUR_WEEKS * DAYS_A_MONTH
    worst = max(over, key=lambda row: use[row])
    return finding(
        facts,
        "holiday_running",
        "warning",
        int(worst),
        kwh,
        {"day_kwh": float(use[worst]), "sunday_kwh": usual, "days": len(over)},
    )


def week_rise(facts: Facts, rules: InsightRules) -> Finding | None:
    """Working days of the last week against the week before, with temperature taken out where a baseline knows it."""
    use, is_open = facts.day_kwh.copy(), facts.is_open
    if facts.baseline is not None:
        expected = expected_days(facts.baseline.model, facts.series)
        middle = float(np.nanmean(expected[-2 * WEEK :]))
        use = use - np.nan_to_num(expected) + middle
    last, before = use[-WEEK:][is_open[-WEEK:]], use[-2 * WEEK : -WEEK][is_open[-2 * WEEK : -WEEK]]
    if len(last) != len(before) or not (enough(last, 1.0) and enough(before, 1.0)) or before.mean() <= 0:
        return None
    ratio = float(last.mean() / before.mean() - 1)
    if ratio < rules.week_rise_ratio:
        return None
    kwh = float((last - before).sum()) / WEEK * DAYS_A_MONTH
    return finding(facts, "week_rise", "warning", -WEEK, kwh, {"rise_ratio": ratio, "days": len(last)})


def residuals(facts: Facts) -> tuple[FloatArray, float] | None:
    """(m,) daily residuals of the baseline, and their robust sigma over the year before the last week."""
    if facts.baseline is None:
        return None
    left = facts.day_kwh - expected_days(facts.baseline.model, facts.series)
    past = left[-WEEK - DAYS_A_YEAR : -WEEK]
    if not enough(past):
        return None
    centre = float(np.nanmedian(past))
    sigma = MAD_SIGMA * float(np.nanmedian(np.abs(past - centre)))
    return left - centre, max(sigma, 1e-9)


def anomaly(facts: Facts, rules: InsightRules) -> Finding | None:
    """The last day, or the last week's mean, far from what the baseline foretold: ask the manager for the cause."""
    found = residuals(facts)
    if found is None:
        return None
    left, sigma = found
    day, week = left[-1], left[-WEEK:]
    of_week = float(np.nanmean(week)) / sigma if enough(week) else 0.0
    of_day = float(day) / sigma if np.isfinite(day) else 0.0
    if abs(of_week) > rules.anomaly_week_sigma:
        kwh, since = float(np.nanmean(week)) * DAYS_A_MONTH, -WEEK
    elif abs(of_day) > rules.anomaly_day_sigma:
        kwh, since = float(day), -1
    else:
        return None
    severity: Severity = "warning" if kwh > 0 else "notice"
    return finding(facts, "anomaly", severity, since, kwh, {"day_sigma": of_day, "week_sigma": of_week})


def night_spread(facts: Facts, rules: InsightRules) -> Finding | None:
    """Night load of working days that differs within the week: something is sometimes left on."""
    nights = day_night_kw(facts.series)[-FOUR_WEEKS:]
    weekday = facts.series.day_index.day_of_week.to_numpy()[-FOUR_WEEKS:]
    if not enough(nights):
        return None
    means = np.array(
        [np.nanmean(nights[weekday == day]) for day in range(5) if np.isfinite(nights[weekday == day]).any()]
    )
    if len(means) < 5 or means.min() <= 0:  # noqa: PLR2004 - Monday to Friday
        return None
    spread = float(means.max() / means.min() - 1)
    if spread < rules.night_spread_ratio or means.max() - means.min() < rules.baseload_rise_least_kw:
        return None
    kwh = float(means.mean() - means.min()) * 8 * 5 / WEEK * DAYS_A_MONTH
    return finding(
        facts,
        "night_spread",
        "notice",
        -FOUR_WEEKS,
        kwh,
        {"highest_kw": float(means.max()), "lowest_kw": float(means.min())},
    )


def weather_sensitivity(facts: Facts, rules: InsightRules) -> Finding | None:
    """Slope of working days' use on temperature in the last half-year against the same one a year before."""
    temp, use = facts.series.day_temp_c, facts.day_kwh
    if temp is None or len(use) < DAYS_A_YEAR + HALF_YEAR:
        return None
    found = []
    for rows in (slice(-HALF_YEAR, None), slice(-DAYS_A_YEAR - HALF_YEAR, -DAYS_A_YEAR)):
        both = facts.is_open[rows] & np.isfinite(temp[rows]) & np.isfinite(use[rows])
        if both.sum() < LEAST_DAYS or np.std(temp[rows][both]) < LEAST_SPREAD_C:
            return None
        found.append(slope_of(temp[rows][both], use[rows][both]))
    (now, now_error), (before, before_error) = found
    is_sure = now - before > SURE_ERRORS * float(np.hypot(now_error, before_error))
    if before <= 0 or now < before * (1 + rules.cooling_rise_ratio) or not is_sure:
        return None
    kwh = (now - before) * 5 * DAYS_A_MONTH * float(facts.is_open[-HALF_YEAR:].mean())
    return finding(
        facts, "weather_sensitivity", "notice", -HALF_YEAR, kwh, {"now_kwh_per_c": now, "before_kwh_per_c": before}
    )


def slope_of(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """Slope of y on x with its standard error, widened for residuals that remember the day before."""
    off = x - x.mean()
    slope = float((off @ y) / (off @ off))
    left = y - y.mean() - slope * off
    rho = float(np.clip((left[1:] @ left[:-1]) / max(float(left @ left), 1e-12), 0.0, 0.95))
    error = float(np.sqrt((left @ left) / (len(y) - 2) / (off @ off)))
    return slope, error * float(np.sqrt((1 + rho) / (1 - rho)))
