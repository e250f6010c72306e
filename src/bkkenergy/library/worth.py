"""What a saving is worth under a schedule, from series."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from bkkenergy.library.bills import QUARTER_HOUR, months_of
from bkkenergy.library.packaged import figures, savings_figures, schedule_named
from bkkenergy.readings import BoolArray
from bkkenergy.savings.worth import Billing, worth_of
from bkkenergy.tariff.quantities import Quantities
from bkkenergy.tariff.schedule import Window
from bkkenergy.tariff.windows import window_masks

MIN_MEASURED_RATIO = 0.9
MONTHS_A_YEAR, MAX_YEARS = 12, 10


def priced_saving(
    before: pd.Series | pd.DataFrame,
    after: pd.Series | pd.DataFrame,
    saved_kwh: pd.Series,
    half_kwh: float,
    schedule: str,
) -> pd.Series:
    """Return what a saving is worth. saved_kwh : by hour; half_kwh : half of its interval. Raises InputError."""
    chosen, tariffs = schedule_named(schedule), figures().tariffs
    index = pd.DatetimeIndex(saved_kwh.index)
    on_peak = window_masks(index, tariffs)["on_peak"]
    months, known_ratio, step = months_of(after)
    without = [_with_saved(month, saved_kwh, on_peak) for month in months]
    peaks, is_whole = dict[dt.date, tuple[Mapping[Window, float], int]](), set[dt.date]()
    if step == QUARTER_HOUR:
        is_whole = {month.month for month in months if known_ratio[month.month] >= MIN_MEASURED_RATIO}
        peaks = _peaks_before(before, [month.month for month in months])
    days = index[0].date(), index[-1].date()
    billing = Billing(months, without, [chosen] * len(months), peaks, is_whole)
    worth = worth_of(billing, days, half_kwh, tariffs, savings_figures().demand_change)
    return pd.Series(
        {
            "on_peak_kwh": worth.on_peak_kwh,
            "off_peak_kwh": worth.off_peak_kwh,
            "energy_thb": worth.energy_thb,
            "half_energy_thb": worth.half_energy_thb,
            "demand_thb": np.nan if worth.demand_thb is None else worth.demand_thb,
            "half_demand_thb": np.nan if worth.half_demand_thb is None else worth.half_demand_thb,
            "total_thb": worth.total_thb,
        },
        name=schedule,
    )


def _with_saved(month: Quantities, saved_kwh: pd.Series, on_peak: BoolArray) -> Quantities:
    """Return what a month would be billed for with what was saved in its hours added."""
    index = pd.DatetimeIndex(saved_kwh.index)
    is_in = (index.year == month.month.year) & (index.month == month.month.month)
    saved = saved_kwh.to_numpy(np.float64)
    return replace(
        month,
        energy_kwh=month.energy_kwh + float(saved[is_in].sum()),
        on_peak_kwh=month.on_peak_kwh + float(saved[is_in & on_peak].sum()),
    )


def _peaks_before(
    before: pd.Series | pd.DataFrame, months: list[dt.date]
) -> dict[dt.date, tuple[Mapping[Window, float], int]]:
    """Return the peaks of the same months in the baseline's time, and how many years ago they were."""
    quantities, known_ratio, step = months_of(before)
    if step != QUARTER_HOUR:
        return {}
    known = {month.month: month.demand_kw for month in quantities if known_ratio[month.month] >= MIN_MEASURED_RATIO}
    pairs = [
        (month, known[earlier], years)
        for month in months
        for years in range(MAX_YEARS, 0, -1)
        if (earlier := month.replace(year=month.year - years)) in known
    ]
    return {month: (demand_kw, years) for month, demand_kw, years in pairs}  # the last of them is the nearest
