"""Rules about how a building is used: nights, closed days, hours, weeks, weather."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from bkkenergy.readings import FloatArray
from bkkenergy.savings.baseline import HOURS_PER_DAY
from bkkenergy.savings.events import EventRule, UseEvent, find_event
from bkkenergy.savings.facts import (
    DAYS_PER_MONTH,
    DAYS_PER_YEAR,
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
HALF_YEAR, MIN_DAYS, MIN_SPREAD_C = 180, 60, 0.5
SURE_ERRORS = 2.5


def baseload_rise(facts: Facts, rules: InsightRules) -> Finding | None:
    """Find nights of the last week that use more than those of the year before.

    Parameters
    ----------
    facts : Facts
        What is known of a building.
    rules : InsightRules
        Least rise, in kW and as a share.

    Returns
    -------
    Finding or None
        What rose, with the energy of a month [kWh]; None where nothing did, or too little is known.

    Examples
    --------
    >>> from bkkenergy.savings.rules_use import baseload_rise
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> use = bk.examples.office()
    >>> use.iloc[-7 * 24 :] += 5.0
    >>> baseload_rise(facts_of(use, schedule="mea-3-2-lv"), rules()).severity
    'alert'
    """
    nights = day_night_kw(facts.series)
    event = event_of(facts, rules)
    first = (
        -WEEK - DAYS_PER_YEAR
        if event is None
        else max(row_of(facts, event.first_day), len(nights) - WEEK - DAYS_PER_YEAR)
    )
    last, before = nights[-WEEK:], nights[first:-WEEK]
    if not (enough(last) and enough(before)):
        return None
    now, usual = float(np.nanmean(last)), usual_night_kw(facts, nights, slice(first, -WEEK))
    rise = now - usual
    if rise < rules.baseload_rise_least_kw or rise < rules.baseload_rise_ratio * usual:
        return None
    kwh = rise * HOURS_PER_DAY * DAYS_PER_MONTH
    evidence = {"now_kw": now, "usual_kw": usual, "rise_ratio": rise / usual}
    return finding(facts, "baseload_rise", "alert", -WEEK, kwh, evidence, of_days=WEEK)


def out_of_hours(facts: Facts, rules: InsightRules) -> Finding | None:
    """Find a share of the year's energy outside opening hours that is above the goal.

    Parameters
    ----------
    facts : Facts
        What is known of a building.
    rules : InsightRules
        The goal.

    Returns
    -------
    Finding or None
        The share beyond the goal; None where it is met, or the building is open most of the time.

    Examples
    --------
    >>> from bkkenergy.savings.rules_use import out_of_hours
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> facts = facts_of(bk.examples.office(), schedule="mea-3-2-lv")
    >>> strict = rules().model_copy(update={"out_of_hours_ratio": 0.2})
    >>> out_of_hours(facts, strict).evidence["share_ratio"] > 0.2
    True
    """
    grid, hours = facts.grid_kw[-DAYS_PER_YEAR:], facts.hours[-DAYS_PER_YEAR:]
    at = np.arange(HOURS_PER_DAY)
    with np.errstate(invalid="ignore"):
        inside = (at >= np.floor(hours[:, :1])) & (at < np.ceil(hours[:, 1:]))
    total = float(np.nansum(grid))
    if not enough(grid.ravel()) or total <= 0 or not facts.is_open.any() or inside.mean() > 0.6:  # noqa: PLR2004 - open all hours
        return None
    ratio = float(np.nansum(np.where(inside, 0.0, grid))) / total
    if ratio <= rules.out_of_hours_ratio:
        return None
    kwh = (ratio - rules.out_of_hours_ratio) * total * DAYS_PER_MONTH / len(grid)
    return finding(
        facts,
        "out_of_hours",
        "warning",
        -len(grid),
        kwh,
        {"share_ratio": ratio, "goal_ratio": rules.out_of_hours_ratio},
    )


def overrun(facts: Facts, rules: InsightRules) -> Finding | None:
    """Find load as if people were in, before opening or after closing, on several working days of the last week.

    Parameters
    ----------
    facts : Facts
        What is known of a building.
    rules : InsightRules
        How many hours and days.

    Returns
    -------
    Finding or None
        The hours a day and their energy; None where there are too few.

    Examples
    --------
    >>> from bkkenergy.savings.rules_use import overrun
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> use = bk.examples.office()["2024-01":"2025-11-28"]
    >>> use[(use.index.hour >= 17) & (use.index.hour < 22) & (use.index >= "2025-11-22 00:00+07:00")] += 30.0
    >>> overrun(facts_of(use, schedule="mea-3-2-lv"), rules()).evidence["days"]
    5
    """
    rows = [row for row in range(-WEEK, 0) if facts.is_open[row]]
    grid, nights = facts.grid_kw, day_night_kw(facts.series)
    over_h, over_kwh, late = 0.0, 0.0, list[int]()
    for row in rows:
        opening, closing = facts.hours[row]
        day, night = grid[row], nights[row]
        inside = (np.arange(HOURS_PER_DAY) >= opening) & (np.arange(HOURS_PER_DAY) < closing)
        if np.isnan(night) or not np.isfinite(day).all() or not inside.any():
            continue
        busy = float(np.median(day[inside]))
        line = night + 0.3 * (busy - night)
        early = np.flatnonzero(~inside & (day > line) & (busy > night * 1.2))
        early = early[(early < opening - 1) | (early >= np.ceil(closing))]
        if len(early) > rules.overrun_h:
            late.append(row)
            over_h += len(early)
            over_kwh += float((day[early] - night).sum())
    days = len(late)
    if days < rules.overrun_days:
        return None
    return finding(
        facts,
        "overrun",
        "warning",
        -WEEK,
        over_kwh / WEEK * DAYS_PER_MONTH,
        {"days": days, "hours_a_day": over_h / days},
        rows=late,
        of_days=WEEK,
    )


def closed_days(facts: Facts, rules: InsightRules) -> Finding | None:
    """Find use on closed days of the last four weeks that is high against working days and against the building's own
    year.

    Parameters
    ----------
    facts : Facts
        What is known of a building.
    rules : InsightRules
        Highest share of a working day, and highest rise over the year.

    Returns
    -------
    Finding or None
        The share now and usually; None where it is as usual.

    Examples
    --------
    >>> from bkkenergy.savings.rules_use import closed_days
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> use = bk.examples.office()["2024-01":"2025-11-28"]
    >>> use[(use.index.day_of_week >= 5) & (use.index >= "2025-11-01 00:00+07:00")] += 8.0
    >>> closed_days(facts_of(use, schedule="mea-3-2-lv"), rules()).rule
    'closed_days'
    """
    use, is_open = facts.day_kwh, facts.is_open
    recent = slice(-FOUR_WEEKS, None)
    closed, working = use[recent][~is_open[recent]], use[recent][is_open[recent]]
    year = slice(-DAYS_PER_YEAR, -FOUR_WEEKS)
    if not (enough(closed) and enough(working)) or len(closed) < 3:  # noqa: PLR2004 - a weekend and a day
        return None
    ratio = float(np.nanmean(closed) / np.nanmean(working))
    before = use[year][~is_open[year]]
    usual = float(np.nanmedian(before) / np.nanmedian(use[year][is_open[year]])) if enough(before) else np.inf
    is_high = ratio > rules.closed_day_ratio and bool(facts.is_open.any())
    if not (ratio > usual * rules.closed_day_rise or (is_high and ratio > usual * 1.1)):
        return None
    goal = min(usual, rules.closed_day_ratio)
    kwh = max(0.0, ratio - goal) * float(np.nanmean(working)) * len(closed) / FOUR_WEEKS * DAYS_PER_MONTH
    return finding(
        facts,
        "closed_days",
        "warning",
        -FOUR_WEEKS,
        kwh,
        {"ratio": ratio, "usual_ratio": usual if np.isfinite(usual) else goal},
        rows=[row for row in range(-FOUR_WEEKS, 0) if not is_open[row] and use[row] > goal * np.nanmean(working)],
    )


def holiday_running(facts: Facts, rules: InsightRules) -> Finding | None:
    """Find a holiday of the last four weeks that used more than a usual Sunday.

    Parameters
    ----------
    facts : Facts
        What is known of a building.
    rules : InsightRules
        How much more.

    Returns
    -------
    Finding or None
        The day with its use [kWh]; None where there is none.

    Examples
    --------
    >>> from bkkenergy.savings.rules_use import holiday_running
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> use = bk.examples.office()
    >>> use.loc["2025-12-31"] += 10.0
    >>> holiday_running(facts_of(use, schedule="mea-3-2-lv"), rules()).since
    datetime.date(2025, 12, 31)
    """
    use, weekday = facts.day_kwh, facts.series.day_index.day_of_week.to_numpy()
    sundays = use[-DAYS_PER_YEAR:][(weekday[-DAYS_PER_YEAR:] == SUNDAY)]
    if not enough(sundays):
        return None
    usual = float(np.nanmedian(sundays))
    recent = np.arange(max(len(use) - FOUR_WEEKS, 0), len(use))
    weekdays_off = recent[(facts.series.kind[recent] > 0) & (weekday[recent] < SUNDAY - 1)]
    over = [row for row in weekdays_off if np.isfinite(use[row]) and use[row] > rules.holiday_rise * usual]
    if not over:
        return None
    kwh = float(sum(use[row] - usual for row in over)) / FOUR_WEEKS * DAYS_PER_MONTH
    worst = max(over, key=lambda row: use[row])
    return finding(
        facts,
        "holiday_running",
        "warning",
        int(worst),
        kwh,
        {"day_kwh": float(use[worst]), "sunday_kwh": usual, "days": len(over)},
        rows=[int(row) for row in over],
    )


def week_rise(facts: Facts, rules: InsightRules) -> Finding | None:
    """Find working days of the last week that use more than those of the week before.

    Where a baseline knows the temperature, its effect is taken out. The return from one low week is no rise: the three
    weeks before are compared with as well.

    Parameters
    ----------
    facts : Facts
        What is known of a building.
    rules : InsightRules
        Least rise, as a share.

    Returns
    -------
    Finding or None
        The rise; None where there is none, or the weeks have not the same working days.

    Examples
    --------
    >>> from bkkenergy.savings.rules_use import week_rise
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> use = bk.examples.office()["2024-01":"2025-11-28"]
    >>> use.iloc[-7 * 24 :] *= 1.4
    >>> round(week_rise(facts_of(use, schedule="mea-3-2-lv"), rules()).evidence["rise_ratio"], 1)
    0.4
    """
    use, is_open = facts.day_kwh.copy(), facts.is_open
    if facts.baseline is not None:
        expected = facts.expected_kwh
        middle = float(np.nanmean(expected[-2 * WEEK :]))
        use = use - np.nan_to_num(expected) + middle
    last, before = use[-WEEK:][is_open[-WEEK:]], use[-2 * WEEK : -WEEK][is_open[-2 * WEEK : -WEEK]]
    if len(last) != len(before) or not (enough(last, 1.0) and enough(before, 1.0)) or before.mean() <= 0:
        return None
    ratio = float(last.mean() / before.mean() - 1)
    earlier = use[-FOUR_WEEKS:-WEEK][is_open[-FOUR_WEEKS:-WEEK]]
    if min(ratio, float(last.mean() / np.nanmean(earlier) - 1)) < rules.week_rise_ratio:
        return None
    kwh = float((last - before).sum()) / WEEK * DAYS_PER_MONTH
    evidence = {"rise_ratio": ratio, "days": len(last)}
    return finding(facts, "week_rise", "warning", -WEEK, kwh, evidence, of_days=WEEK)


def usual_night_kw(facts: Facts, nights_kw: FloatArray, before: slice) -> float:
    """Compute what nights as warm or cold as the last week's used before.

    Parameters
    ----------
    facts : Facts
        What is known of a building.
    nights_kw : (m,) array
        Mean power of each night [kW]; NaN where not known.
    before : slice
        The days to compare with.

    Returns
    -------
    float
        Mean power [kW], by a line of the days' temperature where that is known, else of all those nights.

    Examples
    --------
    >>> from bkkenergy.savings.rules_use import usual_night_kw
    >>> from bkkenergy.savings.views import day_night_kw
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> facts = facts_of(bk.examples.office(), schedule="mea-3-2-lv")
    >>> round(usual_night_kw(facts, day_night_kw(facts.series), slice(-372, -7)), 1)
    7.5
    """
    temp_c = facts.series.day_temp_c
    mean_kw = float(np.nanmean(nights_kw[before]))
    if temp_c is None or not (enough(temp_c[before]) and enough(temp_c[-WEEK:])):
        return mean_kw
    both = np.isfinite(nights_kw[before]) & np.isfinite(temp_c[before])
    if both.sum() < MIN_DAYS or float(np.std(temp_c[before][both])) < MIN_SPREAD_C:
        return mean_kw
    slope, base = np.polyfit(temp_c[before][both], nights_kw[before][both], 1)
    return float(base + slope * np.nanmean(temp_c[-WEEK:]))


def event_of(facts: Facts, rules: InsightRules) -> UseEvent | None:
    """Find the lasting change of use of the last year against the baseline with its adjustments.

    Parameters
    ----------
    facts : Facts
        What is known of a building. Days before an event that a person dismissed are left out.
    rules : InsightRules
        What counts.

    Returns
    -------
    UseEvent or None
        The change with its date; None without a baseline.

    Examples
    --------
    >>> from bkkenergy.savings.rules_use import event_of
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> use = bk.examples.office()
    >>> baseline = bk.Baseline.fit(use["2024"])
    >>> use.loc["2025-09-01":] += 5.0
    >>> event = event_of(facts_of(use, schedule="mea-3-2-lv", baseline=baseline), rules())
    >>> event.first_day.isoformat(), 100 < event.kwh_a_day < 140
    ('2025-09-01', True)
    """
    if facts.baseline is None:
        return None
    first = max(len(facts.series.kind) - DAYS_PER_YEAR, 0)
    if facts.events_seen_on is not None:
        first = max(first, row_of(facts, facts.events_seen_on))
    days = slice(first, None)
    rule = EventRule(rules.event_ratio, rules.event_sigmas)
    return find_event(
        facts.series.day_index[days], (facts.day_kwh - facts.expected_kwh)[days], facts.expected_kwh[days], rule
    )


def row_of(facts: Facts, day: dt.date) -> int:
    """Return the number of a day.

    Parameters
    ----------
    facts : Facts
        What is known of a building.
    day : date
        A day; before the first it is the first, after the last it is the number of days.

    Returns
    -------
    int
        Its number, from 0.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.savings.rules_use import row_of
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> row_of(facts_of(bk.examples.office(), schedule="mea-3-2-lv"), dt.date(2024, 1, 3))
    2
    """
    return int(facts.series.day_index.tz_localize(None).searchsorted(pd.Timestamp(day)))


def use_event(facts: Facts, rules: InsightRules) -> Finding | None:
    """Find a lasting change of use: since when, and how much a day. A person says whether it is an adjustment.

    Parameters
    ----------
    facts : Facts
        What is known of a building.
    rules : InsightRules
        What counts.

    Returns
    -------
    Finding or None
        The change with its date; one that a person dismissed, or entered as an adjustment, is none.

    Examples
    --------
    >>> from bkkenergy.savings.rules_use import use_event
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> use = bk.examples.office()
    >>> baseline = bk.Baseline.fit(use["2024"])
    >>> use.loc["2025-09-01":] += 5.0
    >>> use_event(facts_of(use, schedule="mea-3-2-lv", baseline=baseline), rules()).since.isoformat()
    '2025-09-01'
    """
    event = event_of(facts, rules)
    if event is None:
        return None
    return finding(
        facts,
        "use_event",
        "warning" if event.kwh_a_day > 0 else "notice",
        row_of(facts, event.first_day),
        event.kwh_a_day * DAYS_PER_MONTH,
        {
            "change_ratio": event.ratio,
            "kwh_a_day": event.kwh_a_day,
            "half_kwh_a_day": event.half_width_kwh_a_day,
            "is_drift": float(event.kind == "drift"),
            "is_share": float(event.is_share),
        },
    )


def residuals(facts: Facts, event: UseEvent | None = None) -> tuple[FloatArray, float] | None:
    """Compute the daily residuals of the baseline, and their robust standard deviation.

    Parameters
    ----------
    facts : Facts
        What is known of a building.
    event : UseEvent, optional
        A lasting change, which is taken out of the days since it: it is said once, and no anomaly of each day.

    Returns
    -------
    (array, float) or None
        Residuals of each day, and sigma over the year before the last week [kWh]; None without a baseline.

    Examples
    --------
    >>> from bkkenergy.savings.rules_use import residuals
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> use = bk.examples.office()
    >>> left, sigma = residuals(facts_of(use, schedule="mea-3-2-lv", baseline=bk.Baseline.fit(use["2024"])))
    >>> len(left), 0 < sigma < 20
    (731, True)
    """
    if facts.baseline is None:
        return None
    left = facts.day_kwh - facts.expected_kwh
    if event is not None:
        since = slice(row_of(facts, event.first_day), None)
        left[since] -= event.added_kwh(facts.expected_kwh[since])
    past = left[-WEEK - DAYS_PER_YEAR : -WEEK]
    if not enough(past):
        return None
    centre = float(np.nanmedian(past))
    sigma = MAD_SIGMA * float(np.nanmedian(np.abs(past - centre)))
    return left - centre, max(sigma, 1e-9)


def anomaly(facts: Facts, rules: InsightRules) -> Finding | None:
    """Find a last day, or a last week, that is far from what the baseline predicts.

    Parameters
    ----------
    facts : Facts
        What is known of a building.
    rules : InsightRules
        How many standard deviations.

    Returns
    -------
    Finding or None
        The distance; it asks the manager for the cause. None where all is as predicted, or there is no baseline.

    Examples
    --------
    >>> from bkkenergy.savings.rules_use import anomaly
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> use = bk.examples.office()
    >>> baseline = bk.Baseline.fit(use["2024"])
    >>> use.iloc[-24:] *= 3.0
    >>> anomaly(facts_of(use, schedule="mea-3-2-lv", baseline=baseline), rules()).severity
    'warning'
    """
    deviations = residuals(facts, event_of(facts, rules))
    if deviations is None:
        return None
    left, sigma = deviations
    day, week = left[-1], left[-WEEK:]
    of_week = float(np.nanmean(week)) / sigma if enough(week) else 0.0
    of_day = float(day) / sigma if np.isfinite(day) else 0.0
    if abs(of_week) > rules.anomaly_week_sigma:
        kwh, since, of_days = float(np.nanmean(week)) * DAYS_PER_MONTH, -WEEK, WEEK
    elif abs(of_day) > rules.anomaly_day_sigma:
        kwh, since, of_days = float(day), -1, 1
    else:
        return None
    severity: Severity = "warning" if kwh > 0 else "notice"
    rows = [since] if of_days == 1 else []
    evidence = {"day_sigma": of_day, "week_sigma": of_week}
    return finding(facts, "anomaly", severity, since, kwh, evidence, rows=rows, of_days=of_days)


def night_spread(facts: Facts, rules: InsightRules) -> Finding | None:
    """Find night loads of working days that differ within the week: something is sometimes left on.

    Parameters
    ----------
    facts : Facts
        What is known of a building.
    rules : InsightRules
        Least spread, as a share and in kW.

    Returns
    -------
    Finding or None
        The highest and the lowest night [kW]; None where nights are alike.

    Examples
    --------
    >>> from bkkenergy.savings.rules_use import night_spread
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> use = bk.examples.office()
    >>> use[(use.index.hour < 4) & (use.index.day_of_week == 2)] += 10.0
    >>> night_spread(facts_of(use, schedule="mea-3-2-lv"), rules()).rule
    'night_spread'
    """
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
    kwh = float(means.mean() - means.min()) * 8 * 5 / WEEK * DAYS_PER_MONTH
    return finding(
        facts,
        "night_spread",
        "notice",
        -FOUR_WEEKS,
        kwh,
        {"highest_kw": float(means.max()), "lowest_kw": float(means.min())},
    )


def weather_sensitivity(facts: Facts, rules: InsightRules) -> Finding | None:
    """Find a slope of use on temperature that is steeper than a year before: cooling that works worse.

    Parameters
    ----------
    facts : Facts
        What is known of a building; with temperature, over a year and a half.
    rules : InsightRules
        Least rise, as a share.

    Returns
    -------
    Finding or None
        Both slopes [kWh/degC]; None where the rise is not sure.

    Examples
    --------
    >>> from bkkenergy.savings.rules_use import weather_sensitivity
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> air_c, use = bk.examples.temperature(), bk.examples.office()
    >>> works = (use.index.hour >= 8) & (use.index.hour < 17) & (use.index >= "2025-07-01 00:00+07:00")
    >>> use[works] += 3.0 * (air_c[works] - 24.0).clip(lower=0.0)
    >>> weather_sensitivity(facts_of(use, schedule="mea-3-2-lv", temperature=air_c), rules()).severity
    'notice'
    """
    temp, use = facts.series.day_temp_c, facts.day_kwh
    if temp is None or len(use) < DAYS_PER_YEAR + HALF_YEAR:
        return None
    slopes = []
    for rows in (slice(-HALF_YEAR, None), slice(-DAYS_PER_YEAR - HALF_YEAR, -DAYS_PER_YEAR)):
        both = facts.is_open[rows] & np.isfinite(temp[rows]) & np.isfinite(use[rows])
        if both.sum() < MIN_DAYS or np.std(temp[rows][both]) < MIN_SPREAD_C:
            return None
        slopes.append(slope_of(temp[rows][both], use[rows][both]))
    (now, now_error), (before, before_error) = slopes
    is_sure = now - before > SURE_ERRORS * float(np.hypot(now_error, before_error))
    if before <= 0 or now < before * (1 + rules.cooling_rise_ratio) or not is_sure:
        return None
    kwh = (now - before) * 5 * DAYS_PER_MONTH * float(facts.is_open[-HALF_YEAR:].mean())
    return finding(
        facts, "weather_sensitivity", "notice", -HALF_YEAR, kwh, {"now_kwh_per_c": now, "before_kwh_per_c": before}
    )


def slope_of(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """Fit the slope of y on x with its standard error, widened for residuals that remember the day before.

    Parameters
    ----------
    x, y : (n,) array
        Values of days, in order.

    Returns
    -------
    float
        The slope.
    float
        Its standard error.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.rules_use import slope_of
    >>> slope, error = slope_of(np.arange(10.0), 2.0 * np.arange(10.0) + np.tile([0.1, -0.1], 5))
    >>> round(float(slope), 1), bool(error < 0.05)
    (2.0, True)
    """
    off = x - x.mean()
    slope = float((off @ y) / (off @ off))
    left = y - y.mean() - slope * off
    rho = float(np.clip((left[1:] @ left[:-1]) / max(float(left @ left), 1e-12), 0.0, 0.95))
    error = float(np.sqrt((left @ left) / (len(y) - 2) / (off @ off)))
    return slope, error * float(np.sqrt((1 + rho) / (1 - rho)))
