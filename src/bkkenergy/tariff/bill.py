"""A month's bill, item by item, as the paper bill has it: energy, demand, power factor, service, Ft, VAT."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from itertools import groupby
from typing import Literal

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK
from bkkenergy.dated import DatedFigure, change_days
from bkkenergy.readings import BoolArray, FloatArray, IntArray
from bkkenergy.tariff.schedule import Ft, Rates, Schedule, Tariffs, Vat, Window
from bkkenergy.tariff.windows import window_masks

SATANG = Decimal("0.01")
MONTHS_BEFORE = 11
"""Months before a bill whose demand charges its minimum charge knows: twelve months end with its own."""
Item = Literal[
    "energy", "energy_on_peak", "energy_off_peak", "demand", "demand_partial", "minimum", "power_factor",
    "service", "ft", "vat",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class BillDays:
    """The days of a month that one part of its bill is for, where what holds changes within: first included, end not.

    share_ratio : of all days that the bill is for, so that the parts of a month add up to one.
    """

    first: dt.date
    end: dt.date
    share_ratio: float


@dataclass(frozen=True, slots=True)
class Quantities:
    """What a month's bill is computed from, or one part of it.

    part : its days, where the month is split; None for a whole month.
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


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line: quantity x rate x share = amount, THB. A block of energy is a line of its own.

    share_ratio : of the month's days, where what is paid by the month (demand, service) is for a part of it.
    """

    item: Item
    quantity: float
    unit: Literal["kwh", "kw", "kvar", "month", "thb"]
    rate_thb: float
    amount_thb: float
    share_ratio: float = 1.0


@dataclass(frozen=True, slots=True)
class Provisional:
    """A figure on which a bill rests and which may not hold: it has expired, or no source of it was read."""

    figure: Literal["rates", "ft", "vat"]
    standing: Literal["expired", "unsourced"]
    valid_to: dt.date | None


@dataclass(frozen=True, slots=True)
class Bill:
    """A month's bill, or one part of it.

    provisional : the figures that may not hold for the month; none where all are known and sourced.
    parts : where the schedule, its rates, Ft or VAT change within it, the bill of each part by its days, in order; its
    lines are theirs, and schedule_id and ft are those of the last. Else none.
    """

    schedule_id: str
    month: dt.date
    lines: tuple[BillLine, ...]
    ft_thb_per_kwh: float
    provisional: tuple[Provisional, ...]
    source: str
    quantities: Quantities = field(repr=False)
    parts: tuple[Bill, ...] = ()

    @property
    def each(self) -> tuple[Bill, ...]:
        """The parts; of a bill that is not split, itself."""
        return self.parts or (self,)

    @property
    def ft_is_entered(self) -> bool:
        """Whether the Ft of the month is known; else the last one before it is used."""
        return not any(one.figure == "ft" and one.standing == "expired" for one in self.provisional)

    @property
    def is_demand_estimated(self) -> bool:
        """Whether demand charges rest on estimated quarter-hours alone."""
        return self.quantities.is_demand_estimated and any(line.item == "demand" for line in self.lines)

    @property
    def total_thb(self) -> float:
        """What is to be paid."""
        return float(sum((_exact(line.amount_thb) for line in self.lines), Decimal(0)))

    def amount_thb(self, *items: Item) -> float:
        """Sum the lines of these items."""
        return float(sum((_exact(line.amount_thb) for line in self.lines if line.item in items), Decimal(0)))


def quantities_of(
    energy_kwh: FloatArray,
    starts: pd.DatetimeIndex,
    tariffs: Tariffs,
    *,
    interval_h: float = 0.25,
    demand_kwh: FloatArray | None = None,
    cuts: Collection[dt.date] = (),
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
    cuts : collection of date
        Days on which a new part of a month begins, as in `quantities_of_many`.

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
    >>> from bkkenergy.tariff.bill import quantities_of
    >>> from bkkenergy.library.packaged import figures
    >>> starts = pd.date_range("2025-11-01", "2025-12-01", freq="15min", tz="Asia/Bangkok", inclusive="left")
    >>> (month,) = quantities_of(np.full(len(starts), 2.5), starts, figures().tariffs)
    >>> month.energy_kwh, month.demand_kw["on_peak"]
    (7200.0, 10.0)
    """
    demand = None if demand_kwh is None else np.atleast_2d(demand_kwh)
    many = quantities_of_many(
        np.atleast_2d(energy_kwh), starts, tariffs, interval_h=interval_h, demand_kwh=demand, cuts=cuts
    )
    return many[0]


def quantities_of_many(
    energy_kwh: FloatArray,
    starts: pd.DatetimeIndex,
    tariffs: Tariffs,
    *,
    interval_h: float = 0.25,
    demand_kwh: FloatArray | None = None,
    cuts: Collection[dt.date] = (),
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
    cuts : collection of date
        Days, in Bangkok, on which what holds changes. A month with such a day within comes in parts, each with its own
        energy, its own demand, and its share of the days.

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
    >>> from bkkenergy.tariff.bill import quantities_of_many
    >>> from bkkenergy.library.packaged import figures
    >>> starts = pd.date_range("2025-11-01", "2025-12-01", freq="15min", tz="Asia/Bangkok", inclusive="left")
    >>> loads = np.outer([1.0, 2.0], np.ones(len(starts)))
    >>> [months[0].energy_kwh for months in quantities_of_many(loads, starts, figures().tariffs)]
    [2880.0, 5760.0]
    """
    known = np.nan_to_num(np.asarray(energy_kwh, np.float64))
    masks = window_masks(starts, tariffs)
    local_day = starts.tz_convert(BANGKOK).tz_localize(None).normalize()
    month_start = local_day.to_period("M").to_timestamp()
    is_new = month_start[1:] != month_start[:-1]
    is_new |= (local_day[1:] != local_day[:-1]) & local_day[1:].isin(pd.DatetimeIndex(sorted(cuts)))
    first = np.flatnonzero(np.append(True, is_new))
    parts = _parts(local_day, first)
    firm, has_firm = _demand_intervals(known, demand_kwh, first)
    energy = np.add.reduceat(known, first, axis=1)
    on_peak = np.add.reduceat(known * masks["on_peak"], first, axis=1)
    highest = {window: np.maximum.reduceat(firm * mask, first, axis=1) / interval_h for window, mask in masks.items()}
    return [
        [
            Quantities(
                month_start[at].date(),
                float(energy[row, column]),
                float(on_peak[row, column]),
                {window: max(0.0, float(peak_kw[row, column])) for window, peak_kw in highest.items()},
                is_demand_estimated=bool(energy[row, column] > 0 and not has_firm[row, column]),
                part=parts[column],
            )
            for column, at in enumerate(first.tolist())
        ]
        for row in range(len(known))
    ]


def _parts(local_day: pd.DatetimeIndex, first: IntArray) -> list[BillDays | None]:
    """Return the days of each part of a month that comes in several; None for a whole one. first : of each."""
    begins = [local_day[at].date() for at in first.tolist()]
    ends = [*begins[1:], local_day[-1].date() + dt.timedelta(days=1)]
    months = [day.replace(day=1) for day in begins]
    lengths = [(end - begin).days for begin, end in zip(begins, ends, strict=True)]
    in_month = {
        month: sum(days for days, other in zip(lengths, months, strict=True) if other == month) for month in months
    }
    return [
        BillDays(begin, end, days / in_month[month]) if months.count(month) > 1 else None
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


def bill_of(quantities: Quantities, schedule: Schedule, tariffs: Tariffs) -> Bill:
    """Compute a month's bill under a schedule.

    Every line is rounded to the satang, as on MEA's bills. Of a part of a month, demand, service and the minimum charge
    count by its share of the days, and so do the bounds of blocks. Where rates, Ft or VAT change within its days, the
    bill comes in parts, each with its share of the same energy and the same demand: one read cannot say more.

    Parameters
    ----------
    quantities : Quantities
        Energy [kWh] and demand [kW] of the month.
    schedule : Schedule
        Whose rates hold.
    tariffs : Tariffs
        Ft and rules that all schedules share.

    Returns
    -------
    Bill
        The lines, with the source of the rates.

    Raises
    ------
    InputError
        If the month is before the first known rates, Ft or VAT.

    See Also
    --------
    bills_of : Bills of months in order, which know of earlier demand charges.

    References
    ----------
    .. [1] Metropolitan Electricity Authority (MEA), "Electricity tariffs"; each `Bill` names the source of its
       rates and its Ft.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.library.packaged import figures
    >>> from bkkenergy.tariff.bill import Quantities, bill_of
    >>> tariffs = figures().tariffs
    >>> month = Quantities(dt.date(2025, 11, 1), 10_000.0, 6_000.0, {"on_peak": 40.4})
    >>> bill = bill_of(month, tariffs.schedules["mea-3-2-lv"], tariffs)
    >>> [line.quantity for line in bill.lines if line.item == "demand"], bill.total_thb
    ([40.0], 50086.74)
    """
    spans = _spans(quantities, schedule, tariffs)
    if len(spans) == 1:
        return _bill_at_one_price(quantities, schedule, tariffs)
    bills = [_bill_at_one_price(span, schedule, tariffs) for span in spans]
    return replace(joined(bills), quantities=quantities)


def _spans(quantities: Quantities, schedule: Schedule, tariffs: Tariffs) -> list[Quantities]:
    """Split a month by its days where rates, Ft or VAT change within: each span has its share of everything."""
    days = quantities.days
    changes = [
        day
        for figures in (schedule.rates, tariffs.ft, tariffs.vat)
        for figure in figures
        for day in change_days(figure)
        if days.first < day < days.end
    ]
    firsts = [days.first]
    for day in sorted(set(changes)):
        if _prices_on(day, schedule, tariffs) != _prices_on(firsts[-1], schedule, tariffs):
            firsts.append(day)
    return [_span(quantities, first, end) for first, end in zip(firsts, [*firsts[1:], days.end], strict=True)]


def _span(quantities: Quantities, first: dt.date, end: dt.date) -> Quantities:
    whole = quantities.days
    ratio = (end - first) / (whole.end - whole.first)
    return replace(
        quantities,
        energy_kwh=quantities.energy_kwh * ratio,
        on_peak_kwh=quantities.on_peak_kwh * ratio,
        part=BillDays(first, end, whole.share_ratio * ratio),
    )


def _prices_on(day: dt.date, schedule: Schedule, tariffs: Tariffs) -> tuple[object, ...]:
    """Return what is charged on a day, and whether each figure may not hold; not where it was read."""
    rates, ft, vat = schedule.rates_on(day), tariffs.ft_on(day), tariffs.vat_on(day)
    charged = rates.model_dump(exclude=set(DatedFigure.model_fields))
    return charged, ft.thb_per_kwh, vat.ratio, _provisional(day, rates, ft, vat)


def _bill_at_one_price(quantities: Quantities, schedule: Schedule, tariffs: Tariffs) -> Bill:
    day = quantities.days.first
    rates, ft, vat = schedule.rates_on(day), tariffs.ft_on(day), tariffs.vat_on(day)
    energy = _energy_lines(quantities, rates)
    demand = _demand_lines(quantities, rates, tariffs)
    under = demand if tariffs.rules.minimum_floor == "demand" else [*energy, *demand]
    lines = [*energy, *demand, *_minimum_line(quantities, rates, under)]
    lines += _power_factor_line(quantities, rates, tariffs)
    lines.append(_line("service", 1, "month", rates.service_thb_per_month, quantities.share_ratio))
    lines.append(_line("ft", quantities.energy_kwh, "kwh", ft.thb_per_kwh))
    before_vat = float(sum((_exact(line.amount_thb) for line in lines), Decimal(0)))
    lines.append(_line("vat", before_vat, "thb", vat.ratio))
    return Bill(
        schedule.id,
        quantities.month,
        tuple(lines),
        ft.thb_per_kwh,
        _provisional(day, rates, ft, vat),
        f"{rates.source}; {ft.source}; {vat.source}",
        quantities,
    )


def _provisional(day: dt.date, rates: Rates, ft: Ft, vat: Vat) -> tuple[Provisional, ...]:
    figures: tuple[tuple[Literal["rates", "ft", "vat"], DatedFigure], ...] = (
        ("rates", rates),
        ("ft", ft),
        ("vat", vat),
    )
    return tuple(
        Provisional(name, standing, figure.valid_to)
        for name, figure in figures
        if (standing := figure.standing_on(day)) != "sourced"
    )


def bills_of(months: Sequence[Quantities], schedule: Schedule, tariffs: Tariffs) -> list[Bill]:
    """Compute the bills of months in order.

    Each month knows the highest demand charge of the eleven months before it, from which the minimum charge follows:
    the twelve months end with the month itself.

    Parameters
    ----------
    months : sequence of Quantities
        Energy [kWh] and demand [kW], in order.
    schedule : Schedule
        Whose rates hold.
    tariffs : Tariffs
        Ft and rules that all schedules share.

    Returns
    -------
    list of Bill
        One for each month.

    References
    ----------
    .. [1] Metropolitan Electricity Authority (MEA), "Electricity tariffs": the minimum charge is a share of the
       highest demand charge of the twelve months that end with the current one.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.library.packaged import figures
    >>> from bkkenergy.tariff.bill import Quantities, bills_of
    >>> tariffs = figures().tariffs
    >>> busy = Quantities(dt.date(2025, 4, 1), 20_000.0, 12_000.0, {"all": 100.0})
    >>> idle = Quantities(dt.date(2025, 5, 1), 1_000.0, 400.0, {"all": 5.0})
    >>> bills = bills_of([busy, idle], tariffs.schedules["mea-3-1-lv"], tariffs)
    >>> [bill.amount_thb("minimum") for bill in bills]
    [0.0, 14397.5]
    """
    return bills_by_schedules(months, [schedule] * len(months), tariffs)


def bills_by_schedules(months: Sequence[Quantities], schedules: Sequence[Schedule], tariffs: Tariffs) -> list[Bill]:
    """Compute the bills of months in order, each under its own schedule.

    Each month knows the highest demand charge of the eleven months before it, as in `bills_of`.

    Parameters
    ----------
    months : sequence of Quantities
        Energy [kWh] and demand [kW], in order.
    schedules : sequence of Schedule
        The schedule of each month.
    tariffs : Tariffs
        Ft and rules that all schedules share.

    Returns
    -------
    list of Bill
        One for each month.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.library.packaged import figures
    >>> from bkkenergy.tariff.bill import Quantities, bills_by_schedules
    >>> tariffs = figures().tariffs
    >>> months = [Quantities(dt.date(2025, month, 1), 1_000.0, 400.0, {"all": 5.0, "on_peak": 5.0}) for month in (4, 5)]
    >>> chosen = [tariffs.schedules[name] for name in ("mea-2-1-lv", "mea-2-2-lv")]
    >>> [bill.schedule_id for bill in bills_by_schedules(months, chosen, tariffs)]
    ['mea-2-1-lv', 'mea-2-2-lv']
    """
    bills: list[Bill] = []
    pairs = zip(months, schedules, strict=True)
    for month, of_month in groupby(pairs, key=lambda pair: pair[0].month):
        parts = list(of_month)
        past = [
            bill.amount_thb("demand", "demand_partial")
            for bill in bills[-MONTHS_BEFORE:]
            if _months_between(bill.month, month) <= MONTHS_BEFORE
        ]
        known = [thb for thb in (*past, *(part.highest_demand_thb for part, _ in parts)) if thb is not None]
        highest = max(known) if known else None
        of_parts = [bill_of(replace(part, highest_demand_thb=highest), schedule, tariffs) for part, schedule in parts]
        bills.append(of_parts[0] if len(of_parts) == 1 else joined(of_parts))
    return bills


def _months_between(earlier: dt.date, later: dt.date) -> int:
    return (later.year - earlier.year) * 12 + later.month - earlier.month


def joined(parts: Sequence[Bill]) -> Bill:
    """Join the parts of a month's bill.

    Parameters
    ----------
    parts : sequence of Bill
        The bill of each part, in order of days.

    Returns
    -------
    Bill
        The month's, with the lines of every part.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.library.packaged import figures
    >>> from bkkenergy.tariff.bill import BillDays, Quantities, bill_of, joined
    >>> tariffs = figures().tariffs
    >>> april, cut, may = dt.date(2025, 4, 1), dt.date(2025, 4, 16), dt.date(2025, 5, 1)
    >>> halves = [BillDays(april, cut, 0.5), BillDays(cut, may, 0.5)]
    >>> names = ["mea-2-1-lv", "mea-2-2-lv"]
    >>> month = joined(
    ...     [
    ...         bill_of(Quantities(april, 500.0, 200.0, {}, part=half), tariffs.schedules[name], tariffs)
    ...         for half, name in zip(halves, names)
    ...     ]
    ... )
    >>> [part.schedule_id for part in month.parts], month.quantities.energy_kwh
    (['mea-2-1-lv', 'mea-2-2-lv'], 1000.0)
    """
    quantities = [part.quantities for part in parts]
    windows = {window for each in quantities for window in each.demand_kw}
    kvar = [each.peak_kvar for each in quantities if each.peak_kvar is not None]
    return replace(
        parts[-1],
        lines=tuple(line for part in parts for line in part.lines),
        provisional=tuple(dict.fromkeys(one for part in parts for one in part.provisional)),
        source="; ".join(dict.fromkeys(part.source for part in parts)),
        quantities=replace(
            quantities[-1],
            energy_kwh=sum(each.energy_kwh for each in quantities),
            on_peak_kwh=sum(each.on_peak_kwh for each in quantities),
            demand_kw={window: max(each.demand_kw.get(window, 0.0) for each in quantities) for window in windows},
            peak_kvar=max(kvar, default=None),
            is_demand_estimated=any(each.is_demand_estimated for each in quantities),
            part=None,
        ),
        parts=tuple(single for part in parts for single in part.each),
    )


def _energy_lines(quantities: Quantities, rates: Rates) -> list[BillLine]:
    if rates.on_peak_thb_per_kwh is not None and rates.off_peak_thb_per_kwh is not None:
        off_peak_kwh = quantities.energy_kwh - quantities.on_peak_kwh
        return [
            _line("energy_on_peak", quantities.on_peak_kwh, "kwh", rates.on_peak_thb_per_kwh),
            _line("energy_off_peak", off_peak_kwh, "kwh", rates.off_peak_thb_per_kwh),
        ]
    lines: list[BillLine] = []
    below_kwh = 0.0
    for block in rates.blocks:
        bound_kwh = float("inf") if block.up_to_kwh is None else block.up_to_kwh * quantities.share_ratio
        upper_kwh = min(bound_kwh, quantities.energy_kwh)
        if upper_kwh > below_kwh or not lines:
            lines.append(_line("energy", upper_kwh - below_kwh, "kwh", block.thb_per_kwh))
        below_kwh = max(below_kwh, upper_kwh)
    return lines


def _demand_lines(quantities: Quantities, rates: Rates, tariffs: Tariffs) -> list[BillLine]:
    """List demand in whole kW. Under TOD the partial window pays for what exceeds the peak window's demand."""
    lines: list[BillLine] = []
    billed_kw = {
        window: whole_kw(quantities.demand_kw.get(window, 0.0), tariffs.rules.demand_rounding_kw)
        for window in rates.demand_thb_per_kw
    }
    for window, thb_per_kw in rates.demand_thb_per_kw.items():
        if window == "tod_partial":
            excess_kw = max(0.0, billed_kw[window] - billed_kw.get("tod_peak", 0.0))
            lines.append(_line("demand_partial", excess_kw, "kw", thb_per_kw, quantities.share_ratio))
        else:
            lines.append(_line("demand", billed_kw[window], "kw", thb_per_kw, quantities.share_ratio))
    return lines


def _minimum_line(quantities: Quantities, rates: Rates, under: Sequence[BillLine]) -> list[BillLine]:
    """Return what lines lack to the minimum charge, a share of the highest demand charge of twelve months."""
    if not rates.minimum_demand_share or quantities.highest_demand_thb is None:
        return []
    share = _exact(quantities.share_ratio)
    least = rounded(_exact(quantities.highest_demand_thb) * _exact(rates.minimum_demand_share) * share)
    lacking = least - sum((_exact(line.amount_thb) for line in under), Decimal(0))
    if lacking <= 0:
        return []
    highest_thb, ratio = quantities.highest_demand_thb, rates.minimum_demand_share
    return [BillLine("minimum", highest_thb, "thb", ratio, float(lacking), quantities.share_ratio)]


def _power_factor_line(quantities: Quantities, rates: Rates, tariffs: Tariffs) -> list[BillLine]:
    """Return the line of reactive power beyond the free share of the month's highest kW."""
    if not rates.has_power_factor_charge or quantities.peak_kvar is None:
        return []
    rules = tariffs.rules
    peak_kw = max((quantities.demand_kw.get(window, 0.0) for window in quantities.demand_kw), default=0.0)
    excess_kvar = whole_kw(quantities.peak_kvar - rules.free_kvar_per_kw * peak_kw, rules.demand_rounding_kw)
    if excess_kvar <= 0:
        return []
    return [_line("power_factor", excess_kvar, "kvar", rules.kvar_thb, quantities.share_ratio)]


def _line(
    item: Item,
    quantity: float,
    unit: Literal["kwh", "kw", "kvar", "month", "thb"],
    rate_thb: float,
    share_ratio: float = 1.0,
) -> BillLine:
    amount = rounded(_exact(quantity) * _exact(rate_thb) * _exact(share_ratio))
    return BillLine(item, quantity, unit, rate_thb, float(amount), share_ratio)


def whole_kw(demand_kw: float, step_kw: float) -> float:
    """Round a demand as it is billed: a fraction below half a step is dropped, from half a step up it counts as one.

    Parameters
    ----------
    demand_kw : float
        Demand [kW]; below zero it counts as zero.
    step_kw : float
        The step to which it is rounded [kW].

    Returns
    -------
    float
        Billed demand [kW].

    References
    ----------
    .. [1] Metropolitan Electricity Authority (MEA), "Electricity tariffs": a fraction below 0.5 kW is dropped.

    Examples
    --------
    >>> from bkkenergy.tariff.bill import whole_kw
    >>> whole_kw(40.49, 1.0), whole_kw(40.5, 1.0)
    (40.0, 41.0)
    """
    steps = (_exact(max(0.0, demand_kw)) / _exact(step_kw) + Decimal("0.5")).to_integral_value(ROUND_FLOOR)
    return float(steps * _exact(step_kw))


def rounded(amount: Decimal) -> Decimal:
    """Round an amount to the satang, halves away from zero.

    Parameters
    ----------
    amount : Decimal
        Amount [THB].

    Returns
    -------
    Decimal
        Amount with two decimals [THB].

    Examples
    --------
    >>> from decimal import Decimal
    >>> from bkkenergy.tariff.bill import rounded
    >>> str(rounded(Decimal("1.005")))
    '1.01'
    """
    return amount.quantize(SATANG, ROUND_HALF_UP)


def _exact(value: float) -> Decimal:
    """Convert a float to the decimal that a person would write: without noise in the last binary places."""
    return Decimal(repr(round(float(value), 9)))
