"""The quarter-hours that set the bill: the highest measured ones in the hours whose demand a tariff charges."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bkkenergy.calendar import Period, edges
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Building
from bkkenergy.readings import BoolArray, FloatArray
from bkkenergy.site import Site
from bkkenergy.tariff.schedule import Window
from bkkenergy.tariff.windows import window_masks
from bkkenergy.usecases.energy import QUARTERS_PER_HOUR, buildings_quarters

FIRST_DAYS = 7
"""These days of a month are also beside the month before: any quarter-hour of the first day is the highest so far."""


@dataclass(frozen=True, slots=True)
class BilledPeak:
    """The highest demand that a running quarter-hour is beside.

    power_kw : None where none was measured. is_last_month : whether it is of the month before. is_billed_now : whether
    the building's tariff charges demand in the hours of now.
    """

    power_kw: float | None
    is_last_month: bool
    is_billed_now: bool


def demand_windows(site: Site, building: Building, day: dt.date) -> tuple[Window, ...]:
    """Return the windows in which a building's tariff charges demand on a day; none where it charges none."""
    schedule = site.figures.tariffs.schedules[site.portfolio.schedule_of(building)]
    try:
        return tuple(schedule.rates_on(day).demand_thb_per_kw)
    except InputError:  # a day before the first rates that are known
        return ()


def billed_peaks(site: Site, buildings: Sequence[Building], now: pd.Timestamp) -> dict[str, BilledPeak]:
    """Return the highest demand of each building so far this month, and in its first days of the month before too.

    Raises StoreUnavailable.
    """
    today = site.today
    this = today.replace(day=1)
    is_early = today.day <= FIRST_DAYS
    period = Period.days((this - dt.timedelta(days=1)).replace(day=1) if is_early else this, today)
    starts = edges(period, "15min")[:-1]
    is_this = np.asarray(starts >= pd.Timestamp(this, tz=starts.tz))
    masks = window_masks(starts, site.figures.tariffs)
    of_now = window_masks(pd.DatetimeIndex([now]), site.figures.tariffs)
    with_mains = [building for building in buildings if building.main_meters]
    peaks = {}
    quarters = buildings_quarters(site.energy, with_mains, period)
    for building, each in zip(with_mains, quarters, strict=True):
        windows = demand_windows(site, building, today)
        counts = _any(masks, windows or ("all",))
        power_kw = each.firm_kwh * QUARTERS_PER_HOUR
        now_kw, before_kw = _highest(power_kw, counts & is_this), _highest(power_kw, counts & ~is_this)
        is_before = before_kw is not None and before_kw > (now_kw or 0.0)
        peaks[building.id] = BilledPeak(
            before_kw if is_before else now_kw, is_before, any(bool(of_now[window][0]) for window in windows)
        )
    return peaks


def _any(masks: Mapping[Window, BoolArray], windows: Sequence[Window]) -> BoolArray:
    both: BoolArray = np.logical_or.reduce([masks[window] for window in windows])
    return both


def _highest(power_kw: FloatArray, counts: BoolArray) -> float | None:
    known = power_kw[counts & np.isfinite(power_kw)]
    return float(known.max()) if len(known) else None
