"""A month's bill, item by item, as the paper bill has it: energy, demand, power factor, service, Ft, VAT."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from functools import lru_cache
from itertools import groupby
from typing import Literal

from bkkenergy.dated import Citation, DatedFigure, change_days, cited
from bkkenergy.tariff.quantities import BillDays, Quantities
from bkkenergy.tariff.schedule import Ft, Rates, Schedule, Tariffs, Vat
from bkkenergy.tariff.windows import unlisted_holidays

SATANG = Decimal("0.01")
MONTHS_BEFORE = 11
"""Months before a bill whose demand charges its minimum charge knows: twelve months end with its own."""
Item = Literal[
    "energy", "energy_on_peak", "energy_off_peak", "demand", "demand_partial", "minimum", "power_factor",
    "service", "ft", "vat",
]  # fmt: skip


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
    """A figure on which a bill rests and which may not hold: it has expired, or no source of it was read.

    off_peak_days : holidays fall within a bill by time of use, and the utility's list of their year was not read.
    """

    figure: Literal["rates", "ft", "vat", "off_peak_days"]
    standing: Literal["expired", "unsourced"]
    valid_to: dt.date | None


@dataclass(frozen=True, slots=True)
class Bill:
    """A month's bill, or one part of it.

    provisional : the figures that may not hold for the month; none where all are known and sourced.
    parts : where the schedule, its rates, Ft or VAT change within it, the bill of each part by its days, in order; its
    lines are theirs, and schedule_id and ft are those of the last. Else none.
    quantities : as they were metered. raised_ratio : what lines have more for a meter behind a transformer.
    """

    schedule_id: str
    month: dt.date
    lines: tuple[BillLine, ...]
    ft_thb_per_kwh: float
    provisional: tuple[Provisional, ...]
    sources: tuple[Citation, ...]
    quantities: Quantities = field(repr=False)
    parts: tuple[Bill, ...] = ()
    raised_ratio: float = 0.0

    @property
    def each(self) -> tuple[Bill, ...]:
        """The parts; of a bill that is not split, itself."""
        return self.parts or (self,)

    @property
    def source(self) -> str:
        """Where its figures were read, each source once."""
        return cited(self.sources, "en")

    @property
    def ft_is_entered(self) -> bool:
        """Whether the Ft of the month is known; else the last one before it is used."""
        return not any(one.figure == "ft" and one.standing == "expired" for one in self.provisional)

    @property
    def billed_kwh(self) -> float:
        """The energy that is charged for: metered, and what is added to it."""
        return self.quantities.energy_kwh * (1 + self.raised_ratio)

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
    >>> from bkkenergy.tariff.bill import bill_of
    >>> from bkkenergy.tariff.quantities import Quantities
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
    metered, raised_ratio = quantities, tariffs.raised_ratio(quantities.supply)
    quantities = _raised(metered, raised_ratio)
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
        (*_provisional(day, rates, ft, vat), *_off_peak_days(quantities, rates, tariffs)),
        tuple(figure.citation for figure in (rates, ft, vat, *([tariffs.low_side] if raised_ratio else []))),
        metered,
        raised_ratio=raised_ratio,
    )


def _raised(quantities: Quantities, raised_ratio: float) -> Quantities:
    """Raise kWh and kW, not kvar, by what is added on the low side of a transformer."""
    whole_ratio = 1 + raised_ratio
    return replace(
        quantities,
        energy_kwh=quantities.energy_kwh * whole_ratio,
        on_peak_kwh=quantities.on_peak_kwh * whole_ratio,
        demand_kw={window: demand_kw * whole_ratio for window, demand_kw in quantities.demand_kw.items()},
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


def _off_peak_days(quantities: Quantities, rates: Rates, tariffs: Tariffs) -> Iterator[Provisional]:
    """Say so where a bill by time of use has holidays of which only the rule says whether they are off-peak."""
    days = quantities.days
    if rates.on_peak_thb_per_kwh is not None and unlisted_holidays(days.first, days.end, tariffs):
        yield Provisional("off_peak_days", "unsourced", None)


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
    >>> from bkkenergy.tariff.bill import bills_of
    >>> from bkkenergy.tariff.quantities import Quantities
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
    >>> from bkkenergy.tariff.bill import bills_by_schedules
    >>> from bkkenergy.tariff.quantities import Quantities
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
    >>> from bkkenergy.tariff.bill import bill_of, joined
    >>> from bkkenergy.tariff.quantities import BillDays, Quantities
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
        sources=tuple(dict.fromkeys(citation for part in parts for citation in part.sources)),
        quantities=replace(
            quantities[-1],
            energy_kwh=sum(each.energy_kwh for each in quantities),
            on_peak_kwh=sum(each.on_peak_kwh for each in quantities),
            demand_kw={window: max(each.demand_kw.get(window, 0.0) for each in quantities) for window in windows},
            peak_kvar=max(kvar, default=None),
            is_demand_estimated=any(each.is_demand_estimated for each in quantities),
            part=_together(quantities),
        ),
        parts=tuple(single for part in parts for single in part.each),
    )


def _together(quantities: Sequence[Quantities]) -> BillDays | None:
    """Return the days of all parts of a bill by read dates; None where they make a calendar month."""
    first, end = quantities[0].days.first, quantities[-1].days.end
    return BillDays(first, end, 1.0) if first < quantities[0].month else None


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
        window: whole_kw(
            quantities.demand_kw.get(window, 0.0), tariffs.rules.demand_rounding_kw[quantities.supply.utility]
        )
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
    rounding_kvar = rules.demand_rounding_kw[quantities.supply.utility]
    beyond_kvar = excess_kvar(quantities.peak_kvar, peak_kw, rules.free_kvar_per_kw, rounding_kvar)
    if beyond_kvar <= 0:
        return []
    return [_line("power_factor", beyond_kvar, "kvar", rules.kvar_thb, quantities.share_ratio)]


def excess_kvar(peak_kvar: float, peak_kw: float, free_kvar_per_kw: float, rounding_kvar: float) -> float:
    """Compute the reactive power of a month that is charged for.

    Parameters
    ----------
    peak_kvar, peak_kw : float
        The highest 15-minute means of the month [kvar, kW].
    free_kvar_per_kw : float
        What is free of the highest power [kvar per kW].
    rounding_kvar : float
        The step in which it is billed [kvar].

    Returns
    -------
    float
        What is beyond the free share, as billed [kvar]; 0 where nothing is.

    Examples
    --------
    >>> from bkkenergy.tariff.bill import excess_kvar
    >>> excess_kvar(90.0, 100.0, 0.6197, 1.0)
    28.0
    """
    return whole_kw(peak_kvar - free_kvar_per_kw * peak_kw, rounding_kvar)


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
    return _written(float(value) + 0.0)  # never "-0.0", which the cache could not tell from 0.0


@lru_cache(maxsize=10_000)
def _written(value: float) -> Decimal:
    """Convert once what the same bills are summed up from again and again: this was a tenth of a design's time."""
    return Decimal(repr(round(value, 9)))
