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
from bkkenergy.ports.ledger import QUARTERS_PER_DAY
from bkkenergy.readings import BoolArray, FloatArray
from bkkenergy.site import Site
from bkkenergy.tariff.schedule import Window
from bkkenergy.tariff.windows import window_masks
from bkkenergy.usecases.energy import QUARTERS_PER_HOUR, building_quarters, buildings_quarters

FIRST_DAYS = 7
"""These days of a month are also beside the month before: any quarter-hour of the first day is the highest so far."""
SHOWN = 5


@dataclass(frozen=True, slots=True)
class BilledPeak:
    """The highest demand that a running quarter-hour is beside.

    power_kw : None where none was measured. is_last_month : whether it is of the month before. is_billed_now : whether
    the building's tariff charges demand in the hours of now.
    """

    power_kw: float | None
    is_last_month: bool
    is_billed_now: bool


@dataclass(frozen=True, slots=True)
class DemandQuarter:
    """One of the highest quarter-hours of a window in which demand is charged.

    charge_thb : what the month's demand charge comes to at its height, before VAT; None where none is charged.
    """

    window: Window
    start: pd.Timestamp
    power_kw: float
    charge_thb: float | None


def demand_rates(site: Site, building: Building, day: dt.date) -> dict[Window, float | None]:
    """Return what a building's tariff charges on a day, THB a kW, by window; none where it charges no demand."""
    schedule = site.figures.tariffs.schedules[site.portfolio.schedule_of(building)]
    try:
        return dict(schedule.rates_on(day).demand_thb_per_kw)
    except InputError:  # a day before the first rates that are known
        return {}


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
        windows = tuple(demand_rates(site, building, today))
        counts = _any(masks, windows or ("all",))
        power_kw = each.firm_kwh * QUARTERS_PER_HOUR
        now_kw, before_kw = _highest(power_kw, counts & is_this), _highest(power_kw, counts & ~is_this)
        is_before = before_kw is not None and before_kw > (now_kw or 0.0)
        peaks[building.id] = BilledPeak(
            before_kw if is_before else now_kw, is_before, any(bool(of_now[window][0]) for window in windows)
        )
    return peaks


def demand_quarters(site: Site, building: Building, period: Period) -> list[DemandQuarter]:
    """Return the highest measured quarter-hours of a period in each window whose demand is charged, one a day at most.

    Of a tariff without a demand charge: those of all hours. Raises StoreUnavailable.
    """
    if not building.main_meters:
        return []
    starts = edges(period, "15min")[:-1]
    masks = window_masks(starts, site.figures.tariffs)
    power_kw = building_quarters(site.energy, building, period).firm_kwh * QUARTERS_PER_HOUR
    rates = demand_rates(site, building, period.last_day)
    return [
        DemandQuarter(window, starts[slot], kw, None if rate is None else kw * rate)
        for window, rate in (rates or {"all": None}).items()
        for slot, kw in _highest_days(power_kw, masks[window])
    ]


def _highest_days(power_kw: FloatArray, counts: BoolArray) -> list[tuple[int, float]]:
    """Return the highest slots that count, each of another day, and their power; the highest first."""
    days_kw = np.where(counts & np.isfinite(power_kw), power_kw, -np.inf).reshape(-1, QUARTERS_PER_DAY)
    slots, highest_kw = days_kw.argmax(axis=1), days_kw.max(axis=1)
    return [
        (int(day * QUARTERS_PER_DAY + slots[day]), float(highest_kw[day]))
        for day in np.argsort(-highest_kw, kind="stable")[:SHOWN].tolist()
        if np.isfinite(highest_kw[day])
    ]


def _any(masks: Mapping[Window, BoolArray], windows: Sequence[Window]) -> BoolArray:
    both: BoolArray = np.logical_or.reduce([masks[window] for window in windows])
    return both


def _highest(power_kw: FloatArray, counts: BoolArray) -> float | None:
    known = power_kw[counts & np.isfinite(power_kw)]
    return float(known.max()) if len(known) else None
