"""Which intervals are on-peak, off-peak, or in a window of TOD: masks over a time grid."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import lru_cache

import holidays
import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK
from bkkenergy.readings import BoolArray
from bkkenergy.tariff.schedule import Tariffs, Window

SATURDAY = 5
MINUTES_AN_HOUR = 60


@lru_cache(maxsize=64)
def _public_holidays(year: int) -> dict[dt.date, str]:
    return dict(holidays.country_holidays("TH", years=year, categories=("public", "government"), language="en_US"))


def off_peak_holidays(year: int, tariffs: Tariffs) -> frozenset[dt.date]:
    """List the days of a year that are off-peak from midnight to midnight, beside Saturdays and Sundays.

    A day with two names counts if one of them does.

    Parameters
    ----------
    year : int
        Year of the common era.
    tariffs : Tariffs
        Which holidays are left out, and where the utility's list of the year differs.

    Returns
    -------
    frozenset of date
        The days.

    References
    ----------
    .. [1] Metropolitan Electricity Authority (MEA), "Electricity tariffs": Labour Day and public holidays are
       off-peak, without substitution days and Royal Ploughing Day; its lists of off-peak days of 2564 and 2565 have
       the special holidays of the cabinet.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.tariff.windows import off_peak_holidays
    >>> from bkkenergy.library.packaged import figures
    >>> days = off_peak_holidays(2025, figures().tariffs)
    >>> dt.date(2025, 4, 14) in days, dt.date(2025, 4, 7) in days
    (True, False)
    """
    counted = {
        day
        for day, names in _public_holidays(year).items()
        if any(not any(word in name for word in tariffs.off_peak_days.excluded_names) for name in names.split("; "))
    }
    listed = [one for one in tariffs.off_peak_years if one.year == year]
    return frozenset(counted.union(*(one.added for one in listed)).difference(*(one.removed for one in listed)))


def unlisted_holidays(first: dt.date, end: dt.date, tariffs: Tariffs) -> list[dt.date]:
    """List the holidays on working days of which only the rule says whether they are off-peak.

    Parameters
    ----------
    first, end : date
        The first day, and the day after the last.
    tariffs : Tariffs
        The utility's lists of off-peak days.

    Returns
    -------
    list of date
        The holidays, substitution days too, of years whose list was not read, in order.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.tariff.windows import unlisted_holidays
    >>> from bkkenergy.library.packaged import figures
    >>> tariffs = figures().tariffs
    >>> [str(day) for day in unlisted_holidays(dt.date(2026, 6, 1), dt.date(2026, 7, 1), tariffs)]
    ['2026-06-01', '2026-06-03']
    >>> unlisted_holidays(dt.date(2022, 7, 1), dt.date(2022, 8, 1), tariffs)
    []
    """
    years = [year for year in range(first.year, end.year + 1) if tariffs.off_peak_list(year) is None]
    holidays_of = sorted(day for year in years for day in _public_holidays(year))
    return [day for day in holidays_of if first <= day < end and day.weekday() < SATURDAY]


def window_masks(starts: pd.DatetimeIndex, tariffs: Tariffs) -> dict[Window, BoolArray]:
    """Mark the intervals that lie in each window of energy and demand.

    Parameters
    ----------
    starts : DatetimeIndex
        Starts of n intervals, with a time zone; an interval belongs where it starts.
    tariffs : Tariffs
        Hours of the windows, and days that are off-peak.

    Returns
    -------
    dict of str to (n,) bool array
        Whether the interval is in the window. "all" is everything; off-peak is what is not "on_peak".

    Examples
    --------
    >>> import pandas as pd
    >>> from bkkenergy.tariff.windows import window_masks
    >>> from bkkenergy.library.packaged import figures
    >>> times = ["2025-11-03 08:45", "2025-11-03 09:00", "2025-11-08 12:00"]
    >>> starts = pd.to_datetime(times).tz_localize("Asia/Bangkok")
    >>> window_masks(starts, figures().tariffs)["on_peak"].tolist()
    [False, True, False]
    """
    local = starts.tz_convert(BANGKOK)
    minute = (local.hour * MINUTES_AN_HOUR + local.minute).to_numpy()
    days, day_of = np.unique(local.normalize().tz_localize(None).to_numpy(), return_inverse=True)
    dates = [pd.Timestamp(day).date() for day in days]
    resting = {year: off_peak_holidays(year, tariffs) for year in {day.year for day in dates}}
    is_working = np.array([day.weekday() < SATURDAY and day not in resting[day.year] for day in dates], np.bool_)
    rules = tariffs.rules
    return {
        "all": np.ones(len(starts), np.bool_),
        "on_peak": is_working[day_of] & _within(minute, rules.on_peak_hours),
        "tod_peak": _within(minute, rules.tod_peak_hours),
        "tod_partial": _within(minute, rules.tod_partial_hours),
    }


def _within(minute: np.ndarray, hours: str) -> BoolArray:
    first, last = (int(clock[:2]) * MINUTES_AN_HOUR + int(clock[3:]) for clock in hours.split("-"))
    inside: BoolArray = (minute >= first) & (minute < last)
    return inside


def dearest_demand(
    starts: pd.DatetimeIndex, thb_per_kw: Mapping[Window, float], tariffs: Tariffs
) -> tuple[float, BoolArray]:
    """Return the highest price of demand, and the intervals in which it is charged.

    Parameters
    ----------
    starts : DatetimeIndex
        Starts of n intervals, with a time zone.
    thb_per_kw : mapping of str to float
        Price of demand by window [THB/kW].
    tariffs : Tariffs
        Hours of the windows, and days that are off-peak.

    Returns
    -------
    float, (n,) bool array
        The price [THB/kW], 0 where demand is not charged, and whether an interval can set it.

    Examples
    --------
    >>> import pandas as pd
    >>> from bkkenergy.tariff.windows import dearest_demand
    >>> from bkkenergy.library.packaged import figures
    >>> starts = pd.DatetimeIndex(["2026-11-20 14:00", "2026-11-21 14:00"], tz="Asia/Bangkok")  # Friday, Saturday
    >>> price, is_charged = dearest_demand(starts, {"on_peak": 132.93}, figures().tariffs)
    >>> price, is_charged.tolist()
    (132.93, [True, False])
    """
    if not thb_per_kw:
        return 0.0, np.zeros(len(starts), np.bool_)
    window = max(thb_per_kw, key=lambda one: thb_per_kw[one])
    return thb_per_kw[window], window_masks(starts, tariffs)[window]
