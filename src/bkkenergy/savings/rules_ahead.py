"""What comes: a long holiday, and what the last one used. A finding after it would be too late."""

from __future__ import annotations

import datetime as dt

import numpy as np

from bkkenergy.readings import BoolArray
from bkkenergy.savings.baseline import HOURS_PER_DAY
from bkkenergy.savings.facts import Facts, Finding, InsightRules

LONG_DAYS = 3
"""Closed days in a row, a holiday or closure among them, that make a break longer than a weekend."""
DAYS_BEFORE = 3
"""How many days before it the reminder comes at most: a weekend may lie between."""


def holiday_ahead(facts: Facts, _rules: InsightRules) -> Finding | None:
    """Remind of a long holiday within the next three days, with what the building used in the last one.

    Parameters
    ----------
    facts : Facts
        What is known of a building, and on which days to come it is closed.
    _rules : InsightRules
        Not looked at: a reminder has no threshold.

    Returns
    -------
    Finding or None
        The days that come, and the power, energy and money of the last long holiday; None where none begins, or none
        is known of the last year.

    References
    ----------
    .. [1] Energy Sparks, alerts before an impending holiday.

    Examples
    --------
    >>> import datetime as dt
    >>> from dataclasses import replace
    >>> import numpy as np
    >>> from bkkenergy.savings.rules_ahead import holiday_ahead
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of, rules
    >>> facts = facts_of(bk.examples.office()["2024-01":"2025-04-11"], schedule="mea-3-2-lv")
    >>> found = holiday_ahead(facts, rules())
    >>> str(found.since), found.evidence["days"]
    ('2025-04-12', 5.0)
    """
    coming = next((run for run in runs_of(~facts.ahead_open, facts.ahead_off) if run.start < DAYS_BEFORE), None)
    if coming is None or (coming.start == 0 and not facts.is_open[-1]):  # it has begun
        return None
    past = [run for run in runs_of(~facts.is_open, facts.series.kind > 0) if run.stop <= len(facts.is_open)]
    use = facts.day_kwh
    known = [run for run in past if np.isfinite(use[run.start : run.stop]).all()]
    if not known:
        return None
    last = known[-1]
    kwh_a_day = float(use[last.start : last.stop].mean())
    hours = slice(last.start * HOURS_PER_DAY, last.stop * HOURS_PER_DAY)
    priced = facts.series.energy_kwh[hours] * facts.thb_per_kwh[hours]
    days = coming.stop - coming.start
    begins = facts.series.day_index[-1].date() + dt.timedelta(days=1 + coming.start)
    return Finding(
        facts.building,
        "holiday_ahead",
        "notice",
        begins,
        0.0,
        0.0,
        {
            "days": float(days),
            "last_days": float(last.stop - last.start),
            "kwh_a_day": kwh_a_day,
            "mean_kw": kwh_a_day / HOURS_PER_DAY,
            "cost_thb": float(np.nansum(priced)),
        },
        tuple(day.date() for day in facts.series.day_index[last.start : last.stop]),
    )


def runs_of(closed: BoolArray, off: BoolArray) -> list[range]:
    """List long breaks: closed days in a row, of which at least one is a holiday or closure.

    Parameters
    ----------
    closed, off : (m,) bool array
        Days on which the building is closed, and those that are a holiday or a closure.

    Returns
    -------
    list of range
        The numbers of each break's days.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.rules_ahead import runs_of
    >>> runs_of(np.array([0, 1, 1, 1, 0, 1, 1], bool), np.array([0, 0, 0, 1, 0, 0, 0], bool))
    [range(1, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([0], closed.astype(np.int8), [0]))))
    runs = [range(int(first), int(stop)) for first, stop in zip(edges[::2], edges[1::2], strict=True)]
    return [run for run in runs if len(run) >= LONG_DAYS and bool(off[run.start : run.stop].any())]
