"""What is known of a building when its findings are looked for, and what a finding is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from bkkenergy.dated import Cited
from bkkenergy.errors import InputError
from bkkenergy.readings import BoolArray, FloatArray
from bkkenergy.savings.adjust import Adjustment, adjustment_days
from bkkenergy.savings.baseline import HOURS_PER_DAY, Baseline, Series, expected_of
from bkkenergy.savings.phases import PhaseVoltages
from bkkenergy.savings.versions import BaselineVersion

Severity = Literal["notice", "warning", "alert"]
Positive = Annotated[float, Field(gt=0)]
WEEK, FOUR_WEEKS, DAYS_PER_MONTH, DAYS_PER_YEAR = 7, 28, 30.4, 365

OWN_SUPPLY_KWH = 1e-6


@dataclass(frozen=True, slots=True)
class SubMeterSums:
    """What passed main meters and fed in below them, and what the sub-meters right below counted, where all is known.

    known_ratio : share of the time in which it is, 0..1.
    """

    whole_kwh: float
    parts_kwh: float
    known_ratio: float


class InsightRules(Cited):
    """Thresholds of config/savings.toml."""

    event_ratio: Positive
    event_sigmas: Positive
    baseload_rise_ratio: Positive
    baseload_rise_least_kw: Positive
    out_of_hours_ratio: Positive
    overrun_h: Positive
    overrun_days: Annotated[int, Field(ge=1, le=7)]
    closed_day_ratio: Positive
    closed_day_rise: Positive
    holiday_rise: Positive
    week_rise_ratio: Positive
    anomaly_day_sigma: Positive
    anomaly_week_sigma: Positive
    night_spread_ratio: Positive
    peak_ratio: Positive
    peak_above_ratio: Positive
    kvar_per_kw: Positive
    stuck_h: Positive
    missing_ratio: Positive
    submeter_ratio: Positive
    cooling_rise_ratio: Positive
    shift_ratio: Positive
    pv_shortfall_ratio: Positive
    voltage_band_ratio: Positive
    voltage_outside_ratio: Positive
    unbalance_ratio: Positive
    lost_phase_h: Positive
    max_per_building: Annotated[int, Field(ge=1)]
    entered: dt.date


@dataclass(frozen=True)
class Facts:
    """What is known of one building, up to the day that is judged.

    series : gross use by hour of the last thirteen months or more, whole days; why : the reason where it cannot be
    known; grid_kwh : (n,) what the grid gave in each hour; is_open : (m,) days on which it works;
    hours : (m, 2) opening and closing time of each day, NaN on closed days; thb_per_kwh : (n,) what a kWh is
    worth in each hour; baseline : by which the last weeks are judged; versions : all of them;
    adjustments : that persons entered; events_seen_on : first day of the newest event that a person dismissed;
    on_peak : (n,) tariff's on-peak hours; demand_kw : (q,) quarter-hours' mean power of the
    last twelve months with demand_starts; demand_thb_per_kw : the schedule's highest price of demand;
    demand_charged : (q,) quarter-hours that can set it, None for all; kvar : (q,) or None;
    sub_meters : what sub-meters counted over the last four weeks, beside what they could have, or None;
    pv_drop_ratio, pv_drop_kwh, pv_drop_days : by how much a plant fell, what that is a month, and since how many days;
    pv_kwh, pv_expected_kwh : PV of the last four weeks and its estimate, or None;
    phases : voltages of the last week at the main meter, or None.
    ahead_open, ahead_off : (d,) days after the last: open, and a holiday or closure; empty where not known.
    """

    building: str
    series: Series
    is_open: BoolArray
    hours: FloatArray
    thb_per_kwh: FloatArray
    on_peak: BoolArray
    baseline: Baseline | None = None
    versions: Sequence[BaselineVersion] = ()
    adjustments: Sequence[Adjustment] = ()
    events_seen_on: dt.date | None = None
    why: InputError | None = None
    grid_kwh: FloatArray | None = None
    demand_kw: FloatArray = field(default_factory=lambda: np.empty(0))
    demand_starts: pd.DatetimeIndex | None = None
    demand_thb_per_kw: float = 0.0
    demand_charged: BoolArray | None = None
    kvar: FloatArray | None = None
    kvar_thb: float = 0.0
    free_kvar_per_kw: float = 1.0
    sub_meters: SubMeterSums | None = None
    pv_kwh: float | None = None
    pv_expected_kwh: float | None = None
    pv_drop_ratio: float | None = None
    pv_drop_kwh: float = 0.0
    pv_drop_days: int = 0
    phases: PhaseVoltages | None = None
    ahead_open: BoolArray = field(default_factory=lambda: np.empty(0, np.bool_))
    ahead_off: BoolArray = field(default_factory=lambda: np.empty(0, np.bool_))

    @cached_property
    def own_supply(self) -> bool:
        """Whether the building uses energy that the grid does not give, or gives some away."""
        if self.grid_kwh is None:
            return False
        return bool((np.abs(self.series.energy_kwh - self.grid_kwh) > OWN_SUPPLY_KWH).any())

    @property
    def price_thb(self) -> float:
        """Mean worth of a kWh over the last four weeks."""
        return float(self.thb_per_kwh[-FOUR_WEEKS * HOURS_PER_DAY :].mean())

    @cached_property
    def grid_kw(self) -> FloatArray:
        """(m, 24) power of each hour, NaN where not known."""
        return np.where(self.series.known, self.series.energy_kwh, np.nan).reshape(-1, HOURS_PER_DAY)

    @cached_property
    def expected_kwh(self) -> FloatArray:
        """(m,) what the baseline expects of each day, with adjustments; NaN where it cannot."""
        if self.baseline is None:
            return np.full(len(self.series.kind), np.nan)
        expected = expected_of(self.baseline, self.series).energy_kwh
        adjusted_kwh: FloatArray = expected + adjustment_days(self.series.day_index, self.adjustments, expected).kwh
        return adjusted_kwh

    @property
    def day_kwh(self) -> FloatArray:
        """(m,) energy of valid days."""
        return self.series.day_energy_kwh


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to act on; a month's kWh and baht at stake; texts come by the rule's name.

    days : on which it was seen, where it is of single days. of_days : how many days a month's figures are made of; 0
    where they are of a month or more, or are no month's; 1 where they are those of one day.
    """

    building: str
    rule: str
    severity: Severity
    since: dt.date
    energy_kwh_a_month: float
    cost_thb_a_month: float
    evidence: Mapping[str, float]
    days: tuple[dt.date, ...] = ()
    of_days: int = 0


def enough(values: FloatArray, ratio: float = 0.7) -> bool:
    """Judge whether a share of values is known.

    Parameters
    ----------
    values : array
        Values; NaN where not known.
    ratio : float
        The share that is asked for.

    Returns
    -------
    bool
        Whether there are values, and so large a share of them is known.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.facts import enough
    >>> enough(np.array([1.0, 2.0, np.nan]), 0.5), enough(np.empty(0))
    (True, False)
    """
    return len(values) > 0 and bool(np.isfinite(values).mean() >= ratio)


def day_of(facts: Facts, row: int) -> dt.date:
    """Return the date of a day by its number.

    Parameters
    ----------
    facts : Facts
        What is known of a building.
    row : int
        Number of the day, from the end if negative.

    Returns
    -------
    date
        The day, in Bangkok.

    Examples
    --------
    >>> from bkkenergy.savings.facts import day_of
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> day_of(facts_of(bk.examples.office(), schedule="mea-3-2-lv"), -1)
    datetime.date(2025, 12, 31)
    """
    day: dt.date = facts.series.day_index[row].date()
    return day


def finding(
    facts: Facts,
    rule: str,
    severity: Severity,
    since_row: int,
    kwh_a_month: float,
    evidence: Mapping[str, float],
    *,
    thb: float | None = None,
    rows: Sequence[int] = (),
    of_days: int = 0,
) -> Finding:
    """Make a finding, whose money is its energy at the mean price unless an amount is given.

    Parameters
    ----------
    facts : Facts
        What is known of the building.
    rule : str
        Name of the rule.
    severity : {"notice", "warning", "alert"}
        How urgent it is.
    since_row : int
        Number of the day since when, from the end if negative.
    kwh_a_month : float
        Energy at stake [kWh a month].
    evidence : mapping of str to float
        What it was seen by.
    thb : float, optional
        Money at stake [THB a month].
    rows : sequence of int
        Numbers of the days on which it was seen, from the end if negative.
    of_days : int
        How many days a month's energy is made of, where they are fewer than a month.

    Returns
    -------
    Finding
        The finding.

    Examples
    --------
    >>> from bkkenergy.savings.facts import finding
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> facts = facts_of(bk.examples.office(), schedule="mea-3-2-lv")
    >>> finding(facts, "overrun", "warning", -7, 100.0, {"days": 3}, thb=450.0).cost_thb_a_month
    450.0
    """
    worth = kwh_a_month * facts.price_thb if thb is None else thb
    days = tuple(sorted(day_of(facts, row) for row in rows))
    since = day_of(facts, since_row)
    return Finding(facts.building, rule, severity, since, kwh_a_month, worth, dict(evidence), days, of_days)
