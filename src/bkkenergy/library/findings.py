"""What to act on in a building's use: nights, closed days, overrun, peaks, faulty meters."""

from __future__ import annotations

import datetime as dt
from functools import cache

import numpy as np
import pandas as pd

from bkkenergy.errors import InputError
from bkkenergy.library.arguments import checked
from bkkenergy.library.baselines import Baseline
from bkkenergy.library.calendars import government, named
from bkkenergy.library.packaged import figures, schedule_named
from bkkenergy.library.series import complete, energy_of, hourly, hourly_means, interval_of
from bkkenergy.portfolio import OpeningCalendar
from bkkenergy.savings.baseline import series_of
from bkkenergy.savings.days import day_kinds
from bkkenergy.savings.facts import Facts, InsightRules
from bkkenergy.savings.insights import find
from bkkenergy.site.packaged import packaged_config_dir
from bkkenergy.site.savings_config import load_savings
from bkkenergy.tariff.compare import avoided_thb_per_kwh
from bkkenergy.tariff.windows import dearest_demand, window_masks

__all__ = ["facts_of", "findings", "rules"]

QUARTER_HOUR = pd.Timedelta(minutes=15)
HOURS_PER_MONTH = 730
COLUMNS = ["rule", "severity", "since", "energy_kwh_a_month", "cost_thb_a_month", "evidence"]


@checked
def findings(
    series: pd.Series | pd.DataFrame,
    *,
    schedule: str,
    calendar: OpeningCalendar | str | None = None,
    temperature: pd.Series | None = None,
    baseline: Baseline | None = None,
) -> pd.DataFrame:
    """Find what to act on at the end of a series, with the energy and money at stake.

    Parameters
    ----------
    series : Series or DataFrame
        Energy of hours or shorter intervals [kWh], by their start, with a time zone. Thirteen months or more let every
        rule judge; fewer leave some out. Demand is judged from quarter-hours alone.
    schedule : str
        The tariff schedule; `schedules` lists them.
    calendar : OpeningCalendar or str, optional
        When the building is open. Government offices by default.
    temperature : Series, optional
        Outdoor air temperature [degC] of the same time.
    baseline : Baseline, optional
        What the last days are compared with.

    Returns
    -------
    DataFrame
        The findings, most money first: ``rule``, ``severity`` (notice, warning, alert), ``since``,
        ``energy_kwh_a_month`` [kWh], ``cost_thb_a_month`` [THB], and the ``evidence`` by name. A faulty meter stands
        alone.

    Raises
    ------
    InputError
        If the schedule is not known, or the series is no energy in kWh.

    References
    ----------
    .. [1] `config/savings.toml` holds the thresholds of all rules, with their source.

    Examples
    --------
    An office that left something on in its last week, the holiday of 31 December included:

    >>> import bkkenergy as bk
    >>> use = bk.examples.office()
    >>> use.iloc[-7 * 24 :] += 5.0
    >>> bk.findings(use, schedule="mea-3-2-lv")["rule"].tolist()
    ['baseload_rise', 'holiday_running']
    """
    all_findings = find(
        facts_of(series, schedule=schedule, calendar=calendar, temperature=temperature, baseline=baseline), rules()
    )
    rows = [
        (
            one.rule,
            one.severity,
            pd.Timestamp(one.since),
            one.energy_kwh_a_month,
            one.cost_thb_a_month,
            dict(one.evidence),
        )
        for one in all_findings
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


LEAST_DAYS, DAYS_AHEAD = 7, 21


@cache
def rules() -> InsightRules:
    """Return the thresholds of the configuration that the package brings."""
    return load_savings(packaged_config_dir()).insights


def facts_of(
    series: pd.Series | pd.DataFrame,
    *,
    schedule: str,
    calendar: OpeningCalendar | str | None = None,
    temperature: pd.Series | None = None,
    baseline: Baseline | None = None,
) -> Facts:
    """Return what the rules of findings know of a series; the arguments are those of `findings`."""
    tariffs, chosen = figures().tariffs, schedule_named(schedule)
    opening = government() if calendar is None else named(calendar) if isinstance(calendar, str) else calendar
    energy = energy_of(series)
    hours = hourly(energy, what="series")
    starts = pd.DatetimeIndex(hours.index)
    temp_c = None if temperature is None else hourly_means(temperature, starts)
    days = [start.date() for start in starts[::24]]
    if len(days) < LEAST_DAYS:
        raise InputError(f"series has {len(days)} days. Findings are judged by weeks: give {LEAST_DAYS} days or more.")
    ahead = [days[-1] + dt.timedelta(days=number) for number in range(1, DAYS_AHEAD + 1)]
    open_hours = [opening.open_hours(day) or (np.nan, np.nan) for day in days]
    month_kwh = float(hours.mean()) * HOURS_PER_MONTH
    fine = complete(energy, what="series")
    is_fine = interval_of(pd.DatetimeIndex(fine.index), what="series") == QUARTER_HOUR
    year = fine.iloc[-365 * 96 :] if is_fine else fine.iloc[:0]
    newest = chosen.rates_on(days[-1])
    thb_per_kw, is_charged = dearest_demand(pd.DatetimeIndex(year.index), newest.demand_thb_per_kw, tariffs)
    return Facts(
        building="series",
        series=series_of(starts, hours.to_numpy(np.float64), temp_c, opening),
        is_open=np.array([opening.is_open(day) for day in days], np.bool_),
        hours=np.array(open_hours, np.float64),
        thb_per_kwh=avoided_thb_per_kwh(starts, chosen, tariffs, energy_kwh_a_month=month_kwh),
        on_peak=window_masks(starts, tariffs)["on_peak"],
        baseline=None if baseline is None else baseline.fitted,
        demand_kw=year.to_numpy(np.float64) * 4,
        demand_starts=pd.DatetimeIndex(year.index) if is_fine else None,
        demand_thb_per_kw=thb_per_kw,
        demand_charged=is_charged if is_fine else None,
        ahead_open=np.array([opening.is_open(day) for day in ahead], np.bool_),
        ahead_off=day_kinds(ahead, opening) > 0,
    )
