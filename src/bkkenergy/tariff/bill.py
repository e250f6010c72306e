"""A month's bill, item by item, as the paper bill has it: energy, demand, power factor, service, Ft, VAT."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Literal

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK
from bkkenergy.dated import DatedFigure
from bkkenergy.readings import BoolArray, FloatArray, IntArray
from bkkenergy.tariff.schedule import Ft, Rates, Schedule, Tariffs, Vat, Window
from bkkenergy.tariff.windows import window_masks

SATANG = Decimal("0.01")
Item = Literal[
    "energy", "energy_on_peak", "energy_off_peak", "demand", "demand_partial", "minimum", "power_factor",
    "service", "ft", "vat",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Quantities:
    """What a month's bill is computed from.

    energy_kwh : all energy of the month; on_peak_kwh : the part in on-peak hours.
    demand_kw : highest 15-minute mean power by window, not rounded.
    peak_kvar : highest 15-minute mean reactive power; None where no meter measures it.
    highest_demand_thb : highest demand charge of the past 12 months; None where it is not known.
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


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line: quantity x rate = amount, THB. A block of energy is a line of its own."""

    item: Item
    quantity: float
    unit: Literal["kwh", "kw", "kvar", "month", "thb"]
    rate_thb: float
    amount_thb: float


@dataclass(frozen=True, slots=True)
class Provisional:
    """A figure on which a bill rests and which may not hold: it has expired, or no source of it was read."""

    figure: Literal["rates", "ft", "vat"]
    standing: Literal["expired", "unsourced"]
    valid_to: dt.date | None


@dataclass(frozen=True, slots=True)
class Bill:
    """A month's bill.

    provisional : the figures that may not hold for the month; none where all are known and sourced.
    """

    schedule_id: str
    month: dt.date
    lines: tuple[BillLine, ...]
    ft_thb_per_kwh: float
    provisional: tuple[Provisional, ...]
    source: str
    quantities: Quantities = field(repr=False)

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

    Returns
    -------
    list of Quantities
        The months, in order.

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
    return quantities_of_many(np.atleast_2d(energy_kwh), starts, tariffs, interval_h=interval_h, demand_kwh=demand)[0]


def quantities_of_many(
    energy_kwh: FloatArray,
    starts: pd.DatetimeIndex,
    tariffs: Tariffs,
    *,
    interval_h: float = 0.25,
    demand_kwh: FloatArray | None = None,
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

    Returns
    -------
    list of list of Quantities
        For each series, its months in order.

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
    month_start = starts.tz_convert(BANGKOK).tz_localize(None).to_period("M").to_timestamp()
    first = np.flatnonzero(np.append(True, month_start[1:] != month_start[:-1]))
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
            )
            for column, at in enumerate(first.tolist())
        ]
        for row in range(len(known))
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

    Every line is rounded to the satang, as on MEA's bills.

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
    rates = schedule.rates_on(quantities.month)
    ft, vat = tariffs.ft_on(quantities.month), tariffs.vat_on(quantities.month)
    energy = _energy_lines(quantities, rates)
    demand = _demand_lines(quantities, rates, tariffs)
    lines = [*energy, *demand, *_minimum_line(quantities, rates, demand)]
    lines += _power_factor_line(quantities, rates, tariffs)
    lines.append(BillLine("service", 1, "month", rates.service_thb_per_month, rates.service_thb_per_month))
    lines.append(_line("ft", quantities.energy_kwh, "kwh", ft.thb_per_kwh))
    before_vat = float(sum((_exact(line.amount_thb) for line in lines), Decimal(0)))
    lines.append(_line("vat", before_vat, "thb", vat.ratio))
    return Bill(
        schedule.id,
        quantities.month,
        tuple(lines),
        ft.thb_per_kwh,
        _provisional(quantities.month, rates, ft, vat),
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

    Each month knows the highest demand charge of up to twelve months before it, from which the minimum charge
    follows.

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
       highest demand charge of the past twelve months.

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

    Each month knows the highest demand charge of up to twelve months before it, as in `bills_of`.

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
    for month, schedule in zip(months, schedules, strict=True):
        past = [bill.amount_thb("demand", "demand_partial") for bill in bills[-12:]]
        known = [thb for thb in (*past, month.highest_demand_thb) if thb is not None]
        highest = max(known) if known else None
        bills.append(bill_of(replace(month, highest_demand_thb=highest), schedule, tariffs))
    return bills


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
        upper_kwh = quantities.energy_kwh if block.up_to_kwh is None else min(block.up_to_kwh, quantities.energy_kwh)
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
            lines.append(_line("demand_partial", excess_kw, "kw", thb_per_kw))
        else:
            lines.append(_line("demand", billed_kw[window], "kw", thb_per_kw))
    return lines


def _minimum_line(quantities: Quantities, rates: Rates, demand: Sequence[BillLine]) -> list[BillLine]:
    """Return what lacks to the minimum charge, a share of the highest demand charge of the past twelve months."""
    if not rates.minimum_demand_share or quantities.highest_demand_thb is None:
        return []
    least = rounded(_exact(quantities.highest_demand_thb) * _exact(rates.minimum_demand_share))
    lacking = least - sum((_exact(line.amount_thb) for line in demand), Decimal(0))
    if lacking <= 0:
        return []
    return [BillLine("minimum", quantities.highest_demand_thb, "thb", rates.minimum_demand_share, float(lacking))]


def _power_factor_line(quantities: Quantities, rates: Rates, tariffs: Tariffs) -> list[BillLine]:
    """Return the line of reactive power beyond the free share of the month's highest kW."""
    if not rates.has_power_factor_charge or quantities.peak_kvar is None:
        return []
    rules = tariffs.rules
    peak_kw = max((quantities.demand_kw.get(window, 0.0) for window in quantities.demand_kw), default=0.0)
    excess_kvar = whole_kw(quantities.peak_kvar - rules.free_kvar_per_kw * peak_kw, rules.demand_rounding_kw)
    return [_line("power_factor", excess_kvar, "kvar", rules.kvar_thb)] if excess_kvar > 0 else []


def _line(item: Item, quantity: float, unit: Literal["kwh", "kw", "kvar", "month", "thb"], rate_thb: float) -> BillLine:
    return BillLine(item, quantity, unit, rate_thb, float(rounded(_exact(quantity) * _exact(rate_thb))))


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
