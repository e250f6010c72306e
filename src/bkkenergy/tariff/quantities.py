"""What bills are computed from: energy and demand of months, of the days of a bill, or of a part of one."""

from __future__ import annotations

import datetime as dt
from calendar import monthrange
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK
from bkkenergy.readings import BoolArray, FloatArray, IntArray
from bkkenergy.tariff.schedule import MEA_SUPPLY, Supply, Tariffs, Window
from bkkenergy.tariff.windows import window_masks


@dataclass(frozen=True, slots=True)
class BillDays:
    """The days of a month that one part of its bill is for, where what holds changes within: first included, end not.

    share_ratio : of all days that the bill is for, so that the parts of a month add up to one.
    """

    first: dt.date
    end: dt.date
    share_ratio: float


@dataclass(frozen=True, slots=True)
class Read:
    """A bill by its first day, which is that of the read before it, and the month that it is named by."""

    first: dt.date
    month: dt.date


def reads_of(first_month: dt.date, last_month: dt.date, read_day: int) -> tuple[list[Read], dt.date]:
    """List the bills that are named by months, for meters that are read on the same day of each month.

    A bill for 12 August to 11 September is read on 12 September, and is September's. In a month that is too short the
    last day is the read day.

    Parameters
    ----------
    first_month, last_month : date
        The first days of the months that bills are named by.
    read_day : int
        Day of the month.

    Returns
    -------
    tuple of list of Read, date
        The bills in order, and the day of the last read, which is in none of them.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.tariff.quantities import reads_of
    >>> reads, end = reads_of(dt.date(2026, 9, 1), dt.date(2026, 9, 1), 12)
    >>> str(reads[0].first), str(reads[0].month), str(end)
    ('2026-08-12', '2026-09-01', '2026-09-12')
    """
    month, reads = first_month, []
    while month <= last_month:
        reads.append(Read(read_on(month - dt.timedelta(days=1), read_day), month))
        month = (month + dt.timedelta(days=31)).replace(day=1)
    return reads, read_on(last_month, read_day)


def read_on(month: dt.date, read_day: int) -> dt.date:
    """Return the day of a month on which a meter is read: its last one, where it has no such day.

    Parameters
    ----------
    month : date
        A day of the month.
    read_day : int
        The account's day of reading, 1 to 31.

    Returns
    -------
    date
        The day.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.tariff.quantities import read_on
    >>> str(read_on(dt.date(2026, 2, 1), 31))
    '2026-02-28'
    """
    return month.replace(day=min(read_day, monthrange(month.year, month.month)[1]))


@dataclass(frozen=True, slots=True)
class Quantities:
    """What a month's bill is computed from, or one part of it.

    part : its days, where the month is split; None for a whole month.
    supply : who bills it, and where its meter is.
    energy_kwh : all energy of the month; on_peak_kwh : the part in on-peak hours.
    demand_kw : highest 15-minute mean power by window, not rounded.
    peak_kvar : highest 15-minute mean reactive power; None where no meter measures it.
    highest_demand_thb : highest demand charge of the 11 months before; None where it is not known.
    is_demand_estimated : no quarter-hour of the month was measured, so that demand is that of estimated ones: too low
        rather than too high.
    """

    month: dt.date
    energy_kwh: float
    on_peak_kwh: float
    demand_kw: Mapping[Window, float]
    peak_kvar: float | None = None
    highest_demand_thb: float | None = None
    is_demand_estimated: bool = False
    part: BillDays | None = None
    supply: Supply = MEA_SUPPLY

    @property
    def days(self) -> BillDays:
        """The days that it is for: of the part, or of the calendar month."""
        if self.part is not None:
            return self.part
        return BillDays(self.month, (self.month.replace(day=1) + dt.timedelta(days=31)).replace(day=1), 1.0)

    @property
    def share_ratio(self) -> float:
        """The part's share of the month's days; 1 for a whole month."""
        return self.days.share_ratio


def quantities_of(
    energy_kwh: FloatArray,
    starts: pd.DatetimeIndex,
    tariffs: Tariffs,
    *,
    interval_h: float = 0.25,
    demand_kwh: FloatArray | None = None,
    reactive_kvar: FloatArray | None = None,
    cuts: Collection[dt.date] = (),
    reads: Sequence[Read] = (),
) -> list[Quantities]:
    """Compute what bills are made from, month by month, for one series.

    Parameters
    ----------
    energy_kwh : (n,) array
        Energy of each interval [kWh]; NaN counts as nothing.
    starts : DatetimeIndex
        Starts of the intervals, with a time zone, in order.
    tariffs : Tariffs
        Rules that say which hours are on-peak.
    interval_h : float
        Length of an interval [h].
    demand_kwh : (n,) array, optional
        The intervals that may set a demand [kWh], as in `quantities_of_many`.
    reactive_kvar : (n,) array, optional
        Mean reactive power of each interval [kvar], as in `quantities_of_many`.
    cuts : collection of date
        Days on which a new part of a month begins, as in `quantities_of_many`.
    reads : sequence of Read, optional
        The bills by their read dates, as in `quantities_of_many`.

    Returns
    -------
    list of Quantities
        The months, in order, and the parts of those that are split.

    See Also
    --------
    quantities_of_many : The same for many series at once.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from bkkenergy.tariff.quantities import quantities_of
    >>> from bkkenergy.library.packaged import figures
    >>> starts = pd.date_range("2025-11-01", "2025-12-01", freq="15min", tz="Asia/Bangkok", inclusive="left")
    >>> (month,) = quantities_of(np.full(len(starts), 2.5), starts, figures().tariffs)
    >>> month.energy_kwh, month.demand_kw["on_peak"]
    (7200.0, 10.0)
    """
    return quantities_of_many(
        np.atleast_2d(energy_kwh),
        starts,
        tariffs,
        interval_h=interval_h,
        demand_kwh=None if demand_kwh is None else np.atleast_2d(demand_kwh),
        reactive_kvar=None if reactive_kvar is None else np.atleast_2d(reactive_kvar),
        cuts=cuts,
        reads=reads,
    )[0]


def quantities_of_many(
    energy_kwh: FloatArray,
    starts: pd.DatetimeIndex,
    tariffs: Tariffs,
    *,
    interval_h: float = 0.25,
    demand_kwh: FloatArray | None = None,
    reactive_kvar: FloatArray | None = None,
    cuts: Collection[dt.date] = (),
    reads: Sequence[Read] = (),
) -> list[list[Quantities]]:
    """Compute what bills are made from, month by month, for many series on one time grid.

    Parameters
    ----------
    energy_kwh : (k, n) array
        Energy of each interval [kWh]; NaN counts as nothing.
    starts : DatetimeIndex
        Starts of the intervals, with a time zone, in order.
    tariffs : Tariffs
        Rules that say which hours are on-peak.
    interval_h : float
        Length of an interval [h]. MEA's demand is a mean of a quarter-hour: longer intervals understate it.
    demand_kwh : (k, n) array, optional
        The intervals that may set a demand [kWh], NaN where one may not: it is known that energy of a gap flowed,
        but not when. By default all may. A month without any takes its demand from all, and says so.
    reactive_kvar : (k, n) array, optional
        Mean reactive power of each interval [kvar], lagging positive, NaN where it was not measured. A month in which
        none was has none.
    cuts : collection of date
        Days, in Bangkok, on which what holds changes. A month with such a day within comes in parts, each with its own
        energy, its own demand, and its share of the days.
    reads : sequence of Read, optional
        The bills, in order, each by its first day and the month that it is named by; every day is in one. By default
        a bill is a calendar month.

    Returns
    -------
    list of list of Quantities
        For each series, its months in order, and the parts of those that are split.

    References
    ----------
    .. [1] Metropolitan Electricity Authority (MEA), "Electricity tariffs": demand is the highest mean of 15 minutes
       in a month.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from bkkenergy.tariff.quantities import quantities_of_many
    >>> from bkkenergy.library.packaged import figures
    >>> starts = pd.date_range("2025-11-01", "2025-12-01", freq="15min", tz="Asia/Bangkok", inclusive="left")
    >>> loads = np.outer([1.0, 2.0], np.ones(len(starts)))
    >>> [months[0].energy_kwh for months in quantities_of_many(loads, starts, figures().tariffs)]
    [2880.0, 5760.0]
    """
    known = np.nan_to_num(np.asarray(energy_kwh, np.float64))
    masks = window_masks(starts, tariffs)
    local_day = starts.tz_convert(BANGKOK).tz_localize(None).normalize()
    month_start = _months_of(local_day, reads)
    is_new = month_start[1:] != month_start[:-1]
    is_new |= (local_day[1:] != local_day[:-1]) & local_day[1:].isin(pd.DatetimeIndex(sorted(cuts)))
    first = np.flatnonzero(np.append(True, is_new))
    parts = _parts(local_day, first, month_start, is_by_read=bool(reads))
    firm, has_firm = _demand_intervals(known, demand_kwh, first)
    energy = np.add.reduceat(known, first, axis=1)
    on_peak = np.add.reduceat(known * masks["on_peak"], first, axis=1)
    highest = {window: np.maximum.reduceat(firm * mask, first, axis=1) / interval_h for window, mask in masks.items()}
    peak_kvar = (
        None if reactive_kvar is None else np.fmax.reduceat(np.asarray(reactive_kvar, np.float64), first, axis=1)
    )
    return [
        [
            Quantities(
                month_start[at].date(),
                float(energy[row, column]),
                float(on_peak[row, column]),
                {window: max(0.0, float(peak_kw[row, column])) for window, peak_kw in highest.items()},
                None if peak_kvar is None or np.isnan(peak_kvar[row, column]) else float(peak_kvar[row, column]),
                is_demand_estimated=bool(energy[row, column] > 0 and not has_firm[row, column]),
                part=parts[column],
            )
            for column, at in enumerate(first.tolist())
        ]
        for row in range(len(known))
    ]


def _months_of(local_day: pd.DatetimeIndex, reads: Sequence[Read]) -> pd.DatetimeIndex:
    """Return the month that the bill of each day is named by."""
    if not reads:
        return local_day.to_period("M").to_timestamp()
    firsts = pd.DatetimeIndex([read.first for read in reads])
    return pd.DatetimeIndex([read.month for read in reads])[firsts.searchsorted(local_day, side="right") - 1]


def _parts(
    local_day: pd.DatetimeIndex, first: IntArray, month_start: pd.DatetimeIndex, *, is_by_read: bool
) -> list[BillDays | None]:
    """Return the days of each part of a bill; None for a calendar month that is not split. first : of each."""
    begins = [local_day[at].date() for at in first.tolist()]
    ends = [*begins[1:], local_day[-1].date() + dt.timedelta(days=1)]
    months = [month_start[at].date() for at in first.tolist()]
    lengths = [(end - begin).days for begin, end in zip(begins, ends, strict=True)]
    in_month = {
        month: sum(days for days, other in zip(lengths, months, strict=True) if other == month) for month in months
    }
    return [
        BillDays(begin, end, days / in_month[month]) if is_by_read or months.count(month) > 1 else None
        for begin, end, days, month in zip(begins, ends, lengths, months, strict=True)
    ]


def _demand_intervals(
    known_kwh: FloatArray, demand_kwh: FloatArray | None, first: IntArray
) -> tuple[FloatArray, BoolArray]:
    """Return (k, n) intervals that set the demand; (k, months) whether a month has one that may."""
    if demand_kwh is None:
        return known_kwh, np.ones((len(known_kwh), len(first)), np.bool_)
    firm_kwh = np.asarray(demand_kwh, np.float64)
    has_firm = np.add.reduceat(np.isfinite(firm_kwh).astype(np.int64), first, axis=1) > 0
    lengths = np.diff(np.append(first, firm_kwh.shape[1]))
    in_firm_month = np.repeat(has_firm, lengths, axis=1)
    return np.where(in_firm_month, np.nan_to_num(firm_kwh), known_kwh), has_firm
